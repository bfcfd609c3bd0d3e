"""The data directory: who may use it, and what lies where in it."""

from __future__ import annotations

import secrets
from pathlib import Path
from types import TracebackType

from moobius.errors import ConfigError
from moobius.local.locks import FileLock
from moobius.private_files import write_private

ANOTHER = "choose another directory with --data"


class DataDirectory:
    """A data directory, for one Platform at a time.

    Raises:
        ConfigError: On entering, if it cannot be written, or another Platform uses it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = path / "platform.sqlite3"
        self.files = path / "files"
        self.key = path / "developer.key"
        self._lock = FileLock(
            path / "platform.lock",
            f"the data directory {path} is in use by a running Platform; "
            "stop that one, or choose another with --data",
        )

    def __enter__(self) -> DataDirectory:
        make_private(self.path)
        try:
            self.files.mkdir(exist_ok=True)
            self._lock.__enter__()
        except OSError as error:
            raise unwritable(self.path, error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.__exit__(kind, error, trace)

    def developer_key(self) -> str:
        """Return the key that programs of this user show; made once, readable by its user only."""
        try:
            if self.key.exists() and (key := self.key.read_text().strip()):
                return key
            key = secrets.token_urlsafe(32)
            write_private(self.key, key)
        except OSError as error:
            raise unwritable(self.key, error) from error
        return key


def make_private(path: Path, otherwise: str = ANOTHER) -> None:
    """Make a directory for this user alone, if it is not there.

    Args:
        path: The directory.
        otherwise: What else its user can do if that cannot be.

    Raises:
        ConfigError: If it cannot be made, or is no directory.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise unwritable(path, error, otherwise) from error


def unwritable(path: Path, error: OSError, otherwise: str = ANOTHER) -> ConfigError:
    """Return the error that says where we may not write, and what to do."""
    if isinstance(error, FileExistsError):
        return ConfigError(f"{path} is no directory; {otherwise}")
    why = error.strerror or error
    return ConfigError(f"cannot write to {path}: {why}; make it writable, or {otherwise}")
