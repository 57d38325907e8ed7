"""`cypool.nn`: fractional pooling against its rule in plain Python, and unpooling."""

import math

import numpy as np
import pytest

from cypool import nn


def starts(u, n, k, o):
    """First cells of the windows of an axis."""
    alpha = (n - k) / (o - 1) if o > 1 else 0
    return [int((i + u) * alpha) - int(u * alpha) for i in range(o - 1)] + [n - k] * (o > 0)


def fractional(x, k, o, samples):
    """Values and positions, window by window: x of (planes, ...), a sample for each plane and axis."""
    nd = x.ndim - 1
    order = (1, 0) if nd == 2 else (0, 1, 2)
    values, at = np.empty((len(x), *o), x.dtype), np.empty((len(x), *o), np.int64)
    for plane, u in zip(range(len(x)), samples, strict=True):
        firsts = [starts(u[j], n, w, c) for j, n, w, c in zip(order, x.shape[1:], k, o, strict=True)]
        for where in np.ndindex(*o):
            cells = tuple(slice(f[i], f[i] + w) for f, i, w in zip(firsts, where, k, strict=True))
            part = x[plane][cells]
            inside = np.unravel_index(np.argmax(part), part.shape)
            place = [c.start + int(i) for c, i in zip(cells, inside, strict=True)]
            values[plane][where], at[plane][where] = part.max(), np.ravel_multi_index(place, x.shape[1:])
    return values, at


@pytest.mark.parametrize("dtype", ["f8", "i4", "u1"])
@pytest.mark.parametrize("nd", [2, 3])
def test_fractional(nd, dtype):
    rng = np.random.default_rng(nd)
    for _ in range(25):
        shape = tuple(int(n) for n in rng.integers(4, 10, nd))
        k = tuple(int(i) for i in rng.integers(1, 4, nd))
        o = tuple(int(rng.integers(1, n - w + 2)) for n, w in zip(shape, k, strict=True))
        x = rng.integers(0, 50, (2, 3, *shape)).astype(dtype)
        samples = rng.random((2, 3, nd))
        got = getattr(nn, f"fractional_max_pool{nd}d")(x, k, o, None, True, samples)
        want = fractional(x.reshape(6, *shape), k, o, samples.reshape(6, nd))
        assert np.array_equal(got[0].reshape(want[0].shape), want[0])
        assert np.array_equal(got[1].reshape(want[1].shape), want[1])


@pytest.mark.parametrize("dtype", ["f4", "f8", "u1"])
@pytest.mark.parametrize(
    "shape,k,o", [((40, 33), 2, 21), ((9, 700), 3, (5, 300)), ((90, 20), (1, 5), (80, 9)), ((8, 9, 30), 2, 5)]
)
def test_fractional_values(shape, k, o, dtype):
    """Values alone, of several rows of a plane at a time: those that are found together with their places."""
    rng = np.random.default_rng(1)
    x = rng.permuted(np.arange(12 * math.prod(shape)) % 251).reshape(3, 4, *shape).astype(dtype)
    if dtype != "u1":
        x[1, 2, 3, 4] = np.nan
    samples = rng.random((3, 4, len(shape)))
    function = getattr(nn, f"fractional_max_pool{len(shape)}d")
    want = function(x, k, o, None, True, samples)[0]
    for workers in (1, 3):
        assert np.array_equal(
            function(x, k, o, _random_samples=samples, workers=workers), want, equal_nan=dtype != "u1"
        )
    assert dtype == "u1" or np.isnan(want).any()


