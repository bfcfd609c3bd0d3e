"""Small tools that every layer may use: JSON files, atomic writes, threads.

Typed JSON itself is in `moobius.typed_json`; some of its functions can be imported from here too.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import html
import json
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from loguru import logger

from moobius.errors import MissingFile, StorageError
from moobius.sinks import set_terminal_logger_level
from moobius.typed_json import (
    as_plain,
    dump_json,
    dump_typed,
    fields_of,
    from_jsonable,
    load_typed,
    register_type,
    to_jsonable,
)
from moobius.values import assert_strs, to_char_id_list

__all__ = [
    "EnhancedJSONEncoder",
    "assert_strs",
    "enhanced_json_load",
    "enhanced_json_save",
    "from_jsonable",
    "is_url",
    "make_fn_async",
    "make_folder",
    "mask_url",
    "register_type",
    "remove_stale_temporaries",
    "set_terminal_logger_level",
    "summarize_html",
    "sync_folder",
    "to_char_id_list",
    "to_jsonable",
    "write_text_atomically",
]

P = ParamSpec("P")
R = TypeVar("R")

# What is never closed goes to the end of the page, as in browsers. Otherwise the search for its end
# would run through the rest of a hostile page again at every beginning in it, for minutes.
_HTML_UNSEEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL
)
_HTML_TAG = re.compile(r"</?[a-z!?][^<>]*>", re.IGNORECASE)
_URL_SCHEMES = ("http://", "https://", "ftp://", "ftps://")

# A password may hold anything, so everything up to the last `@` is taken for one.
_URL_PASSWORD = re.compile(
    r"(?<=://)([^/?#@:\s]*):\S*@|(?<=[?&])(\w*password)=[^&#\s]+", re.IGNORECASE
)

_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp")
_STALE_AFTER = 3600.0  # seconds; writing a file takes milliseconds


class EnhancedJSONEncoder(json.JSONEncoder):
    """Turns dataclasses into plain dicts: `json.dumps(x, cls=EnhancedJSONEncoder)`."""

    def default(self, o: Any) -> Any:
        """Return the fields of a dataclass; anything else stays the error it is."""
        if dataclasses.is_dataclass(o) and not isinstance(o, type):
            return fields_of(o)
        return super().default(o)


def enhanced_json_save(
    filename: Any, data: Any, typemark_dataclasses: bool = True, indent: int | None = 2
) -> str:
    """Return `data` as JSON text and, unless `filename` is falsy, write it.

    Args:
        filename: A path, replaced atomically; or an object with `write`.
        data: Anything that `to_jsonable` takes.
        typemark_dataclasses: False writes dataclasses as plain dicts that stay dicts when loaded.
        indent: As for `json.dumps`.
    """
    text = (
        dump_typed(data, indent=indent)
        if typemark_dataclasses
        else dump_json(as_plain(data), indent=indent)
    )
    if hasattr(filename, "write"):
        filename.write(text)
    elif filename:
        write_text_atomically(filename, text)
    return text


def enhanced_json_load(filename: Any) -> Any:
    """Return the data of a JSON file, dataclasses restored.

    Args:
        filename: A path, an object with `read`, or the file's content as bytes.

    Raises:
        MissingFile: If there is no such file.
        StorageError: If it is no JSON.
    """
    name = "the data" if isinstance(filename, bytes) else getattr(filename, "name", filename)
    try:
        if isinstance(filename, bytes):
            return load_typed(filename)
        if hasattr(filename, "read"):
            return load_typed(filename.read())
        return load_typed(Path(filename).read_bytes())
    except FileNotFoundError as error:
        raise MissingFile(f"there is no file {name}") from error
    except ValueError as error:
        raise StorageError(f"{name} is not JSON: {error}") from error


def write_text_atomically(path: str | os.PathLike[str], text: str, *, fsync: bool = False) -> None:
    """Replace a file's content so that every reader sees the old text or the new, never half.

    A crash or a full disk leaves the old file as it was. The file's permissions stay (a file with
    a password must not become readable by others), and a symbolic link stays one.

    Args:
        path: The file; its folder must exist.
        text: The new content, written as UTF-8.
        fsync: Wait until the disk has it, so that it also survives a power failure.
    """
    target, old = os.fspath(path), _status_of(path)
    if old is not None and stat.S_ISLNK(old.st_mode):
        target = os.path.realpath(target)
        old = _status_of(target)
    folder = os.path.dirname(target) or os.curdir  # noqa: PTH120 - it runs at every write
    temporary = f"{folder}{os.sep}.{secrets.token_hex(8)}.tmp"
    try:
        _write_new(temporary, text.encode(), old, fsync=fsync)
        os.replace(temporary, target)  # noqa: PTH105
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if fsync:
        sync_folder(Path(folder))


def _status_of(path: str | os.PathLike[str]) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None


def _write_new(path: str, content: bytes, old: os.stat_result | None, *, fsync: bool) -> None:
    """Write a file that is not there yet, with the permissions of the one that it will replace."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o666)
    try:
        # Mostly they are the same already, and this runs at every write.
        if old is not None and (old.st_mode ^ os.fstat(descriptor).st_mode) & 0o7777:
            os.chmod(path, stat.S_IMODE(old.st_mode))  # noqa: PTH101
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if fsync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_stale_temporaries(folder: str | os.PathLike[str]) -> None:
    """Remove what `write_text_atomically` left in a folder when its process was killed.

    Only after an hour: a younger file may be one that another process is writing right now.

    Args:
        folder: The folder, which must exist.
    """
    with os.scandir(folder) as entries:
        left = [entry for entry in entries if _TEMPORARY.fullmatch(entry.name)]
    for entry in left:
        try:
            if time.time() - entry.stat().st_mtime > _STALE_AFTER:
                os.unlink(entry)  # noqa: PTH108 - an entry of the folder is no Path
        except FileNotFoundError:  # another process has removed it, or finished it
            continue
        except OSError as error:
            logger.warning("A left-over temporary file cannot be removed: {}", error)


def make_folder(path: Path, *, fsync: bool = False) -> None:
    """Make a folder, and those it is in, unless they are there.

    Args:
        path: The folder.
        fsync: Wait until the disk has them, so that they also survive a power failure.
    """
    missing = [folder for folder in (path, *path.parents) if fsync and not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the list of files in a folder survive a power failure."""
    if os.name != "posix":  # elsewhere folders cannot be opened, nor need it
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_url(path: object) -> bool:
    """Tell whether this is an address rather than a local file or some other text."""
    return isinstance(path, str) and path.strip().lower().startswith(_URL_SCHEMES)


def mask_url(text: str) -> str:
    """Return `text` with the password of every address in it shown as asterisks.

    >>> mask_url("redis://ada:secret@localhost:6379/0")
    'redis://ada:****@localhost:6379/0'
    """
    return _URL_PASSWORD.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    return f"{found[2]}=****" if found[2] else f"{found[1]}:****@"


def summarize_html(html_str: str) -> str:
    """Shorten a page of HTML to its text, as for an error page in a log; other text stays.

    Scripts, styles, comments and tags go; entities become what they stand for; blanks collapse.
    """
    if not _HTML_TAG.search(html_str):
        return html_str
    visible = _HTML_TAG.sub(" ", _HTML_UNSEEN.sub(" ", html_str))
    return " ".join(html.unescape(visible).split())


def make_fn_async(f: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Return a coroutine function that runs `f` in a thread, so that it may block."""

    @functools.wraps(f)
    async def in_thread(*args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.to_thread(f, *args, **kwargs)

    return in_thread
