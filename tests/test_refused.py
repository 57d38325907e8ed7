"""Calls that are refused, each in the words of its own rule: what the tables of bad values do not reach."""

import numpy as np
import pytest

import cypool
from cypool import Windows, nn

X = np.arange(36.0).reshape(6, 6)
G = np.ones((3, 3))
AT = np.zeros((3, 3), np.int64)
PLANES = Windows.explicit([[0], [1]], [[2], [3]], 6)


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no words for it")


def strided(n, dtype):
    """n x n cells, each row one cell further in memory than the last."""
    return np.lib.stride_tricks.as_strided(np.zeros(2 * n, dtype), (n, n), (8, 8))


def backward(reduce, x=X, grad=G, **keywords):
    return cypool.pool_backward(grad, x, 2, reduce, **keywords)


REFUSED = [
    # what is no value at all, or one that no number of the machine holds
    (lambda: cypool.pool(X, Unprintable()), TypeError,
     "window must be an integer, not one that cannot be printed, of type Unprintable"),
    (lambda: cypool.pool(X, 2, stride=-(10**5000)), ValueError,
     "stride must be at least 1, not one that cannot be printed, of type int"),
    (lambda: Windows.sliding(np.arange(2)), TypeError, "window must be an integer, not array([0, 1]) (an array)"),
    (lambda: cypool.pool(X, 2, "lp", p=10**400), ValueError, "p must be a real number that a float64 can hold, not 10"),
    (lambda: cypool.rank_pool(X + 1j, 2, top=1), TypeError, "x must be bool, integers or floats, not complex128"),
    (lambda: nn.avg_pool2d(X[None], 2, divisor_override=0), ValueError, "divisor_override must not be 0"),
    (lambda: cypool.block_reduce(X, 4, cval=1j), TypeError, "cval must be a number that float64 can hold, not 1j"),
    (lambda: backward("sum", X + 1j, np.full((3, 3), "a")), TypeError, "grad must be numbers, not <U1"),
    # windows
    (lambda: Windows(), TypeError, "Windows are made by Windows.sliding, .adaptive, .fractional, .whole or .explicit"),
    (lambda: setattr(Windows.whole(), "k", 3), AttributeError, "Windows are immutable: k cannot be set"),
    (lambda: delattr(Windows.whole(), "_key"), AttributeError, "Windows are immutable: _key cannot be deleted"),
    (lambda: Windows.explicit(5, [6], 9), ValueError, "starts must have one dimension (or two: planes, windows)"),
    (lambda: Windows.sliding(3, dilation=2, shift=True), ValueError, "shift=True goes with padding 0 and dilation 1"),
    (lambda: Windows.fractional(5, 6), ValueError, "output_size must be 1 to 5 (the axis length), not 6"),
    (lambda: Windows.fractional(2**40, 2**35), ValueError, "output_size must be below 2**31, not 34359738368"),
    (lambda: Windows.adaptive(2**31).bounds(2**40 + 1), ValueError,
     "output_size must be below 2**31 where it does not divide 1099511627777, not 2147483648"),
    (lambda: cypool.pool(X, PLANES, axes=1), ValueError, "window has tables for 2 planes, and x has 6 (shape (6, 6))"),
    (lambda: cypool.pool(X[:2], PLANES, lambda a, axis: a.sum(axis), axes=1), TypeError,
     "windows that differ from plane to plane do not go with reduce="),
    (lambda: cypool.pool(np.broadcast_to(np.float32(1), 2**32), 2**32, "median"), MemoryError,
     "window has 4294967296 cells; a cell is selected from fewer than 2**31"),
    (lambda: cypool.pool(strided(2**17, np.int64), (2**17, 2**17), "mean"), ValueError,
     "window has 17179869184 cells; the exact mean of int64 is for at most 4294967296"),
    (lambda: cypool.rank_pool(np.zeros((20, 20)), 16, top=1), ValueError,
     "window must have at most 255 cells to be ranked, not 256"),
    # out
    (lambda: cypool.pool(X, 2, out=strided(3, np.float64)), ValueError,
     "out must not overlap itself: strides (8, 8) for shape (3, 3)"),
    (lambda: cypool.pool(X, 2, return_indices=True, out=(AT.view("f8"), AT)), ValueError,
     "out must be two arrays that do not overlap"),
    (lambda: cypool.pool(X, 2, return_indices=True, out=G), TypeError, "out must be a pair (values, indices)"),
    (lambda: cypool.global_pool(X, keepdims=False, out=np.zeros(3)), ValueError, "out must have shape (), not (3,)"),
    (lambda: nn.global_max_pool2d(X[None], keepdims=False, out=[0.0]), TypeError, "out must be an ndarray, not 0.0"),
    # masks, indices and gradients that are not there
    (lambda: cypool.pool(X, 2, where=np.ones((6, 6))), TypeError, "where must be an array of bool, not float64"),
    (lambda: cypool.pool(X, 2, "mean", return_indices=True), TypeError,
     "return_indices must be False: reduce='mean' gives no indices beside its values"),
    (lambda: cypool.pool(X, 2, lambda a, axis: a.sum(axis), return_indices=True), TypeError,
     "return_indices must be False: reduce="),
    (lambda: cypool.pool(X, 2, return_indices=True, border="constant"), ValueError,
     "border='constant' has no indices: padded cells are no cells of x"),
    (lambda: cypool.pool(X, 2**27, "median", axes=0, padding=2**26, border="constant"), ValueError,
     "window and padding must leave a window at most 2097152 cells where border='constant'"),
    (lambda: cypool.unpool(G, np.ma.masked_array(AT, True), (6, 6)), ValueError, "indices must not be masked"),
    (lambda: cypool.unpool(G, AT, (6,), axes=(0, 1)), ValueError, "shape must have 2 entries (one for each of axes)"),
    (lambda: backward("count"), TypeError, "reduce='count' has no gradient with respect to x (these have: max, min"),
    (lambda: backward("sum", indices=AT), ValueError, "indices do not go with reduce='sum': it selects no cells"),
    (lambda: backward("sum", X + 1j, indices=AT), ValueError, "indices do not go with reduce='sum': it selects no cel"),
    (lambda: backward("sum", wrt="weights"), ValueError, "wrt='weights' needs weights"),
    (lambda: backward("stochastic"), ValueError, "the picks of 'stochastic' are not known: give indices, or an"),
    (lambda: backward("sum", X + 1j, wrt="weights", weights=[[1, 1], [1, 1]]), TypeError,
     "x of complex128 has a gradient for sum and mean only, with respect to x"),
    (lambda: cypool.pool_backward(np.ones((4, 4)), X, 2, "softpool", padding=1, border="constant", border_value=1,
                                  wrt="alpha"), ValueError, "wrt='alpha' goes with border_value 0 only"),
    (lambda: cypool.mixed_pool_backward(np.broadcast_to(np.uint8(1), (2**40, 2**20)), X, 2), MemoryError,
     "grad of shape (1099511627776, 1048576) and dtype float64 does not fit memory"),
    (lambda: cypool.spatial_pyramid_pool_backward(np.ones(21), np.broadcast_to(np.uint8(1), (2**31, 2**31))),
     MemoryError, "a result of shape (2147483648, 2147483648) and dtype float64 does not fit memory"),
    # blocks
    (lambda: cypool.block_replicate(np.array(3.0), ()), ValueError, "x must have an axis for blocks, which shape ()"),
    (lambda: cypool.block_reduce(X, (2**31, 2**31)), ValueError, "block_size must have fewer than 2**62 cells, not"),
]  # fmt: skip


@pytest.mark.parametrize("call,error,words", REFUSED, ids=range(len(REFUSED)))
def test_refused(call, error, words):
    with pytest.raises(error) as found:
        call()
    assert str(found.value).startswith(words), found.value
