"""Bad arguments, made from a table: each kind, on every function and in one to three dimensions,
gives the right kind of error, with the argument and its value in the message."""

import functools
import re
import threading

import arrays
import numpy as np
import pytest
import reference

import cypool
from cypool import Windows

F32 = np.float32


class Liar:
    """Claims to be an integer, and is not."""

    def __index__(self):
        raise TypeError("Liar has no index")

    def __repr__(self):
        return "Liar()"


# argument: [(value, kind of error, what the message must hold beside the argument's name)]
NOT_INTEGERS = [
    (2.0, TypeError, "2.0"), (2.5, TypeError, "2.5"), (float("nan"), TypeError, "nan"), ("2", TypeError, "2"),
    (True, TypeError, "True"), (np.True_, TypeError, "True"), (b"2", TypeError, "2"), (2j, TypeError, "2j"),
    (np.float32(2), TypeError, "2.0"), (Liar(), TypeError, "Liar"), ({}, TypeError, "{}"),
    (object, TypeError, "object"),
]  # fmt: skip
TOO_LARGE = [
    (2**62, ValueError, str(2**62)), (2**63, ValueError, str(2**63)), (2**64, ValueError, str(2**64)),
    (np.uint64(2**64 - 1), ValueError, str(2**64 - 1)), (10**40, ValueError, str(10**40)),
]  # fmt: skip
BELOW_ONE = [
    (0, ValueError, "0"), (-1, ValueError, "-1"), (np.int8(-3), ValueError, "-3"),
    (-(2**63), ValueError, str(-(2**63))),
]  # fmt: skip
EITHER = (TypeError, ValueError)  # both kinds of mistake at once
LENGTHS = [([], ValueError, ""), ((2, 2, 2, 2), ValueError, "2, 2, 2, 2"), ([[2, 2]], EITHER, "2, 2")]
COUNTS = NOT_INTEGERS + TOO_LARGE + BELOW_ONE

KINDS = {
    "window": [*COUNTS, (None, TypeError, "None"), (2**31, ValueError, str(2**31)), (99, ValueError, "99"), *LENGTHS],
    "stride": [*COUNTS, *LENGTHS],
    "dilation": [*COUNTS, (None, TypeError, "None"), *LENGTHS],
    "padding": [
        *(k for k in NOT_INTEGERS if k[0] != "2"), *TOO_LARGE, (-1, ValueError, "-1"), (None, TypeError, "None"),
        ("SAME", ValueError, "SAME"), ("foo", ValueError, "foo"), ("", ValueError, ""), ([], ValueError, ""),
        (((1, 2, 3),) * 3, ValueError, "1, 2, 3"), (((1, -2),) * 3, ValueError, "-2"),
        (((1.0, 2),) * 3, TypeError, "1.0"),
    ],
    "ceil_mode": [(2, TypeError, "2"), ("yes", TypeError, "yes"), (None, TypeError, "None"), (0.0, TypeError, "0.0")],
    "axes": [
        ((0, 0), ValueError, "0, 0"), (9, ValueError, "9"), (-9, ValueError, "-9"), (1.0, TypeError, "1.0"),
        ((), ValueError, ""), ("0", TypeError, "0"), (True, TypeError, "True"), ((0, -9), ValueError, "-9"),
        ([0.5], TypeError, "0.5"),
    ],
    "output_size": [
        *NOT_INTEGERS, *TOO_LARGE, (-1, ValueError, "-1"), (None, TypeError, "None"), ((), ValueError, ""),
        ((2, 2, 2, 2), ValueError, "2, 2, 2, 2"),
    ],
    "reduce": [
        ("maximum", ValueError, "maximum"), ("", ValueError, ""), (None, TypeError, "None"), (3, TypeError, "3"),
        (["max"], TypeError, "max"), (b"max", TypeError, "max"),
    ],
    "border": [
        ("zeros", ValueError, "zeros"), ("IGNORE", ValueError, "IGNORE"), (None, EITHER, "None"), (0, EITHER, "0"),
    ],
    "nan_policy": [("skip", ValueError, "skip"), (None, EITHER, "None"), (True, EITHER, "True")],
    "min_count": [*NOT_INTEGERS, (-1, ValueError, "-1"), (None, TypeError, "None")],
    "where": [
        (np.ones(3, bool), ValueError, r"\(3,\)"), (np.ones((2, 1, 1, 1, 6), bool), ValueError, r"\(2, 1, 1, 1, 6\)"),
        (np.ones(6), TypeError, "float64"), (np.ones(6, np.uint8), TypeError, "uint8"), ("yes", TypeError, ""),
        (1, TypeError, ""),
    ],
    "workers": [
        (0, ValueError, "0"), (-2, ValueError, "-2"), (-(2**70), ValueError, ""), (True, TypeError, "True"),
        (1.5, TypeError, "1.5"), ("2", TypeError, "2"),
    ],
    "dtype": [
        ("int32", TypeError, "int32"), ("complex64", TypeError, "complex64"), (object, TypeError, "object"),
        ("M8[s]", TypeError, "datetime64"),
    ],
    "fill_value": [("x", EITHER, "x"), (1j, EITHER, "1j"), ([1, 2], EITHER, "1, 2")],
}  # fmt: skip
GEOMETRY = ("window", "stride", "padding", "dilation", "ceil_mode", "axes")
COMMON = ("axes", "reduce", "border", "nan_policy", "min_count", "where", "workers", "dtype", "fill_value")


