"""Gradients with respect to what is not x: the weights, p of gem, alpha of softpool."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .gradients import Backward
from .rules import ratio, weight_sums
from .spans import Span

__all__ = ["parameter_gradient"]

Array = NDArray[Any]


def parameter_gradient(b: Backward, wrt: str) -> Array:
    """With respect to the weights, or to p or alpha (0-d)."""
    x = b.call.array
    if wrt == "weights":
        return _weights_gradient(b)
    y = b.forward(b.row.name, fill=1, **b.options)
    n = b.count()
    g = np.where(n < max(b.call.min_count, 1), 0, b.grad).astype(np.float64)
    if wrt == "p":  # y = (mean x**p) ** (1/p): log x, averaged with weights x**p
        p, eps = b.options["p"], b.options["eps"]
        logs = np.log(np.maximum(x.astype(np.float64), eps))
        value = math.log(max(float(b.call.border_value), eps)) if b.call.border == "constant" else 0.0
        mean = b.forward("softpool", logs, fill=0, alpha=p, border=value)
        return np.array((g * y / p * (mean - np.log(y))).sum())
    # alpha * y depends on alpha * x alone
    alpha = b.options["alpha"]
    if alpha == 0:
        return np.array((g * b.forward("var", fill=0, ddof=0)).sum())
    if b.call.border == "constant" and float(b.call.border_value) != 0:
        raise ValueError("wrt='alpha' goes with border_value 0 only")
    dx = b.run().astype(np.float64)
    took = np.where(dx == 0, 0, x.astype(np.float64))
    return np.array(((dx * took).sum() - (g * y).sum()) / alpha)


def _weights_gradient(b: Backward) -> Array:
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
    result = np.zeros([b.spans[a].k for a in axes])
    for at in np.ndindex(*result.shape):
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
        result[at] = np.where(inside & part, g * (cells - y), 0).sum()
    return result


def _taps(span: Span, border: str) -> NDArray[np.int64]:
    """Cells under each tap (outputs, taps); -1: a padded cell with a value, -2: none."""
    cells = np.arange(span.o)[:, None] * span.s + np.arange(span.k) * span.d - span.before
    low, high = (0, span.n) if border == "ignore" else (-span.before, span.n + span.after)
    return np.where((cells >= low) & (cells < high), span.folded(cells, border), -2)
