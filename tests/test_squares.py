"""Windows of three cells at stride 2 along a row, eight (four) of which are made at a time; means of 3x3 at stride 1
and of blocks of 2x2 and 2x2x2, whose merged rows stay in registers."""

import itertools

import numpy as np
import pytest

import cypool
from cypool import dispatch, nn

LENGTHS = [*range(3, 45), 99, 1000, 5001]
ODD = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-42, -1.5]


def windows(x):
    return np.lib.stride_tricks.sliding_window_view(x, 3, -1)[..., ::2, :]


@pytest.mark.parametrize("level", dispatch.levels())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values(level, dtype):
    with dispatch._use(level):
        for n in LENGTHS:
            x = np.random.default_rng(n).integers(-99, 99, (3, n)).astype(dtype)
            for name, of in (("max", np.max), ("min", np.min), ("sum", np.sum)):
                got = cypool.pool(x, 3, name, axes=(1,), stride=2)
                assert np.array_equal(got, of(windows(x), -1)), (n, name)


@pytest.mark.parametrize("level", dispatch.levels())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["max", "min", "sum", "mean"])
def test_odd_values(level, dtype, name):
    """Bits as they are where the windows lie across the rows."""
    x = np.random.default_rng(4).choice(ODD, (7, 61)).astype(dtype)
    with dispatch._use(level):
        got = cypool.pool(x, 3, name, axes=(1,), stride=2)
        want = cypool.pool(np.ascontiguousarray(x.T), 3, name, axes=(0,), stride=2).T
    assert np.array_equal(np.isnan(got), np.isnan(windows(x)).any(-1) | np.isnan(want))
    real = ~np.isnan(got)
    assert got[real].tobytes() == want[real].tobytes()


@pytest.mark.parametrize("name", ["max", "mean"])
def test_squares_of_several_lines(name):
    x = np.random.default_rng(5).integers(-99, 99, (2, 5, 57, 57)).astype("f4")
    got = cypool.pool(x, 3, name, axes=(2, 3), stride=2, padding=1)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=np.nan)
    cells = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))[:, :, ::2, ::2]
    want = np.nanmax(cells, (-2, -1)) if name == "max" else np.nanmean(cells.astype("f8"), (-2, -1)).astype("f4")
    assert np.array_equal(got, want)


# ---- means of three by three cells at stride 1 ---------------------------------------------------------


def means_of_three(x, rows, padding, counted):
    """As the kernels add: rows above each other, then neighbours, in double; `padding` on rows and columns."""
    (top, bottom), (left, right) = padding
    n, real = x.astype("f8"), np.pad(np.ones(x.shape), padding)
    n = np.pad(n, padding, constant_values=0.0 if counted or any((top, bottom, left, right)) else -0.0)
    view = np.lib.stride_tricks.sliding_window_view
    merged, cells = n[: n.shape[0] - rows + 1].copy(), view(real, (rows, 3)).sum((-2, -1))
    for i in range(1, rows):
        merged += n[i : n.shape[0] - rows + 1 + i]
    sums = (merged[:, :-2] + merged[:, 1:-1]) + merged[:, 2:]
    with np.errstate(over="ignore", invalid="ignore"):
        return (sums * (1 / np.full(sums.shape, 3.0 * rows) if counted else 1 / cells)).astype("f4")


@pytest.mark.parametrize("level", dispatch.levels())
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_means_at_stride_one(level, rows):
    """Every length of a row beside the length of a register, with and without cells beyond the ends."""
    rng = np.random.default_rng(rows)
    with dispatch._use(level), np.errstate(over="ignore", invalid="ignore"):
        for n in (*range(1, 36), 2047, 4100):
            for padding in ((0, 0), (1, 1), (0, 1), (1, 0)):
                if n + sum(padding) < 3:
                    continue
                for above in ((0, 0), (1, 1)) if rows == 3 else ((0, 0),):
                    x = rng.choice([*ODD, 1e30, 3.4e38, 1.1, -7.3, 2.5e-7], (7, n)).astype("f4")
                    if n % 2:
                        x = rng.standard_normal((7, n), dtype="f4")
                    got = cypool.pool(x, (rows, 3), "mean", stride=1, padding=(above, padding))
                    want = means_of_three(x, rows, (above, padding), False)
                    assert np.array_equal(got, want, equal_nan=True), (n, padding, above)