def pool(x, **arguments):
    return cypool.pool(x, **{"window": 2, **arguments})


def adaptive_pool(x, **arguments):
    return cypool.adaptive_pool(x, **{"output_size": 2, "reduce": "max", **arguments})


def global_pool(x, **arguments):
    return cypool.global_pool(x, **{"reduce": "max", **arguments})


def output_shape(x, **arguments):
    return cypool.output_shape(x.shape, **{"window": 2, **arguments})


FUNCTIONS = {
    pool: (*GEOMETRY, *COMMON[1:]),
    adaptive_pool: ("output_size", *(c for c in COMMON if c != "border")),
    global_pool: tuple(c for c in COMMON if c != "border"),
    output_shape: GEOMETRY,
}


def refused(function, error, name, words, *args, **arguments):
    with pytest.raises(error) as caught:
        function(*args, **arguments)
    message = str(caught.value)
    assert name in message, f"no {name!r} in the message: {message}"
    assert re.search(words if "\\" in words else re.escape(words), message), f"no {words!r} in the message: {message}"
    assert message[-1] != "\n" and len(message) < 1000


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize(
    "function,name,value,error,words",
    [(f, name, *kind) for f, names in FUNCTIONS.items() for name in names for kind in KINDS[name]],
    ids=lambda v: v.__name__ if callable(v) else None,
)
def test_bad_arguments(function, name, value, error, words, ndim):
    x = np.arange(6.0**ndim, dtype=F32).reshape((6,) * ndim)
    kept = x.copy()
    if name == "padding" and isinstance(value, tuple) and isinstance(value[0], tuple):
        value = value[:ndim]
    refused(function, error, name, words, x, **{name: value})
    if name in GEOMETRY and name not in ("axes", "ceil_mode") and not isinstance(value, list | tuple) and ndim > 1:
        refused(function, error, name, words, x, **{"window": (2,) * ndim, name: (1,) * (ndim - 1) + (value,)})
    np.testing.assert_array_equal(x, kept)


# ---- arrays --------------------------------------------------------------------------------------

