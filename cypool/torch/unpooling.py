"""max_unpool: values back where the maximum found them."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.autograd import Function

from ..arguments import is_sequence, shown
from ..backward import unpool
from ..unpooling import unpool_gradient
from .tensors import array_of, checked, sizes, tensor_of

__all__ = ["max_unpool1d", "max_unpool2d", "max_unpool3d"]


class _Putting(Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, indices: Tensor, shape: tuple[int, ...], axes: tuple[int, ...]) -> Tensor:
        ctx.save_for_backward(indices)
        ctx.shape, ctx.axes = shape, axes
        return tensor_of(unpool(array_of(values, "input"), array_of(indices, "indices"), shape, axes=axes))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        (indices,) = ctx.saved_tensors
        return _Taking.apply(grad, indices, ctx.shape, ctx.axes), None, None, None


class _Taking(Function):
    @staticmethod
    def forward(ctx: Any, grad: Tensor, indices: Tensor, shape: tuple[int, ...], axes: tuple[int, ...]) -> Tensor:
        ctx.save_for_backward(indices)
        ctx.shape, ctx.axes = shape, axes
        return tensor_of(unpool_gradient(array_of(grad, "grad"), array_of(indices, "indices"), axes))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        (indices,) = ctx.saved_tensors
        return _Putting.apply(grad, indices, ctx.shape, ctx.axes), None, None, None


def _unpool(
    input: Tensor, rank: int, indices: Tensor, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Tensor:
    array = checked(input, rank, "biufc")
    array_of(indices, "indices")
    axes = tuple(range(array.ndim - rank, array.ndim))
    kernel = sizes(kernel_size, rank, "kernel_size", 1)
    steps = kernel if stride is None else sizes(stride, rank, "stride", 1)
    around = sizes(padding, rank, "padding", 0)
    pooled = array.shape[array.ndim - rank :]
    usual = [(n - 1) * s - 2 * p + k for n, s, p, k in zip(pooled, steps, around, kernel, strict=True)]
    if output_size is None:
        if min(usual) < 1:
            raise ValueError(
                f"padding {shown(padding)} leaves no cell: the result would have the lengths {tuple(usual)}"
            )
        shape = tuple(usual)
    else:
        if is_sequence(output_size) and len(output_size) == array.ndim:  # with batch and channels
            output_size = tuple(output_size)[array.ndim - rank :]
        shape = sizes(output_size, rank, "output_size", 1)
        for size, n, s, axis in zip(shape, usual, steps, axes, strict=True):
            if not n - s < size < n + s:
                least = max(n - s + 1, 1)
                raise ValueError(f"output_size must be {least} to {n + s - 1} on axis {axis}, not {size}")
    result: Tensor = _Putting.apply(input, indices, shape, axes)
    return result


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Values of signals ((batch,) channels, length) back where they came from: ``y[index[i]] = x[i]``, else 0.

    The arguments are those of `max_unpool2d`, with one axis.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import max_unpool1d
    >>> max_unpool1d(torch.tensor([[5.0, 4.0]]), torch.tensor([[1, 2]]), 2)
    tensor([[0., 5., 4., 0.]])
    """
    return _unpool(input, 1, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Values of images back where `max_pool2d` found them; all else is 0.

    Parameters
    ----------
    input : Tensor
        Pooled values, (batch, channels, rows, columns) or (channels, rows, columns); any strides.
    indices : Tensor
        Where each goes, flat over rows and columns of the result, as `max_pool2d` returns them.  Of a
        repeated one the last value in C order stays.
    kernel_size, stride, padding
        Those of the pooling: they say how large the result is.
    output_size : int or sequence of int, optional
        Rows and columns of the result, or its whole shape; within a stride of the usual size,
        ``(n - 1) * stride - 2 * padding + kernel_size``, which is the default.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind; of a wrong value or length.
    IndexError
        An index outside of the result.

    Notes
    -----
    The gradient of a value is what lies at its place, 0 if another value replaced it.  Can be
    differentiated any number of times.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import max_pool2d, max_unpool2d
    >>> values, indices = max_pool2d(torch.tensor([[[1.0, 5.0], [4.0, 2.0]]]), 2, return_indices=True)
    >>> max_unpool2d(values, indices, 2)
    tensor([[[0., 5.],
             [0., 0.]]])
    """
    return _unpool(input, 2, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Values of volumes ((batch,) channels, planes, rows, columns) back where they came from:
    ``y[index[i]] = x[i]`` with i of three numbers, else 0.

    The arguments are those of `max_unpool2d`, with three axes.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import max_unpool3d
    >>> max_unpool3d(torch.full((1, 1, 1, 1), 5.0), torch.full((1, 1, 1, 1), 6), 2).flatten()
    tensor([0., 0., 0., 0., 0., 0., 5., 0.])
    """
    return _unpool(input, 3, indices, kernel_size, stride, padding, output_size)
