"""One call of `pool` whose plan is not known yet: checks, special paths, and the run itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arguments import as_array, integer, shown, text, typed
from .engine import NO_DRAW, Plan, make_plan
from .geometry import BORDERS
from .lanes import check_dtype, padded_value, result_dtype, scalar
from .places import Key, Place
from .reducers import TABLE, Reducer
from .slow import apply_callable
from .spans import Span, pooled_shape

__all__ = ["Call", "check_out", "empty_window", "run", "taking_part", "window_weights"]

Array = NDArray[Any]
Spans = dict[int, Span]

BETWEEN = (
    "return_indices: a quantile lies between two cells; method must be 'lower', 'higher' or 'nearest', "
    "or every window must have an odd number of cells (median)"
)
NAN_POLICIES = ("propagate", "omit", "raise")
ENOUGH = Reducer("enough", "True if enough cells take part", lambda options, kind: (), "count", "bool", empty=False)


# ---- arguments ------------------------------------------------------------------------------


def hides_cells(where: Any, mask: Any) -> bool:
    """Whether a masked array's own mask is read, which marks cells that take no part."""
    return where is None and mask is not None and mask is not np.ma.nomask


def taking_part(where: Any, mask: Any, shape: tuple[int, ...]) -> Array:
    """The cells that take part (where, and not masked), as a bool array of the shape of x."""
    seen = as_array(True if where is None else where, "where")
    if seen.dtype != np.bool_:
        raise TypeError(f"where must be an array of bool, not {seen.dtype}")
    if mask is not None and mask is not np.ma.nomask:
        seen = seen & ~mask
    try:
        return np.broadcast_to(seen, shape)
    except ValueError:
        raise ValueError(f"where of shape {seen.shape} does not broadcast to x of shape {shape}") from None


def window_weights(weights: Array, spans: Spans, axes: tuple[int, ...]) -> Array:
    """The weights, one for each cell of a window, in the order of the array's axes."""
    shape = tuple(spans[a].k for a in axes)
    if any(s.starts is not None for s in spans.values()):
        raise ValueError("weights go with sliding windows only, not with tables of windows")
    if weights.shape != shape:
        raise ValueError(f"weights must have the shape of the window, {shape}, not {weights.shape}")
    return weights.transpose(sorted(range(len(axes)), key=axes.__getitem__))


