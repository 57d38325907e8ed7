"""Blocks, against scikit-image."""

import functools
import warnings

import numpy as np
import pytest
from skimage.measure import block_reduce as skimage_block_reduce
from skimage.transform import downscale_local_mean as skimage_downscale_local_mean

from cypool import block_reduce, block_replicate, blocks, downscale_local_mean

REAL = ["?", "b", "B", "h", "H", "i", "I", "l", "L", "e", "f", "d"]
COMPLEX = ["F", "D"]
SELECTING = [np.max, np.min, np.any, np.all, np.ptp, np.nanmax, np.nanmin]
ADDING = [np.sum, np.mean, np.nansum, np.nanmean]
OTHER = [np.prod, np.var, np.std, np.nanprod, np.nanvar, np.nanstd]


def span(a, axis):
    """A function of this file: no one knows it."""
    return np.max(a, axis=axis) - np.min(a, axis=axis) * 2


CALLABLES = [
    (np.median, None),
    (np.nanmedian, None),
    (np.count_nonzero, None),
    (span, None),
    (functools.partial(np.quantile, q=0.3), None),
    (np.fmax.reduce, None),
    (np.quantile, {"q": [0.1, 0.9]}),
    (np.percentile, {"q": 30, "method": "lower"}),
    (np.nanmedian, {"out": None}),
    (np.median, {"keepdims": True}),
    (np.mean, {"dtype": np.float16}),
    (np.sum, {"dtype": np.uint8}),
    (np.max, {"initial": 3}),
    (np.var, {"ddof": 1}),
    (np.sum, {"keepdims": True}),
]

# dividing and not, a block of the whole axis, beyond the axis, of one cell
GEOMETRIES = [
    ((12,), 3),
    ((13,), 4),
    ((3,), 7),
    ((1,), 1),
    ((6, 8), 2),
    ((7, 9), 2),
    ((7, 9), (3, 1)),
    ((5, 70), (5, 64)),
    ((33, 17), (8, 8)),
    ((4, 6, 3), (2, 2, 1)),
    ((5, 7, 3), (2, 3, 2)),
    ((3, 5, 4, 6), 2),
    ((2, 3, 2, 5), (1, 2, 2, 3)),
]
CVALS = [0, 1, 7, -1, 2.7, 300, np.nan, np.inf, True, np.float32(0.1)]


def image_of(shape, dtype, order="C"):
    rng = np.random.default_rng(sum(shape))
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        x = rng.random(shape) < 0.6
    elif dtype.kind in "iu":
        info = np.iinfo(dtype)
        x = rng.integers(max(info.min, -(2**40)), min(info.max, 2**40), shape, endpoint=True)
    elif dtype.kind == "f":
        x = rng.normal(size=shape)
    else:
        x = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return x.astype(dtype, order=order)


