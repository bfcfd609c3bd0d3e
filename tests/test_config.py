"""Configuration of every shape becomes one checked value (sdk.md 2, 1.2.1)."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from moobius.config import HOSTED_HTTP, HOSTED_WS, ConfigDict, Configuration, mask_passwords
from moobius.config import load_config as load_with_environment
from moobius.config_files import Origin
from moobius.errors import ConfigError, MissingFile

SERVICE: dict[str, Any] = {
    "http_server_uri": "http://localhost:1/",
    "ws_server_uri": "ws://localhost:1/ws",
    "service_id": "SVC",
    "channels": ["CH-1", "CH-2"],
}
ACCOUNT = {"email": "ada@example.org", "password": "s3cret"}
LOG = {"log_level": "DEBUG", "log_file": "logs/service.log"}
DB = [{"implementation": "json", "name": "health", "settings": {"root_dir": "data"}}]
NESTED: dict[str, Any] = {
    "service_config": SERVICE,
    "account_config": ACCOUNT,
    "log_config": LOG,
    "db_config": DB,
}


def load_config(
    *args: Any, environ: Mapping[str, str] | None = None, **parts: Any
) -> Configuration:
    return load_with_environment(*args, environ=environ or {}, **parts)


def load_part(part: str, source: Any) -> Configuration:
    given: dict[str, Any] = {part: source}
    return load_config(**given)


def write(path: Path, content: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")
    return str(path)


def assert_is_the_usual(loaded: Configuration) -> None:
    settings = loaded.settings
    assert settings.http_server_uri == "http://localhost:1/"
    assert settings.ws_server_uri == "ws://localhost:1/ws"
    assert settings.service_id == "SVC"
    assert settings.channels == ("CH-1", "CH-2")
    assert (settings.email, settings.password) == ("ada@example.org", "s3cret")
    assert (settings.log_level, settings.log_file) == ("DEBUG", "logs/service.log")


# ---- Shapes -----------------------------------------------------------------------------------


def test_a_nested_dict() -> None:
    loaded = load_config(NESTED)
    assert_is_the_usual(loaded)
    assert loaded.nested == NESTED
    assert loaded.service_origin is None


def test_a_flat_dict_of_older_services() -> None:
    loaded = load_config({**SERVICE, **ACCOUNT, **LOG})
    assert_is_the_usual(loaded)
    assert loaded.nested == {**NESTED, "db_config": []}


def test_four_arguments_without_a_config() -> None:
    assert_is_the_usual(load_config(None, ACCOUNT, SERVICE, DB, LOG))
    assert_is_the_usual(load_config(account_config=ACCOUNT, service_config=SERVICE, log_config=LOG))


def test_a_file_that_names_files_in_the_working_directory(in_folder: Path) -> None:
    names = {part: f"config/{part}.json" for part in NESTED}
    for part, content in NESTED.items():
        write(in_folder / names[part], content)
    write(in_folder / "config/config.json", names)
    loaded = load_config("config/config.json")
    assert_is_the_usual(loaded)
    assert loaded.nested == NESTED
    assert loaded.service_origin == Origin(Path("config/service_config.json"))


def test_a_file_that_names_files_beside_itself(tmp_path: Path) -> None:
    write(tmp_path / "service.json", SERVICE)
    config = write(
        tmp_path / "config.json",
        {"service_config": "service.json", "account_config": ACCOUNT, "log_config": LOG},
    )
    loaded = load_config(config)
    assert_is_the_usual(loaded)
    assert loaded.service_origin == Origin(tmp_path / "service.json")


def test_the_working_directory_comes_first(in_folder: Path) -> None:
    write(in_folder / "service.json", {"service_id": "here"})
    write(in_folder / "config/service.json", {"service_id": "beside"})
    write(in_folder / "config/config.json", {"service_config": "service.json"})
    assert load_config("config/config.json").settings.service_id == "here"


def test_a_dict_that_names_files(tmp_path: Path) -> None:
    service = write(tmp_path / "service.json", {**SERVICE, **ACCOUNT})
    assert_is_the_usual(load_config({"service_config": service, "log_config": LOG}))


def test_a_flat_file(tmp_path: Path) -> None:
    path = tmp_path / "service.json"
    loaded = load_config(write(path, {**SERVICE, **ACCOUNT, **LOG}))
    assert_is_the_usual(loaded)
    assert loaded.service_origin == Origin(path)


def test_a_nested_file_with_its_parts_inside(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    loaded = load_config(Path(write(path, NESTED)))
    assert_is_the_usual(loaded)
    assert loaded.service_origin == Origin(path, ("service_config",))


def test_settings_beside_the_parts_of_a_nested_config_count() -> None:
    loaded = load_config({"db_config": DB, **SERVICE, **ACCOUNT, **LOG})
    assert_is_the_usual(loaded)
    assert loaded.nested == NESTED


def test_nothing_at_all_is_the_local_platform() -> None:
    loaded = load_config()
    assert loaded.nested == {
        "account_config": {}, "service_config": {}, "db_config": [], "log_config": {},
    }  # fmt: skip
    assert loaded.settings.is_local
    assert loaded.settings.service_mode
    assert loaded.settings.checkin_interval == 3600
    assert loaded.settings.others == "include"
    assert loaded.settings.log_level == "INFO"


@pytest.mark.parametrize("nothing", [None, "", {}, []])
def test_empty_parts_are_no_parts(nothing: Any) -> None:
    parts = dict.fromkeys(("account_config", "service_config", "db_config", "log_config"), nothing)
    assert load_config(parts).nested == load_config().nested
    assert load_config(**parts).nested == load_config().nested


@pytest.mark.parametrize("content", ["", "{}", "[]"])
def test_a_database_file_without_databases(tmp_path: Path, content: str) -> None:
    path = tmp_path / "db.json"
    path.write_text(content)
    assert load_config(db_config=path).nested["db_config"] == []


def test_one_database_as_a_dict_is_a_list_of_one() -> None:
    assert load_config(db_config=DB[0]).nested["db_config"] == DB


# ---- Who wins ---------------------------------------------------------------------------------


def test_an_argument_overrides_the_same_part_of_config_key_by_key() -> None:
    loaded = load_config(
        NESTED,
        account_config={"email": "bob@example.org"},
        service_config={"channels": ["CH-9"]},
        log_config={"log_level": "ERROR"},
    )
    assert loaded.settings.email == "bob@example.org"
    assert loaded.settings.password == "s3cret"
    assert loaded.settings.channels == ("CH-9",)
    assert loaded.settings.service_id == "SVC"
    assert loaded.settings.log_level == "ERROR"
    assert loaded.settings.log_file == "logs/service.log"
    assert loaded.nested["service_config"] == {**SERVICE, "channels": ["CH-9"]}


def test_the_database_argument_replaces_the_whole_list() -> None:
    other = [{"implementation": "null", "name": "other"}]
    assert load_config(NESTED, db_config=other).nested["db_config"] == other


def test_an_argument_overrides_a_flat_config() -> None:
    flat = {**SERVICE, **ACCOUNT}
    assert load_config(flat, service_config={"service_id": "X"}).settings.service_id == "X"
    assert load_config(flat, account_config={"password": "other"}).settings.password == "other"


def test_the_environment_overrides_everything() -> None:
    environ = {
        "MOOBIUS_EMAIL": "env@example.org",
        "MOOBIUS_PASSWORD": "from env",
        "MOOBIUS_HTTP_SERVER_URI": "https://env.example.org",
        "MOOBIUS_WS_SERVER_URI": "wss://env.example.org",
        "MOOBIUS_SERVICE_ID": "SVC-ENV",
    }
    loaded = load_config(NESTED, account_config=ACCOUNT, environ=environ)
    settings = loaded.settings
    assert (settings.email, settings.password) == ("env@example.org", "from env")
    assert settings.http_server_uri == "https://env.example.org"
    assert settings.ws_server_uri == "wss://env.example.org"
    assert settings.service_id == "SVC-ENV"
    assert loaded.nested["account_config"]["email"] == "env@example.org"


def test_the_environment_overrides_an_account_inside_an_older_service_file() -> None:
    environ = {"MOOBIUS_EMAIL": "env@example.org", "MOOBIUS_PASSWORD": "from env"}
    loaded = load_config(service_config={**SERVICE, **ACCOUNT}, environ=environ)
    assert (loaded.settings.email, loaded.settings.password) == ("env@example.org", "from env")


def test_an_account_file_beats_an_account_inside_the_service_file() -> None:
    loaded = load_config(service_config={**SERVICE, "email": "old@example.org"})
    assert loaded.settings.email == "old@example.org"
    loaded = load_config(
        service_config={**SERVICE, "email": "old@example.org"}, account_config=ACCOUNT
    )
    assert loaded.settings.email == "ada@example.org"


def test_an_empty_variable_is_no_variable() -> None:
    assert load_config(NESTED, environ={"MOOBIUS_EMAIL": ""}).settings.email == "ada@example.org"


def test_the_real_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOOBIUS_EMAIL", "real@example.org")
    assert load_with_environment(NESTED).settings.email == "real@example.org"


def test_the_callers_objects_are_not_modified() -> None:
    before = json.dumps(NESTED)
    loaded = load_config(
        NESTED, service_config={"service_id": "X"}, environ={"MOOBIUS_EMAIL": "env@example.org"}
    )
    loaded.nested["service_config"]["http_server_uri"] = "changed"
    loaded.nested["db_config"].append({})
    loaded.nested["db_config"][0]["name"] = "changed"
    assert json.dumps(NESTED) == before


def test_a_dict_argument_leaves_the_place_to_write_back_to(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    write(config, {"service_config": {"service_id": ""}})
    loaded = load_config(config, service_config={"channels": ["CH"]})
    assert loaded.service_origin == Origin(config, ("service_config",))
    service = tmp_path / "service.json"
    write(service, {})
    assert load_config(config, service_config=service).service_origin == Origin(service)


# ---- Where the Platform is --------------------------------------------------------------------


@pytest.mark.parametrize("word", ["local", "Local", " local ", "local/"])
def test_local_by_name(word: str) -> None:
    settings = load_config({"http_server_uri": word, "ws_server_uri": "", **ACCOUNT}).settings
    assert settings.is_local


@pytest.mark.parametrize("uris", [{}, {"http_server_uri": "", "ws_server_uri": ""}])
def test_without_an_address_an_account_means_the_hosted_platform(uris: dict[str, str]) -> None:
    assert load_config(uris).settings.is_local
    settings = load_config({**uris, **ACCOUNT}).settings
    assert (settings.http_server_uri, settings.ws_server_uri) == (HOSTED_HTTP, HOSTED_WS)
    assert not settings.is_local


@pytest.mark.parametrize(
    ("http", "ws"),
    [
        ("https://api.moobius.ai", "wss://ws.moobius.ai/"),
        ("https://api.moobius.ai/", "wss://ws.moobius.ai/"),
        ("http://127.0.0.1:8484/", "ws://127.0.0.1:8484/"),
        ("https://chat.example.org", "wss://chat.example.org"),
    ],
)
def test_a_missing_socket_address_follows_from_the_other(http: str, ws: str) -> None:
    assert load_config({"http_server_uri": http}).settings.ws_server_uri == ws


# ---- What is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"email": 5}, "email must be of type str, not 5"),
        ({"service_id": ["SVC"]}, "service_id must be of type str, not ['SVC']"),
        ({"service_mode": "false"}, "service_mode must be of type bool, not 'false'"),
        ({"checkin_interval": "often"}, "checkin_interval must be of type float, not 'often'"),
        ({"checkin_interval": True}, "checkin_interval must be a number, not True"),
        ({"log_file": 5}, "log_file must be of type str | None, not 5"),
        ({"channels": 5}, "channels must be a list of channel ids, not 5"),
        ({"channels": ["CH", 5]}, "channels must be a list of channel ids, not ['CH', 5]"),
        ({"others": "keep"}, "others must be one of include, ignore, unbind, not 'keep'"),
        ({"order": "random"}, "order must be one of arrival, member, channel, not 'random'"),
        ({"log_frames": "none"}, "log_frames must be one of full, summary, not 'none'"),
        ({"max_running_callbacks": 0}, "max_running_callbacks must be at least 1, not 0"),
        (
            {"http_server_uri": "example.org"},
            "http_server_uri must begin with http:// or https://, not 'example.org'; "
            'for the Platform on this machine, let http_server_uri be "local"',
        ),
        (
            {"http_server_uri": "http://x", "ws_server_uri": "http://x"},
            "ws_server_uri must begin with ws:// or wss://",
        ),
        ({"ws_server_uri": "ws://x"}, "http_server_uri is missing beside ws_server_uri"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(settings)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_password_of_the_wrong_type_is_not_shown() -> None:
    with pytest.raises(ConfigError, match="password must be of type str") as caught:
        load_config({"email": "ada@example.org", "password": 271828})
    assert "271828" not in str(caught.value)


@pytest.mark.parametrize("part", ["config", "account_config", "service_config", "log_config"])
def test_a_part_that_is_no_object_is_named(part: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"^{part} must be an object .* not list"):
        load_part(part, [1])
    path = write(tmp_path / "part.json", [1])
    with pytest.raises(ConfigError, match=r"part\.json"):
        load_part(part, path)


def test_databases_that_are_no_objects_are_refused() -> None:
    with pytest.raises(ConfigError, match="db_config must be a list of objects"):
        load_config(db_config=["json"])
    with pytest.raises(ConfigError, match="entry 0 of db_config: 'clear' is 'false'; it must be"):
        load_config(db_config=[{"implementation": "json", "name": "a", "clear": "false"}])


def test_a_missing_file_is_named_with_the_places_that_were_tried(tmp_path: Path) -> None:
    config = write(tmp_path / "config.json", {"service_config": "nowhere/service.json"})
    with pytest.raises(MissingFile) as caught:
        load_config(config)
    assert str(Path("nowhere/service.json").absolute()) in str(caught.value)
    assert str(tmp_path / "nowhere/service.json") in str(caught.value)
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        load_config("none.json")


# ---- What is forgiven -------------------------------------------------------------------------


def test_numbers_words_and_channels_are_tidied() -> None:
    settings = load_config(
        {
            "checkin_interval": 5,
            "group_cache_seconds": 0,
            "others": " Unbind ",
            "order": "MEMBER",
            "channels": ["CH-1", " CH-2 ", "", "CH-1"],
        }
    ).settings
    assert (settings.checkin_interval, type(settings.checkin_interval)) == (5.0, float)
    assert settings.group_cache_seconds == 0
    assert (settings.others, settings.order) == ("unbind", "member")
    assert settings.channels == ("CH-1", "CH-2")


@pytest.mark.parametrize("channels", ["CH", ("CH",), {"CH": 1}.keys(), iter(["CH"])])
def test_channels_in_other_shapes(channels: Any) -> None:
    assert load_config({"channels": channels}).settings.channels == ("CH",)


def test_null_is_the_default() -> None:
    settings = load_config({"service_id": None, "channels": None, "others": None}).settings
    assert (settings.service_id, settings.channels, settings.others) == ("", (), "include")


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("chanels", "channels"),
        ("http_server_url", "http_server_uri"),
        ("pasword", "password"),
        ("acount_config", "account_config"),
    ],
)
def test_a_misspelt_key_gets_a_warning(misspelt: str, meant: str, log: list[str]) -> None:
    load_config({misspelt: {}})
    assert [line for line in log if line.startswith("WARNING")] == log
    assert f"{misspelt!r} is not a setting; did you mean {meant!r}?" in "".join(log)


def test_a_misspelt_part_beside_others_gets_a_warning(log: list[str]) -> None:
    load_config({"service_config": SERVICE, "acount_config": ACCOUNT})
    assert "'acount_config' is not a setting; did you mean 'account_config'?" in "".join(log)
    assert "s3cret" not in "".join(log)


def test_keys_of_the_users_own_are_kept_without_a_word(log: list[str]) -> None:
    loaded = load_config(service_config={**SERVICE, "weather_station": "LOWW", "7": 7})
    assert loaded.nested["service_config"]["weather_station"] == "LOWW"
    assert log == []


# ---- The user's view --------------------------------------------------------------------------


def test_the_nested_configuration_answers_for_flat_keys() -> None:
    config = load_config(NESTED).nested
    assert config["email"] == "ada@example.org"
    assert config["channels"] == ["CH-1", "CH-2"]
    assert config.get("log_level") == "DEBUG"
    assert "service_id" in config
    assert "weather" not in config
    assert config.get("weather") is None
    assert config.get("weather", "fine") == "fine"
    with pytest.raises(KeyError, match="weather"):
        config["weather"]


def test_the_nested_configuration_survives_pickle() -> None:
    config = pickle.loads(pickle.dumps(load_config(NESTED).nested))
    assert type(config) is ConfigDict
    assert config["email"] == "ada@example.org"
    assert config == NESTED


def test_passwords_are_masked_wherever_a_configuration_is_shown() -> None:
    settings = {"password": "r3dis", "url": "redis://:r3dis@localhost"}
    redis = {"implementation": "redis", "name": "r", "settings": settings}
    loaded = load_config({**NESTED, "db_config": [redis]})
    for shown in (repr(loaded), str(loaded), repr(loaded.nested), f"{loaded.nested}"):
        assert "ada@example.org" in shown
        assert "s3cret" not in shown
        assert "r3dis" not in shown
    assert loaded.nested["password"] == "s3cret"
    assert loaded.settings.password == "s3cret"


def test_masking_shows_whether_there_is_a_password() -> None:
    assert mask_passwords(
        {"password": "", "Redis_Password": "x", "list": ({"password": "y"},)}
    ) == {
        "password": "",
        "Redis_Password": "****",
        "list": [{"password": "****"}],
    }


# ---- Keys that came with the whole SDK --------------------------------------------------------


def test_single_settings_override_every_part_but_not_the_environment() -> None:
    loaded = load_config(
        NESTED,
        log_config={"log_file": "part.log"},
        overrides={"log_file": "one.log", "service_mode": False, "email": "one@example.org"},
        environ={"MOOBIUS_EMAIL": "env@example.org"},
    )
    assert loaded.settings.log_file == "one.log"
    assert loaded.settings.service_mode is False
    assert loaded.settings.email == "env@example.org"
    assert loaded.nested["service_config"]["service_mode"] is False


def test_certificate_authorities_here_or_beside_the_file_that_names_them(in_folder: Path) -> None:
    (in_folder / "config").mkdir()
    (in_folder / "config/ca.pem").touch()
    write(in_folder / "config/service.json", {**SERVICE, "ca_file": "ca.pem"})
    settings = load_config(service_config="config/service.json").settings
    assert settings.ca_file == str(Path("config/ca.pem"))
    (in_folder / "ca.pem").touch()
    assert load_config({"ca_file": Path("ca.pem")}).settings.ca_file == "ca.pem"
    assert load_config(NESTED).settings.ca_file is None


def test_certificate_authorities_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"^ca_file not found: .*none\.pem"):
        load_config({"ca_file": "none.pem"})


@pytest.mark.parametrize("name", ["log_level", "terminal_log_level", "error_log_level"])
def test_levels_in_any_case_but_none_that_loguru_does_not_know(name: str) -> None:
    assert getattr(load_config(log_config={name: "debug"}).settings, name) == "debug"
    with pytest.raises(ConfigError, match=f"^{name} must be a level of loguru.* not 'loud'$"):
        load_config(log_config={name: "loud"})


def test_retention_as_an_object_or_as_a_text() -> None:
    for retention in ("3 days", {"rotation": "1 MB", "retention": 5}, {}):
        settings = load_config(log_config={"log_retention": retention}).settings
        assert settings.log_retention == retention
    with pytest.raises(ConfigError, match="log_retention must be of type"):
        load_config(log_config={"log_retention": 5})


def test_serving_all_bound_channels_is_off_unless_asked_for() -> None:
    assert load_config(NESTED).settings.initialize_all_bound_channels is False
    asked = load_config({**SERVICE, "initialize_all_bound_channels": True})
    assert asked.settings.initialize_all_bound_channels is True


def test_log_files_may_be_paths() -> None:
    settings = load_config(log_config={"log_file": Path("a.log")}).settings
    assert settings.log_file == "a.log"
