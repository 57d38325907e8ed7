"""Bad and odd values for every argument, and what each may lead to.

A kind of argument is a list of rows: (values, outcomes), where values may be made for the shape of the right value.
An outcome is a class of error, or FINE for a result; where a row has several, the rest of the call decides..
"""

import decimal
import fractions
import math

import numpy as np

FINE = None
TYPE, VALUE, EITHER = (TypeError,), (ValueError,), (TypeError, ValueError)
NAN, INF = float("nan"), float("inf")


class Liar:
    """Claims to be an integer, and is not."""

    def __index__(self):
        raise TypeError("no index")


class Shy:
    """Cannot be printed."""

    def __repr__(self):
        raise RuntimeError("no repr")


class Fickle(list):
    """Another value each time it is read."""

    def __len__(self):
        return 2

    def __iter__(self):
        yield from (2, 2)
        self[:] = [-1, 0, 99]


class Whole(int):
    """An int that is one."""


class NotEqual:
    """Neither equal nor unequal to anything."""

    def __eq__(self, other):
        raise TypeError("not to be compared")

    __hash__ = None


SELF = [2]
SELF.append(SELF)
LONG = "window" * 1_000_000
VAST = 10**5000  # more digits than Python turns into a string
STRANGERS = [
    object(), object, {}, {2}, {2: 2}, lambda: 2, Ellipsis, slice(2), NotImplemented, Shy(), NotEqual(), len, iter([2]),
    (n for n in [2]), np, memoryview(b"2"), np.ma.masked, np.datetime64("2026-11-21"), np.dtype("f4"), type,
    np.array([None]), np.array("2"), np.zeros((2, 2, 2)), SELF,
]  # fmt: skip
NOT_INTEGERS = [
    2.0, 2.5, NAN, INF, 1e300, "2", "", LONG, b"2", True, np.True_, 2j, np.float32(2), np.float64(NAN), Liar(),
    decimal.Decimal(2), fractions.Fraction(2), np.array(2.0), np.array(True), *STRANGERS,
]  # fmt: skip
HUGE = [2**62, 2**63 - 1, 2**63, 2**64, np.uint64(2**64 - 1), np.array(2**63, np.uint64), 10**40, VAST]
LARGE = [99, 2**16, 2**31 - 1, 2**31, 2**32 + 1, 2**40, np.int64(2**53), 2**61, 2**62 - 1]
NEGATIVE = [-1, -2, np.int8(-3), -(2**31), -(2**63), -(2**64), -VAST]
NOTHING = [[], (), np.zeros(0, int)]
LISTS = [*NOTHING, (2,) * 7, [[2, 2]], [[[2]]], [None] * 2, (2.0, 2), ("2", 2), [SELF], range(10**12)]
ODD = [np.int64(2), np.array(2), np.uint8(2), Whole(2), [np.int16(2)], Fickle()]  # one each, or as many as fit

