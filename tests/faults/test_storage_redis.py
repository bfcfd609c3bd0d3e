"""A Redis that is killed and started again under writes: errors, nothing dropped, work resumes."""

from __future__ import annotations

import threading
from collections.abc import Sized
from typing import Any

from moobius.database.redis_database import RedisDatabase
from moobius.errors import StorageError
from tests.support.patience import wait_until
from tests.support.redis import redis_server

OUTAGES = 3


class Writer(threading.Thread):
    """Writes one record after another, and notes which it was told are stored."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self.database = RedisDatabase("a.b", **settings, timeout=1)
        self.stored: dict[str, list[int]] = {}
        self.errors: list[Exception] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.stopping.is_set():
            number += 1
            try:
                assert self.database.set_value(f"{number}", [number]) == (True, f"{number}")
            except StorageError as error:
                self.errors.append(error)
            except BaseException as error:
                self.errors.append(AssertionError(repr(error)))
                return
            else:
                self.stored[f"{number}"] = [number]

    def wait_for_more(self, what: Sized) -> None:
        seen = len(what)
        wait_until(lambda: len(what) > seen + 5, lambda: f"{self.errors[-3:]}")


def test_killed_and_started_again_under_writes() -> None:
    with redis_server("--appendonly", "yes", "--appendfsync", "always") as server:
        writer = Writer(server.settings)
        writer.start()
        for _ in range(OUTAGES):
            writer.wait_for_more(writer.stored)
            server.kill()
            writer.wait_for_more(writer.errors)
            server.start()
        writer.wait_for_more(writer.stored)
        writer.stopping.set()
        writer.join(20)
        assert {type(error) for error in writer.errors} == {StorageError}
        assert all(f"127.0.0.1:{server.port}" in str(error) for error in writer.errors)
        found = dict(RedisDatabase("a.b", **server.settings).get_many())
        assert writer.stored.items() <= found.items()
        assert all(value == [int(key)] for key, value in found.items())
        writer.database.close()
