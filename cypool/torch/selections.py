"""max_pool, min_pool, median_pool: windows that one cell speaks for."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from .sliding import slide

__all__ = [
    "max_pool1d", "max_pool2d", "max_pool3d", "median_pool1d", "median_pool2d", "median_pool3d", "min_pool1d",
    "min_pool2d", "min_pool3d",
]  # fmt: skip


def max_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Largest value of each window of signals ((batch,) channels, length): ``y[i] = max x[i s - p + k d]`` over all k.

    The arguments are those of `max_pool2d`, with one axis.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import max_pool1d
    >>> max_pool1d(torch.tensor([[1.0, 5, 4, 2]]), 2)
    tensor([[5., 4.]])
    """
    return slide(input, 1, "max", kernel_size, stride, padding, dilation, ceil_mode, return_indices=return_indices)


def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Largest value of each window of images: ``y[i, j] = max x[i s - p + k d, j s - p + l d]``.

    Parameters
    ----------
    input : Tensor
        (batch, channels, rows, columns) or (channels, rows, columns); any strides.
    kernel_size : int or (int, int)
        Rows and columns of a window.
    stride : int or (int, int), optional
        Cells from one window to the next.  Default: `kernel_size`.
    padding : int or (int, int)
        Cells added on both sides, which take no part.
    dilation : int or (int, int)
        Cells from one cell of a window to the next.
    ceil_mode : bool
        Keep a last window that is only partly inside.
    return_indices : bool
        Also return where the picked cells are: flat over rows and columns.

    Returns
    -------
    Tensor, or a pair (values, indices)

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind; of a wrong value or length.

    Notes
    -----
    The gradient goes to the picked cell, the first in C order of equals; a NaN wins.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import max_pool2d
    >>> x = torch.tensor([[[1.0, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]])
    >>> max_pool2d(x, 2)
    tensor([[[ 6.,  8.],
             [14., 16.]]])
    """
    return slide(input, 2, "max", kernel_size, stride, padding, dilation, ceil_mode, return_indices=return_indices)


def max_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Largest value of each window of volumes ((batch,) channels, planes, rows, columns):
    ``y[i] = max x[i s - p + k d]`` with i and k of three numbers.

    The arguments are those of `max_pool2d`, with three axes.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import max_pool3d
    >>> max_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), 2)
    tensor([[[[7.]]]])
    """
    return slide(input, 3, "max", kernel_size, stride, padding, dilation, ceil_mode, return_indices=return_indices)


def min_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Smallest value of each window of signals ((batch,) channels, length): ``y[i] = min x[i s - p + k d]`` over all k.

    The arguments are those of `min_pool2d`, with one axis.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import min_pool1d
    >>> min_pool1d(torch.tensor([[1.0, 5, 4, 2]]), 2)
    tensor([[1., 2.]])
    """
    return slide(input, 1, "min", kernel_size, stride, padding, dilation, ceil_mode, return_indices=return_indices)


def min_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Smallest value of each window of images: ``y[i, j] = min x[i s - p + k d, j s - p + l d]``.

    Parameters
    ----------
    input : Tensor
        (batch, channels, rows, columns) or (channels, rows, columns); any strides.
    kernel_size : int or (int, int)
        Rows and columns of a window.
    stride : int or (int, int), optional
        Cells from one window to the next.  Default: `kernel_size`.
    padding : int or (int, int)
        Cells added on both sides, which take no part.
    dilation : int or (int, int)
        Cells from one cell of a window to the next.
    ceil_mode : bool
        Keep a last window that is only partly inside.
    return_indices : bool
        Also return where the picked cells are: flat over rows and columns.

    Returns
    -------
    Tensor, or a pair (values, indices)

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind; of a wrong value or length.

    Notes
    -----
    The gradient goes to the picked cell, the first in C order of equals; a NaN wins.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import min_pool2d
    >>> x = torch.tensor([[[1.0, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]])
    >>> min_pool2d(x, 2)
    tensor([[[ 1.,  2.],
             [ 9., 11.]]])
    """
    return slide(input, 2, "min", kernel_size, stride, padding, dilation, ceil_mode, return_indices=return_indices)


def min_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Smallest value of each window of volumes ((batch,) channels, planes, rows, columns):
    ``y[i] = min x[i s - p + k d]`` with i and k of three numbers.

    The arguments are those of `min_pool2d`, with three axes.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import min_pool3d
    >>> min_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), 2)
    tensor([[[[0.]]]])
    """
    return slide(input, 3, "min", kernel_size, stride, padding, dilation, ceil_mode, return_indices=return_indices)


def median_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """Median of each window of signals ((batch,) channels, length): ``y[i] = median x[i s - p + k d]`` over all k.

    The arguments are those of `median_pool2d`, with one axis.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import median_pool1d
    >>> median_pool1d(torch.tensor([[1.0, 5, 4, 2]]), 2)
    tensor([[3., 3.]])
    """
    result: Tensor = slide(input, 1, "median", kernel_size, stride, padding, dilation, ceil_mode)
    return result


def median_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """Median of each window of images: ``y[i, j] = median x[i s - p + k d, j s - p + l d]``.

    Parameters
    ----------
    input : Tensor
        (batch, channels, rows, columns) or (channels, rows, columns); any strides.
    kernel_size : int or (int, int)
        Rows and columns of a window.
    stride : int or (int, int), optional
        Cells from one window to the next.  Default: `kernel_size`.
    padding : int or (int, int)
        Cells added on both sides, which take no part.
    dilation : int or (int, int)
        Cells from one cell of a window to the next.
    ceil_mode : bool
        Keep a last window that is only partly inside.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind; of a wrong value or length.

    Notes
    -----
    Of an even number of cells the mean of the two in the middle, to each of which half of the gradient
    goes (torch's median takes the lower one).

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import median_pool2d
    >>> x = torch.tensor([[[1.0, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]])
    >>> median_pool2d(x, 2)
    tensor([[[ 4.0000,  5.5000],
             [11.5000, 13.5000]]])
    """
    result: Tensor = slide(input, 2, "median", kernel_size, stride, padding, dilation, ceil_mode)
    return result


def median_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """Median of each window of volumes ((batch,) channels, planes, rows, columns):
    ``y[i] = median x[i s - p + k d]`` with i and k of three numbers.

    The arguments are those of `median_pool2d`, with three axes.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import median_pool3d
    >>> median_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), 2)
    tensor([[[[3.5000]]]])
    """
    result: Tensor = slide(input, 3, "median", kernel_size, stride, padding, dilation, ceil_mode)
    return result
