"""Corners of the kernels, which few calls reach: beside the oracle, or beside what can be said of them exactly."""

from fractions import Fraction

import arrays
import numpy as np
import pytest
from compared import compare

import cypool
from cypool import Windows, dispatch, layers, nn
from cypool.kernels import calls
from cypool.lanes import CODES

RNG = np.random.default_rng(0)
LABELS = RNG.integers(-3, 4, (40, 44)).astype(np.int8)
SIGNED_ZEROS = np.array([0.0, -0.0, 1.0, 2.0])[RNG.integers(0, 4, (1, 400))]
HALF = RNG.random((40, 44)) < 0.5

POOLED = {
    "every fourth cell": (arrays.plain("float32", (7, 90), RNG), "sum", dict(window=(1, 3), stride=(1, 4))),
    "a border of NaN, omitted": (arrays.plain("float64", (6, 7), RNG), "max", dict(
        window=3, stride=1, padding=1, border="constant", border_value=np.nan, nan_policy="omit")),
    "modes of half blocks": (LABELS, "mode", dict(window=2, padding=(1, 0))),
    "a large mode, ties": (LABELS, "mode", dict(window=(40, 22), ties="first")),
    "a large mode, ties, masked": (LABELS, "mode", dict(window=(40, 22), ties="first", where=HALF, ignore=2)),
    "a large mode, all masked": (LABELS, "mode", dict(window=(40, 22), where=np.zeros_like(HALF), fill_value=7)),
    "a large mode of zeros": (SIGNED_ZEROS, "mode", dict(window=(1, 400), ties="first")),
    "a large median, all masked": (LABELS, "median", dict(window=(40, 22), where=np.zeros_like(HALF), fill_value=7)),
    "the first of many rows": (arrays.plain("int32", (2500, 3), RNG), "first", dict(
        window=(2500, 2), stride=1, where=np.arange(7500).reshape(2500, 3) > 4444)),
    "the infinite power mean": (LABELS, "gem", dict(window=3, p=np.inf)),
    "softpool of a border": (arrays.plain("float64", (6, 7), RNG), "softpool", dict(
        window=3, stride=1, padding=1, border="constant", border_value=2)),
    "a float range of integers": (LABELS, "range", dict(window=3, dtype="float32")),
    "parts of complex numbers": (arrays.nasty("complex64", (6, 9), 3, nan=0.2, calm=True), "sum", dict(
        window=2, nan_policy="omit")),
    "a long window that slides": (arrays.plain("float64", (2, 9000), RNG), "logsumexp", dict(
        window=(2, 8000), stride=500)),
    "tall, framed, decoded": (arrays.plain(">f4", (70, 30), RNG), "max", dict(
        window=(15, 3), stride=1, padding=(7, 1), border="edge")),
    "tall, in pairs, framed": (arrays.plain(">f4", (70, 30), RNG), "max", dict(
        window=(15, 2), stride=(1, 2), padding=(7, 1))),
} | {
    f"a {name} of padding alone": (arrays.plain("float32", (40, 3, 8), RNG), name, dict(
        window=(2, 2), stride=1, padding=((9, 9), (0, 2)), fill_value=5))
    for name in ("max", "sum", "mean", "median", "first", "lp")
}  # fmt: skip


@pytest.mark.parametrize("corner", POOLED)
def test_pooled(corner):
    x, name, call = POOLED[corner]
    compare(x, name, call)


def test_tables():
    """Windows of tables: empty ones beside others, longer than a tile, and in any order."""
    x = arrays.plain("float64", (5, 9000), RNG)
    some = Windows.explicit([0, 2, 3], [0, 4, 5], 5)
    got = cypool.pool(x[:, :8], (some, 2), "median", fill_value=-1)
    assert (got[0] == -1).all()
    assert np.array_equal(got[1], np.median(x[2:4, :8].reshape(2, 4, 2), (0, 2)))
    long = Windows.explicit([4000, 0, 9], [9000, 8990, 10], 9000)
    assert cypool.pool(x, long, "max", axes=1).T.tolist() == [
        x[:, a:b].max(1).tolist() for a, b in ((4000, 9000), (0, 8990), (9, 10))
    ]
    got = cypool.pool(x, long, "lp", p=3, axes=1)[:, 1]
    np.testing.assert_allclose(got, (abs(x[:, :8990]) ** 3).sum(1) ** (1 / 3), rtol=1e-13)
    assert np.array_equal(cypool.pool(x, long, lambda a, axis: a.max(axis), axes=1), cypool.pool(x, long, axes=1))
    assert long.centers(9000).tolist() == [6499.5, 4494.5, 9.0]


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_means_beyond_the_dtype(dtype):
    """An integer mean whose divisor is too small for its sum is the nearest integer there is."""
    limits = np.iinfo(dtype)
    for value in {limits.min, limits.max}:
        x = np.full(8, value, dtype)
        got = cypool.pool(x, 8, "mean", divisor=1, dtype=dtype)
        assert got.tolist() == [value]
        assert cypool.pool(x, 8, "mean", divisor=8, dtype=dtype).tolist() == [value]


