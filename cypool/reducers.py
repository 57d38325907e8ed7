"""THE TABLE: one row for each reducer.

A reducer is one or more *lanes* and a *formula*.  A lane is a reduction of decoded samples with an
associative operator (max, min, sum, prod), or a sum of f(sample, context) over the taps of the
window, its context being an earlier lane.  The formula turns the lanes' results into the output.

    mean      = sum                                   -> sum / count
    range     = max, min                              -> max - min
    var       = sum, squared differences to the mean  -> sum / (count - ddof)
    lp        = max of abs, powers of ratios to it    -> max * sum ** (1 / p)

A new reducer is a new row: tests, documentation and benchmarks are made from this table.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .arguments import boolean, fraction, integer, plain_number, real, real_array, shown, text, typed
from .places import Key

__all__ = ["TABLE", "Lane", "Reducer", "by_function", "find"]


@dataclass(frozen=True)
class Lane:
    """One reduction.  ``op``: max, min, sum, prod, taps, first.  ``convert``: what a sample becomes
    first; ``transform``: then, in double.  ``tap`` and ``context``: for taps."""

    op: str
    convert: str = "keep"
    transform: str = "same"
    tap: str = "weight"
    context: str = "none"
    working: str = "sample"  # "sample": the sample's type; "sum": wide enough; "double"


Lanes = Callable[[Mapping[str, Any], str], tuple[Lane, ...]]


@dataclass(frozen=True)
class Option:
    """A keyword of a reducer: its default and what reads it."""

    default: Any
    read: Callable[[str, Any], Any]


@dataclass(frozen=True)
class Reducer:
    """One row of the table."""

    name: str
    meaning: str  # the formula, for the documentation
    lanes: Lanes  # of the options and the dtype (kind and size, as "f4")
    formula: str
    result: str  # "same", "sum", "mean", "bool", "range", "count", "quantile", "draw"
    empty: Any = None  # value of an empty window; None: NaN, or an error for integers
    kinds: str = "biuf"  # kinds of dtypes it takes
    options: Mapping[str, Option] = field(default_factory=dict)
    idempotent: bool = False  # cells that are all the same count as one
    functions: tuple[Any, ...] = ()  # NumPy functions and builtins of this meaning
    nan_functions: tuple[Any, ...] = ()  # those that skip NaN
    exponent: str = ""  # the option that the kernels see as p
    selects: str = ""  # what it picks (kernels/select.pxd); with positions only, if it has lanes too

    def picks(self, options: Mapping[str, Any], indexed: bool) -> str:
        """How it selects a cell of each window, or "" if it reduces them."""
        if self.selects == "stochastic":
            return "stochastic" if options["training"] else "expected"
        return self.selects if indexed or not self.lanes(options, "") else ""


# ---- options -----------------------------------------------------------------------------------


def _real(name: str, value: Any, low: float, allowed: str, *, infinite: bool = False) -> float:
    number = real(value, name)
    if math.isnan(number) or number <= low or (math.isinf(number) and not infinite):
        raise ValueError(f"{name} must be {allowed}, not {shown(value)}")
    return number


def _positive(name: str, value: Any) -> float:
    return _real(name, value, 0.0, "a positive number")


def _exponent(name: str, value: Any) -> float:
    return _real(name, value, 0.0, "positive (inf: the maximum)", infinite=True)


def _finite(name: str, value: Any) -> float:
    return _real(name, value, -math.inf, "a finite number")


def _count(name: str, value: Any) -> int:
    return integer(value, name, 0)


def _divisor(name: str, value: Any) -> int:
    if value is None:
        return 0
    return integer(value, name, 1)


def _flag(name: str, value: Any) -> bool:
    return boolean(value, name)


INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")
TIES = ("smallest", "largest", "first")
ROUNDINGS = ("half_even", "half_up", "floor")


def _rounding(name: str, value: Any) -> str:
    return text(value, ROUNDINGS, name)


def _fraction(name: str, value: Any) -> float:
    return fraction(value, name)


def _interpolation(name: str, value: Any) -> str:
    return text(value, INTERPOLATIONS, name)


def _ties(name: str, value: Any) -> str:
    return text(value, TIES, name)


def _label(name: str, value: Any) -> Any:
    return None if value is None else plain_number(value, name)


def _rng(name: str, value: Any) -> Any:
    if value is None or isinstance(value, (np.random.Generator, Key)):
        return value
    return integer(value, name, 0)


def _weights(name: str, value: Any) -> Any:
    return None if value is None else real_array(value, name)


# ---- lanes -------------------------------------------------------------------------------------


def _one(
    op: str, convert: str = "keep", working: str = "sample"
) -> Callable[[Mapping[str, Any], str], tuple[Lane, ...]]:
    lanes = (Lane(op, convert, working=working),)
    return lambda options, kind: lanes


_WEIGHTED = Lane("taps", "double", tap="weight", working="double")
_WEIGHTS = Lane("taps", "valid", tap="weight", working="double")


def _sum(options: Mapping[str, Any], kind: str) -> tuple[Lane, ...]:
    return (_WEIGHTED,) if options["weights"] is not None else (Lane("sum", working="sum"),)


def _mean(options: Mapping[str, Any], kind: str) -> tuple[Lane, ...]:
    return (_WEIGHTED, _WEIGHTS) if options["weights"] is not None else (Lane("sum", working="sum"),)


def _extremes(options: Mapping[str, Any], kind: str) -> tuple[Lane, ...]:
    convert = "nonzero" if kind == "b1" else "keep"  # any byte but 0 is True
    return Lane("max", convert), Lane("min", convert)


def _moments(options: Mapping[str, Any], kind: str) -> tuple[Lane, ...]:
    return (
        Lane("sum", "double", working="double"),
        Lane("taps", "double", tap="squared_difference", context="mean", working="double"),
    )


def _lp(options: Mapping[str, Any], kind: str) -> tuple[Lane, ...]:
    p = options["p"]
    largest = Lane("max", "double", "abs", working="double")
    if math.isinf(p):
        return (largest,)
    if p == 1:
        return (Lane("sum", "double", "abs", working="double"),)
    if p == 2 and kind not in ("f8", "i8", "u8"):  # squares of narrower samples fit a double
        return (Lane("sum", "double", "square", working="double"),)
    return largest, Lane("taps", "double", "abs", "ratio_power", "lane", "double")


def _gem(options: Mapping[str, Any], kind: str) -> tuple[Lane, ...]:
    largest = Lane("max", "double", "clamp", working="double")
    if math.isinf(options["p"]):
        return (largest,)
    return largest, Lane("taps", "double", "clamp", "ratio_power", "lane", "double")


def _exponentials(options: Mapping[str, Any], kind: str) -> tuple[Lane, ...]:
    return (
        Lane("max", "double", working="double"),
        Lane("taps", "double", tap="exponential", context="lane", working="double"),
    )


def _softpool(options: Mapping[str, Any], kind: str) -> tuple[Lane, ...]:
    return (
        Lane("max" if options["alpha"] >= 0 else "min", "double", working="double"),
        Lane("taps", "double", tap="exponential", context="lane", working="double"),
        Lane("taps", "double", tap="exponential_x", context="lane", working="double"),
    )


def _pick(options: Mapping[str, Any], kind: str) -> tuple[Lane, ...]:
    return ()


_SUM_OPTIONS = {"weights": Option(None, _weights)}
_MEAN_OPTIONS = {
    "weights": Option(None, _weights),
    "divisor": Option(None, _divisor),
    "rounding": Option("half_even", _rounding),
}
_QUANTILE_OPTIONS = {
    "method": Option("linear", _interpolation),
    "rounding": Option("half_even", _rounding),
}
_DDOF = {"ddof": Option(0, _count)}

_ROWS = (
    Reducer("max", "max x", _one("max"), "take", "same", idempotent=True,
            functions=(np.max, np.amax, np.maximum.reduce, builtins.max), nan_functions=(np.nanmax,),
            selects="largest"),
    Reducer("min", "min x", _one("min"), "take", "same", idempotent=True,
            functions=(np.min, np.amin, np.minimum.reduce, builtins.min), nan_functions=(np.nanmin,),
            selects="smallest"),
    Reducer("sum", "sum x, or sum w x", _sum, "take", "sum", empty=0, kinds="biufc", options=_SUM_OPTIONS,
            functions=(np.sum, np.add.reduce, builtins.sum), nan_functions=(np.nansum,)),
    Reducer("mean", "(sum x) / n, or (sum w x) / (sum w)", _mean, "mean", "mean", kinds="biufc",
            options=_MEAN_OPTIONS, idempotent=True, functions=(np.mean, np.average), nan_functions=(np.nanmean,)),
    Reducer("prod", "product of x", _one("prod", working="wide"), "take", "sum", empty=1,
            functions=(np.prod, np.multiply.reduce), nan_functions=(np.nanprod,)),
    Reducer("any", "True if an x is not 0", _one("max", "nonzero"), "take", "bool", empty=False, idempotent=True,
            functions=(np.any, np.logical_or.reduce, builtins.any)),
    Reducer("all", "True if no x is 0", _one("min", "nonzero"), "take", "bool", empty=True, idempotent=True,
            functions=(np.all, np.logical_and.reduce, builtins.all)),
    Reducer("range", "max x - min x", _extremes, "range", "range",
            idempotent=True, functions=(np.ptp,)),
    Reducer("count", "number of cells", lambda options, kind: (), "count", "count", empty=0,
            functions=(np.size,)),
    Reducer("var", "sum (x - mean)**2 / (n - ddof)", _moments, "variance", "mean", options=_DDOF,
            functions=(np.var,), nan_functions=(np.nanvar,)),
    Reducer("std", "sqrt(var)", _moments, "deviation", "mean", options=_DDOF,
            functions=(np.std,), nan_functions=(np.nanstd,)),
    Reducer("first", "first x in C order", _one("first"), "take", "same", idempotent=True),
    Reducer("lp", "(sum abs(x)**p) ** (1 / p)", _lp, "norm", "mean",
            options={"p": Option(2.0, _exponent)}, exponent="p"),
    Reducer("gem", "(mean max(x, eps)**p) ** (1 / p)", _gem, "power_mean", "mean",
            options={"p": Option(3.0, _exponent), "eps": Option(1e-6, _positive)}, idempotent=True, exponent="p"),
    Reducer("logsumexp", "log(sum exp(alpha x)) / alpha, or of the mean", _exponentials, "log_sum", "mean",
            options={"alpha": Option(1.0, _positive), "mean": Option(False, _flag)}, exponent="alpha"),
    Reducer("softpool", "(sum w x) / (sum w), w = exp(alpha x)", _softpool, "soft", "mean",
            options={"alpha": Option(1.0, _finite)}, idempotent=True, exponent="alpha"),
    Reducer("argmax", "flat position of max x", _pick, "position", "count", selects="largest",
            functions=(np.argmax,), nan_functions=(np.nanargmax,)),
    Reducer("argmin", "flat position of min x", _pick, "position", "count", selects="smallest",
            functions=(np.argmin,), nan_functions=(np.nanargmin,)),
    Reducer("median", "middle x, or the mean of both", _pick, "take", "quantile", selects="quantile",
            options=_QUANTILE_OPTIONS, functions=(np.median,), nan_functions=(np.nanmedian,)),
    Reducer("quantile", "x at q (n - 1) of the sorted cells", _pick, "take", "quantile", selects="quantile",
            options={"q": Option(0.5, _fraction), **_QUANTILE_OPTIONS}),
    Reducer("mode", "most frequent x", _pick, "take", "same", selects="mode",
            options={"ties": Option("smallest", _ties), "ignore": Option(None, _label)}),
    Reducer("stochastic", "an x, drawn with probability x / sum x", _pick, "take", "draw", selects="stochastic",
            options={"rng": Option(None, _rng), "training": Option(True, _flag)}),
)  # fmt: skip

TABLE: dict[str, Reducer] = {row.name: row for row in _ROWS}

_BY_FUNCTION: dict[Any, tuple[str, bool]] = {
    function: (row.name, omit)
    for row in _ROWS
    for omit, functions in ((False, row.functions), (True, row.nan_functions))
    for function in functions
}


def by_function(function: Any) -> tuple[str, bool] | None:
    """Name of the reducer that a NumPy function or builtin means, and whether it skips NaN."""
    try:
        return _BY_FUNCTION.get(function)
    except TypeError:  # not hashable
        return None


def find(reduce: Any) -> tuple[Reducer, bool] | None:
    """The row of a name or function, and whether it skips NaN; None for any other callable."""
    if isinstance(reduce, str):
        if reduce not in TABLE:
            raise ValueError(f"reduce must be one of {', '.join(TABLE)}, or a callable, not {shown(reduce)}")
        return TABLE[reduce], False
    known = by_function(reduce)
    if known is not None:
        return TABLE[known[0]], known[1]
    if not callable(reduce):
        raise TypeError(f"reduce must be a name or a callable, not {typed(reduce)}")
    return None


def read_options(row: Reducer, given: Mapping[str, Any]) -> dict[str, Any]:
    """The reducer's options, checked, defaults filled in."""
    for name in given:
        if name not in row.options:
            allowed = ", ".join(row.options) or "none"
            raise TypeError(f"reduce={row.name!r} takes no option {shown(name)} (it takes: {allowed})")
    return {name: option.read(name, given.get(name, option.default)) for name, option in row.options.items()}
