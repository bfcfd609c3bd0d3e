"""Every kind of address leads to a real server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import pytest

from moobius.database.redis_database import RedisDatabase
from moobius.errors import StorageError
from tests.support.patience import wait_until
from tests.support.ports import free_port
from tests.support.redis import (
    RedisServer,
    redis_cluster,
    redis_sentinel,
    redis_server,
    refusing_port,
)
from tests.support.tls import self_signed


async def works(**settings: Any) -> None:
    """Write, read, and hear of it, at one address."""
    database, other = RedisDatabase("a.b", **settings), RedisDatabase("a.b", **settings)
    with closing(database), closing(other):
        async with aclosing(database.watch()) as changes:
            assert await anext(changes) is None
            other.set_value("key", [1])
            assert await anext(changes) == "key"
        assert database.get_value("key") == (True, [1])
        assert dict(database.get_many()) == {"key": [1]}
        assert dict(database.get_many(["key", "x"])) == {"key": [1]}
        assert "a.b" in RedisDatabase.domains(**settings)
        assert other.delete_key("key") == (True, "key")
        assert list(database.all_keys()) == []


@pytest.mark.promise("0-32")
async def test_host_and_port(empty_redis: RedisServer) -> None:
    await works(host="127.0.0.1", port=empty_redis.port)


async def test_a_url_with_a_database(empty_redis: RedisServer) -> None:
    await works(url=f"redis://127.0.0.1:{empty_redis.port}/7")
    RedisDatabase("x", **empty_redis.settings, db=7).set_value("key", 7)
    assert RedisDatabase("x", **empty_redis.settings).get_value("key")[0] is False
    assert RedisDatabase.domains(**empty_redis.settings) == []


async def test_a_unix_socket(empty_redis: RedisServer) -> None:
    await works(url=f"unix://{empty_redis.socket}?db=2")


@pytest.fixture(scope="module")
def locked() -> Iterator[RedisServer]:
    """A server with a password, and with accounts that may use our keys and nothing else.

    One of them, eve, may not even publish.
    """
    ada = ["ada", "on", ">s3cret", "~moobius:*", "&moobius:*", "+@all"]
    eve = ["eve", "on", ">s3cret", "~moobius:*", "resetchannels", "+@all"]
    accounts = ["--user", *ada, "--user", *eve]
    with redis_server("--requirepass", "hunter2", *accounts) as server:
        yield server


@pytest.mark.promise("1-27")
async def test_a_password(locked: RedisServer) -> None:
    await works(host="127.0.0.1", port=locked.port, password="hunter2")
    await works(url=f"redis://:hunter2@127.0.0.1:{locked.port}")
    await works(url=f"unix://{locked.socket}", username="ada", password="s3cret")


@pytest.mark.parametrize("password", ["", "hunter3"])
async def test_a_wrong_password_is_an_error_that_does_not_say_it(
    locked: RedisServer, password: str
) -> None:
    database = RedisDatabase("a.b", host="127.0.0.1", port=locked.port, password=password)
    with pytest.raises(StorageError, match=rf"redis at 127\.0\.0\.1:{locked.port}") as caught:
        database.set_value("key", 1)
    assert "hunter" not in str(caught.value)
    with pytest.raises(StorageError, match=rf"127\.0\.0\.1:{locked.port} cannot be watched"):
        await anext(database.watch())


async def test_an_account_that_may_not_publish_needs_a_setting(locked: RedisServer) -> None:
    eve: dict[str, Any] = {"port": locked.port, "username": "eve", "password": "s3cret"}
    database = RedisDatabase("a.b", **eve)
    with pytest.raises(StorageError, match=r"let the account publish .* or set announce"):
        database.set_value("key", 1)
    assert database.get_value("key")[0] is False
    silent = RedisDatabase("a.b", **eve, announce=False)
    assert silent.set_value("key", 1) == (True, "key")
    assert silent.delete_key("key") == (True, "key")


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, Path, int]]:
    """A server with a certificate, the file that makes clients trust it, and its TLS port."""
    folder = tmp_path_factory.mktemp("tls")
    _, certificate = self_signed(folder)
    port = free_port()
    files = ["--tls-cert-file", str(certificate), "--tls-key-file", str(folder / "key.pem")]
    tls = ["--tls-port", str(port), "--tls-auth-clients", "no"]
    with redis_server(*files, *tls) as server:
        yield server, certificate, port


async def test_tls(encrypted: tuple[RedisServer, Path, int]) -> None:
    _, certificate, port = encrypted
    await works(url=f"rediss://localhost:{port}", ca_file=str(certificate))
    await works(port=port, tls=True, ca_file=str(certificate))


async def test_a_certificate_that_is_not_trusted_is_refused(
    encrypted: tuple[RedisServer, Path, int],
) -> None:
    _, _, port = encrypted
    database = RedisDatabase("a.b", url=f"rediss://localhost:{port}")
    with pytest.raises(StorageError, match="certificate"):
        database.set_value("key", 1)
    with pytest.raises(StorageError, match="certificate"):
        await anext(database.watch())


async def test_a_name_that_is_not_the_certificates_is_refused(
    encrypted: tuple[RedisServer, Path, int],
) -> None:
    _, certificate, port = encrypted
    database = RedisDatabase("a.b", url=f"rediss://127.0.0.2:{port}", ca_file=str(certificate))
    with pytest.raises(StorageError, match="certificate"):
        database.set_value("key", 1)


async def test_a_cluster() -> None:
    with redis_cluster() as node:
        await works(url=f"redis+cluster://127.0.0.1:{node.port}")
        with refusing_port() as gone:
            await works(url=f"redis+cluster://127.0.0.1:{gone},127.0.0.1:{node.port}")


async def test_a_cluster_that_is_not_there() -> None:
    with refusing_port() as port:
        database = RedisDatabase("a.b", url=f"redis+cluster://127.0.0.1:{port}")
        with pytest.raises(StorageError, match="the cluster 127"):
            database.set_value("key", 1)


def test_a_cluster_that_hangs_keeps_no_other_server_waiting(empty_redis: RedisServer) -> None:
    there = RedisDatabase("x", **empty_redis.settings)
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(2) as threads:
        url = f"redis+cluster://127.0.0.1:{silent.getsockname()[1]}"
        waiting = threads.submit(RedisDatabase("x", url=url, timeout=20).get_value, "key")
        connection, _ = silent.accept()
        silent.close()  # what is asked again is refused
        with connection:  # which says nothing
            assert threads.submit(there.get_value, "key").result(10)[0] is False
            assert not waiting.done()
    assert isinstance(waiting.exception(), StorageError)


async def test_a_master_found_through_a_sentinel(locked: RedisServer) -> None:
    with redis_sentinel(locked, "tea") as sentinel:
        url = f"redis+sentinel://:hunter2@127.0.0.1:{sentinel.port}"
        await works(url=f"{url}/tea/1")
        database = RedisDatabase("a.b", url=f"{url}/coffee")
        with pytest.raises(StorageError, match="coffee of the sentinels"):
            database.get_value("key")


def test_containers_of_one_server_share_its_connections() -> None:
    with redis_server() as server, closing(server.client()) as bare:

        def connections() -> int:
            return sum(1 for client in bare.client_list() if client["addr"].startswith("127."))

        databases = [RedisDatabase(f"a.{n}", **server.settings) for n in range(300)]
        for number, database in enumerate(databases):
            database.set_value("key", number)
        assert connections() == 1
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(lambda database: database.get_value("key"), databases))
        assert found == [(True, number) for number in range(300)]
        assert connections() <= 9
        last = databases.pop()
        for database in databases:
            database.close()
        assert last.get_value("key") == (True, 299)
        last.close()
        wait_until(lambda: connections() == 0)
        assert last.get_value("key") == (True, 299)
        last.close()


def test_another_account_is_another_connection(locked: RedisServer) -> None:
    root = RedisDatabase("a.b", port=locked.port, password="hunter2")
    ada = RedisDatabase("a.b", port=locked.port, username="ada", password="s3cret")
    with closing(root), closing(ada):
        assert [d.redis.acl_whoami() for d in (root, ada)] == ["default", "ada"]


@pytest.mark.parametrize("connected", [True, False])
async def test_a_server_that_hangs_is_given_up(empty_redis: RedisServer, connected: bool) -> None:
    database = RedisDatabase("a.b", **empty_redis.settings, timeout=2.5)
    database.set_value("key", 1)
    if not connected:
        database.close()
    empty_redis.pause()
    resuming = threading.Timer(30, empty_redis.resume)  # without a time-out it would hang for ever
    resuming.start()
    try:
        with pytest.raises(StorageError, match=f"127.0.0.1:{empty_redis.port}: .*'key'"):
            database.set_value("key", 2)
        assert resuming.is_alive()
    finally:
        resuming.cancel()
        empty_redis.resume()
    assert database.set_value("key", 3) == (True, "key")
    assert database.get_value("key") == (True, 3)


def test_the_time_out_is_that_of_the_settings(empty_redis: RedisServer) -> None:
    database = RedisDatabase("a.b", **empty_redis.settings, timeout=17)
    options = database.redis.connection_pool.connection_kwargs
    assert (options["socket_timeout"], options["socket_connect_timeout"]) == (17, 17)
    database.close()
