"""What the user's code raises is told, and stops nothing."""

from __future__ import annotations

from moobius.core.contain import contain
from moobius.errors import MoobiusError


async def test_our_errors_are_a_line_and_bugs_have_their_traceback(log: list[str]) -> None:
    async def refuse(why: str) -> None:
        raise MoobiusError(why)

    async def fail() -> None:
        raise KeyError("missing")

    await contain("check-in", refuse, "the door is shut")
    await contain("check-in", fail)
    assert log[0] == "ERROR check-in: the door is shut\n"
    assert log[1].startswith("ERROR KeyError raised in check-in: 'missing'\nTraceback")
