"""Wands that are opened for other machines: inside TLS, and with a key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from moobius import MoobiusWand
from moobius.core.control.opening import Opening
from moobius.errors import ConfigError, WandError
from moobius.messaging import SharedKey
from tests.support.patience import until
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
        await until(lambda: any("other machines reach" in line for line in log))
        found = re.search(r"tls://0\.0\.0\.0:(\d+)", "".join(log))
        assert found
        address = f"tls://localhost:{found[1]}"
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


def test_what_belongs_together_is_given_together() -> None:
    with pytest.raises(ConfigError, match="needs the key"):
        MoobiusWand.attach(address="tcp://127.0.0.1:7")
    with pytest.raises(ConfigError, match="go with an address"):
        MoobiusWand.attach(key=SharedKey.new())
    with pytest.raises(ConfigError, match="certificates to trust"):
        MoobiusWand.attach(address="tls://localhost:7", key=SharedKey.new())
