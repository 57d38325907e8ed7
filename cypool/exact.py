"""Sums of floats that are rounded once, at the end: in whatever order, and from whatever parts, they are the same."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Total", "total_of"]

FINEST = -1074  # each float64 is a multiple of 2**FINEST
BITS = 26  # of a number that are added up at a time
PART = 1 << 14  # numbers added up at a time: they stay in the cache, and sums of so many of 26 bits are exact


@dataclass(frozen=True)
class Total:
    """units * 2**FINEST, and the sum of what is not finite."""

    units: int = 0
    beyond: float = 0.0

    def __add__(self, other: Total) -> Total:
        return Total(self.units + other.units, self.beyond + other.beyond)

    def __float__(self) -> float:
        """The nearest float64, ties to even."""
        if self.beyond != 0:
            return self.beyond
        try:
            return self.units / (1 << -FINEST)
        except OverflowError:
            return math.inf if self.units > 0 else -math.inf


def total_of(numbers: NDArray[Any]) -> Total:
    """The sum of float64 numbers.

    The leading bits of all numbers of a part, as whole multiples of one power of two, are added up exactly; then the
    next bits of what is left, until nothing is."""
    flat = np.asarray(numbers, np.float64).reshape(-1)
    units, beyond = 0, 0.0
    for start in range(0, flat.size, PART):
        rest = flat[start : start + PART]
        finite = np.isfinite(rest)
        if not finite.all():
            with np.errstate(invalid="ignore"):
                beyond += float(rest[~finite].sum())
            rest = rest[finite]
        largest = float(np.abs(rest).max(initial=0))
        while largest:
            step = max(math.frexp(largest)[1] - BITS, FINEST)
            low, high = 2.0 ** (step // 2), 2.0 ** (step - step // 2)  # 2**step, which as one factor may be too small
            whole = np.rint(rest * (1 / low) * (1 / high))
            units += int(whole.sum()) << (step - FINEST)
            rest = rest - whole * low * high
            largest = float(np.abs(rest).max(initial=0))
    return Total(units, beyond)
