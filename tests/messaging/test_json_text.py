"""JSON on the wire: what may come in, and in which encodings."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moobius.errors import ProtocolError
from moobius.messaging.json_text import from_json, text_encoding, to_json


def parse(raw: bytes, max_depth: int | None = 100, encoding: str = "utf-8") -> object:
    return from_json(raw, "content", encoding=encoding, max_depth=max_depth)


@pytest.mark.parametrize("depth", [1, 99, 100, 101, 50_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth_is_counted_exactly(depth: int, opening: bytes, closing: bytes) -> None:
    raw = opening * depth + b"1" + closing * depth
    if depth <= 100:
        assert parse(raw)
    else:
        with pytest.raises(ProtocolError, match="nests"):
            parse(raw)


def test_many_brackets_side_by_side_or_in_text_are_not_depth() -> None:
    assert parse(b"[" + b"[]," * 500 + b"[]]")
    assert parse(b'["' + b"[{" * 500 + b'\\"' + b"[" * 500 + b'"]')


def test_without_a_limit_the_decoder_itself_may_give_up() -> None:
    with pytest.raises(ProtocolError):
        parse(b"[" * 500_000, max_depth=None)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("utf-8", "utf-8"),
        ("UTF8", "utf_8"),
        ("us-ascii", "ascii"),
        ("ISO-8859-1", "latin_1"),
        ("utf-16", "utf_16"),
        ("UTF-32", "utf_32"),
        ("windows-1251", "cp1251"),
    ],
)
def test_the_encodings_that_are_accepted_and_their_aliases(name: str, codec: str) -> None:
    assert text_encoding(name) == codec


@pytest.mark.parametrize(
    "name", ["hex", "idna", "utf-7", "no\0such", "ütf-8", "", None, 8, ["utf-8"]]
)
def test_no_other_encoding_is(name: object) -> None:
    with pytest.raises(ProtocolError, match="not accepted"):
        text_encoding(name)


@pytest.mark.parametrize("encoding", ["utf_16", "utf_32", "cp1251"])
def test_depth_is_counted_in_every_encoding(encoding: str) -> None:
    with pytest.raises(ProtocolError, match="nests 101 deep"):
        parse(("[" * 101 + '"ж"' + "]" * 101).encode(encoding), encoding=encoding)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_garbage_is_parsed_or_refused(raw: bytes) -> None:
    try:
        parse(raw)
    except ProtocolError:
        return


def test_what_json_cannot_hold() -> None:
    circle: list[object] = []
    circle.append(circle)
    for wrong, kind in (
        (object(), TypeError),
        (circle, ValueError),
        ("\ud800", UnicodeEncodeError),
    ):
        with pytest.raises(kind):
            to_json(wrong)


@pytest.mark.parametrize("end", ["", "\\", '"'])
def test_a_string_that_never_ends_is_searched_once(end: str) -> None:
    # In a search that begins again at each of these quotes, this takes hours.
    with pytest.raises(ProtocolError, match="nests 101 deep"):
        parse(("[" * 101 + '"' + '\\"' * 1_000_000 + end).encode())
