"""The order of a service's life, and what happens when a part of it fails."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from moobius import Moobius, MoobiusStorage, types
from moobius.database import engines
from moobius.database.engines import register_engine
from moobius.database.null_database import NullDatabase
from moobius.errors import ConfigError, LoginRefused, MissingFile, TransportError
from tests.support.patience import PATIENCE, until
from tests.support.peer import Frame, copy_of, peer
from tests.support.redis import refusing_port
from tests.support.room import Room, running


class Diary(Moobius):
    """Notes every step of its life, with what is known at that moment."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.diary: list[Any] = []

    async def before_channel_init(self) -> None:
        self.diary.append(("before_channel_init", list(self.channels)))

    async def on_channel_init(self, channel_id: str) -> None:
        self.diary.append(("init", channel_id, len(self.channels)))
        await super().on_channel_init(channel_id)

    async def on_channel_checkin(self, channel_id: str) -> None:
        self.diary.append(("checkin", channel_id))

    async def on_start(self) -> None:
        self.diary.append(("start", self.scheduler.running))

    async def on_message_up(self, message: types.MessageBody) -> None:
        self.diary.append(("message", message.content.text))

    async def on_stop(self) -> None:
        self.diary.append("stop")


async def test_the_steps_come_in_the_documented_order(room: Room) -> None:
    second = await room.owner.channel("Second")
    config = room.config(channels=[room.channel_id, second])
    async with running(Diary(config=config)) as service:
        assert service.diary == [
            ("before_channel_init", [room.channel_id, second]),
            ("init", room.channel_id, 2),
            ("checkin", room.channel_id),
            ("init", second, 2),
            ("checkin", second),
            ("start", True),
        ]
    assert service.diary[-1] == "stop"


async def test_frames_that_come_before_on_start_wait_for_it(room: Room) -> None:
    class Slow(Diary):
        async def on_channel_init(self, channel_id: str) -> None:
            await room.say("ada", "early")
            self.diary.append("init")

    async with running(Slow(config=room.config())) as service:
        await until(lambda: ("message", "early") in service.diary)
        names = [entry if isinstance(entry, str) else entry[0] for entry in service.diary]
        assert names == ["before_channel_init", "init", "start", "message"]


@pytest.mark.defect("D36")
async def test_one_channel_that_fails_does_not_stop_the_others(room: Room, log: list[str]) -> None:
    second = await room.owner.channel("Second")

    class Fragile(Diary):
        async def on_channel_checkin(self, channel_id: str) -> None:
            if channel_id == room.channel_id:
                raise RuntimeError("not here")
            await super().on_channel_checkin(channel_id)

    config = room.config(channels=[room.channel_id, second])
    async with running(Fragile(config=config)) as service:
        assert ("checkin", second) in service.diary
        assert ("start", True) in service.diary
    assert any("RuntimeError raised in on_channel_init: not here" in line for line in log)


async def test_a_loop_over_spells_that_fails_is_logged_at_once(room: Room, log: list[str]) -> None:
    class Deaf(Moobius):
        async def listen_loop(self) -> None:
            raise RuntimeError("no ears")

    async with running(Deaf(config=room.config())):
        await until(lambda: any("RuntimeError raised in listen_loop: no ears" in x for x in log))


async def test_check_ins_repeat(room: Room) -> None:
    async with running(Diary(config=room.config(checkin_interval=0.1))) as service:
        await until(lambda: service.diary.count(("checkin", room.channel_id)) >= 3)


async def test_a_service_is_created_and_its_id_written_back(room: Room, in_folder: Path) -> None:
    config = room.config(service_id="")
    file = in_folder / "service.json"
    file.write_text(json.dumps(config["service_config"], indent=3), "utf-8")
    async with running(Moobius(config={**config, "service_config": "service.json"})) as service:
        first = service.client_id
    assert json.loads(file.read_text("utf-8"))["service_id"] == first
    assert '   "service_id"' in file.read_text("utf-8")
    async with running(Moobius(config={**config, "service_config": str(file)})) as service:
        assert service.client_id == first
        assert list(service.channels) == [room.channel_id]


async def test_storage_is_made_for_each_channel(room: Room, tmp_path: Path) -> None:
    config = room.config()
    config["db_config"] = [
        {"implementation": "json", "name": "scores", "settings": {"root_dir": str(tmp_path)}}
    ]
    async with running(Moobius(config=config)) as service:
        storage = service.channels[room.channel_id]
        assert isinstance(storage, MoobiusStorage)
        storage.scores["ada"] = 3
        service_id = service.client_id
    config["service_config"]["service_id"] = service_id
    async with running(Moobius(config=config)) as service:
        assert dict(service.channels[room.channel_id].scores) == {"ada": 3}


