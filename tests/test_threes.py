"""Windows of three cells at stride 2 along a row, eight (four) of which are made at a time."""

import numpy as np
import pytest

import cypool
from cypool import dispatch

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
