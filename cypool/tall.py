"""Tall windows at stride 1: the lines of a band share most of their rows, and slide along columns (merge_deep in
kernels/lines.pxd; extremes of float32 in kernels/slides.h)."""

from __future__ import annotations

from typing import Any

from .lanes import CODES, OPERATORS
from .rows import LINES
from .spans import Span

__all__ = ["STRIP", "slides", "tall"]

TALL = 10  # rows from which this is quicker than reading them anew for each line
DEEP = 163840  # bytes of the rows that a band reads
# What kernels/slides.h knows:
ROWS = 3  # of a window, or more
LEAST, MOST = 2, 16  # cells of a window on each of them
STRIP = 288  # cells of a row that are worked on at a time


def slides(lanes: list[dict[str, Any]], leading: list[dict[str, Any]], span: Span, taps: int) -> bool:
    """Whether all that is asked for are extremes of float32, read as they lie in memory, of windows at stride 1 on rows
    of one axis (kernels/slides.h)."""
    return (
        len(lanes) == 1
        and lanes[0]["direct"]
        and lanes[0]["op"] <= OPERATORS.index("min")
        and lanes[0]["have"] == CODES["f4"]
        and span.s == span.d == span.copies == 1
        and LEAST <= span.k <= MOST
        and span.n >= 8
        and leading != []
        and taps == leading[-1]["k"]
    )


def tall(
    leading: list[dict[str, Any]], plain: bool, slid: bool, tile: dict[str, int], span: Span, size: int
) -> tuple[int, dict[str, int]]:
    """Rows of a tall window, or 0, and the tile, narrow enough for all rows of a band (cells of `size` bytes).  Where
    extremes are `slid` fewer rows are tall.

    It depends on the windows alone, not on what is done together with one, since the order of its sums does."""
    if not leading or not plain or tile["segment"] or span.stuff > 1:
        return 0, tile
    last = leading[-1]
    steady = last["starts"] is None and last["s"] == last["d"] == 1 and not last["flat"]
    if not steady or not (ROWS if slid else TALL) <= last["k"] <= LINES:
        return 0, tile
    if span.starts is None:
        extent = tile["span"] - (tile["outputs"] - 1) * span.s
        cells = max(DEEP // (size * min(5 * last["k"], LINES + last["k"])), 2 * extent)
        outputs = min(tile["outputs"], (cells - extent) // span.s + 1)
        outputs = -(-span.o // -(-span.o // outputs))  # tiles of one width
        tile = {**tile, "outputs": outputs, "span": (outputs - 1) * span.s + extent}
    return last["k"], tile
