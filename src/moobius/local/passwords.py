"""Passwords and tokens: hashed here, so that neither state nor journal ever holds one."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from concurrent.futures import ThreadPoolExecutor

# 16 MiB and some 40 ms a guess; two at a time, so that sign-ins cannot take the machine.
COST, BLOCK, PARALLEL = 2**14, 8, 1
_MEMORY = 64 * 1024 * 1024
_threads = ThreadPoolExecutor(2, thread_name_prefix="moobius-passwords")


async def hash_password(password: str) -> str:
    """Return the salted scrypt hash of a password, with its parameters."""
    salt = secrets.token_bytes(16)
    digest = await _scrypt(password, salt, COST, BLOCK, PARALLEL)
    return f"scrypt${COST}${BLOCK}${PARALLEL}${_encode(salt)}${_encode(digest)}"


async def verify_password(password: str, password_hash: str) -> bool:
    """Return whether a password has this hash; an empty hash has no password at all.

    Takes as long for an empty hash, so that the time does not tell which accounts exist.
    """
    parts = password_hash.split("$")
    if len(parts) != 6 or parts[0] != "scrypt":
        await hash_password(password)
        return False
    cost, block, parallel = (int(part) for part in parts[1:4])
    digest = await _scrypt(password, base64.b64decode(parts[4]), cost, block, parallel)
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


async def _scrypt(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    def work() -> bytes:
        return hashlib.scrypt(
            password.encode(), salt=salt, n=cost, r=block, p=parallel, maxmem=_MEMORY
        )

    return await asyncio.get_running_loop().run_in_executor(_threads, work)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
