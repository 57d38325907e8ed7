"""The plan of a call: rows, lanes and formula as the kernels take them; and its run on data."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import dispatch, threads
from .arguments import must_fit
from .geometry import BORDERS
from .lanes import CODES, OPERATORS, Kernel, build, check_dtype, padded_value, result_dtype, scalar
from .memory import LARGE, empty
from .ordering import axis_fields, input_axes, ordered_axes, whole_axes
from .places import Whole
from .reducers import Reducer
from .rows import (
    BAND,
    BLOCK,
    COLUMNS,
    FOLDED,
    LINES,
    SLOTS,
    Axis,
    canonical,
    fewest,
    folded_tile,
    is_long,
    most_taps,
    reach,
    strip_of,
    tiling,
)  # fmt: skip
from .selection import Slots, groups, selecting, shares, slots_of
from .spans import Span, pooled_shape
from .tall import blocks, slides, tall

FILLED = 2**20  # bytes of a row that fills registers of any length
SHORT_ROW = 32  # cells, as in kernels/tables.h
NO_DRAW: Any = object()  # of a plan that needs no random numbers
VISITED = len(BORDERS)  # as "constant", but each cell apart (kernels/plan.pxd)

__all__ = ["NO_DRAW", "Plan", "cached", "keep", "make_plan"]

Array = NDArray[Any]


def _worked_on(geometry: dict[str, Any], lanes: list[dict[str, Any]], table: bool) -> int:
    """Bytes of a row as it is worked on; 0 where memory is the limit, which long registers ask less evenly: long rows
    of samples of two bytes and more (2x2 means of 4096x4096 uint16 take 1.2 times as long).  FILLED where kernels are
    written for registers of any length: long windows on one row, sums of many rows of float32 (kernels/rows.h), and
    windows of a table on short rows (kernels/tables.h)."""
    if lanes and lanes[-1]["direct"] and lanes[-1]["have"] == CODES["f4"]:
        summed = geometry["taps"] > 4 and lanes[-1]["op"] == OPERATORS.index("sum") and not lanes[-1]["squares"]
        if geometry["folded"] or summed or (table and geometry["span"] <= SHORT_ROW):
            return FILLED
    if geometry["strip"] and geometry["channels"] == 1 and geometry["size"] > 1:
        return 0
    samples: int = geometry["outputs"] * geometry["channels"]
    return samples * max((lane["want_size"] for lane in lanes), default=8)


class Plan:
    """A call without its data: what `run` needs to pool arrays of one shape, dtype and layout."""

    __slots__ = (
        "axes", "border", "copies", "draws", "fails", "hides", "indexed", "least", "nan_policy", "nbytes", "order",
        "out_dtype", "out_shape", "outer", "reduction", "row", "spans", "straight", "useful",
    )  # fmt: skip

    def __init__(
        self, row: Reducer, spans: dict[int, Span], options: Mapping[str, Any], *, shape: tuple[int, ...],
        strides: tuple[int, ...], dtype: np.dtype[Any], aligned: bool, mask_strides: tuple[int, ...] | None,
        border: str, border_value: Any, nan_policy: str, min_count: int, fill_value: Any, out_dtype: Any,
        quiet: bool, indexed: bool = False, twins: bool = False, hides: bool = False,
        factors: Mapping[int, Array] | None = None, copies: int = 1, whole: Whole | None = None,
    ) -> None:  # fmt: skip
        native = check_dtype(dtype, row.kinds.replace("c", ""), "x")
        self.row: Reducer = row
        self.spans: dict[int, Span] = spans
        self.border: str = border
        self.nan_policy: str = nan_policy
        self.out_dtype: np.dtype[Any] = result_dtype(row, native, options, out_dtype)
        unpooled = math.prod(n for a, n in enumerate(shape) if a not in spans)
        for span in spans.values():
            if span.planes and span.planes != unpooled:
                raise ValueError(f"window has tables for {span.planes} planes, and x has {unpooled} (shape {shape})")
        self.out_shape: tuple[int, ...] = pooled_shape(shape, spans)
        self.least: int = max(min_count, 1, options.get("ddof", 0) + 1)
        constant = border == "constant" and any(s.before or s.after for s in spans.values())
        value = padded_value(border_value, native, border, None)
        if constant and nan_policy == "omit" and value != value:
            constant = False
        fill = row.empty if fill_value is None else scalar(fill_value, self.out_dtype, "fill_value")
        if fill is None and (self.out_dtype.kind == "f" or quiet):
            fill = math.nan if self.out_dtype.kind == "f" else 0
        selects = row.picks(options, indexed) != ""
        collapsed = set() if selects else self._collapsed(strides, mask_strides, options, constant)
        real = math.prod(max(min(s.longest, s.n), 1) for a, s in spans.items() if a not in collapsed)
        cells = math.prod(max(s.longest, 1) for a, s in spans.items() if a not in collapsed)
        self.fails: bool = fill is None or (indexed and not quiet)
        self.indexed: bool = indexed
        self.hides: bool = hides
        self.copies: int = copies
        self.draws: Any = options["rng"] if row.picks(options, indexed) == "stochastic" else NO_DRAW
        self.reduction: Any = None
        self.useful: int = 0
        self.nbytes: int = 0
        self.order: tuple[int, ...] = ordered_axes(strides, spans)
        must_fit(self.out_shape, self.out_dtype)
        small = math.prod(self.out_shape) * 8 <= LARGE  # of any dtype
        self.straight: bool = small and self.order == tuple(range(len(shape)))
        if 0 in self.out_shape:
            return
        mirrored, weights = BORDERS.index(border), options.get("weights")
        if constant and (selects or weights is not None):  # each padded cell counts apart
            mirrored, constant = VISITED, False
        masked = mask_strides is not None
        cells_at_least = math.prod(fewest(s, constant or mirrored == VISITED) for s in spans.values())
        check_empty = masked or (nan_policy == "omit" and native.kind == "f") or cells_at_least < self.least
        zeros = None
        if constant and value == 0 and not check_empty:
            zeros = without_zeros(row, options, spans)
        if zeros is not None:
            options, constant = zeros, False
        slots = slots_of(spans, mirrored > 1, mirrored == VISITED) if selects else None
        kernel = build(
            row, native, self.out_dtype, options, masked=masked, nan_policy=nan_policy,
            border=value if constant or mirrored == VISITED else None, cells=cells,
            real=cells if mirrored > 1 else real, least=self.least, fill=fill, indexed=indexed,
            slots=slots.cells if slots else 0,
            whole=not masked and nan_policy != "omit" and (
                cells_at_least == cells or (mirrored > 1 and all(s.complete for s in spans.values()))),
        )  # fmt: skip
        placed = selects and (indexed or row.formula == "position" or self.draws is not NO_DRAW)
        apart = selects or weights is not None
        outputs = whole.outputs if whole else self.out_shape
        axes = input_axes(shape, strides, mask_strides, spans, collapsed, slots, apart, factors, placed, outputs)
        like = None if whole is None else whole_axes(whole, dtype.itemsize, slots, apart, placed, factors)
        merged, channels = canonical(axes, kernel.visits, like)
        if factors is not None:  # the gradient of a cell in no window is 0
            check_empty = False
        if factors is not None or zeros is not None:
            kernel.lanes[-1] |= {"identity": 0, "mask_value": 0}
        fields = self._geometry(
            merged, channels, kernel, dtype, aligned and not twins, masked, mirrored, constant, check_empty, slots
        )  # fmt: skip
        fields["geometry"] |= {"twins": twins, "hides": hides}
        if kernel.pick is not None:
            self.axes: list[dict[str, Any]] = fields["axes"]
            self.outer: int = kernel.pick["outer"]
        repeated = copies * math.prod(s.copies for s in spans.values() if s.starts is None)
        table = fields["axes"][-1]["starts"] is not None
        formula = kernel.formula | {"constant": constant, "check_empty": check_empty}
        self.reduction = dispatch.kernels_of_rows(_worked_on(fields["geometry"], kernel.lanes, table)).Reduction(
            **fields,
            lanes=kernel.lanes,
            formula=formula,
            weights=None if weights is None else np.ascontiguousarray(weights).ravel(),
            pick=kernel.pick,
            shape=shape,
            strides=strides,
            mask_strides=mask_strides,
            out_bytes=math.prod(self.out_shape) * self.out_dtype.itemsize * repeated,
        )
        self.useful = self.reduction.useful
        self.nbytes = self.reduction.nbytes

    def _collapsed(
        self, strides: tuple[int, ...], mask_strides: tuple[int, ...] | None, options: Mapping[str, Any], constant: bool
    ) -> set[int]:
        """Pooled axes along which all cells are the same memory, where one can stand for a window."""
        if (
            not self.row.idempotent
            or self.least > 1
            or constant
            or options.get("weights") is not None
            or options.get("divisor")
            or any(s.planes for s in self.spans.values())
        ):
            return set()
        return {
            a
            for a, s in self.spans.items()
            if strides[a] == 0 and not (mask_strides and mask_strides[a])
            if s.inside and fewest(s, False)
        }

    def _geometry(
        self, merged: list[Axis], channels: int, kernel: Kernel, dtype: np.dtype[Any],
        aligned: bool, masked: bool, border: int, constant: bool, check_empty: bool, slots: Slots | None,
    ) -> dict[str, Any]:  # fmt: skip
        inner = merged.pop() if channels > 1 else Axis(1, 1, None, dtype.itemsize, 1)
        row = merged[-1]
        span = row.span or Span(row.n, row.n, 1, 1, 1, 0, 0)
        span = span.stuffed or span
        size = max((lane["want_size"] for lane in kernel.lanes), default=8)
        taps = math.prod(most_taps(a, border > 1) for a in merged[:-1])
        visits = [lane for lane in kernel.lanes if lane["op"] >= OPERATORS.index("taps")]
        kept = slots.cells if slots else 0
        shared = bool(slots and kernel.pick is not None and shares(kernel.pick, kernel.lanes[-1], slots, row))
        if shared:
            kept = span.k  # a sorted column belongs to several windows
        tile = tiling(span, channels, size, border > 1, min(taps, BLOCK) if visits else 0, kept,
                      bool(slots and slots.each))  # fmt: skip
        uniform = span.starts is None and (span.inside or (border > 1 and span.complete))
        steps = np.array([[a.x for a in merged[:-1]], [a.mask for a in merged[:-1]]], np.int64)
        contiguous = row.x == channels * dtype.itemsize and (channels == 1 or inner.x == dtype.itemsize)
        plain = (contiguous and aligned and dtype.isnative and dtype != np.float16
                 and not (steps[0] % dtype.itemsize).any())  # fmt: skip
        mirrors = border > 1 and bool(span.before or span.after)
        folds = border > 1 and any(s.before or s.after for s in self.spans.values())
        leading = self._leading(merged[:-1], channels, span, border)
        rows = math.prod(a["o"] for a in leading)
        if rows * span.o * channels != math.prod(self.out_shape):  # the kernels trust these numbers
            raise AssertionError(f"{rows} rows of {span.o} x {channels} do not make {self.out_shape}")
        inputs = math.prod(axis["n"] for axis in leading)
        weighted = any(a.factors is not None for a in merged)
        slid = (plain and channels == self.copies == 1 and border < BORDERS.index("reflect") and not constant
                and not check_empty and self.out_dtype == np.float32
                and slides(kernel.lanes, leading, span, taps))  # fmt: skip
        deep, tile = tall(leading, kernel.plain and not weighted, slid, tile, span, channels * size)
        pitch = max(tile["outputs"], -(-tile["span"] // span.s)) if span.starts is None else tile["outputs"]
        pairs = (channels == 1 and span.d == 1 and span.k % 2 == span.s % 2 == 0 and not tile["segment"]
                 and span.starts is None)  # fmt: skip
        room = BAND // channels
        line = tile["span"] if span.starts is not None else pitch * span.s
        per_line = max(line * size // (2 if span.k <= 3 else 1),  # longer windows slide on more rows
                       span.n * dtype.itemsize * (leading[-1]["s"] if leading else 1))  # fmt: skip
        per_line = max(per_line // (4 if taps == 1 else 1),  # one row after the other is read quickly in any case
                       span.o * span.copies * self.copies * self.out_dtype.itemsize)  # fmt: skip
        axes = [*leading, axis_fields(row, span, border, 0)]
        if kernel.pick is not None and slots is not None:
            every, pick = not masked and not kernel.pick["omit"] and not folds, kernel.pick
            pick.update(selecting(pick, kernel.lanes[-1], slots, self.spans, merged, axes, channels, every, tile))
            pick["parts"] = (every and not check_empty and not slots.each and not pick["indexed"]
                             and not pick["extreme"] and self.draws is NO_DRAW)  # fmt: skip
            if not pick["tracked"]:
                pitch, room = tile["outputs"], COLUMNS // kept // channels
                line, per_line = pitch * span.s, pitch * span.s * size
        band, simple = 1, kernel.plain or (kernel.pick is not None and not mirrors)
        alike = span.starts is None or (kernel.pick is None and span.stuff == 1)
        if simple and alike and not tile["segment"] and tile["outputs"] == span.o and taps <= LINES:
            band = max(1, min(LINES, rows // 16, room // max(1, per_line)))
            if band == 2 and is_long(span, channels * dtype.itemsize, inputs):
                band = 1
        if shared and span.k > 4 and alike and rows > 1:
            band += band & 1  # two lines at a time (kernels/shared.pxd)
        if span.planes:  # each has tables of its own
            band = min(band, leading[-1]["o"]) if leading else 1
        if deep and alike:
            band = max(1, min(LINES, rows // 4, LINES if slid else 4 * deep))
        if leading and band > leading[-1]["o"]:  # whole planes: the next ones lie alike
            band -= band % leading[-1]["o"]
        if band == 1 and not deep:
            pitch = tile["outputs"]
            line = pitch * span.s
        # Cells beyond the ends of a row mirror others of the merged row, where each tile has those.
        mirrored = (mirrors and border != VISITED and kernel.plain and not pairs and not weighted
                    and span.complete and span.stuff == 1 and not tile["segment"]
                    and span.mirrors_within(tile["outputs"], self.border))  # fmt: skip
        for lane in kernel.lanes:
            lane["direct"] = (lane["direct"] and plain and (mirrored or not mirrors)
                              and not (folds and kernel.pick))  # fmt: skip
            # Squares are added in the same order where rows must be decoded first.
            lane["pairs"] = pairs and lane["halves"] and (not lane["squares"] or (lane["direct"] and taps <= LINES))
        strip, folded = 0, False  # outputs that go through all stages at a time
        plainest = (len(kernel.lanes) == 1 and kernel.lanes[0]["direct"] and kernel.pick is None and uniform
                    and span.stuff == span.copies == self.copies == 1 and not weighted and not mirrors
                    and not constant and not check_empty)  # fmt: skip
        if plainest and band == 1 and not deep and taps <= LINES and span.starts is None and not tile["segment"]:
            strip = strip_of(span, channels * dtype.itemsize, inputs, taps, tile["outputs"])
            # Long windows on one row of floats: from memory, without a row in between.
            lane = kernel.lanes[0]
            folded = (taps == channels == span.d == 1 and FOLDED[0] <= span.k <= min(FOLDED[1], 8 * span.s)
                      and lane["have"] >= CODES["f4"] and lane["op"] <= OPERATORS.index("sum")
                      and not lane["pairs"] and not lane["squares"])  # fmt: skip
        rowless = folded and all(a.span is None for a in merged[:-1])  # no row of scratch is needed, nor limits a tile
        if rowless:
            tile = folded_tile(span, dtype.itemsize, tile)
            line = tile["outputs"] * span.s
        if folded:
            pitch = strip = tile["outputs"]
        visited = tile["outputs"] * (tile["segment"] or reach(span, border > 1))
        if slots:  # cells are sorted in a few steps each; those of large windows are counted, for each window
            work = visited * (2 if slots.cells <= SLOTS else 20)
        else:
            work = sum(lane["cost"] * (visited if lane in visits else tile["span"]) for lane in kernel.lanes)
        cells = tile["outputs"] if rowless else (band - 1 + deep) * line + tile["span"]
        capacity = max(cells, band * pitch, blocks(deep, tile["span"])) * channels + 64
        fields = {
            "channels": channels, "x_cell": row.x, "x_channel": inner.x, "mask_cell": row.mask,
            "mask_channel": inner.mask, "size": dtype.itemsize, "swap": not dtype.isnative, "plain": plain,
            "weighted": weighted, "deep": deep, "slid": slid, "mirrored": mirrored, "channel_position": inner.position,
            "copies": self.copies, "repeats": span.copies,
            "counted": check_empty or kernel.counted, "compact": bool(slots and slots.each),
            "masked": masked, "planes": any(s.planes for s in self.spans.values()), "uniform": uniform,
            "strip": strip, "folded": folded, "rows": rows,
            "tiles": -(-span.o // tile["outputs"]), "band": band, "pitch": pitch, "line": line,
            "taps": taps,
            "capacity": capacity, "out_cell": channels * self.out_dtype.itemsize,
            "work": (work + tile["outputs"]) * min(taps, BLOCK) * channels, **tile,
        }  # fmt: skip
        return {"axes": axes, "geometry": fields}

    def _leading(self, axes: list[Axis], channels: int, row: Span, border: int) -> list[dict[str, Any]]:
        """Leading axes, with the steps of an output that lies in the same order."""
        step = row.o * row.copies * channels * self.out_dtype.itemsize * self.copies
        found = []
        for axis in reversed(axes):
            found.append(axis_fields(axis, axis.span or Span(axis.n, axis.n, 1, 1, 1, 0, 0), border, step))
            step *= axis.o
        return found[::-1]

    def give(
        self, x: Array, mask: Array | None, grad: Array, dx: Array, scale: float, add: bool, workers: int | None,
        index: Array | None = None, key: int = 0,
    ) -> tuple[int, int]:  # fmt: skip
        """The gradient of a plan with indices (known ones, or found again): written or added to dx, flat in the
        order of x in memory; grad (float32 or float64) and index likewise in that of the output.  Returns
        what `run` does, and how many indices point to no cell."""
        count = threads.resolve(workers, self.useful)
        kind = {"size": dx.itemsize, "grad_code": CODES[grad.dtype.str[1:]], "scale": scale}
        cells, into = grad.view(np.uint8), dx.view(np.uint8)
        how = kind | groups(self.axes, self.outer, False) | ({"clears": False} if add else {})
        found, lost, strays = self.reduction.give(x, mask, cells, into, index, how, count, key)
        if strays and not add:  # indices of cells of other groups: once more, with planes that are whole
            how |= groups(self.axes, self.outer, True)
            found, lost, _ = self.reduction.give(x, mask, cells, into, index, how, count, key)
        return found, lost

    def empty(self, dtype: np.dtype[Any] | None = None) -> Array:
        """An output (or its indices) in the order of the input's axes in memory, as NumPy's ufuncs make it."""
        if self.straight:
            return np.empty(self.out_shape, dtype or self.out_dtype)
        return empty(self.out_shape, dtype or self.out_dtype, self.order)

    def fits(self, out: Array) -> bool:
        """`out` can be written row by row: it lies in memory as `empty()` does."""
        ordered = out.transpose(self.order)
        return bool(ordered.flags.c_contiguous and out.flags.aligned and out.dtype.isnative)

    def run(
        self, x: Array, mask: Array | None, out: Array, workers: int | None, index: Array | None = None, key: int = 0
    ) -> int:
        """Pools x into out, which `fits` (and positions into index, which does too).  Returns 0, plus 1 if a
        window was empty, plus 2 if one has a NaN under nan_policy="raise", plus 4 if a quantile whose
        position was asked for lies between two cells."""
        count = threads.resolve(workers, self.useful)
        if self.reduction is None:
            return 0
        if index is None and not key:
            found: int = self.reduction.run(x, mask, out, count)
            return found
        flat = None if index is None else index.transpose(self.order).reshape(-1)
        found = self.reduction.run(x, mask, out, count, flat, key)
        return found


def without_zeros(row: Reducer, options: Mapping[str, Any], spans: dict[int, Span]) -> Mapping[str, Any] | None:
    """Options with which padded zeros that count need not be added; None: they must be."""
    if row.name == "sum" or options.get("divisor"):
        return options
    cells = math.prod(s.k for s in spans.values())
    if row.name != "mean" or cells > 2**53 or not all(s.complete for s in spans.values()):
        return None
    return {**options, "divisor": cells}


# ---- plans that are kept --------------------------------------------------------------------------

_kept: dict[Any, Any] = {}
_size = 0
_lock = threading.Lock()
KEEP = 16 << 20  # bytes of all that is kept


def cached(key: Any) -> Any:
    """What was kept under `key` (None: nothing)."""
    return None if key is None else _kept.get(key)


def keep(key: Any, value: Any, nbytes: int) -> None:
    """Keeps a value under `key` (None: does not), as long as all together stay small."""
    global _size
    if key is not None and nbytes < KEEP // 8:
        with _lock:
            if _size + nbytes > KEEP:
                _kept.clear()
                _size = 0
            _kept[key] = value
            _size += nbytes


def make_plan(key: Any, *args: Any, **kwargs: Any) -> Plan:
    """A plan, kept under `key`."""
    plan = Plan(*args, **kwargs)
    keep(key, plan, plan.nbytes)
    return plan
