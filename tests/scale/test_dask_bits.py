"""The results of cypool.dask are NumPy's to the bit, for any geometry and any chunks."""

import itertools

import dask
import dask.array
import numpy as np
import pytest

import cypool
import cypool.dask

REDUCERS = ("max", "min", "mean", "sum", "prod", "any", "all", "range", "count", "var", "std", "first", "lp", "gem",
            "logsumexp", "softpool", "argmax", "argmin", "median", "quantile", "mode", "stochastic")  # fmt: skip
SELECT = ("max", "min", "median", "quantile", "mode", "stochastic")
DTYPES = ("bool", "uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32",
          "float64", ">f4", "complex64")  # fmt: skip
BORDERS = ("ignore", "ignore", "constant", "reflect", "symmetric", "edge", "wrap")


def composition(rng, n):
    """Chunks of an axis: ragged, some of them empty."""
    if n == 0:
        return (0,)
    found = []
    while n:
        found.append(int(rng.integers(0 if rng.random() < 0.1 else 1, n + 1)) if rng.random() < 0.7 else 1)
        n -= found[-1]
    return tuple(found)


def chunked(rng, x):
    if rng.random() < 0.15:
        return dask.array.from_array(x, chunks=-1)
    chunks = tuple(composition(rng, n) for n in x.shape)
    whole = dask.array.from_array(x, chunks=-1)
    # rechunk refuses empty chunks: they come from joined arrays (masked ones cannot always be joined)
    for axis, lengths in enumerate(chunks):
        if isinstance(x, np.ma.MaskedArray):
            whole = whole.rechunk({axis: tuple(n for n in lengths if n) or (0,)})
        elif 0 in lengths and len(lengths) > 1:
            edges = np.cumsum((0, *lengths))
            cut = [whole[(slice(None),) * axis + (slice(a, b),)] for a, b in itertools.pairwise(edges)]
            whole = dask.array.concatenate(cut, axis)
        else:
            whole = whole.rechunk({axis: lengths})
    return whole


def window_of(rng, n, planes):
    """A window for an axis of n cells, and whether it is Windows."""
    kind = rng.integers(0, 6)
    if kind == 0:
        return cypool.Windows.adaptive(int(rng.integers(1, n + 3)))
    if kind == 1:
        return cypool.Windows.whole()
    if kind == 2:
        return cypool.Windows.fractional(n, int(rng.integers(1, n + 1)), overlapping=bool(rng.integers(2)),
                                         rng=int(rng.integers(99)))  # fmt: skip
    shape = (planes, int(rng.integers(1, 5))) if kind == 3 and planes else (int(rng.integers(1, 5)),)
    if kind in (3, 4):
        starts = rng.integers(0, n, shape)
        starts = np.sort(starts, -1) if rng.random() < 0.6 else starts
        return cypool.Windows.explicit(starts, np.minimum(starts + rng.integers(0 if rng.random() < 0.2 else 1, n + 1,
                                                                                shape), n), n)  # fmt: skip
    k = int(rng.integers(1, n + 1))
    return cypool.Windows.sliding(k, int(rng.integers(1, 4)), shift=True)


def geometry(rng, shape):
    ndim = len(shape)
    count = int(rng.integers(1, ndim + 1))
    axes = tuple(int(a) for a in rng.permutation(ndim)[:count])
    planes = int(np.prod([n for a, n in enumerate(shape) if a not in axes]))
    border = str(rng.choice(BORDERS))
    keywords = {"axes": axes, "border": border}
    if rng.random() < 0.3:
        return {**keywords, "window": tuple(window_of(rng, shape[a], planes) for a in axes)}
    window, padding = [], []
    for a in axes:
        window.append(int(rng.integers(1, shape[a] + 2)))
        most = max(0, shape[a] - (border == "reflect"))
        high = min(most, 2 if rng.random() < 0.7 else most) + (border in ("ignore", "constant")) * int(rng.integers(2))
        padding.append((int(rng.integers(0, high + 1)), int(rng.integers(0, high + 1))))
    keywords |= {"window": tuple(window), "ceil_mode": bool(rng.integers(2))}
    if rng.random() < 0.7:
        keywords["padding"] = tuple(padding)
    if rng.random() < 0.8:
        keywords["stride"] = tuple(int(rng.integers(1, w + 2)) for w in window)
    if rng.random() < 0.3:
        keywords["dilation"] = tuple(int(rng.integers(1, 4)) for _ in axes)
    return keywords