COUNT = [
    (NOT_INTEGERS, EITHER), (HUGE, VALUE), ([0, *NEGATIVE], VALUE), (LARGE, (FINE, ValueError, MemoryError)),
    (LISTS[3:], EITHER), (ODD, (FINE, *EITHER)),
]  # fmt: skip
SIZE = [*COUNT, ([None], (FINE, *EITHER)), (NOTHING, EITHER)]
OPTIONAL = [*COUNT, ([None, *NOTHING], (FINE, *EITHER))]
LENGTH = [
    (NOT_INTEGERS, (FINE, *EITHER)), (HUGE[1:], EITHER), (NEGATIVE, EITHER), (LISTS, (FINE, *EITHER)),
    ([0, None, *LARGE, 2**62, *ODD], (FINE, TypeError, ValueError, MemoryError)),
]  # fmt: skip
PADDING = [
    (NOT_INTEGERS, EITHER), (HUGE, EITHER), (NEGATIVE, EITHER), (LARGE, (FINE, TypeError, ValueError, MemoryError)),
    (LISTS, (FINE, *EITHER)), (["SAME", "foo", b"same", "valid "], EITHER), ([None], (FINE, *EITHER)),
    ([((1, 2, 3),), ((1, -2),), ((1, 2.0),), ((2**62, 2**62),), (((1, 2),),)], EITHER), (ODD, (FINE, *EITHER)),
    (["same", "valid", "same_lower"], (FINE, *EITHER)),
]  # fmt: skip
AXES = [
    (NOT_INTEGERS, EITHER), (HUGE, VALUE), ([99, -99, (0, 0), (0, -7), (), (0,) * 65], VALUE),
    ([VAST, [[0]], (0.0,), np.zeros((1, 1), int), range(10**12)], EITHER), ([None, 0, -1, (0,)], (FINE, *EITHER)),
]  # fmt: skip
FLAG = [([0, 1, 2, "yes", None, 0.0, [], np.array(True), np.array([True]), LONG, *STRANGERS], TYPE)]
NAME = [
    (["", "Same", "zeros", "max\0", LONG, "\ud800", np.str_("nothing")], VALUE),
    ([0, 1, 2.0, True, b"max", ["max"], ("max",), np.array("max"), np.array(["max"]), np.array([1, 2]),
      *(v for v in STRANGERS if not callable(v))], TYPE),
]  # fmt: skip
NUMBER = [
    (["2", LONG, b"2", [2], (), *STRANGERS], EITHER),
    ([2j], (FINE, *EITHER)),
    ([VAST, -VAST, 10**400], (FINE, *EITHER)),
]
REAL = [*NUMBER, ([None, True, np.True_], EITHER)]
POSITIVE = [
    *REAL, ([0, -1, -0.0, NAN, -INF, -(2**70)], VALUE), ([INF, 1e-320, 1e308, 2**70, np.float16(2)], (FINE, *EITHER)),
]  # fmt: skip
ANY_NUMBER = [*NUMBER, ([None, 0, -1, NAN, INF, -INF, 1e300, 2**64, True, np.float32(0.5)], (FINE, *EITHER))]
RATIO = [*NUMBER, ([0, -1, 0.5, NAN, INF, -INF, 1e300, (1.5,) * 5, [], None, 2**70], (FINE, *EITHER))]
UNIT = [*REAL, ([-0.1, 1.1, NAN, INF, -INF, 2**70], VALUE), ([0, 1, np.float32(0.5)], (FINE,))]
NOT_NEGATIVE = [
    (NOT_INTEGERS, EITHER), (NEGATIVE, VALUE), ([None], (FINE, TypeError)),
    ([0, *LARGE, *HUGE, *ODD], (FINE, TypeError, ValueError)),
]  # fmt: skip
WORKERS = [
    (NOT_INTEGERS, EITHER), ([0, -2, *NEGATIVE[1:]], VALUE), (LISTS, EITHER),
    ([None, -1, 2**31, 10**6, *HUGE, np.int64(2)], (FINE,)),
]  # fmt: skip
SEED = [
    (NOT_INTEGERS, EITHER), (NEGATIVE, VALUE),
    ([None, 0, 2**64, 2**128, 10**400, np.random.default_rng(0), np.random.RandomState(0)], (FINE, *EITHER)),
]  # fmt: skip
DTYPE = [
    (["M8[s]", "m8[s]", object, "O", "U3", "S1", "V3", "i4,i4", np.dtype(("i4", (2,))), "nothing", 3, [2],
      np.longdouble, LONG, Shy(), NotEqual(), SELF], EITHER),
    (["c8", "c16", "i4", "?", "f2", ">f4", None, bool, float, "e", "u8"], (FINE, TypeError, ValueError)),
]  # fmt: skip


def strange_arrays(shape):
    """Things that are no arrays of numbers, and arrays that are unlike the right one."""
    nd = len(shape)
    kinds = ["O", "U3", "S2", "M8[s]", "m8[s]", "V3", "i4,f4", np.longdouble, np.clongdouble]
    return [
        None, "text", LONG, b"bytes", 3, 2.5, 2j, VAST, object(), {}, {1: 2}, Shy(), lambda: 2, np, SELF, [[1, 2], [3]],
        [], (), [None], ["a"], [[[[[[[[1]]]]]]]], Fickle(), np.ma.masked, np.zeros(()), np.zeros(0), np.float32(3),
        *(np.zeros(shape, kind) for kind in kinds), np.zeros((0,) * nd), np.zeros((*shape[1:], 0)),
        np.zeros((1,) * 32), np.zeros((0, 2**59), np.uint8), np.zeros((2**59, 0), np.uint8),
    ]  # fmt: skip


