"""The local Platform that the services of one wand share."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moobius.local.embedded import RunningPlatform


class SharedPlatform:
    """Starts it for a service that is about to use it, so that it outlives each single one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started: list[RunningPlatform] = []

    def ensure(self) -> None:
        """See to it that there is one, wherever it runs.

        Raises:
            ConfigError: If none is running and none can be started; says why.
        """
        from moobius.core.lifecycle import announce
        from moobius.local.embedded import find_or_start

        with self._lock:
            platform = find_or_start(Path.cwd(), announce=announce)
            if platform.started_here:
                self._started.append(platform)

    def close(self) -> None:
        """Stop what was started here; `ensure` can start another."""
        with self._lock:
            while self._started:
                self._started.pop().close()
