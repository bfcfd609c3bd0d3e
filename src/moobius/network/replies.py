"""What a reply of the Platform's HTTP API means: an envelope, and tolerant reading. No I/O.

A reply may also be a page of some server in between, half a reply, or JSON of another shape; all
of these end as one clear `BadResponseException` (platform.md 2.3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from moobius.errors import BadResponseException, Unauthorized
from moobius.network.transport import Reply
from moobius.types import Character, from_dict, limit_len
from moobius.utils import summarize_html

SUCCESS = 10000
UNAUTHORIZED = 10005
UPLOADED = 204

LONGEST_SUMMARY = 200  # characters of a foreign page that go into an error

_MARKUP = re.compile(r"<\s*(!doctype|html|head|body|title|h\d|p|center|\?xml)\b|<\?xml", re.I)


class ServiceEntry(dict[str, Any]):
    """A service of the account: `service_id`, `channel_ids`, ...; `str()` of it is the id."""

    def __str__(self) -> str:
        return str(self.get("service_id", ""))


class HistoryMessage(dict[str, Any]):
    """A message of the past; its keys are also attributes, on every level."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        super().__init__({key: _with_attributes(value) for key, value in raw.items()})

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"this message has no {name!r}, only {', '.join(self)}") from None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)


def _with_attributes(value: Any) -> Any:
    if isinstance(value, Mapping):
        return HistoryMessage(value)
    return [_with_attributes(item) for item in value] if isinstance(value, list) else value


# ---- The envelope ------------------------------------------------------------------------------


def checked(reply: Reply, endpoint: str) -> Any:
    """Return the `data` of a good reply.

    Raises:
        Unauthorized: If the access token is not valid (any more).
        BadResponseException: If the request was refused otherwise, or this is not an envelope.
    """
    envelope = reply.json
    if reply.status == UPLOADED and not reply.text:
        return None
    if not isinstance(envelope, dict) or "code" not in envelope:
        raise BadResponseException(
            f"HTTP status {reply.status}, and not the Platform's format: {summary(reply.text)}",
            endpoint=endpoint,
            code=reply.status,
        )
    code = envelope["code"]
    if code in (SUCCESS, UPLOADED):
        return envelope.get("data")
    reason = str(envelope.get("message") or envelope.get("msg") or "no reason given")
    error = Unauthorized if code == UNAUTHORIZED else BadResponseException
    raise error(reason, endpoint=endpoint, code=code)


def envelope_of(reply: Reply, raise_error: bool = True) -> dict[str, Any]:
    """Return the whole reply, whatever it says.

    Raises:
        BadResponseException: If it is no JSON object and `raise_error` is set.
    """
    if isinstance(reply.json, dict):
        return reply.json
    return failed_json_analyze(reply.text, reply.status, raise_error and reply.status != UPLOADED)


def failed_json_analyze(response_txt: str, status: int, raise_error: bool = True) -> dict[str, Any]:
    """Make the best of a reply that is not the JSON it should be.

    Returns:
        `{"blob": the text, "code": the HTTP status}`, unless `raise_error` is set.

    Raises:
        BadResponseException: With a short form of the text.
    """
    if raise_error:
        raise BadResponseException(
            f"not JSON: {summary(response_txt)}", endpoint=f"HTTP status {status}", code=status
        )
    return {"blob": response_txt, "code": status}


def summary(text: str) -> str:
    """Return a text that is not an envelope in short, in one line, for an error."""
    words = summarize_html(text) if _MARKUP.search(text) else " ".join(text.split())
    return limit_len(words, LONGEST_SUMMARY) or "an empty reply"


# ---- What is in `data` -------------------------------------------------------------------------


def field(data: Any, name: str, endpoint: str) -> Any:
    """Return one entry of an object.

    Raises:
        BadResponseException: If it is no object, or lacks the entry.
    """
    if not isinstance(data, dict) or name not in data:
        raise wrong_shape(f"the reply lacks {name!r}", endpoint)
    return data[name]


def listed(data: Any, endpoint: str) -> list[Any]:
    """Return a list; nothing is an empty one.

    Raises:
        BadResponseException: If it is something else.
    """
    if data is None or data == {}:
        return []
    if not isinstance(data, list):
        raise wrong_shape(f"expected a list, not {limit_len(repr(data), 80)}", endpoint)
    return data


def objects(data: Any, endpoint: str) -> list[dict[str, Any]]:
    """Return the objects of a list."""
    return [item for item in listed(data, endpoint) if isinstance(item, dict)]


def ids(data: Any, key: str, endpoint: str) -> list[str]:
    """Return the ids of a list whose entries are ids, or objects that have one under `key`."""
    found = (item.get(key) if isinstance(item, dict) else item for item in listed(data, endpoint))
    return [item for item in found if isinstance(item, str)]


def characters(data: Any, endpoint: str) -> list[Character]:
    """Return the characters of a list of profiles, whatever their profiles lack."""
    return [character(profile) for profile in objects(data, endpoint) if "character_id" in profile]


def character(profile: Mapping[str, Any]) -> Character:
    """Return the character that a profile describes, whatever it lacks."""
    context = profile.get("character_context")
    context = dict(context) if isinstance(context, dict) else {}
    return from_dict(Character, {**profile, "character_context": context})


def members(data: Any, endpoint: str) -> list[str] | None:
    """Return who is in a group; `None` for an unknown one, which is an empty container."""
    # platform.md 2.8
    return list(field(data, "characters", endpoint)) if data else None


def wrong_shape(reason: str, endpoint: str) -> BadResponseException:
    """Return the error for a reply of success whose `data` is not what it should be."""
    return BadResponseException(reason, endpoint=endpoint, code=SUCCESS)
