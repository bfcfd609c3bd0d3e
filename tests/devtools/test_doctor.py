"""`moobius doctor`, as a person types it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from moobius.cli import main


def write(folder: Path, **config: Any) -> str:
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return "config.json"


def test_all_is_well_without_anything(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("ok       Python: ")
    assert "\nsettings\n  http_server_uri = local  (as nothing else is said)\n" in said
    assert "error" not in said
    assert list(in_folder.iterdir()) == []


def test_an_error_is_status_1_and_secrets_stay_secret(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write(
        in_folder,
        account_config={"email": "a@b.c", "password": "hush"},
        service_config={"http_server_uri": "http://127.0.0.1:1/"},
        db_config=[{"implementation": "mongo", "name": "m", "settings": {"password": "hush"}}],
    )
    assert main(["doctor", "--json", "--config", name]) == 1
    said = capsys.readouterr()
    data = json.loads(said.out)
    errors = {each["topic"] for each in data["findings"] if each["status"] == "error"}
    assert errors == {"Platform (HTTP)", "Platform (WebSocket)", "storage m"}
    assert all(each["advice"] for each in data["findings"] if each["status"] == "error")
    sources = {each["name"]: each["source"] for each in data["settings"]}
    assert sources["email"] == "config.json > account_config"
    assert "hush" not in said.out + said.err


def test_what_a_service_would_warn_of_is_a_finding(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write(in_folder, service_config={"chanels": ["x"], "http_server_uri": "local"})
    assert main(["doctor", "--config", name]) == 0
    said = capsys.readouterr()
    warning = "warning  configuration: 'chanels' is not a setting; did you mean 'channels'?"
    assert f"\n{warning}\n" in said.out
    assert said.err == ""


def test_the_log_is_tried(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = write(in_folder, log_config={"log_file": "/proc/nope/x.log", "log_retention": "soon"})
    assert main(["doctor", "--config", name]) == 1
    assert capsys.readouterr().out.count("error    log: ") == 2


def test_whatever_goes_wrong_in_a_check_is_a_finding(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write(in_folder, log_config={"log_file": "a\0b"})
    assert main(["doctor", "--config", name]) == 1
    said = capsys.readouterr().out
    assert re.search(
        r"^error    log: ValueError: .*null.*\n         -> correct", said, re.MULTILINE
    )
    assert "ok       services: none is running" in said


def test_a_configuration_that_cannot_be_read_is_an_error(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (in_folder / "config.json").write_text("{", "utf-8")
    assert main(["doctor", "--config", "config.json"]) == 1
    assert "error    configuration: config.json, line 1: not valid JSON" in capsys.readouterr().out
