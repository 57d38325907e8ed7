"""What NumPy itself refuses to read: the error is one of ours, and names the argument."""

import numpy as np
import pytest

import cypool
from cypool import Windows, nn

X = np.arange(36.0).reshape(6, 6)
RAGGED = [[1, 2], [3]]
Y, AT = cypool.pool(X, 2, return_indices=True)
IMAGE = X.reshape(1, 6, 6)


class Huge:
    """A sequence that fills memory."""

    def __len__(self):
        return 2**62

    def __getitem__(self, i):
        return 0


ARRAYS = {
    "x": [
        lambda v: cypool.pool(v, 2), lambda v: cypool.adaptive_pool(v, 2), lambda v: cypool.global_pool(v),
        lambda v: cypool.fractional_pool(v, 2), lambda v: cypool.pool_backward(Y, v, 2),
        lambda v: cypool.block_replicate(v, 2), lambda v: cypool.mixed_pool(v, 2),
        lambda v: cypool.spatial_pyramid_pool(v), lambda v: nn.max_pool2d_backward(Y, v, 2),
        lambda v: cypool.layers.MaxPooling2D()(v),
    ],
    "input": [lambda v: nn.max_pool2d(v, 2), lambda v: nn.max_unpool2d(v, AT, 2)],
    "image": [lambda v: cypool.block_reduce(v, 2)],
    "values": [lambda v: cypool.unpool(v, AT, (6, 6))],
    "indices": [lambda v: cypool.unpool(Y, v, (6, 6)), lambda v: cypool.pool_backward(Y, X, 2, indices=v)],
    "grad": [
        lambda v: cypool.pool_backward(v, X, 2), lambda v: cypool.pool_backward(v, X + 1j, 2, "sum"),
        lambda v: cypool.spatial_pyramid_pool_backward(v, X),
    ],
    "where": [lambda v: cypool.pool(X, 2, where=v)],
    "weights": [lambda v: cypool.pool(X, 2, "sum", weights=v)],
    "ignore": [lambda v: cypool.pool(X, 2, "mode", ignore=v)],
    "fill_value": [lambda v: cypool.pool(X, 2, fill_value=v)],
    "border_value": [
        lambda v: cypool.pool(X, 2, border="constant", border_value=v),
        lambda v: cypool.pool_backward(Y, X, 2, "prod", border="constant", border_value=v),
    ],
    "cval": [lambda v: cypool.block_reduce(X, 4, cval=v)],
    "starts": [lambda v: Windows.explicit(v, [1], 6)],
    "stops": [lambda v: Windows.explicit([1], v, 6)],
    r"inputs\[0\]": [lambda v: nn.onnx_pool("GlobalMaxPool", [v])],
}  # fmt: skip


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_are_none(name):
    for call in ARRAYS[name]:
        with pytest.raises((TypeError, ValueError), match=rf"^{name}[: ]"):
            call(RAGGED)


def test_an_array_too_large():
    with pytest.raises((MemoryError, ValueError), match=r"^x\b"):
        cypool.pool(Huge(), 2)
    with pytest.raises((MemoryError, ValueError), match=r"^x\b"):
        cypool.pool(range(10**15), 2)
    for x in (X, X[:0]):
        with pytest.raises(MemoryError, match="does not fit memory"):
            cypool.block_replicate(x[..., 0], 2**61)
        with pytest.raises(MemoryError, match="does not fit memory"):
            cypool.unpool(x, np.zeros(x.shape, int), (2**61,))


def test_a_shape_without_end():
    for call in (lambda v: cypool.output_shape(v, 2), lambda v: cypool.unpool(Y, AT, v)):
        with pytest.raises(ValueError, match=r"shape must have at most .* entries, not 999999999999 entries"):
            call(range(1, 10**12))


@pytest.mark.parametrize("dtype", ["", "nonsense", "2P]", "2)8", "f4,(", "8a", "i4;", 3, [1], {"names": 1}])
def test_dtypes_that_are_none(dtype):
    for call in (
        lambda: cypool.pool(X, 2, dtype=dtype),
        lambda: cypool.adaptive_pool(X, 2, dtype=dtype),
        lambda: nn.avg_pool2d(IMAGE, 2, dtype=dtype),
        lambda: nn.avg_pool2d(IMAGE, 2, divisor_override=-2, dtype=dtype),
    ):
        with pytest.raises(TypeError, match="dtype must be"):
            call()


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8", "c16", "i8", "u1", "?"])
def test_numbers_of_any_size(dtype):
    x = np.ones((4, 4), dtype)
    for value in (10**400, -(10**400), 2**2000, 1e300 if dtype in ("f4", "c8") else 10**310):
        with pytest.raises(ValueError, match=f"border_value must fit {x.dtype}"):
            cypool.pool(x, 2, "sum", border="constant", border_value=value)
    if dtype[0] in "fc" and dtype != "f2":
        got = cypool.pool(x, 2, "sum", padding=(2, (0, 2)), border="constant", border_value=10**30)
        assert np.isclose(got[0, 0], 4e30) and got[1, 0] == 4


@pytest.mark.parametrize("name", ["prod", "max", "stochastic"])
def test_the_borders_value_of_a_gradient_is_checked(name):
    rest = {"rng": 0} if name == "stochastic" else {}
    for value in ("1", [0, 2], range(10**12), None, 1j):
        with pytest.raises(TypeError, match="border_value"):
            cypool.pool_backward(Y, X, 2, name, border="constant", border_value=value, **rest)
    for value in (np.nan, -1, 300, 0.5, 10**400):
        with pytest.raises(ValueError, match="border_value must fit uint8"):
            cypool.pool_backward(Y, X.astype("u1"), 2, name, border="constant", border_value=value, **rest)


@pytest.mark.parametrize("name", ["prod", "stochastic", "lp", "gem", "softpool"])
def test_the_borders_value_counts_for_constant_borders_only(name):
    rest = {"rng": 0, "training": False} if name == "stochastic" else {}
    for border in ("ignore", "reflect"):
        want = cypool.pool_backward(Y, X, 2, name, border=border, **rest)
        for value in (3.0, np.nan):
            got = cypool.pool_backward(Y, X, 2, name, border=border, border_value=value, **rest)
            assert np.array_equal(got, want)
