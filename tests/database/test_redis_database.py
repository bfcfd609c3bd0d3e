"""What is particular to the engine redis. (What it has in common: `test_every_engine.py`.)"""

from __future__ import annotations

import json
import multiprocessing
import pickle
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from moobius import MoobiusStorage, types
from moobius.database import redis_database
from moobius.database.redis_database import RedisDatabase
from moobius.errors import BrokenRecord, EditConflict, StorageError
from tests.support.children import exit_codes
from tests.support.redis import RedisServer, refusing_port


@pytest.fixture
def database(empty_redis: RedisServer) -> Iterator[RedisDatabase]:
    # One that writes its disk may take its time.
    database = RedisDatabase("service_s.channel_c.box", **empty_redis.settings, timeout=30)
    yield database
    database.close()


@pytest.fixture
def bare(empty_redis: RedisServer) -> Iterator[Any]:
    with closing(empty_redis.client()) as client:
        yield client


@pytest.mark.promise("0-25", "0-40", "0-41")
def test_a_container_is_one_hash_of_readable_json(database: RedisDatabase, bare: Any) -> None:
    database.set_value("Ada", types.CanvasItem("hi"))
    assert bare.keys() == [b"moobius:service_s.channel_c.box"]
    stored = bare.hgetall("moobius:service_s.channel_c.box")
    assert {key: json.loads(value) for key, value in stored.items()} == {
        b"Ada": {
            "_moobius_type": "moobius.types.CanvasItem",
            "_moobius_val": {"text": "hi", "path": None},
        }
    }


@pytest.mark.promise("0-25", "0-32")
@pytest.mark.defect("D78", "D79")
def test_a_service_finds_again_what_it_stored(empty_redis: RedisServer) -> None:
    entry = {"implementation": "redis", "name": "scores", "settings": empty_redis.settings}
    MoobiusStorage("s", "c", [entry]).scores["ada"] = {"n": (1, 2)}
    assert MoobiusStorage("s", "c", [entry]).scores == {"ada": {"n": (1, 2)}}


@pytest.mark.promise("1-27")
@pytest.mark.defect("D80")
def test_containers_that_share_a_database_do_not_see_each_other(empty_redis: RedisServer) -> None:
    def storage(channel: str, clear: bool = False) -> MoobiusStorage:
        entry = {"implementation": "redis", "settings": empty_redis.settings, "clear": clear}
        return MoobiusStorage("s", channel, [{**entry, "name": "a"}, {**entry, "name": "b"}])

    for channel in ("c", "d"):
        storage(channel).a["key"] = f"a in {channel}"
        storage(channel).b["key"] = f"b in {channel}"
    storage("d", clear=True)
    assert storage("c").a == {"key": "a in c"}
    assert storage("c").b == {"key": "b in c"}
    assert storage("d").a == {}


def test_records_of_older_versions_are_read(database: RedisDatabase, bare: Any) -> None:
    hash_of_it = "moobius:service_s.channel_c.box"
    bare.hset(hash_of_it, "ada", '{"ada": [1, 2], "_type": "builtins.tuple"}')
    bare.hset(hash_of_it, "bob", '{"bob": null, "_type": "NoneType"}')
    assert dict(database.get_many()) == {"ada": (1, 2), "bob": None}


def test_a_broken_record_is_an_error_for_its_key_alone(database: RedisDatabase, bare: Any) -> None:
    database.set_value("good", 1)
    bare.hset("moobius:service_s.channel_c.box", "bad", b"{\xff")
    with pytest.raises(BrokenRecord, match=r"'bad' in 'service_s.*' of redis at 127\.0\.0\.1"):
        database.get_value("bad")
    found = dict(database.get_many())
    assert found["good"] == 1
    assert isinstance(found["bad"], BrokenRecord)
    database.set_value("bad", "repaired")
    assert database.get_value("bad") == (True, "repaired")


