"""Reading JSON files, and writing the id of a new service back (sdk.md 2.4)."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from moobius.config_files import Origin, locate, read_json, write_service_id
from moobius.errors import ConfigError, MissingFile

NEW_ID = '"2f1c"'

WITH_A_PLACE = {
    "a null": '{"service_id": null, "channels": []}',
    "an old id": '{"service_id":"old"}',
    "an id with an escaped quote": r'{"service_id": "a\"b", "x": 1}',
    "odd spacing": '{ "service_id" :\t"" ,\n\n"channels":[ ] }\n\n',
    "an indent of four": '{\n    "service_id": "",\n    "channels": [\n        "CH"\n    ]\n}\n',
    "tabs": '{\n\t"channels": [],\n\t"service_id": ""\n}',
    "windows line ends": '{\r\n  "service_id": "",\r\n  "channels": []\r\n}\r\n',
    "a byte order mark": '\ufeff{"service_id": ""}',
    "letters beyond ASCII": '{"name": "Café ☕", "escaped": "\\u00e9", "service_id": ""}',
    "the same words in a text": r'{"note": "\"service_id\": \"\"", "service_id": ""}',
    "the same key deeper down": '{"old": {"service_id": ""}, "service_id": ""}',
    "numbers as they were written": '{"checkin_interval": 3.60e3, "service_id": ""}',
}


@pytest.mark.parametrize("text", WITH_A_PLACE.values(), ids=WITH_A_PLACE.keys())
def test_only_the_value_changes(tmp_path: Path, text: str) -> None:
    path = tmp_path / "service.json"
    path.write_bytes(text.encode())
    write_service_id(Origin(path), "2f1c")
    after = path.read_bytes().decode()
    before, _, behind = after.partition(NEW_ID)
    assert read_json(path)["service_id"] == "2f1c"
    assert after.count(NEW_ID) == 1
    assert text.startswith(before)
    assert text.endswith(behind)
    assert text[len(before) : len(text) - len(behind)] in ("null", '""', '"old"', r'"a\"b"')
    assert {**read_json(path), "service_id": 0} == {
        **json.loads(text.lstrip("\ufeff")),
        "service_id": 0,
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"channels": []}', '{"service_id": "2f1c", "channels": []}'),
        ('{\n    "a": 1\n}\n', '{\n    "service_id": "2f1c",\n    "a": 1\n}\n'),
        ('{\r\n\t"a": 1\r\n}', '{\r\n\t"service_id": "2f1c",\r\n\t"a": 1\r\n}'),
        ('{"a": {"b": {"c": 1}}}', '{"service_id": "2f1c", "a": {"b": {"c": 1}}}'),
        ("{}", '{"service_id": "2f1c"}'),
        ("", '{\n  "service_id": "2f1c"\n}\n'),
    ],
)
def test_a_missing_key_is_put_in_as_the_file_is_written(
    tmp_path: Path, before: str, after: str
) -> None:
    path = tmp_path / "service.json"
    path.write_bytes(before.encode())
    write_service_id(Origin(path), "2f1c")
    assert path.read_bytes().decode() == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '{"service_id": "top", "service_config": {"service_id": "", "a": 1}}',
            '{"service_id": "top", "service_config": {"service_id": "2f1c", "a": 1}}',
        ),
        (
            '{"account_config": {"a": 1}, "service_config": {"a": 1}}',
            '{"account_config": {"a": 1}, "service_config": {"service_id": "2f1c", "a": 1}}',
        ),
        (
            '{"log_config": {}, "service_config": {}}',
            '{"log_config": {}, "service_config": {"service_id": "2f1c"}}',
        ),
        (
            '{\n  "account_config": {"service_id": ""}\n}',
            '{\n  "service_config": {"service_id": "2f1c"},\n'
            '  "account_config": {"service_id": ""}\n}',
        ),
    ],
)
def test_an_inline_part(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(before)
    write_service_id(Origin(path, ("service_config",)), "2f1c")
    assert path.read_text() == after


@pytest.mark.parametrize(
    "before", ['{"service_config": null}', '{"service_config":{"service_id":5}}']
)
def test_where_no_small_change_will_do_the_file_is_written_anew(
    tmp_path: Path, before: str
) -> None:
    path = tmp_path / "config.json"
    path.write_text(before)
    write_service_id(Origin(path, ("service_config",)), "2f1c")
    assert read_json(path) == {"service_config": {"service_id": "2f1c"}}


@pytest.mark.parametrize("now", ['{"service_config": "service.json"}', '["service_config"]'])
def test_a_file_without_a_place_any_more_is_left_alone(tmp_path: Path, now: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(now)
    with pytest.raises(ConfigError, match="no object at"):
        write_service_id(Origin(path, ("service_config",)), "2f1c")
    assert path.read_text() == now


def test_a_file_that_became_no_json_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "service.json"
    path.write_text('{"service_id": ""')
    with pytest.raises(ConfigError, match=r"service\.json, line 1"):
        write_service_id(Origin(path), "2f1c")
    assert path.read_text() == '{"service_id": ""'


def test_writing_is_atomic_and_keeps_permissions_and_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, link = tmp_path / "service.json", tmp_path / "link.json"
    path.write_text('{"service_id": ""}')
    path.chmod(0o600)
    link.symlink_to(path)
    with path.open() as reader:
        write_service_id(Origin(link), "2f1c")
        assert reader.read() == '{"service_id": ""}'  # whoever reads it meanwhile sees the old one
    assert link.is_symlink()
    assert read_json(path) == {"service_id": "2f1c"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        write_service_id(Origin(path), "other")
    assert read_json(path) == {"service_id": "2f1c"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.json", "service.json"]


@pytest.mark.parametrize("text", ["", " \n", "\ufeff", "\ufeff{}"])
def test_an_empty_file_reads_as_an_empty_object(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, "utf-8")
    assert read_json(path) == {}


def test_a_file_that_is_no_json_is_named_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{\n  "a": 1,\n  b\n}')
    with pytest.raises(ConfigError, match=r"x\.json, line 3: not valid JSON"):
        read_json(path)


def test_a_file_that_is_no_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes('{"a": "é"}'.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"x\.json: not UTF-8 at byte 7"):
        read_json(path)


def test_a_file_is_looked_for_here_then_beside_the_file_that_names_it(in_folder: Path) -> None:
    beside = in_folder / "config"
    beside.mkdir()
    (beside / "a.json").touch()
    assert locate("a.json", beside) == beside / "a.json"
    (in_folder / "a.json").touch()
    assert locate("a.json", beside) == Path("a.json")
    assert locate(beside / "a.json") == beside / "a.json"


def test_a_file_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.json").touch()
    assert locate("~/a.json") == tmp_path / "a.json"


@pytest.mark.parametrize("name", ["none.json", "folder"])
def test_a_missing_file_is_named(in_folder: Path, name: str) -> None:
    (in_folder / "folder").mkdir()
    with pytest.raises(MissingFile, match="configuration file not found: ") as caught:
        locate(name)
    assert str(in_folder / name) in str(caught.value)
