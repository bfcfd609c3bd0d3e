"""Keys, names and types of files, without a file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moobius.local.web.names import (
    LONGEST_KEY,
    LONGEST_NAME,
    content_disposition,
    content_type,
    is_key,
    name_of,
    suffix_of,
)

ID = "00000000-0000-4000-8000-000000000000"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)


@given(TEXTS)
def test_whatever_the_extension_the_key_is_one(extension: str) -> None:
    assert is_key(ID + suffix_of(extension))


@given(st.text(max_size=400))
def test_a_key_is_one_plain_name_in_a_directory(text: str) -> None:
    if is_key(text):
        assert not set(text) & set("/\\\0")
        assert text not in (".", "..")
        assert len(text.encode(errors="replace")) <= LONGEST_KEY


@given(st.text(max_size=400))
def test_whatever_the_name_the_header_is_one_line_of_ascii(given_name: str) -> None:
    name = name_of(given_name)
    assert len(name) <= LONGEST_NAME
    header = content_disposition(f"{ID}.txt", name)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') in (0, 2)
    assert name_of(name) == name


def test_a_long_name_keeps_its_end() -> None:
    assert name_of("x" * 300 + ".tar.gz") == "x" * (LONGEST_NAME - 3) + ".gz"


@pytest.mark.parametrize("given_name", [None, "", "file", "blob", "..", "a/", "\0", "\u202e"])
def test_some_names_are_none(given_name: str | None) -> None:
    assert name_of(given_name) == ""
    assert content_disposition(f"{ID}.bin", name_of(given_name)) == "attachment"


def test_types_are_the_same_on_every_machine() -> None:
    assert content_type("x.js") in ("text/javascript", "application/javascript")
    assert content_type("x.JPEG") == "image/jpeg"
    assert content_type("x.mkv.unheard-of") == "application/octet-stream"
