"""Random calls in two to five dimensions, against the reference."""

import arrays
import numpy as np
import pytest
import reference
from compared import compare
from hypothesis import given, settings
from hypothesis import strategies as st

import cypool

NAMES = arrays.NAMES
LAYOUTS = [name for name in arrays.LAYOUTS if name not in ("broadcast first", "broadcast last")]


@st.composite
def geometries(draw, borders=("ignore", "ignore", "constant", "reflect", "symmetric", "edge", "wrap")):
    """A shape and the arguments of a call that say where its windows lie."""
    ndim = draw(st.integers(2, 5))
    shape = tuple(draw(st.lists(st.integers(1, {2: 12, 3: 8, 4: 6, 5: 4}[ndim]), min_size=ndim, max_size=ndim)))
    axes = draw(st.lists(st.sampled_from(range(ndim)), min_size=1, max_size=ndim, unique=True))
    border = draw(st.sampled_from(borders))
    m = len(axes)

    def each(values):
        return st.lists(values, min_size=m, max_size=m).map(tuple)

    pads = st.integers(0, 2)
    padding = draw(st.just(0) | st.sampled_from(["same", "same_lower", "valid"]) | each(pads | st.tuples(pads, pads)))
    call = dict(
        window=draw(each(st.integers(1, 4))),
        stride=draw(st.none() | st.integers(1, 3) | each(st.integers(1, 3))),
        padding=padding,
        dilation=draw(st.just(1) | each(st.integers(1, 2))),
        ceil_mode=draw(st.booleans()),
        axes=tuple(draw(st.sampled_from([a, a - ndim])) for a in axes),
    )
    return shape, dict(call, border=border)


def masks(draw, shape, seed):
    """None, or a mask that broadcasts to shape."""
    kind = draw(st.sampled_from([None, None, "full", "some axes", "last axes"]))
    if kind is None:
        return None
    if kind == "some axes":
        shape = tuple(draw(st.sampled_from([1, n])) for n in shape)
    if kind == "last axes":
        shape = shape[draw(st.integers(0, len(shape))) :]
    return np.random.default_rng(seed).random(shape) < draw(st.sampled_from([0.1, 0.5, 0.9]))


@st.composite
def calls(draw, name):
    """An array, and the arguments of a call with this reducer."""
    dtype = np.dtype(draw(st.sampled_from(arrays.dtypes_of(name))))
    shape, call = draw(geometries())
    seed = draw(st.integers(0, 1000))
    x = arrays.nasty(dtype, shape, seed, calm=name in arrays.PLAIN or draw(st.booleans()))
    x = arrays.LAYOUTS[draw(st.sampled_from(LAYOUTS))](x)
    call["where"] = masks(draw, shape, seed)
    call["nan_policy"] = draw(st.sampled_from(["propagate", "propagate", "omit", "raise"]))
    call["min_count"] = draw(st.integers(1, 3))
    if draw(st.booleans()):
        result = reference.result_dtype(name, dtype)
        call["fill_value"] = True if result.kind == "b" else 1
    if call["border"] == "constant":
        call["border_value"] = True if dtype.kind == "b" else draw(st.integers(0, 3))
    return x, call


def options(name):
    return {
        "var": st.fixed_dictionaries({"ddof": st.integers(0, 2)}),
        "std": st.fixed_dictionaries({"ddof": st.integers(0, 2)}),
        "mean": st.sampled_from([{}, {"divisor": 7}]),
        "lp": st.sampled_from([{}] + [{"p": p} for p in (1, 2, 3, 0.5, 2.5, 100, np.inf)]),
        "gem": st.sampled_from([{}] + [{"p": p, "eps": e} for p in (1, 2.5, 50) for e in (1e-6, 0.25)]),
        "logsumexp": st.sampled_from([{}] + [{"alpha": a, "mean": m} for a in (1, 0.5, 10) for m in (False, True)]),
        "softpool": st.sampled_from([{}, {"alpha": 0.25}, {"alpha": 3}]),
    }.get(name, st.just({}))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=400)
@given(data=st.data())
def test_random_calls(name, data):
    x, call = data.draw(calls(name))
    call.update(data.draw(options(name)))
    with cypool.workers(data.draw(st.sampled_from([1, 2, 3]))):
        compare(x, name, call)


@pytest.mark.parametrize("name", ["sum", "mean"])
@settings(max_examples=400)
@given(data=st.data())
def test_random_weights(name, data):
    x, call = data.draw(calls(name))
    size = tuple(call["window"])
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    dtype = data.draw(st.sampled_from([np.float64, np.float32, np.int64]))
    call["weights"] = rng.integers(0, 4, size).astype(dtype) / (1 if dtype == np.int64 else 2)
    x = np.where(np.isinf(x), x.dtype.type(1), x) if x.dtype.kind in "fc" else x  # 0 * inf has no meaning here
    if x.dtype.kind == "c":
        x = x.real
    compare(x, name, call)


