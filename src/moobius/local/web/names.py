"""Keys, names and content types of uploaded files (platform.md 2.9)."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from urllib.parse import quote

LONGEST_SUFFIX = 80  # bytes; with the id before it a key stays below what file systems take
LONGEST_KEY = 200
LONGEST_NAME = 256

_UNSAFE_IN_KEY = re.compile(r"""[\x00-\x1f\x7f/\\?#%"<>|:*]""")

# Control characters, and those that turn the direction of writing: `exe.gpj` read as `jpg.exe`.
_UNSAFE_IN_NAME = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._()-]")

# What clients call a file whose name they do not tell.
_NAMELESS = ("", ".", "..", "file", "blob")

# What a browser only shows or plays. Everything else it saves: a page, a drawing with a script in
# it or a document would otherwise run in the name of this Platform.
SHOWN: Mapping[str, str] = {
    **dict.fromkeys((".txt", ".text", ".log"), "text/plain; charset=utf-8"),
    **{f".{kind}": f"image/{kind}" for kind in ("png", "gif", "webp", "avif", "bmp")},
    **dict.fromkeys((".jpg", ".jpeg", ".jfif"), "image/jpeg"),
    **dict.fromkeys((".ogg", ".oga", ".opus"), "audio/ogg"),
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".aac": "audio/aac",
    ".m4a": "audio/mp4",
    ".weba": "audio/webm",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".webm": "video/webm",
    ".ogv": "video/ogg",
    ".mov": "video/quicktime",
}
_OTHERS = mimetypes.MimeTypes()  # Python's own table, the same on every machine


def suffix_of(extension: str) -> str:
    """Return what follows the id in a key: whatever the client says, made harmless."""
    # Where it is too long its end is kept, for that tells the type.
    cleaned = _UNSAFE_IN_KEY.sub("_", extension.strip().lstrip("."))[-LONGEST_SUFFIX:]
    while len(cleaned.encode()) > LONGEST_SUFFIX:
        cleaned = cleaned[1:]
    return f".{cleaned}" if cleaned else ""


def is_key(text: str) -> bool:
    """Return whether a text can be the key of a file: one plain name, not a hidden one."""
    plain = text and not text.startswith(".") and not _UNSAFE_IN_KEY.search(text)
    return bool(plain) and len(text.encode(errors="replace")) <= LONGEST_KEY


def name_of(given: str | None) -> str:
    """Return the name a file is given back under; empty if the client told none."""
    last = (given or "").replace("\\", "/").rpartition("/")[2]
    name = _UNSAFE_IN_NAME.sub("", last.encode(errors="replace").decode()).strip()
    if name in _NAMELESS:
        return ""
    if len(name) > LONGEST_NAME:
        ending = PurePosixPath(name).suffix[-LONGEST_SUFFIX:]
        name = name[: LONGEST_NAME - len(ending)] + ending
    return name


def content_type(key: str) -> str:
    """Return the content type of a file, by the end of its key."""
    shown = SHOWN.get(PurePosixPath(key).suffix.lower())
    return shown or _OTHERS.guess_type(key)[0] or "application/octet-stream"


def content_disposition(key: str, name: str) -> str:
    """Return whether a browser shows a file or saves it, and as what (RFC 6266)."""
    kind = "inline" if PurePosixPath(key).suffix.lower() in SHOWN else "attachment"
    if not name:
        return kind
    plain = _NOT_PLAIN.sub("_", name)
    if plain == name:
        return f'{kind}; filename="{plain}"'
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