def check_out(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be an ndarray, not {typed(out)}")
    if out.shape != shape:
        raise ValueError(f"out must have shape {shape}, not {out.shape}")
    if out.dtype.newbyteorder("=") != dtype:
        raise ValueError(f"out must have dtype {dtype}, not {out.dtype}")
    if not out.flags.writeable:
        raise ValueError("out must be writable, not read-only")
    if not out.size:
        return out
    reach = out.itemsize
    for n, step in sorted(zip(out.shape, map(abs, out.strides), strict=True), key=lambda axis: axis[1]):
        if n > 1:
            if step < reach:
                raise ValueError(f"out must not overlap itself: strides {out.strides} for shape {out.shape}")
            reach += (n - 1) * step
    return out


def _overlap(out: Array, array: Array, seen: Array | None) -> bool:
    return np.may_share_memory(out, array) or (seen is not None and np.may_share_memory(out, seen))


# ---- the run ----------------------------------------------------------------------------------


def random_key(rng: Any, place: Place | None = None) -> int:
    """One number from a generator, a seed or (None) the system's entropy, for outputs that lie at `place`."""
    key = rng if isinstance(rng, Key) else Key(np.random.default_rng(rng).integers(1, 2**64, dtype=np.uint64))
    return key.at(place)


def as_pair(out: Any) -> tuple[Any, Any]:
    if not isinstance(out, (tuple, list)) or len(out) != 2:
        raise TypeError(f"out must be a pair (values, indices) with return_indices, not {shown(out)}")
    return out[0], out[1]


def run(
    plan: Plan, array: Array, seen: Array | None, out: Any, workers: int | None, place: Place | None = None
) -> Any:
    """The plan on data: the output (with indices: a pair), and errors about windows."""
    if plan.indexed or plan.draws is not NO_DRAW:
        return _run_selecting(plan, array, seen, out, workers, place)
    if out is None:
        target = result = plan.empty()
    else:
        target = result = check_out(out, plan.out_shape, plan.out_dtype)
        if not plan.fits(out) or _overlap(out, array, seen):
            target = plan.empty()
    report(plan, plan.run(array, seen, target, workers), array, seen, workers, place)
    if target is not result:
        result[...] = target
    return result


def _run_selecting(
    plan: Plan, array: Array, seen: Array | None, out: Any, workers: int | None, place: Place | None
) -> Any:
    key = 0 if plan.draws is NO_DRAW else random_key(plan.draws, place)
    given = as_pair(out) if plan.indexed and out is not None else (out, None)
    results: list[Any] = []
    targets: list[Any] = []
    for part, dtype in zip(given, (plan.out_dtype, np.dtype(np.int64))[: 1 + plan.indexed], strict=False):
        result = None if part is None else check_out(part, plan.out_shape, dtype)
        fits = result is not None and plan.fits(result) and not _overlap(result, array, seen)
        targets.append(result if fits else plan.empty(dtype))
        results.append(targets[-1] if result is None else result)
    if len(results) == 2 and np.may_share_memory(results[0], results[1]) and out is not None:
        raise ValueError("out must be two arrays that do not overlap")
    index = targets[1] if plan.indexed else None
    report(plan, plan.run(array, seen, targets[0], workers, index, key), array, seen, workers, place)
    for target, result in zip(targets, results, strict=True):
        if target is not result:
            result[...] = target
    return (results[0], results[1]) if plan.indexed else results[0]


def report(
    plan: Plan, found: int, array: Array, seen: Array | None, workers: int | None, place: Place | None = None
) -> None:
    """Raises what the kernels found."""
    if found & 4:
        raise ValueError(BETWEEN)
    if found & 2:
        nan = np.isnan(array)
        nan = _cells(plan.spans, TABLE["any"], nan, seen, "propagate", plan.border, workers, 1, plan.hides)
        which = _first(nan, place)
        raise ValueError(f"x has a NaN in {which} and nan_policy is 'raise'")
    if found & 1 and plan.fails:
        enough = _cells(plan.spans, ENOUGH, array, seen, plan.nan_policy, plan.border, workers, plan.least, plan.hides)
        raise ValueError(empty_window(enough, plan.least, plan.out_dtype, plan.indexed, place))


def empty_window(enough: Array, least: int, dtype: np.dtype[Any], indexed: bool, place: Place | None) -> str:
    why = "and has no index" if indexed else f"and {dtype} has no value for that: give fill_value"
    return f"{_first(~enough, place)} is empty (fewer than {least} cells take part), {why}"


def _first(flags: Array, place: Place | None) -> str:
    at = np.unravel_index(int(np.argmax(flags)), flags.shape)
    return f"window {tuple(int(i + o) for i, o in zip(at, place.origin if place else (0,) * flags.ndim, strict=True))}"


def _cells(
    spans: Spans, row: Reducer, array: Array, seen: Array | None, nan_policy: str, border: str,
    workers: int | None, least: int = 1, hides: bool = False,
) -> Array:  # fmt: skip
    """A flag for each window: whether `least` cells take part (ENOUGH), or whether one is not 0 ("any")."""
    call = Call(array, seen, nan_policy, border, 0, least, None, None, False, hides=hides)
    plan = call.plan(None, row, spans, {})
    result = plan.empty()
    plan.run(array, seen, result, workers)
    return result


def _parts(array: Array) -> Array:
    """Real and imaginary parts as a last axis of length 2."""
    return array[..., None].view(array.real.dtype)


@dataclass(frozen=True)
class Call:
    """The arguments that go with the data."""

    array: Array
    seen: Array | None
    nan_policy: str
    border: str
    border_value: Any
    min_count: int
    fill_value: Any
    dtype: Any
    masked: bool  # x is a masked array: so is the result
    indexed: bool = False
    inner: bool = False  # for a gradient: padded cells have index -1
    hides: bool = False  # seen marks the cells that take no part
    place: Place | None = None  # of a block in a larger result

    def __post_init__(self) -> None:
        text(self.nan_policy, NAN_POLICIES, "nan_policy")
        text(self.border, BORDERS, "border")
        object.__setattr__(self, "min_count", integer(self.min_count, "min_count", 0))

    def plan(self, key: Any, row: Reducer, spans: Spans, options: dict[str, Any], twins: bool = False) -> Plan:
        array, seen = self.array, self.seen
        return make_plan(
            key, row, spans, options, shape=array.shape, strides=array.strides, dtype=array.dtype,
            aligned=array.flags.aligned, mask_strides=None if seen is None else seen.strides, border=self.border,
            border_value=self.border_value, nan_policy=self.nan_policy, min_count=self.min_count,
            fill_value=self.fill_value, out_dtype=self.dtype, quiet=self.masked and self.fill_value is None,
            indexed=self.indexed, twins=twins and self.nan_policy == "omit", hides=self.hides,
            whole=self.place.whole if self.place is not None and self.place.rounds else None,
        )  # fmt: skip

    def named(
        self, row: Reducer, omit: bool, options: dict[str, Any], spans: Spans, key: Any, out: Array | None,
        workers: int | None,
    ) -> Any:  # fmt: skip
        """A reducer of the table."""
        call = replace(self, nan_policy="omit") if omit else self
        self.check_indexed(row)
        options = self.checked(options)
        result: Any
        if self.array.dtype.kind == "c":
            result = call.complex(row, options, spans, out, workers)
        else:
            result = run(call.plan(key, row, spans, options), self.array, self.seen, out, workers, self.place)
        if not self.masked:
            return result
        hidden: Any = np.ma.nomask
        if self.fill_value is None:
            least = max(self.min_count, 1, options.get("ddof", 0) + 1)
            if self.array.dtype.kind == "c":
                call = call.without_nan()
            cells = call.array.real if self.array.dtype.kind == "c" else call.array
            hidden = _cells(spans, ENOUGH, cells, call.seen, call.nan_policy, call.border, workers, least, call.hides)
            np.logical_not(hidden, out=hidden)
        if self.indexed:
            return tuple(np.ma.MaskedArray(part, mask=hidden) for part in result)
        return np.ma.MaskedArray(result, mask=hidden)

    def check_indexed(self, row: Reducer) -> None:
        """An error where the reducer or the border has no indices, though they are asked for."""
        positions = self.indexed or row.formula == "position"
        if self.indexed and (not row.selects or row.formula == "position"):
            raise TypeError(f"return_indices must be False: reduce={row.name!r} gives no indices beside its values")
        if positions and self.border == "constant" and not self.inner:
            raise ValueError("border='constant' has no indices: padded cells are no cells of x")

    def checked(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options that depend on the dtype."""
        if options.get("ignore") is None:
            return options
        return options | {"ignore": scalar(options["ignore"], self.array.dtype.newbyteorder("="), "ignore")}

    def without_nan(self) -> Call:
        """nan_policy="omit" as a mask, for what does not skip NaN while it reads."""
        if self.hides and self.seen is not None:
            return replace(self, seen=~self.seen, hides=False).without_nan()
        if self.nan_policy != "omit" or self.array.dtype.kind not in "fc":
            return self
        seen = ~np.isnan(self.array)
        return replace(self, seen=seen if self.seen is None else seen & self.seen, nan_policy="propagate")

    def complex(
        self, row: Reducer, options: dict[str, Any], spans: Spans, out: Array | None, workers: int | None
    ) -> Array:
        """Sum and mean of complex arrays: real and imaginary parts side by side on an axis of their own."""
        wanted, border, empty = self.complex_values(row, options)
        shape = pooled_shape(self.array.shape, spans)
        result = np.empty(shape, wanted) if out is None else check_out(out, shape, wanted)
        array, target = self.array, result
        if out is not None and (_overlap(out, array, self.seen) or not out.dtype.isnative):
            target = np.empty(shape, wanted)
        parts = replace(
            self, array=_parts(array), seen=None if self.seen is None else np.broadcast_to(
                self.seen[..., None], (*array.shape, 2)), dtype=target.real.dtype
        )  # fmt: skip
        alike = border.real == border.imag and (empty is None or empty.real == empty.imag)
        if not alike and self.nan_policy == "omit":  # parts one by one: a mask says where either is NaN
            return self.without_nan().complex(row, options, spans, out, workers)
        for piece in (slice(None),) if alike else (slice(0, 1), slice(1, 2)):
            part = "imag" if piece.start == 1 else "real"
            call = replace(
                parts, array=parts.array[..., piece], seen=None if parts.seen is None else parts.seen[..., piece],
                border_value=getattr(border, part), fill_value=None if empty is None else getattr(empty, part),
            )  # fmt: skip
            into = _parts(target)[..., piece]
            call = replace(call, place=None if self.place is None else self.place.of_parts(into.shape[-1]))
            run(call.plan(None, row, spans, options, alike), call.array, call.seen, into, workers, call.place)
        if target is not result:
            result[...] = target
        return result

    def complex_values(self, row: Reducer, options: dict[str, Any]) -> tuple[np.dtype[Any], Any, Any]:
        """The dtype of a complex result, the value of padded cells, and that of empty windows (None: NaN)."""
        native = check_dtype(self.array.dtype, row.kinds, "x")
        wanted = result_dtype(row, native, options, self.dtype)
        border = padded_value(self.border_value, native, self.border, 0j)
        return wanted, border, None if self.fill_value is None else scalar(self.fill_value, wanted, "fill_value")

    def slow(self, reduce: Any, spans: Spans, options: dict[str, Any], out: Array | None) -> Array:
        """Any callable: called as ``reduce(a, axis=tuple, **options)``."""
        value = self.slow_value(reduce, spans)
        return apply_callable(
            reduce,
            self.array,
            tuple(spans),
            [s.positions(self.border) for s in spans.values()],
            border_value=value,
            func_kwargs=options,
            dtype=self.dtype,
            out=out,
        )

    def slow_value(self, reduce: Any, spans: Spans) -> Any:
        """The value of padded cells for a callable, or an error where it does not go with the other arguments."""
        if self.seen is not None or self.nan_policy != "propagate":
            name = "where (or a masked array)" if self.seen is not None else f"nan_policy={self.nan_policy!r}"
            raise TypeError(f"{name} does not go with reduce={shown(reduce)}: only named reducers skip cells")
        native = check_dtype(self.array.dtype, "biufc", "x")
        if any(s.planes for s in spans.values()):
            raise TypeError(f"windows that differ from plane to plane do not go with reduce={shown(reduce)}")
        return padded_value(self.border_value, native, self.border, 0)
