"""The windows of an adjoint: for each cell, the outputs whose windows hold it.

The gradient of a sum over windows is a sum over these, so that it is pooling again: of the upstream
gradient, in the same kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .engine import Plan, make_plan
from .geometry import BORDERS
from .places import Whole
from .reducers import TABLE
from .rows import LINES, WIDE
from .spans import Span

__all__ = ["adjoint_sum", "trimmed"]

Array = NDArray[Any]
Spans = dict[int, Span]
LONGEST = 64  # cells of a window that slides over stuffed cells


# ---- the windows of outputs on one axis ------------------------------------------------------------


def _kind(span: Span, mirrored: bool) -> str:
    """How the outputs of each cell are described; "": they are no ranges."""
    if span.planes or (mirrored and (span.before or span.after)):
        return ""
    if span.tiles and span.k == span.s:
        return "copies"
    if span.starts is not None and span.stops is not None:
        return "" if (np.diff(span.starts) < 0).any() or (np.diff(span.stops) < 0).any() else "table"
    before = (span.k - 1) * span.d - span.before
    if span.s == 1 and before >= 0:
        return "slide"
    if span.d > 1:
        return ""
    return "stuffed" if span.s > 1 and span.k <= LONGEST and before >= 0 else "table"


def _adjoint(span: Span, kind: str) -> Span:
    """For each cell of an axis the outputs whose windows hold it."""
    n, o, k, s = span.n, span.o, span.k, span.s
    if kind == "copies":
        return Span(o, n, 1, 1, 1, 0, 0, copies=k)
    before = (k - 1) * span.d - span.before
    if kind == "slide":
        return Span(o, n, k, 1, span.d, before, max(0, n - o + span.before))
    first, last = _range(span, np.arange(n))
    stuffed = None
    if kind == "stuffed":
        wide = (o - 1) * s + 1
        stuffed = Span(wide, n, k, 1, 1, before, max(0, n + k - 1 - before - wide), stuff=s)
    return Span(o, n, 1, 1, 1, 0, 0, first, last, stuffed=stuffed)


def _range(span: Span, cells: Array) -> tuple[Array, Array]:
    """The first output of each of these cells, and one past the last."""
    if span.starts is not None and span.stops is not None:
        first, last = np.searchsorted(span.stops, cells, "right"), np.searchsorted(span.starts, cells, "right")
        return first.astype(np.int64), np.maximum(first, last).astype(np.int64)
    first = np.clip(-(-(cells + span.before - span.k + 1) // span.s), 0, span.o)
    last = np.clip((cells + span.before) // span.s + 1, first, span.o)
    return first.astype(np.int64), last.astype(np.int64)


def _outline(span: Span, kind: str) -> Span:
    """`_adjoint` for those that only ask for its kind and its longest window: of a whole axis, in little memory."""
    if kind in ("copies", "slide"):
        return _adjoint(span, kind)
    cells = span.starts  # a cell with the most outputs is one where a window starts: the last such one
    if cells is None:
        cells = np.array([max(min(span.o - 1, (span.n - 1 + span.before) // span.s) * span.s - span.before, 0)])
    first, last = _range(span, np.minimum(cells, span.n - 1))
    return Span(span.o, span.n, 1, 1, 1, 0, 0, np.zeros(1, np.int64), np.array([(last - first).max(initial=0)]))


# ---- on all axes -----------------------------------------------------------------------------------


def trimmed(spans: Spans, axis: int) -> Spans:
    """Without the last cells of an axis that are in no window, if what is left are tiles."""
    span = spans.get(axis)
    if span is None or span.k != span.s or span.n <= span.o * span.s:
        return spans
    cut = span._replace(n=span.o * span.s)
    return {**spans, axis: cut} if cut.tiles else spans


def _repeated(windows: Spans, shape: tuple[int, ...], factors: bool) -> tuple[int | None, int | None]:
    """The axes whose results are written several times, not summed several times: the row, and the axis before it."""
    row = max(windows)
    whole_rows = row == len(shape) - 1 or (row == len(shape) - 2 and shape[-1] < WIDE)
    if factors or not whole_rows:
        return None, None
    in_row = windows[row].copies > 1
    before = windows.get(row - 1)
    lines = before is not None and before.copies > 1 and (in_row or not windows[row].tiles)
    return (row if in_row else None), (row - 1 if lines else None)


def _arranged(
    windows: Spans, shape: tuple[int, ...], repeated: tuple[int | None, int | None], make: Callable[[Span, str], Span]
) -> tuple[Spans, int]:
    """The windows, copies only where they are `repeated`, and how often each row is written; `make`: `_adjoint` or
    `_outline`."""
    windows, copies = dict(windows), 1
    row, lines = repeated
    for a, window in list(windows.items()):
        k = window.copies
        if a == row:
            windows[a] = Span(shape[a], shape[a], 1, 1, 1, 0, 0, copies=k)
        elif a == lines:
            copies = windows.pop(a).copies
        elif k > 1:
            windows[a] = make(Span(shape[a] * k, shape[a], k, k, 1, 0, 0), "table")
    return windows, copies


def adjoint_sum(
    key: Any, spans: Spans, border: str, shape: tuple[int, ...], dtype: np.dtype[Any], divisor: int,
    factors: Mapping[int, Array], out: np.dtype[Any], whole: Whole | None = None,
) -> Plan | None:  # fmt: skip
    """The plan (kept under `key`) of sums of an upstream gradient (of this shape, in one piece, in C order): for each
    cell, over the outputs whose windows hold it, divided by `divisor` or multiplied by the factors of each axis.
    None: not in these windows.

    `whole`: of a larger array, of which this is a block; numbers are then added up in the order of that."""
    model, grid = (spans, shape) if whole is None else (whole.spans, whole.outputs)
    kinds = {a: _kind(s, border in BORDERS[2:]) for a, s in model.items()}
    if "" in kinds.values():
        return None
    windows = {a: _adjoint(s, kinds[a]) for a, s in spans.items()}
    outlines = {a: _outline(s, kinds[a]) for a, s in model.items()}
    repeated = _repeated(outlines, grid, bool(factors))
    windows, copies = _arranged(windows, shape, repeated, _adjoint)
    outlines, _ = _arranged(outlines, grid, repeated, _outline)
    if math.prod(outlines[a].longest for a in sorted(outlines)[:-1]) > LINES:
        return None
    row = TABLE["mean" if divisor > 1 else "sum"]
    options = {name: option.default for name, option in row.options.items()}
    if divisor > 1:
        options["divisor"] = divisor
    strides = tuple(math.prod(shape[a + 1 :]) * dtype.itemsize for a in range(len(shape)))
    return make_plan(
        key, row, windows, options, shape=shape, strides=strides, dtype=dtype, aligned=True, mask_strides=None,
        border="ignore", border_value=0, nan_policy="propagate", min_count=1, fill_value=0, out_dtype=out, quiet=True,
        factors=factors, copies=copies,
        whole=None if whole is None else Whole(grid, whole.cells, outlines, None),
    )  # fmt: skip
