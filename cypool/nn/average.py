"""Average pooling, as torch.nn.functional has it, and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ..arguments import TOO_LARGE, as_dtype, boolean, integer, plain_number, real, shown
from ._common import Array, Padding, Size, backward, forward

__all__ = [
    "avg_pool1d", "avg_pool1d_backward", "avg_pool2d", "avg_pool2d_backward", "avg_pool3d", "avg_pool3d_backward",
]  # fmt: skip


def _divisor(value: Any) -> tuple[int | None, bool]:
    """Its size, and whether it is negative: `pool` divides by a positive one."""
    if value is None:
        return None, False
    if type(value) is int and 0 < value < TOO_LARGE:
        return value, False
    if type(value) is int and -TOO_LARGE < value < 0:
        return -value, True
    divisor = integer(value, "divisor_override", 1 - TOO_LARGE)
    if divisor == 0:
        raise ValueError("divisor_override must not be 0")
    return abs(divisor), divisor < 0


def _padded(border: Any, border_value: Any, count_include_pad: Any) -> tuple[Any, Any]:
    """border and border_value of `pool`: cells that count hold 0, unless the border says what they hold."""
    counts = boolean(count_include_pad, "count_include_pad")
    if isinstance(border, str) and border == "ignore":
        plain_number(border_value, "border_value")
        return ("constant", 0) if counts else ("ignore", 0)
    if not counts:
        raise ValueError(f"count_include_pad=False goes with border='ignore' only, not {shown(border)}")
    return border, border_value


def _average(
    nd: int, input: ArrayLike, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool,
    divisor_override: Any, dilation: Any, data_format: str, border: str, border_value: Any, where: Any,
    nan_policy: str, min_count: int, fill_value: Any, rounding: str, dtype: Any, out: Any, workers: int | None,
) -> Array:  # fmt: skip
    divisor, negative = _divisor(divisor_override)
    if count_include_pad is True and type(border) is str and border == "ignore":
        plain_number(border_value, "border_value")
        border, border_value = "constant", 0
    else:
        border, border_value = _padded(border, border_value, count_include_pad)
    options: dict[str, Any] = {} if divisor is None else {"divisor": divisor}
    if type(rounding) is not str or rounding != "half_even":
        options["rounding"] = rounding
    if negative:
        if dtype is not None and as_dtype(dtype, "dtype").kind != "f":
            raise ValueError(f"divisor_override must be positive with dtype={shown(dtype)}, not {divisor_override}")
        if fill_value is not None:
            fill_value = -real(fill_value, "fill_value")
    result: Array = forward(
        nd, "mean", input, kernel_size, stride, padding, dilation, ceil_mode, False, data_format, border, border_value,
        where, nan_policy, min_count, fill_value, dtype, out, workers, **options,
    )  # fmt: skip
    if negative:
        values = result if type(result) is np.ndarray else np.ma.getdata(result)
        np.negative(values, values)
    return result


def _average_backward(
    nd: int, grad: ArrayLike, x: ArrayLike, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool,
    count_include_pad: bool, divisor_override: Any, dilation: Any, data_format: str, border: str, border_value: Any,
    where: Any, nan_policy: str, min_count: int, fill_value: Any, rounding: str, out: Any, workers: int | None,
) -> Array:  # fmt: skip
    divisor, negative = _divisor(divisor_override)
    border, border_value = _padded(border, border_value, count_include_pad)
    result = backward(
        nd, "mean", grad, x, kernel_size, stride, padding, dilation, ceil_mode, None, data_format, border,
        border_value, where, nan_policy, min_count, fill_value, out, workers, divisor=divisor, rounding=rounding,
    )  # fmt: skip
    return np.negative(result, out=result) if negative else result


def avg_pool1d(
    input: ArrayLike, kernel_size: Size, stride: Size | None = None, padding: Padding = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, *, divisor_override: int | None = None, dilation: Size = 1,
    data_format: str = "channels_first", border: str = "ignore", border_value: Any = 0,
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    rounding: str = "half_even", dtype: DTypeLike | None = None, out: Array | None = None,
    workers: int | None = None,
) -> Array:  # fmt: skip
    """Mean of each window of a signal, (C, L) or (N, C, L): `avg_pool2d` on one axis.

    ``y[n, c, i] = (sum_u x[n, c, i * stride - before + u * dilation]) / divisor`` over ``0 <= u < kernel_size``.
    Arguments, result and errors as for `avg_pool2d`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.avg_pool1d([[1.0, 3.0, 2.0, 6.0]], 2)
    array([[2., 4.]])
    """
    return _average(
        1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, data_format,
        border, border_value, where, nan_policy, min_count, fill_value, rounding, dtype, out, workers,
    )  # fmt: skip


def avg_pool2d(
    input: ArrayLike, kernel_size: Size, stride: Size | None = None, padding: Padding = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None, *, dilation: Size = 1,
    data_format: str = "channels_first", border: str = "ignore", border_value: Any = 0,
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    rounding: str = "half_even", dtype: DTypeLike | None = None, out: Array | None = None,
    workers: int | None = None,
) -> Array:  # fmt: skip
    """Mean of each window of an image.

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
        Cells added before and after, of any number; they hold 0.  For each axis an integer, a
        nested pair (before, after), "valid" (0), "same" (output ``ceil(n / stride)``, the extra cell at the
        end) or "same_lower" (at the beginning); or one integer or string for both.
    ceil_mode : bool
        Keep a last window that is only partly inside, if it starts inside or in the padding before.
    count_include_pad : bool
        Padded cells count in the divisor.  Those beyond the padding, which a window of `ceil_mode` reaches,
        never do.
    divisor_override : int, optional
        Divides the sums instead of the number of cells; negative too.
    dilation : int or (int, int)
        Cells from one cell of a window to the next.
    data_format : {"channels_first", "channels_last"}
        Which axis holds the channels; nothing is transposed or copied.
    border, border_value : str, scalar
        What padded cells hold if it is not 0: "constant" (`border_value`), "reflect", "symmetric", "edge" or
        "wrap", as in `cypool.pool`.  They count then.
    where : array_like of bool, optional
        Broadcast to `input`; cells that are False take no part.
    nan_policy : {"propagate", "omit", "raise"}
        A window with a NaN gives NaN; NaN take no part; an error.
    min_count, fill_value : int, scalar
        A window in which fewer than `min_count` cells take part is empty: `fill_value`, by default NaN, or
        an error where the result is of integers.
    rounding : {"half_even", "half_up", "floor"}
        With `dtype` an integer.
    dtype : dtype, optional
        Dtype of the result.  Default: that of `input` if floating, else float64.  Means of integers may be
        integers: exact, rounded, saturated.
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
    ``y[n, c, i, j] = (sum_{u, v} x[n, c, i * stride - before + u * dilation, ...]) / divisor`` over
    ``0 <= u, v < kernel_size``; LeCun et al. 1998, doi:10.1109/5.726791.  The divisor is the number of cells of
    the window, padded ones included as `count_include_pad` says, less those that `where` or `nan_policy`
    leave out.  Floats are added in float64, integers exactly.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> x = np.array([[[1, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]])
    >>> cypool.nn.avg_pool2d(x, 2)
    array([[[ 3.75,  5.25],
            [11.5 , 13.5 ]]])
    >>> cypool.nn.avg_pool2d(x, 2, padding=1, count_include_pad=False)
    array([[[ 1. ,  2.5,  4. ],
            [ 7. ,  8.5, 10. ],
            [13. , 14.5, 16. ]]])
    """
    return _average(
        2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, data_format,
        border, border_value, where, nan_policy, min_count, fill_value, rounding, dtype, out, workers,
    )  # fmt: skip


def avg_pool3d(
    input: ArrayLike, kernel_size: Size, stride: Size | None = None, padding: Padding = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None, *, dilation: Size = 1,
    data_format: str = "channels_first", border: str = "ignore", border_value: Any = 0,
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    rounding: str = "half_even", dtype: DTypeLike | None = None, out: Array | None = None,
    workers: int | None = None,
) -> Array:  # fmt: skip
    """Mean of each window of a volume, (C, D, H, W) or (N, C, D, H, W): `avg_pool2d` on three axes.

    ``y[n, c, i] = (sum_u x[n, c, i * stride - before + u * dilation]) / divisor`` with i and u in three dimensions.
    Arguments, result and errors as for `avg_pool2d`.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.avg_pool3d(np.arange(16.0).reshape(1, 2, 2, 4), 2)
    array([[[[6.5, 8.5]]]])
    """
    return _average(
        3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, data_format,
        border, border_value, where, nan_policy, min_count, fill_value, rounding, dtype, out, workers,
    )  # fmt: skip


# ---- gradients -------------------------------------------------------------------------------------


def avg_pool1d_backward(
    grad: ArrayLike, x: ArrayLike, kernel_size: Size, stride: Size | None = None, padding: Padding = 0,
    ceil_mode: bool = False, count_include_pad: bool = True, *, divisor_override: int | None = None,
    dilation: Size = 1, data_format: str = "channels_first", border: str = "ignore", border_value: Any = 0,
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    rounding: str = "half_even", dtype: DTypeLike | None = None, out: Array | None = None,
    workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `avg_pool1d`: ``dx += grad / divisor`` in each window.

    Arguments, result and errors as for `avg_pool2d_backward`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.avg_pool1d_backward([[1.0, 4.0]], [[1.0, 3.0, 2.0]], 2, 1)
    array([[0.5, 2.5, 2. ]])
    """
    return _average_backward(
        1, grad, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation,
        data_format, border, border_value, where, nan_policy, min_count, fill_value, rounding, out, workers,
    )  # fmt: skip


def avg_pool2d_backward(
    grad: ArrayLike, x: ArrayLike, kernel_size: Size, stride: Size | None = None, padding: Padding = 0,
    ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None, *,
    dilation: Size = 1, data_format: str = "channels_first", border: str = "ignore", border_value: Any = 0,
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    rounding: str = "half_even", dtype: DTypeLike | None = None, out: Array | None = None,
    workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of ``(avg_pool2d(x, ...) * grad).sum()`` with respect to x.

    Parameters
    ----------
    grad : array_like
        The upstream gradient, of the shape of the result of `avg_pool2d`.
    x : array_like
        What was pooled; only its shape, dtype, mask and NaN matter.
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, data_format
        As in `avg_pool2d`.
    border, border_value, where, nan_policy, min_count
        As in `avg_pool2d`.
    fill_value, rounding, dtype
        Accepted, so that the arguments of `avg_pool2d` can be passed on; they do not change the gradient.
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
        As `avg_pool2d` does.

    Notes
    -----
    ``dx += grad / divisor`` for each window; what falls on padded cells is dropped.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.avg_pool2d_backward([[[10.0]]], np.zeros((1, 2, 2)), 2)
    array([[[2.5, 2.5],
            [2.5, 2.5]]])
    """
    return _average_backward(
        2, grad, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation,
        data_format, border, border_value, where, nan_policy, min_count, fill_value, rounding, out, workers,
    )  # fmt: skip


def avg_pool3d_backward(
    grad: ArrayLike, x: ArrayLike, kernel_size: Size, stride: Size | None = None, padding: Padding = 0,
    ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None, *,
    dilation: Size = 1, data_format: str = "channels_first", border: str = "ignore", border_value: Any = 0,
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    rounding: str = "half_even", dtype: DTypeLike | None = None, out: Array | None = None,
    workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `avg_pool3d`: ``dx += grad / divisor`` in each window.

    Arguments, result and errors as for `avg_pool2d_backward`.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.avg_pool3d_backward([[[[8.0]]]], np.zeros((1, 2, 2, 2)), 2).ravel()
    array([1., 1., 1., 1., 1., 1., 1., 1.])
    """
    return _average_backward(
        3, grad, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation,
        data_format, border, border_value, where, nan_policy, min_count, fill_value, rounding, out, workers,
    )  # fmt: skip
