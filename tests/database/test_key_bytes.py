"""Any text as bytes and any bytes as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moobius.database.key_bytes import foreign_bytes, to_bytes, to_text

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT)
def test_text_comes_back(text: str) -> None:
    assert to_text(to_bytes(text)) == text


@given(st.binary())
def test_bytes_that_are_no_text_are_found_again_by_theirs(raw: bytes) -> None:
    text = to_text(raw)
    assert raw == (foreign_bytes(text) or to_bytes(text))


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("", None),
        ("Ada", None),
        ("\xe9 😀", None),
        ("\ud800", None),
        ("\udcff", b"\xff"),
        ("a\udcffb", b"a\xffb"),
        ("\udcc3\udca9", None),  # would be the bytes of another text
    ],
)
def test_only_text_of_other_bytes_has_some(text: str, raw: bytes | None) -> None:
    assert foreign_bytes(text) == raw
