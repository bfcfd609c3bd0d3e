"""One connection's conversation: who it is, and what its frames lead to (platform.md 3)."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Concatenate, ParamSpec

from loguru import logger

from moobius.local.engine import Engine, RequestKey
from moobius.local.hub import Hub, Peer
from moobius.local.model.accounts import check_token
from moobius.local.model.actions import act
from moobius.local.model.commands import Action
from moobius.local.model.messages import message_down, message_up, update
from moobius.local.model.outcome import Moment, Outcome
from moobius.local.model.refusal import Code, Refused, malformed
from moobius.local.model.state import State
from moobius.local.options import Limits
from moobius.local.passwords import digest_of
from moobius.local.recent import Coalescer
from moobius.local.wire import inbound, items, outbound
from moobius.local.wire.inbound import Request

P = ParamSpec("P")

POLICY_VIOLATION = 1008
NOT_LOGGED_IN = "You have not login yet"

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

    def __init__(self, engine: Engine, hub: Hub, peer: Peer, limits: Limits) -> None:
        self._engine = engine
        self._hub = hub
        self._peer = peer
        self._limits = limits
        self._coalescer: Coalescer = engine.coalescer
        self._id = uuid.uuid4().hex
        self._user = ""
        self._account = ""
        self._services: list[str] = []
        self._focus = ""
        self._bad_logins = 0

    async def receive(self, text: str) -> None:
        """Take one frame."""
        try:
            request = inbound.read(text)
        except inbound.Unreadable as error:
            logger.debug("a frame that is {}", error)
            self.unreadable()
            return
        await self._engine.wait_for_room()
        try:
            meaning = inbound.TYPES.get(request.type)
            if meaning is None:
                raise malformed(f"Unknown type: {request.type}")
            await HANDLERS[meaning[0]](self, request)
        except Refused as refusal:
            self._refuse(request, refusal.message)
        except Exception:
            logger.exception("carrying out a {} frame failed", request.type)
            self._peer.send(self._copy(request, False, {"message": outbound.GATEWAY_ERROR}))

    def unreadable(self) -> None:
        """Answer what is not a frame; the connection stays open (platform.md 3.11)."""
        self._peer.send(outbound.gateway_error(self._id, str(uuid.uuid4())))

    # Logins

    async def _user_login(self, request: Request) -> None:
        user_id = await self._checked(request, self._token_owner)
        if user_id is None:
            return
        self._user = user_id

        def attach() -> None:
            self._peer.send(self._copy(request, True, outbound.login_context()))
            self._hub.attach_user(self._peer, user_id)

        self._engine.submit(_nothing, attach)

    async def _service_login(self, request: Request) -> None:
        login = await self._checked(request, self._service_owner)
        if login is None:
            return
        account, service_id = login
        if account != self._account:
            self._account, self._services = account, []
        if service_id and service_id not in self._services:
            self._services.append(service_id)

        def attach() -> None:
            self._peer.send(self._copy(request, True, outbound.login_context()))
            self._hub.attach_service(self._peer, account, service_id)

        self._engine.submit(_nothing, attach)

    def _token_owner(self, request: Request) -> str:
        token = request.frame.get("access_token")
        digest = digest_of(token) if isinstance(token, str) else ""
        return check_token(self._engine.state, self._engine.now, digest, "access").user_id

    def _service_owner(self, request: Request) -> tuple[str, str]:
        account = self._token_owner(request)
        service_id = _named_service(request)
        if service_id:  # an empty id logs in the account alone (Q40)
            self._engine.state.owned_service(account, service_id)
        return account, service_id

    async def _checked(self, request: Request, check: Callable[[Request], Any]) -> Any:
        """Return what a login is good for, or answer it late: see platform.md 3.11."""
        try:
            verdict = check(request)
        except Refused as refusal:
            self._bad_logins += 1
            await asyncio.sleep(self._limits.bad_login_seconds)
            self._refuse(request, refusal.message)
            if self._bad_logins >= self._limits.bad_logins:
                self._engine.submit(_nothing, self._shut_out)
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
        self._carry_out(request, f"user:{user_id}", message_up, user_id, command)

    async def _action(self, request: Request) -> None:
        user_id = self._logged_in_user()
        command = inbound.action(request)
        command = dataclasses.replace(command, channel_id=self._channel(command.channel_id))
        self._focus = "" if command.subtype == "leave" else command.channel_id
        if inbound.is_fetch(request) and not self._coalescer.first(
            user_id, command.channel_id, self._engine.now
        ):
            self._answer(request)
            return
        if command.subtype == "menu_item_click":
            command = await self._with_message(user_id, command)
        self._carry_out(request, f"user:{user_id}", act, user_id, command)

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
        if self._user:
            return self._user
        if self._account:
            raise Refused(Code.NOT_AUTHENTICATED, "Send user_login first to act as a user")
        raise Refused(Code.NOT_AUTHENTICATED, NOT_LOGGED_IN)

    def _channel(self, channel_id: str) -> str:
        """Return the channel meant: the one named, in focus, or the user's only one (Q31)."""
        if channel_id or self._focus:
            return channel_id or self._focus
        joined = self._engine.state.memberships.get(self._user, {})
        if len(joined) == 1:
            return next(iter(joined))
        raise malformed("channel_id is required")

    # From services

    async def _message_down(self, request: Request) -> None:
        account, service_id = self._logged_in_service(request)
        command = inbound.message_down(request)
        identity = f"service:{service_id}"
        self._carry_out(request, identity, message_down, account, service_id, command)

    async def _update(self, request: Request) -> None:
        account, service_id = self._logged_in_service(request)
        command = inbound.update(request)
        identity = f"service:{service_id}"
        self._carry_out(request, identity, update, account, service_id, command)

    def _logged_in_service(self, request: Request) -> tuple[str, str]:
        if not self._account:
            text = "Send service_login first to act as a service" if self._user else NOT_LOGGED_IN
            raise Refused(Code.NOT_AUTHENTICATED, text)
        service_id = _named_service(request)
        if not service_id and len(self._services) == 1:
            service_id = self._services[0]
        if not service_id:
            raise malformed("service_id is required")
        return self._account, service_id

    # From anybody

    async def _heartbeat(self, request: Request) -> None:
        self._peer.send(self._copy(request, True, {}))

    async def _roger(self, request: Request) -> None:
        if not self._user and not self._account:
            raise Refused(Code.NOT_AUTHENTICATED, NOT_LOGGED_IN)
        self._answer(request)

    async def _ignore(self, request: Request) -> None:
        """Say nothing: acknowledging an acknowledgement would never end."""

    def _carry_out(
        self,
        request: Request,
        identity: str,
        command: Callable[Concatenate[State, Moment, P], Outcome],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        self._engine.submit(
            lambda state, moment: command(state, moment, *args, **kwargs),
            lambda: self._peer.send(self._copy(request, True, self._received(request))),
            RequestKey(identity, request.request_id) if request.request_id else None,
        )

    def _answer(self, request: Request) -> None:
        """Acknowledge what has no effects, after everything before it."""
        text = self._copy(request, True, self._received(request))
        self._engine.submit(_nothing, lambda: self._peer.send(text))

    def _refuse(self, request: Request, message: str) -> None:
        text = self._copy(request, False, {"message": message})
        self._engine.submit(_nothing, lambda: self._peer.send(text))

    @staticmethod
    def _received(request: Request) -> dict[str, Any]:
        return {"message": RECEIVED[inbound.TYPES[request.type][0]]}

    @staticmethod
    def _copy(request: Request, status: bool, context: dict[str, Any]) -> str:
        return outbound.copy(request.request_id, request.type, status, context)


def _named_service(request: Request) -> str:
    named = request.frame.get("service_id", request.frame.get("client_id"))
    return named if isinstance(named, str) else ""


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
