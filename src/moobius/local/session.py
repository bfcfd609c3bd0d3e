"""What the frames of one connection mean: its logins, its commands, its answers (platform.md 3)."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

from loguru import logger

from moobius.errors import StorageError
from moobius.local import log_lines, logins
from moobius.local.engine import Engine, RequestKey
from moobius.local.faults import Faults
from moobius.local.hub import Hub, Peer
from moobius.local.meters import Meters
from moobius.local.model.actions import act
from moobius.local.model.commands import Action
from moobius.local.model.messages import member_channel, message_down, message_up, update
from moobius.local.model.outcome import Frame, Moment, Outcome
from moobius.local.model.refusal import Code, Refused, malformed, not_permitted
from moobius.local.model.state import State
from moobius.local.options import PlatformOptions
from moobius.local.recent import RequestsOf
from moobius.local.wire import dialects, inbound, items, outbound
from moobius.local.wire.inbound import Request

P = ParamSpec("P")
T = TypeVar("T")

POLICY_VIOLATION = 1008
NOT_LOGGED_IN = "You have not login yet"
NOT_KEPT = {"message": "This Platform cannot store anything any more; it has to be restarted"}

RECEIVED: Mapping[str, str] = {
    "message_up": "Message received",
    "message_down": "Message received",
    "update": "Update received",
    "action": "Action received",
    "roger": "Roger received",
}


def _nothing(state: State, moment: Moment) -> Outcome:
    return Outcome()


class Session:
    """Reads frames in order; each is answered by one `copy`, before its effects."""

    def __init__(
        self,
        engine: Engine,
        hub: Hub,
        peer: Peer,
        options: PlatformOptions,
        meters: Meters,
        faults: Faults,
    ) -> None:
        self._engine = engine
        self._hub = hub
        self._peer = peer
        self._limits = options.limits
        self._features = options.features
        self._meters = meters
        self._faults = faults
        self._speaker = peer.speaker
        self._focus = ""
        self._bad_logins = 0
        self._size = 0  # of the frame that is being carried out
        self._requests: dict[str, RequestsOf] = {}  # by identity, of those it is logged in as

    async def receive(self, text: str, size: int) -> None:
        """Carry out one frame of so many bytes, and answer it."""
        self._size = size
        try:
            request = inbound.read(text)
        except inbound.Unreadable as error:
            self.unreadable(str(error), size)
            return
        self._meters.frame_in(request.type, size)
        log_lines.frame_in(self._speaker, request, size)
        if self._speaker.heard(dialects.spoken(request)):
            logger.debug("{} speaks {}", self._speaker.connection_id, self._speaker.dialect.name)
        await self._engine.wait_for_room()
        try:
            meaning = inbound.TYPES.get(request.type)
            if meaning is None:
                raise malformed(f"Unknown type: {request.type}")
            self._faults.check_frame(request)
            await HANDLERS[meaning.kind](self, request)
        except Refused as refusal:
            self._refuse(request, refusal.message)
        except StorageError as error:
            if not self._engine.failed:  # else the engine has logged it, once
                logger.error("carrying out a {} frame failed: {}", request.type, error)
            self._copy(request, False, NOT_KEPT)
        except Exception:
            logger.exception("carrying out a {} frame failed", request.type)
            self._copy(request, False, {"message": outbound.GATEWAY_ERROR})

    def unreadable(self, why: str, size: int) -> None:
        """Answer what is not a frame; the connection stays open (platform.md 3.11)."""
        self._meters.frame_in("unreadable", size)
        log_lines.unreadable_in(self._speaker, why, size)
        self._say(outbound.gateway_error(self._speaker.connection_id, str(uuid.uuid4())))

    # Logins

    async def _user_login(self, request: Request) -> None:
        user_id = await self._checked(request, self._user_of)
        if user_id is not None:
            if user_id != self._speaker.user:
                self._speaker.user, self._focus = user_id, ""
                self._requests.clear()
            self._welcome(request, lambda: self._hub.attach_user(self._peer, user_id))

    async def _service_login(self, request: Request) -> None:
        login = await self._checked(request, self._service_of)
        if login is None:
            return
        account, service_id = login
        if account != self._speaker.account:
            self._speaker.account, self._speaker.services = account, []
            self._requests.clear()
        if service_id and service_id not in self._speaker.services:
            self._speaker.services.append(service_id)
        self._welcome(request, lambda: self._hub.attach_service(self._peer, account, service_id))

    def _user_of(self, state: State, now: int, request: Request) -> str:
        user_id = logins.user_of(state, now, request)
        self._check_room(user_id)
        return user_id

    def _service_of(self, state: State, now: int, request: Request) -> tuple[str, str]:
        account, service_id = logins.service_of(state, now, request)
        self._check_room(account)
        return account, service_id

    def _check_room(self, account: str) -> None:
        """Count this connection for an account, or refuse it one more than it may have."""
        most = self._limits.connections_per_account
        if not self._hub.claim(self._peer, account, most):
            raise not_permitted(f"This account has {most} connections already; close some")

    def _welcome(self, request: Request, attach: Callable[[], None]) -> None:
        """Answer a good login, and let deliveries come after the answer."""

        def welcome() -> None:
            self._copy(request, True, outbound.login_context(self._features))
            attach()

        self._in_turn(welcome)

    async def _checked(
        self, request: Request, check: Callable[[State, int, Request], T]
    ) -> T | None:
        """Return what `check` finds out about a login, or None once its refusal is answered.

        That answer comes late, or a client that tries again at once would never stop (3.11).
        """
        try:
            self._faults.check_login(request)
            verdict = check(self._engine.state, self._engine.now, request)
        except Refused as refusal:
            self._bad_logins += 1
            await asyncio.sleep(self._limits.bad_login_seconds)
            self._refuse(request, refusal.message)
            if self._bad_logins >= self._limits.bad_logins:
                self._in_turn(self._shut_out)
            return None
        self._bad_logins = 0
        return verdict

    def _shut_out(self) -> None:
        self._peer.close(POLICY_VIOLATION, "too many failed logins")

    # From members

    async def _message_up(self, request: Request) -> None:
        user_id = self._logged_in_user()
        command = inbound.message_up(request)
        command = dataclasses.replace(command, channel_id=self._channel(command.channel_id))
        await self._carry_out(request, f"user:{user_id}", message_up, user_id, command)

    async def _action(self, request: Request) -> None:
        user_id = self._logged_in_user()
        command = inbound.action(request)
        command = dataclasses.replace(command, channel_id=self._channel(command.channel_id))
        if inbound.is_fetch(request) and not self._opens_window(user_id, command.channel_id):
            self._answer(request)
            return
        if command.subtype == "menu_item_click":
            command = await self._with_message(user_id, command)
        await self._carry_out(request, f"user:{user_id}", act, user_id, command)
        self._focus = "" if command.subtype == "leave" else command.channel_id

    def _opens_window(self, user_id: str, channel_id: str) -> bool:
        """Return whether a request for one part of the view is to become a refresh (Q35)."""
        member_channel(self._engine.state, user_id, channel_id)
        return self._engine.coalescer.first(user_id, channel_id, self._engine.now)

    async def _with_message(self, user_id: str, command: Action) -> Action:
        """Add what a client that knows only the message's id left out (Q33)."""
        details = dict(command.details)
        known = details["message_subtype"] != inbound.UNKNOWN_SUBTYPE and details["message_content"]
        message_id = details["message_id"]
        if not message_id:
            del details["message_id"]
        elif not known:
            message = await self._engine.store.find_message(user_id, message_id)
            if message is not None:
                details["message_subtype"] = message["subtype"]
                details["message_content"] = items.message_content(message["content"])
        return dataclasses.replace(command, details=details)

    def _logged_in_user(self) -> str:
        if self._speaker.user:
            return self._speaker.user
        if self._speaker.account:
            raise Refused(Code.NOT_AUTHENTICATED, "Send user_login first to act as a user")
        raise Refused(Code.NOT_AUTHENTICATED, NOT_LOGGED_IN)

    def _channel(self, channel_id: str) -> str:
        """Return the channel meant: the one named, in focus, or the user's only one (Q31)."""
        if channel_id or self._focus:
            return channel_id or self._focus
        joined = self._engine.state.memberships.get(self._speaker.user, {})
        if len(joined) == 1:
            return next(iter(joined))
        raise malformed("channel_id is required")

    # From services

    async def _message_down(self, request: Request) -> None:
        account, service_id = self._logged_in_service(request)
        command = inbound.message_down(request)
        identity = f"service:{service_id}"
        await self._carry_out(request, identity, message_down, account, service_id, command)

    async def _update(self, request: Request) -> None:
        account, service_id = self._logged_in_service(request)
        command = inbound.update(request)
        identity = f"service:{service_id}"
        await self._carry_out(request, identity, update, account, service_id, command)

    def _logged_in_service(self, request: Request) -> tuple[str, str]:
        account = self._speaker.account
        if not account:
            as_user = self._speaker.user
            text = "Send service_login first to act as a service" if as_user else NOT_LOGGED_IN
            raise Refused(Code.NOT_AUTHENTICATED, text)
        service_id = logins.named_service(request)
        if not service_id and len(self._speaker.services) == 1:
            service_id = self._speaker.services[0]
        if not service_id:
            raise malformed("service_id is required")
        self._engine.state.owned_service(account, service_id)
        return account, service_id

    # From anybody

    async def _heartbeat(self, request: Request) -> None:
        self._in_turn(lambda: self._copy(request, True, {}))

    async def _roger(self, request: Request) -> None:
        if not self._speaker.user and not self._speaker.account:
            raise Refused(Code.NOT_AUTHENTICATED, NOT_LOGGED_IN)
        self._answer(request)

    async def _ignore(self, request: Request) -> None:
        """Answer nothing: acknowledging an acknowledgement would never end."""

    # Answers

    async def _carry_out(
        self,
        request: Request,
        identity: str,
        command: Callable[Concatenate[State, Moment, P], Outcome],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Carry out a command once, however often the request is repeated.

        Args:
            request: The frame.
            identity: Who asks, checked by the caller: repeats are recognised for it alone.
            command: What to carry out.
            args: Arguments of the command.
            kwargs: Further arguments of the command.
        """
        key = await self._key(request, identity) if request.request_id else None
        self._engine.submit(
            lambda state, moment: command(state, moment, *args, **kwargs),
            lambda: self._copy(request, True, self._received(request)),
            key,
            refuse=lambda: self._copy(request, False, NOT_KEPT),
            size=self._size,
        )

    async def _key(self, request: Request, identity: str) -> RequestKey:
        most = self._limits.request_id_chars
        if len(request.request_id) > most:
            raise malformed(f"request_id may have at most {most} characters")
        known = self._requests.get(identity)
        if known is None:
            known = self._requests[identity] = await self._engine.recent.of(identity)
        stored = await known.stored(request.request_id)
        return RequestKey(known, request.request_id, request.digest, stored)

    def _answer(self, request: Request) -> None:
        """Acknowledge what has no effects."""
        self._in_turn(lambda: self._copy(request, True, self._received(request)))

    def _refuse(self, request: Request, message: str) -> None:
        self._in_turn(lambda: self._copy(request, False, {"message": message}))

    def _in_turn(self, answer: Callable[[], None]) -> None:
        """Answer after all earlier frames are answered, so that answers keep their order."""
        if self._engine.failed:
            answer()
        else:
            self._engine.submit(_nothing, answer, refuse=answer)

    @staticmethod
    def _received(request: Request) -> dict[str, Any]:
        return {"message": RECEIVED[inbound.TYPES[request.type].kind]}

    def _copy(self, request: Request, status: bool, context: dict[str, Any]) -> None:
        if not status:
            self._meters.frame_refused(request.type)
        self._say(outbound.copy(request.request_id, request.type, status, context))

    def _say(self, frame: Frame) -> None:
        for parcel in outbound.parcels(frame, self._speaker.dialect):
            self._peer.send(parcel)


Handler = Callable[[Session, Request], Awaitable[None]]

HANDLERS: Mapping[str, Handler] = {
    "user_login": Session._user_login,
    "service_login": Session._service_login,
    "heartbeat": Session._heartbeat,
    "message_up": Session._message_up,
    "action": Session._action,
    "message_down": Session._message_down,
    "update": Session._update,
    "roger": Session._roger,
    "ignore": Session._ignore,
}
