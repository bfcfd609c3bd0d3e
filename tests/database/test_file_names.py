"""Any text as a file name, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moobius.database.file_names import decode, encode, spellings

from .hostile import HOSTILE_KEYS

any_text = st.text(st.characters(), max_size=300) | st.sampled_from(HOSTILE_KEYS)


@pytest.mark.parametrize(
    "key",
    [
        "a",
        "Alice",
        "user_1",
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "ada@example.com",
        "two words",
        "v1.2",
        "你好",
        "Zoë",
    ],
)
def test_ordinary_keys_stay_as_they_are(key: str) -> None:
    assert encode(key) == key
    assert decode(key) == key


@given(any_text, st.booleans())
def test_a_name_is_safe_and_gives_its_key_back(key: str, fold_case: bool) -> None:
    name = encode(key, fold_case=fold_case)
    assert name
    assert not set(name) & set('/\\\0:*?"<>|\n')
    assert name[0] not in ". "
    assert name[-1] not in ". "
    assert len(name.encode()) <= 200
    assert decode(name) == (None if name.startswith("%~") else key)


@given(any_text, any_text, st.booleans())
def test_different_keys_have_different_names(one: str, other: str, fold_case: bool) -> None:
    names = [encode(one, fold_case=fold_case), encode(other, fold_case=fold_case)]
    if fold_case:
        names = [name.casefold() for name in names]
    assert (names[0] == names[1]) == (one == other)


def test_case_twins_differ_where_the_file_system_folds_case() -> None:
    assert len({encode(key, fold_case=True).lower() for key in ("Ada", "ada", "ADA", "aDA")}) == 4


@pytest.mark.parametrize("key", ["CON", "con", "Nul.txt", "com1", "LPT9 .x", "aux"])
def test_names_that_windows_reserves_are_not_used(key: str) -> None:
    assert encode(key).startswith("%")


@pytest.mark.parametrize("name", ["50%", "a%zz", "50%25x%", "%C3%A9", "%2F", "[x]", "a:b", ".x"])
def test_a_name_we_never_write_is_an_old_key_itself(name: str) -> None:
    assert decode(name) == name


@given(any_text, st.booleans())
def test_every_name_under_which_a_key_may_be(key: str, fold_case: bool) -> None:
    names = spellings(key, fold_case=fold_case)
    assert names[0] == encode(key, fold_case=fold_case)
    assert encode(key, fold_case=not fold_case) in names
    assert len(set(names)) == len(names)
    assert {decode(name) for name in names} <= {key, None}
    if decode(key) == key:
        assert key in names
