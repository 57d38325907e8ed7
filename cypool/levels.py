"""`Levels`: what the levels of a pyramid are made of, and in how few readings of an array.

    max min any all first   level k from level k - 1: x is read once
    means of integers       the first levels from x; then from exact sums of windows, which are few
    all others              from x, in blocks that stay in the cache while several levels are made of them;
                            levels whose windows are longer than a block take another pass, in larger blocks
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import threads
from .arguments import shown, text
from .call import NAN_POLICIES
from .lanes import check_dtype, default_dtype
from .pooling import pool
from .reducers import TABLE, Reducer, find, read_options

__all__ = ["Levels", "Reduce", "depth_of", "windows_of"]

Array = NDArray[Any]
Reduce = str | Callable[..., Any]

NESTING = ("max", "min", "any", "all", "first")  # a window of windows is a window
CACHES = (2**23, 2**28)  # bytes of a block: of what stays in a processor, and in memory if the array lies on disk
SUMMED = 1024  # cells of the windows whose sums stand for them: as integers, larger means are divided one by one
GATHERED = 2**18  # cells of a window that is sorted as one line, not row by row
LONG = 1024  # cells of a row that is not too short to be read quickly
THREADED = 2**21  # bytes of an array that is worth threads


def depth_of(shape: Sequence[int], factors: Mapping[int, int], longest: int = 1) -> int:
    """Levels until no axis that is reduced is longer than `longest`."""
    return max(_steps(shape[a], f, longest) for a, f in factors.items())


def windows_of(shape: Sequence[int], factors: Mapping[int, int], level: int) -> tuple[int, ...]:
    """Cells of a window on each axis that is reduced: no more than the least power that holds the whole axis."""
    return tuple(f ** min(level, _steps(shape[a], f)) for a, f in factors.items())


def _steps(n: int, factor: int, longest: int = 1) -> int:
    """The least k for which ceil(n / factor**k) <= longest, or 0 where there is none."""
    steps = 0
    while factor > 1 and n > longest * factor**steps:
        steps += 1
    return steps


def keeps_dtype(row: Reducer, dtype: np.dtype[Any], options: Mapping[str, Any]) -> bool:
    """Whether levels of a reducer have the dtype of the array."""
    if row.result in ("count", "draw") or dtype.kind not in row.kinds:
        return False
    rounded = row.result in ("mean", "quantile") and "rounding" in row.options and dtype.kind in "iu"
    return rounded or default_dtype(row, dtype, options) == dtype


class Levels:
    """Levels of blocks of one dtype.  ``nests``: each level comes from the one before; ``sums``: means of integers."""

    def __init__(
        self, dtype: np.dtype[Any], factors: Mapping[int, int], reduce: Reduce, options: Mapping[str, Any],
        nan_policy: str = "propagate", name: str = "x",
    ) -> None:  # fmt: skip
        self.dtype: np.dtype[Any] = check_dtype(dtype, "biufc", name)
        self.factors: dict[int, int] = dict(sorted(factors.items()))
        self.reduce: Reduce = reduce
        self.options: dict[str, Any] = dict(options)
        self.nan_policy: str = text(nan_policy, NAN_POLICIES, "nan_policy")
        self.name: str = ""
        self.nests: bool = False
        self.sums: bool = False
        found = find(reduce)
        if found is None:
            if options.get("rounding") is not None:
                raise TypeError(f"rounding does not go with reduce={shown(reduce)}")
            return
        row, omits = found
        self.name = row.name
        values = read_options(row, self.options)
        if values.get("weights") is not None:
            raise TypeError("weights are for windows of one size: levels have windows of several")
        if not keeps_dtype(row, self.dtype, values):
            allowed = [r.name for r in TABLE.values() if keeps_dtype(r, self.dtype, read_options(r, {}))]
            raise TypeError(
                f"reduce={row.name!r} of {self.dtype} does not give {self.dtype}, which all levels have: "
                f"it must be one of {', '.join(allowed)}"
            )
        skips = (omits or nan_policy == "omit") and self.dtype.kind == "f"
        self.nests = row.name in NESTING and not (row.name == "first" and skips)
        self.sums = row.name == "mean" and self.dtype.kind in "iu" and not values["divisor"]
        if row.name == "sum" and self.dtype.kind in "iu":
            self.nests = True

    @property
    def axes(self) -> tuple[int, ...]:
        return tuple(self.factors)

    def windows(self, shape: Sequence[int], level: int) -> tuple[int, ...]:
        return windows_of(shape, self.factors, level)

    def length(self, n: int, axis: int, level: int) -> int:
        """The length of an axis at a level."""
        size: int = self.factors.get(axis, 1) ** level
        return -(-n // size)

    def shape(self, shape: Sequence[int], level: int) -> tuple[int, ...]:
        return tuple(self.length(n, a, level) for a, n in enumerate(shape))

    def pooled(self, block: Array, windows: tuple[int, ...], **keywords: Any) -> Any:
        """One call of `pool`."""
        given: dict[str, Any] = {"reduce": self.reduce, "dtype": self.dtype, "nan_policy": self.nan_policy}
        return pool(block, windows, axes=self.axes, ceil_mode=True, **given | self.options | keywords)

    def of(
        self, block: Array, levels: Sequence[int], *, where: ArrayLike | None = None, fill_value: Any = None,
        workers: int | None = None,
    ) -> list[Any]:  # fmt: skip
        """The levels of a block (1 and up, rising)."""
        plain = where is None and fill_value is None and self.nan_policy != "raise" and self.name != ""
        if not plain or isinstance(block, np.ma.MaskedArray):
            given = {"where": where, "fill_value": fill_value, "workers": workers}
            return [self.pooled(block, self.windows(block.shape, k), **given) for k in levels]
        if not levels:
            threads.resolve(workers, 1)
            return []
        if self.nests:
            return self._nested(block, levels, workers)
        base = self.base(block.shape, levels[-1]) if self.sums else levels[-1]
        direct = [k for k in levels if k <= base]
        result = self._direct(block, direct, workers)
        if len(direct) < len(levels):
            sums = self.sum(block, base, workers)
            result += self.of_sums(sums, block.shape, base, levels[len(direct) :], workers)
        return result

    def _nested(self, block: Array, levels: Sequence[int], workers: int | None) -> list[Any]:
        result, at = [], 0
        for level in levels:
            block, at = self.pooled(block, self.windows(block.shape, level - at), workers=workers), level
            result.append(block)
        return result

    # ---- means of integers ---------------------------------------------------------------------------------------

    @property
    def sum_dtype(self) -> np.dtype[Any]:
        return np.dtype(np.int64 if self.dtype.kind == "i" else np.uint64)

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether the sum of all cells of an array, on its pooled axes, fits 64 bits."""
        most = max(abs(int(limit)) for limit in (np.iinfo(self.dtype).min, np.iinfo(self.dtype).max))
        return most * math.prod(shape[a] for a in self.axes) < 2**63

    def base(self, shape: Sequence[int], last: int) -> int:
        """The level whose sums make those that follow, the last one if there is none."""
        if not self.fits(shape):
            return last
        return next((k for k in range(1, last) if math.prod(f**k for f in self.factors.values()) >= SUMMED), last)

    def sum(self, block: Array, level: int, workers: int | None = None) -> Array:
        """Exact sums of windows."""
        given: dict[str, Any] = {"reduce": "sum", "dtype": self.sum_dtype, "workers": workers}
        found: Array = pool(block, self.windows(block.shape, level), axes=self.axes, ceil_mode=True, **given)
        return found

    def of_sums(
        self, sums: Array, shape: Sequence[int], base: int, levels: Sequence[int], workers: int | None = None
    ) -> list[Array]:
        """Means of a block of this shape from the sums of its level `base`."""
        result = []
        more = Levels(self.sum_dtype, self.factors, "sum", {})
        for level in levels:
            means = np.empty(self.shape(shape, level), self.dtype)
            if level - 1 > base:
                (sums,) = more.of(sums, (level - 1 - base,), workers=workers)
                base = level - 1
            window = tuple(self.factors[a] ** (level - base) for a in self.axes)
            for outputs, cells in self._alike(shape, level):
                taken = tuple(
                    slice(o.start * w, o.stop * w) for o, w in zip((outputs[a] for a in self.axes), window, strict=True)
                )
                part = list(outputs)
                for a, piece in zip(self.axes, taken, strict=True):
                    part[a] = piece
                means[outputs] = pool(
                    sums[tuple(part)], window, "mean", axes=self.axes, ceil_mode=True, dtype=self.dtype,
                    divisor=cells, workers=workers, **self.options,
                )  # fmt: skip
            result.append(means)
        return result

    def _alike(self, shape: Sequence[int], level: int) -> Iterator[tuple[tuple[slice, ...], int]]:
        """Outputs that have the same number of cells: the last one of an axis may have fewer."""
        ways = []
        for a, n in enumerate(shape):
            size = self.factors.get(a, 1) ** level
            full, rest = divmod(n, size) if a in self.factors else (n, 0)
            of_axis = [(slice(0, full), size if a in self.factors else 1)] if full else []
            ways.append([*of_axis, (slice(full, full + 1), rest)] if rest else of_axis)
        for choice in itertools.product(*ways):
            yield tuple(part for part, _ in choice), math.prod(cells for _, cells in choice)

    # ---- from the array itself -----------------------------------------------------------------------------------

    def _direct(self, block: Array, levels: Sequence[int], workers: int | None) -> list[Array]:
        result: list[Array] = [np.empty(0)] * len(levels)
        left = list(range(len(levels)))
        count = threads.resolve(workers, threads.UNASKED * max(1, block.nbytes // THREADED))
        for room in CACHES:
            sides = self._sides(block, [levels[i] for i in left], room)
            now = [i for i in left if sides and self._holds(sides, block.shape, levels[i])]
            if len(now) > 1:
                self._blocks(block, sides, [(i, levels[i]) for i in now], result, count)
                left = left[len(now) :]
        for i in left:
            result[i] = self._one(block, levels[i], workers)
        return result

    def _holds(self, sides: Sequence[int], shape: Sequence[int], level: int) -> bool:
        """Whether no window of a level reaches from one block into the next."""
        return all(sides[a] >= shape[a] or sides[a] % f**level == 0 for a, f in self.factors.items())

    def _sides(self, block: Array, levels: Sequence[int], room: int) -> tuple[int, ...]:
        """Sides of blocks of at most `room` bytes that hold windows of as many levels as can be, with rows that are
        long enough to be read quickly; () if there is nothing to cut."""
        best: tuple[int, ...] = ()
        if block.nbytes <= room:
            return best
        shape = block.shape
        order = sorted(range(block.ndim), key=lambda a: (-abs(block.strides[a]), a))  # the outermost axis first
        last = max(map(order.index, self.axes))  # what lies further in is not cut
        for level in levels:
            unit = dict(zip(self.axes, self.windows(shape, level), strict=True))
            sides = [min(unit.get(a, 1), n) if order.index(a) <= last else n for a, n in enumerate(shape)]
            for a in reversed(order):
                sides[a] = min(shape[a], sides[a] * max(1, room // (math.prod(sides) * block.itemsize)))
            if math.prod(sides) * block.itemsize > room or sides[order[last]] < min(shape[order[last]], LONG):
                break
            best = tuple(sides)
        return best

    def _blocks(
        self, block: Array, sides: tuple[int, ...], wanted: list[tuple[int, int]], result: list[Array], count: int
    ) -> None:
        for i, level in wanted:
            result[i] = np.empty(self.shape(block.shape, level), self.dtype)

        def make(start: tuple[int, ...]) -> None:
            ends = [min(s + side, n) for s, side, n in zip(start, sides, block.shape, strict=True)]
            piece = block[tuple(slice(s, e) for s, e in zip(start, ends, strict=True))]
            for i, level in wanted:
                place = tuple(
                    slice(s // self.factors.get(a, 1) ** level, self.length(e, a, level))
                    for a, (s, e) in enumerate(zip(start, ends, strict=True))
                )
                result[i][place] = self._one(piece, level, 1)

        starts = itertools.product(*(range(0, n, side) for n, side in zip(block.shape, sides, strict=True)))
        _each(make, starts, count)

    def _one(self, block: Array, level: int, workers: int | None) -> Array:
        windows = self.windows(block.shape, level)
        cells = math.prod(min(w, block.shape[a]) for a, w in zip(self.axes, windows, strict=True))
        if self.name not in ("median", "quantile", "mode") or cells < GATHERED or len(self.axes) < 2:
            found: Array = self.pooled(block, windows, workers=workers)
            return found
        # Large windows are sorted as one line each.
        result = np.empty(self.shape(block.shape, level), self.dtype)
        size = dict(zip(self.axes, windows, strict=True))

        def make(index: tuple[int, ...]) -> None:
            sides = [size.get(a, 1) for a in range(block.ndim)]
            line = block[tuple(slice(i * s, (i + 1) * s) for i, s in zip(index, sides, strict=True))].ravel()
            given: dict[str, Any] = {"reduce": self.reduce, "dtype": self.dtype, "nan_policy": self.nan_policy}
            result[index] = pool(line, line.size, workers=1, **given | self.options)[0]

        count = threads.resolve(workers, threads.UNASKED * result.size)
        _each(make, itertools.product(*map(range, result.shape)), count)
        return result


def _each(make: Callable[[tuple[int, ...]], None], items: Iterator[tuple[int, ...]], count: int) -> None:
    """Calls `make` for each item, on `count` threads."""
    if count == 1:
        for item in items:
            make(item)
        return
    from concurrent.futures import ThreadPoolExecutor  # which imports logging, and more

    with ThreadPoolExecutor(count) as executor:
        for _ in executor.map(make, items):
            pass
