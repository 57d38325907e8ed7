"""Rows whose cells beyond the ends mirror others: copied from merged rows, or decoded with their margins."""

import numpy as np
import pytest
from arrays import LAYOUTS, plain

import cypool
from cypool.spans import Span

MODES = ["reflect", "symmetric", "edge", "wrap"]
SHAPES = [(40, 33), (3, 30, 30), (30, 700), (25, 9, 3), (64, 1), (2, 18, 2100)]


def places(shape):
    """The pooled axes, and how much each of the array's axes is padded."""
    axes = (0, 1) if shape[-1] == 3 else (-2, -1)
    return axes, [a - len(shape) if axes[0] < 0 else a for a in range(len(shape))]


@pytest.mark.parametrize("border", MODES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "uint8", "float16"])
def test_as_if_padded_before(shape, dtype, border):
    """The same bits as from an array that has the margins."""
    x = plain(dtype, shape, np.random.default_rng(1))
    axes, names = places(shape)
    for window, stride in ((3, 1), (5, 2), (4, 2), (11, 1), (12, 3), (16, 1)):
        for before, after in ((window // 2, (window - 1) // 2), (0, window - 1), (window - 1, 0), (1, 2)):
            short = min(x.shape[a] for a in axes) - (border == "reflect")
            if max(before, after) > short or window > short + before + after:
                continue
            padded = np.pad(x, [(before, after) if name in axes else (0, 0) for name in names], border)
            margins = [(before, after)] * 2
            for reduce in ("max", "mean", "sum", "min", "std"):
                got = cypool.pool(x, window, reduce, axes=axes, stride=stride, padding=margins, border=border)
                want = cypool.pool(padded, window, reduce, axes=axes, stride=stride)
                assert got.tobytes() == want.tobytes(), (window, stride, before, after, reduce)


@pytest.mark.parametrize("border", MODES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_and_workers(layout, border):
    x = LAYOUTS[layout](plain("float32", (3, 50, 300), np.random.default_rng(2)))
    options = dict(axes=(1, 2), stride=1, padding=7, border=border)
    want = cypool.pool(np.array(x, "float32", order="C"), 15, "mean", workers=1, **options)
    for workers in (1, 2, 3):
        assert cypool.pool(x, 15, "mean", workers=workers, **options).tobytes() == want.tobytes()


@pytest.mark.parametrize("border", MODES)
def test_windows_beyond_the_margins(border):
    """With ceil_mode the last windows reach beyond the margins, where there is nothing."""
    for n in range(4, 40):
        x = np.random.default_rng(n).integers(-9, 9, (5, n)).astype("f4")
        for window, stride, padding in ((3, 2, 1), (5, 3, 2), (4, 3, 2), (2, 3, 1), (7, 5, 3)):
            padding = min(padding, n - 1)
            options = dict(axes=(1,), stride=stride, padding=padding, border=border)
            got = cypool.pool(x, window, "sum", ceil_mode=True, **options)
            margin = np.pad(x, ((0, 0), (padding, padding)), border)
            starts = [i * stride for i in range(got.shape[1])]
            assert np.array_equal(got, np.stack([margin[:, i : i + window].sum(1) for i in starts], 1))


@pytest.mark.parametrize("border", MODES)
def test_tiles_that_hold_what_they_mirror(border):
    """By the cells of each tile, one by one."""
    rng = np.random.default_rng(3)
    seen = set()
    for _ in range(2000):
        k, s, d, n, outputs = (int(rng.integers(1, top)) for top in (8, 5, 3, 30, 12))
        before, after = (int(rng.integers(0, min((k - 1) * d, n - 1) + 1)) for _ in range(2))
        o = (n + before + after - (k - 1) * d - 1) // s + 1
        if o < 1:
            continue
        span = Span(n, o, k, s, d, before, after)
        inside = True
        for first in range(0, o, outputs):
            last = min(first + outputs, o) - 1
            cells = np.arange(first * s - before, last * s - before + (k - 1) * d + 1)
            real = cells[(cells >= 0) & (cells < n)]
            inside = inside and set(span.folded(cells, border)) <= set(real)
        assert span.mirrors_within(outputs, border) == inside, (span, outputs)
        seen.add(inside)
    assert seen == ({True} if border == "edge" else {True, False})


def test_long_rows():
    """Only tiles at the ends are looked at, and few of them."""
    n, half = 1 << 40, 1 << 38
    assert Span(n, n, 3, 1, 1, 1, 1).mirrors_within(256, "reflect")
    assert not Span(n, n, 2 * half + 1, 1, 1, half, half).mirrors_within(256, "reflect")
