"""Where each setting comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from moobius.config import load_config
from moobius.devtools.settings_report import settings_in_effect


def sources(source: Any, environ: dict[str, str] | None = None) -> dict[str, tuple[str, str]]:
    environ = environ or {}
    loaded = load_config(source, environ=environ)
    return {s.name: (s.value, s.source) for s in settings_in_effect(loaded, environ)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, content: Any) -> str:
    Path(name).write_text(json.dumps(content), "utf-8")
    return name


def test_without_anything_only_the_platform_is_told(folder: Path) -> None:
    assert sources(None) == {"http_server_uri": ("local", "as nothing else is said")}


def test_each_part_has_its_file_and_its_place_in_it(folder: Path) -> None:
    write("service.json", {"channels": ["a"], "http_server_uri": "http://x.org/"})
    write("account.json", {"email": "a@b.c", "password": "secret"})
    config = {
        "service_config": "service.json",
        "account_config": "account.json",
        "log_config": {"log_level": "DEBUG", "log_file": ""},
        "db_config": [{"implementation": "redis", "name": "r", "settings": {"password": "pw"}}],
    }
    found = sources(write("config.json", config))
    assert found["channels"] == ('["a"]', "service.json")
    assert found["http_server_uri"] == ("http://x.org/", "service.json")
    assert found["ws_server_uri"] == ("ws://x.org/", "from http_server_uri")
    assert found["email"] == ("a@b.c", "account.json")
    assert found["password"] == ("****", "account.json")
    assert found["log_level"] == ("DEBUG", "config.json > log_config")
    assert found["db_config r"][1] == "config.json > db_config"
    assert "pw" not in found["db_config r"][0]
    assert "log_file" not in found


def test_the_environment_comes_first_and_flat_files_are_understood(folder: Path) -> None:
    name = write("flat.json", {"email": "a@b.c", "password": "x", "others": "ignore"})
    found = sources(name, {"MOOBIUS_EMAIL": "e@f.g"})
    assert found["email"] == ("e@f.g", "environment variable MOOBIUS_EMAIL")
    assert found["others"] == ("ignore", "flat.json")


def test_a_setting_in_another_part_is_found_there(folder: Path) -> None:
    config = {
        "service_config": {"email": "a@b.c", "password": "x"},
        "account_config": {"email": ""},
    }
    found = sources(write("config.json", config))
    assert found["email"] == ("a@b.c", "config.json > service_config")
    assert sources({"order": "member"})["order"] == ("member", "given")
