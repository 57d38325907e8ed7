"""Which outputs a task makes, and of which cells.

    input chunks   |0 1 2 3|4 5 6 7|8 9|        window 3, stride 2, padding 1
    windows        (-1 0 1)(1 2 3)              belong to the first chunk, which needs its cells 0 .. 3
                                (3 4 5)         too: its first cell lies there, so that 4 and 5 are needed
                                    (5 6 7)(7 8 9)

An output belongs to the chunk in which its window starts.  The windows of a task are described as windows on the
cells it is given (`Span`), so that the kernels see a small array of its own: padding stays where the array ends, and
cells that a border wraps around are put where they are seen.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..geometry import BORDERS
from ..rows import LINES, WIDE
from ..spans import Span
from ..tall import TALL

__all__ = ["Block", "Ranges", "axis_blocks", "axis_edges", "blocks_of", "cells_of", "covering", "edges_of", "intervals",
           "plain_blocks", "planes_of", "split", "trailing_axes"]  # fmt: skip

Ranges = tuple[tuple[int, int], ...]


class Block(NamedTuple):
    """Outputs first .. last - 1 of an axis: the cells they need (ranges, in this order), and the windows on those."""

    first: int
    last: int
    ranges: Ranges
    span: Span | None  # None: an axis that is not pooled
    offset: int = 0  # where cell `low` lies among the cells
    low: int = 0
    high: int = 0

    @property
    def cells(self) -> int:
        return sum(stop - start for start, stop in self.ranges)

    def positions(self) -> NDArray[np.int64]:
        """The cell of the whole axis that each cell is."""
        return np.concatenate([np.arange(start, stop, dtype=np.int64) for start, stop in self.ranges])


def edges_of(chunks: Sequence[int]) -> tuple[int, ...]:
    """Where chunks start, and where the last one ends."""
    return (0, *(int(i) for i in np.cumsum(chunks, dtype=np.int64)))


# ---- windows on a part of the cells ------------------------------------------------------------------


def cells_of(span: Span, first: int, last: int, border: str) -> Block:
    """The windows first .. last - 1 of an axis on the cells that they need.  `_fits` holds."""
    n = span.n
    if span.starts is not None and span.stops is not None:
        starts, stops = span.starts[..., first:last], span.stops[..., first:last]
        some = stops > starts
        low, high = (int(starts[some].min()), int(stops[some].max())) if some.any() else (0, 1)
        starts, stops = np.clip(starts, low, high) - low, np.clip(stops, low, high) - low
        local = span._replace(n=high - low, o=last - first, starts=starts, stops=stops)
        return Block(first, last, ((low, high),), local, 0, low, high)
    start = first * span.s - span.before
    stop = (last - 1) * span.s - span.before + (span.k - 1) * span.d + 1
    low = max(start, 0)
    extent = min((span.k - 1) * span.d + 1, n)  # as many cells: rounding depends on how long a window can be
    high = max(min(stop, n), min(low + extent, n))
    before, after = low - start, max(min(stop, n + span.after) - n, 0)
    local = span._replace(n=high - low, o=last - first, before=before, after=after)
    mirrored = BORDERS.index(border) > 1 and (before or after)
    if not mirrored:
        return Block(first, last, ((low, high),), local, 0, low, high)
    whole = first == 0 and last == span.o
    if border == "wrap" and not whole and not after:  # what is before the first cell follows the last one
        return Block(first, last, ((0, high), (n - before, n)), local._replace(n=high + before), 0, 0, high)
    if border == "wrap" and not whole:
        ranges = [(n - before, n)] * (before > 0) + [(low, high), (0, after)]
        local = local._replace(n=before + high - low + after, before=0, after=0)
        return Block(first, last, tuple(ranges), local, before, low, high)
    high = n if border == "wrap" else max(high, min(n, before + 1) * (before > 0))  # and the cells that are mirrored
    low = 0 if border == "wrap" else low
    return Block(first, last, ((low, high),), local._replace(n=high - low), 0, low, high)


def _around(span: Span, first: int, last: int) -> Block:
    """The windows first .. last - 1, all of which wrap around the end: as windows that begin before the first cell."""
    n, low = span.n, first * span.s - span.before
    after = (last - 1) * span.s - span.before + span.k - n
    local = span._replace(n=after + n - low, o=last - first, before=n - low, after=0)
    return Block(first, last, ((0, after), (low, n)), local, after, low, n)


def _fits(span: Span, first: int, last: int, border: str) -> bool:
    """Whether `cells_of` can describe these windows: the first lies inside, and starts behind no mirrored cell."""
    if first == 0 or span.starts is not None:
        return True
    start = first * span.s - span.before
    stop = (last - 1) * span.s - span.before + (span.k - 1) * span.d + 1
    after = max(min(stop, span.n + span.after) - span.n, 0)
    mirrored = border in ("reflect", "symmetric", "edge")
    extent = min((span.k - 1) * span.d + 1, span.n)
    return start <= min(span.n - extent, span.n - 1 - (after if mirrored else 0))


# ---- outputs shared out ------------------------------------------------------------------------------


def axis_edges(chunks: Sequence[Sequence[int]], spans: Mapping[int, Span]) -> list[tuple[int, ...]]:
    """Where the chunks of each axis start and end.  Few values behind the pooled axes (colours) stay together, as in
    the rows of the kernels."""
    edges = [edges_of(lengths) for lengths in chunks]
    for last in (trailing_axes([e[-1] for e in edges], spans, untouched) for untouched in (True, False)):
        if math.prod(edges[a][-1] for a in last) < WIDE:
            edges[last.start :] = [(0, edges[a][-1]) for a in last]
    return edges


def trailing_axes(shape: Sequence[int], spans: Mapping[int, Span], untouched: bool = True) -> range:
    """The last axes, of which each cell is its own output; `untouched`: pooled ones too, as the kernels see them where
    no position matters."""
    first = len(shape)
    while first:
        span = spans.get(first - 1)
        if span is not None and not (untouched and span.untouched) and span.n * span.o > 1:
            break
        first -= 1
    return range(first, len(shape))


def plain_blocks(edges: Sequence[int]) -> list[Block]:
    """Of an axis that is not pooled."""
    return [Block(a, b, ((a, b),), None, 0, a, b) for a, b in itertools.pairwise(edges)]


def axis_blocks(edges: Sequence[Sequence[int]], spans: Mapping[int, Span], border: str) -> list[list[Block]]:
    """The outputs of each axis, shared out."""
    return [blocks_of(spans[a], e, border) if a in spans else plain_blocks(e) for a, e in enumerate(edges)]


def blocks_of(span: Span, edges: Sequence[int], border: str) -> list[Block]:
    """The outputs of an axis whose chunks have these edges, shared out among tasks."""
    chunks = [start for start, stop in itertools.pairwise(edges) if stop > start]
    if span.o == 0 or (span.starts is not None and not span.starts.size):  # no windows, or no planes
        return [Block(0, span.o, ((0, 1),), span._replace(n=1), 0, 0, 1)]
    if span.starts is not None:
        starts = span.starts if span.starts.ndim == 1 else span.starts.min(0)
        of = np.searchsorted(chunks, starts, "right")
        if (np.diff(of) < 0).any():  # in no order: shared out evenly
            first = np.arange(len(chunks)) * span.o // len(chunks)
        else:
            first = np.concatenate([[0], np.flatnonzero(np.diff(of)) + 1])
    else:
        first = np.array([min(max(-(-(start + span.before) // span.s), 0), span.o) for start in chunks])
        first[0] = 0
    # Rows of tall windows that follow each other are added up in another order than those that wrap around.
    tall = border == "wrap" and span.starts is None and span.s == span.d == 1 and TALL <= span.k <= LINES
    around = max(span.n - span.k + span.before + 1, 0) if tall and span.after else span.o
    if 0 < around < span.o:
        head = blocks_of(span._replace(o=around), edges, border)
        return [*head, _around(span, around, span.o)]
    cuts = sorted({int(i) for i in first if i < span.o})
    pairs: list[tuple[int, int]] = list(zip(cuts, [*cuts[1:], span.o], strict=True))
    i = len(pairs) - 1
    while i > 0:  # those that do not fit join the ones before
        if not _fits(span, *pairs[i], border):
            pairs[i - 1 : i + 1] = [(pairs[i - 1][0], pairs[i][1])]
        i -= 1
    return [cells_of(span, a, b, border) for a, b in pairs]


def split(block: Block, edges: Sequence[int], border: str) -> list[Block]:
    """One window on cells of several chunks, as one window on the cells of each; [block] if that is not so."""
    span = block.span
    if span is None or block.last - block.first != 1 or span.planes or len(block.ranges) != 1:
        return [block]
    if border != "ignore" and (span.before or span.after):
        return [block]
    low = block.ranges[0][0]
    if span.starts is not None and span.stops is not None:
        first, last = int(span.starts[0]), int(span.stops[0])
    elif span.d > 1:
        return [block]
    else:
        first, last = 0, min(span.k - span.before, span.n)
    start, stop = low + first, low + last
    inside = edges[bisect.bisect_right(edges, start) : bisect.bisect_left(edges, stop)]
    inner = [start, *dict.fromkeys(inside), stop]
    if len(inner) <= 2:
        return [block]
    return [
        Block(block.first, block.last, ((a, b),), Span(b - a, 1, b - a, b - a, 1, 0, 0), 0, a, b)
        for a, b in itertools.pairwise(inner)
    ]


def planes_of(blocks: Sequence[Block], shape: tuple[int, ...]) -> tuple[Block, ...]:
    """The blocks of one task, windows that differ from plane to plane cut down to its planes."""
    if not any(b.span is not None and b.span.planes for b in blocks):
        return tuple(blocks)
    batch = [n for b, n in zip(blocks, shape, strict=True) if b.span is None]
    place = tuple(slice(b.first, b.last) for b in blocks if b.span is None)
    found = []
    for b in blocks:
        if b.span is not None and b.span.planes and b.span.starts is not None and b.span.stops is not None:
            o = b.span.o
            planes = math.prod(s.stop - s.start for s in place)
            starts, stops = (np.ascontiguousarray(t.reshape(*batch, o)[place]).reshape(planes, o)
                             for t in (b.span.starts, b.span.stops))  # fmt: skip
            b = b._replace(span=b.span._replace(starts=starts, stops=stops, planes=len(starts)))
        found.append(b)
    return tuple(found)


# ---- gradients: the outputs of some cells ------------------------------------------------------------


def covering(span: Span, edges: Sequence[int], border: str) -> Iterator[Block | None]:
    """For each chunk of cells the windows that give to them, None if there are none."""
    for start, stop in itertools.pairwise(edges):
        found = _outputs(span, start, stop, border) if stop > start else (0, 0)
        yield cells_of(span, *found, border) if found[0] < found[1] else None


def _outputs(span: Span, start: int, stop: int, border: str) -> tuple[int, int]:
    """Windows that hold cells start .. stop - 1, or mirror images of them: first, and one past the last."""
    n, o, s = span.n, span.o, span.s
    if span.starts is not None and span.stops is not None:
        holds = (span.starts < stop) & (span.stops > start) & (span.starts < span.stops)
        at = np.flatnonzero(holds if holds.ndim == 1 else holds.any(0))
        return (int(at[0]), int(at[-1]) + 1) if at.size else (0, 0)
    extent = (span.k - 1) * span.d + 1
    first = max((start + span.before - extent) // s + 1, 0)
    last = min(-(-(stop + span.before) // s), o)
    if BORDERS.index(border) > 1:
        if border == "wrap" and ((span.after and start < span.after) or (span.before and stop > n - span.before)):
            return 0, o
        if border != "wrap" and span.before and start <= span.before:
            first, last = 0, max(last, min(-(-span.before // s), o))
        if border != "wrap" and span.after and stop >= n - span.after:
            beyond = (n + span.before - extent) // s + 1  # the first that reaches beyond the axis
            first, last = min(first, max(beyond, 0)), o
        while first and not _fits(span, first, last, border):
            first -= 1
    return first, last


def intervals(span: Span, border: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The least and the greatest cell that each window can pick."""
    if span.starts is not None and span.stops is not None:
        return span.starts, span.stops - 1
    low = np.arange(span.o, dtype=np.int64) * span.s - span.before
    high = low + (span.k - 1) * span.d
    last = span.n - 1
    if border == "wrap":
        outside = ((low < 0) & (span.before > 0)) | ((high > last) & (span.after > 0))
        low, high = np.where(outside, 0, low), np.where(outside, last, high)
    elif BORDERS.index(border) > 1:
        left, right = np.maximum(-low, 0), np.maximum(np.minimum(high, last + span.after) - last, 0)
        low, high = np.where(right > 0, np.minimum(low, last - right), low), np.maximum(high, left)
    return np.clip(low, 0, last), np.clip(high, 0, last)
