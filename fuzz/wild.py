"""Calls with arguments that are wrong, huge or odd: an error that names them, or a result, and nothing else."""

from __future__ import annotations

import inspect
import math
import pickle
from collections.abc import Callable
from typing import Any

import arrays
import making
import numpy as np
import places
from making import ENDLESS, HUGE, LARGE, geometry, laid_out, strange, values
from oracle import Refused, bounded, everywhere, explains, names, outcome, stays
from reader import Reader

import cypool
from cypool import Windows, reducers
from cypool import arguments as normalise
from cypool.lanes import result_dtype, scalar

GEOMETRY = ("window", "stride", "padding", "dilation", "ceil_mode", "axes")
COMMON = ("reduce", "border", "border_value", "where", "nan_policy", "min_count", "fill_value", "dtype", "out")
OPTIONS = sorted({option for row in reducers.TABLE.values() for option in row.options})


def some(r: Reader, count: int) -> Any:
    """A huge or strange value, or one for each axis."""
    one = r.choice((strange, lambda r: r.choice(LARGE), lambda r: r.choice(HUGE), lambda r: r.between(-1, 5)))
    if r.flag():
        return one(r)
    return tuple(r.choice((one(r), (one(r), one(r)))) for _ in range(count))


def spoilt(r: Reader, call: dict[str, Any], choices: Any, count: int) -> dict[str, Any]:
    """The call with one or two other arguments."""
    return call | {r.choice(choices): some(r, count) for _ in range(r.between(1, 2))}


def made(function: Callable[..., Any], *args: Any, **call: Any) -> Any:
    """The outcome; an error is one of the call."""
    found = stays(function, *args, **call)
    if isinstance(found, Refused):
        explains(found, names(function, call))
    return found


def forward(r: Reader) -> None:
    """`pool` and its short relatives."""
    name = r.choice(sorted(reducers.TABLE))
    x = making.array(r, arrays.REAL + arrays.COMPLEX)
    call = geometry(r, x.shape) | making.options(r, name)
    function = r.choice((cypool.pool, cypool.pool, cypool.pool, cypool.adaptive_pool, cypool.global_pool))
    if function is not cypool.pool:
        call = {k: v for k, v in call.items() if k not in GEOMETRY[:5] and k != "border"}
    if function is cypool.adaptive_pool:
        call["output_size"] = tuple(r.below(9) for _ in call["axes"])
    extra = ("output_size",) if function is cypool.adaptive_pool else GEOMETRY
    before = call | {"reduce": name}
    call = spoilt(r, before, (*extra, *COMMON, "return_indices", "workers", *OPTIONS), len(call["axes"]))
    if large(call.get("output_size")) or not bounded(x.shape, {"window": 1, **call}):
        return
    found = made(function, x, **call)
    if not isinstance(found, Refused) and function is cypool.pool:
        assert part(found).shape == cypool.output_shape(x.shape, **{k: v for k, v in call.items() if k in GEOMETRY})


def part(found: Any) -> Any:
    return found[0] if isinstance(found, tuple) else found


def large(value: Any) -> bool:
    """Whether a number among these is that of an array of gigabytes."""
    if isinstance(value, (tuple, list)):
        return any(map(large, value))
    return isinstance(value, int) and making.CELLS < value < HUGE[0]


def backward(r: Reader) -> None:
    """`pool_backward`."""
    name = r.choice(sorted(reducers.TABLE))
    x = making.array(r, arrays.REAL + arrays.COMPLEX)
    call = geometry(r, x.shape) | making.options(r, name) | {"reduce": name}
    y = outcome(cypool.pool, x, **call, fill_value=1)
    g = making.array(r) if isinstance(y, Refused) or r.once_in(4) else laid_out(r, values(r, "f8", y.shape))
    choices = (*GEOMETRY, *COMMON[:7], "indices", "wrt", "out", "workers", *OPTIONS)
    call = spoilt(r, call, choices, len(call["axes"]))
    if r.once_in(4):
        call["wrt"] = r.choice(("weights", "p", "alpha", "x"))
    if bounded(x.shape, call):
        made(cypool.pool_backward, g, x, **call)


def unpool(r: Reader) -> None:
    """`unpool`."""
    y = making.array(r, arrays.REAL + arrays.COMPLEX)
    index = values(r, r.choice(("u1", "i8", "u8", "f4", "?")), y.shape if r.flag() else making.shape(r))
    axes = tuple(range(-r.between(1, y.ndim), 0))
    call = {"indices": index, "shape": tuple(r.choice((1, 2, 9)) for _ in axes), "axes": axes}
    call = spoilt(r, call, ("indices", "shape", "axes", "out", "workers"), len(axes))
    if not large(call["shape"]):
        made(cypool.unpool, y, **call)


