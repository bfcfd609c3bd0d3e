"""What every test needs: no test ever meets a Platform or an account of the developer."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from loguru import logger

from moobius.local import LocalPlatform, PlatformOptions
from tests.support.thorough import is_thorough

# The machine may be busy, and what a run finds the next one is to find too; `THOROUGH` explores.
settings.register_profile(
    "moobius",
    deadline=None,
    derandomize=not is_thorough(),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("moobius")


@pytest.fixture(autouse=True)
def out_of_sight(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the developer's settings and running Platform, and take any free port."""
    for name in [name for name in os.environ if name.startswith("MOOBIUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    monkeypatch.setenv("MOOBIUS_LOCAL_PORT", "0")


@pytest.fixture
def log() -> Iterator[list[str]]:
    """Everything that is logged, a line each: level, then message, then any traceback."""
    lines: list[str] = []
    sink = logger.add(lambda text: lines.append(str(text)), format="{level} {message}", level=0)
    yield lines
    logger.remove(sink)


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
async def memory_platform() -> AsyncIterator[LocalPlatform]:
    """A running Platform that keeps everything in memory."""
    async with LocalPlatform(PlatformOptions()) as platform:
        yield platform
