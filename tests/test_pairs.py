"""Medians of blocks of 2x2 and 2x2x2 cells, which go from memory to results in one pass."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from arrays import FLOATS, LAYOUTS, REAL, nasty, plain, rough, wide

import cypool

INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
ROUND = {"half_even": round, "half_up": lambda v: math.floor(v + Fraction(1, 2)), "floor": math.floor}


def middles(x, nd):
    """The two middle cells of each block of 2 cells along the last nd axes, which it covers whole."""
    lead, sizes = x.shape[: x.ndim - nd], [n // 2 for n in x.shape[x.ndim - nd :]]
    split = x.reshape(*lead, *itertools.chain(*((n, 2) for n in sizes)))
    last = [len(lead) + 2 * i + 1 for i in range(nd)]
    cells = np.sort(np.moveaxis(split, last, range(-nd, 0)).reshape(*lead, *sizes, 2**nd), axis=-1)
    return cells[..., 2 ** (nd - 1) - 1], cells[..., 2 ** (nd - 1)]


def expected(x, nd):
    """Medians as floats, of values whose sums of two are exact in double."""
    low, high = middles(x, nd)
    return (low.astype("f8") + high.astype("f8")) / 2


def median(x, nd, **options):
    return cypool.pool(x, (2,) * nd, "median", axes=tuple(range(-nd, 0)), **options)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("nd", [2, 3])
def test_every_state(nd, dtype):
    """A list of comparisons that is right for all zeros and ones is right for all numbers."""
    states = np.array(list(itertools.product([0, 1], repeat=2**nd)))
    x = np.concatenate(list(states.reshape(-1, *(2,) * nd)), axis=-1).astype(dtype)
    ones = states.sum(-1)
    want = np.where(2 * ones == 2**nd, 0.5, 2 * ones > 2**nd)
    assert np.array_equal(median(x, nd).ravel(), want)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize(
    "shape", [(2, 2), (6, 14), (4, 514), (2, 3, 8, 30), (2, 9000), (3, 4, 2, 2), (70, 66), (2, 4, 1100)]
)
def test_values(shape, dtype):
    x = plain(dtype, shape, np.random.default_rng(1))
    for nd in (2, 3) if len(shape) > 2 and shape[-3] % 2 == 0 else (2,):
        got = median(x, nd)
        assert got.dtype == (dtype if x.dtype.kind == "f" else "float64")
        assert np.array_equal(got, expected(x, nd).astype(got.dtype))


@pytest.mark.parametrize("rounding", ROUND)
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("nd", [2, 3])
def test_integers_to_the_last_bit(nd, dtype, rounding):
    x = wide(dtype, (4, 6, 70), np.random.default_rng(2))
    low, high = middles(x, nd)
    exact = [Fraction(int(a) + int(b), 2) for a, b in zip(low.ravel(), high.ravel(), strict=True)]
    want = np.array([ROUND[rounding](v) for v in exact], dtype).reshape(low.shape)
    assert np.array_equal(median(x, nd, dtype=dtype, rounding=rounding), want)
    if np.dtype(dtype).itemsize < 8:
        assert np.array_equal(median(x, nd), np.array(exact, float).reshape(low.shape))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("nd", [2, 3])
def test_floats_are_rounded_once(nd, dtype):
    """The nearest float to the mean of the middle cells, which may be as large as floats are, or as small."""
    info = np.finfo(dtype)
    rng = np.random.default_rng(3)
    x = (rough(dtype, (4, 6, 70), 3) * 2.0 ** rng.integers(-12, 12, (4, 6, 70))).astype(dtype)
    x[0, :, 10:20], x[1, :, 10:20], x[2:, :, 10:20] = info.max, np.nextafter(info.max, info.tiny), -info.max
    x[..., 30:40] = info.smallest_subnormal * rng.integers(-9, 9, (4, 6, 10)).astype(dtype)
    low, high = middles(x, nd)
    exact = [(Fraction(float(a)) + Fraction(float(b))) / 2 for a, b in zip(low.ravel(), high.ravel(), strict=True)]
    got = median(x, nd)
    best = [np.array(float(v)).astype(dtype) for v in exact]  # float() of a fraction is rounded once
    assert np.array_equal(got.ravel(), best)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("nd", [2, 3])
def test_nan_and_infinities(nd, dtype):
    x = plain(dtype, (4, 30, 700), np.random.default_rng(5))
    calm = median(x, nd)
    for at in ((0, 0, 0), (3, 29, 699), (1, 15, 256), (2, 7, 511)):
        y = x.copy()
        y[at] = np.nan
        got = median(y, nd)
        hit = tuple(i // 2 if axis >= 3 - nd else i for axis, i in enumerate(at))
        assert np.isnan(got[hit]) and np.isnan(got).sum() == 1
        assert np.array_equal(got[~np.isnan(got)], calm[~np.isnan(got)])
        with pytest.raises(ValueError, match="x has a NaN in window"):
            median(y, nd, nan_policy="raise")
    few = np.array([[np.inf, np.inf, -np.inf, 1], [-np.inf, -np.inf, -np.inf, np.inf]], dtype)
    got = cypool.pool(few, 2, "median")
    assert np.isnan(got[0, 0]) and got[0, 1] == -np.inf


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("nd", [2, 3])
def test_layouts_workers_and_bands(nd, dtype):
    x = nasty(dtype, (6, 18, 90), seed=6, nan=0.0, calm=True)
    for layout in LAYOUTS.values():
        y = layout(x)
        want = expected(np.array(y), nd).astype(np.result_type(y, "float32") if y.dtype.kind == "f" else "float64")
        for workers in (1, 2, 5):
            assert np.array_equal(median(y, nd, workers=workers), want)


@pytest.mark.parametrize("method", ["linear", "midpoint", "lower", "higher", "nearest"])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
def test_other_quantiles(dtype, method):
    """Only what lies half between the middle cells is found so."""
    rng = np.random.default_rng(7)
    x = rng.integers(0, 200, (8, 40)).astype(dtype)
    low, high = (cells.astype("f8") for cells in middles(x, 2))
    centre = {"lower": low, "higher": high, "nearest": high}.get(method, (low + high) / 2)  # ranks 1, 2: the even one
    assert np.array_equal(cypool.pool(x, 2, "quantile", q=0.5, method=method, dtype="float64"), centre)
    for q, extreme in ((0, "min"), (1, "max")):
        got = cypool.pool(x, 2, "quantile", q=q, method=method, dtype=dtype)
        assert np.array_equal(got, cypool.pool(x, 2, extreme))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_cells_that_do_not_take_part(dtype):
    """Masks, padding and ignored NaN go another way, to the same results where all cells take part."""
    x = plain(dtype, (12, 60), np.random.default_rng(8))
    want = expected(x, 2).astype("f4" if dtype == "float32" else "f8")
    assert np.array_equal(cypool.pool(x, 2, "median", where=np.ones(x.shape, bool)), want)
    assert np.array_equal(cypool.pool(x, 2, "median", padding=2)[1:-1, 1:-1], want)
    assert np.array_equal(cypool.pool(x, 2, "median", nan_policy="omit"), want)
    assert np.array_equal(cypool.pool(x, 2, "median", return_indices=False, border="reflect"), want)
