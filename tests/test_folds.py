"""Long windows that hardly overlap: added up cell after cell, those on one row of floats straight from memory."""

import math

import numpy as np
import pytest
from arrays import rough

import cypool

LENGTHS = [15, 16, 17, 24, 31, 49, 63, 127, 128, 129, 300]


@pytest.mark.parametrize("name", ["max", "min", "sum", "mean"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("k", LENGTHS)
def test_windows_on_their_own(k, dtype, name):
    """A window has the same bits in memory, decoded, beside others, and alone; and the right value."""
    rng = np.random.default_rng(k)
    for windows, stride in ((1, k), (3, k), (70, k), (131, k + 3), (9, -(-k // 3))):
        x = rough(dtype, ((windows - 1) * stride + k,), rng, nan=0.002)
        got = cypool.pool(x, k, name, stride=stride)
        assert got.shape == (windows,)
        swapped = cypool.pool(x.astype(x.dtype.newbyteorder()), k, name, stride=stride)
        assert np.array_equal(got.view("u1"), swapped.view("u1"))
        for i in range(windows):
            cells = x[i * stride : i * stride + k]
            alone = cypool.pool(cells.copy(), k, name, stride=stride)
            assert np.array_equal(got[i : i + 1].view("u1"), alone.view("u1"))
            if name in ("max", "min"):
                assert np.array_equal(got[i], getattr(np, name)(cells), equal_nan=True)
            elif np.isfinite(cells).all():
                exact = math.fsum(cells.tolist()) / (k if name == "mean" else 1)
                scale = math.fsum(np.abs(cells).tolist()) / (k if name == "mean" else 1)
                assert abs(float(got[i]) - exact) <= np.finfo(dtype).eps * abs(exact) + k * 2.0**-52 * scale


@pytest.mark.parametrize("name", ["max", "mean"])
def test_planes(name):
    """Global pooling of small maps, the batch far longer than what is folded side by side."""
    x = np.random.default_rng(0).random((150, 5, 7, 7), dtype=np.float32)
    got = cypool.global_pool(x, name, axes=(2, 3))
    assert np.array_equal(got, np.stack([cypool.global_pool(plane, name, axes=(1, 2)) for plane in x]))
    assert np.allclose(got, getattr(np, name)(x, (2, 3), keepdims=True), rtol=1e-6)


@pytest.mark.parametrize("taps", range(4, 14))
def test_rows_are_added_in_one_order(taps):
    """Sums of float32 rows, eight cells of all rows at a time: the same bits decoded, and with other cells beside."""
    rng = np.random.default_rng(taps)
    for n in (*range(1, 20), 63, 64, 65):
        x = rough("float32", (3 * taps, n), rng)
        got = cypool.pool(x, (taps, 1), "sum", dtype="float64")
        swapped = cypool.pool(x.astype(">f4"), (taps, 1), "sum", dtype="float64")
        beside = cypool.pool(np.pad(x, ((0, 0), (5, 3))), (taps, 1), "sum", dtype="float64")[:, 5:-3]
        assert np.array_equal(got.view("u8"), swapped.view("u8"))
        assert np.array_equal(got.view("u8"), np.ascontiguousarray(beside).view("u8"))
        whole = np.round(np.where(abs(x) < 1e6, x, 0))
        got = cypool.pool(whole, (taps, 1), "sum", dtype="float64")
        assert np.array_equal(got, whole.astype("f8").reshape(3, taps, n).sum(1))


@pytest.mark.parametrize("name", ["sum", "mean", "max"])
@pytest.mark.parametrize("n", range(2, 40))
def test_adaptive_windows_of_planes(n, name):
    """Windows of several lengths on each of many planes, whose rows are merged together, as on each plane alone."""
    x = np.random.default_rng(n).random((41, n, n + 1), dtype=np.float32)
    got = cypool.adaptive_pool(x, (7, 5), name, axes=(1, 2))
    alone = np.stack([cypool.adaptive_pool(plane, (7, 5), name) for plane in x])
    assert np.array_equal(got.view("u4"), alone.view("u4"))
    for i in range(7):
        for j in range(5):
            cells = x[:, i * n // 7 : -(-(i + 1) * n // 7), j * (n + 1) // 5 : -(-(j + 1) * (n + 1) // 5)]
            assert np.allclose(got[:, i, j], getattr(np, name)(cells, axis=(1, 2)), rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", ["max", "sum", "mean", "std"])
@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize("rows,k,stride", [(40, 3, 1), (40, 3, 2), (90, 12, 1), (15, 12, 2)])
def test_windows_of_each_plane_on_rows(rows, k, stride, alike, name):
    """Several rows of a plane at a time, whose windows are not those of the next plane: as each plane alone."""
    rng = np.random.default_rng(k)
    starts = np.sort(rng.integers(0, 27, (5, 9)), axis=1)
    stops = starts + (3 if alike else rng.integers(1, 4, starts.shape))
    sliding = cypool.Windows.sliding(k, stride)
    for dtype in ("float32", "float64", "uint8"):
        x = (rng.random((5, rows, 30)) * 200).astype(dtype)
        got = cypool.pool(x, (sliding, cypool.Windows.explicit(starts, stops, 30)), name, axes=(1, 2))
        for plane, first, last, result in zip(x, starts, stops, got, strict=True):
            windows = (sliding, cypool.Windows.explicit(first, last, 30))
            assert np.array_equal(result, cypool.pool(plane, windows, name))


@pytest.mark.parametrize("k", [16, 49, 128])
@pytest.mark.parametrize("name", ["max", "mean"])
def test_many_windows_and_rows_that_are_padding(k, name):
    """More windows than one tile holds; and rows between them that lie beyond the array, on which all is padding."""
    x = np.random.default_rng(k).random((3, 3000 * k), dtype=np.float32)
    want = getattr(np, name)(x.reshape(3, 3000, k).astype("f8"), axis=2)
    for workers in (1, 2):
        got = cypool.pool(x, k, name, axes=1, workers=workers)
        assert np.allclose(got, want, rtol=1e-6, atol=0)
        sparse = cypool.pool(x, (1, k), name, stride=(2, k), padding=((2, 3), (0, 0)), fill_value=7, workers=workers)
        assert np.array_equal(sparse[[0, 3]], np.full((2, 3000), 7)) and np.array_equal(sparse[1:3], got[::2])
