"""Tall windows at stride 1: the lines of a band share most of their rows, and slide along columns (merge_deep in
kernels/lines.pxd; extremes of float32 in kernels/slides.h)."""

from __future__ import annotations

from typing import Any

from . import dispatch
from .lanes import CODES, OPERATORS
from .rows import LINES
from .spans import Span

__all__ = ["blocks", "slides", "tall"]

TALL = 10  # rows from which this is quicker than reading them anew for each line
DEEP = 163840  # bytes of the rows that a band reads
ROWS = 3  # those from which kernels/slides.h is, for extremes


def slides(lanes: list[dict[str, Any]], leading: list[dict[str, Any]], span: Span, taps: int) -> bool:
    """Whether all that is asked for are extremes of float32, read as they lie in memory, of windows at stride 1 on rows
    of one axis (kernels/slides.h)."""
    least, most, _ = dispatch.kernels.slides
    return (
        len(lanes) == 1
        and lanes[0]["direct"]
        and lanes[0]["op"] <= OPERATORS.index("min")
        and lanes[0]["have"] == CODES["f4"]
        and span.s == span.d == span.copies == 1
        and 0 < least <= span.k <= most
        and span.n >= 8
        and leading != []
        and taps == leading[-1]["k"]
    )


def blocks(deep: int, cells: int) -> int:
    """Cells of scratch for two blocks of rows of a tile (kernels/slides.h)."""
    strip: int = dispatch.kernels.slides[2]
    return 2 * deep * (min(cells, strip) + 64)


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
