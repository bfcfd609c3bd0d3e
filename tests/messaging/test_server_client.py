"""Clients as a server sees them: known by their id, whatever address they come from."""

from __future__ import annotations

import contextlib
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from moobius.errors import Unsendable
from moobius.messaging import server_client
from moobius.messaging.connection_manager import ConnectionManager
from moobius.messaging.limits import Limits
from moobius.messaging.message_manager import MessageManager
from moobius.messaging.registry import message_callback, request_callback
from moobius.messaging.server_client import Client
from tests.support.messaging import PATIENCE, quiet_server, served, until
from tests.support.pump import Pump, tcp_pair
from tests.support.tls import self_signed

Told = list[tuple[str, "str | None"]]


@pytest.fixture(autouse=True)
def nobody_known(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Begin without clients; return what the hooks were told: (hook, id)."""
    told: Told = []
    monkeypatch.setattr(Client, "clients", {})
    for hook in ("on_connect", "on_first_connect", "on_disconnect"):
        monkeypatch.setattr(
            Client, hook, lambda client, hook=hook: told.append((hook, client.copter_id))
        )
    return told


class Drone(ConnectionManager):
    """A peer that says who it is."""

    name = "one"


@pytest.fixture(autouse=True)
def drones_answer() -> None:
    request_callback("id")(lambda drone: drone.name)
    request_callback("clover_dir")(lambda drone: f"/home/{drone.name}")


def arrive(pumping: Pump, name: str) -> Drone:
    """Connect a drone, until the server knows it."""
    drone = Drone()
    drone.name = name
    here, there = tcp_pair()
    pumping.adopt(drone, here)
    stranger = Client("127.0.0.1")
    pumping.adopt(stranger, there)
    pumping.until(
        lambda: (known := Client.get_by_id(name)) and known.addr == stranger.addr,
        lambda: Client.clients,
    )
    pumping.until_quiet()
    return drone


def known(name: str) -> Client:
    found = Client.get_by_id(name)
    assert found is not None
    return found


def test_a_client_is_asked_who_it_is_and_only_then_known(pumping: Pump, nobody_known: Told) -> None:
    arrive(pumping, "one")
    client = Client.clients["127.0.0.1"]
    assert (client.copter_id, client.clover_dir, client.connected) == ("one", "/home/one", True)
    assert nobody_known == [("on_connect", "one"), ("on_first_connect", "one")]


def test_one_that_comes_back_is_the_same_object_with_its_requests(
    pumping: Pump, nobody_known: Told
) -> None:
    drone = arrive(pumping, "one")
    client = known("one")
    answers: list[Any] = []
    client.get_response("late", lambda connection, value: answers.append((connection, value)))
    pumping.until_quiet()
    drone._close()
    pumping.until(lambda: not client.connected)
    request_callback("late")(lambda connection: "answer")
    arrive(pumping, "one")
    pumping.until(lambda: answers)
    assert answers == [(client, "answer")]
    assert list(Client.clients.values()) == [client]
    assert [hook for hook, _ in nobody_known] == [
        *("on_connect", "on_first_connect", "on_disconnect", "on_connect"),
    ]


def test_e31_two_behind_one_address_do_not_throw_each_other_out(pumping: Pump) -> None:
    drones = [arrive(pumping, name) for name in ("one", "two", "three")]
    assert all(drone.socket is not None for drone in drones)
    assert {client.copter_id for client in Client.clients.values()} == {"one", "two", "three"}
    assert all(client.connected for client in Client.clients.values())
    for name in ("two", "one"):
        drones[0]._close()
        drones[0] = arrive(pumping, name)


def test_what_waits_for_one_is_not_sent_to_another(pumping: Pump) -> None:
    heard: list[tuple[str, str]] = []
    message_callback("say")(lambda drone, whom: heard.append((drone.name, whom)))
    drone = arrive(pumping, "one")
    client = known("one")
    client.resume_queue = True
    drone._close()
    pumping.until(lambda: not client.connected)
    client.send_message("say", ("for one",))
    arrive(pumping, "two")
    known("two").send_message("say", ("for two",))
    pumping.until(lambda: heard)
    arrive(pumping, "one")
    pumping.until(lambda: len(heard) == 2)
    assert heard == [("two", "for two"), ("one", "for one")]


def test_a_connection_that_is_not_noticed_to_be_dead_gives_way(
    pumping: Pump, nobody_known: Told
) -> None:
    first = arrive(pumping, "one")
    client = known("one")
    arrive(pumping, "one")
    pumping.until(lambda: first.socket is None)
    assert client.connected
    assert list(Client.clients.values()) == [client]


@pytest.mark.parametrize("slice_size", [1, 7, 1024])
def test_whatever_surrounds_the_answer_is_handled_and_answered(
    pumping: Pump, slice_size: int
) -> None:
    heard: list[tuple[str, ConnectionManager]] = []
    for name in ("before", "after"):
        message_callback(name)(lambda peer, name=name: heard.append((name, peer)))
    request_callback("ask")(lambda peer: "answer" * 100)
    arrive(pumping, "one")._close()
    client = known("one")
    pumping.until(lambda: not client.connected)

    drone, stranger = Drone(), Client("127.0.0.1")
    here, there = tcp_pair()
    answers: list[str] = []
    drone.send_message("not connected: dropped")
    drone.resume_queue = True
    drone.send_message("before")
    drone.get_response("ask", lambda drone, value: answers.append(value))
    drone.buffer_size = 65536
    stranger.buffer_size = slice_size
    pumping.adopt(stranger, there)
    pumping.adopt(drone, here)
    stranger.get_response("id", lambda peer, value: heard.append((value, peer)))
    pumping.until(lambda: client.connected)
    drone.send_message("after")
    pumping.until(lambda: answers and len(heard) == 3, lambda: (answers, heard))
    assert answers == ["answer" * 100]
    assert heard == [("before", stranger), ("one", client), ("after", client)]
    assert not [error for error in pumping.errors if not isinstance(error, RuntimeError)]


def test_one_that_does_not_say_who_it_is_is_let_go(
    pumping: Pump, monkeypatch: pytest.MonkeyPatch, nobody_known: Told
) -> None:
    monkeypatch.setattr(server_client, "IDENTIFY_WITHIN_S", 0.05)
    here, there = tcp_pair()
    stranger = Client("127.0.0.1")
    pumping.adopt(stranger, there)
    while stranger.connected:
        stranger.expire()
        pumping.turn()
    assert Client.clients == {}
    assert nobody_known == []
    here.close()


def test_a_broadcast_reaches_all_that_are_connected(pumping: Pump) -> None:
    heard: list[tuple[str, int]] = []
    message_callback("say")(lambda drone, number: heard.append((drone.name, number)))
    drones = {name: arrive(pumping, name) for name in ("one", "two", "three")}
    gone = known("three")
    gone.resume_queue = True
    drones["three"]._close()
    pumping.until(lambda: not gone.connected)
    Client.broadcast_message("say", (1,))
    Client.broadcast(MessageManager.create_action_message("say", (2,)))
    Client.broadcast_message("say", (3,), force_all=True)
    pumping.until(lambda: len(heard) == 6)
    arrive(pumping, "three")
    pumping.until(lambda: len(heard) == 7)
    assert sorted(heard[:6]) == [(name, number) for name in ("one", "two") for number in (1, 2, 3)]
    assert heard[6] == ("three", 3)


def test_a_full_queue_does_not_leave_out_the_others(
    pumping: Pump, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    message_callback("say")(lambda drone: heard.append(drone.name))
    for name in ("one", "two"):
        arrive(pumping, name)

    def is_full(message: object) -> None:
        raise BlockingIOError("full")

    monkeypatch.setattr(known("one"), "_send", is_full)
    Client.broadcast_message("say")
    pumping.until(lambda: heard)
    assert heard == ["two"]
    assert any("left out of a broadcast" in line for line in log)


def test_hooks_may_be_functions_bound_methods_or_a_subclass_s(
    pumping: Pump, monkeypatch: pytest.MonkeyPatch, log: list[str]
) -> None:
    told: list[Any] = []

    class Window:
        def note(self, client: Client) -> None:
            told.append(("bound", client.copter_id))

    def raises(client: Client) -> None:
        told.append(("function", client.copter_id))
        raise ValueError("a hook that fails")

    monkeypatch.setattr(Client, "on_connect", Window().note)
    monkeypatch.setattr(Client, "on_first_connect", raises)
    monkeypatch.setattr(Client, "on_disconnect", None)
    drone = arrive(pumping, "one")
    drone._close()
    pumping.until(lambda: not known("one").connected)
    assert told == [("bound", "one"), ("function", "one")]
    assert any("on_first_connect raised" in line for line in log)
    assert not any("on_disconnect" in line for line in log)

    class Copter(Client):
        def on_connect(self) -> None:
            told.append(("method", self.copter_id))

    copter = Copter("127.0.0.1")
    copter.copter_id = "two"
    copter._call_hook("on_connect")
    assert told[-1] == ("method", "two")


def test_closing_and_removing(pumping: Pump, nobody_known: Told) -> None:
    arrive(pumping, "one")
    client = known("one")
    client.close()
    pumping.until(lambda: not client.connected)
    assert Client.get_by_id("one") is client
    arrive(pumping, "one")
    client.close(inner=True)
    assert not client.connected
    arrive(pumping, "one")
    client.remove()
    pumping.until(lambda: not client.connected)
    assert Client.clients == {}
    assert [hook for hook, _ in nobody_known].count("on_disconnect") == 3


@pytest.mark.parametrize("name", ["x" * 64, {"a": "deep one"}.__repr__() * 8])
def test_an_id_that_no_client_has_is_not_kept(pumping: Pump, name: str) -> None:
    drone = Drone()
    drone.name = name
    here, there = tcp_pair()
    pumping.adopt(drone, here)
    stranger = Client("127.0.0.1")
    pumping.adopt(stranger, there)
    pumping.until(lambda: stranger.socket is None)
    assert Client.clients == {}


def test_those_who_stay_away_are_forgotten_when_there_are_many(
    pumping: Pump, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_client, "AWAY_AT_MOST", 2)
    for name in ("one", "two", "three", "four"):
        drone = arrive(pumping, name)
        if name != "four":
            drone._close()
            pumping.until(lambda name=name: not known(name).connected)  # type: ignore[misc]
    assert [each.copter_id for each in Client.clients.values()] == ["two", "three", "four"]


def come_back(port: int, tls: ssl.SSLContext | None, after: bytes = b"") -> socket.socket:
    """Connect as the client `drone`, and say more in the same breath as who it is."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    if tls is not None:
        sock = tls.wrap_socket(sock)
    incoming = MessageManager()
    while incoming.content is None:
        incoming.income_raw += sock.recv(1)
        incoming.process_message()
    said = MessageManager.create_response("id", incoming.content["request_id"], "drone")
    sock.sendall(said + after)
    return sock


@pytest.mark.parametrize("is_encrypted", [False, True])
def test_what_a_client_says_at_once_when_it_is_back_is_heard_at_once(
    tmp_path: Path, is_encrypted: bool
) -> None:
    heard: list[int] = []
    message_callback("number")(lambda client, number: heard.append(number))
    actions = b"".join(MessageManager.create_action_message("number", (n,)) for n in range(30))
    lines: tuple[str, ...] = ()
    tls = None
    if is_encrypted:
        _context, certificate = self_signed(tmp_path)
        lines = ("[TLS]", "use = True", f"cert_file = {certificate}")
        lines += (f"key_file = {tmp_path / 'key.pem'}",)
        tls = ssl.create_default_context(cafile=certificate)
        tls.check_hostname = False
    with served(tmp_path, *quiet_server(*lines)) as server:
        for _ in range(2):
            heard.clear()
            with come_back(server.port, tls, actions):
                until(lambda: len(heard) == 30, lambda: heard)
            until(lambda: not known("drone").connected)


def test_garbage_behind_the_id_of_one_who_is_back_ends_the_connection(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        with come_back(server.port, None):
            until(lambda: Client.get_by_id("drone") is not None)
        until(lambda: not known("drone").connected)
        with come_back(server.port, None, b"\0\0") as sock:
            with contextlib.suppress(ConnectionResetError):
                while sock.recv(4096):
                    pass  # until the server hangs up


def test_a_client_that_is_renamed_is_known_by_its_new_name(
    pumping: Pump, nobody_known: Told, log: list[str]
) -> None:
    drone, other = arrive(pumping, "one"), arrive(pumping, "two")
    client, heard = known("one"), list[str]()

    def ask(drone: Drone, name: str, *, expected: str) -> None:
        drone.name = name
        heard.clear()
        client.get_response("id", lambda client, value: heard.append(client.copter_id))
        pumping.until(lambda: heard)
        assert heard == [expected]

    ask(drone, "new", expected="new")  # known to the callback of the very answer
    assert known("new") is client
    assert Client.get_by_id("one") is None
    ask(drone, "two", expected="new")
    ask(drone, "x" * 64, expected="new")
    assert sum("taken, or too long" in line for line in log) == 2
    assert known("two").addr != client.addr
    drone._close()
    pumping.until(lambda: not client.connected)
    assert known_again(pumping, "new") is client
    assert [hook for hook, name in nobody_known if name == "new"] == ["on_disconnect", "on_connect"]
    assert other.socket is not None


def known_again(pumping: Pump, name: str) -> Client:
    arrive(pumping, name)
    return known(name)


def test_what_clients_would_hang_up_for_is_not_broadcast(
    pumping: Pump, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(pumping, "one")
    monkeypatch.setattr(Client, "default_limits", Limits(json_content=100))
    with pytest.raises(Unsendable, match="the limit is 100"):
        Client.broadcast_message("x", ("y" * 100,))
    pumping.until_quiet()
    assert known("one").connected
