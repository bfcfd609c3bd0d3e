"""However a service is run, stopping may take as long as it does elsewhere (issue F: 10 s)."""

from __future__ import annotations

import inspect

from moobius import Moobius
from moobius.core.running.plan import Plan
from moobius.core.stopping.runner import Runner
from moobius.core.stopping.time_limits import HURRY_S, STOP_SLACK_S, STOP_TIMEOUT


def test_callbacks_get_ten_seconds_however_a_service_is_run() -> None:
    runner = inspect.signature(Runner).parameters["stop_timeout"].default
    assert runner == Plan(Moobius, {}, "Room").stop_timeout == STOP_TIMEOUT == 10


def test_a_process_gets_longer_than_its_callbacks_unless_somebody_hurries_it() -> None:
    assert Plan(Moobius, {}, "Room", stop_timeout=2).patience == 2 + STOP_SLACK_S
    assert HURRY_S < STOP_SLACK_S
