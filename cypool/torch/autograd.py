"""`pool` of tensors, and its derivatives.

    linear     sum, mean              y = A x        dx = A' g       d(dx) = A d(g)      and so on
    picking    max, min, stochastic   y = x[index]   dx[index] += g  d(dx) = d(g)[index]
    others                            y = f(x)       dx by pool_backward, once

Each line is a pair of functions that are the other's derivative, but for the last.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from .. import pooling
from ..arguments import boolean, pooled_axes, shown
from ..backward import pool_backward
from ..outline import Outline
from ..pooling import Reduce
from ..reducers import find
from ..rules import RULES
from .tensors import Array, array_of, tensor_of

__all__ = ["differentiable", "pool"]

LINEAR = ("sum", "mean")
PICKING = ("max", "min")


def pool(
    x: Tensor,
    window: Any,
    reduce: Reduce = "max",
    *,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    axes: Any = None,
    border: str = "ignore",
    border_value: Any = 0,
    where: Any = None,
    nan_policy: str = "propagate",
    min_count: int = 1,
    fill_value: Any = None,
    return_indices: bool = False,
    workers: int | None = None,
    **options: Any,
) -> Any:
    """`cypool.pool` of a tensor, differentiable.

    Parameters
    ----------
    x : Tensor
        On the CPU; any number of dimensions and any strides.
    window, reduce, stride, padding, dilation, ceil_mode, axes, border, border_value, nan_policy, min_count, \
