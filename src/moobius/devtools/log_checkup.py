"""Whether a service could log where its configuration says; nothing that this makes is left."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from moobius.config import Settings
from moobius.core.logs import log_sinks
from moobius.devtools.findings import ERROR, OK, Finding, failure
from moobius.errors import ConfigError


def check_logs(settings: Settings) -> Iterator[Finding]:
    """Try each file, and what `log_retention` asks for."""
    files = {Path(name).expanduser().absolute(): None for name in _names(settings)}
    if not files:
        yield Finding(OK, "log", "to the terminal only")
        return
    for file in files:
        try:
            _try_to_write(file)
        except OSError as error:
            text, advice = f"cannot log to {file}: {error.strerror or error}", "name another file"
            yield Finding(ERROR, "log", text, advice)
        else:
            yield Finding(OK, "log", f"to {file}")
    try:
        _try_retention(settings)
    except ConfigError as error:
        advice = 'say how long files are kept, as in "7 days", or all that loguru may know'
        yield failure("log", error, advice)


def _names(settings: Settings) -> list[str]:
    return [name for name in (settings.log_file, settings.error_log_file) if name]


def _try_to_write(file: Path) -> None:
    """Do what logging does first.

    Raises:
        OSError: If that fails.
    """
    is_new = not file.exists()
    missing = [each for each in file.parents if not each.exists()]  # the innermost first
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab"):
            pass
    finally:
        with contextlib.suppress(OSError):  # what was not made, or is used by now
            if is_new:
                file.unlink()
            for folder in missing:
                folder.rmdir()


def _try_retention(settings: Settings) -> None:
    """Log to a file elsewhere in the same way.

    Raises:
        ConfigError: If loguru cannot.
    """
    with tempfile.TemporaryDirectory(prefix="moobius-") as scratch:
        elsewhere = replace(settings, log_file=str(Path(scratch) / "x.log"), error_log_file=None)
        with log_sinks(elsewhere):
            pass
