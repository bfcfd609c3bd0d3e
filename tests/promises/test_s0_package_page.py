"""What the package page promised: the package itself, its configuration, its engines."""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
import json
import re
from importlib.metadata import metadata, requires
from pathlib import Path
from typing import Any, ClassVar

import pytest

from moobius import Moobius, MoobiusStorage, types
from moobius.core.routes import ROUTES
from moobius.database import engines
from moobius.database.database_interface import DatabaseInterface
from moobius.network.http_api_wrapper import HTTPAPIWrapper
from moobius.network.ws_client import WSClient
from tests.promises.stage import Recorder, Stage
from tests.support.program import ROOT, Program
from tests.support.room import running

pytestmark = pytest.mark.asyncio(loop_scope="module")

THREE_HEARTBEATS = re.compile("(copy of heartbeat.*){3}", re.DOTALL)
SOURCES = sorted((ROOT / "src").rglob("*.py"))


# ---- The package -------------------------------------------------------------------------------


@pytest.mark.promise("0-01")
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
async def test_python_3_10_can_read_it(path: Path) -> None:
    ast.parse(await asyncio.to_thread(path.read_bytes), str(path), feature_version=(3, 10))


@pytest.mark.promise("0-01", "0-03")
async def test_the_distribution_says_what_it_needs() -> None:
    about = metadata("moobius")
    assert about["Name"] == "moobius"
    assert about["Requires-Python"] == ">=3.10"
    needed = {line.split(">")[0].split("<")[0].lower() for line in requires("moobius") or []}
    assert {"aiohttp", "aioprocessing", "apscheduler", "dacite", "loguru", "websockets"} <= needed


@pytest.mark.promise("0-08")
async def test_secrets_and_leftovers_are_ignored_by_git() -> None:
    ignored = (ROOT / ".gitignore").read_text("utf-8").split()
    assert {"*.secret.json", ".moobius/", "logs/"} <= set(ignored)
    for path in (ROOT / "projects").rglob("config/*.json"):
        config = json.loads(path.read_text("utf-8"))
        # Accounts of the local Platform are no secrets: it is on this machine, and makes them up.
        if isinstance(config, dict) and config.get("http_server_uri", "local") != "local":
            assert "example" in path.name and "password" in config["password"], path


@pytest.mark.promise("0-16")
async def test_there_are_walkthroughs() -> None:
    for name, callback in (("Service", "on_message_up"), ("Agent", "on_message_down")):
        text = (ROOT / f"projects/demo/Demo{name}Tutorial.md").read_text("utf-8")
        assert callback in text and "python main.py" in text
    assert "on_message_up" in (ROOT / "docs/getting-started.md").read_text("utf-8")


@pytest.mark.promise("0-39")
@pytest.mark.parametrize(
    ("path", "name"), [("sdk", "Moobius"), ("storage", "MoobiusStorage"), ("wand", "MoobiusWand")]
)
async def test_the_modules_of_core(path: str, name: str) -> None:
    module = importlib.import_module(f"moobius.core.{path}")
    assert getattr(module, name) is getattr(importlib.import_module("moobius"), name)


@pytest.mark.promise("0-14", "0-18")
async def test_callbacks_and_verbs_have_the_names_they_are_known_by() -> None:
    members = dict(inspect.getmembers(Moobius, inspect.iscoroutinefunction))
    assert set(ROUTES.values()) <= members.keys()
    assert all(name.startswith("on_") for name in ROUTES.values())
    senders = [name for name in members if name.startswith("send")]
    assert len(senders) > 15
    assert all(name == "send" or name.startswith("send_") for name in senders)


# ---- Configuration -----------------------------------------------------------------------------


@pytest.mark.promise("0-04", "0-06")
@pytest.mark.parametrize("form", ["flat file", "split files", "old keyword"])
async def test_a_service_file_with_everything_or_two_files(
    stage: Stage, in_folder: Path, form: str
) -> None:
    room = await stage.another_room()
    parts = room.config()
    flat = {**parts["account_config"], **parts["service_config"]}
    (in_folder / "config").mkdir()
    (in_folder / "config/service.json").write_text(json.dumps(flat), "utf-8")
    (in_folder / "config/apart.json").write_text(json.dumps(parts["service_config"]), "utf-8")
    (in_folder / "config/account.json").write_text(json.dumps(parts["account_config"]), "utf-8")
    keywords: dict[str, dict[str, Any]] = {
        "flat file": {"config": "config/service.json"},
        "split files": {
            "service_config": "config/apart.json",
            "account_config": "config/account.json",
        },
        "old keyword": {"config_path": "config/service.json", "db_config_path": None},
    }
    async with running(Recorder(**keywords[form])) as service:
        assert list(service.channels) == [room.channel_id]


