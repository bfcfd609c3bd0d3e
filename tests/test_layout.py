"""The tests mirror the source, file for file: whoever opens a module knows where its tests are."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "moobius"


def test_every_module_has_its_tests() -> None:
    modules = [path for path in SOURCE.rglob("*.py") if not path.name.startswith("_")]
    assert len(modules) > 50
    expected = {path: path.relative_to(SOURCE).with_name(f"test_{path.name}") for path in modules}
    missing = [str(test) for test in expected.values() if not (TESTS / test).exists()]
    assert sorted(missing) == []
