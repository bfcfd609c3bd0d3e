"""Every constructor keyword of every version (sdk.md 1.2.1), and the positions of 1.3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from moobius.config import load_config
from moobius.config_keywords import ALIASES, SETTINGS, keywords_to_parts
from moobius.errors import ConfigError, MissingFile

DB = [{"implementation": "json", "name": "health", "settings": {}}]
ACCOUNT = {"email": "ada@example.org", "password": "s3cret"}


def test_todays_keywords_pass_through() -> None:
    given: dict[str, Any] = {
        "config": {}, "account_config": ACCOUNT, "service_config": "service.json",
        "db_config": DB, "log_config": {"log_level": "DEBUG"},
    }  # fmt: skip
    assert keywords_to_parts(given) == given
    assert keywords_to_parts(dict.fromkeys(given)) == {}


@pytest.mark.parametrize(
    ("keyword", "part"),
    [
        ("config_path", "config"),
        ("service_config_path", "config"),
        ("agent_config_path", "config"),
        ("db_config_path", "db_config"),
        ("log_settings", "log_config"),
    ],
)
def test_an_older_keyword_for_a_part(keyword: str, part: str) -> None:
    assert ALIASES[keyword] == part
    assert keywords_to_parts({keyword: "x.json"}) == {part: "x.json"}
    assert keywords_to_parts({keyword: ""}) == {}


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("service_mode", False),
        ("log_file", "a.log"),
        ("log_level", "DEBUG"),
        ("terminal_log_level", "ERROR"),
        ("error_log_file", "e.log"),
        ("error_log_level", "ERROR"),
        ("log_retention", {"rotation": "1 MB"}),
        ("log_retention", "3 days"),
        ("initialize_all_bound_channels", True),
    ],
)
def test_a_keyword_that_is_one_setting(keyword: str, value: Any) -> None:
    assert keyword in SETTINGS
    parts = keywords_to_parts({keyword: value, "config": ACCOUNT})
    loaded = load_config(**parts, environ={})
    assert getattr(loaded.settings, keyword) == value
    assert loaded.nested[keyword] == value


@pytest.mark.parametrize("is_agent", [True, False])
def test_an_agent_is_no_service(is_agent: bool) -> None:
    settings = load_config(**keywords_to_parts({"is_agent": is_agent}), environ={}).settings
    assert settings.service_mode is not is_agent


def test_a_keyword_beats_the_same_setting_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"service_mode": True, "log_file": "old.log", **ACCOUNT}))
    given = {"config_path": str(path), "is_agent": True, "log_file": "new.log"}
    settings = load_config(**keywords_to_parts(given), environ={}).settings
    assert (settings.service_mode, settings.log_file) == (False, "new.log")


# ---- The positions of 1.3: Moobius(config_path, db_config_path=None, is_agent=False) ----------


@pytest.mark.parametrize("database", [DB, DB[0], tuple(DB), []])
def test_a_database_in_the_second_place(database: Any) -> None:
    parts = keywords_to_parts({"config": {}, "account_config": database})
    assert parts == {"config": {}, "db_config": database}
    assert load_config(**parts, environ={}).nested["db_config"] == (DB if database else [])


def test_a_file_in_the_second_place_is_told_by_its_content(in_folder: Path) -> None:
    (in_folder / "db.json").write_text(json.dumps(DB))
    (in_folder / "account.json").write_text(json.dumps(ACCOUNT))
    assert keywords_to_parts({"account_config": "db.json"}) == {"db_config": "db.json"}
    assert keywords_to_parts({"account_config": Path("account.json")}) == {
        "account_config": Path("account.json")
    }
    with pytest.raises(MissingFile, match=r"none\.json"):
        keywords_to_parts({"account_config": "none.json"})


@pytest.mark.parametrize("nothing", ["", None])
def test_nothing_in_the_second_place(nothing: Any) -> None:
    assert keywords_to_parts({"config": {}, "account_config": nothing}) == {"config": {}}


def test_a_boolean_in_the_third_place_says_agent() -> None:
    assert keywords_to_parts({"service_config": True}) == {"overrides": {"service_mode": False}}


# ---- What is refused --------------------------------------------------------------------------


def test_an_unknown_keyword_is_named() -> None:
    with pytest.raises(TypeError, match="unexpected keyword 'confg'; known are: config, acc"):
        keywords_to_parts({"confg": {}, "is_agent": True})


@pytest.mark.parametrize(
    "given",
    [
        {"config": "a.json", "config_path": "b.json"},
        {"service_mode": True, "is_agent": True},
        {"db_config": [], "account_config": DB},
        {"log_config": "a.json", "log_settings": "b.json"},
    ],
)
def test_two_keywords_that_contradict_each_other(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="contradicts another argument"):
        keywords_to_parts(given)


def test_two_keywords_that_agree() -> None:
    given = {"config": "a.json", "config_path": "a.json", "service_mode": False, "is_agent": True}
    assert keywords_to_parts(given) == {"config": "a.json", "overrides": {"service_mode": False}}
