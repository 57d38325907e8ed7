"""Pooling by rank: weighted sums of the sorted cells of each window."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import floats, fraction, integer, real_array, text
from .backward import pool_backward
from .geometry import resolve
from .gradients import upstream
from .pooling import pool

__all__ = ["rank_pool", "rank_pool_backward"]

Array = NDArray[Any]
MOST = 255  # cells of a window that are ranked


def _rank_weights(cells: int, weights: Any, top: Any, alpha: Any) -> Array:
    """A weight for each rank, the largest cell first."""
    if sum(v is not None for v in (weights, top, alpha)) != 1:
        raise ValueError("give one of weights, top and alpha")
    if top is not None:
        k = integer(top, "top", 1)
        if k > cells:
            raise ValueError(f"top must be at most {cells} (the cells of a window), not {k}")
        return np.where(np.arange(cells) < k, 1 / k, 0.0)
    if alpha is not None:
        a = fraction(alpha, "alpha")
        return np.asarray(a * (1 - a) ** np.arange(cells))
    array = real_array(weights, "weights")
    if array.shape != (cells,):
        raise ValueError(f"weights must be {cells} numbers (one for each rank), not of shape {array.shape}")
    return array


def _ranked(x: ArrayLike, window: Any, geometry: Mapping[str, Any]) -> tuple[Array, int, tuple[int, ...]]:
    allowed = {"stride", "padding", "dilation", "ceil_mode", "axes", "border", "workers"}
    if not allowed >= set(geometry):
        raise TypeError(f"ranks take no {sorted(set(geometry) - allowed)} (they take: {', '.join(sorted(allowed))})")
    array = floats(x)
    spans = resolve(array.shape, window, **{k: v for k, v in geometry.items() if k != "workers"})
    cells = math.prod(s.longest for s in spans.values())
    if cells > MOST:
        raise ValueError(f"window must have at most {MOST} cells to be ranked, not {cells}")
    count = pool(array, window, "count", **geometry)
    if count.size and int(np.ma.getdata(count).min()) != cells:
        raise ValueError("ranks need whole windows: padding must be filled by a border, and ceil_mode must not cut one")
    return array, cells, count.shape


def _rank(i: int, cells: int) -> dict[str, Any]:
    """Options of "quantile" for the cell of rank i, the largest first."""
    return {"q": (cells - 1 - i) / max(cells - 1, 1), "method": "nearest"}


def rank_pool(
    x: ArrayLike, window: Any, *, weights: Any = None, top: Any = None, alpha: Any = None, **geometry: Any
) -> Array:
    """Weighted sum of the sorted cells of each window, the largest first.

    Parameters
    ----------
    x, window
        As in `mixed_pool`; at most 255 cells.
    weights : array_like, optional
        One for each rank: ordinal pooling (Deliege et al. 2019, arXiv:2109.01561).
    top : int, optional
        The mean of so many of the largest (k-max).
    alpha : float, optional
        Weights ``alpha * (1 - alpha)**r``: rank-weighted pooling (Shi et al. 2016).
    **geometry
        As in `pool`: stride, dilation, axes, workers, and padding with a border that mirrors.

    Returns
    -------
    ndarray
        Of the shape that `pool` gives.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `pool` does; none or several of weights, top and alpha.

    Examples
    --------
    >>> import cypool
    >>> cypool.rank_pool([1.0, 7.0, 4.0, 5.0], 4, top=2)
    array([6.])
    """
    array, cells, shape = _ranked(x, window, geometry)
    total = np.zeros(shape)
    with np.errstate(all="ignore"):
        for i, w in enumerate(_rank_weights(cells, weights, top, alpha)):
            if w != 0:
                total += w * pool(array, window, "quantile", **_rank(i, cells), **geometry).astype(np.float64)
        return np.asarray(total, array.dtype)


def rank_pool_backward(
    grad: ArrayLike, x: ArrayLike, window: Any, *, weights: Any = None, top: Any = None, alpha: Any = None,
    wrt: str = "x", **geometry: Any,
) -> Array:  # fmt: skip
    """Gradient of `rank_pool` with respect to x or to the weights.

    Parameters
    ----------
    grad : array_like
        The upstream gradient, of the shape of the result.
    x, window, weights, top, alpha, **geometry
        As in `rank_pool`.  Of equal cells the first in C order receives the gradient of their ranks.
    wrt : {"x", "weights"}
        With respect to what.

    Returns
    -------
    ndarray
        Of the shape of x, or one number for each rank.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `rank_pool` does.

    Examples
    --------
    >>> import cypool
    >>> cypool.rank_pool_backward([1.0], [1.0, 7.0, 4.0, 5.0], 4, top=2)
    array([0. , 0.5, 0. , 0.5])
    """
    array, cells, shape = _ranked(x, window, geometry)
    text(wrt, ("x", "weights"), "wrt")
    values, g = _rank_weights(cells, weights, top, alpha), upstream(grad, shape).astype(np.float64)
    with np.errstate(all="ignore"):
        if wrt == "weights":
            return np.array(
                [(g * pool(array, window, "quantile", **_rank(i, cells), **geometry)).sum() for i in range(cells)]
            )
        result = np.zeros(array.shape)
        for i, w in enumerate(values):
            if w != 0:
                result += pool_backward(g * w, array, window, "quantile", **_rank(i, cells), **geometry)
        return result.astype(array.dtype)
