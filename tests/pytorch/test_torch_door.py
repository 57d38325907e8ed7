"""`cypool.torch` beside torch.nn.functional, and its derivatives by torch's own checks."""

import doctest
import importlib
import inspect
import pkgutil

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional

import cypool
import cypool.torch as door

SHAPES = {1: (3, 4, 23), 2: (2, 3, 11, 14), 3: (2, 2, 7, 9, 8)}
SMALL = {1: (2, 2, 7), 2: (2, 1, 5, 6), 3: (1, 2, 4, 3, 4)}
GEOMETRIES = [
    dict(kernel_size=2), dict(kernel_size=3, stride=2, padding=1), dict(kernel_size=3, stride=1, padding=1),
    dict(kernel_size=2, stride=3), dict(kernel_size=3, stride=2, padding=1, ceil_mode=True), dict(kernel_size=(3,)),
    dict(kernel_size=[2], stride=[], padding=[1]), dict(kernel_size=2, stride=2, ceil_mode=True),
]  # fmt: skip
LAYOUTS = {
    "contiguous": lambda t: t,
    "channels last": lambda t: t.movedim(1, -1).contiguous().movedim(-1, 1),
    "reversed axes": lambda t: t.permute(*range(t.ndim - 1, -1, -1)).contiguous().permute(*range(t.ndim - 1, -1, -1)),
    "stepped": lambda t: t.repeat_interleave(2, -1)[..., ::2],
    "expanded": lambda t: t[:1].expand(t.shape),
}


def data(rank, dtype=torch.float64, shapes=SHAPES, seed=0):
    """Distinct numbers of both signs."""
    shape = shapes[rank]
    x = np.random.default_rng(seed).permutation(np.prod(shape)).reshape(shape) / 16 - 10.03
    return torch.from_numpy(x).to(dtype)


def compare(name, x, *args, exact=False, **given):
    """Values and gradients of a function here and in torch."""
    results = []
    for module in (door, functional):
        t = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
        y = getattr(module, name)(t, *args, **given)
        g = torch.from_numpy(np.random.default_rng(1).integers(-8, 9, tuple(y.shape))).to(y.dtype)
        y.backward(g)
        results.append((y.detach(), t.grad))
    (y, dx), (want, dwant) = results
    assert y.dtype == want.dtype and dx.dtype == dwant.dtype and y.shape == want.shape
    close = dict(rtol=0, atol=0) if exact else {}
    torch.testing.assert_close(y, want, **close)
    torch.testing.assert_close(dx, dwant)
    return y


# ---- equality with torch ---------------------------------------------------------------------------


def test_names_and_signatures():
    """Torch's names, order and defaults, where torch has the function."""
    for name in set(door.__all__) - {"pool"}:
        ours = inspect.signature(getattr(door, name)).parameters
        assert getattr(door, name).__doc__ and next(iter(ours)) == "input", name
        theirs = name.replace("min_", "max_").replace("median_", "max_")
        function = getattr(functional, theirs)
        function = getattr(functional, "_" + theirs, function) if "max_pool" in theirs else function
        try:
            wanted = inspect.signature(function).parameters
        except ValueError:
            continue
        if list(wanted)[:1] == ["args"]:
            continue
        for mine, other in zip(ours.values(), wanted.values(), strict=False):
            assert mine.name == other.name, name
            empty = {None, inspect.Parameter.empty}
            assert mine.default == other.default or {mine.default, other.default} <= empty, (name, mine)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("given", GEOMETRIES, ids=str)
def test_max_pool(rank, dtype, given):
    x, name = data(rank, dtype), f"max_pool{rank}d"
    compare(name, x, exact=True, **given)
    compare(name, x[0], exact=True, **given)
    values, indices = getattr(door, name)(x, **given, return_indices=True)
    want, places = getattr(functional, name)(x, **given, return_indices=True)
    assert torch.equal(values, want) and torch.equal(indices, places) and indices.dtype == torch.int64
    assert torch.equal(getattr(door, f"min_pool{rank}d")(x, **given), -getattr(functional, name)(-x, **given))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_dilation(rank):
    for given in (dict(kernel_size=2, dilation=2), dict(kernel_size=3, stride=1, dilation=2, padding=1)):
        compare(f"max_pool{rank}d", data(rank), exact=True, **given)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("given", GEOMETRIES, ids=str)
