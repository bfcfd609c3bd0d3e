"""Random requests and frames: some nearly right, some no JSON, some no text. Seeded."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NAMES = (
    *("channel_id", "service_id", "group_id", "character_id", "characters", "members", "context"),
    *("username", "password", "access_token", "refresh_token", "name", "avatar", "description"),
    *("channel_name", "group_name", "limit", "before", "after", "character_list", "extension"),
    *("confirmation_code", "userlist", "email", "project", "service", "developer_key"),
)
FIELDS = (
    *("subtype", "channel_id", "content", "recipients", "timestamp", "sender", "context"),
    *("button_id", "menu_item_id", "message_id", "message_subtype", "message_content"),
    *("arguments", "bottom_button_id", "group_id", "labels"),
)
SUBTYPES = ("text", "characters", "buttons", "menu", "canvas", "style", "channel_info", "refresh")
CLICKS = ("button_click", "menu_item_click", "update_buttons", "fetch_style")
TYPES = ("message_up", "message_down", "update", "action", "button_click", "menu_click", "refresh")
KEYS = ("characters", "text", "dialog", "components", "button_id", "label", "type", "widget")
METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS")
ODD = ("", "\0é𝄞", "null", "../../etc/passwd", "%00", "'\"<script>", "\u202e" * 9)
NUMBERS = (0, -1, 1.5, 2**31, 2**63, 2**70, -(2**200), 1e300, 1e-300)
CONTENT_TYPES = (
    *("application/json", "text/plain", "application/x-www-form-urlencoded", "", "*/*", "é"),
    *("multipart/form-data", "multipart/form-data; boundary=x", "application/json; charset=utf-99"),
)
RAW = (
    *(b"", b"\xff\xfe\x00", b"[]", b"null", b'"text"', b"{", b'{"a":', b"{}{}", b"\xef\xbb\xbf{}"),
    *(b"[" * 50_000, b'{"a":' * 20_000, b'{"limit": 1' + b"0" * 5000 + b"}", b'{"limit": NaN}'),
    *(b'{"channel_id": "\\ud800"}', b'{"context": {"a": 1e999}}', b"--x\r\n\r\n--x--", b"a=b&c=%"),
)


@dataclass(frozen=True)
class Request:
    """A request that may be anything."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes


class Nonsense:
    """Makes things up; the same seed makes up the same."""

    def __init__(self, seed: int, ids: Sequence[str]) -> None:
        self.dice = random.Random(seed)
        self._plain: list[Any] = [*ids, *SUBTYPES, *CLICKS, *ODD, *NUMBERS, None, True, "x" * 5000]

    def value(self, depth: int = 0) -> Any:
        """Return something of any JSON type."""
        dice = self.dice
        kind = dice.randrange(4 if depth < 4 else 2)
        if kind == 2:
            return [self.value(depth + 1) for _ in range(dice.randrange(4))]
        if kind == 3:
            return {dice.choice(KEYS): self.value(depth + 1) for _ in range(dice.randrange(5))}
        return dice.choice(self._plain)

    def request(self, method: str, path: str, token: str) -> Request:
        """Return a request to an endpoint, or to one beside it."""
        dice = self.dice
        if dice.random() < 0.1:
            method = dice.choice(METHODS)
        if dice.random() < 0.1:
            path = dice.choice(("/", path + "/", "/" + path, path.upper(), path + "%2e%2e", "/%ff"))
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        if dice.random() < 0.2:
            headers["Content-Type"] = dice.choice(CONTENT_TYPES)
        if dice.random() < 0.2:
            headers["Authorization"] = dice.choice(("", "Bearer", "Basic eDp5", "Bearer é", token))
        if dice.random() < 0.05:
            headers["Content-Encoding"] = dice.choice(("gzip", "deflate", "br", "nonsense"))
        query = [
            (dice.choice(NAMES), str(self._query_value())) for _ in range(dice.choice((0, 0, 1, 3)))
        ]
        return Request(method, path, query, headers, self._body())

    def _query_value(self) -> Any:
        value = self.value(depth=3)
        return value if isinstance(value, str) else json.dumps(value)

    def _body(self) -> bytes:
        dice = self.dice
        if dice.random() < 0.15:
            return dice.choice(RAW)
        names = [name for name in NAMES if dice.random() < 0.6]
        text = json.dumps({name: self.value() for name in names}).encode()
        return self._mutated(text) if dice.random() < 0.1 else text

    def frame(self, sensible: dict[str, Any]) -> str | bytes | list[str]:
        """Return what to send as one message: text, bytes, or the fragments of a text.

        Args:
            sensible: A frame that would be carried out.
        """
        dice = self.dice
        if dice.random() < 0.1:
            raw = dice.choice(RAW)
            return raw if dice.random() < 0.3 else raw.decode("utf-8", "replace")
        body = dict(sensible["body"])
        for name in FIELDS:
            if dice.random() < 0.15:
                body[name] = self.value()
            elif dice.random() < 0.1:
                body.pop(name, None)
        frame = {**sensible, "body": body}
        for name in ("type", "request_id", "service_id", "user_id", "body", "access_token"):
            if dice.random() < 0.04:
                frame[name] = self.value()
        text = json.dumps(frame)
        if dice.random() < 0.1:
            return self._mutated(text.encode()).decode("utf-8", "replace")
        if dice.random() < 0.2:
            cut = dice.randrange(len(text))
            return [text[:cut], "", text[cut:]]
        if dice.random() < 0.01:
            return text + " " * dice.choice((200_000, 5_000_000))
        return text

    def _mutated(self, text: bytes) -> bytes:
        """Return it with some bytes changed, lost, or doubled."""
        found = bytearray(text)
        for _ in range(self.dice.randrange(1, 8)):
            where = self.dice.randrange(len(found) + 1)
            found[where : where + self.dice.randrange(3)] = self.dice.randbytes(
                self.dice.randrange(3)
            )
        return bytes(found)