def data(rng, shape, dtype):
    dtype = np.dtype(dtype)
    few = rng.random() < 0.5
    if dtype.kind == "b":
        x = rng.integers(0, 2, shape)
    elif dtype.kind in "iu":
        info = np.iinfo(dtype)
        x = rng.integers(0, 4, shape) if few else rng.integers(info.min, info.max, shape, dtype.newbyteorder("="),
                                                               endpoint=True)  # fmt: skip
    else:
        x = rng.integers(-2, 3, shape) if few else rng.standard_normal(shape) * 10 ** float(rng.integers(-2, 3))
        x = np.asarray(x, float)
        if rng.random() < 0.3:
            x[rng.random(shape) < 0.1] = np.nan
        if rng.random() < 0.1:
            x[rng.random(shape) < 0.1] = np.inf
    if dtype.kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    return np.asarray(x).astype(dtype)


def options_of(rng, name, window, axes, dtype):
    if name in ("sum", "mean") and rng.random() < 0.2 and all(isinstance(w, int) for w in window):
        return {"weights": rng.integers(0, 3, window) + 0.5}
    if name == "mean" and np.dtype(dtype).kind in "iu" and rng.random() < 0.6:
        return {"dtype": dtype, "rounding": str(rng.choice(("half_even", "half_up", "floor")))}
    return {
        "var": {"ddof": int(rng.integers(2))}, "lp": {"p": float(rng.choice([1, 2, 3, np.inf]))},
        "gem": {"p": float(rng.choice([1, 3, np.inf]))}, "logsumexp": {"mean": bool(rng.integers(2))},
        "softpool": {"alpha": float(rng.choice([-1, 0, 2]))}, "mode": {"ties": str(rng.choice(("first", "largest")))},
        "quantile": {"q": float(rng.random()), "method": str(rng.choice(("linear", "lower", "nearest")))},
        "stochastic": {"rng": int(rng.integers(99)), "training": bool(rng.integers(4))},
    }.get(name, {})  # fmt: skip


def case(seed):
    """x as a NumPy array and as a dask array, and the arguments of both calls."""
    rng = np.random.default_rng(seed)
    ndim = int(rng.integers(1, 4))
    shape = tuple(int(n) for n in rng.integers(1, 13 if ndim < 3 else 8, ndim))
    dtype = str(rng.choice(DTYPES))
    name = REDUCERS[seed % len(REDUCERS)]
    if dtype == "complex64" and name not in ("sum", "mean"):
        dtype = "float32"
    x = data(rng, shape, dtype)
    if name == "gem":
        x = abs(x) if x.dtype.kind in "iuf" else x
    keywords = geometry(rng, shape)
    keywords |= options_of(rng, name, keywords["window"], keywords["axes"], dtype)
    if rng.random() < 0.25:
        x = np.ma.MaskedArray(x, mask=rng.random(shape) < rng.choice([0.1, 0.6]))
    if rng.random() < 0.25:
        keywords["where"] = rng.random(shape[int(rng.integers(0, ndim)) :]) < 0.7
    if rng.random() < 0.5:
        keywords["nan_policy"] = str(rng.choice(("omit", "omit", "raise")))
    if rng.random() < 0.2:
        keywords["min_count"] = int(rng.integers(0, 5))
    if rng.random() < 0.6:
        keywords["fill_value"] = int(rng.integers(0, 2))
    if rng.random() < 0.2 and keywords["border"] == "constant":
        keywords["border_value"] = 1
    if name in SELECT and rng.random() < 0.5:
        keywords["return_indices"] = True
    keywords["reduce"] = name
    lazy = dict(keywords)
    if "where" in lazy and rng.random() < 0.5:
        lazy["where"] = chunked(rng, lazy["where"]) if lazy["where"].ndim else lazy["where"]
    return rng, x, chunked(rng, x), keywords, lazy


def outcome(call):
    """What a call returns, or the class of what it raises."""
    try:
        return call()
    except (TypeError, ValueError, IndexError) as error:
        return type(error)


def check(got, want, what):
    assert isinstance(got, type) == isinstance(want, type), f"{what}: {got}, not {want}"
    if isinstance(want, type):
        assert got is want, what
        return
    for one, other in zip(*((p if isinstance(p, tuple) else (p,)) for p in (got, want)), strict=True):
        assert type(one) is type(other) and one.dtype == other.dtype and one.shape == other.shape, what
        if isinstance(other, np.ma.MaskedArray):
            assert np.array_equal(np.ma.getmaskarray(one), np.ma.getmaskarray(other)), what
            keep = ~np.ma.getmaskarray(other)
            one, other = one.data[keep], other.data[keep]
        same = (one == other) | ((one != one) & (other != other))
        assert same.all(), f"{what}:\n{one}\nnot\n{other}"


