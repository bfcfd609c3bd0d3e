"""Our own endpoints: ready-made people, and what the default Platform needs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from moobius.local import LocalPlatform, PlatformOptions
from moobius.local.options import Limits
from tests.support.wire import Person, Wire, data_of, wire_to


async def _project(platform: LocalPlatform, wire: Wire, **asked: Any) -> dict[str, Any]:
    body = {"developer_key": platform.developer_key, "project": "tea", "service": "Tea", **asked}
    return await wire.call("POST", "/local/project", body=body)


async def test_the_people_are_there_and_need_no_password(wire: Wire) -> None:
    people = data_of(await wire.call("GET", "/local/people"))
    assert [each["name"] for each in people] == ["Ada", "Bob", "Cy", "Dee"]
    body = {"email": people[0]["email"]}
    login = data_of(await wire.call("POST", "/local/people/sign_in", body=body))
    assert login["user_id"] == people[0]["user_id"]
    token = login["AuthenticationResult"]["AccessToken"]
    info = data_of(await wire.call("GET", "/user/info", token=token))
    assert info["context"]["name"] == "Ada"
    assert data_of(await wire.call("GET", "/channel/list", token=token)) == []


async def test_nobody_else_is_let_in_without_a_password(ada: Person) -> None:
    for email in (ada.email, "developer@local"):
        reply = await ada.wire.call("POST", "/local/people/sign_in", body={"email": email})
        assert reply["code"] == 10002
    for password in ("x", ""):
        body = {"username": "ada@example.org", "password": password}
        assert (await ada.wire.call("POST", "/auth/sign_in", body=body))["code"] != 10000


async def test_a_project_gets_a_service_and_a_channel_once(
    platform: LocalPlatform, wire: Wire
) -> None:
    first = data_of(await _project(platform, wire))
    assert first["email"] == "developer@local"
    assert data_of(await _project(platform, wire)) == first
    body = {"username": first["email"], "password": first["password"]}
    login = data_of(await wire.call("POST", "/auth/sign_in", body=body))
    owner = Person(wire, first["email"], login["AuthenticationResult"]["AccessToken"], "")
    (channel,) = first["channels"]
    listed = await owner.get("/service/list")
    assert listed[0]["service_id"] == first["service_id"]
    assert listed[0]["channel_ids"] == [channel]
    members = await owner.get("/channel/character_list", channel_id=channel)
    assert members == {"character_list": []}
    popular = await owner.get("/channel/popular")
    assert (popular[0]["channel_name"], popular[0]["channel_id"]) == ("Tea", channel)
    other = data_of(await _project(platform, wire, service="Cocoa"))
    assert other["service_id"] != first["service_id"]
    user_mode = data_of(await _project(platform, wire, service=None))
    assert user_mode["service_id"] == ""
    assert user_mode["channels"] == [channel, *other["channels"]]


async def test_two_that_start_together_share_the_account(
    platform: LocalPlatform, wire: Wire
) -> None:
    replies = await asyncio.gather(*(_project(platform, wire, service=s) for s in ("Tea", "Milk")))
    assert len({data_of(reply)["service_id"] for reply in replies}) == 2


async def test_a_channel_unbound_since_is_not_taken_back(
    platform: LocalPlatform, wire: Wire
) -> None:
    given = {"email": "me@example.net", "password": "secret"}
    first = data_of(await _project(platform, wire, **given))
    body = {"username": given["email"], "password": given["password"]}
    login = data_of(await wire.call("POST", "/auth/sign_in", body=body))
    owner = Person(wire, given["email"], login["AuthenticationResult"]["AccessToken"], "")
    pair = {"channel_id": first["channels"][0], "service_id": first["service_id"]}
    await owner.post("/service/unbind", **pair)
    assert data_of(await _project(platform, wire, **given)) == first
    assert (await owner.get("/service/list"))[0]["channel_ids"] == []


async def test_wrong_keys_and_passwords_are_refused(platform: LocalPlatform, wire: Wire) -> None:
    assert (await _project(platform, wire, developer_key="wrong"))["code"] == 10006
    assert (await _project(platform, wire, developer_key=""))["code"] == 10001
    given = {"email": "me@example.net", "password": "secret"}
    assert (await _project(platform, wire, **given))["code"] == 10000
    given["password"] = "wrong"
    assert (await _project(platform, wire, **given))["code"] == 10006
    assert (await _project(platform, wire, email="me@example.net"))["code"] == 10001
    given["email"] = "x" * Limits().name_chars + "@example.net"  # nobody could sign in with it
    assert (await _project(platform, wire, **given))["code"] == 10001


async def test_without_developer_mode_there_are_no_people() -> None:
    for options in (
        PlatformOptions(developer=False),
        PlatformOptions(host="0.0.0.0"),
        PlatformOptions(public_url="https://chat.example"),
    ):
        async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
            assert data_of(await wire.call("GET", "/local/info"))["developer"] is False
            assert (await wire.call("GET", "/local/people"))["code"] == 10003
            body = {"email": "ada@example.org"}
            reply = await wire.call("POST", "/local/people/sign_in", body=body)
            assert reply["code"] == 10003
            assert (await _project(platform, wire))["code"] == 10003


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
        {"Via": "1.1 proxy"},
        {"Host": "chat.example"},
    ],
)
async def test_whoever_comes_through_a_proxy_meets_no_developer_mode(
    headers: dict[str, str],
) -> None:
    options = PlatformOptions(allow_hosts=("chat.example",))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        async with wire.session.get(wire.url + "/local/info", headers=headers) as reply:
            assert (await reply.json())["data"]["developer"] is False
        async with wire.session.get(wire.url + "/local/people", headers=headers) as reply:
            assert (await reply.json())["code"] == 10003
        body = {"email": "ada@example.org"}
        url = wire.url + "/local/people/sign_in"
        async with wire.session.post(url, json=body, headers=headers) as reply:
            assert (await reply.json())["code"] == 10003


async def test_a_held_service_hears_later_what_came_meanwhile(
    platform: LocalPlatform, wire: Wire
) -> None:
    given = data_of(await _project(platform, wire))
    body = {"username": given["email"], "password": given["password"]}
    login = data_of(await wire.call("POST", "/auth/sign_in", body=body))
    owner = Person(wire, given["email"], login["AuthenticationResult"]["AccessToken"], "")
    service = await owner.service_socket(given["service_id"])

    async def joined(name: str) -> None:
        person = await wire.be(f"{name}@example.org")
        await person.join(given["channels"][0])

    held = {"developer_key": platform.developer_key, "holder": "dev", "seconds": 60}
    held["service_id"] = given["service_id"]
    data_of(await wire.call("POST", "/local/hold", body=held))
    await joined("ada")
    await service.nothing()
    await service.close()
    await joined("bob")
    service = await owner.service_socket(given["service_id"], "/?holder=dev")
    await service.nothing()
    data_of(await wire.call("POST", "/local/hold", body={**held, "resume": True}))
    subtypes = [frame["body"]["subtype"] for frame in await service.drain()]
    assert subtypes.count("join") == 2
    await service.close()
    end = {"developer_key": platform.developer_key, "holder": "dev"}
    data_of(await wire.call("POST", "/local/hold/end", body=end))
    await joined("cy")
    service = await owner.service_socket(given["service_id"])
    await service.nothing()


async def test_who_logs_in_without_the_holder_gets_what_was_kept_and_hears(
    platform: LocalPlatform, wire: Wire
) -> None:
    given = data_of(await _project(platform, wire))
    body = {"username": given["email"], "password": given["password"]}
    login = data_of(await wire.call("POST", "/auth/sign_in", body=body))
    owner = Person(wire, given["email"], login["AuthenticationResult"]["AccessToken"], "")
    held = {"developer_key": platform.developer_key, "holder": "dev", "seconds": 60}
    held["service_id"] = given["service_id"]
    data_of(await wire.call("POST", "/local/hold", body=held))
    people = [await wire.be(f"{name}@example.org") for name in ("ada", "bob", "cy")]
    for person in people[:2]:
        await person.join(given["channels"][0])
    service = await owner.service_socket(given["service_id"])
    await people[2].join(given["channels"][0])
    frames = [frame["body"] for frame in await service.drain()]
    joined = [body["sender"] for body in frames if body.get("subtype") == "join"]
    assert joined == [(await person.get("/user/info"))["user_id"] for person in people]


async def test_only_the_developer_holds_and_only_what_there_is(
    platform: LocalPlatform, wire: Wire
) -> None:
    given = data_of(await _project(platform, wire))
    right: dict[str, Any] = {
        "developer_key": platform.developer_key,
        "service_id": given["service_id"],
        "holder": "dev",
        "seconds": 60,
    }
    wrong: list[tuple[dict[str, Any], int]] = [
        ({"developer_key": "wrong"}, 10006),
        ({"service_id": "nobody"}, 10002),
        ({"seconds": 0}, 10001),
        ({"seconds": "long"}, 10001),
        ({"holder": ""}, 10001),
    ]
    for change, code in wrong:
        reply = await wire.call("POST", "/local/hold", body={**right, **change})
        assert reply["code"] == code, change
    reply = await wire.call("POST", "/local/hold/end", body={"developer_key": "wrong"})
    assert reply["code"] == 10006


async def test_nobody_else_gets_the_developers_address(platform: LocalPlatform, wire: Wire) -> None:
    for username in ("developer@local", " Developer@LOCAL "):
        body = {"username": username, "password": "mallory"}
        reply = await wire.call("POST", "/auth/sign_up", body=body)
        assert reply["code"] == 10007
        assert "choose another" in reply["message"]
    assert data_of(await _project(platform, wire))["email"] == "developer@local"


async def test_who_was_in_the_developers_account_with_another_password_is_put_out(
    tmp_path: Path,
) -> None:
    """As after the data directory has been given a new key, or by an older version."""
    options = PlatformOptions(data=tmp_path)
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        given = data_of(await _project(platform, wire))
        login = {"username": given["email"], "password": given["password"]}
        reply = data_of(await wire.call("POST", "/auth/sign_in", body=login))
        tokens = reply["AuthenticationResult"]
        other = Person(wire, given["email"], tokens["AccessToken"], tokens["RefreshToken"])
    (tmp_path / "developer.key").unlink()
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        other.wire = wire
        socket = await other.user_socket()
        again = data_of(await _project(platform, wire))
        assert (again["service_id"], again["channels"]) == (given["service_id"], given["channels"])
        assert await socket.closed() == 1001
        assert await other.refused("GET", "/user/info") == 10005
        body = {"refresh_token": other.refresh_token}
        assert (await wire.call("POST", "/auth/refresh", body=body))["code"] == 10005
        assert (await wire.call("POST", "/auth/sign_in", body=login))["code"] == 10006
        login["password"] = again["password"]
        assert (await wire.call("POST", "/auth/sign_in", body=login))["code"] == 10000
