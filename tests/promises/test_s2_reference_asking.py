"""The reference of core.sdk: accounts, characters, channels, services and history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moobius import types
from moobius.errors import BadResponseException, LoginRefused, MoobiusError
from tests.promises.stage import PNG, Recorder, Stage, requests_of
from tests.support.room import running

pytestmark = pytest.mark.asyncio(loop_scope="module")


# ---- The account -------------------------------------------------------------------------------


@pytest.mark.promise("2-20")
async def test_authenticate_returns_the_tokens(stage: Stage) -> None:
    access, refresh = await stage.service.authenticate()
    assert (access, refresh) == (
        stage.service.http_api.access_token,
        stage.service.http_api.refresh_token,
    )
    assert access and refresh
    assert await stage.service.fetch_member_ids(stage.channel_id)


@pytest.mark.promise("2-20")
@pytest.mark.defect("D35")
async def test_authenticate_raises_without_a_valid_answer(stage: Stage) -> None:
    config = stage.room.config()
    config["account_config"]["password"] = "sesame"
    stranger = Recorder(config=config)
    with pytest.raises((LoginRefused, BadResponseException)):
        await stranger.authenticate()
    assert stranger.http_api.access_token == ""
    await stranger.http_api.close()


@pytest.mark.promise("2-19")
async def test_refresh_authentication_brings_a_new_token(stage: Stage) -> None:
    before = stage.service.http_api.access_token
    after = await stage.service.refresh_authentication()
    assert after == stage.service.http_api.access_token != before
    assert await stage.service.fetch_member_ids(stage.channel_id)


@pytest.mark.promise("2-21")
@pytest.mark.defect("D41")
async def test_sign_up_makes_an_account_that_can_log_in(stage: Stage) -> None:
    config = stage.room.config(service_mode=False)
    config["account_config"] = {"email": "novice@example.net", "password": "novice"}
    novice = Recorder(config=config)
    await novice.sign_up()
    assert novice.http_api.access_token
    assert (await novice.http_api.fetch_user_info()).email == "novice@example.net"
    await novice.http_api.close()


@pytest.mark.promise("2-22")
async def test_sign_out_ends_the_token(stage: Stage) -> None:
    guest = Recorder(config=stage.room.config())
    access, _ = await guest.authenticate()
    await guest.sign_out()
    await guest.http_api.close()
    reply = await stage.room.owner.wire.call("GET", "/user/info", token=access)
    assert reply["code"] == 10005


@pytest.mark.promise("2-23")
async def test_update_current_user_changes_what_others_see(stage: Stage, tmp_path: Path) -> None:
    picture = tmp_path / "fan.png"
    picture.write_bytes(PNG)
    await stage.fan.update_current_user(str(picture), "likes tea", "The fan")
    profile = await stage.service.fetch_character_profile(str(stage.fan.client_id))
    assert (profile.name, profile.description) == ("The fan", "likes tea")
    assert str(profile.avatar).startswith(stage.room.platform.url)


# ---- Characters --------------------------------------------------------------------------------


@pytest.mark.promise("2-28", "3-14")
@pytest.mark.parametrize("avatar", ["file", "url", "none"])
async def test_an_agent_has_a_picture_in_any_case(
    stage: Stage, tmp_path: Path, avatar: str
) -> None:
    (tmp_path / "owl.png").write_bytes(PNG)
    url = "https://example.org/owl.png"
    forms: dict[str, Any] = {"file": tmp_path / "owl.png", "url": url, "none": None}
    owl = await stage.service.create_agent(name="Owl", avatar=forms[avatar])
    assert isinstance(owl, types.Character)
    assert (owl.name, owl.description) == ("Owl", "No description")
    assert owl.avatar and owl.avatar.startswith("http")
    assert (owl.avatar == url) is (avatar == "url")
    assert (await stage.service.fetch_character_profile(owl)).avatar == owl.avatar


@pytest.mark.promise("2-24", "3-20")
@pytest.mark.parametrize("by", ["character", "id"])
async def test_update_agent_changes_everything_but_the_id(stage: Stage, by: str) -> None:
    owl = await stage.service.create_agent("Owl")
    await stage.service.update_agent(
        owl if by == "character" else owl.character_id,
        avatar="https://example.org/night.png",
        description="awake",
        name="Night owl",
    )
    after = await stage.service.fetch_character_profile(owl.character_id)
    assert (after.character_id, after.name, after.description, after.avatar) == (
        owl.character_id,
        "Night owl",
        "awake",
        "https://example.org/night.png",
    )


@pytest.mark.promise("2-33", "3-12")
async def test_any_number_of_agents_and_none_is_an_account(stage: Stage) -> None:
    before = await stage.service.fetch_agents()
    made = [await stage.service.create_agent(f"Owl {n}") for n in range(12)]
    ids = [agent.character_id for agent in await stage.service.fetch_agents()]
    assert ids == [agent.character_id for agent in [*before, *made]]
    members = await stage.service.fetch_member_ids(stage.channel_id)
    assert not set(ids) & set(members)


@pytest.mark.promise("2-30", "3-04")
async def test_fetch_member_ids_is_a_fresh_list_of_ids(stage: Stage) -> None:
    ids = await stage.service.fetch_member_ids(stage.channel_id)
    assert ids == [stage.ada, stage.bob, stage.fan.client_id]
    ids.append("spoiled")
    assert "spoiled" not in await stage.service.fetch_member_ids(stage.channel_id, True)


@pytest.mark.promise("2-30")
async def test_an_empty_channel_is_an_error_on_request_only(stage: Stage) -> None:
    channel_id = await stage.service.create_channel("Empty", "nobody here")
    leave = {"subtype": "leave", "channel_id": channel_id}
    owner = await stage.room.owner.user_socket()
    if stage.room.owner.user_id in await stage.service.fetch_member_ids(channel_id):
        await owner.good(type="action", body=leave)
    assert await stage.service.fetch_member_ids(channel_id) == []
    with pytest.raises(MoobiusError):
        await stage.service.fetch_member_ids(channel_id, True)
    await owner.close()


@pytest.mark.promise("2-31")
async def test_profiles_of_one_of_a_list_and_of_nobody(stage: Stage) -> None:
    service = stage.service
    one = await service.fetch_character_profile(stage.ada)
    assert isinstance(one, types.Character)
    several = await service.fetch_character_profile([stage.bob, one, stage.bob])
    assert [profile.character_id for profile in several] == [stage.bob, stage.ada, stage.bob]
    assert (await service.fetch_character_profile(character=one)).name == one.name
    with requests_of(service) as asked:
        assert await service.fetch_character_profile([]) == []
    assert asked == []
    own = await stage.fan.fetch_character_profile(str(stage.fan.client_id))
    assert own.character_id == stage.fan.client_id


@pytest.mark.promise("2-08")
async def test_fetch_characters_is_members_then_agents(stage: Stage) -> None:
    owl = await stage.service.create_agent("Owl")
    characters = await stage.service.fetch_characters(stage.channel_id)
    ids = [character.character_id for character in characters]
    assert ids[:3] == [stage.ada, stage.bob, stage.fan.client_id]
    assert ids[-1] == owl.character_id
    assert all(character.name for character in characters)


# ---- Channels and services ---------------------------------------------------------------------


@pytest.mark.promise("2-11")
async def test_create_channel_binds_it_or_does_not(stage: Stage) -> None:
    bound = await stage.service.create_channel("Tea", "hot drinks")
    free = await stage.service.create_channel("Free", channel_desc="nobody's", bind=False)
    assert isinstance(bound, str)
    ours = await stage.service.fetch_bound_channels()
    assert bound in ours and free not in ours


@pytest.mark.promise("2-06", "2-07", "2-26", "2-27")
async def test_binding_and_unbinding(stage: Stage) -> None:
    service = stage.service
    channel_id = await service.create_channel("Free", "", bind=False)
    assert channel_id not in await service.fetch_service_id_each_channel()
    assert await service.bind_service_to_channel(channel_id) is True
    assert (await service.fetch_service_id_each_channel())[channel_id] == service.client_id
    assert channel_id in await service.fetch_bound_channels()
    await service.unbind_service_from_channel(channel_id)
    assert channel_id not in await service.fetch_bound_channels()
    assert channel_id not in await service.fetch_service_id_each_channel()


@pytest.mark.promise("2-26", "2-27")
@pytest.mark.defect("D46")
async def test_a_refused_bind_is_false_and_a_refused_unbind_raises(stage: Stage) -> None:
    foreign = await stage.room.people["ada"].channel("Ada's own")
    assert await stage.service.bind_service_to_channel(foreign) is False
    assert await stage.service.bind_service_to_channel("no-such-channel") is False
    with pytest.raises(BadResponseException):
        await stage.service.unbind_service_from_channel("no-such-channel")


@pytest.mark.promise("2-25")
async def test_update_channel_renames_it(stage: Stage) -> None:
    channel_id = await stage.service.create_channel("Tea", "")
    await stage.service.update_channel(
        channel_id=channel_id, channel_name="Cocoa", channel_desc="hot"
    )
    channels = await stage.room.owner.get("/channel/popular")
    (renamed,) = [channel for channel in channels if channel["channel_id"] == channel_id]
    assert renamed["channel_name"] == "Cocoa"


@pytest.mark.promise("2-29")
async def test_channel_lists_are_ids(stage: Stage) -> None:
    popular = await stage.service.fetch_popular_channels()
    joined = await stage.fan.fetch_channel_list()
    assert stage.channel_id in popular and stage.channel_id in joined
    assert all(isinstance(channel_id, str) for channel_id in popular + joined)


@pytest.mark.promise("2-32")
async def test_services_can_be_used_as_ids_and_as_dicts(stage: Stage) -> None:
    services = await stage.service.fetch_service_id_list()
    assert str(stage.service.client_id) in [str(service) for service in services]
    (own,) = [one for one in services if one["service_id"] == stage.service.client_id]
    assert stage.channel_id in own["channel_ids"]


@pytest.mark.promise("2-03")
async def test_create_new_service_sets_client_id_and_returns_it(stage: Stage) -> None:
    other = Recorder(config=stage.room.config())
    await other.authenticate()
    service_id = await other.create_new_service(description="for a test")
    assert service_id == other.client_id
    assert service_id in [one["service_id"] for one in await other.fetch_service_id_list()]
    assert await other.create_new_service() == other.client_id != service_id
    await other.http_api.close()


@pytest.mark.promise("2-02")
async def test_true_channel_list_binds_and_answers_what_is_ours(stage: Stage) -> None:
    room = await stage.another_room()
    other = Recorder(config=room.config(channels=[room.channel_id, "no-such-channel"]))
    await other.authenticate()
    await other.create_new_service()
    assert await other.true_channel_list() == [room.channel_id]
    assert await other.fetch_bound_channels() == [room.channel_id]
    await other.http_api.close()


# ---- Messages of the past ----------------------------------------------------------------------


@pytest.mark.promise("2-34")
@pytest.mark.parametrize("limit", [2, "2"])
async def test_history_is_a_list_with_keys_and_attributes(stage: Stage, limit: Any) -> None:
    for text in ("one", "two", "three"):
        await stage.service.send_message(text, stage.channel_id, stage.bob, stage.fan.client_id)
    await stage.fan.wait_for("on_message_down", lambda message: message.content.text == "three")
    history: list[Any] = await stage.fan.fetch_message_history(stage.channel_id, limit, "null")
    assert isinstance(history, list) and len(history) == 2
    assert {message["content"]["text"] for message in history} == {"two", "three"}
    assert history[0].message_id == history[0]["message_id"]
    older = await stage.fan.fetch_message_history(
        stage.channel_id, before=history[0].timestamp / 1000
    )
    assert history[0].message_id not in [message["message_id"] for message in older]


# ---- User mode ---------------------------------------------------------------------------------


@pytest.mark.promise("2-05")
@pytest.mark.defect("D87")
@pytest.mark.parametrize("form", ["dict", "file"])
async def test_joining_the_channels_of_a_dict_or_a_file(
    stage: Stage, in_folder: Path, form: str
) -> None:
    room = await stage.another_room()
    (in_folder / "service.json").write_text(f'{{"channels": ["{room.channel_id}"]}}', "utf-8")
    config: Any = {"channels": [room.channel_id]} if form == "dict" else "service.json"
    async with running(Recorder(config=room.config())) as service:
        await stage.fan.user_join_service_channels(config)
        joined = await service.wait_for("on_join")
        assert joined.sender == stage.fan.client_id
        await stage.fan.user_join_service_channels(config)  # twice is harmless
        assert str(stage.fan.client_id) in await service.fetch_member_ids(room.channel_id)
        assert [name for name, _ in service.seen].count("on_join") == 1
