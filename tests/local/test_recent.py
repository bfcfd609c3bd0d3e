"""The two short memories."""

from __future__ import annotations

from moobius.local.recent import Coalescer, RecentRequests


def test_each_identity_remembers_its_latest_requests() -> None:
    asked = []

    def recall(identity: str) -> list[str]:
        asked.append(identity)
        return ["REQ-OLD"] if identity == "DEE" else []

    recent = RecentRequests(2, recall)
    for number in range(3):
        recent.remember("ADA", f"REQ-{number}")
    recent.remember("BOB", "REQ-0")
    known = [recent.has("ADA", f"REQ-{number}") for number in range(3)]
    assert known == [False, True, True]
    assert recent.has("BOB", "REQ-0")
    assert not recent.has("CY", "REQ-0")
    assert recent.has("DEE", "REQ-OLD")
    recent.remember("DEE", "REQ-0")
    assert recent.has("DEE", "REQ-OLD")
    assert asked == ["ADA", "BOB", "CY", "DEE"], "once for each"


def test_one_request_a_window_per_user_and_channel() -> None:
    window = Coalescer(500)
    asked = [("ADA", "CH", 0), ("ADA", "CH", 499), ("BOB", "CH", 499), ("ADA", "CH", 500)]
    assert [window.first(*each) for each in asked] == [True, False, True, True]