def blocks(r: Reader) -> None:
    """`block_reduce` and its relatives."""
    x = making.array(r, arrays.REAL + arrays.COMPLEX)
    sizes = tuple(r.between(1, 5) for _ in x.shape)
    function, size, choices = r.choice((
        (cypool.block_reduce, "block_size",
         ("func", "cval", "func_kwargs", "boundary", "channel_axis", "dtype", "out", "workers")),
        (cypool.downscale_local_mean, "factors", ("cval", "clip", "boundary", "channel_axis")),
        (cypool.block_replicate, "block_size", ("conserve_sum",)),
    ))  # fmt: skip
    call = {size: sizes}
    if function is cypool.block_reduce:
        name = r.choice(sorted(reducers.TABLE))
        call |= {"func": name, "func_kwargs": making.options(r, name)}
    call = spoilt(r, call, (size, *choices), x.ndim)
    if not (function is cypool.block_replicate and large(call[size])):
        made(function, x, **call)


# ---- normalisers -------------------------------------------------------------------------------------


def arguments(data: bytes) -> None:
    """What reads arguments: a value of the right kind and range, or an error that names it."""
    r = Reader(data)
    r.choice((_number, _axes, _sliding, _other_windows, _shape, _option, _dtype))(r)


def _number(r: Reader) -> None:
    value, least, count = r.choice((some(r, 2), ENDLESS)), r.choice((0, 1, -3)), r.between(1, 3)
    one = outcome(normalise.integer, value, "window", least)
    if isinstance(one, Refused):
        explains(one, ["window"])
    else:
        assert type(one) is int and least <= one < normalise.TOO_LARGE and one == value, one
    several = outcome(normalise.per_axis, value, count, "window", least)
    if isinstance(several, Refused):
        explains(several, ["window"])
    else:
        assert len(several) == count and all(type(n) is int and least <= n < 2**62 for n in several), several
    flag = outcome(normalise.boolean, value, "window")
    assert isinstance(flag, Refused) or (type(flag) is bool and flag == value), flag
    word = outcome(normalise.text, value, ("same", "max"), "window")
    assert isinstance(word, Refused) or word in ("same", "max"), word
    used = outcome(lambda: cypool.workers(value).__enter__() or cypool.get_workers())
    assert isinstance(used, Refused) or used >= 1, used


def _axes(r: Reader) -> None:
    ndim = r.between(0, 5)
    axes, window = (r.choice((None, some(r, r.between(0, 4)), ENDLESS)) for _ in range(2))
    found = outcome(normalise.pooled_axes, axes, ndim, window)
    if isinstance(found, Refused):
        return explains(found, ("axes", "window", "x"))
    assert found and len(set(found)) == len(found) and all(0 <= a < ndim for a in found), found


def _same_windows(w: Windows) -> None:
    """Windows are equal to a copy, and to what their text says."""
    again = pickle.loads(pickle.dumps(w))
    assert again == w and hash(again) == hash(w) and repr(again) == repr(w)
    assert eval(repr(w), {"Windows": Windows}).length(5) == w.length(5) if not repr(w).count("explicit") else True


