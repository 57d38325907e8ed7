"""`cypool.torch`: dtypes, bad arguments, and its place in torch's machinery."""

import threading

import numpy as np
import pytest
import torch
from torch.nn import functional

import cypool
import cypool.torch as door

FUNCTIONS = {
    "max_pool": (2,), "min_pool": (2,), "median_pool": (2,), "avg_pool": (2,), "lp_pool": (2.0, 2),
    "adaptive_max_pool": (2,), "adaptive_avg_pool": (2,),
}  # fmt: skip
ALL = [(name, args, rank) for name, args in FUNCTIONS.items() for rank in (1, 2, 3)]


def some(rank, dtype=torch.float32):
    return torch.arange(2 * 3 * 6**rank).reshape(2, 3, *(6,) * rank).to(dtype)


@pytest.mark.parametrize("name,args,rank", ALL, ids=str)
def test_dtypes(name, args, rank):
    function = getattr(door, f"{name}{rank}d")
    for dtype in (torch.float16, torch.float32, torch.float64):
        x = (some(rank, torch.float64) / 64).to(dtype).requires_grad_()
        y = function(x, *args)
        assert y.dtype == dtype
        y.sum().backward()
        assert x.grad.dtype == dtype and x.grad.shape == x.shape
    for dtype in (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool):
        y = function(some(rank, dtype), *args)
        assert y.dtype == (dtype if name.startswith(("max", "min", "adaptive_max")) else torch.float64)
    with pytest.raises(TypeError, match=r"input must be .* not torch.bfloat16.*input.float\(\)"):
        function(some(rank, torch.bfloat16), *args)
    if "avg" in name:
        assert function(some(rank, torch.complex64), *args).dtype == torch.complex64
    else:
        with pytest.raises(TypeError, match=r"input must be .*complex64"):
            function(some(rank, torch.complex64), *args)


def test_complex_views():
    """Tensors that are conjugated or negated lazily."""
    z = torch.randn(1, 2, 4, 4, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    assert torch.equal(door.avg_pool2d(z.conj(), 2), door.avg_pool2d(z, 2).conj())
    torch.testing.assert_close(door.max_pool2d(z.conj().imag, 2), door.max_pool2d(-z.imag, 2))
    z.requires_grad_()
    assert torch.autograd.gradcheck(lambda t: door.avg_pool2d(t, 2), (z,))


@pytest.mark.parametrize("name,args,rank", ALL, ids=str)
def test_bad_tensors(name, args, rank):
    function = getattr(door, f"{name}{rank}d")
    x = some(rank)
    for value, words in (
        (x.numpy(), "Tensor"), (None, "None"), ([[1.0]], "1.0"), (x.to("meta"), "CPU.*meta"), (x.to_sparse(), "sparse"),
    ):  # fmt: skip
        with pytest.raises(TypeError, match=f"(?s)input must be .*{words}"):
            function(value, *args)
    for shape in ((), (6,) * rank, (1,) * (rank + 3)):
        with pytest.raises(ValueError, match="input must have"):
            function(torch.ones(shape), *args)
    with pytest.raises(ValueError, match=f"input: axis {rank + 1} is pooled and must not have length 0"):
        function(x[..., :0], *args)
    assert function(x[:0], *args).shape[0] == 0 and function(x[:, :0], *args).shape[1] == 0
    y = function(x[:0].requires_grad_(), *args)
    y.sum().backward()


BAD = {
    "kernel_size": [(0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError), (None, TypeError),
                    ("2", TypeError), ((), ValueError), ((2,) * 4, ValueError), (2**63, ValueError), (9, ValueError),
                    (2**40, ValueError), (float("nan"), TypeError), (torch.ones(3), TypeError)],
    "stride": [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError), ("1", TypeError),
               ((1,) * 4, ValueError), (2**62, ValueError)],
    "padding": [(-1, ValueError), (0.5, TypeError), (True, TypeError), (None, TypeError), ("same", TypeError),
                ((1,) * 4, ValueError), (2**62, ValueError)],
    "dilation": [(0, ValueError), (-1, ValueError), (1.0, TypeError), (None, TypeError), (2**62, ValueError)],
    "ceil_mode": [(2, TypeError), ("yes", TypeError), (None, TypeError)],
    "return_indices": [(1, TypeError), (None, TypeError)],
    "count_include_pad": [(1, TypeError), ("no", TypeError)],
    "divisor_override": [(0, ValueError), (1.5, TypeError), (True, TypeError), (2**63, ValueError),
                         (-(2**63), ValueError)],
    "norm_type": [(0, ValueError), (-1, ValueError), (float("nan"), ValueError), ("2", TypeError), (None, TypeError)],
    "output_size": [(-1, ValueError), (1.5, TypeError), (True, TypeError), ("2", TypeError), ((2,) * 4, ValueError),
                    ((), ValueError), (2**63, ValueError)],
}  # fmt: skip


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("argument", BAD)
def test_bad_arguments(argument, rank):
    tried = 0
    for name in FUNCTIONS:
        function = getattr(door, f"{name}{rank}d")
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        if argument not in names:
            continue
        given = {k: v for k, v in dict(kernel_size=2, output_size=2, norm_type=2.0).items() if k in names}
        for value, error in BAD[argument]:
            tried += 1
            for x in (some(rank), some(rank).requires_grad_()):
                with pytest.raises(error, match=argument):
                    function(x, **given | {argument: value})
    assert tried or (argument, rank) == ("divisor_override", 1)


