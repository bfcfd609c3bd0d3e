"""Signed forms, without a server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moobius.local.model.refusal import Refused
from moobius.local.web.forms import Forms

FIELDS = {"key": "a.txt", "expires": "110.000"}


def test_a_form_is_good_until_it_expires() -> None:
    now = 100.0
    forms = Forms(10.0, lambda: now)
    fields = forms.sign("a.txt")
    now = 109.9
    assert forms.check({**fields, "other": "x"}) == "a.txt"
    now = 110.0
    with pytest.raises(Refused, match="expired"):
        forms.check(fields)


@given(st.dictionaries(st.sampled_from(["key", "expires", "signature"]), st.text(), min_size=1))
def test_a_form_that_was_changed_is_none(changes: dict[str, str]) -> None:
    forms = Forms(10.0, lambda: 100.0)
    fields = forms.sign("a.txt")
    if {**fields, **changes} != fields:
        with pytest.raises(Refused, match="not those"):
            forms.check({**fields, **changes})


def test_key_and_expiry_cannot_change_places() -> None:
    forms = Forms(10.0, lambda: 100.0)
    fields = forms.sign("1\n2")
    moved = {**fields, "key": "2", "expires": f"{fields['expires']}\n1"}
    with pytest.raises(Refused, match="not those"):
        forms.check(moved)


def test_another_process_signs_otherwise() -> None:
    fields = Forms(10.0, lambda: 100.0).sign("a.txt")
    with pytest.raises(Refused, match="not those"):
        Forms(10.0, lambda: 100.0).check(fields)
