"""`moobius doctor`: looks at all that a service needs, and says what to do about the rest."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable, Iterator

from loguru import logger

from moobius.config import Configuration
from moobius.devtools import checkup
from moobius.devtools.findings import ERROR, WARNING, Finding, as_json, as_text, failure
from moobius.devtools.log_checkup import check_logs
from moobius.devtools.platform_checkup import check_platform
from moobius.devtools.settings_report import settings_in_effect
from moobius.sinks import LOGURU_START_UP_SINK

_SPELLING = "correct it, unless it is a setting of your own"
_UNFORESEEN = "correct the setting that is named; if it is right, report this as our mistake"


def main(options: argparse.Namespace) -> int:
    """Look, print what was found, and return 1 if anything is wrong, else 0."""
    with _quiet():
        findings, settings = [checkup.check_python()], []
        with _overhear("moobius.config") as warnings:
            finding, loaded = checkup.check_configuration(options.config)
        findings.append(finding)
        findings += [Finding(WARNING, "configuration", text, _SPELLING) for text in warnings]
        if loaded is not None:
            findings += _check_needs(loaded)
            settings = settings_in_effect(loaded, os.environ)
        findings += _all("runtime folder", lambda: [checkup.check_runtime()])
        findings += _all("services", lambda: [checkup.check_services()])
    print((as_json if options.json else as_text)(findings, settings))  # noqa: T201
    return int(any(each.status == ERROR for each in findings))


def _check_needs(loaded: Configuration) -> list[Finding]:
    """Look at what a configuration asks for."""

    async def look() -> list[Finding]:
        return [each async for each in check_platform(loaded.settings)]

    databases = loaded.nested["db_config"]
    return [
        *_all("Platform", lambda: asyncio.run(look())),
        *_all("storage", lambda: checkup.check_storage(databases)),
        *_all("Redis", lambda: checkup.check_redis(databases)),
        *_all("log", lambda: check_logs(loaded.settings)),
    ]


def _all(topic: str, check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """Return what a check finds; that it fails in a way nobody foresaw is a finding too."""
    found: list[Finding] = []
    try:
        for each in check():
            found.append(each)  # before it may fail
    except Exception as error:
        found.append(failure(topic, error, _UNFORESEEN))
    return found


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's own log out of what we print: the findings say the same."""
    logger.disable("moobius")
    try:
        yield
    finally:
        logger.enable("moobius")


@contextlib.contextmanager
def _overhear(module: str) -> Iterator[list[str]]:
    """Collect what a module warns of."""
    said: list[str] = []
    with contextlib.suppress(ValueError):
        logger.remove(LOGURU_START_UP_SINK)  # which would print it as well
    sink = logger.add(
        lambda text: said.append(text.strip().removeprefix("configuration: ")),
        level="WARNING",
        format="{message}",
        diagnose=False,
        filter=module,
    )
    logger.enable(module)
    try:
        yield said
    finally:
        logger.disable(module)
        logger.remove(sink)
