"""Selecting reducers: quantiles, modes, positions and draws."""

import arrays
import numpy as np
import places
import pytest
import reference
from compared import pooled

import cypool
from cypool import dispatch

SHAPE = (3, 6, 7)
CALLS = [
    dict(window=(2, 3)),
    dict(window=(3, 2), stride=1, padding=1),
    dict(window=(2, 2), axes=(0, 2), stride=(1, 2), dilation=(2, 1), ceil_mode=True),
    dict(window=(3, 3), stride=2, padding=(1, (2, 0)), border="reflect"),
    dict(window=(3, 2), stride=1, padding=1, border="wrap"),
    dict(window=(2, 4), stride=(2, 1), padding=(1, 2), border="edge"),
    dict(window=2, axes=0, stride=1),
    dict(window=(1, 3), stride=(1, 2)),
]
METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def slots_of(x, call, name, **options):
    """The flat position that the reference picks: the first cell that equals the value, or the first NaN."""
    window, axes = call["window"], call.get("axes")
    geometry = {key: value for key, value in call.items() if key != "window"}
    tables = reference.geometry(x.shape, window, **{**geometry, "axes": axes})
    cells, part = places.gather(x, tables, True, call.get("border", "ignore"))
    value = reference.pool(x, reduce=name, **call, **options).value
    nan = np.isnan(cells) & part if x.dtype.kind == "f" else np.zeros_like(part)
    slots = np.where(nan.any(-1), nan.argmax(-1), (part & (cells == value[..., None])).argmax(-1))
    return reference.at_slots(x.shape, tables, call.get("border", "ignore"), slots)


@pytest.mark.parametrize("layout", ["C", "Fortran", "stepped", "big-endian"])
@pytest.mark.parametrize("dtype", arrays.REAL)
@pytest.mark.parametrize("name", ["max", "min", "mode"])
def test_positions(name, dtype, layout):
    views = {"C": lambda x: x, "Fortran": np.asfortranarray, "stepped": lambda x: np.repeat(x, 2, 1)[:, ::2],
             "big-endian": arrays.big_endian}  # fmt: skip
    for seed in range(3):
        plain = arrays.nasty(dtype, SHAPE, seed)
        x = views[layout](plain)
        for call in CALLS:
            value, index = cypool.pool(x, reduce=name, return_indices=True, **call)
            assert np.array_equal(index, slots_of(plain, call, name)), call
            there = pooled(plain, index, call)
            if dtype == "bool":
                there = there.view(np.uint8) != 0
            assert np.array_equal(value, there, equal_nan=value.dtype.kind == "f")
            if name != "mode":
                assert np.array_equal(index, cypool.pool(x, reduce="arg" + name, **call))


@pytest.mark.parametrize("method", ["lower", "higher", "nearest"])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
def test_positions_of_quantiles(dtype, method):
    x = arrays.nasty(dtype, SHAPE, 3)
    for call in CALLS:
        for q in (0.0, 0.3, 0.5, 1.0):
            value, index = cypool.pool(x, reduce="quantile", q=q, method=method, return_indices=True, **call)
            assert np.array_equal(index, slots_of(x, call, "quantile", q=q, method=method))
            assert np.array_equal(value, pooled(x, index, call), equal_nan=True)
    odd = dict(window=(3, 3), stride=1)
    value, index = cypool.pool(x, reduce="median", return_indices=True, **odd)
    assert np.array_equal(value, pooled(x, index, odd), equal_nan=True)
    with pytest.raises(ValueError, match="lies between two cells"):
        cypool.pool(x, (2, 2), "median", return_indices=True)


@pytest.mark.parametrize("k", range(1, 40))
def test_ties_and_nan_in_every_lane(k):
    """The first of equals, the first NaN; tails of vectors of every length."""
    x = np.zeros((k, 5), np.float32)
    assert (cypool.pool(x, (1, 5), "argmax") == np.arange(k)[:, None] * 5).all()
    for at in range(5):
        y = x.copy()
        y[k - 1, at:] = np.nan
        value, index = cypool.pool(y, (1, 5), return_indices=True)
        assert index[k - 1, 0] == (k - 1) * 5 + at and np.isnan(value[k - 1, 0]) and np.isfinite(value[: k - 1]).all()
        assert np.isnan(cypool.pool(y, (1, 5), "median")[k - 1, 0])
        assert cypool.pool(y, (1, 5), "argmax", nan_policy="omit", fill_value=-7)[k - 1, 0] == (
            (k - 1) * 5 if at else -7
        )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", arrays.REAL)
