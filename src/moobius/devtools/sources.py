"""The source files of a project, and whether one of them has changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

SUFFIX = ".py"
IGNORED = frozenset({"__pycache__", "logs", "node_modules"})

Snapshot = dict[str, tuple[int, int, int]]
"""Path -> what changes when a file is written or replaced."""


def snapshot(folder: Path) -> Snapshot:
    """Look at all source files below a folder, but for those that nobody edits.

    Folders with a dot in front (`.moobius`, `.venv`, `.git`), virtual environments of other names,
    logs and caches are left out.
    """
    found: Snapshot = {}
    for entry in _sources(str(folder)):
        try:
            about = entry.stat()
        except FileNotFoundError:
            continue  # an editor at work
        found[entry.path] = (about.st_mtime_ns, about.st_size, about.st_ino)
    return found


def changed(before: Snapshot, after: Snapshot) -> list[str]:
    """Return the paths of files that came, went, or are not what they were."""
    paths = {*before, *after}
    return sorted(path for path in paths if before.get(path) != after.get(path))


def _sources(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, PermissionError, NotADirectoryError):
        return
    if any(entry.name == "pyvenv.cfg" for entry in entries):
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in IGNORED:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _sources(entry.path)
        elif entry.name.endswith(SUFFIX):
            yield entry
