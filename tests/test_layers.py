"""Layers: their results against plain NumPy and `cypool.pool`, formats, shapes, configurations."""

import inspect
import json
import math

import arrays
import numpy as np
import pytest
from layered import CASES, FORMATS, PARAMETERS, SHAPES, call, data, first, identity, make, rank_of, reference

import cypool
from cypool import layers

NAMES = sorted(set(layers.__all__) - {"Layer"})
WITHOUT_RANDOM = [
    c for c in CASES if not c[0].startswith(("Fractional", "MaxUnpooling")) and "interpolation" not in c[1]
]
CLASSIC = np.array([[1.0, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]])


def test_every_layer_is_in_the_table():
    assert {name for name, _ in CASES} == set(NAMES) and len(NAMES) == 43
    for name in NAMES:
        one = getattr(layers, name)
        assert issubclass(one, layers.Layer) and one.__name__ == name and "Examples" in one.__doc__
        for argument in inspect.signature(one).parameters.values():
            assert argument.annotation is not inspect.Parameter.empty, (name, argument)


# ---- results ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name,given", WITHOUT_RANDOM, ids=identity)
def test_meaning(name, given):
    """Against loops over windows in NumPy, "same" by TensorFlow's rule."""
    x = data(name)
    got, want = make(name, given)(x), reference(name, given, x)
    assert got.shape == want.shape and got.dtype == x.dtype
    np.testing.assert_allclose(got, want, rtol=1e-13)


def of_pool(layer, x):
    """The call of `pool` that a layer stands for."""
    first_axis = 1 if layer.data_format == "channels_last" else 2
    rank = rank_of(type(layer).__name__)
    axes = tuple(range(first_axis, first_axis + rank))
    kind = type(layer).__name__.split("Pooling")[0]
    reduce = {"Max": "max", "Min": "min", "Average": "mean", "Median": "median", "Lp": "lp",
              "Stochastic": "stochastic"}[kind.replace("Global", "").replace("Adaptive", "")]  # fmt: skip
    if kind.startswith("Global"):
        return cypool.global_pool(x, reduce, axes=axes, keepdims=layer.keepdims)
    if kind.startswith("Adaptive"):
        sizes = [x.shape[a] if o is None else o for o, a in zip(layer.output_size, axes, strict=True)]
        return cypool.adaptive_pool(x, sizes, reduce, axes=axes)
    options = dict(p=layer.p) if reduce == "lp" else dict(training=False) if reduce == "stochastic" else {}
    return cypool.pool(x, layer.pool_size, reduce, stride=layer.strides, padding=layer.padding, axes=axes, **options)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("name,given", [c for c in WITHOUT_RANDOM if "Sampling" not in c[0]], ids=identity)
def test_equals_pool(name, given, data_format):
    for dtype in ("float16", "float32", "float64", "uint8", "int64"):
        x = data(name) if "float" in dtype else np.floor(data(name))
        x = x.astype(dtype) if data_format == "channels_last" else first(x.astype(dtype))
        layer = make(name, given, data_format=data_format)
        got, want = layer(x), of_pool(layer, x)
        assert got.dtype == want.dtype and got.tobytes() == want.tobytes()


@pytest.mark.parametrize("name,given", CASES, ids=identity)
def test_channels_last_equals_channels_first(name, given):
    """To the bit: values, gradients, indices."""
    for dtype in ("float32", "float64"):
        x = data(name, dtype=dtype)
        last, ahead = (make(name, given, data_format=f) for f in FORMATS)
        y, z = call(last, x), call(ahead, first(x))
        assert y.dtype == z.dtype and y.shape[0] == z.shape[0]
        flat = y.ndim == 2
        assert np.array_equal(y if flat else first(y), z)
        g = np.random.default_rng(1).integers(-8, 8, y.shape).astype(dtype)
        dx, dz = last.backward(g), ahead.backward(g if flat else first(g))
        assert dx.dtype == dz.dtype == x.dtype and np.array_equal(first(dx), dz)
        if hasattr(last, "indices"):
            assert np.array_equal(first(last.indices), ahead.indices)


def test_rough_numbers_in_both_formats():
    """Also where each step rounds."""
    for name in ("AveragePooling2D", "LpPooling2D", "MedianPooling2D", "GlobalAveragePooling2D"):
        for dtype in ("float16", "float32"):
            x = arrays.rough(dtype, (3, 20, 30, 5))
            one, other = (make(name, {}, data_format=f) for f in FORMATS)
            y, z = one(x), other(first(x))
            assert np.array_equal(y if y.ndim == 2 else first(y), z), name


