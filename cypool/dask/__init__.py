"""Pooling of dask arrays: lazy, in any chunks, with the results of `cypool.pool` to the bit.

    import cypool.dask

    y = cypool.dask.pool(x, 2, "median")            # x: a dask array; y too, of which nothing is computed yet
    levels = cypool.dask.pyramid(image, axes=(1, 2))

The functions take the arguments of those of the same names for NumPy arrays, but no `out`.  Where an argument is an
array (`where`, `grad`, `indices`), it is a dask array or one in memory.  Windows may lie across chunks; a task gets
the cells that its windows need, cut out of the chunks around, and uses one thread unless `workers` says otherwise.

Windows on many chunks are reduced chunk by chunk where that loses no bit: max, min, range, any, all, count, first,
argmax, argmin, indices of max and min, sums, products and means of integers.  Those of all other reducers (sums of
floats, medians, ...) are given to one task at once, and have to fit memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

try:
    from dask.array import Array
except ModuleNotFoundError as _error:
    if _error.name not in ("dask", "dask.array"):
        raise
    raise ImportError("cypool.dask needs dask, which is not installed: pip install 'cypool[dask]'") from _error

from .forward import described, pooled_lazily
from .gradients import gradient_lazily
from .levels import block_reduce_lazily, pyramid_lazily
from .scatter import unpool_lazily

__all__ = ["block_reduce", "pool", "pool_backward", "pyramid", "unpool"]

Reduce = str | Callable[..., Any]


def _no_out(out: Any) -> None:
    if out is not None:
        raise TypeError("out must be None: nothing is computed yet (dask.array.store puts results into arrays)")


def pool(
    x: Array, window: Any, reduce: Reduce = "max", *, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, axes: Any = None, border: str = "ignore", border_value: Any = 0, where: Any = None,
    nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None, return_indices: bool = False,
    dtype: Any = None, out: None = None, workers: int | None = None, **options: Any,
) -> Any:  # fmt: skip
    """Pool a dask array: `cypool.pool`, lazily, with the same bits.

    Parameters
    ----------
    x : dask.array.Array
        Of NumPy arrays or masked ones, in chunks of known lengths.
    window, reduce, stride, padding, dilation, ceil_mode, axes, border, border_value
        As in `cypool.pool`.  A callable is first called on a few ones to learn the dtype of its results, unless
        `dtype` tells; what it rounds may depend on the chunks.
    where : dask.array.Array or array_like of bool, optional
        As in `cypool.pool`.
    nan_policy, min_count, fill_value, return_indices, dtype
        As in `cypool.pool`; indices are positions in the whole array.
    out : None
        There is nothing to put into an array yet.
    workers : int, optional
        Threads of each task.  Default: 1, as tasks run side by side.
    **options
        Of the reducer, as in `cypool.pool`.  If rng (stochastic) is no integer, a key is drawn from it here.

    Returns
    -------
    dask.array.Array
        An output belongs to the chunk in which its window starts, so that chunks are those of x, smaller by the
        stride; fewer than 512 values behind the pooled axes (colours) are one chunk.  With `return_indices` a pair.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `cypool.pool` does: here for arguments, when computed for what depends on cells (a NaN, an empty window).

    Examples
    --------
    >>> import cypool.dask, dask.array
    >>> x = dask.array.arange(16, chunks=5).reshape(4, 4)
    >>> y = cypool.dask.pool(x, 2, "mean")
    >>> y.compute()
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    _no_out(out)
    call = described(
        x, window, reduce, stride, padding, dilation, ceil_mode, axes, border, border_value, where, nan_policy,
        min_count, fill_value, return_indices, dtype, workers, options,
    )  # fmt: skip
    return pooled_lazily(call)


def pool_backward(
    grad: Any, x: Array, window: Any, reduce: Reduce = "max", *, stride: Any = None, padding: Any = 0,
    dilation: Any = 1, ceil_mode: bool = False, axes: Any = None, border: str = "ignore", border_value: Any = 0,
    where: Any = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None, indices: Any = None,
    wrt: str = "x", out: None = None, workers: int | None = None, **options: Any,
) -> Array:  # fmt: skip
    """Gradient of ``(pool(x, ...) * grad).sum()``: `cypool.pool_backward`, lazily.

    Parameters
    ----------
    grad : dask.array.Array or array_like
        The upstream gradient, of the shape of the result of `pool`.
    x, window, reduce, stride, padding, dilation, ceil_mode, axes, border, border_value, where
        As in `pool`.
    nan_policy, min_count, fill_value, wrt
        As in `cypool.pool_backward`.
    indices : dask.array.Array or array_like of int, optional
        What `pool` returned.  Each must point into its own window.
    out : None
        There is nothing to put into an array yet.
    workers : int, optional
        As in `pool`.
    **options
        Of the reducer.

    Returns
    -------
    dask.array.Array
        As `cypool.pool_backward` returns, in the chunks of x.

    Raises
    ------
    TypeError, ValueError, MemoryError, IndexError
        As `cypool.pool_backward` does; indices that are checked when computed: IndexError outside of the pooled axes,
        ValueError outside of their windows.

    Notes
    -----
    A task makes the gradient of the cells of one chunk from all windows that hold one of them; those of weights, p and
    alpha are exact sums over all chunks, rounded once.  The bits are those of `cypool.pool_backward`.  A border that
    wraps around needs the whole of its axis in the first and the last chunk.

    Examples
    --------
    >>> import cypool.dask, dask.array
    >>> x = dask.array.from_array([1.0, 5.0, 4.0, 2.0], chunks=3)
    >>> cypool.dask.pool_backward([10.0, 20.0], x, 2).compute()
    array([ 0., 10., 20.,  0.])
    """
    _no_out(out)
    return gradient_lazily(
        grad, x, window, reduce, stride, padding, dilation, ceil_mode, axes, border, border_value, where, nan_policy,
        min_count, fill_value, indices, wrt, workers, options,
    )  # fmt: skip


