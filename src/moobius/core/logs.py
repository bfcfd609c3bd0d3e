"""Adds the log sinks that the log configuration asks for; only while a service runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from loguru import logger

from moobius.config import Settings
from moobius.errors import ConfigError
from moobius.private_files import open_private
from moobius.sinks import TERMINAL, Wish, add_wish, drop_wish

DEFAULT_RETENTION = {"rotation": "1 day", "retention": "7 days"}
_ROTATED_AT = r"\.\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_\d{6}(\.\d+)?"


@contextmanager
def log_sinks(settings: Settings, otherwise: str = "") -> Iterator[str]:
    """Log to the terminal and to files for the length of a `with` block (sdk.md 2.3).

    Args:
        settings: What the log configuration asks for.
        otherwise: A small file for the newest log lines, if the configuration names no file.

    Yields:
        The log file; empty if there is none.

    Raises:
        ConfigError: If a file cannot be written, or loguru does not understand `log_retention`.
    """
    with ExitStack() as stack:
        wishes = _wishes(settings, otherwise)
        for wish in wishes:
            try:
                add_wish(wish)
            except OSError as error:
                raise ConfigError(f"cannot log to {wish.place}: {error.strerror}") from None
            except (TypeError, ValueError) as error:
                raise ConfigError(
                    f"loguru does not understand log_retention {settings.log_retention!r}: {error}"
                ) from None
            stack.callback(drop_wish, wish)
        yield next((wish.place for wish in wishes if wish.place != TERMINAL), "")


def log_fatal(text: str) -> None:
    """Log, to files only, the error that the program prints on standard error as it ends."""
    logger.bind(on_stderr=True).error("{}", text)


def _wishes(settings: Settings, otherwise: str) -> list[Wish]:
    level = settings.log_level.upper()
    retention: Any = settings.log_retention or DEFAULT_RETENTION
    options = {"retention": retention} if isinstance(retention, str) else retention
    wishes = [Wish(TERMINAL, (settings.terminal_log_level or level).upper())]
    files = ((settings.log_file, level), (settings.error_log_file, settings.error_log_level))
    for name, wanted in files:
        if name:  # if both are the same file, it gets each line once
            path = Path(name).expanduser().absolute()
            wishes.append(Wish(str(path), wanted.upper(), options))
    if otherwise and not settings.log_file:
        wishes.insert(1, Wish(otherwise, level, _last_of_the_log(Path(otherwise))))
    return wishes


def _last_of_the_log(file: Path) -> dict[str, Any]:
    return {"rotation": "1 MB", "retention": partial(_keep_one, file), "opener": open_private}


def _keep_one(file: Path, logs: list[str]) -> None:
    """Remove all rotated files of this log file but the newest.

    loguru's own retention would also remove `room.kitchen.log` when it cleans up `room.log`.
    """
    rotated = re.compile(re.escape(file.stem) + _ROTATED_AT + re.escape(file.suffix))
    # The time in their names tells their order.
    ours = sorted(filter(rotated.fullmatch, (Path(log).name for log in logs)))
    for name in ours[:-1]:
        file.with_name(name).unlink(missing_ok=True)