def odd_arrays(shape):
    """Arrays of numbers that may be right, of every layout that goes wrong elsewhere."""
    nd = len(shape)
    x = np.arange(1.0, math.prod(shape) + 1).reshape(shape)
    bytes_ = np.zeros(x.nbytes + 1, np.uint8)
    return [
        x, x.tolist(), x[::-1], x.T, x.astype(">f4"), x.astype("f2"), x.astype("i1"), x.astype("u8"), x.astype(bool),
        x.astype(complex), x * NAN, x * INF, -x, bytes_[1:].view(float).reshape(x.shape),
        np.broadcast_to(np.float32(1), x.shape), np.ma.array(x, mask=x > 9), np.ma.array(x, mask=True),
        np.asmatrix(x.ravel()), x.astype(np.uint8).view(bool),
        np.broadcast_to(np.uint8(1), (2**40, 2**20)[:nd]), np.lib.stride_tricks.as_strided(x, x.shape, (8,) * nd),
        memoryview(bytes(9)), bytearray(9), range(9), np.zeros(x.shape, np.int64) + 2**62, x[..., :0], x[:, None],
        x[None],
    ]  # fmt: skip


ARRAY = [(strange_arrays, (FINE, *EITHER)), (odd_arrays, (FINE, TypeError, ValueError, MemoryError))]
INDICES = [
    (strange_arrays, (FINE, *EITHER, IndexError)), (odd_arrays, (FINE, *EITHER, IndexError)),
    (lambda shape: [np.full(shape, v, t) for v, t in (
        (-1, "i8"), (2**31, "i8"), (2**32 + 3, "i8"), (2**40, "i8"), (-(2**63), "i8"), (2**63, "u8"), (2**64 - 1, "u8"),
        (-1, "i1"), (216, "i8"))], (IndexError,)),
    (lambda shape: [np.zeros(shape, t) for t in ("f8", "?", "O", "M8[s]", "c16")], TYPE),
    (lambda shape: [np.ma.array(np.full(shape, v), mask=True) for v in (-1, 2**40)], (FINE, ValueError, IndexError)),
    (lambda shape: [np.zeros(shape, t) for t in ("i1", "u8", ">i4")], (FINE,)),
]  # fmt: skip
BOUNDS = [
    *ARRAY, (lambda shape: [np.ma.array(np.full(shape, v), mask=True) for v in (-(2**40), 2**40)], VALUE),
    (lambda shape: [np.full(shape, v) for v in (-(2**63), 2**63 - 1, 2**62)], VALUE),
]  # fmt: skip
OUT = [
    (strange_arrays, (FINE, *EITHER)), (odd_arrays, (FINE, *EITHER)),
    ([np.broadcast_to(np.float32(0), shape) for shape in ((3,), (3, 3))], EITHER), ([(None, None), [1]], EITHER),
]  # fmt: skip
WHERE = [
    (lambda shape: [v for v in strange_arrays(shape) if v is not None], EITHER),
    (odd_arrays, (FINE, TypeError, ValueError, MemoryError)),
    (lambda shape: [np.zeros(shape, bool), np.ones(6, bool), True, False, None], (FINE, ValueError)),
]  # fmt: skip
ONE_OF = [([*NAME[0][0]], VALUE), (NAME[1][0], TYPE)]
FUNC = [*ONE_OF, ([None, len, print, object, lambda: 2, lambda a, axis: NAN, lambda a, axis: a, int], (FINE, *EITHER))]
MAPPING = [([1, "a", [("q", 1)], *STRANGERS], (FINE, *EITHER)), ([{"typo": 1}, {1: 2}, {"q": NAN}, {LONG: 1}], EITHER)]
SOURCE = [
    (strange_arrays, (FINE, *EITHER, OSError)), (odd_arrays, (FINE, *EITHER, MemoryError)),
    (["", "/", "missing.tif", "missing.npy", "a\0b.npy", "\ud800.npy", LONG, "/dev/null"], (*EITHER, OSError)),
]  # fmt: skip
TARGETS = [
    None, 3, 2.5, b"bytes", "", "/", ".", "a\0b", "\ud800", LONG, "/missing/target", "/dev/null", "/proc/target", [],
    {}, object(), Shy(), np.zeros(3), NAN,
]  # fmt: skip
FILE_TEXT = [([0, 2.5, b"a", ["a"], "", "0", LONG, "a/../b", "\ud800", *STRANGERS], (FINE, *EITHER))]
COMPRESSION = [
    (["", "lzma", "ZSTD", LONG, ("zstd", 99), ("zstd", -99), ("zstd", 2.5), ("zstd", "1"), ("zstd", 1, 2), (1, "zstd"),
      ("none", 1), [None], 3, 2.5, b"zstd", *STRANGERS], EITHER),
    ([None, [], (), ("gzip", 9), ("blosc", 0), ("zstd", VAST)], (FINE, *EITHER)),
]  # fmt: skip
MEMORY = [(NOT_INTEGERS, EITHER), ([0, 1, 100, *NEGATIVE], VALUE), ([2**30, 2**40, 2**70, VAST], (FINE, ValueError))]
CELLS = [
    (NOT_INTEGERS, (FINE, *EITHER)), ([0, -1, NAN, INF, VAST, [], {}, {"q": 2}, {"x": "a"}, ["a"] * 9, (1,) * 9, LONG],
     (FINE, *EITHER)),
]  # fmt: skip