def test_a_key_that_is_no_utf_8_is_a_key_like_others(database: RedisDatabase, bare: Any) -> None:
    name = "moobius:service_s.channel_c.box"
    database.set_value("good", 1)
    for forget in (database.delete_key, lambda key: bare.hdel(name, b"a\xff")):
        bare.hset(name, b"a\xff", "2")
        assert set(database.all_keys()) == {"good", "a\udcff"}
        assert dict(database.get_many()) == {"good": 1, "a\udcff": 2}
        assert dict(database.get_many(["a\udcff", "good"])) == {"good": 1, "a\udcff": 2}
        assert database.get_value("a\udcff") == (True, 2)
        database.set_value("a\udcff", 3)
        assert dict(database.get_many()) == {"good": 1, "a\udcff": 3}
        forget("a\udcff")
        assert list(database.all_keys()) == ["good"]


@pytest.mark.parametrize("announce", [True, False])
def test_an_exchange_happens_only_to_what_was_there(
    empty_redis: RedisServer, announce: bool
) -> None:
    database = RedisDatabase("a.b", **empty_redis.settings, announce=announce)
    database.set_value("key", "old")
    found, value, mark = database.get_to_edit("key")
    assert (found, value) == (True, "old")
    exchange = database.prepare_exchange("key", "new", mark)
    assert exchange() == (True, "key")
    with pytest.raises(EditConflict, match="'key' was changed elsewhere"):
        exchange()  # what is there is the same, and may be another's: two who counted from 4 to 5
    assert database.get_value("key") == (True, "new")
    with pytest.raises(EditConflict, match="'key' was changed elsewhere"):
        database.prepare_exchange("key", "newer", mark)()
    database.delete_key("key")
    with pytest.raises(EditConflict):
        database.prepare_exchange("key", "newer", mark)()
    assert database.get_to_edit("key")[::2] == (False, None)
    database.close()


def test_what_the_server_refuses_is_an_error(database: RedisDatabase, bare: Any) -> None:
    bare.set("moobius:service_s.channel_c.box", "somebody else's")
    for call in (
        lambda: database.set_value("key", 1),
        lambda: database.get_value("key"),
        lambda: database.delete_key("key"),
        lambda: list(database.all_keys()),
        lambda: list(database.get_many()),
        lambda: list(database.get_many(["key"])),
    ):
        with pytest.raises(StorageError, match=r"redis at 127.*wrong kind of value"):
            call()
    assert bare.get("moobius:service_s.channel_c.box") == b"somebody else's"


def test_a_server_that_is_full_keeps_the_old_value(database: RedisDatabase, bare: Any) -> None:
    database.set_value("key", "old")
    bare.config_set("maxmemory", 1)
    try:
        with pytest.raises(StorageError, match=r"redis at 127.*maxmemory"):
            database.set_value("key", "new")
    finally:
        bare.config_set("maxmemory", 0)
    assert database.get_value("key") == (True, "old")


def test_a_server_that_is_not_there_is_an_error_that_names_it() -> None:
    with refusing_port() as port:
        database = RedisDatabase("a.b", port=port, password="hunter2")
        for call in (
            lambda: database.set_value("key", 1),
            lambda: database.get_value("key"),
            lambda: database.delete_key("key"),
            lambda: list(database.all_keys()),
            lambda: list(database.get_many()),
            lambda: RedisDatabase.domains(port=port),
        ):
            with pytest.raises(StorageError, match=f"redis at localhost:{port}: .*refused") as said:
                call()
            assert "hunter2" not in str(said.value)
            assert said.value.__cause__ is None  # its frames hold the password
            assert said.value.__suppress_context__


@pytest.mark.defect("D8")
def test_no_password_is_shown() -> None:
    for url in ("redis://:hunter2@h", "rediss+sentinel://ada:hunter2@h/m", "unix://:hunter2@/r"):
        for shown in (database := RedisDatabase("a.b", url=url), database._address):
            assert "hunter2" not in f"{shown} {shown!r}"


