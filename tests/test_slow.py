"""The slow path, against one call of the function per window."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.util import view_as_blocks

import cypool
from cypool.slow import BORDER, apply_callable, window_array


def by_loops(func, x, axes, windows, border_value=0):
    """One call of `func` per window, which it sees flattened."""
    shape = list(x.shape)
    for axis, of_axis in zip(axes, windows, strict=True):
        shape[axis] = len(of_axis)
    out = np.empty(shape, np.float64)
    for position in np.ndindex(*shape):
        taps = [[p] for p in position]
        for axis, of_axis in zip(axes, windows, strict=True):
            taps[axis] = of_axis[position[axis]]
        cells = [border_value if BORDER in cell else x[cell] for cell in itertools.product(*taps)]
        out[position] = func(np.array(cells, x.dtype))
    return out


def sliding(n, size, stride=1, before=0, after=0, dilation=1, border="ignore"):
    """The windows of one axis, by the definition."""
    folded = np.pad(np.arange(n), (before, after), mode="edge" if border != "reflect" else border)
    outside = np.pad(np.zeros(n, bool), (before, after), constant_values=True)
    windows = []
    for start in range(0, n + before + after - dilation * (size - 1), stride):
        at = np.arange(start, start + dilation * size, dilation)
        if border == "ignore":
            windows.append(folded[at][~outside[at]])
        elif border == "constant":
            windows.append(np.where(outside[at], BORDER, folded[at]))
        else:
            windows.append(folded[at])
    return [window for window in windows if window.size]


@st.composite
def axis_windows(draw):
    n = draw(st.integers(1, 6))
    if draw(st.booleans()):  # anywhere, in any order, more than once
        window = st.lists(st.integers(-1, n - 1), min_size=1, max_size=4)
        return n, draw(st.lists(window, min_size=1, max_size=4))
    size = draw(st.integers(1, 3))
    windows = sliding(
        n,
        size,
        stride=draw(st.integers(1, 4)),
        before=draw(st.integers(0, min(2, n - 1))),
        after=draw(st.integers(0, min(2, n - 1))),
        dilation=draw(st.integers(1, 2)),
        border=draw(st.sampled_from(["ignore", "constant", "edge", "reflect"])),
    )
    return n, windows or [[0]]


@given(
    st.lists(axis_windows(), min_size=1, max_size=3),
    st.lists(st.integers(1, 2), max_size=1),
    st.randoms(use_true_random=False),
    st.sampled_from("CF"),
)
def test_any_windows(pooled, others, random, order):
    lengths = [n for n, _ in pooled] + others
    places = list(range(len(lengths)))
    random.shuffle(places)
    shape = [0] * len(lengths)
    for place, n in zip(places, lengths, strict=True):
        shape[place] = n
    x = np.random.default_rng(len(lengths)).integers(-99, 99, shape).astype(np.float64, order=order)
    axes, windows = tuple(places[: len(pooled)]), [w for _, w in pooled]
    for func in (np.median, np.max):
        y = apply_callable(func, x, axes, windows, border_value=7)
        np.testing.assert_array_equal(y, by_loops(func, x, axes, windows, 7))


@pytest.mark.parametrize("order", ["C", "F"])
def test_blocks_are_seen_as_scikit_image_lays_them_out(order):
    x = np.arange(4 * 6 * 5.0).reshape(4, 6, 5).astype(float, order=order)
    taps = [np.arange(n).reshape(-1, b) for n, b in zip(x.shape, (2, 3, 5), strict=True)]
    a, expected = window_array(x, (0, 1, 2), taps), view_as_blocks(x, (2, 3, 5))
    assert np.shares_memory(a, x)
    assert (a.shape, a.strides) == (expected.shape, expected.strides)
    np.testing.assert_array_equal(a, expected)


def test_regular_windows_are_views_and_borders_cost_one_copy():
    x = np.arange(40.0).reshape(5, 8)
    taps = np.stack(sliding(8, 3, stride=2, dilation=2))
    assert np.shares_memory(window_array(x, (1,), [taps]), x)
    taps = np.stack(sliding(8, 3, before=1, after=1, border="constant"))
    a = window_array(x, (1,), [taps], 9)
    assert a.base is not None
    assert a.strides[1] == a.strides[2], "overlapping windows are not expanded"
    np.testing.assert_array_equal(a[:, 0, 0], 9)


def test_one_call_for_each_window_shape():
    seen = []

    def func(a, axis):
        seen.append(a.shape[2:])
        return a.sum(axis)

    windows = sliding(9, 3, before=1, after=1), sliding(7, 3, stride=3, after=2)
    y = apply_callable(func, np.ones((9, 7)), (0, 1), windows)
    assert sorted(seen) == [(2, 1), (2, 3), (3, 1), (3, 3)]
    assert y.shape == (9, 3)
    assert y[0, 0] == 6


def test_keywords_dtype_and_out():
    x = np.arange(6, dtype=np.int16)
    windows = [[[0, 1, 2, 3], [4, 5]]]
    y = apply_callable(np.mean, x, (0,), windows, func_kwargs={"dtype": np.float32})
    assert y.dtype == np.float32
    y = apply_callable(np.sum, x, (0,), windows, dtype=np.int16)
    assert y.dtype == np.int16
    out = np.zeros(2)
    assert apply_callable(np.sum, x, (0,), windows, out=out) is out
    np.testing.assert_array_equal(out, [6, 9])
    with pytest.raises(TypeError):
        apply_callable(np.mean, x, (0,), windows, dtype=np.int16)


def test_no_windows():
    """The dtype is that of the function's results, of which there are none."""
    x, none = np.ones((4, 6), np.uint8), cypool.Windows.adaptive(0)
    for func, dtype in ((np.sum, np.uint64), (np.median, np.float64), (np.max, np.uint8)):
        y = cypool.pool(x, none, lambda a, axis, func=func: func(a, axis), axes=0)
        assert y.shape == (0, 6) and y.dtype == dtype


def test_a_function_that_reduces_other_axes_is_named():
    def everything(a, axis):
        return a.sum()

    with pytest.raises(ValueError, match=r"everything .* shape \(\), where \(2,\)"):
        apply_callable(everything, np.ones(4), (0,), [[[0, 1], [2, 3]]])


def test_the_function_cannot_write_to_the_input():
    def clear(a, axis):
        a[...] = 0
        return a.sum(axis)

    x = np.ones(4)
    with pytest.raises(ValueError, match="read-only"):
        apply_callable(clear, x, (0,), [[[0, 1], [2, 3]]])
    assert x.all()
