"""Lp pooling, as torch.nn.functional has it, and its gradient."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, DTypeLike

from ._common import Array, Padding, Size, backward, forward

__all__ = [
    "lp_pool1d", "lp_pool1d_backward", "lp_pool2d", "lp_pool2d_backward", "lp_pool3d", "lp_pool3d_backward",
]  # fmt: skip


def lp_pool1d(
    input: ArrayLike, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False, *,
    padding: Padding = 0, dilation: Size = 1, data_format: str = "channels_first", border: str = "ignore",
    border_value: Any = 0, where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1,
    fill_value: Any = None, dtype: DTypeLike | None = None, out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Norm of each window of a signal, (C, L) or (N, C, L): `lp_pool2d` on one axis.

    ``y[n, c, i] = (sum_u abs(x[n, c, i * stride - before + u * dilation]) ** p) ** (1 / p)``, p the `norm_type`.
    Arguments, result and errors as for `lp_pool2d`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.lp_pool1d([[3.0, -4.0, 6.0, 8.0]], 2, 2)
    array([[ 5., 10.]])
    """
    result: Array = forward(
        1, "lp", input, kernel_size, stride, padding, dilation, ceil_mode, False, data_format, border, border_value,
        where, nan_policy, min_count, fill_value, dtype, out, workers, p=norm_type,
    )  # fmt: skip
    return result


