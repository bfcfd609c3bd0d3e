"""Passwords and tokens: hashed here, so that neither state nor journal ever holds one.

Hashing is slow on purpose, so it is done one password after another. New passwords and guesses have
a queue each, so that nobody who signs up waits for those who guess; and the queues have an end. A
guess at an account without a password hashes nothing: it sleeps for as long.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from concurrent.futures import ThreadPoolExecutor

from moobius.local.model.refusal import Code, Refused

# 16 MiB and some 40 ms each.
COST, BLOCK, PARALLEL = 2**14, 8, 1
_MEMORY = 64 * 1024 * 1024
MOST_WAITING = 256  # in one lane: some ten seconds


class Busy(Refused):
    """Too many wait, so the password was not looked at: it is neither right nor wrong."""


class _Lane:
    """A queue of passwords, hashed one after another so that sign-ins cannot use up the machine."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"moobius-{name}")
        self._waiting = 0
        self._latest_seconds = 0.04

    @property
    def seconds(self) -> float:
        """How long it would take now to hash a password here, waiting included."""
        return (self._waiting + 1) * self._latest_seconds

    def check_room(self) -> None:
        """Refuse one more if too many wait.

        Raises:
            Busy: If so.
        """
        if self._waiting >= MOST_WAITING:
            raise Busy(Code.CONFLICT, "Too many sign in or up at the moment; try again soon")

    async def scrypt(
        self, password: str, salt: bytes, cost: int, block: int, parallel: int
    ) -> bytes:
        self.check_room()

        def work() -> bytes:
            started = time.monotonic()
            digest = hashlib.scrypt(
                password.encode(), salt=salt, n=cost, r=block, p=parallel, maxmem=_MEMORY
            )
            self._latest_seconds = time.monotonic() - started
            return digest

        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._waiting -= 1


_new, _guesses = _Lane("new-passwords"), _Lane("passwords")


async def hash_password(password: str) -> str:
    """Return the salted scrypt hash of a password, with its parameters.

    Raises:
        Busy: With code 10004, if too many wait for theirs; so does `verify_password`.
    """
    salt = secrets.token_bytes(16)
    digest = await _new.scrypt(password, salt, COST, BLOCK, PARALLEL)
    return f"scrypt${COST}${BLOCK}${PARALLEL}${_encode(salt)}${_encode(digest)}"


async def verify_password(password: str, password_hash: str) -> bool:
    """Return whether a password has this hash; an empty hash has no password at all.

    An empty hash takes as long, and is turned away as any other, so that neither tells which
    accounts exist.
    """
    parts = password_hash.split("$")
    if len(parts) != 6 or parts[0] != "scrypt":
        _guesses.check_room()
        await asyncio.sleep(_guesses.seconds)
        return False
    cost, block, parallel = (int(part) for part in parts[1:4])
    digest = await _guesses.scrypt(password, base64.b64decode(parts[4]), cost, block, parallel)
    return hmac.compare_digest(digest, base64.b64decode(parts[5]))


def new_token() -> str:
    """Return a token nobody can guess."""
    return secrets.token_urlsafe(32)


def new_code() -> str:
    """Return a confirmation code: six digits, for people to copy."""
    return f"{secrets.randbelow(10**6):06}"


def digest_of(token: str) -> str:
    """Return what the Platform remembers of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
