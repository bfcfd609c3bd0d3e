"""What may be asked of the socket: its attributes and helpers (sdk.md 1.7)."""

from __future__ import annotations

from typing import Any

import pytest

from moobius import types
from moobius.errors import PayloadError
from moobius.network import ws_client as module
from moobius.network.ws_client import WSClient
from tests.support.owl import connected, message
from tests.support.patience import until
from tests.support.peer import peer

# ---- What may be asked of it ---------------------------------------------------------------------


async def test_its_attributes_tell_the_truth() -> None:
    async with peer() as script:
        client = WSClient(script.url, report_str="Owl")
        assert (client.ws_server_uri, client.report_str) == (script.url, "Owl")
        assert (client.on_connect, client.handle, client.timeout) == (None, None, 16)
        assert (client.websocket, client.is_connected) == (None, False)
        assert client.outbound_queue.qsize() == 0
        assert not client.outbound_queue_running
        await client.connect()
        assert client.is_connected
        assert client.outbound_queue_running
        assert client.websocket is not None
        script.answer = lambda frame: None
        await client.send(message("1"))
        await client.send(message("2"))
        await until(lambda: len(script.frames) == 2)
        assert client.outbound_queue.qsize() == 2  # written, but nobody knows whether they came
        assert not client.outbound_queue.empty()
        assert not client.outbound_queue.full()
        await client.close(flush=0)
        assert (client.websocket, client.is_connected) == (None, False)
        assert not client.outbound_queue_running
        assert str(client) == (
            f"moobius.WSClient(ws_server_uri={script.url}, on_connect=None, handle=None)"
        )


async def test_a_heartbeat_can_be_built_only() -> None:
    async with peer() as script, connected(script) as client:
        assert (await client.heartbeat(dry_run=True))["body"] == {}
        frame = await client.heartbeat()
        await until(lambda: script.frames[-1]["type"] == "heartbeat")
        assert script.frames[1:] == [frame]


def test_dumps_turns_dataclasses_into_objects() -> None:
    text = WSClient.dumps({"a": [types.CanvasItem("ü")]})
    assert text == '{"a":[{"text":"ü","path":null}]}'


@pytest.mark.parametrize("bad", [object(), {"a": {1j}}, "\ud800"])
def test_what_json_does_not_have_is_refused(bad: Any) -> None:
    with pytest.raises(PayloadError, match="cannot be sent as JSON"):
        WSClient.dumps(bad)


def test_asserted_dataclass_asdict() -> None:
    as_dict = module.asserted_dataclass_asdict
    click = {"label": "Drink", "value": "tea"}
    assert (
        as_dict(types.ClickArgument("Drink", "tea"), types.ClickArgument).items() >= click.items()
    )
    assert as_dict(click, types.ClickArgument) == as_dict(
        types.ClickArgument("Drink", "tea"), types.ClickArgument
    )
    for wrong in ({"label": "Drink", "new": 1}, types.CanvasItem(), None):
        with pytest.raises(PayloadError, match="ClickArgument"):
            as_dict(wrong, types.ClickArgument)
