"""The connection files: which services run, and how to reach the process that answers for each.

There is one for each service, in a directory that only its user can write to. It is created before
the service starts, so that no two services take the same name; the address is added when the
service is ready; it is removed when the service ends. If the process has died, or its number
belongs to another process by now, whoever notices removes the file.
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

# A name becomes the name of a file, and a word on a command line.
_NAME = re.compile(r"\w[\w.-]{0,59}")
LATEST_S = 1e11
"""Later than any real time, in seconds since 1970, and still possible to show as a date."""


@dataclass(frozen=True)
class Record:
    """What a connection file says.

    Attributes:
        name: What the service is called.
        cls: The name of its class.
        pid: The process that answers for it, which of a background service is its parent.
        instance: The id that this process answers to a `ping`.
        project: The directory it was started in.
        started_at: When it was started, in seconds since 1970.
        log_file: Where its log goes.
        address: What to connect to, `unix:/path` or `tcp://host:port`; empty before it is ready.
        key: The shared key for that, as 64 hexadecimal digits.
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
    """Return a name, if a service can have it.

    Raises:
        WandError: If none can.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise WandError(
            f"name={name!r:.80} cannot be the name of a service: up to 60 letters, digits and "
            "_ . -, the first one a letter or digit"
        )
    return name


def services_folder(runtime: Path | None = None) -> Path:
    """Return the directory of the connection files.

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
    """Return the log file of a service whose configuration names none."""
    return folder / f"{name}.log"


# These functions read and change a file under one lock. Without it, of two programs that find the
# file of the same dead service, one could remove the new file that the other has just written.


def claim(folder: Path, record: Record) -> bool:
    """Create a connection file; return false if there is one of that name.

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
    """Write the address of a service into its connection file.

    Raises:
        OSError: If the directory cannot be written.
        WandError: If the file belongs to another wand by now.
    """
    with alone_in(folder):
        file = file_of(folder, record.name)
        found = read(file)
        if found is not None and found.instance != record.instance:
            raise WandError(f"process {found.pid} has a service of that name by now")
        write_private(file, _text(record))


def remove(folder: Path, record: Record) -> None:
    """Remove a connection file, unless it belongs to another wand by now.

    Raises:
        OSError: If the directory cannot be written.
    """
    with alone_in(folder):
        file = file_of(folder, record.name)
        found = read(file)
        if found is not None and found.instance == record.instance:
            file.unlink(missing_ok=True)


def discard(folder: Path, name: str) -> None:
    """Remove a connection file that cannot be read.

    Raises:
        OSError: If the directory cannot be written.
    """
    with alone_in(folder):
        file = file_of(folder, name)
        if read(file) is None:
            file.unlink(missing_ok=True)


def bury(folder: Path, record: Record) -> None:
    """Remove what a process that has ended left behind: the connection file and the socket."""
    try:
        remove(folder, record)
        _remove_socket(folder, record)
    except OSError as error:
        logger.warning("what {} has left behind cannot be removed: {}", record.name, error)


def read(file: Path) -> Record | None:
    """Return what a connection file says; `None` if there is none, or it cannot be trusted."""
    try:
        if not is_ours_alone(file):
            return None
        data = json.loads(file.read_text("utf-8"))
        record = Record(**{each.name: data[each.name] for each in fields(Record)})
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    for each in fields(Record):
        if not isinstance(getattr(record, each.name), _TYPES.get(each.name, str)):
            return None
    is_possible = record.pid > 0 and 0 <= record.started_at < LATEST_S
    return record if is_possible and record.name == file.stem else None


def read_all(folder: Path) -> Iterator[Record]:
    """Yield what each connection file says, by name; removes those of processes that have ended."""
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
        # Imported only now: few programs need it.
        from moobius.messaging.unix_socket import remove_stale

        remove_stale(Path(path))
