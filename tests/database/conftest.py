"""The engines that every storage test runs over. A new engine is finished when it passes them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loguru import logger

from moobius.database.database_interface import DatabaseInterface
from moobius.database.engines import get_engine

KEEPING = ["json"]

Opener = Callable[..., DatabaseInterface]


@pytest.fixture(params=KEEPING)
def open_database(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Return what opens the same store, as a process started later would."""

    def open_it(domain: str = "service_s.channel_c.box") -> DatabaseInterface:
        engine = get_engine(request.param)
        made: DatabaseInterface = engine(domain=domain, root_dir=str(tmp_path / "store"))
        return made

    return open_it


@pytest.fixture
def database(open_database: Opener) -> DatabaseInterface:
    return open_database()


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """Collect what is logged at WARNING and above."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), level="WARNING")
    yield lines
    logger.remove(sink)
