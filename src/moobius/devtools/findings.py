"""What `moobius doctor` finds, as people and as programs read it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from moobius.errors import MoobiusError

OK, WARNING, ERROR = "ok", "warning", "error"
_INDENT = 9


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        status: `ok`, `warning` or `error`.
        topic: What was looked at.
        detail: What was found.
        advice: What to do about it.
    """

    status: str
    topic: str
    detail: str
    advice: str = ""


def failure(topic: str, error: Exception, advice: str) -> Finding:
    """Return what to say of something that could not be looked at, for whatever reason."""
    said = str(error) if isinstance(error, MoobiusError) else f"{type(error).__name__}: {error}"
    return Finding(ERROR, topic, said, advice)


@dataclass(frozen=True)
class Setting:
    """One setting that is in effect.

    Attributes:
        name: Its key.
        value: Its value; secrets are masked.
        source: Where it comes from.
    """

    name: str
    value: str
    source: str


def as_text(findings: Sequence[Finding], settings: Sequence[Setting]) -> str:
    """Return findings, with settings below them, for a person."""
    lines = []
    for each in findings:
        lines.append(f"{each.status:<{_INDENT}}{each.topic}: {each.detail}")
        if each.advice:
            lines.append(f"{'':<{_INDENT}}-> {each.advice}")
    if settings:
        width = max(len(f"{each.name} = {each.value}") for each in settings)
        lines += ["", "settings"]
        lines += [f"  {f'{s.name} = {s.value}':<{width}}  ({s.source})" for s in settings]
    return "\n".join(lines)


def as_json(findings: Sequence[Finding], settings: Sequence[Setting]) -> str:
    """Return the same for a program."""
    data = {
        "findings": [asdict(each) for each in findings],
        "settings": [asdict(each) for each in settings],
    }
    return json.dumps(data, indent=2, ensure_ascii=False)
