"""Unpooling, block reduction and pyramids of dask arrays are those of NumPy arrays."""

import importlib.util
import pathlib

import dask
import dask.array
import numpy as np
import pytest

import cypool
import cypool.dask

_spec = importlib.util.spec_from_file_location("dask_bits", pathlib.Path(__file__).with_name("test_dask_bits.py"))
bits = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bits)


def run(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(1, 7, rng.integers(1, 4)))
    count = int(rng.integers(1, len(shape) + 1))
    axes = tuple(int(a) for a in rng.permutation(len(shape))[:count])
    sizes = tuple(int(n) for n in rng.integers(1, 12, count))
    values = bits.data(rng, shape, str(rng.choice(bits.DTYPES)))
    high = int(np.prod(sizes)) + (rng.random() < 0.05)
    indices = rng.integers(0, high, shape)
    what = f"seed {seed}: {values.dtype} {shape} to {sizes} on {axes}"
    want = bits.outcome(lambda: cypool.unpool(values, indices, sizes, axes=axes))
    lazy = bits.chunked(rng, values)
    where = bits.chunked(rng, indices) if rng.random() < 0.7 else indices

    def later():
        result = cypool.dask.unpool(lazy, where, sizes, axes=axes)
        array = result.compute()
        assert array.dtype == result.dtype and array.shape == result.shape, what
        return array

    bits.check(bits.outcome(later), want, what)
    return want


def test_unpool():
    with dask.config.set(scheduler="synchronous"):
        failed = sum(isinstance(run(seed), type) for seed in range(250))
    assert 0 < failed < 30


def test_unpool_refuses_masked_indices():
    """An empty window has none; that shows when they are computed."""
    x = np.ma.MaskedArray(np.arange(24.0).reshape(4, 6), mask=np.arange(24).reshape(4, 6) % 6 < 2)
    values, indices = cypool.dask.pool(dask.array.from_array(x, chunks=3), 2, return_indices=True)
    result = cypool.dask.unpool(values, indices, x.shape)
    with pytest.raises(ValueError, match=r"indices must not be masked") as theirs:
        cypool.unpool(*cypool.pool(x, 2, return_indices=True), x.shape)
    with pytest.raises(ValueError) as ours:
        result.compute()
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("shape,sizes,axes", [((0, 3), 6, 1), ((2, 0), 4, 0), ((2, 0, 3), (5, 7), (2, 0))])
@pytest.mark.parametrize("dtype", ["f4", ">i2"])
def test_unpool_of_nothing(shape, sizes, axes, dtype):
    """An axis of length 0 that is not pooled stays as it is."""
    values, indices = np.zeros(shape, dtype), np.zeros(shape, int)
    want = cypool.unpool(values, indices, sizes, axes=axes)
    found = cypool.dask.unpool(dask.array.from_array(values, chunks=2), indices, sizes, axes=axes)
    assert found.shape == want.shape and 0 in want.shape and found.dtype == want.dtype
    bits.check(found.compute(), want, f"{shape} to {sizes} on {axes}")


FUNCTIONS = (np.sum, np.max, np.mean, np.median, np.nanmean, np.ptp, "mode", "argmax", np.percentile, "spread", len)


def reduced(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(1, 12, rng.integers(1, 4)))
    x = bits.data(rng, shape, str(rng.choice(("uint8", "int16", "float32", "float64"))))
    if rng.random() < 0.2:
        x = np.ma.MaskedArray(x, mask=rng.random(shape) < 0.3)
    func = FUNCTIONS[seed % len(FUNCTIONS)]
    given = {"boundary": str(rng.choice(("pad", "partial", "trim", "exact"))), "cval": int(rng.integers(0, 3))}
    if len(shape) > 1 and rng.random() < 0.5:
        given["channel_axis"] = int(rng.integers(-len(shape), len(shape)))
    if func is np.percentile:
        given["func_kwargs"] = {"q": 30}
    if func == "spread":
        func, given["func_kwargs"] = _spread, {"by": 3}
    size = int(rng.integers(1, 5))
    what = f"seed {seed}: {x.dtype} {shape}, {size}, {func}, {given}"
    lazy = bits.chunked(rng, x)
    want = bits.outcome(lambda: cypool.block_reduce(x, size, func, **given))

    def later():
        result = cypool.dask.block_reduce(lazy, size, func, **given)
        array = result.compute()
        assert array.dtype == result.dtype and array.shape == result.shape, what
        return array

    bits.check(bits.outcome(later), want, what)
    return want


