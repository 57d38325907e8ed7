"""Gradients: adjoint identities, permutations, central differences, and the same bits however they are made."""

import itertools
import tracemalloc

import arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_random import geometries

import cypool
from cypool import dispatch

LINEAR = [("sum", {}), ("mean", {}), ("sum", "weights"), ("mean", "weights"), ("mean", dict(divisor=3))]
SELECTING = [("max", {}), ("min", {}), ("median", dict(method="lower")), ("quantile", dict(q=0.7, method="higher")),
             ("mode", {}), ("first", {}), ("stochastic", dict(rng=4))]  # fmt: skip
SMOOTH = [("prod", {}), ("var", {}), ("var", dict(ddof=1)), ("std", {}), ("lp", dict(p=3.0)), ("lp", dict(p=1.5)),
          ("lp", dict(p=float("inf"))), ("gem", {}), ("gem", dict(p=0.7)), ("logsumexp", dict(alpha=2.0)),
          ("logsumexp", dict(alpha=2.0, mean=True)), ("softpool", {}), ("softpool", dict(alpha=-1.5)),
          ("softpool", dict(alpha=0.0)), ("range", {}), ("median", {}), ("quantile", dict(q=0.3)),
          ("quantile", dict(q=0.3, method="midpoint")), ("stochastic", dict(training=False)), ("max", {}),
          ("mean", {}), ("sum", "weights"), ("mean", "weights")]  # fmt: skip
CALLS = [
    dict(window=(3, 2)),
    dict(window=(3, 2), stride=(1, 2), padding=1),
    dict(window=(3, 2), stride=1, padding=((1, 2), 1), border="reflect", dilation=(2, 1)),
    dict(window=(3, 2), stride=1, padding=(2, 1), border="edge"),
    dict(window=(3, 2), stride=2, padding=2, border="wrap"),
    dict(window=(2, 3), stride=1, padding=1, border="symmetric"),
    dict(window=(3, 2), padding=1, border="constant", border_value=0.5),
    dict(window=(3, 2), stride=2, ceil_mode=True),
    dict(window=(2, 3), axes=(0, 2)),
    dict(window=(cypool.Windows.adaptive(3), cypool.Windows.whole())),
    dict(window=(cypool.Windows.fractional(5, 3, overlapping=True, rng=1), cypool.Windows.adaptive(4))),
]
SHAPE = (3, 5, 6)


def options_of(given, window):
    if given != "weights":
        return given
    return dict(weights=np.random.default_rng(0).integers(1, 5, window))


def differences(call, x, g, step=1e-6):
    """Central differences of sum(pool(x) * g)."""
    out = np.zeros_like(x)
    for at in np.ndindex(*x.shape):
        ends = []
        for sign in (1, -1):
            y = x.copy()
            y[at] += sign * step
            ends.append((call(y) * g).sum())
        out[at] = (ends[0] - ends[1]) / (2 * step)
    return out


@pytest.mark.parametrize("name,given", SMOOTH, ids=lambda v: str(v))
def test_central_differences(name, given):
    rng = np.random.default_rng(1)
    x = rng.permutation(np.prod(SHAPE)).reshape(SHAPE) / 40 + 0.05
    masks = [{}, dict(where=rng.random(SHAPE) > 0.3, min_count=2, fill_value=0.0)]
    for call in CALLS:
        if given == "weights" and isinstance(call["window"][0], cypool.Windows):
            continue
        for mask in masks:
            rest = dict(reduce=name, **call, **mask, **options_of(given, call["window"]))
            g = rng.random(cypool.pool(x, **rest).shape)
            want = differences(lambda y, rest=rest: cypool.pool(y, **rest), x, g)
            got = cypool.pool_backward(g, x, **rest)
            assert np.allclose(got, want, rtol=1e-5, atol=1e-6), (call, mask.keys(), abs(got - want).max())


@settings(max_examples=60)
@given(drawn=geometries(borders=("ignore", "reflect", "symmetric", "edge", "wrap")), which=st.sampled_from(LINEAR),
       seed=st.integers(0, 99))  # fmt: skip
