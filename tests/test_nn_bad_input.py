"""`cypool.nn`: bad arguments, on every function and in one to three dimensions, are refused by their names there."""

import threading

import numpy as np
import pytest

from cypool import nn


class Liar:
    def __index__(self):
        raise TypeError("no index")

    def __repr__(self):
        return "Liar()"


NOT_INTEGERS = [
    (2.0, TypeError), (2.5, TypeError), (float("nan"), TypeError), (True, TypeError), (np.True_, TypeError),
    (b"2", TypeError), (2j, TypeError), (np.float32(2), TypeError), (Liar(), TypeError), ({}, TypeError),
    (object, TypeError), ([[2, 2]], (TypeError, ValueError)), ((2, 2, 2, 2), ValueError), (range(10**12), ValueError),
]  # fmt: skip
TOO_LARGE = [(2**62, ValueError), (2**64, ValueError), (np.uint64(2**64 - 1), ValueError), (10**40, ValueError)]
BELOW_ONE = [(0, ValueError), (-1, ValueError), (-(2**63), ValueError), (np.int8(-3), ValueError)]
BAD = {
    "kernel_size": [*NOT_INTEGERS, *TOO_LARGE, *BELOW_ONE, (None, TypeError), ((), ValueError), ("2", TypeError),
                    (2**31, ValueError), (99, ValueError)],
    "stride": [*NOT_INTEGERS, *TOO_LARGE, *BELOW_ONE, ("2", TypeError)],
    "dilation": [*NOT_INTEGERS, *TOO_LARGE, *BELOW_ONE, (None, TypeError), ((), ValueError), ("2", TypeError)],
    "padding": [*(k for k in NOT_INTEGERS if not isinstance(k[0], list)), *TOO_LARGE, (-1, ValueError),
                (None, TypeError), ("SAME", ValueError), ("", ValueError), ((), ValueError), (((1, 2, 3),), ValueError),
                (((1, -2),), ValueError), (((1.0, 2),), TypeError), (((True, 2),), TypeError)],
    "output_size": [*NOT_INTEGERS, *TOO_LARGE[:1], (-1, ValueError), ("2", TypeError), ((), ValueError)],
    "ceil_mode": [(2, TypeError), (1, TypeError), ("yes", TypeError), (None, TypeError)],
    "return_indices": [(2, TypeError), ("yes", TypeError), (None, TypeError)],
    "keepdims": [(2, TypeError), ("yes", TypeError), (None, TypeError)],
    "count_include_pad": [(1, TypeError), ("yes", TypeError), (None, TypeError)],
    "divisor_override": [(0, ValueError), (2.0, TypeError), (True, TypeError), ("2", TypeError), (2**62, ValueError),
                         (-(2**62), ValueError), ([1], TypeError)],
    "norm_type": [(0, ValueError), (-1, ValueError), (float("nan"), ValueError), ("2", TypeError), (True, TypeError),
                  (None, TypeError), ([2], TypeError), (-float("inf"), ValueError)],
    "data_format": [("NCHW", ValueError), ("", ValueError), (None, TypeError), (1, TypeError),
                    (["channels_last"], TypeError)],
    "border": [("zeros", ValueError), (None, TypeError), (0, TypeError), (np.zeros(3), TypeError)],
    "nan_policy": [("skip", ValueError), (None, TypeError)],
    "min_count": [(-1, ValueError), (1.0, TypeError), (None, TypeError)],
    "where": [(np.ones(4, bool), ValueError), (np.ones(6), TypeError), ("yes", TypeError)],
    "method": [("middle", ValueError), (None, TypeError), (np.zeros(3), TypeError)],
    "rounding": [("up", ValueError), (None, TypeError), (np.zeros(3), TypeError)],
    "workers": [(0, ValueError), (-2, ValueError), (True, TypeError), (1.5, TypeError)],
    "dtype": [("complex64", TypeError), (object, TypeError), ("M8[s]", TypeError)],
    "fill_value": [("x", (TypeError, ValueError)), (1j, (TypeError, ValueError))],
    "out": [(np.zeros(3, np.float32), ValueError), ([0.0], TypeError), (3, TypeError)],
}  # fmt: skip
GEOMETRY = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
TAIL = ("data_format", "where", "nan_policy", "min_count", "workers", "dtype", "fill_value", "out")
ARGUMENTS = {
    "max": (*GEOMETRY, "return_indices", "border", *TAIL),
    "min": (*GEOMETRY, "return_indices", "border", *TAIL),
    "median": (*GEOMETRY, "return_indices", "border", "method", "rounding", *TAIL),
    "avg": (*GEOMETRY, "count_include_pad", "divisor_override", "border", "rounding", *TAIL),
    "lp": (*GEOMETRY, "norm_type", "border", *TAIL),
    "adaptive_max": ("output_size", "return_indices", *TAIL),
    "adaptive_avg": ("output_size", *TAIL),
    "global_max": ("return_indices", "keepdims", *TAIL),
    "global_min": ("return_indices", "keepdims", *TAIL),
    "global_avg": ("keepdims", *TAIL),
}
KINDS = (object, "M8[s]", "U3", "i4,i4", np.longdouble)
UNUSED = ("return_indices", "rounding", "dtype", "fill_value")  # by gradients


def plain(family):
    if family.startswith("global"):
        return {}
    if family.startswith("adaptive"):
        return {"output_size": 2}
    return {"kernel_size": 2} | ({"norm_type": 2} if family == "lp" else {})


