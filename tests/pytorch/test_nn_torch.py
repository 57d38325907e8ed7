"""`cypool.nn` beside torch.nn.functional on generated arguments: values, indices, gradients, dtypes and shapes.

What differs on purpose is in docs/differences.csv; test_differences.py asks torch about each of its rows.
"""

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from cypool import nn

RAISED = (RuntimeError, ValueError, TypeError)  # what is not implemented there is a RuntimeError too


def data(shape, dtype="float32", seed=0):
    """Distinct numbers, but for a few ties."""
    rng = np.random.default_rng([seed, *shape])
    x = rng.permutation(np.prod(shape, dtype=int)).reshape(shape)
    return (x // 2 * 2 - x.size // 2).astype(dtype) / np.dtype(dtype).type(4)


def close(got, want, what, exact=False):
    want = want.detach().numpy()
    assert got.shape == want.shape, (what, got.shape, want.shape)
    assert got.dtype == want.dtype, (what, got.dtype, want.dtype)
    if exact:
        np.testing.assert_array_equal(got, want, err_msg=str(what))
    else:
        eps = float(np.finfo(want.dtype).eps)
        scale = float(np.abs(want).max(initial=1))
        np.testing.assert_allclose(got, want, rtol=16 * eps, atol=16 * eps * scale, err_msg=str(what))


def same(name, x, args, keywords, *, indices=False, exact=False):
    """The function and its gradient; whether torch takes the arguments at all."""
    what = (name, x.shape, args, keywords)
    ours, theirs = getattr(nn, name), getattr(F, name)
    tensor = torch.from_numpy(x).requires_grad_()
    try:
        result = theirs(tensor, *args, **keywords, **({"return_indices": True} if indices else {}))
    except RAISED:
        return False
    want, at = result if indices else (result, None)
    got = ours(x, *args, **keywords)
    close(got, want, what, exact)
    found = None
    if indices:
        again, found = ours(x, *args, **keywords, return_indices=True)
        assert np.array_equal(again, got), what
        close(found, at, what, True)
    g = data(want.shape, x.dtype, 1)
    want.backward(torch.from_numpy(g))
    backward = getattr(nn, name + "_backward")
    close(backward(g, x, *args, **keywords), tensor.grad, what)
    if indices:
        close(backward(g, x, *args, **keywords, indices=found), tensor.grad, what)
    return True


def mixes(rng, nd, low, high):
    """An int, a tuple of one or a tuple of nd, at random."""
    kind = rng.integers(4)
    if kind == 0:
        return int(rng.integers(low, high))
    if kind == 1:
        return (int(rng.integers(low, high)),)
    return tuple(int(i) for i in rng.integers(low, high, nd))


def shapes(rng, nd):
    """Batched, unbatched and of batch 0."""
    spatial = tuple(int(n) for n in rng.integers(1, 9, nd))
    return [(2, 3, *spatial), (3, *spatial), (0, 2, *spatial), (1, 1, *spatial)][rng.integers(4)]


# ---- sliding windows -----------------------------------------------------------------------------


def test_every_small_geometry_of_one_axis():
    taken = 0
    for n, k, s, p, d, ceil in itertools.product(range(1, 8), range(1, 5), (None, 1, 2, 3), (0, 1, 2), (1, 2), (0, 1)):
        if d > n and p > 0:
            continue  # a window of padding alone: see docs/differences.csv
        x, keywords = data((1, 2, n)), dict(stride=s, padding=p, ceil_mode=bool(ceil))
        taken += same("max_pool1d", x, (k,), keywords | dict(dilation=d), indices=True, exact=True)
        if d == 1:
            for include in (True, False):
                taken += same("avg_pool1d", x, (k,), keywords | dict(count_include_pad=include))
    assert taken > 1500


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("nd", [1, 2, 3])
def test_sliding(nd, dtype):
    rng, taken = np.random.default_rng(nd), 0
    for seed in range(250):
        x = data(shapes(rng, nd), dtype, seed)
        stride = [None, (), mixes(rng, nd, 1, 4)][rng.integers(3)]
        window, ceil = mixes(rng, nd, 1, 5), bool(rng.integers(2))
        common = dict(stride=stride, padding=mixes(rng, nd, 0, 3), ceil_mode=ceil)
        dilated = dict(dilation=mixes(rng, nd, 1, 3)) if rng.integers(2) else {}
        if min(x.shape[-nd:]) < 2:
            dilated["dilation"] = 1  # a window of padding alone: see docs/differences.csv
        taken += same(f"max_pool{nd}d", x, (window,), common | dilated, indices=True, exact=True)
        more = dict(count_include_pad=bool(rng.integers(2)))
        if nd > 1:
            more["divisor_override"] = [None, 1, 7, -1, -3, 2**40][rng.integers(6)]
        taken += same(f"avg_pool{nd}d", x, (window,), common | more)
    assert taken > 100


@pytest.mark.parametrize("nd", [1, 2, 3])
@pytest.mark.parametrize("p", [1, 2, 3, 2.5, 0.5, float("inf")])
def test_lp(nd, p):
    """Of positive numbers in whole windows."""
    rng, taken = np.random.default_rng(nd), 0
    for seed in range(150):
        x = abs(data(shapes(rng, nd), "float64", seed)) + 0.25
        stride, window = [None, mixes(rng, nd, 1, 4)][rng.integers(2)], mixes(rng, nd, 1, 4)
        taken += same(f"lp_pool{nd}d", x, (p, window), dict(stride=stride))
    assert taken > 20


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.int32, np.int64, np.float16])
@pytest.mark.parametrize("nd", [1, 2, 3])
def test_dtypes(nd, dtype):
    x = (data((2, 3, *(7, 6, 5)[:nd]), "float64") * 4 % 100).astype(dtype)
    for keywords in ({}, dict(stride=1, padding=1), dict(stride=2, ceil_mode=True)):
        try:
            want, at = getattr(F, f"max_pool{nd}d")(torch.from_numpy(x), 3, **keywords, return_indices=True)
        except RuntimeError:
            continue  # a dtype that torch does not take
        got, found = getattr(nn, f"max_pool{nd}d")(x, 3, **keywords, return_indices=True)
        close(got, want, (dtype, keywords), True)
        close(found, at, (dtype, keywords), True)
    if x.dtype.kind == "f":
        for name in ("avg_pool", "adaptive_avg_pool"):
            try:
                want = getattr(F, f"{name}{nd}d")(torch.from_numpy(x), 3)
            except RuntimeError:
                continue
            got = getattr(nn, f"{name}{nd}d")(x, 3)
            assert got.dtype == want.numpy().dtype
            np.testing.assert_allclose(got, want.numpy(), rtol=4e-3)


