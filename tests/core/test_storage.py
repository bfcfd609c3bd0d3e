"""The older import path leads to the same class."""

import moobius
from moobius.core.storage import MoobiusStorage


def test_it_is_the_one_storage() -> None:
    assert MoobiusStorage is moobius.MoobiusStorage
