"""One HTTP request as an endpoint sees it: parameters read, caller known (platform.md 2.1, 2.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from moobius.local.engine import Engine
from moobius.local.model.accounts import check_token
from moobius.local.model.refusal import malformed
from moobius.local.options import PlatformOptions
from moobius.local.passwords import digest_of

ABSENT = (None, "")


class Parameters:
    """The parameters of a request: its query first, then its JSON body."""

    def __init__(self, query: Mapping[str, Sequence[str]], body: Mapping[str, Any]) -> None:
        self._query = query
        self._body = body

    def value(self, *names: str) -> Any:
        """Return the first of these that is there, as it came; else None."""
        for name in names:
            if name in self._query:
                return self._query[name][-1]
            if self._body.get(name) is not None:
                return self._body[name]
        return None

    def optional(self, name: str) -> str | None:
        """Return a text, or None where it is absent.

        Raises:
            Refused: If it is something else.
        """
        value = self.value(name)
        if value is not None and not isinstance(value, str):
            raise malformed(f"{name} must be a string")
        return value

    def text(self, name: str, default: str = "") -> str:
        """Return a text, or the default where it is absent."""
        value = self.optional(name)
        return default if value is None else value

    def required(self, name: str) -> str:
        """Return a text that has to be there."""
        value = self.text(name)
        if not value:
            raise malformed(f"{name} is required")
        return value

    def optional_ids(self, *names: str) -> list[str] | None:
        """Return a list of ids, in any of the forms of platform.md 2.1; None where absent."""
        for name in names:
            many = self._query.get(f"{name}[]") or self._query.get(name)
            if many:
                return list(many) if len(many) > 1 else _split(many[0])
            value = self._body.get(name)
            if value is not None:
                return _checked_ids(name, value)
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
        return Parameters({}, value or {})


def _split(text: str) -> list[str]:
    if text.startswith("["):
        try:
            return _checked_ids("list", json.loads(text))
        except ValueError:
            raise malformed("a list parameter is not JSON") from None
    return [each.strip() for each in text.split(",") if each.strip()]


def _checked_ids(name: str, value: Any) -> list[str]:
    if isinstance(value, str):
        return _split(value)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise malformed(f"{name} must be a list of ids")
    return value


@dataclass(frozen=True)
class Call:
    """What an endpoint is given.

    Attributes:
        caller: The user the access token belongs to; empty on endpoints that need none.
        origin: `http://host:port` by which the client reached us.
    """

    engine: Engine
    options: PlatformOptions
    parameters: Parameters
    caller: str
    origin: str


async def read_parameters(request: web.Request) -> Parameters:
    """Read query and JSON body; a GET without a usable body is fine, a POST is not.

    Raises:
        Refused: If a POST's body is not a JSON object.
    """
    query = {name: request.query.getall(name) for name in request.query}
    raw = await request.read() if request.can_read_body else b""
    if not raw.strip():
        return Parameters(query, {})
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        body = None
    if not isinstance(body, dict):
        if request.method == "GET":
            return Parameters(query, {})
        raise malformed("the body must be a JSON object")
    return Parameters(query, body)


def bearer(request: web.Request) -> str:
    """Return the access token of a request, or an empty text."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def caller_of(request: web.Request, engine: Engine) -> str:
    """Return the user a request comes from.

    Raises:
        Refused: With code 10005, if the token is missing, invalid or expired.
    """
    return check_token(engine.state, engine.now, digest_of(bearer(request)), "access").user_id