@pytest.mark.parametrize("value", [-(2**62), 3, 2**62])
def test_a_border_whose_sum_needs_128_bits(value):
    """Padded cells are added up by one exact product."""
    x = np.array([5, -7, 2**61, 11])
    window = 2**34 + 4
    pad = window // 2
    got = cypool.pool(x, window, "mean", stride=2, padding=pad, border="constant", border_value=value, dtype="int64")
    expected = []
    for i in range(got.size):
        real = [int(v) for j, v in enumerate(x) if 0 <= j + pad - 2 * i < window]
        expected.append(round(Fraction(sum(real) + (window - len(real)) * value, window)))
    assert got.tolist() == expected and len({len(x)} | set(expected)) > 1


def test_draws_of_infinities():
    """Infinite cells share what is drawn: each of them, and no other."""
    x = np.array([1.0, np.inf, 5.0, np.inf])
    picks = {cypool.pool(x, 4, "stochastic", rng=seed, return_indices=True)[1].item() for seed in range(40)}
    assert picks == {1, 3}
    assert cypool.pool(x, 4, "stochastic", training=False).tolist() == [np.inf]


def test_counts_of_one_window_for_several_threads():
    x = RNG.random((3000, 1500))
    seen = x > 0.25
    for workers in (1, 2):
        got = cypool.pool(x, x.shape, "var", where=seen, workers=workers)
        np.testing.assert_allclose(got, [[x[seen].var()]], rtol=1e-12)


def test_what_a_plan_is_run_with_is_checked_again(monkeypatch):
    """As if another thread had changed an array between the checks and the kernel."""
    plans = []
    monkeypatch.setattr(dispatch, "choice", (dispatch.level, 0))  # all rows on one level
    for name in ("Reduction", "Gradient"):
        make = getattr(dispatch.kernels, name)
        monkeypatch.setattr(dispatch.kernels, name, lambda make=make, **k: plans.append(make(**k)) or plans[-1])
    x = RNG.random((6, 14)).astype(np.float32)
    values, indices = cypool.pool(x, 2, return_indices=True)
    plan = plans.pop()
    with pytest.raises(ValueError, match="the array changed its shape during the call"):
        plan.run(x[:, 1:], None, values, 1)
    with pytest.raises(ValueError, match="out changed its shape during the call"):
        plan.run(x, None, values[1:], 1)
    with pytest.raises(ValueError, match="index must have an entry for each output"):
        plan.run(x, None, values, 1, indices.reshape(-1)[1:])
    grad, dx = values.reshape(-1).view("u1"), np.empty(x.nbytes, "u1")
    how = dict(size=4, grad_code=CODES[values.dtype.str[1:]], scale=1.0, clears=True, planes=0, windows=0, before=0)
    with pytest.raises(ValueError, match="an array changed its shape during the call"):
        plan.give(x, None, grad[4:], dx, None, how, 1)
    cypool.pool_backward(values, x, 2, "lp", p=3)
    with pytest.raises(ValueError, match="an array changed its shape during the call"):
        plans[-1].run(x, None, grad, None, None, dx[4:], 1)


def test_a_copy_reads_all_and_writes_all():
    """What times are compared with (benchmarks/): each word of x, and all of out."""
    for words, cells, workers in ((300, 1000, 1), (300, 40, 2), (3, 1000, 2)):
        for at in range(words):
            x, out = np.zeros(8 * words, np.uint8), np.full(cells, 255, np.uint8)
            x[8 * at] = 5
            dispatch.kernels.floor_copy(x, out, workers)
            assert set(out) <= {0, 5} and (5 in out or cells < 256)
    x, out = np.zeros(8 * 1000, np.uint8), np.full(777, 255, np.uint8)
    dispatch.kernels.floor_copy(x, out, 2)
    assert not out.any()
    x[8 * 500] = 5  # the part of words 496 .. 503 or so
    dispatch.kernels.floor_copy(x, out, 2)
    assert set(out.tolist()) == {0, 5} and 2 <= np.count_nonzero(out) <= 4


def test_calls_are_remembered_and_forgotten():
    a, b = object(), object()
    calls.remember(("shape", "strides", a), "plan")
    assert calls.recall(("shape", "strides", a)) == "plan"
    assert calls.recall(("shape", "strides", b)) is calls.recall(("shape", "strides")) is None
    calls.forget()
    assert calls.recall(("shape", "strides", a)) is None


