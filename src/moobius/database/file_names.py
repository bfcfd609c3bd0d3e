"""Any text as a file name, and back. Pure.

Ordinary keys (ids, words) stay as they are, so that a folder of records reads like its contents.
What a file system could misunderstand is written as `%` and two hex digits a byte: separators,
control characters, names that Windows reserves, hidden names. A key too long for any file system
becomes `%~` and a digest; its record holds the key.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from urllib.parse import unquote_to_bytes

# File systems take 255 bytes; the suffix needs some, and so may tools that copy the folder.
_LONGEST = 200
_LONG_MARK = "%~"

_ORDINARY = re.compile(r"[a-z0-9_-]{1,200}")
_PUNCTUATION = frozenset("_-.@+=,~()!'#& ")
_RESERVED_ON_WINDOWS = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE
)


def encode(key: str, *, fold_case: bool = False) -> str:
    """Return the file name, without suffix, for `key`; different keys have different names.

    Args:
        key: Any text.
        fold_case: The file system takes `Ada` and `ada` for one name: encode capitals as well.
    """
    if _is_ordinary(key):
        return key
    if not key:
        return "%"
    # Some systems take differently composed accents for one name, so only one form is kept.
    composed = unicodedata.is_normalized("NFC", key)
    last = len(key) - 1
    name = "".join(
        char
        if _is_harmless(char, at_edge=position in (0, last), composed=composed)
        and not (fold_case and char != char.casefold())
        else _percent(char)
        for position, char in enumerate(key)
    )
    if _RESERVED_ON_WINDOWS.match(name):
        name = _percent(name[0]) + name[1:]
    if len(name.encode()) > _LONGEST:
        return _LONG_MARK + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return name


def decode(name: str) -> str | None:
    """Return the key that a file name stands for; None if only the record knows.

    A name that `encode` never gives is one that older versions wrote: there, it was the key.
    """
    if "%" not in name:
        return name
    if name == "%":
        return ""
    if name.startswith(_LONG_MARK):
        return None
    try:
        key = unquote_to_bytes(name).decode("utf-8", "surrogatepass")
    except UnicodeError:
        return name
    return key if name in (encode(key), encode(key, fold_case=True)) else name


def spellings(key: str, *, fold_case: bool = False) -> tuple[str, ...]:
    """Return every file name under which `key` may be, beginning with the one to write to.

    The others are that of a store that came from a system with other rules for capitals, and the
    plain key, as older versions wrote it.

    Args:
        key: Any text.
        fold_case: See `encode`.
    """
    if _is_ordinary(key):  # this is asked at every read and write
        return (key,)
    names = [encode(key, fold_case=fold_case), encode(key, fold_case=not fold_case)]
    if decode(key) == key:
        names.append(key)
    return tuple(dict.fromkeys(names))


def is_long(name: str) -> bool:
    """Tell whether the key of this file name must be read from the record."""
    return name.startswith(_LONG_MARK)


def _is_ordinary(key: str) -> bool:
    return bool(_ORDINARY.fullmatch(key)) and not _RESERVED_ON_WINDOWS.match(key)


def _is_harmless(char: str, *, at_edge: bool, composed: bool) -> bool:
    if char.isalnum():
        return char.isascii() or composed
    if at_edge:  # no hidden files, and Windows drops dots and spaces at the end
        return char in "_-"
    return char in _PUNCTUATION


def _percent(char: str) -> str:
    return "".join(f"%{byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))
