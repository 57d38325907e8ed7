"""Every memory layout gives the result of the C copy, and leaves the input as it was."""

import arrays
import numpy as np
import pytest
import reference

import cypool

NAMES = arrays.NAMES
SHAPE = (5, 7, 6)
CALLS = [
    dict(window=(2, 3), stride=(2, 1), padding=1),  # the last axes; overlapping
    dict(window=(2, 3), axes=(0, 2), dilation=(2, 1), ceil_mode=True),
    dict(window=(3, 2), axes=(0, 1), stride=(1, 2), padding=((1, 0), (0, 1)), border="symmetric"),
    dict(window=3, axes=1),
    dict(window=(2, 2, 2)),
]


def check(name, x, label, call):
    before = x.tobytes(), x.strides, x.flags.writeable
    plain = arrays.c_copy(x)
    want = cypool.pool(plain, reduce=name, **call)
    got = cypool.pool(x, reduce=name, **call)
    fine = np.zeros(want.shape, bool)
    if got.dtype != want.dtype or got.shape != want.shape:
        pass
    elif arrays.is_exact(name, x.dtype):
        fine = (got == want) | ((got != got) & (want != want))
        if got.dtype.kind == "f":  # the sign of a zero is not fixed where a window holds both
            plus, minus = ((plain == 0) & (np.signbit(plain) == sign) for sign in (False, True))
            both = cypool.pool(plus, reduce="any", **call) & cypool.pool(minus, reduce="any", **call)
            fine &= (np.signbit(got) == np.signbit(want)) | (got != 0) | both
    else:
        fine = reference.agrees(got, reference.pool(plain, reduce=name, **call))
    unchanged = (x.tobytes(), x.strides, x.flags.writeable) == before
    if not (fine.all() and unchanged and got.dtype.isnative):
        raise AssertionError(
            f"{label}: pool(x, reduce={name!r}, **{call})\nx = {arrays.show(x)}{'' if unchanged else ', modified'}\n"
            f"gave {arrays.show(got)}\nC copy: {arrays.show(want)}\nwrong at {np.argwhere(~fine)[:5].tolist()}"
        )


@pytest.mark.parametrize("dtype,name", arrays.cases(NAMES))
def test_layouts(dtype, name, tmp_path):
    x = arrays.nasty(dtype, SHAPE, 1, calm=name in arrays.PLAIN)
    views = {label: layout(x) for label, layout in arrays.LAYOUTS.items()}
    views["memory-mapped"] = arrays.memory_mapped(x, tmp_path / "x")
    views["mapped, big-endian, stepped"] = arrays.memory_mapped(arrays.big_endian(x), tmp_path / "y")[:, ::2, ::-1]
    for label, view in views.items():
        for call in CALLS:
            check(name, view, label, call)


@pytest.mark.parametrize("name", ["max", "sum", "first", "softpool"])
@pytest.mark.parametrize("dtype", ["bool", "uint16", "float16", "float32", "float64"])
def test_large_layouts(dtype, name):
    """Wide enough for vectors and tiles."""
    x = arrays.rough(dtype, (70, 90, 11), 2, nan=1e-3)
    for label, layout in arrays.LAYOUTS.items():
        for call in (dict(window=(2, 2), axes=(0, 1)), dict(window=3, stride=2, axes=(1, 2)), dict(window=(90, 11))):
            check(name, layout(x), label, call)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("order", ["C", "Fortran", "transposed", "shuffled"])
def test_output_order_is_that_of_the_input(name, order):
    x = arrays.LAYOUTS[order](arrays.finite("float32", (4, 6, 8), calm=True))
    for call in (dict(window=2), dict(window=2, axes=1), dict(window=(3, 2), stride=1, padding=1)):
        got = cypool.pool(x, reduce=name, **call)
        assert got.strides == np.empty_like(x, dtype=got.dtype, shape=got.shape).strides, call


@pytest.mark.parametrize("layout", arrays.LAYOUTS)
def test_masks_in_every_layout(layout):
    rng = np.random.default_rng(4)
    x = arrays.finite("int32", SHAPE, 3)
    where = arrays.bytes_as_bool(rng.choice([0, 0, 1, 7], SHAPE))
    view = arrays.LAYOUTS[layout](where)
    for call in (dict(window=2), dict(window=(3, 2), stride=1, axes=(0, 1))):
        for name in ("max", "mean", "first", "count"):
            got = cypool.pool(x, reduce=name, where=view, fill_value=1, **call)
            want = reference.pool(x, reduce=name, where=arrays.c_copy(view).view(np.uint8) != 0, fill_value=1, **call)
            assert reference.agrees(got, want).all(), (name, call, arrays.show(view))


def test_overlapping_view():
    x = np.lib.stride_tricks.sliding_window_view(np.arange(40, dtype=np.int16) ** 2 % 97, 9)
    for name in NAMES:
        for axes in (0, 1, (0, 1)):
            check(name, x, "sliding_window_view", dict(window=2, axes=axes, stride=1))


def test_a_huge_broadcast_array_is_quick():
    """Arithmetic, not visits: 2**60 cells that are one byte."""
    x = np.broadcast_to(np.uint8(3), (2**40, 2**20))
    right = dict(max=3, min=3, mean=3.0, any=True, all=True, range=0, count=2**60, first=3, sum=3 * 2**60)
    for name, value in right.items():
        assert cypool.global_pool(x, name).tolist() == [[value]], name
    got = cypool.pool(x, (2**39, 2**19), "mean")
    assert got.tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert cypool.pool(x, 2, "max", stride=(2**40 - 2, 2**20 - 2), axes=(0, 1)).tolist() == [[3, 3], [3, 3]]


def test_buffers_and_sequences():
    want = [[4, 6]]
    rows = [[1, 2, 3, 6], [3, 4, 5, 0]]
    assert cypool.pool(rows, 2).tolist() == want
    assert cypool.pool(tuple(map(tuple, rows)), 2).tolist() == want
    assert cypool.pool(memoryview(np.array(rows, np.uint8)), 2).tolist() == want
    assert cypool.pool(bytearray(b"\1\4\2\3"), 2).tolist() == [4, 3]

    class Box:
        def __array__(self, dtype=None, copy=None):
            return np.array(rows, np.int16)

    assert cypool.pool(Box(), 2).dtype == np.int16

    class Sub(np.ndarray):
        pass

    got = cypool.pool(np.array(rows).view(Sub), 2)
    assert type(got) is np.ndarray and got.tolist() == want
