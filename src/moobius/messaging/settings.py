"""What the settings of a `Client` or `Server` mean for its connections (specification 6)."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from loguru import logger

from moobius.errors import ConfigError
from moobius.messaging import ini, tls
from moobius.messaging.auth import SharedKey
from moobius.messaging.config_manager import ConfigManager
from moobius.messaging.connection_manager import ConnectionManager
from moobius.messaging.policy import FilePolicy

# These are read by their exact path, never as attributes: `[files] write_dirs` is another setting,
# which would be an attribute of the same name.
LOCAL = ("FILES", "TLS", "AUTH", "REQUESTS", "clover_dir")
"""Who may speak, and where files may go, is for this side to say: no peer changes these."""

# Where a server puts the files of a client's program, beside its working directory (6.2).
PROGRAM_FOLDERS = ("launch", "camera_info", "../aruco_pose/map")
NO_PROGRAM = ("", "auto")


def without_local(received: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a peer that it may change."""
    if refused := [key for key in received if key in LOCAL]:
        logger.info("Settings {} are not taken from a peer", refused)
    return {key: value for key, value in received.items() if key not in LOCAL}


def apply(config: ConfigManager, connection: ConnectionManager, key: SharedKey | None) -> None:
    """Give a connection what the settings say; keys and limits count from its next connection on.

    Args:
        config: The settings.
        connection: The connection.
        key: What `own_key` returned when the settings were loaded: a file may be unreadable later.
    """
    connection.buffer_size = config.get("SERVER", "buffer_size")
    connection.error_replies = config.get("REQUESTS", "error_replies")
    if connection.default_files is None or _says_which_files(config):
        connection.files = file_policy(config)
        largest = config.get("FILES", "max_size")
        connection.limits = replace(connection.limits, file_content=largest)
    connection.auth = key


def file_policy(config: ConfigManager) -> FilePolicy:
    """Return which files the peer may read and write."""
    program = _program_folder(config)
    more = [] if program is None else [program / folder for folder in PROGRAM_FOLDERS]
    return FilePolicy.inside(
        read_dirs=config.get("FILES", "read_dirs"),
        write_dirs=[*config.get("FILES", "write_dirs"), *more],
        max_size=config.get("FILES", "max_size"),
        protected=[
            *(file for section in ("AUTH", "TLS") if (file := config.get(section, "key_file"))),
            *_specifications(config),
        ],
    )


def _specifications(config: ConfigManager) -> list[Path]:
    """Return the folder of the specifications: a peer that writes there could allow any setting."""
    file = config.config.filename
    return [ini.spec_path_of(Path(file)).parent.absolute()] if file else []


def _program_folder(config: ConfigManager) -> Path | None:
    """Return the folder of the program that a client serves; a server has no such setting."""
    program = config.config.get("clover_dir", "")
    return None if program in NO_PROGRAM else Path(program)


def _says_which_files(config: ConfigManager) -> bool:
    """Tell whether the settings are other than those that a new file begins with."""
    files = config.config["FILES"]
    changed = any(files[key] != files.default_values.get(key) for key in files.scalars)
    return changed or _program_folder(config) is not None


def own_key(config: ConfigManager, connections: type[ConnectionManager]) -> SharedKey | None:
    """Return the shared key for connections and announcements, if there is to be one.

    Args:
        config: The settings.
        connections: Whose `default_auth` counts where the settings name no key.

    Raises:
        ConfigError: If it cannot be read, or others can read it.
    """
    if not config.get("AUTH", "use"):
        return connections.default_auth
    return SharedKey.from_file(
        config.get("AUTH", "key_file"), required=config.get("AUTH", "require")
    )


def client_tls(config: ConfigManager) -> ssl.SSLContext | None:
    """Return the context for connecting, if connections are to be encrypted.

    Raises:
        ConfigError: If a file cannot be read.
    """
    if not config.get("TLS", "use"):
        return None
    return tls.tls_for_client(
        _required_file(config, "ca_file"),
        _optional_file(config, "cert_file"),
        _optional_file(config, "key_file"),
    )


def server_tls(config: ConfigManager) -> ssl.SSLContext | None:
    """Return the context for accepting, if connections are to be encrypted.

    Raises:
        ConfigError: If a file cannot be read.
    """
    if not config.get("TLS", "use"):
        return None
    return tls.tls_for_server(
        _required_file(config, "cert_file"),
        _optional_file(config, "key_file"),
        _optional_file(config, "ca_file"),
    )


def _optional_file(config: ConfigManager, name: str) -> str | None:
    return config.get("TLS", name) or None


def _required_file(config: ConfigManager, name: str) -> str:
    file = _optional_file(config, name)
    if file is None:
        raise ConfigError(f"TLS.use is true, and TLS.{name} is empty: it must name a file")
    return file