ARGUMENTS = {
    # windows and where they lie
    **dict.fromkeys(["window", "kernel_size", "pool_size", "block_size", "factors", "factor", "size",
                     "blur"], SIZE),
    **dict.fromkeys(["stride", "strides"], OPTIONAL), "dilation": SIZE, "padding": PADDING, "axes": AXES,
    "channel_axis": [(values, (FINE, *EITHER)) for values, _ in AXES], "top": OPTIONAL,
    **dict.fromkeys(["output_size", "levels", "shape"], LENGTH),
    # flags and names
    **dict.fromkeys(["ceil_mode", "return_indices", "return_windows", "keepdims", "overlapping", "count_include_pad",
                     "conserve_sum", "clip", "training", "mean", "shift"], FLAG),
    **dict.fromkeys(["border", "nan_policy", "scheme", "wrt", "boundary", "data_format", "method", "rounding", "ties",
                     "interpolation", "op_type"], ONE_OF),
    "name": [([0, 1.5, b"a", ["a"], *STRANGERS], TYPE)], "func": FUNC, "reduce": FUNC,
    # numbers
    **dict.fromkeys(["border_value", "fill_value", "cval", "ignore"], ANY_NUMBER), "a": UNIT, "q": UNIT,
    **dict.fromkeys(["p", "norm_type"], POSITIVE),
    "alpha": [(values, (FINE, *outcomes)) for values, outcomes in POSITIVE], "eps": ANY_NUMBER,
    **dict.fromkeys(["ratio", "output_ratio"], RATIO), "ddof": NOT_NEGATIVE, "min_count": NOT_NEGATIVE,
    **dict.fromkeys(["divisor", "divisor_override"], ANY_NUMBER),
    "workers": WORKERS, "n": [(values, (FINE, *EITHER)) for values, _ in WORKERS],
    "seed": SEED, "rng": SEED, "dtype": DTYPE, "outputs": NOT_NEGATIVE,
    # arrays
    **dict.fromkeys(["x", "input", "image", "values", "grad", "gate", "inputs"], ARRAY), "indices": INDICES, "out": OUT,
    "where": WHERE, **dict.fromkeys(["weights", "_random_samples"], ARRAY),
    **dict.fromkeys(["starts", "stops"], BOUNDS),
    # files
    "source": SOURCE, "target": [(TARGETS, (FINE, *EITHER, OSError))], "dataset": FILE_TEXT,
    **dict.fromkeys(["chunks", "shards"], OPTIONAL), "compression": COMPRESSION, "memory": MEMORY,
    "scale": CELLS, "units": CELLS, "progress": [([0, "yes", [], 2.5], TYPE), ([None, len, print], (FINE, TypeError))],
    **dict.fromkeys(["overwrite", "resume", "dry_run"], FLAG),
    # others
    **dict.fromkeys(["func_kwargs", "attributes", "config"], MAPPING),
}  # fmt: skip


def rows(argument, right):
    """Every (value, outcomes) for an argument that is `right` in a right call."""
    for values, outcomes in ARGUMENTS[argument]:
        for value in values(np.shape(right)) if callable(values) else values:
            yield value, outcomes
