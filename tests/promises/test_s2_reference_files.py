"""The reference of core.sdk: groups and files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from moobius import types
from moobius.errors import MissingFile, MoobiusError
from tests.promises.stage import PNG, Stage, requests_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


# ---- Groups ------------------------------------------------------------------------------------


@pytest.mark.promise("2-38", "2-40")
@pytest.mark.defect("D87")
async def test_a_service_group_holds_its_characters_in_order(stage: Stage) -> None:
    group = await stage.service.create_service_group([stage.bob, stage.ada])
    assert isinstance(group, types.Group)
    members = await stage.service.character_ids_of_service_group(group.group_id)
    assert members == [stage.bob, stage.ada] == group.character_ids


@pytest.mark.promise("2-40")
@pytest.mark.parametrize("nothing", ["", None, "None", "none", "null", "Null", "false", "False"])
async def test_nothing_is_nobody(stage: Stage, nothing: Any) -> None:
    with requests_of(stage.service) as asked:
        assert await stage.service.character_ids_of_service_group(nothing) == []
    assert asked == []


@pytest.mark.promise("2-37", "2-39")
async def test_a_channel_group_is_found_by_its_maker(stage: Stage) -> None:
    fan = stage.fan
    group = await fan.create_channel_group(
        channel_id=stage.channel_id, group_name="friends", characters=[stage.ada, stage.bob]
    )
    members = await fan.character_ids_of_channel_group(
        str(fan.client_id), stage.channel_id, group.group_id
    )
    assert members == [stage.ada, stage.bob]


@pytest.mark.promise("2-41")
async def test_groups_of_a_channel_are_raw_lists(stage: Stage) -> None:
    fan = stage.fan
    group = await fan.create_channel_group(stage.channel_id, "some", [stage.bob])
    groups = await fan.fetch_channel_group_list(stage.channel_id)
    assert group.group_id in [one["group_id"] for one in groups]
    assert isinstance(await fan.fetch_channel_temp_group(stage.channel_id), list)


@pytest.mark.promise("2-42")
async def test_who_is_in_a_group_of_somebody(stage: Stage) -> None:
    group = await stage.fan.create_channel_group(stage.channel_id, "some", [stage.bob])
    try:
        found = await stage.fan.fetch_user_from_group(
            str(stage.fan.client_id), stage.channel_id, group.group_id
        )
    except NotImplementedError:
        pass  # as 1.3.7 and 1.8.0 do
    else:
        assert stage.bob in str(found)
    with pytest.raises(NotImplementedError):
        await stage.fan.fetch_target_group(
            str(stage.fan.client_id), stage.channel_id, group.group_id
        )


# ---- Files -------------------------------------------------------------------------------------


@pytest.mark.promise("2-35", "0-17")
async def test_upload_returns_a_url_or_raises(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(PNG)
    url = await stage.service.upload(tmp_path / "cat.png")
    assert url.startswith(stage.room.platform.url) and url.endswith(".png")
    assert await stage.service.download(url, bytes=True) == PNG
    with pytest.raises(MissingFile, match="no_such"):
        await stage.service.upload("no_such.png")


@pytest.mark.promise("2-36")
@pytest.mark.defect("D87")
async def test_download_to_a_path_to_a_generated_name_or_as_bytes(
    stage: Stage, in_folder: Path
) -> None:
    (in_folder / "cat.png").write_bytes(PNG)
    service = stage.service
    url = await service.upload("cat.png")
    named = await service.download(url, "new/folder/kitten")
    assert Path(named) == in_folder / "new/folder/kitten.png"
    generated = await service.download(url, auto_dir="pictures")
    assert Path(generated).parent == in_folder / "pictures"
    by_default = await service.download(url)
    assert Path(by_default).parent == in_folder / "downloads"
    for one in (named, generated, by_default):
        assert await asyncio.to_thread(Path(one).read_bytes) == PNG
    assert await service.download(url, bytes=True, headers={"X-Mine": "1"}) == PNG
    assert await service.download(url, bytes=True, headers="self") == PNG
    with pytest.raises(Exception, match="kitten"):
        await service.download(url, "new/folder/kitten.png", overwrite=False)
    with pytest.raises(MoobiusError):
        await service.download(url.replace(".png", ".gone"))


@pytest.mark.promise("2-36")
async def test_the_file_of_a_message_is_downloaded(stage: Stage, in_folder: Path) -> None:
    (in_folder / "cat.png").write_bytes(PNG)
    await stage.service.send_message(
        Path("cat.png"), stage.channel_id, stage.bob, stage.fan.client_id
    )
    message = await stage.fan.wait_for("on_message_down")
    assert await stage.fan.download(source=message, bytes=True) == PNG
    message.content.path = None
    with pytest.raises(Exception, match="path"):
        await stage.fan.download(message)
