"""Defects of earlier versions in start, jobs, modes and end (5.4, 5.10)."""

from __future__ import annotations

import asyncio
import datetime
import gc
import json
import threading
import time
from typing import Any

import pytest

from moobius import Moobius, types
from moobius.errors import ConfigError, TransportError, WrongMode
from tests.promises.stage import Recorder, Stage
from tests.support.patience import PATIENCE, until
from tests.support.peer import copy_of, peer
from tests.support.room import running

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Diary(Recorder):
    """Notes which channels are set up and checked in."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.set_up: list[str] = []
        self.checked_in: list[str] = []

    async def on_channel_init(self, channel_id: str) -> None:
        self.set_up.append(channel_id)

    async def on_channel_checkin(self, channel_id: str) -> None:
        self.checked_in.append(channel_id)


# ---- Start -------------------------------------------------------------------------------------


@pytest.mark.defect("D39")
async def test_a_new_service_is_ready_without_pauses(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await stage.another_room()
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def noting(seconds: float, result: Any = None) -> Any:
        await sleep(seconds)
        pauses.append(seconds)
        return result

    with monkeypatch.context() as clock:
        clock.setattr(asyncio, "sleep", noting)
        async with running(Recorder(config=room.config())):
            # Earlier versions paused for six seconds, and then worked.
            assert [seconds for seconds in pauses if seconds > 0.1] == []


@pytest.mark.defect("D39")
async def test_a_platform_that_needs_time_for_a_new_service_gets_it(stage: Stage) -> None:
    """Its socket learns of a new service a little later than its HTTP side has made it."""
    room = await stage.another_room()
    refusals = iter(["Service not found for this access_token"] * 2)

    def answer(frame: dict[str, Any]) -> dict[str, Any]:
        refusal = next(refusals, "") if frame["type"] == "service_login" else ""
        return copy_of(frame, not refusal, refusal)

    async with peer(answer) as slow:
        config = room.config(ws_server_uri=slow.url, service_id="")
        async with running(Recorder(config=config)) as service:
            assert list(service.channels) == [room.channel_id]
        logins = [frame for frame in slow.frames if frame["type"] == "service_login"]
        assert len(logins) == 3


@pytest.mark.defect("D40")
async def test_one_login_with_the_right_id_comes_before_all_else(stage: Stage) -> None:
    room = await stage.another_room()

    class Eager(Recorder):
        async def on_channel_init(self, channel_id: str) -> None:
            await self.send_message("set up", channel_id, recipients=stage.ada)

    async with running(Eager(config=room.config())) as service:
        await service.wait_for("on_copy_client", lambda copy: copy.origin_type == "message_down")
        copies = [event for name, event in service.seen if name == "on_copy_client"]
        assert [(copy.origin_type, copy.status) for copy in copies] == [
            ("service_login", True),
            ("message_down", True),
        ]


@pytest.mark.defect("D46", "D47")
async def test_channels_are_set_up_once_in_order_and_only_if_they_are_ours(
    stage: Stage, log: list[str]
) -> None:
    rooms = [await stage.another_room() for _ in range(3)]
    foreign = await stage.room.people["ada"].channel("Ada's own")
    ids = [room.channel_id for room in rooms]
    channels = [ids[2], foreign, ids[0], "", ids[2], "no-such-channel", ids[1]]
    config = rooms[0].config(channels=channels, checkin_interval=0.05)
    async with running(Diary(config=config)) as service:
        expected = [ids[2], ids[0], ids[1]]
        assert service.set_up == expected == list(service.channels)
        await until(lambda: len(service.checked_in) >= 6)
        assert service.checked_in[:6] == expected * 2
        assert set(await service.fetch_bound_channels()) == set(expected)
    assert [line for line in log if foreign in line] and [line for line in log if "no-such" in line]


@pytest.mark.defect("D47")
@pytest.mark.parametrize("others", ["ignore", "unbind"])
async def test_a_channel_that_is_not_used_is_not_set_up(stage: Stage, others: str) -> None:
    room = await stage.another_room()
    await stage.room.owner.bound_service(room.channel_id)
    async with running(Diary(config=room.config(others=others))) as service:
        assert service.set_up == [] and service.channels == {}


@pytest.mark.defect("D46")
async def test_a_wrong_others_is_noticed_at_once(stage: Stage) -> None:
    with pytest.raises(ConfigError, match="others"):
        Moobius(config=stage.room.config(others="perhaps"))


# ---- Jobs --------------------------------------------------------------------------------------


@pytest.mark.defect("D103")
async def test_a_late_job_runs_all_the_same(stage: Stage) -> None:
    room = await stage.another_room()
    ran = asyncio.Event()

    async def job() -> None:
        ran.set()

    async with running(Recorder(config=room.config())) as service:
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=0.1)
        service.scheduler.add_job(job, "date", run_date=soon)
        time.sleep(1.5)  # noqa: ASYNC251 - a callback that blocks the loop is the misfortune
        await asyncio.wait_for(ran.wait(), PATIENCE)


@pytest.mark.defect("D103")
async def test_a_check_in_stands_failures_and_new_channels(stage: Stage) -> None:
    rooms = [await stage.another_room() for _ in range(2)]
    ids = [room.channel_id for room in rooms]

    class Growing(Diary):
        async def on_channel_checkin(self, channel_id: str) -> None:
            await super().on_channel_checkin(channel_id)
            self.channels[f"new {len(self.channels)}"] = None
            if channel_id == ids[0]:
                raise RuntimeError("not here")

    config = rooms[0].config(channels=ids, checkin_interval=0.05)
    async with running(Growing(config=config)) as service:
        await until(lambda: service.checked_in.count(ids[1]) >= 2)
        assert service.checked_in.count(ids[0]) >= 2
        assert service.checked_in[:2] == ids
        await until(lambda: "new 2" in service.checked_in)


# ---- The end -----------------------------------------------------------------------------------


@pytest.mark.defect("D104")
async def test_nothing_is_left_behind(stage: Stage, log: list[str]) -> None:
    room = await stage.another_room()
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    service = Recorder(config=room.config())
    async with running(service):
        service.queue.put("a spell")
        await service.wait_for("on_spell")
        scheduler = service.scheduler
        await service.send_message("last words", room.channel_id, "x", stage.ada)
    assert (await stage.sees("ada"))["content"] == {"text": "last words"}
    assert not scheduler.running
    assert not service.ws_client.is_connected
    with pytest.raises(TransportError, match="closed"):
        await service.ws_client.send({"type": "heartbeat", "request_id": "x", "body": {}})

    def left() -> list[Any]:
        gc.collect()  # the threads of a queue end with the queue
        new_tasks = [task for task in asyncio.all_tasks() - tasks if "moobius" in task.get_name()]
        return new_tasks + [
            thread
            for thread in set(threading.enumerate()) - threads
            if not thread.name.startswith(("asyncio_", "pytest"))  # the loop's own pool stays
            and not isinstance(thread, threading.Timer)  # the watch of the test itself
        ]

    del service, scheduler
    await until(lambda: not left(), lambda: repr(left()))
    assert not [line for line in log if line.startswith("ERROR")]


# ---- Modes -------------------------------------------------------------------------------------

SERVICE_ONLY: dict[str, tuple[Any, ...]] = {
    "send_characters": ([], "CH", "x"),
    "send_buttons": ([], "CH", "x"),
    "send_menu": ([], "CH", "x"),
    "send_canvas": ([], "CH", "x"),
    "send_style": ([], "CH", "x"),
    "send_update": ({}, "x"),
    "create_agent": ("Owl",),
    "update_agent": ("x", "https://example.org/a.png", "", "Owl"),
    "create_new_service": (),
    "true_channel_list": (),
    "bind_service_to_channel": ("CH",),
    "unbind_service_from_channel": ("CH",),
}


@pytest.mark.defect("D105")
@pytest.mark.promise("0-21")
@pytest.mark.parametrize("verb", SERVICE_ONLY)
async def test_a_user_client_has_no_verbs_of_a_service(stage: Stage, verb: str) -> None:
    with pytest.raises(WrongMode, match=verb):
        await getattr(stage.fan, verb)(*SERVICE_ONLY[verb])
    assert stage.fan.ws_client.is_connected


@pytest.mark.defect("D105")
async def test_the_channels_of_a_user_client_are_filled(stage: Stage) -> None:
    assert stage.fan.channels == {stage.channel_id: None}


# ---- Spellings ---------------------------------------------------------------------------------


@pytest.mark.defect("D111")
@pytest.mark.parametrize("word", ["{}", "{}_channel"])
async def test_both_words_for_joining_and_leaving_are_understood(stage: Stage, word: str) -> None:
    for subtype, callback in (("leave", "on_leave"), ("join", "on_join")):
        body = {
            "subtype": word.format(subtype),
            "channel_id": stage.channel_id,
            "sender": "somebody",
            "context": {},
        }
        frame = json.dumps({"type": "action", "body": body})
        await stage.service.handle_received_payload(frame)
        action = await stage.service.wait_for(callback)
        assert action == types.SimpleAction(subtype, stage.channel_id, "somebody", {})
