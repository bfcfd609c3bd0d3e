"""What settings mean for a connection."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from moobius.errors import ConfigError, FileRefused
from moobius.messaging import client_core, server, settings
from moobius.messaging.auth import SharedKey
from moobius.messaging.config_manager import ConfigManager
from moobius.messaging.connection_manager import ConnectionManager
from moobius.messaging.limits import DEFAULT_LIMITS
from moobius.messaging.policy import FilePolicy
from tests.support.messaging import write_settings
from tests.support.tls import self_signed


def config_of(tmp_path: Path, *lines: str, spec: Path = client_core.SPEC) -> ConfigManager:
    config = ConfigManager(base_spec=spec)
    config.load_config_and_spec(write_settings(tmp_path / "some.ini", *lines))
    return config


@pytest.mark.parametrize("spec", [client_core.SPEC, server.SPEC])
def test_the_defaults_are_the_working_directory_and_nothing_else(
    tmp_path: Path, spec: Path
) -> None:
    config = config_of(tmp_path, spec=spec)
    connection = ConnectionManager()
    before = (connection.limits, connection.auth, connection.buffer_size)
    files = connection.files.protecting(tmp_path / "spec")
    settings.apply(config, connection, None)
    assert (connection.limits, connection.auth, connection.buffer_size) == before
    assert connection.files == files
    assert settings.client_tls(config) is settings.server_tls(config) is None


def test_the_folders_of_the_client_s_program_may_be_written_to(tmp_path: Path) -> None:
    program = tmp_path / "catkin" / "clover"
    for folder in ("launch", "camera_info", "secret", "../aruco_pose/map"):
        (program / folder).mkdir(parents=True)
    policy = settings.file_policy(config_of(tmp_path, f"clover_dir = {program}"))
    for path in (
        program / "launch/clover.launch",
        program / "camera_info/calibration.yaml",
        f"{program}/../aruco_pose/map/animation_map.txt",
        "animation.csv",
    ):
        assert policy.to_write(str(path))
    with pytest.raises(OSError, match="leads out"):
        policy.to_write(str(program / "secret/x"))
    with pytest.raises(OSError, match="leads out"):
        policy.to_read(str(program / "launch/clover.launch"))


def test_no_peer_says_what_settings_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config" / "spec").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    config = ConfigManager(base_spec=client_core.SPEC)
    config.load_config_and_spec("config/client.ini")
    policy = settings.file_policy(config)
    assert policy.to_write("config/client.ini")
    (tmp_path / "link").symlink_to("config/spec")
    for path in ("config/spec/configspec_client.ini", "config/spec/other", "link/x"):
        with pytest.raises(FileRefused, match="kept from peers"):
            policy.to_write(path)


def test_tls_needs_its_files(tmp_path: Path) -> None:
    config = config_of(tmp_path, "[TLS]", "use = True")
    with pytest.raises(ConfigError, match=r"TLS\.ca_file is empty"):
        settings.client_tls(config)
    with pytest.raises(ConfigError, match=r"TLS\.cert_file is empty"):
        settings.server_tls(config)


def test_tls_checks_both_sides(tmp_path: Path) -> None:
    self_signed(tmp_path)
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    config = config_of(
        tmp_path, "[TLS]", "use = True", f"ca_file = {certificate}",
        f"cert_file = {certificate}", f"key_file = {key}",
    )  # fmt: skip
    client, accepting = settings.client_tls(config), settings.server_tls(config)
    assert client is not None and accepting is not None
    assert client.check_hostname
    assert client.verify_mode == accepting.verify_mode == ssl.CERT_REQUIRED
    assert client.minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_key_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    config = config_of(tmp_path, "[AUTH]", "use = True", f"key_file = {tmp_path / 'missing'}")
    with pytest.raises(ConfigError, match="missing"):
        settings.own_key(config, ConnectionManager)


def test_what_is_local_is_left_out_and_said(log: list[str]) -> None:
    received = {"id": "x", "AUTH": {"use": False}, "clover_dir": "/"}
    assert settings.without_local(received) == {"id": "x"}
    assert any("AUTH" in line and "clover_dir" in line for line in log)


def test_what_the_process_is_told_holds_where_the_settings_say_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, policy = SharedKey.new(), FilePolicy.inside(read_dirs=[tmp_path / "shop"])
    monkeypatch.setattr(ConnectionManager, "default_auth", key)
    monkeypatch.setattr(ConnectionManager, "default_files", policy)
    limits = replace(DEFAULT_LIMITS, file_content=10)
    monkeypatch.setattr(ConnectionManager, "default_limits", limits)
    connection, config = ConnectionManager(), config_of(tmp_path)
    settings.apply(config, connection, settings.own_key(config, ConnectionManager))
    assert (connection.auth, connection.files, connection.limits) == (key, policy, limits)
    settings.apply(config_of(tmp_path, "[FILES]", "max_size = 20"), connection, None)
    assert connection.files != policy
    assert connection.limits.file_content == 20


def test_error_replies_are_a_setting(tmp_path: Path) -> None:
    connection = ConnectionManager()
    assert connection.error_replies is False
    settings.apply(config_of(tmp_path, "[REQUESTS]", "error_replies = True"), connection, None)
    assert connection.error_replies is True
