"""Records as versions 0.0.1 and 1.3 wrote them, literally."""

from typing import Any

import pytest

from moobius import types
from moobius.database.json_database import JSONDatabase
from moobius.errors import BrokenRecord

KINDS: list[tuple[str, Any, str]] = [
    # as JSON, the value, the type's bare name
    ("null", None, "NoneType"),
    ("true", True, "bool"),
    ("3", 3, "int"),
    ("2.5", 2.5, "float"),
    ('"text"', "text", "str"),
    ("[1, [2]]", [1, [2]], "list"),
    ("[1, 2]", (1, 2), "tuple"),
    ('{"a": {"b": 1}}', {"a": {"b": 1}}, "dict"),
]


@pytest.mark.parametrize(("text", "value", "kind"), KINDS)
@pytest.mark.parametrize("prefix", ["builtins.", ""], ids=["1.3", "0.0.1"])
def test_built_ins(tmp_path: Any, text: str, value: Any, kind: str, prefix: str) -> None:
    (tmp_path / "ada.json").write_text(f'{{\n    "ada": {text},\n    "_type": "{prefix}{kind}"\n}}')
    found, stored = JSONDatabase(root_dir=str(tmp_path)).get_value("ada")
    assert found
    assert type(stored) is type(value)
    assert stored == value


@pytest.mark.parametrize("kind", ["moobius.types.Character", "Character"])
def test_dataclasses(tmp_path: Any, kind: str) -> None:
    (tmp_path / "ada.json").write_text(
        '{"ada": {"character_id": "id", "name": "Ada", "avatar": null}, "_type": "' + kind + '"}'
    )
    database = JSONDatabase(root_dir=str(tmp_path))
    assert database.get_value("ada") == (True, types.Character("id", "Ada"))


@pytest.mark.parametrize(
    "text",
    [
        '{"ada": "touch trace", "_type": "os.system"}',
        '{"ada": "touch trace", "_type": "builtins.eval"}',
        '{"ada": {"x": 1}, "_type": "Nobody"}',
        '{"ada": 1, "_type": "dict"}',
        '{"ada": 1, "_type": 1}',
        '{"ada": 1, "_type": "moobius.types.Character"}',
    ],
)
def test_anything_else_is_a_broken_record(tmp_path: Any, text: str) -> None:
    (tmp_path / "ada.json").write_text(text)
    with pytest.raises(BrokenRecord, match=r"'ada' in .*ada\.json"):
        JSONDatabase(root_dir=str(tmp_path)).get_value("ada")


def test_a_record_is_rewritten_in_the_form_of_today(tmp_path: Any) -> None:
    file = tmp_path / "ada.json"
    file.write_text('{"ada": [1], "_type": "list"}')
    database = JSONDatabase(root_dir=str(tmp_path))
    database.set_value("ada", database.get_value("ada")[1])
    assert file.read_text() == "[\n  1\n]"


def test_a_record_of_version_1_8_with_such_keys_elsewhere_is_no_old_record(tmp_path: Any) -> None:
    (tmp_path / "ada.json").write_text('{"bob": 1, "_type": "cat"}')
    database = JSONDatabase(root_dir=str(tmp_path))
    assert database.get_value("ada") == (True, {"bob": 1, "_type": "cat"})


@pytest.mark.parametrize("kind", ["OrderedDict", "defaultdict", "Counter"])
@pytest.mark.parametrize("prefix", ["collections.", ""], ids=["1.3", "0.0.1"])
def test_subclasses_of_dict_are_dicts(tmp_path: Any, kind: str, prefix: str) -> None:
    (tmp_path / "ada.json").write_text(f'{{"ada": {{"a": 1}}, "_type": "{prefix}{kind}"}}')
    assert JSONDatabase(root_dir=str(tmp_path)).get_value("ada") == (True, {"a": 1})
