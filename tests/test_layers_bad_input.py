"""Layers: bad arguments, made from a table; the message names the argument, its value and what is allowed."""

import functools
import inspect

import numpy as np
import pytest
from layered import rank_of
from test_bad_input import ARRAYS, BELOW_ONE, EITHER, LENGTHS, NOT_INTEGERS, TOO_LARGE, refused
from test_layers import NAMES

from cypool import layers

SIZES = [*NOT_INTEGERS, *BELOW_ONE, *TOO_LARGE, *LENGTHS]
STRINGS = [(None, TypeError, "None"), (0, TypeError, "0"), (b"same", TypeError, "same"), (["same"], TypeError, "same")]
KINDS = {
    "pool_size": [*SIZES, (None, TypeError, "None")],
    "strides": SIZES,
    "size": [*SIZES, (None, TypeError, "None")],
    "output_size": SIZES,
    "padding": [*STRINGS, ("SAME", ValueError, "SAME"), ("full", ValueError, "full"), (1, TypeError, "1")],
    "data_format": [*STRINGS[1:], ("channels", ValueError, "channels"), ("", ValueError, "")],
    "name": [(1, TypeError, "1"), (b"a", TypeError, "a"), (["a"], TypeError, "a")],
    "keepdims": [(1, TypeError, "1"), (None, TypeError, "None"), ("yes", TypeError, "yes")],
    "overlapping": [(1, TypeError, "1"), (None, TypeError, "None")],
    "scheme": [*STRINGS, ("other", ValueError, "other")],
    "interpolation": [*STRINGS, ("bicubic", ValueError, "bicubic")],
    "seed": [*NOT_INTEGERS, (-1, ValueError, "-1"), (np.random.default_rng(0), TypeError, "Generator")],
    "ratio": [(0, ValueError, "0"), (0.5, ValueError, "0.5"), (-1, ValueError, "-1"), (float("nan"), ValueError, "nan"),
              (float("inf"), ValueError, "inf"), ("2", TypeError, "2"), (True, TypeError, "True"),
              (2j, TypeError, "2j"), ((1.5,) * 5, ValueError, "1.5"), ([], ValueError, "")],
    "p": [(0, ValueError, "0"), (-1, ValueError, "-1"), (float("nan"), ValueError, "nan"), ("2", TypeError, "2"),
          (True, TypeError, "True"), (None, TypeError, "None"), (2j, TypeError, "2j"), ([2], TypeError, "2")],
}  # fmt: skip


def arguments(name):
    return inspect.signature(getattr(layers, name)).parameters


@pytest.mark.parametrize("name", NAMES)
def test_bad_arguments(name):
    assert set(arguments(name)) <= set(KINDS)
    one = getattr(layers, name)
    required = dict(output_size=2) if "output_size" in arguments(name) else {}
    for argument in arguments(name):
        for value, error, words in KINDS[argument]:
            if isinstance(value, tuple | list) and len(value) == rank_of(name) and argument != "p":
                continue
            given = {} if argument in ("output_size", "ratio") else required
            refused(functools.partial(one, **given, **{argument: value}), error, argument, words)
            if argument in ("pool_size", "strides", "size", "output_size") and not isinstance(value, tuple | list):
                mixed = (1,) * (rank_of(name) - 1) + (value,)
                if value is not None:
                    refused(functools.partial(one, **given, **{argument: mixed}), error, argument, words)
    with pytest.raises(TypeError, match="typo"):
        one(**required, typo=1)


def some(name):
    return getattr(layers, name)(**(dict(output_size=2) if "output_size" in arguments(name) else {}))


@pytest.mark.parametrize("name", NAMES)
def test_bad_arrays(name):
    layer, rank = some(name), rank_of(name)
    more = (np.zeros(1, int),) if "Unpooling" in name else ()
    for value, *_ in ARRAYS:  # most of them have the wrong number of axes, too
        with pytest.raises(EITHER, match="x must"):
            layer(value, *more)
    for dtype in ("U1", "M8[s]", "m8[s]", object, np.longdouble, "V3"):
        x = np.zeros((1, *(4,) * rank, 1), dtype)
        with pytest.raises(TypeError):
            layer(x, *(np.zeros(x.shape, int) for _ in more))
    for shape in ((4,) * (rank + 1), (4,) * (rank + 3), ()):
        with pytest.raises(ValueError, match="x must have"):
            layer(np.zeros(shape), *more)
    for axis in range(1, 1 + rank):
        shape = tuple(0 if a == axis else 4 for a in range(rank + 2))
        with pytest.raises(ValueError, match=f"x: axis {axis} "):
            layer(np.zeros(shape), *(np.zeros(shape, int) for _ in more))
        with pytest.raises(ValueError, match="input_shape"):
            layer.compute_output_shape(shape)


