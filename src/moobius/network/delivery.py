"""Outgoing frames on their way to the Platform, and who waits for them (architecture 4.3).

`outbox.py` has the rules of order. Here is the waiting: senders wait for room in the queue, callers
for answers, and a closing client for the last acknowledgement. Nothing here uses a socket.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from loguru import logger

from moobius import types
from moobius.errors import LoginRefused, TransportError
from moobius.network.outbox import Outbox, Outgoing
from moobius.network.ws_payload_builder import LOGINS

_LOGIN_TROUBLE = ("not login", "access_token")  # how the Platform words it (platform.md 3.3)


class Delivery:
    """The outgoing half of one run of a client, over all its connections.

    Args:
        outbox: Where the frames are.
        endpoint: Named in errors.
        resend: Whether messages are sent again to a Platform that may not recognise repeats.
        on_waiting: Called whenever somebody begins or ceases to wait for an answer.
    """

    def __init__(
        self, outbox: Outbox, endpoint: str, resend: bool, on_waiting: Callable[[], None]
    ) -> None:
        self.outbox = outbox
        self._to_write = asyncio.Event()
        self.is_closing = False
        self._endpoint = endpoint
        self._resend = resend
        self._on_waiting = on_waiting
        self._room = asyncio.Semaphore(outbox.capacity)
        self._idle = asyncio.Event()
        self._idle.set()
        self._features: tuple[Any, ...] = ()
        self._answers: dict[str, asyncio.Future[types.CopyBody]] = {}
        self._waiting_senders = 0

    @property
    def features(self) -> tuple[Any, ...]:
        """What the Platform of the latest login can do beyond 1.8.0."""
        return self._features

    @property
    def is_awaited(self) -> bool:
        """Tell whether somebody waits for answers, which must then be read."""
        return bool(self._waiting_senders or self._answers or self.is_closing)

    async def put(self, frame: Outgoing) -> None:
        """Queue a frame; waits while the queue is full.

        Raises:
            TransportError: If the client is closed, or is while this waits.
        """
        self.check_open()
        self._waiting_senders += 1
        self._on_waiting()
        try:
            await self._room.acquire()
        finally:
            self._waiting_senders -= 1
            self._on_waiting()
        self.check_open()
        self._idle.clear()
        self.outbox.put(frame)
        self._to_write.set()

    def check_open(self) -> None:
        """Raise `TransportError` once the client is closed."""
        if self.is_closing:
            raise not_running("it was closed", self._endpoint)

    @contextmanager
    def answer_to(self, frame: dict[str, Any]) -> Iterator[asyncio.Future[types.CopyBody]]:
        """Yield a future for the answer to a frame; in the block, reading does not pause."""
        answer: asyncio.Future[types.CopyBody] = asyncio.get_running_loop().create_future()
        self._answers[frame["request_id"]] = answer
        self._on_waiting()
        try:
            yield answer
        finally:
            del self._answers[frame["request_id"]]
            self._on_waiting()

    def logged_in(self, copy: types.CopyBody, what: str) -> None:
        """Learn from the answer to a login what this Platform can do.

        Raises:
            LoginRefused: If the answer is no.
        """
        if not copy.status:
            raise LoginRefused(reason_of(copy), endpoint=f"{what} at {self._endpoint}")
        features = (copy.context or {}).get("features")
        self._features = tuple(features) if isinstance(features, list) else ()

    def answered(self, copy: types.CopyBody, who: str = "") -> None:
        """Match an acknowledgement to what it answers.

        Args:
            copy: The acknowledgement.
            who: Put in front of log lines.

        Raises:
            TransportError: If it says that the session is not logged in (any more).
        """
        frame = self.outbox.find(copy.request_id)
        if _says_logged_out(copy) and not (frame and frame.login_missed):
            # It stays unacknowledged, so it is sent again on the next connection, after the login.
            # Only once: one that is refused again would otherwise be sent for ever.
            if frame is not None:
                frame.login_missed = True
            raise TransportError(reason_of(copy), endpoint=self._endpoint)
        waiting = self._answers.get(copy.request_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(copy)
        if frame is None:
            return
        self.outbox.acknowledge(copy.request_id)
        if not copy.status:
            logger.error(
                "{}the Platform refused {}: {}{}", who, frame.label, reason_of(copy), _hint(copy)
            )
        self._room.release()
        self._note_idle()

    async def carry(self, write: Callable[[Outgoing], Awaitable[None]]) -> None:
        """Write what is queued, in order, for ever."""
        while True:
            await self._to_write.wait()
            while self.outbox.has_queued:
                await write(self._take())
            self._to_write.clear()

    def _take(self) -> Outgoing:
        before = len(self.outbox)
        frame = self.outbox.take(time.monotonic())
        if len(self.outbox) < before:
            self._room.release()  # sent twice under one request id: one answer will settle both
        return frame

    def connection_lost(self) -> None:
        """Queue unanswered frames again, in front, except messages that might arrive twice."""
        self._settle(self.outbox.connection_lost(self._may_repeat), "lost with the connection")
        if self.outbox.has_queued:
            self._to_write.set()

    def let_go(self, sent_before: float, fate: str) -> None:
        """Give up frames that were written before the given time and never answered."""
        self._settle(self.outbox.let_go(sent_before), fate)

    async def flush(self, seconds: float) -> None:
        """Accept no new frames, and wait until all are acknowledged; warn if they are not."""
        self.is_closing = True
        self._on_waiting()
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except asyncio.TimeoutError:
            logger.warning("{} frames were not acknowledged in {:g} s", len(self.outbox), seconds)

    def dismiss(self) -> None:
        """Wake everybody who waits for an answer or for room, with an error."""
        self.is_closing = True
        for request_id in self._answers:
            self._give_up(request_id, "the client was closed")
        for _ in range(self._waiting_senders):
            self._room.release()

    def _may_repeat(self, frame: Outgoing) -> bool:
        certain = frame.login_missed or "deduplicate" in self._features
        return self._resend or not frame.is_message or certain

    def _settle(self, frames: list[Outgoing], fate: str) -> None:
        """Free the room of frames that are given up, and tell who waits for their answers."""
        for frame in frames:
            self._room.release()
            self._give_up(frame.request_id, f"{frame.label} {fate}")
        if frames:
            logger.warning("{} frames {}, the first: {}", len(frames), fate, frames[0].label)
        self._note_idle()

    def _give_up(self, request_id: str, reason: str) -> None:
        answer = self._answers.get(request_id)
        if answer is not None and not answer.done():
            answer.set_exception(TransportError(reason, endpoint=self._endpoint))

    def _note_idle(self) -> None:
        if not self.outbox:
            self._idle.set()


def not_running(state: str, endpoint: str) -> TransportError:
    """Return the error for sending before the client runs, or after it was closed."""
    return TransportError(
        f"not connected: frames can be sent while the client runs, and {state}", endpoint=endpoint
    )


def reason_of(copy: types.CopyBody) -> str:
    """Return why the Platform refused a frame, in its words."""
    context = copy.context if isinstance(copy.context, dict) else {}
    return str(context.get("message") or context.get("msg") or "no reason given")


def _says_logged_out(copy: types.CopyBody) -> bool:
    """Tell whether a frame was refused because the session, not the frame, is at fault."""
    if copy.status or copy.origin_type in LOGINS:
        return False
    return any(words in reason_of(copy) for words in _LOGIN_TROUBLE)


def _hint(copy: types.CopyBody) -> str:
    """Return a hint for the log, if a channel is the reason."""
    if "channel" not in reason_of(copy).lower():
        return ""
    return " (is its id right, and is this service bound to it, or this user a member?)"