def test_avg_pool(rank, dtype, given):
    for include in (True, False):
        compare(f"avg_pool{rank}d", data(rank, dtype), **given, count_include_pad=include)
        compare(f"avg_pool{rank}d", data(rank, dtype)[0], **given, count_include_pad=include)
        for divisor in (1, 7, -3) if rank > 1 else ():
            compare(f"avg_pool{rank}d", data(rank, dtype), **given, count_include_pad=include, divisor_override=divisor)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("p", [1, 2.0, 3, 1.5])
def test_lp_pool(rank, p):
    x = data(rank).abs() + 0.1  # torch takes no absolute values
    for given in (dict(kernel_size=2), dict(kernel_size=3, stride=2)):
        compare(f"lp_pool{rank}d", x, p, **given)
    largest = getattr(door, f"lp_pool{rank}d")(-x, float("inf"), 2)
    assert torch.equal(largest, getattr(functional, f"max_pool{rank}d")(x, 2))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_median_pool(rank):
    x = data(rank)
    y = getattr(door, f"median_pool{rank}d")(x, 3, 2)
    windows = x
    for axis in range(2, 2 + rank):
        windows = windows.unfold(axis, 3, 2)
    assert torch.equal(y, windows.flatten(2 + rank).median(-1).values)  # of an odd number of cells


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 3, "tuple", "mixed", 0])
def test_adaptive(rank, size):
    size = {"mixed": (None,) * (rank - 1) + (4,), "tuple": tuple(range(5, 5 + rank))}.get(size, size)
    if size == 0:
        for kind in ("avg", "max"):
            assert getattr(door, f"adaptive_{kind}_pool{rank}d")(data(rank), 0).numel() == 0
        return
    for x in (data(rank), data(rank)[0]):
        compare(f"adaptive_avg_pool{rank}d", x, size)
        compare(f"adaptive_max_pool{rank}d", x, size, exact=True)
    got, want = (getattr(m, f"adaptive_max_pool{rank}d")(data(rank), size, return_indices=True)
                 for m in (door, functional))  # fmt: skip
    assert torch.equal(got[0], want[0]) and torch.equal(got[1], want[1])


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_max_unpool(rank):
    name = f"max_unpool{rank}d"
    for x in (data(rank), data(rank)[0]):
        for given in (dict(kernel_size=2), dict(kernel_size=3), dict(kernel_size=2, stride=3)):
            values, indices = getattr(functional, f"max_pool{rank}d")(x, **given, return_indices=True)
            for size in (x.shape[-rank:], x.shape) if x.ndim == rank + 2 else (x.shape[-rank:],):
                compare(name, values, indices, **given, output_size=size, exact=True)
            if x.ndim == rank + 1:  # torch takes the whole shape of batches only
                assert getattr(door, name)(values, indices, **given, output_size=x.shape).shape == x.shape
        x = x[(..., *(slice(0, 6),) * rank)]
        values, indices = getattr(functional, f"max_pool{rank}d")(x, 3, return_indices=True)
        assert compare(name, values, indices, 3, exact=True).shape == x.shape


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_layouts(rank, layout):
    """Read where they lie; results and gradients keep the order of the axes in memory."""
    x = LAYOUTS[layout](data(rank, torch.float32))
    kept = x.clone()
    for name, args in (("max_pool", (2,)), ("avg_pool", (3, 2, 1)), ("adaptive_avg_pool", (3,)),
                       ("adaptive_max_pool", (2,))):  # fmt: skip
        y = compare(f"{name}{rank}d", x, *args)
        if layout == "channels last":
            assert getattr(door, f"{name}{rank}d")(x, *args).movedim(1, -1).is_contiguous()
            t = x.clone(memory_format=torch.preserve_format).requires_grad_()
            getattr(door, f"{name}{rank}d")(t, *args).backward(y)
            assert t.grad.movedim(1, -1).is_contiguous()
        torch.testing.assert_close(y, getattr(door, f"{name}{rank}d")(x.contiguous(), *args))
    assert torch.equal(x, kept)


