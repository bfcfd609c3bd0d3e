"""Engines by name."""

import asyncio
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from moobius import MoobiusStorage
from moobius.database import engines
from moobius.database.cached_dict import CachedDict
from moobius.database.engines import get_engine, register_engine
from moobius.database.json_database import JSONDatabase
from moobius.database.null_database import NullDatabase
from moobius.database.redis_database import RedisDatabase
from moobius.database.sqlite_database import SQLiteDatabase
from moobius.errors import ConfigError, EditConflict


class Mongo(NullDatabase):
    pass


@pytest.fixture(autouse=True)
def same_engines_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(engines, "_engines", dict(engines._engines))
    yield


@pytest.mark.parametrize("name", ["json", "JSON", " json ", "JSONdb", "JSONDatabase"])
def test_the_names_of_json(name: str) -> None:
    assert get_engine(name) is JSONDatabase


@pytest.mark.parametrize("name", ["null", "None", "False", "Nulldb", "NullDatabase", None, False])
@pytest.mark.defect("D76")
def test_the_names_of_null_which_warns(name: Any, logged: list[str]) -> None:
    assert get_engine(name) is NullDatabase
    assert any("nothing will be stored" in line for line in logged)


@pytest.mark.parametrize(
    "name", ["redis", "redi", "RedisDB", "ready", "RedisDatabase", "The Linux one"]
)
def test_the_names_of_redis(name: str) -> None:
    assert get_engine(name) is RedisDatabase


@pytest.mark.parametrize("name", ["sqlite", "SQLite3", "SQLiteDB", "SQLiteDatabase"])
def test_the_names_of_sqlite(name: str) -> None:
    assert get_engine(name) is SQLiteDatabase


def test_an_engine_whose_library_is_missing_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "moobius.database.redis_client", raising=False)
    monkeypatch.delitem(sys.modules, "moobius.database.redis_database", raising=False)
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigError, match=r"'redis' is not available here: .*redis"):
        get_engine("redis")


@pytest.mark.parametrize("name", ["mysql", "", 3, True])
def test_an_unknown_name_is_an_error_that_lists_the_names(name: Any) -> None:
    with pytest.raises(ConfigError, match=r"there are: json, null, redis, sqlite$"):
        get_engine(name)


def test_registering_a_class() -> None:
    register_engine("Mongo", Mongo)
    assert get_engine("mongo") is Mongo
    register_engine("mongo", Mongo)  # a module that is imported twice


def test_registering_as_a_decorator() -> None:
    @register_engine("other")
    class Other(NullDatabase):
        pass

    assert get_engine("OTHER") is Other


def test_registering_a_dotted_path() -> None:
    register_engine("mongo", f"{__name__}.Mongo")
    assert get_engine("mongo") is Mongo


@pytest.mark.parametrize("name", ["json", "RedisDB", " None"])
def test_a_taken_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="another storage engine"):
        register_engine(name, Mongo)


