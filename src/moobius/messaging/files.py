"""Files on their way in and out, in bounded pieces, opened where the policy says."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loguru import logger

from moobius.errors import FileRefused
from moobius.messaging.policy import Place

PIECE = 256 * 1024
NEW_FILE_MODE = 0o644
_BINARY = getattr(os, "O_BINARY", 0)
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
_NO_WAITING = getattr(os, "O_NONBLOCK", 0)  # opening a pipe must not wait for its other end
_NAMELESS = getattr(os, "O_TMPFILE", 0)
_OPEN_FILES = Path("/proc/self/fd")
_BY_DESCRIPTOR = os.open in os.supports_dir_fd and os.rename in os.supports_dir_fd


class Folder:
    """The directory of a place, held by its descriptor where the system has that."""

    def __init__(self, place: Place) -> None:
        *folders, self.name = place.parts
        self._path = place.root.joinpath(*folders)
        self._fd: int | None = None
        if _BY_DESCRIPTOR:
            self._fd = _descend(place.root, folders)

    def open(self, name: str, flags: int, mode: int = 0o600) -> int:
        """Open a file in it, never through a link."""
        flags |= _BINARY | _NO_LINKS
        return os.open(self._at(name), flags, mode, dir_fd=self._fd)

    def open_nameless(self) -> int | None:
        """Open a new file that has no name yet and goes with its process, where the system can."""
        if not (_NAMELESS and _BY_DESCRIPTOR and _OPEN_FILES.is_dir()):
            return None
        try:
            return os.open(".", os.O_WRONLY | _NAMELESS, 0o600, dir_fd=self._fd)
        except OSError:  # not on this file system
            return None

    def give_name(self, fd: int, name: str) -> None:
        """Give a nameless file a name that no other has."""
        os.link(str(_OPEN_FILES / str(fd)), name, dst_dir_fd=self._fd, follow_symlinks=True)

    def mode_of(self, name: str) -> int | None:
        """Return type and permissions of what has that name; `None` if there is nothing."""
        try:
            return os.stat(self._at(name), dir_fd=self._fd, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return None

    def replace(self, old: str, new: str) -> None:
        """Rename a file; one that has the new name already is replaced."""
        os.replace(self._at(old), self._at(new), src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def remove(self, name: str) -> None:
        """Remove a file."""
        os.unlink(self._at(name), dir_fd=self._fd)

    def close(self) -> None:
        """Close the descriptor."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _at(self, name: str) -> str:
        return name if self._fd is not None else str(self._path / name)


def _descend(root: Path, folders: list[str]) -> int:
    """Open a directory step by step: a link that was put in the way meanwhile is refused."""
    flags = os.O_RDONLY | os.O_DIRECTORY
    fd = os.open(root, flags)
    for folder in folders:
        outer = fd
        try:
            fd = os.open(folder, flags | _NO_LINKS, dir_fd=outer)
        finally:
            os.close(outer)
    return fd


class OutgoingFile:
    """A file that is being sent: its first `size` bytes, even if it grows meanwhile."""

    def __init__(self, fd: int, size: int, name: str) -> None:
        self.size = size
        self.name = name
        self._fd = fd

    @classmethod
    def open(cls, place: Place, max_size: int | None) -> OutgoingFile:
        """Open a file for sending.

        Raises:
            FileRefused: If it cannot be read, is no regular file, or is too large.
        """
        with _refusing(place, "read"), contextlib.closing(Folder(place)) as folder:
            fd = folder.open(folder.name, os.O_RDONLY | _NO_WAITING)
        status = os.fstat(fd)
        reason = None
        if not stat.S_ISREG(status.st_mode):
            reason = "it is not a regular file"
        elif max_size is not None and status.st_size > max_size:
            reason = f"it has {status.st_size} bytes, and the limit is {max_size}"
        if reason:
            os.close(fd)
            raise FileRefused(f"{place.path} is not sent: {reason}")
        return cls(fd, status.st_size, str(place.path))

    def pieces(self) -> Iterator[bytes]:
        """Yield the content from its beginning.

        Raises:
            OSError: If the file cannot be read, or has become shorter.
        """
        position = 0
        while position < self.size:
            piece = self._read(min(PIECE, self.size - position), position)
            if not piece:
                raise OSError(f"{self.name} became shorter while it was sent")
            position += len(piece)
            yield piece

    def _read(self, count: int, position: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._fd, count, position)
        os.lseek(self._fd, position, os.SEEK_SET)
        return os.read(self._fd, count)

    def close(self) -> None:
        """Close the file; may be called again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class IncomingFile:
    """A file that is being received: a temporary file beside its destination until it is complete.

    If it is discarded, nothing is left of it, and the destination stays as it was. On Linux it has
    no name before it is complete, so that nothing is left either when the process is killed.
    """

    def __init__(self, place: Place, owner: str | None = None) -> None:
        """Create the temporary file.

        Raises:
            FileRefused: If the directory is not there, or the destination is no regular file.
        """
        self.path = place.path
        self._owner = owner
        with _refusing(place, "written"):
            self._folder = Folder(place)
        try:
            with _refusing(place, "written"):
                self._open()
        except FileRefused:
            self._folder.close()
            raise

    def _open(self) -> None:
        old_mode = self._folder.mode_of(self._folder.name)
        if old_mode is not None and not stat.S_ISREG(old_mode):
            raise FileRefused(f"{self.path} cannot be written: it is not a regular file")
        self._mode = NEW_FILE_MODE if old_mode is None else stat.S_IMODE(old_mode)
        # Short, so that it fits wherever the destination's name does.
        self._temporary = f".{secrets.token_hex(8)}.part"
        nameless = self._folder.open_nameless()
        self._has_name = nameless is None
        if nameless is None:
            nameless = self._folder.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        self._fd = nameless

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Add some bytes.

        Raises:
            OSError: If they cannot be written.
        """
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def commit(self) -> None:
        """Put the file in its place.

        Raises:
            OSError: If that fails; then it is discarded.
        """
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(self._fd, self._mode)
            _give_to(self._owner, self._fd)
            os.fsync(self._fd)
            if not self._has_name:
                self._folder.give_name(self._fd, self._temporary)
                self._has_name = True
            os.close(self._fd)
            self._fd = -1
            self._folder.replace(self._temporary, self._folder.name)
        except BaseException:
            self.discard()
            raise
        self._folder.close()

    def discard(self) -> None:
        """Remove what was received so far."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._has_name:
            with contextlib.suppress(FileNotFoundError):
                self._folder.remove(self._temporary)
        self._folder.close()


@contextmanager
def _refusing(place: Place, verb: str) -> Iterator[None]:
    try:
        yield
    except FileRefused:
        raise
    except OSError as error:
        raise FileRefused(f"{place.path} cannot be {verb}: {error.strerror}") from error


def _give_to(owner: str | None, fd: int) -> None:
    """Make a user and the group of the same name own a file, if both are there."""
    if owner is None or not hasattr(os, "fchown"):
        return
    import grp
    import pwd

    try:
        os.fchown(fd, pwd.getpwnam(owner).pw_uid, grp.getgrnam(owner).gr_gid)
    except KeyError:
        logger.debug("no user or group {} here; the file stays ours", owner)
    except PermissionError as error:
        logger.warning("a received file cannot be given to {}: {}", owner, error.strerror)
