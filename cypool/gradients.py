"""`pool_backward`: the gradient of each reducer as one or two terms that `kernels/spread.pxd` adds up.

A term is a kind of F (what a window gives to one of its cells) and numbers of each window, made here
from the upstream gradient and, where needed, the forward results.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import dispatch, threads
from .call import Call
from .engine import axis_fields, input_axes, ordered_axes
from .geometry import BORDERS
from .lanes import CODES, check_dtype
from .reducers import TABLE, Reducer, read_options
from .rows import TILE, Axis, canonical
from .windows import Span

__all__ = ["Backward", "Term", "check_indices", "ratio", "upstream", "weight_sums"]

Array = NDArray[Any]

# In the order of an enum in kernels/spread.pxd.
KINDS = (
    "add", "weighted", "picked", "others", "deviate", "powered", "clamped", "grown", "softened", "expecting",
)  # fmt: skip
NEED_X = KINDS[KINDS.index("others") :]


@dataclass(frozen=True)
class Term:
    """One sum over the windows of a cell: kind, and a number (or three) of each window."""

    kind: str
    a: Array
    scale: float = 1.0
    b: Array | None = None
    c: Array | None = None
    index: Array | None = None
    par: float = 0.0
    eps: float = 0.0


@dataclass(frozen=True)
class Backward:
    """One call of `pool_backward`, its arguments checked."""

    call: Call
    row: Reducer
    spans: dict[int, Span]
    options: Mapping[str, Any]
    grad: Array
    indices: Array | None
    workers: int | None
    hidden: Array | None = None  # where indices are of empty windows

    # ---- forward results -----------------------------------------------------------------------

    def forward(
        self, name: str, array: Array | None = None, fill: Any = None, border: float = 0.0, **options: Any
    ) -> Array:
        """The result of another reducer in the same windows (`array`: of something made from x, and its
        border's value), in float64 if it is of floats."""
        row = TABLE[name]
        x = self.call.array if array is None else array
        call = self.call if array is None else self.call.without_nan()  # of x, which `array` may not show
        values = read_options(row, options)
        dtype = (
            np.float64 if row.result in ("mean", "draw") or (name in ("sum", "prod") and x.dtype.kind == "f") else None
        )
        value = self.call.border_value if array is None else border
        call = replace(call, array=x, border_value=value, dtype=dtype, fill_value=fill, min_count=1, masked=False,
                       indexed=False)  # fmt: skip
        result: Array = call.named(row, False, values, self.spans, None, None, self.workers)
        return result

    def count(self) -> int | Array:
        """Cells that take part: one number if it is the same for all windows."""
        if self.call.seen is None and not (self.call.nan_policy == "omit" and self.call.array.dtype.kind == "f"):
            if all(s.starts is None and s.inside for s in self.spans.values()):
                return math.prod(s.k for s in self.spans.values())
        return self.forward("count")

    def positions(self, name: str, array: Array | None = None, **options: Any) -> Array:
        """Where the picked cells are; -1: nowhere in x."""
        row = TABLE[name]
        values = read_options(row, options)
        call = self.call if array is None else replace(self.call.without_nan(), array=array)
        call = replace(call, masked=True, indexed=True, inner=True, dtype=None, fill_value=None, min_count=1)
        _, found = call.named(row, False, values, self.spans, None, None, self.workers)
        return np.asarray(np.ma.getdata(found))

    # ---- terms ---------------------------------------------------------------------------------

    def terms(self) -> list[Term]:
        least = max(self.call.min_count, 1, self.options.get("ddof", 0) + 1)
        if least == 1 and self.row.picks(self.options, True) not in ("", "quantile", "expected"):
            return RULES[self.row.name](self, self.grad, None)  # an empty window has no index
        n = self.count()
        g = self.grad
        if isinstance(n, np.ndarray):
            g = np.where(n < least, 0, g)
            n = np.maximum(n, 1)
        elif n < least:
            g = np.zeros_like(g)
        return RULES[self.row.name](self, g, n)

    def run(self) -> Array:
        """The gradient with respect to x, float64 or float32."""
        x = self.call.array
        wide = np.dtype(np.float32 if x.dtype == np.float32 or x.dtype == np.float16 else np.float64)
        order = ordered_axes(x.strides, self.spans)
        inverse = sorted(range(x.ndim), key=order.__getitem__)
        terms = self.terms()
        make = np.zeros if terms[0].kind == "picked" else np.empty
        result = make([x.shape[a] for a in order], wide)
        for i, term in enumerate(terms):
            self.spread(term, order, result.reshape(-1), i > 0)
        return result.transpose(inverse)

    def spread(self, term: Term, order: tuple[int, ...], out: Array, accumulate: bool) -> None:
        """One term, written or added to `out` (flat, in the order of x in memory)."""
        x, seen, spans = self.call.array, self.call.seen, self.spans
        mirrored = BORDERS.index(self.call.border)
        mask_strides = None if seen is None else seen.strides
        merged, channels = canonical(input_axes(x.shape, x.strides, mask_strides, spans, set(), True, True), True)
        row, inner, fields = leading_fields(merged, channels, mirrored)
        a = term.a if term.a.dtype in (np.float32, np.float64) else term.a.astype(np.float64)
        flat = [_lined_up(v, order) for v in (a, term.b, term.c, term.index)]
        native = x.dtype.newbyteorder("=")
        omit = self.call.nan_policy == "omit" and native.kind == "f"
        span = row.span or Span(row.n, row.n, 1, 1, 1, 0, 0)
        tile = min(row.n, max(1, TILE // 8 // channels))
        mirrors = mirrored > 1 and bool(span.before or span.after)
        reach = span.o
        if span.starts is None and not mirrors:
            reach = min(span.o, (tile + (span.k - 1) * span.d) // span.s + 2)
        leading = merged[: len(fields) - 1]
        most = max([_coverage(axis.span, mirrored > 1) for axis in leading], default=1)
        rows = math.prod(axis.n for axis in leading)
        if rows * row.n * channels != x.size:  # the kernels trust these numbers
            raise AssertionError(f"{rows} rows of {row.n} x {channels} do not make {x.shape}")
        items, cost = rows * -(-row.n // tile), tile * channels * 4 + 200
        out_rows, group = math.prod(axis.o for axis in leading), 1
        if term.kind == "picked":
            group = _rows_apart(leading, out_rows)
            items, cost = -(-out_rows // group), group * row.o * channels * 2
        pooled = [f for f in fields if f["index"]]
        weights = self.options.get("weights")
        gradient = dispatch.kernels.Gradient(
            axes=fields,
            geometry={
                "channels": channels, "x_cell": row.x, "x_channel": inner.x, "mask_cell": row.mask,
                "mask_channel": inner.mask, "size": x.dtype.itemsize, "swap": not x.dtype.isnative,
                "tiles": -(-row.n // tile), "tile": tile, "reach": reach, "most": most,
                "kind": KINDS.index(term.kind), "code": CODES.get("u1" if native.kind == "b" else native.str[1:], 0),
                "a_code": CODES[a.dtype.str[1:]], "half": native == np.float16, "omit": omit,
                "masked": seen is not None, "mirrored": mirrors, "par": term.par, "eps": term.eps,
                "scale": term.scale, "needs_x": term.kind != "picked" and (omit or term.kind in NEED_X),
                "out_code": CODES[out.dtype.str[1:]],
                "accumulate": accumulate, "items": items, "cost": cost, "rows": out_rows, "group": group,
                "cells": math.prod(x.shape[axis] for axis in spans),
                "direct": channels == 1 and row.span is not None and all(f["position"] == f["index"] for f in pooled),
            },
            weights=None if weights is None else np.ascontiguousarray(weights).ravel(),
            shape=x.shape, strides=x.strides, mask_strides=None if seen is None else seen.strides,
            outputs=a.size, cells=x.size,
        )  # fmt: skip
        count = threads.resolve(self.workers, gradient.useful)
        lost = gradient.run(x, seen, flat[0].view(np.uint8), *flat[1:], out.view(np.uint8), count)
        if self.indices is not None and lost:
            check_indices(self.indices, math.prod(x.shape[a] for a in spans), self.hidden)


def leading_fields(merged: list[Any], channels: int, mirrored: int) -> tuple[Any, Any, list[dict[str, Any]]]:
    """The row axis, the channels inside it, and all axes as the kernels take them (steps in outputs)."""
    axes = list(merged)
    inner = axes.pop() if channels > 1 else Axis(1, 1, None, 0, 1)
    row = axes[-1]
    fields, step, at = [], 0, channels
    for axis in reversed(axes):  # `position`: step of a cell in the gradient
        span = axis.span or Span(axis.n, axis.n, 1, 1, 1, 0, 0)
        fields.append(axis_fields(axis, span, mirrored, step) | {"position": at})
        step = step * axis.o if step else row.o * channels
        at *= axis.n
    return row, inner, fields[::-1]


def _rows_apart(leading: list[Axis], rows: int) -> int:
    """Output rows that are given by one thread: windows of other groups share no cell with theirs."""
    group = rows
    for axis in leading:
        s = axis.span
        if s is not None and (s.starts is not None or s.before or s.after or s.s < (s.k - 1) * s.d + 1):
            return group
        group //= axis.o
        if group * 16 <= rows and rows // group >= 64:
            return group
    return max(group, 1)


def _lined_up(values: Array | None, order: tuple[int, ...]) -> Any:
    """Numbers of outputs in the order of x in memory, flat."""
    if values is None:
        return None
    kind = np.int64 if values.dtype.kind in "iu" else values.dtype.newbyteorder("=")
    return np.ascontiguousarray(values.transpose(order), kind).reshape(-1)


def _coverage(span: Span | None, mirrored: bool) -> int:
    """Most (output, tap) pairs on one cell of an axis."""
    if span is None:
        return 1
    if span.starts is not None:
        return max(span.o, 1)
    each = min(span.o, (span.k - 1) * span.d // span.s + 1)
    return each * (1 + (span.before + span.after if mirrored else 0))


# ---- the rule of each reducer: (call, upstream gradient, cells of each window) -> terms -------------


def _sum(b: Backward, g: Array, n: Any) -> list[Term]:
    return [Term("add" if b.options["weights"] is None else "weighted", g)]


def _mean(b: Backward, g: Array, n: Any) -> list[Term]:
    weights, divisor = b.options["weights"], b.options["divisor"]
    if weights is not None:
        return [Term("weighted", ratio(g, weight_sums(b)))]
    if divisor or not isinstance(n, np.ndarray):
        return [Term("add", g, scale=1 / (divisor or n))]
    return [Term("add", g / n)]


def weight_sums(b: Backward) -> Array:
    ones = np.broadcast_to(np.float64(1), b.call.array.shape)
    return b.forward("sum", ones, fill=1, weights=b.options["weights"], border=1.0)


def ratio(a: Array, b: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(a / b)


def _picked(g: Array, index: Array) -> Term:
    return Term("picked", g, index=index)


def _selected(b: Backward, g: Array, n: Any) -> list[Term]:
    index = b.indices
    if index is None:
        if b.row.name == "stochastic" and not isinstance(b.options["rng"], int):
            raise ValueError("the picks of 'stochastic' are not known: give indices, or an integer as rng")
        index = b.positions(b.row.name, **b.options)
    return [_picked(g, index)]


def _quantile(b: Backward, g: Array, n: Any) -> list[Term]:
    method = b.options["method"]
    if b.indices is not None or method not in ("linear", "midpoint"):
        return _selected(b, g, n)
    place = b.options.get("q", 0.5) * (np.asarray(n) - 1)
    part = np.where(place > np.floor(place), 0.5, 0.0) if method == "midpoint" else place - np.floor(place)
    if not part.any():
        return [_picked(g, b.positions(b.row.name, **{**b.options, "method": "lower"}))]
    return [
        _picked(g * weight, b.positions(b.row.name, **{**b.options, "method": name}))
        for name, weight in (("lower", 1 - part), ("higher", part))
    ]


def _range(b: Backward, g: Array, n: Any) -> list[Term]:
    return [_picked(g, b.positions("max")), _picked(-g, b.positions("min"))]


def _first(b: Backward, g: Array, n: Any) -> list[Term]:
    zeros = np.broadcast_to(np.uint8(0), b.call.array.shape)
    return [_picked(g, replace(b, call=replace(b.call.without_nan(), border_value=0)).positions("max", zeros))]


def _prod(b: Backward, g: Array, n: Any) -> list[Term]:
    x = b.call.array
    value = np.asarray(b.call.border_value)
    zeros = b.forward("sum", (x == 0).astype(np.float64), border=float(value == 0))
    rest = b.forward("prod", np.where(x == 0, 1, x).astype(np.float64), border=float(value if value != 0 else 1))
    return [Term("others", g * rest, b=zeros)]


def _var(b: Backward, g: Array, n: Any) -> list[Term]:
    left = n - b.options["ddof"]
    a, mean = ratio(2 * g, left), b.forward("mean", fill=1)
    if b.row.name == "std":
        y = b.forward("std", fill=0, ddof=b.options["ddof"])
        a = np.where(y <= 8 * np.finfo(np.float64).eps * abs(mean), 0, ratio(a, 2 * y))  # 0, but for rounding
    return [Term("deviate", np.where(g == 0, 0, a), b=mean)]


def _lp(b: Backward, g: Array, n: Any) -> list[Term]:
    p = b.options["p"]
    if math.isinf(p):
        size = np.abs(b.call.array.astype(np.float64))
        value = abs(float(b.call.border_value)) if b.call.border == "constant" else 0.0
        index = replace(b, call=replace(b.call, border_value=value)).positions("max", size)
        return [_picked(g * np.sign(_cells_at(b.call.array, index, sorted(b.spans))), index)]
    y = b.forward("lp", fill=1, p=p)
    return [Term("powered", g.astype(np.float64), b=y, par=p)]


def _cells_at(x: Array, index: Array, axes: list[int]) -> Array:
    """x at flat positions in the pooled axes."""
    last = range(-len(axes), 0)
    cells, at = np.moveaxis(x, axes, last), np.moveaxis(index, axes, last)
    lines = cells.reshape(*cells.shape[: x.ndim - len(axes)], -1)
    found = np.take_along_axis(lines, np.maximum(at, 0).reshape(*lines.shape[:-1], -1), -1).reshape(at.shape)
    return np.moveaxis(found, last, axes).astype(np.float64)


def _gem(b: Backward, g: Array, n: Any) -> list[Term]:
    p, eps = b.options["p"], b.options["eps"]
    if math.isinf(p):
        clamped = np.maximum(b.call.array.astype(np.float64), eps)
        index = b.positions("max", clamped)
        return [_picked(g * (_cells_at(b.call.array, index, sorted(b.spans)) > eps), index)]
    return [Term("clamped", g / n, b=b.forward("gem", fill=1, p=p, eps=eps), par=p, eps=eps)]


def _logsumexp(b: Backward, g: Array, n: Any) -> list[Term]:
    y = b.forward("logsumexp", fill=1, alpha=b.options["alpha"], mean=b.options["mean"])
    return [Term("grown", g / n if b.options["mean"] else g, b=y, par=b.options["alpha"])]


def _softpool(b: Backward, g: Array, n: Any) -> list[Term]:
    alpha = b.options["alpha"]
    if alpha == 0:
        return [Term("add", g / n)]
    sign = math.copysign(1.0, alpha)
    x = sign * b.call.array.astype(np.float64)
    value = sign * float(b.call.border_value) if b.call.border == "constant" else 0.0
    level = sign * b.forward("logsumexp", x, fill=1, alpha=abs(alpha), border=value)
    return [Term("softened", g, b=level, c=b.forward("softpool", fill=1, alpha=alpha), par=alpha)]


def _stochastic(b: Backward, g: Array, n: Any) -> list[Term]:
    if b.options["training"]:
        return _selected(b, g, n)
    x = np.maximum(b.call.array.astype(np.float64), 0)
    total = b.forward("sum", x, border=max(float(b.call.border_value), 0.0))
    none = total == 0
    a = np.where(none, 0, ratio(g, total))
    found = [Term("expecting", a, b=b.forward("stochastic", fill=1, training=False))]
    if none.any():
        found.append(Term("add", np.where(none, g / n, 0)))
    return found


RULES: dict[str, Callable[[Backward, Array, Any], list[Term]]] = {
    "max": _selected, "min": _selected, "mode": _selected, "median": _quantile, "quantile": _quantile,
    "stochastic": _stochastic, "range": _range, "first": _first, "sum": _sum, "mean": _mean, "prod": _prod,
    "var": _var, "std": _var, "lp": _lp, "gem": _gem, "logsumexp": _logsumexp, "softpool": _softpool,
}  # fmt: skip


# ---- arguments --------------------------------------------------------------------------------


def check_indices(indices: Array, cells: int, hidden: Array | None = None) -> None:
    """IndexError if an index (not hidden) is none of 0 .. cells - 1."""
    wrong = (indices < 0) | (indices >= cells)
    if hidden is not None:
        wrong &= ~hidden
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise IndexError(f"indices must be from 0 to {cells - 1}; at {at} there is {indices[at]}")


def upstream(grad: Any, shape: tuple[int, ...]) -> Array:
    """The upstream gradient, checked."""
    array = np.asarray(grad)
    check_dtype(array.dtype, "biuf", "grad")
    if array.shape != shape:
        raise ValueError(f"grad must have the shape of the result, {shape}, not {array.shape}")
    return array.astype(array.dtype.newbyteorder("="), copy=False)
