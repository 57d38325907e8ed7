"""Tall windows at stride 1: the lines of a band share most of their rows, and slide along columns (merge_deep in
kernels/lines.pxd)."""

from __future__ import annotations

from typing import Any

from .rows import LINES
from .spans import Span

__all__ = ["tall"]

TALL = 10  # rows from which this is quicker than reading them anew for each line
DEEP = 163840  # bytes of the rows that a band reads


def tall(
    leading: list[dict[str, Any]], plain: bool, tile: dict[str, int], span: Span, size: int
) -> tuple[int, dict[str, int]]:
    """Rows of a tall window, or 0, and the tile, narrow enough for all rows of a band (cells of `size` bytes).

    It depends on the windows alone, not on what is done together with one, since the order of its sums does."""
    if not leading or not plain or tile["segment"] or span.stuff > 1:
        return 0, tile
    last = leading[-1]
    slides = last["starts"] is None and last["s"] == last["d"] == 1 and not last["flat"]
    if not slides or not TALL <= last["k"] <= LINES:
        return 0, tile
    if span.starts is None:
        extent = tile["span"] - (tile["outputs"] - 1) * span.s
        cells = max(DEEP // (size * min(5 * last["k"], LINES + last["k"])), 2 * extent)
        outputs = min(tile["outputs"], (cells - extent) // span.s + 1)
        outputs = -(-span.o // -(-span.o // outputs))  # tiles of one width
        tile = {**tile, "outputs": outputs, "span": (outputs - 1) * span.s + extent}
    return last["k"], tile
