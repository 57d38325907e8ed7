"""avg_pool and lp_pool: windows that all cells add to."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..arguments import TOO_LARGE, boolean, integer
from ..reducers import TABLE
from .sliding import slide

__all__ = ["avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d"]


def _average(
    input: Tensor,
    rank: int,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None = None,
) -> Tensor:
    counted = boolean(count_include_pad, "count_include_pad")
    divisor = None
    if divisor_override is not None:
        divisor = integer(divisor_override, "divisor_override", 1 - TOO_LARGE)
        if not divisor:
            raise ValueError("divisor_override must not be 0")
    result: Tensor = slide(input, rank, "mean", kernel_size, stride, padding, 1, ceil_mode, "biufc",
                           border="constant" if counted else "ignore",
                           divisor=None if divisor is None else abs(divisor))  # fmt: skip
    return -result if divisor is not None and divisor < 0 else result


def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Mean of each window of signals ((batch,) channels, length): ``y[i] = (sum x[i s - p + k]) / n``.

    The arguments are those of `avg_pool2d` but for `divisor_override`, with one axis.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import avg_pool1d
    >>> avg_pool1d(torch.tensor([[1.0, 5, 4, 2]]), 2)
    tensor([[3., 3.]])
    """
    return _average(input, 1, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Mean of each window of images: ``y[i, j] = (sum x[i s - p + k, j s - p + l]) / n``.

    Parameters
    ----------
    input : Tensor
        (batch, channels, rows, columns) or (channels, rows, columns); any strides.
    kernel_size, stride, padding, ceil_mode
        As in `max_pool2d`.
    count_include_pad : bool
        Padded cells are zeros and count in n; what `ceil_mode` adds beyond them does not.
    divisor_override : int, optional
        Instead of n; may be negative.

    Returns
    -------
    Tensor
        float64 where the input is of integers.

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind; of a wrong value or length.

    Notes
    -----
    Added in float64.  Can be differentiated any number of times.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import avg_pool2d
    >>> x = torch.tensor([[[1.0, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]])
    >>> avg_pool2d(x, 2)
    tensor([[[ 3.7500,  5.2500],
             [11.5000, 13.5000]]])
    >>> avg_pool2d(torch.ones(1, 2, 2), 2, padding=1, count_include_pad=False)
    tensor([[[1., 1.],
             [1., 1.]]])
    """
    return _average(input, 2, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Mean of each window of volumes ((batch,) channels, planes, rows, columns):
    ``y[i] = (sum x[i s - p + k]) / n`` with i and k of three numbers.

    The arguments are those of `avg_pool2d`, with three axes.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import avg_pool3d
    >>> avg_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), 2)
    tensor([[[[3.5000]]]])
    """
    return _average(input, 3, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _norm(input: Tensor, rank: int, norm_type: Any, kernel_size: Any, stride: Any, ceil_mode: bool) -> Tensor:
    p = TABLE["lp"].options["p"].read("norm_type", norm_type)
    result: Tensor = slide(input, rank, "lp", kernel_size, stride, ceil_mode=ceil_mode, p=p)
    return result


def lp_pool1d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """p-norm of each window of signals ((batch,) channels, length): ``y[i] = (sum abs(x[i s + k])**p)**(1 / p)``.

    The arguments are those of `lp_pool2d`, with one axis.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import lp_pool1d
    >>> lp_pool1d(torch.tensor([[3.0, -4.0]]), 2, 2)
    tensor([[5.]])
    """
    return _norm(input, 1, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """p-norm of each window of images: ``y[i, j] = (sum abs(x[i s + k, j s + l])**p)**(1 / p)``.

    Parameters
    ----------
    input : Tensor
        (batch, channels, rows, columns) or (channels, rows, columns); any strides.
    norm_type : float
        p: any positive number; inf gives the largest size.
    kernel_size, stride, ceil_mode
        As in `max_pool2d`.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind; of a wrong value or length.

    Notes
    -----
    The gradient is 0 at 0, and neither large values nor large p overflow on the way.  Unlike torch's,
    a window that `ceil_mode` cuts short is the norm of the cells it has.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import lp_pool2d
    >>> lp_pool2d(torch.tensor([[[3.0, 0.0], [0.0, -4.0]]]), 2, 2)
    tensor([[[5.]]])
    """
    return _norm(input, 2, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """p-norm of each window of volumes ((batch,) channels, planes, rows, columns):
    ``y[i] = (sum abs(x[i s + k])**p)**(1 / p)`` with i and k of three numbers.

    The arguments are those of `lp_pool2d`, with three axes.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import lp_pool3d
    >>> lp_pool3d(torch.ones(1, 2, 2, 2), 1, 2)
    tensor([[[[8.]]]])
    """
    return _norm(input, 3, norm_type, kernel_size, stride, ceil_mode)
