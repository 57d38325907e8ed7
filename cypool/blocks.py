"""Block reduction with scikit-image's signatures: `pool` with windows that tile the array.

    1-D, n = 8, block 3          boundary="pad"      [0 1 2][3 4 5][6 7 c]   c: cval, counted
                                 boundary="partial"  [0 1 2][3 4 5][6 7]     what exists
                                 boundary="trim"     [0 1 2][3 4 5]          the rest dropped
                                 boundary="exact"    ValueError

Functions that `cypool.reducers` knows run on the engine, any other callable on the slow path.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from . import reducers, threads
from .arguments import TOO_LARGE, as_maskable, boolean, integer, must_fit, per_axis, plain_number, shown, text, typed
from .call import check_out
from .lanes import check_dtype
from .pooling import pool
from .slow import apply_callable, window_array

__all__ = ["arguments", "block_call", "block_reduce", "block_replicate", "downscale_local_mean"]

_BOUNDARIES = ("pad", "partial", "trim", "exact")


def block_reduce(
    image: ArrayLike,
    block_size: int | Sequence[int] = 2,
    func: str | Callable[..., Any] = np.sum,
    cval: Any = 0,
    func_kwargs: Mapping[str, Any] | None = None,
    *,
    boundary: str = "pad",
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: NDArray[Any] | None = None,
    workers: int | None = None,
) -> NDArray[Any]:
    r"""Reduce each block of an array to one value.

    With blocks of :math:`b_1 \times b_2` cells,

    .. math:: y_{ij} = \mathrm{func}\{x_{kl} : i b_1 \le k < (i + 1) b_1,\;
                                               j b_2 \le l < (j + 1) b_2\}

    and likewise for any number of axes. With the arguments up to `func_kwargs` the results, their
    dtypes and shapes are those of `skimage.measure.block_reduce` [1]_: the same bits for integers
    and for functions that select a cell, NumPy's own rounding error or less for float sums.

    Parameters
    ----------
    image : array_like
        An array of at least one axis. A masked array gives a masked array: masked cells take no
        part, and a block without any other cell is masked.
    block_size : int or sequence of int
        Cells of a block along every axis, or along each one (`channel_axis` left out).
    func : callable or str
        The reduction: a NumPy function (``numpy.max``, ``numpy.nanmean``, ...), the name of a
        reducer (``"max"``), or any callable that takes ``axis=`` as a tuple. What `cypool` does not
        know as a reducer is called once with all blocks laid out as trailing axes, read-only.
    cval : number
        The value of the cells that ``boundary="pad"`` adds at the end of an axis, cast to the
        image's dtype as `numpy.pad` does. They count: a mean is drawn towards `cval`.
    func_kwargs : mapping, optional
        Further keywords for `func`, which is then called itself. Of reducers called by name: their
        options.
    boundary : {"pad", "partial", "trim", "exact"}
        What happens where blocks do not divide an axis: pad it with `cval`, reduce the cells
        that exist, drop them, or raise ValueError.
    channel_axis : int, optional
        An axis that is kept as it is (colours, channels, time).
    dtype : dtype, optional
        The result's dtype. Default: NumPy's for the same reduction.
    out : ndarray, optional
        Where to put the result.
    workers : int, optional
        At most this many threads, as in `cypool.pool`.

    Returns
    -------
    ndarray
        An array with as many axes as `image`; along a reduced axis of length n,
        ``ceil(n / block_size)`` values, with ``"trim"`` ``floor(n / block_size)``.

    Raises
    ------
    ValueError
        If a block size is below 1, their number is wrong, `boundary` is not one of the four, the
        blocks do not divide an axis (``"exact"``) or leave nothing of it (``"trim"``), or an axis
        is empty (unless ``boundary="pad"``, where the result is empty, too).
    TypeError
        If a block size is not an integer, `cval` not a number, `func` not callable, the dtype of
        `image` is not supported, or a masked array meets a callable that is not a reducer.

    See Also
    --------
    pool : the same with overlapping windows, masks, other borders.
    block_replicate : the way back.

    References
    ----------
    .. [1] S. van der Walt et al., "scikit-image: image processing in Python", PeerJ 2:e453, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool import block_reduce
    >>> image = np.arange(15).reshape(3, 5)
    >>> image
    array([[ 0,  1,  2,  3,  4],
           [ 5,  6,  7,  8,  9],
           [10, 11, 12, 13, 14]])
    >>> block_reduce(image, 2, np.max)
    array([[ 6,  8,  9],
           [11, 13, 14]])

    A mean beside the border: as scikit-image it counts zeros that are not in the image, unless told
    to use what exists.

    >>> block_reduce(image, 2, np.mean)
    array([[3.  , 5.  , 3.25],
           [5.25, 6.25, 3.5 ]])
    >>> block_reduce(image, 2, np.mean, boundary="partial")
    array([[ 3. ,  5. ,  6.5],
           [10.5, 12.5, 14. ]])

    Colours stay apart, and any function will do:

    >>> colour = np.dstack([image, image + 100])
    >>> block_reduce(colour, (3, 5), np.median, channel_axis=-1)
    array([[[  7., 107.]]])
    """
    x, axes, sizes = arguments("image", image, "block_size", block_size, channel_axis)
    call = block_call(x, axes, sizes, func, cval, func_kwargs, boundary, dtype, workers)
    if call.name is None:
        return _into(_call(func, func_kwargs, x, axes, sizes, call.after, call.value), dtype, out)
    keywords, name = call.keywords, call.name
    if x.size == 0 and boundary == "pad":
        one = pool(np.ones((1,) * x.ndim, x.dtype), 1, name, **keywords)
        shape = np.array(x.shape)
        shape[list(axes)] = -(-shape[list(axes)] // sizes)
        nothing = np.zeros(shape, one.dtype)
        return _into(np.ma.array(nothing) if isinstance(x, np.ma.MaskedArray) else nothing, None, out)
    keywords |= call.border
    if call.wraps:
        return _into(pool(x, sizes, name, axes=axes, **keywords).view(x.dtype), None, out)
    result: NDArray[Any] = pool(x, sizes, name, axes=axes, out=out, **keywords)
    return result


class BlockCall(NamedTuple):
    """A block reduction as a call of `pool`."""

    name: str | None  # of a reducer; None: the function is called itself
    keywords: dict[str, Any]
    border: dict[str, Any]  # more of them, if there is a cell
    wraps: bool  # whether the result is seen as x's own dtype: NumPy's range wraps, that of `pool` does not
    after: tuple[int, ...]  # cells that each axis lacks
    value: Any  # and what they hold (None: nothing)


def block_call(
    x: NDArray[Any], axes: tuple[int, ...], sizes: tuple[int, ...], func: Any, cval: Any, func_kwargs: Any,
    boundary: str, dtype: Any, workers: Any,
) -> BlockCall:  # fmt: skip
    """The other arguments of `block_reduce`, checked; the cells of x are not looked at."""
    after, value = _boundary(x, axes, sizes, boundary, cval)
    if isinstance(func, str) and func not in reducers.TABLE:
        raise ValueError(f"func must be a callable or one of {', '.join(reducers.TABLE)}, not {shown(func)}")
    if func_kwargs is not None and not isinstance(func_kwargs, Mapping):
        raise TypeError(f"func_kwargs must be a mapping or None, not {typed(func_kwargs)}")
    known = (func, False) if isinstance(func, str) else reducers.by_function(func)
    quantile = _quantile(func, func_kwargs)
    border: dict[str, Any] = {"padding": tuple((0, missing) for missing in after)} if any(after) else {}
    if quantile is not None:
        known, func_kwargs = quantile
    elif known is None or (func_kwargs and not isinstance(func, str)):
        threads.resolve(workers, 1)  # one, but a wrong number is an error
        _check_function(func, x)
        if value is not None:
            border |= {"border": "constant", "border_value": value}
        return BlockCall(None, dict(func_kwargs or {}), border, False, after, value)
    name, omit_nan = known
    row = reducers.TABLE[name]
    reducers.read_options(row, func_kwargs or {})  # an option, nothing else of pool's
    check_dtype(x.dtype, row.kinds, "image")
    if value is not None and row.formula == "position":
        raise ValueError(f"boundary must not be 'pad' with func={shown(func)}: the cells that it adds have no position")
    keywords: dict[str, Any] = {"dtype": dtype, "workers": workers, **(func_kwargs or {})}
    if omit_nan:
        keywords["nan_policy"] = "omit"
    if any(after) and value is not None and not (omit_nan and np.isnan(value)):
        border |= {"border": "constant", "border_value": value}
    wraps = func is np.ptp and dtype is None and x.dtype.kind == "i"
    return BlockCall(name, keywords, border, wraps, after, value)


# Scale of q, and whether NaN are skipped.
_QUANTILES = {
    np.quantile: (1, False), np.percentile: (100, False), np.nanquantile: (1, True), np.nanpercentile: (100, True),
}  # fmt: skip


def _quantile(func: Any, given: Mapping[str, Any] | None) -> tuple[tuple[str, bool], dict[str, Any]] | None:
    """NumPy's quantile functions as the reducer of that name, if q is one number and `method` one it knows."""
    try:
        scale, omit = _QUANTILES[func]
    except (KeyError, TypeError):
        return None
    options = dict(given or {})
    q, method = options.get("q"), options.get("method", "linear")
    if not set(options) <= {"q", "method"} or not isinstance(method, str) or method not in reducers.INTERPOLATIONS:
        return None
    if isinstance(q, (bool, np.bool_)) or not isinstance(q, (int, float, np.floating)) or not 0 <= q <= scale:
        return None
    return ("quantile", omit), {"q": q / scale, "method": method}


