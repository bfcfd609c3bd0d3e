"""Containers by name."""

import asyncio
import copy
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest

from moobius.database.cached_dict import CachedDict
from moobius.database.json_database import JSONDatabase
from moobius.database.magical_storage import MagicalStorage, MoobiusStorage
from moobius.database.null_database import NullDatabase
from moobius.errors import ConfigError, StorageError
from tests.support.patience import PATIENCE, until
from tests.support.redis import RedisServer

from .hostile import HOSTILE_KEYS
from .test_stored_dict import Recorder


class Closing(Recorder):
    """Knows how often it was closed."""

    closed = 0
    trouble_of_closing: Exception | None = None

    def close(self) -> None:
        self.closed += 1
        if self.trouble_of_closing:
            raise self.trouble_of_closing


class SlowToClose(Closing):
    """Closes when it is let."""

    may_wait = True

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.let = threading.Event(), threading.Event()

    def close(self) -> None:
        self.begun.set()
        self.let.wait(PATIENCE)
        super().close()


class Hanging(Closing):
    """Writes when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs, self.opened = threading.Event(), threading.Event()
        self.opened.set()

    def set_value(self, key: str, value: Any) -> tuple[bool, str]:
        if not self.opened.is_set():
            self.hangs.set()
            self.opened.wait(20)
        return super().set_value(key, value)


class Failing(NullDatabase):
    def __init__(self, domain: str = "", **kwargs: Any) -> None:
        raise ConnectionRefusedError("nobody answers")


def config(root: Path, *names: str, **options: Any) -> list[dict[str, Any]]:
    settings = {"root_dir": str(root)}
    return [{"implementation": "json", "name": n, "settings": settings, **options} for n in names]


@pytest.fixture
def storage(tmp_path: Path) -> MoobiusStorage:
    return MoobiusStorage("service", "channel", config(tmp_path, "data", "other"))


def reopened(tmp_path: Path, **options: Any) -> MoobiusStorage:
    return MoobiusStorage("service", "channel", db_config=config(tmp_path, "data", **options))


def is_empty(folder: Path) -> bool:
    return not list(folder.iterdir())


@pytest.mark.promise("0-24")
def test_containers_are_attributes_of_exactly_that_type(storage: MoobiusStorage) -> None:
    containers = [name for name, v in storage.__dict__.items() if type(v) is CachedDict]
    assert containers == ["data", "other"]
    assert storage.service_id == "service"
    assert storage.channel_id == "channel"
    assert storage


@pytest.mark.parametrize("nothing", [(), [], None, {}])
def test_no_configuration_is_no_containers(nothing: Any) -> None:
    storage = MoobiusStorage("s", "c", nothing)
    assert storage
    assert not hasattr(storage, "data")


def test_values_are_where_version_1_8_has_them(storage: MoobiusStorage, tmp_path: Path) -> None:
    storage.data["key"] = 1
    assert (tmp_path / "service_service/channel_channel/data/key.json").read_text() == "1"


def test_two_channels_that_would_be_one_place_are_warned_of(
    tmp_path: Path, logged: list[str]
) -> None:
    plain = MoobiusStorage("a", "b.channel_c", config(tmp_path, "data"))
    assert logged == []
    other = MoobiusStorage("a.channel_b", "c", config(tmp_path, "data"))
    (line,) = logged
    assert "'a.channel_b' keeps its channel 'c' where the service 'a' would" in line
    assert "channel 'b.channel_c'" in line
    assert other.data.database.domain == plain.data.database.domain


def test_assigning_a_dict_replaces_the_content(storage: MoobiusStorage, tmp_path: Path) -> None:
    storage.data = {"key": 1, "old": 1}
    storage.data = {"key": 2}
    assert type(storage.data) is CachedDict
    assert storage.data == {"key": 2}
    assert reopened(tmp_path).data == {"key": 2}
    storage.data |= {"more": 3}
    assert reopened(tmp_path).data == {"key": 2, "more": 3}
    storage.other = storage.data
    assert storage.other == storage.data
    assert storage.other is not storage.data
    storage.data = {}
    assert reopened(tmp_path).data == {}


def test_a_container_that_is_assigned_to_itself_is_saved(
    storage: MoobiusStorage, tmp_path: Path
) -> None:
    storage.data = {"a": [1], "b": {"n": 1}}
    storage.data["a"].append(2)
    storage.data["b"]["n"] = 2
    storage.data = storage.data
    assert reopened(tmp_path).data == {"a": [1, 2], "b": {"n": 2}}


def test_a_dict_with_a_value_that_is_not_stored_changes_nothing(
    storage: MoobiusStorage, tmp_path: Path
) -> None:
    storage.data = {"a": 1, "b": 2}
    with pytest.raises(StorageError, match=r"'b' not stored: .*object"):
        storage.data = {"a": 3, "b": object()}
    assert storage.data == {"a": 1, "b": 2}
    assert reopened(tmp_path).data == {"a": 1, "b": 2}


@pytest.mark.parametrize("value", [None, 3, [1], "text", {1: "one"}, {"a": object()}])
def test_assigning_anything_else_is_an_error_and_keeps_the_content(
    storage: MoobiusStorage, tmp_path: Path, value: Any
) -> None:
    storage.data = {"key": 1}
    with pytest.raises(StorageError):
        storage.data = value
    assert storage.data == {"key": 1}
    assert reopened(tmp_path).data == {"key": 1}


def test_save_keeps_what_was_changed_in_place(storage: MoobiusStorage, tmp_path: Path) -> None:
    storage.data = {"a": [1], "b": [2]}
    storage.data["a"].append(3)
    storage.data["b"].append(4)
    storage.save("data")
    assert reopened(tmp_path).data == {"a": [1, 3], "b": [2, 4]}
    with pytest.raises(StorageError, match=r"no container 'nope'; there are: data, other"):
        storage.save("nope")


@pytest.mark.promise("0-36", "0-38", "1-28")
@pytest.mark.defect("D68")
def test_load_and_clear(storage: MoobiusStorage, tmp_path: Path) -> None:
    storage.data = {"a": 1, "b": 2}
    assert "loaded=False" in repr(reopened(tmp_path, load=False).data)
    assert reopened(tmp_path, load=False).data == {"a": 1, "b": 2}
    assert not reopened(tmp_path, clear=True, load=True).data
    assert not reopened(tmp_path).data
    assert list((tmp_path / "service_service/channel_channel/data").iterdir()) == []


def test_a_container_can_be_removed_and_added_again(
    storage: MoobiusStorage, tmp_path: Path
) -> None:
    storage.data["key"] = 1
    with pytest.raises(StorageError, match=r"'data' is taken"):
        storage.add_container("json", {"root_dir": str(tmp_path)}, "data")
    delattr(storage, "data")
    assert not hasattr(storage, "data")
    storage.add_container("json", {"root_dir": str(tmp_path)}, "data")
    assert storage.data == {"key": 1}


@pytest.mark.parametrize(
    "name", ["save", "put", "service_id", "channel_id", "strict", "", "a b", "1a", "__dict__"]
)
def test_a_name_that_would_break_the_storage_is_refused(storage: MoobiusStorage, name: str) -> None:
    with pytest.raises(StorageError, match=repr(name)):
        storage.put(name, None)


def test_other_attributes_are_ordinary(storage: MoobiusStorage) -> None:
    storage.note = "mine"
    assert storage.note == "mine"
    with pytest.raises(AttributeError):
        storage.nothing  # noqa: B018 - reading it is the test


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"name": "x"}, "has no 'implementation'"),
        ({"implementation": "json"}, "has no 'name'"),
        ({"implementation": "json", "name": "x", "lode": True}, "has 'lode'; known are .*load"),
        ({"implementation": "mysql", "name": "x"}, "no storage engine 'mysql'"),
        ("json", "must be an object"),
        ({"implementation": "json", "name": "x", "settings": "data"}, "'settings' is a str"),
    ],
)
def test_a_wrong_entry_is_named(entry: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        MoobiusStorage("s", "c", [entry])


@pytest.mark.parametrize("key", ["load", "clear", "strict"])
async def test_a_switch_is_never_guessed(storage: MoobiusStorage, tmp_path: Path, key: str) -> None:
    storage.data["key"] = 1
    wrong = config(tmp_path, "data", **{key: "false"})
    said = f"'{key}' is 'false'; it must be true or false"
    with pytest.raises(ConfigError, match=f"entry 0 of the storage configuration: {said}"):
        MoobiusStorage("service", "channel", wrong)
    with pytest.raises(ConfigError, match=f"entry 0 of the storage configuration: {said}"):
        await MoobiusStorage.aopen("service", "channel", wrong)
    again = MoobiusStorage("service", "channel")
    with pytest.raises(ConfigError, match=f"the container 'data': {said}"):
        again.add_container(**wrong[0])
    with pytest.raises(ConfigError, match=f"the container 'data': {said}"):
        await again.aadd_container(**wrong[0])
    with pytest.raises(ConfigError, match=f"the container 'data': {said}"):
        again.put("data", storage.data.database, **{key: "false"})  # type: ignore[arg-type]
    assert reopened(tmp_path).data == {"key": 1}


@pytest.mark.parametrize(
    ("implementation", "settings", "said"),
    [
        ("json", {"root_dir": 5}, "'root_dir' is 5; it must be the name of a file or folder"),
        ("json", {"root_dir": None}, "'root_dir' is None"),
        ("json", {"fsync": "false"}, "'fsync' is 'false'; it must be true or false"),
        ("sqlite", {"path": 5}, "'path' is 5"),
        ("sqlite", {"fsync": "false"}, "'fsync' is 'false'"),
        ("sqlite", {"timeout": "x"}, "'timeout' is 'x'; it must be a number of seconds, 0 or more"),
        ("redis", {"timeout": 0}, "'timeout' is 0; it must be a number of seconds above 0"),
        ("redis", {"timeout": -1}, "'timeout' is -1"),
        ("redis", {"tls": "false"}, "'tls' is 'false'"),
        ("redis", {"announce": "false"}, "'announce' is 'false'"),
        ("redis", {"host": ["localhost"]}, r"'host' is \['localhost'\]; it must be text"),
    ],
)
async def test_a_wrong_setting_is_named(
    in_folder: Path, implementation: str, settings: dict[str, Any], said: str
) -> None:
    entry = {"implementation": implementation, "name": "x", "settings": settings}
    with pytest.raises(ConfigError, match=f"the settings of the container 'x': {said}"):
        MoobiusStorage("s", "c", [entry])
    with pytest.raises(ConfigError, match=f"the settings of the container 'x': {said}"):
        await MoobiusStorage.aopen("s", "c", [entry])
    assert is_empty(in_folder)


@pytest.mark.parametrize("name", ["save", "a b"])
async def test_a_name_that_is_refused_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    with pytest.raises(StorageError, match=repr(name)):
        MoobiusStorage("s", "c", config(tmp_path, name))
    with pytest.raises(StorageError, match=repr(name)):
        await MoobiusStorage.aopen("s", "c", config(tmp_path, name))
    assert is_empty(tmp_path)


async def test_a_name_is_taken_while_its_container_is_opened(tmp_path: Path) -> None:
    entry: dict[str, Any] = {
        "implementation": "sqlite",
        "name": "x",
        "settings": {"root_dir": tmp_path},
    }
    storage = MoobiusStorage("s", "c")
    first = asyncio.create_task(storage.aadd_container(**entry))
    await asyncio.sleep(0)
    with pytest.raises(StorageError, match="'x' is taken"):
        await storage.aadd_container(**entry, clear=True)
    with pytest.raises(StorageError, match="'x' is taken"):
        storage.add_container(**entry)
    assert not hasattr(storage, "x")
    await first
    assert storage.x == {}
    del storage.x
    (tmp_path / "file").write_text("", "utf-8")
    entry["settings"] = {"root_dir": tmp_path / "file"}
    for _ in range(2):  # a name whose container cannot be opened is free again
        with pytest.raises(StorageError, match="cannot be used"):
            await storage.aadd_container(**entry)


def test_settings_may_be_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    MoobiusStorage("s", "c", [{"implementation": "json", "name": "x"}]).x["a"] = 1
    assert (tmp_path / "service_s/channel_c/x/a.json").exists()


@pytest.mark.defect("D77")
def test_an_engine_that_fails_raises_and_names_the_container() -> None:
    with pytest.raises(StorageError, match=r"'x' cannot be opened: nobody answers"):
        MoobiusStorage("s", "c", [{"implementation": f"{__name__}.Failing", "name": "x"}])


def test_one_broken_record_does_not_hide_the_container(
    storage: MoobiusStorage, tmp_path: Path
) -> None:
    storage.data = {"a": 1, "b": 2}
    (tmp_path / "service_service/channel_channel/data/a.json").write_text("{")
    assert dict(reopened(tmp_path).data) == {"b": 2}


def test_ids_are_free_text(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for text in HOSTILE_KEYS:
        for ids in ((text, "c"), ("s", text)):
            MoobiusStorage(*ids, config(root, "data")).data["key"] = ids
    for text in HOSTILE_KEYS:
        for ids in ((text, "c"), ("s", text)):
            assert MoobiusStorage(*ids, config(root, "data")).data == {"key": ids}
    assert list(tmp_path.iterdir()) == [root]


def test_strict_containers(tmp_path: Path) -> None:
    class Strict(MoobiusStorage):
        strict = True

    assert Strict("s", "c", config(tmp_path, "x")).x.strict_mode
    assert not MoobiusStorage("s", "c", config(tmp_path, "x")).x.strict_mode


@pytest.mark.promise("0-42", "1-38")
def test_the_base_puts_containers_on_any_engine(tmp_path: Path) -> None:
    storage = MagicalStorage()
    storage.put("memory")
    storage.put("kept", JSONDatabase(root_dir=str(tmp_path)))
    storage.memory = {"a": 1}
    storage.kept = {"a": 1}
    assert storage.memory == storage.kept
    storage.__dict__.pop("kept")
    storage.put("kept", JSONDatabase(root_dir=str(tmp_path)), load=True, clear=True)
    assert not storage.kept
    assert list(tmp_path.iterdir()) == []


def test_it_copies_and_pickles(storage: MoobiusStorage, tmp_path: Path) -> None:
    storage.data["key"] = 1
    for twin in (copy.deepcopy(storage), pickle.loads(pickle.dumps(storage))):
        assert twin.data == {"key": 1}
        twin.data = {"key": 2}
        assert reopened(tmp_path).data == {"key": 2}
        twin.data = {"key": 1}


def test_it_shows_itself(storage: MoobiusStorage) -> None:
    assert str(storage) == (
        "moobius.MoobiusStorage(service_id=service, channel_id=channel, "
        "database=['data', 'other'], strict=False)"
    )


# ---- Strict ----


def test_an_entry_may_ask_for_strictness(tmp_path: Path) -> None:
    storage = MoobiusStorage("s", "c", config(tmp_path, "x", strict=True))
    assert storage.x.strict_mode
    storage.put("y", None, strict=True)
    assert storage.y.strict_mode


# ---- Closing ----


def test_closing_stores_what_was_left_over_and_closes_every_engine() -> None:
    storage = MagicalStorage()
    engines = [Closing(), Closing()]
    for name, engine in zip("ab", engines, strict=True):
        storage.put(name, engine)
    engines[0].trouble = "disk full"
    storage.a["key"] = 1
    engines[0].trouble = ""
    with storage as opened:
        assert opened is storage
    assert engines[0].content == {"key": 1}
    assert [engine.closed for engine in engines] == [1, 1]


async def test_closing_in_trouble_says_what_is_lost_and_closes_the_others() -> None:
    storage = MagicalStorage()
    engines = [Closing(), Closing()]
    for name, engine in zip("ab", engines, strict=True):
        storage.put(name, engine)
        engine.trouble = "disk full"
        storage.__dict__[name][f"key of {name}"] = 1
    said = r"not everything could be stored: 'key of a'.*disk full; 'key of b'"
    with pytest.raises(StorageError, match=said):
        storage.close()
    with pytest.raises(StorageError, match=said):
        await storage.aclose()
    assert [engine.closed for engine in engines] == [2, 2]


async def test_closing_names_each_trouble_of_one_container() -> None:
    storage, engine = MagicalStorage(), Closing()
    storage.put("a", engine)
    engine.trouble = "disk full"
    storage.a["key"] = 1
    engine.trouble_of_closing = RuntimeError("will not close")
    both = r"not everything could be stored: 'key' .*disk full; will not close"
    with pytest.raises(StorageError, match=both):
        storage.close()
    with pytest.raises(StorageError, match=both):
        await storage.aclose()


async def test_closing_that_is_cancelled_closes_every_engine_and_logs_what_is_lost(
    monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    monkeypatch.setattr(Closing, "may_wait", True)
    storage = MagicalStorage()
    engines = {name: Hanging() for name in "abc"}
    for name, engine in engines.items():
        storage.put(name, engine)
        engine.trouble = "disk full"
        storage.__dict__[name][f"key of {name}"] = 1
    logged.clear()
    engines["b"].opened.clear()
    closing = asyncio.create_task(storage.aclose())
    await until(engines["b"].hangs.is_set)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert [engine.closed for engine in engines.values()] == [1, 1, 1]
    assert any("not everything could be stored: 'key of a'" in line for line in logged)
    engines["b"].opened.set()


async def test_closing_that_is_cancelled_while_an_engine_closes_closes_the_others_too() -> None:
    storage = MagicalStorage()
    engines = {name: SlowToClose() for name in "abc"}
    for name, engine in engines.items():
        storage.put(name, engine)
    closing = asyncio.create_task(storage.aclose())
    await until(engines["a"].begun.is_set)
    closing.cancel()
    for engine in engines.values():
        engine.let.set()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await until(lambda: [engine.closed for engine in engines.values()] == [1, 1, 1])


@pytest.mark.parametrize("way", ["save", "asave", "assignment"])
async def test_what_is_deleted_meanwhile_does_not_keep_the_rest_from_being_saved(
    monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(Recorder, "may_wait", True)
    storage, engine = MagicalStorage(), Recorder(a=[1], b=[2])
    storage.put("data", engine)
    container = storage.__dict__["data"]
    container["b"].append(3)
    deleting = asyncio.create_task(container.adelete("a"))
    await asyncio.sleep(0)  # it is on its way
    if way == "save":
        storage.save("data")
    elif way == "asave":
        await asyncio.wait_for(storage.asave("data"), PATIENCE)
    else:
        storage.data = container
    await deleting
    assert dict(container) == engine.content == {"b": [2, 3]}


@pytest.mark.parametrize("may_wait", [False, True])
async def test_what_one_container_cannot_store_costs_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch, may_wait: bool
) -> None:
    monkeypatch.setattr(Closing, "may_wait", may_wait)
    storage = MagicalStorage()
    engines = {name: Closing() for name in "abc"}
    changed: dict[str, Any] = {}
    for name, engine in engines.items():
        storage.put(name, engine)
        engine.trouble = "disk full"
        storage.__dict__[name]["key"] = changed if name == "a" else 1
        engine.trouble = ""
    changed["since"] = threading.Lock()  # is never stored
    engines["b"].trouble_of_closing = RuntimeError("will not close")
    with pytest.raises(StorageError, match=r"not everything .* 'key'.*; will not close"):
        await storage.aclose()
    assert [engine.content for engine in engines.values()] == [{}, {"key": 1}, {"key": 1}]
    assert [engine.closed for engine in engines.values()] == [1, 1, 1]
    with pytest.raises(StorageError, match=r"not everything .* 'key'.*; will not close"):
        storage.close()
    assert [engine.closed for engine in engines.values()] == [2, 2, 2]


@pytest.mark.parametrize("implementation", ["json", "sqlite"])
def test_a_closed_storage_can_be_used_again(tmp_path: Path, implementation: str) -> None:
    entry = {"implementation": implementation, "name": "x", "settings": {"root_dir": str(tmp_path)}}
    with MoobiusStorage("s", "c", [entry]) as storage:
        storage.x["a"] = 1
    storage.x["b"] = 2
    storage.close()
    assert MoobiusStorage("s", "c", [entry]).x == {"a": 1, "b": 2}


@pytest.mark.parametrize("name", ["close", "aclose", "asave", "aopen", "aadd_container"])
async def test_a_container_may_be_called_like_what_is_newer_than_its_name(
    tmp_path: Path, name: str
) -> None:
    async with await MoobiusStorage.aopen("s", "c", config(tmp_path, name)) as storage:
        storage.__dict__[name]["a"] = 1
        assert getattr(storage, name) == {"a": 1}
    with MoobiusStorage("s", "c", config(tmp_path, name)) as storage:
        assert getattr(storage, name) == {"a": 1}


# ---- In a coroutine ----


async def test_opening_in_a_coroutine(tmp_path: Path, empty_redis: RedisServer) -> None:
    entries = [
        *config(tmp_path, "data"),
        {"implementation": "redis", "name": "shared", "settings": empty_redis.settings},
    ]
    async with await MoobiusStorage.aopen("s", "c", entries) as storage:
        assert [*storage.__dict__] == ["service_id", "channel_id", "data", "shared"]
        storage.data = storage.shared = {"a": [1], "b": 2}
        storage.shared["a"].append(3)
        await storage.asave("shared")
    async with await MoobiusStorage.aopen("s", "c", db_config=entries) as storage:
        assert repr(storage.shared) == "moobius.CachedDict({'a': [1, 3], 'b': 2})"
    lazy, empty = ([{**entries[1], **how}] for how in ({"load": False}, {"clear": True}))
    assert "loaded=False" in repr((await MoobiusStorage.aopen("s", "c", lazy)).shared)
    assert not (await MoobiusStorage.aopen("s", "c", empty)).shared
    assert not MoobiusStorage("s", "c", entries).shared


async def test_what_is_wrong_is_said_in_a_coroutine_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no 'name'"):
        await MoobiusStorage.aopen("s", "c", [{"implementation": "json"}])
    with pytest.raises(StorageError, match=r"'x' cannot be opened: nobody answers"):
        await MoobiusStorage.aopen(
            "s", "c", [{"implementation": f"{__name__}.Failing", "name": "x"}]
        )
    storage = await MoobiusStorage.aopen("s", "c", config(tmp_path, "data"))
    with pytest.raises(StorageError, match=r"'data' is taken"):
        await storage.aadd_container("json", {"root_dir": str(tmp_path)}, "data")
    with pytest.raises(StorageError, match="no container 'nope'"):
        await storage.asave("nope")


# ---- Two on one place ----


@pytest.mark.parametrize("implementation", ["json", "sqlite", "redis"])
def test_two_storages_on_one_place(
    tmp_path: Path, implementation: str, request: pytest.FixtureRequest
) -> None:
    settings: dict[str, Any] = {"root_dir": str(tmp_path)}
    if implementation == "redis":
        settings = request.getfixturevalue("empty_redis").settings
    entry = {"implementation": implementation, "name": "x", "settings": settings}
    one, other = (MoobiusStorage("s", "c", [entry]) for _ in range(2))
    one.x["new"] = 1
    assert other.x["new"] == 1  # what it does not have in memory it looks for
    one.x["new"] = 2
    assert other.x["new"] == 1
    assert other.x.reload("new") == 2
    one.close()
    other.x["more"] = 3  # closing one does not take the place away from the other
    assert one.x["more"] == 3
    assert MoobiusStorage("s", "c", [entry]).x == {"new": 2, "more": 3}
    assert not MoobiusStorage("s", "another", [entry]).x