def run(seed, case=case):
    _, x, lazy_x, keywords, lazy = case(seed)
    what = f"seed {seed}: {x.dtype} {x.shape} in {lazy_x.chunks}, {keywords}"

    def later():
        result = cypool.dask.pool(lazy_x, **lazy)
        found = dask.compute(*result) if isinstance(result, tuple) else result.compute()
        for part, array in zip((result if isinstance(result, tuple) else (result,)),
                               (found if isinstance(found, tuple) else (found,)), strict=True):  # fmt: skip
            assert part.dtype == array.dtype and part.shape == array.shape, what
            assert type(part._meta) is type(array), what
        return found

    with np.errstate(all="ignore"):
        want = outcome(lambda: cypool.pool(x, **keywords))
        check(outcome(later), want, what)
    return want


@pytest.mark.parametrize("part", range(8))
def test_random(part):
    with dask.config.set(scheduler="synchronous"):
        failed = sum(isinstance(run(seed), type) for seed in range(part, 2000, 8))
    assert failed < 120  # most of the calls are right


COMBINED = ("max", "min", "range", "any", "all", "count", "first", "argmax", "argmin", "sum", "prod", "mean")


def long_windows(seed):
    """Windows on many chunks: results of parts are combined where that loses nothing."""
    rng, x, lazy_x, keywords, lazy = case(seed * len(REDUCERS) + REDUCERS.index(COMBINED[seed % len(COMBINED)]))
    window = tuple(cypool.Windows.whole() if rng.random() < 0.6 else cypool.Windows.adaptive(2)
                   for _ in keywords["axes"])  # fmt: skip
    for given in (keywords, lazy):
        for name in ("stride", "padding", "dilation", "ceil_mode", "weights"):
            given.pop(name, None)
        given["window"] = window
    return rng, x, lazy_x, keywords, lazy


def test_long_windows():
    with dask.config.set(scheduler="synchronous"):
        failed = sum(isinstance(run(seed, long_windows), type) for seed in range(240))
    assert failed < 75