def downscale_local_mean(
    image: ArrayLike,
    factors: int | Sequence[int],
    cval: Any = 0,
    clip: bool = True,
    *,
    boundary: str = "pad",
    channel_axis: int | None = None,
) -> NDArray[Any]:
    """Shrink an array by the mean of each block: ``block_reduce(image, factors, np.mean, cval)``.

    The function of that name in scikit-image [1]_, with the same results.

    Parameters
    ----------
    image : array_like
        An array of at least one axis.
    factors : int or sequence of int
        Cells of a block along every axis, or along each one (`channel_axis` left out).
    cval : number
        The value of the cells that ``boundary="pad"`` adds at the end of an axis.
    clip : bool
        Without effect: a mean never leaves the range of its cells.
    boundary : {"pad", "partial", "trim", "exact"}
        What happens where blocks do not divide an axis, as in `block_reduce`.
    channel_axis : int, optional
        An axis that is kept as it is.

    Returns
    -------
    ndarray
        The means; float64 for integers, otherwise of the image's dtype.

    Raises
    ------
    ValueError, TypeError
        As `block_reduce`.

    References
    ----------
    .. [1] S. van der Walt et al., "scikit-image: image processing in Python", PeerJ 2:e453, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool import downscale_local_mean
    >>> downscale_local_mean(np.arange(15).reshape(3, 5), (2, 3))
    array([[3.5, 4. ],
           [5.5, 4.5]])
    """
    x, _, sizes = arguments("image", image, "factors", factors, channel_axis)
    return block_reduce(x, sizes, np.mean, cval, boundary=boundary, channel_axis=channel_axis)


