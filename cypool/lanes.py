"""From a row of the table and a dtype to what the kernels do: working types, decode steps,
identities, the formula, and the dtype of the result."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .arguments import as_dtype, plain_number, shown, typed
from .networks import network
from .reducers import INTERPOLATIONS, ROUNDINGS, TIES, Lane, Reducer
from .rows import SLOTS

__all__ = ["Kernel", "build", "default_dtype", "padded_value", "result_dtype", "scalar"]

Dtype = np.dtype[Any]

# The order of each tuple is the order of an enum in kernels/*.pxd.
SAMPLES = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8")
OPERATORS = ("max", "min", "sum", "prod", "taps", "first", "select")
CONVERSIONS = ("keep", "nonzero", "valid", "isnan", "low", "high", "double", "wide")
TRANSFORMS = ("same", "abs", "square", "clamp")
TAPS = ("weight", "squared_difference", "ratio_power", "exponential", "exponential_x")
CONTEXTS = ("none", "lane", "mean")
FORMULAS = (
    "take", "mean", "mean_wide", "ratio", "variance", "deviation", "root", "norm", "power_mean",
    "log_sum", "soft", "range", "count", "position", "cell",
)  # fmt: skip
METHODS = ("largest", "smallest", "quantile", "mode", "stochastic", "expected")
CODES = {name: code for code, name in enumerate(SAMPLES)}
HALF, BOOL = 10, 11

DTYPES = frozenset(np.dtype(t) for t in ("?", "f2", "c8", "c16", *SAMPLES))


# ---- dtypes ------------------------------------------------------------------------------------


def check_dtype(dtype: Dtype, kinds: str, name: str) -> Dtype:
    """The dtype in native byte order, if cypool pools it."""
    native = dtype.newbyteorder("=")
    if native not in DTYPES or native.kind not in kinds:
        allowed = {
            "b": "bool",
            "i": "integers",
            "u": "",
            "f": "float16, float32, float64",
            "c": "complex64, complex128",
        }
        raise TypeError(f"{name} must be {', '.join(filter(None, map(allowed.get, kinds)))}, not {dtype}")
    return native


def default_dtype(row: Reducer, dtype: Dtype, options: Mapping[str, Any]) -> Dtype:
    """The dtype NumPy gives the same reduction."""
    kind = dtype.kind
    if row.result == "bool":
        return np.dtype(bool)
    if row.result == "count":
        return np.dtype(np.int64)
    if kind in "fc" or row.result == "same" or (row.result == "draw" and options["training"]):
        return dtype
    if row.result == "quantile":
        return np.dtype(np.float64) if options["method"] in ("linear", "midpoint") else dtype
    if row.result == "range":
        return np.dtype(f"u{dtype.itemsize}") if kind == "i" else dtype
    if row.result in ("mean", "draw") or options.get("weights") is not None:
        return np.dtype(np.float64)
    return np.dtype(np.uint64 if kind == "u" else np.int64)


def result_dtype(row: Reducer, dtype: Dtype, options: Mapping[str, Any], asked: Any) -> Dtype:
    """The dtype of the result: NumPy's, or the one asked for where that loses nothing silently."""
    usual = default_dtype(row, dtype, options)
    if asked is None:
        return usual
    wanted = check_dtype(as_dtype(asked, "dtype"), "biufc", "dtype")
    why = ""
    if wanted == usual:
        return wanted
    if (wanted.kind == "c") != (usual.kind == "c"):
        why = "real and complex do not mix"
    elif wanted.kind == "b":
        why = "only results of bool are bool"
    elif wanted.kind in "iu" and usual.kind == "f":
        if not (
            row.result in ("mean", "quantile")
            and "rounding" in row.options
            and dtype.kind in "biu"
            and options.get("weights") is None
        ):
            why = "floats are not rounded to integers"
    if why:
        raise TypeError(f"dtype {wanted} does not go with reduce={row.name!r} of {dtype}: {why}")
    return wanted