@pytest.mark.parametrize("level", dispatch.levels())
def test_means_count_their_padding_if_told(level):
    x = np.random.default_rng(1).standard_normal((1, 2, 9, 21), dtype="f4")
    with dispatch._use(level):
        got = nn.avg_pool2d(x, 3, 1, 1)
        short = nn.avg_pool2d(x, 3, 1, 1, divisor_override=5)
    want = np.stack([means_of_three(image, 3, ((1, 1), (1, 1)), True) for image in x[0]])
    assert np.array_equal(got[0], want)
    assert np.allclose(short, got * (9 / 5), rtol=1e-6)


@pytest.mark.parametrize("level", dispatch.levels())
@pytest.mark.parametrize("counted", [True, False])
def test_gradients_of_means_at_stride_one(level, counted):
    """Against a sum over all windows, one by one; rows at the ends have factors of their own."""
    rng = np.random.default_rng(2)
    with dispatch._use(level):
        for shape in ((3, 3), (4, 9), (9, 8), (5, 17), (2, 2), (1, 12), (6, 2100)):
            x, grad = np.zeros((1, 1, *shape), "f4"), rng.standard_normal((1, 1, *shape), dtype="f4")
            got = nn.avg_pool2d_backward(grad, x, 3, 1, 1, count_include_pad=counted)[0, 0]
            want = np.zeros((shape[0] + 2, shape[1] + 2))
            cells = np.lib.stride_tricks.sliding_window_view(np.pad(np.ones(shape), 1), (3, 3)).sum((-2, -1))
            share = grad[0, 0] / (9 if counted else cells)
            for i in range(3):
                for j in range(3):
                    want[i : i + shape[0], j : j + shape[1]] += share
            assert np.allclose(got, want[1:-1, 1:-1], rtol=1e-6, atol=1e-7), shape


def test_minus_zero_is_kept_where_nothing_is_padded():
    x = np.full((5, 20), -0.0, "f4")
    assert np.signbit(cypool.pool(x, 3, "mean", stride=1)).all()
    assert not np.signbit(nn.avg_pool2d(x[None], 3, 1, 1)[0, [0, -1]]).any()


@pytest.mark.parametrize("workers", [1, 2])
def test_rows_anywhere_in_memory(workers):
    """Several runs of rows, rows one by one, and rows that lie backwards: the same bits."""
    x = np.random.default_rng(3).standard_normal((3, 40, 57), dtype="f4")
    want = np.stack([means_of_three(image, 3, ((1, 1), (1, 1)), False) for image in x])
    apart = np.zeros((3, 80, 60), "f4")[:, ::2, 2:59]
    apart[:] = x
    for y in (x, apart, np.ascontiguousarray(x[:, ::-1])[:, ::-1]):
        got = cypool.pool(y, 3, "mean", axes=(1, 2), stride=1, padding=1, workers=workers)
        assert np.array_equal(got, want)


# ---- blocks of 2x2 and 2x2x2 -------------------------------------------------------------------------


def merged(rows):
    """As the kernels add up to four rows, in double."""
    a = [row.astype("f8") for row in rows]
    first = a[0] + a[1] if len(a) > 1 else a[0]
    return first if len(a) < 3 else first + (a[2] + a[3] if len(a) == 4 else a[2])