def test_classic_example():
    """A matrix of a widely copied tutorial, which gets three of these wrong."""
    x = CLASSIC.reshape(1, 4, 4, 1)
    for name, want in (("MaxPooling2D", [[6, 8], [14, 16]]), ("MinPooling2D", [[1, 2], [9, 11]]),
                       ("AveragePooling2D", [[3.75, 5.25], [11.5, 13.5]])):  # fmt: skip
        assert make(name, {})(x)[0, :, :, 0].tolist() == want
    assert layers.GlobalAveragePooling2D()(x).tolist() == [[8.5]]
    assert layers.GlobalMaxPooling2D()(x).tolist() == [[16]]
    assert layers.GlobalMinPooling2D()(x).tolist() == [[1]]


def test_same_divides_by_real_cells():
    layer = layers.AveragePooling2D(3, strides=1, padding="same")
    assert np.array_equal(layer(np.ones((1, 4, 5, 2))), np.ones((1, 4, 5, 2)))


@pytest.mark.parametrize("layout", sorted(arrays.LAYOUTS))
@pytest.mark.parametrize("name", ["MaxPooling2D", "AveragePooling2D", "GlobalMaxPooling2D", "UpSampling2D"])
def test_layouts(name, layout):
    """Any layout gives the numbers of a plain copy, and no input is changed."""
    x = arrays.LAYOUTS[layout](data(name))
    kept = arrays.c_copy(x)
    layer, plain = make(name, {}), make(name, {})
    y = layer(x)
    assert np.array_equal(y, plain(kept)) and y.dtype == kept.dtype
    g = np.ones_like(y)
    assert np.array_equal(layer.backward(arrays.LAYOUTS[layout](g)), plain.backward(g))
    assert np.array_equal(x, kept)


def test_masked_arrays():
    """Masked cells take no part; empty windows are masked, and give no gradient."""
    x = np.ma.masked_greater(np.arange(16.0).reshape(1, 4, 4, 1), 9)
    for name, want in (("MaxPooling2D", 9.0), ("AveragePooling2D", 8.5), ("MedianPooling2D", 8.5)):
        layer = make(name, {})
        y = layer(x)
        assert y[0, 1, 1, 0] is np.ma.masked and y[0, 1, 0, 0] == want
        dx = layer.backward(np.ones(y.shape))
        assert dx[x.mask].max() == 0 and dx.sum() == 3
    assert layers.UpSampling2D()(x).mask.sum() == 4 * x.mask.sum()
    with pytest.raises(TypeError, match="masked"):
        layers.UpSampling2D(interpolation="bilinear")(x)


def test_stochastic():
    x = data("StochasticPooling2D")
    layer = layers.StochasticPooling2D(3, strides=1, seed=7)
    assert np.array_equal(layer(x), layer(x, training=False))
    drawn = [layer(x, training=True) for _ in range(3)]
    assert not np.array_equal(drawn[0], drawn[1])
    again = layers.StochasticPooling2D.from_config(layer.get_config())
    assert all(np.array_equal(again(x, training=True), d) for d in drawn)  # a seed fixes the whole run
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (1, 2))
    assert (windows == drawn[0][..., None, None]).any((-1, -2)).all()
    dx = layer.backward(np.ones_like(drawn[2]))
    assert dx.sum() == drawn[2].size and dx.max() <= 9


def test_fractional():
    x = data("FractionalMaxPooling2D")
    for kind in ("Max", "Average"):
        layer = make(f"Fractional{kind}Pooling2D", dict(ratio=1.5, seed=0))
        results = [layer(x) for _ in range(5)]
        assert all(y.shape == (2, 4, 6, 3) for y in results)
        assert not all(np.array_equal(y, results[0]) for y in results)
        again = type(layer).from_config(layer.get_config())
        assert all(np.array_equal(again(x), y) for y in results)
    y, windows = cypool.fractional_pool(x, (4, 6), axes=(1, 2), rng=11, return_windows=True)
    layer = layers.FractionalMaxPooling2D((4, 6), seed=11)
    assert np.array_equal(layer(x), y)
    assert np.array_equal(layer.backward(y), cypool.pool_backward(y, x, windows, axes=(1, 2)))


def test_bilinear():
    """Between the centres of cells, held beyond the outermost."""
    x = np.random.default_rng(0).random((2, 5, 6, 3))
    y = layers.UpSampling2D((4, 3), interpolation="bilinear")(x)
    rows, columns = (np.clip((np.arange(n * s) + 0.5) / s - 0.5, 0, n - 1) for n, s in ((5, 4), (6, 3)))
    for b, c in np.ndindex(2, 3):
        down = np.stack([np.interp(rows, range(5), x[b, :, j, c]) for j in range(6)], 1)
        want = np.stack([np.interp(columns, range(6), line) for line in down])
        np.testing.assert_allclose(y[b, :, :, c], want, rtol=1e-12)
    for dtype in arrays.FLOATS:
        assert np.array_equal(layers.UpSampling2D(3, interpolation="bilinear")(np.ones((1, 2, 2, 1), dtype)),
                              np.ones((1, 6, 6, 1), dtype))  # fmt: skip