def test_the_settings_of_older_configurations(empty_redis: RedisServer) -> None:
    by_position = RedisDatabase("a.b", "127.0.0.1", empty_redis.port, None, "", root_dir="ignored")
    by_position.set_value("key", 1)
    assert by_position.redis.hkeys("moobius:a.b") == [b"key"]
    assert (
        str(by_position) == f"moobius.RedisDatabase('a.b' of redis at 127.0.0.1:{empty_redis.port})"
    )
    by_position.close()


def test_autosave_writes_the_servers_disk(
    database: RedisDatabase, bare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_database, "autosave", True)
    database.set_value("key", 1)
    assert bare.info("persistence")["rdb_changes_since_last_save"] == 0
    database.delete_key("key")
    assert bare.info("persistence")["rdb_changes_since_last_save"] == 0
    monkeypatch.setattr(redis_database, "autosave", False)
    database.set_value("key", 1)
    assert bare.info("persistence")["rdb_changes_since_last_save"] == 1


def test_a_connection_that_broke_while_nobody_used_it_is_made_anew(
    database: RedisDatabase, bare: Any
) -> None:
    database.set_value("key", 1)
    for call in (lambda: database.set_value("key", 2), lambda: database.get_value("key")):
        assert bare.client_kill_filter(_type="normal") >= 1
        assert call()[0] is True
    assert database.get_value("key") == (True, 2)


@contextmanager
def interrupted_once(port: int) -> Iterator[int]:
    """Stand before a server; the first connection ends, without a word, at its first request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            first, _ = listener.accept()
            first.recv(1)
            first.close()
            second, _ = listener.accept()
            with second, socket.create_connection(("127.0.0.1", port)) as there:
                while data := second.recv(65536):
                    there.sendall(data)
                    second.sendall(there.recv(65536))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(20)


def test_a_request_that_met_a_broken_connection_is_made_again(empty_redis: RedisServer) -> None:
    with interrupted_once(empty_redis.port) as port:
        database = RedisDatabase("a.b", host="127.0.0.1", port=port)
        assert database.set_value("key", 1) == (True, "key")
        assert database.get_value("key") == (True, 1)
        database.close()


def _write_in_child(database: RedisDatabase) -> None:
    for n in range(100):
        database.set_value(f"child {n}", n)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_process_has_connections_of_its_own(database: RedisDatabase, method: Any) -> None:
    database.set_value("key", 1)
    child = multiprocessing.get_context(method).Process(target=_write_in_child, args=(database,))
    child.start()
    for n in range(100):
        database.set_value(f"parent {n}", n)
        assert database.get_value(f"parent {n}") == (True, n)
    assert exit_codes(child) == [0]
    assert len(list(database.all_keys())) == 201


def test_a_pickle_opens_the_same_store(database: RedisDatabase) -> None:
    database.set_value("key", 1)
    with closing(pickle.loads(pickle.dumps(database))) as other:
        assert other.get_value("key") == (True, 1)


def test_the_domains(database: RedisDatabase, bare: Any, empty_redis: RedisServer) -> None:
    assert RedisDatabase.domains(**empty_redis.settings) == []
    database.set_value("key", 1)
    RedisDatabase("ä.\ud800", **empty_redis.settings).set_value("key", 1)
    bare.set("moobius:plain", 1)
    bare.hset("another program's", "a", 1)
    bare.hset(b"moobius:\xff", "a", 1)
    known = [database.domain, "ä.\ud800", "\udcff"]
    assert RedisDatabase.domains(**empty_redis.settings) == sorted(known)


def test_containers_on_one_server_wait_for_one_thing() -> None:
    here, also_here = (RedisDatabase(domain, port=1) for domain in "ab")
    assert here.waits_for == also_here.waits_for
    assert here.waits_for != RedisDatabase("a", port=2).waits_for
