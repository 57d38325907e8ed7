"""Windows as torch's functions describe them: what max, min, median, average and lp pooling share."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..arguments import boolean, is_sequence
from ..windows import Windows
from .autograd import differentiable
from .tensors import checked, sizes

__all__ = ["slide"]


def slide(
    input: Tensor,
    rank: int,
    reduce: str,
    kernel_size: Any,
    stride: Any,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    kinds: str = "biuf",
    return_indices: bool = False,
    **more: Any,
) -> Any:
    """`pool` over the last `rank` axes.  `kinds`: of dtypes."""
    array = checked(input, rank, kinds)
    kernel = sizes(kernel_size, rank, "kernel_size", 1)
    unset = stride is None or (is_sequence(stride) and len(stride) == 0)
    steps = kernel if unset else sizes(stride, rank, "stride", 1)
    around = sizes(padding, rank, "padding", 0)
    apart = sizes(dilation, rank, "dilation", 1)
    ceil = boolean(ceil_mode, "ceil_mode")
    axes = tuple(range(array.ndim - rank, array.ndim))
    call = {"window": kernel, "reduce": reduce, "stride": steps, "padding": around, "dilation": apart,
            "ceil_mode": ceil, "axes": axes, **more}  # fmt: skip
    if not any(around):
        call.pop("border", None)
    try:
        return differentiable(input, array, call, boolean(return_indices, "return_indices"))
    except ValueError:
        for axis, k, s, p, d in zip(axes, kernel, steps, around, apart, strict=True):  # the message names kernel_size
            Windows.sliding(k, s, p, d, ceil).resolve(array.shape[axis], f"kernel_size, axis {axis}")
        raise