@pytest.mark.parametrize("level", dispatch.levels())
@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize("padded", [0, 1])
def test_blocks(level, planes, padded):
    """Every length of a row beside that of a register and of a line that is fetched; blocks that lack rows."""
    rng = np.random.default_rng(planes)
    shape = (4, 5)[2 - planes :] if padded else (4, 6)[2 - planes :]
    padding = (*((padded, padded),) * planes, (0, 0))
    with dispatch._use(level), np.errstate(over="ignore", invalid="ignore"):
        for n in (*range(2, 41), 2049, 5000):
            x = rng.choice([*ODD, 1e30, 3.4e38, 1.1, -7.3, 2.5e-7], (*shape, n)).astype("f4")
            if n % 2:
                x = rng.standard_normal((*shape, n), dtype="f4")
            got = cypool.pool(x, 2, "mean", padding=padding)
            for at in np.ndindex(got.shape[:-1]):
                starts = [2 * i - padded for i in at]
                cells = [range(max(i, 0), min(i + 2, m)) for i, m in zip(starts, shape, strict=True)]
                rows = [x[place] for place in itertools.product(*cells)]
                row = merged(rows)
                share = 1 / (2.0 * len(rows))
                want = ((row[: n // 2 * 2 : 2] + row[1 : n // 2 * 2 : 2]) * share).astype("f4")
                assert np.array_equal(got[at], want, equal_nan=True), (n, at)


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int16"])
def test_extremes_of_blocks_end_in_the_output(name, dtype):
    """Short rows, long ones, several tiles; into an array that is given, of which nothing else is written."""
    rng = np.random.default_rng(8)
    for shape in ((6, 8), (7, 9), (40, 57), (4, 5001), (4, 20000), (3, 6, 6), (2, 4, 3000)):
        x = rng.integers(0, 99, shape).astype(dtype)
        cut = x[tuple(slice(0, m // 2 * 2) for m in shape)]
        blocks = cut.reshape([m for n in cut.shape for m in (n // 2, 2)])
        want = getattr(np, name)(blocks, axis=tuple(range(1, 2 * x.ndim, 2)))
        for workers in (1, 2):
            around = np.full([m + 2 for m in want.shape], 77, dtype)
            out = around[(slice(1, -1),) * x.ndim]
            assert np.array_equal(cypool.pool(x, 2, name, out=out, workers=workers), want), shape
            assert (around == 77).sum() >= around.size - want.size
            assert np.array_equal(cypool.pool(x, 2, name, workers=workers), want), shape


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["mean", "sum", "max"])
def test_tables_and_repeated_memory_beside_blocks(name, dtype):
    """Windows that also span an axis of tables, or one whose cells are the same memory, have more rows than blocks."""
    x = np.random.default_rng(9).random((4, 10, 9)).astype(dtype)
    function = getattr(np, name)
    for many in (3, 4, 5, 7, 10):
        table = cypool.Windows.adaptive(many)
        starts, stops = table.bounds(10)
        for columns, stride in ((2, 2), (3, 1)):
            sliding = cypool.Windows.sliding(columns, stride)
            for planes in (1, 2):
                got = cypool.pool(x, (planes, table, sliding), name)
                for i, j, k in np.ndindex(got.shape):
                    cells = x[planes * i :, starts[j] : stops[j], stride * k :][:planes, :, :columns]
                    assert np.isclose(got[i, j, k], function(cells.astype("f8")), rtol=1e-6), (many, columns, planes)
    for shape in ((6, 4, 8), (4, 6, 8)):
        once = x[0, : shape[1], : shape[2]]
        many = np.broadcast_to(once, shape)
        for window in ((2, 2, 2), (3, 3, 3)):
            got = cypool.pool(many, window, name, stride=window[0] - 1)
            want = cypool.pool(many.copy(), window, name, stride=window[0] - 1)
            assert np.allclose(got, want, rtol=1e-6, atol=0), (shape, window)


# ---- extremes of windows of three cells at stride 2, on several rows, and of cells of many channels ---------


def extremes(x, window, stride, padding, largest):
    """Of each window of the last two axes (or of those before the channels): from top to bottom, then to the right."""
    (kr, kc), (sr, sc), (pr, pc) = window, stride, padding
    each = zip(x.shape[1:3], window, stride, padding, strict=True)
    outputs = [(n + 2 * p - k) // s + 1 for n, k, s, p in each]
    out = np.empty((x.shape[0], *outputs, *x.shape[3:]), x.dtype)
    for i, j in np.ndindex(*outputs):
        rows = range(max(i * sr - pr, 0), min(i * sr - pr + kr, x.shape[1]))
        best = None
        for c in range(max(j * sc - pc, 0), min(j * sc - pc + kc, x.shape[2])):
            for r in rows:
                cell = x[:, r, c]
                if best is None:
                    best = cell
                else:
                    best = np.where(np.isnan(best) | ((best > cell) if largest else (best < cell)), best, cell)
        out[:, i, j] = best
    return out


def same_bits(a, b):
    nan = np.isnan(b)
    return np.array_equal(np.isnan(a), nan) and a[~nan].tobytes() == b[~nan].tobytes()


@pytest.mark.parametrize("level", dispatch.levels())
@pytest.mark.parametrize("name", ["max", "min"])
def test_extremes_of_three(level, name):
    """Every length of a row, with and without cells beyond the ends, windows of one, two and three rows."""
    rng = np.random.default_rng(13)
    with dispatch._use(level):
        for n in (*range(3, 75), 112, 113):
            for padding in (0, 1):
                rows = 1 + n % 3
                x = rng.choice([*ODD, 2.5, -7.0, 9.0], (3, 9, n)).astype("f4")
                if n % 4 == 0:
                    x = rng.standard_normal((3, 9, n), dtype="f4")
                above = min(padding, rows // 2)
                got = cypool.pool(x, (rows, 3), name, axes=(1, 2), stride=2, padding=(above, padding))
                want = extremes(x, (rows, 3), (2, 2), (above, padding), name == "max")
                assert same_bits(got, want), (n, padding, rows)


@pytest.mark.parametrize("level", dispatch.levels())
@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("channels", [7, 8, 9, 16, 17, 24, 64, 100])
def test_extremes_of_channels(level, name, channels):
    rng = np.random.default_rng(channels)
    with dispatch._use(level):
        for k, s, p in ((2, 2, 0), (3, 2, 1), (3, 3, 0), (2, 3, 0), (3, 2, 0)):
            x = rng.choice([*ODD, 2.5, -7.0, 9.0], (2, 10, 13, channels)).astype("f4")
            got = cypool.pool(x, k, name, axes=(1, 2), stride=s, padding=p)
            assert same_bits(got, extremes(x, (k, k), (s, s), (p, p), name == "max")), (k, s, p)
            row = cypool.pool(x[:, 0], k, name, axes=(1,), stride=s, padding=p)
            assert same_bits(row, extremes(x[:, :1], (1, k), (1, s), (0, p), name == "max")[:, 0]), (k, s, p)


@pytest.mark.parametrize("workers", [1, 2])
def test_extremes_of_windows_that_ceil_mode_adds(workers):
    """The last window lacks cells, and lies in part beyond the padding."""
    rng = np.random.default_rng(14)
    for n in range(20, 60):
        x = rng.standard_normal((2, 4, n, n), dtype="f4")
        for y in (x, np.ascontiguousarray(np.moveaxis(x, 1, -1))):
            axes = (2, 3) if y is x else (1, 2)
            got = cypool.pool(y, 3, "max", axes=axes, stride=2, padding=1, ceil_mode=True, workers=workers)
            want = cypool.pool(y.astype("f8"), 3, "max", axes=axes, stride=2, padding=1, ceil_mode=True)
            assert np.array_equal(got, want), n


@pytest.mark.parametrize("stride", [1, 2])
def test_sums_of_lines_that_are_padding_alone(stride):
    """They have no rows: none is looked at, nor fetched."""
    x = np.random.default_rng(15).integers(-99, 99, (6, 40)).astype("f4")
    want = np.pad(x, ((4, 3), (1, 1)))
    want = np.lib.stride_tricks.sliding_window_view(want, (3, 3)).sum((-2, -1))[:, ::stride]
    for workers in (1, 2):
        got = cypool.pool(x, 3, "sum", stride=(1, stride), padding=((4, 3), (1, 1)), workers=workers)
        assert np.array_equal(got, want)
