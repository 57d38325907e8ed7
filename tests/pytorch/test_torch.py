"""Values, indices and gradients beside torch's, where torch has them."""

import numpy as np
import pytest
import torch
from torch.nn import functional

import cypool

SHAPES = {1: (3, 4, 23), 2: (2, 3, 15, 17), 3: (2, 2, 7, 9, 8)}
GEOMETRIES = [
    dict(kernel_size=2),
    dict(kernel_size=3, stride=2, padding=1),
    dict(kernel_size=3, stride=1, padding=1),
    dict(kernel_size=2, stride=3),
    dict(kernel_size=3, stride=2, padding=1, ceil_mode=True),
]


def ours(given, ndim):
    """torch's arguments as those of pool."""
    call = dict(window=(given["kernel_size"],) * ndim)
    return call | {name: given[name] for name in ("stride", "padding", "ceil_mode", "dilation") if name in given}


def data(ndim, dtype, seed=0):
    x = np.random.default_rng(seed).permutation(np.prod(SHAPES[ndim])).reshape(SHAPES[ndim]) / 100 - 3
    return x.astype(dtype)


def gradient(x, function):
    """torch's result, and the gradient of its product with a fixed array."""
    tensor = torch.from_numpy(x).requires_grad_()
    y = function(tensor)
    g = np.random.default_rng(1).random(y.shape).astype(x.dtype)
    y.backward(torch.from_numpy(g))
    return y.detach().numpy(), g, tensor.grad.numpy()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_max_pool(ndim, dtype):
    x, function = data(ndim, dtype), getattr(functional, f"max_pool{ndim}d")
    for given in [*GEOMETRIES, dict(kernel_size=2, stride=1, dilation=2)]:
        call = ours(given, ndim)
        want, indices = function(torch.from_numpy(x), **given, return_indices=True)
        got = cypool.pool(x, **call, return_indices=True)
        assert np.array_equal(got[0], want.numpy()) and np.array_equal(got[1], indices.numpy()), given
        _, g, dx = gradient(x, lambda t, given=given: function(t, **given))
        for found in (None, got[1]):
            assert np.allclose(cypool.pool_backward(g, x, **call, indices=found), dx, rtol=1e-6), given


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_avg_pool(ndim, dtype):
    x, function = data(ndim, dtype), getattr(functional, f"avg_pool{ndim}d")
    for given in GEOMETRIES:
        for include in (True, False):
            call = ours(given, ndim) | (dict(border="constant") if include else {})
            want, g, dx = gradient(x, lambda t, given=given, i=include: function(t, **given, count_include_pad=i))
            assert np.allclose(cypool.pool(x, reduce="mean", **call), want, rtol=1e-5, atol=1e-6), (given, include)
            got = cypool.pool_backward(g, x, reduce="mean", **call)
            assert np.allclose(got, dx, rtol=1e-5, atol=1e-6), (given, include)


@pytest.mark.parametrize("ndim", [1, 2])
@pytest.mark.parametrize("p", [1.5, 2.0, 3.0])
def test_lp_pool(ndim, p):
    x = abs(data(ndim, "float64")) + 0.1  # torch takes no absolute values
    for given in (dict(kernel_size=2), dict(kernel_size=3, stride=2)):
        want, g, dx = gradient(x, lambda t, given=given: getattr(functional, f"lp_pool{ndim}d")(t, p, **given))
        assert np.allclose(cypool.pool(x, reduce="lp", p=p, **ours(given, ndim)), want)
        assert np.allclose(cypool.pool_backward(g, x, reduce="lp", p=p, **ours(given, ndim)), dx)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 3, 5])
def test_adaptive(ndim, size):
    x = data(ndim, "float64")
    windows = (cypool.Windows.adaptive(size),) * ndim
    for name, reduce in (("avg", "mean"), ("max", "max")):
        function = getattr(functional, f"adaptive_{name}_pool{ndim}d")
        want, g, dx = gradient(x, lambda t, function=function: function(t, size))
        assert np.allclose(cypool.pool(x, windows, reduce), want)
        assert np.allclose(cypool.pool_backward(g, x, windows, reduce), dx)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_unpool(ndim):
    x = data(ndim, "float32")
    values, indices = cypool.pool(x, (2,) * ndim, return_indices=True)
    want = getattr(functional, f"max_unpool{ndim}d")(
        torch.from_numpy(values), torch.from_numpy(indices), 2, output_size=x.shape[2:]
    )
    assert np.array_equal(cypool.unpool(values, indices, x.shape[2:]), want.numpy())
