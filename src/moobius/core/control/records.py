"""The connection files: which services run, and where the process that answers for them is.

One a service, in a directory for its user alone. It is claimed under the service's name before
that starts, so that a name is taken once; it says where to call when the service is ready, and goes
with it. One whose process has gone, or has become another's, is removed by whoever notices.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from loguru import logger

from moobius.errors import WandError
from moobius.private_files import (
    alone_in,
    create_private,
    is_ours_alone,
    process_lives,
    runtime_folder,
    write_private,
)

# Names become names of files, and words on a command line.
_NAME = re.compile(r"\w[\w.-]{0,59}")
LATEST_S = 1e11
"""Later than any time, and one that can be shown still."""


@dataclass(frozen=True)
class Record:
    """What a connection file says.

    Attributes:
        name: What the service is called.
        cls: The name of its class.
        pid: The process that answers for it, which of a background service is its parent.
        instance: What that process says when it is asked who it is.
        project: The directory it was started in.
        started_at: When it was started, in seconds since 1970.
        log_file: Where its log goes.
        address: Where to call, as `unix:/path` or `tcp://host:port`; empty before it is ready.
        key: What proves that we may, as 64 hexadecimal digits.
    """

    name: str
    cls: str
    pid: int
    instance: str
    project: str
    started_at: float
    log_file: str = ""
    address: str = ""
    key: str = field(default="", repr=False)


_TYPES: dict[str, type | tuple[type, ...]] = {"pid": int, "started_at": (int, float)}


def check_name(name: object) -> str:
    """Return a name that a service can have.

    Raises:
        WandError: If it is none.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise WandError(
            f"name={name!r:.80} cannot be the name of a service: up to 60 letters, digits and "
            "_ . -, the first one a letter or digit"
        )
    return name


def services_folder(runtime: Path | None = None) -> Path:
    """Return where the connection files are.

    Args:
        runtime: The runtime directory of this package, if not the usual one.
    """
    return (runtime or runtime_folder()) / "services"


def make_folder(folder: Path) -> None:
    """Make the directory for this user alone, if it is not there.

    Raises:
        OSError: If it cannot be made, or somebody else could write in it.
    """
    for path in (folder.parent, folder):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not is_ours_alone(path):
            raise PermissionError(f"{path} is not a directory that only its user can write in")


def file_of(folder: Path, name: str) -> Path:
    """Return the connection file of a service."""
    return folder / f"{name}.json"


def log_file_of(folder: Path, name: str) -> Path:
    """Return where a service logs to whose configuration names no file."""
    return folder / f"{name}.log"


# Looking at a file, and changing it, is one step in all of these. Else one of two that find the
# file of the same dead service would remove what the other has put there by then.


def claim(folder: Path, record: Record) -> bool:
    """Take a name, if there is no connection file of that name.

    Raises:
        OSError: If the directory cannot be written.
    """
    with alone_in(folder):
        try:
            create_private(file_of(folder, record.name), _text(record))
        except FileExistsError:
            return False
    return True


def publish(folder: Path, record: Record) -> None:
    """Say of a name that was claimed where its service is.

    Raises:
        OSError: If the directory cannot be written.
        WandError: If somebody else has the name by now.
    """
    with alone_in(folder):
        file = file_of(folder, record.name)
        found = read(file)
        if found is not None and found.instance != record.instance:
            raise WandError(f"process {found.pid} has a service of that name by now")
        write_private(file, _text(record))


def remove(folder: Path, record: Record) -> None:
    """Take a connection file away, unless it has become another's.

    Raises:
        OSError: If the directory cannot be written.
    """
    with alone_in(folder):
        file = file_of(folder, record.name)
        found = read(file)
        if found is not None and found.instance == record.instance:
            file.unlink(missing_ok=True)


def discard(folder: Path, name: str) -> None:
    """Take a connection file away of which nobody can make sense.

    Raises:
        OSError: If the directory cannot be written.
    """
    with alone_in(folder):
        file = file_of(folder, name)
        if read(file) is None:
            file.unlink(missing_ok=True)


def bury(folder: Path, record: Record) -> None:
    """Take away what a process that has gone has left: the connection file, and its socket."""
    try:
        remove(folder, record)
        _remove_socket(folder, record)
    except OSError as error:
        logger.warning("what {} has left behind cannot be removed: {}", record.name, error)


def read(file: Path) -> Record | None:
    """Return what a connection file says; `None` if there is none that we can trust."""
    try:
        if not is_ours_alone(file):
            return None
        said = json.loads(file.read_text("utf-8"))
        record = Record(**{each.name: said[each.name] for each in fields(Record)})
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    for each in fields(Record):
        if not isinstance(getattr(record, each.name), _TYPES.get(each.name, str)):
            return None
    is_possible = record.pid > 0 and 0 <= record.started_at < LATEST_S
    return record if is_possible and record.name == file.stem else None


def read_all(folder: Path) -> Iterator[Record]:
    """Yield what every connection file says, by name; those of processes that ended are removed."""
    for file in sorted(folder.glob("*.json")):
        record = read(file)
        if record is not None and not process_lives(record.pid):
            bury(folder, record)
        elif record is not None:
            yield record


def _text(record: Record) -> str:
    return json.dumps(asdict(record))


def _remove_socket(folder: Path, record: Record) -> None:
    scheme, _, path = record.address.partition(":")
    if scheme == "unix" and Path(path).parent == folder:
        # Loaded only now: few have to tidy up.
        from moobius.messaging.unix_socket import remove_stale

        remove_stale(Path(path))
