"""`cypool.nn`: signatures, the classic example, layouts, borders, and that every function is the call of pool it says.

Beside torch: tests/pytorch.
"""

import inspect
import re
import tracemalloc

import differences
import numpy as np
import pytest
from fresh import fresh

import cypool
from cypool import Windows, nn

SLIDING = ("max", "min", "median", "avg", "lp")
FAMILIES = (*SLIDING, "adaptive_max", "adaptive_avg", "global_max", "global_min", "global_avg")
NAMES = [f"{family}_pool{nd}d" for family in FAMILIES for nd in (1, 2, 3)]
NAMES += ["fractional_max_pool2d", "fractional_max_pool3d", *(f"max_unpool{nd}d" for nd in (1, 2, 3))]
REDUCE = {"avg": "mean"}
DTYPES = "? i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8".split()


def data(nd, dtype="f8", batch=(2, 3), seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 100, (*batch, *(9, 8, 7)[:nd])).astype(dtype)


def call(family, nd, x, *args, **keywords):
    """A function of a family, with the exponent where it takes one."""
    return getattr(nn, f"{family}_pool{nd}d")(x, *((3,) if family == "lp" else ()), *args, **keywords)


def backward(family, nd, g, x, *args, **keywords):
    return getattr(nn, f"{family}_pool{nd}d_backward")(g, x, *((3,) if family == "lp" else ()), *args, **keywords)


def channels_last(x, nd):
    return np.ascontiguousarray(np.moveaxis(x, -nd - 1, -1))


def channels_first(x, nd):
    return np.moveaxis(x, -1, -nd - 1)


def equal(a, b):
    a, b = (v if isinstance(v, tuple) else (v,) for v in (a, b))
    return all(p.dtype == q.dtype and p.tobytes() == q.tobytes() for p, q in zip(a, b, strict=True))


# ---- the module --------------------------------------------------------------------------------


def test_names():
    assert sorted(nn.__all__) == sorted([*NAMES, *(name + "_backward" for name in NAMES), "onnx_pool"])


@pytest.mark.parametrize("name", NAMES)
def test_signatures(name):
    """Every parameter is spelled out; a gradient takes those of its function, in the same order."""
    forward, gradient = getattr(nn, name), getattr(nn, name + "_backward")
    for function in (forward, gradient):
        assert function.__doc__ and "Examples" in function.__doc__ and function.__module__.startswith("cypool.nn.")
        for p in inspect.signature(function).parameters.values():
            assert p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.annotation is not p.empty, (name, p)
    first, *rest = inspect.signature(forward).parameters.values()
    grad, x, *more = inspect.signature(gradient).parameters.values()
    assert (first.name, grad.name, x.name) == ("input", "grad", "x")
    own = [p for p in more if p.name in {q.name for q in rest} or p.name != "indices"]
    assert [(p.name, p.default, p.kind) for p in own] == [(p.name, p.default, p.kind) for p in rest]


@pytest.mark.parametrize("name", [n for n in NAMES if "2d" in n])
def test_documentation_is_complete(name):
    for function in (getattr(nn, name), getattr(nn, name + "_backward")):
        text = inspect.getdoc(function)
        for title in ("Parameters", "Returns", "Raises", "Notes", "Examples"):
            assert f"\n{title}\n{'-' * len(title)}\n" in text, (name, title)
        described = text[text.index("Parameters") : text.index("Returns")]
        for p in inspect.signature(function).parameters:
            assert p in described, (function.__name__, p)


def test_imported_when_asked_for():
    code = "import sys, cypool; print('cypool.nn' in sys.modules, cypool.nn.max_pool1d([[1, 2]], 2))"
    assert fresh(code).split() == ["False", "[[2]]"]
    with pytest.raises(AttributeError, match="no_such"):
        cypool.no_such  # noqa: B018


