"""Settings files: the two checks of our own, the specifications that ship, and safe writing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from configobj.validate import ValidateError

from moobius.errors import MissingFile
from moobius.messaging import annotated, ini

# Section -> key -> (what the specification says is its default).
CLIENT_KEYS = {
    "": {"config_name": "client", "config_version": 1.0, "id": "/hostname", "clover_dir": "auto"},
    "SERVER": {"port": 25000, "host": "192.168.1.101", "buffer_size": 1024},
    "BROADCAST": {"use": True, "port": 8181, "persist": True},
    "NTP": {"use": False, "host": "ntp1.stratum2.ru", "port": 123},
    "REQUESTS": {"error_replies": False},
    "FILES": {"read_dirs": ["."], "write_dirs": ["."], "max_size": 64 * 1024 * 1024},
    "TLS": {"use": False, "ca_file": "", "cert_file": "", "key_file": "", "server_name": ""},
    "AUTH": {"use": False, "key_file": "", "require": True, "max_skew": 0},
}
SERVER_KEYS = {
    "": {"config_name": "server", "config_version": 1.0},
    "SERVER": {"port": 25000, "buffer_size": 1024},
    "BROADCAST": {
        **{"send": True, "listen": False, "port": 8181},
        **{"send_ip": "255.255.255.255", "delay": 3.0},
    },
    "NTP": CLIENT_KEYS["NTP"],
    "REQUESTS": {"error_replies": False},
    "FILES": CLIENT_KEYS["FILES"],
    "TLS": {"use": False, "ca_file": "", "cert_file": "", "key_file": ""},
    "AUTH": {"use": False, "key_file": "", "require": True},
}


@pytest.mark.parametrize(("name", "keys"), [("client", CLIENT_KEYS), ("server", SERVER_KEYS)])
def test_the_defaults_are_those_of_the_specification(
    name: str, keys: dict[str, dict[str, object]]
) -> None:
    settings = ini.empty(ini.read_spec(ini.SHIPPED / f"configspec_{name}.ini"))
    assert ini.check(settings) == []
    expected = {**keys[""], **{section: keys[section] for section in keys if section}}
    assert settings.dict() == expected


@pytest.mark.parametrize("text", ["localhost", "127.0.0.1", "1.2.3", "10.1", " 10.0.0.1 "])
def test_an_address_is_localhost_or_dotted(text: str) -> None:
    assert ini.check_ip(text) == text.strip()


@pytest.mark.parametrize(
    "value", ["host.example", "300.1.1.1", "::1", "", "LOCALHOST", "1.2.3.4 x", "0x7f.1", 5, None]
)
def test_anything_else_is_no_address(value: object) -> None:
    with pytest.raises(ValidateError):
        ini.check_ip(value)


def test_a_preset_is_a_boolean_and_a_count() -> None:
    assert ini.check_preset_param(["on", "3"]) == [True, 3]
    for wrong in ("on", ["on"], ["on", "-1"], ["perhaps", "1"], [True, 1, 1]):
        with pytest.raises(ValidateError):
            ini.check_preset_param(wrong)


def test_a_specification_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"configspec_x\.ini"):
        ini.read_spec(ini.spec_path_of(tmp_path / "x.ini"))


def test_a_file_that_cannot_be_parsed_is_a_syntax_error_that_says_which(tmp_path: Path) -> None:
    (tmp_path / "x.ini").write_text("[SERVER\n")
    with pytest.raises(SyntaxError, match=r"x\.ini"):
        ini.read(tmp_path / "x.ini")


def test_values_of_the_library_s_dialect_are_read(tmp_path: Path) -> None:
    (tmp_path / "x.ini").write_text(
        "name = 'a # b' # a comment\nlist = 1, 2, 3\n[GPS FRAME]\n[[OUTPUT]]\nruß = %(name)s\n",
        "utf-8",
    )
    assert ini.read(tmp_path / "x.ini").dict() == {
        "name": "a # b",
        "list": ["1", "2", "3"],
        "GPS FRAME": {"OUTPUT": {"ruß": "%(name)s"}},
    }


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "x.ini"
    path.write_text("a = 1\n")
    settings = ini.read(path)
    settings["a"] = "'''\n\"\"\""  # what the dialect has no way to write
    with pytest.raises(SyntaxError):
        ini.write(settings, path)
    assert path.read_text() == "a = 1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_copy_shares_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.ini").write_text("# first\n[S]\n# why\na = 1, 2 # here\n# last\n")
    settings = ini.read(tmp_path / "x.ini")
    copy = ini.duplicate(settings)
    assert copy.filename == settings.filename
    assert annotated.annotate(copy) == annotated.annotate(settings)
    assert copy["S"].comments["a"] == ["# why"]
    copy["S"]["a"].append("3")
    copy["S"].comments["a"].append("# more")
    assert settings.dict() == {"S": {"a": ["1", "2"]}}
    assert settings["S"].comments["a"] == ["# why"]


def test_without_the_library_the_error_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['configobj'] = None\n"
        "from moobius.messaging import ini\n"
        "ini.empty()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=30
    )
    assert "ConfigError" in ran.stderr
    assert "pip install 'moobius[messaging]'" in ran.stderr
