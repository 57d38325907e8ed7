"""Gradients of layers: differences, adjoints, `pool_backward`, and what a layer keeps between calls."""

import copy
import gc
import pickle
import threading
import weakref

import arrays
import numpy as np
import pytest
from layered import CASES, FORMATS, call, data, first, identity, make, pooled
from test_gradients import differences
from test_layers import NAMES, of_pool

import cypool
from cypool import layers

LINEAR = [c for c in CASES if c[0].startswith(("Average", "GlobalAverage", "AdaptiveAverage", "UpSampling"))]
DRAWN = ("Fractional", "Stochastic")
SMALL = {1: (2, 5, 2), 2: (1, 4, 5, 2), 3: (1, 3, 4, 3, 1)}


def small(name, seed=0):
    shape = SMALL[int(name[-2])]
    return (np.random.default_rng(seed).permutation(np.prod(shape)).reshape(shape) + 3) / 16


def repeatable(name, given):
    """A function of x alone: a new layer for each call, so that its draws are the same."""
    return lambda x: call(make(name, given), x)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("name,given", CASES, ids=identity)
def test_central_differences(name, given, data_format):
    if "pool_size" in given and not name.endswith("1D") and np.max(given["pool_size"]) > 3:
        given = given | dict(pool_size=3)
    if name.startswith("Fractional") and "output_size" in given:
        given = given | dict(output_size=2)
    given = given | dict(data_format=data_format)
    x = small(name) if data_format == "channels_last" else first(small(name))
    if given.get("ratio", 0) > 1.3:
        given = given | dict(ratio=1.5)
    layer, function = make(name, given), repeatable(name, given)
    if "Unpooling" in name:
        x, indices = pooled(layer, x)
        sizes = [r[0] for r in (layer._range(x.shape[a], i) for i, a in enumerate(layer._axes))]
        indices = np.minimum(indices, np.prod(sizes) - 1)

        def function(x):
            return make(name, given)(x, indices, sizes)

        y = layer(x, indices, sizes)
    else:
        y = layer(x)
    g = np.random.default_rng(1).random(y.shape)
    want = differences(function, x, g)
    np.testing.assert_allclose(layer.backward(g), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name,given", LINEAR, ids=identity)
def test_adjoint_identity(name, given):
    """<layer(x), g> = <x, backward(g)>."""
    x = data(name)
    layer = make(name, given)
    y = layer(x)
    g = np.random.default_rng(2).integers(-9, 9, y.shape).astype(float)
    left, right = (y * g).sum(), (x * layer.backward(g)).sum()
    assert np.isclose(left, right, rtol=1e-12, atol=1e-9)
    assert left == right or not name.startswith("UpSampling") or given.get("interpolation")


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize(
    "name,given", [c for c in CASES if "Pooling" in c[0] and not c[0].startswith(DRAWN) and "Un" not in c[0]],
    ids=identity,
)  # fmt: skip
def test_equals_pool_backward(name, given, data_format):
    """With the arguments of the layer, and x itself instead of what the layer kept."""
    for dtype in ("float16", "float32", "float64", "int32"):
        x = np.floor(data(name, dtype=dtype))  # with ties
        x = x if data_format == "channels_last" else first(x)
        layer = make(name, given, data_format=data_format)
        g = np.random.default_rng(3).integers(-9, 9, layer(x).shape).astype("float32")
        got = layer.backward(g)
        call = layer._kept.call
        want = cypool.pool_backward(g.reshape(of_pool(make(name, given | dict(keepdims=True), data_format=data_format)
                                                      if "Global" in name else layer, x).shape), x, **call)  # fmt: skip
        assert got.dtype == (x.dtype if x.dtype.kind == "f" else np.float32)
        assert got.shape == x.shape and np.array_equal(got, want)


def test_replaced_values_get_nothing():
    """Where windows overlap the last value stays, and the gradient goes to it."""
    layer = layers.MaxUnpooling1D(2, 1)
    assert layer([[[1.0], [2.0], [3.0]]], [[[1], [1], [0]]], 4).ravel().tolist() == [3, 2, 0, 0]
    assert layer.backward(np.array([[[5.0], [7.0], [1.0], [1.0]]])).ravel().tolist() == [0, 7, 5]
    both = layers.MaxUnpooling2D(1, data_format="channels_first")
    both(np.ones((2, 3, 2, 2)), np.zeros((2, 3, 2, 2), int))
    assert both.backward(np.ones((2, 3, 2, 2))).sum((2, 3)).tolist() == [[1.0] * 3] * 2


@pytest.mark.parametrize("name", NAMES)
def test_backward_before_a_call(name):
    given = dict(output_size=2) if name.startswith(("Adaptive", "Fractional")) else {}
    layer = make(name, given)
    with pytest.raises(ValueError, match=f"{name}.backward"):
        layer.backward(np.ones((1, 1)))
    x = np.ones((1, *(4,) * int(name[-2]), 1))
    y = layer(x, np.zeros(x.shape, int)) if "Unpooling" in name else layer(x)
    with pytest.raises(ValueError, match="grad") as caught:
        layer.backward(np.ones((*y.shape, 1)))
    assert str(y.shape) in str(caught.value)
    for bad in (np.full(y.shape, "a"), np.full(y.shape, None), np.zeros(y.shape, "M8[s]")):
        with pytest.raises(TypeError, match="grad"):
            layer.backward(bad)
    assert layer.backward(y).shape == x.shape
    with pytest.raises((ValueError, TypeError)):
        layer(np.ones(3), np.zeros(3, int)) if "Unpooling" in name else layer(np.ones(3))
    with pytest.raises(ValueError, match=f"{name}.backward"):  # nothing is left of the call before
        layer.backward(y)


@pytest.mark.parametrize("name", ["MaxPooling2D", "MinPooling2D", "FractionalMaxPooling2D"])
def test_indices_before_a_call(name):
    layer = make(name, dict(output_size=2) if "Fractional" in name else {})
    with pytest.raises(ValueError, match=f"{name}.indices"):
        _ = layer.indices
    layer(np.ones((1, 4, 4, 1)))
    assert layer.indices.shape == (1, 2, 2, 1) and layer.indices.dtype == np.int64


def test_the_last_call_counts():
    layer = layers.MaxPooling2D(2)
    x, other = data("MaxPooling2D"), data("MaxPooling2D", 1)[:, :4]
    layer(x)
    g = np.ones_like(layer(other))
    assert np.array_equal(layer.backward(g), cypool.pool_backward(g, other, (2, 2), axes=(1, 2)))
    assert np.array_equal(layer.backward(2 * g), 2 * layer.backward(g))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept(name):
    """x itself only where the gradient needs its values."""
    given = dict(output_size=2) if name.startswith(("Adaptive", "Fractional")) else {}
    keeps = name.startswith(("Median", "Lp", "Stochastic", "GlobalM", "AdaptiveMax"))
    layer = make(name, given)
    x = np.ones((1, *(4,) * int(name[-2]), 1))
    seen = weakref.ref(x)
    y = layer(x, np.zeros(x.shape, int)) if "Unpooling" in name else layer(x)
    if not keeps:
        want = layer.backward(y)
        x[...] = np.nan
        assert np.array_equal(layer.backward(y), want)
    del x
    gc.collect()
    assert (seen() is not None) == keeps


def test_no_hidden_memory():
    """An average layer keeps a few numbers."""
    layer = layers.AveragePooling2D(2)
    layer(np.ones((8, 64, 64, 16), np.float32))
    assert len(pickle.dumps(layer)) < 2000


def test_copies():
    x = data("StochasticPooling2D")
    for layer in (layers.MaxPooling2D(3, 2, "same"), layers.StochasticPooling2D(seed=1), layers.MedianPooling2D()):
        y = layer(x)
        for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert np.array_equal(other.backward(y), layer.backward(y))
            assert np.array_equal(other(x), y) and repr(other) == repr(layer)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_workers(workers):
    x = arrays.rough("float32", (4, 40, 50, 8))
    for name in ("MaxPooling2D", "AveragePooling2D", "LpPooling2D", "GlobalAveragePooling2D"):
        layer = make(name, {})
        with cypool.workers(1):
            y = layer(x)
            dx = layer.backward(y)
        with cypool.workers(workers):
            assert np.array_equal(layer(x), y) and np.array_equal(layer.backward(y), dx)


def test_one_layer_for_each_thread():
    x = data("MaxPooling2D")
    want = layers.MaxPooling2D()(x)
    wrong = []

    def work():
        layer = layers.MaxPooling2D()
        for _ in range(50):
            y = layer(x)
            if not np.array_equal(y, want) or layer.backward(y).sum() != y.sum():
                wrong.append(y)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_nan_stays_where_it_is():
    x = np.ones((1, 4, 4, 1))
    x[0, 0, 0, 0] = np.nan
    for name in ("MaxPooling2D", "MinPooling2D", "AveragePooling2D", "MedianPooling2D", "LpPooling2D"):
        layer = make(name, {})
        y = layer(x)
        assert np.isnan(y).sum() == 1 and np.isnan(y[0, 0, 0, 0])
        g = np.ones_like(y)
        g[0, 1, 1, 0] = np.inf
        dx = layer.backward(g)
        assert np.isfinite(dx[0, 2:, :2]).all() and np.isfinite(dx[0, :2, 2:]).all()
