"""Typed JSON: every type comes back, and nothing but types does."""

import dataclasses
import enum
import json
import math
import subprocess
import sys
import textwrap
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moobius import types
from moobius.errors import UnstorableError
from moobius.typed_json import (
    dump_json,
    dump_jsonable,
    dump_typed,
    from_jsonable,
    load_typed,
    register_type,
    to_jsonable,
)
from tests.support.thorough import times


@dataclass
@types.add_str_method
class Point:
    x: int
    y: Any = None
    doubled: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.doubled = 2 * self.x


@register_type
@dataclass(frozen=True)
class Corner:
    name: str


@dataclass(slots=True)
@register_type
class Slotted:
    x: int


@dataclass
class Stranger:
    x: int


class Colour(str, enum.Enum):
    RED = "red"


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters())  # lone surrogates, too
    | st.binary()
)
keys = scalars | st.tuples(scalars, scalars) | st.builds(Corner, st.text())
marker_words = st.sampled_from(["_moobius_type", "_moobius_val", "_type", "builtins.set"])
values = st.recursive(
    scalars | marker_words,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(keys | marker_words, inner)
        | st.sets(keys)
        | st.frozensets(keys)
        | st.builds(Point, st.integers(), inner)
    ),
    max_leaves=15,
)


def same(left: Any, right: Any) -> bool:
    """Equal, and of equal types all the way down."""
    if type(left) is not type(right) or left != right:
        return False
    if isinstance(left, (list, tuple)):
        return all(map(same, left, right))
    if isinstance(left, dict):
        return [*map(type, left)] == [*map(type, right)] and all(
            map(same, left.values(), right.values())
        )
    return True


@given(values)
def test_every_value_comes_back_with_its_types(value: Any) -> None:
    text = dump_typed(value)
    text.encode()  # it fits into a UTF-8 file
    assert same(load_typed(text), value)
    assert same(load_typed(text.encode()), value)


@pytest.mark.parametrize(
    "value",
    [
        {1: "a", 2.5: "b", None: "c", (1, 2): "d"},
        {"_moobius_type": "os.system", "_moobius_val": "echo"},
        {"_moobius_type": 1},
        [Point(1, Point(2)), (Corner("nw"), {Corner("se")})],
        types.Button("b", "Text", types.Dialog(components=[types.InputComponent("l", "text")])),
        types.Button("b", "Text", {"title": "still a dict"}),  # type: ignore[arg-type]
        bytearray(b"\0\xff"),
        Slotted(3),
    ],
)
def test_chosen_values_come_back(value: Any) -> None:
    assert same(load_typed(dump_typed(value)), value)


@pytest.mark.parametrize("indent", [None, 2])
def test_infinities_and_nan_come_back(indent: int | None) -> None:
    value = {"a": [math.inf, -math.inf, None], "b": {"c": (math.nan, 1.5, "null", True)}}
    back = load_typed(dump_typed(value, indent=indent))
    assert back["a"] == value["a"]
    assert math.isnan(back["b"]["c"][0])
    assert back["b"]["c"][1:] == (1.5, "null", True)
    assert math.isnan(load_typed(dump_typed(math.nan, indent=indent)))


DATACLASSES = [
    cls
    for cls in vars(types).values()
    if isinstance(cls, type) and dataclasses.is_dataclass(cls) and cls.__module__ == "moobius.types"
]


@pytest.mark.parametrize("cls", DATACLASSES)
@settings(max_examples=times(4), deadline=None)
@given(data=st.data())
def test_every_dataclass_of_types_comes_back_whatever_its_fields_hold(
    cls: Any, data: st.DataObject
) -> None:
    made = cls(**{f.name: data.draw(values) for f in dataclasses.fields(cls)})
    assert same(load_typed(dump_typed({"deep": [made]})), {"deep": [made]})
    assert same(vars(load_typed(dump_typed(made))), vars(made))


# The standard library writes some floats in another way: 1e+16 for 1e16.
without_floats = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()) | marker_words,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=15,
)


@given(without_floats)
def test_what_is_written_is_what_the_standard_library_writes(value: Any) -> None:
    jsonable = to_jsonable(value)
    assert dump_jsonable(jsonable) == dump_json(jsonable)
    compact = json.dumps(jsonable, ensure_ascii=False, separators=(",", ":"))
    spaced = json.dumps(jsonable)
    assert dump_jsonable(jsonable, indent=None) in (compact, spaced)


@given(values)
def test_quick_or_not_the_meaning_is_the_same(value: Any) -> None:
    jsonable = to_jsonable(value)
    assert json.loads(dump_jsonable(jsonable)) == json.loads(dump_json(jsonable))


NUMBERS = ["1e400", "-1e400", "-0", "-0.0", "1E5", "0.1e-400", "9" * 400, "9" * 40 + ".5", "NaN"]


@pytest.mark.parametrize(
    "text",
    [*NUMBERS, '"\\ud800"', '"\ud800"', '{"a": 1, "a": 2}', " [1] ", "[-Infinity, null]", '""'],
)
def test_what_is_read_is_what_the_standard_library_reads(text: str) -> None:
    assert repr(load_typed(text)) == repr(json.loads(text))


@pytest.mark.parametrize("text", ["", "[1,]", "01", "1.", '"\x01"', "{", "'a'", "[" * 100_000])
def test_what_is_no_json_is_an_error(text: str) -> None:
    with pytest.raises((ValueError, UnstorableError)):
        load_typed(text)


def test_what_is_converted_is_no_part_of_the_value() -> None:
    value: dict[str, Any] = {"a": [1], "b": {"c": 1}}
    jsonable = to_jsonable(value)
    jsonable["a"].append(2)
    jsonable["b"]["d"] = 2
    assert value == {"a": [1], "b": {"c": 1}}


