"""Tensors as arrays and back, and the arguments of torch's functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..arguments import TOO_LARGE, is_sequence, per_axis, typed

__all__ = ["array_of", "checked", "sizes", "tensor_of"]

Array = NDArray[Any]

DTYPES = frozenset(
    getattr(torch, name)
    for name in (
        "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32",
        "float64", "complex64", "complex128",
    )
    if hasattr(torch, name)
)  # fmt: skip


def array_of(tensor: Any, name: str) -> Array:
    """The tensor's memory as an array."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, not {typed(tensor)}")
    if tensor.device.type != "cpu":
        raise TypeError(f"{name} must be a tensor on the CPU, not on {tensor.device}")
    if tensor.layout != torch.strided:
        raise TypeError(f"{name} must be a dense tensor, not {tensor.layout}")
    if tensor.dtype not in DTYPES:
        raise TypeError(
            f"{name} must be bool, integers, float16, float32, float64 or complex, not {tensor.dtype}: "
            f"NumPy has no such dtype; convert it, as with {name}.float()"
        )
    plain = tensor.detach() if tensor.requires_grad else tensor
    if plain.is_neg() or plain.is_conj():  # a view that negates when it is read
        plain = plain.resolve_conj().resolve_neg()
    array: Array = plain.numpy()
    return array


def tensor_of(array: Array) -> Tensor:
    """A tensor on the memory of an array."""
    return torch.from_numpy(np.asarray(array))


def checked(input: Any, rank: int, kinds: str = "biuf", name: str = "input") -> Array:
    """The memory of a tensor (batch, channels, pooled axes) or (channels, pooled axes)."""
    array = array_of(input, name)
    if array.ndim not in (rank + 1, rank + 2):
        raise ValueError(
            f"{name} must have {rank + 2} axes (batch, channels, {rank} pooled) or {rank + 1} (without batch), "
            f"not shape {array.shape}"
        )
    if array.dtype.kind not in kinds:
        raise TypeError(f"{name} must be bool, integers or floats, not {input.dtype}")
    for axis in range(array.ndim - rank, array.ndim):
        if not array.shape[axis]:
            raise ValueError(f"{name}: axis {axis} is pooled and must not have length 0 (shape {array.shape})")
    return array


def sizes(value: Any, rank: int, name: str, least: int) -> tuple[int, ...]:
    """One integer for each pooled axis; as in torch a sequence of one holds for all."""
    if type(value) is int and least <= value < TOO_LARGE:  # the usual case, which costs a call 4 us less
        return (value,) * rank
    if is_sequence(value):
        value = tuple(value)
        if len(value) == 1:
            value = value * rank
    return per_axis(value, rank, name, least)
