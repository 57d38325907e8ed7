"""More than 2**31 cells: results are right at both ends. The largest test holds some 5 GiB."""

import numpy as np
import pytest

import cypool

N = 2**31 + 70
K = 2**20


@pytest.fixture(scope="module")
def line():
    """2 GiB of zeros, with a few other cells at both ends and about 2**31."""
    x = np.zeros(N, np.uint8)
    for at, value in MARKS.items():
        x[at] = value
    return x


MARKS = {0: 3, 5: 9, K - 1: 4, 2**31 - 1: 7, 2**31: 8, N - 1: 250}


def expected(starts, width, of):
    """Of windows [start, start + width): `of` the marks in each, as {position: value}."""
    return [of({at: v for at, v in MARKS.items() if start <= at < start + width}) for start in starts]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("width,stride", [(K, K), (70, 2**24), (2**31 + 1, 60), (N, N)])
def test_a_line(line, width, stride, workers):
    starts = range(0, N - width + 1, stride)
    call = dict(window=width, stride=stride, workers=workers)
    total = cypool.pool(line, reduce="sum", **call)
    assert total.tolist() == expected(starts, width, lambda m: sum(m.values()))
    got, index = cypool.pool(line, return_indices=True, **call)
    assert got.tolist() == expected(starts, width, lambda m: max(m.values(), default=0))
    first = [max(m, key=lambda at: (m[at], -at)) if m else start
             for start, m in zip(starts, expected(starts, width, dict), strict=True)]  # fmt: skip
    assert index.tolist() == first
    assert cypool.pool(line, reduce="argmax", **call).tolist() == first
    means = expected(starts, width, lambda m: sum(m.values()) / width)
    assert cypool.pool(line, reduce="mean", **call).tolist() == means


def test_the_gradient_of_a_line(line):
    starts = range(0, N - K + 1, K)
    got, index = cypool.pool(line, K, return_indices=True)
    back = cypool.pool_backward(got, line, K, indices=index, workers=2)
    assert back.shape == line.shape and back.dtype == np.uint8
    for start, value, at in zip(starts, got.tolist(), index.tolist(), strict=True):
        assert back[at] == value and int(back[start : start + K].sum(dtype=np.int64)) == value
    assert not back[len(starts) * K :].any()
    del back
    placed = cypool.unpool(got, index, N)
    assert np.flatnonzero(placed).tolist() == [at for at, v in zip(index.tolist(), got.tolist(), strict=True) if v]


def test_a_gradient_that_adds(line):
    """Overlapping windows, of which the last cell is seen by one alone."""
    g = np.array([1, 2, 4], np.uint8)
    back = cypool.pool_backward(g, line, 2**31, "sum", stride=35)
    assert [int(back[at]) for at in (0, 34, 35, 69, 70, 2**31 - 1, 2**31, 2**31 + 35, N - 1)] == [
        1,
        1,
        3,
        3,
        7,
        7,
        6,
        4,
        4,
    ]


@pytest.mark.parametrize("shape,axes", [((2, N), (1,)), ((N, 2), (0,)), ((3, 2**30), (0, 1)), ((2**16, 2**17), (1,))])
def test_virtual_arrays(shape, axes):
    """One cell that is all of them, or one row that is each of them."""
    x = np.broadcast_to(np.uint8(3), shape)
    window = tuple(min(shape[a], 5) for a in axes)
    stride = tuple(max(shape[a] // 3, 1) for a in axes)
    call = dict(window=window, stride=stride, axes=axes)
    size = shape[: axes[0]] + tuple((shape[a] - w) // s + 1 for a, w, s in zip(axes, window, stride, strict=True))
    size += shape[axes[-1] + 1 :]
    assert (cypool.pool(x, reduce="sum", **call) == 3 * np.prod(window)).all()
    got, index = cypool.pool(x, return_indices=True, **call)
    assert got.shape == size and (got == 3).all()
    corner = [(n - 1) * s for n, s in zip([size[a] for a in axes], stride, strict=True)]
    assert index.ravel()[0] == 0 and index.ravel()[-1] == np.ravel_multi_index(corner, [shape[a] for a in axes])


def test_sizes_beyond_memory():
    x = np.broadcast_to(np.float32(2), (2**40, 2**20))
    assert cypool.pool(x, (3, 2), "sum", stride=(2**39, 2**19)).tolist() == [[12, 12], [12, 12]]
    for call in (
        lambda: cypool.pool(x, 2),
        lambda: cypool.pool_backward(np.zeros((2, 2)), x, 3, stride=(2**39, 2**19)),
    ):
        with pytest.raises(MemoryError):
            call()
