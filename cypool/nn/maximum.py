"""Max pooling, as torch.nn.functional has it, and its gradient."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, DTypeLike

from ._common import Array, Padding, Size, backward, forward

__all__ = [
    "max_pool1d", "max_pool1d_backward", "max_pool2d", "max_pool2d_backward", "max_pool3d", "max_pool3d_backward",
]  # fmt: skip


def max_pool1d(
    input: ArrayLike, kernel_size: Size, stride: Size | None = None, padding: Padding = 0, dilation: Size = 1,
    ceil_mode: bool = False, return_indices: bool = False, *, data_format: str = "channels_first",
    border: str = "ignore", border_value: Any = 0, where: ArrayLike | None = None, nan_policy: str = "propagate",
    min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None, out: Any = None,
    workers: int | None = None,
) -> Any:  # fmt: skip
    """Largest cell of each window of a signal, (C, L) or (N, C, L): `max_pool2d` on one axis.

    ``y[n, c, i] = max_u x[n, c, i * stride - before + u * dilation]`` over ``0 <= u < kernel_size``.
    Arguments, result and errors as for `max_pool2d`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.max_pool1d([[1, 3, 2, 5, 4, 4]], 3, stride=2)
    array([[3, 5]])
    """
    return forward(
        1, "max", input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, data_format, border,
        border_value, where, nan_policy, min_count, fill_value, dtype, out, workers,
    )  # fmt: skip


def max_pool2d(
    input: ArrayLike, kernel_size: Size, stride: Size | None = None, padding: Padding = 0, dilation: Size = 1,
    ceil_mode: bool = False, return_indices: bool = False, *, data_format: str = "channels_first",
    border: str = "ignore", border_value: Any = 0, where: ArrayLike | None = None, nan_policy: str = "propagate",
    min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None, out: Any = None,
    workers: int | None = None,
) -> Any:  # fmt: skip
    """Largest cell of each window of an image.

    Parameters
    ----------
    input : array_like, shape (C, H, W) or (N, C, H, W)
        Bool, integers, float16, float32 or float64; any memory layout; a masked array.  Channels last,
        see `data_format`: (H, W, C) or (N, H, W, C).
    kernel_size : int or (int, int)
        Cells of a window.  Here and below, one value holds for both axes, as does a sequence of one.
    stride : int or (int, int), optional
        Cells from one window to the next.  Default: `kernel_size`.
    padding : int, str or pair
        Cells added before and after, of any number; they take no part.  For each axis an integer, a
        nested pair (before, after), "valid" (0), "same" (output ``ceil(n / stride)``, the extra cell at the
        end) or "same_lower" (at the beginning); or one integer or string for both.
    dilation : int or (int, int)
        Cells from one cell of a window to the next.
    ceil_mode : bool
        Keep a last window that is only partly inside, if it starts inside or in the padding before.
    return_indices : bool
        Also return where the largest cells are.
    data_format : {"channels_first", "channels_last"}
        Which axis holds the channels; nothing is transposed or copied.
    border, border_value : str, scalar
        What padded cells hold, as in `cypool.pool`: "ignore" (nothing), "constant", "reflect",
        "symmetric", "edge" or "wrap".
    where : array_like of bool, optional
        Broadcast to `input`; cells that are False take no part.
    nan_policy : {"propagate", "omit", "raise"}
        A window with a NaN gives NaN; NaN take no part; an error.
    min_count, fill_value : int, scalar
        A window in which fewer than `min_count` cells take part is empty: `fill_value`, by default NaN, or
        an error where the result is of integers.
    dtype : dtype, optional
        Dtype of the result.  Default: that of `input`.
    out : ndarray, optional
        Where to put the result (a pair with `return_indices`).
    workers : int, optional
        At most so many threads; -1: all.

    Returns
    -------
    ndarray
        Of the input's dtype and shape, but for the pooled axes: each
        ``floor((n + before + after - dilation * (kernel_size - 1) - 1) / stride) + 1`` long (with
        `ceil_mode` rounded up).  With `return_indices` a pair (values, indices): int64, flat positions in
        the unpadded plane (H, W) of each channel; the first wins ties, the first NaN wins.

    Raises
    ------
    TypeError, ValueError, MemoryError
        An argument of the wrong kind; of a wrong value, length or combination; a result too large.

    Notes
    -----
    ``y[n, c, i, j] = max_{u, v} x[n, c, i * stride - before + u * dilation, j * stride - before + v * dilation]``
    over ``0 <= u, v < kernel_size``; Riesenhuber and Poggio 1999, doi:10.1038/14819.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> x = np.array([[[1, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]])
    >>> cypool.nn.max_pool2d(x, 2)
    array([[[ 6,  8],
            [14, 16]]])
    >>> cypool.nn.max_pool2d(x, 3, stride=2, padding=1, return_indices=True)[1]
    array([[[ 5,  7],
            [13, 15]]])
    """
    return forward(
        2, "max", input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, data_format, border,
        border_value, where, nan_policy, min_count, fill_value, dtype, out, workers,
    )  # fmt: skip


def max_pool3d(
    input: ArrayLike, kernel_size: Size, stride: Size | None = None, padding: Padding = 0, dilation: Size = 1,
    ceil_mode: bool = False, return_indices: bool = False, *, data_format: str = "channels_first",
    border: str = "ignore", border_value: Any = 0, where: ArrayLike | None = None, nan_policy: str = "propagate",
    min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None, out: Any = None,
    workers: int | None = None,
) -> Any:  # fmt: skip
    """Largest cell of each window of a volume, (C, D, H, W) or (N, C, D, H, W): `max_pool2d` on three axes.

    ``y[n, c, i] = max_u x[n, c, i * stride - before + u * dilation]`` with positions i and u in three dimensions.
    Arguments, result and errors as for `max_pool2d`.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.max_pool3d(np.arange(64).reshape(1, 4, 4, 4), (4, 2, 2))
    array([[[[53, 55],
             [61, 63]]]])
    """
    return forward(
        3, "max", input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, data_format, border,
        border_value, where, nan_policy, min_count, fill_value, dtype, out, workers,
    )  # fmt: skip


# ---- gradients -------------------------------------------------------------------------------------


def max_pool1d_backward(
    grad: ArrayLike, x: ArrayLike, kernel_size: Size, stride: Size | None = None, padding: Padding = 0,
    dilation: Size = 1, ceil_mode: bool = False, return_indices: bool = False, *, indices: ArrayLike | None = None,
    data_format: str = "channels_first", border: str = "ignore", border_value: Any = 0,
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `max_pool1d`: ``dx[argmax of window i] += grad[i]``.

    Arguments, result and errors as for `max_pool2d_backward`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.max_pool1d_backward([[1.0, 2.0]], [[1.0, 3.0, 5.0, 4.0]], 2)
    array([[0., 1., 2., 0.]])
    """
    return backward(
        1, "max", grad, x, kernel_size, stride, padding, dilation, ceil_mode, indices, data_format, border,
        border_value, where, nan_policy, min_count, fill_value, out, workers,
    )  # fmt: skip


def max_pool2d_backward(
    grad: ArrayLike, x: ArrayLike, kernel_size: Size, stride: Size | None = None, padding: Padding = 0,
    dilation: Size = 1, ceil_mode: bool = False, return_indices: bool = False, *, indices: ArrayLike | None = None,
    data_format: str = "channels_first", border: str = "ignore", border_value: Any = 0,
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of ``(max_pool2d(x, ...) * grad).sum()`` with respect to x.

    Parameters
    ----------
    grad : array_like
        The upstream gradient, of the shape of the result of `max_pool2d`.
    x : array_like
        What was pooled.
    kernel_size, stride, padding, dilation, ceil_mode, data_format, border, border_value, where, nan_policy, min_count
        As in `max_pool2d`.
    return_indices, fill_value, dtype
        Accepted, so that the arguments of `max_pool2d` can be passed on; they do not change the gradient.
    indices : array_like of int, optional
        What `max_pool2d` returned with ``return_indices=True``: spares the search for the largest cells.
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
    TypeError, ValueError, MemoryError
        As `max_pool2d` does.
    IndexError
        An index outside of the plane.

    Notes
    -----
    ``dx[argmax of window (i, j)] += grad[i, j]``: all of it goes to the cell that `max_pool2d` picked, the first
    of equals.  The gradient of an empty window is dropped.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> x = np.array([[[1.0, 5.0], [4.0, 2.0]]])
    >>> cypool.nn.max_pool2d_backward([[[10.0]]], x, 2)
    array([[[ 0., 10.],
            [ 0.,  0.]]])
    """
    return backward(
        2, "max", grad, x, kernel_size, stride, padding, dilation, ceil_mode, indices, data_format, border,
        border_value, where, nan_policy, min_count, fill_value, out, workers,
    )  # fmt: skip


def max_pool3d_backward(
    grad: ArrayLike, x: ArrayLike, kernel_size: Size, stride: Size | None = None, padding: Padding = 0,
    dilation: Size = 1, ceil_mode: bool = False, return_indices: bool = False, *, indices: ArrayLike | None = None,
    data_format: str = "channels_first", border: str = "ignore", border_value: Any = 0,
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `max_pool3d`: ``dx[argmax of window (h, i, j)] += grad[h, i, j]``.

    Arguments, result and errors as for `max_pool2d_backward`.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.max_pool3d_backward([[[[1.0]]]], np.arange(8.0).reshape(1, 2, 2, 2), 2).ravel()
    array([0., 0., 0., 0., 0., 0., 0., 1.])
    """
    return backward(
        3, "max", grad, x, kernel_size, stride, padding, dilation, ceil_mode, indices, data_format, border,
        border_value, where, nan_policy, min_count, fill_value, out, workers,
    )  # fmt: skip
