"""The rule of each reducer: its gradient as one or two terms.

A term is a sum over the windows of a cell (`Term`), or what goes to the cells that were picked (`Picked`).
Its numbers are made here from the upstream gradient and, where needed, from forward results.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .gradients import Backward

__all__ = ["KINDS", "NEED_X", "RULES", "Picked", "Term", "check_known", "ratio", "weight_sums"]

Array = NDArray[Any]

# In the order of an enum in kernels/spread.pxd.
KINDS = ("add", "weighted", "others", "deviate", "powered", "clamped", "grown", "softened", "expecting")
NEED_X = KINDS[KINDS.index("others") :]


@dataclass(frozen=True)
class Term:
    """One sum over the windows of a cell: kind, and a number (or three) of each window."""

    kind: str
    a: Array
    divisor: int = 1
    factors: Mapping[int, Array] | None = None  # of the outputs along each axis
    b: Array | None = None
    c: Array | None = None
    par: float = 0.0
    eps: float = 0.0


@dataclass(frozen=True)
class Picked:
    """The upstream gradient to the cells that a reducer picks, or to known ones."""

    a: Array
    name: str = "max"
    options: Mapping[str, Any] = field(default_factory=dict)
    scale: float = 1.0
    index: Array | None = None


# ---- the rule of each reducer: (call, upstream gradient, cells of each window) -> terms -------------


def _sum(b: Backward, g: Array, n: Any) -> list[Term | Picked]:
    return [Term("add" if b.options["weights"] is None else "weighted", g)]


def _mean(b: Backward, g: Array, n: Any) -> list[Term | Picked]:
    weights, divisor = b.options["weights"], b.options["divisor"]
    if weights is not None:
        return [Term("weighted", ratio(g, weight_sums(b)))]
    if divisor or not isinstance(n, np.ndarray):
        return [Term("add", g, divisor or n)]
    apart = b.counts_of_axes()
    if apart is not None:
        return [Term("add", g, factors={a: 1 / np.maximum(n, 1) for a, n in apart.items()})]
    return [Term("add", g / n)]


def weight_sums(b: Backward) -> Array:
    ones = np.broadcast_to(np.float64(1), b.call.array.shape)
    return b.forward("sum", ones, fill=1, weights=b.options["weights"], border=1.0)


def ratio(a: Array, b: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(a / b)


def check_known(name: str, options: Mapping[str, Any], indexed: bool) -> None:
    """ValueError where the cells that were drawn cannot be found again."""
    if name == "stochastic" and options["training"] and not indexed and not isinstance(options["rng"], int):
        raise ValueError("the picks of 'stochastic' are not known: give indices, or an integer as rng")


def _selected(b: Backward, g: Array, n: Any) -> list[Term | Picked]:
    check_known(b.row.name, b.options, b.indices is not None)
    if b.indices is not None:
        return [Picked(g, index=b.indices)]
    return [Picked(g, b.row.name, b.options)]


def _quantile(b: Backward, g: Array, n: Any) -> list[Term | Picked]:
    method = b.options["method"]
    if b.indices is not None or method not in ("linear", "midpoint"):
        return _selected(b, g, n)
    place = b.options.get("q", 0.5) * (np.asarray(n) - 1)
    part = np.where(place > np.floor(place), 0.5, 0.0) if method == "midpoint" else place - np.floor(place)
    if not isinstance(n, np.ndarray) and not part.any():  # of an array: one term or two, whatever it holds
        return [Picked(g, b.row.name, {**b.options, "method": "lower"})]
    return [
        Picked(np.where(weight == 0, 0, g * weight), b.row.name, {**b.options, "method": name})
        for name, weight in (("lower", 1 - part), ("higher", part))
    ]


def _range(b: Backward, g: Array, n: Any) -> list[Term | Picked]:
    return [Picked(g, "max"), Picked(g, "min", scale=-1)]


def _first(b: Backward, g: Array, n: Any) -> list[Term | Picked]:
    zeros = np.broadcast_to(np.uint8(0), b.call.array.shape)
    first = replace(b, call=replace(b.call.without_nan(), border_value=0))
    return [Picked(g, index=first.positions("max", zeros))]


def _prod(b: Backward, g: Array, n: Any) -> list[Term | Picked]:
    x = b.call.array
    value = np.asarray(b.call.border_value)
    zeros = b.forward("sum", (x == 0).astype(np.float64), border=float(value == 0))
    rest = b.forward("prod", np.where(x == 0, 1, x).astype(np.float64), border=float(value if value != 0 else 1))
    return [Term("others", g * rest, b=zeros)]


def _var(b: Backward, g: Array, n: Any) -> list[Term | Picked]:
    left = n - b.options["ddof"]
    a, mean = ratio(2 * g, left), b.forward("mean", fill=1)
    if b.row.name == "std":
        y = b.forward("std", fill=0, ddof=b.options["ddof"])
        a = np.where(y <= 8 * np.finfo(np.float64).eps * abs(mean), 0, ratio(a, 2 * y))  # 0, but for rounding
    return [Term("deviate", np.where(g == 0, 0, a), b=mean)]


def _lp(b: Backward, g: Array, n: Any) -> list[Term | Picked]:
    p = b.options["p"]
    if math.isinf(p):
        size = np.abs(b.call.array.astype(np.float64))
        value = abs(float(b.call.border_value)) if b.call.border == "constant" else 0.0
        index = replace(b, call=replace(b.call, border_value=value)).positions("max", size)
        return [Picked(g * np.sign(_cells_at(b.call.array, index, sorted(b.spans))), index=index)]
    y = b.forward("lp", fill=1, p=p)
    return [Term("powered", g.astype(np.float64), b=y, par=p)]


def _cells_at(x: Array, index: Array, axes: list[int]) -> Array:
    """x at flat positions in the pooled axes."""
    last = range(-len(axes), 0)
    cells, at = np.moveaxis(x, axes, last), np.moveaxis(index, axes, last)
    lines = cells.reshape(*cells.shape[: x.ndim - len(axes)], -1)
    found = np.take_along_axis(lines, np.maximum(at, 0).reshape(*lines.shape[:-1], -1), -1).reshape(at.shape)
    return np.moveaxis(found, last, axes).astype(np.float64)


def _gem(b: Backward, g: Array, n: Any) -> list[Term | Picked]:
    p, eps = b.options["p"], b.options["eps"]
    if math.isinf(p):
        clamped = np.maximum(b.call.array.astype(np.float64), eps)
        index = b.positions("max", clamped)
        return [Picked(g * (_cells_at(b.call.array, index, sorted(b.spans)) > eps), index=index)]
    return [Term("clamped", g / n, b=b.forward("gem", fill=1, p=p, eps=eps), par=p, eps=eps)]


def _logsumexp(b: Backward, g: Array, n: Any) -> list[Term | Picked]:
    y = b.forward("logsumexp", fill=1, alpha=b.options["alpha"], mean=b.options["mean"])
    return [Term("grown", g / n if b.options["mean"] else g, b=y, par=b.options["alpha"])]


def _softpool(b: Backward, g: Array, n: Any) -> list[Term | Picked]:
    alpha = b.options["alpha"]
    if alpha == 0:
        return [Term("add", g / n)]
    sign = math.copysign(1.0, alpha)
    x = sign * b.call.array.astype(np.float64)
    value = sign * float(b.call.border_value) if b.call.border == "constant" else 0.0
    level = sign * b.forward("logsumexp", x, fill=1, alpha=abs(alpha), border=value)
    return [Term("softened", g, b=level, c=b.forward("softpool", fill=1, alpha=alpha), par=alpha)]


def _stochastic(b: Backward, g: Array, n: Any) -> list[Term | Picked]:
    if b.options["training"]:
        return _selected(b, g, n)
    x = np.maximum(b.call.array.astype(np.float64), 0)
    total = b.forward("sum", x, border=max(float(b.call.border_value), 0.0))
    none = total == 0
    a = np.where(none, 0, ratio(g, total))
    found: list[Term | Picked] = [Term("expecting", a, b=b.forward("stochastic", fill=1, training=False))]
    if none.any():
        found.append(Term("add", np.where(none, g / n, 0)))
    return found


RULES: dict[str, Callable[[Backward, Array, Any], list[Term | Picked]]] = {
    "max": _selected, "min": _selected, "mode": _selected, "median": _quantile, "quantile": _quantile,
    "stochastic": _stochastic, "range": _range, "first": _first, "sum": _sum, "mean": _mean, "prod": _prod,
    "var": _var, "std": _var, "lp": _lp, "gem": _gem, "logsumexp": _logsumexp, "softpool": _softpool,
}  # fmt: skip
