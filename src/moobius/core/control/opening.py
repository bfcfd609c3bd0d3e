"""A control address for other machines, protected by TLS and a key."""

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
"""How many connections may be open that have not proved the key yet: each takes a descriptor."""


@dataclass(frozen=True)
class Opening:
    """An address on which a wand listens for other machines.

    Attributes:
        host: The address to listen on.
        port: The port; 0 lets the system choose one, which is logged.
        key_file: A file with 64 random hexadecimal digits, which only its user can read.
        cert_file: The certificate, as PEM; needed except on a loopback address.
        cert_key_file: Its private key, if that is not in the same file.

    Raises:
        ConfigError: If other machines could reach it without TLS, or a file cannot be read.
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
        """Return a server that listens once it is entered.

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
        """The address as it was asked for, for the log."""
        return self._address(self.port)

    def address_of(self, server: AsyncServer) -> str:
        """Return the address of the server, with its real port."""
        return self._address(server.port)

    def _address(self, port: int) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'tls' if self.cert_file else 'tcp'}://{host}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
