"""What the doctor looks at on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moobius.database.sqlite_database import SQLiteDatabase
from moobius.devtools import checkup
from moobius.devtools.findings import Finding
from moobius.private_files import runtime_folder
from tests.support.patience import until
from tests.support.program import Program
from tests.support.redis import redis_server, refusing_port
from tests.support.scripts import script


def database(implementation: str, **settings: Any) -> dict[str, Any]:
    return {"implementation": implementation, "name": "notes", "settings": settings}


def storage(*databases: dict[str, Any]) -> list[Finding]:
    return list(checkup.check_storage(list(databases)))


def test_this_python_is_one_of_those_that_are_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checkup.check_python().status == "ok"
    monkeypatch.setattr(checkup, "NEWEST", (3, 9))
    assert checkup.check_python().status == "warning"


def test_a_configuration_is_read_or_what_is_wrong_is_said(in_folder: Path) -> None:
    finding, loaded = checkup.check_configuration("none.json")
    assert (finding.status, loaded) == ("error", None)
    assert "none.json" in finding.detail
    (in_folder / "config.json").write_text('{"order": "member"}', "utf-8")
    finding, loaded = checkup.check_configuration("config.json")
    assert finding.status == "ok" and loaded is not None
    assert loaded.settings.order == "member"
    assert checkup.check_configuration(None)[0].advice == "name it: --config FILE"


def test_engines_are_asked_and_nothing_is_made(in_folder: Path) -> None:
    assert [each.status for each in storage()] == ["ok"]
    good = database("json", root_dir="data/notes")
    assert [each.status for each in storage(good)] == ["ok"]
    assert list(in_folder.iterdir()) == []
    (in_folder / "file").touch()
    (finding,) = storage(database("json", root_dir="file/notes"))
    assert finding.status == "error"
    assert f"{in_folder / 'file'} is no folder that can be written to" in finding.detail
    assert "root_dir" in finding.advice
    (finding,) = storage(database("mongo"))
    assert finding.status == "error" and "no storage engine 'mongo'" in finding.detail
    assert "`implementation`" in finding.advice


@pytest.mark.parametrize("name", ["two words", "save"])
def test_a_name_that_no_container_can_have_is_said(in_folder: Path, name: str) -> None:
    (finding,) = storage({**database("json"), "name": name})
    assert (finding.status, finding.topic) == ("error", f"storage {name}")
    assert repr(name) in finding.detail and "`name`" in finding.advice


def test_two_containers_of_one_name_are_said(in_folder: Path) -> None:
    found = storage(database("json"), database("sqlite"))
    assert [each.status for each in found] == ["ok", "error"]
    assert "'notes' is taken" in found[1].detail


@pytest.mark.parametrize("implementation", ["json", "sqlite"])
def test_a_setting_of_a_wrong_kind_is_said(implementation: str) -> None:
    (finding,) = storage(database(implementation, root_dir=5))
    assert finding.status == "error"
    assert "'root_dir' is 5; it must be the name of a file or folder" in finding.detail


@pytest.mark.parametrize("implementation", ["json", "sqlite"])
@pytest.mark.parametrize("settings", [{}, {"root_dir": "data"}, {"path": "data/x.sqlite3"}])
def test_what_nobody_has_used_yet_is_usable_and_not_made(
    in_folder: Path, implementation: str, settings: dict[str, Any]
) -> None:
    (in_folder / "data").mkdir()
    assert [each.status for each in storage(database(implementation, **settings))] == ["ok"]
    assert list(in_folder.rglob("*")) == [in_folder / "data"]


def test_a_file_of_sqlite_is_read(in_folder: Path) -> None:
    there = SQLiteDatabase("a.b", root_dir="data")
    there.set_value("key", 1)
    there.close()
    (finding,) = storage(database("sqlite", root_dir="data"))
    assert finding.status == "ok"
    there.path.write_text("something else")
    (finding,) = storage(database("sqlite", root_dir="data"))
    assert finding.status == "error" and "not a database" in finding.detail


def test_a_redis_is_asked_whatever_folder_its_settings_name(in_folder: Path) -> None:
    with refusing_port() as port:
        (finding,) = storage(database("redis", port=port, root_dir="nowhere"))
    assert finding.status == "error" and f"localhost:{port}" in finding.detail


def test_a_redis_is_asked_wherever_it_is() -> None:
    with redis_server() as server:
        (finding,) = storage(database("redis", **server.settings))
        assert (finding.status, finding.topic) == ("ok", "storage notes")
    (finding,) = storage(database("redis", **server.settings, password="secret"))
    assert finding.status == "error"
    assert "start the server" in finding.advice
    assert "secret" not in str(finding)


def test_redis_is_looked_for_only_if_nothing_else_asks_it() -> None:
    assert list(checkup.check_redis([database("Redis")])) == []
    (finding,) = checkup.check_redis([])
    assert finding.status == "ok" and "localhost:6379" in finding.detail


def test_the_runtime_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = runtime_folder()
    assert checkup.check_runtime().detail == f"{folder} is made when it is needed"
    folder.mkdir(mode=0o700)
    assert checkup.check_runtime().detail == str(folder)
    folder.chmod(0o777)
    finding = checkup.check_runtime()
    assert finding.status == "warning"
    assert "XDG_RUNTIME_DIR" in finding.advice


async def test_running_services_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checkup.check_services().detail == "none is running"
    async with Program(script(tmp_path, "MoobiusWand().run(Room, name='tea')\n"), "main.py") as it:
        await it.url()
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
        # It says that it is ready before it is written down as running.
        await until(
            lambda: checkup.check_services().detail == "tea (running)",
            lambda: checkup.check_services().detail,
        )