def test_adjoint_identity(drawn, which, seed):
    """<pool(x), g> = <x, pool_backward(g)>, exactly on integers (sums), any geometry of 2 to 5 dimensions."""
    shape, call = drawn
    rng = np.random.default_rng(seed)
    x = rng.integers(-9, 9, shape).astype(float)
    rest = dict(reduce=which[0], **call, **options_of(which[1], call["window"]))
    try:
        y = cypool.pool(x, **rest, fill_value=0)
    except ValueError:
        return
    g = rng.integers(-9, 9, y.shape).astype(float)
    dx = cypool.pool_backward(g, x, **rest)
    left, right = (y * g).sum(), (x * dx).sum()
    assert left == right if which[0] == "sum" else np.isclose(left, right, rtol=1e-12, atol=1e-9)


@settings(max_examples=60)
@given(drawn=geometries(borders=("ignore", "reflect", "edge", "wrap")), which=st.sampled_from(SELECTING),
       seed=st.integers(0, 99))  # fmt: skip
def test_selected_cells_get_the_gradient(drawn, which, seed):
    """Distinct values: the gradient of each window is at the cell that holds its result."""
    shape, call = drawn
    rng = np.random.default_rng(seed)
    x = rng.permutation(np.prod(shape)).reshape(shape) + 1.0
    name, options = which
    try:
        y = cypool.pool(x, reduce=name, **call, **options, fill_value=0.0)
    except ValueError:
        return
    g = rng.integers(1, 9, y.shape).astype(float)
    want = np.bincount(y.ravel().astype(int), weights=g.ravel(), minlength=x.size + 1)
    dx = cypool.pool_backward(g, x, reduce=name, **call, **options)
    assert np.array_equal(dx, want[x.astype(int)])
    if name != "first" and cypool.pool(np.ones(shape), reduce="count", **call).min() > 0:
        _, index = cypool.pool(x, reduce=name, **call, **options, return_indices=True)
        assert np.array_equal(cypool.pool_backward(g, x, reduce=name, **call, **options, indices=index), dx)


