"""What is fuzzed: for each name a function of bytes that raises where cypool is wrong."""

from __future__ import annotations

import math
from typing import Any

import arrays
import making
import numpy as np
import reference
import wild
from compared import compare, pooled
from making import geometry, laid_out, options, shape, skips, values, windows
from oracle import Refused, everywhere, exact, outcome, stays
from reader import Reader

import cypool
from cypool.backward import WRT

INDEXED = ("max", "min", "mode", "median", "quantile")
LINEAR = ("sum", "mean")


# ---- forward ---------------------------------------------------------------------------------------


def forward(data: bytes) -> None:
    """`pool`, against the reference."""
    r = Reader(data)
    if r.once_in(4):
        return wild.forward(r)
    name = r.choice([*arrays.NAMES, "argmax", "argmin"])
    x = making.array(r, arrays.dtypes_of(name), calm=name in arrays.PLAIN)
    call, tables = windows(r, x.shape) if r.once_in(4) else (geometry(r, x.shape), None)
    given = options(r, name, None if tables else call["window"])
    if "weights" in given:
        x = np.where(np.isfinite(x), x, x.dtype.type(1))  # 0 * inf has no meaning
        x = x.real if x.dtype.kind == "c" else x
    call |= skips(r, x, result_of(name, x.dtype, given))
    if call.get("border") == "constant":
        call["border_value"] = x.dtype.type(1 if x.dtype.kind == "b" else r.below(4))
    if name in ("argmax", "argmin"):
        y = everywhere(cypool.pool, x, reduce=name, **call)
        _indices(x, name[3:], call, y)
    else:
        compare(x, name, call | given | _dtype(name, x.dtype, given), tables)
    y = everywhere(cypool.pool, x, reduce=name, **call, **given)
    if name in INDEXED:
        _indices(x, name, call | given, y)
    if r.once_in(4):
        _masked(x, name, call | given)
    if r.once_in(8):
        _batch(r, x, name, call | given)


def result_of(name: str, dtype: np.dtype, given: dict[str, Any]) -> np.dtype:
    return reference.result_dtype("mean" if "weights" in given else name, dtype.newbyteorder("="))


def _dtype(name: str, dtype: np.dtype, given: dict[str, Any]) -> dict[str, Any]:
    """The dtype of medians and quantiles that are cells, which the reference does not know."""
    if name in ("median", "quantile") and given.get("method", "linear") in ("lower", "higher", "nearest"):
        return {"dtype": dtype.newbyteorder("=")}
    return {}


def _indices(x: np.ndarray, name: str, call: dict[str, Any], values: Any) -> None:
    """Where the values come from: each is the cell that its index points to."""
    found = everywhere(cypool.pool, x, reduce=name, return_indices=True, **call)
    if isinstance(found, Refused):
        return
    assert not isinstance(values, Refused), f"values alone are refused: {values}"
    there = pooled(x, found[1], call)
    there = there.view(np.uint8) != 0 if there.dtype.kind == "b" else there
    assert np.array_equal(found[0], there, equal_nan=x.dtype.kind == "f"), f"{found[0]} is not at {found[1]}"
    same = found[1] if values.dtype != x.dtype.newbyteorder("=") and name in ("max", "min") else found[0]
    assert exact(values) in (exact(same), exact(found[1])), f"{values} without indices, {found} with them"


def _masked(x: np.ndarray, name: str, call: dict[str, Any]) -> None:
    """A masked array is an array with `where`."""
    call = dict(call)
    seen = call.pop("where", None)
    seen = np.broadcast_to(x == x if seen is None else seen, x.shape)
    got = outcome(cypool.pool, np.ma.MaskedArray(x, ~seen), reduce=name, **call)
    want = outcome(cypool.pool, x, reduce=name, where=seen, **{"fill_value": 1, **call})
    if isinstance(got, Refused) or isinstance(want, Refused):
        assert exact(got) == exact(want), f"{got!r} of a masked array, {want!r} with where"
        return
    hidden = np.ma.getmaskarray(got)
    assert "fill_value" not in call or not hidden.any(), f"masked in spite of a fill_value: {got!r}"
    assert exact(np.ma.MaskedArray(want, hidden)) == exact(np.ma.MaskedArray(got.data, hidden)), f"{got!r}, {want!r}"


