"""`pool_backward`: one or two terms (see rules.py), and who adds them up.

What goes to the cells that were picked is given while they are found (kernels/give.pxd); the gradient of a
sum is a sum, and pooled (adjoint.py); all else is added up by kernels/spread.pxd, input row by input row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import dispatch, threads
from .adjoint import adjoint_sum, trimmed
from .arguments import as_array, must_fit
from .call import Call, random_key, report
from .engine import NO_DRAW, Plan, cached, keep
from .geometry import BORDERS
from .lanes import CODES, check_dtype
from .memory import empty
from .ordering import axis_fields, input_axes, ordered_axes, whole_axes
from .reducers import TABLE, Reducer, read_options
from .rows import TILE, Axis, canonical
from .rules import KINDS, NEED_X, RULES, Picked, Term
from .selection import Slots
from .spans import Span

__all__ = ["Backward", "check_indices", "uniform", "upstream"]

Array = NDArray[Any]

POWERS = ("powered", "grown", "softened")  # kinds of terms that take a power or an exponential
LONGEST = 1 << 22  # nanoseconds of a work item, about: between two items a call can be interrupted


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
    key: Any = None  # under which what does not depend on the data is kept

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

    def counts_of_axes(self) -> dict[int, Array] | None:
        """Cells of the windows along each axis, where their product is what `count` gives."""
        call = self.call
        if call.seen is not None or (call.nan_policy == "omit" and call.array.dtype.kind == "f"):
            return None
        if any(s.planes for s in self.spans.values()):
            return None
        known: dict[int, Array] | None = cached(self._kept("counts"))
        if known is None:
            known = {a: s.counts(call.border) for a, s in self.spans.items()}
            keep(self._kept("counts"), known, 512 + sum(n.nbytes for n in known.values()))
        return known

    def _kept(self, *part: Any) -> Any:
        """The key of a part of this call."""
        return None if self.key is None else (self.key, *part)

    def count(self) -> int | Array:
        """Cells that take part: one number if it is the same for all windows."""
        known: int | Array | None = cached(self._kept("count"))
        if known is not None:
            return known
        apart = self.counts_of_axes()
        if apart is None:
            return self.forward("count")
        place = self.call.place
        if place.whole.uniform if place else uniform(apart):
            known = math.prod(int(n[0]) for n in apart.values())
        else:
            known = np.ones([1] * self.call.array.ndim, np.int64)
            for a, n in apart.items():
                known = known * _along(n, a, self.call.array.ndim)
        keep(self._kept("count"), known, 512 + (known.nbytes if isinstance(known, np.ndarray) else 0))
        return known

    def finding(self, name: str, options: Mapping[str, Any], array: Array | None = None) -> tuple[Call, Reducer, Any]:
        """What finds the cells a reducer picks (in `array`: of something made from x); -1: nowhere in x."""
        row = TABLE[name]
        call = self.call if array is None else replace(self.call.without_nan(), array=array)
        call = replace(call, masked=True, indexed=True, inner=True, dtype=None, fill_value=None, min_count=1)
        return call, row, call.checked(read_options(row, dict(options)))

    def positions(self, name: str, array: Array | None = None) -> Array:
        """Where the picked cells are."""
        call, row, values = self.finding(name, {}, array)
        _, found = call.named(row, False, values, self.spans, None, None, self.workers)
        return np.asarray(np.ma.getdata(found))

    # ---- terms ---------------------------------------------------------------------------------

    def terms(self) -> list[Term | Picked]:
        least = max(self.call.min_count, 1, self.options.get("ddof", 0) + 1)
        if least == 1 and self.row.picks(self.options, True) not in ("", "quantile", "expected"):
            return RULES[self.row.name](self, self.grad, None)  # an empty window has no index
        n = self.count()
        g = self.grad
        if isinstance(n, np.ndarray):
            if (n < least).any():
                g = np.where(n < least, 0, g)
            n = np.maximum(n, 1)
        elif n < least:
            g, n = np.zeros_like(g), max(n, 1)
        return RULES[self.row.name](self, g, n)

    def run(self) -> Array:
        """The gradient with respect to x, float64 or float32."""
        x = self.call.array
        wide = np.dtype(np.float32 if x.dtype.newbyteorder("=") in (np.float32, np.float16) else np.float64)
        order = ordered_axes(x.strides, self.spans)
        result = empty(x.shape, wide, order)
        flat = result.transpose(order).reshape(-1)
        for i, term in enumerate(self.terms()):
            give = self.give if isinstance(term, Picked) else self.spread
            give(term, order, flat, i > 0)
        return result

    def give(self, term: Any, order: tuple[int, ...], out: Array, accumulate: bool) -> None:
        """The gradient of what was picked, written or added to `out` (flat, in the order of x in memory)."""
        kept = self._kept(term.name, tuple(term.options.items()), term.index is None)
        plan: Plan | None = cached(kept)
        seen = self.call.seen if term.index is None else None
        if plan is None:
            call, row, values = self.finding(term.name, term.options)
            if term.index is not None:  # x is not read
                call = replace(call, seen=None, nan_policy="propagate")
            plan = call.plan(kept, row, self.spans, values)
        key = random_key(plan.draws, self.call.place) if plan.draws is not NO_DRAW and term.index is None else 0
        found, lost = plan.give(
            self.call.array, seen, _lined_up(_floats(term.a), order), out, term.scale, accumulate, self.workers,
            _lined_up(term.index, order), key,
        )  # fmt: skip
        report(plan, found & 2, self.call.array, seen, self.workers, self.call.place)
        if self.indices is not None and lost:
            check_indices(self.indices, math.prod(self.call.array.shape[a] for a in self.spans), self.hidden)

    def pools(self, term: Term, a: Array, order: tuple[int, ...], out: Array) -> bool:
        """Sums over the windows of the adjoint, where there are such: pooling as well."""
        whole = None if self.call.place is None else self.call.place.whole
        if whole is not None:  # in C order, as the whole is
            order = tuple(range(a.ndim))
            whole = whole._replace(spans=trimmed(whole.spans, 0))
        lined = np.ascontiguousarray(a.transpose(order))
        spans = trimmed({order.index(axis): span for axis, span in self.spans.items()}, 0)
        shape = [self.call.array.shape[i] for i in order]
        if 0 in spans:
            shape[0] = spans[0].n
            out[math.prod(shape) :] = 0
            out = out[: math.prod(shape)]
        kept = self._kept("sum", lined.dtype, term.divisor, term.factors is None, out.dtype)
        plan: Plan | None = cached(kept)
        if plan is None:
            factors = {order.index(axis): f for axis, f in (term.factors or {}).items()}
            plan = adjoint_sum(
                kept, spans, self.call.border, lined.shape, lined.dtype, term.divisor, factors, out.dtype, whole
            )
            if plan is None:
                return False
        plan.run(lined, None, out.reshape(shape), self.workers)
        return True

    def spread(self, term: Any, order: tuple[int, ...], out: Array, accumulate: bool) -> None:
        """One term, written or added to `out` (flat, in the order of x in memory)."""
        x, seen, spans = self.call.array, self.call.seen, self.spans
        a = _floats(term.a)
        native = x.dtype.newbyteorder("=")
        omit = self.call.nan_policy == "omit" and native.kind == "f"
        if term.kind == "add" and seen is None and not omit and not accumulate and self.pools(term, a, order, out):
            return
        for axis, factor in (term.factors or {}).items():
            a = a * _along(factor, axis, x.ndim)
        mirrored = BORDERS.index(self.call.border)
        mask_strides = None if seen is None else seen.strides
        depths = Slots({a: s.longest for a, s in spans.items()}, 0, False)
        axes = input_axes(x.shape, x.strides, mask_strides, spans, set(), depths, True)
        place = self.call.place
        like = None if place is None else whole_axes(place.whole, x.dtype.itemsize, depths, True, True)
        merged, channels = canonical(axes, True, like)
        row, inner, fields = leading_fields(merged, channels, mirrored)
        flat = [_lined_up(v, order) for v in (a, term.b, term.c)]
        span = row.span or Span(row.n, row.n, 1, 1, 1, 0, 0)
        leading = merged[: len(fields) - 1]
        visits = math.prod(_visits(axis.span) for axis in (*leading, row))
        each = channels * visits * (60 if term.kind in POWERS else 10)  # nanoseconds, about
        tile = max(1, min(row.n, TILE // 8 // channels, LONGEST // each))
        mirrors = mirrored > 1 and bool(span.before or span.after)
        reach = span.o
        if span.starts is None and not mirrors:
            reach = min(span.o, (tile + (span.k - 1) * span.d) // span.s + 2)
        most = max([_coverage(axis.span, mirrored > 1) for axis in leading], default=1)
        rows = math.prod(axis.n for axis in leading)
        if rows * row.n * channels != x.size:  # the kernels trust these numbers
            raise AssertionError(f"{rows} rows of {row.n} x {channels} do not make {x.shape}")
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
                "scale": 1 / term.divisor, "needs_x": omit or term.kind in NEED_X,
                "out_code": CODES[out.dtype.str[1:]],
                "accumulate": accumulate, "items": rows * -(-row.n // tile), "cost": tile * each + 200,
            },
            weights=None if weights is None else np.ascontiguousarray(weights).ravel(),
            shape=x.shape, strides=x.strides, mask_strides=None if seen is None else seen.strides,
            outputs=a.size, cells=x.size,
        )  # fmt: skip
        count = threads.resolve(self.workers, gradient.useful)
        gradient.run(x, seen, flat[0].view(np.uint8), *flat[1:], out.view(np.uint8), count)


def uniform(counts: Mapping[int, Array]) -> bool:
    """Whether all windows have as many cells, from what there are along each axis."""
    return all((n == n[0]).all() for n in counts.values())


def _floats(a: Array) -> Array:
    """An upstream gradient in a type that the kernels read."""
    return a if a.dtype in (np.float32, np.float64) else a.astype(np.float64)


def _along(values: Array, axis: int, ndim: int) -> Array:
    """One number for each index of an axis, to go with arrays of ndim dimensions."""
    return values.reshape([-1 if i == axis else 1 for i in range(ndim)])


def leading_fields(merged: list[Any], channels: int, mirrored: int) -> tuple[Any, Any, list[dict[str, Any]]]:
    """The row axis, the channels inside it, and all axes as the kernels take them (steps in outputs)."""
    axes = list(merged)
    inner = axes.pop() if channels > 1 else Axis(1, 1, None, 0, 1)
    row = axes[-1]
    fields, step = [], 0
    for axis in reversed(axes):
        span = axis.span or Span(axis.n, axis.n, 1, 1, 1, 0, 0)
        fields.append(axis_fields(axis, span, mirrored, step))
        step = step * axis.o if step else row.o * channels
    return row, inner, fields[::-1]


def _lined_up(values: Array | None, order: tuple[int, ...]) -> Any:
    """Numbers of outputs in the order of x in memory, flat."""
    if values is None:
        return None
    kind = np.int64 if values.dtype.kind in "iu" else values.dtype.newbyteorder("=")
    return np.ascontiguousarray(values.transpose(order), kind).reshape(-1)


def _visits(span: Span | None) -> int:
    """About how many windows hold a cell of an axis."""
    if span is None:
        return 1
    if span.starts is None or span.stops is None:
        return min(span.o, -(-span.k // span.s))
    return 1 + int((span.stops - span.starts).mean() * span.o) // span.n


def _coverage(span: Span | None, mirrored: bool) -> int:
    """Most (output, tap) pairs on one cell of an axis."""
    if span is None:
        return 1
    if span.starts is not None:
        return max(span.o, 1)
    each = min(span.o, (span.k - 1) * span.d // span.s + 1)
    return each * (1 + (span.before + span.after if mirrored else 0))


# ---- arguments --------------------------------------------------------------------------------


def check_indices(indices: Array, cells: int, hidden: Array | None = None) -> None:
    """IndexError if an index (not hidden) is none of 0 .. cells - 1."""
    wrong = (indices < 0) | (indices >= cells)
    if hidden is not None:
        wrong &= ~hidden
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise IndexError(f"indices must be from 0 to {cells - 1}; at {at} there is {indices[at]}")


def upstream(grad: Any, shape: tuple[int, ...] | None = None) -> Array:
    """The upstream gradient, checked: its shape where that is known, else whether memory holds a number for each."""
    array = as_array(grad, "grad")
    check_dtype(array.dtype, "biuf", "grad")
    if shape is None:
        must_fit(array.shape, np.dtype(np.float64), "grad")
    elif array.shape != shape:
        raise ValueError(f"grad must have the shape of the result, {shape}, not {array.shape}")
    return array.astype(array.dtype.newbyteorder("="), copy=False)
