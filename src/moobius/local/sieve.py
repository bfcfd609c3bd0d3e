"""What has surely not been seen lately, in a few kilobytes."""

from __future__ import annotations

FEWEST = 64  # entries that there is room for in any case
BITS_FOR_EACH = 16  # two of them are set, so that one in forty guesses wrongly


class Sieve:
    """Remembers the latest of many texts, so that most that are new are known to be new.

    Two bitmaps: one is filled, and the one before is still looked at. (A Bloom filter that moves
    on.)

    Args:
        lately: How many it remembers; some more for a while.
    """

    def __init__(self, lately: int) -> None:
        self._most = max(lately, FEWEST)
        self._bits = self._most * BITS_FOR_EACH
        self._count = 0
        self._now = bytearray(self._bits // 8)
        self._before = b""

    def add(self, text: str) -> None:
        """Remember a text."""
        if self._count >= self._most:
            self._before, self._now = bytes(self._now), bytearray(self._bits // 8)
            self._count = 0
        self._count += 1
        for place, bit in self._marks(text):
            self._now[place] |= bit

    def may_have(self, text: str) -> bool:
        """Return whether a text may have been added lately; of those that were it always may."""
        marks = self._marks(text)
        return any(
            all(bitmap[place] & bit for place, bit in marks)
            for bitmap in (self._now, self._before)
            if bitmap
        )

    def _marks(self, text: str) -> list[tuple[int, int]]:
        whole = hash(text)  # other in every process, so nobody can choose texts that collide
        places = (whole % self._bits, (whole >> 32) % self._bits)
        return [(place >> 3, 1 << (place & 7)) for place in places]
