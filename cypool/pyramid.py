"""Image pyramids: an array and smaller ones, each level computed from the array itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import as_maskable, integer, per_axis, pooled_axes, pooled_length
from .pooling import pool

__all__ = ["pyramid", "reduce_levels"]

Array = NDArray[Any]
Reduce = str | Callable[..., Any]


def pyramid(
    x: ArrayLike,
    factor: Any = 2,
    levels: int | None = None,
    reduce: Reduce = "mean",
    *,
    axes: Any = None,
    channel_axis: int | None = None,
    rounding: str = "half_even",
    where: ArrayLike | None = None,
    nan_policy: str = "propagate",
    fill_value: Any = None,
    workers: int | None = None,
    **options: Any,
) -> list[Array]:
    """Return an array and its reductions by factor, factor**2, and so on.

    Examples
    --------
    >>> import numpy as np, cypool
    >>> [level.shape for level in cypool.pyramid(np.zeros((5, 8)))]
    [(5, 8), (3, 4), (2, 2), (1, 1)]
    """
    array = as_maskable(x, "x")
    where_to = _axes(array.ndim, factor, axes, channel_axis)
    factors = dict(zip(where_to, per_axis(factor, len(where_to), "factor", 1), strict=True))
    count = _depth(array.shape, factors) if levels is None else integer(levels, "levels", 0)
    given = {"where": where, "nan_policy": nan_policy, "fill_value": fill_value, "workers": workers, **options}
    return [array, *reduce_levels(array, factors, range(1, count + 1), reduce, rounding=rounding, **given)]


def reduce_levels(
    block: Array, factors: dict[int, int], levels: Sequence[int], reduce: Reduce, *, rounding: str = "half_even",
    **keywords: Any,
) -> list[Array]:  # fmt: skip
    """The `levels` of a block whose first cell is the first of a window of each; factors: {axis: factor}."""
    if rounding != "half_even":
        keywords["rounding"] = rounding
    axes = tuple(factors)
    return [
        pool(block, tuple(f**k for f in factors.values()), reduce, axes=axes, ceil_mode=True, dtype=block.dtype,
             **keywords)
        for k in levels
    ]  # fmt: skip


def _axes(ndim: int, factor: Any, axes: Any, channel_axis: Any) -> tuple[int, ...]:
    if channel_axis is None:
        return pooled_axes(axes, ndim, factor, "factor")
    if axes is not None:
        raise ValueError("give axes or channel_axis, not both")
    channel = pooled_axes(integer(channel_axis, "channel_axis", -ndim), ndim, 1)[0]
    return tuple(a for a in range(ndim) if a != channel)


def _depth(shape: tuple[int, ...], factors: dict[int, int]) -> int:
    """Levels until the longest pooled axis is 1."""
    if max(factors.values()) < 2:
        raise ValueError("factor must be at least 2 on one axis")
    depth = 0
    while any(math.ceil(pooled_length(shape, a) / f**depth) > 1 for a, f in factors.items() if f > 1):
        depth += 1
    return depth