def test_quantiles(dtype, method):
    x = arrays.nasty(dtype, (4, 9, 10), 5)
    for q in (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0):
        for call in (dict(window=(3, 5)), dict(window=(2, 3), stride=1, padding=1), dict(window=(4, 9, 10))):
            got = cypool.pool(x, reduce="quantile", q=q, method=method, **call)
            answer = reference.pool(x, reduce="quantile", q=q, method=method, **call,
                                    dtype=got.dtype if method in METHODS[1:3] + METHODS[4:] else None)  # fmt: skip
            assert reference.agrees(got, answer).all(), (q, call)


@pytest.mark.parametrize("rounding", ["half_even", "half_up", "floor"])
@pytest.mark.parametrize("dtype", arrays.SIGNED + arrays.UNSIGNED)
def test_integer_medians(dtype, rounding):
    x = arrays.nasty(dtype, (5, 8, 8), 6)
    for out in (dtype, "int16", "uint64"):
        for call in (dict(window=(2, 2)), dict(window=(3, 3), stride=1, padding=1), dict(window=(17, 1), padding=8)):
            if call["window"] == (17, 1):
                call = dict(window=(1, 8))
            got = cypool.pool(x, reduce="median", dtype=out, rounding=rounding, **call)
            assert reference.agrees(got, reference.pool(x, reduce="median", dtype=out, rounding=rounding, **call)).all()


@pytest.mark.parametrize("ties", ["smallest", "largest", "first"])
@pytest.mark.parametrize("dtype", arrays.REAL)
def test_modes(dtype, ties):
    x = np.random.default_rng(7).integers(0, 2 if dtype == "bool" else 4, (3, 8, 9)).astype(dtype)
    where = np.random.default_rng(8).random(x.shape) < 0.7
    for call in (dict(window=(2, 2)), dict(window=(3, 3), stride=1, padding=1), dict(window=(4, 5), stride=2)):
        for more in ({}, dict(ignore=1), dict(where=where, fill_value=0), dict(where=where, ignore=0, fill_value=0)):
            got = cypool.pool(x, reduce="mode", ties=ties, **call, **more)
            assert reference.agrees(got, reference.pool(x, reduce="mode", ties=ties, **call, **more)).all(), (
                call,
                more,
            )


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int32", "uint64", "int64"])
@pytest.mark.parametrize("alike", [0.0, 0.3, 0.9, 1.0])
def test_modes_of_large_labels(dtype, alike):
    """Rows that hold the same are told from others a stretch at a time."""
    rng = np.random.default_rng(5)
    x = rng.integers(0, 3, (6, 8, 300)).astype(dtype)
    x[rng.random(x.shape[:2]) < alike] = x[0, 0]
    x[:, :, 130:] = np.repeat(np.repeat(rng.integers(0, 9, (2, 3, 170)), 3, 0), 3, 1)[:, :8].astype(dtype)
    for window in (2, (1, 2, 2), (2, 1, 2)):
        for array in (x, x[..., :-1], np.asfortranarray(x)):
            got = cypool.pool(array, window, "mode")
            assert reference.agrees(got, reference.pool(array, window, "mode")).all(), (window, array.shape)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "float64"])
@pytest.mark.parametrize("name", ["median", "quantile", "mode", "argmax", "argmin"])
def test_windows_of_more_cells_than_slots(name, dtype):
    x = arrays.nasty(dtype, (2, 40, 41), 9)
    mask = np.random.default_rng(1).random(x.shape) < 0.8
    calls = [dict(window=(16, 17)), dict(window=(17, 16), stride=7, padding=5, border="reflect"),
             dict(window=(40, 41)), dict(window=(16, 17), stride=9, where=mask, ceil_mode=True)]  # fmt: skip
    for call in calls:
        for more in ({}, dict(nan_policy="omit", fill_value=0)):
            got = cypool.pool(x, reduce=name, **call, **more)
            assert reference.agrees(got, reference.pool(x, reduce=name, **call, **more)).all(), (call, more)


