"""What a peer may send as a change of settings, and that the file can be read after it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from moobius.errors import ValidationError
from moobius.messaging import config_changes
from moobius.messaging.client_core import Client

SETTINGS = "id = a\nnote = mine\n[SERVER]\nhost = 10.1\n"
MODES = sorted(config_changes.BEGINNINGS)

# A change -> the setting that it is refused for.
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "true is no number": ({"BROADCAST": {"port": True}}, "BROADCAST.port"),
    "false is no number": ({"config_version": False}, "config_version"),
    "a number is no truth": ({"NTP": {"use": 1.0}}, "NTP.use"),
    "null": ({"id": None}, "id"),
    "null as a text": ({"SERVER": {"port": "None"}}, "SERVER.port"),
    "a short address": ({"SERVER": {"host": "10.2"}}, "SERVER.host"),
    "a value for a section": ({"SERVER": 5}, "SERVER"),
    "an annotated value for one": ({"SERVER": {"__value__": 5}}, "SERVER"),
    "a section for a value": ({"id": {"x": 1}}, "id"),
    "a section inside": ({"SERVER": {"port": {"__value__": {"a": 1}}}}, "SERVER.port"),
    "a line break": ({"other": "x\r[NEW]"}, "other"),
}


def client_in(folder: Path) -> Client:
    path = folder / "client.ini"
    path.write_text(SETTINGS)
    client = Client(path)
    client.load_config()
    return client


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", REFUSED)
def test_what_the_file_could_not_be_read_with_is_refused(
    name: str, mode: str, tmp_path: Path
) -> None:
    client = client_in(tmp_path)
    change, setting = REFUSED[name]
    with pytest.raises(ValidationError) as caught:
        client.change_config(change, mode)
    assert [path for path, _ in caught.value.errors] == [setting]
    assert client.config_path == tmp_path / "client.ini"
    assert (tmp_path / "client.ini").read_text() == SETTINGS
    assert (client.config.id, client.config.server_host) == ("a", "10.1")


STRANGE = [
    *(True, False, 1, 0, 1.0, 2.5, math.inf, math.nan, "", " 1 ", "#", "a,b", ",", '"', "'"),
    *("x #y", "on", ["1"], [True], [], "0x10", "1_000", "\u0661", "\u2028", "\r", "\n", "\x00"),
    *(
        "\ud800",
        "\ufeff",
        "x\r[AUTH]",
        '"""',
        "'\"\n'''\"\"\"",
        "nan",
        "None",
        None,
        {},
        {"a": 1},
        [["a"]],
    ),
]
KEYS = [("SERVER", "port"), ("SERVER", "host"), ("BROADCAST", "use"), ("", "id"), ("", "new")]


@pytest.mark.parametrize("value", STRANGE, ids=ascii)
def test_whatever_is_sent_the_client_can_start_again(value: Any, tmp_path: Path) -> None:
    for section, key in KEYS:
        client = client_in(tmp_path)
        change = {section: {key: value}} if section else {key: value}
        try:
            client.change_config(change)
        except (ValueError, SyntaxError):
            assert (tmp_path / "client.ini").read_text() == SETTINGS
        again = Client(tmp_path / "client.ini")
        again.load_config()
        assert isinstance(again.config.server_port, int)
        assert again.config.note == "mine"
        assert not again.config.auth_use


def test_a_short_address_of_our_own_may_come_back(tmp_path: Path) -> None:
    client = client_in(tmp_path)
    client.change_config(client.config.full_dict())
    client.change_config({"SERVER": {"host": "10.1", "port": 26000}})
    assert (client.config.server_host, client.config.server_port) == ("10.1", 26000)
    client.change_config({"SERVER": {"host": "localhost"}})
    client.change_config({"SERVER": {"host": "10.0.0.1"}})
    assert client.config.server_host == "10.0.0.1"


def test_what_nobody_specified_is_kept_as_it_is(tmp_path: Path) -> None:
    client = client_in(tmp_path)
    client.change_config({"new": "a, b", "NEW": {"list": ["x", "y"], "flag": True}})
    assert client.config.get("", "new") == "a, b"
    assert client.config.get("NEW", "list") == ["x", "y"]
    assert client.config.get("NEW", "flag") == "True"


def test_a_mode_that_is_none_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="modify, rewrite"):
        client_in(tmp_path).change_config({}, "destroy")
