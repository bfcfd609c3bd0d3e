"""Who is there, and who is not; services in real processes are in test_worker.py."""

from __future__ import annotations

import threading

import pytest

from moobius import Moobius
from moobius.core.running.foreground import Foreground
from moobius.core.running.plan import Plan, ServiceStatus
from moobius.core.running.roster import Roster
from moobius.core.running.supervision import Restarts
from moobius.core.stopping.time_limits import HURRY_S
from moobius.errors import WandError


class Room(Moobius):
    """In the foreground, it takes spells as soon as it is made."""


@pytest.fixture
def roster() -> Roster:
    roster = Roster()
    for handle, name in ((1, "Room"), (2, "north"), (3, "dead")):
        plan = Plan(Room, {"http_server_uri": "local"}, name)
        service = Foreground(handle, plan, Restarts(), lambda made: None)
        service.service = Room(http_server_uri="local")
        service.life.enter("failed" if name == "dead" else "running")
        roster.add(service)
    return roster


@pytest.mark.parametrize(("handle", "who"), [(3, "service 3 has ended"), (7, "service 7")])
def test_nobody_takes_spells_for_the_dead(roster: Roster, handle: int, who: str) -> None:
    assert roster.taker(2).plan.name == "north"
    with pytest.raises(WandError) as raised:
        roster.taker(handle)
    assert str(raised.value) == f"no {who}; running: 1 (Room), 2 (north)"


def test_what_is_known_is_kept_until_it_is_forgotten(roster: Roster) -> None:
    states = {handle: status.state for handle, status in roster.status().items()}
    assert states == {1: "running", 2: "running", 3: "failed"}
    assert roster.has_failed
    roster.forget(3)
    assert not roster.has_failed
    with pytest.raises(WandError, match="no service 3; running"):
        roster.stop(3)


def test_a_service_may_be_started_while_another_thread_looks_at_all(roster: Roster) -> None:
    plan = Plan(Room, {"http_server_uri": "local"}, "new")

    class Interrupted(Foreground):
        """While it is looked at, another is added: what two threads do at the same time."""

        @property
        def status(self) -> ServiceStatus:
            roster.add(Foreground(5, plan, Restarts(), lambda made: None))
            return super().status

    roster.add(Interrupted(4, plan, Restarts(), lambda made: None))
    assert set(roster.status()) >= {1, 2, 3, 4}
    assert set(roster.status()) == {1, 2, 3, 4, 5}


def test_one_is_stopped_and_the_others_go_on(roster: Roster) -> None:
    life = roster.taker(1).life
    stopping = threading.Thread(target=roster.stop, args=(1,))
    stopping.start()
    assert not life.pause(20)  # as long as nobody wants it to stop
    life.enter("stopped")
    stopping.join()
    with pytest.raises(WandError, match=r"no service 1 has ended; running: 2 \(north\)"):
        roster.restart(1)
    roster.stop_all()  # does not wait for what runs in somebody's own thread
    assert not roster.taker(2).life.is_wanted


class Stubborn(Foreground):
    """Notes how long it is waited for; a second Ctrl+C comes meanwhile."""

    is_background = True

    def __init__(self, stop_timeout: float) -> None:
        plan = Plan(Room, {}, "stubborn", stop_timeout=stop_timeout)
        super().__init__(1, plan, Restarts(), lambda made: None)
        self.patience: list[float] = []

    def end(self, seconds: float | None = None) -> None:
        self.patience.append(seconds or 0.0)
        if len(self.patience) == 1:
            raise SystemExit(130)


def test_all_get_the_time_that_was_promised_and_little_of_it_if_somebody_is_in_a_hurry() -> None:
    roster, service = Roster(), Stubborn(stop_timeout=60)
    roster.add(service)
    with pytest.raises(SystemExit):
        roster.stop_all()
    asked, hurried = service.patience
    assert 60 < asked <= service.plan.patience
    assert hurried <= HURRY_S
