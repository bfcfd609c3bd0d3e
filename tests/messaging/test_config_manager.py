"""Settings: loaded, checked, changed, merged, written, and read as attributes."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from moobius.errors import ConfigError, ValidationError
from moobius.messaging import ini
from moobius.messaging.config_manager import ConfigManager

SPEC = """\
# The name
id = string(default='/hostname', max=9)
[SERVER]
port = integer(default=25000, min=1)
# Where it is
host = ip(default='192.168.1.101')
[GPS FRAME]
lat = string(default=0)
[ANIMATION]
ratio = float_list(default=list(1.0, 1.0, 1.0))
[[OUTPUT]]
takeoff = boolean(default=True)
[PRESETS]
[[__many__]]
param = preset_param(default=list(False, 0))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The place of a settings file that is not there yet, with its specification."""
    (tmp_path / "spec").mkdir()
    (tmp_path / "spec" / "configspec_drone.ini").write_text(SPEC)
    return tmp_path / "drone.ini"


@pytest.fixture
def config(path: Path) -> ConfigManager:
    found = ConfigManager()
    found.load_config_and_spec(path)
    return found


def test_e34_a_file_that_is_missing_is_made_with_every_key(path: Path) -> None:
    config = ConfigManager()
    config.load_config_and_spec(path)
    text = path.read_text()
    assert "host = 192.168.1.101" in text
    assert "# Where it is" in text
    assert config.get("SERVER", "port") == 25000
    assert config.validated
    assert not ConfigManager.generate_default_config(path)
    path.unlink()
    assert ConfigManager.generate_default_config(path)
    assert path.read_text() == text


def test_defaults_that_nobody_set_are_not_written(path: Path) -> None:
    path.write_text("id = ada\n")
    config = ConfigManager()
    config.load_config_and_spec(path)
    assert config.server_port == 25000
    config.set("SERVER", "host", "10.0.0.1", write=True)
    lines = [line.strip() for line in path.read_text().splitlines() if "=" in line]
    assert lines == ["id = ada", "host = 10.0.0.1"]


def test_settings_are_attributes(config: ConfigManager) -> None:
    assert config.id == "/hostname"
    assert config.server_host == "192.168.1.101"
    assert config.gps_frame_lat == "0"
    assert config.animation_output_takeoff is True
    assert config.animation_ratio == [1.0, 1.0, 1.0]
    config.server_port = 26000
    config.animation_output_takeoff = False
    assert config.get("SERVER", "port") == 26000
    assert config.get_chain("ANIMATION", "OUTPUT", "takeoff") is False


def test_e34_a_name_that_is_none_reads_as_none_without_a_print(
    config: ConfigManager, log: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert config.server_prot is None
    assert capsys.readouterr().out == ""
    assert log == ["DEBUG There is no setting 'server_prot'; it reads as None\n"]
    assert not hasattr(config, "__len__")


def test_e34_a_deep_copy_is_independent(config: ConfigManager) -> None:
    other = copy.deepcopy(config)
    other.server_port = 1
    other.animation_ratio.append(2.0)
    assert config.server_port == 25000
    assert config.animation_ratio == [1.0, 1.0, 1.0]
    assert other.validated


def test_get_and_set(config: ConfigManager, path: Path) -> None:
    config.set("", "id", "ada")
    assert (config.get("", "id"), config.id) == ("ada", "ada")
    with pytest.raises(KeyError):
        config.get("SERVER", "nothing")
    with pytest.raises(KeyError):
        config.set("NOTHING", "port", 1)
    config.set("SERVER", "new", "x", write=True)
    assert config.server_new == "x"
    assert "new = x" in path.read_text()


def test_chains_make_their_sections(config: ConfigManager) -> None:
    config.set_chain(["on", "3"], "PRESETS", "mine", "param")
    config.validate_config()
    assert config.get_chain("PRESETS", "mine", "param") == [True, 3]
    assert config.presets_mine_param == [True, 3]


def test_what_is_refused_is_said_key_by_key_and_nothing_changes(config: ConfigManager) -> None:
    before = config.config
    wrong = {"id": "much too long", "SERVER": {"port": 0, "host": "host.example"}}
    with pytest.raises(ValidationError, match=r"SERVER\.port: .* is too small") as caught:
        other = ConfigManager()
        other.load_from_dict(wrong)
        config.merge(other)
    assert {name for name, _ in caught.value.errors} == {"id", "SERVER.port", "SERVER.host"}
    assert caught.value.config["SERVER"]["port"] == 0
    assert config.config is before
    assert config.server_port == 25000


def test_merging_puts_only_what_was_set_over_ours(config: ConfigManager, path: Path) -> None:
    config.server_port = 26000
    other = ConfigManager()
    other.load_from_dict({"id": "ada", "PRESETS": {"a": {"param": ["1", "2"]}}})
    config.merge(other)
    config.write()
    assert (config.id, config.server_port) == ("ada", 26000)
    again = ConfigManager()
    again.load_from_file(path)
    assert again.presets_a_param == [True, 2]
    assert "# Where it is" in path.read_text()


def test_merging_takes_no_defaults(config: ConfigManager, path: Path) -> None:
    config.server_port = 26000
    other = ConfigManager()
    other.load_from_dict({"id": "ada"}, path)
    assert other.server_port == 25000
    config.merge(other)
    assert (config.id, config.server_port) == ("ada", 26000)


def test_merging_without_validation(config: ConfigManager) -> None:
    other = ConfigManager()
    other.load_from_dict({"SERVER": {"port": "not a number"}})
    config.merge(other, validate=False)
    assert config.server_port == "not a number"


def test_dictionaries_are_checked_against_any_form_of_specification(path: Path) -> None:
    spec = ini.read_spec(ini.spec_path_of(path))
    for form in (spec.dict(), path, ini.spec_path_of(path)):
        config = ConfigManager()
        config.load_from_dict({"SERVER": {"port": "7"}}, form)
        assert config.server_port == 7
        with pytest.raises(ValidationError):
            config.load_from_dict({"SERVER": {"port": "0"}}, form)


def test_full_dict_and_back(config: ConfigManager, path: Path) -> None:
    found = config.full_dict(include_defaults=True)
    assert found["SERVER"]["port"]["default"] == 25000
    again = ConfigManager()
    again.load_from_dict(config.full_dict(), path)
    assert again.config.dict() == config.config.dict()


def test_load_from_file_takes_what_there_is(path: Path, tmp_path: Path) -> None:
    config = ConfigManager()
    config.load_from_file(path)
    assert config.server_port == 25000
    assert not path.exists(), "only the specification was loaded"
    config.write()
    assert ConfigManager.config_exists(path)
    (tmp_path / "free.ini").write_text("a = 1\n[S]\nb = 2\n")
    config.load_from_file(tmp_path / "free.ini")
    assert not config.validated
    assert (config.a, config.s_b) == ("1", "2")
    with pytest.raises(ValueError, match="neither"):
        config.load_from_file(tmp_path / "nothing.ini")


def test_a_specification_alone(path: Path) -> None:
    config = ConfigManager()
    config.load_only_spec(ini.spec_path_of(path), generate_filename=False)
    assert config.id == "/hostname"
    with pytest.raises(ConfigError, match="come from no file"):
        config.write()


def test_a_missing_specification_is_an_os_error_unless_one_ships(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no specification"):
        ConfigManager().load_config_and_spec(tmp_path / "client.ini")
    config = ConfigManager(base_spec=ini.SHIPPED / "configspec_client.ini")
    config.load_config_and_spec(tmp_path / "config" / "client.ini")
    assert config.broadcast_port == 8181
    assert (tmp_path / "config" / "client.ini").is_file()


def test_the_specification_beside_the_file_comes_first(path: Path) -> None:
    config = ConfigManager(base_spec=ini.SHIPPED / "configspec_client.ini")
    config.load_config_and_spec(path)
    config.set("", "id", "much too long")
    with pytest.raises(ValidationError, match=r"id: .* is too long"):
        config.validate_config()
    assert config.gps_frame_lat == "0"
    assert config.auth_use is False, "what it leaves open, the other says"


def test_settings_without_a_specification_cannot_be_checked() -> None:
    with pytest.raises(ConfigError, match="without a specification"):
        ConfigManager().validate_config()


def test_unknown_settings_are_kept(path: Path) -> None:
    path.write_text("mine = 1\n[OTHER]\nx = y\n")
    config = ConfigManager()
    config.load_config_and_spec(path)
    config.write()
    assert "mine = 1" in path.read_text()
    assert config.other_x == "y"
