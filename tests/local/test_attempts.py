"""Who may guess now: by account, whether it exists or not, and in bounded memory."""

from __future__ import annotations

import asyncio

import pytest

from moobius.local import Limits
from moobius.local.attempts import MOST_UNKNOWN, Attempts
from moobius.local.model.refusal import Code, Refused
from moobius.local.passwords import Busy

LIMITS = Limits(free_attempts=3, longest_wait_ms=10_000)


class Desk:
    """Attempts with a clock to turn, and somebody who guesses."""

    def __init__(self) -> None:
        self.now = 1000
        self.attempts = Attempts(LIMITS, lambda: self.now)

    async def guess(
        self, email: str, *, right: bool = False, what: str = "password", can_succeed: bool = True
    ) -> str:
        """Guess; return `right`, `wrong`, or for how long there is no guessing."""
        try:
            async with self.attempts.attempt(what, email, can_succeed=can_succeed):
                await asyncio.sleep(0)
                if not right:
                    raise Refused(Code.WRONG_CREDENTIALS, "wrong")
        except Refused as refusal:
            assert refusal.code == Code.WRONG_CREDENTIALS
            return refusal.message.removeprefix("Too many wrong attempts; try again in ")
        return "right"


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_waits_double_up_to_the_longest(desk: Desk) -> None:
    assert [await desk.guess("ada") for _ in range(4)] == ["wrong", "wrong", "wrong", "1 s"]
    for wait in (2, 4, 8, 10, 10):
        desk.now += 10_000
        assert await desk.guess("ada") == "wrong"
        assert await desk.guess("ada", right=True) == f"{wait} s"
    desk.now += 9_001
    assert await desk.guess("ada", right=True) == "1 s"


async def test_the_right_guess_after_the_wait_begins_anew(desk: Desk) -> None:
    for _ in range(3):
        await desk.guess("ada")
    desk.now += 1000
    assert await desk.guess("ada", right=True) == "right"
    assert [await desk.guess("ada") for _ in range(3)] == ["wrong"] * 3


async def test_nobody_waits_for_somebody_else(desk: Desk) -> None:
    for _ in range(4):
        await desk.guess("ada")
    assert await desk.guess("bob", right=True) == "right"
    assert await desk.guess("ada", what="code", right=True) == "right"
    assert await desk.guess(" ADA ", right=True) == "1 s"  # which is the same account


async def test_guesses_at_the_same_time_are_no_more_than_one_after_another(desk: Desk) -> None:
    found = await asyncio.gather(*(desk.guess("ada") for _ in range(50)))
    assert sorted(found) == ["1 s"] * 47 + ["wrong"] * 3


async def test_right_guesses_at_the_same_time_are_all_right(desk: Desk) -> None:
    found = await asyncio.gather(*(desk.guess("ada", right=True) for _ in range(50)))
    assert found == ["right"] * 50


async def test_hanging_up_is_a_wrong_guess(desk: Desk) -> None:
    for _ in range(3):
        guess = asyncio.ensure_future(desk.guess("ada", right=True))
        await asyncio.sleep(0)
        guess.cancel()
        await asyncio.wait([guess])
    assert await desk.guess("ada", right=True) == "1 s"


async def test_a_guess_that_nobody_looked_at_is_none(desk: Desk) -> None:
    for _ in range(10):
        with pytest.raises(Busy):
            async with desk.attempts.attempt("password", "ada", can_succeed=True):
                raise Busy(Code.CONFLICT, "too many")
    assert [await desk.guess("ada") for _ in range(3)] == ["wrong", "wrong", "wrong"]
    assert await desk.guess("ada", right=True) == "1 s"


async def test_forgiving_begins_anew(desk: Desk) -> None:
    for _ in range(3):
        await desk.guess("ada")
    desk.attempts.forgive("password", "Ada")
    assert await desk.guess("ada", right=True) == "right"


async def test_nothing_makes_the_guesses_at_an_account_forgotten(desk: Desk) -> None:
    for _ in range(4):
        await desk.guess("ada")
    for number in range(MOST_UNKNOWN + 1):
        await desk.guess(f"{number}", can_succeed=False)
        await desk.guess(f"{number}", can_succeed=False, what="code")
    assert await desk.guess("ada", right=True) == "1 s"


async def test_memory_for_what_does_not_exist_is_bounded_and_the_oldest_goes_first(
    desk: Desk,
) -> None:
    for name in ("first", "second"):
        for _ in range(3):
            await desk.guess(name, can_succeed=False)
    await desk.guess("first", can_succeed=False)
    for number in range(MOST_UNKNOWN - 1):
        await desk.guess(f"{number}" * 1000, can_succeed=False)
    assert await desk.guess("first", can_succeed=False) == "1 s"
    assert await desk.guess("second", can_succeed=False) == "wrong"
