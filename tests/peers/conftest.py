"""The published SDKs, each in an environment of its own, kept in pytest's cache."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

import pytest

from tests.peers.original import CannotBeHad, make_environment
from tests.support.tls import CERTIFICATE


def environment_of(config: pytest.Config, version: str) -> Path:
    name = f"moobius-{version}-on-{sys.version_info[0]}.{sys.version_info[1]}"
    folder = config.cache.mkdir(name)
    try:
        with folder.with_name(f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the workers of a run share the cache
            return make_environment(folder, version, CERTIFICATE)
    except CannotBeHad as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the published package cannot be had here: {error}")


@pytest.fixture(scope="session")
def sdk_1_3_7(pytestconfig: pytest.Config) -> Path:
    """The Python of an environment with the published 1.3.7."""
    return environment_of(pytestconfig, "1.3.7")


@pytest.fixture(scope="session")
def sdk_1_8_0(pytestconfig: pytest.Config) -> Path:
    """The Python of an environment with the published 1.8.0."""
    return environment_of(pytestconfig, "1.8.0")
