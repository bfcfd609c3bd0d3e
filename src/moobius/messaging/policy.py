"""Which files a peer may read and write here (specification 6.2).

The rules are pure: a path and the directories that are allowed go in, a place comes out or a
refusal. Opening is thin and safe against a swap in between: it goes down from the allowed directory
by descriptors, and the resolved path has no links left that it could follow.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from moobius.errors import FileRefused
from moobius.messaging.limits import MIB

PROGRAM_SUFFIXES = frozenset(
    {
        *(".py", ".pyc", ".pyd", ".so", ".dll", ".dylib", ".exe"),
        *(".sh", ".bat", ".cmd", ".ps1", ".service"),
    }
)
_FOREIGN_PREFIX = re.compile(r"[A-Za-z]:|//|\\\\")
_WINDOWS_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_IS_WINDOWS = os.name == "nt"


class Place(NamedTuple):
    """A file below a directory, as a resolved path: without symbolic links and without `..`."""

    root: Path
    parts: tuple[str, ...]
    """The directories below the root, then the name."""

    @property
    def path(self) -> Path:
        """The whole path."""
        return self.root.joinpath(*self.parts)


@dataclass(frozen=True)
class FilePolicy:
    """What peers may read and write; the default is the working directory and no programs.

    Made by `FilePolicy.inside(...)`, or `FilePolicy.unbounded()` for a network that is your own.
    What your own program names (the source of `send_file`, the destination of `get_file`) is not
    subject to it.
    """

    base: Path
    """Where relative paths begin."""
    read_dirs: tuple[Path, ...] | None
    """Directories that peers may read in; `None` for everywhere."""
    write_dirs: tuple[Path, ...] | None
    """Directories that peers may write in; `None` for everywhere."""
    max_size: int | None = 64 * MIB
    """Bytes of the largest file in either direction."""
    refused_suffixes: frozenset[str] = PROGRAM_SUFFIXES
    """Names that end so are not written."""
    hidden: bool = False
    """Whether peers may write inside directories whose name begins with a dot."""
    keep_under_own_name: bool = False
    """Whether a file fetched without a destination is kept in `base` under its own name."""
    protected: frozenset[Path] = frozenset()
    """Files, and directories with all in them, that no peer reads or writes, whatever is allowed:
    keys, and what decides who may what. A `SharedKey` that was read from a file protects that file
    by itself."""
    owner: str | None = None
    """The user (and group) who gets the files that are written, if this machine has one."""

    @classmethod
    def inside(
        cls,
        base: str | Path = ".",
        *,
        read_dirs: Iterable[str | Path] = (".",),
        write_dirs: Iterable[str | Path] = (".",),
        max_size: int | None = 64 * MIB,
        protected: Iterable[str | Path] = (),
    ) -> FilePolicy:
        """Return the policy that allows these directories.

        Args:
            base: Where relative paths begin, those of the directories too.
            read_dirs: Directories that peers may read in.
            write_dirs: Directories that peers may write in.
            max_size: Bytes of the largest file.
            protected: Files and directories that no peer reads or writes, wherever they are.
        """
        root = Path(base).resolve()
        policy = cls(
            root,
            tuple(root / folder for folder in read_dirs),
            tuple(root / folder for folder in write_dirs),
            max_size,
        )
        return policy.protecting(*protected)

    @classmethod
    def unbounded(cls, base: str | Path = ".") -> FilePolicy:
        """Return the policy that allows everything: whoever may connect owns your files."""
        nothing: frozenset[str] = frozenset()
        root = Path(base).resolve()
        return cls(root, None, None, None, refused_suffixes=nothing, hidden=True)

    def protecting(self, *paths: str | Path) -> FilePolicy:
        """Return this policy with more protected files or directories."""
        more = {(self.base / path).resolve() for path in paths}
        return replace(self, protected=self.protected | more)

    def to_read(self, path: object) -> Place:
        """Return where a peer's path leads.

        Raises:
            FileRefused: If it may not be read.
        """
        return self._allowed(path, self.read_dirs, "read")

    def to_write(self, path: object) -> Place:
        """Return where a peer's path leads.

        Raises:
            FileRefused: If it may not be written.
        """
        place = self._allowed(path, self.write_dirs, "written")
        *folders, name = place.parts
        suffix = Path(name.rstrip(" .") if _IS_WINDOWS else name).suffix.lower()
        if suffix in self.refused_suffixes or name.lower() in self.refused_suffixes:
            raise FileRefused(f"{path!r:.200} may not be written: no files that end in {suffix}")
        if not self.hidden and any(folder.startswith(".") for folder in folders):
            raise FileRefused(f"{path!r:.200} may not be written: it is in a hidden directory")
        return place

    def _allowed(self, path: object, folders: tuple[Path, ...] | None, verb: str) -> Place:
        text = checked_path(path)
        try:
            resolved = (self.base / text).resolve()
            roots = [Path(resolved.anchor)] if folders is None else [f.resolve() for f in folders]
        except (OSError, RuntimeError, UnicodeError) as error:  # links in a circle, a surrogate
            raise FileRefused(f"{path!r:.200} cannot be {verb}: {error}") from None
        file_and_folders = (resolved, *resolved.parents)
        if any(_is_same(one, kept) for kept in self.protected for one in file_and_folders):
            raise FileRefused(f"{path!r:.200} may not be {verb}: it is kept from peers")
        for root in roots:
            if resolved != root and resolved.is_relative_to(root):
                return Place(root, resolved.relative_to(root).parts)
        raise FileRefused(
            f"{path!r:.200} may not be {verb}: it leads out of the allowed directories"
        )


def checked_path(path: object) -> str:
    """Return a path that a peer named, if it could be one.

    Raises:
        FileRefused: If it is not text, empty, or begins with a drive, a device or a share.
    """
    if not isinstance(path, str):
        raise FileRefused(f"a path is text, not a {type(path).__name__}")
    if not path or "\0" in path:
        raise FileRefused(f"{path!r:.200} is not a path")
    first = path[:2].replace("\\", "/") if _IS_WINDOWS else path[:2]
    if _FOREIGN_PREFIX.match(first):
        raise FileRefused(f"{path!r:.200} begins with a drive, a device or a share")
    if _IS_WINDOWS and any(_WINDOWS_DEVICE.match(part) for part in re.split(r"[/\\]", path)):
        raise FileRefused(f"{path!r:.200} is a device")
    return path


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one == other or one.samefile(other)
    except (OSError, ValueError):  # one of them is not there
        return False


def own_place(path: str | os.PathLike[str]) -> Place:
    """Return where a path leads that our own program chose: anywhere.

    Raises:
        FileRefused: If it leads nowhere: it holds a NUL, or links in a circle.
    """
    try:
        resolved = Path(path).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise FileRefused(f"{os.fspath(path)!r:.200} is not a path: {error}") from error
    return Place(resolved.parent, (resolved.name,))
