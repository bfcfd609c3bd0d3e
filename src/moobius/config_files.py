"""Configuration as files: reading JSON, and writing one value back without touching the rest."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moobius.errors import ConfigError, MissingFile
from moobius.utils import write_text_atomically

_SERVICE_ID = re.compile(r'"service_id"\s*:\s*(null|"(?:[^"\\]|\\.)*")')
_OBJECT = re.compile(r'\{(\s*)(?=(["}]))')


@dataclass(frozen=True)
class Origin:
    """Where a part of the configuration was read from, so that a value can be written back."""

    path: Path
    key_path: tuple[str, ...] = ()
    """Keys that lead from the top of the file to that part."""


def locate(name: str | Path, relative_to: Path | None = None) -> Path:
    """Find a configuration file: in the working directory, then beside the file that names it.

    Raises:
        MissingFile: If it is in neither place.
    """
    wanted = Path(name).expanduser()
    candidates = [wanted] if relative_to is None else [wanted, relative_to / wanted]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    places = " or ".join(str(candidate.absolute()) for candidate in candidates)
    raise MissingFile(
        f"configuration file not found: {places}; create it, or leave the configuration out "
        "to run on the local Platform"
    )


def read_json(path: Path) -> Any:
    """Read a JSON file; an empty file reads as `{}`.

    Raises:
        ConfigError: If the content is not JSON; the error says in which line.
    """
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}") from None
    if not text.strip():
        return {}
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}, line {error.lineno}: not valid JSON: {error.msg}") from None


def write_service_id(origin: Origin, service_id: str) -> None:
    """Store the id of a newly created service in the file its configuration came from.

    The file is replaced atomically; every other byte of it stays as the user wrote it.

    Raises:
        ConfigError: If the file has changed so much that the place is gone.
        OSError: If the file cannot be written.
    """
    keys = (*origin.key_path, "service_id")
    wanted = _with_value(read_json(origin.path), keys, service_id)
    text = origin.path.read_bytes().decode()  # not read_text, which would lose Windows line ends
    for candidate in _candidates(text, keys, service_id):
        if _parses_to(candidate, wanted):
            break
    else:
        candidate = json.dumps(wanted, indent=_indent_of(text), ensure_ascii=False) + "\n"
    write_text_atomically(origin.path, candidate)


def _candidates(text: str, keys: Sequence[str], service_id: str) -> Iterator[str]:
    """Yield the text with the id put in at every place that could be the right one."""
    value = json.dumps(service_id)
    for match in _SERVICE_ID.finditer(text):
        yield text[: match.start(1)] + value + text[match.end(1) :]
    for key in reversed(keys):  # the missing part may be the object that should hold the id
        for match in _OBJECT.finditer(text):
            space, following = match.groups()
            separator = "" if following == "}" else f",{space or ' '}"
            member = f'"{key}": {value}{separator}'
            yield text[: match.end()] + member + text[match.end() :]
        value = f'{{"{key}": {value}}}'


def _parses_to(text: str, wanted: Any) -> bool:
    try:
        return bool(json.loads(text.lstrip("\ufeff")) == wanted)
    except json.JSONDecodeError:
        return False


def _with_value(data: Any, keys: Sequence[str], value: str) -> Any:
    result = copy.deepcopy(data)
    part = result
    for key in keys[:-1]:
        if isinstance(part, dict) and part.get(key) is None:
            part[key] = {}
        part = part.get(key) if isinstance(part, dict) else None
    if not isinstance(part, dict):
        raise ConfigError(f"no object at {'.'.join(keys[:-1]) or 'the top'} to put service_id in")
    part[keys[-1]] = value
    return result


def _indent_of(text: str) -> int:
    match = re.search(r"\n( +)\S", text)
    return len(match.group(1)) if match else 2