def _batch(r: Reader, x: np.ndarray, name: str, call: dict[str, Any]) -> None:
    """Many copies, enough for several threads: the same result for each."""
    copies = min(2 ** r.between(6, 16), (1 << 15) // max(x.size, 1))
    many = np.repeat(np.ascontiguousarray(x, x.dtype.newbyteorder("="))[None], copies, 0)
    call = call | {"axes": tuple(a % x.ndim - x.ndim for a in call["axes"])}
    y = stays(cypool.pool, many, reduce=name, workers=1, **call)
    assert exact(outcome(cypool.pool, many, reduce=name, workers=3, **call)) == exact(y), "3 workers differ from 1"
    if not isinstance(y, Refused) and len(y):
        assert exact(y[-1]) == exact(y[0]) == exact(y[len(y) // 2]), "places of a batch differ"


# ---- backward --------------------------------------------------------------------------------------


def backward(data: bytes) -> None:
    """`pool_backward`: adjoint identities, and what every gradient obeys."""
    r = Reader(data)
    if r.once_in(4):
        return wild.backward(r)
    if r.flag():
        return _adjoint(r)
    name = r.choice(sorted(WRT["x"]))
    x = making.array(r, arrays.dtypes_of(name), calm=r.flag())
    call, tables = windows(r, x.shape) if r.once_in(4) else (geometry(r, x.shape), None)
    call |= options(r, name, None if tables else call["window"])
    if call.get("border") == "constant":
        call["border_value"] = x.dtype.type(r.below(2))
    skipped = skips(r, x, np.dtype(float))
    skipped.pop("fill_value", None)
    y = outcome(cypool.pool, x, reduce=name, **call, **skipped, fill_value=x.dtype.type(1))
    if isinstance(y, Refused):
        outcome(cypool.pool_backward, np.ones((1,) * x.ndim), x, reduce=name, **call, **skipped)
        return
    g = laid_out(r, values(r, r.choice(("f8", "f4", "f2", "i4", "u1", "?")), y.shape, calm=True))
    dx = everywhere(cypool.pool_backward, g, x, reduce=name, **call, **skipped)
    if isinstance(dx, Refused):
        raise AssertionError(f"pool gives {y!r}, pool_backward {dx}")
    kind = x if x.dtype.kind in "fc" else g
    assert (dx.shape, dx.dtype) == (x.shape, kind.dtype.newbyteorder("=")), f"{dx.dtype} {dx.shape} of {kind.dtype}"
    seen = np.broadcast_to(skipped.get("where", True), x.shape)
    assert not dx[~seen].any(), f"cells that take no part are given {dx[~seen]}"
    if name in INDEXED:
        found = outcome(cypool.pool, x, reduce=name, **call, **skipped, return_indices=True)
        if not isinstance(found, Refused):
            again = everywhere(cypool.pool_backward, g, x, reduce=name, **call, **skipped, indices=found[1])
            assert exact(again) == exact(dx), f"{again!r} with indices, {dx!r} without"


def _adjoint(r: Reader) -> None:
    """<pool(x), g> = <x, pool_backward(g)> on small integers: exactly for sums."""
    name = r.choice(LINEAR)
    x = laid_out(r, values(r, "i4", shape(r), calm=True) % 19 - 9.0)
    call = geometry(r, x.shape) | options(r, name)
    call |= {"weights": np.resize(np.arange(1, 5.0), call["window"])} if r.once_in(3) else {}
    if "weights" in call:
        call.pop("divisor", None)
    if r.once_in(3):
        call["where"] = making.mask(r, x.shape)
    y = everywhere(cypool.pool, x, reduce=name, **call, fill_value=0)
    if isinstance(y, Refused):
        return
    g = laid_out(r, values(r, "i4", y.shape, calm=True) % 19 - 9.0)
    left = (y * g).sum()
    right = (x * everywhere(cypool.pool_backward, g, x, reduce=name, **call)).sum()
    near = left == right if name == "sum" else math.isclose(left, right, rel_tol=1e-12, abs_tol=1e-7)
    assert near, f"<pool(x), g> = {left}, <x, pool_backward(g)> = {right}"


# ---- unpool ----------------------------------------------------------------------------------------


def unpool(data: bytes) -> None:
    """`unpool`, against a loop; indices that pool gave and any others."""
    r = Reader(data)
    if r.once_in(4):
        return wild.unpool(r)
    x = making.array(r, arrays.REAL)
    call = geometry(r, x.shape)
    found = outcome(cypool.pool, x, reduce=r.choice(("max", "min", "mode")), return_indices=True, **call)
    if isinstance(found, Refused):
        y = making.array(r, arrays.REAL + arrays.COMPLEX)
        axes = tuple(range(-r.between(1, y.ndim), 0))
        sizes = tuple(r.choice((1, 2, 3, 5)) for _ in axes)
        index = _some_indices(r, y.shape, math.prod(sizes))
    else:
        (y, index), axes = found, call["axes"]
        sizes = tuple(x.shape[a] for a in axes)
        if r.once_in(4):
            index = _some_indices(r, y.shape, math.prod(sizes))
    y, index = laid_out(r, y), laid_out(r, index)
    got = everywhere(cypool.unpool, y, index, sizes, axes=axes)
    _check_unpooled(got, y if y.dtype.kind != "b" else y.view(np.uint8) != 0, index, sizes, axes)


def _some_indices(r: Reader, shape: tuple[int, ...], cells: int) -> np.ndarray:
    """Most of them inside, some beyond, in any integer type."""
    dtype = np.dtype(r.choice(("i8", "u8", "i4", "u1", "i2")))
    picks = np.resize(np.frombuffer(r.bytes(32) or b"\0", np.uint8), shape).astype(np.int64)
    index = (picks % (cells + r.once_in(4))).astype(dtype)
    if r.once_in(4) and index.size:
        index.reshape(-1)[r.below(index.size)] = r.choice((np.iinfo(dtype).max, np.iinfo(dtype).min, 0))
    return index


def _check_unpooled(got: Any, y: np.ndarray, index: np.ndarray, sizes: tuple[int, ...], axes: tuple[int, ...]) -> None:
    cells = math.prod(sizes)
    inside = all(0 <= int(i) < cells for i in index.flat)
    if isinstance(got, Refused):
        assert got.startswith("IndexError") and not inside, f"{got} for {index.tolist()} in {sizes}"
        return
    assert inside, f"{got!r} for {index.tolist()} in {sizes}"
    order = sorted(range(len(axes)), key=lambda i: axes[i] % y.ndim)
    last = tuple(range(-len(axes), 0))
    pooled_axes = [axes[i] % y.ndim for i in order]
    lines = np.moveaxis(got, pooled_axes, last)
    assert got.dtype == y.dtype.newbyteorder("=")
    assert lines.shape[y.ndim - len(axes) :] == tuple(sizes[i] for i in order), got.shape
    want = np.zeros((*lines.shape[: y.ndim - len(axes)], cells), got.dtype)
    moved, places = np.moveaxis(y, pooled_axes, last), np.moveaxis(index, pooled_axes, last)
    for at in np.ndindex(want.shape[:-1]):
        for value, place in zip(moved[at].flat, places[at].flat, strict=True):
            want[at][int(place)] = value
    assert exact(want.reshape(lines.shape)) == exact(np.ascontiguousarray(lines)), f"{got!r}, right is {want!r}"


# ---- block_reduce ----------------------------------------------------------------------------------

FUNCTIONS = {
    np.sum: "sum", np.max: "max", np.min: "min", np.mean: "mean", np.any: "any", np.all: "all", np.median: "median",
    np.prod: "prod", np.var: "var",
}  # fmt: skip


def block_reduce(data: bytes) -> None:
    """`block_reduce` is `pool` on the same blocks."""
    r = Reader(data)
    if r.once_in(4):
        return wild.blocks(r)
    func = r.choice([*FUNCTIONS, "max", "range", "sum", "lp", "first", "median"])
    name = FUNCTIONS.get(func, func)
    x = making.array(r, arrays.dtypes_of(name), calm=name in arrays.PLAIN)
    channel = r.between(-x.ndim, x.ndim - 1) if x.ndim > 1 and r.once_in(4) else None
    axes = [a for a in range(x.ndim) if channel is None or a != channel % x.ndim]
    size = r.choice((2, 1, 3, 70 if x.ndim < 3 else 9, tuple(r.between(1, 5) for _ in axes)))
    each = size if isinstance(size, tuple) else (size,) * len(axes)
    boundary = r.choice(("pad", "partial", "trim", "exact"))
    cval = x.dtype.type(r.below(2))
    y = everywhere(cypool.block_reduce, x, size, func, cval, boundary=boundary, channel_axis=channel)
    after = [-x.shape[a] % k for a, k in zip(axes, each, strict=True)]
    if boundary == "trim":
        after = [0] * len(axes)
    if (
        (boundary == "exact" and any(after))
        or (boundary == "trim" and any(x.shape[a] < k for a, k in zip(axes, each, strict=True)))
        or (boundary != "pad" and any(x.shape[a] == 0 for a in axes))
    ):
        assert str(y).startswith("ValueError"), f"{y!r} of blocks {each} of {x.shape}, {boundary}"
        return
    assert not isinstance(y, Refused), y
    if x.size == 0:
        assert y.size == 0, y
        return
    border = {"border": "constant", "border_value": cval} if boundary == "pad" else {}
    padding = tuple((0, n) for n in after)
    want = reference.pool(x, each, name, axes=axes, padding=padding, **border)
    assert (y.shape, y.dtype) == (want.value.shape, want.dtype), f"{y.shape} {y.dtype}, right is {want}"
    fine = reference.agrees(y, want)
    assert fine.all(), f"{y[~fine]} of {arrays.show(x)}, right is {want.value[~fine]}"
    if x.dtype.kind != "b" and name == "max":
        copies = cypool.block_replicate(y, 2)
        assert exact(cypool.block_reduce(copies, 2, "max")) == exact(y)


HARNESSES = {f.__name__: f for f in (forward, backward, unpool, block_reduce, wild.arguments, wild.nn)}
