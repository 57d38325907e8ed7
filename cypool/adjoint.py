"""The windows of an adjoint: for each cell, the outputs whose windows hold it.

The gradient of a sum over windows is a sum over these, so that it is pooling again: of the upstream
gradient, in the same kernels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .engine import Plan, make_plan
from .geometry import BORDERS
from .reducers import TABLE
from .rows import LINES, WIDE
from .spans import Span

__all__ = ["adjoint_sum", "adjoint_windows"]

Array = NDArray[Any]
LONGEST = 64  # cells of a window that slides over stuffed cells


def adjoint_windows(spans: Mapping[int, Span], border: str) -> dict[int, Span] | None:
    """The windows of outputs on each axis, or None where they are no ranges."""
    mirrored = border in BORDERS[2:]
    found = {a: _adjoint(s, mirrored) for a, s in spans.items()}
    return None if None in found.values() else {a: s for a, s in found.items() if s is not None}


def _adjoint(span: Span, mirrored: bool) -> Span | None:
    n, o, k, s, d = span.n, span.o, span.k, span.s, span.d
    if span.planes or (mirrored and (span.before or span.after)):
        return None
    if span.tiles and k == s:
        return Span(o, n, 1, 1, 1, 0, 0, copies=k)
    if span.starts is not None and span.stops is not None:
        cells = np.arange(n)
        if (np.diff(span.starts) < 0).any() or (np.diff(span.stops) < 0).any():
            return None
        first, last = np.searchsorted(span.stops, cells, "right"), np.searchsorted(span.starts, cells, "right")
        return Span(o, n, 1, 1, 1, 0, 0, first.astype(np.int64), np.maximum(first, last).astype(np.int64))
    before = (k - 1) * d - span.before
    if s == 1 and before >= 0:
        return Span(o, n, k, 1, d, before, max(0, n - o + span.before))
    return None if d > 1 else _ranges(span)


def _ranges(span: Span) -> Span:
    """The outputs of each cell as a table."""
    n, o, k, s = span.n, span.o, span.k, span.s
    before, cells = k - 1 - span.before, np.arange(n)
    first = np.clip(-(-(cells + span.before - k + 1) // s), 0, o)
    last = np.clip((cells + span.before) // s + 1, first, o)
    stuffed = None
    if s > 1 and k <= LONGEST and before >= 0:
        wide = (o - 1) * s + 1
        stuffed = Span(wide, n, k, 1, 1, before, max(0, n + k - 1 - before - wide), stuff=s)
    return Span(o, n, 1, 1, 1, 0, 0, first.astype(np.int64), last.astype(np.int64), stuffed=stuffed)


def adjoint_sum(
    key: Any, shape: tuple[int, ...], dtype: np.dtype[Any], windows: Mapping[int, Span], divisor: int,
    factors: Mapping[int, Array] | None, out: np.dtype[Any],
) -> Plan | None:  # fmt: skip
    """The plan (kept under `key`) of sums over the windows of each axis of an upstream gradient in one piece, in
    C order, divided by `divisor` or multiplied by the factors of each axis.  None: not in these windows."""
    windows, copies = dict(windows), 1
    row_axis = max(windows)
    whole_rows = row_axis == len(shape) - 1 or (row_axis == len(shape) - 2 and shape[-1] < WIDE)
    copied = whole_rows and not factors  # results that are written several times, not summed several times
    for a in sorted(windows, reverse=True):
        k = windows[a].copies
        if k > 1 and copied and a == row_axis:
            windows[a] = Span(shape[a], shape[a], 1, 1, 1, 0, 0, copies=k)
        elif k > 1 and copied and a == row_axis - 1 and not windows[row_axis].tiles:
            copies = windows.pop(a).copies
        elif k > 1:
            windows[a] = _ranges(Span(shape[a] * k, shape[a], k, k, 1, 0, 0))
    if math.prod(windows[a].longest for a in sorted(windows)[:-1]) > LINES:
        return None
    row = TABLE["mean" if divisor > 1 else "sum"]
    options = {name: option.default for name, option in row.options.items()}
    if divisor > 1:
        options["divisor"] = divisor
    strides = tuple(math.prod(shape[a + 1 :]) * dtype.itemsize for a in range(len(shape)))
    return make_plan(
        key, row, windows, options, shape=shape, strides=strides, dtype=dtype, aligned=True, mask_strides=None,
        border="ignore", border_value=0, nan_policy="propagate", min_count=1, fill_value=0, out_dtype=out, quiet=True,
        factors=factors or {}, copies=copies,
    )  # fmt: skip
