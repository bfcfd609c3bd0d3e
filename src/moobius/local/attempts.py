"""Guessing made slow: wrong passwords and codes are counted by account.

By account and by nothing else: somebody new on the same machine, or behind the same address, never
waits for what another did. Who asks for an account that is not there waits all the same.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from moobius.local.model.refusal import Code, Refused
from moobius.local.model.state import normal_email
from moobius.local.options import Limits
from moobius.local.passwords import Busy

FIRST_WAIT_MS = 1000

# Only names that no guess can open are ever forgotten, the oldest first.
MOST_VAIN = 10_000


@dataclass
class _Guesses:
    """What is known of one account: `wrong` guesses in a row, the next one at `not_before`."""

    wrong: int = 0
    not_before: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Attempts:
    """Decides who may guess now.

    Args:
        limits: How many wrong guesses are free, and how long a wait may become.
        clock: Returns milliseconds since the epoch.
    """

    def __init__(self, limits: Limits, clock: Callable[[], int]) -> None:
        self._free = limits.free_attempts
        self._longest = limits.longest_wait_ms
        self._clock = clock
        # What is worth guessing at is as much as there are accounts; what people make up has no
        # end, and must not push the others out.
        self._real: dict[bytes, _Guesses] = {}
        self._vain: OrderedDict[bytes, _Guesses] = OrderedDict()

    @asynccontextmanager
    async def attempt(self, what: str, email: str, *, can_succeed: bool) -> AsyncIterator[None]:
        """Guess within this block: leaving it by an error is a wrong guess, unless it is `Busy`.

        The guesses at one account take turns, so that a hundred at the same time are not a
        hundred free ones.

        Args:
            what: What is guessed at; each kind has a count of its own.
            email: The account, whether it exists or not.
            can_succeed: Whether a guess can be right: the account exists, or has a code.

        Raises:
            Refused: With code 10006, if too many have been wrong and it is too soon for another.
        """
        key = _key(what, email)
        guesses = self._real.setdefault(key, _Guesses()) if can_succeed else self._in_vain(key)
        async with guesses.turn:
            wait = guesses.not_before - self._clock()
            if wait > 0:
                seconds = math.ceil(wait / 1000)
                text = f"Too many wrong attempts; try again in {seconds} s"
                raise Refused(Code.WRONG_CREDENTIALS, text)
            # Counted before it is known: whoever hangs up early has guessed all the same.
            before = guesses.wrong, guesses.not_before
            guesses.wrong += 1
            guesses.not_before = self._clock() + self._wait_after(guesses.wrong)
            try:
                yield
            except Busy:
                guesses.wrong, guesses.not_before = before
                raise
            guesses.wrong = guesses.not_before = 0

    def forgive(self, what: str, email: str) -> None:
        """Forget the wrong guesses at an account."""
        self._real.pop(_key(what, email), None)

    def _wait_after(self, wrong: int) -> int:
        doublings = wrong - self._free
        return 0 if doublings < 0 else min(FIRST_WAIT_MS << min(doublings, 32), self._longest)

    def _in_vain(self, key: bytes) -> _Guesses:
        guesses = self._vain.setdefault(key, _Guesses())
        self._vain.move_to_end(key)
        if len(self._vain) > MOST_VAIN:
            self._vain.popitem(last=False)
        return guesses


def _key(what: str, email: str) -> bytes:
    text = f"{what} {normal_email(email)}"
    return hashlib.sha256(text.encode()).digest()
