"""The envelope around every reply (platform.md 2.3)."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from moobius.local.model.refusal import Code, Refused

HTTP_STATUS = {Code.UNKNOWN_PATH: 404, Code.INTERNAL: 500}


def success(data: Any) -> web.Response:
    """Return the reply of something that worked."""
    return _reply(Code.SUCCESS, "Success", {} if data is None else data)


def failure(refusal: Refused, status: int | None = None) -> web.Response:
    """Return the reply of something that did not; business errors are HTTP 200."""
    return _reply(refusal.code, refusal.message, {}, status)


def _reply(code: Code, message: str, data: Any, status: int | None = None) -> web.Response:
    body = {"code": int(code), "message": message, "msg": message, "data": data}
    return web.Response(
        body=msgspec.json.encode(body),
        status=status or HTTP_STATUS.get(code, 200),
        content_type="application/json",
        charset="utf-8",
        headers={"Cache-Control": "no-store"},
    )
