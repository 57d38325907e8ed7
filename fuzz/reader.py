"""Choices read from bytes: the same bytes, the same choices.  Beyond the end there are zeros."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def bytes(self, count: int) -> bytes:
        """The next bytes, as many as there are."""
        found = self.data[self.at : self.at + count]
        self.at += len(found)
        return found

    def below(self, n: int) -> int:
        """A number from 0 to n - 1."""
        size = ((n - 1).bit_length() + 7) // 8
        return int.from_bytes(self.bytes(size), "little") % n

    def between(self, low: int, high: int) -> int:
        """A number from low to high."""
        return low + self.below(high - low + 1)

    def choice(self, options: Sequence[Any]) -> Any:
        return options[self.below(len(options))]

    def once_in(self, n: int) -> bool:
        """True for one of n bytes; not where the bytes have ended."""
        return self.below(n) == n - 1

    def flag(self) -> bool:
        return self.once_in(2)
