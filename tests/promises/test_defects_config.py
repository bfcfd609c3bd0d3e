"""Defects of earlier versions in configuration and start (5.4, and D64, D107, D112)."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from moobius import Moobius, types
from moobius.errors import ConfigError, LoginRefused, MissingFile, TransportError
from moobius.json_utils import enhanced_json_load, enhanced_json_save, update_jsonfile
from moobius.local import LocalPlatform, PlatformOptions
from tests.support.patience import PATIENCE
from tests.support.room import Room, room_on, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACCOUNT = {"email": "ada@example.org", "password": "s3cret"}
DB = [{"implementation": "json", "name": "score", "settings": {"root_dir": "data"}}]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room() -> AsyncIterator[Room]:
    """One room for all: each service takes the channel over from the one before."""
    async with LocalPlatform(PlatformOptions()) as platform, room_on(platform) as room:
        yield room


def write(path: Path, content: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")
    return str(path)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# ---- Ways to say the configuration -------------------------------------------------------------


@pytest.mark.defect("D33")
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"config": {}},
        {"config": ACCOUNT},
        {"config": {"account_config": ACCOUNT}},
        {"account_config": ACCOUNT},
        {"service_config": {"channels": ["CH"]}},
        {"service_config": {"channels": ["CH"]}, "account_config": ACCOUNT},
        {"config": None, "db_config": None, "log_config": None},
        {"db_config": DB},
        {"log_config": {"log_level": "DEBUG"}},
    ],
)
async def test_any_part_of_a_configuration_makes_a_service(given: dict[str, Any]) -> None:
    service = Moobius(**given)
    wanted = ACCOUNT["email"] if ACCOUNT["email"] in str(given) else ""
    assert service.http_api.username == wanted
    assert service.config["service_config"].get("channels", []) == (
        ["CH"] if "service_config" in given else []
    )
    assert bool(service.config["db_config"]) is ("db_config" in given and given["db_config"] == DB)


@pytest.mark.defect("D33")
async def test_a_dict_with_an_account_is_enough_to_run(room: Room) -> None:
    parts = room.config()
    for given in (
        {"config": parts},
        parts,
        {"config": {**parts["service_config"], **parts["account_config"]}},
    ):
        async with running(Moobius(**given)) as service:
            assert list(service.channels) == [room.channel_id]


@pytest.mark.defect("D34")
async def test_a_part_given_by_itself_wins_over_config(room: Room) -> None:
    config = room.config(channels=["no such channel"])
    config["account_config"] = {"email": config["account_config"]["email"], "password": "wrong"}
    service = Moobius(
        config=config,
        account_config={"password": "owner"},
        service_config={"channels": [room.channel_id]},
    )
    async with running(service):
        assert list(service.channels) == [room.channel_id]
    assert service.config["service_config"]["http_server_uri"] == room.platform.url


@pytest.mark.defect("D107")
@pytest.mark.parametrize("keyword", ["config_path", "service_config_path", "agent_config_path"])
async def test_constructor_keywords_of_older_versions(
    room: Room, in_folder: Path, keyword: str
) -> None:
    parts = room.config()
    write(in_folder / "config/service.json", {**parts["service_config"], **parts["account_config"]})
    write(in_folder / "config/db.json", DB)
    is_agent = keyword == "agent_config_path"
    given: dict[str, Any] = {
        keyword: "config/service.json", "db_config_path": "config/db.json", "is_agent": is_agent,
        "log_settings": {"log_level": "DEBUG"}, "log_file": "logs/service.log",
        "error_log_file": "logs/error.log", "error_log_level": "ERROR",
        "terminal_log_level": "WARNING", "log_retention": {"rotation": "1 day"},
        "initialize_all_bound_channels": None,
    }  # fmt: skip
    async with running(Moobius(**given)) as service:
        assert service.is_agent is is_agent
        assert service.service_mode is not is_agent
        assert service.db_config == DB
        assert list(service.channels) == [room.channel_id]
        log_config = service.config["log_config"]
        assert (log_config["log_file"], log_config["error_log_level"]) == (
            "logs/service.log",
            "ERROR",
        )


@pytest.mark.defect("D107")
async def test_all_bound_channels_are_served_if_that_is_wanted(room: Room) -> None:
    first, second = await room.owner.channel("First"), await room.owner.channel("Second")
    service_id = await room.owner.bound_service(second)
    config = room.config(channels=[first], service_id=service_id)
    for wanted, served in ((None, [first]), (False, [first]), (True, [first, second])):
        service = Moobius(config=config, initialize_all_bound_channels=wanted)
        async with running(service):
            assert list(service.channels) == served


@pytest.mark.defect("D107")
async def test_a_wand_understands_the_keywords_of_older_versions(
    room: Room, in_folder: Path
) -> None:
    parts = room.config()
    write(in_folder / "service.json", {**parts["service_config"], **parts["account_config"]})
    program = """