@settings(max_examples=200)
@given(data=st.data())
def test_random_mean_rounded_to_integers(data):
    have = np.dtype(data.draw(st.sampled_from(arrays.SIGNED + arrays.UNSIGNED)))
    shape, call = data.draw(geometries())
    call["dtype"] = np.dtype(data.draw(st.sampled_from(arrays.SIGNED + arrays.UNSIGNED)))
    call["rounding"] = data.draw(st.sampled_from(["half_even", "half_up", "floor"]))
    call["where"] = masks(data.draw, shape, data.draw(st.integers(0, 9)))
    if data.draw(st.booleans()):
        call["fill_value"] = 1
    compare(arrays.nasty(have, shape, data.draw(st.integers(0, 1000))), "mean", call)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60)
@given(data=st.data())
def test_random_masked_arrays(name, data):
    x, call = data.draw(calls(name))
    mask = np.random.default_rng(data.draw(st.integers(0, 99))).random(x.shape) < data.draw(st.sampled_from([0.2, 0.8]))
    masked = np.ma.MaskedArray(x, mask)
    if call["where"] is None:
        del call["where"]
    try:
        answer = reference.pool(masked, reduce=name, **call)
    except ValueError:
        with pytest.raises(ValueError):
            cypool.pool(masked, reduce=name, **call)
        return
    got = cypool.pool(masked, reduce=name, **call)
    fine = reference.agrees(got, answer) | (answer.empty & ("fill_value" not in call))
    if not isinstance(got, np.ma.MaskedArray) or not fine.all():
        raise AssertionError(
            f"cypool.pool(x, reduce={name!r}, **{call})\nx = {arrays.show(x)}\nmask = {arrays.show(mask)}\n"
            f"gave {arrays.show(got)}\nright is {arrays.show(answer.value)}"
        )
    if "fill_value" not in call:
        np.testing.assert_array_equal(np.ma.getmaskarray(got), answer.empty, f"{name} {call}")


@pytest.mark.parametrize("name", ["max", "sum", "mean", "range", "var", "first", "lp"])
@settings(max_examples=80)
@given(data=st.data())
def test_random_long_arrays(name, data):
    """Lengths and windows beyond the small numbers: other ways through the kernels, tiles, borders of tiles."""
    dtype = data.draw(st.sampled_from(["bool", "uint8", "int16", "int64", "float16", "float32", "float64"]))
    n, inner = data.draw(st.integers(20, 400) | st.integers(2000, 9000)), data.draw(st.sampled_from([1, 2, 3, 9]))
    k = data.draw(st.integers(1, 130 if n < 1000 else 30))
    border = data.draw(st.sampled_from(["ignore", "ignore", "constant", "reflect", "wrap"]))
    pads = st.integers(0, min(40, n - 1))
    x = arrays.rough(dtype, (n, inner), data.draw(st.integers(0, 99)), nan=data.draw(st.sampled_from([0, 0, 0.01])))
    where = np.random.default_rng(5).random((n, inner)) < 0.8 if data.draw(st.booleans()) else None
    axes, other = data.draw(st.sampled_from([((0, 1), 1), ((1, 0), 1), ((0,), None)]))
    one = (other,) if other else ()
    call = dict(
        window=(k, *one),
        stride=(data.draw(st.sampled_from([1, 2, 3, 4, 5, k])), *one),
        dilation=(data.draw(st.sampled_from([1, 1, 2, 5])), *one),
        padding=((data.draw(pads), data.draw(pads)), *(0 for _ in one)),
        ceil_mode=data.draw(st.booleans()),
        fill_value=1,
        axes=axes,
        border=border,
        border_value=1,
        where=where,
        nan_policy=data.draw(st.sampled_from(["propagate", "omit"])),
    )
    if axes == (1, 0):  # the long axis is the last, the window follows
        x, call["where"] = np.ascontiguousarray(x.T), None if where is None else where.T
    compare(x, name, call)


@pytest.mark.parametrize("name", ["max", "mean", "prod", "count", "first", "softpool"])
@settings(max_examples=60)
@given(data=st.data())
def test_random_batches_of_small_planes(name, data):
    """Many planes of a few cells, as channels first and last."""
    dtype = data.draw(st.sampled_from(["bool", "uint8", "int32", "float16", "float32", "float64"]))
    shape, call = data.draw(geometries(("ignore", "edge")))
    shape, axes = shape[:2], (0, 1)
    many = data.draw(st.sampled_from([2, 8, 31, 64, 200]))
    call.update(axes=axes, window=(call["window"] * 2)[:2], stride=None, dilation=1)
    call["padding"] = data.draw(st.integers(0, 1))
    x = arrays.nasty(dtype, (*shape, many), data.draw(st.integers(0, 99)), calm=True)
    if data.draw(st.booleans()):  # channels first
        x, call["axes"] = np.ascontiguousarray(np.moveaxis(x, 2, 0)), (1, 2)
    if reference.result_dtype(name, x.dtype).kind != "f":
        call["fill_value"] = 1
    compare(x, name, call)