ARRAYS = [
    (np.float32(3), ValueError, "x"),
    (np.array(3), ValueError, "x"),
    (np.zeros(0), ValueError, "0"),
    (np.array([object()] * 4), TypeError, "object"),
    (np.array(["a", "b"]), TypeError, "<U1|str"),
    (np.array([b"a", b"b"]), TypeError, "S1|bytes"),
    (np.array([(1, 2.0)] * 4, "i4,f4"), TypeError, "f0|void|record"),
    (np.array(["2026-11-21"] * 4, "M8[D]"), TypeError, "datetime64"),
    (np.array([1, 2, 3, 4], "m8[s]"), TypeError, "timedelta64"),
    (np.zeros(4, np.longdouble), TypeError, "float128|longdouble|float96|float64"),
    (np.zeros(4, np.clongdouble), TypeError, "complex256|clongdouble|complex192"),
    (np.zeros(4, "V3"), TypeError, "V3|void"),
    (None, EITHER, "x"),
    ("text", EITHER, "x"),
]


@pytest.mark.parametrize("value,error,words", ARRAYS, ids=lambda v: None)
def test_bad_arrays(value, error, words):
    for function in (
        lambda: cypool.pool(value, 2),
        lambda: cypool.pool(value, 1, "sum", axes=0),
        lambda: cypool.adaptive_pool(value, 1),
        lambda: cypool.global_pool(value),
    ):
        with pytest.raises(error, match=words):
            function()


def test_ragged_lists_and_strange_dtypes():
    with pytest.raises((ValueError, TypeError)):
        cypool.pool([[1, 2], [3]], 1)
    for name in ("median of three", "argsort"):
        with pytest.raises(ValueError, match=name):
            cypool.pool(np.ones(4), 2, name)


@pytest.mark.parametrize("name", sorted(cypool.reducers.TABLE))
@pytest.mark.parametrize("dtype", arrays.COMPLEX)
def test_complex_is_for_sums(name, dtype):
    x = np.ones((4, 4), dtype)
    if name in ("sum", "mean"):
        assert cypool.pool(x, 2, name).dtype == dtype
    else:
        with pytest.raises(TypeError, match=dtype):
            cypool.pool(x, 2, name)


def test_no_window_fits():
    for n in (1, 2, 3):
        for ndim in (1, 2, 3):
            x = np.zeros((n,) * ndim)
            with pytest.raises(ValueError, match=rf"\b{n}\b.*") as caught:
                cypool.pool(x, n + 1)
            assert str(n + 1) in str(caught.value)
            with pytest.raises(ValueError, match="window"):
                cypool.output_shape(x.shape, 2, dilation=n)
    for shape in ((2, 0, 4), (0,), (3, 0)):
        for function in (
            lambda shape: cypool.pool(np.zeros(shape), 1),
            lambda shape: cypool.pool(np.zeros(shape), 2, padding=2),
            lambda shape: cypool.output_shape(shape, 1),
            lambda shape: cypool.global_pool(np.zeros(shape)),
            lambda shape: cypool.adaptive_pool(np.zeros(shape), 1),
        ):
            with pytest.raises(ValueError, match="0"):
                function(shape)


def test_sizes_that_overflowed_elsewhere():
    x = np.zeros((1, 1, 8, 8), F32)
    k, p = 8608480567731124087, 1250999896764
    for call in (
        dict(window=(k, k), padding=p, dilation=p, ceil_mode=True),
        dict(window=(2**29, 2**29), dilation=1_879_048_192, ceil_mode=True),
        dict(window=(2, 2), dilation=2**62),
        dict(window=(2, 2), dilation=2**61),
        dict(window=(3, 3), dilation=2**61 - 1),
        dict(window=(2, 2), padding=2**62),
        dict(window=(2, 2), padding=(2**61, 2**61)),
        dict(window=(2**62 - 1, 2**62 - 1), padding=2**61),
        dict(window=(2**40, 2**40), padding=2**40),
    ):
        with pytest.raises((ValueError, MemoryError)):
            cypool.pool(x, **call)
    for call in (dict(window=2, padding=2**60), dict(window=1, stride=1, padding=2**59)):
        with pytest.raises((MemoryError, ValueError)):
            cypool.pool(np.zeros(8, F32), **call)


# ---- combinations --------------------------------------------------------------------------------

