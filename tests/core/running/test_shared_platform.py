"""One Platform for several services."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from moobius.core.running.shared_platform import SharedPlatform
from moobius.local import embedded


@pytest.fixture
def running(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[embedded.RunningPlatform]:
    """The Platforms that have been started or found."""
    monkeypatch.setenv("MOOBIUS_LOCAL_PORT", "0")
    found: list[embedded.RunningPlatform] = []
    real = embedded.find_or_start

    def find_or_start(*args: Any, **kwargs: Any) -> embedded.RunningPlatform:
        found.append(real(*args, **kwargs))
        return found[-1]

    monkeypatch.setattr(embedded, "find_or_start", find_or_start)
    return found


def test_it_is_started_once_and_ends_with_the_wand(
    running: list[embedded.RunningPlatform],
) -> None:
    shared = SharedPlatform()
    threads = [threading.Thread(target=shared.ensure) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each.started_here for each in running] == [True, False, False]
    shared.close()
    shared.close()
    shared.ensure()
    assert running[-1].started_here  # the first was gone
    shared.close()


def test_one_that_has_died_is_replaced(running: list[embedded.RunningPlatform]) -> None:
    shared = SharedPlatform()
    shared.ensure()
    running[0].close()
    shared.ensure()
    assert [each.started_here for each in running] == [True, True]
    shared.close()