@pytest.mark.parametrize("nd,k", [(2, 17), (3, 7)])
def test_fractional_with_large_windows(nd, k):
    """More cells in a window than the kernels select from at once: found on one axis after the other."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 30, (2, 2, *((21, 22) if nd == 2 else (12, 11, 10)))).astype("f8")
    samples = rng.random((2, 2, nd))
    function, gradient = getattr(nn, f"fractional_max_pool{nd}d"), getattr(nn, f"fractional_max_pool{nd}d_backward")
    out = np.empty((2, 2, *(4,) * nd)), np.empty((2, 2, *(4,) * nd), np.int64)
    values, at = function(x, k, 4, None, True, samples, out=out)
    want = fractional(x.reshape(4, *x.shape[2:]), (k,) * nd, (4,) * nd, samples.reshape(4, nd))
    assert values is out[0] and at is out[1]
    assert np.array_equal(values.reshape(want[0].shape), want[0]) and np.array_equal(at.reshape(want[1].shape), want[1])
    x[0, 0, 6, 6] = np.nan
    values, at = function(x, k, 4, None, True, samples)
    flat = x.reshape(2, 2, -1)
    np.testing.assert_array_equal(np.take_along_axis(flat, at.reshape(2, 2, -1), -1).reshape(at.shape), values)
    g = rng.integers(0, 9, values.shape).astype(float)
    dx = gradient(g, x, k, 4, _random_samples=samples)
    want = np.zeros(flat.shape)
    for n, c in np.ndindex(2, 2):
        np.add.at(want[n, c], at[n, c].ravel(), g[n, c].ravel())
    assert np.array_equal(dx.reshape(want.shape), want)


def test_fractional_ratio_and_generator():
    x = np.random.default_rng(0).random((1, 2, 20, 30))
    assert nn.fractional_max_pool2d(x, 2, output_ratio=0.5).shape == (1, 2, 10, 15)
    assert nn.fractional_max_pool2d(x, 2, output_ratio=(0.5, 0.1)).shape == (1, 2, 10, 3)
    a, b = (nn.fractional_max_pool2d(x, 2, 9, rng=7) for _ in range(2))
    assert np.array_equal(a, b)
    generator = np.random.default_rng(7)
    assert np.array_equal(nn.fractional_max_pool2d(x, 2, 9, rng=generator), a)
    assert not np.array_equal(nn.fractional_max_pool2d(x, 2, 9, rng=generator), a)
    g = np.ones(a.shape)
    at = nn.fractional_max_pool2d(x, 2, 9, return_indices=True, rng=7)[1]
    want = nn.fractional_max_pool2d_backward(g, x, 2, 9, rng=7)
    assert np.array_equal(nn.fractional_max_pool2d_backward(g, x, 2, 9, indices=at), want) and want.sum() == g.size
    with pytest.raises(ValueError, match="_random_samples, indices"):
        nn.fractional_max_pool2d_backward(g, x, 2, 9)
    assert nn.fractional_max_pool2d(x[:0], 2, 9).shape == (0, 2, 9, 9)
    assert nn.fractional_max_pool2d(x, 2, (0, 9)).shape == (1, 2, 0, 9)


BAD_FRACTIONAL = [
    (dict(), ValueError, "output_size or output_ratio"),
    (dict(output_size=3, output_ratio=0.5), ValueError, "output_size or output_ratio"),
    (dict(output_ratio=0), ValueError, "output_ratio"),
    (dict(output_ratio=1), ValueError, "output_ratio"),
    (dict(output_ratio=-0.5), ValueError, "output_ratio"),
    (dict(output_ratio=math.nan), ValueError, "output_ratio"),
    (dict(output_ratio=math.inf), ValueError, "output_ratio"),
    (dict(output_ratio=True), TypeError, "output_ratio"),
    (dict(output_ratio="half"), TypeError, "output_ratio"),
    (dict(output_ratio=(0.5, 0.5, 0.5)), ValueError, "output_ratio"),
    (dict(output_size=6), ValueError, "output_size"),
    (dict(output_size=-1), ValueError, "output_size"),
    (dict(output_size=2.0), TypeError, "output_size"),
    (dict(output_size=2, kernel_size=7), ValueError, "kernel_size 7"),
    (dict(output_size=2, _random_samples=np.zeros((1, 1, 2))), ValueError, "_random_samples"),
    (dict(output_size=2, _random_samples=np.zeros((0, 3, 2))), ValueError, "_random_samples"),
    (dict(output_size=2, _random_samples=np.ones((1, 3, 2))), ValueError, "_random_samples"),
    (dict(output_size=2, _random_samples=np.full((1, 3, 2), -0.1)), ValueError, "_random_samples"),
    (dict(output_size=2, _random_samples=np.full((1, 3, 2), np.nan)), ValueError, "_random_samples"),
    (dict(output_size=2, _random_samples=np.zeros((1, 3, 2), int)), TypeError, "_random_samples"),
    (dict(output_size=2, rng=-1), ValueError, "rng"),
    (dict(output_size=2, rng=0.5), TypeError, "rng"),
]


@pytest.mark.parametrize("given,error,word", BAD_FRACTIONAL)
def test_bad_fractional(given, error, word):
    with pytest.raises(error, match=word):
        nn.fractional_max_pool2d(np.zeros((1, 3, 6, 6)), **{"kernel_size": 2} | given)


def test_samples_whose_rounding_goes_astray():
    """float16 cannot count to 3000: windows stay inside all the same."""
    x = np.zeros((1, 3001, 3), np.float16)
    got, at = nn.fractional_max_pool2d(x, 1, (2999, 3), None, True, np.full((1, 1, 2), 0.9995))
    assert got.shape == (1, 2999, 3) and 0 <= at.min() and at.max() < 9003


# ---- unpooling -------------------------------------------------------------------------------------


@pytest.mark.parametrize("nd", [1, 2, 3])
def test_unpool_puts_back(nd):
    x = np.random.default_rng(0).random((2, 3, *(9, 8, 7)[:nd])) + 1
    values, at = getattr(nn, f"max_pool{nd}d")(x, 2, return_indices=True)
    unpool, gradient = getattr(nn, f"max_unpool{nd}d"), getattr(nn, f"max_unpool{nd}d_backward")
    for size in (x.shape[2:], x.shape, list(x.shape[2:]), np.array(x.shape[2:])):
        y = unpool(values, at, 2, output_size=size)
        assert y.shape == x.shape and np.array_equal(y[y != 0], x[y != 0]) and (y != 0).sum() == values.size
    assert unpool(values[:, :, :4], at[:, :, :4] * 0, 2).shape[2:] == tuple(2 * n for n in values[:, :, :4].shape[2:])
    out = np.empty_like(x)
    assert unpool(values, at, 2, output_size=x.shape, out=out) is out and np.array_equal(out, y)
    g = np.random.default_rng(1).random(x.shape)
    dx = np.empty_like(values)
    assert gradient(g, values, at, 2, output_size=x.shape, out=dx) is dx
    assert np.array_equal(dx, np.take_along_axis(g.reshape(2, 3, -1), at.reshape(2, 3, -1), -1).reshape(dx.shape))


def test_unpool_to_one_cell():
    assert nn.max_unpool1d([[5.0]], [[0]], 2, output_size=1).tolist() == [[5]]
    assert nn.max_unpool1d([[5.0, 6.0]], [[0, 3]], 2, padding="valid").tolist() == [[5, 0, 0, 6]]


def test_unpool_gradient_is_the_adjoint():
    """With repeated indices too: <unpool(v), g> = <v, gradient(g)>."""
    rng = np.random.default_rng(2)
    for last in (False, True):
        values = rng.integers(-9, 9, (2, 5, 5, 3) if last else (2, 3, 5, 5)).astype(float)
        at = rng.integers(0, 100, values.shape)
        g = rng.integers(-9, 9, (2, 10, 10, 3) if last else (2, 3, 10, 10)).astype(float)
        form = dict(data_format="channels_last" if last else "channels_first")
        y = nn.max_unpool2d(values, at, 2, **form)
        assert (y * g).sum() == (values * nn.max_unpool2d_backward(g, values, at, 2, **form)).sum()


def test_unpool_dtypes():
    for dtype in "? i1 u8 f2 f4 f8".split():
        values = np.array([[1, 0]], dtype)
        assert nn.max_unpool1d(values, [[3, 1]], 2).dtype == dtype
        got = nn.max_unpool1d_backward(np.ones((1, 4), "f4"), values, [[3, 1]], 2)
        assert got.dtype == (dtype if values.dtype.kind == "f" else "f4")


BAD_UNPOOL = [
    (dict(indices=[[4, 0]]), IndexError, "4"), (dict(indices=[[-1, 0]]), IndexError, "-1"),
    (dict(indices=[[2**40, 0]]), IndexError, "indices"), (dict(indices=[[1.0, 0.0]]), TypeError, "indices"),
    (dict(indices=np.array([[2**63, 0]], "u8")), IndexError, "indices"),
    (dict(indices=[[True, False]]), TypeError, "indices"),
    (dict(indices=[[1]]), ValueError, "indices"), (dict(kernel_size=0), ValueError, "kernel_size"),
    (dict(kernel_size=2.0), TypeError, "kernel_size"), (dict(stride=-1), ValueError, "stride"),
    (dict(padding=-1), ValueError, "padding"), (dict(padding="same"), ValueError, "padding"),
    (dict(padding=2), ValueError, "output size"), (dict(output_size=2), ValueError, "output_size"),
    (dict(output_size=6), ValueError, "output_size"), (dict(output_size=(1, 1, 1, 4)), ValueError, "output_size"),
    (dict(output_size=4.0), TypeError, "output_size"), (dict(kernel_size=2**61), (ValueError, MemoryError), "s"),
    (dict(stride=2**61), (ValueError, MemoryError), "s"), (dict(input=[["a", "b"]]), TypeError, "input"),
    (dict(input=[[[[1, 2]]]]), ValueError, "input"), (dict(data_format="NCL"), ValueError, "data_format"),
    (dict(out=np.zeros((1, 3))), ValueError, "out"), (dict(workers=0), ValueError, "workers"),
]  # fmt: skip


@pytest.mark.parametrize("given,error,word", BAD_UNPOOL)
def test_bad_unpool(given, error, word):
    call = {"input": [[1.0, 2.0]], "indices": [[1, 2]], "kernel_size": 2} | given
    with pytest.raises(error, match=word):
        nn.max_unpool1d(**call)
    if "out" not in given and "workers" not in given:
        call["x"] = call.pop("input")
        with pytest.raises(error, match="x" if word == "input" else word):
            nn.max_unpool1d_backward(np.ones((1, 4)), **call)
    with pytest.raises(ValueError, match="grad"):
        nn.max_unpool1d_backward(np.ones((1, 5)), [[1.0, 2.0]], [[1, 2]], 2)
