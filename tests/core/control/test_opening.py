"""Wands that are opened for other machines: inside TLS, and with a key."""

from __future__ import annotations

import re
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from moobius import MoobiusWand
from moobius.core.control.opening import STRANGERS, Opening
from moobius.errors import ConfigError, WandError
from moobius.messaging import SharedKey
from tests.support.patience import wait_until
from tests.support.tls import self_signed
from tests.support.wands import troupe


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "wand.key"
    file.write_text(SharedKey.new().hex())
    file.chmod(0o600)
    return file


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_beyond_this_machine_it_needs_a_certificate(key_file: Path, host: str) -> None:
    with pytest.raises(ConfigError, match=f"listens on {host} needs a certificate"):
        Opening(host, 0, key_file)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_this_machine_it_does_not(key_file: Path, host: str) -> None:
    Opening(host, 0, key_file)


def test_it_needs_a_key_that_others_cannot_read(key_file: Path) -> None:
    key_file.chmod(0o644)
    with pytest.raises(ConfigError, match="others can read"):
        Opening("127.0.0.1", 0, key_file)
    with pytest.raises(ConfigError, match="no shared key"):
        Opening("127.0.0.1", 0, key_file.with_name("none"))


async def test_who_has_key_and_certificate_casts_from_another_machine(
    key_file: Path, log: list[str]
) -> None:
    _, certificate = self_signed(key_file.parent)
    opening = Opening("0.0.0.0", 0, key_file, certificate, certificate.with_name("key.pem"))
    with troupe(openings=[opening]) as troup:
        room = troup.add()
        found = reached_at(log)
        assert found.startswith("tls://0.0.0.0:")
        address = found.replace("0.0.0.0", "localhost")
        key = SharedKey.from_file(key_file).hex()
        with MoobiusWand.attach(address=address, key=key, ca_file=certificate) as wand:
            await wand.aspell("Room", {"from": "afar"})
            assert room.spells == [{"from": "afar"}]
            assert wand.services()["Room"].state == "running"
            with pytest.raises(WandError, match="no service 'Rom' runs; running: Room"):
                wand.spell("Rom", 1)
        wrong = SharedKey.new()
        with MoobiusWand.attach(address=address, key=wrong, ca_file=certificate) as wand:
            with pytest.raises(WandError, match="cannot be reached"):
                wand.spell("Room", 1)
        assert len(room.spells) == 1
    assert key not in "".join(log)


def test_a_port_that_is_taken_closes_that_opening_and_nothing_else(
    key_file: Path, log: list[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        openings = [Opening("127.0.0.1", taken.getsockname()[1], key_file)]
        openings.append(Opening("127.0.0.1", 0, key_file))
        with troupe(openings=openings) as troup, MoobiusWand.attach() as wand:
            room = troup.add()
            wand.spell("Room", "from this machine")
            address = reached_at(log)
            with MoobiusWand.attach(address=address, key=SharedKey.from_file(key_file)) as other:
                other.spell("Room", "through the other one")
            assert room.spells == ["from this machine", "through the other one"]
            assert wand.services()["Room"].state == "running"
    complaint = f"WARNING no other machine reaches this wand at {openings[0].place}: "
    assert any(line.startswith(complaint) for line in log)


def test_who_has_no_key_cannot_fill_it(key_file: Path, log: list[str]) -> None:
    with troupe(openings=[Opening("127.0.0.1", 0, key_file)]) as troup, ExitStack() as stack:
        room = troup.add()
        address = reached_at(log)
        port = int(address.rpartition(":")[2])
        for _ in range(STRANGERS + 10):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
        with MoobiusWand.attach(address=address, key=SharedKey.from_file(key_file)) as wand:
            wand.spell("Room", "all the same")
        assert room.spells == ["all the same"]
    wait_until(lambda: any("had not proved the key" in line for line in log))


def reached_at(log: list[str]) -> str:
    """Wait until a wand is open, and return what to call."""

    def found() -> re.Match[str] | None:
        return re.search(r"other machines reach this wand at (\S+)", "".join(log))

    wait_until(found)
    match = found()
    assert match
    return match[1]


def test_what_belongs_together_is_given_together() -> None:
    with pytest.raises(ConfigError, match="needs a key"):
        MoobiusWand.attach(address="tcp://127.0.0.1:7")
    with pytest.raises(ConfigError, match="only for use with an address"):
        MoobiusWand.attach(key=SharedKey.new())
    with pytest.raises(ConfigError, match="certificates to trust"):
        MoobiusWand.attach(address="tls://localhost:7", key=SharedKey.new())
