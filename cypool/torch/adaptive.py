"""adaptive_max_pool, adaptive_avg_pool: the size of the result is given."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..arguments import boolean, entries, integer, is_sequence
from ..windows import Windows
from .autograd import differentiable
from .tensors import checked

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d",
]  # fmt: skip


def _adapt(
    input: Tensor, rank: int, reduce: str, output_size: Any, kinds: str = "biuf", return_indices: bool = False
) -> Any:
    array = checked(input, rank, kinds)
    if is_sequence(output_size) and len(output_size) == 1:
        (output_size,) = output_size
    given = entries(output_size, rank, "output_size")
    axes = tuple(range(array.ndim - rank, array.ndim))
    windows = tuple(
        Windows.adaptive(array.shape[a] if n is None else integer(n, "output_size", 0))
        for a, n in zip(axes, given, strict=True)
    )
    call = {"window": windows, "reduce": reduce, "axes": axes}
    return differentiable(input, array, call, boolean(return_indices, "return_indices"))


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Mean of each of `output_size` windows that cover signals ((batch,) channels, length):
    ``y[i] = mean x[floor(i n / o) : ceil((i + 1) n / o)]``.

    The arguments are those of `adaptive_avg_pool2d`, with one axis.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import adaptive_avg_pool1d
    >>> adaptive_avg_pool1d(torch.arange(5.0)[None], 3)
    tensor([[0.5000, 2.0000, 3.5000]])
    """
    result: Tensor = _adapt(input, 1, "mean", output_size, "biufc")
    return result


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Mean of each of `output_size` windows that cover images.

    On an axis of n cells window i of o is ``floor(i n / o)`` to ``ceil((i + 1) n / o)``.

    Parameters
    ----------
    input : Tensor
        (batch, channels, rows, columns) or (channels, rows, columns); any strides.
    output_size : int, None, or a pair of these
        Rows and columns of the result; None: as many as the input has.

    Returns
    -------
    Tensor
        float64 where the input is of integers.

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind; of a wrong value or length.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import adaptive_avg_pool2d
    >>> x = torch.tensor([[[1.0, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]])
    >>> adaptive_avg_pool2d(x, 2)
    tensor([[[ 3.7500,  5.2500],
             [11.5000, 13.5000]]])
    >>> adaptive_avg_pool2d(x, (3, None)).shape
    torch.Size([1, 3, 4])
    """
    result: Tensor = _adapt(input, 2, "mean", output_size, "biufc")
    return result


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Mean of each of `output_size` windows that cover volumes ((batch,) channels, planes, rows, columns):
    ``y[i] = mean x[floor(i n / o) : ceil((i + 1) n / o)]`` with i of three numbers.

    The arguments are those of `adaptive_avg_pool2d`, with three axes.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import adaptive_avg_pool3d
    >>> adaptive_avg_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), 1)
    tensor([[[[3.5000]]]])
    """
    result: Tensor = _adapt(input, 3, "mean", output_size, "biufc")
    return result


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Largest value of each of `output_size` windows that cover signals ((batch,) channels, length):
    ``y[i] = max x[floor(i n / o) : ceil((i + 1) n / o)]``.

    The arguments are those of `adaptive_max_pool2d`, with one axis.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import adaptive_max_pool1d
    >>> adaptive_max_pool1d(torch.arange(5.0)[None], 3)
    tensor([[1., 3., 4.]])
    """
    return _adapt(input, 1, "max", output_size, return_indices=return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Largest value of each of `output_size` windows that cover images.

    On an axis of n cells window i of o is ``floor(i n / o)`` to ``ceil((i + 1) n / o)``.

    Parameters
    ----------
    input : Tensor
        (batch, channels, rows, columns) or (channels, rows, columns); any strides.
    output_size : int, None, or a pair of these
        Rows and columns of the result; None: as many as the input has.
    return_indices : bool
        Also return where the picked cells are: flat over rows and columns.

    Returns
    -------
    Tensor, or a pair (values, indices)

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind; of a wrong value or length.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import adaptive_max_pool2d
    >>> x = torch.tensor([[[1.0, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]])
    >>> adaptive_max_pool2d(x, 2)
    tensor([[[ 6.,  8.],
             [14., 16.]]])
    >>> adaptive_max_pool2d(x, (3, None)).shape
    torch.Size([1, 3, 4])
    """
    return _adapt(input, 2, "max", output_size, return_indices=return_indices)


def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Largest value of each of `output_size` windows that cover volumes ((batch,) channels, planes, rows, columns):
    ``y[i] = max x[floor(i n / o) : ceil((i + 1) n / o)]`` with i of three numbers.

    The arguments are those of `adaptive_max_pool2d`, with three axes.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import adaptive_max_pool3d
    >>> adaptive_max_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), 1)
    tensor([[[[7.]]]])
    """
    return _adapt(input, 3, "max", output_size, return_indices=return_indices)