@pytest.mark.parametrize("name,given", SMOOTH + SELECTING, ids=lambda v: str(v))
def test_bits(name, given):
    """Same bits for any number of workers, CPU level and place in a batch; layouts agree to rounding."""
    rng = np.random.default_rng(2)
    x = rng.random((6, 40, 50)).astype(np.float32)
    call = dict(window=(3, 3), stride=2, padding=1, axes=(1, 2), reduce=name, **options_of(given, (3, 3)))
    g = rng.random(cypool.pool(x, **call).shape).astype(np.float32)
    want = cypool.pool_backward(g, x, **call, workers=1)
    assert want.dtype == np.float32
    for workers in (2, 3, 8):
        assert np.array_equal(cypool.pool_backward(g, x, **call, workers=workers), want)
    for level in dispatch.levels():
        with dispatch._use(level):
            assert np.array_equal(cypool.pool_backward(g, x, **call), want), level
    if name != "stochastic":
        assert np.array_equal(cypool.pool_backward(g[2:3], x[2:3], **call), want[2:3])
    for other in (np.asfortranarray(x), np.repeat(x, 2, 2)[:, :, ::2], x[:, ::-1].copy()[:, ::-1], x.astype(">f4"),
                  np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)):  # fmt: skip
        got = cypool.pool_backward(g, other, **call)
        assert got.dtype == np.float32 and np.allclose(got, want, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("dtype", arrays.REAL)
def test_dtypes(dtype):
    x = np.arange(24).reshape(4, 6).astype(dtype)
    g = np.arange(6, dtype=np.float32).reshape(2, 3)
    for name in ("max", "mean", "sum", "median", "var"):
        got = cypool.pool_backward(g, x, 2, name)
        assert got.dtype == (x.dtype if x.dtype.kind == "f" else np.float32) and got.shape == x.shape
    assert (cypool.pool_backward(g, x, 2, "sum") == np.repeat(np.repeat(g, 2, 0), 2, 1)).all()


def test_complex():
    x = np.arange(24).reshape(4, 6) * (1 + 2j)
    g = np.arange(6).reshape(2, 3) * (1 - 1j)
    want = np.repeat(np.repeat(g, 2, 0), 2, 1)
    assert np.array_equal(cypool.pool_backward(g, x, 2, "sum"), want)
    assert np.array_equal(cypool.pool_backward(g, x, 2, "mean"), want / 4)
    assert np.array_equal(cypool.pool_backward(g[:1], x[:2], 2, "sum"), want[:2])  # an axis with one output
    with pytest.raises(TypeError):
        cypool.pool_backward(g, x, 2, "max")
    assert cypool.pool_backward(g[:0, None], x[:0, None], (1, 2), "sum").shape == (0, 1, 6)
    with pytest.raises(ValueError, match="grad"):
        cypool.pool_backward(g[:, None], x[:0, None], (1, 2), "sum")


def test_skipped_cells_get_nothing():
    x = np.array([[1.0, np.nan, 3.0, 4.0]])
    assert (cypool.pool_backward([[6.0, 4.0]], x, (1, 2), "mean", nan_policy="omit") == [[6, 0, 2, 2]]).all()
    assert (cypool.pool_backward([[6.0, 4.0]], x, (1, 2), np.nanmax) == [[6, 0, 0, 4]]).all()
    assert (cypool.pool_backward([[6.0, 4.0]], x, (1, 2), "max") == [[0, 6, 0, 4]]).all()  # the NaN is the result
    masked = np.ma.masked_greater(np.arange(4.0), 1)
    assert (cypool.pool_backward([2.0, 5.0], masked, 2, "mean") == [1, 1, 0, 0]).all()
    assert (cypool.pool_backward([2.0], [1.0, 2.0, 3.0, 4.0], 4, "mean", min_count=5, fill_value=0) == 0).all()


def test_sum_of_the_means_gradient():
    g = np.random.default_rng(0).random((5, 6))
    dx = cypool.pool_backward(g, np.zeros((10, 11)), 3, "mean", stride=2, padding=1)
    assert np.isclose(dx.sum(), g.sum())


@pytest.mark.parametrize("name", ["sum", "mean"])
def test_weights(name):
    rng = np.random.default_rng(5)
    x, w = rng.random((2, 6, 7)), rng.random((3, 2))
    for call in CALLS[:8]:
        for mask in ({}, dict(where=rng.random(x.shape) > 0.3, fill_value=0.0)):
            window = call["window"]
            w = rng.random(window)
            rest = dict(reduce=name, **call, **mask)
            g = rng.random(cypool.pool(x, weights=w, **rest).shape)
            want = differences(lambda v, rest=rest: cypool.pool(x, weights=v, **rest), w, g)
            got = cypool.pool_backward(g, x, weights=w, wrt="weights", **rest)
            assert got.shape == window and np.allclose(got, want, rtol=1e-5, atol=1e-7), call
    swapped = cypool.pool_backward(g := rng.random((2, 3, 2)), x[:, :6, :6], (2, 3), name, axes=(1, 2), weights=w2,
                                   wrt="weights") if (w2 := rng.random((2, 3))) is not None else None  # fmt: skip
    back = cypool.pool_backward(g, x[:, :6, :6], (3, 2), name, axes=(2, 1), weights=w2.T, wrt="weights")
    assert np.allclose(swapped, back.T)


@pytest.mark.parametrize("name,wrt,values", [("gem", "p", (0.7, 3.0)), ("softpool", "alpha", (-1.0, 0.5, 2.0))])
def test_parameters(name, wrt, values):
    rng = np.random.default_rng(6)
    x = rng.random((2, 6, 7)) + 0.1
    for call in CALLS[:5]:
        for value in values:
            y = cypool.pool(x, reduce=name, **call, **{wrt: value})
            g = rng.random(y.shape)
            step = 1e-5
            ends = [(cypool.pool(x, reduce=name, **call, **{wrt: value + s * step}) * g).sum() for s in (1, -1)]
            got = cypool.pool_backward(g, x, reduce=name, wrt=wrt, **call, **{wrt: value})
            assert got.shape == () and got.dtype == np.float64
            assert np.isclose(got, (ends[0] - ends[1]) / (2 * step), rtol=1e-5), (call, value)


# ---- unpooling, fractional windows --------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*arrays.REAL, "complex64"])
def test_unpool(dtype):
    x = np.random.default_rng(0).permutation(240).reshape(4, 6, 10).astype(dtype)
    _, index = cypool.pool(x.real, (2, 2), return_indices=True)
    values = np.take_along_axis(x.reshape(4, 60), index.reshape(4, -1), 1).reshape(index.shape)
    back = cypool.unpool(values, index, (6, 10))
    assert back.dtype == x.dtype and back.shape == x.shape
    assert np.array_equal(np.take_along_axis(back.reshape(4, 60), index.reshape(4, -1), 1).reshape(index.shape), values)
    assert (back != 0).sum() == (values != 0).sum()
    turned = cypool.unpool(np.moveaxis(values, 0, 1), np.moveaxis(index, 0, 1), (6, 10), axes=(0, 2))
    assert np.array_equal(turned, np.moveaxis(back, 0, 1))


def test_unpool_order_and_errors():
    assert (cypool.unpool([1, 2, 3], [1, 1, 0], 3) == [3, 2, 0]).all()  # the last one wins
    out = np.full(3, 7)
    for index in ([3, 0, 0], [-1, 0, 0], [2**62, 0, 0], [-(2**63), 0, 0]):
        with pytest.raises(IndexError):
            cypool.unpool([1, 2, 3], index, 3, out=out)
        with pytest.raises(IndexError):
            cypool.pool_backward([1.0, 1.0, 1.0], np.zeros(3), 1, indices=index)
    assert (out == 7).all()
    assert (cypool.pool_backward([1.0, 2.0], np.zeros(4), 2, indices=[3, 0]) == [2, 0, 0, 1]).all()
    for error, call in [
        (TypeError, dict(values=[1], indices=[0.5], shape=2)),
        (ValueError, dict(values=[1], indices=[0, 1], shape=2)),
        (ValueError, dict(values=[1], indices=[0], shape=0)),
        (TypeError, dict(values=[1], indices=[0], shape=2.5)),
        (ValueError, dict(values=[1], indices=[0], shape=(2, 2))),
        (TypeError, dict(values=["a"], indices=[0], shape=2)),
        ((MemoryError, ValueError), dict(values=[1], indices=[0], shape=2**61)),
    ]:
        with pytest.raises(error):
            cypool.unpool(**call)


@pytest.mark.parametrize("overlapping", [False, True])
@pytest.mark.parametrize("scheme", ["pseudorandom", "random"])
def test_fractional(scheme, overlapping):
    for n in (1, 5, 16, 31):
        for o in range(1, n + 1):
            for seed in range(5):
                starts, stops = cypool.Windows.fractional(
                    n, o, overlapping=overlapping, scheme=scheme, rng=seed
                ).bounds(n)
                assert len(starts) == o and starts[0] == 0 and stops[-1] == n
                lengths = np.diff([*starts, n])
                assert set(lengths) <= {n // o, n // o + 1} if scheme == "random" else lengths.min() >= 1
                assert np.array_equal(stops, np.minimum([*(starts[1:] + overlapping), n], n))
    x = np.random.default_rng(0).random((3, 20, 30))
    y, windows = cypool.fractional_pool(x, (13, 17), axes=(1, 2), rng=3, return_windows=True, scheme=scheme)
    assert np.array_equal(y, cypool.pool(x, windows, axes=(1, 2))) and y.shape == (3, 13, 17)
    assert cypool.fractional_pool(x, ratio=1.5, axes=(1, 2)).shape == (3, 13, 20)
    values, index, windows = cypool.fractional_pool(x, (13, 17), return_indices=True, return_windows=True)
    assert np.array_equal(np.take_along_axis(x.reshape(3, -1), index.reshape(3, -1), 1).reshape(values.shape), values)
    for error, call in [(ValueError, {}), (ValueError, dict(output_size=3, ratio=2.0)), (ValueError, dict(ratio=0.5)),
                        (ValueError, dict(output_size=31)), (TypeError, dict(ratio="a")),
                        (ValueError, dict(ratio=float("nan"))),
                        (ValueError, dict(output_size=3, scheme="x"))]:  # fmt: skip
        with pytest.raises(error):
            cypool.fractional_pool(x, **call)


@pytest.mark.parametrize(
    "error,call",
    [
        (TypeError, dict(reduce="any")),
        (TypeError, dict(reduce="argmax")),
        (TypeError, dict(reduce="count")),
        (TypeError, dict(reduce=lambda a, axis: a.sum(axis))),
        (TypeError, dict(grad=np.array([["a"] * 3] * 2))),
        (ValueError, dict(grad=np.zeros((3, 3)))),
        (ValueError, dict(wrt="y")),
        (TypeError, dict(wrt="p")),
        (ValueError, dict(wrt="weights", reduce="sum")),
        (ValueError, dict(reduce="stochastic")),
        (ValueError, dict(reduce="mean", indices=np.zeros((2, 3), int))),
        (TypeError, dict(indices=np.zeros((2, 3)))),
        (ValueError, dict(indices=np.zeros((2, 2), int))),
        (ValueError, dict(out=np.zeros((3, 3)))),
        (TypeError, dict(out=[1])),
        (TypeError, dict(workers=1.5)),
    ],
)
def test_errors(error, call):
    given = dict(grad=np.ones((2, 3)), x=np.arange(24.0).reshape(4, 6), window=2)
    with pytest.raises(error):
        cypool.pool_backward(**{**given, **call})


def test_windows_far_longer_than_the_array():
    """Padding of any size costs nothing: the cells that exist are visited, not the taps."""
    x = np.arange(24.0) + 1
    for name in ("mean", "sum", "max", "var", "median", "lp"):
        for k, s, p in ((2**40, 2**38, 2**39), (2**30, 2**30, 2**29), (100, 1, 50), (5000, 7, 4990)):
            call = dict(window=k, stride=s, padding=p, fill_value=0.0, min_count=2)
            y = cypool.pool(x, reduce=name, **call) if name != "median" or k < 2**30 else None
            if y is None:
                continue
            dx = cypool.pool_backward(np.ones_like(y), x, reduce=name, **call)
            assert np.isfinite(dx).all()
            if name == "sum":
                assert dx.sum() == cypool.pool(x, reduce="count", **{**call, "min_count": 0}).sum()


def test_gradients_of_blocks_are_repeated():
    rng = np.random.default_rng(12)
    cases = [
        ((4, 2), (2, 2), (0, 1)), ((2, 2), (2, 2), (0, 1)), ((1, 4, 2, 1), (2, 2), (1, 2)), ((3, 2, 4), (2, 4), (1, 2)),
        ((2, 3, 4, 5), (2, 3), (0, 1)), ((5, 2, 2), (2, 2), (1, 2)), ((4, 6, 5), (2, 3), (0, 1)),
        ((9, 700), (3, 5), (0, 1)), ((2, 6, 4, 600), (3, 2), (1, 2)),
        ((12,), (3,), (0,)), ((3, 3, 2), (3, 1), (1, 2)), ((2, 4, 6, 8), (2, 3, 2), (1, 2, 3)),
    ]  # fmt: skip
    for shape, window, axes in cases:
        for layout in (np.zeros(shape), np.asfortranarray(np.zeros(shape)), np.zeros(shape[::-1]).transpose()):
            g = rng.integers(1, 9, cypool.output_shape(shape, window, axes=axes)).astype(float)
            want = g
            for axis, k in zip(axes, window, strict=True):
                want = np.repeat(want, k, axis)
            got = cypool.pool_backward(g, layout, window, "sum", axes=axes)
            assert np.array_equal(got, want), (shape, window, layout.strides)


@pytest.mark.parametrize("shape", [(1, 200, 300), (3, 40, 50), (64, 9, 11)])
def test_indices_of_others(shape):
    """Positions anywhere in the plane, not only in the window: added up, the same for any number of workers."""
    rng = np.random.default_rng(5)
    x = np.zeros(shape, np.float32)
    for call in (dict(window=(2, 2)), dict(window=(3, 3), stride=2, padding=1), dict(window=(5, 2), stride=(1, 2))):
        g = rng.random(cypool.output_shape(shape, **call), dtype=np.float32)
        index = rng.integers(0, shape[1] * shape[2], g.shape)
        want = np.zeros((shape[0], shape[1] * shape[2]))
        for plane, i, values in zip(want, index, g, strict=True):
            np.add.at(plane, i.ravel(), values.ravel())
        results = [cypool.pool_backward(g, x, indices=index, workers=n, **call) for n in (1, 2, 5)]
        assert np.allclose(results[0].reshape(want.shape), want, rtol=1e-4)
        assert all(np.array_equal(r, results[0]) for r in results)


def test_gradients_keep_no_positions():
    x = np.random.default_rng(0).random((16, 64, 64), dtype=np.float32)
    for call in (dict(window=(2, 2)), dict(window=(3, 3), stride=1, padding=1), dict(window=(2, 2), reduce="mean")):
        g = np.ones(cypool.output_shape(x.shape, **{k: v for k, v in call.items() if k != "reduce"}), np.float32)
        cypool.pool_backward(g, x, **call)
        tracemalloc.start()
        result = cypool.pool_backward(g, x, **call)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < result.nbytes + 60_000, (call, peak, result.nbytes)


def test_calls_that_look_alike_are_told_apart():
    """What a gradient needs beside its data is kept from call to call."""
    x = arrays.finite("float32", (6, 7))
    calls = [dict(window=2), dict(window=2, stride=1), dict(window=2, reduce="min"), dict(window=2, padding=1),
             dict(window=2, reduce="mean"), dict(window=2, reduce="mean", divisor=3),
             dict(window=2, reduce="mean", padding=1), dict(window=2, reduce="mean", padding=1, border="constant"),
             dict(window=2, reduce="quantile", q=0.4, method="lower"),
             dict(window=2, reduce="quantile", q=0.8, method="lower")]  # fmt: skip
    found = {}
    for _ in range(2):
        for i, call in enumerate(calls):
            grad = np.arange(float(cypool.pool(x, **call).size)).reshape(cypool.output_shape(x.shape, **{
                k: v for k, v in call.items() if k in ("window", "stride", "padding")}))  # fmt: skip
            for upstream in (grad, grad.astype(np.float32), grad.astype(np.int8), np.asfortranarray(grad)):
                dx = cypool.pool_backward(upstream, x, **call)
                assert np.allclose(dx, found.setdefault(i, dx), rtol=1e-6), call
            assert np.allclose(cypool.pool_backward(grad, np.asfortranarray(x), **call), found[i], rtol=1e-6)
            with pytest.raises(ValueError, match="grad"):
                cypool.pool_backward(np.ones((2, 9)), x, **call)
        with pytest.raises(TypeError, match="window"):
            cypool.pool_backward(np.ones((3, 3)), x, 2.0)
    assert len({dx.tobytes() for dx in found.values()}) == len(calls)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("window", [(1, 2), (2, 1), (2, 2), (3, 2), (2, 5), (4, 4), (3, 3, 2), (2, 2, 2)])
@pytest.mark.parametrize("last", [1, 7, 28, 5000])
def test_blocks(window, last, dtype):
    """The gradient of a block's mean is the same in all of its cells, and 0 in cells of no block."""
    rng = np.random.default_rng(0)
    g = (rng.random((3, *range(4, 3 + len(window)), last)) - 0.5).astype(dtype)
    want = g.astype(np.float64) * (1 / np.prod(window))
    for axis, k in enumerate(window, 1):
        want = np.repeat(want, k, axis)
    for left in (0, 1):
        shape = (3, *(n + min(left, k - 1) for n, k in zip(want.shape[1:], window, strict=True)))
        dx = cypool.pool_backward(g, np.zeros(shape, dtype), window, "mean", axes=tuple(range(1, len(shape))))
        inside = tuple(slice(n) for n in want.shape)
        np.testing.assert_allclose(dx[inside], want, rtol=2 * np.finfo(dtype).eps)
        dx[inside] = 0
        assert not dx.any()


@pytest.mark.parametrize("size", range(1, 9))
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_means_of_both_widths(size, ceil_mode):
    """float32 takes shorter ways than float64 in every small geometry, to the same gradient."""
    rng = np.random.default_rng(size)
    for k, s, p in itertools.product(range(1, 6), range(1, 5), range(3)):
        if 2 * p > k or size + 2 * p < k:
            continue
        call = dict(reduce="mean", stride=s, padding=p, ceil_mode=ceil_mode)
        for window, axes, shape in (((k,), (1,), (3, size)), ((k, k), (1, 2), (2, size, size))):
            x = rng.random(shape)
            g = rng.random(cypool.output_shape(shape, window, stride=s, padding=p, ceil_mode=ceil_mode, axes=axes))
            want = cypool.pool_backward(g, x, window, axes=axes, **call)
            got = cypool.pool_backward(g.astype("f4"), x.astype("f4"), window, axes=axes, **call)
            np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7, err_msg=str((shape, window, call)))
            assert abs(want.sum() - g.sum()) < 1e-9 or ceil_mode