@pytest.mark.parametrize("nd", [1, 2, 3])
@pytest.mark.parametrize("family,name", [(f, name) for f, names in ARGUMENTS.items() for name in names])
def test_bad_argument(family, name, nd):
    x = np.arange(2 * 6.0**nd, dtype=np.float32).reshape(1, 2, *(6,) * nd)
    kept, call = x.copy(), plain(family)
    function, gradient = getattr(nn, f"{family}_pool{nd}d"), getattr(nn, f"{family}_pool{nd}d_backward")
    g = np.ones_like(function(x, **call))
    for value, error in BAD[name]:
        with pytest.raises(error) as caught:
            function(x, **call | {name: value})
        message = str(caught.value)
        assert name in message and "window=" not in message and len(message) < 1000, message
        if name in UNUSED:
            continue
        with pytest.raises(error) as caught:
            gradient(g, x, **call | {name: value})
        assert name in str(caught.value), str(caught.value)
    assert np.array_equal(x, kept)


@pytest.mark.parametrize("nd", [1, 2, 3])
@pytest.mark.parametrize("family", ARGUMENTS)
def test_bad_arrays(family, nd):
    call = plain(family)
    function, gradient = getattr(nn, f"{family}_pool{nd}d"), getattr(nn, f"{family}_pool{nd}d_backward")
    whole = (1, 2, *(6,) * nd)
    shapes = [(6,), (1, *whole), (), (1, 2, *(0,) * nd)]
    for x in (*map(np.zeros, shapes), 3.0, None, *(np.zeros(whole, kind) for kind in KINDS)):
        with pytest.raises((TypeError, ValueError), match=r"^input") as caught:
            function(x, **call)
        if isinstance(x, np.ndarray):
            assert caught.type is (TypeError if x.shape == whole else ValueError)
    x = np.zeros(whole)
    g = np.ones_like(function(x, **call))
    for bad in (g[:0], g[..., :0], g[0], g.astype(object)):
        with pytest.raises(TypeError if bad.dtype == object else ValueError, match="grad"):
            gradient(bad, x, **call)
    with pytest.raises(ValueError, match=r"^x"):
        gradient(g, np.zeros(6), **call)
    with pytest.raises(TypeError, match="unexpected"):
        function(x, **call, foo=1)
    if "indices" not in gradient.__kwdefaults__:
        return
    index = np.zeros(g.shape, np.int64)
    for wrong, error in (
        (index - 1, IndexError), (index + 2**40, IndexError), (index.astype(float), TypeError), (index == 0, TypeError),
        (index[..., :0], ValueError),
    ):  # fmt: skip
        with pytest.raises(error, match="indices"):
            gradient(g, x, **call, indices=wrong)


def test_a_call_seen_before_is_still_checked():
    """Equal values of other types are other arguments, though their translation is kept."""
    x = np.arange(16.0).reshape(1, 4, 4)
    for _ in range(3):
        nn.max_pool2d(x, 1, 1, 0, 1)
        nn.max_pool2d(x, (1, 2), (1, 1), (0, 0), (1, 1))
        nn.adaptive_max_pool2d(x, (1, 2))
        for bad in (1.0, True, np.float64(1), (1.0, 2), (True, 2), (1, 2.0)):
            for name in ("kernel_size", "stride", "dilation"):
                with pytest.raises(TypeError, match=name):
                    nn.max_pool2d(x, **{"kernel_size": 1} | {name: bad})
            with pytest.raises(TypeError, match="output_size"):
                nn.adaptive_max_pool2d(x, bad)
        for bad in (0.0, False, (0.0, 0), (False, 0)):
            with pytest.raises(TypeError, match="padding"):
                nn.max_pool2d(x, 1, 1, bad)


def test_a_list_that_another_thread_changes():
    """Each call sees one of its states, or one between, and remembers nothing wrong."""
    x, size, stop = np.arange(49.0).reshape(1, 7, 7), [2, 2], threading.Event()

    def change():
        while not stop.is_set():
            size[:] = [3, 3]
            size[:] = [2, 2]

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(2000):
            assert nn.max_pool2d(x, size).shape in ((1, 3, 3), (1, 2, 2))
            assert nn.adaptive_max_pool2d(x, size).shape in ((1, 3, 3), (1, 2, 2))
    finally:
        stop.set()
        thread.join()
    for k, n in ((2, 3), (3, 2)):
        for kind in (list, tuple):
            assert nn.max_pool2d(x, kind((k, k))).shape == (1, n, n)
            assert nn.adaptive_max_pool2d(x, kind((k, k))).shape == (1, k, k)


def test_windows_of_too_many_cells():
    with pytest.raises(ValueError, match=r"^kernel_size \(2147483648, 2147483648\) has"):
        nn.avg_pool2d(np.zeros((1, 2, 2)), 2**31, padding=2**31)


def test_what_is_kept_does_not_grow_without_end(monkeypatch):
    from cypool import engine

    monkeypatch.setattr(engine, "KEEP", 1 << 20)
    x = np.zeros((1, 8))
    most = 0
    for i in range(300):
        nn.max_pool1d(x, 2, i + 1)
        most = max(most, engine._size)
    assert (1 << 18) < most <= engine.KEEP
    assert 0 < len(engine._kept) < 300
