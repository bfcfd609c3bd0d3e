"""One coroutine as a program; the signals are tested in real programs, in test_wand.py."""

from __future__ import annotations

import asyncio
import signal
import threading

import pytest

from moobius import Moobius, MoobiusWand
from moobius.core.stopping.runner import Runner
from moobius.errors import WandError


def run_in_thread(runner: Runner, main: object) -> threading.Thread:
    thread = threading.Thread(target=runner.run, args=(main,))
    thread.start()
    return thread


def test_it_runs_to_the_end() -> None:
    done: list[int] = []

    async def main() -> None:
        done.append(1)

    runner = Runner()
    run_in_thread(runner, main).join()
    assert done == [1]
    assert runner.stopped_by is None


def test_what_it_raises_is_raised() -> None:
    async def main() -> None:
        raise RuntimeError("no")

    raised: list[BaseException] = []

    def run() -> None:
        try:
            Runner().run(main)
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert str(raised[0]) == "no"


def test_stop_lets_it_clean_up_from_any_thread() -> None:
    started, steps = threading.Event(), []

    async def main() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("cleaned up")

    runner = Runner()
    thread = run_in_thread(runner, main)
    assert started.wait(20)
    runner.stop()
    thread.join(20)
    assert not thread.is_alive()
    assert steps == ["cleaned up"]
    assert runner.stopped_by == 0


def test_tasks_left_behind_are_cancelled_and_waited_for() -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("task")

    async def main() -> None:
        task = asyncio.create_task(forever())
        await asyncio.sleep(0)
        del task

    run_in_thread(Runner(), main).join()
    assert ended == ["task"]


async def test_it_does_not_block_an_event_loop_that_runs_already() -> None:
    wand = MoobiusWand()
    for run in (wand.run, wand.run_all):
        with pytest.raises(WandError, match=r"an event loop runs here already.*background=True"):
            run(Moobius)
    assert wand.status() == {}


@pytest.mark.filterwarnings("error")
def test_stopping_what_does_not_run_is_harmless() -> None:
    Runner().stop()


def test_what_1_8_0_had_for_ctrl_c_is_there_and_nobody_installs_it() -> None:
    before = signal.getsignal(signal.SIGINT)
    from moobius.core.wand import KEYBOARDEXIT, MoobiusWand, sigint_handler

    MoobiusWand()
    assert signal.getsignal(signal.SIGINT) is before
    assert KEYBOARDEXIT == 1324
    with pytest.raises(SystemExit) as end:
        sigint_handler(signal.SIGINT, None)
    assert end.value.code == KEYBOARDEXIT