def _spread(a, axis, by):
    return (a.max(axis) - a.min(axis)) // by


def test_block_reduce():
    with dask.config.set(scheduler="synchronous"), np.errstate(all="ignore"):
        failed = sum(isinstance(reduced(seed), type) for seed in range(600))
    assert 0 < failed < 300


@pytest.mark.parametrize("func", [np.sum, np.mean, np.median, "max"])
@pytest.mark.parametrize("given", [{}, {"dtype": "f8", "cval": 1}, {"channel_axis": 0}], ids="-".join)
def test_block_reduce_of_nothing(func, given):
    """Blocks of an image of size 0 may be padded: a result of size 0, masked if the image is."""
    for x in (np.zeros((0, 7), np.float32), np.ma.MaskedArray(np.zeros((3, 0, 4), np.uint8))):
        want = cypool.block_reduce(x, 2, func, **given)
        found = cypool.dask.block_reduce(dask.array.from_array(x, chunks=2), 2, func, **given)
        assert isinstance(found, dask.array.Array) and type(found._meta) is type(want)
        assert found.shape == want.shape and want.size == 0 and found.dtype == want.dtype
        bits.check(found.compute(), want, f"{x.shape}, {func}, {given}")


@pytest.mark.parametrize("reduce", ["mean", "max", "min", "first", "median", "mode"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_pyramid(reduce, dtype):
    rng = np.random.default_rng(3)
    x = bits.data(rng, (2, 13, 18), dtype)
    with dask.config.set(scheduler="synchronous"):
        for given in ({}, {"factor": (2, 3)}, {"levels": 2}, {"where": rng.random((13, 18)) < 0.9},
                      {"channel_axis": 1, "axes": None}):  # fmt: skip
            given = {"axes": (1, 2), "nan_policy": "omit", "fill_value": 0, **given}
            if given["axes"] is None:
                x = x[:, :3]
            lazy = bits.chunked(rng, x)
            found = cypool.dask.pyramid(lazy, reduce=reduce, **given)
            assert found[0] is lazy and len(found) > 1
            axes = given["axes"] or (0, 2)
            factors = given.get("factor", (2, 2))
            options = {k: v for k, v in given.items() if k in ("where", "nan_policy", "fill_value")}
            for level, y in enumerate(found):
                window = tuple(f**level for f in factors)
                want = cypool.pool(x, window, reduce, axes=axes, ceil_mode=True, dtype=x.dtype, **options)
                bits.check(y.compute(), want if level else x, f"{given} {level}")
                assert all(max(y.chunks[a]) <= max(1, *lazy.chunks[a]) for a in axes)
            if "levels" not in given:
                assert all(found[-1].shape[a] == 1 for a in axes)
                assert any(found[-2].shape[a] > 1 for a in axes)


def test_pyramid_refuses():
    x = dask.array.ones((8, 8), chunks=4)
    for given, error in (({"factor": 1}, ValueError), ({"factor": 2.0}, TypeError), ({"factor": (1, 1)}, ValueError),
                         ({"factor": (2, 2, 2)}, ValueError), ({"levels": -1}, ValueError),
                         ({"levels": 400}, ValueError), ({"channel_axis": 2}, ValueError),
                         ({"channel_axis": 0, "axes": (0, 1)}, ValueError), ({"reduce": "middle"}, ValueError),
                         ({"rounding": "up"}, ValueError), ({"reduce": "max", "p": 2}, TypeError)):  # fmt: skip
        with pytest.raises(error):
            cypool.dask.pyramid(x, **given)
    assert cypool.dask.pyramid(x, levels=0)[0] is x
