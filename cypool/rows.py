"""An array seen as rows: axes sorted by stride, merged where memory is contiguous, cut into tiles.

The last pooled axis (with the channels inside it) becomes the row, all others are leading axes.
The order of the axes in memory therefore costs nothing, and an array of any number of dimensions
is a table of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .spans import Span

__all__ = ["BAND", "BLOCK", "COLUMNS", "FOLDED", "LINES", "SLOTS", "TILE", "Axis",
           "canonical", "fewest", "folded_tile", "is_long", "most_taps", "reach", "strip_of", "tiling"]  # fmt: skip

COLUMNS = 32768  # bytes of the cells laid out by `select`
SLOTS = 128  # most cells of a window that a network sorts; of more, counting bytes of keys is quicker
TILE = 16384  # bytes of a scratch row: a few of them stay in the first-level cache
BAND = 16384  # bytes of the input, scratch or output rows of a band
STRIP = 2048  # bytes that a strip of a tile reads of each row, or half of it, and twice of all,
FEW = 8  # if they are so few that they are fetched a strip ahead (kernels/plan.pxd)
FOLDED = 16, 128  # cells of windows on one row that are folded from memory (kernels/folds.pxd: 2 LANES, BLOCK)
FOLDS = 1 << 17  # bytes of such windows in a tile
WHOLE = 2048  # bytes of input rows that are not cut into strips,
NEAR = 8192  # and of those of arrays that stay in a cache,
CACHED = 1 << 23  # of so many bytes
LONGEST = 4096  # samples of a window along the row; longer ones are cut into segments
WIDE = 512  # channels from which a row of channels is better than a row of pixels
BLOCK = 1024  # rows of a block (kernels/plan.pxd)
VISITS = 1 << 18  # cells that a tile visits one by one before a signal can be noticed
LINES = 64  # rows of a band, and rows merged at a time


@dataclass(frozen=True)
class Axis:
    """One axis while it is sorted and merged: its windows (None: batch) and steps in bytes."""

    n: int
    o: int
    span: Span | None
    x: int
    mask: int
    rank: int = 0
    plane: int = 0
    reach: int = 1  # most cells of a window
    index: int = 0  # weight of a cell in flat positions
    position: int = 0  # weight of an output in its flat position
    apart: bool = False  # equal cells count apart
    factors: NDArray[np.float64] | None = None  # what each cell is multiplied by

    @property
    def flat(self) -> bool:
        """A pooled axis of which all cells are the same memory."""
        return not self.apart and self.span is not None and self.x == 0 and self.mask == 0

    @property
    def trivial(self) -> bool:
        """One cell that is its own output."""
        s = self.span
        return (
            self.n == self.o == 1
            and self.factors is None
            and (s is None or (s.k == s.copies == 1 and s.inside and s.starts is None))
        )

    @property
    def whole(self) -> bool:
        s = self.span
        return (
            s is not None
            and self.factors is None
            and s.starts is None
            and s.o == 1
            and s.k == s.n
            and s.d == 1
            and s.inside
        )


def _merge(outer: Axis, inner: Axis, visits: bool) -> Axis | None:
    """Two axes as one, if memory and windows allow it."""
    if outer.x != inner.n * inner.x or outer.mask != inner.n * inner.mask:
        return None
    n, o = outer.n * inner.n, outer.o * inner.o
    if outer.span is None and inner.span is None and outer.position == inner.o * inner.position:
        return Axis(n, o, None, inner.x, inner.mask, position=inner.position)
    if visits or inner.span is None:
        return None
    if outer.whole and inner.whole:
        return Axis(n, 1, Span(n, 1, n, n, 1, 0, 0), inner.x, inner.mask)
    if outer.span is None and inner.span.tiles and inner.factors is None:
        span = inner.span._replace(n=n, o=o)
        return Axis(n, o, span, inner.x, inner.mask)
    return None


def canonical(axes: list[Axis], visits: bool, like: list[Axis] | None = None) -> tuple[list[Axis], int]:
    """Sorted, merged axes with the row axis last, and the number of channels inside it (those of
    a last batch axis that is left in the list behind the row axis; 1: there is none).

    `like`: the axes of a larger array, in C order as these are, of which these are a block.  The order in which
    numbers are added up is then that of the larger array."""
    if like is not None:
        return _alike(axes, visits, like)
    planes = any(a.span is not None and a.span.planes for a in axes)
    order = sorted(axes, key=lambda a: (a.x != 0, -abs(a.x)))
    if planes:  # each plane has its own windows: the row must be a pooled axis
        order.append(order.pop(max(i for i, a in enumerate(order) if a.span is not None)))
        return order, 1
    merged: list[Axis] = []
    for axis in reversed(order):  # inner axes first, so that a batch axis meets windows that are complete
        if axis.trivial:
            continue
        both = _merge(axis, merged[0], visits) if merged else None
        merged[: both is not None] = [axis if both is None else both]
    if not merged:
        merged = [Axis(1, 1, None, 0, 0)]
    if _rowless(merged[-1]):
        return [*merged, Axis(1, 1, None, 0, 0)], 1
    return merged, _channels(merged)


def _rowless(last: Axis) -> bool:
    """Cells of a window that share no row."""
    s = last.span
    return s is not None and (last.flat or (s.d > 1 and (s.k - 1) * s.d + 1 > LONGEST))


def _channels(merged: list[Axis]) -> int:
    """How many samples of the last axis go together as one cell of the row, which is the axis before."""
    last, before = merged[-1], merged[-2] if len(merged) > 1 else None
    if last.span is None and before is not None and before.span is not None and not before.flat and last.n < WIDE:
        s = before.span
        extent = ((s.k - 1) * s.d + 1 if s.starts is None else s.longest) * last.n
        if extent <= LONGEST or (last.n < 64 and s.d == 1):
            return last.n
    return 1


def _alike(axes: list[Axis], visits: bool, like: list[Axis]) -> tuple[list[Axis], int]:
    """As `canonical`, all choices made for `like`; axes that need not be one for that stay apart if memory does not
    let them be."""
    if any(a.span is not None and a.span.planes for a in axes):
        axes = list(axes)
        axes.append(axes.pop(max(i for i, a in enumerate(axes) if a.span is not None)))
        return axes, 1
    merged: list[Axis] = []
    models: list[Axis] = []
    first = True  # whether merged[0] is all that models[0] stands for
    for axis, model in zip(reversed(axes), reversed(like), strict=True):
        if model.trivial:
            continue
        model_of_both = _merge(model, models[0], visits) if models else None
        models[: model_of_both is not None] = [model if model_of_both is None else model_of_both]
        both = _merge(axis, merged[0], visits) if model_of_both is not None and first else None
        if model_of_both is not None and both is None and model.whole:
            raise AssertionError("a block of several whole axes is not in one piece")
        first = model_of_both is None or both is not None
        merged[: both is not None] = [axis if both is None else both]
    if not merged:
        merged = models = [Axis(1, 1, None, 0, 0)]
    if _rowless(models[-1]):
        return [*merged, Axis(1, 1, None, 0, 0)], 1
    channels = _channels(models)
    if channels > 1 and merged[-1].n != channels:
        raise AssertionError(f"a block has {merged[-1].n} of {channels} channels")
    return merged, channels


def is_long(span: Span, size: int, rows: int) -> bool:
    """Whether rows of `span.n` cells of `size` bytes, of which there are `rows`, go a strip at a time."""
    row = span.n * size
    return row > (NEAR if rows * row <= CACHED else WHOLE)


def strip_of(span: Span, size: int, rows: int, taps: int, outputs: int) -> int:
    """Outputs of a strip, of the row axis `span` (cells of `size` bytes, `rows` such rows, `taps` to a window)."""
    if not is_long(span, size, rows):
        return outputs
    extent = (span.k - 1) * span.d + 1
    strip = min(STRIP // 2, 2 * STRIP // taps) if 1 < taps <= FEW else STRIP
    return (max(strip // size, 8 * extent) - extent) // span.s + 1


def folded_tile(span: Span, size: int, tile: dict[str, int]) -> dict[str, int]:
    """A tile of windows that are folded from memory (cells of `size` bytes)."""
    outputs = min(span.o, max(1, FOLDS // (size * span.s)))
    return {**tile, "outputs": outputs, "span": (outputs - 1) * span.s + span.k}


def reach(span: Span, mirrored: bool) -> int:
    """Most cells that a window can read (1 where all are empty)."""
    return max(1, min(span.longest, span.n + (span.before + span.after if mirrored else 0)))


def tiling(
    span: Span, channels: int, size: int, mirrored: bool, visited: int, slots: int, each: bool
) -> dict[str, int]:
    """Outputs of a tile of the row axis and the cells it reads; segments of windows longer than that.

    `visited`: rows of which each cell is visited for each output, 0 if none is; `slots`: cells that are
    kept for each output, 0 if none are; `each`: window by window, so that only cells that exist are read."""
    room = max(1, TILE // size // channels)
    most = max(1, VISITS // (visited * channels * reach(span, mirrored))) if visited else span.o
    longest = max(1, LONGEST // channels)
    if slots:
        most = min(most, max(1, COLUMNS // (size * slots * channels)))
        longest = span.n
    if span.starts is None or span.stops is None:
        extent = (span.k - 1) * span.d + 1
        if each:
            extent = min(extent, span.n + (span.before + span.after if mirrored else 0))
        part = max(1, room // 2)
        if (
            not slots and extent > part and span.s <= part and span.d == 1 and span.k <= 4 * span.n
        ):  # in parts of each window
            outputs = min(span.o, part // span.s, max(1, VISITS // (visited * channels * part)) if visited else span.o)
            cells, segments = (outputs - 1) * span.s + part, -(-span.k // part)
            return {"outputs": outputs, "span": cells, "segment": part, "segments": segments, "sliding": 1}
        if not slots and extent > longest:  # in parts of the row, one window at a time
            segments = -(-reach(span, mirrored) // longest)
            return {"outputs": 1, "span": longest, "segment": longest, "segments": segments, "sliding": 0}
        outputs = min(span.o, most, (max(room, 2 * extent) - extent) // span.s + 1)
        outputs = -(-span.o // -(-span.o // outputs))  # tiles of about one size
        if span.untouched:
            outputs += outputs & 1  # both parts of a complex number in one tile
        cells = (outputs - 1) * span.s + extent
        return {"outputs": outputs, "span": cells, "segment": 0, "segments": 1, "sliding": 0}
    outputs = min(span.o, room, most)
    while True:
        edges = np.arange(0, span.o, outputs)
        low = np.minimum.reduceat(np.atleast_2d(span.starts), edges, axis=1)
        high = np.maximum.reduceat(np.atleast_2d(span.stops), edges, axis=1)
        cells = int((high - low).max())
        if cells <= max(room, longest if outputs == 1 else 0):
            return {"outputs": outputs, "span": max(cells, 1), "segment": 0, "segments": 1, "sliding": 0}
        if outputs == 1:
            segments = -(-cells // longest)
            return {"outputs": 1, "span": longest, "segment": longest, "segments": segments, "sliding": 0}
        outputs = (outputs + 1) // 2


def most_taps(axis: Axis, mirrored: bool) -> int:
    return 1 if axis.span is None or axis.flat else reach(axis.span, mirrored)


def fewest(span: Span, constant: bool) -> int:
    """Fewest cells of a window; 0 where that would take long to find."""
    if span.starts is not None and span.stops is not None:
        return int((span.stops - span.starts).min()) if span.starts.size else 0
    if span.inside:
        return span.k
    if span.d > 1:
        return 0
    low, high = (-span.before, span.n + span.after) if constant else (0, span.n)
    ends = (-span.before, (span.o - 1) * span.s - span.before)
    return min(max(0, min(start + span.k, high) - max(start, low)) for start in ends)
