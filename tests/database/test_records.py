"""A value as text, and back. (What values there are: `test_every_engine.py`; old forms:
`test_old_records.py`.)
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moobius.database.records import decode_record, encode_record
from moobius.errors import BrokenRecord, UnstorableError


def test_a_record_is_readable_json() -> None:
    assert encode_record("key", {"name": "Ädä", "n": [1]}) == '{"name":"Ädä","n":[1]}'
    assert encode_record("key", [1], indent=2) == "[\n  1\n]"


def test_a_record_may_say_its_key() -> None:
    text = encode_record("key", (1,), with_key=True)
    assert json.loads(text)[0] == "key"
    assert decode_record("key", text, "here", with_key=True) == (1,)
    with pytest.raises(BrokenRecord, match="list of key and value"):
        decode_record("key", "7", "here", with_key=True)
    with pytest.raises(BrokenRecord, match="record of another key"):
        decode_record("other", text, "here", with_key=True)


@pytest.mark.parametrize("raw", ['{"a": 1}', b'{"a": 1}', b'\xef\xbb\xbf{"a": 1}'])
def test_text_and_bytes_are_read(raw: Any) -> None:
    assert decode_record("key", raw, "here") == {"a": 1}


def test_a_value_that_looks_like_an_old_record_comes_back_as_it_was() -> None:
    value = {"key": 1, "_type": "builtins.str"}
    assert decode_record("key", encode_record("key", value), "here") == value
    assert decode_record("key", '{"key": 1, "_type": "builtins.int"}', "here") == 1


@pytest.mark.parametrize("raw", ["", "{", b"\xff\xff\xff", "[" * 100_000, 7, None])
def test_what_cannot_be_read_is_one_error_that_says_which_and_where(raw: Any) -> None:
    with pytest.raises(BrokenRecord, match=r"the record 'key' in the attic cannot be read: ."):
        decode_record("key", raw, "the attic")


def test_what_cannot_be_stored_is_an_error_that_names_the_key() -> None:
    with pytest.raises(UnstorableError, match=r"'key' not stored: .*complex"):
        encode_record("key", [1j])
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(UnstorableError, match=r"'key' not stored: .*contains itself"):
        encode_record("key", endless)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(UnstorableError, match=r"'key' not stored: .*nested very deeply"):
        encode_record("key", deep)


PAIRS = '{"_moobius_type": "builtins.dict", "_moobius_val": [[1, 2]]}'


@pytest.mark.parametrize(
    "raw",
    [
        f'{{"_moobius_type": "moobius.types.MenuItem", "_moobius_val": {PAIRS}}}',
        '{"_moobius_type": "builtins.dict", "_moobius_val": [[[], 1]]}',
        f'{{"key": {10**400}, "_type": "float"}}',
    ],
    ids=["fields", "keys", "number"],
)
def test_junk_is_a_broken_record_too(raw: str) -> None:
    with pytest.raises(BrokenRecord, match="'key' in here cannot be read"):
        decode_record("key", raw, "here")


NAMES = ["Character", "MenuItem", "Button", "MessageBody", "Group", "CanvasItem"]
KINDS = ["dict", "tuple", "set", "frozenset", "bytes", "bytearray"]
names = st.sampled_from(
    [*(f"moobius.types.{name}" for name in NAMES), *(f"builtins.{kind}" for kind in KINDS), "list"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)


def made_of(junk: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    words = st.sampled_from(["key", "_type", "name", "text", "character_id", "items"])
    return (
        st.lists(junk, max_size=3)
        | st.dictionaries(words, junk, max_size=3)
        | st.fixed_dictionaries({"_moobius_type": names | scalars, "_moobius_val": junk})
        | st.fixed_dictionaries({"_type": names | scalars, "key": junk})
    )


@given(st.recursive(scalars, made_of, max_leaves=12))
def test_any_json_is_a_value_or_a_broken_record(junk: Any) -> None:
    try:
        value = decode_record("key", json.dumps(junk), "here")
    except BrokenRecord:
        return
    encode_record("key", value)
