"""Pooling that is put together from reducers: anti-aliased, spatial pyramids.

Each function has a `*_backward` with the same arguments behind the upstream gradient.
"""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import as_maskable, entries, floats, integer, must_fit, pooled_axes
from .backward import pool_backward
from .gradients import upstream
from .pooling import pool
from .windows import Windows

__all__ = [
    "max_blur_pool", "max_blur_pool_backward", "spatial_pyramid_pool", "spatial_pyramid_pool_backward",
]  # fmt: skip

Array = NDArray[Any]


# ---- anti-aliased --------------------------------------------------------------------------------


def _blur(count: int, taps: int) -> Array:
    """Binomial weights of `taps` cells on each of `count` axes, sum 1."""
    line = np.array([math.comb(taps - 1, i) for i in range(taps)]) / 2 ** (taps - 1)
    kernel = np.array(1.0)
    for _ in range(count):
        kernel = np.multiply.outer(kernel, line)
    return kernel


def _blur_call(x: Array, window: Any, stride: Any, blur: Any, axes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments of the maximum and of the blurring behind it."""
    where = pooled_axes(axes, x.ndim, window)
    taps = integer(blur, "blur", 1)
    steps = window if stride is None else stride
    size = tuple(integer(w, "window", 1) for w in entries(window, len(where), "window"))
    for a, w in zip(where, size, strict=True):
        if w <= x.shape[a] < w + taps // 2:
            raise ValueError(
                f"blur reaches {taps // 2} cells beyond the border of axis {a}, which has "
                f"{x.shape[a] - w + 1} windows: it must be at most {2 * (x.shape[a] - w) + 1}, not {taps}"
            )
    filled = tuple(((taps - 1) // 2, taps - 1 - (taps - 1) // 2) for _ in where)
    return (
        {"window": size, "stride": 1, "axes": where},
        {"window": (taps,) * len(where), "reduce": "sum", "stride": steps, "axes": where, "padding": filled,
         "border": "reflect", "weights": _blur(len(where), taps)},
    )  # fmt: skip


def max_blur_pool(
    x: ArrayLike, window: Any, *, stride: Any = None, blur: int = 3, axes: Any = None, workers: int | None = None
) -> Array:
    """Maximum at stride 1, then a binomial filter at the stride: shift-invariant (Zhang 2019, arXiv:1904.11486).

    Parameters
    ----------
    x : array_like
        As in `mixed_pool`.
    window : int or sequence of int
        Cells of a window of the maximum.
    stride : int or sequence of int, optional
        Cells from one output to the next.  Default: the window.
    blur : int
        Cells of the binomial filter on each axis; the border is reflected.
    axes : int or sequence of int, optional
        As in `pool`.
    workers : int, optional
        As in `pool`.

    Returns
    -------
    ndarray
        On each axis ``ceil((n - window + 1) / stride)`` outputs.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `pool` does; a filter that reaches further than the border can be reflected.

    Examples
    --------
    >>> import cypool
    >>> cypool.max_blur_pool([0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0], 2)
    array([2., 3., 0., 0.])
    """
    array = floats(x)
    first, second = _blur_call(array, window, stride, blur, axes)
    blurred: Array = pool(pool(array, **first, workers=workers), **second, workers=workers)
    return blurred.astype(array.dtype, copy=False)


def max_blur_pool_backward(
    grad: ArrayLike, x: ArrayLike, window: Any, *, stride: Any = None, blur: int = 3, axes: Any = None,
    workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `max_blur_pool`.

    Parameters
    ----------
    grad : array_like
        The upstream gradient, of the shape of the result.
    x, window, stride, blur, axes, workers
        As in `max_blur_pool`.

    Returns
    -------
    ndarray
        Of the shape of x.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `max_blur_pool` does.

    Examples
    --------
    >>> import cypool
    >>> cypool.max_blur_pool_backward([1.0, 0.0], [0.0, 1.0, 2.0, 3.0], 2)
    array([0. , 0.5, 0.5, 0. ])
    """
    array = floats(x)
    first, second = _blur_call(array, window, stride, blur, axes)
    highest = pool(array, **first, workers=workers)
    g = pool_backward(grad, highest, **second, workers=workers)
    return pool_backward(g, array, **first, workers=workers)


# ---- spatial pyramids ------------------------------------------------------------------------------


def _levels(levels: Any) -> tuple[int, ...]:
    given = tuple(integer(n, "levels", 1) for n in (levels if isinstance(levels, (tuple, list)) else (levels,)))
    if not given:
        raise ValueError("levels must name at least one level, not ()")
    return given


def _level_windows(shape: tuple[int, ...], axes: tuple[int, ...], n: int) -> tuple[Windows, ...]:
    """n windows of ceil(a / n) cells at a stride of floor(a / n) on each axis, as in the paper."""
    for a in axes:
        if shape[a] < n:
            raise ValueError(f"levels must be at most the axis length, {shape[a]} of axis {a}, not {n}")
    found = []
    for a in axes:
        starts = np.arange(n) * (shape[a] // n)
        found.append(Windows.explicit(starts, np.minimum(starts + -(-shape[a] // n), shape[a]), shape[a]))
    return tuple(found)


def spatial_pyramid_pool(
    x: ArrayLike, levels: Any = (1, 2, 4), reduce: str = "max", *, axes: Any = (-2, -1), **keywords: Any
) -> Array:
    """Pool to grids of several sizes, flattened and joined: a vector of one length for any image
    (He et al. 2014, arXiv:1406.4729).

    Parameters
    ----------
    x : array_like
        As in `pool`.
    levels : int or sequence of int
        Windows on each pooled axis, one grid after the other; window ``ceil(a / n)``, stride
        ``floor(a / n)`` for an axis of length a, as in the paper (`adaptive_pool` has other windows).
    reduce : str
        As in `pool`.
    axes : int or sequence of int
        The pooled axes.
    **keywords
        As in `pool`: where, nan_policy, min_count, fill_value, workers, options.

    Returns
    -------
    ndarray
        The other axes of x, then one of length ``sum(n**len(axes))``.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `pool` does; a level larger than an axis.

    Examples
    --------
    >>> import numpy as np, cypool
    >>> cypool.spatial_pyramid_pool(np.arange(16).reshape(4, 4), (1, 2))
    array([15,  5,  7, 13, 15])
    """
    array = as_maskable(x, "x")
    where = tuple(sorted(pooled_axes(axes, array.ndim, 1)))
    parts = []
    for n in _levels(levels):
        y = pool(array, _level_windows(array.shape, where, n), reduce, axes=where, **keywords)
        moved = np.moveaxis(y, where, range(-len(where), 0))
        parts.append(moved.reshape(*moved.shape[: array.ndim - len(where)], n ** len(where)))
    together = np.ma.concatenate if isinstance(array, np.ma.MaskedArray) else np.concatenate
    return cast(Array, together(parts, axis=-1))


def spatial_pyramid_pool_backward(
    grad: ArrayLike, x: ArrayLike, levels: Any = (1, 2, 4), reduce: str = "max", *, axes: Any = (-2, -1),
    **keywords: Any,
) -> Array:  # fmt: skip
    """Gradient of `spatial_pyramid_pool`.

    Parameters
    ----------
    grad : array_like
        The upstream gradient, of the shape of the result.
    x, levels, reduce, axes, **keywords
        As in `spatial_pyramid_pool`.

    Returns
    -------
    ndarray
        Of the shape of x.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `spatial_pyramid_pool` does.

    Examples
    --------
    >>> import numpy as np, cypool
    >>> cypool.spatial_pyramid_pool_backward(np.ones(5), np.arange(4.0).reshape(2, 2), (1, 2))
    array([[1., 1.],
           [1., 2.]])
    """
    array = as_maskable(x, "x")
    where = tuple(sorted(pooled_axes(axes, array.ndim, 1)))
    batch = tuple(n for a, n in enumerate(array.shape) if a not in where)
    sizes = _levels(levels)
    total = sum(n ** len(where) for n in sizes)
    g = upstream(grad, (*batch, total))
    must_fit(array.shape, np.dtype(np.float64))
    result, start = np.zeros(array.shape), 0
    for n in sizes:
        stop = start + n ** len(where)
        piece = np.moveaxis(g[..., start:stop].reshape(*batch, *(n,) * len(where)), range(-len(where), 0), where)
        windows = _level_windows(array.shape, where, n)
        result += pool_backward(piece, array, windows, reduce, axes=where, **keywords)
        start = stop
    return result.astype(array.dtype if array.dtype.kind == "f" else g.dtype, copy=False)
