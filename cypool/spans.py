"""Where the windows of one axis lie on its n cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Span", "pooled_shape"]

MANY = 64  # tiles that are looked at one by one


class Span(NamedTuple):
    """The windows of one axis of n cells: o windows of k cells, d apart, the first at -before,
    each s further; or from `starts` to `stops` (o entries, or planes x o), cells of the axis.  With `stuff`,
    each cell is followed by so many less one zeros (n counts them); `stuffed`: the same windows so.
    `copies`: each window is so many cells of the result."""

    n: int
    o: int
    k: int
    s: int
    d: int
    before: int
    after: int
    starts: NDArray[np.int64] | None = None
    stops: NDArray[np.int64] | None = None
    planes: int = 0
    stuff: int = 1
    stuffed: Any = None
    copies: int = 1

    @property
    def tiles(self) -> bool:
        """Windows that follow each other inside the axis and end with it."""
        return (
            self.starts is None
            and self.stuff == self.copies == 1
            and not self.before
            and not self.after
            and self.n == self.o * self.s
            and (self.k - 1) * self.d < self.s
        )

    @property
    def untouched(self) -> bool:
        """Each cell is a window."""
        return (
            self.starts is None
            and self.copies == 1
            and self.k == self.s == 1
            and self.o == self.n
            and not self.before
            and not self.after
        )

    @property
    def inside(self) -> bool:
        """No window reaches beyond the axis."""
        return self.starts is not None or (not self.before and (self.o - 1) * self.s + (self.k - 1) * self.d < self.n)

    @property
    def complete(self) -> bool:
        """Every window has all its cells, padded ones among them."""
        return self.starts is None and (self.o - 1) * self.s + (self.k - 1) * self.d < self.n + self.before + self.after

    def counts(self, border: str) -> NDArray[np.int64]:
        """Cells of each window that take part, padded ones included unless border is "ignore"."""
        if self.starts is not None and self.stops is not None:
            lengths: NDArray[np.int64] = self.stops - self.starts
            return lengths
        low, high = (0, self.n) if border == "ignore" else (-self.before, self.n + self.after)
        start = np.arange(self.o, dtype=np.int64) * self.s - self.before
        first = np.maximum(0, -((start - low) // self.d))
        return np.asarray(np.maximum(0, np.minimum(self.k, -((start - high) // self.d)) - first))

    def positions(self, border: str) -> list[NDArray[np.int64]]:
        """The cells of each window, in order: padded ones mirrored, left out, or -1 (constant)."""
        if self.starts is not None and self.stops is not None:
            return [np.arange(a, b) for a, b in zip(self.starts, self.stops, strict=True)]
        n = self.n
        low, high = (0, n) if border == "ignore" else (-self.before, n + self.after)
        found = []
        for i in range(self.o):
            start = i * self.s - self.before
            first, last = max(0, -(-(low - start) // self.d)), min(self.k, -(-(high - start) // self.d))
            cells = start + np.arange(first, max(first, last), dtype=np.int64) * self.d
            found.append(self.folded(cells, border))
        return found

    def folded(self, cells: NDArray[np.int64], border: str) -> NDArray[np.int64]:
        """Real cells as they are, padded ones as the cells they mirror, or -1 (ignore, constant)."""
        n = self.n
        if border in ("ignore", "constant"):
            return np.where((cells >= 0) & (cells < n), cells, -1)
        if border == "edge":
            return np.clip(cells, 0, n - 1)
        if border == "wrap":
            return np.asarray(cells % n)
        shift = border == "symmetric"
        cells = np.where(cells < 0, -cells - shift, cells)
        return np.where(cells >= n, 2 * n - 2 - cells + shift, cells)

    def mirrors_within(self, outputs: int, border: str) -> bool:
        """Whether tiles of so many windows hold all cells that those of them beyond the axis mirror."""
        reach = (self.k - 1) * self.d
        beyond = max(0, -((reach - self.n - self.before) // self.s))  # the first window that ends there
        left = range(0, min(self.o, -(-self.before // self.s)), outputs)
        right = range(beyond // outputs * outputs, self.o, outputs)
        if len(left) + len(right) > MANY:
            return False
        first = np.array([*left, *right], np.int64)
        start = first * self.s - self.before
        stop = start + (np.minimum(outputs, self.o - first) - 1) * self.s + reach + 1
        low, high = np.maximum(start, 0), np.minimum(stop, self.n)
        # The first and the last cell on either side: the others mirror what lies between.
        ends = start, np.where(start < 0, -1, low), np.where(stop > self.n, self.n, low), stop - 1
        mirrored = [self.folded(cells, border) for cells in ends]
        return bool(np.all((low < high) & (low <= np.min(mirrored, 0)) & (np.max(mirrored, 0) < high)))

    @property
    def nbytes(self) -> int:
        """Of its tables."""
        return 0 if self.starts is None else 2 * self.starts.nbytes

    @property
    def longest(self) -> int:
        """Most cells of a window."""
        if self.starts is None or self.stops is None:
            return self.k
        return int((self.stops - self.starts).max(initial=0))


def pooled_shape(shape: Sequence[int], spans: Mapping[int, Span]) -> tuple[int, ...]:
    """The shape of the result for an array of this one, with windows on some of its axes."""
    return tuple(spans[a].o if a in spans else n for a, n in enumerate(shape))