from moobius import Moobius, MoobiusWand
if __name__ == "__main__":
    wand = MoobiusWand()
    wand.run(Moobius, config_path="service.json", terminal_log_level="ERROR", background=True)
    print("it runs", flush=True)
    wand.stop_all()
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=in_folder, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    # No word of a local Platform: the file names another.
    assert (process.returncode, said.decode()) == (0, "it runs\n")


@pytest.mark.defect("D107")
async def test_the_positions_of_version_1_3(in_folder: Path) -> None:
    flat = write(in_folder / "agent.json", {"http_server_uri": "http://x", **ACCOUNT})
    third: Any = True  # today's third argument is something else
    agent = Moobius(flat, write(in_folder / "db.json", DB), third)
    assert (agent.is_agent, agent.config["email"], agent.db_config) == (True, ACCOUNT["email"], DB)
    service = Moobius(flat, "")
    assert (service.is_agent, service.db_config) == (False, [])
    with pytest.raises(TypeError, match="unexpected keyword 'confg_path'"):
        Moobius(confg_path=flat)


# ---- Texts that look like files -----------------------------------------------------------------


@pytest.mark.defect("D37")
@pytest.mark.parametrize("password", ["s3cret.json", "s3cret.JSON", "line\nservice.json"])
async def test_only_the_four_parts_name_files(in_folder: Path, password: str) -> None:
    for name in ("s3cret.json", "s3cret.JSON", "service.json", "mine.json"):
        write(in_folder / name, {"email": "opened"})
    account = {"email": "ada@example.org", "password": password}
    config = {"account_config": account, "service_config": {"greeting": "mine.json"}}
    service = Moobius(config=config)
    assert (service.http_api.username, service.http_api.password) == ("ada@example.org", password)
    assert service.config["greeting"] == "mine.json"


@pytest.mark.defect("D37")
async def test_a_file_is_found_from_every_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "project/config/service.json", {"channels": ["CH"], **ACCOUNT})
    config = write(tmp_path / "project/config/config.json", {"service_config": "service.json"})
    for folder in (tmp_path / "project", tmp_path / "project/config", tmp_path):
        monkeypatch.chdir(folder)
        assert Moobius(config=config).config["channels"] == ["CH"]


# ---- Start --------------------------------------------------------------------------------------


@pytest.mark.defect("D36")
async def test_start_raises_what_went_wrong(room: Room) -> None:
    good = room.config()
    service = good["service_config"]
    wrong = {**good["account_config"], "password": "wrong"}
    for config, error, words in (
        ({**good, "account_config": wrong}, LoginRefused, "password"),
        ({"service_config": service}, ConfigError, "email is missing"),
        ({**good, "service_config": {**service, "http_server_uri": "http://127.0.0.1:9/"}},
         TransportError, "127.0.0.1:9"),
    ):  # fmt: skip
        with pytest.raises(error, match=words):
            await asyncio.wait_for(Moobius(config=config).start(), PATIENCE)


@pytest.mark.defect("D36")
async def test_a_program_that_cannot_start_ends_with_a_status(room: Room, in_folder: Path) -> None:
    config = room.config()
    config["account_config"]["password"] = "wrong"
    program = f"from moobius import *\nMoobiusWand().run(Moobius, config={config!r})"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=in_folder, stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 1
    assert len(said.decode().splitlines()) == 1 and "Traceback" not in said.decode()


@pytest.mark.defect("D43")
async def test_a_service_can_be_shown_at_every_time_of_its_life(room: Room) -> None:
    shown: list[str] = []

    class Shown(Moobius):
        async def before_channel_init(self) -> None:
            shown.append(str(self))

        async def on_start(self) -> None:
            shown.append(repr(self))

    service = Shown(config=room.config())
    shown.append(f"{service}")
    async with running(service):
        pass
    shown.append(str(service))
    shown.append(str(Moobius(is_agent=True)))
    assert len(shown) == 5
    assert all(text.startswith("moobius.SDK(Service; config=") for text in shown[:4])
    assert shown[4].startswith("moobius.SDK(User-mode; ")
    assert "num_channels=0" in shown[0] and "num_channels=1" in shown[2]


