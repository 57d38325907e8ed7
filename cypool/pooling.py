"""`pool` and its short relatives: the public n-dimensional functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from . import dispatch
from .arguments import (
    as_array,
    as_maskable,
    boolean,
    entries,
    integer,
    one_of,
    per_axis,
    pooled_axes,
    pooled_length,
    shown,
)
from .call import Call, hides_cells, run, taking_part, window_weights
from .engine import cached
from .geometry import resolve
from .kernels import calls
from .reducers import find, read_options
from .windows import Windows

__all__ = ["adaptive_pool", "fractional_pool", "global_pool", "pool"]

Array = NDArray[Any]
Reduce = str | Callable[..., Any]


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
    out: Any = None,
    workers: int | None = None,
    **options: Any,
) -> Any:
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
        ``"max" "min" "mean" "sum" "prod" "any" "all" "range" "count" "var" "std" "first" "median"
        "quantile" "mode" "argmax" "argmin" "stochastic" "lp" "gem" "logsumexp" "softpool"``, or the
        NumPy function of that meaning (``np.max``; ``np.nanmax`` means ``nan_policy="omit"``).  Any other
        callable is called as ``func(a, axis=tuple)``, once for each distinct shape of a window, at its own speed.
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
        The value of padded cells for ``border="constant"``.  Medians, quantiles, modes and draws look at each padded
        cell: their windows may have 16 times as many as the pooled axes of x, or 2**21 if that is more.
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
        Also return where the picked cells are (max, min, median, quantile, mode, stochastic): int64,
        flat in C order over the pooled axes of x, one plane for each batch entry.  The first in C order
        wins ties, the first NaN wins; mirrored cells have the index of the cell they mirror.
    dtype : dtype, optional
        Dtype of the result.  Default: what NumPy gives the same reduction.  Means of integers may be
        integers: exact, rounded (option `rounding`), saturated.
    out : ndarray, optional
        Where to put the result (a pair with `return_indices`).
    workers : int, optional
        At most so many threads; -1: all.  Default: see `set_workers`.
    **options
        Of the reducer: ``weights`` (sum, mean), ``divisor`` and ``rounding`` (mean), ``ddof`` (var,
        std), ``p`` (lp, gem), ``eps`` (gem), ``alpha`` (logsumexp, softpool), ``mean`` (logsumexp),
        ``q`` (quantile), ``rounding`` and ``method`` (median, quantile: "linear", "lower", "higher",
        "midpoint" or "nearest", as in `numpy.quantile`), ``ties`` ("smallest", "largest", "first") and
        ``ignore`` (mode: a label that is not counted), ``rng`` and ``training`` (stochastic, Zeiler and
        Fergus 2013, arXiv:1301.3557: a cell is drawn with probability x / sum x; without training, the mean
        of such draws).

    Returns
    -------
    ndarray
        The pooled array; a masked array if x is one, empty windows masked.  With `return_indices` a
        pair (values, indices).

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
    array = x if type(x) is np.ndarray else as_array(x, "x")
    seen = None
    if where is not None or (mask is not None and mask is not np.ma.nomask):
        seen = mask if hides_cells(where, mask) else taking_part(where, mask, array.shape)
    described = (
        array.shape, array.strides, array.dtype, array.flags.aligned, None if seen is None else seen.strides,
        window, reduce, stride, padding, dilation, ceil_mode, axes, border, border_value, nan_policy, min_count,
        fill_value, dtype, return_indices, mask is None, where is None, tuple(options.items()) if options else None,
        dispatch.choice,
    )  # fmt: skip
    plan = calls.recall(described)
    key = None
    if plan is None:
        key = calls.typed_key(described, (np.dtype, Windows))
        plan = cached(key)
        if plan is not None:
            calls.remember(described, plan)
    if plan is not None and mask is None:
        return run(plan, array, seen, out, workers)
    call = Call(array, seen, nan_policy, border, border_value, min_count, fill_value, dtype, mask is not None,
                hides=hides_cells(where, mask))  # fmt: skip
    spans = resolve(array.shape, window, stride, padding, dilation, ceil_mode, axes, border)
    found = find(reduce)
    if boolean(return_indices, "return_indices"):
        call = replace(call, indexed=True)
    if found is None:
        if call.indexed:
            raise TypeError(f"return_indices must be False: reduce={shown(reduce)} gives no indices")
        return call.slow(reduce, spans, options, out)
    row, omit = found
    values = read_options(row, options)
    if values.get("weights") is not None:
        values["weights"] = window_weights(values["weights"], spans, pooled_axes(axes, array.ndim, window))
    return call.named(row, omit, values, spans, key, out, workers)


# ---- relatives ------------------------------------------------------------------------------


def adaptive_pool(x: ArrayLike, output_size: Any, reduce: Reduce = "mean", *, axes: Any = None, **keywords: Any) -> Any:
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
    array = as_maskable(x, "x")
    where = pooled_axes(axes, array.ndim, output_size, "output_size")
    sizes = per_axis(output_size, len(where), "output_size", 0)
    return pool(array, tuple(Windows.adaptive(n) for n in sizes), reduce, axes=where, **keywords)


def fractional_pool(
    x: ArrayLike,
    output_size: Any = None,
    reduce: Reduce = "max",
    *,
    ratio: Any = None,
    overlapping: bool = False,
    scheme: str = "pseudorandom",
    rng: Any = None,
    return_windows: bool = False,
    axes: Any = None,
    **keywords: Any,
) -> Any:
    """Pool to a size that need not divide the input, in windows drawn at random (Graham 2014, arXiv:1412.6071).

    Parameters
    ----------
    x : array_like
        As in `pool`.
    output_size, ratio : number or sequence of numbers
        Outputs on each pooled axis, or input length over output length (at least 1): one of them.
    reduce : str or callable
        As in `pool`.
    overlapping, scheme, rng
        As in `Windows.fractional`; one generator draws the windows of the axes in their order.
    return_windows : bool
        Also return the Windows, one for each pooled axis, so that the call can be repeated by `pool`
        and `pool_backward`.
    axes : int or sequence of int, optional
        The pooled axes.  Default: all if the size is one value, else the last ones.
    **keywords
        As in `pool`.

    Returns
    -------
    ndarray, or tuple
        The pooled array; indices and windows behind it if asked for.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `pool` and `Windows.fractional` do.

    Examples
    --------
    >>> import numpy as np, cypool
    >>> cypool.fractional_pool(np.arange(100).reshape(10, 10), 7, rng=0).shape
    (7, 7)
    """
    array = as_maskable(x, "x")
    one_of(output_size, ratio, "output_size or ratio")
    size, name = (output_size, "output_size") if ratio is None else (ratio, "ratio")
    where = pooled_axes(axes, array.ndim, size, name)
    if rng is not None and not isinstance(rng, np.random.Generator):
        rng = integer(rng, "rng", 0)
    generator = np.random.default_rng(rng)
    drawn: dict[str, Any] = {"overlapping": overlapping, "scheme": scheme, "rng": generator}
    windows = tuple(
        Windows.fractional(pooled_length(array.shape, a), **{name: value}, **drawn)
        for a, value in zip(where, entries(size, len(where), name), strict=True)
    )
    result = pool(array, windows, reduce, axes=where, **keywords)
    if not boolean(return_windows, "return_windows"):
        return result
    return (*result, windows) if isinstance(result, tuple) else (result, windows)


def global_pool(
    x: ArrayLike,
    reduce: Reduce = "mean",
    *,
    axes: Any = None,
    keepdims: bool = True,
    out: Array | None = None,
    **keywords: Any,
) -> Any:
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
    keepdims = boolean(keepdims, "keepdims")
    array = as_maskable(x, "x")
    where = pooled_axes(axes, array.ndim, 1)
    parts: tuple[Any, ...] = tuple(out) if isinstance(out, (tuple, list)) else (out,)
    if out is not None and not keepdims and all(isinstance(part, np.ndarray) for part in parts):
        shape = tuple(n for a, n in enumerate(array.shape) if a not in where)
        for part in parts:
            if part.shape != shape:
                raise ValueError(f"out must have shape {shape}, not {part.shape}")
        wide = tuple(np.expand_dims(part, where) for part in parts)
        pool(array, Windows.whole(), reduce, axes=where, out=wide[0] if parts[0] is out else wide, **keywords)
        return out
    result = pool(array, Windows.whole(), reduce, axes=where, out=out, **keywords)
    if keepdims:
        return result
    left = [n for a, n in enumerate(array.shape) if a not in where]
    return tuple(part.reshape(left) for part in result) if isinstance(result, tuple) else result.reshape(left)
