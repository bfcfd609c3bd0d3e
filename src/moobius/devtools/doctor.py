"""`moobius doctor`: looks at all that a service needs, and says what to do about the rest."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
from collections.abc import Iterator

from loguru import logger

from moobius.config import Configuration
from moobius.devtools import checkup
from moobius.devtools.findings import ERROR, Finding, as_json, as_text
from moobius.devtools.platform_checkup import check_platform
from moobius.devtools.settings_report import settings_in_effect


def main(options: argparse.Namespace) -> int:
    """Look, print what was found, and return 1 if anything is wrong, else 0."""
    with _quiet():
        finding, loaded = checkup.check_configuration(options.config)
        findings = [checkup.check_python(), finding]
        settings = []
        if loaded is not None:
            findings += _check_needs(loaded)
            settings = settings_in_effect(loaded, os.environ)
        findings += [checkup.check_runtime(), checkup.check_services()]
    print((as_json if options.json else as_text)(findings, settings))  # noqa: T201
    return int(any(each.status == ERROR for each in findings))


def _check_needs(loaded: Configuration) -> list[Finding]:
    """Look at what a configuration asks for."""

    async def look() -> list[Finding]:
        return [each async for each in check_platform(loaded.settings)]

    databases = loaded.nested["db_config"]
    return [
        *asyncio.run(look()),
        *checkup.check_storage(databases),
        *checkup.check_redis(databases),
    ]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's own log out of what we print: the findings say the same."""
    logger.disable("moobius")
    try:
        yield
    finally:
        logger.enable("moobius")