def test_draws_follow_the_weights():
    """Chi-square with a fixed seed: cells are drawn as often as x / sum x says."""
    cells = np.array([0.0, 1.0, 2.0, 3.0, -5.0, 4.0])
    x = np.tile(cells, 20000)
    _, index = cypool.pool(x, 6, "stochastic", rng=1, return_indices=True)
    seen = np.bincount(index % 6, minlength=6)
    expected = np.maximum(cells, 0) / 10 * 20000
    assert seen[0] == seen[4] == 0
    chi = ((seen - expected)[expected > 0] ** 2 / expected[expected > 0]).sum()
    assert chi < 16.3  # 3 degrees of freedom: 0.1 %
    alike = np.bincount(cypool.pool(-x, 6, "stochastic", rng=1, return_indices=True)[1] % 6, minlength=6)
    assert alike[4] == 20000
    flat = np.bincount(cypool.pool(x * 0 - 1, 6, "stochastic", rng=2, return_indices=True)[1] % 6, minlength=6)
    assert abs(flat - 20000 / 6).max() < 300  # none is positive: uniform


def test_draws_are_the_same_however_they_are_made():
    x = np.random.default_rng(3).random((40, 60, 30)).astype(np.float32)
    want = cypool.pool(x, (2, 3), "stochastic", rng=5, workers=1)
    for other in (
        np.asfortranarray(x),
        np.repeat(x, 2, 1)[:, ::2],
        np.ascontiguousarray(x.transpose(1, 0, 2)).transpose(1, 0, 2),
    ):
        for workers in (1, 2, 8):
            assert np.array_equal(cypool.pool(other, (2, 3), "stochastic", rng=5, workers=workers), want)
    for level in dispatch.levels():
        with dispatch._use(level):
            assert np.array_equal(cypool.pool(x, (2, 3), "stochastic", rng=5), want)
    assert not np.array_equal(cypool.pool(x, (2, 3), "stochastic", rng=6), want)
    generator = np.random.default_rng(0)
    first, second = (cypool.pool(x, (2, 3), "stochastic", rng=generator) for _ in range(2))
    assert not np.array_equal(first, second)


def test_draws_among_infinite_cells():
    """Each that takes part is as likely as the others, and nothing else is drawn."""
    row = np.array([1.0, np.inf, np.inf, 5.0, np.inf])
    for seen, likely in (([1, 1, 1, 1, 1], [1, 2, 4]), ([1, 0, 1, 1, 1], [2, 4]), ([1, 1, 0, 1, 0], [1])):
        x, where = np.tile(row, 600), np.tile(np.array(seen, bool), 600)
        for mask in (where, *([True] if all(seen) else [])):
            _, index = cypool.pool(x, 5, "stochastic", rng=3, where=mask, return_indices=True)
            drawn = np.bincount(index % 5, minlength=5)
            assert set(np.flatnonzero(drawn)) == set(likely) and drawn.max() - drawn[likely].min() < 90, drawn


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_modes_of_pairs_at_any_stride(dtype):
    x = np.random.default_rng(4).integers(0, 3, (9, 26)).astype(dtype)
    for stride in ((2, 3), (2, 2), (1, 3), (3, 1)):
        got = cypool.pool(x, (2, 2), "mode", stride=stride)
        assert np.array_equal(got, reference.pool(x, (2, 2), "mode", stride=stride).value), stride


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_quantiles_between_infinities(dtype):
    """Two that are the same are the result, and so is a cell that is hit."""
    inf = np.inf
    x = np.array([1, inf, inf, inf, -inf, -inf, -inf, 7, 3, inf, 4, 5, inf, inf, inf, inf], dtype)
    assert cypool.pool(x, 4, "quantile", q=0.5).tolist() == [inf, -inf, 4.5, inf]
    assert cypool.pool(x, 4, "quantile", q=0.3).tolist()[1::2] == [-inf, inf]
    assert cypool.pool(x[8:13], 5, "quantile", q=0.5).tolist() == [5]  # the next one is infinite


