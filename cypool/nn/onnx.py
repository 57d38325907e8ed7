"""The pooling operators of ONNX, as their newest version (22) defines them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import TOO_LARGE, as_array, few, integer, is_sequence, renamed, shown, typed
from ..backward import unpool
from ..pooling import global_pool, pool
from ._common import KERNEL, Array

__all__ = ["onnx_pool"]

Attributes = Mapping[str, Any]

WORDS = (
    (KERNEL[0], "kernel_shape"), (r"^(x|values)\b|(?<= of )x\b", "inputs[0]"), (r"^indices\b", "inputs[1]"),
    (r"^shape\b", "kernel_shape, strides and pads: the output"),
)  # fmt: skip
AUTO_PAD: dict[str, str | None] = {"NOTSET": None, "SAME_UPPER": "same", "SAME_LOWER": "same_lower", "VALID": "valid"}

# ---- attributes ------------------------------------------------------------------------------------


def _integers(attributes: Attributes, name: str, nd: int, minimum: int, default: int, each: int = 1) -> tuple[int, ...]:
    """`each` integers for each of nd axes."""
    value, count = attributes.get(name), each * nd
    if value is None:
        return (default,) * count
    if not is_sequence(value):
        raise TypeError(f"{name} must be a sequence of integers, not {typed(value)}")
    wanted = f"{name} must have {count} entries for the {nd + 2} dimensions of inputs[0]"
    given = few(value, wanted)
    if len(given) != count:
        raise ValueError(f"{wanted}, not {shown(value)}")
    return tuple(integer(entry, name, minimum) for entry in given)


def _flag(attributes: Attributes, name: str) -> bool:
    value = integer(attributes.get(name, 0), name, 0)
    if value > 1:
        raise ValueError(f"{name} must be 0 or 1, not {value}")
    return bool(value)


def _geometry(attributes: Attributes, nd: int) -> dict[str, Any]:
    """The arguments of `pool` that say where the windows are."""
    window = _integers(attributes, "kernel_shape", nd, 1, 0)
    pads = _integers(attributes, "pads", nd, 0, 0, 2)
    auto = attributes.get("auto_pad", "NOTSET")
    auto = auto.decode("latin-1") if isinstance(auto, bytes) else auto
    if not isinstance(auto, str):
        raise TypeError(f"auto_pad must be a string, not {typed(auto)}")
    if auto not in AUTO_PAD:
        raise ValueError(f"auto_pad must be one of {', '.join(AUTO_PAD)}, not {shown(auto)}")
    if auto != "NOTSET" and any(pads):
        raise ValueError(f"pads must not be given beside auto_pad={shown(auto)}, not {pads}")
    return {
        "window": window,
        "stride": _integers(attributes, "strides", nd, 1, 1),
        "padding": AUTO_PAD[auto] or tuple(zip(pads[:nd], pads[nd:], strict=True)),
        "dilation": _integers(attributes, "dilations", nd, 1, 1),
        "ceil_mode": _flag(attributes, "ceil_mode") and auto != "VALID",  # ceil((n - k + 1) / s) is the floor rule
    }


# ---- operators -------------------------------------------------------------------------------------


def _max_pool(inputs: list[Any], attributes: Attributes, outputs: int, workers: int | None) -> list[Array]:
    x, geometry = inputs[0], _geometry(attributes, inputs[0].ndim - 2)
    columns = _flag(attributes, "storage_order")
    if outputs == 1:
        return [pool(x, **geometry, workers=workers)]
    values, at = pool(x, **geometry, return_indices=True, workers=workers)
    spatial = x.shape[2:]
    if columns:
        at = np.ravel_multi_index(np.unravel_index(at, spatial), spatial, order="F")
    planes = np.arange(x.shape[0] * x.shape[1]).reshape(*x.shape[:2], *(1,) * len(spatial))
    return [values, at + planes * math.prod(spatial)]


def _average_pool(inputs: list[Any], attributes: Attributes, outputs: int, workers: int | None) -> list[Array]:
    border = "constant" if _flag(attributes, "count_include_pad") else "ignore"
    geometry = _geometry(attributes, inputs[0].ndim - 2)
    return [pool(inputs[0], reduce="mean", **geometry, border=border, workers=workers)]


def _exponent(attributes: Attributes) -> int:
    return integer(attributes.get("p", 2), "p", 1)


def _lp_pool(inputs: list[Any], attributes: Attributes, outputs: int, workers: int | None) -> list[Array]:
    p, geometry = _exponent(attributes), _geometry(attributes, inputs[0].ndim - 2)
    return [pool(inputs[0], reduce="lp", **geometry, p=p, fill_value=0, workers=workers)]


def _global(reduce: str) -> Callable[[list[Any], Attributes, int, int | None], list[Array]]:
    def operator(inputs: list[Any], attributes: Attributes, outputs: int, workers: int | None) -> list[Array]:
        options: dict[str, Any] = {"p": _exponent(attributes)} if reduce == "lp" else {}
        return [global_pool(inputs[0], reduce, axes=range(2, inputs[0].ndim), workers=workers, **options)]

    return operator


def _max_unpool(inputs: list[Any], attributes: Attributes, outputs: int, workers: int | None) -> list[Array]:
    x, at = inputs[:2]
    nd = x.ndim - 2
    window, strides = _integers(attributes, "kernel_shape", nd, 1, 0), _integers(attributes, "strides", nd, 1, 1)
    pads = _integers(attributes, "pads", nd, 0, 0, 2)
    usual = tuple((n - 1) * s + k for n, s, k in zip(x.shape[2:], strides, window, strict=True))
    asked: tuple[int, ...]
    if len(inputs) < 3:
        spatial = tuple(n - a - b for n, a, b in zip(usual, pads[:nd], pads[nd:], strict=True))
        asked = (*x.shape[:2], *spatial)
    else:  # pads are those that make this shape of the usual one, none where it is larger
        asked = tuple(integer(n, "inputs[2]", 0) for n in inputs[2].ravel().tolist())
        if inputs[2].ndim != 1 or len(asked) != x.ndim or asked[:2] != x.shape[:2]:
            raise ValueError(f"inputs[2] must be a shape of {x.ndim} axes that starts with {x.shape[:2]}, not {asked}")
        spatial = tuple(map(min, asked[2:], usual))
    if min(spatial) < 1 or math.prod(spatial) >= TOO_LARGE:
        raise ValueError(f"kernel_shape, strides and pads give an output of {spatial} cells: each must be at least 1")
    indexed = (*x.shape[:2], *spatial)
    result = unpool(x, at, indexed, workers=workers) if x.size else np.zeros(indexed, x.dtype)
    if asked == indexed:
        return [result]
    whole = np.zeros(asked, result.dtype)
    whole[tuple(map(slice, indexed))] = result
    return [whole]


WINDOW = ("kernel_shape", "strides", "pads")
SLIDING = (*WINDOW, "dilations", "auto_pad", "ceil_mode")

# operator: (attributes, fewest and most inputs, most outputs, function)
OPERATORS: dict[str, tuple[tuple[str, ...], tuple[int, int], int, Callable[..., list[Array]]]] = {
    "MaxPool": ((*SLIDING, "storage_order"), (1, 1), 2, _max_pool),
    "AveragePool": ((*SLIDING, "count_include_pad"), (1, 1), 1, _average_pool),
    "LpPool": ((*SLIDING, "p"), (1, 1), 1, _lp_pool),
    "GlobalMaxPool": ((), (1, 1), 1, _global("max")),
    "GlobalAveragePool": ((), (1, 1), 1, _global("mean")),
    "GlobalLpPool": (("p",), (1, 1), 1, _global("lp")),
    "MaxUnpool": (WINDOW, (2, 3), 1, _max_unpool),
}


def onnx_pool(
    op_type: str, inputs: Sequence[ArrayLike | None], attributes: Attributes | None = None, *,
    outputs: int | None = None, workers: int | None = None,
) -> list[Array]:  # fmt: skip
    """What an ONNX node of a pooling operator computes.

    Parameters
    ----------
    op_type : str
        "MaxPool", "AveragePool", "LpPool", "GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool" or "MaxUnpool".
    inputs : sequence of array_like
        Those of the node: X of shape (N, C, D1, ..., Dn) with any n from 1; for MaxUnpool also the indices and,
        if given and not None, the shape of the output.
    attributes : mapping, optional
        Those of the node, by name: kernel_shape, strides, pads, dilations (sequences of int), auto_pad (str or
        bytes), ceil_mode, storage_order, count_include_pad, p (int).
    outputs : int, optional
        How many outputs are wanted, default all: 1 spares MaxPool the indices.
    workers : int, optional
        At most so many threads; -1: all.

    Returns
    -------
    list of ndarray
        The outputs of the node.  The indices of MaxPool are int64 and flat over the whole tensor X; with
        storage_order 1 positions inside a plane are counted in column-major order.

    Raises
    ------
    TypeError, ValueError, MemoryError
        An argument or attribute of the wrong kind; of a wrong value, length or combination; a result too large.
    IndexError
        An index outside of the output of MaxUnpool.

    Notes
    -----
    Version 22 of the operators, https://onnx.ai/onnx/operators.  Strides are 1 and count_include_pad is 0 by
    default, unlike torch.  A window that ceil_mode cuts is divided by the cells there are, those of the padding
    included if count_include_pad is 1.  auto_pad VALID rounds down whatever ceil_mode says, as the
    operator's formula does.  A window of padding alone gives NaN (MaxPool of integers, and indices: ValueError;
    LpPool: 0).  The indices of MaxUnpool refer to an output of ``(n - 1) * stride + kernel_shape - pads``, which lies
    at the beginning of a larger output shape; if a shape is asked for, pads are those that make it.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> x = np.arange(16).reshape(1, 1, 4, 4)
    >>> cypool.nn.onnx_pool("MaxPool", [x], {"kernel_shape": [2, 2], "strides": [2, 2]})
    [array([[[[ 5,  7],
             [13, 15]]]]), array([[[[ 5,  7],
             [13, 15]]]])]
    >>> cypool.nn.onnx_pool("GlobalAveragePool", [x])
    [array([[[[7.5]]]])]
    """
    if not isinstance(op_type, str):
        raise TypeError(f"op_type must be a string, not {typed(op_type)}")
    if op_type not in OPERATORS:
        raise ValueError(f"op_type must be one of {', '.join(OPERATORS)}, not {shown(op_type)}")
    names, (fewest, most), count, function = OPERATORS[op_type]
    if attributes is None:
        attributes = {}
    if not isinstance(attributes, Mapping):
        raise TypeError(f"attributes must be a mapping, not {typed(attributes)}")
    for name in attributes:
        if name not in names:
            raise ValueError(f"attributes: {op_type} has no {shown(name)} (it has: {', '.join(names) or 'none'})")
    if "kernel_shape" in names and attributes.get("kernel_shape") is None:
        raise ValueError(f"attributes: {op_type} needs kernel_shape")
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(f"inputs must be a list of arrays, not {typed(inputs)}")
    given = list(inputs)
    while len(given) > fewest and given[-1] is None:
        given.pop()
    if not fewest <= len(given) <= most:
        raise ValueError(f"inputs: {op_type} takes {fewest} to {most} arrays, not {len(given)}")
    arrays = [as_array(part, f"inputs[{i}]") for i, part in enumerate(given)]
    if arrays[0].ndim < 3:
        raise ValueError(f"inputs[0] must have at least 3 dimensions (N, C, D1, ...), not {arrays[0].ndim}")
    wanted = count if outputs is None else integer(outputs, "outputs", 1)
    if wanted > count:
        raise ValueError(f"outputs must be at most {count} for {op_type}, not {wanted}")
    try:
        return function(arrays, attributes, wanted, workers)
    except (TypeError, ValueError) as error:
        renamed(error, *WORDS)
