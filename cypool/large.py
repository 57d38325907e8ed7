"""Selection in windows of more cells than the kernels lay out in slots: by NumPy's sort, a row of windows
at a time.  Same results as kernels/select.pxd; memory for the cells of a row of windows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Selected", "select_large"]

Array = NDArray[Any]
OFF = -2  # beside -1 (a padded cell that holds the border's value): no cell


class Selected(NamedTuple):
    """For each window: what was picked, its flat position, how many cells took part."""

    value: Array
    positions: Array
    cells: Array
    between: bool  # a quantile that is no cell


def select_large(
    array: Array, seen: Array | None, windows: dict[int, list[NDArray[np.int64]]], border_value: Any, *,
    method: str, options: Mapping[str, Any], nan_policy: str, key: int, whole: bool,
) -> Selected:  # fmt: skip
    """`windows`: the cells of each window (-1: a padded one) on each pooled axis; `whole`: the value is to be
    a cell or an integer, else it may lie between two cells."""
    axes = sorted(windows)
    tables = [_table(windows[a]) for a in axes]
    outer, last = tables[:-1], tables[-1]
    batch = tuple(n for a, n in enumerate(array.shape) if a not in windows)
    moved = np.moveaxis(array, axes, range(-len(axes), 0)).reshape(-1, *(array.shape[a] for a in axes))
    valid = None if seen is None else np.moveaxis(seen, axes, range(-len(axes), 0)).reshape(moved.shape)
    shape = (moved.shape[0], *(t.shape[0] for t in tables))
    kind = np.dtype(np.float64) if method == "expected" or (method == "quantile" and not whole) else array.dtype
    value, index = np.zeros(shape, kind), np.full(shape, -1, np.int64)
    count, between = np.zeros(shape, np.int64), False
    weights = [math.prod(moved.shape[a + 2 :]) for a in range(len(axes))]
    order = _flat_positions(array.shape, axes, [t.shape[0] for t in tables]).reshape(shape)
    for at in itertools.product(*(range(t.shape[0]) for t in outer)):
        for plane in range(shape[0]):
            chosen = [t[i] for t, i in zip(outer, at, strict=True)]
            cells, part, where = _gather(moved[plane], None if valid is None else valid[plane], chosen, last,
                                         border_value, weights)  # fmt: skip
            if cells.dtype.kind == "f":
                nan = np.isnan(cells) & part
                if nan_policy == "omit":
                    part, nan = part & ~nan, np.zeros_like(nan)
            else:
                nan = np.zeros_like(part)
            n = part.sum(-1)
            y, slot, beside = _pick(cells, part, n, method, options, whole, key, order[(plane, *at)])
            poisoned = nan.any(-1)
            if poisoned.any():
                y[poisoned], slot[poisoned] = np.nan, nan.argmax(-1)[poisoned]
            value[(plane, *at)], count[(plane, *at)] = y, n
            found = np.take_along_axis(where, np.maximum(slot, 0)[:, None], -1)[:, 0]
            index[(plane, *at)] = np.where((slot < 0) | (n == 0), -1, found)
            between = between or beside
    back = (*batch, *shape[1:])
    value, index, count = (np.moveaxis(a.reshape(back), range(-len(axes), 0), axes) for a in (value, index, count))
    return Selected(value, index, count, between)


def _table(windows: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    table = np.full((len(windows), max(1, *map(len, windows), 1)), OFF, np.int64)
    for line, cells in zip(table, windows, strict=True):
        line[: len(cells)] = cells
    return table


def _flat_positions(shape: tuple[int, ...], axes: list[int], outputs: list[int]) -> NDArray[np.int64]:
    """The flat position of each output in the array's own order of axes, batch axes first."""
    sizes = list(shape)
    for a, o in zip(axes, outputs, strict=True):
        sizes[a] = o
    flat = np.arange(math.prod(sizes), dtype=np.int64).reshape(sizes)
    return np.moveaxis(flat, axes, range(-len(axes), 0))