@pytest.mark.promise("0-07", "0-20", "0-14")
@pytest.mark.parametrize("form", ["is_agent", "service_mode", "agent_config_path"])
async def test_an_agent_is_the_same_class_with_a_file_of_its_own(
    stage: Stage, in_folder: Path, form: str
) -> None:
    room = stage.room
    name = form.replace("_", "")
    person = await room.owner.wire.sign_up(name)
    agent = {
        "http_server_uri": room.platform.url,
        "ws_server_uri": room.platform.ws_url,
        "email": person.email,
        "password": name,
        "channels": [room.channel_id],
    }
    (in_folder / "config").mkdir()
    (in_folder / "config/agent.json").write_text(json.dumps(agent), "utf-8")
    keywords: dict[str, dict[str, Any]] = {
        "is_agent": {"config_path": "config/agent.json", "is_agent": True},
        "service_mode": {"config": {**agent, "service_mode": False}},
        "agent_config_path": {"agent_config_path": "config/agent.json", "service_mode": False},
    }
    async with running(Recorder(**keywords[form])) as client:
        assert client.client_id == person.user_id
        assert client.is_agent and not client.service_mode
        await client.send_message("hi", room.channel_id, recipients=[stage.ada])
        message = await stage.service.wait_for("on_message_up")
        assert message.sender == person.user_id


# ---- Running -----------------------------------------------------------------------------------


@pytest.mark.promise("0-09", "3-06")
async def test_a_program_runs_quietly_until_ctrl_c_and_can_start_again(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "main.py").write_text(
        "from moobius import Moobius, MoobiusWand\n"
        "class Quiet(Moobius):\n"
        "    heartbeat_interval = 0.05\n"
        "    async def on_copy_client(self, copy):\n"
        "        print('copy of', copy.origin_type, flush=True)\n"
        "MoobiusWand().run(Quiet)\n",
        "utf-8",
    )
    for _ in range(2):
        async with Program(folder, "main.py") as program:
            await program.url()
            await program.wait_for(THREE_HEARTBEATS)
            assert await program.interrupt() == 130
        for word in ("Traceback", "ERROR", "WARNING"):
            assert word not in program.output


# ---- The Platform's APIs -----------------------------------------------------------------------

HTTP_METHODS = [
    "authenticate",
    "refresh",
    "sign_out",
    "sign_up",
    "request_sign_up_code",
    "request_sign_up_code_again",
    "sign_up_with_code",
    "request_password_reset_code",
    "reset_password_with_code",
    "delete_account",
    "fetch_user_info",
    "update_current_user",
    "fetch_character_profile",
    "fetch_member_ids",
    "fetch_agents",
    "create_service",
    "fetch_service_id_list",
    "create_agent",
    "update_agent",
    "create_channel",
    "bind_service_to_channel",
    "unbind_service_from_channel",
    "update_channel",
    "fetch_popular_channels",
    "fetch_channel_list",
    "this_user_channels",
    "fetch_message_history",
    "upload",
    "convert_to_url",
    "download_size",
    "download",
    "fetch_channel_group_dict",
    "fetch_channel_group_list",
    "fetch_channel_temp_group",
    "create_channel_group",
    "create_service_group",
    "character_ids_of_service_group",
    "character_ids_of_channel_group",
]
SOCKET_METHODS = [
    "connect",
    "send",
    "receive",
    "safe_handle",
    "heartbeat",
    "service_login",
    "user_login",
    "join_channel",
    "leave_channel",
    "send_characters",
    "send_buttons",
    "send_menu",
    "send_style",
    "update_canvas",
    "update_channel_info",
    "update",
    "message_up",
    "message_down",
    "send_button_click",
    "send_menu_item_click",
    "refresh_as_user",
]


@pytest.mark.promise("0-43")
async def test_the_two_clients_mirror_the_platform_and_can_be_reached(stage: Stage) -> None:
    assert isinstance(stage.service.http_api, HTTPAPIWrapper)
    assert isinstance(stage.service.ws_client, WSClient)
    for owner, names in ((HTTPAPIWrapper, HTTP_METHODS), (WSClient, SOCKET_METHODS)):
        missing = [n for n in names if not inspect.iscoroutinefunction(getattr(owner, n, None))]
        assert missing == [], owner
    info = await stage.service.http_api.fetch_user_info()
    assert info.email == stage.room.owner.email


