"""One aiohttp application on one port: endpoints, sockets, files and the page.

Routing is a look-up in `ENDPOINTS` after the path has been tidied, because clients send
repeated slashes (platform.md 2.1) and every reply, also that of an unknown path, has the
envelope.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

from aiohttp import web
from loguru import logger

from moobius.errors import StorageError
from moobius.local.attempts import Attempts
from moobius.local.codes import Codes
from moobius.local.connection import serve_socket
from moobius.local.engine import Engine
from moobius.local.faults import Faults
from moobius.local.hub import Hub
from moobius.local.model.refusal import Code, Refused
from moobius.local.options import PlatformOptions
from moobius.local.passwords import digest_of
from moobius.local.unfinished_frames import UnfinishedTotal
from moobius.local.web import auth, channels, groups, legacy, services, users
from moobius.local.web.call import Call, bearer, caller_of, read_parameters
from moobius.local.web.developer import Developer
from moobius.local.web.envelope import HttpRefused, failure, success
from moobius.local.web.files import PREFIX, Files
from moobius.local.web.guard import Guard, cors_headers, is_from_here
from moobius.local.web.operations import Operations
from moobius.local.web.page import page_file, serve_page_file
from moobius.local.web.sending import ReplySlots, send

SLASHES = re.compile(r"/{2,}")
SWITCHING_PROTOCOLS = 101
CLIENT_GONE = 499  # as other servers call it
SOCKET_PATHS = ("/", "/ws")


class Endpoint(NamedTuple):
    """What answers a path; `public` ones are for callers without a token too."""

    handler: Callable[[Call], Awaitable[Any]]
    public: bool = False


ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    ("POST", "/auth/sign_in"): Endpoint(auth.sign_in, public=True),
    ("POST", "/auth/sign_up"): Endpoint(auth.sign_up, public=True),
    ("POST", "/auth/confirm_sign_up"): Endpoint(auth.confirm_sign_up, public=True),
    ("POST", "/auth/resend_confirmation"): Endpoint(auth.resend_confirmation, public=True),
    ("POST", "/auth/forgot_password"): Endpoint(auth.forgot_password, public=True),
    ("POST", "/auth/confirm_reset_password"): Endpoint(auth.confirm_reset_password, public=True),
    ("POST", "/auth/refresh"): Endpoint(auth.refresh, public=True),
    ("POST", "/auth/sign_out"): Endpoint(auth.sign_out, public=True),
    ("POST", "/auth/delete_account"): Endpoint(auth.delete_account, public=True),
    ("GET", "/user/info"): Endpoint(users.user_info),
    ("POST", "/user/info"): Endpoint(users.edit_profile),
    ("POST", "/character/fetch_profile"): Endpoint(users.fetch_profiles),
    ("GET", "/character/fetch_profile"): Endpoint(users.fetch_profiles),
    ("POST", "/channel/create"): Endpoint(channels.create),
    ("POST", "/channel/update"): Endpoint(channels.update),
    ("GET", "/channel/list"): Endpoint(channels.joined),
    ("GET", "/channel/popular"): Endpoint(channels.popular),
    ("GET", "/channel/character_list"): Endpoint(channels.members),
    ("GET", "/channel/history_message"): Endpoint(channels.history),
    ("POST", "/service/create"): Endpoint(services.create),
    ("GET", "/service/list"): Endpoint(services.listing),
    ("POST", "/service/bind"): Endpoint(services.bind),
    ("POST", "/service/unbind"): Endpoint(services.unbind),
    ("POST", "/service/character/create"): Endpoint(services.create_agent),
    ("POST", "/service/character/update"): Endpoint(services.update_agent),
    ("GET", "/service/character/list"): Endpoint(services.agents),
    ("POST", "/service/group/create"): Endpoint(groups.create_service_group),
    ("GET", "/service/group"): Endpoint(groups.resolve),
    ("GET", "/user/group"): Endpoint(groups.resolve),
    ("GET", "/user/group/list"): Endpoint(groups.listing),
    ("POST", "/user/group/create"): Endpoint(groups.create),
    ("POST", "/user/group/update"): Endpoint(groups.update),
    ("POST", "/user/group/delete"): Endpoint(groups.delete),
    ("GET", "/user/group/temp"): Endpoint(groups.temp),
    ("POST", "/user/group/temp"): Endpoint(groups.set_temp),
    ("GET", "/channel/userlist"): Endpoint(legacy.userlist),
    ("POST", "/user/fetch_profile"): Endpoint(legacy.fetch_profiles),
    ("POST", "/service/user/create"): Endpoint(legacy.create_agent),
    ("POST", "/service/user/update"): Endpoint(legacy.update_agent),
    ("GET", "/service/user/list"): Endpoint(legacy.agents),
}


class WebApp:
    """Turns HTTP requests into calls, and replies into envelopes."""

    def __init__(
        self,
        engine: Engine,
        hub: Hub,
        files: Files,
        developer: Developer,
        options: PlatformOptions,
        operations: Operations,
        faults: Faults,
        guard: Guard,
    ) -> None:
        self._guard = guard
        self._engine = engine
        self._hub = hub
        self._files = files
        self._options = options
        self._operations = operations
        self._faults = faults
        self._attempts = Attempts(options.limits, lambda: engine.now)
        self._unfinished = UnfinishedTotal(options.limits.arriving_bytes)
        self._slots = ReplySlots(
            options.limits.large_replies_per_account, options.limits.large_replies
        )
        self._codes = Codes(options.limits.code_ms, lambda: engine.now)
        self._endpoints = {
            **ENDPOINTS,
            ("GET", "/local/info"): Endpoint(developer.info, public=True),
            ("GET", "/local/people"): Endpoint(developer.people, public=True),
            ("POST", "/local/people/sign_in"): Endpoint(developer.sign_in, public=True),
            ("POST", "/local/project"): Endpoint(developer.project, public=True),
            ("POST", "/local/hold"): Endpoint(developer.hold, public=True),
            ("POST", "/local/hold/end"): Endpoint(developer.end_hold, public=True),
            ("GET", "/file/upload"): Endpoint(self._upload_form),
        }

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        limit = self._options.limits.body_bytes
        app = web.Application(client_max_size=limit)
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        wrong = self._guard.objection(request)
        if wrong is not None:
            return failure(HttpRefused(403, Code.NOT_PERMITTED, wrong))
        path = SLASHES.sub("/", request.path)
        if path in SOCKET_PATHS and request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._socket(request)
        async with AsyncExitStack() as held:
            response = await self._reply(request, path, held)
            response.headers.update(cors_headers(request))
            await self._faults.before_reply(request, path)
            await send(request, response, self._options.limits.reply_seconds)
        return response

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        return await serve_socket(
            request,
            self._engine,
            self._hub,
            self._options,
            self._operations.meters,
            self._faults,
            self._unfinished,
        )

    async def _reply(
        self, request: web.Request, path: str, held: AsyncExitStack
    ) -> web.StreamResponse:
        if request.method == "OPTIONS":
            return web.Response(status=204)
        try:
            return await self._dispatch(request, path, held)
        except Refused as refusal:
            return failure(refusal)
        except web.HTTPException as error:
            return failure(HttpRefused(error.status, Code.MALFORMED, error.reason))
        except ConnectionError:
            return web.Response(status=CLIENT_GONE)  # for the counts: nobody reads it
        except Exception as error:
            if not (isinstance(error, StorageError) and self._engine.failed):  # it was said, once
                logger.exception("{} {} failed", request.method, path)
            return failure(Refused(Code.INTERNAL, "Internal server error"))

    async def _dispatch(
        self, request: web.Request, path: str, held: AsyncExitStack
    ) -> web.StreamResponse:
        method = "GET" if request.method == "HEAD" else request.method
        endpoint = self._endpoints.get((method, path.rstrip("/")))
        if endpoint is not None:
            self._faults.check_request(path)
            call = await self._call(request, endpoint, held)
            return success(await endpoint.handler(call))
        operation = self._operations.routes.get(path) if method == "GET" else None
        if operation is not None:
            return operation(request)
        if path.startswith(PREFIX) and method == "POST":
            return await self._files.upload(request)
        if path.startswith(PREFIX) and method == "GET":
            return self._files.download(path.removeprefix(PREFIX))
        file = page_file(path) if method == "GET" else None
        if file is not None:
            return serve_page_file(file)
        raise self._unknown(path)

    def _unknown(self, path: str) -> Refused:
        methods = self._methods(path)
        if not methods:
            return Refused(Code.UNKNOWN_PATH, "Not found")
        if "GET" in methods:
            methods.append("HEAD")
        allow = ", ".join([*methods, "OPTIONS"])
        text = f"Method not allowed; there is {allow}"
        return HttpRefused(405, Code.UNKNOWN_PATH, text, {"Allow": allow})

    def _methods(self, path: str) -> list[str]:
        if path.startswith(PREFIX):
            return ["GET", "POST"]
        if path in self._operations.routes:
            return ["GET"]
        return [method for method, known in self._endpoints if known == path.rstrip("/")]

    async def _call(self, request: web.Request, endpoint: Endpoint, held: AsyncExitStack) -> Call:
        # Before the body is read: that of a caller without a good token is not worth taking.
        caller = self._public_caller(request) if endpoint.public else self._caller(request)
        parameters = await read_parameters(request, self._options.limits)
        return Call(
            self._engine,
            self._options,
            parameters,
            caller,
            self._guard.address_of(request),
            self._attempts,
            self._codes,
            is_from_here(request),
            self._reply_slot(caller, held),
        )

    def _reply_slot(self, caller: str, held: AsyncExitStack) -> Callable[[], Awaitable[None]]:
        """Return how a call gets a slot for a large reply; it is free again after the request."""
        has_slot = False

        async def reply_slot() -> None:
            nonlocal has_slot
            if not has_slot:
                has_slot = True
                await held.enter_async_context(self._slots.slot_of(caller))

        return reply_slot

    def _public_caller(self, request: web.Request) -> str:
        """Return the caller, or an empty text: a public endpoint needs none."""
        try:
            return self._caller(request) if bearer(request) else ""
        except Refused:
            return ""

    def _caller(self, request: web.Request) -> str:
        caller = caller_of(request, self._engine)
        self._faults.check_token(digest_of(bearer(request)))
        return caller

    def route_of(self, request: web.BaseRequest, status: int) -> str:
        """Return a request's route for the metrics; wrong paths have one together."""
        path = SLASHES.sub("/", request.path)
        if status == SWITCHING_PROTOCOLS:
            return "socket"
        if path.startswith(PREFIX):
            return PREFIX
        if any(path.rstrip("/") == known for _, known in self._endpoints):
            return path.rstrip("/")
        if path in self._operations.routes:
            return path
        return "page" if status in (200, 304) else "other"

    def account_of(self, request: web.BaseRequest) -> str:
        """Return the account whose token a request carries, or an empty text."""
        try:
            return caller_of(request, self._engine)
        except Refused:
            return ""

    async def _upload_form(self, call: Call) -> Any:
        """Endpoint 36."""
        return self._files.form(call.origin, call.parameters.text("extension"))
