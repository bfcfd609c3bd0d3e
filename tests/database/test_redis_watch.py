"""Services in several processes hear of each other's changes."""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, closing

import pytest

from moobius.database.database_interface import Watch
from moobius.database.redis_database import RedisDatabase
from moobius.errors import StorageError
from tests.support.patience import until
from tests.support.redis import RedisServer, redis_server, refusing_port

DOMAIN = "service_s.channel_c.box"


@pytest.fixture
def database(empty_redis: RedisServer) -> Iterator[RedisDatabase]:
    database = RedisDatabase(DOMAIN, **empty_redis.settings)
    yield database
    database.close()


@asynccontextmanager
async def listening(database: RedisDatabase) -> AsyncIterator[Watch]:
    """Listen from when nothing is missed any more."""
    async with aclosing(database.watch()) as changes:
        assert await heard(changes) is None
        yield changes


async def heard(changes: Watch) -> str | None:
    return await asyncio.wait_for(anext(changes), 20)


async def test_what_another_handle_writes_and_deletes(
    database: RedisDatabase, empty_redis: RedisServer
) -> None:
    other = RedisDatabase(DOMAIN, **empty_redis.settings)
    async with listening(database) as changes:
        for key in ["a", "", "with blanks", "\ud800", "nul\0"]:
            other.set_value(key, key)
            assert await heard(changes) == key
            assert database.get_value(key) == (True, key)
        other.delete_key("a")
        assert await heard(changes) == "a"
        assert database.get_value("a")[0] is False
    other.close()


async def test_what_a_handle_does_itself_is_no_news_to_it(
    database: RedisDatabase, empty_redis: RedisServer
) -> None:
    copy = pickle.loads(pickle.dumps(database))
    async with listening(database) as changes, listening(copy) as news_for_the_copy:
        database.set_value("mine", 1)
        copy.set_value("the copy's", 2)
        assert await heard(changes) == "the copy's"
        assert await heard(news_for_the_copy) == "mine"
    copy.close()


async def test_another_process_is_heard(database: RedisDatabase, empty_redis: RedisServer) -> None:
    script = "import pickle, sys\npickle.load(sys.stdin.buffer).set_value('from afar', [1, 2])\n"
    async with listening(database) as changes:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, stdin=asyncio.subprocess.PIPE
        )
        await process.communicate(pickle.dumps(database))
        assert process.returncode == 0
        assert await heard(changes) == "from afar"
        assert database.get_value("from afar") == (True, [1, 2])


def _write_from_a_fork(database: RedisDatabase) -> None:
    database.set_value("from the fork", 1)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
async def test_a_forked_process_is_another(database: RedisDatabase) -> None:
    database.set_value("before", 1)
    async with listening(database) as changes:
        child = multiprocessing.get_context("fork").Process(
            target=_write_from_a_fork, args=(database,)
        )
        child.start()
        assert await heard(changes) == "from the fork"
        child.join()


async def test_what_has_not_the_form_of_a_change_is_passed_over(
    database: RedisDatabase, empty_redis: RedisServer, logged: list[str]
) -> None:
    junk = [b"", b"hello", b"hello world", b"\xff\xfe", b"0123456789abcdef-1", b"x-1 key"]
    async with listening(database) as changes:
        with closing(empty_redis.client()) as bare:
            for message in [*junk, b"0123456789abcdef-1 a\xff", b"0123456789abcdef-1 "]:
                bare.publish(database._channel, message)
        assert [await heard(changes) for _ in range(2)] == ["a\udcff", ""]
    assert sum("Passed over what is no key" in line for line in logged) == len(junk)


async def test_other_containers_and_databases_are_not_heard(
    database: RedisDatabase, empty_redis: RedisServer
) -> None:
    async with listening(database) as changes:
        for domain, db in [("another.domain", 0), (DOMAIN, 1), (DOMAIN, 0)]:
            other = RedisDatabase(domain, **empty_redis.settings, db=db)
            other.set_value(f"{domain} {db}", 1)
            other.close()
        assert await heard(changes) == f"{DOMAIN} 0"


async def test_who_does_not_announce_is_not_heard(
    database: RedisDatabase, empty_redis: RedisServer
) -> None:
    silent = RedisDatabase(DOMAIN, **empty_redis.settings, announce=False)
    other = RedisDatabase(DOMAIN, **empty_redis.settings)
    async with listening(database) as changes:
        silent.set_value("quiet", 1)
        assert silent.delete_key("quiet") == (True, "quiet")
        other.set_value("loud", 1)
        assert await heard(changes) == "loud"
    silent.close()
    other.close()


async def test_after_a_lost_connection_everything_may_have_changed(log: list[str]) -> None:
    with redis_server() as server:
        database = RedisDatabase(DOMAIN, **server.settings)
        async with listening(database) as changes:
            server.kill()
            waiting = asyncio.create_task(heard(changes))
            await until(lambda: any("No longer hearing" in line for line in log))
            server.start()
            assert await waiting is None
            RedisDatabase(DOMAIN, **server.settings).set_value("after", 1)
            assert await heard(changes) == "after"
        assert sum("No longer hearing" in line for line in log) == 1
        assert sum(line.startswith("INFO") and "again" in line for line in log) == 1
        database.close()


async def test_silence_is_no_lost_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moobius.database.redis_watch._ASK_AFTER", 0.3)
    with redis_server() as server, closing(server.client()) as bare:
        database = RedisDatabase(DOMAIN, **server.settings, timeout=2.5)

        def asked() -> int:
            return int(bare.info("commandstats").get("cmdstat_ping", {}).get("calls", 0))

        async with listening(database) as changes:
            waiting = asyncio.create_task(heard(changes))
            earlier = asked()
            await until(lambda: asked() > earlier + 10)  # longer than one answer may take
            RedisDatabase(DOMAIN, **server.settings).set_value("key", 1)
            assert await waiting == "key"


async def test_a_connection_that_hangs_is_noticed(
    monkeypatch: pytest.MonkeyPatch, log: list[str]
) -> None:
    monkeypatch.setattr("moobius.database.redis_watch._ASK_AFTER", 0.1)
    with redis_server() as server:
        database = RedisDatabase(DOMAIN, **server.settings, timeout=2.5)
        async with listening(database) as changes:
            waiting = asyncio.create_task(heard(changes))
            await asyncio.sleep(0)
            server.pause()
            await until(lambda: any("No longer hearing" in line for line in log))
            server.resume()
            assert await waiting is None
        database.close()


async def test_a_first_connection_that_fails_is_an_error() -> None:
    with refusing_port() as port:
        database = RedisDatabase(DOMAIN, host="127.0.0.1", port=port)
        with pytest.raises(StorageError, match=rf"127\.0\.0\.1:{port} cannot be watched"):
            await anext(database.watch())


async def test_who_stops_listening_is_gone(
    database: RedisDatabase, empty_redis: RedisServer
) -> None:
    channels = empty_redis.client()
    async with listening(database):
        await until(lambda: channels.pubsub_channels() == [database._channel])
    await until(lambda: not channels.pubsub_channels())
    channels.close()
