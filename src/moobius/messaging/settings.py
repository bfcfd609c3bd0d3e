"""What the settings of a `Client` or `Server` mean for its connections (specification 6)."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from loguru import logger

from moobius.errors import ConfigError
from moobius.messaging import tls
from moobius.messaging.auth import SharedKey
from moobius.messaging.config_manager import ConfigManager
from moobius.messaging.connection_manager import ConnectionManager
from moobius.messaging.policy import FilePolicy

LOCAL = ("FILES", "TLS", "AUTH", "clover_dir")
"""Who may speak, and where files may go, is for this side to say: no peer changes these."""

# Where a server puts the files of a client's program, beside its working directory (6.2).
PROGRAM_FOLDERS = ("launch", "camera_info", "../aruco_pose/map")
NO_PROGRAM = ("", "auto")


def without_local(received: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a peer that it may change."""
    if refused := [key for key in received if key in LOCAL]:
        logger.info("Settings {} are not taken from a peer", refused)
    return {key: value for key, value in received.items() if key not in LOCAL}


def apply(config: ConfigManager, connection: ConnectionManager) -> None:
    """Give a connection what the settings say; keys and limits count from its next connection on.

    Raises:
        ConfigError: If the key cannot be read.
    """
    connection.buffer_size = config.server_buffer_size
    connection.files = file_policy(config)
    connection.limits = replace(connection.limits, file_content=config.files_max_size)
    connection.auth = shared_key(config)


def file_policy(config: ConfigManager) -> FilePolicy:
    """Return which files the peer may read and write."""
    program = config.clover_dir or ""
    more = [] if program in NO_PROGRAM else [Path(program) / f for f in PROGRAM_FOLDERS]
    return FilePolicy.inside(
        read_dirs=config.files_read_dirs,
        write_dirs=[*config.files_write_dirs, *more],
        max_size=config.files_max_size,
    )


def shared_key(config: ConfigManager) -> SharedKey | None:
    """Return the key that both sides have to prove, if they have to.

    Raises:
        ConfigError: If it cannot be read, or others can read it.
    """
    if not config.auth_use:
        return None
    return SharedKey.from_file(config.auth_key_file, required=config.auth_require)


def client_tls(config: ConfigManager) -> ssl.SSLContext | None:
    """Return the context for connecting, if connections are to be encrypted.

    Raises:
        ConfigError: If a file cannot be read.
    """
    if not config.tls_use:
        return None
    return tls.tls_for_client(
        _needed(config.tls_ca_file, "ca_file"), config.tls_cert_file or None, _key_file(config)
    )


def server_tls(config: ConfigManager) -> ssl.SSLContext | None:
    """Return the context for accepting, if connections are to be encrypted.

    Raises:
        ConfigError: If a file cannot be read.
    """
    if not config.tls_use:
        return None
    return tls.tls_for_server(
        _needed(config.tls_cert_file, "cert_file"), _key_file(config), config.tls_ca_file or None
    )


def _key_file(config: ConfigManager) -> str | None:
    return config.tls_key_file or None


def _needed(file: str, name: str) -> str:
    if not file:
        raise ConfigError(f"TLS.use is true, and TLS.{name} is empty: it must name a file")
    return file
