"""One aiohttp application on one port: endpoints, sockets, files and the page.

Routing is a look-up in `ENDPOINTS` after the path has been tidied, because clients send
repeated slashes (platform.md 2.1) and every reply, also that of an unknown path, has the
envelope.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from aiohttp import web
from loguru import logger

from moobius.local.connection import serve_socket
from moobius.local.engine import Engine
from moobius.local.hub import Hub
from moobius.local.model.refusal import Code, Refused
from moobius.local.options import PlatformOptions
from moobius.local.web import auth, channels, groups, guard, services, users
from moobius.local.web.call import Call, Parameters, bearer, caller_of, read_parameters
from moobius.local.web.developer import Developer
from moobius.local.web.envelope import failure, success
from moobius.local.web.files import PREFIX, Files
from moobius.local.web.page import page_file, serve_page_file

SLASHES = re.compile(r"/{2,}")
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
    ("POST", "/auth/forgot_password"): Endpoint(auth.resend_confirmation, public=True),
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
    ) -> None:
        self._engine = engine
        self._hub = hub
        self._files = files
        self._options = options
        self._endpoints = {
            **ENDPOINTS,
            ("GET", "/healthz"): Endpoint(_healthy, public=True),
            ("GET", "/local/info"): Endpoint(developer.info, public=True),
            ("GET", "/local/people"): Endpoint(developer.people, public=True),
            ("POST", "/local/people/sign_in"): Endpoint(developer.sign_in, public=True),
            ("POST", "/local/project"): Endpoint(developer.project, public=True),
            ("GET", "/file/upload"): Endpoint(self._upload_form),
        }

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        limit = self._options.limits.body_bytes
        app = web.Application(client_max_size=limit)
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        wrong = guard.objection(request, self._options)
        if wrong is not None:
            return failure(Refused(Code.NOT_PERMITTED, wrong), status=403)
        path = SLASHES.sub("/", request.path)
        if path in SOCKET_PATHS and request.headers.get("Upgrade", "").lower() == "websocket":
            return await serve_socket(request, self._engine, self._hub, self._options.limits)
        response = await self._reply(request, path)
        response.headers.update(guard.cors_headers(request))
        return response

    async def _reply(self, request: web.Request, path: str) -> web.StreamResponse:
        if request.method == "OPTIONS":
            return web.Response(status=204)
        try:
            return await self._dispatch(request, path)
        except Refused as refusal:
            return failure(refusal)
        except web.HTTPException as error:
            return failure(Refused(Code.MALFORMED, error.reason), status=error.status)
        except ConnectionError:
            raise  # the client has gone; there is nobody to answer
        except Exception:
            logger.exception("{} {} failed", request.method, path)
            return failure(Refused(Code.INTERNAL, "Internal server error"))

    async def _dispatch(self, request: web.Request, path: str) -> web.StreamResponse:
        endpoint = self._endpoints.get((request.method, path))
        if endpoint is not None:
            return success(await endpoint.handler(await self._call(request, endpoint)))
        if path.startswith(PREFIX):
            if request.method == "POST":
                return await self._files.upload(request)
            if request.method in ("GET", "HEAD"):
                return self._files.download(path.removeprefix(PREFIX))
        file = page_file(path) if request.method in ("GET", "HEAD") else None
        if file is not None:
            return serve_page_file(file)
        raise Refused(Code.UNKNOWN_PATH, "Not found")

    async def _call(self, request: web.Request, endpoint: Endpoint) -> Call:
        # Before the body is read: a stranger's megabytes are not worth taking.
        known = not endpoint.public or bearer(request)
        try:
            caller = caller_of(request, self._engine) if known else ""
        except Refused:
            if not endpoint.public:
                raise
            caller = ""
        parameters = await read_parameters(request)
        origin = f"{request.scheme}://{request.host}"
        return Call(self._engine, self._options, parameters, caller, origin)

    async def _upload_form(self, call: Call) -> Any:
        """Endpoint 36."""
        return self._files.form(call.origin, _extension(call.parameters))


async def _healthy(call: Call) -> Any:
    return {"status": "ok"}


def _extension(parameters: Parameters) -> str:
    return parameters.text("extension")