def test_the_message_of_a_window_that_does_not_fit():
    for x in (some(2), some(2).requires_grad_()):
        with pytest.raises(ValueError, match="kernel_size, axis 3: window 7 with dilation 1 covers 7 cells, more than"):
            door.max_pool2d(x, (2, 7))
        with pytest.raises(ValueError, match="kernel_size, axis 2: window 2 with dilation 9 covers 10 cells"):
            door.max_pool2d(x, 2, dilation=9)


def test_sizes_that_crash_elsewhere():
    x = torch.ones(1, 1, 8, 8)
    big, small = 8608480567731124087, 1250999896764
    for given in (
        dict(kernel_size=(big, big), padding=small, dilation=small, ceil_mode=True),
        dict(kernel_size=(2**29, 2**29), dilation=1_879_048_192, ceil_mode=True),
        dict(kernel_size=2, padding=2**61), dict(kernel_size=2, dilation=2**61),
    ):  # fmt: skip
        for t in (x, x.clone().requires_grad_()):
            with pytest.raises((ValueError, MemoryError)):
                door.max_pool2d(t, **given)
    one = torch.ones(1, 1, 1, 8, requires_grad=True)  # windows that see nothing but padding
    y = door.max_pool2d(one, 2, 1, 1, 2)
    assert torch.isnan(y).all()
    y.sum().backward()
    assert (one.grad == 0).all()
    with pytest.raises(ValueError, match="index"):
        door.max_pool2d(one, 2, 1, 1, 2, return_indices=True)


def test_bad_unpooling():
    values, indices = door.max_pool2d(some(2), 2, return_indices=True)
    for bad in (-1, 36, 2**31, 2**40, -(2**63)):
        with pytest.raises(IndexError, match="indices"):
            door.max_unpool2d(values, torch.full_like(indices, bad), 2)
    for bad in (indices.double(), indices.bool(), indices.numpy(), None, indices.to("meta")):
        with pytest.raises(TypeError, match="indices"):
            door.max_unpool2d(values, bad, 2)
    with pytest.raises(ValueError, match="indices"):
        door.max_unpool2d(values, indices[..., :1], 2)
    for size, error in (((4, 6), ValueError), ((6, 8), ValueError), (3.0, TypeError), ((6,) * 3, ValueError)):
        with pytest.raises(error, match="output_size"):
            door.max_unpool2d(values, indices, 2, output_size=size)
    with pytest.raises(ValueError, match="padding"):
        door.max_unpool2d(values, indices, 2, padding=9)
    assert door.max_unpool2d(values, indices, 2, output_size=[7]).shape == (2, 3, 7, 7)


def test_reducers_that_omit_nan_have_their_gradient():
    x = some(2, torch.float64)
    x[..., ::2] = torch.nan
    gradients = []
    for call in (dict(reduce=np.nanmean), dict(reduce="mean", nan_policy="omit")):
        y = x.clone().requires_grad_()
        door.pool(y, (2, 2), **call).nansum().backward()
        gradients.append(y.grad)
    assert torch.equal(*gradients) and gradients[0].any() and not gradients[0][..., ::2].any()


