"""Large replies: made piece by piece, a few at a time, and dropped for clients that do not read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakValueDictionary

import msgspec
from aiohttp import web
from loguru import logger

from moobius.local.model.refusal import malformed
from moobius.local.web.call import Call

LARGE = 64 * 1024
"""Bytes up to which a reply is sent at once; about what a socket takes in any case."""


class ReplySlots:
    """Lets only so many large replies be in memory at a time; further ones wait.

    Args:
        each: How many of one account; an account that waits holds up nobody else.
        together: How many of everybody.
    """

    def __init__(self, each: int, together: int) -> None:
        self._each = each
        self._together = asyncio.Semaphore(together)
        self._own: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def slot_of(self, account: str) -> AsyncIterator[None]:
        """Wait for a slot, and hold it until the block ends."""
        own = self._own.get(account)
        if own is None:
            own = self._own[account] = asyncio.Semaphore(self._each)
        async with own, self._together:
            yield


async def encoded(call: Call, items: Iterable[Any]) -> list[msgspec.Raw]:
    """Encode a list for a reply; while a long one is made, other requests are served.

    Args:
        call: The request it answers.
        items: What is on the list; may be made as it is asked for.

    Raises:
        Refused: If it is longer than a reply may be.
    """
    most = call.options.limits.reply_bytes
    found: list[msgspec.Raw] = []
    size = since = 0
    for item in items:
        piece = msgspec.Raw(msgspec.json.encode(item))
        found.append(piece)
        size += len(piece) + 1
        if size > most:
            raise malformed(f"the reply would have more than {most} bytes; ask for less at a time")
        if size - since > LARGE:
            since = size
            await call.reply_slot()
            await asyncio.sleep(0)
    return found


async def send(request: web.Request, response: web.StreamResponse, patience: float) -> None:
    """Send a large reply; a client that takes nothing of it for too long is cut off.

    Small ones are left to the server, and files are read from disk as they are taken.

    Args:
        request: What is replied to.
        response: The reply.
        patience: Seconds in which the client has to take something.
    """
    if not isinstance(response, web.Response) or (response.content_length or 0) <= LARGE:
        return
    await response.prepare(request)
    sending = asyncio.ensure_future(response.write_eof())
    try:
        await _watch(request, sending, patience)
        await sending
    except ConnectionError as error:
        logger.debug("a client left while it was replied to: {}", error)
    finally:
        sending.cancel()
        response.body = None  # or it would be kept until the next request on this connection


async def _watch(request: web.Request, sending: asyncio.Future[None], patience: float) -> None:
    waiting: float = float("inf")
    while not (await asyncio.wait([sending], timeout=patience))[0]:
        transport = request.transport
        if transport is None:
            return
        before, waiting = waiting, transport.get_write_buffer_size()
        if waiting >= before:
            logger.warning("a client does not read its reply, {} bytes wait: cut off", waiting)
            transport.abort()
            return
