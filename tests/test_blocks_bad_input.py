"""`block_reduce` and its relatives: bad arguments are refused by name."""

import re

import numpy as np
import pytest

from cypool import block_reduce, block_replicate, downscale_local_mean

X = np.ones((4, 6))
BAD = [
    (ValueError, {"block_size": 0}),
    (ValueError, {"block_size": -1}),
    (ValueError, {"block_size": (2,)}),
    (ValueError, {"block_size": (2, 2, 2)}),
    (ValueError, {"block_size": ()}),
    (ValueError, {"block_size": (2, 0)}),
    (TypeError, {"block_size": 2.0}),
    (TypeError, {"block_size": (2, 2.0)}),
    (TypeError, {"block_size": np.nan}),
    (TypeError, {"block_size": "2"}),
    (TypeError, {"block_size": None}),
    (TypeError, {"block_size": True}),
    (TypeError, {"block_size": [[2, 2], [2, 2]]}),
    (TypeError, {"func": 3}),
    (TypeError, {"func": None}),
    (ValueError, {"func": "no such reducer"}),
    (TypeError, {"block_size": 4, "cval": "0"}),
    (TypeError, {"block_size": 4, "cval": None}),
    (TypeError, {"block_size": 4, "cval": (0, 1)}),
    (ValueError, {"boundary": "mirror"}),
    (TypeError, {"boundary": None}),
    (TypeError, {"boundary": np.array(["pad", "trim"])}),
    (ValueError, {"block_size": 5, "boundary": "trim"}),
    (ValueError, {"block_size": 4, "boundary": "exact"}),
    (ValueError, {"channel_axis": 2}),
    (ValueError, {"channel_axis": -3}),
    (TypeError, {"channel_axis": 1.0}),
    (TypeError, {"channel_axis": True}),
    (ValueError, {"image": X[0], "channel_axis": 0}),
    (ValueError, {"image": np.float64(3)}),
    (TypeError, {"image": X.astype(object)}),
    (TypeError, {"image": X.astype("M8[s]")}),
    (TypeError, {"image": X.astype(str)}),
    (TypeError, {"image": X.astype(np.longdouble)}),
    (ValueError, {"image": [[1, 2], [3]]}),
    (ValueError, {"workers": 0}),
    (TypeError, {"workers": 1.5}),
    (TypeError, {"func_kwargs": {"no_such_option": 1}}),
    (TypeError, {"func": "max", "func_kwargs": {"no_such_option": 1}}),
    (TypeError, {"func": "max", "func_kwargs": {"where": True}}),
    (ValueError, {"out": np.empty((3, 3))}),
    (ValueError, {"out": np.empty((2, 3), np.float32)}),
    (ValueError, {"func": np.median, "out": np.empty((2, 3), np.float32)}),
    (ValueError, {"func": np.median, "out": np.empty((4, 6))}),
    (TypeError, {"func": np.median, "out": [0]}),
    (ValueError, {"func": np.median, "workers": 0}),
]


@pytest.mark.parametrize(("error", "arguments"), BAD)
def test_bad_arguments(error, arguments):
    with pytest.raises(error):
        block_reduce(**{"image": X, **arguments})


@pytest.mark.parametrize("size", [0, -1, (2,), 2.0, None, "2", [[2], [2]]])
def test_bad_sizes_are_named(size):
    kind = ValueError if size in (0, -1, (2,)) else TypeError
    with pytest.raises(kind, match="block_size"):
        block_reduce(X, size)
    with pytest.raises(kind, match="block_size"):
        block_replicate(X, size)
    with pytest.raises(kind, match="factors"):
        downscale_local_mean(X, size)


@pytest.mark.parametrize("dtype", [object, "M8[s]", str, np.longdouble])
def test_dtypes_that_are_not_pooled_are_named(dtype):
    for call, name in ((block_reduce, "image"), (downscale_local_mean, "image"), (block_replicate, "x")):
        x = X.astype(dtype)
        with pytest.raises(TypeError, match=rf"{name} must be .*, not {re.escape(str(x.dtype))}"):
            call(x, 2)


def test_errors_are_in_the_words_of_blocks():
    with pytest.raises(TypeError, match=r"^image must be .* not complex64"):
        block_reduce(X.astype(np.complex64), 2, "max")
    with pytest.raises(ValueError, match=r"^boundary .*'pad'.*'argmax'"):
        block_reduce(X, 4, "argmax")
    for given in (3, "q", ["q"], (2**62,)):
        with pytest.raises(TypeError, match=r"^func_kwargs must be a mapping"):
            block_reduce(X, 2, "quantile", func_kwargs=given)


def test_integer_like_sizes():
    expected = block_reduce(X, 2)
    for size in (np.int64(2), np.array(2), np.uint8(2), [2, 2], np.array([2, 2])):
        np.testing.assert_array_equal(block_reduce(X, size), expected)
