"""`onnx_pool` against its meaning in plain NumPy; ONNX's own cases are in tests/peers."""

import itertools

import numpy as np
import places
import pytest

from cypool.nn import onnx_pool


def windows(x, kernel_shape, strides=None, pads=None, dilations=None, ceil_mode=0):
    """Of each output: the cells of its window that exist, and how many there are with the padding."""
    nd = x.ndim - 2
    strides, dilations = strides or [1] * nd, dilations or [1] * nd
    pads = pads or [0] * 2 * nd
    lines = []
    for a, (k, s, d) in enumerate(zip(kernel_shape, strides, dilations, strict=True)):
        n, before, after = x.shape[2 + a], pads[a], pads[nd + a]
        room = n + before + after - d * (k - 1) - 1
        o = (-(-room // s) if ceil_mode else room // s) + 1
        o -= ceil_mode and (o - 1) * s >= n + before
        lines.append([[i * s - before + j * d for j in range(k)] for i in range(o)])
        lines[-1] = [([c for c in w if 0 <= c < n], sum(-before <= c < n + after for c in w)) for w in lines[-1]]
    shape = tuple(map(len, lines))
    for at in np.ndindex(*shape):
        chosen = [line[i] for line, i in zip(lines, at, strict=True)]
        yield shape, at, [c for c, _ in chosen], int(np.prod([n for _, n in chosen]))


ATTRIBUTES = [
    dict(kernel_shape=[2, 3]),
    dict(kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 2, 1]),
    dict(kernel_shape=[3, 3], strides=[2, 3], ceil_mode=1),
    dict(kernel_shape=[2, 2], dilations=[2, 3], pads=[0, 1, 1, 0]),
    dict(kernel_shape=[3, 3], strides=[2, 2], pads=[2, 2, 2, 2], ceil_mode=1),
]


@pytest.mark.parametrize("attributes", ATTRIBUTES, ids=str)
def test_sliding(attributes):
    x = np.random.default_rng(0).integers(-9, 9, (2, 3, 7, 8)).astype(np.float32)
    values, indices = onnx_pool("MaxPool", [x], attributes)
    columns = onnx_pool("MaxPool", [x], attributes | {"storage_order": 1})[1]
    mean, padded = (onnx_pool("AveragePool", [x], attributes | {"count_include_pad": i})[0] for i in (0, 1))
    norm = onnx_pool("LpPool", [x], attributes | {"p": 3})[0]
    assert len(onnx_pool("MaxPool", [x], attributes, outputs=1)) == 1
    assert onnx_pool("MaxPool", [x], attributes, outputs=1)[0].tobytes() == values.tobytes()
    for n, c in np.ndindex(2, 3):
        for shape, at, cells, count in windows(x, **attributes):
            part = x[n, c][np.ix_(*cells)]
            assert values.shape == (2, 3, *shape) and values[n, c][at] == part.max()
            flat = indices[n, c][at]
            assert x.reshape(-1)[flat] == part.max() and flat // 56 == n * 3 + c
            first = next(p for p in itertools.product(*cells) if x[n, c][p] == part.max())
            assert flat % 56 == first[0] * 8 + first[1]
            assert columns[n, c][at] == (n * 3 + c) * 56 + first[0] + first[1] * 7
            np.testing.assert_allclose(mean[n, c][at], part.mean(), rtol=1e-6, atol=1e-6)
            np.testing.assert_allclose(padded[n, c][at], part.sum() / count, rtol=1e-6, atol=1e-6)
            np.testing.assert_allclose(norm[n, c][at], (abs(part) ** 3).sum() ** (1 / 3), rtol=1e-5)


@pytest.mark.parametrize("ceil_mode", [0, 1])
@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID", b"SAME_UPPER"])
def test_auto_pad(auto_pad, ceil_mode):
    """The output shapes of the operator's formulas, with ceil_mode and without."""
    for n, k, s, d in itertools.product(range(1, 9), (1, 2, 3), (1, 2, 3), (1, 2)):
        if auto_pad == "VALID" and d * (k - 1) >= n:
            continue
        attributes = dict(kernel_shape=[k], strides=[s], dilations=[d], auto_pad=auto_pad, ceil_mode=ceil_mode)
        got = onnx_pool("LpPool", [np.ones((1, 1, n))], attributes)[0]
        extent = d * (k - 1) + 1
        if auto_pad == "VALID":
            assert got.shape[2] == (-(-(n - extent + 1) // s) if ceil_mode else (n - extent) // s + 1)
        else:
            assert got.shape[2] == (-(-n // s) if ceil_mode else (n - 1) // s + 1)
            name = "same_lower" if auto_pad == "SAME_LOWER" else "same"
            before, after = places.margins(n, k, s, name, d)
            pads = dict(kernel_shape=[k], strides=[s], dilations=[d], pads=[before, after])
            assert got.tobytes() == onnx_pool("LpPool", [np.ones((1, 1, n))], pads)[0].tobytes()


@pytest.mark.parametrize("nd", [1, 2, 3, 4])
def test_any_number_of_axes(nd):
    x = np.random.default_rng(nd).permutation(2 * 2 * 4**nd).reshape(2, 2, *(4,) * nd).astype("f8")
    values, at = onnx_pool("MaxPool", [x], {"kernel_shape": [2] * nd, "strides": [2] * nd})
    assert np.array_equal(x.reshape(-1)[at], values)
    _, columns = onnx_pool("MaxPool", [x], {"kernel_shape": [2] * nd, "strides": [2] * nd, "storage_order": 1})
    planes = x.reshape(4, *(4,) * nd)
    for plane, flat in zip(planes, columns.reshape(4, -1), strict=True):
        assert set(plane.ravel(order="F")[flat % 4**nd]) <= set(values.ravel())
    axes = tuple(range(2, 2 + nd))
    assert np.array_equal(onnx_pool("GlobalMaxPool", [x], {})[0], x.max(axes, keepdims=True))
    assert np.allclose(onnx_pool("GlobalAveragePool", [x], {})[0], x.mean(axes, keepdims=True))
    assert np.allclose(onnx_pool("GlobalLpPool", [-x], {})[0], np.sqrt((x**2).sum(axes, keepdims=True)))
    assert np.allclose(onnx_pool("GlobalLpPool", [-x], {"p": 1})[0], x.sum(axes, keepdims=True))
    back = onnx_pool("MaxUnpool", [values, at], {"kernel_shape": [2] * nd, "strides": [2] * nd})[0]
    assert np.array_equal(back, np.where(np.isin(x, values), x, 0))


def test_unpool_shapes():
    """Pads make the output smaller; a larger shape holds the usual one at its beginning; a smaller one has pads."""
    x, at = np.array([[[1.0, 2.0, 3.0]]]), np.array([[[1, 2, 5]]])
    attributes = {"kernel_shape": [2], "strides": [2]}
    assert onnx_pool("MaxUnpool", [x, at], attributes)[0].tolist() == [[[0, 1, 2, 0, 0, 3]]]
    assert onnx_pool("MaxUnpool", [x, at, None], attributes)[0].shape == (1, 1, 6)
    assert onnx_pool("MaxUnpool", [x, at, [1, 1, 8]], attributes)[0].tolist() == [[[0, 1, 2, 0, 0, 3, 0, 0]]]
    with pytest.raises(IndexError, match="indices"):
        onnx_pool("MaxUnpool", [x, at], attributes | {"pads": [1, 0]})
    got = onnx_pool("MaxUnpool", [x, np.array([[[0, 2, 4]]]), [1, 1, 5]], attributes | {"pads": [1, 1]})[0]
    assert got.tolist() == [[[1, 0, 2, 0, 3]]]
    assert onnx_pool("MaxUnpool", [x[:0], at[:0]], attributes)[0].shape == (0, 1, 6)
    assert onnx_pool("MaxUnpool", [x[:0], at[:0], [0, 1, 8]], attributes)[0].shape == (0, 1, 8)


def test_windows_of_padding_alone():
    x = np.ones((1, 1, 2))
    attributes = {"kernel_shape": [2], "pads": [3, 0]}
    assert onnx_pool("LpPool", [x], attributes)[0].tolist()[0][0][:2] == [0, 0]
    assert np.isnan(onnx_pool("MaxPool", [x], attributes, outputs=1)[0][0, 0, :2]).all()
    assert np.isnan(onnx_pool("AveragePool", [x], attributes)[0][0, 0, :2]).all()
    assert onnx_pool("AveragePool", [x], attributes | {"count_include_pad": 1})[0].tolist() == [[[0, 0, 0.5, 1]]]
    with pytest.raises(ValueError, match="empty"):
        onnx_pool("MaxPool", [x], attributes)


X = np.zeros((1, 1, 4))
BAD = [
    ("Maxpool", [X], {}, ValueError, "op_type"), (None, [X], {}, TypeError, "op_type"),
    ("RoiAlign", [X], {}, ValueError, "op_type"), ("MaxPool", X, {"kernel_shape": [2]}, TypeError, "inputs"),
    ("MaxPool", [], {"kernel_shape": [2]}, ValueError, "inputs"),
    ("MaxPool", [X, X], {"kernel_shape": [2]}, ValueError, "inputs"),
    ("MaxPool", [X[0]], {"kernel_shape": [2]}, ValueError, "inputs"), ("MaxPool", [X], {}, ValueError, "kernel_shape"),
    ("MaxPool", [X], [1], TypeError, "attributes"), ("MaxPool", [X], {"kernel_size": [2]}, ValueError, "kernel_size"),
    ("GlobalMaxPool", [X], {"p": 2}, ValueError, "p"), ("MaxPool", [X], {"kernel_shape": 2}, TypeError, "kernel_shape"),
    ("MaxPool", [X], {"kernel_shape": [2, 2]}, ValueError, "kernel_shape"),
    ("MaxPool", [X], {"kernel_shape": [2.0]}, TypeError, "kernel_shape"),
    ("MaxPool", [X], {"kernel_shape": [True]}, TypeError, "kernel_shape"),
    ("MaxPool", [X], {"kernel_shape": [0]}, ValueError, "kernel_shape"),
    ("MaxPool", [X], {"kernel_shape": [9]}, ValueError, "kernel_shape 9"),
    ("MaxPool", [X], {"kernel_shape": [2**62]}, ValueError, "kernel_shape"),
    ("MaxPool", [X], {"kernel_shape": [2], "strides": [0]}, ValueError, "strides"),
    ("MaxPool", [X], {"kernel_shape": [2], "dilations": [-1]}, ValueError, "dilations"),
    ("MaxPool", [X], {"kernel_shape": [2], "pads": [1]}, ValueError, "pads"),
    ("MaxPool", [X], {"kernel_shape": [2], "pads": [1, -1]}, ValueError, "pads"),
    ("MaxPool", [X], {"kernel_shape": [2], "pads": [1, 1], "auto_pad": "VALID"}, ValueError, "pads"),
    ("MaxPool", [X], {"kernel_shape": [2], "auto_pad": "SAME"}, ValueError, "auto_pad"),
    ("MaxPool", [X], {"kernel_shape": [2], "auto_pad": 1}, TypeError, "auto_pad"),
    ("MaxPool", [X], {"kernel_shape": [2], "ceil_mode": 2}, ValueError, "ceil_mode"),
    ("MaxPool", [X], {"kernel_shape": [2], "ceil_mode": True}, TypeError, "ceil_mode"),
    ("MaxPool", [X], {"kernel_shape": [2], "storage_order": -1}, ValueError, "storage_order"),
    ("AveragePool", [X], {"kernel_shape": [2], "count_include_pad": 3}, ValueError, "count_include_pad"),
    ("LpPool", [X], {"kernel_shape": [2], "p": 0}, ValueError, "p"),
    ("LpPool", [X], {"kernel_shape": [2], "p": 2.0}, TypeError, "p"),
    ("MaxPool", [X.astype(object)], {"kernel_shape": [2]}, TypeError, r"inputs\[0\]"),
    ("GlobalAveragePool", [np.zeros((1, 1, 0))], {}, ValueError, r"inputs\[0\]"),
    ("MaxUnpool", [X], {"kernel_shape": [2]}, ValueError, "inputs"),
    ("MaxUnpool", [X, X], {"kernel_shape": [2]}, TypeError, r"inputs\[1\]"),
    ("MaxUnpool", [X, np.zeros((1, 1, 3), int)], {"kernel_shape": [2]}, ValueError, r"inputs\[1\]"),
    ("MaxUnpool", [X, np.zeros((1, 1, 4), int), [1, 1]], {"kernel_shape": [2]}, ValueError, r"inputs\[2\]"),
    ("MaxUnpool", [X, np.zeros((1, 1, 4), int), [1.0, 1, 5]], {"kernel_shape": [2]}, TypeError, r"inputs\[2\]"),
    ("MaxUnpool", [X, np.zeros((1, 1, 4), int), [1, 2, 5]], {"kernel_shape": [2]}, ValueError, r"inputs\[2\]"),
    ("MaxUnpool", [X, np.zeros((1, 1, 4), int)], {"kernel_shape": [2], "pads": [5, 5]}, ValueError, "pads"),
]  # fmt: skip


@pytest.mark.parametrize("op_type,inputs,attributes,error,word", BAD)
def test_bad_arguments(op_type, inputs, attributes, error, word):
    with pytest.raises(error, match=word):
        onnx_pool(op_type, inputs, attributes)


def test_number_of_outputs():
    for outputs, error in ((0, ValueError), (3, ValueError), (1.0, TypeError), (True, TypeError)):
        with pytest.raises(error, match="outputs"):
            onnx_pool("MaxPool", [X], {"kernel_shape": [2]}, outputs=outputs)
    with pytest.raises(ValueError, match="outputs"):
        onnx_pool("LpPool", [X], {"kernel_shape": [2]}, outputs=2)
