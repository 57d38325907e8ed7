"""Rounded means of blocks of bytes of few channels (cypool/kernels/bytes.h): every number of channels, rows and cells
that fit, and some that do not, on each level; and no cell beyond the rows is touched."""

import guards
import numpy as np
import pytest

import cypool
from cypool import dispatch

LEVELS = dispatch.levels()
ROUNDINGS = ("half_even", "half_up", "floor")
BLOCKS = [(rows, k) for k in (2, 4, 8) for rows in (1, 2, 3, 4, 8, 16)]


def image(shape, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, shape, "u1")
    return np.where(rng.random(shape) < 0.3, rng.choice(np.array([0, 1, 254, 255], "u1"), shape), x)


def means(x, rows, k, rounding):
    """Of the first two axes, in whole numbers."""
    lines, n = x.shape[0] // rows, x.shape[1] // k
    sums = x[: lines * rows, : n * k].reshape(lines, rows, n, k, *x.shape[2:]).sum((1, 3), dtype="i8")
    down, rest = np.divmod(sums, rows * k)
    up = {"half_even": (2 * rest > rows * k) | ((2 * rest == rows * k) & (down % 2 == 1)),
          "half_up": 2 * rest >= rows * k, "floor": False}[rounding]  # fmt: skip
    return (down + up).astype("u1")


@pytest.mark.parametrize("channels", range(1, 10))
def test_means(channels):
    for number, (rows, k) in enumerate(BLOCKS):
        for n in (1, 5, 8, 15, 16, 17, 31, 33, 64, 67, 130):
            x = image((3 * rows + 1, n * k + k // 2, channels), n)
            x = x[..., 0] if channels == 1 else x
            rounding = ROUNDINGS[(number + n) % 3]
            want = means(x, rows, k, rounding)
            for level in LEVELS:
                with dispatch._use(level):
                    got = cypool.pool(x, (rows, k), "mean", axes=(0, 1), dtype="u1", rounding=rounding)
                assert np.array_equal(got, want), (rows, k, n, rounding, level)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_rows_in_any_order(channels):
    """Rows apart or backwards, blocks on three axes, several planes and workers; padding takes another way."""
    x = image((3, 8, 12, 100, channels), 1)
    for part in (x, x[:, ::-1], x[:, :, ::3], x[:, 1:7, ::-1], x[..., 4:96, :]):
        want = np.stack([means(a, 4, 4, "half_even") for a in part[:, 0]])
        for workers in (1, 3):
            got = cypool.pool(part[:, 0], 4, "mean", axes=(1, 2), dtype="u1", workers=workers)
            assert np.array_equal(got, want)
        deep = cypool.pool(part, (2, 2, 4), "mean", axes=(1, 2, 3), dtype="u1")
        wide = cypool.pool(part, (2, 2, 4), "mean", axes=(1, 2, 3))
        assert np.array_equal(deep, np.rint(wide))
        padded = cypool.pool(part, (2, 2, 4), "mean", axes=(1, 2, 3), dtype="u1", padding=(1, 0, 0))
        inner = cypool.pool(part[:, 1:-1], (2, 2, 4), "mean", axes=(1, 2, 3), dtype="u1")
        assert np.array_equal(padded[:, 1:-1], inner)


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_where_memory_ends(channels, at_end):
    ground, room = guards.Ground(1 << 16), guards.Ground(1 << 16)
    for k in (2, 4, 8):
        for n in (*range(8, 60), 127, 128, 129):
            x = image((8, n * k, channels), n)
            placed = ground.copy(x, at_end)
            want = means(x, 4, k, "half_even")
            for level in LEVELS:
                with dispatch._use(level):
                    got = cypool.pool(placed, (4, k), "mean", axes=(0, 1), dtype="u1",
                                      out=room.array(want.shape, "u1", at_end))  # fmt: skip
                assert np.array_equal(got, want), (k, n, level)


def test_tiles():
    """Rows that are cut, and a last part that is too narrow."""
    for n in (4096, 5461, 8192, 16385, 21846):
        x = image((4, n * 4, 3), n)
        for workers in (1, 3):
            got = cypool.pool(x, 4, "mean", axes=(0, 1), dtype="u1", workers=workers)
            assert np.array_equal(got, means(x, 4, 4, "half_even"))