def _gather(
    plane: Array, valid: Array | None, chosen: list[NDArray[np.int64]], last: NDArray[np.int64],
    border_value: Any, weights: list[int],
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Cells of a row of windows (windows, cells), whether each takes part, and its flat position."""
    grid = np.meshgrid(*chosen, np.arange(last.shape[0]), np.arange(last.shape[1]), indexing="ij")
    tail = last[grid[-2], grid[-1]]
    picks = [*grid[:-2], tail]
    off = np.logical_or.reduce([p == OFF for p in picks])
    padded = np.logical_or.reduce([p == -1 for p in picks]) & ~off
    inside = tuple(np.maximum(p, 0) for p in picks)
    cells = plane[inside]
    part = ~off if valid is None else (valid[inside] | padded) & ~off
    if padded.any():
        cells = np.where(padded, border_value, cells)
    where = np.where(padded, -1, sum(p * w for p, w in zip(inside, weights, strict=True)))

    def rows(a: Array) -> Array:
        return np.moveaxis(a, -2, 0).reshape(last.shape[0], -1)

    return rows(cells), rows(part), rows(where)


def _pick(
    x: Array, part: Array, n: Array, method: str, options: Mapping[str, Any], whole: bool, key: int, order: Array
) -> tuple[Array, Array, bool]:
    """Values, slots and whether one lies between two cells, for windows (rows of x)."""
    rows = np.arange(len(x))
    if method in ("largest", "smallest"):
        low, high = (-np.inf, np.inf) if x.dtype.kind == "f" else (np.iinfo(x.dtype).min, np.iinfo(x.dtype).max)
        with np.errstate(invalid="ignore"):
            y = np.where(part, x, x.dtype.type(low)).max(-1) if method == "largest" else np.where(
                part, x, x.dtype.type(high)).min(-1)  # fmt: skip
        return y, _first_equal(x, part, y), False
    if method == "expected":
        w = np.where(part & (x > 0), x, 0).astype(np.longdouble)
        total = w.sum(-1)
        none = total == 0
        w[none] = part[none]
        with np.errstate(all="ignore"):
            y = (w * np.where(part, x, 0)).sum(-1) / np.where(none, np.maximum(n, 1), total)
        return np.where(np.isinf(total), np.inf, y).astype(np.float64), np.full(len(x), -1), False
    if method == "stochastic":
        w = np.where(part & (x > 0), x, 0).astype(np.longdouble)
        infinite = np.isinf(w).any(-1)
        w[infinite] = np.isinf(w[infinite])
        none = w.sum(-1) == 0
        w[none] = part[none]
        sums = w.cumsum(-1)
        slot = (sums > (_chances(key, order) * sums[:, -1])[:, None]).argmax(-1)
        return x[rows, slot], slot, False
    top = x.dtype.type(np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).max)
    ordered = np.sort(np.where(part, x, top), axis=-1)
    if method == "mode":
        y = _modes(x, part, n, ordered, options)
        return y, _first_equal(x, part, y), False
    return _quantiles(x, part, n, ordered, options, whole)


def _first_equal(x: Array, part: Array, y: Array) -> Array:
    return np.asarray((part & (x == y[:, None])).argmax(-1))


def _quantiles(
    x: Array, part: Array, n: Array, ordered: Array, options: Mapping[str, Any], whole: bool
) -> tuple[Array, Array, bool]:
    rows, method = np.arange(len(x)), options["method"]
    place = options.get("q", 0.5) * np.maximum(n - 1, 0)
    low = np.floor(place).astype(np.int64)
    t = place - low
    high = np.minimum(low + 1, np.maximum(n - 1, 0))
    if method == "lower":
        t = t * 0
    elif method in ("higher", "midpoint"):
        t = np.where(t > 0, 1.0 if method == "higher" else 0.5, 0)
    elif method == "nearest":
        t = ((t > 0.5) | ((t == 0.5) & (low % 2 == 1))).astype(float)
    a, b = ordered[rows, low], ordered[rows, high]
    beside = bool(((t > 0) & (t < 1)).any())
    if not whole:
        with np.errstate(invalid="ignore"):
            y = a.astype(np.longdouble) + (b.astype(np.longdouble) - a) * t
            y = np.where(np.isinf(a) | np.isinf(b), a + b, y) if x.dtype.kind == "f" else y
        return np.where((a == b) | (t == 0), a, y).astype(np.float64), np.full(len(x), -1), beside
    y = np.where(t == 1, b, a)
    if x.dtype.kind in "iu" and beside:
        distance = (b.astype(np.uint64) - a.astype(np.uint64)).astype(np.longdouble) * t
        step = np.floor(distance)
        rest, rounding = distance - step, options["rounding"]
        odd = (a.astype(np.uint64) + step.astype(np.uint64)) % np.uint64(2) == 1
        up = rest > 0.5 if rounding == "half_even" else rest >= 0.5
        up = (up | ((rest == 0.5) & odd)) if rounding == "half_even" else up & (rounding != "floor")
        y = np.where((t > 0) & (t < 1), (a.astype(np.uint64) + step.astype(np.uint64) + up).astype(x.dtype), y)
    return y, _first_equal(x, part, y), beside


def _modes(x: Array, part: Array, n: Array, ordered: Array, options: Mapping[str, Any]) -> Array:
    rows, k = np.arange(len(x)), x.shape[1]
    place = np.arange(k)
    new = np.ones(ordered.shape, bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    run = place - np.maximum.accumulate(np.where(new, place, 0), axis=-1) + 1
    run[place >= n[:, None]] = 0
    if options["ignore"] is not None:
        run[ordered == options["ignore"]] = 0
    best = run.max(-1)
    slot = run.argmax(-1) if options["ties"] != "largest" else k - 1 - run[:, ::-1].argmax(-1)
    y = np.where(best > 0, ordered[rows, slot], ordered[:, 0])
    if options["ties"] == "first":
        for i in np.flatnonzero(best > 0):
            among = part[i] & np.isin(x[i], ordered[i][run[i] == best[i]])
            y[i] = x[i][among.argmax()]
    return y


def _chances(key: int, order: Array) -> Array:
    """As `chance` in kernels/select.pxd."""
    with np.errstate(over="ignore"):
        step = np.uint64(0x9E3779B97F4A7C15)
        z = np.uint64(key) + order.astype(np.uint64) * step
        for _ in range(2):
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = (z ^ (z >> np.uint64(31))) + step
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
