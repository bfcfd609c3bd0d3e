"""ls, get, set, copy and check."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from moobius import MoobiusStorage
from moobius.storage_cli.stores import Store
from tests.support.redis import RedisServer, refusing_port

from .conftest import ENTRIES, Moobius


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


# ---- ls ----


def test_ls_lists_containers(project: Path, moobius: Moobius) -> None:
    status, said, _ = moobius("ls")
    assert status == 0
    assert said.splitlines() == [
        "s/one/box         1 record  json (root_dir=data)",
        "s/one/scores     2 records  json (root_dir=data)",
        "s/two/box        4 records  json (root_dir=data)",
    ]
    _, said, _ = moobius("ls", "--json")
    assert json.loads(said)[1] == {"container": "s/one/scores", "engine": "json", "records": 2}


def test_ls_lists_keys_so_that_they_can_be_typed(project: Path, moobius: Moobius) -> None:
    assert moobius("ls", "scores")[1] == "ada\nbob\n"
    _, said, _ = moobius("ls", "two/box")
    assert sorted(said.splitlines()) == ['" x "', '""', '"\\""', '"a\\nb"']
    for key in said.splitlines():
        assert moobius("get", "two/box", key)[0] == 0
    assert sorted(json.loads(moobius("ls", "two/box", "--json")[1])) == ["", " x ", '"', "a\nb"]


# ---- get and set ----


def test_get_shows_what_set_takes(project: Path, moobius: Moobius) -> None:
    for place, key in [("scores", "bob"), ("one/box", "key")]:
        for how in [[], ["--json"]]:
            status, said, _ = moobius("get", place, key, *how)
            assert status == 0
            assert moobius("set", "new/channel/box", "copy", said) == (0, "", "")
            assert moobius("get", "new/channel/box", "copy", *how)[1] == said
    assert MoobiusStorage("new", "channel", ENTRIES).box == {"copy": (1, None)}


def test_get_shows_a_whole_container(project: Path, moobius: Moobius) -> None:
    status, said, _ = moobius("get", "scores", "--json")
    assert status == 0
    assert json.loads(said)["ada"] == [1, 2]
    (project / "data/service_s/channel_one/scores/bob.json").write_text("{")
    status, said, complaint = moobius("get", "scores", "--json")
    assert (status, json.loads(said)) == (1, {"ada": [1, 2]})
    assert "'bob'" in complaint
    assert moobius("get", "scores", "bob")[0] == 1


def test_half_a_surrogate_can_be_shown(project: Path, moobius: Moobius) -> None:
    MoobiusStorage("s", "one", ENTRIES).box["\ud800"] = "\udfff"
    assert '"\\ud800"' in moobius("ls", "one/box")[1]
    assert moobius("get", "one/box", '"\\ud800"')[1] == '"\\udfff"\n'


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("text", "'\"text\"'"),
        ("", "not JSON"),
        ('{"_moobius_type": "os.system", "_moobius_val": "x"}', "not registered"),
    ],
)
def test_a_wrong_value_is_said_and_changes_nothing(
    project: Path, moobius: Moobius, value: str, said: str
) -> None:
    before = contents(project)
    status, _, complaint = moobius("set", "scores", "ada", value)
    assert status == 1
    assert complaint.startswith("moobius storage: ")
    assert said in complaint
    assert complaint.count("\n") == 1
    assert contents(project) == before


def test_a_write_that_fails_is_said(project: Path, moobius: Moobius) -> None:
    with refusing_port() as port:
        there = ("--engine", "redis", "--setting", f"port={port}")
        status, _, complaint = moobius("set", *there, "s/c/x", "k", "1")
        assert status == 1
        assert str(port) in complaint
        status, _, complaint = moobius("ls", *there[:4])
    assert status == 1
    assert f"moobius storage: redis at localhost:{port}: its containers cannot be" in complaint


# ---- check ----


def test_check_names_what_is_broken_and_changes_nothing(project: Path, moobius: Moobius) -> None:
    assert moobius("check") == (0, "7 records in 3 containers read, 0 broken\n", "")
    (project / "data/service_s/channel_one/scores/bob.json").write_text("{")
    (project / "data/service_s/channel_two/box/bad.json").write_text('{"_moobius_type": 1}')
    unknown = {"_moobius_type": "nowhere.Score", "_moobius_val": {}}
    (project / "data/service_s/channel_two/box/worse.json").write_text(json.dumps(unknown))
    left = project / "data/service_s/channel_one/scores/.0123456789abcdef.tmp"
    left.write_text("what a killed process left")
    os.utime(left, (0, 0))
    before = contents(project)
    status, said, _ = moobius("check")
    assert status == 1
    *broken, summary = said.splitlines()
    assert [line.split(": ")[0] for line in broken] == ["s/one/scores  bob", "s/two/box  worse"]
    assert "nowhere.Score" in broken[1]
    assert summary == "9 records in 3 containers read, 2 broken"
    assert moobius("check", "one/box") == (0, "1 record in 1 container read, 0 broken\n", "")
    answer = json.loads(moobius("check", "--json")[1])
    assert answer["records"] == 9
    assert [(r["container"], r["key"]) for r in answer["broken"]] == [
        ("s/one/scores", "bob"),
        ("s/two/box", "worse"),
    ]
    assert contents(project) == before


# ---- copy ----


def everything(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    storages = [MoobiusStorage("s", channel, entries) for channel in ("one", "two")]
    return [dict(container) for s in storages for container in (s.scores, s.box)]


def test_a_store_moves_from_engine_to_engine(
    project: Path, moobius: Moobius, empty_redis: RedisServer
) -> None:
    redis = empty_redis.settings
    where: list[tuple[str, dict[str, Any], set[str]]] = [
        ("json", {"root_dir": "data"}, set()),
        ("sqlite", {"root_dir": "data"}, {"root_dir"}),
        ("redis", {"root_dir": "data", **redis}, {*redis}),
        ("json", {"root_dir": "new", **redis}, {"root_dir"}),
    ]
    for (source, its, _), (target, settings, known) in pairwise(where):
        given = [part for k, v in its.items() for part in ("--setting", f"{k}={v}")]
        told = [part for k, v in settings.items() for part in ("--to-setting", f"{k}={v}")]
        status, said, _ = moobius("copy", "--engine", source, *given, "--to", target, *told)
        assert status == 0
        entry = {
            "implementation": target,
            "settings": {k: settings[k] for k in settings if k in known},
        }
        assert said.splitlines() == [
            "7 records in 3 containers copied",
            f"to use box, scores, let the configuration say {json.dumps(entry)[1:-1]}",
        ]
        entries = [{**e, "implementation": target, "settings": settings} for e in ENTRIES]
        assert everything(entries) == everything(ENTRIES)


def test_one_container_may_be_copied(project: Path, moobius: Moobius) -> None:
    status, said, _ = moobius("copy", "one/box", "--to", "sqlite", "--json")
    assert (status, json.loads(said)) == (0, {"containers": 1, "records": 1, "broken": []})
    assert "s/one/box" in moobius("ls", "--engine", "sqlite", "--root-dir", "data")[1]


def test_records_that_are_there_are_not_overwritten_unasked(
    project: Path, moobius: Moobius
) -> None:
    entries = [{**e, "implementation": "sqlite"} for e in ENTRIES]
    MoobiusStorage("s", "two", entries).box["old"] = 1
    status, _, complaint = moobius("copy", "--to", "sqlite")
    assert status == 1
    assert "s/two/box has 1 record in sqlite (root_dir=data) already; --overwrite" in complaint
    assert MoobiusStorage("s", "one", entries).scores == {}  # nothing was begun
    assert moobius("copy", "--to", "sqlite", "--overwrite")[0] == 0
    assert len(MoobiusStorage("s", "two", entries).box) == 5


def test_what_is_broken_is_named_and_the_rest_is_copied(project: Path, moobius: Moobius) -> None:
    (project / "data/service_s/channel_one/scores/bob.json").write_text("{")
    status, said, complaint = moobius("copy", "--to", "sqlite")
    assert status == 1
    assert "6 records in 3 containers copied" in said
    assert "not copied: " in complaint
    assert "'bob'" in complaint


def test_nothing_is_copied_onto_itself_or_nowhere(project: Path, moobius: Moobius) -> None:
    before = contents(project)
    for arguments, said in [
        (["--to", "JSONdb"], "onto itself"),
        (["--to", "json", "--to-setting", "root_dir=./data"], "onto itself"),
        (["--to", "nosql"], "no storage engine 'nosql'"),
        (["--to", "sqlite", "--to-setting", "x"], "NAME=VALUE"),
    ]:
        status, _, complaint = moobius("copy", *arguments)
        assert status == 1
        assert said in complaint
    assert contents(project) == before


def test_a_store_that_loses_what_it_takes_is_noticed(project: Path, moobius: Moobius) -> None:
    forgetful = "moobius.database.null_database.NullDatabase"
    status, _, complaint = moobius("copy", "--to", forgetful)
    assert status == 1
    assert "is not as it was written" in complaint


@pytest.mark.parametrize("name", ["null", "None", "NullDB"])
def test_an_engine_that_keeps_nothing_is_refused(
    project: Path, moobius: Moobius, name: str, log: list[str]
) -> None:
    status, _, complaint = moobius("copy", "--to", name)
    assert (status, complaint) == (
        1,
        f"moobius storage: the engine {name!r} keeps nothing; choose another one\n",
    )
    assert log == []


def test_copy_says_for_each_store_how_to_use_it(project: Path, moobius: Moobius) -> None:
    entries = [{**ENTRIES[0], "settings": {"root_dir": "elsewhere"}}, ENTRIES[1]]
    MoobiusStorage("s", "one", entries).scores = {"ada": 1}
    (project / "config/db.json").write_text(json.dumps(entries), "utf-8")
    assert moobius("copy", "--to", "sqlite")[1].splitlines()[1:] == [
        'to use scores, let the configuration say "implementation": "sqlite", '
        '"settings": {"root_dir": "elsewhere"}',
        'to use box, let the configuration say "implementation": "sqlite", '
        '"settings": {"root_dir": "data"}',
    ]


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({"password": "hunter2", "db": 3}, '{"db": 3} (the password is left out)'),
        ({"sentinel_password": "hunter2"}, "{} (the password is left out)"),
        (
            {"url": "redis://:hunter2@localhost"},
            '{"url": "redis://:****@localhost"} (the password is left out)',
        ),
        ({"db": 3}, '{"db": 3}'),
    ],
)
def test_a_password_is_left_out_of_what_to_configure(settings: dict[str, Any], shown: str) -> None:
    said = Store("redis", {**settings, "root_dir": "data"}).as_configured()
    assert said == f'"implementation": "redis", "settings": {shown}'


def test_an_engine_that_does_not_say_what_it_knows_gets_everything() -> None:
    attic = "tests.database.attic.Attic"
    assert '"settings": {"root_dir": "data"}' in Store(attic, {"root_dir": "data"}).as_configured()


# ---- What is typed wrong, and who reads ----


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"settings": "data"}, "entry 0 of config/db.json: 'settings' is a str"),
        ({"settings": {"root_dir": 5}}, "the settings of json (root_dir=5): 'root_dir' is 5"),
        ({"clear": "false"}, "entry 0 of config/db.json: 'clear' is 'false'"),
        (
            {"implementation": "redis", "settings": {"timeout": 0}},
            "the settings of redis (timeout=0): 'timeout' is 0",
        ),
    ],
)
def test_a_wrong_configuration_is_named(
    project: Path, moobius: Moobius, entry: dict[str, Any], said: str
) -> None:
    (project / "config/db.json").write_text(json.dumps([{**ENTRIES[0], **entry}]), "utf-8")
    for task in ("ls", "check"):
        status, _, complaint = moobius(task)
        assert status == 1
        assert complaint.startswith("moobius storage: ")
        assert said in complaint
        assert complaint.count("\n") == 1


def test_a_reader_that_has_enough_is_no_error(project: Path) -> None:
    read, write = os.pipe()
    os.close(read)  # as `head -0` does
    with os.fdopen(write, "wb") as closed:
        command = [sys.executable, "-m", "moobius", "storage", "ls"]
        done = subprocess.run(
            command, stdout=closed, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (1, b"")
