"""Guessing made slow: wrong passwords and codes are counted by account.

By account and by nothing else: somebody new on the same machine, or behind the same address, never
waits for what another did. Whether there is such an account makes no difference.
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

FIRST_WAIT_MS = 1000

# Forgetting the oldest takes an attacker as many hashed passwords as there are places.
MOST_KNOWN = 10_000


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
        self._known: OrderedDict[bytes, _Guesses] = OrderedDict()

    @asynccontextmanager
    async def attempt(self, what: str, email: str) -> AsyncIterator[None]:
        """Guess within this block: leaving it by an error is a wrong guess.

        The guesses at one account take turns, so that a hundred at the same time are not a
        hundred free ones.

        Args:
            what: What is guessed at; each kind has a count of its own.
            email: The account, whether it exists or not.

        Raises:
            Refused: With code 10006, if too many have been wrong and it is too soon for another.
        """
        key = _key(what, email)
        guesses = self._remember(key)
        async with guesses.turn:
            wait = guesses.not_before - self._clock()
            if wait > 0:
                seconds = math.ceil(wait / 1000)
                text = f"Too many wrong attempts; try again in {seconds} s"
                raise Refused(Code.WRONG_CREDENTIALS, text)
            # Counted before it is known: whoever hangs up early has guessed all the same.
            guesses.wrong += 1
            guesses.not_before = self._clock() + self._wait_after(guesses.wrong)
            yield
            guesses.wrong = guesses.not_before = 0

    def forgive(self, what: str, email: str) -> None:
        """Forget the wrong guesses at an account."""
        self._known.pop(_key(what, email), None)

    def _wait_after(self, wrong: int) -> int:
        doublings = wrong - self._free
        return 0 if doublings < 0 else min(FIRST_WAIT_MS << min(doublings, 32), self._longest)

    def _remember(self, key: bytes) -> _Guesses:
        guesses = self._known.setdefault(key, _Guesses())
        self._known.move_to_end(key)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return guesses


def _key(what: str, email: str) -> bytes:
    text = f"{what} {normal_email(email)}"
    return hashlib.sha256(text.encode()).digest()