@pytest.mark.defect("D47")
async def test_every_channel_is_set_up_and_checked_in_by_its_own_id_in_order(room: Room) -> None:
    free = [await room.owner.channel(f"Channel {number}") for number in range(4)]
    taken = await room.owner.channel("Taken")
    rival = await room.owner.bound_service(taken)
    wanted = [free[2], free[0], free[3], free[1]]
    set_up: list[str] = []
    checked_in: list[str] = []

    class Diary(Moobius):
        async def on_channel_init(self, channel_id: str) -> None:
            set_up.append(channel_id)

        async def on_channel_checkin(self, channel_id: str) -> None:
            checked_in.append(channel_id)
            if len(checked_in) == len(wanted):
                done.set()

    for mode in ("ignore", "unbind"):
        done = asyncio.Event()
        set_up.clear()
        checked_in.clear()
        config = room.config(channels=[*wanted, taken], others=mode, checkin_interval=0.05)
        async with running(Diary(config=config)) as service:
            await asyncio.wait_for(done.wait(), PATIENCE)
            assert list(service.channels) == set_up == checked_in[: len(wanted)] == wanted
            owners = await service.fetch_service_id_each_channel()
            assert owners.get(taken) == (rival if mode == "ignore" else None)
            for channel_id in wanted:
                await service.unbind_service_from_channel(channel_id)


@pytest.mark.defect("D48")
async def test_empty_channels_and_missing_keys_are_no_end(room: Room, log: list[str]) -> None:
    config = room.config(channels=[])
    assert "others" not in config["service_config"]
    for databases in ([], {}, DB, DB[0]):
        service = Moobius({**config["service_config"], **config["account_config"]}, databases)
        async with running(service):
            assert service.channels == {}
            assert service.ws_client.is_connected
            assert service.db_config == (DB if databases else [])
    assert any("this service serves no channel" in line for line in log)


# ---- Files that stay as they are ----------------------------------------------------------------

SERVICE_FILE = (
    '{{\r\n\t"http_server_uri": "{http}",\r\n\t"ws_server_uri": "{ws}",\r\n'
    '\t"service_id": "",\r\n\t"channels": ["{channel}", "gone",   "für später ☕"],\r\n'
    '\t"mine": {{"note" : "été"}}\r\n}}'
)


@pytest.mark.defect("D49", "D112", "D64")
async def test_writing_the_id_back_changes_nothing_else(
    room: Room, in_folder: Path, log: list[str]
) -> None:
    file = in_folder / "service.json"
    platform = room.platform
    before = SERVICE_FILE.format(http=platform.url, ws=platform.ws_url, channel=room.channel_id)
    file.write_bytes(before.encode())
    file.chmod(0o600)
    given = {"service_config": "service.json", "account_config": room.config()["account_config"]}
    async with running(Moobius(config=given)) as service:
        assert list(service.channels) == [room.channel_id]
        service_id = service.client_id
    after = before.replace('"service_id": ""', f'"service_id": "{service_id}"')
    assert file.read_bytes().decode() == after
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    log.clear()
    async with running(Moobius(config=given)) as service:
        assert service.client_id == service_id
    assert file.read_bytes().decode() == after
    assert files_in(in_folder) == ["service.json"]
    assert not any("not in any file" in line or "not written" in line for line in log)


@pytest.mark.defect("D112")
async def test_only_an_id_that_was_really_lost_is_a_warning(room: Room, log: list[str]) -> None:
    config = room.config(no_warn_cannot_save_service_id=False)
    service_id = await room.owner.bound_service(await room.owner.channel())
    async with running(Moobius(config=room.config(service_id=service_id))):
        pass
    assert not any("not in any file" in line for line in log)
    async with running(Moobius(config=config)) as service:
        pass
    assert [f"service_id {service.client_id} is not in any file" in line for line in log].count(
        True
    ) == 1


@pytest.mark.defect("D64")
async def test_a_full_disk_leaves_the_old_file(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(in_folder / "x.json", {"a": {"b": {"c": "old"}}})
    update_jsonfile("x.json", ["a", "b", "c"], "deep")
    assert enhanced_json_load("x.json") == {"a": {"b": {"c": "deep"}}}

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "replace", full)
        with pytest.raises(OSError, match="no space"):
            update_jsonfile("x.json", ["a", "b", "c"], "new")
        with pytest.raises(OSError, match="no space"):
            enhanced_json_save("x.json", [types.CanvasItem("new")])
    assert enhanced_json_load("x.json") == {"a": {"b": {"c": "deep"}}}
    assert files_in(in_folder) == ["x.json"]


@pytest.mark.defect("D36")
async def test_a_missing_file_is_named_at_once(in_folder: Path) -> None:
    with pytest.raises(MissingFile, match=r"config/none\.json"):
        Moobius(config="config/none.json")
