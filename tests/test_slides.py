"""Extremes of tall windows at stride 1 out of registers (cypool/kernels/slides.h): every length of windows and rows
that it knows, and those just beyond; the same values on each level."""

import numpy as np
import pytest

import cypool
from cypool import dispatch

LEVELS = dispatch.levels()


def slid(x, window, padding, largest):
    """Down the columns, then along the rows, cell by cell; a NaN wins."""
    x = np.pad(x, [(p, p) for p in padding], constant_values=-np.inf if largest else np.inf)
    better = np.maximum if largest else np.minimum
    for axis in (0, 1):
        n = x.shape[axis] - window[axis] + 1
        parts = [np.take(x, range(i, i + n), axis) for i in range(window[axis])]
        x = parts[0]
        for part in parts[1:]:
            x = better(x, part)
    return x


def check(x, window, padding=(0, 0), workers=1):
    for name in ("max", "min"):
        want = slid(x, window, padding, name == "max")
        for level in LEVELS:
            with dispatch._use(level):
                got = cypool.pool(x, window, name, stride=1, padding=padding, workers=workers)
            assert np.array_equal(got, want, equal_nan=True), (name, level, window, x.shape, padding)


@pytest.mark.parametrize("across", range(1, 19))
def test_every_window(across):
    rng = np.random.default_rng(across)
    for rows in (2, 3, 4, 5, 9, 10, 16, 33, 64):
        x = rng.standard_normal((70 + rows, 61), dtype="f4")
        check(x, (rows, across))
        check(x, (rows, across), (rows // 2, across // 2))


@pytest.mark.parametrize("n", [*range(16, 60), *range(250, 310, 3), 511, 513, 548, 549, 700])
def test_every_row(n):
    """Strips, columns of registers, stores that begin where memory is aligned: of rows of all lengths."""
    rng = np.random.default_rng(n)
    x = rng.standard_normal((47, n), dtype="f4")
    for across, beside in ((5, 2), (15, 7), (16, 0), (9, 4)):
        check(x, (12, across), (6, beside))
    check(x[:, 3:], (10, 8))


@pytest.mark.parametrize("lines", range(1, 50))
def test_every_number_of_lines(lines):
    """Blocks of rows that are whole, and the last one."""
    x = np.random.default_rng(lines).standard_normal((lines + 11, 90), dtype="f4")
    check(x, (12, 7))
    check(x, (12, 7), (5, 3))


@pytest.mark.parametrize("shape", [(5, 8), (7, 9), (9, 7), (14, 14), (20, 33), (64, 16)])
@pytest.mark.parametrize("k", [3, 5, 7, 13])
def test_planes(shape, k):
    """Small planes one after the other, with padding around each: in one band, and cut by it."""
    x = np.random.default_rng(k).standard_normal((11, *shape), dtype="f4")
    x[3, 2, 5] = np.nan
    for name in ("max", "min"):
        for padding in (k // 2, 0) if k <= min(shape) else (k // 2,):
            call = dict(stride=1, padding=padding, axes=(1, 2))
            got = cypool.pool(x, k, name, **call)
            for plane in range(len(x)):
                want = slid(x[plane], (k, k), (padding, padding), name == "max")
                assert np.array_equal(got[plane], want, equal_nan=True)
            for workers in (1, 2, 5):
                assert np.array_equal(cypool.pool(x, k, name, **call, workers=workers), got, equal_nan=True)


@pytest.mark.parametrize("rows", range(3, 18))
def test_sums_down_the_columns(rows):
    """On each level the same bits; of windows of one column those of the documented order."""
    rng = np.random.default_rng(rows)
    for n in (1, 3, 4, 7, 15, 16, 17, 33, 60, 600):
        x = (rng.standard_normal((rows + 21, n)) * 10.0 ** rng.integers(-12, 12, (rows + 21, n))).astype("f4")
        results = []
        for level in LEVELS:
            with dispatch._use(level):
                results.append(cypool.pool(x, (rows, 1), "sum", stride=1, dtype="f8"))
                results.append(cypool.pool(x, (rows, 1), "mean", stride=1, padding=(rows // 2, 0)))
        for i, got in enumerate(results):
            assert got.tobytes() == results[i % 2].tobytes()
        if 10 <= rows < 16:
            d = x.astype("f8")
            a = [d[i : i + 22] for i in range(rows)]
            fours = [(a[i] + a[i + 1]) + (a[i + 2] + a[i + 3]) for i in range(rows % 4, rows, 4)]
            total = fours[0]
            for more in fours[1:]:
                total = total + more
            first = a[0]
            for more in a[1 : rows % 4]:
                first = first + more
            assert np.array_equal(results[0], first + total if rows % 4 else total)


@pytest.mark.parametrize("share", [1e-4, 1e-2, 0.5, 1])
@pytest.mark.parametrize("odd", [np.nan, -np.nan, np.inf, -np.inf, 1e-42])
def test_odd_cells(odd, share):
    rng = np.random.default_rng(5)
    x = rng.standard_normal((150, 600), dtype="f4")
    x[rng.random(x.shape) < share] = odd
    for window, padding in (((15, 15), (7, 7)), ((20, 6), (0, 1)), ((11, 9), (5, 0))):
        check(x, window, padding)


def test_one_nan():
    """It is in the windows that hold it, wherever it lies, and in no other."""
    x = np.random.default_rng(6).standard_normal((80, 330), dtype="f4")
    for row, column in [(0, 0), (14, 29), (15, 269), (16, 270), (44, 285), (59, 255), (60, 256), (79, 329)]:
        y = x.copy()
        y[row, column] = np.nan
        for name in ("max", "min"):
            got = cypool.pool(y, 15, name, stride=1, padding=7)
            where = np.zeros(x.shape, bool)
            where[max(row - 7, 0) : row + 8, max(column - 7, 0) : column + 8] = True
            assert np.array_equal(np.isnan(got), where)
            assert np.array_equal(got[~where], cypool.pool(x, 15, name, stride=1, padding=7)[~where])


def test_bits_whatever_the_work():
    """Neither workers, nor other planes, nor how rows lie in memory change a bit (of numbers that are not 0)."""
    x = np.random.default_rng(7).standard_normal((5, 90, 400), dtype="f4")
    call = dict(window=(13, 11), stride=1, padding=(6, 5), axes=(1, 2))
    whole = cypool.pool(x, **call, workers=1)
    for workers in (2, 3, 8):
        assert np.array_equal(cypool.pool(x, **call, workers=workers), whole)
    assert np.array_equal(cypool.pool(x[2:3], **call), whole[2:3])
    assert np.array_equal(cypool.pool(x[:, ::-1], **call), whole[:, ::-1])
    assert np.array_equal(cypool.pool(np.asfortranarray(x), **call), whole)
    wide = np.zeros((5, 90, 419), "f4")
    wide[..., 7:407] = x
    assert np.array_equal(cypool.pool(wide[..., 7:407], **call), whole)
    out = np.full((5, 90, 400), np.nan, "f4")
    assert cypool.pool(x, **call, out=out) is out and np.array_equal(out, whole)


@pytest.mark.parametrize("border", ["reflect", "edge", "constant"])
def test_other_borders_go_another_way(border):
    x = np.random.default_rng(8).standard_normal((60, 80), dtype="f4")
    mode = dict(border=border) | ({"border_value": 0.25} if border == "constant" else {})
    padded = np.pad(x, 7, mode=border, **({"constant_values": 0.25} if border == "constant" else {}))
    for name in ("max", "min"):
        got = cypool.pool(x, 15, name, stride=1, padding=7, **mode)
        assert np.array_equal(got, slid(padded, (15, 15), (0, 0), name == "max"))