def test_generators_differ():
    x = np.ones(300)
    draws = {cypool.pool(x, 5, "stochastic", rng=n, return_indices=True)[1].tobytes() for n in range(1000)}
    assert len(draws) == 1000


def test_expected_draw():
    x = np.random.default_rng(3).normal(size=(6, 8))
    blocks = x.reshape(3, 2, 4, 2).swapaxes(1, 2).reshape(3, 4, 4)
    weights = np.maximum(blocks, 0)
    total = weights.sum(-1)
    want = np.where(total > 0, (weights * blocks).sum(-1) / np.where(total > 0, total, 1), blocks.mean(-1))
    assert np.allclose(cypool.pool(x, 2, "stochastic", training=False), want, rtol=1e-14)


def test_results_of_a_pair():
    x = np.arange(24.0).reshape(4, 6)
    out = np.empty((2, 3)), np.empty((2, 3), np.int64)
    got = cypool.pool(x, 2, return_indices=True, out=out)
    assert got[0] is out[0] and got[1] is out[1] and (out[1] == [[7, 9, 11], [19, 21, 23]]).all()
    masked = cypool.pool(np.ma.masked_less(x, 13), 2, return_indices=True)
    assert all(isinstance(part, np.ma.MaskedArray) for part in masked)
    assert (masked[1].mask == [[True] * 3, [False] * 3]).all()


@pytest.mark.parametrize(
    "error,call",
    [
        (TypeError, dict(reduce="mean", return_indices=True)),
        (TypeError, dict(reduce="argmax", return_indices=True)),
        (TypeError, dict(reduce=lambda a, axis: a.max(axis), return_indices=True)),
        (TypeError, dict(return_indices=1)),
        (TypeError, dict(return_indices=True, out=np.empty((2, 3)))),
        (ValueError, dict(return_indices=True, border="constant", padding=1)),
        (ValueError, dict(reduce="argmin", border="constant", padding=1)),
        (ValueError, dict(return_indices=True, where=np.zeros((4, 6), bool))),
        (ValueError, dict(return_indices=True, where=np.zeros((4, 6), bool), fill_value=0)),
        (ValueError, dict(reduce="quantile", q=1.5)),
        (ValueError, dict(reduce="quantile", q=float("nan"))),
        (TypeError, dict(reduce="quantile", q="a")),
        (TypeError, dict(reduce="quantile", q=[0.5, 0.6])),
        (ValueError, dict(reduce="median", method="weibull")),
        (ValueError, dict(reduce="mode", ties="last")),
        (TypeError, dict(reduce="mode", ignore="a")),
        (ValueError, dict(reduce="stochastic", rng=-1)),
        (TypeError, dict(reduce="stochastic", rng=1.5)),
        (TypeError, dict(reduce="stochastic", training=2)),
        (TypeError, dict(reduce="median", dtype=np.int32)),
    ],
)
def test_errors(error, call):
    with pytest.raises(error):
        cypool.pool(np.arange(24.0).reshape(4, 6), 2, **call)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("rows", [1024, 1025, 3000])
def test_windows_of_more_rows_than_a_block(rows, workers):
    """Partial results of 1024 rows are joined; what selects has none."""
    x = np.arange(2.0 * rows).reshape(rows, 2)
    assert cypool.pool(x, (rows, 2), "median", workers=workers) == rows - 0.5
    assert cypool.pool(x + 1, (rows, 2), "mode", workers=workers) == 1
    value, index = cypool.pool(x, (rows, 2), return_indices=True, workers=workers)
    assert value == index == 2 * rows - 1
    some = np.arange(rows)[:, None] % 3 > 0
    want = np.median(x[some[:, 0]])
    assert cypool.pool(x, (rows, 2), "median", where=some, workers=workers) == want
    with pytest.raises(ValueError, match="is empty"):
        cypool.pool(x.astype(int), (rows, 2), "mode", where=some, min_count=2 * rows, workers=workers)
