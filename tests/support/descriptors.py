"""Which files this process has open."""

from __future__ import annotations

from pathlib import Path


def open_in(folder: Path) -> int:
    """Count the descriptors that lead to a folder or into it.

    The others come and go: they are those of earlier tests, and of other threads.
    """
    leading = (_place_of(each) for each in Path("/proc/self/fd").iterdir())
    return sum(place is not None and place.is_relative_to(folder) for place in leading)


def _place_of(descriptor: Path) -> Path | None:
    try:
        return descriptor.readlink()
    except FileNotFoundError:  # closed meanwhile, as that with which the list was read
        return None
