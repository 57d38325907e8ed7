"""The gradient of `unpool`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["unpool_gradient"]

Array = NDArray[Any]


def unpool_gradient(grad: Array, indices: Array, axes: tuple[int, ...]) -> Array:
    """With respect to the values: to each what lies where it was put.  Of a repeated index the last in
    C order was put there, and the others, which it replaced, get 0.  `axes`: ascending.

    >>> unpool_gradient(np.array([5.0, 6.0, 7.0]), np.array([2, 0, 2]), (0,))
    array([0., 5., 7.])
    """
    last = range(-len(axes), 0)
    moved = np.moveaxis(indices, axes, last)
    batch, pooled = moved.shape[: -len(axes)], moved.shape[-len(axes) :]
    at = moved.reshape(*batch, math.prod(pooled))
    lines = np.moveaxis(grad, axes, last)
    lines = lines.reshape(*batch, math.prod(lines.shape[-len(axes) :]))
    result = np.take_along_axis(lines, at, -1)
    places = np.broadcast_to(np.arange(at.shape[-1]), at.shape)
    owners = np.zeros(lines.shape, np.int64)
    np.put_along_axis(owners, at, places, -1)
    result[np.take_along_axis(owners, at, -1) != places] = 0
    return np.ascontiguousarray(np.moveaxis(result.reshape(moved.shape), last, axes))
