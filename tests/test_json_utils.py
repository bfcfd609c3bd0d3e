"""The 1.8.0 spelling of typed JSON."""

from moobius import json_utils, types

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
