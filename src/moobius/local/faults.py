"""Faults on purpose, for tests of clients: `--faults`, and `LocalPlatform.faults`.

`fault_plan.py` says which faults there are and how often. Without a plan there are none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiohttp import web
from loguru import logger

from moobius.local.fault_plan import Dice, FaultPlan
from moobius.local.hub import Hub
from moobius.local.model.refusal import Code, Refused
from moobius.local.passwords import digest_of
from moobius.local.wire.inbound import Request

Send = Callable[[str], Awaitable[None]]

LOGINS = ("user_login", "service_login")  # have a check of their own: see `check_login`
SPARED = ("/local/", "/healthz", "/readyz")  # by these a program finds a Platform, and waits for it
HARMLESS = ("heartbeat", "ping")  # always answered with `status: true`, also before a login
VERDICTS = 4096  # remembered, of frames that may be repeated
HOLD_SECONDS = 0.1  # how long a frame waits for one that may overtake it
ON_PURPOSE = "This went wrong on purpose (--faults)"


class FrameSender(NamedTuple):
    """What sends a frame, and what has to be awaited before the connection closes."""

    send: Send
    finish: Callable[[], Awaitable[None]]


class Faults:
    """What can be made to go wrong on a running Platform."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._dice: Dice | None = None
        self._expired: set[str] = set()
        self._verdicts: dict[str, bool] = {}

    @property
    def plan(self) -> FaultPlan | None:
        """What goes wrong, and how often; None if nothing does. Its seed is the one in use."""
        return self._dice.plan if self._dice is not None else None

    def begin(self, plan: FaultPlan | str) -> None:
        """Let things go wrong from now on: frames on connections that are opened from now on.

        Args:
            plan: Chances, or the words of `--faults`.

        Raises:
            ConfigError: If the words are none.
        """
        self._dice = Dice(FaultPlan.read(plan) if isinstance(plan, str) else plan)
        logger.warning("things go wrong on purpose: {}", self._dice.plan)

    def end(self) -> None:
        """Let nothing go wrong any more; tokens that expired on purpose are good again."""
        self._dice = None
        self._expired.clear()
        self._verdicts.clear()

    def cut_connections(self) -> None:
        """Break all live sockets without a word."""
        for peer in self._hub:
            peer.cut()

    def hit(self, fault: str) -> bool:
        """Return whether a fault of the plan happens now."""
        return self._dice is not None and self._dice.hit(fault)

    def delay_seconds(self) -> float:
        """Return for how many seconds to hold back a frame or a reply."""
        return self._dice.delay_seconds() if self._dice is not None else 0.0

    def check_token(self, digest: str) -> None:
        """Refuse a token that expires now, or did before, on purpose."""
        if self._dice is None:
            return
        if digest in self._expired or self.hit("expire_tokens"):
            self._expired.add(digest)
            raise Refused(Code.NOT_AUTHENTICATED, "Expired access_token")

    def check_request(self, path: str) -> None:
        """Fail to carry out a request that is to be answered with status 500."""
        if not path.startswith(SPARED) and self.hit("http500"):
            raise Refused(Code.INTERNAL, ON_PURPOSE)

    async def before_reply(self, request: web.Request, path: str) -> None:
        """Hold back the reply to a request that is done, or lose it with its connection."""
        if self._dice is None or path.startswith(SPARED):
            return
        await asyncio.sleep(self.delay_seconds())
        if self.hit("cut") and request.transport is not None:
            request.transport.abort()

    def check_frame(self, request: Request) -> None:
        """Refuse a frame that is to be refused, unless it is a login."""
        if request.type not in LOGINS:
            self._check_frame(request)

    def check_login(self, request: Request) -> None:
        """Refuse a login that is to be refused, or whose token expires now, as any bad one."""
        token = request.frame.get("access_token")
        if isinstance(token, str):
            self.check_token(digest_of(token))
        self._check_frame(request)

    def _check_frame(self, request: Request) -> None:
        if self._dice is None or request.type in HARMLESS:
            return
        if self._refuses(request.request_id):
            raise Refused(Code.NOT_PERMITTED, ON_PURPOSE)

    def _refuses(self, request_id: str) -> bool:
        """Return whether a frame is refused; the same for a repeat of it, or order would suffer."""
        if not request_id:
            return self.hit("refuse")
        if request_id in self._verdicts:
            return self._verdicts[request_id]
        verdict = self._verdicts[request_id] = self.hit("refuse")
        if len(self._verdicts) > VERDICTS:
            del self._verdicts[next(iter(self._verdicts))]
        return verdict

    def frame_sender(self, send: Send, cut: Callable[[], None]) -> FrameSender:
        """Return what sends the frames of a connection that is being opened.

        Args:
            send: Writes one.
            cut: Breaks the connection.
        """
        if self._dice is None:
            return FrameSender(send, _nothing)
        troubled = FaultySender(self, send, cut)
        return FrameSender(troubled.send, troubled.release)


async def _nothing() -> None:
    pass


class FaultySender:
    """Sends frames so that some are lost, late, doubled, or overtaken by the next."""

    def __init__(self, faults: Faults, send: Send, cut: Callable[[], None]) -> None:
        self._faults = faults
        self._send = send
        self._cut = cut
        self._held: str | None = None
        self._releasing: asyncio.Task[None] | None = None

    async def send(self, text: str) -> None:
        """Send a frame, or whatever happens instead."""
        if self._faults.hit("cut"):
            self._cut()
            return
        seconds = self._faults.delay_seconds()
        if seconds:
            await asyncio.sleep(seconds)
        if self._held is None and self._faults.hit("reorder"):
            self._held = text
            self._releasing = asyncio.create_task(self._release_later(), name="held frame")
            return
        await self._send(text)
        if self._faults.hit("duplicate"):
            await self._send(text)
        await self.release()

    async def _release_later(self) -> None:
        """Send the held frame after a while, if no other has overtaken it."""
        await asyncio.sleep(HOLD_SECONDS)
        try:
            await self.release()
        except (ConnectionError, RuntimeError) as error:
            logger.debug("a client left while a frame for it was held: {}", error)

    async def release(self) -> None:
        """Send the frame that is held, if one is."""
        held, self._held = self._held, None
        if held is not None:
            await self._send(held)
