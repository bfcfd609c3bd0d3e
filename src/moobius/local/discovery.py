"""The connection file: how programs on this machine find a running Platform.

One per data directory, one per user. It holds the developer key, so only its user may read it;
it is put in place whole, taken away at the end, and not believed when nobody answers.
"""

from __future__ import annotations

import getpass
import http.client
import json
import os
import stat
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from moobius.local.data import make_private, write_private

FILE = "platform.json"
ANSWER_SECONDS = 2.0


@dataclass(frozen=True)
class Connection:
    """Where a Platform is, and what shows it that we are its user."""

    url: str
    ws_url: str
    pid: int
    developer_key: str = field(repr=False)
    instance: str


def user_file() -> Path:
    """Return where this user's connection file is; whoever writes it makes the directory."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir():
        return Path(runtime) / "moobius" / FILE
    who = str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()
    return Path(tempfile.gettempdir()) / f"moobius-{who}" / FILE


def write(file: Path, connection: Connection) -> None:
    """Put a connection file in place.

    Raises:
        ConfigError: If its directory cannot be made.
        OSError: If it cannot be written, or the directory is not ours alone.
    """
    make_private(file.parent)
    write_private(file, json.dumps(asdict(connection)))


def remove(file: Path, instance: str) -> None:
    """Take a connection file away, unless another Platform has put its own there."""
    connection = read(file)
    if connection is not None and connection.instance == instance:
        file.unlink(missing_ok=True)


def read(file: Path) -> Connection | None:
    """Return what a connection file says; None if there is none that we can trust."""
    try:
        if not _is_ours(file):
            return None
        said = json.loads(file.read_text(encoding="utf-8"))
        return Connection(**{name: said[name] for name in Connection.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def find_live(file: Path) -> Connection | None:
    """Return the connection of a Platform that is alive and the one that wrote the file."""
    connection = read(file)
    if connection is None or not _alive(connection.pid):
        return None
    return connection if answering(connection.url) == connection.instance else None


def answering(url: str) -> str | None:
    """Return the instance of the Platform that answers at a URL; None if none does."""
    parts = urlsplit(url)
    client = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)
    try:
        client.request("GET", "/local/info")
        return str(json.loads(client.getresponse().read())["data"]["instance"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        client.close()


def _is_ours(file: Path) -> bool:
    """Return whether only this user could have written the file.

    In a directory that others can write to, somebody could lay out a file that leads our
    programs, with their passwords, to a Platform of theirs.
    """
    if not hasattr(os, "getuid"):
        return file.is_file()
    about = file.lstat()
    return (
        stat.S_ISREG(about.st_mode)
        and about.st_uid == os.getuid()
        and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def _alive(pid: int) -> bool:
    if os.name == "nt":  # os.kill would end it there; the answer decides alone
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
