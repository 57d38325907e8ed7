"""Max unpooling, as torch.nn.functional has it, and its gradient."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import TOO_LARGE, as_array, is_sequence
from ..backward import unpool
from ..call import check_out
from ..gradients import check_indices
from ..unpooling import unpool_gradient
from ._common import Array, Padding, Size, keep, kept, paddings, renamed, sizes, spatial_axes, spread

__all__ = [
    "max_unpool1d", "max_unpool1d_backward", "max_unpool2d", "max_unpool2d_backward", "max_unpool3d",
    "max_unpool3d_backward",
]  # fmt: skip

VALUES = (r"^values\b", "input")


def _output_size(
    nd: int, shape: tuple[int, ...], kernel_size: Any, stride: Any, padding: Any, output_size: Any, data_format: str,
    name: str,
) -> tuple[Any, ...]:  # fmt: skip
    """Lengths of the pooled axes of the result, and the axes."""
    key, found, call = kept((nd, shape, kernel_size, stride, padding, output_size, data_format))
    if found is not None:
        return found
    _, _, kernel_size, stride, padding, output_size, _ = call
    axes = spatial_axes(nd, len(shape), data_format, name)
    window = sizes(kernel_size, nd, "kernel_size", 1)
    steps = window if stride is None or (is_sequence(stride) and not len(stride)) else sizes(stride, nd, "stride", 1)
    pads = tuple((p, p) if isinstance(p, int) else p for p in spread(paddings(padding, nd), nd, "padding"))
    if any(isinstance(p, str) and p != "valid" for p in pads):
        raise ValueError(f'padding must be integers or "valid" (it does not tell an output size), not {padding!r}')
    usual = tuple(
        (shape[a] - 1) * s + k - (0 if p == "valid" else sum(p))
        for a, k, s, p in zip(axes, window, steps, pads, strict=True)
    )
    if output_size is None:
        if min(usual) < 1 or math.prod(usual) >= TOO_LARGE:
            raise ValueError(
                f"kernel_size, stride and padding give output size {usual}: each must be at least 1, and there must "
                "be fewer than 2**62 cells"
            )
        return keep(key, (usual, axes))
    given = output_size
    if is_sequence(given) and len(given) in (nd + 2, len(shape)) and len(given) != nd:  # of the whole array
        last = int(data_format == "channels_last")
        given = tuple(given)[len(given) - nd - last : len(given) - last]
    asked = sizes(given, nd, "output_size", 1)
    for o, n, s in zip(asked, usual, steps, strict=True):
        if not n - s < o < n + s:
            raise ValueError(f"output_size must be from {max(n - s + 1, 1)} to {n + s - 1} here, not {o}")
    return keep(key, (asked, axes))


def _unpool(
    nd: int, input: ArrayLike, indices: ArrayLike, kernel_size: Any, stride: Any, padding: Any, output_size: Any,
    data_format: str, out: Any, workers: int | None,
) -> Array:  # fmt: skip
    try:
        values = as_array(input, "values")
        size, axes = _output_size(nd, values.shape, kernel_size, stride, padding, output_size, data_format, "input")
        return unpool(values, indices, size, axes=axes, out=out, workers=workers)
    except (TypeError, ValueError) as error:
        renamed(error, VALUES)


def _unpool_backward(
    nd: int, grad: ArrayLike, x: ArrayLike, indices: ArrayLike, kernel_size: Any, stride: Any, padding: Any,
    output_size: Any, data_format: str, out: Any, workers: int | None,
) -> Array:  # fmt: skip
    g, values = as_array(grad, "grad"), as_array(x, "x")
    for name, array in (("grad", g), ("x", values)):
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{name} must be bool, integers or floats, not {array.dtype}")
    size, axes = _output_size(nd, values.shape, kernel_size, stride, padding, output_size, data_format, "x")
    shape = tuple(size[axes.index(a)] if a in axes else n for a, n in enumerate(values.shape))
    if g.shape != shape:
        raise ValueError(f"grad must have the shape of the result, {shape}, not {g.shape}")
    at = as_array(indices, "indices")
    if at.dtype.kind not in "iu":
        raise TypeError(f"indices must be integers, not {at.dtype}")
    if at.shape != values.shape:
        raise ValueError(f"indices must have the shape of x, {values.shape}, not {at.shape}")
    check_indices(at, math.prod(size))
    dtype = values.dtype.newbyteorder("=") if values.dtype.kind == "f" else g.dtype.newbyteorder("=")
    result = unpool_gradient(g, at.astype(np.int64), tuple(sorted(axes))).astype(dtype, copy=False)
    if out is None:
        return result
    target = check_out(out, result.shape, result.dtype)
    target[...] = result
    return target


def max_unpool1d(
    input: ArrayLike, indices: ArrayLike, kernel_size: Size, stride: Size | None = None, padding: Padding = 0,
    output_size: Size | None = None, *, data_format: str = "channels_first", out: Array | None = None,
    workers: int | None = None,
) -> Array:  # fmt: skip
    """Put pooled values of a signal, (C, L) or (N, C, L), back where their indices point; other cells are 0.

    ``y[n, c, indices[n, c, i]] = input[n, c, i]``, of length ``(L - 1) * stride + kernel_size - before - after``.
    Arguments, result and errors as for `max_unpool2d`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.max_unpool1d([[3, 5]], [[1, 2]], 2)
    array([[0, 3, 5, 0]])
    """
    return _unpool(1, input, indices, kernel_size, stride, padding, output_size, data_format, out, workers)


def max_unpool2d(
    input: ArrayLike, indices: ArrayLike, kernel_size: Size, stride: Size | None = None, padding: Padding = 0,
    output_size: Size | None = None, *, data_format: str = "channels_first", out: Array | None = None,
    workers: int | None = None,
) -> Array:  # fmt: skip
    """Put pooled values of an image back where their indices point; other cells are 0.

    Parameters
    ----------
    input : array_like, shape (C, H, W) or (N, C, H, W)
        Pooled values, of any dtype that pooling takes.  Channels last, see `data_format`: (H, W, C) or
        (N, H, W, C).
    indices : array_like of int
        Of the shape of `input`: flat positions in the plane of each channel of the result, as
        ``max_pool2d(..., return_indices=True)`` gives them.
    kernel_size, stride, padding : int or (int, int), optional
        Those of the pooling, as in `max_pool2d`; padding by integers or nested pairs (before, after).
    output_size : int or sequence of int, optional
        Size of the pooled axes of the result, or its whole shape; less than a stride from
        ``(n - 1) * stride + kernel_size - before - after``, which is the default.
    data_format : {"channels_first", "channels_last"}
        Which axis holds the channels.
    out : ndarray, optional
        Where to put the result.
    workers : int, optional
        At most so many threads; -1: all.

    Returns
    -------
    ndarray
        Of the dtype of `input`.

    Raises
    ------
    TypeError, ValueError, MemoryError
        An argument of the wrong kind; of a wrong value, length or combination; a result too large.
    IndexError
        An index outside of the plane.

    Notes
    -----
    ``y[n, c, indices[n, c, i, j]] = input[n, c, i, j]``, the plane of y flattened; of a repeated index the last in C
    order wins.  Zeiler and Fergus 2014, arXiv:1311.2901.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> x = np.array([[[1, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]])
    >>> values, indices = cypool.nn.max_pool2d(x, 2, return_indices=True)
    >>> cypool.nn.max_unpool2d(values, indices, 2)
    array([[[ 0,  0,  0,  0],
            [ 0,  6,  0,  8],
            [ 0,  0,  0,  0],
            [ 0, 14,  0, 16]]])
    """
    return _unpool(2, input, indices, kernel_size, stride, padding, output_size, data_format, out, workers)


def max_unpool3d(
    input: ArrayLike, indices: ArrayLike, kernel_size: Size, stride: Size | None = None, padding: Padding = 0,
    output_size: Size | None = None, *, data_format: str = "channels_first", out: Array | None = None,
    workers: int | None = None,
) -> Array:  # fmt: skip
    """Put pooled values of a volume, (C, D, H, W) or (N, C, D, H, W), back where their indices point; others are 0.

    ``y[n, c, indices[n, c, h, i, j]] = input[n, c, h, i, j]``, the volume of y flattened.
    Arguments, result and errors as for `max_unpool2d`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.max_unpool3d([[[[7.0]]]], [[[[5]]]], 2).ravel()
    array([0., 0., 0., 0., 0., 7., 0., 0.])
    """
    return _unpool(3, input, indices, kernel_size, stride, padding, output_size, data_format, out, workers)


# ---- gradients -------------------------------------------------------------------------------------


def max_unpool1d_backward(
    grad: ArrayLike, x: ArrayLike, indices: ArrayLike, kernel_size: Size, stride: Size | None = None,
    padding: Padding = 0, output_size: Size | None = None, *, data_format: str = "channels_first",
    out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `max_unpool1d`: ``dx[n, c, i] = grad[n, c, indices[n, c, i]]``.

    Arguments, result and errors as for `max_unpool2d_backward`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.max_unpool1d_backward([[1.0, 2.0, 3.0, 4.0]], [[3.0, 5.0]], [[1, 2]], 2)
    array([[2., 3.]])
    """
    return _unpool_backward(1, grad, x, indices, kernel_size, stride, padding, output_size, data_format, out, workers)


def max_unpool2d_backward(
    grad: ArrayLike, x: ArrayLike, indices: ArrayLike, kernel_size: Size, stride: Size | None = None,
    padding: Padding = 0, output_size: Size | None = None, *, data_format: str = "channels_first",
    out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of ``(max_unpool2d(x, indices, ...) * grad).sum()`` with respect to x.

    Parameters
    ----------
    grad : array_like
        The upstream gradient, of the shape of the result of `max_unpool2d`.
    x : array_like
        What was unpooled; only its shape and dtype matter.
    indices, kernel_size, stride, padding, output_size, data_format
        As in `max_unpool2d`.
    out : ndarray, optional
        Where to put the gradient.
    workers : int, optional
        At most so many threads; -1: all.

    Returns
    -------
    ndarray
        Of the shape of x, and of its dtype if that is floating, else of grad's.

    Raises
    ------
    TypeError, ValueError, MemoryError, IndexError
        As `max_unpool2d` does.

    Notes
    -----
    ``dx[n, c, i, j] = grad[n, c, indices[n, c, i, j]]``, the plane of grad flattened; 0 for a value that a later one
    with the same index overwrote (torch gives it grad too).

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.max_unpool2d_backward([[[1.0, 2.0], [3.0, 4.0]]], [[[7.0]]], [[[2]]], 2)
    array([[[3.]]])
    """
    return _unpool_backward(2, grad, x, indices, kernel_size, stride, padding, output_size, data_format, out, workers)


def max_unpool3d_backward(
    grad: ArrayLike, x: ArrayLike, indices: ArrayLike, kernel_size: Size, stride: Size | None = None,
    padding: Padding = 0, output_size: Size | None = None, *, data_format: str = "channels_first",
    out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `max_unpool3d`: ``dx[n, c, h, i, j] = grad[n, c, indices[n, c, h, i, j]]``.

    Arguments, result and errors as for `max_unpool2d_backward`.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.max_unpool3d_backward(np.arange(8.0).reshape(1, 2, 2, 2), [[[[7.0]]]], [[[[5]]]], 2)
    array([[[[5.]]]])
    """
    return _unpool_backward(3, grad, x, indices, kernel_size, stride, padding, output_size, data_format, out, workers)
