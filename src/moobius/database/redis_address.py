"""Where a Redis is and how to sign in there, from the settings of a container. Pure.

redis://[[user]:password@]host[:port][/db]                      one server
rediss://...                                                    the same over TLS
unix://[[user]:password@]/path/to/redis.sock[?db=0]             one server on this machine
redis+sentinel://[...@]host[:port],host[:port]/master[/db]      whichever server is the master
redis+cluster://[...@]host[:port],host[:port]                   a cluster, found through any node

`rediss+sentinel` and `rediss+cluster` are the last two over TLS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

from moobius.errors import ConfigError

Node = tuple[str, int]

SERVER, SENTINEL, CLUSTER, UNIX = "server", "sentinel", "cluster", "unix"

_PORT, _SENTINEL_PORT = 6379, 26379

# Scheme of a URL -> what is there, and whether it is reached over TLS.
_SCHEMES = {
    "redis": (SERVER, False),
    "rediss": (SERVER, True),
    "unix": (UNIX, False),
    "redis+sentinel": (SENTINEL, False),
    "rediss+sentinel": (SENTINEL, True),
    "redis+cluster": (CLUSTER, False),
    "rediss+cluster": (CLUSTER, True),
}


# Setting -> the function that converts what a configuration holds.
_SETTINGS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("host", "username", "password", "sentinel_password"), str),
    **dict.fromkeys(("ca_file", "cert_file", "key_file"), str),
    **{"port": int, "db": int, "timeout": float, "tls": bool},
}


@dataclass(frozen=True)
class RedisAddress:
    """Everything needed to connect; shown without passwords.

    Attributes:
        kind: `server`, `unix`, `sentinel` or `cluster`.
        nodes: Host and port of the server, of the sentinels, or of some nodes of the cluster.
        path: The socket of a `unix` address.
        master: The name by which the sentinels know the server.
        db: The number of the database.
        timeout: How long to wait for a connection, and then for an answer, in seconds.
    """

    kind: str = SERVER
    nodes: tuple[Node, ...] = ()
    path: str = ""
    master: str = ""
    db: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    sentinel_password: str = field(default="", repr=False)
    tls: bool = False
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    timeout: float = 5.0

    def __str__(self) -> str:
        place = self.path or ",".join(f"{host}:{port}" for host, port in self.nodes)
        if self.kind == SENTINEL:
            return f"{self.master} of the sentinels {place}"
        return f"the cluster {place}" if self.kind == CLUSTER else place


def address_from(settings: Mapping[str, Any]) -> RedisAddress:
    """Return the address that the settings of a container mean.

    Args:
        settings: `url`, or `host` and `port`; `db`, `username`, `password`, `sentinel_password`,
            `tls`, `ca_file`, `cert_file`, `key_file`, `timeout`. What a URL says comes first.

    Raises:
        ConfigError: If they mean none; no password is in its text.
    """
    given = {
        name: _converted(name, make, settings[name])
        for name, make in _SETTINGS.items()
        if settings.get(name) not in (None, "")
    }
    node = (given.pop("host", "localhost"), given.pop("port", _PORT))
    from_url = _from_url(str(settings["url"])) if settings.get("url") else {"nodes": (node,)}
    address = RedisAddress(**{**given, **from_url})
    if address.kind == CLUSTER and address.db:
        raise ConfigError(f"{address} has only database 0, and db is {address.db}")
    return address


def _converted(name: str, make: Callable[[Any], Any], value: Any) -> Any:
    try:
        return make(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{name} of a redis container is {value!r}; it is a number") from None


def _from_url(url: str) -> dict[str, Any]:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        raise ConfigError(
            "the url of a redis container begins with none of "
            + ", ".join(f"{known}://" for known in _SCHEMES)
        )
    # A password may contain `@`; what follows it does not.
    credentials, _, rest = rest.rpartition("@")
    place, _, query = rest.partition("?")
    kind, tls = _SCHEMES[scheme.lower()]
    username, _, password = credentials.partition(":")
    found = {"kind": kind, "tls": tls, "username": unquote(username), "password": unquote(password)}
    try:
        found |= _PLACES[kind](place)
        if numbers := parse_qs(query).get("db"):
            found["db"] = _number(numbers[0], "the number of the database")
    except ValueError as error:
        # Without an `@` the place may be a password that was written without its host.
        shown = f"{scheme}://****@{place}" if credentials else f"{scheme}://..."
        raise ConfigError(f"the url {shown!r} of a redis container is wrong: {error}") from None
    return {name: value for name, value in found.items() if value not in ("", None, False)}


def _server(place: str) -> dict[str, Any]:
    host, _, db = place.partition("/")
    return {"nodes": _nodes(host or "localhost", _PORT), "db": _db(db.strip("/"))}


def _unix(place: str) -> dict[str, Any]:
    if not place.startswith("/"):
        raise ValueError("the path of a unix socket begins with /, as in unix:///run/redis.sock")
    return {"path": unquote(place)}


def _sentinel(place: str) -> dict[str, Any]:
    hosts, _, path = place.partition("/")
    master, _, db = path.partition("/")
    if not master:
        raise ValueError("the name of the master must follow, as in host:26379/mymaster")
    nodes = _nodes(hosts, _SENTINEL_PORT)
    return {"nodes": nodes, "master": unquote(master), "db": _db(db)}


def _cluster(place: str) -> dict[str, Any]:
    hosts, _, path = place.partition("/")
    return {"nodes": _nodes(hosts, _PORT), "db": _db(path)}


_PLACES = {SERVER: _server, UNIX: _unix, SENTINEL: _sentinel, CLUSTER: _cluster}


def _nodes(hosts: str, default_port: int) -> tuple[Node, ...]:
    return tuple(_node(host, default_port) for host in hosts.split(","))


def _node(text: str, default_port: int) -> Node:
    if text.startswith("["):  # an IPv6 address is full of colons
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = text.partition(":")
    if not host:
        raise ValueError("a host is missing")
    return host, _number(port, "the port") if port else default_port


def _db(text: str) -> int | None:
    return _number(text, "the number of the database") if text else None


def _number(text: str, what: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{what} is not a number")
    return int(text)
