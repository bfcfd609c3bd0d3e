"""Section 2 of the wire reference over real HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moobius.local import Limits, LocalPlatform, PlatformOptions
from tests.local.conftest import Room
from tests.support.wire import Person, Wire, data_of, wire_to


async def test_2_1_repeated_slashes_are_one(wire: Wire) -> None:
    reply = await wire.call("POST", "//auth///sign_in", body={"username": "x", "password": "y"})
    assert reply["code"] == 10006


async def test_2_3_an_unknown_path_is_404_with_an_envelope(wire: Wire) -> None:
    async with wire.session.get(wire.url + "/no/such/path") as response:
        assert response.status == 404
        assert response.content_type == "application/json"
        assert (await response.json())["code"] == 10404


async def test_2_3_business_errors_are_200(wire: Wire) -> None:
    async with wire.session.get(wire.url + "/user/info") as response:
        assert response.status == 200
        body = await response.json()
    assert (body["code"], body["message"]) == (10005, "Invalid access_token")


async def test_2_3_a_body_that_is_no_object_is_malformed(wire: Wire) -> None:
    for raw in (b"not json", b"[]", b"\xff"):
        async with wire.session.post(wire.url + "/auth/sign_in", data=raw) as response:
            assert (await response.json())["code"] == 10001


async def test_2_3_too_large_a_body_is_refused(ada: Person) -> None:
    reply = await ada.wire.call(
        "POST", "/service/create", body={"description": "x" * 2_000_000}, token=ada.token
    )
    assert reply["code"] == 10001


async def test_2_4_sign_in_has_the_documented_shape(ada: Person) -> None:
    body = {"username": " ADA@example.net ", "password": "ada"}
    data = data_of(await ada.wire.call("POST", "/auth/sign_in", body=body))
    result = data["AuthenticationResult"]
    assert set(result) == {"AccessToken", "ExpiresIn", "IdToken", "RefreshToken", "TokenType"}
    assert (result["ExpiresIn"], result["TokenType"]) == (86400, "Bearer")
    assert data["ChallengeParameters"] == {}


async def test_2_4_wrong_credentials_and_taken_names(ada: Person) -> None:
    call = ada.wire.call
    for username in ("ada@example.net", "nobody@example.net"):
        body = {"username": username, "password": "wrong"}
        assert (await call("POST", "/auth/sign_in", body=body))["code"] == 10006
    body = {"username": "Ada@Example.net", "password": "other"}
    assert (await call("POST", "/auth/sign_up", body=body))["code"] == 10007
    reply = await call("POST", "/auth/sign_in", body={"username": "x"})
    assert (reply["code"], reply["message"]) == (10001, "password is required")


async def test_2_4_refresh_adds_an_access_token(ada: Person) -> None:
    body = {"username": ada.email, "refresh_token": ada.refresh_token}
    for _ in range(2):
        data = data_of(await ada.wire.call("POST", "/auth/refresh", body=body))
        fresh = data["AuthenticationResult"]["AccessToken"]
        assert (await ada.wire.call("GET", "/user/info", token=fresh))["code"] == 10000
    await ada.get("/user/info")  # the old one is still good
    body["refresh_token"] = ada.token
    assert (await ada.wire.call("POST", "/auth/refresh", body=body))["code"] == 10005


async def test_2_2_a_refresh_token_opens_nothing_by_itself(ada: Person) -> None:
    reply = await ada.wire.call("GET", "/user/info", token=ada.refresh_token)
    assert (reply["code"], reply["message"]) == (10005, "Invalid access_token")


async def test_2_2_tokens_expire_and_open_sockets_stay(data: Path | None) -> None:
    now = [1_719_000_000_000]
    options = PlatformOptions(data=data, limits=Limits(bad_login_seconds=0.05))
    platform = LocalPlatform(options, clock=lambda: now[0])
    async with platform, wire_to(platform.url) as wire:
        ada = await wire.sign_up("ada")
        socket = await ada.user_socket()
        now[0] += 24 * 3_600_000 - 1
        await ada.get("/user/info")
        now[0] += 1
        reply = await wire.call("GET", "/user/info", token=ada.token)
        assert (reply["code"], reply["message"]) == (10005, "Expired access_token")
        late = await wire.socket()
        assert await late.bad(type="user_login", access_token=ada.token) == "Expired access_token"
        await socket.good(type="roger", body={"message_id": "MSG-1"})
        body = {"username": ada.email, "refresh_token": ada.refresh_token}
        fresh = data_of(await wire.call("POST", "/auth/refresh", body=body))
        ada.token = fresh["AuthenticationResult"]["AccessToken"]
        await ada.get("/user/info")
        now[0] += 29 * 24 * 3_600_000
        assert (await wire.call("POST", "/auth/refresh", body=body))["code"] == 10005
        cy = await wire.sign_up("cy")
        now[0] += 23 * 3_600_000
        dee = await wire.sign_up("dee")
        now[0] += 2 * 3_600_000
        await wire.sign_up("bob")  # forgets what has expired, and nothing else
        assert await cy.refused("GET", "/user/info") == 10005
        await dee.get("/user/info")


async def test_2_4_sign_out_ends_this_login_only(ada: Person) -> None:
    body = {"username": ada.email, "password": "ada"}
    other = data_of(await ada.wire.call("POST", "/auth/sign_in", body=body))
    socket = await ada.user_socket()
    await ada.wire.call("POST", "/auth/sign_out", body={"access_token": ada.token})
    assert await ada.refused("GET", "/user/info") == 10005
    body = {"username": ada.email, "refresh_token": ada.refresh_token}
    assert (await ada.wire.call("POST", "/auth/refresh", body=body))["code"] == 10005
    token = other["AuthenticationResult"]["AccessToken"]
    assert (await ada.wire.call("GET", "/user/info", token=token))["code"] == 10000
    await socket.good(type="heartbeat", body={})


async def test_2_4_delete_account_needs_a_proof(ada: Person) -> None:
    assert (await ada.wire.call("POST", "/auth/delete_account", body={}))["code"] == 10001
    await ada.post("/auth/delete_account", username=ada.email, password="ada")
    assert await ada.refused("GET", "/user/info") == 10005
    await ada.wire.sign_up("ada")  # the name is free again


async def test_2_4_confirmations_are_answered(ada: Person) -> None:
    given: dict[str, Any] = {"username": ada.email, "confirmation_code": "123456"}
    call = ada.wire.call
    assert (await call("POST", "/auth/confirm_sign_up", body=given))["code"] == 10000
    for path in ("/auth/resend_confirmation", "/auth/forgot_password"):
        assert (await call("POST", path, body={"username": "nobody"}))["code"] == 10000
    given["password"] = "new"
    assert (await call("POST", "/auth/confirm_reset_password", body=given))["code"] == 10006


async def test_2_5_user_info_and_partial_edits(ada: Person) -> None:
    info = await ada.post("/user/info", name="Ada L.", avatar="https://files.example/a.png")
    assert info == await ada.get("/user/info")
    assert info["context"] == {
        "name": "Ada L.",
        "avatar": "https://files.example/a.png",
        "description": "",
    }
    assert (info["email"], info["email_verified"]) == (ada.email, True)
    assert info["sub"] == info["user_id"]
    assert info["system_context"] == {}
    assert (await ada.post("/user/info", description="x"))["context"]["name"] == "Ada L."
    assert await ada.refused("POST", "/user/info", name=3) == 10001


async def test_2_5_profiles_keep_order_and_duplicates(ada: Person, bob: Person) -> None:
    wanted = [bob.user_id, "unknown", ada.user_id, bob.user_id]
    found = await ada.post("/character/fetch_profile", character_list=wanted)
    assert [each["character_id"] for each in found] == [bob.user_id, ada.user_id, bob.user_id]
    assert found[0]["character_context"] == {"name": "bob", "avatar": "", "description": ""}
    assert await ada.post("/character/fetch_profile", character_list=[]) == []
    for query in (
        {"character_list[]": [ada.user_id, bob.user_id]},
        {"character_list": f"{ada.user_id},{bob.user_id}"},
        {"character_list": f'["{ada.user_id}", "{bob.user_id}"]'},
    ):
        reply = await ada.wire.call("GET", "/character/fetch_profile", query=query, token=ada.token)
        assert len(reply["data"]) == 2
    assert await ada.get("/character/fetch_profile") == []


async def test_2_6_channels(ada: Person, bob: Person) -> None:
    channel = await ada.post(
        "/channel/create", channel_name="Tea", context={"channel_description": "hot"}
    )
    assert channel == {
        "channel_id": channel["channel_id"],
        "channel_name": "Tea",
        "channel_context": {"channel_description": "hot", "channel_type": "dcs"},
        "user_channel_context": {},
    }
    assert await ada.get("/channel/list") == [channel]
    assert await bob.get("/channel/list") == []
    popular = await bob.get("/channel/popular")
    assert popular[0]["channel_context"]["channel_user_count"] == 1
    assert popular[0]["channel_context"]["tag"] == []
    channel_id = channel["channel_id"]
    renamed = await ada.post("/channel/update", channel_id=channel_id, channel_name="Cocoa")
    assert renamed["channel_context"]["channel_description"] == "hot"
    given = {"channel_id": channel_id, "channel_name": "Mine"}
    assert await bob.refused("POST", "/channel/update", **given) == 10003
    assert await ada.refused("POST", "/channel/update", channel_id="x") == 10002
    assert await bob.refused("GET", "/channel/character_list", channel_id=channel_id) == 10003
    query = {"channel_id": channel_id, "service_id": "ignored"}
    members = await ada.get("/channel/character_list", **query)
    assert members == {"character_list": [ada.user_id]}


async def test_2_6_renaming_tells_the_members(room: Room) -> None:
    await room.ada.post("/channel/update", channel_id=room.channel, channel_name="Cocoa")
    body = (await room.bob_socket.next())["body"]
    assert (body["subtype"], body["content"]["channel_name"]) == ("channel_info", "Cocoa")


async def test_2_6_history_in_modern_and_old_names(room: Room) -> None:
    for number in range(3):
        body = {
            "subtype": "text",
            "channel_id": room.channel,
            "recipients": [room.bob.user_id],
            "content": {"text": str(number)},
            "sender": "OWL",
            "timestamp": 1719000000000 + 1000 * number,
        }
        await room.bound.good(type="message_down", service_id=room.service_id, body=body)
    ask = {"channel_id": room.channel, "limit": "64", "before": "null"}
    newest, *_ = found = await room.bob.get("/channel/history_message", **ask)
    assert [each["content"]["text"] for each in found] == ["2", "1", "0"]
    assert newest["MessageID"] == newest["message_id"]
    assert newest == {
        **newest,
        "type": "message_down",
        "subtype": "text",
        "channel_id": room.channel,
        "sender": "OWL",
        "context": {},
        "MessageType": "text",
        "FromUserID": "OWL",
        "MessageContent": {"text": "2"},
        "MessageContext": {},
        "Status": "sent",
        "Timestamp": 1719000002000,
    }

    async def texts(**bounds: Any) -> list[str]:
        query = {"channel_id": room.channel, **bounds}
        found = await room.bob.get("/channel/history_message", **query)
        return [each["content"]["text"] for each in found]

    assert await texts(before="1719000002.0") == ["1", "0"]
    assert await texts(before="1719000002000", after="1719000000") == ["1"]
    assert await texts(limit="0", before="") == ["2"]
    body = {"channel_id": room.channel, "limit": 2, "before": None}
    reply = await room.bob.wire.call(
        "GET", "/channel/history_message", body=body, token=room.bob.token
    )
    assert len(data_of(reply)) == 2
    assert await room.ada.get("/channel/history_message", channel_id=room.channel) == []


async def test_2_7_services_and_bindings(room: Room) -> None:
    ada, bob, channel = room.ada, room.bob, room.channel
    pair = {"channel_id": channel, "service_id": room.service_id}
    await ada.post("/service/bind", **pair)  # the same pair again
    listed = await ada.get("/service/list")
    assert listed == [{"service_id": room.service_id, "channel_ids": [channel], "description": ""}]
    assert await bob.get("/service/list") == []
    other = (await ada.post("/service/create", description="other"))["service_id"]
    assert await ada.refused("POST", "/service/bind", channel_id=channel, service_id=other) == 10004
    foreign = (await bob.post("/service/create", description=""))["service_id"]
    given = {"channel_id": channel, "service_id": foreign}
    assert await bob.refused("POST", "/service/bind", **given) == 10003
    assert await ada.refused("POST", "/service/bind", **given) == 10002
    assert await ada.refused("POST", "/service/unbind", **{**pair, "service_id": other}) == 10002
    kind = (await ada.get("/channel/list"))[0]["channel_context"]["channel_type"]
    assert kind == "ccs"
    await ada.post("/service/unbind", **pair)
    assert (await room.bob_socket.next())["body"]["subtype"] == "characters"
    assert (await ada.get("/channel/list"))[0]["channel_context"]["channel_type"] == "dcs"


async def test_2_7_agents(room: Room) -> None:
    ada = room.ada
    context = {"name": "Owl", "avatar": "https://files.example/owl.png", "description": "wise"}
    owl = await ada.post("/service/character/create", service_id=room.service_id, context=context)
    assert owl == {"character_id": owl["character_id"], "character_context": context}
    given = {"service_id": room.service_id, "character_id": owl["character_id"]}
    owl = await ada.post("/service/character/update", **given, context={"name": "Owl II"})
    assert owl["character_context"] == {**context, "name": "Owl II"}
    query = {"service_id": room.service_id}
    assert await ada.get("/service/character/list", **query) == [owl]
    found = await room.bob.post("/character/fetch_profile", character_list=[owl["character_id"]])
    assert found == [owl]
    assert await room.bob.refused("GET", "/service/character/list", **query) == 10002


async def test_2_8_service_groups(ada: Person, bob: Person) -> None:
    listed = [bob.user_id, "service", "nobody", ada.user_id]
    group = await ada.group(*listed)
    assert isinstance(group, str)
    assert await ada.group(*listed) == group
    assert await ada.group(*reversed(listed)) != group
    for path in ("/service/group", "/user/group"):
        query = {"group_id": group, "channel_id": "any", "user_id": "any"}
        assert (await bob.get(path, **query))["characters"] == listed
        assert await bob.get(path, group_id="unknown") == {}
    assert await ada.post("/service/group/create", members=["x"]) == await ada.group("x")


async def test_2_8_channel_groups_are_ones_own_and_never_change(room: Room) -> None:
    bob = room.bob
    where = {"channel_id": room.channel}
    made = await bob.post("/user/group/create", **where, group_name="Us", characters=["a", "b"])
    assert set(made) == {"group_id", "group_name"}
    other = await bob.post("/user/group/create", **where, group_name="Last", characters=["z"])
    change = {"group_id": made["group_id"], "characters": ["c"]}
    changed = await bob.post("/user/group/update", **where, **change)
    assert changed["group_name"] == "Us"
    query = {"group_id": made["group_id"]}
    assert (await bob.get("/user/group", **query))["characters"] == ["a", "b"]
    listed = await bob.get("/user/group/list", **where, service_id="ignored")
    assert [each["group_id"] for each in listed] == [changed["group_id"], other["group_id"]]
    assert set(listed[0]) == {"group_id", "group_name", "characters", "timestamp"}
    assert await bob.get("/user/group/list") == listed
    assert await room.ada.get("/user/group/list", **where) == []
    assert await bob.refused("POST", "/user/group/delete", channel_id=room.channel) == 10001
    await bob.post("/user/group/delete", **where, group_id=changed["group_id"])
    assert len(await bob.get("/user/group/list", **where)) == 1
    assert (await bob.get("/user/group", group_id=changed["group_id"]))["characters"] == ["c"]


async def test_2_8_the_temp_group_is_replaced(room: Room) -> None:
    bob, where = room.bob, {"channel_id": room.channel}
    assert await bob.get("/user/group/temp", **where) == []
    for characters in (["a"], ["b", "c"]):
        made = await bob.post("/user/group/temp", **where, characters=characters)
        assert made["characters"] == characters
        assert await bob.get("/user/group/temp", **where) == characters
        assert (await bob.get("/user/group", group_id=made["group_id"]))["characters"] == characters
    assert await bob.get("/user/group/list", **where) == []


@pytest.mark.parametrize("path", ["/healthz", "/local/info"])
async def test_anybody_may_ask_how_it_is(wire: Wire, path: str) -> None:
    assert (await wire.call("GET", path))["code"] == 10000
