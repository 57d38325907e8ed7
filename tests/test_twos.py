"""Blocks of 2x2 and 2x2x2 cells out of registers (cypool/kernels/twos.h): every dtype and every length of a row, on
each level, bit by bit; and no cell beyond the rows is read."""

import guards
import numpy as np
import pytest

import cypool
from cypool import dispatch

LEVELS = dispatch.levels()
LENGTHS = [*range(2, 150), 255, 256, 257, 1000, 5003]
ROUNDINGS = ("half_even", "half_up", "floor")
DTYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]
ODD = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-42, -1.5, 3.25]


def cells(x, depth):
    """The cells of each block on a new last axis, those of one row and column in the order in which they are joined."""
    rows = 2 if depth == 2 else 4
    lines = x[..., : x.shape[-2] // rows * rows, : x.shape[-1] // 2 * 2]
    return lines.reshape(*lines.shape[:-2], -1, rows, lines.shape[-1] // 2, 2)


def joined(x, depth, better):
    a = cells(x, depth)
    rows = [a[..., i, :, :] for i in range(a.shape[-3])]
    merged = better(rows[0], rows[1]) if depth == 2 else better(better(rows[0], rows[1]), better(rows[2], rows[3]))
    return better(merged[..., 0], merged[..., 1])


def image(dtype, shape, seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        x = rng.choice(ODD, shape).astype(dtype)
        return np.where(rng.random(shape) < 0.7, rng.standard_normal(shape).astype(dtype), x)
    info = np.iinfo(dtype)
    x = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    return np.where(rng.random(shape) < 0.2, rng.choice(np.array([info.min, info.max, 0, 1], dtype), shape), x)


def blocks(x, depth):
    """Arrays whose blocks are on two axes, or on three: planes of two rows each."""
    return x if depth == 2 else x.reshape(*x.shape[:-2], x.shape[-2] // 2, 2, x.shape[-1])


def larger(a, b):
    return np.where(np.isnan(a), a, np.where(a > b, a, b)) if a.dtype.kind == "f" else np.maximum(a, b)


def smaller(a, b):
    return np.where(np.isnan(a), a, np.where(a < b, a, b)) if a.dtype.kind == "f" else np.minimum(a, b)


@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_extremes(dtype, depth):
    """A NaN, and the zero of two, as the operator joins them."""
    for n in LENGTHS:
        x = image(dtype, (8, n), n)
        for name, better in (("max", larger), ("min", smaller)):
            want = joined(x, depth, better)
            for level in LEVELS:
                with dispatch._use(level):
                    got = cypool.pool(blocks(x, depth), 2, name).reshape(want.shape)
                assert got.tobytes() == want.tobytes(), (n, name, level)


@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i1", "i2"])
def test_rounded_means(dtype, depth):
    for n in LENGTHS:
        x = image(dtype, (8, n), n)
        sums, count = cells(x, depth).astype(np.int64).sum((-3, -1)), 2**depth
        for rounding in ROUNDINGS:
            down, rest = np.divmod(sums, count)
            up = {"half_even": (2 * rest > count) | ((2 * rest == count) & (down % 2 == 1)),
                  "half_up": 2 * rest >= count, "floor": False}[rounding]  # fmt: skip
            for level in LEVELS:
                with dispatch._use(level):
                    got = cypool.pool(blocks(x, depth), 2, "mean", dtype=dtype, rounding=rounding)
                assert np.array_equal(got.reshape(sums.shape), down + up), (n, rounding, level)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i1", "f4", "f8"])
def test_medians(dtype):
    """Half between the two cells in the middle; a NaN wins."""
    for n in LENGTHS:
        x = image(dtype, (6, n), n)
        low, high = np.moveaxis(np.sort(cells(x, 2).swapaxes(-3, -2).reshape(3, n // 2, 4), -1)[..., 1:3], -1, 0)
        if x.dtype.kind == "f":
            with np.errstate(invalid="ignore"):
                want = ((low.astype("f8") + high) * 0.5).astype(dtype)
            want[np.isnan(cells(x, 2)).any((-3, -1))] = np.nan
            wants = {"half_even": want}
        else:
            down, rest = np.divmod(low.astype("i8") + high, 2)
            wants = {"half_even": down + (rest & down), "half_up": down + rest, "floor": down}
        for rounding, want in wants.items():
            options = {} if x.dtype.kind == "f" else {"dtype": dtype, "rounding": rounding}
            found = []
            for level in LEVELS:
                with dispatch._use(level):
                    found.append(cypool.pool(x, 2, "median", **options))
                assert np.array_equal(found[-1], want, equal_nan=x.dtype.kind == "f"), (n, rounding, level)
            assert len({y.tobytes() for y in found}) == 1, n


def test_medians_that_take_other_ways():
    """Rows that windows lack, NaN that are left out or an error, other results than the dtype of the cells."""
    x = image("f4", (6, 70), 3)
    clean = np.where(np.isfinite(x), x, 1).astype("f4")
    want = np.median(cells(clean.astype("f8"), 2).swapaxes(-3, -2).reshape(3, 35, 4), -1)
    assert np.array_equal(cypool.pool(clean, 2, "median", nan_policy="raise"), want.astype("f4"))
    assert np.array_equal(cypool.pool(clean, 2, "median", dtype="f8"), want)
    holes = np.where(np.random.default_rng(0).random(x.shape) < 0.3, np.nan, clean).astype("f4")
    holes[::2, ::2] = 2
    left = np.nanmedian(cells(holes, 2).swapaxes(-3, -2).reshape(3, 35, 4), -1)
    assert np.allclose(cypool.pool(holes, 2, "median", nan_policy="omit"), left)
    with pytest.raises(ValueError, match="NaN"):
        cypool.pool(holes, 2, "median", nan_policy="raise")
    padded = cypool.pool(clean, 2, "median", padding=(1, 0))
    assert np.array_equal(padded[1:-1], cypool.pool(clean[1:-1], 2, "median"))
    y, index = cypool.pool(clean[:, :69], 2, "quantile", q=0.5, method="lower", return_indices=True)
    assert np.array_equal(y, clean[:, :69].ravel()[index])


@pytest.mark.parametrize("depth", [2, 3])
def test_means_of_floats(depth):
    for n in LENGTHS:
        x = image("f4", (8, n), n)
        with np.errstate(invalid="ignore", over="ignore"):
            want = (joined(x.astype("f8"), depth, np.add) / 2**depth).astype("f4")
        for level in LEVELS:
            with dispatch._use(level):
                got = cypool.pool(blocks(x, depth), 2, "mean").reshape(want.shape)
            assert np.array_equal(np.isnan(got), np.isnan(want)), (n, level)
            assert got[~np.isnan(got)].tobytes() == want[~np.isnan(want)].tobytes(), (n, level)


@pytest.mark.parametrize("name", ["max", "min", "mean"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4"])
def test_rows_that_windows_lack(dtype, name):
    """Padding above and below, on one axis and on two; rows that follow each other, and some that do not."""
    x = image(dtype, (6, 7, 9, 130), 1)
    x[~np.isfinite(x) | (x == 0)] = 3  # which zero it is depends on the order of the axes
    for part in (x, x[:, ::-1], x[::2, 1:, ::3], x[..., 1:101], x[..., ::-1]):
        for padding in ((1, 0, 0), (0, 1, 0), (1, 1, 0)):
            call = dict(window=2, reduce=name, axes=(1, 2, 3), padding=padding, dtype=dtype, ceil_mode=True)
            turned = np.moveaxis(np.ascontiguousarray(np.moveaxis(part, 3, 0)), 0, 3)  # the row axis is another one
            want = cypool.pool(turned, **call)
            for level in LEVELS:
                with dispatch._use(level):
                    for workers in (1, 3):
                        got = cypool.pool(part, **call, workers=workers)
                        assert got.tobytes() == want.tobytes(), (part.strides, padding, level)


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4", "f8"])
def test_where_memory_ends(dtype, at_end):
    """Nothing before the first row is touched, nor beyond the last, by reading or by writing."""
    ground, room = guards.Ground(1 << 16), guards.Ground(1 << 16)
    for n in LENGTHS[:-1]:
        x = image(dtype, (4, n), n)
        placed = ground.copy(x, at_end)
        for name in ("max", "mean", "median"):
            want = cypool.pool(x, 2, name, dtype=dtype)
            for level in LEVELS:
                with dispatch._use(level):
                    got = cypool.pool(placed, 2, name, dtype=dtype, out=room.array(want.shape, dtype, at_end))
                assert np.array_equal(got, want, equal_nan=True)


def test_tiles():
    """Rows that are cut, whose last part is too narrow for a register, or just wide enough."""
    for n in (16384, 16386, 32768 + 6, 65536 + 66, 100003):
        for dtype in ("u1", "u2", "f4"):
            x = image(dtype, (4, n), n)
            for name, better in (("max", larger), ("min", smaller)):
                assert cypool.pool(x, 2, name).tobytes() == joined(x, 2, better).tobytes()
            means = cypool.pool(np.asfortranarray(x), 2, "mean", dtype=dtype)
            assert np.array_equal(cypool.pool(x, 2, "mean", dtype=dtype), means, equal_nan=True)


@pytest.mark.parametrize("name", ["max", "min"])
def test_places_of_extremes(name):
    """The first of equal cells, by the order of rows; with a NaN in a row, and where lines lie on three axes."""
    for n in (*range(2, 70), 255, 1001, 16390):
        x = np.random.default_rng(n).choice(np.array([0.0, -0.0, 1, 2, 5], "f4"), (3, 6, n))
        x[1, 3, n // 2] = np.nan
        blocks = x[..., : n // 2 * 2].reshape(3, 3, 2, n // 2, 2).swapaxes(2, 3).reshape(3, 3, n // 2, 4)
        first = (np.argmax if name == "max" else np.argmin)(blocks, -1)  # NumPy's take the first NaN
        rows, columns = np.indices((3, n // 2))
        want = (2 * rows + first // 2) * n + 2 * columns + first % 2
        for level in LEVELS:
            with dispatch._use(level):
                y, index = cypool.pool(x, 2, name, axes=(1, 2), return_indices=True)
                deep, places = cypool.pool(x[:, None], (1, 2, 2), name, axes=(1, 2, 3), return_indices=True)
            assert np.array_equal(index, want), (n, level)
            assert y.tobytes() == np.take_along_axis(blocks, first[..., None], -1).tobytes(), (n, level)
            assert np.array_equal(places[:, 0], want) and deep.tobytes() == y.tobytes()
