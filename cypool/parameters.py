"""Gradients with respect to what is not x: the weights, p of gem, alpha of softpool.

They are sums over all outputs (and cells), exact until the end, so that parts of an array can be added up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .exact import Total, total_of
from .gradients import Backward
from .rules import ratio, weight_sums
from .spans import Span

__all__ = ["gradient_of", "over_cells", "over_outputs", "parameter_gradient", "sums_cells"]

Array = NDArray[Any]


def parameter_gradient(b: Backward, wrt: str) -> Array:
    """With respect to the weights, or to p or alpha (0-d)."""
    parts = [over_outputs(b, wrt)]
    if sums_cells(b.options, wrt):
        parts.append(over_cells(b, ()))
    return gradient_of(parts, b.options, wrt, [s.k for _, s in sorted(b.spans.items())])


def gradient_of(parts: Iterable[list[Total]], options: Mapping[str, Any], wrt: str, window: list[int]) -> Array:
    """The gradient from all its parts."""
    found = [float(sum(of_tap, Total())) for of_tap in zip(*parts, strict=True)]
    if wrt == "weights":
        return np.array(found).reshape(window)
    return np.array(found[0] / options["alpha"] if sums_cells(options, wrt) else found[0])


def sums_cells(options: Mapping[str, Any], wrt: str) -> bool:
    """Whether a sum over cells is a part of the gradient: alpha y depends on alpha x alone."""
    return wrt == "alpha" and options["alpha"] != 0


def over_outputs(b: Backward, wrt: str) -> list[Total]:
    """What the outputs come to: one sum, or one for each of the weights in C order."""
    if 0 in b.grad.shape:
        return [Total()] * (math.prod(s.k for s in b.spans.values()) if wrt == "weights" else 1)
    if wrt == "weights":
        return _weights(b)
    n = b.count()
    g = np.where(n < max(b.call.min_count, 1), 0, b.grad).astype(np.float64)
    if sums_cells(b.options, wrt):
        if b.call.border == "constant" and float(b.call.border_value) != 0:
            raise ValueError("wrt='alpha' goes with border_value 0 only")
        return [total_of(-(g * b.forward(b.row.name, fill=1, **b.options)))]
    if wrt == "alpha":
        return [total_of(g * b.forward("var", fill=0, ddof=0))]
    y = b.forward(b.row.name, fill=1, **b.options)
    p, eps = b.options["p"], b.options["eps"]  # y = (mean x**p) ** (1/p): log x, averaged with weights x**p
    logs = np.log(np.maximum(b.call.array.astype(np.float64), eps))
    value = math.log(max(float(b.call.border_value), eps)) if b.call.border == "constant" else 0.0
    mean = b.forward("softpool", logs, fill=0, alpha=p, border=value)
    return [total_of(g * y / p * (mean - np.log(y)))]


def over_cells(b: Backward, kept: tuple[slice, ...]) -> list[Total]:
    """What the cells of a part of the array (`kept`) come to: their own gradient, times them."""
    if 0 in b.grad.shape:
        return [Total()]
    dx = b.run().astype(np.float64)[kept]
    return [total_of(np.where(dx == 0, 0, b.call.array[kept].astype(np.float64)) * dx)]


def _weights(b: Backward) -> list[Total]:
    """For each cell of the window: the sum over windows of g x (less the result, over the weights' sum, for means)."""
    call = b.call.without_nan()
    axes = sorted(b.spans)
    x, g = call.array.astype(np.float64), b.grad.astype(np.float64)
    n = b.count()
    g = np.where(n < max(call.min_count, 1), 0, g)
    y: Array | float = 0.0
    if b.row.name == "mean":
        sums = weight_sums(b)
        y = b.forward("mean", fill=0, weights=b.options["weights"])
        g = np.where(g == 0, 0, ratio(g, sums))
    tables = [_taps(b.spans[a], call.border) for a in axes]
    result = []
    for at in np.ndindex(*(b.spans[a].k for a in axes)):
        cells, part = x, np.ones((1,) * x.ndim, bool) if call.seen is None else call.seen
        inside = np.ones((1,) * x.ndim, bool)
        padded = np.zeros((1,) * x.ndim, bool)
        for a, j, table in zip(axes, at, tables, strict=True):
            line = table[:, j]
            cells = np.take(cells, np.maximum(line, 0), a)
            part = np.take(part, np.maximum(line, 0), a) if part.shape[a] > 1 else part
            shape = [-1 if i == a else 1 for i in range(x.ndim)]
            inside = inside & (line > -2).reshape(shape)
            padded = padded | (line == -1).reshape(shape)
        if b.call.border == "constant":
            cells, part = np.where(padded, float(b.call.border_value), cells), part | padded
        result.append(total_of(np.where(inside & part, g * (cells - y), 0)))
    return result


def _taps(span: Span, border: str) -> NDArray[np.int64]:
    """Cells under each tap (outputs, taps); -1: a padded cell with a value, -2: none."""
    cells = np.arange(span.o)[:, None] * span.s + np.arange(span.k) * span.d - span.before
    low, high = (0, span.n) if border == "ignore" else (-span.before, span.n + span.after)
    return np.where((cells >= low) & (cells < high), span.folded(cells, border), -2)