def test_unpooling():
    x = data("MaxPooling2D")
    pooling = layers.MaxPooling2D(2)
    layer = layers.MaxUnpooling2D(2)
    y = pooling(x[:, :6, :8])
    assert layer(y, pooling.indices).shape == (2, 6, 8, 3)
    assert np.array_equal(pooling(layer(y, pooling.indices)), y)
    for padding in ("valid", "same"):
        pooling, layer = layers.MaxPooling2D(2, padding=padding), layers.MaxUnpooling2D(2, padding=padding)
        y = pooling(x)
        back = layer(y, pooling.indices, output_size=(7, 9))
        assert back.shape == x.shape and (back != 0).sum() == y.size
        assert np.array_equal(back[back != 0], x[back != 0])


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_sizes_of_unpooling(padding):
    """Those from which pooling makes as many values, and no others."""
    for k, s, n in np.ndindex(4, 4, 4):
        k, s, n = int(k) + 1, int(s) + 1, int(n) + 1
        pooling, layer = (getattr(layers, f"Max{kind}1D")(k, s, padding) for kind in ("Pooling", "Unpooling"))
        fitting = [m for m in range(k if padding == "valid" else 1, 40)
                   if pooling.compute_output_shape((1, m, 1)) == (1, n, 1)]  # fmt: skip
        y, index = np.ones((1, n, 1)), np.zeros((1, n, 1), int)
        assert layer(y, index).shape[1] == fitting[-1 if padding == "same" else 0]
        for m in range(1, 40):
            if m in fitting:
                assert layer(y, index, m).shape == (1, m, 1)
            else:
                with pytest.raises(ValueError, match=f"output_size must be {fitting[0]} to {fitting[-1]} .*{m}"):
                    layer(y, index, m)


# ---- shapes and configurations -------------------------------------------------------------------


@pytest.mark.parametrize("name,given,data_format", PARAMETERS, ids=identity)
def test_output_shape(name, given, data_format):
    x = data(name) if data_format == "channels_last" else first(data(name))
    layer = make(name, given, data_format=data_format)
    shape = x.shape
    got = (layer(x, np.zeros(shape, int)) if "Unpooling" in name else layer(x)).shape
    assert layer.compute_output_shape(shape) == got == layer.compute_output_shape(list(shape))
    assert layer.compute_output_shape((None, *shape[1:])) == (None, *got[1:])
    unknown = layer.compute_output_shape((None,) * len(shape))
    assert len(unknown) == len(got) and all(n is None or n == m for n, m in zip(unknown, got, strict=True))
    assert call(layer, x[:0]).shape[0] == 0


@pytest.mark.parametrize("name,given,data_format", PARAMETERS, ids=identity)
def test_configuration(name, given, data_format):
    layer = make(name, given, data_format=data_format, name="one")
    config = layer.get_config()
    assert list(config) == list(inspect.signature(type(layer)).parameters)
    assert config["name"] == "one" and config["data_format"] == data_format
    stored = json.loads(json.dumps(config))
    for other in (
        type(layer).from_config(config),
        type(layer).from_config(stored | dict(trainable=True, dtype="float32")),
        eval(repr(layer), {name: type(layer)}),
        eval(repr(make(name, given, data_format=data_format)), {name: type(layer)}),
    ):
        assert type(other) is type(layer)
        assert other.get_config() == config | dict(name=other.name) and other.name in ("one", None)
    assert repr(layer) == repr(type(layer).from_config(config))


def test_defaults_are_those_of_keras():
    for name in NAMES:
        parameters = inspect.signature(getattr(layers, name)).parameters
        assert parameters["data_format"].default == "channels_last" and parameters["name"].default is None
        order = list(parameters)
        if "pool_size" in parameters:
            assert order[:4] == ["pool_size", "strides", "padding", "data_format"]
            assert parameters["strides"].default is None and parameters["padding"].default == "valid"
        if name.startswith("Global"):
            assert order[:2] == ["data_format", "keepdims"] and parameters["keepdims"].default is False
    assert layers.MaxPooling2D().get_config() == dict(
        pool_size=(2, 2), strides=(2, 2), padding="valid", data_format="channels_last", name=None
    )
    assert layers.MaxPooling2D(data_format=None).data_format == "channels_last"
    assert layers.UpSampling2D((2, 3)).get_config()["interpolation"] == "nearest"


def test_empty_batches_and_channels():
    for name in NAMES:
        rank = rank_of(name)
        if "Unpooling" in name:
            continue
        given = dict(output_size=2) if name.startswith(("Adaptive", "Fractional")) else {}
        for shape in ((0, *(4,) * rank, 3), (2, *(4,) * rank, 0)):
            layer = make(name, given)
            y = layer(np.ones(shape, np.float32))
            assert y.shape == layer.compute_output_shape(shape) and y.size == 0
            dx = layer.backward(y)
            assert dx.shape == shape and dx.dtype == np.float32
    assert math.prod(SHAPES[1]) > 0
