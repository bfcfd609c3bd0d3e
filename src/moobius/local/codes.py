"""Confirmation codes: six digits that prove an address, written into the Platform's log.

A hosted Platform mails them. This one sends no mail: whoever runs it reads them in its terminal.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from loguru import logger

from moobius.local.model.state import normal_email
from moobius.local.passwords import new_code

# Within this time no second line is logged: anybody may ask for a code, for any account.
AGAIN_MS = 10_000


class Purpose(Enum):
    """What a code is good for; the value is how the log names it."""

    SIGN_UP = "confirmation code"
    RESET = "code for a new password"


@dataclass
class _Code:
    text: str = field(repr=False)
    expires: int
    shown: int


class Codes:
    """The codes that are good at the moment.

    Args:
        life_ms: How long a code is good for.
        clock: Returns milliseconds since the epoch.
    """

    def __init__(self, life_ms: int, clock: Callable[[], int]) -> None:
        self._life = life_ms
        self._clock = clock
        self._codes: dict[tuple[Purpose, str], _Code] = {}

    def send(self, purpose: Purpose, email: str) -> None:
        """Write the account's code into the log, a new one if it has none that is still good."""
        now, key = self._clock(), (purpose, normal_email(email))
        self._codes = {each: code for each, code in self._codes.items() if code.expires > now}
        code = self._codes.get(key)
        if code is not None and now - code.shown < AGAIN_MS:
            return
        if code is None:
            code = self._codes[key] = _Code(new_code(), now + self._life, now)
        code.shown = now
        minutes = max(1, (code.expires - now) // 60_000)
        logger.info("{} for {}: {} (good for {} min)", purpose.value, email, code.text, minutes)

    def has(self, purpose: Purpose, email: str) -> bool:
        """Return whether there is a code that this account could give."""
        code = self._codes.get((purpose, normal_email(email)))
        return code is not None and code.expires > self._clock()

    def redeem(self, purpose: Purpose, email: str, given: str) -> bool:
        """Return whether this is the account's code; if so it is used up."""
        key = (purpose, normal_email(email))
        if not self.has(purpose, email):
            return False
        right = hmac.compare_digest(self._codes[key].text.encode(), given.strip().encode())
        if right:
            del self._codes[key]
        return right