def block_replicate(x: ArrayLike, block_size: int | Sequence[int], *, conserve_sum: bool = False) -> NDArray[Any]:
    """Turn each value into a block of copies: the opposite of `block_reduce`.

    ``y[i, j] = x[i // b, j // b]``; with `conserve_sum` that divided by the cells of a block, so
    that the sum over the array stays what it was.

    Parameters
    ----------
    x : array_like
        An array of at least one axis. The mask of a masked array is replicated, too.
    block_size : int or sequence of int
        Copies along every axis, or along each one.
    conserve_sum : bool
        Share each value out among its copies. Integers become float64.

    Returns
    -------
    ndarray
        An array in C order, `block_size` times as long along each axis.

    Raises
    ------
    ValueError
        If a block size is below 1, or their number is wrong.
    TypeError
        If a block size is not an integer.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool import block_replicate
    >>> block_replicate([[1, 2]], (2, 3))
    array([[1, 1, 1, 2, 2, 2],
           [1, 1, 1, 2, 2, 2]])
    >>> block_replicate([6, 12], 3, conserve_sum=True)
    array([2., 2., 2., 4., 4., 4.])
    """
    cells, _, sizes = arguments("x", x, "block_size", block_size, None)
    if boolean(conserve_sum, "conserve_sum"):
        cells = cells / np.prod(sizes, dtype=np.float64).item()
    must_fit([*cells.shape, *sizes], cells.dtype)
    if not isinstance(cells, np.ma.MaskedArray):
        return _copies(cells, sizes)
    return np.ma.MaskedArray(_copies(cells.data, sizes), mask=_copies(np.ma.getmaskarray(cells), sizes))


def _copies(x: NDArray[Any], sizes: Sequence[int]) -> NDArray[Any]:
    alone = tuple(range(1, 2 * x.ndim, 2))
    pairs = [n for pair in zip(x.shape, sizes, strict=True) for n in pair]
    blocks = np.broadcast_to(np.expand_dims(x, alone), pairs)
    return blocks.reshape([n * b for n, b in zip(x.shape, sizes, strict=True)])


