"""A Platform on disk that people have used: something of everything that it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from moobius.local import LocalPlatform, PlatformOptions
from tests.support.wire import Person, Wire, wire_to

PICTURE = b"\x89PNG not really \x00\xff" * 100


@dataclass
class Furnished:
    """What is in it."""

    ada: Person
    bob: Person
    channel: str
    service_id: str
    agent: str
    group: str
    listed: str
    file: str
    texts: list[str]

    async def check(self, wire: Wire) -> None:
        """See that a Platform has all of it: by the old tokens, under the old ids."""
        self.ada.wire = self.bob.wire = wire
        listing = await self.ada.get("/channel/list")
        assert [each["channel_id"] for each in listing] == [self.channel]
        assert listing[0]["channel_context"]["channel_type"] == "ccs"
        members = await self.ada.get("/channel/character_list", channel_id=self.channel)
        assert members["character_list"] == [self.ada.user_id, self.bob.user_id]
        services = await self.ada.get("/service/list")
        assert [each["channel_ids"] for each in services] == [[self.channel]]
        agents = await self.ada.get("/service/character/list", service_id=self.service_id)
        assert [each["character_id"] for each in agents] == [self.agent]
        group = await self.ada.get("/service/group", group_id=self.group)
        assert group["characters"] == [self.bob.user_id, self.agent]
        groups = await self.bob.get("/user/group/list", channel_id=self.channel)
        assert [each["group_id"] for each in groups] == [self.listed]
        assert await self.texts_of(self.bob) == self.texts
        assert await self.texts_of(self.ada) == []
        async with wire.session.get(wire.url + self.file) as response:
            assert (response.status, await response.read()) == (200, PICTURE)
        body = {"username": self.bob.email, "password": "bob"}
        assert (await wire.call("POST", "/auth/sign_in", body=body))["code"] == 10000
        service = await self.ada.service_socket(self.service_id)
        repeat: dict[str, Any] = {"request_id": "REQ-1", "service_id": self.service_id}
        await service.good(type="message_down", **repeat, body=self.message("one"))
        assert await self.texts_of(self.bob) == self.texts, "a repeat is not done twice"

    def message(self, text: str) -> dict[str, Any]:
        """A message of the service to Bob."""
        return {
            "subtype": "text",
            "channel_id": self.channel,
            "recipients": self.group,
            "content": {"text": text},
            "sender": self.agent,
        }

    async def texts_of(self, person: Person) -> list[str]:
        """Return a history, oldest first."""
        found = await person.get("/channel/history_message", channel_id=self.channel)
        return [each["content"]["text"] for each in reversed(found)]


async def furnish(data: Path) -> Furnished:
    """Run a Platform on a directory, use it, and stop it."""
    async with LocalPlatform(PlatformOptions(data=data)) as platform:
        async with wire_to(platform.url) as wire:
            ada, bob = await wire.sign_up("ada"), await wire.sign_up("bob")
            channel = await ada.channel("Tea room, ünter 茶")
            await bob.join(channel)
            service_id = await ada.bound_service(channel)
            owl = await ada.post(
                "/service/character/create", service_id=service_id, context={"name": "Owl"}
            )
            agent = owl["character_id"]
            group = await ada.group(bob.user_id, agent)
            whistle = await bob.post(
                "/user/group/create", channel_id=channel, group_name="us", characters=[agent]
            )
            file = await _upload(wire, ada)
            there = Furnished(
                *(ada, bob, channel, service_id, agent, group, whistle["group_id"], file),
                texts=["one", "zwei", "三"],
            )
            service = await ada.service_socket(service_id)
            for number, text in enumerate(there.texts, 1):
                await service.good(
                    type="message_down",
                    request_id=f"REQ-{number}",
                    service_id=service_id,
                    body=there.message(text),
                )
            await there.check(wire)
    return there


async def _upload(wire: Wire, person: Person) -> str:
    """Upload the picture; return its path."""
    form = await person.get("/file/upload", extension="my picture.png")
    data = aiohttp.FormData(form["fields"])
    data.add_field("file", PICTURE, filename="my picture.png")
    async with wire.session.post(form["url"], data=data) as response:
        assert response.status == 204
    return "/files/" + str(form["fields"]["key"])
