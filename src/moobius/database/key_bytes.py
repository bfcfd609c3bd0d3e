"""Any text as bytes and any bytes as text, for stores that other programs write to, too. Pure."""

from __future__ import annotations


def to_bytes(text: str) -> bytes:
    """Return text as UTF-8; a lone surrogate, which UTF-8 does not have, by the same rule."""
    return text.encode("utf-8", "surrogatepass")


def to_text(raw: bytes) -> str:
    """Return the text of bytes; each byte that is no UTF-8 becomes a lone surrogate."""
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:  # this program did not write it
        return raw.decode("utf-8", "surrogateescape")


def foreign_bytes(text: str) -> bytes | None:
    """Return the bytes that are no UTF-8 and have this text, if there are such."""
    if text.isascii():
        return None
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None
    return raw if raw != to_bytes(text) and to_text(raw) == text else None
