"""The source files of a project, and whether one of them has changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

SUFFIX = ".py"
IGNORED = frozenset({"__pycache__", "logs", "node_modules"})

Snapshot = dict[str, tuple[int, int, int]]
"""Path -> what changes when a file is written or replaced."""


def snapshot(*folders: Path) -> Snapshot:
    """Look at all source files below some folders, but for those that nobody edits.

    Folders with a dot in front (`.moobius`, `.venv`, `.git`), virtual environments of other names,
    logs and caches are left out.
    """
    found: Snapshot = {}
    for entry in chain.from_iterable(_sources(str(folder)) for folder in folders):
        try:
            about = entry.stat()
        except OSError:
            continue  # an editor at work, or a link that leads nowhere
        found[entry.path] = (about.st_mtime_ns, about.st_size, about.st_ino)
    return found


def changed(before: Snapshot, after: Snapshot) -> list[str]:
    """Return the paths of files that came, went, or are not what they were."""
    paths = {*before, *after}
    return sorted(path for path in paths if before.get(path) != after.get(path))


def _sources(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return  # it went a moment ago, or is not for us to read
    if any(entry.name == "pyvenv.cfg" for entry in entries):
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in IGNORED:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _sources(entry.path)
        elif entry.name.endswith(SUFFIX):
            yield entry
