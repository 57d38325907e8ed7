"""The axes of an array with their windows: as they lie in memory, before rows.py merges them, and as the kernels take
them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .places import Whole, strides_in
from .rows import Axis
from .selection import Slots
from .spans import Span

__all__ = ["axis_fields", "input_axes", "ordered_axes", "whole_axes"]

Array = NDArray[Any]


def ordered_axes(strides: tuple[int, ...], spans: dict[int, Span]) -> tuple[int, ...]:
    """The axes as they lie in memory; with windows that differ from plane to plane, a pooled one last."""
    order = tuple(sorted(range(len(strides)), key=lambda a: (strides[a] != 0, -abs(strides[a]))))
    if any(s.planes for s in spans.values()):
        last = max((a for a in order if a in spans), key=order.index)
        return (*(a for a in order if a != last), last)
    return order


def input_axes(
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    mask_strides: tuple[int, ...] | None,
    spans: dict[int, Span],
    collapsed: set[int],
    slots: Slots | None,
    apart: bool,
    factors: Mapping[int, Array] | None = None,
    placed: bool = True,
    outputs: tuple[int, ...] | None = None,
) -> list[Axis]:
    """The axes of an array with its windows; `collapsed`: one cell stands for a window; `slots`: of windows
    that are selected from; `placed`: and where they lie matters; `apart`: equal cells count apart; `outputs`: the
    shape that the positions of outputs are in."""
    mask, selects = mask_strides or (0,) * len(shape), slots is not None
    planes = any(s.planes for s in spans.values())  # the order of the axes is then that of `ordered_axes`
    axes = []
    rank = plane = index = position = 1
    for a in range(len(shape) - 1, -1, -1):
        span = spans.get(a)
        if span is None:
            axes.append(Axis(shape[a], shape[a], None, strides[a], mask[a], plane=plane, position=position * selects))
            plane *= shape[a]
            position *= outputs[a] if outputs else shape[a]
            continue
        if a in collapsed:
            axes.append(Axis(span.o, span.o, None, 0, 0))
        elif span.untouched and not placed and not factors and not planes:
            axes.append(Axis(span.n, span.n, None, strides[a], mask[a], position=position * selects))
        else:
            axes.append(
                Axis(span.n, span.o, span, strides[a], mask[a], rank=rank, index=index,
                     reach=slots.depths[a] if slots else 1, position=position * selects, apart=apart,
                     factors=factors.get(a) if factors else None)
            )  # fmt: skip
        rank *= slots.depths[a] if slots else span.longest
        index *= span.n
        position *= outputs[a] if outputs else span.o
    return axes[::-1]


def whole_axes(
    whole: Whole, size: int, slots: Slots | None, apart: bool, placed: bool, factors: Mapping[int, Array] | None = None
) -> list[Axis]:
    """The axes of the array of which an input is a block, as `input_axes` lists those of the block."""
    ndim, cells = len(whole.cells), whole.cells
    strides = tuple(math.prod(cells[a + 1 :]) * size for a in range(ndim))
    mask = None if whole.where is None else strides_in(whole.where, ndim, 1)
    return input_axes(cells, strides, mask, whole.spans, set(), slots, apart, factors, placed, whole.outputs)


def axis_fields(axis: Axis, span: Span, border: int, out: int) -> dict[str, Any]:
    """One axis as the kernels take it; `out`: step of an output."""
    tables = span.starts is not None
    return {
        "n": span.n, "o": span.o, "k": span.k, "s": span.s, "d": span.d, "before": span.before,
        "after": span.after, "starts": np.ascontiguousarray(span.starts).ravel() if tables else None,
        "stops": np.ascontiguousarray(span.stops).ravel() if tables else None,
        "plane_step": span.o if span.planes else 0, "border": border,
        "flat": axis.flat, "index": axis.index, "position": axis.position, "reach": axis.reach, "give": 0,
        "stuff": span.stuff, "factors": axis.factors,
        "x": axis.x, "mask": axis.mask, "out": out, "rank": axis.rank or 1, "plane": axis.plane,
    }  # fmt: skip
