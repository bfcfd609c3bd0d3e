"""Every decision, every row of appendix A and every scenario names the tests that prove it.

The table is `proofs.txt`; here it is held complete, and to tests that there are.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TABLE = Path(__file__).with_name("proofs.txt")
TEST = re.compile(r"^(?:async )?def (test_\w+)\(", re.MULTILINE)

# How many there are: the decisions of platform.md 7, the rows of its appendices A and C.
COUNTS = {"Q": 45, "A": 13, "C": 14}


def rows() -> list[tuple[str, list[str]]]:
    """Return (id, tests) for every line of the table."""
    lines = TABLE.read_text("utf-8").splitlines()
    found = [line.split("\t") for line in lines if line and not line.startswith("#")]
    assert all(len(row) == 3 for row in found), "a line is: id, tab, words, tab, tests"
    return [(number, tests.split()) for number, _, tests in found]


def test_each_has_a_row_in_order() -> None:
    wanted = [f"{kind}{n}" for kind, count in COUNTS.items() for n in range(1, count + 1)]
    assert [number for number, _ in rows()] == wanted


@pytest.mark.parametrize(("number", "tests"), rows(), ids=[number for number, _ in rows()])
def test_its_tests_are_there(number: str, tests: list[str]) -> None:
    assert tests
    for test in tests:
        file, _, name = test.partition("::")
        assert name in TEST.findall((TESTS / file).read_text("utf-8")), f"{number}: no {test}"


def test_a_scenario_in_its_name_is_in_its_row() -> None:
    """A test that calls itself after a decision or a scenario is listed with that."""
    listed = dict(rows())
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for name in TEST.findall(path.read_text("utf-8")):
            if named := re.match(r"test_([qc])_?(\d+)_", name):
                number = "".join(named.groups()).upper()
                assert f"conformance/{path.name}::{name}" in listed[number], name
