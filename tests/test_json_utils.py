"""The 1.8.0 spelling of typed JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from moobius import json_utils, types
from moobius.config import HOSTED_HTTP, HOSTED_WS
from moobius.errors import ConfigError, MissingFile

MARKED = {
    "_moobius_type": "moobius.types.CanvasItem",
    "_moobius_val": {"text": "hi", "path": None},
}


def test_the_marker_keys_have_their_old_names() -> None:
    assert (json_utils._DTYPE, json_utils._DVAL) == ("_moobius_type", "_moobius_val")


def test_the_two_conversions() -> None:
    item = types.CanvasItem("hi")
    assert json_utils.marked_recursive_undataclass([item], True) == [MARKED]
    assert json_utils.marked_recursive_undataclass((item,), False) == [MARKED["_moobius_val"]]
    assert json_utils.marked_recursive_dataclass({"a": [MARKED]}) == {"a": [item]}


def test_saving_and_loading_are_here_too() -> None:
    text = json_utils.enhanced_json_save(None, types.CanvasItem("hi"), indent=2)
    assert json_utils.enhanced_json_load(text.encode()) == types.CanvasItem("hi")


# ---- Files in files ---------------------------------------------------------------------------


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")


def test_names_of_files_are_replaced_by_their_content_at_any_depth(in_folder: Path) -> None:
    write(in_folder / "all.json", {"a": "conf/a.json", "list": [["b.JSON"]]})
    write(in_folder / "conf/a.json", {"beside me": "c.json"})
    write(in_folder / "conf/c.json", [1])
    write(in_folder / "b.JSON", 2)
    wanted = {"a": {"beside me": [1]}, "list": [[2]]}
    assert json_utils.recursive_json_load("all.json") == wanted
    assert json_utils.recursive_json_load({"x": "all.json"}) == {"x": wanted}
    assert json_utils.recursive_json_load([5, None, "text"]) == [5, None, "text"]


def test_a_text_that_only_looks_like_a_file_stays_a_text(in_folder: Path) -> None:
    write(in_folder / "here.json", 1)
    data = {"display name": "Mr .json", "text": "see\nhere.json", "password": "s3cret.JSON"}
    assert json_utils.recursive_json_load(data) == data
    with pytest.raises(MissingFile, match=r"JSON file not found: .*none\.json"):
        json_utils.recursive_json_load("none.json")


def test_a_file_that_contains_itself_is_an_error(in_folder: Path) -> None:
    write(in_folder / "a.json", ["b.json"])
    write(in_folder / "b.json", {"x": "a.json"})
    with pytest.raises(ConfigError, match=r"a\.json contains itself"):
        json_utils.recursive_json_load("a.json")


# ---- One value in a file ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "keys", "value", "after"),
    [
        ('{"a": 1}', ["a"], 2, '{"a": 2}'),
        ('{"a":{"b":{"c":{"d":"x"}}},"e":"é"}', ["a", "b", "c", "d"], "ü",
         '{"a":{"b":{"c":{"d":"ü"}}},"e":"é"}'),
        ('{"a": {"b": {}}}', ["a", "b", "c", "d"], True, '{"a": {"b": {"c": {"d": true}}}}'),
        ('{\n    "a": null\n}\n', ["a"], -1.5e3, '{\n    "a": -1500.0\n}\n'),
        ('{"l": [{"a": 0}, {"a": 0}]}', ["l", 1, "a"], 7, '{"l": [{"a": 0}, {"a": 7}]}'),
        ('{"a": "\\"b\\": 1", "b": 1}', ["b"], None, '{"a": "\\"b\\": 1", "b": null}'),
    ],
)  # fmt: skip
def test_the_rest_of_the_file_stays_as_it_is(
    in_folder: Path, before: str, keys: list[str | int], value: Any, after: str
) -> None:
    path = in_folder / "x.json"
    path.write_text(before, "utf-8")
    json_utils.update_jsonfile("x.json", keys, value)
    assert path.read_text("utf-8") == after
    assert list(in_folder.iterdir()) == [path]


def test_a_list_or_object_lays_the_file_out_again(in_folder: Path) -> None:
    path = in_folder / "x.json"
    path.write_text('{\n    "a": [1],\n    "b": "é"\n}', "utf-8")
    json_utils.update_jsonfile(path, ["a"], {"c": [2]})
    assert json.loads(path.read_text("utf-8")) == {"a": {"c": [2]}, "b": "é"}
    assert '\n    "b": "é"' in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ([], "key_path is empty"),
        (["a", "b"], "no object at a to put b in"),
        (["l", 5, "x"], "no object at l to put 5 in"),
        ([0], "no object at the top to put 0 in"),
    ],
)
def test_a_place_that_is_not_there_leaves_the_file_alone(
    in_folder: Path, keys: list[str | int], words: str
) -> None:
    write(in_folder / "x.json", {"a": 1, "l": []})
    with pytest.raises(ConfigError, match=words):
        json_utils.update_jsonfile("x.json", keys, 1)
    assert json.loads((in_folder / "x.json").read_text()) == {"a": 1, "l": []}
    with pytest.raises(MissingFile, match=r"none\.json"):
        json_utils.update_jsonfile("none.json", ["a"], 1)


# ---- The whole configuration ------------------------------------------------------------------


def test_get_config_fills_in_the_defaults_and_says_where_the_id_goes(in_folder: Path) -> None:
    write(in_folder / "service.json", {"channels": ["CH"], "mine": 1})
    write(in_folder / "config.json", {"service_config": "service.json", "db_config": []})
    config, place = json_utils.get_config("config.json", {"email": "a@b.c", "password": "p"})
    assert list(config) == ["account_config", "service_config", "db_config", "log_config"]
    assert config["account_config"] == {"email": "a@b.c", "password": "p"}
    service = config["service_config"]
    assert (service["channels"], service["mine"], service["service_id"]) == (["CH"], 1, "")
    assert (service["http_server_uri"], service["ws_server_uri"]) == (HOSTED_HTTP, HOSTED_WS)
    assert (service["others"], service["checkin_interval"]) == ("include", 3600)
    assert config["log_config"]["log_level"] == "INFO"
    assert config["log_config"]["error_log_level"] == "WARNING"
    assert place == ["service.json", ["service_id"]]
    json_utils.update_jsonfile(place[0], place[1], "SVC")
    assert json_utils.get_config("config.json")[0]["service_config"]["service_id"] == "SVC"


def test_get_config_of_an_inline_part_and_of_no_file(in_folder: Path) -> None:
    write(in_folder / "config.json", {"service_config": {}})
    assert json_utils.get_config("config.json")[1] == [
        "config.json",
        ["service_config", "service_id"],
    ]
    assert json_utils.get_config({"service_config": {}})[1] is None
