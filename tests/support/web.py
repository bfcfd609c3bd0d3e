"""A scripted HTTP server, for replies that the real Platform never gives."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Answer:
    """A literal answer."""

    body: str | bytes = ""
    status: int = 200
    headers: Mapping[str, str] | None = None


def envelope(data: Any = None, code: int = 10000, message: str = "Success") -> Answer:
    """An answer in the Platform's format."""
    body = {"code": code, "message": message, "msg": message, "data": data}
    return Answer(json.dumps(body), headers={"Content-Type": "application/json"})


@dataclass(frozen=True)
class Asked:
    """What a client has asked."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    connection: object

    @property
    def json(self) -> Any:
        """The body, when it is JSON."""
        return json.loads(self.body)


class Script:
    """Gives its answers in turn, the last one for ever, and keeps what it was asked."""

    def __init__(self, *answers: Answer | Handler) -> None:
        self.answers = list(answers)
        self.asked: list[Asked] = []
        self.url = ""

    @property
    def paths(self) -> list[str]:
        """What was asked, as in `GET /x`."""
        return [f"{one.method} {one.path}" for one in self.asked]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(
            Asked(
                request.method,
                request.path,
                dict(request.query),
                dict(request.headers),
                await request.read(),
                request.transport,
            )
        )
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not isinstance(answer, Answer):
            return await answer(request)
        body = answer.body.encode() if isinstance(answer.body, str) else answer.body
        return web.Response(body=body, status=answer.status, headers=answer.headers)


@asynccontextmanager
async def web_server(
    *answers: Answer | Handler, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Script]:
    """Listen on a free port."""
    script = Script(*answers)
    app = web.Application(client_max_size=1024**3)
    app.router.add_route("*", "/{path:.*}", script.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        port = runner.addresses[0][1]
        script.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        yield script
    finally:
        await runner.cleanup()