def test_the_form_on_disk_is_that_of_version_1_8() -> None:
    assert to_jsonable([types.CanvasItem("hello")]) == [
        {
            "_moobius_type": "moobius.types.CanvasItem",
            "_moobius_val": {"text": "hello", "path": None},
        }
    ]
    assert dump_typed({"ä": [1]}) == '{\n  "ä": [\n    1\n  ]\n}'


def test_subclasses_of_built_ins_are_stored_as_the_built_in() -> None:
    assert same(load_typed(dump_typed([Colour.RED, OrderedDict(a=1)])), ["red", {"a": 1}])


def test_the_same_set_is_always_written_the_same_way() -> None:
    one, other = {0, 8}, {8, 0}
    assert list(one) != list(other)  # equal sets that are iterated differently
    assert dump_typed(one) == dump_typed(other)


@pytest.mark.parametrize(
    "name", ["os.system", "builtins.eval", "builtins.print", "subprocess.Popen", "pathlib.Path"]
)
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"a": [x]}, lambda x: [[x]]])
def test_a_marker_never_runs_code(name: str, wrap: Any, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    hostile = {"_moobius_type": name, "_moobius_val": f"touch {trace}"}
    with pytest.raises(UnstorableError, match="not registered"):
        from_jsonable(wrap(hostile))
    assert not trace.exists()


def test_fields_are_named_by_text() -> None:
    fields = {"_moobius_type": "builtins.dict", "_moobius_val": [["x", 1], [2, 3]]}
    for name in ("Point", "Slotted"):
        marked = {"_moobius_type": f"{__name__}.{name}", "_moobius_val": fields}
        with pytest.raises(UnstorableError, match=f"{name}' has a field called 2"):
            from_jsonable(marked)


def test_whatever_a_restorer_raises_names_the_class() -> None:
    register_type(Slotted, names=["old.Slotted"], restore=lambda fields: fields["gone"])
    try:
        with pytest.raises(UnstorableError, match=r"does not fit .*Slotted: 'gone'"):
            from_jsonable({"_moobius_type": "old.Slotted", "_moobius_val": {"x": 1}})
    finally:
        register_type(Slotted)


def test_a_dataclass_of_an_imported_module_is_not_restored_unless_registered() -> None:
    marked = {"_moobius_type": f"{__name__}.Stranger", "_moobius_val": {"x": 1}}
    with pytest.raises(UnstorableError, match=r"Stranger.*add_str_method"):
        from_jsonable(marked)
    with pytest.raises(TypeError, match=r"Stranger.*add_str_method"):
        to_jsonable({"deep": [Stranger(1)]})


@pytest.mark.parametrize("value", [object(), Point, print, 1j, Path(), {Path()}, {1: [object()]}])
def test_what_could_not_be_restored_is_refused_by_name(value: Any) -> None:
    with pytest.raises(UnstorableError, match="cannot be stored"):
        dump_typed(value)


def test_a_value_that_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(UnstorableError, match="contains itself"):
        dump_typed(endless)


@pytest.mark.parametrize(
    "record",
    [
        {"_moobius_type": f"{__name__}.Point", "_moobius_val": {"x": 1, "z": 2}},
        {"_moobius_type": f"{__name__}.Point", "_moobius_val": {}},
        {"_moobius_type": f"{__name__}.Point", "_moobius_val": [1]},
        {"_moobius_type": ["x"], "_moobius_val": 1},
        {"_moobius_type": "builtins.bytes", "_moobius_val": "no base64!"},
        {"_moobius_type": "builtins.set", "_moobius_val": [[1]]},
        {"_moobius_type": "builtins.dict", "_moobius_val": [1]},
        {"_moobius_type": "builtins.tuple", "_moobius_val": None},
    ],
)
def test_a_record_that_does_not_fit_its_type_is_one_clear_error(record: Any) -> None:
    with pytest.raises(UnstorableError):
        load_typed(json.dumps(record))


def test_a_type_may_be_found_by_an_older_name_and_restored_by_its_own_function() -> None:
    register_type(
        Corner, names=["old.module.Edge"], restore=lambda fields: Corner(fields["title"].upper())
    )
    try:
        marked = {"_moobius_type": "old.module.Edge", "_moobius_val": {"title": "n"}}
        assert from_jsonable(marked) == Corner("N")
    finally:
        register_type(Corner, names=["old.module.Edge"])


CLASS_OF_A_SCRIPT = """
    from dataclasses import dataclass
    from moobius import types
    from moobius.typed_json import dump_typed, load_typed

    @dataclass
    @types.add_str_method
    class Score:
        points: int
"""


def run(script: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_class_of_the_start_script_is_found_however_the_script_is_started(
    tmp_path: Path,
) -> None:
    record = tmp_path / "record.json"
    common = textwrap.dedent(CLASS_OF_A_SCRIPT)
    work = textwrap.dedent(
        """
        import sys, pathlib
        record = pathlib.Path(sys.argv[1])
        if record.exists():
            print(repr(load_typed(record.read_text())))
        else:
            record.write_text(dump_typed(Score(3)))
        """
    )
    service, main = tmp_path / "service.py", tmp_path / "main.py"
    service.write_text(common + "if __name__ == '__main__':\n" + textwrap.indent(work, "    "))
    main.write_text("from service import *\n" + work)

    for writer, reader in [(service, service), (service, main), (main, service)]:
        record.unlink(missing_ok=True)
        run(writer, str(record))
        expected_module = "__main__" if writer is service else "service"
        assert json.loads(record.read_text())["_moobius_type"] == f"{expected_module}.Score"
        assert run(reader, str(record)) == "moobius.Score(points=3)"
