"""Pyramids: every level is `pool` of the array itself, to the bit."""

import math
import sys

import arrays
import numpy as np
import pytest

import cypool
from cypool import pyramid as function
from cypool.levels import Levels, depth_of
from cypool.pyramid import reduce_levels

RNG = np.random.default_rng
REDUCERS = ["max", "min", "mean", "sum", "median", "quantile", "mode", "first", "range", "var", "std", "lp", "gem",
            "logsumexp", "softpool", "any", "all", "prod"]  # fmt: skip
TABLE = cypool.reducers.TABLE


def naive(x, factor, levels, reduce, **keywords):
    """What a level is."""
    powers = [np.power(factor, k) for k in range(1, levels + 1)]
    sizes = [tuple(map(int, p)) if np.ndim(p) else int(p) for p in powers]
    return [cypool.pool(x, p, reduce, stride=p, ceil_mode=True, dtype=x.dtype, **keywords) for p in sizes]


def same(found, expected):
    for k, (a, b) in enumerate(zip(found, expected, strict=True), 1):
        assert type(a) is type(b) and a.shape == b.shape, (k, a.shape, b.shape)
        assert a.dtype == b.dtype.newbyteorder("="), k
        np.testing.assert_array_equal(a, b, err_msg=f"level {k}")
        if isinstance(a, np.ma.MaskedArray):
            assert np.array_equal(np.ma.getmaskarray(a), np.ma.getmaskarray(b))


def possible(dtype):
    return [n for n in REDUCERS if reducible(n, np.dtype(dtype))]


def reducible(name, dtype):
    try:
        Levels(dtype, {0: 2}, name, {})
    except TypeError:
        return False
    return True


@pytest.fixture(params=["one block", "many blocks"])
def small(request, monkeypatch):
    """Blocks of a few hundred bytes, sums of small windows and lines of few cells: what large arrays are cut into."""
    module = sys.modules["cypool.levels"]
    if request.param == "many blocks":
        for name, value in (("CACHES", (300, 2000)), ("SUMMED", 5), ("GATHERED", 60), ("LONG", 4), ("THREADED", 1000)):
            monkeypatch.setattr(module, name, value)


@pytest.mark.parametrize("dtype", arrays.REAL + arrays.COMPLEX)
def test_levels_are_pools(dtype, small):
    for seed, (shape, factor) in enumerate([((37,), 2), ((23, 37), 2), ((23, 70), (3, 2)), ((9, 10, 31), (1, 2, 2)),
                                            ((12, 17, 18), 2), ((40, 9), 5), ((2, 3, 16, 19), (2, 4))]):  # fmt: skip
        axes = None if isinstance(factor, int) else tuple(range(len(shape) - len(factor), len(shape)))
        x = arrays.nasty(dtype, shape, seed, calm=True)
        for name in possible(dtype):
            found = function(x, factor, 4, name)
            assert found[0] is x
            same(found[1:], naive(x, factor, 4, name, axes=axes))


@pytest.mark.parametrize("layout", arrays.LAYOUTS)
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
def test_layouts(layout, dtype, small):
    x = arrays.LAYOUTS[layout](arrays.nasty(dtype, (21, 26, 33), 3, calm=True))
    for name in ("mean", "max", "median", "mode", "first"):
        same(function(x, 2, None, name)[1:], naive(x, 2, 6, name))
        same(function(x, (2, 2), 3, name, axes=(2, 0))[1:], naive(x, (2, 2), 3, name, axes=(2, 0)))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int8", "int32", "uint64", "int64"])
@pytest.mark.parametrize("rounding", ["half_even", "half_up", "floor"])
def test_means_of_integers(dtype, rounding, small):
    """Ties, saturation and sums that do not fit 64 bits."""
    for seed in range(3):
        x = arrays.nasty(dtype, (65, 66), seed)
        same(function(x, 2, rounding=rounding)[1:], naive(x, 2, 7, "mean", rounding=rounding))
    ones = np.full((50, 50), np.iinfo(dtype).max, dtype)
    assert all((level == np.iinfo(dtype).max).all() for level in function(ones, 3))
    same(function(x, 2, 3, divisor=4)[1:], naive(x, 2, 3, "mean", divisor=4))


