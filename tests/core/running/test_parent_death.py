"""A process that does not outlive another one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.support.patience import wait_until
from tests.support.scripts import alive

PROGRAM = """
import sys, time
from moobius.core.running.parent_death import leave_with
leave_with(int(sys.argv[1]), lambda: print("asked", flush=True), 0.2)
print("watching", flush=True)
time.sleep(3600)
"""


def test_one_that_does_not_stop_is_gone_after_a_while() -> None:
    other = subprocess.Popen(["sleep", "3600"])
    command = [sys.executable, "-c", PROGRAM, str(other.pid)]
    ours = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert ours.stdout is not None
        assert ours.stdout.readline() == "watching\n"
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        wait_until(lambda: not alive(ours.pid))
        assert (ours.stdout.read(), ours.wait()) == ("asked\n", 1)
    finally:
        for each in (other, ours):
            each.kill()
            each.wait()
        if ours.stdout is not None:
            ours.stdout.close()
