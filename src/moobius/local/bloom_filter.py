"""A Bloom filter of the latest texts: a few kilobytes that know most new texts to be new."""

from __future__ import annotations

FEWEST = 64  # entries that there is room for in any case
BITS_FOR_EACH = 16  # two of them are set, so that one text in forty is taken for a known one


class RotatingBloomFilter:
    """Remembers the latest of many texts; may be wrong about a new one, never about those.

    There are two bitmaps. New texts go into one; when it is full, it takes the place of the other,
    and an empty one is filled. Both are searched.

    Args:
        capacity: How many of the latest texts it surely remembers; for a while a few more.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = max(capacity, FEWEST)
        self._bits = self._capacity * BITS_FOR_EACH
        self._count = 0
        self._current = bytearray(self._bits // 8)
        self._previous = b""

    def add(self, text: str) -> None:
        """Remember a text."""
        if self._count >= self._capacity:
            self._previous, self._current = bytes(self._current), bytearray(self._bits // 8)
            self._count = 0
        self._count += 1
        for byte, bit in self._bits_of(text):
            self._current[byte] |= bit

    def may_contain(self, text: str) -> bool:
        """Return whether a text may be among the latest; for one that is, always True."""
        bits = self._bits_of(text)
        return any(
            all(bitmap[byte] & bit for byte, bit in bits)
            for bitmap in (self._current, self._previous)
            if bitmap
        )

    def _bits_of(self, text: str) -> list[tuple[int, int]]:
        """Return the bits of a text: the number of the byte, and the bit in it."""
        whole = hash(text)  # other in every process, so nobody can choose texts that collide
        numbers = (whole % self._bits, (whole >> 32) % self._bits)
        return [(number >> 3, 1 << (number & 7)) for number in numbers]
