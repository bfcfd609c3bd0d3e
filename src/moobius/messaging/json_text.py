"""JSON as it stands on the wire (specification 1.4): to bytes, and back with suspicion."""

from __future__ import annotations

import json
import re
from encodings import normalize_encoding
from encodings.aliases import aliases
from itertools import accumulate
from typing import Any

from moobius.errors import ProtocolError

# Insertion order, raw UTF-8, NaN and the infinities as bare words: the standard library's rules,
# with ASCII-only output switched off.
_encode = json.JSONEncoder(ensure_ascii=False).encode
_decode = json.JSONDecoder().decode
_decode_beginning = json.JSONDecoder().raw_decode

# Normalised codec names (specification 6.1). A peer's word never reaches the codec registry.
ENCODINGS = frozenset({"utf_8", "ascii", "latin_1", "utf_16", "utf_32", "cp1251"})

# One that is not closed, or ends in half an escape, reaches to the end: the search never begins
# again inside it, so it takes linear time whatever a peer sends.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_DEEPER, _HIGHER = 1, 255  # +1 and -1 as signed bytes
_STEPS = bytes.maketrans(b"[{]}", bytes([_DEEPER, _DEEPER, _HIGHER, _HIGHER]))
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))


def to_json(value: Any) -> bytes:
    """Encode a value as the wire wants it.

    Raises:
        TypeError: If JSON cannot hold it.
        UnicodeEncodeError: If it contains a lone surrogate.
        ValueError: If it contains itself.
    """
    return _encode(value).encode()


def from_json(raw: bytes | bytearray, what: str, *, encoding: str, max_depth: int | None) -> Any:
    """Decode what a peer sent.

    Args:
        raw: The bytes.
        what: `header` or `content`, for errors.
        encoding: One that `text_encoding` returned.
        max_depth: How many arrays and objects may lie inside one another.

    Raises:
        ProtocolError: If it is not JSON in that encoding, or nests too deep.
    """
    try:
        text = raw.decode(encoding)
        if max_depth is not None and text.count("[") + text.count("{") > max_depth:
            _check_depth(text, what, max_depth)
        if text[:1] == "{":  # nearly always, and without white space
            value, end = _decode_beginning(text)
            if end == len(text):
                return value
        return _decode(text)
    except ProtocolError:
        raise
    except RecursionError:
        raise ProtocolError(f"the {what} nests too deep") from None
    except UnicodeDecodeError as error:
        raise ProtocolError(f"the {what} is not {encoding} text: {error.reason}") from None
    except ValueError as error:
        # The reason of the JSON decoder has positions, and no text of the peer's.
        raise ProtocolError(f"the {what} is not JSON: {error}") from None


def text_encoding(name: object) -> str:
    """Return the codec that a `content-encoding` means.

    Raises:
        ProtocolError: If it is none of those that are accepted.
    """
    if name == "utf-8":  # nearly always
        return "utf-8"
    if isinstance(name, str):
        codec = normalize_encoding(name).lower()
        codec = aliases.get(codec, codec)
        if codec in ENCODINGS:
            return codec
    raise ProtocolError(
        f"content-encoding {name!r:.60} is not accepted; there are {', '.join(sorted(ENCODINGS))}"
    )


def depth_of(raw: bytes) -> int:
    """Return how many arrays and objects lie inside one another in JSON; in linear time."""
    steps = _STRING.sub(b"", raw).translate(_STEPS, _NO_BRACKET)
    return max(accumulate(memoryview(steps).cast("b")), default=0)


def _check_depth(text: str, what: str, max_depth: int) -> None:
    """Refuse what nests too deep, before the decoder recurses into it."""
    depth = depth_of(text.encode("utf-8", "surrogatepass"))
    if depth > max_depth:
        raise ProtocolError(f"the {what} nests {depth} deep; the limit is {max_depth}")