def _sliding(r: Reader) -> None:
    call = {"window": r.between(1, 5), "stride": r.between(1, 3), "padding": (r.below(3), r.below(3)),
            "dilation": r.between(1, 3), "ceil_mode": r.flag()}  # fmt: skip
    if r.flag():
        call = spoilt(r, call, (*call, "shift"), 1)
    w = made(Windows.sliding, **call)
    if isinstance(w, Refused):
        return
    n = r.choice((r.between(1, 40), *HUGE[:3]))
    o = outcome(w.length, n)
    if isinstance(o, Refused):
        return
    _, k, s, padding, d, ceil, shift = w._key
    before, after = places.margins(n, k, s, padding, d)
    room = n + before + after - d * (k - 1) - 1
    want = (-(-room // s) if ceil or shift else room // s) + 1
    want -= ceil and (want - 1) * s >= n + before
    assert o == want, f"{w!r} of {n}: {o} windows, right is {want}"
    if not isinstance(outcome(w.length, 5), Refused):
        _same_windows(w)
    if o < 1000:
        starts, stops = w.bounds(n)
        assert len(starts) == len(w.centers(n)) == o and (0 <= starts).all() and (stops <= n).all()


def _other_windows(r: Reader) -> None:
    n = r.choice((r.between(1, 20), r.choice(HUGE)))
    kind = r.choice(("adaptive", "explicit", "fractional"))
    if kind == "adaptive":
        call = {"output_size": some(r, 1)}
    elif kind == "explicit":
        ends = np.sort(values(r, "u1", (2, r.between(0, 4))) % min(n + 1, 255), 0)
        call = spoilt(r, {"starts": ends[0], "stops": ends[1], "n": n}, ("starts", "stops", "n"), 2)
    else:
        call = {"n": n, "output_size": r.between(1, 9), "overlapping": r.flag(), "rng": 0}
        call = spoilt(r, call, ("n", "output_size", "ratio", "overlapping", "scheme", "rng"), 1)
    if any(large(call.get(name)) for name in ("output_size", "n", "ratio")):
        return
    w = made(getattr(Windows, kind), **call)
    if isinstance(w, Refused):
        return
    found = outcome(w.bounds, n)
    if not isinstance(found, Refused):
        starts, stops = found
        assert (starts >= 0).all() and (starts <= stops).all() and (stops <= n).all(), f"{w!r}: {starts}, {stops}"
        assert starts.shape[-1] == w.length(n)
    if kind != "adaptive":
        _same_windows(w) if w._key[1] == 5 else pickle.loads(pickle.dumps(w))


def _shape(r: Reader) -> None:
    shape = tuple(r.choice((4, 1, 7, 0, *HUGE)) for _ in range(r.between(0, 4)))
    call = geometry(r, shape or (1,))
    call.pop("border")
    call["window"] = tuple(min(k, 5) for k in call["window"])
    if r.flag():
        call = spoilt(r, call, GEOMETRY, len(shape))
    call["shape"] = r.choice((shape, some(r, 2), ENDLESS))
    found = made(cypool.output_shape, **call)
    if not isinstance(found, Refused):
        assert all(type(n) is int and n >= 0 for n in found), found


def _option(r: Reader) -> None:
    row = reducers.TABLE[r.choice(sorted(reducers.TABLE))]
    given = {r.choice(OPTIONS): strange(r) for _ in range(r.between(1, 2))}
    found = outcome(reducers.read_options, row, given)
    if isinstance(found, Refused):
        return explains(found, given)
    assert set(found) == set(row.options), found
    known = outcome(reducers.find, strange(r))
    assert not isinstance(known, Refused) or explains(known, ["reduce"]) is None


def _dtype(r: Reader) -> None:
    row = reducers.TABLE[r.choice(sorted(reducers.TABLE))]
    dtype = np.dtype(r.choice(arrays.dtypes_of(row.name)))
    defaults = reducers.read_options(row, {})
    found = outcome(result_dtype, row, dtype, defaults, strange(r))
    assert not isinstance(found, Refused) or explains(found, ["dtype"]) is None
    value = strange(r)
    number = outcome(scalar, value, dtype, "fill_value")
    if isinstance(number, Refused):
        return explains(number, ["fill_value"])
    assert number.dtype == dtype, number
    with np.errstate(all="ignore"):
        rounded = dtype.kind in "fc" or number == np.asarray(value)
    assert rounded, f"{value!r} became {number!r}"


# ---- compositions, nn and layers ---------------------------------------------------------------------


def _good(r: Reader, nd: int) -> dict[str, Any]:
    """A fitting value for each parameter of cypool.nn and cypool.layers."""
    small = tuple(r.between(1, 3) for _ in range(nd))
    one = r.choice((small, r.between(1, 3), small[:1]))
    pads = r.choice((0, 1, "same", "valid", tuple((r.below(2), r.below(3)) for _ in small)))
    return {
        "kernel_size": one, "pool_size": r.choice((small, 2)), "stride": r.choice((None, 1, small)),
        "strides": r.choice((None, 1, small)), "padding": pads, "dilation": r.choice((1, small)),
        "ceil_mode": r.flag(), "return_indices": r.flag(), "keepdims": r.flag(), "count_include_pad": r.flag(),
        "data_format": r.choice(("channels_first", "channels_last")), "divisor_override": r.choice((None, 3)),
        "norm_type": r.choice((2, 1, 3.5, np.inf)), "p": r.choice((2, 1, 3.5, np.inf)), "output_size": one,
        "size": one, "output_ratio": r.choice((0.5, (0.4,) * nd)), "ratio": 1.5, "overlapping": r.flag(), "seed": 1,
        "rng": r.below(3), "scheme": r.choice(("random", "pseudorandom")), "method": r.choice(making.METHODS),
        "rounding": r.choice(making.ROUNDINGS), "border": r.choice(making.BORDERS), "border_value": r.below(2),
        "nan_policy": r.choice(("propagate", "omit", "raise")), "min_count": r.between(1, 2), "fill_value": 1,
        "interpolation": r.choice(("nearest", "bilinear")), "dtype": None, "name": None, "training": r.flag(),
    }  # fmt: skip


def _composed(r: Reader) -> None:
    """Poolings that are made of others, and their gradients."""
    x = making.array(r)
    window = {k: v for k, v in geometry(r, x.shape).items() if k != "ceil_mode"}
    plane = {"axes": tuple(range(-min(x.ndim, 2), 0))}
    function, call = r.choice((
        (cypool.mixed_pool, window | {"a": 0.25}),
        (cypool.gated_pool, window | {"gate": np.ones(window["window"])}),
        (cypool.rank_pool, window | {"top": 1}),
        (cypool.max_blur_pool, {k: window[k] for k in ("window", "stride", "axes")}),
        (cypool.spatial_pyramid_pool, plane | {"levels": (1, r.between(1, 3))}),
    ))  # fmt: skip
    if r.flag():
        call = spoilt(r, call, list(call), len(call["axes"]))
    if any(map(large, call.values())) or ("window" in call and not bounded(x.shape, call)):
        return
    y = made(function, x, **call)
    if isinstance(y, Refused):
        return
    dx = outcome(getattr(cypool, f"{function.__name__}_backward"), values(r, "f8", y.shape, calm=True), x, **call)
    assert not isinstance(dx, Refused) and dx.shape == x.shape, f"{dx!r} for {x.shape}"


def nn(data: bytes) -> None:
    """Functions of cypool.nn, classes of cypool.layers, called as their signatures say, and compositions."""
    r = Reader(data)
    module = r.choice((cypool.nn, cypool.layers, None))
    if module is None:
        return _composed(r)
    name = r.choice(sorted(n for n in module.__all__ if n[-2:].lower() in ("1d", "2d", "3d")))
    nd, function = int(name[-2]), getattr(module, name)
    shape = tuple(min(n, 9) for n in (*(r.choice(making.LENGTHS) for _ in range(nd)), r.below(4), r.between(1, 2)))
    x = laid_out(r, values(r, r.choice(arrays.REAL), shape[::-1][: nd + 2 - r.once_in(4)]))
    good = _good(r, nd)
    call = {}
    for parameter in inspect.signature(function).parameters.values():
        required = parameter.default is inspect.Parameter.empty
        if parameter.name in good and (required or r.once_in(3) or parameter.name == "rng"):
            call[parameter.name] = good[parameter.name]
    if call and r.once_in(3):
        call[r.choice(list(call))] = strange(r)
    (_layer if module is cypool.layers else _function)(r, name, function, x, call)


def _function(r: Reader, name: str, function: Any, x: np.ndarray, call: dict[str, Any]) -> None:
    if "unpool" in name:
        index = values(r, "i8", x.shape) % max(x.size, 1)
        call = {k: v for k, v in call.items() if k not in ("workers", "out")}
        if not any(map(large, call.values())):
            found = everywhere(function, x, index, **call)
            assert not isinstance(found, Refused) or explains(found, names(function, call)) is None
        return
    y = everywhere(function, x, **call)
    if isinstance(y, Refused):
        return explains(y, names(function, call))
    gradient = getattr(cypool.nn, f"{name}_backward")
    known = inspect.signature(gradient).parameters
    call = {k: v for k, v in call.items() if k in known}
    g = values(r, "f8", part(y).shape, calm=True)
    dx = everywhere(gradient, g, x, **call)
    assert not isinstance(dx, Refused), f"{name} gives {part(y).shape}, its gradient {dx}"
    assert dx.shape == x.shape, f"{dx.shape} for {x.shape}"


def _layer(r: Reader, name: str, kind: Any, x: np.ndarray, call: dict[str, Any]) -> None:
    layer = outcome(kind, **call)
    if isinstance(layer, Refused):
        return explains(layer, names(kind, call))
    if "Unpooling" in name or any(map(large, call.values())):
        return
    y = stays(layer, x)
    shape = outcome(layer.compute_output_shape, x.shape)
    if isinstance(y, Refused):
        return explains(y, [*names(kind, call), "x"])
    assert shape == y.shape, f"compute_output_shape gives {shape}, the call {y.shape}"
    dx = outcome(layer.backward, values(r, "f8", y.shape, calm=True))
    assert not isinstance(dx, Refused) and dx.shape == x.shape, f"{dx!r} for {x.shape}"
    assert math.prod(dx.shape) == x.size