def with_nan(x):
    x = x.copy()
    x.flat[:: x.size // 3 + 1] = np.nan
    return x


def as_skimage(x, block_size, func, cval=0, func_kwargs=None):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return skimage_block_reduce(x, block_size, func, cval, func_kwargs)


def assert_same(y, expected, note):
    assert type(y) is np.ndarray, note
    assert (y.dtype, y.shape) == (expected.dtype, expected.shape), note
    np.testing.assert_array_equal(y, expected, err_msg=note)


def assert_near(y, expected, x, cells, cval, note):
    """Equal but for NumPy's own rounding error, of at most one ulp of the largest cell per cell."""
    if expected.dtype.kind not in "fc":
        return assert_same(y, expected, note)
    assert (y.dtype, y.shape) == (expected.dtype, expected.shape), note
    cells_of_x = np.abs(x.astype(complex if x.dtype.kind == "c" else float))
    largest = max(np.nan_to_num(cells_of_x).max(), 1.0, abs(cval) if np.isfinite(cval) else 0)
    eps = np.finfo(expected.dtype).eps
    np.testing.assert_allclose(y, expected, rtol=2 * cells * eps, atol=cells**2 * largest**2 * eps, err_msg=note)


def cases(dtype):
    for shape, block_size in GEOMETRIES:
        for order in "CF":
            x = image_of(shape, dtype, order)
            for cval in CVALS:
                if np.dtype(dtype).kind == "i" and not -128 <= cval <= 127:
                    continue  # see test_cval_is_cast_as_by_padding
                yield x, block_size, cval, f"{shape} {dtype} {order} by {block_size}, cval={cval}"
            if x.dtype.kind == "f":
                yield with_nan(x), block_size, 0, f"{shape} {dtype} with NaN by {block_size}"


@pytest.mark.parametrize("func", SELECTING + ADDING + OTHER, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", REAL)
def test_known_functions(func, dtype):
    if func is np.ptp and dtype == "?":
        with pytest.raises(TypeError):
            skimage_block_reduce(np.ones(2, bool), 2, func)
        return
    for x, block_size, cval, note in cases(dtype):
        if func in (np.prod, np.nanprod) and x.dtype.kind == "f" and abs(cval) > 1:
            continue  # overflow on the way depends on the order
        expected = as_skimage(x, block_size, func, cval)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            y = block_reduce(x, block_size, func, cval)
        exact = x.dtype.kind in "biu" and "var" not in func.__name__ and "std" not in func.__name__
        if "mean" in func.__name__ and x.dtype.itemsize == 8 and not 0 <= cval < 2**40:
            exact = False  # -1 is 2**64 - 1 there
        if func in SELECTING or exact:
            assert_same(y, expected, note)
        else:
            if dtype == "e":  # NumPy's own sums of float16 overflow on the way
                with np.errstate(over="ignore"):
                    expected = as_skimage(x.astype("d"), block_size, func, cval).astype(expected.dtype)
            cells = np.prod(np.broadcast_to(block_size, x.ndim))
            assert_near(y, expected, x, cells, cval, note)


@pytest.mark.parametrize("func", ADDING, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", COMPLEX)
def test_complex(func, dtype):
    for shape, block_size in GEOMETRIES:
        x = image_of(shape, dtype)
        for cval in (0, 2 - 3j):
            cells = np.prod(np.broadcast_to(block_size, x.ndim))
            expected = as_skimage(x, block_size, func, cval)
            y = block_reduce(x, block_size, func, cval)
            assert_near(y, expected, x, cells, cval, f"{shape} by {block_size}, cval={cval}")


@pytest.mark.parametrize(("func", "func_kwargs"), CALLABLES)
@pytest.mark.parametrize("dtype", ["?", "b", "H", "l", "e", "f", "d"])
def test_any_callable_sees_the_same_blocks(func, func_kwargs, dtype):
    if dtype == "?" and (func is span or func_kwargs == {"q": [0.1, 0.9]}):
        return
    for x, block_size, cval, note in cases(dtype):
        if isinstance(func, functools.partial) and dtype == "?":
            x = x.astype(np.uint8)  # no quantile of bool
        try:
            expected = as_skimage(x, block_size, func, cval, func_kwargs)
        except (TypeError, ValueError) as error:
            with pytest.raises(type(error)):
                block_reduce(x, block_size, func, cval, func_kwargs)
            continue
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            y = block_reduce(x, block_size, func, cval, func_kwargs)
        assert_same(y, expected, note)


@pytest.mark.parametrize("dtype", REAL + COMPLEX)
def test_downscale_local_mean(dtype):
    for shape, factors in GEOMETRIES:
        x = image_of(shape, dtype)
        factors = tuple(np.broadcast_to(factors, x.ndim).tolist())
        for cval in (0, 1):
            expected = skimage_downscale_local_mean(x, factors, cval, False)
            y = downscale_local_mean(x, factors, cval, False)
            note = f"{shape} by {factors}, cval={cval}"
            assert_near(y, expected, x, np.prod(factors), cval, note)


@pytest.mark.parametrize("dtype", REAL)
def test_cval_is_cast_as_by_padding(dtype):
    x = np.zeros((3, 3), dtype)
    for cval in (300, -1, 127.9, -(2**62), 2**63, 2**64, 2**70, 1e300, np.inf, -np.inf, np.nan):
        for func in (np.sum, np.median):
            try:
                expected = as_skimage(x, 2, func, cval)
            except (OverflowError, ValueError):
                with pytest.raises(ValueError, match=r"cval=.* does not fit"):
                    block_reduce(x, 2, func, cval)
            else:
                note = f"{dtype}, cval={cval}"
                with np.errstate(all="ignore"):
                    assert_same(block_reduce(x, 2, func, cval), expected, note)


@pytest.mark.parametrize("func", [np.sum, np.mean, np.max, np.any, np.prod, span])
@pytest.mark.parametrize("dtype", ["b", "f", "d"])
@pytest.mark.parametrize("shape", [(0,), (0, 4), (3, 0), (5, 0, 3)])
def test_empty_images(shape, dtype, func):
    x = np.zeros(shape, dtype)
    y, expected = block_reduce(x, 2, func), as_skimage(x, 2, func)
    assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
    with pytest.raises(ValueError):
        block_reduce(x, 2, func, boundary="trim")


def pieces(x, sizes, boundary):
    """The blocks of an array as slices, by the definition of each boundary but "pad"."""
    counts = [n // b if boundary == "trim" else -(-n // b) for n, b in zip(x.shape, sizes, strict=True)]
    y = np.empty(counts, object)
    for i in np.ndindex(*counts):
        y[i] = x[tuple(slice(j * b, j * b + b) for j, b in zip(i, sizes, strict=True))]
    return y


@pytest.mark.parametrize("func", [np.sum, np.mean, np.max, np.median, np.ptp, span])
@pytest.mark.parametrize("dtype", ["b", "H", "l", "f", "d"])
@pytest.mark.parametrize("boundary", ["partial", "trim"])
def test_boundaries(func, dtype, boundary):
    for shape, block_size in GEOMETRIES:
        x = image_of(shape, dtype)
        sizes = np.broadcast_to(block_size, x.ndim)
        if boundary == "trim" and any(n < b for n, b in zip(shape, sizes, strict=True)):
            with pytest.raises(ValueError, match="do not fit into axis"):
                block_reduce(x, block_size, func, boundary=boundary)
            continue
        blocks = pieces(x, sizes, boundary)
        y = block_reduce(x, block_size, func, cval=99, boundary=boundary)
        expected = np.empty(blocks.shape, y.dtype)
        for i, block in np.ndenumerate(blocks):
            with np.errstate(over="ignore"):
                expected[i] = func(block, axis=tuple(range(x.ndim)))
            assert expected[i].dtype == y.dtype
        assert_near(y, expected, x, np.prod(sizes), 0, f"{shape} by {block_size}, {boundary}")


def test_exact_boundary():
    x = image_of((6, 9), "f")
    assert_same(block_reduce(x, 3, np.max, boundary="exact"), as_skimage(x, 3, np.max), "")
    for func in (np.max, np.median):
        with pytest.raises(ValueError, match=r"blocks of 4 do not divide axis 1 of length 9"):
            block_reduce(x, (2, 4), func, boundary="exact")


@pytest.mark.parametrize("dtype", ["B", "H", "q", "e", "f", "d"])
def test_a_constant_image_stays_constant(dtype):
    for n in range(1, 12):
        x = np.full((n, n + 2), 3 if np.dtype(dtype).kind in "iu" else 0.1, dtype)
        for size in (2, 3, 5):
            y = downscale_local_mean(x, (size, size), boundary="partial")
            if dtype == "d":
                np.testing.assert_allclose(y, x[0, 0], rtol=1e-15)
            else:
                np.testing.assert_array_equal(y, x[0, 0])


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
@pytest.mark.parametrize("func", [np.mean, np.max, np.median, span])
def test_channel_axis(axis, func):
    x = image_of((6, 7, 5), "d")
    for size in (2, (3, 2)):
        every = list(np.broadcast_to(size, 2))
        every.insert(axis % 3, 1)
        for boundary in ("pad", "partial", "trim"):
            y = block_reduce(x, size, func, 2, boundary=boundary, channel_axis=axis)
            expected = block_reduce(x, tuple(every), func, 2, boundary=boundary)
            np.testing.assert_allclose(y, expected, rtol=1e-14, atol=1e-15)
    y = downscale_local_mean(x, (2, 2), channel_axis=axis)
    np.testing.assert_array_equal(y, block_reduce(x, 2, np.mean, channel_axis=axis))


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "any", "prod", "var"])
def test_names(name):
    x = image_of((7, 9), "d")
    y = block_reduce(x, 3, name, 1)
    np.testing.assert_array_equal(y, block_reduce(x, 3, getattr(np, name), 1))


def test_dtype_and_out():
    x = image_of((7, 9), "B")
    for func in (np.mean, np.max, np.nansum):
        y = block_reduce(x, 2, func, dtype=np.float32)
        assert y.dtype == np.float32
        np.testing.assert_allclose(y, as_skimage(x, 2, func), rtol=1e-6)
    y = block_reduce(x, 2, np.mean, dtype=np.uint8, boundary="partial")
    assert y.dtype == np.uint8
    for func in (np.mean, np.median, np.max, span):
        expected = block_reduce(x, 2, func)
        out = np.empty_like(expected)
        assert block_reduce(x, 2, func, out=out) is out
        np.testing.assert_array_equal(out, expected)
    out = np.empty((4, 5), np.int8)
    assert block_reduce(x.astype(np.int8), 2, np.ptp, out=out) is not None
    np.testing.assert_array_equal(out, as_skimage(x.astype(np.int8), 2, np.ptp))
    with pytest.raises(TypeError):
        block_reduce(x, 2, functools.partial(np.median), dtype=np.uint8)


@pytest.mark.parametrize("boundary", ["pad", "partial"])
def test_masked_images(boundary):
    x = np.ma.masked_array(image_of((5, 7), "d"), np.zeros((5, 7), bool))
    x[:2, :2] = np.ma.masked
    x[3, 4] = np.ma.masked
    cells = x.filled(np.nan)
    if boundary == "pad":
        cells = np.pad(cells, ((0, 1), (0, 1)))
    blocks = pieces(cells, (2, 2), "partial")
    y = block_reduce(x, 2, np.mean, boundary=boundary)
    assert isinstance(y, np.ma.MaskedArray)
    np.testing.assert_array_equal(np.ma.getmaskarray(y), [[True] + [False] * 3] + [[False] * 4] * 2)
    for i, block in np.ndenumerate(blocks):
        if i != (0, 0):
            assert y[i] == pytest.approx(np.nanmean(block))
    middle = block_reduce(x, 2, np.median, boundary=boundary)
    for i, block in np.ndenumerate(blocks):
        if i != (0, 0):
            assert middle[i] == pytest.approx(np.nanmedian(block))
    with pytest.raises(TypeError, match=r"span.* mask"):
        block_reduce(x, 2, span, boundary=boundary)


def test_quantiles_take_the_fast_path(monkeypatch):
    """NumPy's quantile functions with one q, as quick as a median and equal to the slow path."""
    x = image_of((30, 40), "d")
    cases = [(np.quantile, {"q": 0.3}), (np.percentile, {"q": 30, "method": "lower"}), (np.nanpercentile, {"q": 75.5}),
             (np.nanquantile, {"q": 1.0, "method": "nearest"}), (np.percentile, {"q": 10.0, "method": "midpoint"}),
             ]  # fmt: skip
    slow = [as_skimage(x, 3, func, func_kwargs=given) for func, given in cases]
    monkeypatch.setattr(blocks, "_call", None)
    for (func, given), want in zip(cases, slow, strict=True):
        np.testing.assert_allclose(block_reduce(x, 3, func, func_kwargs=given), want, rtol=1e-15)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_lists_subclasses_and_untouched_input():
    assert_same(block_reduce([[1, 2], [3, 4]], 2), np.array([[10]]), "")
    assert type(block_reduce(np.matrix([[1, 2], [3, 4]]), 2)) is np.ndarray
    x = image_of((5, 5), "d")
    before = x.copy()
    for func in (np.sum, np.median):
        block_reduce(x, 2, func)
        block_reduce(x, 2, func, boundary="partial")
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("dtype", REAL + COMPLEX)
def test_replicate_and_back(dtype):
    for shape, block_size in GEOMETRIES:
        x = image_of(shape, dtype)
        y = block_replicate(x, block_size)
        assert y.dtype == x.dtype
        expected = x
        for axis, size in enumerate(np.broadcast_to(block_size, x.ndim)):
            expected = expected.repeat(size, axis)
        np.testing.assert_array_equal(y, expected)
        if np.dtype(dtype).kind != "c":
            np.testing.assert_array_equal(block_reduce(y, block_size, np.max), x)
        shared = block_replicate(x, block_size, conserve_sum=True)
        assert shared.dtype == (x.dtype if x.dtype.kind in "fc" else np.float64)
        back = block_reduce(shared, block_size, np.sum)
        cells = np.prod(np.broadcast_to(block_size, x.ndim))
        np.testing.assert_allclose(back, x, rtol=cells * np.finfo(shared.dtype).eps)


def test_replicate_masks_and_layouts():
    x = np.ma.masked_array([[1, 2], [3, 4]], [[True, False], [False, False]])
    y = block_replicate(x, (1, 2))
    np.testing.assert_array_equal(y.mask, [[True, True, False, False], [False] * 4])
    np.testing.assert_array_equal(y.data, [[1, 1, 2, 2], [3, 3, 4, 4]])
    x = image_of((4, 6), "f")
    for view in (x.T, x[::-1, ::2], np.broadcast_to(x[0], (3, 6))):
        np.testing.assert_array_equal(block_replicate(view, 2), view.repeat(2, 0).repeat(2, 1))
    assert block_replicate(np.ones((0, 2)), 3).shape == (0, 6)
