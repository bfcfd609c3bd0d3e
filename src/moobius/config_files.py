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

_SCALAR = r'null|true|false|-?[0-9][0-9.eE+-]*|"(?:[^"\\]|\\.)*"'
_OBJECT = re.compile(r'\{(\s*)(?=(["}]))')


@dataclass(frozen=True)
class Origin:
    """Where a part of the configuration was read from, so that a value can be written back."""

    path: Path
    key_path: tuple[str, ...] = ()
    """Keys that lead from the top of the file to that part."""


def locate(
    name: str | Path, relative_to: Path | None = None, *, what: str = "configuration file"
) -> Path:
    """Find a file: in the working directory, then beside the file that names it.

    Args:
        name: What it is called; `~` is understood.
        relative_to: The folder of the file that names it.
        what: What to call it when it is not found.

    Raises:
        MissingFile: If it is in neither place.
    """
    wanted = Path(name).expanduser()
    candidates = [wanted] if relative_to is None else [wanted, relative_to / wanted]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    places = " or ".join(dict.fromkeys(str(candidate.absolute()) for candidate in candidates))
    raise MissingFile(
        f"{what} not found: {places}; create it, or leave it out of the configuration"
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

    Raises:
        ConfigError: If the file has changed so much that the place is gone.
        OSError: If the file cannot be written.
    """
    write_json_value(origin.path, (*origin.key_path, "service_id"), service_id)


def write_json_value(path: Path, keys: Sequence[str | int], value: Any) -> None:
    """Set one value in a JSON file, at any depth; objects on the way to it are made.

    The file is replaced atomically; every other byte of it stays as the user wrote it, unless
    the old or the new value is a list or an object: then the whole file is laid out again.

    Args:
        path: The file.
        keys: What leads to the value: keys of objects, and positions in lists.
        value: The new value.

    Raises:
        ConfigError: If the file has no such place, or is not JSON.
        OSError: If the file cannot be read or written.
    """
    wanted = _with_value(read_json(path), keys, value)
    text = path.read_bytes().decode()  # not read_text, which would lose Windows line ends
    for candidate in _candidates(text, keys, value):
        if _parses_to(candidate, wanted):
            break
    else:
        candidate = json.dumps(wanted, indent=_indent_of(text), ensure_ascii=False) + "\n"
    write_text_atomically(path, candidate)


def _candidates(text: str, keys: Sequence[str | int], value: Any) -> Iterator[str]:
    """Yield the text with the value put in at every place that could be the right one."""
    new = json.dumps(value, ensure_ascii=False)
    for match in re.finditer(rf"{_quoted(keys[-1])}\s*:\s*({_SCALAR})", text):
        yield text[: match.start(1)] + new + text[match.end(1) :]
    for key in reversed(keys):  # the missing part may be the object that should hold the value
        for match in _OBJECT.finditer(text):
            space, following = match.groups()
            separator = "" if following == "}" else f",{space or ' '}"
            member = f"{json.dumps(key)}: {new}{separator}"
            yield text[: match.end()] + member + text[match.end() :]
        new = f"{{{json.dumps(key)}: {new}}}"


def _quoted(key: str | int) -> str:
    return re.escape(json.dumps(str(key), ensure_ascii=False))


def _parses_to(text: str, wanted: Any) -> bool:
    try:
        return bool(json.loads(text.lstrip("\ufeff")) == wanted)
    except json.JSONDecodeError:
        return False


def _with_value(data: Any, keys: Sequence[str | int], value: Any) -> Any:
    result = copy.deepcopy(data)
    part = result
    for depth, key in enumerate(keys[:-1]):
        if isinstance(part, dict) and part.get(key) is None:
            part[key] = {}
        _check_place(part, keys, depth)
        part = part[key]
    _check_place(part, keys, len(keys) - 1)
    part[keys[-1]] = value
    return result


def _check_place(part: Any, keys: Sequence[str | int], depth: int) -> None:
    key = keys[depth]
    if isinstance(part, dict) and isinstance(key, str):
        return
    if isinstance(part, list) and isinstance(key, int) and -len(part) <= key < len(part):
        return
    where = ".".join(map(str, keys[:depth])) or "the top"
    raise ConfigError(f"no object at {where} to put {key} in")


def _indent_of(text: str) -> int:
    match = re.search(r"\n( +)\S", text)
    return len(match.group(1)) if match else 2