def test_a_class_or_a_dotted_path_may_be_used_at_once() -> None:
    assert get_engine(Mongo) is Mongo
    assert get_engine(f" {__name__}.Mongo ") is Mongo


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("no.such.module.Engine", "not available here"),
        ("moobius.database.json_database.Nothing", "not available here"),
        ("os.system", "no storage engine"),
        (dict, "no storage engine"),
    ],
)
def test_what_is_no_engine_is_refused(wrong: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        get_engine(wrong)


@pytest.fixture
def documented() -> dict[str, Any]:
    """What the programs of the documents make, each as it is written there."""
    document = (Path(__file__).parents[2] / "docs/storage.md").read_text("utf-8")
    programs = re.findall(r"^```python\n([^`]*)^```", document, re.MULTILINE)
    engines = [program for program in programs if "@register_engine" in program]
    assert len(engines) == 2
    made: dict[str, Any] = {"__name__": "documented"}
    for program in engines:
        exec(program, made)
    return made


@pytest.mark.parametrize("implementation", ["attic", "cellar"])
@pytest.mark.usefixtures("documented")
def test_the_engines_that_the_documents_show(implementation: str) -> None:
    entry = {"implementation": implementation, "name": "box"}
    MoobiusStorage("s", "c", [entry]).box["key"] = [1]
    later = MoobiusStorage("s", "c", [entry])
    assert later.box == {"key": [1]}
    del later.box["key"]
    assert MoobiusStorage("s", "c", [entry]).box == {}


async def test_what_the_documented_engine_may_do_more(documented: dict[str, Any]) -> None:
    engine = documented["Cellar"]
    mine, theirs = (CachedDict(engine("shared"), strict_mode=True) for _ in range(2))
    value: list[Any] = [1]
    store = mine.database.prepare_value("key", value)
    value.append("too late")
    assert store() == (True, "key")
    assert theirs["key"] == [1]

    with pytest.raises(EditConflict, match="'key' was changed elsewhere"):
        async with mine.aedit("key") as value:
            value.append("mine")
            theirs["key"] = ["theirs"]
    assert mine["key"] == ["theirs"]
    async with mine.aedit("key") as value:
        value.append("mine")
    assert theirs.reload("key") == ["theirs", "mine"]


async def test_the_documented_engine_is_not_asked_in_vain_by_each(
    documented: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = documented["Cellar"]
    container = CachedDict(engine("far"), strict_mode=True)
    asked: list[Any] = []
    all_wait = threading.Event()
    reach = engine.reach

    def counted(self: Any) -> Any:
        asked.append(self)
        all_wait.wait(20)
        return reach(self)

    monkeypatch.setattr(engine, "reach", counted)
    monkeypatch.setattr(engine, "is_locked", True)
    storing = asyncio.gather(
        *(container.aset(str(number), number) for number in range(3)), return_exceptions=True
    )
    await asyncio.sleep(0)
    all_wait.set()
    answers = await storing
    assert ["the cellar is locked" in str(answer) for answer in answers] == [True] * 3
    assert len(asked) == 1


# ---- Engines that installed packages bring ----


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a distribution with entry points where Python finds it."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install_it(name: str, **engines: str) -> None:
        information = tmp_path / f"{name}-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        )
        lines = [f"{engine} = {target}\n" for engine, target in engines.items()]
        (information / "entry_points.txt").write_text(
            "[moobius.storage_engines]\n" + "".join(lines)
        )

    (tmp_path / "acme_engines.py").write_text(
        "from moobius.database.null_database import NullDatabase\nclass Mongo(NullDatabase): pass\n"
    )
    (tmp_path / "acme_broken.py").write_text("raise RuntimeError('no driver')\n")
    return install_it


@pytest.mark.promise("0-35")
def test_an_installed_package_brings_an_engine(install: Callable[..., None]) -> None:
    install("acme", Mongo="acme_engines:Mongo")
    assert get_engine("mongo").__module__ == "acme_engines"
    assert get_engine(" MONGO ").__name__ == "Mongo"
    entry = {"implementation": "mongo", "name": "box"}
    assert MoobiusStorage("s", "c", [entry]).box == {}
    with pytest.raises(ConfigError, match=r"there are: json, mongo, null, redis, sqlite$"):
        get_engine("mysql")


def test_a_broken_package_is_an_error_only_for_who_wants_it(install: Callable[..., None]) -> None:
    install("acme", fine="acme_engines:Mongo", broken="acme_broken:Engine")
    install("more", absent="acme_engines:Nothing", wrong="os:sep")
    assert get_engine("json") is JSONDatabase
    assert get_engine("fine").__name__ == "Mongo"
    for name, said in [
        ("broken", r"'broken' of acme cannot be loaded from acme_broken:Engine: no driver"),
        ("absent", r"'absent' of more cannot be loaded from acme_engines:Nothing: .*Nothing"),
        ("wrong", r"'os:sep' is no storage engine"),
        ("nothing", r"no storage engine 'nothing'; there are: absent, broken, fine, json, "),
    ]:
        with pytest.raises(ConfigError, match=said):
            get_engine(name)


def test_two_packages_with_one_name_are_told_apart(install: Callable[..., None]) -> None:
    install("acme", mongo="acme_engines:Mongo")
    install("rival", mongo="rival:Mongo")
    with pytest.raises(ConfigError, match=r"several packages .*acme_engines:Mongo, rival:Mongo"):
        get_engine("mongo")
    assert get_engine("acme_engines.Mongo").__name__ == "Mongo"


def test_the_same_package_installed_twice_is_one(install: Callable[..., None]) -> None:
    install("acme", mongo="acme_engines:Mongo")
    install("again", mongo="acme_engines:Mongo")
    assert get_engine("mongo").__name__ == "Mongo"


def test_what_is_registered_comes_before_what_is_installed(install: Callable[..., None]) -> None:
    install("acme", mongo="acme_engines:Mongo", json="acme_engines:Mongo")
    register_engine("mongo", Mongo)
    assert get_engine("mongo") is Mongo
    assert get_engine("json") is JSONDatabase


@pytest.mark.parametrize("path", [".foo", "..", ".", "json.", "os.path", "os.nothing", "no.such"])
def test_a_path_that_leads_nowhere_is_said(path: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(repr(path))):
        get_engine(path)
