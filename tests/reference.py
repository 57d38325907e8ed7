"""What the results of cypool mean, in slow and plain NumPy.

places.py says where the windows lie and brings their cells to one last axis.  A reducer is then a few
lines over that last axis.  Where a result must be exact it comes from Python integers or from
`math.fsum`; elsewhere from long doubles, and `slack` says how far from it a right result may lie.
"""

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from places import gather, margins, sliding

WIDE = np.longdouble
EPS = WIDE(2) ** -52
TINY = WIDE(2) ** -1074


# ---- reducers ------------------------------------------------------------------------------------
# Each takes cells and part (outputs..., cells), n = how many take part (outputs...) and the dtype of
# the result; each returns the result, and the slack if the result is not exact.


def result_dtype(name, dtype, method="linear"):
    """NumPy's rule for the same reduction."""
    if method not in ("linear", "midpoint"):
        return dtype
    if name in ("any", "all", "count", "argmax", "argmin"):
        return np.dtype(bool if name in ("any", "all") else np.int64)
    if name in ("sum", "prod"):
        return np.sum(np.zeros(1, dtype)).dtype
    if name == "range" and dtype.kind == "i":
        return np.dtype(f"u{dtype.itemsize}")
    return dtype if dtype.kind in "fc" or name in ("max", "min", "first", "range", "mode") else np.dtype(np.float64)


def bounds(dtype):
    """The least and the greatest value of a dtype."""
    if dtype.kind in "bf":
        return (False, True) if dtype.kind == "b" else (-np.inf, np.inf)
    return np.iinfo(dtype).min, np.iinfo(dtype).max


def ulp(y, dtype):
    """The distance from y to its neighbour in dtype."""
    top = np.nextafter(np.finfo(dtype).max, dtype.type(0))
    return np.spacing(np.minimum(abs(y), top).astype(dtype)).astype(WIDE)


def wide(cells, part, fill=0):
    return np.where(part, cells, cells.dtype.type(fill)).astype(WIDE)


def total(cells, part):
    """Sums over the last axis: Python integers, or floats rounded once."""
    cells = np.where(part, cells, cells.dtype.type(0))
    if cells.dtype.kind in "biu":
        return cells.astype(object).sum(-1) + 0
    y = cells.astype(WIDE).sum(-1)
    good = abs(cells.astype(WIDE)).sum(-1) < 1e308  # else infinite, NaN, or too large for fsum
    y[good] = [math.fsum(row) for row in cells[good].tolist()]
    return y


def error(terms):
    """What the accuracy rule allows a sum; one that overflows a double on the way may be anything."""
    size = abs(terms).sum(-1)
    return np.where(size > np.finfo(np.float64).max, np.inf, size * 32 * EPS)


def best(cells, part, n, dtype, name="max"):
    if name == "range":
        high, low = (best(cells, part, n, dtype, name) for name in ("max", "min"))
        if dtype.kind == "f":
            return (high.astype(float) - low.astype(float)).astype(dtype)
        return high ^ low if dtype.kind == "b" else high.astype(dtype) - low.astype(dtype)  # wraps, and fits
    low, high = bounds(cells.dtype)
    cells = np.where(part, cells, cells.dtype.type(low if name == "max" else high))
    return cells.max(-1) if name == "max" else cells.min(-1)


def first(cells, part, n, dtype):
    return np.take_along_axis(cells, part.argmax(-1)[..., None], -1)[..., 0]


def sum_(cells, part, n, dtype, weights=None):
    if weights is not None:
        terms = np.where(part, cells.astype(WIDE) * weights, 0)
        return terms.sum(-1), error(terms) + n * TINY + narrow(terms.sum(-1), dtype)
    if dtype.kind in "iu":
        return np.where(part, cells, 0).sum(-1, dtype=dtype)  # wraps
    y = total(cells, part).astype(WIDE)
    return y, error(wide(cells, part)) + narrow(y, dtype)


def narrow(y, dtype):
    """The rounding of a float64 result to a smaller dtype."""
    return ulp(y.astype(WIDE), dtype) / 2 if dtype.itemsize < 8 else 0


