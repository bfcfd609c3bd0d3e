"""Findings as people and programs read them."""

from __future__ import annotations

import json

from moobius.devtools.findings import ERROR, OK, Finding, Setting, as_json, as_text

FINDINGS = [Finding(OK, "Python", "3.11"), Finding(ERROR, "account", "no", "sign up")]
SETTINGS = [Setting("email", "a@b", "config.json"), Setting("order", "é", "given")]


def test_people_read_lines() -> None:
    assert as_text(FINDINGS, []).splitlines() == [
        "ok       Python: 3.11",
        "error    account: no",
        "         -> sign up",
    ]
    assert as_text(FINDINGS, SETTINGS).splitlines()[3:] == [
        "",
        "settings",
        "  email = a@b  (config.json)",
        "  order = é    (given)",
    ]


def test_programs_read_json() -> None:
    data = json.loads(as_json(FINDINGS, SETTINGS))
    assert data["findings"][1] == {
        "status": "error",
        "topic": "account",
        "detail": "no",
        "advice": "sign up",
    }
    assert data["settings"][1] == {"name": "order", "value": "é", "source": "given"}
