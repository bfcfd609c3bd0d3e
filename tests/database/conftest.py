"""The engines that every storage test runs over. A new engine is finished when it passes them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from moobius.database.database_interface import DatabaseInterface
from moobius.database.engines import get_engine
from tests.support.redis import RedisServer, redis_server

# What `implementation` says. The last one is not ours, and has the four methods and no more.
KEEPING = ["json", "sqlite", "redis", "tests.database.attic.Attic"]

Opener = Callable[..., DatabaseInterface]


@pytest.fixture(scope="session")
def one_redis() -> Iterator[RedisServer]:
    """A Redis for all tests that leave it running."""
    with redis_server() as server:
        yield server


@pytest.fixture
def empty_redis(one_redis: RedisServer) -> RedisServer:
    with contextlib.closing(one_redis.client()) as client:
        client.flushall()
    return one_redis


@pytest.fixture(params=KEEPING)
def implementation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(implementation: str, request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The settings of an empty store."""
    place = {"root_dir": str(tmp_path / "store")}
    if implementation == "redis":
        place |= request.getfixturevalue("empty_redis").settings
    return place


@pytest.fixture
def open_database(implementation: str, place: dict[str, Any]) -> Iterator[Opener]:
    """Return what opens the same store, as a process started later would."""
    opened = []

    def open_it(domain: str = "service_s.channel_c.box") -> DatabaseInterface:
        made: DatabaseInterface = get_engine(implementation)(domain=domain, **place)
        opened.append(made)
        return made

    yield open_it
    for database in opened:
        if isinstance(database, DatabaseInterface):
            database.close()


@pytest.fixture
def database(open_database: Opener) -> DatabaseInterface:
    return open_database()


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """Collect what is logged at WARNING and above."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), level="WARNING")
    yield lines
    logger.remove(sink)
