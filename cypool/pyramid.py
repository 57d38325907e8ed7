"""Image pyramids: an array and smaller ones, each level the same as if it were pooled from the array itself.

    level k = pool(x, factor**k, reduce, stride=factor**k, ceil_mode=True, dtype=x.dtype)

The array is read as few times as that allows: see `cypool.levels`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from numpy.typing import ArrayLike, NDArray

from .arguments import TOO_LARGE, as_maskable, integer, per_axis, pooled_axes, pooled_length, shown
from .levels import Levels, Reduce, depth_of

__all__ = ["factors_of", "level_count", "pyramid", "reduce_levels", "reductions"]

Array = NDArray[Any]
_Axis = TypeVar("_Axis")

DEEPEST = 60  # levels: no axis of an array is longer than 2**60


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
) -> list[Any]:
    """Make an image pyramid: the array, and its reductions by factor, factor**2, and so on, in the same dtype.

    Parameters
    ----------
    x : array_like
        As in `pool`.
    factor : int or sequence of int
        Cells of an axis that become one from a level to the next; at least 1 for each pooled axis, and 2 for one.
    levels : int, optional
        Number of reduced arrays (0: none).  Default: until the longest axis that is reduced has length 1.
    reduce : str or callable
        As in `pool`, if the result has the dtype of x; `rounding` makes integers of means, medians and quantiles of
        integers.
    axes : int or sequence of int, optional
        The pooled axes.  Default: all if `factor` is one value, else the last ones.
    channel_axis : int, optional
        The one axis that is not pooled, instead of `axes`.
    rounding : {"half_even", "half_up", "floor"}
        How means, medians and quantiles of integers are rounded, once.
    where, nan_policy, fill_value, workers
        As in `pool`; `where` is for x.
    **options
        Of the reducer, as in `pool`, but for `weights` and `rng`.

    Returns
    -------
    list of ndarray
        Item 0 is x itself.  Item k has length ``ceil(n / factor**k)`` on the pooled axes; masked arrays if x is one.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `pool` does; a reducer that gives another dtype; a channel axis beside `axes`.

    Notes
    -----
    Level k is, to the bit, ``pool(x, factor**k, reduce, stride=factor**k, ceil_mode=True, dtype=x.dtype)``: a mean is
    not rounded twice, a median is no median of medians, and windows at the end hold only what there is.

    Examples
    --------
    >>> import numpy as np, cypool
    >>> x = np.array([[0, 1, 1, 5, 9], [1, 0, 1, 4, 9]], np.uint8)
    >>> for level in cypool.pyramid(x):
    ...     print(level)
    [[0 1 1 5 9]
     [1 0 1 4 9]]
    [[0 3 9]]
    [[2 9]]
    [[3]]
    >>> photo = np.zeros((480, 640, 3), np.uint8)
    >>> [level.shape for level in cypool.pyramid(photo, 4, 2, "median", channel_axis=-1)]
    [(480, 640, 3), (120, 160, 3), (30, 40, 3)]
    """
    array = as_maskable(x, "x")
    factors, count = reductions(array.shape, factor, levels, axes, channel_axis)
    if not (isinstance(rounding, str) and rounding == "half_even"):  # which is what reducers that round do unasked
        options["rounding"] = rounding
    made = Levels(array.dtype, factors, reduce, options, nan_policy)
    return [array, *made.of(array, range(1, count + 1), where=where, fill_value=fill_value, workers=workers)]


def reduce_levels(
    block: Array, factors: Mapping[int, int], levels: Sequence[int], reduce: Reduce, *, workers: int | None = None,
    **options: Any,
) -> list[Array]:  # fmt: skip
    """Some levels of a block whose first cell is the first of its windows; factors: {axis: factor}.

    >>> import numpy as np
    >>> reduce_levels(np.arange(8), {0: 2}, (1, 3), "max")
    [array([1, 3, 5, 7]), array([7])]
    """
    return Levels(block.dtype, factors, reduce, options).of(block, levels, workers=workers)


def reductions(
    shape: Sequence[int], factor: Any, levels: Any, axes: Any, channel_axis: Any
) -> tuple[dict[int, int], int]:
    """{axis: factor} and how many levels, as the arguments of these names say."""
    pooled = _axes(len(shape), factor, axes, channel_axis)
    factors = factors_of(factor, pooled)
    for axis in pooled:
        pooled_length(shape, axis)
    return factors, depth_of(shape, factors) if levels is None else level_count(levels)


def factors_of(factor: Any, axes: Sequence[_Axis]) -> dict[_Axis, int]:
    """A factor for each of the axes (their numbers or names)."""
    factors = dict(zip(axes, per_axis(factor, len(axes), "factor", 1), strict=True))
    if max(factors.values()) < 2:
        raise ValueError(f"factor must be at least 2 on one axis, not {shown(factor)}")
    if math.prod(factors.values()) >= TOO_LARGE:
        raise ValueError(f"factor must make windows of less than 2**62 cells, not {shown(factor)}")
    return factors


def level_count(levels: Any) -> int:
    count = integer(levels, "levels", 0)
    if count > DEEPEST:
        raise ValueError(f"levels must be at most {DEEPEST}, not {count}")
    return count


def _axes(ndim: int, factor: Any, axes: Any, channel_axis: Any) -> tuple[int, ...]:
    if channel_axis is None:
        return pooled_axes(axes, ndim, factor, "factor")
    if axes is not None:
        raise ValueError(f"give axes or channel_axis, not both: {shown(axes)} and {shown(channel_axis)}")
    channel = integer(channel_axis, "channel_axis", -(2**62))
    if not -ndim <= channel < ndim:
        raise ValueError(f"channel_axis: axis {channel} is out of bounds for an array of {ndim} dimensions")
    left = tuple(a for a in range(ndim) if a != channel % ndim)
    if not left:
        raise ValueError("channel_axis must leave an axis to pool")
    return left
