"""Clients of a Redis: one for calls, and one for subscriptions."""

from __future__ import annotations

from typing import Any
from weakref import WeakValueDictionary

import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.cluster
import redis.sentinel
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry

from moobius.database.database_interface import Silence
from moobius.database.redis_address import CLUSTER, SENTINEL, UNIX, RedisAddress

# Of the library, not all cluster errors belong to the family.
REDIS_ERRORS = (redis.RedisError, redis.exceptions.RedisClusterException, OSError)

# Those that do not depend on the request: the server cannot be reached at all.
OUT_OF_REACH = (redis.ConnectionError, redis.TimeoutError, OSError)

# Of these the library does not say the types.
_ClusterNode: Any = redis.cluster.ClusterNode
_Sentinel: Any = redis.sentinel.Sentinel
_AsyncSentinel: Any = redis.asyncio.sentinel.Sentinel

# A connection that broke while nobody used it is made anew. What times out is not tried again:
# whoever waits has waited long enough.
_RETRIES, _FIRST_PAUSE, _LONGEST_PAUSE = 2, 0.05, 0.5  # pauses in seconds


class RedisLink:
    """A Redis as this process sees it: one client, however many containers are there.

    Attributes:
        address: Where it is.
        silence: When it was last found out of reach.
    """

    def __init__(self, address: RedisAddress) -> None:
        """Remember the address. Use `link_to`, which gives all containers there the same object."""
        self.address = address
        self.silence: Silence | None = None
        self._client: Any = None

    @property
    def client(self) -> Any:
        """The client of the `redis` library, which has a connection for each call at a time."""
        # Not a `cached_property`: before Python 3.12 one lock guards those of all objects, so a
        # cluster that hangs would keep every other server waiting.
        if self._client is None:
            self._client = connect(self.address)
        return self._client

    def __del__(self) -> None:
        if self._client is not None:
            self._client.close()


# No lock: at worst two threads make two links, and connecting must not keep others waiting.
_links: WeakValueDictionary[RedisAddress, RedisLink] = WeakValueDictionary()


def link_to(address: RedisAddress) -> RedisLink:
    """Return this process's link to an address. Nobody holding it closes its connections."""
    return _links.setdefault(address, RedisLink(address))


def connect(address: RedisAddress) -> Any:
    """Return the client for calls: safe to share by threads, usable after a fork.

    Except for a cluster, nothing is connected before the first call.
    """
    retry = Retry(
        ExponentialBackoff(cap=_LONGEST_PAUSE, base=_FIRST_PAUSE),
        _RETRIES,
        supported_errors=(redis.ConnectionError,),
    )
    options = {**_options(address), "retry": retry, "retry_on_error": [redis.ConnectionError]}
    if address.kind == CLUSTER:
        nodes = [_ClusterNode(host, port) for host, port in address.nodes]
        return redis.RedisCluster(startup_nodes=nodes, **options)
    if address.kind == SENTINEL:
        sentinel = _Sentinel(
            address.nodes, sentinel_kwargs=_sentinel_options(address), db=address.db, **options
        )
        return sentinel.master_for(address.master)
    return redis.Redis(**_place(address, 0), db=address.db, **options)


def connect_to_subscribe(address: RedisAddress, attempt: int) -> Any:
    """Return a client for a subscription, which makes one attempt to connect.

    Args:
        address: The server. In a cluster every node publishes everything, so any node will do.
        attempt: How many connections have failed before; another node is asked each time.
    """
    options = {**_options(address), "retry": AsyncRetry(NoBackoff(), 0)}
    if address.kind == SENTINEL:
        sentinel = _AsyncSentinel(
            list(address.nodes), sentinel_kwargs=_sentinel_options(address), **options
        )
        return sentinel.master_for(address.master)
    return redis.asyncio.Redis(**_place(address, attempt), **options)


def _place(address: RedisAddress, attempt: int) -> dict[str, Any]:
    if address.kind == UNIX:
        return {"unix_socket_path": address.path}
    host, port = address.nodes[attempt % len(address.nodes)]
    return {"host": host, "port": port}


def _options(address: RedisAddress) -> dict[str, Any]:
    return {
        "username": address.username or None,
        "password": address.password or None,
        "protocol": 2,  # what servers of every age speak
        **_transport(address),
    }


def _sentinel_options(address: RedisAddress) -> dict[str, Any]:
    return {"password": address.sentinel_password or None, **_transport(address)}


def _transport(address: RedisAddress) -> dict[str, Any]:
    options: dict[str, Any] = {
        "socket_timeout": address.timeout,
        "socket_connect_timeout": address.timeout,
    }
    if address.tls:
        options |= {
            "ssl": True,
            "ssl_check_hostname": True,
            "ssl_ca_certs": address.ca_file or None,
            "ssl_certfile": address.cert_file or None,
            "ssl_keyfile": address.key_file or None,
        }
    return options