def padded_value(value: Any, dtype: Dtype, border: str, otherwise: Any) -> Any:
    """`border_value` as a scalar of dtype where padded cells hold it; a number it must be anywhere."""
    if border == "constant":
        return scalar(value, dtype, "border_value")
    plain_number(value, "border_value")
    return otherwise


def scalar(value: Any, dtype: Dtype, name: str) -> Any:
    """`value` as a scalar of dtype, which must be able to hold it."""
    number = plain_number(value, name)
    if isinstance(number, complex) and dtype.kind != "c":
        raise TypeError(f"{name} must be a real number, not {typed(value)}")
    fits = True
    if dtype.kind == "b":
        fits = number in (0, 1)
    elif dtype.kind in "iu":
        limits = np.iinfo(dtype)
        fits = abs(number) < math.inf and int(number) == number and limits.min <= number <= limits.max
        number = int(number) if fits else number
    else:
        try:
            number = complex(number) if dtype.kind == "c" else float(number)
        except OverflowError:
            fits = False
        else:
            with np.errstate(over="ignore"):
                fits = bool(np.isinf(number) or not np.isinf(dtype.type(number)))
    if not fits:
        raise ValueError(f"{name} must fit {dtype}, not {shown(value)}")
    return dtype.type(number)


# ---- lanes -------------------------------------------------------------------------------------


def _bits(value: Any, sample: str) -> int:
    """The bytes of a value of that type, as the kernels keep them: the first bytes of a word."""
    return int.from_bytes(np.array(value).astype(sample).tobytes().ljust(8, b"\0"), sys.byteorder)


def _identity(op: str, tap: str, sample: str) -> Any:
    if op == "taps":
        return 0.0 if tap == "weight" else math.nan
    if op in ("max", "min"):
        if sample[0] == "f":
            return -math.inf if op == "max" else math.inf
        limits = np.iinfo(sample)
        return limits.min if op == "max" else limits.max
    if op == "prod":
        return 1
    return -0.0 if sample[0] == "f" and op == "sum" else 0