@pytest.mark.parametrize("name", ["scores", "x y"])
async def test_storage_that_cannot_be_made_ends_the_start_in_one_line(
    room: Room, log: list[str], name: str
) -> None:
    config = room.config()
    config["db_config"] = [{"implementation": "jsn", "name": name}]
    words = "no storage engine 'jsn'; there are: json" if name == "scores" else "'x y' cannot be"
    diary = Diary(config=config)
    with pytest.raises(ConfigError, match=words):
        await diary.start()
    assert [step[0] for step in diary.diary] == ["before_channel_init"]
    assert not any("on_channel_init" in line or "is ready" in line for line in log)


async def test_an_engine_may_be_registered_before_the_channels_are_set_up(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_engines", dict(engines._engines))

    class Inventor(Diary):
        async def before_channel_init(self) -> None:
            register_engine("the-engine-of-this-test", NullDatabase)

    config = room.config()
    config["db_config"] = [{"implementation": "the-engine-of-this-test", "name": "scores"}]
    async with running(Inventor(config=config)) as service:
        assert isinstance(service.channels[room.channel_id].scores.database, NullDatabase)


async def test_storage_is_closed_when_the_service_stops(room: Room) -> None:
    config = room.config()
    engine = "tests.database.test_magical_storage.Closing"
    config["db_config"] = [{"implementation": engine, "name": "scores"}]
    async with running(Moobius(config=config)) as service:
        scores = service.channels[room.channel_id].scores
        scores.database.trouble = "out of reach for a while"
        scores["ada"] = 3
        scores.database.trouble = ""
    assert scores.database.content == {"ada": 3}
    assert scores.database.closed == 1


@pytest.mark.defect("D35")
@pytest.mark.parametrize("impatient", [False, True])
async def test_an_on_stop_that_hangs_costs_neither_the_end_nor_the_storage(
    room: Room, log: list[str], impatient: bool
) -> None:
    begun = asyncio.Event()

    class Hanging(Diary):
        async def on_stop(self) -> None:
            begun.set()
            await asyncio.Event().wait()

    config = room.config()
    engine = "tests.database.test_magical_storage.Closing"
    config["db_config"] = [{"implementation": engine, "name": "scores"}]
    service = Hanging(config=config)
    service._stop_timeout = 60 if impatient else 0.1
    ready = asyncio.Event()
    service._when_ready = ready.set
    life = asyncio.create_task(service.start())
    await ready.wait()
    scores = service.channels[room.channel_id].scores
    life.cancel()
    await begun.wait()
    if impatient:
        life.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(life, 30)  # not the 60 s it was given
    assert scores.database.closed == 1
    assert any("on_stop did not finish within 0.1 s" in line for line in log) != impatient


async def test_a_callback_that_ignores_being_cancelled_does_not_keep_on_stop_from_its_turn(
    room: Room,
) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    class Stubborn(Diary):
        async def on_message_up(self, message: types.MessageBody) -> None:
            begun.set()
            while not go.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await go.wait()

    service = Stubborn(config=room.config())
    service._stop_timeout = 0.1
    async with running(service):
        await room.say("ada", "hello")
        await asyncio.wait_for(begun.wait(), PATIENCE)
    assert service.diary[-1] == "stop"
    go.set()


async def test_a_wrong_password_is_one_clear_error(room: Room) -> None:
    config = room.config()
    config["account_config"]["password"] = "sesame"
    with pytest.raises(LoginRefused) as caught:
        await Moobius(config=config).start()
    text = str(caught.value)
    assert room.owner.email in text
    assert room.platform.url in text
    assert "password" in text
    assert "sesame" not in text


@pytest.mark.parametrize("key", ["email", "password"])
async def test_a_missing_account_key_is_named(room: Room, key: str) -> None:
    config = room.config()
    del config["account_config"][key]
    with pytest.raises(ConfigError, match=f"{key} is missing.*MOOBIUS_{key.upper()}"):
        await Moobius(config=config).start()


async def test_a_foreign_service_id_is_refused(room: Room) -> None:
    config = room.config(service_id="11111111-1111-4111-8111-111111111111")
    with pytest.raises(LoginRefused, match="Service not found"):
        await Moobius(config=config).start()


async def test_a_service_just_created_may_take_a_moment_to_be_known(room: Room) -> None:
    logins = 0

    def answer(frame: Frame) -> Frame:
        nonlocal logins
        logins += frame["type"] == "service_login"
        known = frame["type"] != "service_login" or logins > 3
        return copy_of(frame, status=known, message="Service not found")

    async with peer(answer) as script:
        async with running(Moobius(config=room.config(ws_server_uri=script.url))):
            assert logins == 4


@pytest.mark.parametrize("key", ["http_server_uri", "ws_server_uri"])
async def test_an_unreachable_platform_is_one_clear_error(room: Room, key: str) -> None:
    scheme = key.partition("_")[0]
    with refusing_port() as port:
        config = room.config(**{key: f"{scheme}://127.0.0.1:{port}/"})
        with pytest.raises(TransportError, match=f"{port}.*cannot be reached"):
            await Moobius(config=config).start()


def test_a_missing_config_file_is_named(in_folder: Path) -> None:
    with pytest.raises(MissingFile, match=r"config/config\.json"):
        Moobius(config="config/config.json")


async def test_a_missing_avatar_ends_the_start(room: Room) -> None:
    class Meow(Moobius):
        async def before_channel_init(self) -> None:
            await self.create_agent("Meow", "resources/avatar.png")

    with pytest.raises(MissingFile, match=r"resources/avatar\.png"):
        await Meow(config=room.config()).start()


async def test_an_expired_token_is_renewed_on_demand(room: Room) -> None:
    async with running(Moobius(config=room.config())) as service:
        service.http_api.access_token = "no longer valid"
        assert len(await service.fetch_member_ids(room.channel_id)) == 2
        assert service.http_api.access_token != "no longer valid"


async def test_a_token_that_expired_meanwhile_is_renewed_at_login(room: Room) -> None:
    async with running(Diary(config=room.config())) as service:
        service.http_api.access_token = "no longer valid"
        room.platform.cut_connections()
        room.sockets["ada"] = await room.people["ada"].user_socket()
        await until(lambda: service.http_api.access_token != "no longer valid")
        await until(lambda: service.ws_client.is_connected)
        await room.say("ada", "still there?", "bob")
        await until(lambda: ("message", "still there?") in service.diary)


@pytest.mark.defect("D104")
async def test_last_words_arrive(room: Room) -> None:
    """What is under way when a service stops is finished, sent and acknowledged."""
    asked = asyncio.Event()

    class Polite(Diary):
        async def on_message_up(self, message: types.MessageBody) -> None:
            asked.set()
            dispatch = self._dispatch
            assert dispatch is not None
            await until(lambda: dispatch._lanes._draining)  # the stop has begun
            await self.send_message("your answer", room.channel_id, recipients=message.sender)

        async def on_stop(self) -> None:
            await self.send_message("goodbye", room.channel_id, recipients=room.id_of("ada"))

    async with running(Polite(config=room.config())):
        await room.say("ada", "a question")
        await asyncio.wait_for(asked.wait(), PATIENCE)
    texts = [frame["body"]["content"]["text"] for frame in await room.sockets["ada"].drain()]
    assert texts == ["your answer", "goodbye"]


async def test_a_spell_that_cannot_be_read_costs_only_itself(room: Room, log: list[str]) -> None:
    class Broken:
        def __reduce__(self) -> Any:
            return int, ("no number",)  # which fails when it is read

    class Listening(Diary):
        async def on_spell(self, obj: Any) -> None:
            self.diary.append(("spell", obj))

    async with running(Listening(config=room.config())) as service:
        service.queue.put(Broken())
        service.queue.put("abracadabra")
        await until(lambda: ("spell", "abracadabra") in service.diary)
    assert any("a spell could not be read" in line for line in log)


async def test_stopping_while_the_local_platform_starts_leaves_none_behind(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moobius.local import embedded

    begun = threading.Event()
    started: list[embedded.RunningPlatform] = []
    start = embedded.find_or_start

    def slow(*args: Any, **kwargs: Any) -> Any:
        begun.set()
        platform = start(*args, **kwargs)
        started.append(platform)
        return platform

    monkeypatch.setattr(embedded, "find_or_start", slow)
    life = asyncio.create_task(Moobius().start())
    await until(begun.is_set)
    life.cancel()
    await asyncio.wait({life})
    (platform,) = started
    assert platform._child is not None and platform._child.poll() is not None


# ---- The local Platform without any configuration --------------------------------------------


async def test_no_configuration_at_all_starts_a_platform_of_its_own(
    in_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with running(Diary()) as service:
        (channel_id,) = service.channels
        assert await service.fetch_member_ids(channel_id) == []
        assert await service.fetch_popular_channels() == [channel_id]
        assert service.http_api.http_server_uri.startswith("http://127.0.0.1:")
        first = (channel_id, service.client_id)
    ready = f"Moobius Platform ready on {service.http_api.http_server_uri}\n"
    assert ready in capfd.readouterr().out
    assert (in_folder / ".moobius").is_dir()
    async with running(Diary()) as service:  # a second start finds everything again
        assert (*service.channels, service.client_id) == first


async def test_a_user_client_on_the_local_platform_joins_the_service_of_its_project(
    in_folder: Path,
) -> None:
    async with running(Diary()) as service:
        async with running(Moobius(is_agent=True)) as user:
            (channel_id,) = service.channels
            assert list(user.channels) == [channel_id]
            members: list[str] = []
            while str(user.client_id) not in members:
                members = await service.fetch_member_ids(channel_id)
