"""Makes guessing slow: after some wrong passwords or codes in a row, an account has to wait.

Guesses are counted by account and by nothing else, so people who share an address with somebody who
guesses need not wait. An account that does not exist has to wait all the same: an answer without a
wait would show that there is none.
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

# Accounts that do not exist are counted too; beyond so many the oldest of them are forgotten.
MOST_UNKNOWN = 10_000


@dataclass
class _Guesses:
    """What is known of one account: `wrong` guesses in a row, the next one at `not_before`."""

    wrong: int = 0
    not_before: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Attempts:
    """Decides whether the password or the code of an account may be guessed at now.

    Args:
        limits: How many wrong guesses are free, and how long a wait may become.
        clock: Returns milliseconds since the epoch.
    """

    def __init__(self, limits: Limits, clock: Callable[[], int]) -> None:
        self._free = limits.free_attempts
        self._longest = limits.longest_wait_ms
        self._clock = clock
        # Apart: there is no end of names that do not exist, and they must not push out the others.
        self._at_accounts: dict[bytes, _Guesses] = {}
        self._at_unknown: OrderedDict[bytes, _Guesses] = OrderedDict()

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
        guesses = (
            self._at_accounts.setdefault(key, _Guesses())
            if can_succeed
            else self._guesses_at_unknown(key)
        )
        async with guesses.turn:
            wait = guesses.not_before - self._clock()
            if wait > 0:
                seconds = math.ceil(wait / 1000)
                text = f"Too many wrong attempts; try again in {seconds} s"
                raise Refused(Code.WRONG_CREDENTIALS, text)
            # Counted before the result is known: a guess counts also if the client leaves early.
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
        self._at_accounts.pop(_key(what, email), None)

    def _wait_after(self, wrong: int) -> int:
        doublings = wrong - self._free
        return 0 if doublings < 0 else min(FIRST_WAIT_MS << min(doublings, 32), self._longest)

    def _guesses_at_unknown(self, key: bytes) -> _Guesses:
        guesses = self._at_unknown.setdefault(key, _Guesses())
        self._at_unknown.move_to_end(key)
        if len(self._at_unknown) > MOST_UNKNOWN:
            self._at_unknown.popitem(last=False)
        return guesses


def _key(what: str, email: str) -> bytes:
    text = f"{what} {normal_email(email)}"
    return hashlib.sha256(text.encode()).digest()
