"""A service written at the wire: literal frames of platform.md 3, no code of the SDK."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from types import TracebackType
from typing import Any

import aiohttp

from tests.support.patience import PATIENCE

Frame = dict[str, Any]


class RawService:
    """An account with a service bound to a channel of its own; keeps every frame it receives."""

    def __init__(self, url: str, channel_name: str = "Tea room", *, bind: bool = True) -> None:
        self.url = url
        self.channel_name = channel_name
        self.channel_id = ""
        self.service_id = ""
        self.frames: list[Frame] = []
        self._bind = bind
        self._news = asyncio.Condition()
        self._copies: dict[str, Frame] = {}
        self._numbers = itertools.count()

    async def __aenter__(self) -> RawService:
        self._session = aiohttp.ClientSession()
        account = {"username": "owner@example.org", "password": "correct horse"}
        await self.post("/auth/sign_up", account)
        tokens = (await self.post("/auth/sign_in", account))["AuthenticationResult"]
        self._session.headers["Authorization"] = f"Bearer {tokens['AccessToken']}"
        self._session.headers["Auth-Origin"] = "cognito"
        channel = {"channel_name": self.channel_name, "context": {"channel_description": ""}}
        self.channel_id = (await self.post("/channel/create", channel))["channel_id"]
        self._socket = await self._session.ws_connect(self.url)
        self._reader = asyncio.create_task(self._read())
        login = {"auth_origin": "cognito", "access_token": tokens["AccessToken"]}
        await self._send({"type": "user_login", **login})
        leave = {"subtype": "leave", "channel_id": self.channel_id, "context": {}}
        await self._send({"type": "action", "body": leave})
        if self._bind:
            service = await self.post("/service/create", {"description": "raw"})
            self.service_id = service["service_id"]
            pair = {"channel_id": self.channel_id, "service_id": self.service_id}
            await self.post("/service/bind", pair)
            await self._send({"type": "service_login", "service_id": self.service_id, **login})
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._reader.cancel()
        await self._socket.close()
        await self._session.close()

    async def post(self, path: str, body: Frame) -> Any:
        """Call an endpoint and return its data."""
        async with self._session.post(self.url + path, json=body) as response:
            envelope = await response.json()
        assert envelope["code"] == 10000, f"POST {path}: {envelope}"
        return envelope["data"]

    async def agent(self, name: str, avatar: str = "") -> str:
        """Create an agent and return its id."""
        context = {"name": name, "avatar": avatar, "description": f"{name}, an agent"}
        data = {"service_id": self.service_id, "context": context}
        character: str = (await self.post("/service/character/create", data))["character_id"]
        return character

    async def group(self, *characters: str) -> str:
        """Make a group of these characters and return its id."""
        body = {"group_id": "", "characters": list(characters)}
        group: str = await self.post("/service/group/create", body)
        return group

    async def update(self, subtype: str, content: Any, *to: str) -> None:
        """Send an update to these members."""
        body = {"subtype": subtype, "channel_id": self.channel_id, "content": content}
        body["recipients"] = await self.group(*to)
        await self._send({"type": "update", "service_id": self.service_id, "body": body})

    async def show_characters(self, characters: list[str], *to: str) -> None:
        """Send a character list to these members."""
        await self.update("characters", {"characters": await self.group(*characters)}, *to)

    async def say(
        self, content: Frame, sender: str, *to: str, subtype: str = "text", timestamp: int = 0
    ) -> None:
        """Send a message to these members, in the name of `sender`; without a time, of 2024."""
        body = {
            "subtype": subtype,
            "channel_id": self.channel_id,
            "content": content,
            "recipients": await self.group(*to),
            "timestamp": timestamp or 1_719_000_000_000 + next(self._numbers),
            "context": {},
            "sender": sender,
        }
        await self._send({"type": "message_down", "service_id": self.service_id, "body": body})

    async def expect(self, matches: Callable[[Frame], bool]) -> Frame:
        """Wait for a frame that matches, among those that came and those that come."""

        def found() -> Frame | None:
            return next((frame for frame in self.frames if matches(frame)), None)

        async with self._news:
            try:
                waiting = self._news.wait_for(lambda: found() is not None)
                await asyncio.wait_for(waiting, PATIENCE)
            except asyncio.TimeoutError:
                raise AssertionError(f"no such frame among {self.frames}") from None
        frame = found()
        assert frame is not None
        return frame

    async def action(self, subtype: str, sender: str | None = None) -> Frame:
        """Wait for an action of this subtype and return its body."""
        frame = await self.expect(
            lambda frame: (
                frame["type"] == "action"
                and frame["body"]["subtype"] == subtype
                and sender in (None, frame["body"]["sender"])
            )
        )
        body: Frame = frame["body"]
        return body

    async def message(self, text: str) -> Frame:
        """Wait for a text message upwards and return its body."""
        frame = await self.expect(
            lambda frame: (
                frame["type"] == "message_up" and frame["body"]["content"].get("text") == text
            )
        )
        body: Frame = frame["body"]
        return body

    async def characters_of(self, group_id: str) -> list[str]:
        """Resolve a group."""
        params = {"group_id": group_id}
        async with self._session.get(self.url + "/service/group", params=params) as response:
            envelope = await response.json()
        characters: list[str] = envelope["data"]["characters"]
        return characters

    async def _send(self, frame: Frame) -> None:
        request_id = f"request-{next(self._numbers)}"
        await self._socket.send_json({"request_id": request_id, **frame})
        async with self._news:
            arrived = self._news.wait_for(lambda: request_id in self._copies)
            await asyncio.wait_for(arrived, PATIENCE)
        copy = self._copies.pop(request_id)
        assert copy["status"], f"{frame} was refused: {copy['context']}"

    async def _read(self) -> None:
        async for message in self._socket:
            frame = message.json()
            async with self._news:
                if frame["type"] == "copy":
                    self._copies[frame["body"]["request_id"]] = frame["body"]
                else:
                    self.frames.append(frame)
                self._news.notify_all()