def lp_pool2d(
    input: ArrayLike, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False, *,
    padding: Padding = 0, dilation: Size = 1, data_format: str = "channels_first", border: str = "ignore",
    border_value: Any = 0, where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1,
    fill_value: Any = None, dtype: DTypeLike | None = None, out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Norm of each window of an image.

    Parameters
    ----------
    input : array_like, shape (C, H, W) or (N, C, H, W)
        Bool, integers, float16, float32 or float64; any memory layout; a masked array.  Channels last,
        see `data_format`: (H, W, C) or (N, H, W, C).
    norm_type : float
        The exponent p, above 0; ``inf``: the largest absolute value.
    kernel_size : int or (int, int)
        Cells of a window.  Here and below, one value holds for both axes, as does a sequence of one.
    stride : int or (int, int), optional
        Cells from one window to the next.  Default: `kernel_size`.
    ceil_mode : bool
        Keep a last window that is only partly inside, if it starts inside or in the padding before.
    padding : int, str or pair
        Cells added before and after, of any number; they take no part.  For each axis an integer, a
        nested pair (before, after), "valid" (0), "same" (output ``ceil(n / stride)``, the extra cell at the
        end) or "same_lower" (at the beginning); or one integer or string for both.
    dilation : int or (int, int)
        Cells from one cell of a window to the next.
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
        Dtype of the result.  Default: that of `input` if floating, else float64.
    out : ndarray, optional
        Where to put the result.
    workers : int, optional
        At most so many threads; -1: all.

    Returns
    -------
    ndarray
        The shape of `input`, but for the pooled axes: each
        ``floor((n + before + after - dilation * (kernel_size - 1) - 1) / stride) + 1`` long (with
        `ceil_mode` rounded up).

    Raises
    ------
    TypeError, ValueError, MemoryError
        An argument of the wrong kind; of a wrong value, length or combination; a result too large.

    Notes
    -----
    ``y[n, c, i, j] = (sum_{u, v} abs(x[n, c, i * stride - before + u * dilation, ...]) ** p) ** (1 / p)``
    over ``0 <= u, v < kernel_size``; Sermanet, Chintala and LeCun 2012, arXiv:1204.3968.  It is the norm of
    the cells there are, for negative ones and in windows that `ceil_mode` cuts too (torch takes no absolute
    values, and scales cut windows up), and neither overflows nor underflows on the way.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> x = np.array([[[3.0, 0.0, 1.0, 1.0], [0.0, -4.0, 1.0, 1.0]]])
    >>> cypool.nn.lp_pool2d(x, 2, 2)
    array([[[5., 2.]]])
    >>> cypool.nn.lp_pool2d(x, 1, 2)
    array([[[7., 4.]]])
    """
    result: Array = forward(
        2, "lp", input, kernel_size, stride, padding, dilation, ceil_mode, False, data_format, border, border_value,
        where, nan_policy, min_count, fill_value, dtype, out, workers, p=norm_type,
    )  # fmt: skip
    return result


def lp_pool3d(
    input: ArrayLike, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False, *,
    padding: Padding = 0, dilation: Size = 1, data_format: str = "channels_first", border: str = "ignore",
    border_value: Any = 0, where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1,
    fill_value: Any = None, dtype: DTypeLike | None = None, out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Norm of each window of a volume, (C, D, H, W) or (N, C, D, H, W): `lp_pool2d` on three axes.

    ``y[n, c, i] = (sum_u abs(x[n, c, i * stride - before + u * dilation]) ** p) ** (1 / p)``, i and u in 3 dimensions.
    Arguments, result and errors as for `lp_pool2d`.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.lp_pool3d(np.full((1, 2, 2, 4), 2.0), 3, 2)
    array([[[[4., 4.]]]])
    """
    result: Array = forward(
        3, "lp", input, kernel_size, stride, padding, dilation, ceil_mode, False, data_format, border, border_value,
        where, nan_policy, min_count, fill_value, dtype, out, workers, p=norm_type,
    )  # fmt: skip
    return result


# ---- gradients -------------------------------------------------------------------------------------


def lp_pool1d_backward(
    grad: ArrayLike, x: ArrayLike, norm_type: float, kernel_size: Size, stride: Size | None = None,
    ceil_mode: bool = False, *, padding: Padding = 0, dilation: Size = 1, data_format: str = "channels_first",
    border: str = "ignore", border_value: Any = 0, where: ArrayLike | None = None, nan_policy: str = "propagate",
    min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None, out: Array | None = None,
    workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `lp_pool1d`: ``dx += grad * sign(x) * abs(x / y) ** (p - 1)`` in each window.

    Arguments, result and errors as for `lp_pool2d_backward`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.lp_pool1d_backward([[10.0]], [[3.0, -4.0]], 2, 2)
    array([[ 6., -8.]])
    """
    return backward(
        1, "lp", grad, x, kernel_size, stride, padding, dilation, ceil_mode, None, data_format, border, border_value,
        where, nan_policy, min_count, fill_value, out, workers, p=norm_type,
    )  # fmt: skip


def lp_pool2d_backward(
    grad: ArrayLike, x: ArrayLike, norm_type: float, kernel_size: Size, stride: Size | None = None,
    ceil_mode: bool = False, *, padding: Padding = 0, dilation: Size = 1, data_format: str = "channels_first",
    border: str = "ignore", border_value: Any = 0, where: ArrayLike | None = None, nan_policy: str = "propagate",
    min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None, out: Array | None = None,
    workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of ``(lp_pool2d(x, ...) * grad).sum()`` with respect to x.

    Parameters
    ----------
    grad : array_like
        The upstream gradient, of the shape of the result of `lp_pool2d`.
    x : array_like
        What was pooled.
    norm_type, kernel_size, stride, ceil_mode, padding, dilation, data_format, border, border_value, where
        As in `lp_pool2d`.
    nan_policy, min_count
        As in `lp_pool2d`.
    fill_value, dtype
        Accepted, so that the arguments of `lp_pool2d` can be passed on; they do not change the gradient.
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
        As `lp_pool2d` does.

    Notes
    -----
    ``dx += grad * sign(x) * abs(x / y) ** (p - 1)`` for each window, y its norm; 0 at x = 0 unless p is 1.
    For p = inf all goes to the largest absolute value.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> x = np.array([[[3.0, 0.0], [0.0, -4.0]]])
    >>> cypool.nn.lp_pool2d_backward([[[10.0]]], x, 2, 2)
    array([[[ 6.,  0.],
            [ 0., -8.]]])
    """
    return backward(
        2, "lp", grad, x, kernel_size, stride, padding, dilation, ceil_mode, None, data_format, border, border_value,
        where, nan_policy, min_count, fill_value, out, workers, p=norm_type,
    )  # fmt: skip


def lp_pool3d_backward(
    grad: ArrayLike, x: ArrayLike, norm_type: float, kernel_size: Size, stride: Size | None = None,
    ceil_mode: bool = False, *, padding: Padding = 0, dilation: Size = 1, data_format: str = "channels_first",
    border: str = "ignore", border_value: Any = 0, where: ArrayLike | None = None, nan_policy: str = "propagate",
    min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None, out: Array | None = None,
    workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `lp_pool3d`: ``dx += grad * sign(x) * abs(x / y) ** (p - 1)`` in each window.

    Arguments, result and errors as for `lp_pool2d_backward`.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.lp_pool3d_backward([[[[4.0]]]], np.ones((1, 2, 2, 1)), 2, (2, 2, 1)).ravel()
    array([2., 2., 2., 2.])
    """
    return backward(
        3, "lp", grad, x, kernel_size, stride, padding, dilation, ceil_mode, None, data_format, border, border_value,
        where, nan_policy, min_count, fill_value, out, workers, p=norm_type,
    )  # fmt: skip
