"""A person at the wire: signs in, joins a channel, acts, and keeps what arrives.

Literal frames over a real socket (platform.md 3); no code of the SDK, so that SDK and Platform
cannot be wrong together.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import Any

import aiohttp

from tests.support.patience import PATIENCE, until

Frame = dict[str, Any]


class Member:
    """One of the ready-made people of the local Platform, in the channel of the service."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.name = name
        self.user_id = ""
        self.channel_id = ""
        self.messages: list[Frame] = []
        self.view: dict[str, Any] = {}
        """The latest content of every kind of update: what this person's page would show."""
        self._copies: dict[str, Frame] = {}

    async def __aenter__(self) -> Member:
        self.session = aiohttp.ClientSession()
        email = f"{self.name.lower()}@example.org"
        data = await self.ask("POST", "/local/people/sign_in", email=email)
        token = data["AuthenticationResult"]["AccessToken"]
        self.session.headers["Authorization"] = f"Bearer {token}"
        self.user_id = (await self.ask("GET", "/user/info"))["user_id"]
        self._socket = await self.session.ws_connect(self.url + "/ws")
        self._reader = asyncio.create_task(self._read())
        await self.send("user_login", access_token=token, auth_origin="cognito")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._socket.close()
            await self._reader
        finally:
            await self.session.close()

    # ---- What a person does ----

    async def join(self) -> None:
        """Find the channel as a stranger would, join it, and look at it at once, as a page does."""
        (channel,) = await self.ask("GET", "/channel/popular")
        self.channel_id = channel["channel_id"]
        await self.act("join")
        await self.act("refresh")

    async def act(self, subtype: str, **fields: Any) -> None:
        body = {"subtype": subtype, "channel_id": self.channel_id, "context": {}, **fields}
        await self.send("action", body=body)

    async def click(
        self, button_id: str, *arguments: tuple[str, str], bottom: str = "confirm"
    ) -> None:
        await self.act(
            "button_click",
            button_id=button_id,
            arguments=[{"label": label, "value": value} for label, value in arguments],
            bottom_button_id=bottom,
        )

    async def write(self, text: str, *recipients: Member) -> None:
        """Write to some members; to Service when nobody is named."""
        await self.send_message("text", {"text": text}, *recipients)

    async def send_message(self, subtype: str, content: Frame, *recipients: Member) -> None:
        group = "service"
        if recipients:
            characters = [member.user_id for member in recipients]
            reply = await self.ask(
                "POST",
                "/user/group/create",
                channel_id=self.channel_id,
                group_name="mine",
                characters=characters,
            )
            group = reply["group_id"]
        body = {
            "subtype": subtype,
            "channel_id": self.channel_id,
            "content": content,
            "recipients": group,
            "timestamp": int(time.time() * 1000),
            "context": {},
        }
        await self.send("message_up", body=body)

    # ---- What a person sees ----

    async def see(self, subtype: str, is_right: Callable[[Any], bool]) -> Any:
        """Wait until an update has brought what is right; return it."""
        await until(
            lambda: subtype in self.view and is_right(self.view[subtype]),
            lambda: f"{self.name} sees {subtype}: {self.view.get(subtype)}",
        )
        return self.view[subtype]

    async def see_characters(self, *names: str) -> None:
        """Wait until the character list consists of these names, in this order."""
        await until(
            lambda: self.view.get("names") == list(names),
            lambda: f"{self.name} sees {self.view.get('names')}, not {list(names)}",
        )

    async def hear(self, text: str) -> Frame:
        """Wait for a message that contains the text; return its body."""
        await until(
            lambda: any(text in said for said in self.texts()),
            lambda: f"{self.name} heard {self.texts()}, not {text!r}",
        )
        return next(m for m in self.messages if text in (m["content"].get("text") or ""))

    async def recall(self, text: str) -> Frame:
        """Wait for a message with this text, also one from before we came; return it."""
        history: list[Frame] = []
        deadline = time.monotonic() + PATIENCE
        while not (found := [m for m in history if m["content"].get("text") == text]):
            assert time.monotonic() < deadline, history
            history = await self.ask(
                "GET", "/channel/history_message", channel_id=self.channel_id, limit="64"
            )
            await asyncio.sleep(0.02)
        return found[0]

    def texts(self) -> list[str]:
        return [message["content"].get("text") or "" for message in self.messages]

    async def names_of(self, character_ids: list[str]) -> list[str]:
        profiles = await self.ask("POST", "/character/fetch_profile", character_list=character_ids)
        return [profile["character_context"]["name"] for profile in profiles]

    # ---- The wire ----

    async def ask(self, method: str, path: str, **fields: Any) -> Any:
        place = {"params": fields} if method == "GET" else {"json": fields}
        async with self.session.request(method, self.url + path, **place) as response:
            envelope = await response.json()
        assert envelope["code"] == 10000, (path, envelope)
        return envelope["data"]

    async def send(self, kind: str, **rest: Any) -> None:
        """Send a frame and wait until the Platform has accepted it."""
        request_id = str(uuid.uuid4())
        await self._socket.send_json({"type": kind, "request_id": request_id, **rest})
        await until(lambda: request_id in self._copies, lambda: f"no answer to {kind}")
        assert self._copies[request_id]["status"], (kind, rest, self._copies[request_id])

    async def _names_in(self, group_id: str) -> list[str]:
        group = await self.ask("GET", "/service/group", group_id=group_id)
        return await self.names_of(group["characters"] if group else [])

    async def _read(self) -> None:
        async for message in self._socket:
            frame = message.json()
            body = frame["body"]
            if frame["type"] == "update" and body["subtype"] == "characters":
                # A Platform that is stopped just now answers no more; then the socket ends too.
                with contextlib.suppress(aiohttp.ClientError):
                    self.view["names"] = await self._names_in(body["content"]["characters"])
            if frame["type"] == "copy":
                self._copies[body["request_id"]] = body
            elif frame["type"] == "message_down":
                self.messages.append(body)
            elif frame["type"] == "update":
                self.view[body["subtype"]] = body["content"]
