"""The connection file: how programs on this machine find a running Platform.

There is one in the data directory, and one in the user's runtime directory. It holds the developer
key, so only its user may read it. It is written at once and removed at the end; whoever reads it
checks that the Platform answers, for one that was killed leaves its file behind.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from moobius.local.data import make_private
from moobius.private_files import is_ours_alone, process_lives, runtime_folder, write_private

FILE = "platform.json"
USER_FILES = "platform-*.json"
ANSWER_SECONDS = 10.0  # a busy one is not to be taken for dead: a second could not start


@dataclass(frozen=True)
class Connection:
    """Where a Platform is, and the key by which it knows its user's programs."""

    url: str
    ws_url: str
    pid: int
    developer_key: str = field(repr=False)
    instance: str
    ca_file: str = ""
    """Certificates that make `https` and `wss` trusted; empty for the usual authorities."""


def user_file(instance: str) -> Path:
    """Return where this user's programs find a Platform; whoever writes it makes the directory."""
    return runtime_folder() / USER_FILES.replace("*", instance)


def user_files() -> list[Path]:
    """Return the connection files of this user's Platforms, the oldest first."""
    return sorted(runtime_folder().glob(USER_FILES), key=_written)


def remove_stale_user_files() -> None:
    """Remove the files of Platforms that ended without removing them."""
    for file in user_files():
        connection = read(file)
        if connection is not None and not process_lives(connection.pid):
            file.unlink(missing_ok=True)


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
        if not is_ours_alone(file):
            return None
        said = json.loads(file.read_text(encoding="utf-8"))
        known = Connection.__dataclass_fields__.keys() & said.keys()
        return Connection(**{name: said[name] for name in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def find_live(file: Path) -> Connection | None:
    """Return the connection of a Platform that is alive and the one that wrote the file."""
    connection = read(file)
    if connection is None or not process_lives(connection.pid):
        return None
    answered = answering(connection.url, connection.ca_file)
    return connection if answered == connection.instance else None


def find_user_platform() -> Connection | None:
    """Return the connection of the first Platform of this user that is alive."""
    return next(filter(None, map(find_live, user_files())), None)


def answering(url: str, ca_file: str = "") -> str | None:
    """Return the instance of the Platform that answers at a URL; None if none does."""
    try:
        with contextlib.closing(client_for(url, ca_file, ANSWER_SECONDS)) as client:
            client.request("GET", "/local/info")
            return str(json.loads(client.getresponse().read())["data"]["instance"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None


def client_for(url: str, ca_file: str, seconds: float) -> http.client.HTTPConnection:
    """Return a client for a Platform's URL, not connected yet.

    Args:
        url: Its address.
        ca_file: Authorities to trust instead of the usual ones, if any are named.
        seconds: How long to wait for connection and answer.

    Raises:
        OSError: If the authorities cannot be read.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return http.client.HTTPConnection(host, parts.port, timeout=seconds)
    trust = ssl.create_default_context(cafile=ca_file or None)
    return http.client.HTTPSConnection(host, parts.port, timeout=seconds, context=trust)


def _written(file: Path) -> float:
    with contextlib.suppress(OSError):  # it is taken away at this moment
        return file.stat().st_mtime
    return 0.0
