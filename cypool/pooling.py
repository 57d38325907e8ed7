"""`pool` and its short relatives: the public n-dimensional functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from . import dispatch
from .engine import Plan, cached, make_plan
from .geometry import BORDERS, Span, Windows, entries, integer, per_axis, pooled_axes, resolve
from .lanes import check_dtype, default_dtype, result_dtype, scalar
from .reducers import Reducer, find, read_options
from .slow import apply_callable

__all__ = ["adaptive_pool", "global_pool", "pool"]

Array = NDArray[Any]
Reduce = str | Callable[..., Any]

NAN_POLICIES = ("propagate", "omit", "raise")


def pool(
    x: ArrayLike,
    window: Any,
    reduce: Reduce = "max",
    *,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    axes: Any = None,
    border: str = "ignore",
    border_value: Any = 0,
    where: ArrayLike | None = None,
    nan_policy: str = "propagate",
    min_count: int = 1,
    fill_value: Any = None,
    return_indices: bool = False,
    dtype: DTypeLike | None = None,
    out: Array | None = None,
    workers: int | None = None,
    **options: Any,
) -> Array:
    """Pool an array: reduce each window on any axes to one value.

    Output i of an axis of length n depends on the cells ``i * stride - before + j * dilation`` for
    ``0 <= j < window``, and there are
    ``floor((n + before + after - dilation * (window - 1) - 1) / stride) + 1`` of them.

    Parameters
    ----------
    x : array_like
        Any number of dimensions (1 to 64); bool, integers, float16, float32, float64, complex (sum
        and mean).  Any memory layout.  Never modified.
    window : int, Windows, or a sequence of these
        Cells of a window.  One value holds for all pooled axes, a sequence has one for each.
    reduce : str or callable
        ``"max" "min" "mean" "sum" "prod" "any" "all" "range" "count" "var" "std" "first" "lp" "gem"
        "logsumexp" "softpool"``, or the NumPy function of that meaning (``np.max``; ``np.nanmax``
        means ``nan_policy="omit"``).  Any other callable is called as ``func(a, axis=tuple)``, once
        for each distinct shape of a window, at its own speed.
    stride : int or sequence of int, optional
        Cells from one window to the next.  Default: the window.
    padding : int, str or sequence
        Cells added before and after: an integer, ``"valid"`` (0), ``"same"`` (output
        ``ceil(n / stride)``, the extra cell at the end), ``"same_lower"``; or one of these, or a
        pair ``(before, after)``, for each axis.
    dilation : int or sequence of int
        Cells from one cell of a window to the next.
    ceil_mode : bool
        Keep a last window that is only partly inside; what lies beyond the padding takes no part.
    axes : int or sequence of int, optional
        The pooled axes.  Default: all if `window` is one value, else the last ``len(window)``.
    border : {"ignore", "constant", "reflect", "symmetric", "edge", "wrap"}
        What padded cells are: nothing, `border_value`, or as in `numpy.pad`.
    border_value : scalar
        The value of padded cells for ``border="constant"``.
    where : array_like of bool, optional
        Broadcast to x; cells that are False take no part.
    nan_policy : {"propagate", "omit", "raise"}
        A window with a NaN gives NaN; NaN take no part; an error.
    min_count : int
        A window in which fewer cells take part is empty.
    fill_value : scalar, optional
        Value of empty windows.  Default: sum 0, prod 1, any False, all True, count 0; otherwise NaN,
        or an error where the result is of integers.
    return_indices : bool
        Not supported by the reducers of this release: must be False.
    dtype : dtype, optional
        Dtype of the result.  Default: what NumPy gives the same reduction.  Means of integers may be
        integers: exact, rounded (option `rounding`), saturated.
    out : ndarray, optional
        Where to put the result.
    workers : int, optional
        At most so many threads; -1: all.  Default: see `set_workers`.
    **options
        Of the reducer: ``weights`` (sum, mean), ``divisor`` and ``rounding`` (mean), ``ddof`` (var,
        std), ``p`` (lp, gem), ``eps`` (gem), ``alpha`` (logsumexp, softpool), ``mean`` (logsumexp).

    Returns
    -------
    ndarray
        The pooled array; a masked array if x is one, empty windows masked.

    Raises
    ------
    TypeError, ValueError, MemoryError
        An argument of the wrong kind; of a wrong value, length or combination; a result too large.

    Notes
    -----
    Sums and means of floats are added in float64, those of integers exactly.  The result has the
    same bits for any number of workers, any CPU level and any place in a batch.

    Examples
    --------
    >>> import numpy as np, cypool
    >>> x = np.arange(16).reshape(4, 4)
    >>> cypool.pool(x, 2)
    array([[ 5,  7],
           [13, 15]])
    >>> cypool.pool(x, 2, "mean")
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    >>> cypool.pool(x, 3, stride=2, padding=1)
    array([[ 5,  7],
           [13, 15]])
    >>> cypool.pool(x, (2,), np.ptp)  # the last axis alone
    array([[1, 1],
           [1, 1],
           [1, 1],
           [1, 1]], dtype=uint64)
    """
    mask: Any = None
    if isinstance(x, np.ma.MaskedArray):
        mask = np.ma.getmask(x)
        x = x.data
    array = x if type(x) is np.ndarray else np.asarray(x)
    seen = None
    if where is not None or (mask is not None and mask is not np.ma.nomask):
        seen = _where(where, mask, array.shape)
    key = dispatch.kernels.typed_key((
        window, reduce, stride, padding, dilation, ceil_mode, axes, border, border_value, nan_policy, min_count,
        fill_value, dtype, return_indices, mask is None, tuple(options.items()), array.shape, array.strides,
        array.dtype, array.flags.aligned, None if seen is None else seen.strides, dispatch.level,
    ), (np.dtype, Windows))  # fmt: skip
    plan = None if key is None else cached(key)
    if plan is None:
        found = find(reduce)
        if return_indices is not False:
            raise TypeError(f"return_indices must be False (reduce={reduce!r} gives no indices), not {return_indices!r}")
        _check_text(nan_policy, NAN_POLICIES, "nan_policy")
        _check_text(border, BORDERS, "border")
        spans = resolve(array.shape, window, stride, padding, dilation, ceil_mode, axes, border)
        if found is None:
            return _slow(reduce, array, spans, border, border_value, seen, nan_policy, dtype, out, options)
        row, omit = found
        min_count = integer(min_count, "min_count", 0)
        values = read_options(row, options)
        if values.get("weights") is not None:
            values["weights"] = _weights(values["weights"], spans, pooled_axes(axes, array.ndim, window))
        if omit:
            nan_policy = "omit"
        if array.dtype.kind == "c":
            return _complex(
                array, spans, row, values, seen, border, border_value, nan_policy, min_count, fill_value, dtype, out, workers
            )
        changed = _materialise(array, seen, spans, row, values, border, border_value, nan_policy)
        if changed is not None:
            array, seen, spans = changed
            border, key = "ignore", None
        plan = make_plan(
            key, row, spans, values, shape=array.shape, strides=array.strides, dtype=array.dtype,
            aligned=array.flags.aligned, mask_strides=None if seen is None else seen.strides, border=border,
            border_value=border_value, nan_policy=nan_policy, min_count=min_count, fill_value=fill_value,
            out_dtype=dtype, quiet=mask is not None,
        )  # fmt: skip
    result = _run(plan, array, seen, out, workers)
    if mask is None:
        return result
    hidden: Any = np.ma.nomask
    if fill_value is None:
        hidden = _counts(plan, array, seen, "count", nan_policy, border, workers) < plan.least
    return np.ma.MaskedArray(result, mask=hidden)


def _check_text(value: Any, allowed: tuple[str, ...], name: str) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {value!r} (a {type(value).__name__})")
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


def _where(where: Any, mask: Any, shape: tuple[int, ...]) -> Array:
    """The cells that take part, as a bool array of the shape of x."""
    seen = np.asarray(True if where is None else where)
    if seen.dtype != np.bool_:
        raise TypeError(f"where must be an array of bool, not {seen.dtype}")
    if mask is not None and mask is not np.ma.nomask:
        seen = seen & ~mask
    try:
        return np.broadcast_to(seen, shape)
    except ValueError:
        raise ValueError(f"where of shape {seen.shape} does not broadcast to x of shape {shape}") from None


def _weights(weights: Array, spans: dict[int, Span], axes: tuple[int, ...]) -> Array:
    """The weights, one for each cell of a window, in the order of the array's axes."""
    shape = tuple(spans[a].k for a in axes)
    if any(s.starts is not None for s in spans.values()):
        raise ValueError("weights go with sliding windows only, not with tables of windows")
    if weights.shape != shape:
        raise ValueError(f"weights must have the shape of the window, {shape}, not {weights.shape}")
    return weights.transpose(sorted(range(len(axes)), key=axes.__getitem__))