def _sum_type(dtype: Dtype, cells: int) -> str:
    """The narrowest type that holds the sum of `cells` samples exactly (float: float64)."""
    if dtype.kind == "f":
        return "f8"
    largest = 1 if dtype.kind == "b" else max(-int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    for sample in ("u2", "u4"):
        limit = np.iinfo(sample).max if dtype.kind in "bu" else np.iinfo(sample).max // 2
        if dtype.itemsize < int(sample[1]) and largest * cells <= limit:
            return sample
    return "u8"


@dataclass(frozen=True)
class Kernel:
    """Lanes and formula as the kernels take them."""

    lanes: list[dict[str, Any]]
    formula: dict[str, Any]
    visits: bool  # looks at each cell of a window apart, so that positions matter
    plain: bool  # lanes read rows of samples as they are: nothing to mask, skip or check
    pick: dict[str, Any] | None  # how to select
    counted: bool  # the formula needs the number of cells of each window


class _Builder:
    """Fills in the fields of lanes for one dtype and one treatment of borders, masks and NaN."""

    def __init__(
        self,
        dtype: Dtype,
        options: Mapping[str, Any],
        *,
        masked: bool,
        omit: bool,
        border: Any,
        cells: int,
        truth: bool,
    ) -> None:
        self.dtype, self.options = dtype, options
        self.truth = truth and dtype.kind == "b"  # bytes other than 0 become 1
        self.masked, self.border, self.cells = masked, border, cells
        self.omit = omit and dtype.kind == "f"
        self.raw = "u1" if dtype.kind == "b" else "f4" if dtype == np.float16 else dtype.str[1:]
        self.plain_memory = dtype != np.float16

    def lane(self, lane: Lane, *, from_mask: bool = False, part: str = "") -> dict[str, Any]:
        """The fields of `lane`; `part` "low" or "high": words of 64-bit integers."""
        raw = "u1" if from_mask else self.raw
        chain = self.conversions(lane, raw, from_mask, part)
        have = chain[-1][1] if chain else raw
        want = {"sample": have, "wide": have, "pick": have, "double": "f8"}.get(lane.working) or (
            "u8" if part else _sum_type(np.dtype(bool) if have == "u1" and chain else self.dtype, self.cells)
        )
        par = self.options.get("alpha" if lane.tap.startswith("exponential") else "p", 0.0)
        if lane.transform == "clamp" and lane.op != "taps":
            par = self.options["eps"]
        weightless = lane.op != "taps" or lane.tap == "weight"
        fill_nan = self.omit and not from_mask and weightless and "isnan" != lane.convert != "valid"
        squares = lane.op == "sum" and lane.transform == "square" and raw == "f4"  # squared while they are merged
        return {
            "op": OPERATORS.index(lane.op), "from_mask": from_mask, "pairs": False, "squares": squares,
            "raw": CODES[raw], "have": CODES[have], "want": CODES["u8" if lane.op == "first" else want],
            "raw_size": int(raw[1]), "have_size": int(have[1]), "want_size": 8 if lane.op == "first" else int(want[1]),
            "half": not from_mask and not self.plain_memory and lane.op != "first",
            "fill_nan": fill_nan, "fill_masked": self.masked and not from_mask and lane.op != "first",
            "convert1": CONVERSIONS.index(chain[0][0] if chain else "keep"),
            "convert2": CONVERSIONS.index(chain[1][0] if len(chain) > 1 else "keep"),
            "transform": TRANSFORMS.index(lane.transform), "eps": self.options.get("eps", 0.0),
            "tap": TAPS.index(lane.tap), "context": CONTEXTS.index(lane.context), "par": par,
            "nan_value": _bits(self.skipped(lane), raw) if fill_nan and lane.op != "first" else 0,
            "mask_value": _bits(_identity(lane.op, lane.tap, have), have),
            "identity": _bits(_identity(lane.op, lane.tap, want), want),
            "border_value": 0 if self.border is None or lane.op == "select"
            else _bits(self.decoded_border(lane, from_mask, part), want),
            "border_raw": 0 if self.border is None else _bits(self.border, self.dtype.str[1:]),
            # Narrow samples in 64 bits: windows so large that a row of them makes no difference.
            "halves": (lane.op == "sum" and (want != "u8" or int(have[1]) >= 4))
            or (lane.op in ("max", "min") and have in ("f4", "f8")),
            "cost": self.cost(lane, par),
            "direct": not (((chain or lane.transform != "same") and not squares) or self.masked or fill_nan or from_mask
                           or lane.op in ("taps", "first") or not self.plain_memory),
        }  # fmt: skip

    def conversions(self, lane: Lane, raw: str, from_mask: bool, part: str) -> list[tuple[str, str]]:
        """(conversion, type after it) for each step."""
        if part:
            return [("low", "u4")] if part == "low" else [("high", "i4" if self.dtype.kind == "i" else "u4")]
        if from_mask or lane.convert in ("nonzero", "isnan"):
            return [("nonzero" if from_mask else lane.convert, "u1")]
        if lane.convert == "valid":
            return [("valid", "u1"), ("double", "f8")] if lane.working == "double" else [("valid", "u1")]
        steps = [("nonzero", "u1")] if self.truth or (self.dtype.kind == "b" and lane.working != "sample") else []
        if lane.working == "wide":
            steps.append(("double", "f8") if self.dtype.kind == "f" else ("wide", "u8"))
        elif lane.convert == "double":
            steps.append(("double", "f8"))
        return [] if steps == [("double", "f8")] and raw == "f8" else steps

    def selecting(self, method: str, out: Dtype, one: bool) -> dict[str, Any]:
        """The lane of a reducer that selects: `one` of the cells, or what lies between two."""
        lane = self.lane(Lane("select", working="pick"))
        want = SAMPLES[lane["have"]]
        between = method == "quantile" and self.options["method"] in ("linear", "midpoint") and not one
        if method == "expected" or (between and out.kind == "f"):
            want = "f8"
        elif between and out != self.dtype:
            want = "i8" if self.dtype.kind == "i" else "u8"
        return lane | {"want": CODES[want], "want_size": int(want[1]), "fill_nan": False, "fill_masked": False}

    def cost(self, lane: Lane, par: float) -> int:
        """About how long a cell takes, in nanoseconds."""
        if lane.op == "taps":
            costs = {"ratio_power": 2 if par in (2, 3) else 20, "exponential": 6, "exponential_x": 9}
            return costs.get(lane.tap, 2)
        return 2 if lane.op == "first" or lane.convert != "keep" or self.masked or self.omit else 1

    def skipped(self, lane: Lane) -> float:
        """What stands for a NaN that is skipped."""
        if lane.convert == "nonzero":
            return 0.0 if lane.op == "max" else 1.0
        if lane.transform in ("abs", "square"):
            return 0.0
        return float(_identity(lane.op, lane.tap, "f8"))

    def decoded_border(self, lane: Lane, from_mask: bool, part: str) -> Any:
        """A padded cell's value after decode."""
        value = self.border
        if from_mask or lane.convert == "valid":
            return 1
        if lane.convert == "nonzero":
            return int(value != 0)
        if lane.convert == "isnan":
            return int(value != value)
        if part:
            word = int(value) & 0xFFFFFFFFFFFFFFFF
            high = int(value) >> 32
            return word & 0xFFFFFFFF if part == "low" else high & 0xFFFFFFFFFFFFFFFF
        if lane.working in ("sum", "wide") and self.dtype.kind in "biu":
            return int(value) & 0xFFFFFFFFFFFFFFFF
        if lane.transform == "abs":
            return abs(float(value))
        if lane.transform == "square":
            return float(value) ** 2
        if lane.transform == "clamp":
            return max(float(value), self.options["eps"]) if value == value else value
        return value


def build(
    row: Reducer, dtype: Dtype, out: Dtype, options: Mapping[str, Any], *, masked: bool, nan_policy: str,
    border: Any, cells: int, real: int, least: int, fill: Any, indexed: bool, slots: int, whole: bool,
) -> Kernel:  # fmt: skip
    """The lanes and formula of one call.

    `border`: the value of padded cells that count, or None; `cells`, `real`: most cells of a window,
    with and without padding; `least`: cells a window needs; `fill`: value of an empty window; `slots`: most
    cells that are selected from; `whole`: all windows have so many."""
    floating = dtype.kind == "f"
    omit = nan_policy == "omit" and floating
    exact = dtype.kind in "biu" and (row.formula == "mean" or (row.name == "sum" and out.kind == "f"))
    exact = exact and options.get("weights") is None
    late = 0  # the border's value, if so many padded cells count that their sum needs 128 bits
    if exact:
        limit = 2**32 if dtype.itemsize == 8 else 2 ** (63 - 8 * dtype.itemsize)
        if real > limit:
            raise ValueError(f"window has {real} cells; the exact mean of {dtype} is for at most {limit}")
        if cells > limit and border is not None:
            late, border, cells = int(border), dtype.type(0), 2**62
    make = _Builder(dtype, options, masked=masked, omit=omit, border=border, cells=cells,
                    truth=out.kind != "b")  # fmt: skip
    lanes: list[dict[str, Any]] = []
    count_lane = nan_lane = -1
    method = row.picks(options, indexed)
    selects = method != ""  # such kernels count, and meet every NaN
    if (masked or omit) and not selects:
        count_lane = len(lanes)
        lanes.append(make.lane(Lane("sum", "valid", working="sum"), from_mask=masked and not omit))
    # Reducers that pick a cell do not meet the NaN beside it: a lane looks for them.
    poison = row.name == "first" and nan_policy == "propagate" and floating
    if floating and (nan_policy == "raise" or poison) and not selects:
        nan_lane = len(lanes)
        lanes.append(make.lane(Lane("max", "isnan")))
    formula, code = row.formula, dtype.kind + str(dtype.itemsize)
    own = row.lanes(options, code)
    divisor = options.get("divisor", 0)
    if row.name == "prod" and out.kind == "f" and not floating:
        own = (Lane("prod", "double", working="double"),)
    first = len(lanes)
    if options.get("weights") is not None:
        formula = "ratio" if row.name == "mean" else "take"
    elif exact:
        if row.name == "sum":
            divisor = 1
        formula = "mean_wide" if dtype.itemsize == 8 else "mean"
    if selects:
        formula = "position" if row.formula == "position" else "take"
        one = whole and (options.get("q", 0.5) in (0, 1) or (options.get("q", 0.5) == 0.5 and slots % 2 == 1))
        lanes.append(make.selecting(method, out, one or indexed or formula == "position"))
    elif formula == "mean_wide":
        lanes += [make.lane(own[0], part="low"), make.lane(own[0], part="high")]
    else:
        lanes += [make.lane(lane) for lane in own]
    if not selects and row.formula in ("norm", "power_mean") and len(own) == 1:
        formula = "take" if math.isinf(options["p"]) else "root"
    context = first if any(lane.context != "none" for lane in own) else -1
    out_code = BOOL if out.kind == "b" else HALF if out == np.float16 else CODES[out.str[1:]]
    if row.formula == "range" and out.kind == "b":
        out_code = CODES["u1"]
    if row.name == "first" and out == dtype:  # as it lies in memory
        out_code = BOOL if out.kind == "b" else CODES[f"u{out.itemsize}"]
    elif row.name == "first":
        formula = "cell"
    return Kernel(
        lanes,
        {
            "code": FORMULAS.index(formula), "rounding": ROUNDINGS.index(options.get("rounding", "half_even")),
            "saturate": row.result not in ("sum", "bool"), "p": float(options.get(row.exponent, 0.0)),
            "ddof": options.get("ddof", 0), "divisor": divisor, "mean": options.get("mean", False),
            "count_lane": count_lane, "nan_lane": nan_lane, "context_lane": context,
            "first_lane": first + (context >= 0),
            "out_code": out_code, "out_size": out.itemsize, "least": least,
            "poisoned": poison, "poison": _bits(math.nan, out.str[1:]) if poison else 0,
            "empty": _bits(0 if fill is None else fill, out.str[1:]),
            "signed": dtype.kind == "i", "late": late & 0xFFFFFFFFFFFFFFFF,
        },
        visits=selects or options.get("weights") is not None or row.name == "first",
        plain=not selects and count_lane < 0 and nan_lane < 0 and all(
            lane.op not in ("taps", "first") for lane in own),
        counted=count_lane >= 0 or any(lane.context == "mean" for lane in own) or not (
            divisor or formula in ("take", "cell", "root", "range", "position", "soft")),
        pick=_picking(row, method, options, lanes[-1], slots, nan_policy if floating else "propagate", indexed)
        if selects else None,
    )  # fmt: skip


def _picking(
    row: Reducer, method: str, options: Mapping[str, Any], lane: Mapping[str, Any], slots: int, nan_policy: str,
    indexed: bool,
) -> dict[str, Any]:  # fmt: skip
    """How to select, as the kernels take it."""
    q, interpolation = options.get("q", 0.5), INTERPOLATIONS.index(options.get("method", "linear"))
    ignored = options.get("ignore")
    needed: tuple[int, ...] | None = None
    if method == "quantile":
        low = min(math.floor(q * (slots - 1)), slots - 1)
        needed = (low, min(low + 1, slots - 1))
    sorts = method in ("quantile", "mode")
    large = sorts and slots > SLOTS
    sorted_slots = slots if sorts and not large else 1
    return {
        "method": METHODS.index(method), "interpolation": interpolation,
        "ties": TIES.index(options.get("ties", TIES[0])),
        "rounding": ROUNDINGS.index(options.get("rounding", "half_even")),
        "indexed": indexed or row.formula == "position", "q": q, "slots": slots,
        "omit": nan_policy == "omit", "raises": nan_policy == "raise",
        "ignoring": ignored is not None, "ignored": 0 if ignored is None else _bits(ignored, SAMPLES[lane["have"]]),
        "extreme": method in ("largest", "smallest"), "large": large, "pairs": network(sorted_slots),
        "few": network(sorted_slots, needed if sorted_slots > 1 else None),
    }  # fmt: skip
