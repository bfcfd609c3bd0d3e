"""The local Platform that the services of one wand share."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moobius.local.embedded import RunningPlatform


class SharedPlatform:
    """Starts a Platform for the first service that needs one; it runs until the wand stops it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started: list[RunningPlatform] = []

    def ensure(self) -> None:
        """Start a local Platform, unless one runs already, in whatever process.

        Raises:
            ConfigError: If none is running and none can be started.
        """
        from moobius.core.lifecycle import announce
        from moobius.local.embedded import find_or_start

        with self._lock:
            platform = find_or_start(Path.cwd(), announce=announce)
            if platform.started_here:
                self._started.append(platform)

    def close(self) -> None:
        """Stop the Platform, if it was started here; `ensure` can start another."""
        with self._lock:
            while self._started:
                self._started.pop().close()