fill_value, return_indices, workers, **options
        As in `cypool.pool`.
    where : Tensor or array_like of bool, optional
        Broadcast to x; cells that are False take no part.

    Returns
    -------
    Tensor
        The pooled tensor; with `return_indices` a pair (values, indices).

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `cypool.pool` does; a tensor that is not on the CPU, not dense, or of a dtype that NumPy lacks
        (bfloat16); `where` or an option that wants a gradient; a reducer without gradient for an x that
        wants one, unless its result is of integers or bools.

    Notes
    -----
    The gradient is that of `cypool.pool_backward`.  Sums, means, maxima, minima and results with indices
    can be differentiated any number of times, other reducers once.

    Examples
    --------
    >>> import torch
    >>> from cypool.torch import pool
    >>> x = torch.tensor([[1.0, 5.0], [4.0, 2.0]], requires_grad=True)
    >>> y = pool(x, 2, "logsumexp")
    >>> y.sum().backward()
    >>> x.grad.sum()
    tensor(1.)
    """
    array = array_of(x, "x")
    for name in ("dtype", "out"):
        if name in options:
            raise TypeError(
                f"cypool.torch.pool takes no {shown(name)}: a result that is converted has another gradient"
            )
    call: dict[str, Any] = {
        "window": window, "reduce": reduce, "stride": stride, "padding": padding, "dilation": dilation,
        "ceil_mode": ceil_mode, "axes": axes, "border": border, "border_value": border_value,
        "where": _constant(where, "where"), "nan_policy": nan_policy, "min_count": min_count,
        "fill_value": fill_value, "workers": workers, **{k: _constant(v, k) for k, v in options.items()},
    }  # fmt: skip
    return differentiable(x, array, call, boolean(return_indices, "return_indices"))


def differentiable(x: Tensor, array: Array, call: dict[str, Any], indexed: bool) -> Any:
    """`cypool.pool` of x, whose memory is `array`, with the arguments `call`."""
    if not (x.requires_grad and torch.is_grad_enabled()):
        return _forward(array, call, indexed)
    reduce = call["reduce"]
    found = find(reduce)
    row, omit = (None, False) if found is None else (found[0].name, found[1])
    if row not in RULES:
        result = _forward(array, call, indexed)
        if isinstance(result, Tensor) and result.is_floating_point():
            raise TypeError(f"reduce={shown(reduce)} has no gradient, and x wants one (use x.detach())")
        return result
    call["reduce"] = row
    if omit:
        call["nan_policy"] = "omit"
    if row in LINEAR and not indexed:
        return _Linear.apply(x, _without_nan(array, call))
    if indexed or (row == "stochastic" and call.get("training", True)):
        values, indices = _Picking.apply(x, call, pooled_axes(call.get("axes"), x.ndim, call["window"]))
        return (values, indices) if indexed else values
    if row in PICKING and _has_indices(call):
        try:
            return _Picking.apply(x, call, pooled_axes(call.get("axes"), x.ndim, call["window"]))[0]
        except ValueError:
            pass  # an empty window has no index; or an argument is wrong, which the next call tells
    return _Once.apply(x, call)


def _has_indices(call: dict[str, Any]) -> bool:
    return call.get("where") is None and call.get("border") != "constant" and call.get("nan_policy") != "omit"


def _constant(value: Any, name: str) -> Any:
    """An argument that may be a tensor."""
    if not isinstance(value, Tensor):
        return value
    if value.requires_grad:
        raise TypeError(f"{name} must not want a gradient: use {name}.detach()")
    return array_of(value, name)


def _forward(array: Array, call: dict[str, Any], indexed: bool) -> Any:
    result = pooling.pool(array, **call, return_indices=indexed)
    return tuple(map(tensor_of, result)) if indexed else tensor_of(result)


def _without_nan(array: Array, call: dict[str, Any]) -> dict[str, Any]:
    """nan_policy="omit" as a mask: for the derivatives the cells that take part are fixed."""
    if call.get("nan_policy") != "omit" or array.dtype.kind not in "fc":
        return call
    seen = ~np.isnan(array)
    where = call.get("where")
    return call | {"nan_policy": "propagate", "where": seen if where is None else seen & np.asarray(where)}


# ---- sums and means --------------------------------------------------------------------------------


class _Linear(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, call: dict[str, Any]) -> Tensor:
        array = array_of(x, "x")
        ctx.call, ctx.outline = call, Outline.of(array)
        return tensor_of(pooling.pool(array, **call))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        return _Adjoint.apply(grad, ctx.outline, ctx.call), None


class _Adjoint(Function):
    @staticmethod
    def forward(ctx: Any, grad: Tensor, outline: Outline, call: dict[str, Any]) -> Tensor:
        ctx.call = call
        return tensor_of(pool_backward(array_of(grad, "grad"), outline.empty(), **call))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        return _Linear.apply(grad, ctx.call | {"border_value": 0, "fill_value": 0}), None, None


# ---- picked cells ----------------------------------------------------------------------------------


class _Picking(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, call: dict[str, Any], axes: tuple[int, ...]) -> Any:
        array = array_of(x, "x")
        values, indices = map(tensor_of, pooling.pool(array, **call, return_indices=True))
        ctx.mark_non_differentiable(indices)
        ctx.save_for_backward(indices)
        ctx.call, ctx.outline, ctx.axes = call, Outline.of(array), tuple(sorted(axes))
        return values, indices

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Any) -> Any:
        (indices,) = ctx.saved_tensors
        return _Scattering.apply(grad, indices, ctx.outline, ctx.call, ctx.axes), None, None


class _Scattering(Function):
    @staticmethod
    def forward(
        ctx: Any, grad: Tensor, indices: Tensor, outline: Outline, call: dict[str, Any], axes: tuple[int, ...]
    ) -> Tensor:
        ctx.save_for_backward(indices)
        ctx.axes = axes
        places = array_of(indices, "indices")
        return tensor_of(pool_backward(array_of(grad, "grad"), outline.empty(), **call, indices=places))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        (indices,) = ctx.saved_tensors
        last = tuple(range(-len(ctx.axes), 0))
        places = indices.movedim(ctx.axes, last)
        lines = grad.movedim(ctx.axes, last).flatten(last[0])
        found = lines.gather(-1, places.flatten(last[0])).reshape(places.shape)
        return found.movedim(last, ctx.axes), None, None, None, None


# ---- everything else -------------------------------------------------------------------------------


class _Once(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, call: dict[str, Any]) -> Tensor:
        ctx.save_for_backward(x)
        ctx.call = call
        return tensor_of(pooling.pool(array_of(x, "x"), **call))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return tensor_of(pool_backward(array_of(grad, "grad"), array_of(x, "x"), **ctx.call)), None