def test_bad_pool():
    x = some(2).requires_grad_()
    with pytest.raises(TypeError, match="weights must not want a gradient"):
        door.pool(x, (2, 2), "sum", weights=torch.ones(2, 2, requires_grad=True))
    with pytest.raises(TypeError, match="has no gradient"):
        door.pool(x, (2, 2), lambda a, axis: a.sum(axis))
    assert door.pool(x.detach(), (2, 2), lambda a, axis: a.sum(axis)).shape == (2, 3, 3, 3)
    for name in ("count", "argmax", "any"):
        assert not door.pool(x, (2, 2), name).requires_grad
    for given in (dict(reduce="maximum"), dict(stride=0), dict(axes=9), dict(nan_policy="skip")):
        with pytest.raises(ValueError):
            door.pool(x, 2, **given)
    for given in (dict(typo=1), dict(return_indices=1), dict(dtype="float64"), dict(where=torch.ones(6))):
        with pytest.raises(TypeError):
            door.pool(x, 2, **given)
    with pytest.raises(TypeError, match=r"x must be a torch.Tensor"):
        door.pool(np.ones(4), 2)
    with pytest.raises(TypeError, match=r"x must be .*bfloat16"):
        door.pool(torch.ones(4, dtype=torch.bfloat16), 2)


# ---- in torch's machinery ----------------------------------------------------------------------------


def test_gradients_only_where_they_are_wanted():
    x = some(2)
    assert not door.max_pool2d(x, 2).requires_grad
    x.requires_grad_()
    with torch.no_grad():
        assert not door.max_pool2d(x, 2).requires_grad
    with torch.inference_mode():
        assert torch.equal(door.avg_pool2d(x, 2), functional.avg_pool2d(x, 2))
    assert door.max_pool2d(x, 2).requires_grad and not door.max_pool2d(x.detach(), 2).requires_grad


def test_smooth_functions_are_differentiable_once():
    x = some(2, torch.float64).requires_grad_()
    (dx,) = torch.autograd.grad(door.lp_pool2d(x, 3.0, 2).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"once_differentiable|does not require grad"):
        torch.autograd.grad(dx.sum(), x)


def test_changes_in_place_are_noticed():
    """By torch's own rule: what the gradient reads must not have changed."""
    x = some(2, torch.float64).requires_grad_()
    a = x * 1
    y = door.lp_pool2d(a, 2.0, 2)
    a.add_(1)
    with pytest.raises(RuntimeError, match="inplace"):
        y.sum().backward()
    a = x * 1
    y = door.avg_pool2d(a, 2)  # reads nothing of its input
    a.add_(1)
    y.sum().backward()
    assert torch.allclose(x.grad, torch.full_like(x, 0.25))


def test_a_net_learns_as_with_torch():
    """Two steps of a small net, with max_pool2d and avg_pool2d from either side."""
    found = []
    for module in (door, functional):
        torch.manual_seed(0)
        first, second = torch.nn.Conv2d(1, 4, 3, dtype=torch.float64), torch.nn.Linear(16, 3, dtype=torch.float64)
        optimiser = torch.optim.SGD([*first.parameters(), *second.parameters()], 0.1)
        x, t = torch.rand(8, 1, 12, 12, dtype=torch.float64), torch.arange(8) % 3
        for _ in range(2):
            y = module.avg_pool2d(module.max_pool2d(functional.relu(first(x)), 2), 2, padding=0)
            optimiser.zero_grad()
            functional.cross_entropy(second(y.flatten(1)), t).backward()
            optimiser.step()
        found.append(second.weight.detach())
    torch.testing.assert_close(*found)


def test_threads():
    x = some(2).requires_grad_()
    want = torch.autograd.grad(door.max_pool2d(x, 2).sum(), x)[0]
    found = []

    def work():
        found.append(torch.equal(torch.autograd.grad(door.max_pool2d(x, 2).sum(), x)[0], want))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 4
    with cypool.workers(1):
        assert torch.equal(torch.autograd.grad(door.max_pool2d(x, 2).sum(), x)[0], want)