TEN = np.arange(10.0, dtype=F32)
W = Windows.sliding(2)
MANY = [
    (lambda: cypool.pool(TEN, W, stride=2), ValueError, "stride"),
    (lambda: cypool.pool(TEN, W, padding=1), ValueError, "padding"),
    (lambda: cypool.pool(TEN, W, dilation=2), ValueError, "dilation"),
    (lambda: cypool.pool(TEN, W, ceil_mode=True), ValueError, "ceil_mode"),
    (lambda: cypool.pool(TEN, 2, typo=1), TypeError, "typo"),
    (lambda: cypool.pool(TEN, 2, "max", 2), TypeError, "positional"),
    (lambda: cypool.pool(TEN), TypeError, "window"),
    (lambda: cypool.pool(TEN, 2, "max", p=2), TypeError, "p"),
    (lambda: cypool.pool(TEN, 2, "sum", ddof=1), TypeError, "ddof"),
    (lambda: cypool.pool(TEN, 2, "lp", p=0), ValueError, "p.*0"),
    (lambda: cypool.pool(TEN, 2, "lp", p=-1), ValueError, "p.*-1"),
    (lambda: cypool.pool(TEN, 2, "lp", p=np.nan), ValueError, "p.*nan"),
    (lambda: cypool.pool(TEN, 2, "lp", p="2"), TypeError, "p.*2"),
    (lambda: cypool.pool(TEN, 2, "gem", p=0), ValueError, "p.*0"),
    (lambda: cypool.pool(TEN, 2, "gem", eps=-1), ValueError, "eps.*-1"),
    (lambda: cypool.pool(TEN, 2, "logsumexp", alpha=0), ValueError, "alpha.*0"),
    (lambda: cypool.pool(TEN, 2, "logsumexp", alpha=np.inf), ValueError, "alpha.*inf"),
    (lambda: cypool.pool(np.arange(6), 2, fill_value=np.inf), ValueError, "fill_value.*fit.*inf"),
    (lambda: cypool.pool(np.arange(6), 2, padding=1, border="constant", border_value=-np.inf), ValueError, "fit.*inf"),
    (lambda: cypool.pool(TEN, 2, "softpool", alpha=np.nan), ValueError, "alpha.*nan"),
    (lambda: cypool.pool(TEN, 2, "var", ddof=-1), ValueError, "ddof.*-1"),
    (lambda: cypool.pool(TEN, 2, "var", ddof=0.5), TypeError, "ddof.*0.5"),
    (lambda: cypool.pool(TEN, 2, "mean", divisor=0), ValueError, "divisor.*0"),
    (lambda: cypool.pool(TEN, 2, "mean", divisor="2"), TypeError, "divisor.*2"),
    (lambda: cypool.pool(TEN.astype(int), 2, "mean", dtype=int, rounding="up"), ValueError, "rounding.*up"),
    (lambda: cypool.pool(TEN, 2, "mean", weights=[1, 2, 3]), ValueError, r"weights.*\(3,\)"),
    (lambda: cypool.pool(TEN, 2, "sum", weights=[[1, 2]]), ValueError, r"weights.*\(1, 2\)"),
    (lambda: cypool.pool(TEN, 2, "sum", weights=[1j, 2]), TypeError, "weights.*complex"),
    (lambda: cypool.pool(TEN, 2, "sum", weights=["a", "b"]), TypeError, "weights"),
    (lambda: cypool.adaptive_pool(TEN, 3, "mean", weights=[1, 2]), ValueError, "weights"),
    (lambda: cypool.pool(TEN, 2, border="reflect", padding=10), ValueError, "padding.*10|10.*padding"),
    (lambda: cypool.pool(TEN, 2, border="symmetric", padding=11), ValueError, "padding.*11|11.*padding"),
    (lambda: cypool.pool(TEN, 2, border="edge", padding=11), ValueError, "padding.*11|11.*padding"),
    (lambda: cypool.pool(TEN, 2, border="wrap", padding=11), ValueError, "padding.*11|11.*padding"),
    (lambda: cypool.pool(TEN.astype("u1"), 2, border="constant", border_value=-1), ValueError, "border_value.*-1"),
    (lambda: cypool.pool(TEN.astype("u1"), 2, border="constant", border_value=256), ValueError, "border_value.*256"),
    (lambda: cypool.pool(TEN.astype("u1"), 2, border="constant", border_value=0.5), ValueError, "border_value.*0.5"),
    (lambda: cypool.pool(TEN.astype("i8"), 2, border="constant", border_value=np.nan), ValueError, "border_value.*nan"),
    (lambda: cypool.pool(TEN, 2, border="constant", border_value="0"), EITHER, "border_value.*0"),
    (lambda: cypool.pool(TEN, 2, border="constant", border_value=[1, 2]), EITHER, "border_value"),
    (lambda: cypool.pool(TEN, 2, lambda a, axis: a.sum(axis), where=TEN > 3), TypeError, "where"),
    (lambda: cypool.pool(TEN, 2, lambda a, axis: a.sum(axis), nan_policy="omit"), TypeError, "nan_policy|omit"),
    (lambda: Windows.sliding(0), ValueError, "window.*0"),
    (lambda: Windows.sliding(2.0), TypeError, "window.*2.0"),
    (lambda: Windows.sliding(2, 0), ValueError, "stride.*0"),
    (lambda: Windows.sliding(2, 1, -1), ValueError, "padding.*-1"),
    (lambda: Windows.sliding(2, 1, "Same"), ValueError, "padding.*Same"),
    (lambda: Windows.sliding(2, 1, 0, 0), ValueError, "dilation.*0"),
    (lambda: Windows.sliding(2, ceil_mode="no"), TypeError, "ceil_mode.*no"),
    (lambda: Windows.sliding(2, shift=3), TypeError, "shift.*3"),
    (lambda: Windows.sliding(9).bounds(5), ValueError, "9.*5"),
    (lambda: Windows.sliding(9).length(5), ValueError, "9.*5"),
    (lambda: Windows.sliding(2).length(0), ValueError, "0"),
    (lambda: Windows.sliding(2).length(2.0), TypeError, "2.0"),
    (lambda: Windows.sliding(2).bounds(True), TypeError, "True"),
    (lambda: Windows.adaptive(-1), ValueError, "output_size.*-1"),
    (lambda: Windows.adaptive(1.5), TypeError, "output_size.*1.5"),
    (lambda: Windows.explicit([0], [11], 10), ValueError, "11"),
    (lambda: Windows.explicit([-1], [2], 10), ValueError, "-1"),
    (lambda: Windows.explicit([3], [2], 10), ValueError, "3"),
    (lambda: Windows.explicit([0, 1], [2], 10), ValueError, "starts|stops"),
    (lambda: Windows.explicit([0.0], [2], 10), TypeError, "starts.*float64"),
    (lambda: Windows.explicit([0], ["2"], 10), TypeError, "stops"),
    (lambda: Windows.explicit([0], [2**63], 2**62 - 1), (ValueError, TypeError), "stops"),
    (lambda: cypool.pool(TEN, Windows.explicit([0], [2], 9)), ValueError, r"\bwindow .*9.*10"),
    (lambda: cypool.pool(TEN, (W, W)), ValueError, "window"),
    (lambda: cypool.pool(TEN, Windows), TypeError, "window"),
    (lambda: cypool.output_shape(5, 2), TypeError, "shape.*5"),
    (lambda: cypool.output_shape((5.0,), 2), TypeError, "shape.*5.0"),
    (lambda: cypool.output_shape((-5,), 2), ValueError, "shape.*-5"),
    (lambda: cypool.output_shape((), 2), ValueError, "shape"),
    (lambda: cypool.global_pool(TEN, keepdims=2), TypeError, "keepdims.*2"),
    (lambda: cypool.global_pool(TEN, window=2), TypeError, "window"),
    (lambda: cypool.adaptive_pool(TEN, 2, stride=2), EITHER, "stride"),
    (lambda: cypool.set_workers(0), ValueError, "0"),
    (lambda: cypool.set_workers("2"), TypeError, "2"),
    (lambda: cypool.workers(-3).__enter__(), ValueError, "-3"),
]  # fmt: skip