def test_out_of_another_byte_order_and_of_no_cells():
    x = RNG.random((6, 8))
    values, indices = cypool.pool(x, 2, return_indices=True)
    swapped = np.empty(values.shape, ">f8"), np.empty(values.shape, np.int64)
    assert cypool.pool(x, 2, return_indices=True, out=swapped)[0] is swapped[0]
    assert np.array_equal(swapped[0], values) and np.array_equal(swapped[1], indices)
    z, out = x + 2j * x, np.empty((3, 4), ">c16")
    assert cypool.pool(z, 2, "sum", out=out) is out and np.array_equal(out, cypool.pool(z, 2, "sum"))
    empty = np.empty((0, 4))
    assert cypool.pool(np.empty((0, 8)), 2, axes=1, out=empty) is empty


def test_parts_of_complex_numbers_that_differ():
    """A border, or a value of empty windows, whose parts differ: with a mask, and where NaN are omitted."""
    x = np.array([[1 + 2j, complex(np.nan, 3)], [5j, 4]])
    seen = np.array([[True, True], [False, True]])
    call = dict(window=2, padding=1, border="constant", border_value=1 - 1j, nan_policy="omit")
    assert cypool.pool(x, 2, "sum", padding=1, stride=2, border="constant", border_value=1 - 1j, where=seen,
                       nan_policy="omit").tolist() == [[4 - 1j, 3 - 3j], [3 - 3j, 7 - 3j]]  # fmt: skip
    masked = np.ma.masked_array(x, ~seen)
    assert np.array_equal(cypool.pool(masked, reduce="sum", **call), cypool.pool(x, reduce="sum", where=seen, **call))


def test_integer_medians_of_a_wider_dtype():
    for dtype in ("int16", "uint64"):
        x = RNG.integers(0, 100, (6, 8)).astype(np.uint8 if dtype == "uint64" else np.int8)
        got = cypool.pool(x, 2, "median", dtype=dtype)
        halves = np.median(x.reshape(3, 2, 4, 2), (1, 3))
        assert got.dtype == dtype and (abs(got - halves) <= 0.5).all()


def test_a_quantile_that_only_numpy_has():
    x = RNG.random((6, 8))
    got = cypool.block_reduce(x, 2, np.quantile, func_kwargs=dict(q=0.3, method="hazen"))
    assert np.array_equal(got, np.quantile(x.reshape(3, 2, 4, 2), 0.3, (1, 3), method="hazen"))


def test_what_a_layer_does_not_know_is_said_by_pooling():
    x = np.lib.stride_tricks.as_strided(np.zeros(2**18, np.int64), (1, 2**17, 2**17, 1), (8, 8, 8, 8))
    with pytest.raises(ValueError, match=r"^window has 17179869184 cells; the exact mean of int64 is for at most"):
        layers.AveragePooling2D(2**17)(x)


# ---- gradients -----------------------------------------------------------------------------------


def adjoint(x, shape, **call):
    """<y, P x> = <P' y, x>, exactly: sums of small integers."""
    y = RNG.integers(-9, 9, shape).astype(x.dtype)
    forward = cypool.pool(x, reduce="sum", **call)
    back = cypool.pool_backward(y, x, reduce="sum", **call)
    assert forward.shape == shape and (forward * y).sum() == (back * x).sum()


def test_gradients_of_unsorted_and_of_long_tables():
    x = RNG.integers(-9, 9, (3, 9000)).astype(np.float64)
    adjoint(x, (3, 3), window=Windows.explicit([4000, 0, 9], [9000, 8990, 10], 9000), axes=1)
    for dtype in ("float32", "float64"):
        y, long = np.ones((3, 3), dtype), Windows.explicit([4000, 0, 9], [9000, 8990, 10], 9000)
        got = cypool.pool_backward(y, x.astype(dtype), long, "lp", p=2, axes=1)
        expected = np.zeros_like(x)
        for a, b in ((4000, 9000), (0, 8990), (9, 10)):
            expected[:, a:b] += x[:, a:b] / np.maximum(np.sqrt((x[:, a:b] ** 2).sum(1, keepdims=True)), 1e-9)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_gradients_of_windows_that_overlap_on_many_axes():
    """More outputs reach a cell than rows are merged at a time."""
    x = RNG.integers(-9, 9, (12, 12, 30)).astype(np.float64)
    adjoint(x, (4, 4, 28), window=(9, 9, 3), stride=1)
    x = RNG.integers(-9, 9, (70, 40, 30)).astype(np.float64)
    adjoint(x, (3, 2, 2), window=(50, 30, 20), stride=10)


