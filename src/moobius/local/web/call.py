"""One HTTP request as an endpoint sees it: parameters read, caller known (platform.md 2.1, 2.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from moobius.local.attempts import Attempts
from moobius.local.codes import Codes
from moobius.local.engine import Engine
from moobius.local.model.accounts import check_token
from moobius.local.model.refusal import Code, malformed
from moobius.local.options import Limits, PlatformOptions
from moobius.local.passwords import digest_of
from moobius.local.web.envelope import HttpRefused

# UnicodeDecodeError stands under ValueError, as does whatever msgspec raises.
UNREADABLE = (ValueError, RecursionError)


class Parameters:
    """The parameters of a request: its query first, then its JSON body."""

    def __init__(
        self, query: Mapping[str, Sequence[str]], body: Mapping[str, Any], limits: Limits
    ) -> None:
        self._query = query
        self._body = body
        self._limits = limits

    def value(self, *names: str) -> Any:
        """Return the first of these that is there, as it came; else None."""
        for name in names:
            if name in self._query:
                return self._query[name][-1]
            if self._body.get(name) is not None:
                return self._body[name]
        return None

    def optional(self, name: str, most: int | None = None) -> str | None:
        """Return a text, or None where it is absent.

        Raises:
            Refused: If it is something else, or longer than `most` characters.
        """
        value = self.value(name)
        if value is not None and not isinstance(value, str):
            raise malformed(f"{name} must be a string")
        most = self._limits.text_chars if most is None else most
        if value is not None and len(value) > most:
            raise malformed(f"{name} may have at most {most} characters")
        return value

    def text(self, name: str, default: str = "") -> str:
        """Return a text, or the default where it is absent."""
        value = self.optional(name)
        return default if value is None else value

    def required(self, name: str, most: int | None = None) -> str:
        """Return a text that has to be there."""
        value = self.optional(name, most)
        if not value:
            raise malformed(f"{name} is required")
        return value

    def optional_name(self, name: str) -> str | None:
        """Return what something is called, or None where it is absent; names are short."""
        return self.optional(name, self._limits.name_chars)

    def required_name(self, name: str) -> str:
        """Return what something is called; it has to be there."""
        return self.required(name, self._limits.name_chars)

    def optional_ids(self, *names: str) -> list[str] | None:
        """Return a list of ids, in any of the forms of platform.md 2.1; None where absent."""
        for name in names:
            many = self._query.get(f"{name}[]") or self._query.get(name)
            if many:
                return self._checked_ids(name, list(many) if len(many) > 1 else many[0])
            value = self._body.get(name)
            if value is not None:
                return self._checked_ids(name, value)
        return None

    def ids(self, *names: str) -> list[str]:
        """Return a list of ids that has to be there."""
        found = self.optional_ids(*names)
        if found is None:
            raise malformed(f"{names[0]} is required")
        return found

    def context(self) -> Parameters:
        """Return the `context` object's fields; an absent one has none."""
        value = self._body.get("context")
        if value is not None and not isinstance(value, dict):
            raise malformed("context must be an object")
        return Parameters({}, value or {}, self._limits)

    def _checked_ids(self, name: str, value: Any) -> list[str]:
        if isinstance(value, str):
            value = _split(name, value)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise malformed(f"{name} must be a list of ids")
        most = self._limits.name_chars
        if any(len(each) > most for each in value):
            raise malformed(f"an id in {name} may have at most {most} characters")
        return value


def _split(name: str, text: str) -> Any:
    """Return the list that a text stands for: JSON, or separated by commas."""
    if not text.startswith("["):
        return [each.strip() for each in text.split(",") if each.strip()]
    try:
        return msgspec.json.decode(text)
    except UNREADABLE:
        raise malformed(f"{name} is not JSON") from None


@dataclass(frozen=True)
class Call:
    """What an endpoint is given.

    Attributes:
        caller: The user the access token belongs to; empty on endpoints that need none.
        origin: `http://host:port` by which clients reach us.
        attempts: Who may guess at passwords and codes now.
        codes: The confirmation codes that are good.
        is_from_here: Whether a program on this machine asks, and not for somebody else.
        reply_slot: Waits until a large reply may be made and sent; may be called again.
    """

    engine: Engine
    options: PlatformOptions
    parameters: Parameters
    caller: str
    origin: str
    attempts: Attempts
    codes: Codes
    is_from_here: bool
    reply_slot: Callable[[], Awaitable[None]]


async def read_parameters(request: web.Request, limits: Limits) -> Parameters:
    """Read query and JSON body; a GET without a usable body is fine, a POST is not.

    Raises:
        Refused: If a POST's body is not a JSON object, is too large, or does not arrive.
    """
    query = {name: request.query.getall(name) for name in request.query}
    raw = await _body(request, limits) if request.can_read_body else b""
    if not raw.strip():
        return Parameters(query, {}, limits)
    try:
        body = msgspec.json.decode(raw)
    except UNREADABLE:
        body = None
    if not isinstance(body, dict):
        if request.method in ("GET", "HEAD"):
            return Parameters(query, {}, limits)
        raise malformed("the body must be a JSON object")
    return Parameters(query, body, limits)


async def _body(request: web.Request, limits: Limits) -> bytes:
    try:
        return await asyncio.wait_for(request.read(), limits.stalled_seconds)
    except web.HTTPRequestEntityTooLarge:
        text = f"the body may have at most {limits.body_bytes} bytes"
        raise HttpRefused(413, Code.MALFORMED, text) from None
    except asyncio.TimeoutError:
        text = f"the body did not arrive within {limits.stalled_seconds:g} s"
        raise HttpRefused(408, Code.MALFORMED, text) from None
    except web.RequestPayloadError:
        raise malformed("the body is not what its Content-Encoding or its length say") from None


def bearer(request: web.BaseRequest) -> str:
    """Return the access token of a request, or an empty text."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    # A header may hold bytes that are no text, and comes with surrogates for them.
    return token.strip().encode(errors="replace").decode() if scheme.lower() == "bearer" else ""


def caller_of(request: web.BaseRequest, engine: Engine) -> str:
    """Return the user a request comes from.

    Raises:
        Refused: With code 10005, if the token is missing, invalid or expired.
    """
    return check_token(engine.state, engine.now, digest_of(bearer(request)), "access").user_id
