"""Maximum and mean in one result: mixed by one share, or by a gate that looks at each window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import floats, fraction, real_array, renamed, text
from .backward import pool_backward
from .gradients import upstream
from .pooling import pool

__all__ = ["gated_pool", "gated_pool_backward", "mixed_pool", "mixed_pool_backward"]

Array = NDArray[Any]


def blend(share: Any, high: Array, middle: Array, x: Array) -> Array:
    """``share * high + (1 - share) * middle`` in the dtype of x."""
    with np.errstate(all="ignore"):
        mixed: Array = (share * high + (1 - share) * middle).astype(x.dtype, copy=False)
    return mixed


def mixed_pool(x: ArrayLike, window: Any, a: float = 0.5, **geometry: Any) -> Array:
    """``a * max + (1 - a) * mean`` of each window (Lee, Gallagher and Tu 2015, arXiv:1509.08985).

    Parameters
    ----------
    x : array_like
        As in `pool`; integers are pooled as float64.
    window : int, Windows, or a sequence of these
        As in `pool`.
    a : float
        Share of the maximum, from 0 to 1.
    **geometry
        As in `pool`: stride, padding, dilation, ceil_mode, axes, border, border_value, where,
        nan_policy, min_count, fill_value, workers.

    Returns
    -------
    ndarray
        Of the shape that `pool` gives.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `pool` does; `a` outside of 0 to 1.

    Examples
    --------
    >>> import cypool
    >>> cypool.mixed_pool([1.0, 3.0, 5.0, 5.0], 2, 0.5)
    array([2.5, 5. ])
    """
    share, array = fraction(a, "a"), floats(x)
    high, middle = (pool(array, window, name, **geometry) for name in ("max", "mean"))
    return blend(share, high, middle, array)


def mixed_pool_backward(
    grad: ArrayLike, x: ArrayLike, window: Any, a: float = 0.5, *, wrt: str = "x", **geometry: Any
) -> Array:
    """Gradient of `mixed_pool` with respect to x, or to the share (``wrt="a"``, 0-d).

    Parameters
    ----------
    grad : array_like
        The upstream gradient, of the shape of the result.
    x, window, a, **geometry
        As in `mixed_pool`.
    wrt : {"x", "a"}
        With respect to what.

    Returns
    -------
    ndarray
        Of the shape of x, or 0-d.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `mixed_pool` does.

    Examples
    --------
    >>> import cypool
    >>> cypool.mixed_pool_backward([1.0, 1.0], [1.0, 3.0, 5.0, 4.0], 2, 0.5)
    array([0.25, 0.75, 0.75, 0.25])
    """
    share, array = fraction(a, "a"), floats(x)
    text(wrt, ("x", "a"), "wrt")
    with np.errstate(all="ignore"):
        if wrt == "a":
            high, middle = (pool(array, window, name, **geometry).astype(np.float64) for name in ("max", "mean"))
            return np.array((upstream(grad, high.shape) * (high - middle)).sum())
        g = upstream(grad)
        parts = [
            pool_backward(g * w, array, window, name, **geometry) for name, w in (("max", share), ("mean", 1 - share))
        ]
        return np.asarray(sum(parts), array.dtype)


def gated_pool(x: ArrayLike, window: Any, gate: ArrayLike, **geometry: Any) -> Array:
    """Max and mean mixed by what each window looks like (Lee, Gallagher and Tu 2015, arXiv:1509.08985).

    ``a = 1 / (1 + exp(-sum(gate * x)))`` for each window; the result is ``a * max + (1 - a) * mean``.

    Parameters
    ----------
    x, window, **geometry
        As in `mixed_pool`; sliding windows.
    gate : array_like
        A weight for each cell of the window.

    Returns
    -------
    ndarray
        Of the shape that `pool` gives.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `pool` does.

    Examples
    --------
    >>> import cypool
    >>> cypool.gated_pool([1.0, 3.0, 5.0, 4.0], 2, [0.0, 0.0])
    array([2.5 , 4.75])
    """
    array = floats(x)
    a, high, middle = _gate(array, window, gate, geometry)
    return blend(a, high, middle, array)


def _gate(array: Array, window: Any, gate: ArrayLike, geometry: Mapping[str, Any]) -> tuple[Array, Array, Array]:
    try:
        response = pool(array, window, "sum", weights=real_array(gate, "gate"), **geometry).astype(np.float64)
    except (TypeError, ValueError) as error:
        renamed(error, (r"\bweights\b", "gate"))
    high, middle = (pool(array, window, name, **geometry).astype(np.float64) for name in ("max", "mean"))
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-response)), high, middle


def gated_pool_backward(
    grad: ArrayLike, x: ArrayLike, window: Any, gate: ArrayLike, *, wrt: str = "x", **geometry: Any
) -> Array:
    """Gradient of `gated_pool` with respect to x or to the gate.

    Parameters
    ----------
    grad : array_like
        The upstream gradient, of the shape of the result.
    x, window, gate, **geometry
        As in `gated_pool`.
    wrt : {"x", "gate"}
        With respect to what.

    Returns
    -------
    ndarray
        Of the shape of x, or of the gate.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `gated_pool` does.

    Examples
    --------
    >>> import cypool
    >>> cypool.gated_pool_backward([1.0], [1.0, 3.0], 2, [0.0, 0.0], wrt="gate")
    array([0.25, 0.75])
    """
    array = floats(x)
    text(wrt, ("x", "gate"), "wrt")
    a, high, middle = _gate(array, window, gate, geometry)
    g = upstream(grad, a.shape).astype(np.float64)
    with np.errstate(all="ignore"):
        through = np.nan_to_num(g * (high - middle) * a * (1 - a), nan=0.0)
        if wrt == "gate":
            return pool_backward(through, array, window, "sum", weights=gate, wrt="weights", **geometry)
        result = pool_backward(through, array, window, "sum", weights=gate, **geometry).astype(np.float64)
        for name, weight in (("max", g * a), ("mean", g * (1 - a))):
            result += pool_backward(weight, array, window, name, **geometry)
        return result.astype(array.dtype)