def test_memory_is_shared():
    from cypool.torch.tensors import array_of, tensor_of

    for layout in LAYOUTS.values():
        t = layout(data(2))
        array = array_of(t, "t")
        assert array.ctypes.data == t.data_ptr() and array.shape == tuple(t.shape)
        assert tuple(n // array.itemsize for n in array.strides) == t.stride()
    y = np.arange(3.0)
    assert tensor_of(y).data_ptr() == y.ctypes.data


# ---- derivatives -----------------------------------------------------------------------------------

# name: arguments behind the input; whether it can be differentiated twice
DERIVATIVES = {
    "max_pool": ((2,), (3, 2, 1), (2, 1, 0, 2), (3, 2, 1, 1, True)),
    "min_pool": ((2,), (3, 2, 1)),
    "avg_pool": ((2,), (3, 2, 1), (3, 2, 1, True, False)),
    "adaptive_max_pool": ((2,),),
    "adaptive_avg_pool": ((2,), (3,)),
    "median_pool": ((2,), (3, 2, 1)),
    "lp_pool": ((2.0, 2), (3.0, 3, 2), (1.5, 2)),
}
TWICE = ("max_pool", "min_pool", "avg_pool", "adaptive_max_pool", "adaptive_avg_pool")


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("name,args", [(n, a) for n, many in DERIVATIVES.items() for a in many], ids=str)
def test_gradcheck(name, args, rank):
    function = getattr(door, f"{name}{rank}d")
    for layout in ("contiguous", "channels last"):
        x = LAYOUTS[layout](data(rank, shapes=SMALL)).requires_grad_()
        assert gradcheck(lambda t: function(t, *args), (x,))
        if name in TWICE:
            assert gradgradcheck(lambda t: function(t, *args), (x,))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_gradcheck_unpool(rank):
    x = data(rank, shapes=SMALL)
    for given in (dict(kernel_size=2), dict(kernel_size=2, stride=1)):  # the second repeats indices
        values, indices = getattr(door, f"max_pool{rank}d")(x, **given, return_indices=True)
        values = values.requires_grad_()

        def function(v, given=given, indices=indices):
            return getattr(door, f"max_unpool{rank}d")(v, indices, **given, output_size=x.shape)

        assert gradcheck(function, (values,)) and gradgradcheck(function, (values,))


GENERAL = [
    dict(reduce="sum"), dict(reduce="mean", padding=1), dict(reduce="mean", padding=1, border="reflect", stride=1),
    dict(reduce="sum", border="constant", border_value=3.0, padding=1), dict(reduce=np.mean, axes=(0, 3)),
    dict(reduce="sum", weights=np.array([[1.0, 2.0], [3.0, -1.0]])), dict(reduce="mean", divisor=3),
    dict(reduce="max", dilation=2), dict(reduce="min", stride=1), dict(reduce="quantile", q=0.7, method="lower"),
    dict(reduce="max", padding=1, border="edge", stride=1), dict(reduce="first"),
    dict(reduce="var"), dict(reduce="std", ddof=1), dict(reduce="logsumexp", alpha=0.5), dict(reduce="softpool"),
    dict(reduce="median"), dict(reduce="lp", p=3.0), dict(reduce="range"),
    dict(reduce="max", border="constant", padding=1), dict(reduce="stochastic", rng=3),
    dict(reduce="stochastic", training=False),
    dict(window=cypool.Windows.adaptive(2), axes=(2, 3)),
    dict(window=cypool.Windows.whole(), axes=(2, 3), reduce="mean"),
    dict(window=(cypool.Windows.fractional(5, 3, rng=0), cypool.Windows.fractional(6, 4, rng=1)), reduce="mean"),
]  # fmt: skip


@pytest.mark.parametrize("given", GENERAL, ids=str)
def test_general_pool(given):
    """Values of cypool.pool, first derivatives, and second ones where the first are linear."""
    given = dict(window=(2, 2), **given) if "window" not in given else given
    x = (data(2, shapes=SMALL).abs() + 0.02).requires_grad_()
    y = door.pool(x, **given)
    want = cypool.pool(x.detach().numpy(), **given)
    assert y.requires_grad and np.array_equal(y.detach().numpy(), want)
    g = torch.rand(y.shape, generator=torch.Generator().manual_seed(0), dtype=y.dtype)
    (dx,) = torch.autograd.grad(y, x, g)
    assert np.allclose(dx.numpy(), cypool.pool_backward(g.numpy(), x.detach().numpy(), **given), rtol=1e-12)
    if given.get("reduce") != "stochastic":
        assert gradcheck(lambda t: door.pool(t, **given), (x,))
    if given.get("reduce", "max") in ("sum", "mean", np.mean, "max", "min") and given.get("border") != "constant":
        assert gradgradcheck(lambda t: door.pool(t, **given), (x,))


@pytest.mark.parametrize("reduce", ["sum", "mean", "max", "var"])
def test_masks_and_nan(reduce):
    x = data(2, shapes=SMALL)
    mask = torch.from_numpy(np.random.default_rng(0).random(x.shape) > 0.6)
    for given in (dict(where=mask), dict(where=mask.numpy(), min_count=2, fill_value=1.0)):
        given = dict(window=(2, 2), reduce=reduce, **given)
        t = x.clone().requires_grad_()
        assert gradcheck(lambda t, given=given: torch.nan_to_num(door.pool(t, **given)), (t,))
        if reduce in ("sum", "mean"):
            assert gradgradcheck(lambda t, given=given: torch.nan_to_num(door.pool(t, **given)), (t,))
    x[0, 0, 0, 0] = x[1, 0, 2, 3] = float("nan")
    for given in (dict(nan_policy="omit"), dict(nan_policy="omit", where=mask | (mask.cumsum(-1) > 1), fill_value=0.0)):
        t = x.clone().requires_grad_()
        y = door.pool(t, (2, 2), reduce, **given)
        y.sum().backward()
        assert not torch.isnan(t.grad).any() and t.grad[0, 0, 0, 0] == 0
        assert np.array_equal(t.grad, cypool.pool_backward(np.ones(y.shape), x.numpy(), (2, 2), reduce, **given))


def test_indices_can_be_asked_for():
    x = data(2).requires_grad_()
    for reduce in ("max", "min", "mode"):
        values, indices = door.pool(x, (2, 2), reduce, return_indices=True)
        assert values.requires_grad and not indices.requires_grad
        (dx,) = torch.autograd.grad(values.sum(), x)
        assert torch.equal(dx.flatten(2).gather(-1, indices.flatten(2)), torch.ones_like(indices.flatten(2)).double())
    assert [t.requires_grad for t in door.max_pool2d(x, 2, return_indices=True)] == [True, False]


def test_third_derivative():
    """Of a cubic behind a mean and a maximum."""
    x = data(2, shapes=SMALL).requires_grad_()
    for name in ("avg_pool2d", "max_pool2d"):
        found = []
        for module in (door, functional):
            (first,) = torch.autograd.grad((getattr(module, name)(x, 2) ** 3).sum(), x, create_graph=True)
            (second,) = torch.autograd.grad((first**2).sum(), x, create_graph=True)
            found.append(torch.autograd.grad((second**2).sum(), x)[0])
        torch.testing.assert_close(*found)
        assert found[0].abs().sum() > 0


@pytest.mark.parametrize("module", ["", *(f".{m.name}" for m in pkgutil.iter_modules(door.__path__))])
def test_docstrings(module):
    assert not doctest.testmod(importlib.import_module(f"cypool.torch{module}")).failed