@pytest.mark.parametrize("options", [{"q": 0.9}, {"q": 0.3, "method": "lower"}, {"q": 1, "rounding": "floor"}])
def test_options(options, small):
    x = RNG(0).integers(0, 1000, (50, 61)).astype(np.uint16)
    same(function(x, 2, 4, "quantile", **options)[1:], naive(x, 2, 4, "quantile", **options))
    for ties in ("smallest", "largest", "first"):
        same(function(x % 7, 2, 4, "mode", ties=ties, ignore=0)[1:], naive(x % 7, 2, 4, "mode", ties=ties, ignore=0))


@pytest.mark.parametrize("name", ["max", "min", "mean", "median", "mode", "first", "sum", "var", np.nanmean, np.nanmax])
@pytest.mark.parametrize("policy", ["propagate", "omit"])
def test_nan(name, policy, small):
    x = arrays.nasty("float32", (40, 41), 5, nan=0.6, calm=True)
    same(function(x, 2, None, name, nan_policy=policy)[1:], naive(x, 2, 6, name, nan_policy=policy))


def test_nan_raises():
    x = np.ones((8, 8), np.float32)
    same(function(x, 2, nan_policy="raise")[1:], naive(x, 2, 3, "mean"))
    x[5, 6] = np.nan
    with pytest.raises(ValueError, match=r"NaN in window \(2, 3\)"):
        function(x, 2, nan_policy="raise")


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_masks(dtype, small):
    values = arrays.nasty(dtype, (30, 33), 1, calm=True)
    mask = RNG(2).random(values.shape) < 0.8
    mask[:16, :16] = True
    x = np.ma.MaskedArray(values, mask)
    for name in ("mean", "max", "median", "mode", "first"):
        same(function(x, 2, 4, name)[1:], naive(x, 2, 4, name))
        same(function(values, 2, 3, name, where=~mask, fill_value=7)[1:],
             naive(values, 2, 3, name, where=~mask, fill_value=7))  # fmt: skip
        row = ~mask[:, :1]
        row[::2] = True
        same(function(values, 2, 3, name, where=row)[1:], naive(values, 2, 3, name, where=row))
    assert function(x, 2, 4, "max")[4].mask.tolist()[0][0] is True


def test_fractions_of_windows_at_the_end():
    x = np.array([0, 0, 0, 0, 8], np.uint8)
    assert [level.tolist() for level in function(x)] == [[0, 0, 0, 0, 8], [0, 0, 8], [0, 8], [2]]  # 8 / 5 = 1.6
    assert [level.tolist() for level in function(x, reduce="max")[1:]] == [[0, 0, 8], [0, 8], [8]]


def test_number_of_levels():
    assert [level.shape for level in function(np.zeros((1, 1)))] == [(1, 1)]
    assert [level.shape for level in function(np.zeros((9, 2)), 3)] == [(9, 2), (3, 1), (1, 1)]
    assert len(function(np.zeros((7, 7)), 2, 0)) == 1
    assert [level.shape for level in function(np.zeros((2, 5)), 2, 5)[3:]] == [(1, 1)] * 3  # longer than the array
    assert len(function(np.zeros((1000, 3)), (1, 2))) == 3  # what is not reduced is never short enough
    assert function(np.zeros((300, 3, 2, 2), np.uint8), 2)[-1].shape == (1, 1, 1, 1)
    assert depth_of((2**22, 4, 4, 4), dict.fromkeys(range(4), 2)) == 22
    tall = np.zeros((2**22, 1, 2, 2), np.uint8)  # factor**22 has more than 2**62 cells, of which few are there
    tall[-1] = 9
    found = function(tall, 2, reduce="max")
    assert len(found) == 23 and found[-1].item() == 9


