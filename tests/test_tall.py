"""Windows of many rows at stride 1, which slide along columns: the same results as windows that do not, and the same
bits whatever they are done together with."""

import numpy as np
import pytest

import cypool

BORDERS = {"reflect": "reflect", "symmetric": "symmetric", "edge": "edge", "wrap": "wrap"}
FUNCTIONS = {"max": np.max, "min": np.min, "sum": np.sum, "mean": np.mean}


def image(dtype, shape=(70, 90), seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return (rng.random(shape) * 2 - 1).astype(dtype)
    return rng.integers(0, 200, shape).astype(dtype)


def expected(x, window, stride, function, before=0, border=None):
    wide = np.float64 if x.dtype.kind == "f" else np.int64
    padded = np.pad(x.astype(wide), before, mode=border) if border else x.astype(wide)
    return function(np.lib.stride_tricks.sliding_window_view(padded, window)[:: stride[0], :: stride[1]], axis=(2, 3))


@pytest.mark.parametrize("reduce", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", ">f4", "uint8", "int16", "uint32", "int64"])
@pytest.mark.parametrize("rows", [9, 10, 11, 15, 16, 17, 31, 33, 63, 64, 65])
def test_values(reduce, dtype, rows):
    x = image(dtype)
    for across, step in ((1, 1), (3, 1), (2, 2), (4, 2), (20, 1), (5, 3)):
        got = cypool.pool(x, (rows, across), reduce, stride=(1, step), dtype="float64")
        want = expected(x, (rows, across), (1, step), FUNCTIONS[reduce])
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("reduce", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_borders(border, reduce, dtype):
    x = image(dtype)
    for window in (11, 15, 21):
        half = window // 2
        got = cypool.pool(x, window, reduce, stride=1, padding=half, border=border, dtype="float64")
        want = expected(x, (window, window), (1, 1), FUNCTIONS[reduce], half, BORDERS[border])
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"border": "constant", "border_value": 3.0}, {"ceil_mode": True}])
@pytest.mark.parametrize("reduce", ["max", "sum", "mean"])
def test_bits(reduce, options):
    """Neither workers, nor what comes before and after, nor how the rows lie in memory change a bit."""
    x = image("float32", (5, 80, 300))
    call = dict(window=(15, 3), reduce=reduce, stride=1, padding=(7, 1), axes=(1, 2), **options)
    whole = cypool.pool(x, **call, workers=1)
    for workers in (2, 3, 8):
        assert np.array_equal(cypool.pool(x, **call, workers=workers), whole)
    assert np.array_equal(cypool.pool(x[2:3], **call), whole[2:3])
    assert np.array_equal(cypool.pool(x[3], **{**call, "axes": (0, 1)}), whole[3])
    spread = np.zeros((5, 160, 600), np.float32)
    spread[:, ::2, ::2] = x
    for other in (spread[:, ::2, ::2], x.astype(">f4"), x[::-1].copy()[::-1]):
        assert np.array_equal(cypool.pool(other, **call), whole)
    some = cypool.pool(x, **call, where=np.ones(x.shape, bool))
    np.testing.assert_allclose(some, whole, rtol=1e-6)


@pytest.mark.parametrize("reduce", ["max", "min", "mean"])
def test_nan_and_infinities(reduce):
    x = image("float32", (60, 61))
    x[20, 30], x[40, 5], x[50, 50] = np.nan, np.inf, -np.inf
    got = cypool.pool(x, (12, 7), reduce, stride=1)
    with np.errstate(invalid="ignore"):
        want = expected(x, (12, 7), (1, 1), FUNCTIONS[reduce])
    assert np.array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_channels_and_more_axes():
    x = image("float32", (3, 40, 30, 4))
    got = cypool.pool(x, (12, 5), "mean", stride=1, axes=(1, 2), dtype="float64")
    for c in range(4):
        for b in range(3):
            np.testing.assert_allclose(got[b, :, :, c], expected(x[b, :, :, c], (12, 5), (1, 1), np.mean), rtol=1e-12)
    volume = image("int16", (14, 30, 20))
    got = cypool.pool(volume, (3, 11, 2), "max", stride=1, padding=(1, 5, 1))
    padded = np.pad(volume, ((1, 1), (5, 5), (1, 1)), constant_values=-1)
    assert np.array_equal(got, np.lib.stride_tricks.sliding_window_view(padded, (3, 11, 2)).max((3, 4, 5)))


def test_gradients_of_tall_windows():
    """<pool(x), g> = <x, gradient(g)>, exactly, on integers."""
    rng = np.random.default_rng(3)
    x = rng.integers(-9, 9, (70, 40)).astype(np.float64)
    for padding in (0, 8):
        call = dict(window=(17, 13), reduce="sum", stride=1, padding=(padding, 6))
        y = cypool.pool(x, **call)
        g = rng.integers(-9, 9, y.shape).astype(np.float64)
        dx = cypool.pool_backward(g, x, **call)
        assert np.sum(dx * x) == np.sum(g * y)
        assert np.array_equal(cypool.pool_backward(g, x, **call, workers=1), dx)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
def test_more_rows_than_a_block(dtype):
    """Blocks of 1024 rows are joined: also with several windows beside each other, and several planes."""
    for shape, window in (((2050, 4), (2050, 2)), ((5000, 6), (2500, 3)), ((2, 3100, 5), (1, 3100, 4))):
        x = np.random.default_rng(0).integers(0, 3, shape).astype(dtype)
        _, rows, columns = window if len(window) == 3 else (1, *window)
        cells = np.lib.stride_tricks.sliding_window_view(x, window)[
            tuple(slice(None, None, w) for w in window)].reshape(-1, rows * columns).astype(float)  # fmt: skip
        for name in ("sum", "mean", "max", "var"):
            got = cypool.pool(x, window, name).ravel()
            assert np.allclose(got, getattr(cells, name)(1), rtol=1e-5), (name, shape, window)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
@pytest.mark.parametrize("reduce", ["max", "min", "sum"])
def test_tiles_of_nothing_but_padding(dtype, reduce):
    """Windows that start beyond the end of a row, on tiles of their own."""
    x = np.ones((40, 5), dtype)
    fill = 7 if reduce != "sum" else 0
    got = cypool.pool(x, (12, 3), reduce, stride=1, padding=((0, 0), (20000, 20000)), fill_value=7 if fill else None)
    assert got.shape == (29, 40003)
    assert (got[:, :19998] == fill).all() and (got[:, -19998:] == fill).all()
    assert (got[:, 20000:20003] == (36 if reduce == "sum" else 1)).all()
