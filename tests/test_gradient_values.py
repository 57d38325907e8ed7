"""Gradients that are known by thought."""

import numpy as np
import pytest

import cypool
from cypool import Windows


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "prod", "lp", "gem", "softpool", "max", "median"])
def test_nothing_given_is_nothing_handed_on(name):
    x = np.random.default_rng(1).random((7, 9)) + 0.5
    for call in (
        dict(window=(3, 2)),
        dict(window=(3, 2), padding=1),
        dict(window=(3, 2), stride=1, padding=1, border="reflect"),
        dict(window=(Windows.adaptive(3), Windows.adaptive(4))),
        dict(window=(3, 2), where=x > 0.6, fill_value=0),
    ):
        g = np.zeros(cypool.pool(x, reduce=name, **call).shape)
        assert not cypool.pool_backward(g, x, reduce=name, **call).any(), call


@pytest.mark.parametrize("name", ["var", "lp", "softpool", "prod"])
def test_windows_of_a_table(name):
    """The same as windows that are regular, on rows of several tiles."""
    rng = np.random.default_rng(2)
    x, g = rng.random((2, 9000)) + 0.5, rng.random((2, 90))
    want = cypool.pool_backward(g, x, (1, 100), name)
    assert np.allclose(cypool.pool_backward(g, x, (1, Windows.adaptive(90)), name), want, rtol=1e-12)
    starts = np.arange(0, 9000, 100)
    explicit = Windows.explicit(starts, starts + 100, 9000)
    assert np.allclose(cypool.pool_backward(g, x, (1, explicit), name), want, rtol=1e-12)


@pytest.mark.parametrize("name", ["max", "min", "median"])
def test_rows_of_several_tiles(name):
    """The last tile of a row is shorter, and the next row is not touched."""
    rng = np.random.default_rng(3)
    x, g = rng.random((5, 29966)), rng.integers(1, 9, (5, 14983)).astype(float)
    if name == "median":
        want = np.repeat(g / 2, 2, axis=1)
    else:
        at = x.reshape(5, -1, 2).argmax(-1) if name == "max" else x.reshape(5, -1, 2).argmin(-1)
        want = np.where(at[:, :, None] == [0, 1], g[:, :, None], 0).reshape(x.shape)
    assert np.array_equal(cypool.pool_backward(g, x, (1, 2), name), want)
    if name != "median":
        index = cypool.pool(x, (1, 2), name, return_indices=True)[1]
        assert np.array_equal(cypool.pool_backward(g, x, (1, 2), name, indices=index), want)


def test_largest_of_padded_cells():
    """Where padding is larger, no cell has given the result."""
    call = dict(p=np.inf, padding=1, border="constant", border_value=4)
    assert cypool.pool([1.0, -5.0, 3.0, 2.0], 2, "lp", **call).tolist() == [4, 5, 4]
    assert cypool.pool_backward([1.0, 1.0, 1.0], [1.0, -5.0, 3.0, 2.0], 2, "lp", **call).tolist() == [0, -1, 0, 0]


def test_products_with_zeros():
    """The product of the other cells: of all but one zero, of none if there are two."""
    for x, want in (([2, 3, 4], [12, 8, 6]), ([0, 2, 3], [6, 0, 0]), ([0, 0, 3], [0, 0, 0]), ([0, 0, 0], [0, 0, 0])):
        assert cypool.pool_backward([1.0], np.array(x, float), 3, "prod").tolist() == want
        both = np.array([x, x[::-1]], float)
        got = cypool.pool_backward([[2.0], [3.0]], both, (1, 3), "prod")
        assert got.tolist() == [[2 * w for w in want], [3 * w for w in want[::-1]]]


def test_expected_draws():
    """sum x**2 / sum x of the positive cells; the others get nothing."""
    x = np.array([-1.0, 2.0, 3.0, 0.0])
    got = cypool.pool_backward([1.0], x, 4, "stochastic", training=False)
    assert np.allclose(got, [0, (4 - 13 / 5) / 5, (6 - 13 / 5) / 5, 0])
