"""The tests mirror the source, file for file: whoever opens a module knows where its tests are."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "moobius"

# The exceptions: parts of one machine that are tested as that machine, over the wire or by replay.
TESTED_TOGETHER = {
    "local/model": "local/model/test_replay.py",
    "local/store": "local/store/test_stores.py",
    "local/web": "local/web/test_endpoints.py",
    "local/wire": "local/wire/test_inbound.py",
}


def test_every_module_has_its_tests() -> None:
    modules = [path for path in SOURCE.rglob("*.py") if not path.name.startswith("_")]
    assert len(modules) > 50
    missing = []
    for path in (module.relative_to(SOURCE) for module in modules):
        own = TESTS / path.with_name(f"test_{path.name}")
        together = TESTED_TOGETHER.get(path.parent.as_posix())
        if not own.exists() and not (together and (TESTS / together).exists()):
            missing.append(str(own.relative_to(TESTS)))
    assert sorted(missing) == []