def test_channels():
    photo = arrays.nasty("uint8", (33, 40, 3), 0)
    same(function(photo, 2, 3, channel_axis=-1)[1:], naive(photo, 2, 3, "mean", axes=(0, 1)))
    same(function(photo, 2, 3, channel_axis=0)[1:], naive(photo, 2, 3, "mean", axes=(1, 2)))
    same(function(photo, (1, 2), 3, channel_axis=2)[1:], naive(photo, (1, 2), 3, "mean", axes=(0, 1)))


def test_other_callables():
    x = RNG(0).random((20, 21))
    same(function(x, 2, 3, lambda a, axis: a.max(axis) - a.min(axis))[1:], naive(x, 2, 3, "range"))


def test_empty_batch():
    assert [level.shape for level in function(np.zeros((0, 8, 8), np.uint8), (2, 2))] == [
        (0, 8, 8), (0, 4, 4), (0, 2, 2), (0, 1, 1)
    ]  # fmt: skip


def test_lists_and_memory_maps(tmp_path):
    assert [level.tolist() for level in function([[1, 2], [3, 6]])] == [[[1, 2], [3, 6]], [[3]]]
    x = arrays.nasty("uint16", (100, 120), 0)
    mapped = arrays.memory_mapped(x, tmp_path / "x")
    same(function(mapped)[1:], naive(x, 2, 7, "mean"))


def test_workers_do_not_matter():
    x = RNG(0).random((1500, 1600)).astype(np.float32)
    for name in ("mean", "median"):
        alone = function(x, 2, None, name, workers=1)
        for n in (2, 3, None):
            same(function(x, 2, None, name, workers=n)[1:], alone[1:])


def test_large_windows_are_sorted_as_lines():
    """One window of 300 000 cells, with real thresholds; and blocks of several levels."""
    x = RNG(0).integers(0, 255, (600, 1100), dtype=np.uint8)
    for name in ("median", "mode"):
        found = function(x, 2, None, name)
        assert len(found) == 12
        for k in (1, 5, 9, 10, 11):
            np.testing.assert_array_equal(found[k], cypool.pool(x, 2**k, name, ceil_mode=True, dtype=x.dtype))
    same(function(x)[1:], naive(x, 2, 11, "mean"))


def test_reduce_levels():
    x = arrays.nasty("int16", (32, 48), 0)
    found = reduce_levels(x, {0: 2, 1: 2}, (2, 4), "mean", rounding="floor")
    every = naive(x, 2, 4, "mean", rounding="floor")
    same(found, [every[1], every[3]])


@pytest.mark.parametrize("dtype", arrays.REAL + arrays.COMPLEX)
def test_reducers_that_keep_the_dtype(dtype):
    for name in TABLE:
        if name not in possible(dtype):
            with pytest.raises(TypeError, match=f"reduce='{name}' of {dtype} does not give {dtype}") as info:
                function(np.ones((4, 4), dtype), reduce=name)
            allowed = str(info.value).split("one of ")[1].split(", ")
            assert allowed == [n for n in TABLE if n in possible(dtype)]