@pytest.mark.parametrize("name", NAMES)
def test_bad_shapes_and_configurations(name):
    layer, rank = some(name), rank_of(name)
    for value, error in (
        (4, TypeError), (None, TypeError), ("444", TypeError), ((4,) * (rank + 1), ValueError), ((), ValueError),
        ((4.0,) * (rank + 2), TypeError), ((True,) * (rank + 2), TypeError), ((-1,) * (rank + 2), ValueError),
        ((2**62,) * (rank + 2), ValueError),
    ):  # fmt: skip
        with pytest.raises(error, match="input_shape"):
            layer.compute_output_shape(value)
    config = layer.get_config()
    for value in (None, 1, "config", [("pool_size", 2)]):
        with pytest.raises(TypeError, match="config"):
            type(layer).from_config(value)
    with pytest.raises(TypeError, match="typo"):
        type(layer).from_config(config | dict(typo=1))


@pytest.mark.parametrize("name", [n for n in NAMES if "pool_size" in arguments(n) and "Unpooling" not in n])
def test_windows_that_do_not_fit(name):
    rank = rank_of(name)
    for data_format, axis in (("channels_last", rank), ("channels_first", rank + 1)):
        layer = getattr(layers, name)((1,) * (rank - 1) + (9,), data_format=data_format)
        x = np.ones((5,) * (rank + 2))
        for action in (lambda layer=layer, x=x: layer(x), lambda layer=layer, x=x: layer.compute_output_shape(x.shape)):
            with pytest.raises(ValueError, match=f"pool_size, axis {axis}: window 9 .* 9 cells, more than the 5"):
                action()
    huge = getattr(layers, name)(2**61, padding="same")
    assert huge.compute_output_shape((1, *(5,) * rank, 1)) == (1, *(1,) * rank, 1)


def test_fractional_sizes():
    for name in ("FractionalMaxPooling2D", "FractionalAveragePooling3D"):
        layer = getattr(layers, name)
        for given in ({}, dict(output_size=2, ratio=1.5)):
            with pytest.raises(ValueError, match="output_size or ratio"):
                layer(**given)
        x = np.ones((1, *(4,) * rank_of(name), 1))
        with pytest.raises(ValueError, match="output_size must be at most the axis length, 4 of axis 1, not 5"):
            layer(5)(x)
        with pytest.raises(ValueError, match=r"ratio must be at most the axis length, 4 of axis 1, not 4.5"):
            layer(ratio=4.5)(x)


def test_bad_indices():
    layer = layers.MaxUnpooling1D(2)
    x = np.ones((1, 2, 1))
    for value in (-1, 4, 2**31, 2**32 + 3, 2**40, -(2**63)):
        with pytest.raises(IndexError, match="indices"):
            layer(x, np.full(x.shape, value))
    with pytest.raises(IndexError):
        layer(x, np.full(x.shape, 2**64 - 1, np.uint64))
    for value in (np.zeros(x.shape), np.zeros(x.shape, bool), np.zeros(x.shape, object), None, "a"):
        with pytest.raises(TypeError, match="indices"):
            layer(x, value)
    for value in (np.zeros(2, int), np.zeros((1, 3, 1), int), 0):
        with pytest.raises(ValueError, match="indices"):
            layer(x, value)
    for value, error, words in [*SIZES, (99, ValueError, "99"), ((4, 4), ValueError, "4")]:
        refused(layer, error, "output_size", words, x, np.zeros(x.shape, int), output_size=value)


def test_training_is_a_bool():
    layer = layers.StochasticPooling2D()
    for value in (1, None, "yes", 0.0):
        with pytest.raises(TypeError, match="training"):
            layer(np.ones((1, 2, 2, 1)), training=value)
    with pytest.raises(TypeError):
        layers.MaxPooling2D()(np.ones((1, 2, 2, 1)), training=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_complex_gradient_does_not_go_with_a_real_x(dtype):
    x = np.ones((1, 2, 1), dtype)
    up, un = layers.UpSampling1D(2), layers.MaxUnpooling1D(2)
    for layer, y in ((up, up(x)), (un, un(x, np.array([[[0], [2]]])))):
        with pytest.raises(TypeError, match=r"grad must be .*, not complex128"):
            layer.backward(y.astype(complex))
        assert layer.backward(y).dtype == dtype
    assert un(x.astype(int), np.array([[[0], [2]]])).shape == (1, 4, 1)
    assert un.backward(np.ones((1, 4, 1), complex)).dtype == complex