def arguments(
    array_name: str, array: ArrayLike, size_name: str, sizes: Any, channel_axis: int | None
) -> tuple[NDArray[Any], tuple[int, ...], tuple[int, ...]]:
    """The array, the axes that blocks cover, and the size of a block along each of them."""
    x = as_maskable(array, array_name)
    check_dtype(x.dtype, "biufc", array_name)
    axes = tuple(range(x.ndim))
    if channel_axis is not None:
        channel = integer(channel_axis, "channel_axis", -x.ndim)
        if channel >= x.ndim:
            raise ValueError(f"channel_axis must be below {x.ndim}, the axes of {array_name}, not {channel}")
        axes = tuple(axis for axis in axes if axis != channel % x.ndim)
    if not axes:
        raise ValueError(f"{array_name} must have an axis for blocks, which shape {x.shape} has not")
    found = per_axis(sizes, len(axes), size_name, 1)
    if math.prod(found) >= TOO_LARGE:
        raise ValueError(f"{size_name} must have fewer than 2**62 cells, not {found}")
    return x, axes, found


def _boundary(
    x: NDArray[Any], axes: tuple[int, ...], sizes: tuple[int, ...], boundary: str, cval: Any
) -> tuple[tuple[int, ...], Any]:
    """How many cells each axis lacks, and what they hold (None: nothing)."""
    text(boundary, _BOUNDARIES, "boundary")
    plain_number(cval, "cval")
    after = tuple(-x.shape[axis] % size for axis, size in zip(axes, sizes, strict=True))
    for axis, size, missing in zip(axes, sizes, after, strict=True):
        too_long = boundary == "trim" and size > x.shape[axis]
        if too_long or (boundary == "exact" and missing):
            raise ValueError(
                f"blocks of {size} do not {'fit into' if too_long else 'divide'} axis {axis} "
                f"of length {x.shape[axis]} (boundary={shown(boundary)})"
            )
    if boundary == "trim":
        after = (0,) * len(after)
    return after, _cast(cval, x.dtype) if any(after) and boundary == "pad" else None


def _check_function(func: Any, x: NDArray[Any]) -> None:
    if not callable(func):
        raise TypeError(f"func must be a callable or a reducer's name, not {typed(func)}")
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"func={shown(func)} cannot honour the mask of a masked array: name a reducer instead")


def _call(
    func: Any,
    func_kwargs: Mapping[str, Any] | None,
    x: NDArray[Any],
    axes: tuple[int, ...],
    sizes: tuple[int, ...],
    after: tuple[int, ...],
    value: Any,
) -> Any:
    """Call `func` itself: once with all blocks, whatever it returns, if all have one shape."""
    if any(after) and value is None:
        windows = [
            np.split(np.arange(x.shape[axis]), range(size, x.shape[axis], size))
            for axis, size in zip(axes, sizes, strict=True)
        ]
        return apply_callable(func, x, axes, windows, func_kwargs=func_kwargs)
    if any(after):
        widths = dict(zip(axes, after, strict=True))
        x = np.pad(x, [(0, widths.get(axis, 0)) for axis in range(x.ndim)], constant_values=value)
    taps = [np.arange(x.shape[axis] // size * size).reshape(-1, size) for axis, size in zip(axes, sizes, strict=True)]
    blocks = window_array(x, axes, taps)
    return func(blocks, axis=tuple(range(x.ndim, blocks.ndim)), **(func_kwargs or {}))


def _into(result: Any, dtype: DTypeLike | None, out: NDArray[Any] | None) -> NDArray[Any]:
    """A finished result in the asked dtype and place; unless asked, whatever a callable returned."""
    if dtype is not None:
        result = np.asarray(result).astype(dtype, casting="same_kind", copy=False)
    if out is None:
        return cast(NDArray[Any], result)
    check_out(out, np.shape(result), np.asarray(result).dtype)[...] = result
    return out


def _cast(cval: Any, dtype: np.dtype[Any]) -> Any:
    """`cval` as a scalar of `dtype`, by the assignment that numpy.pad does: -1 is 255 as uint8."""
    value = np.asarray(cval)
    if value.dtype.kind == "c" and dtype.kind != "c":
        raise TypeError(f"cval must be a number that {dtype} can hold, not {shown(cval)}")
    cell = np.empty(1, dtype)
    try:
        with np.errstate(all="ignore"):
            cell[:] = value[()]
    except (OverflowError, ValueError):
        raise ValueError(f"cval={shown(cval)} does not fit into the image's dtype {dtype}") from None
    return cell[0]