def _materialise(
    array: Array, seen: Array | None, spans: dict[int, Span], row: Reducer, options: dict[str, Any], border: str,
    border_value: Any, nan_policy: str,
) -> tuple[Array, Array | None, dict[int, Span]] | None:  # fmt: skip
    """What lanes that look at each cell apart cannot do by arithmetic is made real in x and where."""
    if options.get("weights") is None and row.name != "first":
        return None
    pads = [(spans[a].before, spans[a].after) if a in spans else (0, 0) for a in range(array.ndim)]
    padded = border == "constant" and any(map(any, pads))
    skips = row.name == "first" and nan_policy == "omit" and array.dtype.kind == "f"
    if not padded and not skips:
        return None
    if skips:
        seen = ~np.isnan(array) if seen is None else seen & ~np.isnan(array)
    if padded:
        value = scalar(border_value, array.dtype.newbyteorder("="), "border_value")
        array = np.pad(array, pads, constant_values=value)
        if seen is not None:
            seen = np.pad(seen, pads, constant_values=not (skips and value != value))
        spans = {a: s._replace(n=s.n + s.before + s.after, before=0, after=0) for a, s in spans.items()}
    return array, seen, spans


def _run(plan: Plan, array: Array, seen: Array | None, out: Array | None, workers: int | None) -> Array:
    """The plan on data: output, errors about windows."""
    target = out
    if out is None:
        target = result = plan.empty()
    else:
        result = _check_out(out, plan.out_shape, plan.out_dtype)
        if not plan.fits(out) or np.may_share_memory(out, array) or (seen is not None and np.may_share_memory(out, seen)):
            target = plan.empty()
    assert target is not None
    found = plan.run(array, seen, target, workers)
    if found & 2:
        counts = _counts(plan, np.isnan(array), seen, "any", "propagate", "ignore", workers)
        raise ValueError(f"x has a NaN in {_first_window(counts)} and nan_policy is 'raise'")
    if found & 1 and plan.fails:
        counts = _counts(plan, array, seen, "count", plan.nan_policy, plan.border, workers)
        raise ValueError(
            f"{_first_window(counts < plan.least)} is empty (fewer than {plan.least} cells take part), "
            f"and {plan.out_dtype} has no value for that: give fill_value"
        )
    if target is not result:
        result[...] = target
    return result


