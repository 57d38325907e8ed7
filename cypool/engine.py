"""From an array and its windows to rows, and from rows to the kernels.

Axes are sorted by stride and merged where memory is contiguous; the last pooled axis (with the
channels inside it) becomes the row, all others are leading axes.  The order of the axes in memory
therefore costs nothing, and an array of any number of dimensions is a table of rows.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import dispatch, threads
from .geometry import BORDERS, TOO_LARGE, Span
from .lanes import OPERATORS, Kernel, build, check_dtype, result_dtype, scalar
from .reducers import Reducer

__all__ = ["Plan", "cached", "make_plan", "span_of"]

Array = NDArray[Any]

TILE = 16384  # bytes of a scratch row: a few of them stay in the first-level cache
LONGEST = 4096  # samples of a window along the row; longer ones are cut into segments
WIDE = 512  # channels from which a row of channels is better than a row of pixels
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

    @property
    def flat(self) -> bool:
        """A pooled axis of which all cells are the same memory."""
        return self.span is not None and self.x == 0 and self.mask == 0

    @property
    def whole(self) -> bool:
        s = self.span
        return s is not None and s.starts is None and s.o == 1 and s.k == s.n and s.d == 1 and s.inside


def _merge(outer: Axis, inner: Axis, visits: bool) -> Axis | None:
    """Two axes as one, if memory and windows allow it."""
    if outer.x != inner.n * inner.x or outer.mask != inner.n * inner.mask:
        return None
    n, o = outer.n * inner.n, outer.o * inner.o
    if outer.span is None and inner.span is None:
        return Axis(n, o, None, inner.x, inner.mask)
    if visits or inner.span is None:
        return None
    if outer.whole and inner.whole:
        return Axis(n, 1, Span(n, 1, n, n, 1, 0, 0), inner.x, inner.mask)
    if outer.span is None and inner.span.tiles:
        span = inner.span._replace(n=n, o=o)
        return Axis(n, o, span, inner.x, inner.mask)
    return None


def _canonical(axes: list[Axis], visits: bool) -> tuple[list[Axis], int]:
    """Sorted, merged axes with the row axis last, and the number of channels inside it (those of
    a last batch axis that is left in the list behind the row axis; 1: there is none)."""
    planes = any(a.span is not None and a.span.planes for a in axes)
    order = sorted(axes, key=lambda a: (a.x != 0, -abs(a.x)))
    if planes:  # each plane has its own windows: the row must be a pooled axis
        last = max(i for i, a in enumerate(order) if a.span is not None)
        order.append(order.pop(last))
        return order, 1
    merged: list[Axis] = []
    for axis in order:
        if axis.n == 1 and axis.o == 1 and (axis.span is None or (axis.span.k == 1 and axis.span.inside and axis.span.starts is None)):
            continue
        merged.append(axis)
        while len(merged) > 1 and (both := _merge(merged[-2], merged[-1], visits)) is not None:
            merged[-2:] = [both]
    if not merged:
        merged = [Axis(1, 1, None, 0, 0)]
    last = merged[-1]
    if last.span is not None:
        s = last.span
        if last.flat or (s.d > 1 and (s.k - 1) * s.d + 1 > LONGEST):  # cells that share no row
            return [*merged, Axis(1, 1, None, 0, 0)], 1
        return merged, 1
    before = merged[-2] if len(merged) > 1 else None
    if before is not None and before.span is not None and not before.flat and last.n < WIDE:
        s = before.span
        extent = ((s.k - 1) * s.d + 1 if s.starts is None else s.longest) * last.n
        if extent <= LONGEST or (last.n < 64 and s.d == 1):
            return merged, last.n
    return merged, 1


def _reach(span: Span, mirrored: bool) -> int:
    """Most cells that a window can read."""
    return min(span.longest, span.n + (span.before + span.after if mirrored else 0))


def _tiling(span: Span, channels: int, size: int, mirrored: bool) -> dict[str, int]:
    """Outputs of a tile of the row axis and the cells it reads; segments of windows longer than that."""
    room = max(1, TILE // size // channels)
    longest = max(1, LONGEST // channels)
    if span.starts is None or span.stops is None:
        extent = (span.k - 1) * span.d + 1
        if extent > longest:
            return {"outputs": 1, "span": longest, "segment": longest, "segments": -(-_reach(span, mirrored) // longest)}
        outputs = min(span.o, max(1, (room - extent) // span.s + 1))
        outputs = -(-span.o // -(-span.o // outputs))  # tiles of about one size
        return {"outputs": outputs, "span": (outputs - 1) * span.s + extent, "segment": 0, "segments": 1}
    outputs = min(span.o, room)
    while True:
        edges = np.arange(0, span.o, outputs)
        low = np.minimum.reduceat(np.atleast_2d(span.starts), edges, axis=1)
        high = np.maximum.reduceat(np.atleast_2d(span.stops), edges, axis=1)
        reach = int((high - low).max())
        if reach <= max(room, longest if outputs == 1 else 0):
            return {"outputs": outputs, "span": max(reach, 1), "segment": 0, "segments": 1}
        if outputs == 1:
            return {"outputs": 1, "span": longest, "segment": longest, "segments": -(-reach // longest)}
        outputs = (outputs + 1) // 2


def _most_taps(axis: Axis, mirrored: bool) -> int:
    return 1 if axis.span is None or axis.flat else _reach(axis.span, mirrored)


def _fewest(span: Span, constant: bool) -> int:
    """Fewest cells of a window; 0 where that would take long to find."""
    if span.starts is not None and span.stops is not None:
        return int((span.stops - span.starts).min(initial=0))
    if span.inside:
        return span.k
    if span.d > 1:
        return 0
    low, high = (-span.before, span.n + span.after) if constant else (0, span.n)
    ends = (-span.before, (span.o - 1) * span.s - span.before)
    return min(max(0, min(start + span.k, high) - max(start, low)) for start in ends)


class Plan:
    """A call without its data: what `run` needs to pool arrays of one shape, dtype and layout."""

    __slots__ = ("border", "fails", "least", "nan_policy", "nbytes", "order", "out_dtype", "out_shape", "reduction", "row", "spans", "useful")

    def __init__(
        self, row: Reducer, spans: dict[int, Span], options: Mapping[str, Any], *, shape: tuple[int, ...],
        strides: tuple[int, ...], dtype: np.dtype[Any], aligned: bool, mask_strides: tuple[int, ...] | None,
        border: str, border_value: Any, nan_policy: str, min_count: int, fill_value: Any, out_dtype: Any,
        quiet: bool,
    ) -> None:  # fmt: skip
        native = check_dtype(dtype, row.kinds.replace("c", ""), "x")
        self.row, self.spans, self.border, self.nan_policy = row, spans, border, nan_policy
        self.out_dtype = result_dtype(row, native, options, out_dtype)
        self.out_shape = tuple(spans[a].o if a in spans else n for a, n in enumerate(shape))
        self.least = max(min_count, 1, options.get("ddof", 0) + 1)
        constant = border == "constant" and any(s.before or s.after for s in spans.values())
        value = scalar(border_value, native, "border_value") if border == "constant" else None
        if constant and nan_policy == "omit" and value != value:
            constant = False
        fill = row.empty if fill_value is None else scalar(fill_value, self.out_dtype, "fill_value")
        if fill is None and (self.out_dtype.kind == "f" or quiet):
            fill = math.nan if self.out_dtype.kind == "f" else 0
        collapsed = self._collapsed(strides, mask_strides, options, constant)
        real = math.prod(max(min(s.longest, s.n), 1) for a, s in spans.items() if a not in collapsed)
        cells = math.prod(max(s.longest, 1) for a, s in spans.items() if a not in collapsed)
        self.fails = fill is None
        self.reduction: Any = None
        self.useful = self.nbytes = 0
        self.order = tuple(sorted(range(len(shape)), key=lambda a: (strides[a] != 0, -abs(strides[a]))))
        if math.prod(self.out_shape) * self.out_dtype.itemsize >= TOO_LARGE:
            raise MemoryError(f"a result of shape {self.out_shape} and dtype {self.out_dtype} does not fit memory")
        if 0 in self.out_shape:
            return
        kernel = build(
            row, native, self.out_dtype, options, masked=mask_strides is not None, nan_policy=nan_policy,
            border=value if constant else None, cells=cells, real=cells if BORDERS.index(border) > 1 else real,
            least=self.least, fill=fill,
        )  # fmt: skip
        axes = self._axes(shape, strides, mask_strides, collapsed)
        planes = any(s.planes for s in spans.values())
        if planes:
            last = max((a for a in self.order if a in spans), key=self.order.index)
            self.order = (*(a for a in self.order if a != last), last)
        merged, channels = _canonical(axes, kernel.visits)
        fields = self._geometry(merged, channels, kernel, native, dtype, aligned, mask_strides is not None, BORDERS.index(border))
        fewest = math.prod(_fewest(s, constant) for s in spans.values())
        formula = kernel.formula | {
            "constant": constant,
            "check_empty": kernel.formula["count_lane"] >= 0 or fewest < self.least,
        }
        weights = options.get("weights")
        self.reduction = dispatch.kernels.Reduction(
            **fields,
            lanes=kernel.lanes,
            formula=formula,
            weights=None if weights is None else np.ascontiguousarray(weights).ravel(),
            extents=(
                *_extent(shape, strides, dtype.itemsize),
                *(_extent(shape, mask_strides, 1) if mask_strides is not None else (0, 0)),
                0,
                math.prod(self.out_shape) * self.out_dtype.itemsize,
            ),
        )
        self.useful = self.reduction.useful
        self.nbytes = self.reduction.nbytes

    def _collapsed(
        self, strides: tuple[int, ...], mask_strides: tuple[int, ...] | None, options: Mapping[str, Any], constant: bool
    ) -> set[int]:
        """Pooled axes along which all cells are the same memory, where one can stand for a window."""
        if not self.row.idempotent or self.least > 1 or constant or options.get("weights") is not None or options.get("divisor"):
            return set()
        return {
            a for a, s in self.spans.items()
            if strides[a] == 0 and not (mask_strides and mask_strides[a]) and s.inside and not s.planes and _fewest(s, False)
        }  # fmt: skip

    def _axes(
        self, shape: tuple[int, ...], strides: tuple[int, ...], mask_strides: tuple[int, ...] | None, collapsed: set[int]
    ) -> list[Axis]:
        mask = mask_strides or (0,) * len(shape)
        axes = []
        rank = plane = 1
        for a in range(len(shape) - 1, -1, -1):
            span = self.spans.get(a)
            if span is None:
                axes.append(Axis(shape[a], shape[a], None, strides[a], mask[a], plane=plane))
                plane *= shape[a]
                continue
            if a in collapsed:
                axes.append(Axis(span.o, span.o, None, 0, 0))
            else:
                axes.append(Axis(span.n, span.o, span, strides[a], mask[a], rank=rank))
            rank *= span.longest
        return axes[::-1]

    def _geometry(
        self, merged: list[Axis], channels: int, kernel: Kernel, native: np.dtype[Any], dtype: np.dtype[Any],
        aligned: bool, masked: bool, border: int,
    ) -> dict[str, Any]:  # fmt: skip
        inner = merged.pop() if channels > 1 else Axis(1, 1, None, dtype.itemsize, 1)
        row = merged[-1]
        span = row.span or Span(row.n, row.n, 1, 1, 1, 0, 0)
        size = max((lane["want_size"] for lane in kernel.lanes), default=8)
        tile = _tiling(span, channels, size, border > 1)
        uniform = span.starts is None and (span.inside or (
            border > 1 and (span.o - 1) * span.s + (span.k - 1) * span.d < span.n + span.before + span.after))  # fmt: skip
        steps = (np.array([[a.x for a in merged[:-1]], [a.mask for a in merged[:-1]]], np.int64))
        contiguous = row.x == channels * dtype.itemsize and (channels == 1 or inner.x == dtype.itemsize)
        plain = (contiguous and aligned and dtype.isnative and dtype != np.float16
                 and not (steps[0] % dtype.itemsize).any())  # fmt: skip
        mirrors = border > 1 and bool(span.before or span.after)
        leading = self._leading(merged[:-1], channels, span, border)
        rows = math.prod(a["o"] for a in leading)
        taps = math.prod(_most_taps(a, border > 1) for a in merged[:-1])
        pitch = max(tile["outputs"], -(-tile["span"] // span.s))
        band = 1
        if kernel.plain and span.starts is None and not tile["segment"] and tile["outputs"] == span.o and taps <= LINES:
            band = max(1, min(LINES, rows // 16, TILE // size // max(1, pitch * span.s * channels)))
        if band == 1:
            pitch = tile["outputs"]
        pairs = (channels == 1 and span.d == 1 and span.k % 2 == span.s % 2 == 0 and not tile["segment"]
                 and span.starts is None)  # fmt: skip
        for lane in kernel.lanes:
            lane["direct"] = lane["direct"] and plain and not mirrors
            lane["pairs"] = pairs and lane["op"] == OPERATORS.index("sum")
        capacity = max(((band - 1) * pitch * span.s + tile["span"]), band * pitch) * channels + 64
        fields = {
            "channels": channels, "x_cell": row.x, "x_channel": inner.x, "mask_cell": row.mask,
            "mask_channel": inner.mask, "size": dtype.itemsize, "swap": not dtype.isnative, "plain": plain,
            "masked": masked, "planes": any(s.planes for s in self.spans.values()), "uniform": uniform,
            "rows": rows, "tiles": -(-span.o // tile["outputs"]), "band": band, "pitch": pitch, "taps": taps,
            "capacity": capacity, "out_cell": channels * self.out_dtype.itemsize, **tile,
        }  # fmt: skip
        last = self._axis(row, span, border, 0)
        return {"axes": [*leading, last], "geometry": fields}

    def _leading(self, axes: list[Axis], channels: int, row: Span, border: int) -> list[dict[str, Any]]:
        """Leading axes, with the steps of an output that lies in the same order."""
        step = row.o * channels * self.out_dtype.itemsize
        found = []
        for axis in reversed(axes):
            found.append(self._axis(axis, axis.span or Span(axis.n, axis.n, 1, 1, 1, 0, 0), border, step))
            step *= axis.o
        return found[::-1]

    @staticmethod
    def _axis(axis: Axis, span: Span, border: int, out: int) -> dict[str, Any]:
        tables = span.starts is not None
        return {
            "n": span.n, "o": span.o, "k": span.k, "s": span.s, "d": span.d, "before": span.before,
            "after": span.after, "starts": np.ascontiguousarray(span.starts).ravel() if tables else None,
            "stops": np.ascontiguousarray(span.stops).ravel() if tables else None,
            "plane_step": span.o if span.planes else 0, "border": border,
            "flat": axis.flat,
            "x": axis.x, "mask": axis.mask, "out": out, "rank": axis.rank, "plane": axis.plane,
        }  # fmt: skip

    def empty(self) -> Array:
        """An output in the order of the input's axes in memory, as NumPy's ufuncs make it."""
        order = self.order
        if order == tuple(range(len(order))):
            return np.empty(self.out_shape, self.out_dtype)
        inverse = sorted(range(len(order)), key=order.__getitem__)
        return np.empty([self.out_shape[a] for a in order], self.out_dtype).transpose(inverse)

    def fits(self, out: Array) -> bool:
        """`out` can be written row by row: it lies in memory as `empty()` does."""
        ordered = out.transpose(self.order)
        return bool(ordered.flags.c_contiguous and out.flags.aligned and out.dtype.isnative)

    def run(self, x: Array, mask: Array | None, out: Array, workers: int | None) -> int:
        """Pools x into out, which `fits`.  Returns 0, plus 1 if a window was empty, plus 2 if one
        has a NaN under nan_policy="raise"."""
        count = threads.resolve(workers, self.useful)
        if self.reduction is None:
            return 0
        return int(self.reduction.run(
            span_of(x), None if mask is None else span_of(mask), span_of(out.transpose(self.order)), count))  # fmt: skip


# ---- memory -------------------------------------------------------------------------------------


class _Memory:
    """The bytes that an array spans, for NumPy to wrap."""

    def __init__(self, array: Array) -> None:
        low, high = np.lib.array_utils.byte_bounds(array)
        self.owner = array
        self.__array_interface__ = {
            "version": 3, "typestr": "|u1", "shape": (high - low,), "data": (low, not array.flags.writeable),
        }  # fmt: skip


def _extent(shape: tuple[int, ...], strides: tuple[int, ...], size: int) -> tuple[int, int]:
    """Bytes before the first element (negative strides), and bytes in all."""
    steps = [(n - 1) * step for n, step in zip(shape, strides, strict=True)]
    return -sum(min(0, step) for step in steps), sum(map(abs, steps)) + size


def span_of(array: Array) -> Array:
    """All memory from the first to the last byte of an array, as bytes."""
    if array.flags.c_contiguous:
        return array.reshape(-1).view(np.uint8)
    if array.flags.f_contiguous:
        return array.T.reshape(-1).view(np.uint8)
    return np.asarray(_Memory(array))


# ---- plans that are kept --------------------------------------------------------------------------

_plans: dict[Any, Plan] = {}
_kept = 0
_lock = threading.Lock()
KEEP = 16 << 20  # bytes of plans


def cached(key: Any) -> Plan | None:
    return _plans.get(key)


def make_plan(key: Any, *args: Any, **kwargs: Any) -> Plan:
    """A plan, kept under `key` (None: not kept) as long as all plans together stay small."""
    global _kept
    plan = Plan(*args, **kwargs)
    if key is not None and plan.nbytes < KEEP // 8:
        with _lock:
            if _kept + plan.nbytes > KEEP:
                _plans.clear()
                _kept = 0
            _plans[key] = plan
            _kept += plan.nbytes
    return plan