def block_reduce(
    image: Array, block_size: Any = 2, func: Reduce | None = None, cval: Any = 0,
    func_kwargs: Mapping[str, Any] | None = None, *, boundary: str = "pad", channel_axis: int | None = None,
    dtype: Any = None, out: None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Reduce each block of a dask array to one value: `cypool.block_reduce`, lazily.

    Parameters
    ----------
    image : dask.array.Array
        As x in `pool`.
    block_size, cval, func_kwargs, boundary, channel_axis, dtype
        As in `cypool.block_reduce`.
    func : callable or str, optional
        As there; default: ``numpy.sum``.  What is not known as a reducer is called for each block of the result, and
        must return a value for each block of cells.
    out : None
        There is nothing to put into an array yet.
    workers : int, optional
        As in `pool`.

    Returns
    -------
    dask.array.Array
        As `cypool.block_reduce` returns.

    Raises
    ------
    TypeError, ValueError
        As `cypool.block_reduce` does.

    Examples
    --------
    >>> import cypool.dask, dask.array
    >>> image = dask.array.arange(15, chunks=4).reshape(3, 5)
    >>> cypool.dask.block_reduce(image, 2, "max").compute()
    array([[ 6,  8,  9],
           [11, 13, 14]])
    """
    _no_out(out)
    return block_reduce_lazily(image, block_size, func, cval, func_kwargs, boundary, channel_axis, dtype, workers)


def unpool(
    values: Array, indices: Any, shape: Any, *, axes: Any = None, out: None = None, workers: int | None = None
) -> Array:
    """Put pooled values back where their indices point: `cypool.unpool`, lazily.

    Parameters
    ----------
    values : dask.array.Array
        Pooled values.
    indices : dask.array.Array or array_like of int
        As in `cypool.unpool`; they may point anywhere.
    shape, axes
        As in `cypool.unpool`.
    out : None
        There is nothing to put into an array yet.
    workers : int, optional
        As in `pool`.

    Returns
    -------
    dask.array.Array
        As `cypool.unpool` returns, in chunks in proportion to those of values.

    Raises
    ------
    TypeError, ValueError, MemoryError, IndexError
        As `cypool.unpool` does; IndexError when computed.

    Notes
    -----
    Since an index may point anywhere, a chunk of the result waits for all values of its plane (one entry of the axes
    that are not pooled), which have to fit memory.

    Examples
    --------
    >>> import cypool.dask, dask.array
    >>> x = dask.array.from_array([1, 5, 4, 2], chunks=3)
    >>> values, indices = cypool.dask.pool(x, 2, return_indices=True)
    >>> cypool.dask.unpool(values, indices, 4).compute()
    array([0, 5, 4, 0])
    """
    _no_out(out)
    return unpool_lazily(values, indices, shape, axes, workers)


def pyramid(
    x: Array, factor: Any = 2, levels: int | None = None, reduce: Reduce = "mean", *, axes: Any = None,
    channel_axis: int | None = None, rounding: str = "half_even", where: Any = None, nan_policy: str = "propagate",
    workers: int | None = None, **options: Any,
) -> list[Array]:  # fmt: skip
    """Smaller and smaller copies of a dask array, each pooled from x itself.

    Parameters
    ----------
    x : dask.array.Array
        As in `pool`.
    factor : int or sequence of int
        By how much each level is smaller than the one before (at least 2), or one for each pooled axis (at least 1).
    levels : int, optional
        How many there are beside x.  Default: until all axes that shrink have length 1.
    reduce : str or callable
        As in `pool`.
    axes : int or sequence of int, optional
        The pooled axes.  Default: all but `channel_axis`.
    channel_axis : int, optional
        An axis that is kept as it is.
    rounding : str
        Of means, medians and quantiles of integers, as in `pool`.
    where, nan_policy, workers, **options
        As in `pool`.

    Returns
    -------
    list of dask.array.Array
        x itself, then level k: ``pool(x, factor**k, reduce, ceil_mode=True, dtype=x.dtype)``, of length
        ``ceil(n / factor**k)`` on pooled axes, in chunks as large as those of x.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `pool` does.

    Notes
    -----
    Computed together (``dask.compute(*levels)``), the levels share what is read of x.  Maxima and minima are made
    from the level before; windows of other reducers that do not combine (see `cypool.dask`) have to fit memory, so
    that high levels need few of them: give ``levels``.

    Examples
    --------
    >>> import cypool.dask, dask.array
    >>> x = dask.array.arange(100, chunks=30, dtype="uint8")
    >>> [level.shape for level in cypool.dask.pyramid(x, 4)]
    [(100,), (25,), (7,), (2,), (1,)]
    """
    return pyramid_lazily(x, factor, levels, reduce, axes, channel_axis, rounding, where, nan_policy, workers, options)
