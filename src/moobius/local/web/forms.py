"""Upload forms: the signed permission to store one file (platform.md 2.9).

Nothing is remembered of a form: its own fields say what it allows, and a signature protects them.
So forms cost no memory, and one that was changed by a byte is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping

from moobius.local.model.refusal import not_permitted


class Forms:
    """Signs forms, with a key that ends with the process, and knows its own again.

    Args:
        life_seconds: How long a form is good for.
        clock: Returns seconds; only their differences matter.
    """

    def __init__(self, life_seconds: float, clock: Callable[[], float]) -> None:
        self._life = life_seconds
        self._clock = clock
        self._secret = secrets.token_bytes(32)

    def sign(self, key: str) -> dict[str, str]:
        """Return the fields that allow to store a file under `key`."""
        expires = f"{self._clock() + self._life:.3f}"
        return {"key": key, "expires": expires, "signature": self._signature(key, expires)}

    def check(self, fields: Mapping[str, str]) -> str:
        """Return the key that a form's fields allow.

        Raises:
            Refused: If they are not those of a form of ours, or it has expired.
        """
        key, expires = fields.get("key", ""), fields.get("expires", "")
        given = fields.get("signature", "")
        if not hmac.compare_digest(given.encode(), self._signature(key, expires).encode()):
            raise not_permitted("the fields are not those of an upload form of this Platform")
        if self._clock() >= float(expires):
            raise not_permitted("the upload form has expired; ask for another one")
        return key

    def _signature(self, key: str, expires: str) -> str:
        text = f"{len(expires)} {expires} {key}".encode()  # so that it can be read in one way only
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()
