"""The envelope around every reply (platform.md 2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from moobius.local.model.refusal import Code, Refused

HTTP_STATUS = {Code.UNKNOWN_PATH: 404, Code.INTERNAL: 500}


class HttpRefused(Refused):
    """A refusal by HTTP itself, with a status of its own.

    Business errors have none: they are HTTP 200, or JavaScript clients could not read them (Q2).
    """

    def __init__(
        self, status: int, code: Code, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code, message)
        self.status = status
        self.headers = headers

    def __reduce__(self) -> tuple[type[HttpRefused], tuple[Any, ...]]:
        return type(self), (self.status, self.code, self.message, self.headers)


def success(data: Any) -> web.Response:
    """Return the reply of something that worked."""
    return _reply(200, Code.SUCCESS, "Success", {} if data is None else data)


def failure(refusal: Refused) -> web.Response:
    """Return the reply of something that did not."""
    if isinstance(refusal, HttpRefused):
        return _reply(refusal.status, refusal.code, refusal.message, {}, refusal.headers)
    return _reply(HTTP_STATUS.get(refusal.code, 200), refusal.code, refusal.message, {})


def _reply(
    status: int, code: Code, message: str, data: Any, headers: Mapping[str, str] | None = None
) -> web.Response:
    body = {"code": int(code), "message": message, "msg": message, "data": data}
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        content_type="application/json",
        charset="utf-8",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )
