"""More than 2**31 cells: results are right at both ends. The largest test holds some 5 GiB."""

import os

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


@pytest.mark.parametrize(
    "width,stride", [(K, 2**26), (70, 2**24), (2**24, 2**31 - 2**24 + 70), (2**31 + 1, 60), (N, N)]
)
def test_a_line(line, width, stride):
    starts = range(0, N - width + 1, stride)
    call = dict(window=width, stride=stride, workers=2)
    for name, of in (("sum", lambda m: sum(m.values())), ("max", lambda m: max(m.values(), default=0))):
        assert cypool.pool(line, reduce=name, **call).tolist() == expected(starts, width, of)
    means = expected(starts, width, lambda m: sum(m.values()) / width)
    assert cypool.pool(line, reduce="mean", **call).tolist() == means
    if width >= 2**31:
        with pytest.raises(MemoryError, match=r"fewer than 2\*\*31"):
            cypool.pool(line, return_indices=True, **call)
        return
    index = cypool.pool(line, return_indices=True, **call)[1]
    marks = expected(starts, width, dict)
    first = [max(m, key=lambda at: (m[at], -at)) if m else at for at, m in zip(starts, marks, strict=True)]
    assert index.tolist() == first


def test_a_line_that_is_filled(line):
    got, index = cypool.pool(line, K, stride=2**31 - K, return_indices=True)
    placed = cypool.unpool(got, index, N)
    found = np.concatenate([at + np.flatnonzero(placed[at : at + K]) for at in (0, 2**31 - K, 2**31)])
    assert found.tolist() == [5, 2**31 - 1] and placed.shape == (N,)  # the last window ends before 2**31 + 70
    index[-1] = N - 1
    assert cypool.unpool(got, index, N)[-1] == got[-1] == 7


@pytest.mark.parametrize("n", [2**31 + 70 if os.environ.get("CYPOOL_TEST_ALL") else 2**24 + 70])  # 9 GiB, or little
def test_gradients_of_a_line(n):
    x, k = np.broadcast_to(np.float32(3), (n,)), (n - 70) // 4
    g = np.array([1, 2, 4, 8], np.float32)
    ends = [0, k - 1, k, 2 * k, 4 * k - 1, 4 * k, n - 1]
    for name, right in (("sum", [1, 1, 2, 4, 8, 0, 0]), ("max", [1, 0, 2, 4, 0, 0, 0])):
        back = cypool.pool_backward(g, x, k if name == "sum" else 2**16, name, stride=k)
        assert back.shape == (n,) and back[ends].tolist() == right, name
        assert [back[i * k : (i + 1) * k].sum(dtype=np.float64) for i in range(4)] == [
            float(v) * (k if name == "sum" else 1) for v in g
        ]
        del back
    at = np.array([0, n - 1, 4 * k, n - 1])
    back = cypool.pool_backward(g, x, 2**16, stride=k, indices=at)
    assert back[ends].tolist() == [1, 0, 0, 0, 0, 4, 10]


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