@pytest.mark.parametrize(
    "arguments, error, text",
    [
        ({"factor": 1}, ValueError, "factor must be at least 2 on one axis, not 1"),
        ({"factor": (1, 1)}, ValueError, "factor must be at least 2 on one axis"),
        ({"factor": 0}, ValueError, "factor must be at least 1"),
        ({"factor": 2.0}, TypeError, "factor must be an integer"),
        ({"factor": (2, 2, 2)}, ValueError, "factor must have 1 to 2 entries"),
        ({"factor": (2, 2), "axes": 0}, ValueError, "factor must be one value or 1"),
        ({"factor": 2**62}, ValueError, "factor must be below"),
        ({"levels": -1}, ValueError, "levels must be at least 0"),
        ({"levels": 1.0}, TypeError, "levels must be an integer"),
        ({"axes": (0, 0)}, ValueError, "axes must not repeat"),
        ({"axes": 0, "channel_axis": 1}, ValueError, "axes or channel_axis, not both"),
        ({"channel_axis": 2}, ValueError, "channel_axis: axis 2 is out of bounds"),
        ({"channel_axis": "c"}, TypeError, "channel_axis must be an integer"),
        ({"x": np.zeros(3), "channel_axis": 0}, ValueError, "channel_axis must leave an axis to pool"),
        ({"reduce": "mine"}, ValueError, "reduce must be one of"),
        ({"reduce": 3}, TypeError, "reduce must be a name or a callable"),
        ({"reduce": "argmax"}, TypeError, "reduce='argmax' of uint8 does not give uint8"),
        ({"reduce": "sum"}, TypeError, "reduce='sum' of uint8 does not give uint8, .* max, min, mean, range, first"),
        ({"x": np.zeros((4, 4), bool)}, TypeError, "it must be one of max, min, any, all, range, first, mode"),
        ({"reduce": "stochastic", "rng": 0}, TypeError, "reduce='stochastic'"),
        ({"reduce": "max", "rounding": "floor"}, TypeError, "reduce='max' takes no option 'rounding'"),
        ({"reduce": lambda a, axis: a.max(axis), "rounding": "floor"}, TypeError, "rounding does not go with reduce"),
        ({"rounding": "up"}, ValueError, "rounding must be one of"),
        ({"rounding": None}, TypeError, "rounding must be a string"),
        ({"weights": np.ones((2, 2))}, TypeError, "weights are for windows of one size"),
        ({"nothing": 1}, TypeError, "takes no option 'nothing'"),
        ({"nan_policy": "drop"}, ValueError, "nan_policy must be one of"),
        ({"nan_policy": np.array([1, 2])}, TypeError, "nan_policy must be a string"),
        ({"where": np.ones((4, 4))}, TypeError, "where must be an array of bool"),
        ({"where": np.zeros((4, 4), bool)}, ValueError, "is empty"),
        ({"workers": 0}, ValueError, "workers must be at least 1"),
        ({"workers": 0, "levels": 0}, ValueError, "workers must be at least 1"),
        ({"x": np.zeros((4, 0))}, ValueError, "axis 1 is pooled and must not have length 0"),
        ({"x": 3}, ValueError, "at least one dimension"),
        ({"x": np.zeros(4, "M8[s]")}, TypeError, "x must be bool, integers, .* not datetime64"),
        ({"x": np.zeros(4, object)}, TypeError, "not object"),
        ({"x": np.zeros(4, [("a", "u1")])}, TypeError, "x must be bool"),
    ],
)
def test_bad_arguments(arguments, error, text):
    with pytest.raises(error, match=text):
        function(**{"x": np.zeros((4, 4), np.uint8)} | arguments)


def test_the_array_is_not_changed(small):
    x = arrays.nasty("float32", (40, 44), 0)
    before = x.copy()
    for name in possible("float32"):
        function(x, 2, None, name)
    assert x.tobytes() == before.tobytes()


def test_random_pyramids(monkeypatch):
    """Random shapes, factors, axes, blocks: 200 pyramids."""
    module, rng = sys.modules["cypool.levels"], RNG(8)
    for turn in range(200):
        ndim = int(rng.integers(1, 4))
        shape = tuple(map(int, rng.integers(1, (200, 60, 20)[ndim - 1], ndim)))
        axes = tuple(map(int, rng.permutation(ndim)[: rng.integers(1, ndim + 1)]))
        factor = tuple(map(int, rng.integers(1, 5, len(axes))))
        if max(factor) < 2:
            continue
        dtype = rng.choice(["uint8", "int16", "uint32", "float32", "float64"])
        name = rng.choice([n for n in possible(dtype) if n != "prod"])
        room = int(rng.choice([64, 512, 4096]))
        for key, value in (("CACHES", (room, 4 * room)), ("SUMMED", int(rng.integers(2, 99))), ("LONG", 4),
                           ("GATHERED", int(rng.integers(2, 999)))):  # fmt: skip
            monkeypatch.setattr(module, key, value)
        x = arrays.nasty(dtype, shape, turn, calm=True)
        levels = min(depth_of(shape, dict(zip(axes, factor, strict=True))), int(math.log(2**20, max(factor))))
        same(function(x, factor, levels, name, axes=axes)[1:], naive(x, factor, levels, name, axes=axes))
