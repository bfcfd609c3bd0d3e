"""Messages between two programs over TCP, TLS or a Unix socket: actions, requests and files.

Byte-compatible with the clever-show protocol. Three ways in:

- `connect` and `serve` for asyncio;
- `ConnectionManager`, `Client` and `Server` on selectors, with the names and signatures of the
  original;
- `Link`, the rules without any socket, on which both stand (its module says how).

To learn how it works, read in this order:

- the wire: `framing` (bytes to messages and back), `messages` (their meaning), `auth` (signatures);
- the rules: `link_calls` (what one side sends: `outbox`, `requests`, `answers`) and `link` (the
  connection: `session`; what it receives: `intake`, `reception`), `policy` and `files`;
- asyncio: `aio_wire` (one socket), `aio_connection` (a link on wires), `aio_link` (the methods for
  users), `aio_client` and `aio_server`; callbacks run in `aio_runner`;
- selectors: `streams` (one socket), `selector_connection` (a link on a selector),
  `connection_manager` (the methods for users), `client_core` and `server`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moobius.messaging import client_core, server
    from moobius.messaging.aio_client import connect
    from moobius.messaging.aio_link import AsyncLink
    from moobius.messaging.aio_server import AsyncServer, serve
    from moobius.messaging.auth import SharedKey
    from moobius.messaging.callbacks import Callbacks
    from moobius.messaging.client_core import Client
    from moobius.messaging.config_manager import ConfigManager
    from moobius.messaging.connection_manager import ConnectionManager
    from moobius.messaging.limits import Limits
    from moobius.messaging.link import Link
    from moobius.messaging.message_manager import MessageManager
    from moobius.messaging.namespace import Namespace, PendingRequest
    from moobius.messaging.notifier import NotifierSock
    from moobius.messaging.policy import FilePolicy
    from moobius.messaging.registry import message_callback, request_callback
    from moobius.messaging.server import Server
    from moobius.messaging.singleton import Singleton
    from moobius.messaging.sockets import get_ip_address, set_keepalive

__all__ = [
    "AsyncLink",
    "AsyncServer",
    "Callbacks",
    "Client",
    "ConfigManager",
    "ConnectionManager",
    "FilePolicy",
    "Limits",
    "Link",
    "MessageManager",
    "Namespace",
    "NotifierSock",
    "PendingRequest",
    "Server",
    "SharedKey",
    "Singleton",
    "client_core",
    "connect",
    "get_ip_address",
    "message_callback",
    "request_callback",
    "serve",
    "server",
    "set_keepalive",
]

# Name -> its module, which is imported when the name is first used: a script that casts one spell
# does not import the selector side, and a program on selectors does not import asyncio.
_HOMES = {
    "AsyncLink": "aio_link",
    "AsyncServer": "aio_server",
    "Callbacks": "callbacks",
    "Client": "client_core",
    "ConfigManager": "config_manager",
    "ConnectionManager": "connection_manager",
    "FilePolicy": "policy",
    "Limits": "limits",
    "Link": "link",
    "MessageManager": "message_manager",
    "Namespace": "namespace",
    "NotifierSock": "notifier",
    "PendingRequest": "namespace",
    "Server": "server",
    "SharedKey": "auth",
    "Singleton": "singleton",
    "connect": "aio_client",
    "get_ip_address": "sockets",
    "message_callback": "registry",
    "request_callback": "registry",
    "serve": "aio_server",
    "set_keepalive": "sockets",
}
# The original's modules, for programs with `messaging.client_core.Client`. The class with which a
# server represents a client is `messaging.server.Client`: in the original, too, only the modules
# tell the two apart.
_MODULES = ("client_core", "server")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"moobius.messaging.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'moobius.messaging' has no attribute {name!r}")
    home = importlib.import_module(f"moobius.messaging.{_HOMES[name]}")
    value = globals()[name] = getattr(home, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
