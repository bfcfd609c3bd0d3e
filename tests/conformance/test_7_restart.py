"""Decision Q45: what is there again after a restart, asked as clients ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from moobius.local import LocalPlatform, PlatformOptions
from tests.support.raw_http import ask
from tests.support.wire import Person, Wire, data_of, wire_to

EVE = {"username": "eve@example.net", "password": "eve"}


async def furnish(wire: Wire) -> tuple[Person, dict[str, Any]]:
    """Let Eve and Bob make one of everything; return Eve, and what to ask for it."""
    eve, bob = await wire.sign_up("eve"), await wire.be("bob@example.org")
    await eve.post("/user/info", name="Eve", avatar="https://files.example/e.png", description="x")
    channel = await eve.channel("Garden")
    await bob.join(channel)
    service = await eve.bound_service(channel)
    context = {"name": "Owl", "avatar": "", "description": "wise"}
    owl = await eve.post("/service/character/create", service_id=service, context=context)
    here = {"channel_id": channel}
    await eve.post("/user/group/create", **here, group_name="Us", characters=["a", "b"])
    await eve.post("/user/group/temp", **here, characters=["c"])
    socket = await eve.service_socket(service)
    body = {**here, "subtype": "text", "content": {"text": "hello"}, "sender": "OWL"}
    body["recipients"] = await eve.group(eve.user_id)
    await socket.good(type="message_down", service_id=service, body=body)
    return eve, {
        "/user/info": {},
        "/channel/list": {},
        "/channel/popular": {},
        "/channel/character_list": here,
        "/channel/history_message": here,
        "/service/list": {},
        "/service/character/list": {"service_id": service},
        "/user/group": {"group_id": body["recipients"]},
        "/user/group/list": here,
        "/user/group/temp": here,
        "/character/fetch_profile": {"character_list": f"{owl['character_id']},{bob.user_id}"},
    }


async def answers(eve: Person, asked: dict[str, Any]) -> dict[str, Any]:
    return {path: await eve.get(path, **query) for path, query in asked.items()}


async def test_q45_after_a_restart_every_answer_is_as_it_was(tmp_path: Path) -> None:
    options = PlatformOptions(data=tmp_path / "data")
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        eve, asked = await furnish(wire)
        before = await answers(eve, asked)
        assert all(before.values()), "one of everything"
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        eve.wire = wire
        assert await answers(eve, asked) == before  # with the token of before, too
        body = {"username": eve.email, "refresh_token": eve.refresh_token}
        data_of(await wire.call("POST", "/auth/refresh", body=body))
        assert (await ask(wire.url, "POST", "/auth/sign_in", body=EVE)).code == 10000
        await ask(wire.url, "POST", "/auth/sign_out", body={"access_token": eve.token})
    async with LocalPlatform(options) as platform:
        assert (await ask(platform.url, "GET", "/user/info", token=eve.token)).code == 10005
