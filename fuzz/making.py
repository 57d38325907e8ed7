"""Arrays and arguments of calls, made from bytes: right ones in every variety, and strange ones."""

from __future__ import annotations

import math
from typing import Any

import arrays
import numpy as np
import places
from reader import Reader

import cypool
from cypool import Windows

LENGTHS = (4, 1, 2, 3, 5, 6, 7, 8, 9, 12, 16, 17, 33, 70, 0)
CELLS = 280  # of an array, at most
BORDERS = ("ignore", "constant", "reflect", "symmetric", "edge", "wrap")
METHODS = ("linear", "lower", "higher", "midpoint", "nearest")
ROUNDINGS = ("half_even", "half_up", "floor")

# ---- arrays --------------------------------------------------------------------------------------


def shape(r: Reader) -> tuple[int, ...]:
    found: list[int] = []
    for _ in range(r.choice((2, 1, 3, 4))):
        found.append(min(r.choice(LENGTHS), CELLS // max(math.prod(found), 1)))
    return tuple(found)


def values(r: Reader, dtype: Any, shape: tuple[int, ...], calm: bool = False) -> np.ndarray:
    """Values that come from the bytes, as they are or as numbers of a list, or that a seed makes."""
    dtype, size = np.dtype(dtype), math.prod(shape)
    kind = r.choice(("memory", "special", "plain", "seed"))
    if kind == "memory" and not calm:
        memory = np.frombuffer(r.bytes(64) or b"\0", np.uint8)
        return np.resize(memory, size * dtype.itemsize).view(dtype).reshape(shape)
    if kind == "seed":
        return arrays.nasty(dtype, shape, r.below(256), calm=calm)
    if kind == "plain" or calm:
        some = np.array([0, 1, 2, 3, 5, 9] + [-1, -2, -7] * (dtype.kind != "u")).astype(dtype)
    else:
        real = arrays.special(np.empty(0, dtype).real.dtype)
        some = np.append(real, real.dtype.type(np.nan)) if real.dtype.kind == "f" else real
        some = some.astype(dtype) if dtype.kind != "c" else some[:, None].repeat(2, 1).view(dtype)[:, 0]
    picks = np.frombuffer(r.bytes(48) or b"\0", np.uint8)
    return some[np.resize(picks, shape) % len(some)]


def laid_out(r: Reader, x: np.ndarray) -> np.ndarray:
    """In some memory layout and byte order; broadcast layouts repeat a part of it."""
    if r.once_in(4):
        x = arrays.big_endian(x)
    return arrays.LAYOUTS[r.choice(list(arrays.LAYOUTS))](x) if x.size and x.ndim else x


def array(r: Reader, dtypes: Any = arrays.REAL, calm: bool = False) -> np.ndarray:
    return laid_out(r, values(r, r.choice(dtypes), shape(r), calm))


def mask(r: Reader, shape: tuple[int, ...]) -> np.ndarray:
    """Bools that broadcast to shape."""
    kind = r.choice(("full", "some axes", "last axes"))
    if kind == "some axes":
        shape = tuple(n if r.flag() else 1 for n in shape)
    if kind == "last axes":
        shape = shape[r.between(0, len(shape)) :]
    bits = np.unpackbits(np.frombuffer(r.bytes(8) or b"\xfd", np.uint8))
    return laid_out(r, np.resize(bits, shape).astype(bool))


# ---- arguments that are right ----------------------------------------------------------------------


def geometry(r: Reader, shape: tuple[int, ...]) -> dict[str, Any]:
    """Arguments of pool that say where sliding windows lie."""
    axes = list(range(len(shape)))
    axes = [axes.pop(r.below(len(axes))) for _ in range(r.between(1, len(shape)))]
    pads = [(r.below(3), r.below(3)) if r.flag() else r.below(4) for _ in axes]
    dilation = tuple(r.choice((1, 1, 2, 3)) for _ in axes)
    return dict(
        window=tuple(r.choice((2, 1, 3, 4, 2, 3, 9, max(shape[a], 1))) if a == axes[0] else r.between(1, 4)
                     for a in axes),
        stride=r.choice((None, 1, 2, tuple(r.between(1, 3) for _ in axes))),
        padding=r.choice((0, tuple(pads), "same", "same_lower", "valid", tuple(pads))),
        dilation=r.choice((1, dilation)),
        ceil_mode=r.flag(),
        axes=tuple(a - len(shape) if r.flag() else a for a in axes),
        border=r.choice(BORDERS) if r.flag() else "ignore",
    )  # fmt: skip


def one_windows(r: Reader, n: int) -> tuple[Windows, Any]:
    """Windows of an axis of length n, and a function that gives their table of taps."""
    kind = r.choice(("sliding", "adaptive", "whole", "explicit", "fractional", "shift"))
    k, s = r.between(1, 4), r.between(1, 3)
    if kind == "sliding":
        pads, d, ceil = (r.below(3), r.below(3)), r.between(1, 2), r.flag()
        return Windows.sliding(k, s, pads, d, ceil), lambda: places.sliding(n, k, s, pads, d, ceil)
    if kind == "shift":
        return Windows.sliding(k, s, shift=True), lambda: places.sliding(n, k, s, shift=True)
    if kind == "adaptive":
        return Windows.adaptive(k + s), lambda: places.adaptive(n, k + s)
    if kind == "whole" or not n:
        return Windows.whole(), lambda: places.whole(n)
    if kind == "explicit":
        ends = [sorted((r.between(0, n), r.between(0, n))) for _ in range(r.between(1, 4))]
        starts, stops = zip(*ends, strict=True)
        return Windows.explicit(starts, stops, n), lambda: places.explicit(starts, stops)
    w = Windows.fractional(n, min(n, k), overlapping=r.flag(), scheme=r.choice(("random", "pseudorandom")), rng=s)
    return w, lambda: places.explicit(*w.bounds(n))


def windows(r: Reader, shape: tuple[int, ...]) -> tuple[dict[str, Any], Any]:
    """Arguments of pool with Windows, and a function that gives {axis: taps}."""
    axes = list(range(len(shape)))
    axes = [axes.pop(r.below(len(axes))) for _ in range(r.between(1, min(2, len(shape))))]
    made = [one_windows(r, shape[a]) for a in axes]

    def tables():
        if any(shape[a] == 0 for a in axes):
            raise ValueError("a pooled axis of length 0")
        return {a: table() for a, (_, table) in zip(axes, made, strict=True)}

    return dict(window=tuple(w for w, _ in made), axes=tuple(axes)), tables


def skips(r: Reader, x: np.ndarray, result: np.dtype) -> dict[str, Any]:
    """Which cells take part, and what comes of windows without any."""
    call: dict[str, Any] = {"where": mask(r, x.shape)} if r.once_in(3) else {}
    call["nan_policy"] = r.choice(("propagate", "omit", "raise"))
    call["min_count"] = r.choice((1, 2, 3))
    if r.flag():
        call["fill_value"] = result.type(1)
    return call


def options(r: Reader, name: str, window: tuple[int, ...] | None = None) -> dict[str, Any]:
    """Options of a reducer, in the range that its meaning is known for."""
    if name in ("sum", "mean") and window is not None and r.once_in(3):
        picks = np.frombuffer(r.bytes(8) or b"\1", np.uint8) % 5
        return {"weights": np.resize(picks, window).astype(r.choice((np.float64, np.float32, np.int64)))}
    some: dict[str, Any] = {
        "var": {"ddof": (0, 1, 2)},
        "std": {"ddof": (0, 1, 2)},
        "mean": {"divisor": (None, 7)},
        "lp": {"p": (2, 1, 3, 0.5, 2.5, 100, np.inf)},
        "gem": {"p": (3, 1, 2.5, 50), "eps": (1e-6, 0.25)},
        "logsumexp": {"alpha": (1, 0.5, 10), "mean": (False, True)},
        "softpool": {"alpha": (1, 0.25, 3)},
        "quantile": {"q": (0.5, 0, 0.1, 0.25, 0.9, 1), "method": METHODS},
        "median": {"method": METHODS},
        "mode": {"ties": ("smallest", "largest", "first")},
        "stochastic": {"rng": (0, 1), "training": (True, False)},
    }.get(name, {})
    return {option: r.choice(choices) for option, choices in some.items() if r.flag()} | (
        {"rng": 3} if name == "stochastic" else {}
    )


# ---- strange ones ------------------------------------------------------------------------------------


class Liar:
    def __index__(self):
        raise TypeError("no index")


ENDLESS = range(10**12)  # to be refused by its length
HUGE = (2**48, 2**61, 2**62 - 1, 2**62, 2**63 - 1, 2**63, 2**64, 10**40)  # no array is as large
LARGE = (2**31, 2**31 - 1, 2**32 + 1, 2**40)  # one might be
STRANGE: tuple[Any, ...] = (
    None, True, np.True_, 2.0, 0.5, float("nan"), float("inf"), -0.0, 2j, 0, -1, -(2**31), -(2**62), -(2**63), -(2**70),
    1, 2, 3, 7, np.int8(-3), np.int64(2), np.uint64(2**64 - 1), np.float32(2), np.float16("nan"), np.array(2),
    np.array([2]), np.array([2, 3]), np.array([[2, 2]]), np.zeros(0), np.zeros((0, 2), int), "2", "",
    "same", "valid", "max", "reflect", "first", "f4", "int8", "bool", ">f8", "O", "M8[s]", "\0", "x" * 99, b"2", (),
    [], {}, set(), (2,), [2, 2], (1, 2, 3), ((1, 2),), [[2, 2]], (1, (0, 2)), (2, None), (2.0, 1), ("same", 1), (0, 0),
    (-1,), (-1, 0), range(3), object, Liar(), len, np.max, np.nanmax, np.dtype("f2"), np.float64,
    np.longdouble, np.datetime64("2026-01-01"), np.zeros(4, "M8[s]"), np.zeros(3, object), np.zeros((2, 2), "i4,f4"),
    np.str_("max"),
    Windows.whole(), Windows.sliding(2), Windows.adaptive(3), Windows.adaptive(0), Windows.sliding(2, 1, "same"),
    (Windows.whole(), 2), Windows.explicit([0, 1], [1, 4], 4), Windows.explicit([[0], [1]], [[1], [4]], 4), Windows,
    slice(2), Ellipsis, NotImplemented, np.random.default_rng(0), cypool,
)  # fmt: skip


def strange(r: Reader) -> Any:
    """Any value, most of them wrong wherever they stand."""
    kind = r.choice(("listed", "huge", "number", "pair", "array", "text"))
    if kind == "huge":
        return r.choice(HUGE)
    if kind == "number":
        return r.between(-9, 9)
    if kind == "pair":
        return tuple(r.choice(STRANGE) if r.flag() else r.choice(HUGE) for _ in range(r.between(1, 3)))
    if kind == "array":
        return array(r, ("bool", "uint8", "int8", "int16", "float16", "float32", "float64", "complex64"))
    if kind == "text":
        return r.bytes(r.below(12)).decode("latin-1")
    return r.choice(STRANGE)
