"""Calling the process that answers: what is an address, and what it means when nobody does."""

from __future__ import annotations

import asyncio
import pickle
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from moobius.core.control import calls, connection_files, protocol
from moobius.core.control.calls import Unreachable
from moobius.core.control.connection_files import Record
from moobius.errors import ConfigError, WandError
from moobius.messaging import AsyncLink, Callbacks, SharedKey, serve
from tests.support.wands import troupe

KEY = "ab" * 32


def record_of(name: str) -> Record:
    found = connection_files.read(
        connection_files.file_of(connection_files.services_folder(), name)
    )
    assert found is not None
    return found


def record_at(sock: socket.socket) -> Record:
    address = f"tcp://127.0.0.1:{sock.getsockname()[1]}"
    return Record("Room", "Room", 1, "it", "", 0.0, address=address, key=KEY)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("", "none of unix"),
        ("unix:", "none of unix"),
        ("tcp://127.0.0.1", "none of unix"),
        ("tcp://127.0.0.1:seven", "none of unix"),
        ("http://127.0.0.1:7", "none of unix"),
        ("tls://127.0.0.1:7", "certificates to trust"),
    ],
)
def test_what_is_no_address_is_refused(address: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        calls.check_address(address, KEY, None)


def test_what_is_no_key_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError, match="64 hexadecimal digits") as caught:
        calls.check_address("tcp://127.0.0.1:7", "my secret", None)
    assert "my secret" not in str(caught.value)


async def test_an_answer_is_a_value_or_raised() -> None:
    with troupe() as wand:
        record = record_of(wand.add().name)
        async with await calls.open_link(record) as link:
            assert await calls.ask(link, record, protocol.PING) == record.instance
            with pytest.raises(WandError, match="no service 'Rom' runs; running: Room"):
                await calls.ask(link, record, protocol.STATUS, "Rom")


async def test_it_is_told_whether_a_process_is_the_one_that_is_meant(tmp_path: Path) -> None:
    with troupe() as wand:
        record = record_of(wand.add().name)
        assert await calls.answers(record)
        assert not await calls.answers(replace(record, instance="another"))
        assert not await calls.answers(replace(record, address=f"unix:{tmp_path}/none"))
    assert not await calls.answers(record)


async def test_one_that_is_silent_is_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process is that was suspended: it may go on, and then it has its name still."""
    with socket.create_server(("127.0.0.1", 0)) as silent, monkeypatch.context() as patch:
        patch.setattr(calls, "ANSWER_WITHIN_S", 0.2)
        record = record_at(silent)
        with pytest.raises(Unreachable, match=r"process 1 should answer.*0\.2 s") as caught:
            await calls.open_link(record)
        assert not caught.value.is_gone
        assert await calls.answers(record)
    with socket.socket() as refusing:
        refusing.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable) as caught:
            await calls.open_link(record_at(refusing))
    assert caught.value.is_gone
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.is_gone and str(again) == str(caught.value)


@pytest.mark.parametrize(
    "change", [{"key": ""}, {"address": "pipe:/x"}, {"address": "tls://localhost:7"}]
)
async def test_a_connection_file_that_is_of_no_use_is_named(change: dict[str, str]) -> None:
    record = Record("odd", "Room", 1, "it", "", 0.0, address="tcp://127.0.0.1:7", key=KEY)
    with pytest.raises(Unreachable, match=r"odd\.json, its connection file, is of no use: "):
        await calls.open_link(replace(record, **change))  # type: ignore[arg-type] # all are texts


@pytest.mark.parametrize(
    ("request_", "still"),
    [
        (protocol.SPELL, "; the spell may arrive still"),
        (protocol.STOP, "; it may stop still"),
        (protocol.RESTART, "; it may be started again still"),
        (protocol.PING, "in time"),
    ],
)
async def test_what_may_happen_though_there_is_no_answer_is_said(request_: str, still: str) -> None:
    async def never(link: AsyncLink, *args: object) -> None:
        await asyncio.Event().wait()

    callbacks = Callbacks()
    callbacks.on_request(request_)(never)
    async with serve(callbacks, key=SharedKey.from_hex(KEY)) as server:
        address = f"tcp://127.0.0.1:{server.port}"
        record = Record("Room", "Room", 1, "it", "", 0.0, address=address, key=KEY)
        async with await calls.open_link(record) as link:
            with pytest.raises(Unreachable) as caught:
                await calls.ask(link, record, request_, timeout=0.1)
    assert str(caught.value).endswith(still)


async def test_a_connection_that_breaks_is_said() -> None:
    with troupe() as wand:
        record = record_of(wand.add().name)
        async with await calls.open_link(record) as link:
            wand.stop(1)
            await asyncio.to_thread(wand.publisher.finish)
            with pytest.raises(Unreachable, match="Room cannot be reached"):
                await calls.ask(link, record, protocol.PING)