@pytest.mark.parametrize("call,error,words", MANY, ids=range(len(MANY)))
def test_bad_combinations(call, error, words):
    kept = TEN.copy()
    with pytest.raises(error, match=words):
        call()
    np.testing.assert_array_equal(TEN, kept)


# ---- odd, and right ------------------------------------------------------------------------------


def test_odd_arguments_that_are_right():
    x = np.arange(36.0).reshape(6, 6)
    want = cypool.pool(x, 2).tolist()
    index = type("Index", (), {"__index__": lambda self: 2})()
    for two in (np.int64(2), np.uint8(2), np.array(2), index, [2, 2], (2, np.int16(2)), np.array([2, 2])):
        assert cypool.pool(x, two).tolist() == want
        assert cypool.pool(x, 2, stride=two).tolist() == want
    assert cypool.pool(x, 2, ceil_mode=np.bool_(True), padding=np.array(0), dilation=np.int8(1)).tolist() == want
    assert cypool.pool(x, 2, axes=np.array([0, 1])).tolist() == want
    assert cypool.pool(x, 2, axes=[-1, np.int64(0)]).tolist() == want
    assert cypool.pool(x, 2, where=True).tolist() == want
    assert cypool.pool(x, 2, stride=2**40).tolist() == [[7.0]]
    assert cypool.pool(x, 2, stride=2**62 - 1).tolist() == [[7.0]]
    assert cypool.pool(x, 2, workers=2**31).tolist() == want
    assert cypool.pool(x, 2, workers=10**6).tolist() == want
    assert cypool.pool(x, 2, workers=np.int64(2)).tolist() == want
    assert cypool.pool(x, 2, fill_value=np.float32(5), border_value=3).tolist() == want
    assert cypool.output_shape(np.array([6, 6]), 2) == (3, 3) == cypool.output_shape([6, np.int64(6)], 2)
    assert cypool.pool(x.view(np.matrix), 2).tolist() == want