def test_gradients_of_means_of_planes():
    """Each plane has windows, and numbers of cells, of its own."""
    x, y = RNG.random((2, 6)), RNG.random((2, 1))
    call = dict(window=Windows.explicit([[0], [1]], [[2], [6]], 6), reduce="mean", axes=1)
    got = cypool.pool_backward(y, x, **call)
    expected = np.zeros((2, 6))
    expected[0, :2], expected[1, 1:] = y[0] / 2, y[1] / 5
    np.testing.assert_allclose(got, expected, rtol=1e-15)


def test_a_gradient_of_what_is_drawn_of_nothing():
    """Windows without positive cells share what they are given, in the gradient's own dtype."""
    x = np.array([[3, 1, -1, -2], [0, 0, 0, -1]], np.float32)
    got = cypool.pool_backward(np.array([[8, 4]], np.float32), x, 2, "stochastic", training=False)
    # d/dx of sum x**2 / sum x is (2 x - y) / sum x, with y = 10 / 4; cells that are not positive have none
    assert got.dtype == np.float32 and got.tolist() == [[7, -1, 1, 1], [0, 0, 1, 1]]


def test_limits_of_parameters():
    """The largest cell for an infinite p; variances where alpha is 0."""
    x, y = RNG.random((6, 8)) - 0.3, RNG.random((3, 4))
    got = cypool.pool_backward(y, x, 2, "gem", p=np.inf, eps=0.2)
    assert np.array_equal(got, cypool.pool_backward(y, x, 2, "max") * (x > 0.2))
    got = cypool.pool_backward(y, x, 2, "softpool", alpha=0, wrt="alpha")
    step = 1e-5
    high, low = ((y * cypool.pool(x, 2, "softpool", alpha=a)).sum() for a in (step, -step))
    assert float(got) == pytest.approx((high - low) / (2 * step), rel=1e-6)


def test_a_gradient_of_means_with_factors_in_three_dimensions():
    """Windows that the border cuts on each axis: each has its own divisor."""
    x = RNG.random((5, 6, 7))
    y = RNG.random((5, 6, 7))
    call = dict(window=3, stride=1, padding=1, reduce="mean")
    got = (cypool.pool_backward(y, x, **call) * x).sum()
    assert got == pytest.approx((cypool.pool(x, **call) * y).sum(), rel=1e-12)


@pytest.mark.parametrize("window,stride,padding", [(3, 1, 1), ((3, 70), (1, 50), (1, 0)), ((3, 3), (2, 1), (1, 1))])
def test_a_gradient_of_means_with_factors_of_rows(window, stride, padding):
    x = RNG.random((9, 600))
    call = dict(window=window, stride=stride, padding=padding, reduce="mean", axes=0 if stride == padding else None)
    forward = cypool.pool(x, **call)
    y = RNG.random(forward.shape)
    assert (cypool.pool_backward(y, x, **call) * x).sum() == pytest.approx((forward * y).sum(), rel=1e-12)


@pytest.mark.parametrize("channels", [1, 500])
def test_gradients_of_windows_far_apart(channels):
    """Most cells are in no window; of many channels, so are whole tiles."""
    for n in (900, 959, 962, 2100):
        outputs = (n - 2) // 60 + 1
        y = RNG.random((outputs, channels))
        expected = np.zeros((n, channels))
        for j in range(2):
            expected[j : (outputs - 1) * 60 + 2 : 60] = y / 2
        assert np.array_equal(cypool.pool_backward(y, np.zeros((n, channels)), 2, "mean", stride=60, axes=0), expected)


def test_an_index_of_another_group_is_given_its_gradient():
    """Indices are anyone's: where they leave the windows of their output, a slower way finds them."""
    x = np.zeros((64, 64), np.float32)
    y = np.ones((32, 32), np.float32)
    index = np.arange(1024).reshape(32, 32)[::-1] * 4 + 1
    dx = cypool.pool_backward(y, x, 2, indices=index.copy(), workers=2).reshape(-1)
    assert dx.sum() == 1024 and (dx[1:4096:4] == 1).all()


def test_a_group_of_outputs_ends_before_another():
    """Groups of large windows are done a few rows at a time; the last has the most, since it starts with windows of
    the one before that reach into its cells."""
    x = RNG.permutation(290 * 42).reshape(290, 42).astype(np.float32)
    y, index = cypool.pool(x, 31, "median", stride=1, return_indices=True)
    grad = RNG.integers(-9, 9, y.shape).astype(np.float32)
    expected = np.bincount(index.ravel(), grad.ravel(), x.size).reshape(x.shape)
    for workers in (1, 2, 3):
        assert np.array_equal(cypool.pool_backward(grad, x, 31, "median", stride=1, workers=workers), expected)


def test_the_divisor_of_any_integer_type():
    x = RNG.random((1, 4, 4))
    assert np.array_equal(nn.avg_pool2d(x, 2, divisor_override=np.int64(-3)), nn.avg_pool2d(x, 2, divisor_override=-3))
