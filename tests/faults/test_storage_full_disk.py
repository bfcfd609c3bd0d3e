"""A full disk is an error; what was stored stays, and when there is room again, work goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from moobius.database.database_interface import DatabaseInterface
from moobius.database.engines import get_engine
from tests.support.little_room import LARGE, SMALL, Room, little_room, small_files


@pytest.mark.parametrize("room", [little_room, small_files])
@pytest.mark.parametrize("engine", ["json", "sqlite"])
def test_a_full_disk(engine: str, room: Room, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    with room(folder) as grow:
        place = {"root_dir": str(folder)}
        database: DatabaseInterface = get_engine(engine)("a.b", **place)
        assert database.set_value("key", "old") == (True, "key")
        written, reason = fill(database)
        assert not written
        assert "filler" in reason
        for attempt in range(3):
            written, reason = database.set_value("key", f"{attempt}" * LARGE)
            assert not written
            assert "'key'" in reason
            assert any(sign in reason for sign in ("No space", "too large", "full", "I/O error"))
            assert database.get_value("key") == (True, "old")
        assert get_engine(engine)("a.b", **place).get_value("key") == (True, "old")
        assert not list(folder.rglob("*.tmp"))
        grow()
        assert database.set_value("key", "new" * SMALL) == (True, "key")
        later = get_engine(engine)("a.b", **place)
        assert later.get_value("key") == (True, "new" * SMALL)
        database.close()


def fill(database: DatabaseInterface) -> tuple[bool, str]:
    """Write more and more until there is no room for it; return what the engine says then."""
    for number in range(1, 100):
        written, reason = database.set_value("filler", "x" * number * 20_000)
        if not written:
            return written, reason
    return True, "there was room for everything"