def test_a_window_of_one_is_the_identity():
    for dtype in arrays.REAL:
        x = arrays.c_copy(arrays.nasty(dtype, (3, 1, 5), 1))
        x = (x.view(np.uint8) != 0) if dtype == "bool" else x
        for name in ("max", "min", "first"):
            got = cypool.pool(x, 1, name)
            assert got.dtype == x.dtype and got is not x and not np.shares_memory(got, x)
            np.testing.assert_array_equal(got, x)
        assert cypool.pool(x, 1, "mean").dtype == reference.result_dtype("mean", x.dtype)


def test_workers_are_checked_even_where_they_cannot_help():
    for x in (np.zeros((0, 4)), np.zeros(1), np.zeros((4, 4))):
        with pytest.raises(ValueError, match="workers"):
            cypool.pool(x, (1,), workers=0)


def test_a_thread_with_a_small_stack():
    """Rows lie in the heap: a stack of 64 KiB is enough."""
    x = arrays.finite("float32", (3, 300, 4000), calm=True)
    found = []
    old = threading.stack_size(1 << 16)
    try:
        for name in sorted(cypool.reducers.TABLE):
            options = {"rng": 0} if name == "stochastic" else {}
            call = functools.partial(cypool.pool, x, (3, 5), name, workers=1, **options)
            thread = threading.Thread(target=lambda call=call: found.append(call()))
            thread.start()
            thread.join()
            np.testing.assert_array_equal(found.pop(), call())
    finally:
        threading.stack_size(old)


def test_lists_are_read_once():
    """Another thread may change an argument while it is read."""

    class Changing(list):
        def __iter__(self):
            yield from (2, 3)
            self[:] = [0, -1]

        def __len__(self):
            return 2

    x = np.arange(36.0).reshape(6, 6)
    assert cypool.pool(x, Changing([2, 3])).shape == (3, 2)