def mean(cells, part, n, dtype, weights=None, divisor=None, rounding="half_even"):
    n = np.maximum(n, 1) if divisor is None else np.full(n.shape, divisor)
    if weights is not None:
        weight = np.where(part, weights, 0).astype(WIDE).sum(-1)
        terms = np.where(part, cells.astype(WIDE) * weights, 0)
        y = terms.sum(-1) / np.where(weight == 0, np.nan, weight)
        return y, (error(terms) + n * TINY) / abs(weight) + ulp(y, dtype) / 2
    y = total(cells, part)
    if dtype.kind in "iu":
        n = n.astype(object)
        up = (2 * y + n) // (2 * n)
        even = up - ((2 * y + n) % (2 * n) == 0) * (up % 2)
        return np.clip({"half_even": even, "half_up": up, "floor": y // n}[rounding], *bounds(dtype))
    if cells.dtype.kind in "biu":
        y = (y / n.astype(object)).astype(float)  # integers: the nearest float64
        return y, narrow(y, dtype)
    y = y.astype(WIDE) / n
    return y, error(wide(cells, part)) / abs(n) + ulp(y, dtype) / 2


def prod(cells, part, n, dtype):
    if dtype.kind in "iu":
        return np.where(part, cells, cells.dtype.type(1)).prod(-1, dtype=dtype)  # wraps
    y = wide(cells, part, 1).prod(-1)
    return y, abs(y) * cells.shape[-1] * np.finfo(dtype).eps + ulp(y, dtype)


def truth(cells, part, n, dtype, name="any"):
    return ((cells != 0) & part).any(-1) if name == "any" else ((cells != 0) | ~part).all(-1)


def var(cells, part, n, dtype, ddof=0, name="var"):
    x, left = wide(cells, part), np.maximum(n - ddof, 1)
    middle = x.sum(-1) / np.maximum(n, 1)
    y = (np.where(part, x - middle[..., None], 0) ** 2).sum(-1) / left
    shift = abs(x).max(-1, initial=0) * 64 * EPS * np.sqrt(n / left)  # a mean that far off
    if name == "std":
        return np.sqrt(y), shift + np.sqrt(y) * 1e-13 + ulp(np.sqrt(y), dtype)
    return y, shift * (2 * np.sqrt(y) + shift) + abs(y) * 1e-13 + ulp(y, dtype)


def norm(x, n, dtype, p):
    """(sum x**p / n) ** (1/p) of cells that are not negative, scaled by the largest."""
    top = x.max(-1)
    usual = (top > 0) & (top < np.inf)
    terms = (x / np.where(usual, top, 1)[..., None]) ** (1 if p == np.inf else p)
    y = np.where(usual & (p < np.inf), top * (terms.sum(-1) / n) ** (1 / WIDE(p)), top)
    return y, 4 * ulp(y, dtype)


def lp(cells, part, n, dtype, p=2):
    return norm(abs(wide(cells, part)), 1, dtype, p)


def gem(cells, part, n, dtype, p=3, eps=1e-6):
    return norm(np.where(part, np.maximum(wide(cells, part), eps), 0), np.maximum(n, 1), dtype, p)


def exponents(cells, part, alpha):
    """The cells (-inf where masked), the largest of each window, and alpha * (x - largest); all of -x if alpha < 0."""
    x = np.where(part, np.sign(WIDE(alpha)) * wide(cells, part), -np.inf)
    top = x.max(-1)
    return x, top, abs(WIDE(alpha)) * (x - np.where(np.isfinite(top), top, 0)[..., None])


def logsumexp(cells, part, n, dtype, alpha=1, mean=False):
    _, top, t = exponents(cells, part, alpha)
    y = np.log(np.exp(t).sum(-1) / (np.maximum(n, 1) if mean else 1)) / WIDE(alpha)
    y = np.where(np.isfinite(top), top + y, top)
    return y, 4 * ulp(np.maximum(np.maximum(abs(top), abs(y)), max(1, 1 / alpha)), dtype)


def softpool(cells, part, n, dtype, alpha=1):
    x, top, t = exponents(cells, part, alpha)
    weights = np.exp(t) / np.exp(t).sum(-1)[..., None]
    x, t = np.where(weights > 0, (x, t), 0)
    slack = (8 * WIDE(np.finfo(dtype).eps) + abs(t) * EPS) * weights + TINY  # t and the weight are rounded too
    y = np.sign(alpha) * np.where(np.isfinite(top), (weights * x).sum(-1), top)
    return y, (slack * abs(x)).sum(-1) + ulp(top * 0, dtype)


def quantile(cells, part, n, dtype, q=0.5, method="linear", rounding="half_even"):
    k = np.maximum(n, 1)
    ordered = np.sort(np.where(part, cells, cells.dtype.type(bounds(cells.dtype)[1])), -1)
    place = q * (k - 1)
    low = np.floor(place).astype(int)
    t = place - low
    if method in ("lower", "higher", "midpoint"):
        t = np.where(t > 0, {"lower": 0, "higher": 1, "midpoint": 0.5}[method], 0)
    if method == "nearest":
        t = ((t > 0.5) | ((t == 0.5) & (low % 2 == 1))).astype(float)
    a, b = (np.take_along_axis(ordered, np.minimum(i, k - 1)[..., None], -1)[..., 0] for i in (low, low + 1))
    if cells.dtype.kind in "biu" and dtype.kind in "iu":
        y = np.array([Fraction(int(u)) + (int(v) - int(u)) * Fraction(float(w))
                      for u, v, w in zip(a.flat, b.flat, t.flat, strict=True)], object).reshape(a.shape)  # fmt: skip
        whole = {"half_even": round, "half_up": lambda v: math.floor(v + Fraction(1, 2)), "floor": math.floor}[rounding]
        return np.clip(np.vectorize(whole, otypes=[object])(y), *bounds(dtype)) if y.size else y
    if method not in ("linear", "midpoint"):
        return np.where(t > 0, b, a).astype(dtype)
    u, v = a.astype(WIDE), b.astype(WIDE)
    y = np.where((u == v) | (t == 0), u, np.where(np.isinf(u) | np.isinf(v), u + v, u + (v - u) * t))
    return y, ulp(y, dtype) * 0.51


def mode(cells, part, n, dtype, ties="smallest", ignore=None):
    out = np.zeros(n.shape, cells.dtype)
    for at in np.ndindex(n.shape):
        x = cells[at][part[at]]
        labels = x if ignore is None else x[x != ignore]
        if len(labels):
            counts = {v: (labels == v).sum() for v in labels}
            among = [v for v, c in counts.items() if c == max(counts.values())]
            out[at] = {"smallest": min, "largest": max, "first": lambda a: a[0]}[ties](among)
        elif len(x):
            out[at] = ignore
    return out


def slot(cells, part, n, dtype, name="argmax"):
    """Where the first extreme lies among the cells; the first NaN wins."""
    top = best(cells, part, n, dtype, name[3:])
    nan = np.isnan(cells) & part if cells.dtype.kind == "f" else np.zeros_like(part)
    return np.where(nan.any(-1), nan.argmax(-1), (part & (cells == top[..., None])).argmax(-1))


REDUCERS = {
    "median": quantile, "quantile": quantile, "mode": mode, "argmax": slot, "argmin": slot,
    "max": best, "min": best, "range": best, "first": first, "sum": sum_, "mean": mean, "prod": prod,
    "any": truth, "all": truth, "count": lambda cells, part, n, dtype: n, "var": var, "std": var,
    "lp": lp, "gem": gem, "logsumexp": logsumexp, "softpool": softpool,
}  # fmt: skip
NAMED = ("min", "range", "all", "std", "argmax", "argmin")  # share a function, and say which they are
PICKED = ("max", "min", "range", "first", "mode", "argmax", "argmin", "any", "all", "count")  # nothing is rounded
EMPTY = {"sum": 0, "prod": 1, "any": False, "all": True, "count": 0}


def converted(y, dtype):
    """Values as another dtype: integers too large for it become its nearest value."""
    if dtype.kind in "iu" and y.dtype.kind in "iu":
        low, high = bounds(dtype)
        return np.array([min(max(int(v), low), high) for v in y.ravel()], dtype).reshape(y.shape)
    return y.astype(dtype)


# ---- the whole call ------------------------------------------------------------------------------


class Answer(NamedTuple):
    """A right result: `value` within `slack`, or exactly `value` where slack is None."""

    value: np.ndarray
    slack: np.ndarray | None
    dtype: np.dtype
    empty: np.ndarray


def reduce_cells(cells, part, name, *, nan_policy="propagate", min_count=1, fill_value=None,
                 dtype=None, masked=False, weights=None, **options):  # fmt: skip
    """The answer for windows given as cells and which of them take part."""
    if cells.dtype.kind == "b":
        cells = cells.view(np.uint8) != 0
    nan = np.isnan(cells) & part if cells.dtype.kind in "fc" else np.zeros_like(part)
    if nan_policy == "raise" and nan.any():
        raise ValueError("NaN")
    if nan_policy == "omit":
        part, nan = part & ~nan, np.zeros_like(nan)
    n = part.sum(-1)
    usual = result_dtype("mean" if weights is not None else name, cells.dtype, options.get("method", "linear"))
    dtype = np.dtype(usual if dtype is None else dtype)
    empty = n < min_count
    if name in ("var", "std"):
        empty |= n <= options.get("ddof", 0)
    if name in NAMED:
        options["name"] = name
    if weights is not None:
        options["weights"] = np.asarray(weights).ravel()
    kept = usual if name in PICKED and usual.kind != "f" else dtype
    with np.errstate(all="ignore"):
        if cells.dtype.kind == "c":
            single = np.dtype(f"f{dtype.itemsize // 2}")
            y, slack = (a.astype(np.clongdouble) for a in REDUCERS[name](cells.real, part, n, single, **options))
            y.imag, slack.imag = REDUCERS[name](cells.imag, part, n, single, **options)
        else:
            y = REDUCERS[name](cells, part, n, kept, **options)
            y, slack = y if isinstance(y, tuple) else (y.astype(kept), None)
            if usual.kind == dtype.kind == "f":
                y = np.where(nan.any(-1), np.nan, y)
            y = y if slack is not None else converted(y, dtype)
    if empty.any():
        if fill_value is None:
            if name not in EMPTY and dtype.kind in "biu" and not masked:
                raise ValueError(f"empty window at {tuple(np.argwhere(empty)[0])}")
            fill_value = EMPTY.get(name, np.nan if dtype.kind in "fc" else 0)
        y = np.where(empty, np.asarray(fill_value, dtype).astype(y.dtype), y)
        slack = None if slack is None else np.where(empty, 0, slack)
    slack = None if slack is None else np.broadcast_to(slack, y.shape)
    return Answer(y, slack, dtype, empty)


def over(x, tables, name, *, where=True, border="ignore", border_value=0, **rest):
    """The answer for taps given as {axis: table}."""
    masked = isinstance(x, np.ma.MaskedArray)
    if masked:
        where, x = where & ~np.ma.getmaskarray(x), np.ma.getdata(x)
    x = np.asarray(x, x.dtype.newbyteorder("="))
    cells, part = gather(x, tables, where, border, border_value)
    answer = reduce_cells(cells, part, name, masked=masked, **rest)
    if name in ("argmax", "argmin"):
        if border == "constant":
            raise ValueError("padded cells have no position")
        value = at_slots(x.shape, tables, border, np.where(answer.empty, 0, answer.value))
        return answer._replace(value=np.where(answer.empty, answer.value, value))
    return answer


def positions(shape, axes):
    """Flat positions in C order over the pooled axes."""
    sizes = [shape[a] for a in axes]
    flat = np.arange(math.prod(sizes)).reshape([n if a in axes else 1 for a, n in enumerate(shape)])
    return np.broadcast_to(flat, shape)


def at_slots(shape, tables, border, slots):
    """The flat position of the cell in each window's slot."""
    cells, _ = gather(positions(shape, sorted(tables)), tables, True, border)
    return np.take_along_axis(cells, slots[..., None].astype(int), -1)[..., 0]


def geometry(shape, window, stride=None, padding=0, dilation=1, ceil_mode=False, axes=None, border="ignore"):
    """{axis: taps} for a call of pool."""
    if axes is None:
        axes = range(len(shape)) if np.ndim(window) == 0 else range(-len(window), 0)
    axes = [a % len(shape) for a in np.atleast_1d(axes)]
    each = (window, stride, padding, dilation)
    each = (tuple(v) if isinstance(v, tuple | list | np.ndarray) else (v,) * len(axes) for v in each)
    tables = {}
    for a, w, s, p, d in zip(axes, *each, strict=True):
        n = shape[a]
        widest = max(margins(n, w, w if s is None else s, p, d))
        if border not in ("ignore", "constant") and widest > n - (border == "reflect"):
            raise ValueError(f"padding {widest} is more than {border} can fill from {n} cells")
        tables[a] = sliding(n, w, s, p, d, ceil_mode)
    return tables


def pool(x, window, reduce="max", *, stride=None, padding=0, dilation=1, ceil_mode=False, axes=None,
         border="ignore", weights=None, **rest):  # fmt: skip
    """The answer for a call of `cypool.pool`."""
    tables = geometry(np.shape(x), window, stride, padding, dilation, ceil_mode, axes, border)
    if weights is not None:  # given in the order of axes; cells are in the order of the array
        weights = np.transpose(weights, np.argsort(list(tables)))
    return over(np.asanyarray(x), tables, reduce, border=border, weights=weights, **rest)


# ---- does a result agree? ------------------------------------------------------------------------


def agrees(got, answer):
    """True for each value of `got` that is a right result."""
    got, want = np.ma.getdata(got), answer.value
    if answer.dtype.kind == "c":
        single = np.dtype(f"f{answer.dtype.itemsize // 2}")
        real = agrees(got.real, Answer(want.real, answer.slack.real, single, answer.empty))
        imag = agrees(got.imag, Answer(want.imag, answer.slack.imag, single, answer.empty))
        return (real & imag) | (np.isnan(got) & np.isnan(want))
    with np.errstate(all="ignore"):
        if answer.slack is None:
            return (got == want) | ((got != got) & (want != want))
        want, top = want.astype(WIDE), WIDE(np.finfo(answer.dtype).max)
        large = np.sign(got) * want + answer.slack > top + ulp(top, answer.dtype) / 2  # may round to infinity
        return (
            (abs(got - want) <= answer.slack)
            | (got == want)
            | (np.isnan(got) & np.isnan(want))
            | (np.isinf(got) & large)
            | (abs(answer.slack) == np.inf)
        )
