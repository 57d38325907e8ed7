"""Channels that lie side by side: windows of all sizes, whose cells are whole pixels, against the oracle."""

import arrays
import numpy as np
import pytest
import reference

import cypool

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
