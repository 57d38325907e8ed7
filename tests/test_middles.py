"""Medians of 3x3 and 5x5 windows at stride 1, which share sorted columns."""

import itertools

import numpy as np
import pytest
from arrays import LAYOUTS, REAL, nasty, plain

import cypool
from cypool import dispatch

PADDED = {"reflect": "reflect", "symmetric": "symmetric", "edge": "edge", "wrap": "wrap"}


def columns(k):
    """Windows side by side with every number of ones in each of their columns, which are in no order."""
    counts = np.array(list(itertools.product(range(k + 1), repeat=k)))
    cells = np.arange(k)[:, None, None] < counts
    return np.random.default_rng(0).permuted(cells, axis=0).reshape(k, -1), counts.sum(-1)


def expected(x, k, dilation=1):
    """Medians over the last two axes."""
    down, along = np.broadcast_to(dilation, 2)
    reach = (k - 1) * down + 1, (k - 1) * along + 1
    windows = np.lib.stride_tricks.sliding_window_view(x, reach, axis=(-2, -1))
    cells = windows[..., ::down, ::along].reshape(*windows.shape[:-2], -1)
    return np.sort(cells, axis=-1)[..., cells.shape[-1] // 2]


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("k", [3, 5])
def test_every_state(k, dtype):
    """A list of comparisons that is right for all zeros and ones is right for all numbers."""
    cells, ones = columns(k)
    got = cypool.pool(cells.astype(dtype), k, "median", stride=1)[0, ::k]
    assert np.array_equal(got, ones > k * k // 2)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("k", [3, 5])
def test_every_state_of_the_line_below(k, dtype):
    """Two lines are made at a time: the other one's states, in windows that share all rows but one with others."""
    cells, ones = columns(k)
    above = np.random.default_rng(5).integers(0, 2, (1, cells.shape[1]))
    got = cypool.pool(np.concatenate([above, cells]).astype(dtype), k, "median", stride=1)[1, ::k]
    assert np.array_equal(got, ones > k * k // 2)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_lines_alone_and_in_pairs(dtype):
    """Odd numbers of lines, lines that share no rows, or other ones; several planes, tiles and workers; each level."""
    for shape in ((5, 130), (7, 64), (8, 33), (3, 6, 17), (12, 9000)):
        x = plain(dtype, shape, np.random.default_rng(6))
        for stride, dilation in ((1, 1), (2, 1), (1, 2), (3, 1)):
            if 4 * dilation >= shape[-2]:
                continue
            want = expected(x, 5, (dilation, 1))[..., ::stride, :]
            for level in dispatch.levels():
                with dispatch._use(level):
                    for workers in (1, 3):
                        got = cypool.pool(x, 5, "median", axes=(-2, -1), stride=(stride, 1), dilation=(dilation, 1),
                                          workers=workers)  # fmt: skip
                        assert np.array_equal(got, want.astype(got.dtype)), (shape, stride, dilation, level)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
@pytest.mark.parametrize("k", [3, 5])
def test_few_windows_that_reach_far(k, dtype):
    """Rows much longer than what they become."""
    for dilation in (1, 7, 100):
        for more in (0, 1, 2, 70):
            x = plain(dtype, ((k - 1) * dilation + 2, (k - 1) * dilation + 1 + more), np.random.default_rng(more))
            for y in (x, np.asfortranarray(x), x[:, ::-1]):
                got = cypool.pool(y, k, "median", stride=1, dilation=dilation)
                assert np.array_equal(got, expected(y, k, dilation).astype(got.dtype)), (dilation, more)


def test_a_nan_in_a_line_of_a_pair():
    """Lines with a NaN take another way, and those beside them lose nothing."""
    for row in range(9):
        x = np.random.default_rng(row).random((9, 700)).astype("f4")
        x[row, 350] = np.nan
        got, want = cypool.pool(x, 5, "median", stride=1), expected(x, 5)
        window = np.isnan(np.lib.stride_tricks.sliding_window_view(x, (5, 5))).any((-2, -1))
        assert np.isnan(got[window]).all() and np.array_equal(got[~window], want[~window])
        got = cypool.pool(x, 5, "median", stride=1, padding=2, border="reflect")
        assert np.array_equal(np.isnan(got[2:-2, 2:-2]), window)
        x[row, 350], got[np.isnan(got)] = 2, 3  # more than all
        assert (got >= cypool.pool(np.where(x == 2, 0, x), 5, "median", stride=1, padding=2, border="reflect")).all()


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("shape", [(5, 5), (6, 40), (9, 300), (3, 7, 57), (2, 2, 11, 600)])
@pytest.mark.parametrize("k", [3, 5])
def test_values(k, shape, dtype):
    x = plain(dtype, shape, np.random.default_rng(1))
    for dilation in (1, 2):
        if (k - 1) * dilation < min(shape[-2:]):
            got = cypool.pool(x, (k, k), "median", stride=1, dilation=dilation)
            assert got.dtype == (dtype if x.dtype.kind == "f" else "float64")
            assert np.array_equal(got, expected(x, k, dilation).astype(got.dtype))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint64", "int64"])
@pytest.mark.parametrize("k", [3, 5])
def test_integers_to_the_last_bit(k, dtype):
    info = np.iinfo(dtype)
    x = np.random.default_rng(2).integers(info.min, info.max, (20, 70), dtype, endpoint=True)
    for out in (dtype, "int32"):
        limits = np.iinfo(out)
        want = np.array([[min(max(int(v), limits.min), limits.max) for v in row] for row in expected(x, k)], out)
        assert np.array_equal(cypool.pool(x, k, "median", stride=1, dtype=out), want)


@pytest.mark.parametrize("border", [*PADDED, "constant"])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "float16", ">i4"])
@pytest.mark.parametrize("k", [3, 5])
def test_borders(k, dtype, border):
    for shape in ((20, 70), (3, 8, 9), (6, 5000)):
        x = plain(dtype, shape, np.random.default_rng(3))
        for before, after in ((k // 2, k // 2), (0, k - 1), (1, 0)):
            margins = [(0, 0)] * (x.ndim - 2) + [(before, after)] * 2
            mode = {"mode": "constant", "constant_values": 7} if border == "constant" else {"mode": PADDED[border]}
            got = cypool.pool(x, (k, k), "median", stride=1, padding=[(before, after)] * 2, border=border,
                              border_value=7 if border == "constant" else 0)  # fmt: skip
            assert np.array_equal(got, expected(np.pad(x, margins, **mode), k).astype(got.dtype))


@pytest.mark.parametrize("k", [3, 5])
def test_windows_cut_at_the_border(k):
    """Cells beyond the array take no part, so that the windows there are laid out one by one."""
    x = plain("float32", (11, 13), np.random.default_rng(4))
    got = cypool.pool(x, k, "median", stride=1, padding=k // 2)
    margin = k // 2
    assert np.array_equal(got[margin:-margin, margin:-margin], expected(x, k))
    assert got[0, 0] == np.median(x[: margin + 1, : margin + 1]).astype("float32")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("k", [3, 5])
def test_nan(k, dtype):
    """One NaN changes the windows that hold it, and no others."""
    x = plain(dtype, (30, 500), np.random.default_rng(5))
    calm = cypool.pool(x, k, "median", stride=1)
    for row, column in ((0, 0), (k, 7), (29, 499), (15, 256)):
        y = x.copy()
        y[row, column] = np.nan
        got = cypool.pool(y, k, "median", stride=1)
        hit = np.isnan(got)
        rows, cells = slice(max(row - k + 1, 0), row + 1), slice(max(column - k + 1, 0), column + 1)
        assert hit[rows, cells].all()
        assert hit.sum() == hit[rows, cells].size
        assert np.array_equal(got[~hit], calm[~hit])
        with pytest.raises(ValueError, match="x has a NaN in window"):
            cypool.pool(y, k, "median", stride=1, nan_policy="raise")


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("k", [3, 5])
def test_layouts_and_workers(k, dtype):
    x = nasty(dtype, (17, 90), seed=6, nan=0.0)
    for layout in LAYOUTS.values():
        y = layout(x)
        want = expected(np.pad(np.array(y, dtype), 1, mode="reflect"), k).astype(np.result_type(y, "float32"))
        for workers in (1, 2, 5):
            got = cypool.pool(y, k, "median", stride=1, padding=1, border="reflect", workers=workers)
            assert np.array_equal(got, want)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_channels_last(channels):
    x = plain("uint8", (20, 30, channels), np.random.default_rng(7))
    got = cypool.pool(x, (5, 5), "median", stride=1, axes=(0, 1), padding=2, border="reflect")
    for channel in range(channels):
        plane = np.ascontiguousarray(x[..., channel])
        assert np.array_equal(got[..., channel], expected(np.pad(plane, 2, mode="reflect"), 5))


@pytest.mark.parametrize(
    "name,k,s", [("median", 3, 1), ("median", 5, 1), ("median", 4, 2), ("quantile", 3, 2), ("mode", 3, 1)]
)
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32"])
@pytest.mark.parametrize("shape", [(40, 7), (9, 3000), (30, 40, 3)])
def test_ends_of_rows(shape, dtype, name, k, s):
    """Windows that padding cuts, beside whole ones in rows long and short: as if a mask hid the margin."""
    x = plain(dtype, shape, np.random.default_rng(5)) % 7
    axes, margins = (0, 1), [(k // 2, k // 2)] * 2 + [(0, 0)] * (x.ndim - 2)
    options = {"q": 0.3} if name == "quantile" else {}
    for out in {x.dtype, np.dtype("float64")} if name != "mode" else {x.dtype}:
        got = cypool.pool(x, k, name, axes=axes, stride=s, padding=k // 2, dtype=out, **options)
        exists = np.pad(np.ones(shape, bool), margins)
        want = cypool.pool(np.pad(x, margins), k, name, axes=axes, stride=s, where=exists, dtype=out, **options)
        assert np.array_equal(got, want)
        one = cypool.pool(x, 1, name, axes=axes, dtype=out, **options)
        assert np.array_equal(one, x)


@pytest.mark.parametrize("name", ["median", "mode", "stochastic", "argmax", "max"])
def test_axes_of_single_cells(name):
    """Windows of one cell along an axis: as if the axis were not named."""
    x = np.random.default_rng(6).integers(0, 9, (13, 30, 3)).astype(np.uint8)
    options = {"rng": 3} if name == "stochastic" else {"return_indices": True} if name == "max" else {}
    got = cypool.pool(x, (3, 4, 1), name, **options)
    want = cypool.pool(x, (3, 4), name, axes=(0, 1), **options)
    if name == "max":
        (got, index), (want, position) = got, want
        assert np.array_equal(index, position * 3 + np.arange(3))
    elif name == "argmax":
        got //= 3
    assert np.array_equal(got, want)
