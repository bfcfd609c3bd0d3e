"""Log sinks as the log configuration asks for them. Only programs call this, never an import.

loguru's `logger` belongs to the user: what is added here is removed again, and nothing else,
except loguru's own start-up sink, which would print every line a second time.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loguru import logger

from moobius.config import Settings

DEFAULT_RETENTION = {"rotation": "1 day", "retention": "7 days"}
_LOGURU_START_UP_SINK = 0


@contextlib.contextmanager
def log_sinks(settings: Settings) -> Iterator[None]:
    """Log to the terminal and to files for the length of a `with` block (sdk.md 2.3)."""
    with contextlib.suppress(ValueError):
        logger.remove(_LOGURU_START_UP_SINK)
    level = settings.log_level.upper()
    sinks = [
        logger.add(
            sys.stdout,
            level=(settings.terminal_log_level or level).upper(),
            filter=lambda record: not record["extra"].get("on_stderr"),
        )
    ]
    error_level = settings.error_log_level.upper()
    error_file = settings.error_log_file
    if settings.log_file:
        sinks.append(_add_file(settings.log_file, level, settings))
    if error_file and error_file != settings.log_file:
        sinks.append(_add_file(error_file, error_level, settings))
    try:
        yield
    finally:
        for sink in sinks:
            with contextlib.suppress(ValueError):
                logger.remove(sink)


def log_fatal(text: str) -> None:
    """Log to the files what the program says on standard error as it ends."""
    logger.bind(on_stderr=True).error("{}", text)


def _add_file(name: str, level: str, settings: Settings) -> int:
    retention: Any = settings.log_retention or DEFAULT_RETENTION
    options = {"retention": retention} if isinstance(retention, str) else dict(retention)
    # Without diagnose: the values of local variables, as loguru shows them, may be secrets.
    return logger.add(Path(name).expanduser(), level=level, diagnose=False, **options)
