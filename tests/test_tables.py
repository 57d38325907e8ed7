"""Windows given by a table on rows that fit in a few registers (cypool/kernels/tables.h): every length of a row, and
rows just too long; each level gives the bits of the plain order of additions."""

import numpy as np
import pytest

import cypool
from cypool import dispatch

ODD = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-42, -1.5]


def later(a, b, largest):
    """Of two the extreme: of equals the later one, and a NaN before all."""
    return np.where(np.isnan(a) | ((a > b) if largest else (a < b)), a, b)


def added(rows):
    """Rows in double, as cypool_add_rows adds them: four at a time in pairs, then one by one."""
    a = [row.astype("f8") for row in rows]
    if len(a) < 4:
        total, t = a[0], 1
    else:
        total, t = (a[0] + a[1]) + (a[2] + a[3]), 4
        while t + 4 <= len(a):
            total, t = total + ((a[t] + a[t + 1]) + (a[t + 2] + a[t + 3])), t + 4
    for row in a[t:]:
        total = total + row
    return total


def reduced(x, name, tall, wide):
    """A plane, window by window: rows above each other first, then what they gave, from left to right."""
    out = np.empty((len(tall[0]), len(wide[0])), "f4")
    for i, (top, bottom) in enumerate(zip(*tall, strict=True)):
        if name in ("max", "min"):
            row = x[top]
            for t in range(top + 1, bottom):
                row = later(row, x[t], name == "max")
        else:
            row = added(x[top:bottom])
        for j, (left, right) in enumerate(zip(*wide, strict=True)):
            value = row[left]
            for c in range(left + 1, right):
                value = later(value, row[c], name == "max") if name in ("max", "min") else value + row[c]
            out[i, j] = value * (1 / float((bottom - top) * (right - left))) if name == "mean" else value
    return out


@pytest.mark.parametrize("level", dispatch.levels())
@pytest.mark.parametrize("name", ["mean", "sum", "max", "min"])
def test_every_short_row(level, name):
    rng = np.random.default_rng(11)
    with dispatch._use(level), np.errstate(over="ignore", invalid="ignore"):
        for n in (*range(1, 36), 63, 70):
            for outputs in {1, 2, 7, 8, 9} if n % 5 == 0 else {min(n, 7)}:
                wide = cypool.Windows.adaptive(outputs)
                tall = cypool.Windows.adaptive(3)
                x = rng.standard_normal((2, 11, n), dtype="f4")
                if n % 2:
                    x[0] = rng.choice(ODD, (11, n))
                got = cypool.pool(x, (tall, wide), name, axes=(1, 2))
                want = np.stack([reduced(image, name, tall.bounds(11), wide.bounds(n)) for image in x])
                same = np.isnan(want)
                assert np.array_equal(np.isnan(got), same), (n, outputs)
                if n // outputs < 15:  # longer windows are folded in another order
                    assert got[~same].tobytes() == want[~same].tobytes(), (n, outputs)
                else:
                    assert np.allclose(got[~same], want[~same], rtol=1e-6, atol=1e-6), (n, outputs)


@pytest.mark.parametrize("level", dispatch.levels())
def test_nothing_beside_a_row_is_read_or_written(level):
    """Rows in the middle of larger arrays: what lies around them is NaN, or must stay as it is."""
    with dispatch._use(level):
        for n in (5, 8, 9, 16, 17, 24, 30, 31, 32):
            around = np.full((6, 12, n + 40), np.nan, "f4")
            x = around[1:5, 1:11, 20 : 20 + n]
            x[:] = np.random.default_rng(n).standard_normal(x.shape)
            into = np.full((6, 9, 30), 77, "f4")
            for name in ("mean", "max"):
                want = cypool.pool(x.astype("f8"), cypool.Windows.adaptive(min(n, 7)), name, axes=(1, 2))
                out = into[1:5, 1 : 1 + want.shape[1], 1 : 1 + want.shape[2]]
                cypool.pool(x, cypool.Windows.adaptive(min(n, 7)), name, axes=(1, 2), out=out)
                assert np.allclose(out, want, rtol=1e-6, atol=1e-7), (n, name)
                out[:] = 77
                assert (into == 77).all(), (n, name)


@pytest.mark.parametrize("name", ["mean", "max"])
def test_tables_that_differ_from_plane_to_plane(name):
    """Windows of each plane, overlapping, of one cell, and in any order."""
    rng = np.random.default_rng(12)
    x = rng.standard_normal((5, 20, 30), dtype="f4")
    starts = rng.integers(0, 24, (5, 7))
    stops = starts + rng.integers(1, 7, (5, 7))
    got = cypool.pool(x, (cypool.Windows.sliding(2, 2), cypool.Windows.explicit(starts, stops, 30)), name, axes=(1, 2))
    for plane in range(5):
        tall = (np.arange(0, 20, 2), np.arange(2, 21, 2))
        want = reduced(x[plane], name, tall, (starts[plane], stops[plane]))
        assert np.array_equal(got[plane], want)


@pytest.mark.parametrize("name", ["mean", "sum", "max"])
@pytest.mark.parametrize("rows,stride", [(13, 1), (15, 1), (15, 2), (3, 1), (70, 7)])
def test_each_level_gives_the_same_bits(name, rows, stride):
    """Tall windows at stride 1 slide along columns, and are added in an order of their own; so are many rows."""
    rng = np.random.default_rng(rows)
    x = (rng.standard_normal((3, 90, 30)) * 10.0 ** rng.integers(-12, 12, (3, 90, 30))).astype("f4")
    windows = (cypool.Windows.sliding(rows, stride), cypool.Windows.adaptive(7))
    dtype = "f4" if name == "max" else "f8"  # which shows the last bit of a sum
    found = {cypool.pool(x, windows, name, axes=(1, 2), dtype=dtype).tobytes()}
    for level in dispatch.levels():
        with dispatch._use(level):
            found.add(cypool.pool(x, windows, name, axes=(1, 2), dtype=dtype).tobytes())
    assert len(found) == 1
