"""Sorting networks: fixed lists of pairs (a, b) of slots; in turn, each pair is put in order."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["network"]


@lru_cache(maxsize=64)
def network(n: int, needed: tuple[int, ...] | None = None) -> NDArray[np.uint16]:
    """Pairs that sort n slots (or bring the right value to the `needed` ones), flat: a0, b0, a1, b1 ...

    Batcher's merge exchange for any n (Knuth, The Art of Computer Programming 3, algorithm 5.2.2M),
    without the comparisons on which no needed slot depends.

    >>> network(3).tolist()
    [0, 2, 0, 1, 1, 2]
    """
    pairs = []
    top = p = 1 << max(0, (n - 1).bit_length() - 1)
    while p > 0 and n > 1:
        q, r, d = top, 0, p
        while True:
            pairs += [(i, i + d) for i in range(n - d) if i & p == r]
            if q == p:
                break
            d, q, r = q - p, q // 2, p
        p //= 2
    if needed is not None:
        alive, kept = set(needed), []
        for a, b in reversed(pairs):
            if a in alive or b in alive:
                alive |= {a, b}
                kept.append((a, b))
        pairs = kept[::-1]
    return np.array(pairs, np.uint16).ravel()
