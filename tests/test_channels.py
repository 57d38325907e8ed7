"""Channels that lie side by side: windows of all sizes, whose cells are whole pixels, against the oracle."""

import arrays
import numpy as np
import pytest
import reference

import cypool
from cypool import dispatch

WINDOWS = ((2, 2), (2, 3), (3, 3), (1, 5), (2, 7), (3, 11))


@pytest.mark.parametrize("channels", [1, 2, 3, 7, 8, 9, 16, 65])
@pytest.mark.parametrize("name", ["mean", "sum", "max"])
def test_pixels(name, channels):
    for dtype in ("float32", "float64", "uint8"):
        x = arrays.finite(dtype, (7, 25, channels), channels, calm=True)
        for window in WINDOWS:
            for more in ({}, dict(stride=1), dict(stride=(2, 3), dilation=(1, 2)), dict(stride=1, padding=(0, 1))):
                call = dict(window=window, axes=(0, 1), **more)
                answer = reference.pool(x, reduce=name, **call)
                got = cypool.pool(x, reduce=name, **call)
                assert got.shape == answer.value.shape and reference.agrees(got, answer).all(), (dtype, call)


@pytest.mark.parametrize("stride,dilation", [(2, 1), (1, 1), (3, 1), (2, 3)])
@pytest.mark.parametrize("channels", [7, 8, 9, 64])
def test_means_of_squares_are_rounded_once(channels, stride, dilation):
    """Sums of four float32 of a like size are exact in double, and so is a fourth of them."""
    x = np.random.default_rng(channels).uniform(1, 2, (3, 6, 3000 // channels, channels)).astype("f4")
    y = x.astype("f8")
    for axis in (1, 2):
        n = (y.shape[axis] - dilation - 1) // stride + 1
        first = np.arange(n) * stride
        y = y.take(first, axis) + y.take(first + dilation, axis)
    got = cypool.pool(x, 2, "mean", axes=(1, 2), stride=stride, dilation=dilation)
    assert np.array_equal(got, (y / 4).astype("f4"))


@pytest.mark.parametrize("level", dispatch.levels())
@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool", "uint16"])
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_blocks_of_four_pixels(level, dtype, channels):
    """Taken apart four at a time where pixels have three bytes: every width beside that, rows that begin anywhere."""
    rng = np.random.default_rng(channels)
    with dispatch._use(level):
        for width in (*range(4, 49), 1601):
            whole = rng.integers(0, 2 if dtype == "bool" else 127, (9, width + 1, channels)).astype(dtype)
            x = whole[1:, 1:]
            blocks = x[:, : width // 4 * 4].reshape(2, 4, width // 4, 4, channels)
            cells = np.sort(blocks.transpose(0, 2, 4, 1, 3).reshape(2, width // 4, channels, 16))
            for q, at in ((0.2, 3), (0.6, 9), (1.0, 15)):
                if dtype != "bool":
                    got = cypool.pool(x, 4, "quantile", axes=(0, 1), q=q, method="nearest")
                    assert np.array_equal(got, cells[..., at]), (width, q)
            got = cypool.pool(x, 4, "mode", axes=(0, 1))
            assert got.shape == cells.shape[:-1] and most_frequent(cells, got), width


def most_frequent(cells, got):
    """Whether each result is one of the most frequent cells."""
    many = (cells[..., None] == cells[..., None, :]).sum(-1)
    own = (cells == got[..., None]).sum(-1)
    return np.array_equal(own, many.max(-1))