def large(seed):
    """Float64 arrays whose sums are added in another order where rows are long, short, or many."""
    rng = np.random.default_rng(seed)
    shape = [(5000,), (40, 700), (60, 500), (700, 40), (9, 600, 7), (30, 12, 40), (12, 40, 90), (70, 3, 9)][seed % 8]
    x = rng.standard_normal(shape)
    axes = tuple(int(a) for a in rng.permutation(len(shape))[: rng.integers(1, len(shape) + 1)])
    window = tuple(int(rng.integers(1, min(shape[a], rng.choice((4, 30, 3000))) + 1)) for a in axes)
    stride = tuple(int(rng.choice((1, 2, 3, max(1, w // 2), w))) for w in window)
    if np.prod([w / s for w, s in zip(window, stride, strict=True)]) > 2000:
        stride = window
    border = str(rng.choice(("ignore", "constant", "reflect", "wrap")))
    padding = tuple(int(rng.integers(0, min(w, shape[a]))) for w, a in zip(window, axes, strict=True))
    keywords = {"axes": axes, "window": window, "stride": stride, "border": border, "padding": padding,
                "ceil_mode": bool(rng.integers(2)), "reduce": str(rng.choice(("sum", "mean", "var", "lp", "prod",
                "logsumexp", "softpool", "gem")))}  # fmt: skip
    if rng.random() < 0.3:
        keywords["where"] = rng.random(shape[-1]) < 0.9
        keywords["fill_value"] = 0
    chunks = tuple(int(rng.integers(max(1, n // 5), n + 1)) for n in shape)
    return rng, x, dask.array.from_array(x, chunks=chunks), keywords, keywords


def test_rounding():
    with dask.config.set(scheduler="synchronous"):
        for seed in range(120):
            run(seed, large)


def same(x, chunks, *window, **keywords):
    """The result, that of NumPy arrays and of dask arrays in these chunks."""
    part = dask.array.from_array(x, chunks=chunks)
    keywords["window"] = window if len(window) > 1 else window[0]
    want = run(None, lambda _: (None, x, part, keywords, keywords))
    assert isinstance(want, np.ndarray), f"{keywords}: {want}"
    return want


@pytest.mark.parametrize("reduce", ["max", "mean", "argmin", "median"])
@pytest.mark.parametrize("chunks", [(1, -1, 3), (2, (0, 0), 7), -1])
def test_axes_of_length_0(reduce, chunks):
    """What is not pooled may have no cells, in one chunk or in several."""
    x = np.zeros((2, 0, 7), np.float32)
    for array in (x, np.ma.MaskedArray(x)):
        assert same(array, chunks, 2, reduce=reduce, axes=2).shape == (2, 0, 3)
        assert same(array, chunks, 2, 7, reduce=reduce, axes=(0, 2)).shape == (1, 0, 1)


@pytest.mark.parametrize("reduce", ["max", "mean", "argmin", "median"])
@pytest.mark.parametrize("chunks", [(2, 3), -1])
def test_axes_without_outputs(reduce, chunks):
    """Windows may be none at all."""
    x = np.random.default_rng(0).random((5, 8))
    none, some = cypool.Windows.adaptive(0), cypool.Windows.adaptive(3)
    for array in (x, np.ma.MaskedArray(x, mask=x < 0.5)):
        assert same(array, chunks, none, reduce=reduce, axes=1).shape == (5, 0)
        assert same(array, chunks, cypool.Windows.explicit([], [], 5), reduce=reduce, axes=0).shape == (0, 8)
        assert same(array, chunks, some, none, reduce=reduce, axes=(1, 0)).shape == (0, 3)


@pytest.mark.parametrize("reduce", ["argmax", "argmin"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_positions_as_floats(reduce, dtype):
    """They are NaN, or the value that is given, where a window is empty: in one chunk and across several."""
    rng = np.random.default_rng(0)
    x, where = rng.integers(0, 5, (12, 10)).astype(np.float32), rng.random((12, 10)) < 0.5
    where[:, :2] = False
    for window in ((2, 2), (4, 1), (12, 2)):
        given = {"reduce": reduce, "dtype": dtype, "where": where}
        y = same(x, (6, 5), *window, **given)
        assert y.dtype == dtype and np.isnan(y[:, 0]).all() and not np.isnan(y).all()
        assert (same(x, (6, 5), *window, **given, fill_value=-0.5)[:, 0] == -0.5).all()


def test_means_of_sums_that_are_no_floats():
    """The mean of integers is rounded once, also where their sum is 2**53 or more."""
    n, most = 2**21 + 1, 2**32 - 1
    x = np.full((n, 2), most, np.uint32)
    x[:, 1] = np.arange(n)
    assert n * most > 2**53 and float(n * most) / n != most
    assert same(x, (2**19, 2), cypool.Windows.whole(), reduce="mean", axes=0).tolist() == [[most, n // 2]]


@pytest.mark.parametrize("chunks", [40, 700])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "f2", "u8"])
def test_positions_that_a_dtype_does_not_hold(dtype, chunks):
    """Saturated, or infinite, and no warning: as NumPy's side does."""
    x = np.arange(70000)[::-1] if dtype == "f2" else np.arange(700)
    for window, reduce in ((x.size, "argmin"), (x.size, "argmax"), (350, "argmax")):
        same(x, chunks * x.size // 700, window, reduce=reduce, dtype=dtype)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "u1"])
def test_positions_of_masked_cells(dtype):
    """A window without cells is masked, or holds the value that is given; else it is an error of the same words."""
    x = np.ma.MaskedArray(np.arange(24.0).reshape(4, 6), mask=np.arange(24).reshape(4, 6) % 6 < 2)
    for chunks in (3, 4, (2, 5)):
        part = dask.array.from_array(x, chunks=chunks)
        for given in ({}, {"fill_value": 7}):
            keywords = {"window": 2, "reduce": "argmax", "dtype": dtype, **given}
            run(None, lambda _, part=part, keywords=keywords: (None, x, part, keywords, keywords))
        if dtype[0] in "iu":
            keywords = {"reduce": "argmax", "dtype": dtype, "where": ~x.mask}
            with pytest.raises(ValueError, match=f"{np.dtype(dtype)} has no value for that") as theirs:
                cypool.pool(x.data, 2, **keywords)
            with pytest.raises(ValueError) as ours:
                cypool.dask.pool(dask.array.from_array(x.data, chunks=chunks), 2, **keywords).compute()
            # Which window is met first is a matter of threads.
            assert str(ours.value).partition(" is empty")[2] == str(theirs.value).partition(" is empty")[2]


def test_windows_of_each_plane_that_are_none():
    """No windows, or no planes."""
    x = np.arange(24.0).reshape(4, 6)
    for n, windows in ((4, 0), (0, 2)):
        tables = np.zeros((n, windows), int), np.ones((n, windows), int)
        assert same(x[:n], 3, cypool.Windows.explicit(*tables, 6), axes=1).shape == (n, windows)


@pytest.mark.parametrize("reduce,wrt,options", [("gem", "p", {"p": 2.0}), ("softpool", "alpha", {})])
@pytest.mark.parametrize("dtype", ["f4", "u1"])
def test_gradients_of_parameters_without_outputs(reduce, wrt, options, dtype):
    """No windows, or no cells: 0."""
    for x, window, axes, outputs in ((np.ones((4, 6), dtype), cypool.Windows.adaptive(0), 0, (0, 6)),
                                     (np.ones((0, 6), dtype), 2, 1, (0, 3))):  # fmt: skip
        for array in (x, np.ma.MaskedArray(x, mask=x > 0)):
            grad, given = np.zeros(outputs), {"window": window, "reduce": reduce, "axes": axes, "wrt": wrt, **options}
            assert cypool.pool_backward(grad, array, **given) == 0
            part = dask.array.from_array(array, chunks=3)
            assert cypool.dask.pool_backward(grad, part, **given).compute() == 0
