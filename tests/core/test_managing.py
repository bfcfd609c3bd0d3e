"""Asking and creating, on the real Platform."""

from __future__ import annotations

from pathlib import Path

import pytest

from moobius import Moobius
from moobius.types import Character
from tests.support.room import Room, running

PNG = b"\x89PNG\r\n\x1a\n-not-really-a-picture"


async def test_members_agents_and_profiles(room: Room) -> None:
    ada, bob = room.id_of("ada"), room.id_of("bob")
    async with running(Moobius(config=room.config())) as service:
        assert await service.fetch_member_ids(room.channel_id) == [ada, bob]
        owl = await service.create_agent("Owl", description="wise")
        assert isinstance(owl, Character)
        assert (owl.name, owl.description) == ("Owl", "wise")
        assert owl.avatar
        characters = await service.fetch_characters(room.channel_id)
        assert [character.character_id for character in characters] == [ada, bob, owl.character_id]
        assert (await service.fetch_character_profile(ada)).character_id == ada
        profiles = await service.fetch_character_profile([bob, owl, bob])
        assert [one.character_id for one in profiles] == [bob, owl.character_id, bob]
        assert await service.fetch_character_profile([]) == []


async def test_an_agent_can_be_renamed_and_keeps_its_id(room: Room) -> None:
    async with running(Moobius(config=room.config())) as service:
        owl = await service.create_agent("Owl")
        await service.update_agent(owl, str(owl.avatar), "asleep", "Night owl")
        (after,) = await service.fetch_agents()
        assert (after.character_id, after.name) == (owl.character_id, "Night owl")


async def test_the_same_picture_is_uploaded_once(room: Room, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "b.png").write_bytes(PNG)
    async with running(Moobius(config=room.config())) as service:
        one = await service.create_agent("One", tmp_path / "a.png")
        two = await service.create_agent("Two", tmp_path / "b.png")
        assert one.avatar == two.avatar


@pytest.mark.defect("D63")
async def test_a_new_channel_is_served_at_once(room: Room) -> None:
    async with running(Moobius(config=room.config())) as service:
        channel = await service.create_channel("Annex", "more tea")
        assert channel in service.channels
        assert channel in await service.fetch_bound_channels()
        unbound = await service.create_channel("Garden", "", bind=False)
        assert unbound not in service.channels
        await service.update_channel(channel, "Attic", "even more")


async def test_the_own_account_can_be_changed(room: Room) -> None:
    async with running(Moobius(config=room.config())) as service:
        await service.update_current_user("https://example.org/x.png", "the owner", "Olga")
        info = await service.http_api.fetch_user_info()
        assert (info.name, info.description) == ("Olga", "the owner")


async def test_a_file_goes_up_and_comes_down(room: Room, in_folder: Path) -> None:
    (in_folder / "tea.txt").write_text("ready")
    async with running(Moobius(config=room.config())) as service:
        url = await service.upload("tea.txt")
        assert await service.download(url, bytes=True) == b"ready"
        path = await service.download(url, "files/copy")
        assert await service.download(url, "files/copy", overwrite=True) == path
    assert path == (in_folder / "files" / "copy.txt").as_posix()
    assert (in_folder / "files" / "copy.txt").exists()


async def test_signing_up_makes_an_account_to_sign_in_to(room: Room) -> None:
    config = room.config()
    config["account_config"] = {"email": "new@example.org", "password": "a new one"}
    service = Moobius(config=config)
    await service.sign_up()
    assert service.http_api.access_token
    await service.http_api.close()
