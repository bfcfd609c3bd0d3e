"""Settings as a dictionary that travels: every value with its comments (specification 2.7).

An option is `{"__value__": value}`, with `comments` (lines) and `inline_comment` (text) where
there are some; asked for defaults, also with `default` and `unchanged`. A section is a dictionary
of those; at the top stand `initial_comment` and `final_comment`, lists of lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moobius.messaging import ini
from moobius.messaging.ini import Section

VALUE = "__value__"
EDGES = ("initial_comment", "final_comment")


def annotate(settings: Section, *, include_defaults: bool = False) -> dict[str, Any]:
    """Return settings as an annotated dictionary."""
    edges = {edge: list(getattr(settings, edge)) for edge in EDGES}
    return {**_annotate_section(settings, include_defaults), **edges}


def _annotate_section(section: Section, include_defaults: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in section.scalars:
        option = found[key] = {VALUE: section[key]}
        if lines := section.comments.get(key):
            option["comments"] = list(lines)
        if line := section.inline_comments.get(key):
            option["inline_comment"] = line
        if include_defaults:
            option["default"] = section.default_values.get(key)
            option["unchanged"] = key in section.defaults
    for key in section.sections:
        found[key] = _annotate_section(section[key], include_defaults)
    return found


def read(values: Mapping[str, Any], spec: Section | None = None) -> Section:
    """Return the settings of an annotated dictionary, or of one of plain values.

    An option that is marked as unchanged is left to its default.

    Raises:
        ValueError: If it is not such a dictionary.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"settings are a dictionary, not {type(values).__name__}")
    settings = ini.empty(spec)
    for edge in EDGES:
        setattr(settings, edge, _comment_lines(values.get(edge)))
    _read_section(settings, {k: v for k, v in values.items() if k not in EDGES})
    return settings


def _read_section(section: Section, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if not isinstance(value, Mapping):
            section[key] = value
        elif VALUE not in value:
            section[key] = {}
            _read_section(section[key], value)
        elif not value.get("unchanged"):
            section[key] = value[VALUE]
            section.comments[key] = _comment_lines(value.get("comments"))
            section.inline_comments[key] = _inline_comment(key, value.get("inline_comment"))


def _comment_lines(lines: object) -> list[str]:
    """Return a comment as lines that the file can hold: a line break would start a setting."""
    if not isinstance(lines, (list, tuple)):
        return []
    return [line for text in lines if isinstance(text, str) for line in text.splitlines() or [""]]


def _inline_comment(key: str, comment: object) -> str | None:
    """Return the one comment; original peers send those of the whole section in its place."""
    if isinstance(comment, Mapping):
        comment = comment.get(key)
    return " ".join(comment.splitlines()) if isinstance(comment, str) else None