# ---- other windows ---------------------------------------------------------------------------------


@pytest.mark.parametrize("nd", [1, 2, 3])
def test_adaptive(nd):
    rng, taken = np.random.default_rng(nd), 0
    for seed in range(150):
        x = data(shapes(rng, nd), seed=seed)
        size = mixes(rng, nd, 1, 11)
        if isinstance(size, tuple) and len(size) == nd > 1 and rng.integers(2):
            size = (*size[:-1], None)
        for kind in ("max", "avg"):
            taken += same(f"adaptive_{kind}_pool{nd}d", x, (size,), {}, indices=kind == "max", exact=kind == "max")
    assert taken > 150


@pytest.mark.parametrize("nd", [1, 2, 3])
def test_adaptive_empty(nd):
    x = data((2, 3, *(5, 4, 6)[:nd]))
    want = getattr(F, f"adaptive_avg_pool{nd}d")(torch.from_numpy(x), 0)
    assert getattr(nn, f"adaptive_avg_pool{nd}d")(x, 0).shape == tuple(want.shape)


@pytest.mark.parametrize("nd", [1, 2, 3])
def test_global(nd):
    """torch spells it adaptive pooling to 1."""
    x = data((2, 3, *(5, 4, 6)[:nd]))
    close(getattr(nn, f"global_avg_pool{nd}d")(x), getattr(F, f"adaptive_avg_pool{nd}d")(torch.from_numpy(x), 1), nd)
    want, at = getattr(F, f"adaptive_max_pool{nd}d")(torch.from_numpy(x), 1, return_indices=True)
    got, found = getattr(nn, f"global_max_pool{nd}d")(x, return_indices=True)
    close(got, want, nd, True)
    close(found, at, nd, True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("nd", [2, 3])
def test_fractional(nd, dtype):
    rng, taken = np.random.default_rng(nd), 0
    for seed in range(150):
        spatial = tuple(int(n) for n in rng.integers(3, 12, nd))
        shape = [(2, 3, *spatial), (3, *spatial), (1, 2, *spatial)][seed % 3]
        x, window = data(shape, dtype, seed), mixes(rng, nd, 1, 4)
        samples = rng.random((*(1,) * (nd + 2 - len(shape)), *shape[: len(shape) - nd], nd)).astype(dtype)
        if rng.integers(2):
            ratio = tuple(rng.random(nd))
            keywords = dict(output_ratio=ratio if rng.integers(2) else (ratio[0],) * nd)
        else:
            keywords = dict(output_size=mixes(rng, nd, 1, 7))
        what = (shape, window, keywords)
        tensor = torch.from_numpy(x).requires_grad_()
        name = f"fractional_max_pool{nd}d"
        try:
            want, at = getattr(F, name)(
                tensor, window, **keywords, return_indices=True, _random_samples=torch.from_numpy(samples)
            )
        except RAISED:
            continue
        got, found = getattr(nn, name)(x, window, **keywords, return_indices=True, _random_samples=samples)
        close(got, want, what, True)
        close(found, at, what, True)
        g = data(want.shape, dtype, 1)
        want.backward(torch.from_numpy(g))
        backward = getattr(nn, name + "_backward")
        close(backward(g, x, window, **keywords, _random_samples=samples), tensor.grad, what)
        close(backward(g, x, window, **keywords, indices=found), tensor.grad, what)
        taken += 1
    assert taken > 40


@pytest.mark.parametrize("nd", [1, 2, 3])
def test_unpool(nd):
    """Behind a pooling whose windows do not overlap, so that no index comes twice."""
    rng, taken = np.random.default_rng(nd), 0
    for seed in range(100):
        window = tuple(int(k) for k in rng.integers(1, 4, nd))
        stride = tuple(k + int(rng.integers(2)) for k in window)
        padding = tuple(int(rng.integers(k // 2 + 1)) for k in window)
        spatial = tuple(int(n) for n in rng.integers(4, 10, nd))
        x = data([(2, 3, *spatial), (3, *spatial)][seed % 2], seed=seed)
        values, indices = getattr(nn, f"max_pool{nd}d")(x, window, stride, padding, return_indices=True)
        for size in (None, spatial, x.shape):
            tensor = torch.from_numpy(values).requires_grad_()
            what = (x.shape, window, stride, padding, size)
            try:
                want = getattr(F, f"max_unpool{nd}d")(
                    tensor, torch.from_numpy(indices), window, stride, padding, output_size=size
                )
            except RAISED:
                continue
            close(getattr(nn, f"max_unpool{nd}d")(values, indices, window, stride, padding, size), want, what, True)
            g = data(want.shape, seed=1)
            want.backward(torch.from_numpy(g))
            got = getattr(nn, f"max_unpool{nd}d_backward")(g, values, indices, window, stride, padding, size)
            close(got, tensor.grad, what, True)
            taken += 1
    assert taken > 80


@pytest.mark.parametrize("nd", [1, 2, 3])
def test_unpool_refuses_what_torch_refuses(nd):
    values, indices = np.ones((1, 1, *(2,) * nd), np.float32), np.zeros((1, 1, *(2,) * nd), np.int64)
    indices[0, 0].flat[:] = range(2**nd)
    for size in range(1, 9):
        try:
            getattr(F, f"max_unpool{nd}d")(
                torch.from_numpy(values), torch.from_numpy(indices), 3, 2, 0, output_size=(size,) * nd
            )
        except (ValueError, RuntimeError):
            with pytest.raises(ValueError, match="output_size"):
                getattr(nn, f"max_unpool{nd}d")(values, indices, 3, 2, 0, (size,) * nd)
        else:
            assert getattr(nn, f"max_unpool{nd}d")(values, indices, 3, 2, 0, (size,) * nd).shape[2:] == (size,) * nd
