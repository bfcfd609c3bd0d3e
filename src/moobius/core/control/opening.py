"""A control address for other machines, for who opens one: inside TLS, and with a key."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moobius.errors import ConfigError
from moobius.messaging.aio_server import AsyncServer, serve
from moobius.messaging.auth import SharedKey
from moobius.messaging.callbacks import Callbacks
from moobius.messaging.tls import tls_for_server

STRANGERS = 32
"""Connections of others that a service puts up with: its descriptors are for its own work."""


@dataclass(frozen=True)
class Opening:
    """Where else a wand listens, besides the address for programs of its own user.

    Attributes:
        host: The address to listen on.
        port: The port; 0 lets the system choose, and a line of the log tells.
        key_file: A file with 64 random hexadecimal digits, which its user alone can read.
        cert_file: The certificate, as PEM; needed except on a loopback address.
        cert_key_file: Its private key, if that is not in the same file.

    Raises:
        ConfigError: If other machines could get at it without TLS, or a file cannot be read.
    """

    host: str
    port: int
    key_file: str | os.PathLike[str]
    cert_file: str | os.PathLike[str] | None = None
    cert_key_file: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if self.cert_file is None and not _is_loopback(self.host):
            raise ConfigError(
                f"a wand that listens on {self.host} needs a certificate: what travels there can "
                "be read by others; `moobius platform cert` makes one"
            )
        SharedKey.from_file(Path(self.key_file))

    def serve(self, callbacks: Callbacks, **options: Any) -> AsyncServer:
        """Return a server about to listen.

        Raises:
            ConfigError: If a file cannot be read.
        """
        tls = tls_for_server(self.cert_file, self.cert_key_file) if self.cert_file else None
        key = SharedKey.from_file(Path(self.key_file))
        return serve(
            callbacks, self.host, self.port, ssl=tls, key=key, strangers=STRANGERS, **options
        )

    @property
    def place(self) -> str:
        """What is to be called, with the port that was asked for."""
        return self._address(self.port)

    def address_of(self, server: AsyncServer) -> str:
        """Return what to call once it listens."""
        return self._address(server.port)

    def _address(self, port: int) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'tls' if self.cert_file else 'tcp'}://{host}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