def _first_window(flags: Array) -> str:
    return f"window {tuple(int(i) for i in np.unravel_index(int(np.argmax(flags)), flags.shape))}"


def _counts(
    plan: Plan, array: Array, seen: Array | None, name: str, nan_policy: str, border: str, workers: int | None
) -> Array:
    """Another reducer (of cells) over the same windows."""
    found = find(name)
    assert found is not None
    other = make_plan(
        None, found[0], plan.spans, {}, shape=array.shape, strides=array.strides, dtype=array.dtype,
        aligned=array.flags.aligned, mask_strides=None if seen is None else seen.strides, border=border,
        border_value=0, nan_policy=nan_policy, min_count=0, fill_value=None, out_dtype=None, quiet=False,
    )  # fmt: skip
    result = other.empty()
    other.run(array, seen, result, workers)
    return result


def _check_out(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be an ndarray, not {out!r} (a {type(out).__name__})")
    if out.shape != shape:
        raise ValueError(f"out must have shape {shape}, not {out.shape}")
    if out.dtype.newbyteorder("=") != dtype:
        raise ValueError(f"out must have dtype {dtype}, not {out.dtype}")
    if not out.flags.writeable:
        raise ValueError("out must be writable, not read-only")
    if _overlaps_itself(out):
        raise ValueError(f"out must not overlap itself: strides {out.strides} for shape {out.shape}")
    return out


def _overlaps_itself(array: Array) -> bool:
    reach = array.itemsize
    for n, step in sorted(zip(array.shape, map(abs, array.strides), strict=True), key=lambda axis: axis[1]):
        if n > 1:
            if step < reach:
                return True
            reach += (n - 1) * step
    return False


def _complex(
    array: Array, spans: dict[int, Span], row: Reducer, options: dict[str, Any], seen: Array | None, border: str,
    border_value: Any, nan_policy: str, min_count: int, fill_value: Any, dtype: Any, out: Array | None,
    workers: int | None,
) -> Array:  # fmt: skip
    """Sum and mean of complex arrays: the real and the imaginary parts."""
    native = check_dtype(array.dtype, row.kinds, "x")
    wanted = result_dtype(row, native, options, dtype)
    shape = tuple(spans[a].o if a in spans else n for a, n in enumerate(array.shape))
    result = np.empty(shape, wanted) if out is None else _check_out(out, shape, wanted)
    if out is not None and (np.may_share_memory(out, array) or (seen is not None and np.may_share_memory(out, seen))):
        array = array.copy()
    if nan_policy == "omit":
        seen = ~np.isnan(array) if seen is None else seen & ~np.isnan(array)
    number = scalar(border_value, native, "border_value") if border == "constant" else 0j
    empty = None if fill_value is None else scalar(fill_value, wanted, "fill_value")
    for part in ("real", "imag"):
        piece = getattr(array, part)
        values = _materialise(piece, seen, spans, row, options, border, getattr(number, part), "propagate")
        piece, mask, where = values or (piece, seen, spans)
        plan = make_plan(
            None, row, where, options, shape=piece.shape, strides=piece.strides, dtype=piece.dtype,
            aligned=piece.flags.aligned, mask_strides=None if mask is None else mask.strides,
            border=border if values is None else "ignore", border_value=getattr(number, part),
            nan_policy="propagate" if nan_policy == "omit" else nan_policy, min_count=min_count,
            fill_value=None if empty is None else getattr(empty, part),
            out_dtype=getattr(np.zeros((), wanted), part).dtype, quiet=False,
        )  # fmt: skip
        getattr(result, part)[...] = _run(plan, piece, mask, None, workers)
    return result


def _slow(
    reduce: Any, array: Array, spans: dict[int, Span], border: str, border_value: Any, seen: Array | None,
    nan_policy: str, dtype: Any, out: Array | None, options: dict[str, Any],
) -> Array:  # fmt: skip
    """Any callable: called as ``reduce(a, axis=tuple, **options)``."""
    if seen is not None or nan_policy != "propagate":
        name = "where (or a masked array)" if seen is not None else f"nan_policy={nan_policy!r}"
        raise TypeError(f"{name} does not go with reduce={reduce!r}: only named reducers skip cells")
    check_dtype(array.dtype, "biufc", "x")
    if any(s.planes for s in spans.values()):
        raise TypeError(f"windows that differ from plane to plane do not go with reduce={reduce!r}")
    axes = tuple(spans)
    windows = [spans[a].positions(border) for a in axes]
    value = scalar(border_value, array.dtype.newbyteorder("="), "border_value") if border == "constant" else 0
    return apply_callable(reduce, array, axes, windows, border_value=value, func_kwargs=options, dtype=dtype, out=out)


# ---- relatives ------------------------------------------------------------------------------


def adaptive_pool(x: ArrayLike, output_size: Any, reduce: Reduce = "mean", *, axes: Any = None, **keywords: Any) -> Array:
    """Pool to a given size: window i of an axis covers ``floor(i n / o)`` to ``ceil((i + 1) n / o)``.

    Parameters
    ----------
    x : array_like
        As in `pool`.
    output_size : int or sequence of int
        Outputs on each pooled axis (0: none); one value holds for all.
    reduce : str or callable
        As in `pool`.
    axes : int or sequence of int, optional
        The pooled axes.  Default: all if `output_size` is one value, else the last ones.
    **keywords
        As in `pool`: where, nan_policy, min_count, fill_value, dtype, out, workers, options.

    Returns
    -------
    ndarray
        x with each pooled axis as long as asked for.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `pool` does.

    Notes
    -----
    The windows are those of ``torch.nn.functional.adaptive_avg_pool1d``; they overlap where o does
    not divide n, and repeat where o > n.

    Examples
    --------
    >>> import numpy as np, cypool
    >>> cypool.adaptive_pool(np.arange(5.0), 3)
    array([0.5, 2. , 3.5])
    """
    array = x if isinstance(x, np.ma.MaskedArray) else np.asarray(x)
    where = pooled_axes(axes, array.ndim, output_size, "output_size")
    sizes = per_axis(output_size, len(where), "output_size", 0)
    return pool(array, tuple(Windows.adaptive(n) for n in sizes), reduce, axes=where, **keywords)


def global_pool(
    x: ArrayLike, reduce: Reduce = "mean", *, axes: Any = None, keepdims: bool = True, out: Array | None = None, **keywords: Any
) -> Array:
    """Pool whole axes to one value each.

    Parameters
    ----------
    x : array_like
        As in `pool`.
    reduce : str or callable
        As in `pool`.
    axes : int or sequence of int, optional
        The pooled axes.  Default: all.
    keepdims : bool
        Keep the pooled axes, with length 1.
    out : ndarray, optional
        Where to put the result, of the result's shape.
    **keywords
        As in `pool`: where, nan_policy, min_count, fill_value, dtype, workers, options.

    Returns
    -------
    ndarray
        One value for each position on the other axes.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `pool` does.

    Examples
    --------
    >>> import numpy as np, cypool
    >>> features = np.arange(12.0).reshape(1, 3, 2, 2)
    >>> cypool.global_pool(features, axes=(2, 3), keepdims=False)
    array([[1.5, 5.5, 9.5]])
    """
    if not isinstance(keepdims, (bool, np.bool_)):
        raise TypeError(f"keepdims must be True or False, not {keepdims!r} (a {type(keepdims).__name__})")
    array = x if isinstance(x, np.ma.MaskedArray) else np.asarray(x)
    where = pooled_axes(axes, array.ndim, 1)
    if out is not None and not keepdims and isinstance(out, np.ndarray):
        shape = tuple(n for a, n in enumerate(array.shape) if a not in where)
        if out.shape != shape:
            raise ValueError(f"out must have shape {shape}, not {out.shape}")
        pool(array, Windows.whole(), reduce, axes=where, out=np.expand_dims(out, where), **keywords)
        return out
    result = pool(array, Windows.whole(), reduce, axes=where, out=out, **keywords)
    return result if keepdims else result.reshape([n for a, n in enumerate(result.shape) if a not in where])