@pytest.mark.parametrize("row", differences.ROWS, ids=lambda row: row["case"])
def test_differences(row):
    """What docs/differences.csv says of cypool."""

    def gradient(name, x, *args):
        y = getattr(nn, name)(x, *args)
        return getattr(nn, name + "_backward")(np.ones_like(y), x, *args)

    names = {"a": lambda v: np.array(v, np.float32), "i": lambda v: np.array(v, np.int64), "gradient": gradient}
    differences.check(row, "cypool", names | {"F": nn})


def test_the_page_that_compares():
    """The names of functions in it are names."""
    page = differences.FILE.parent / "comparison.md"
    named = set(re.findall(r"(?<!tf\.)\bnn\.(\w+_(?:un)?pool\w*(?:{n}d)?)", page.read_text()))
    assert len(named) >= 14
    for name in named:
        for nd in "123" if "{n}" in name else "0":
            assert name.replace("{n}", nd) in nn.__all__, name


def test_the_classic_example():
    """The 4x4 matrix of many tutorials; one that is widely copied prints 3.5 and 5.5 among the means, 10 among the
    minima and 7.5 as the global mean, all wrong."""
    x = np.array([[[1, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]])
    assert nn.max_pool2d(x, 2).tolist() == [[[6, 8], [14, 16]]]
    assert nn.avg_pool2d(x, 2).tolist() == [[[3.75, 5.25], [11.5, 13.5]]]
    assert nn.min_pool2d(x, 2).tolist() == [[[1, 2], [9, 11]]]
    assert nn.global_avg_pool2d(x).tolist() == [[[8.5]]]
    assert nn.global_max_pool2d(x).tolist() == [[[16]]]
    assert nn.global_avg_pool2d(x, keepdims=False).tolist() == [8.5]
    plain = x[0]
    assert cypool.pool(plain, 2).tolist() == [[6, 8], [14, 16]]
    assert cypool.pool(plain, 2, "mean").tolist() == [[3.75, 5.25], [11.5, 13.5]]
    assert cypool.pool(plain, 2, "min").tolist() == [[1, 2], [9, 11]]
    assert cypool.global_pool(plain, "mean").item() == 8.5 and cypool.global_pool(plain, "max").item() == 16


# ---- the same as pool ----------------------------------------------------------------------------

GEOMETRIES = [
    dict(kernel_size=2),
    dict(kernel_size=3, stride=2, padding=1),
    dict(kernel_size=3, stride=2, ceil_mode=True),
    dict(kernel_size=2, stride=1, dilation=3),
    dict(kernel_size=3, stride=2, padding="same"),
    dict(kernel_size=3, stride=2, padding="same_lower", dilation=2),
    dict(kernel_size=2, padding="valid"),
    dict(kernel_size=3, stride=1, padding=((1, 2),)),
    dict(kernel_size=3, stride=1, padding=2, border="reflect"),
    dict(kernel_size=2, stride=1, padding=1, border="constant", border_value=1),
]


def as_pool(nd, keywords):
    """Arguments of nn as those of pool."""
    given = dict(keywords)
    window = (given.pop("kernel_size"),) * nd
    if given.get("padding") == ((1, 2),):
        given["padding"] = ((1, 2),) * nd
    return window, given | {"axes": tuple(range(-nd, 0))}


@pytest.mark.parametrize("keywords", GEOMETRIES, ids=str)
@pytest.mark.parametrize("family", SLIDING)
@pytest.mark.parametrize("nd", [1, 2, 3])
def test_sliding_is_pool(family, nd, keywords):
    x, options = data(nd), {"p": 3} if family == "lp" else {}
    window, given = as_pool(nd, keywords)
    if family == "avg" and given.get("border", "ignore") == "ignore":
        given |= dict(border="constant")
    reduce = REDUCE.get(family, family)
    got, want = call(family, nd, x, **keywords), cypool.pool(x, window, reduce, **given, **options)
    assert equal(got, want)
    assert equal(call(family, nd, x[0], **keywords), want[0])
    g = np.random.default_rng(1).random(want.shape)
    got = backward(family, nd, g, x, **keywords)
    assert equal(got, cypool.pool_backward(g, x, window, reduce, **given, **options))
    assert equal(backward(family, nd, g[0], x[0], **keywords), got[0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("nd", [1, 2, 3])
def test_dtypes(nd, dtype):
    """Every dtype that pool takes, with pool's result."""
    x = data(nd, dtype)
    axes, window = tuple(range(-nd, 0)), (3,) * nd
    for family, reduce in (("max", "max"), ("min", "min"), ("median", "median"), ("avg", "mean"), ("lp", "lp")):
        options = {"p": 3} if family == "lp" else {}
        assert equal(call(family, nd, x, 3), cypool.pool(x, window, reduce, axes=axes, **options)), family
    for kind, reduce in (("max", "max"), ("avg", "mean")):
        got = getattr(nn, f"adaptive_{kind}_pool{nd}d")(x, 4)
        assert equal(got, cypool.pool(x, (Windows.adaptive(4),) * nd, reduce, axes=axes))
    for kind, reduce in (("max", "max"), ("avg", "mean"), ("min", "min")):
        assert equal(getattr(nn, f"global_{kind}_pool{nd}d")(x), cypool.global_pool(x, reduce, axes=axes))


@pytest.mark.parametrize("family", SLIDING)
def test_what_pool_has_besides(family):
    x = data(2)
    x[0, 0, 0, 0] = np.nan
    where = np.random.default_rng(2).random(x.shape) < 0.7
    reduce, options = REDUCE.get(family, family), {"p": 3} if family == "lp" else {}
    more = dict(where=where, nan_policy="omit", min_count=3, fill_value=-1.0, dtype=np.float32, workers=1)
    want = cypool.pool(x, (2, 2), reduce, axes=(2, 3), **more, **options)
    assert equal(call(family, 2, x, 2, **more), want)
    out = np.empty_like(want)
    assert call(family, 2, x, 2, **more, out=out) is out and equal(out, want)
    g = np.ones(want.shape)
    del more["dtype"]
    wanted = cypool.pool_backward(g, x, (2, 2), reduce, axes=(2, 3), **more, **options)
    assert equal(backward(family, 2, g, x, 2, **more, dtype=np.float32), wanted)
    masked = np.ma.MaskedArray(x, ~where)
    got = call(family, 2, masked, 2, nan_policy="omit")
    assert isinstance(got, np.ma.MaskedArray)
    with pytest.raises(ValueError, match="NaN"):
        call(family, 2, x, 2, nan_policy="raise")


# ---- layouts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [(2, 3), (3,), (0, 3), (2, 1)])
@pytest.mark.parametrize("nd", [1, 2, 3])
def test_channels_last(nd, batch):
    """Equals channels first to the bit: values, indices and gradients."""
    x = np.random.default_rng(nd).random((*batch, *(9, 8, 7)[:nd]), np.float32)
    y, last = channels_last(x, nd), dict(data_format="channels_last")

    def both(name, *args, **keywords):
        want = getattr(nn, name)(x, *args, **keywords)
        got = getattr(nn, name)(y, *args, **keywords, **last)
        got = tuple(channels_first(v, nd) for v in got) if isinstance(got, tuple) else channels_first(got, nd)
        assert equal(got, want), name
        values = want[0] if isinstance(want, tuple) else want
        g = np.random.default_rng(0).random(values.shape, np.float32)
        got = getattr(nn, name + "_backward")(channels_last(g, nd), y, *args, **keywords, **last)
        assert equal(channels_first(got, nd), getattr(nn, name + "_backward")(g, x, *args, **keywords)), name

    both(f"max_pool{nd}d", 3, 2, 1, return_indices=True)
    both(f"min_pool{nd}d", 3, 2, 1, return_indices=True)
    both(f"median_pool{nd}d", 3, return_indices=True)
    both(f"avg_pool{nd}d", 3, 2, 1, True)
    both(f"lp_pool{nd}d", 2.5, 2)
    both(f"adaptive_max_pool{nd}d", 4, return_indices=True)
    both(f"adaptive_avg_pool{nd}d", 5)
    for kind in ("max", "min", "avg"):
        both(f"global_{kind}_pool{nd}d")
    if nd > 1:
        both(f"fractional_max_pool{nd}d", 2, 4, return_indices=True, rng=5)
    values, indices = getattr(nn, f"max_pool{nd}d")(x, 2, return_indices=True)
    back = getattr(nn, f"max_unpool{nd}d")
    got = back(channels_last(values, nd), channels_last(indices, nd), 2, None, 0, y.shape, **last)
    want = back(values, indices, 2, None, 0, x.shape)
    assert equal(channels_first(got, nd), want)
    g = np.random.default_rng(0).random(want.shape, np.float32)
    gradient = getattr(nn, f"max_unpool{nd}d_backward")
    got = gradient(channels_last(g, nd), channels_last(values, nd), channels_last(indices, nd), 2, None, 0,
                   got.shape[-nd - 1 : -1], **last)  # fmt: skip
    assert equal(channels_first(got, nd), gradient(g, values, indices, 2, None, 0, want.shape[-nd:]))


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_channels_last_copies_nothing(name):
    x = np.ones((4, 256, 256, 16), np.float32)
    out = np.empty((4, 128, 128, 16), np.float32)
    getattr(nn, name)(x, 2, data_format="channels_last", out=out)
    tracemalloc.start()
    getattr(nn, name)(x, 2, data_format="channels_last", out=out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6


# ---- padding ---------------------------------------------------------------------------------------


def same_rule(n, k, s, d, lower):
    """TensorFlow's margins."""
    total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
    return (total - total // 2, total // 2) if lower else (total // 2, total - total // 2)


@pytest.mark.parametrize("lower", [False, True])
def test_same(lower):
    """Against NumPy: infinite margins and a strided view for max, ones and zeros for the mean of what exists."""
    rng = np.random.default_rng(3)
    for _ in range(300):
        h, w, k, s, d = (int(i) for i in rng.integers((1, 1, 1, 1, 1), (10, 10, 5, 4, 3)))
        x = rng.random((2, h, w))
        margins = [(0, 0), same_rule(h, k, s, d, lower), same_rule(w, k, s, d, lower)]

        def windows(padded, k=k, s=s, d=d):
            view = np.lib.stride_tricks.sliding_window_view(padded, ((k - 1) * d + 1,) * 2, (1, 2))
            return view[:, ::s, ::s, ::d, ::d]

        keywords = dict(padding="same_lower" if lower else "same", dilation=d)
        kept = np.isfinite(high := windows(np.pad(x, margins, constant_values=-np.inf)).max((3, 4)))
        got = nn.max_pool2d(x, k, s, **keywords)
        assert got.shape == (2, -(-h // s), -(-w // s))
        np.testing.assert_array_equal(got[kept], high[kept])
        assert np.isnan(got[~kept]).all()  # windows of padding alone, by dilation
        total, count = (windows(np.pad(v, margins)).sum((3, 4)) for v in (x, np.ones_like(x)))
        got = nn.avg_pool2d(x, k, s, count_include_pad=False, **keywords)
        np.testing.assert_allclose(got[kept], (total[kept] / count[kept]))
        np.testing.assert_allclose(nn.avg_pool2d(x, k, s, **keywords), total / k**2)


def test_asymmetric():
    x = data(2)
    padded = np.pad(x, [(0, 0), (0, 0), (1, 2), (0, 3)])
    got = nn.avg_pool2d(x, 3, 1, padding=((1, 2), (0, 3)))
    assert equal(got, nn.avg_pool2d(padded, 3, 1))
    got = nn.max_pool2d(x, 3, 1, padding=((1, 2), "same"))
    assert equal(got, nn.max_pool2d(x, 3, 1, ((1, 2), (1, 1))))
    assert equal(nn.max_pool1d(x[0], 3, 1, ((0, 2),)), cypool.pool(x[0], (3,), stride=1, padding=((0, 2),)))


def test_how_arguments_may_be_written():
    x = data(2)
    want = nn.max_pool2d(x, 2, 2, 1)
    for kernel in (2, (2,), [2], [2, 2], np.int64(2), np.array([2, 2]), np.array(2)):
        for padding in (1, (1,), ((1, 1),), [[1, 1], [1, 1]], np.ones(2, int)):
            assert equal(nn.max_pool2d(x, kernel, None, padding), want)
    for stride in (None, (), []):
        assert equal(nn.max_pool2d(x, 2, stride, 1), want)
    assert equal(nn.max_pool2d(x.tolist(), 2, 2, 1), want)


# ---- details -----------------------------------------------------------------------------------------


def test_averages():
    x = np.array([[1.0, 2.0, 3.0, 4.0]])
    assert nn.avg_pool1d(x, 2, divisor_override=-1).tolist() == [[-3, -7]]
    where = [True, True, False, False]
    assert nn.avg_pool1d(x, 2, where=where, divisor_override=-2, fill_value=9.0).tolist() == [[-1.5, 9]]
    assert nn.avg_pool1d(x, 3, 3, 1).tolist() == [[1.0, 7 / 3]]
    assert nn.avg_pool1d(x, 3, 3, 1, count_include_pad=False).tolist() == [[1.5, 3.5]]
    assert nn.avg_pool1d(x, 3, 3, 1, border="edge").tolist() == [[4 / 3, 11 / 3]]
    masked = nn.avg_pool1d(np.ma.MaskedArray(x, [[1, 1, 0, 0]]), 2, divisor_override=-2)
    assert masked.tolist() == [[None, -3.5]]
    assert nn.avg_pool1d(np.array([[1, 2]], np.uint8), 2, dtype=np.uint8, rounding="half_up").tolist() == [[2]]
    with pytest.raises(ValueError, match="divisor_override"):
        nn.avg_pool1d(np.array([[1, 2]]), 2, divisor_override=-2, dtype=np.int8)
    with pytest.raises(ValueError, match="count_include_pad"):
        nn.avg_pool1d(x, 3, 1, 1, count_include_pad=False, border="edge")


@pytest.mark.parametrize("nd", [1, 2, 3])
def test_adaptive_sizes(nd):
    x = data(nd)
    assert nn.__dict__[f"adaptive_max_pool{nd}d"](x, None).tobytes() == x.tobytes()
    assert nn.__dict__[f"adaptive_avg_pool{nd}d"](x, (None,) * (nd - 1) + (0,)).shape == (*x.shape[:-1], 0)
    got, at = nn.__dict__[f"adaptive_max_pool{nd}d"](x, (3,) + (None,) * (nd - 1), return_indices=True)
    flat = x.reshape(2, 3, -1)
    assert np.array_equal(np.take_along_axis(flat, at.reshape(2, 3, -1), -1), got.reshape(2, 3, -1))


@pytest.mark.parametrize("kind", ["max", "min", "avg"])
def test_global_without_axes(kind):
    x = data(2)
    function, gradient = getattr(nn, f"global_{kind}_pool2d"), getattr(nn, f"global_{kind}_pool2d_backward")
    kept = function(x)
    flat = function(x, keepdims=False)
    assert flat.shape == (2, 3) and equal(flat, kept[:, :, 0, 0])
    out = np.empty((2, 3))
    assert function(x, keepdims=False, out=out) is out and equal(out, flat)
    g = np.random.default_rng(0).random((2, 3))
    assert equal(gradient(g, x, keepdims=False), gradient(g[:, :, None, None], x))
    if kind != "avg":
        pair = np.empty((2, 3)), np.empty((2, 3), np.int64)
        values, at = function(x, True, keepdims=False, out=pair)
        assert at is pair[1] and equal(values, flat)
        assert equal(gradient(g, x, indices=at, keepdims=False), gradient(g, x, keepdims=False))
    with pytest.raises(ValueError, match="grad"):
        gradient(g[:, :, None], x, keepdims=False)