@pytest.mark.promise("0-22")
async def test_the_socket_sends_down_for_services_and_up_for_agents(stage: Stage) -> None:
    service, fan = stage.service, stage.fan
    group = await service.create_service_group([stage.ada])
    down: Any = await service.ws_client.message_down(
        service.client_id,
        service.client_id,
        stage.channel_id,
        group.group_id,
        "text",
        types.MessageContent(text="down"),
        stage.bob,
    )
    assert down["type"] == "message_down"
    assert (await stage.sees("ada"))["content"] == {"text": "down"}
    mine = await fan.create_channel_group(stage.channel_id, "mine", [stage.bob])
    verbs = {"old": fan.ws_client.send_message_up, "new": fan.ws_client.message_up}
    for name, send in verbs.items():
        up: Any = await send(
            fan.client_id,
            fan.client_id,
            stage.channel_id,
            mine.group_id,
            "text",
            {"text": name},
        )
        message = await stage.service.wait_for(
            "on_message_up",
            lambda m: m.content.text == name,  # noqa: B023
        )
        assert (up["type"], message.recipients) == ("message_up", [stage.bob])


# ---- Storage -----------------------------------------------------------------------------------


@pytest.mark.promise("0-23", "0-24", "3-26")
async def test_the_file_of_databases_makes_attributes(stage: Stage, in_folder: Path) -> None:
    room = await stage.another_room()
    (in_folder / "config").mkdir()
    databases = [
        {"implementation": "json", "name": "scores", "settings": {"root_dir": "data"}},
        {"implementation": "null", "name": "scratch", "settings": {}},
    ]
    (in_folder / "config/db.json").write_text(json.dumps(databases), "utf-8")
    config = room.config()
    async with running(Recorder(config=config, db_config="config/db.json")) as service:
        storage = service.channels[room.channel_id]
        assert isinstance(storage, MoobiusStorage)
        storage.scores["ada"] = types.Character("id", "Ada")
        storage.scratch["x"] = 1
        config["service_config"]["service_id"] = service.client_id
    async with running(Recorder(config=config, db_config="config/db.json")) as service:
        storage = service.channels[room.channel_id]
        assert storage.scores == {"ada": types.Character("id", "Ada")}
        assert storage.scratch == {}


class Shelf(DatabaseInterface):
    """An engine of one's own: one shelf for the whole program."""

    shelf: ClassVar[dict[str, Any]] = {}

    def __init__(self, domain: str = "", **settings: Any) -> None:
        self.domain = domain

    def get_value(self, key: str) -> tuple[bool, Any]:
        found = f"{self.domain}/{key}" in self.shelf
        return found, self.shelf.get(f"{self.domain}/{key}", f"no {key}")

    def set_value(self, key: str, value: Any) -> tuple[bool, str]:
        self.shelf[f"{self.domain}/{key}"] = value
        return True, key

    def delete_key(self, key: str) -> tuple[bool, str]:
        return self.shelf.pop(f"{self.domain}/{key}", None) is not None, key

    def all_keys(self) -> list[str]:
        names = [name for name in self.shelf if name.startswith(f"{self.domain}/")]
        return [name.rpartition("/")[2] for name in names]


@pytest.mark.promise("0-35")
async def test_an_engine_of_ones_own_is_used_by_its_name(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_engines", dict(engines._engines))
    engines.register_engine("shelf", Shelf)
    room = await stage.another_room()
    config = room.config()
    config["db_config"] = [{"implementation": "shelf", "name": "tea", "settings": {}}]
    async with running(Recorder(config=config)) as service:
        service.channels[room.channel_id].tea["cups"] = 3
        assert list(Shelf.shelf.values()) == [3]
        again = MoobiusStorage(str(service.client_id), room.channel_id, config["db_config"])
        assert again.tea == {"cups": 3}


@pytest.mark.promise("0-26")
async def test_a_service_may_choose_another_engine_before_it_starts(
    stage: Stage, in_folder: Path
) -> None:
    room = await stage.another_room()

    class Choosy(Recorder):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            for database in self.config["db_config"]:
                database["implementation"] = "null"

    config = room.config()
    settings = {"root_dir": "data"}
    config["db_config"] = [{"implementation": "json", "name": "x", "settings": settings}]
    async with running(Choosy(config=config)) as service:
        service.channels[room.channel_id].x["key"] = "value"
    assert not (in_folder / "data").exists()
