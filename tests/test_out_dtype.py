"""out= and dtype=: what is taken, what is refused, and how results are rounded."""

import arrays
import numpy as np
import pytest
import reference

import cypool

NAMES = arrays.NAMES
FLOATING = ("mean", "var", "std", "lp", "gem", "logsumexp", "softpool")


@pytest.fixture
def x():
    return arrays.finite("float32", (6, 8), 1, calm=True)


# ---- dtype ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_default_dtypes(name):
    for dtype in arrays.dtypes_of(name):
        got = cypool.pool(arrays.finite(dtype, (4, 6), calm=True), 2, name)
        assert got.dtype == reference.result_dtype(name, np.dtype(dtype)), dtype


def test_default_dtypes_are_those_of_numpy():
    for name, function in dict(sum=np.sum, mean=np.mean, prod=np.prod, max=np.max, var=np.var, any=np.any).items():
        for dtype in arrays.REAL:
            want = function(np.zeros(2, dtype)).dtype
            assert cypool.pool(np.zeros((4, 6), dtype), 2, name).dtype == want, (name, dtype)


@pytest.mark.parametrize("name", [n for n in NAMES if n in (*FLOATING, "sum", "prod")])
@pytest.mark.parametrize("dtype", arrays.FLOATS)
def test_wider_and_narrower_floats(name, dtype):
    for have in (*arrays.REAL,):
        x = arrays.nasty(have, (5, 12), 2, calm=name in arrays.PLAIN)
        if np.dtype(have).kind in "iu" and name in ("sum", "prod"):
            x = (x % 7).astype(have)  # neither wraps
        got = cypool.pool(x, (2, 3), name, dtype=dtype)
        answer = reference.pool(x, (2, 3), name, dtype=dtype)
        fine = reference.agrees(got, answer)
        assert got.dtype == dtype and fine.all(), (name, have, arrays.show(x), got, answer)


@pytest.mark.parametrize("name", reference.PICKED)
def test_any_other_dtype(name):
    """What is picked or counted is converted, and integers saturate; floats do not become integers."""
    seen = np.random.default_rng(0).random((6, 8)) < 0.6
    for have in arrays.dtypes_of(name):
        usual = reference.result_dtype(name, np.dtype(have))
        x = arrays.nasty(have, (6, 8), 3, calm=True)
        for want in arrays.REAL:
            for more in ({}, {"where": seen, "fill_value": 1, "min_count": 4}):
                if (usual.kind == "f" and np.dtype(want).kind in "biu") or (want == "bool" and usual.kind != "b"):
                    continue
                got = cypool.pool(x, (2, 4), name, dtype=want, **more)
                answer = reference.pool(x, (2, 4), name, dtype=want, **more)
                assert got.dtype == want and reference.agrees(got, answer).all(), (have, want, more, got, answer)


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
@pytest.mark.parametrize("name", ["max", "first", "mode"])
def test_integers_become_the_nearest_float(name, dtype):
    x = 2**62 + np.array([[2**38, 2**38 + 1, 2**38 - 1, 3 * 2**38, 3 * 2**38 - 1]], dtype)  # halfway, and beside that
    got = cypool.pool(x, (1, 1), name, dtype="float32")
    assert (got == x.astype(np.float32)).all() and len(set(got.ravel().tolist())) == 3


@pytest.mark.parametrize("dtype", [*arrays.SIGNED, *arrays.UNSIGNED])
@pytest.mark.parametrize("name", ["sum", "prod"])
def test_sums_in_another_integer_wrap(name, dtype):
    for have in (*arrays.SIGNED, *arrays.UNSIGNED, "bool"):
        x = arrays.c_copy(arrays.nasty(have, (5, 12), 2))
        x = (x.view(np.uint8) != 0) if have == "bool" else x
        got = cypool.pool(x, (5, 12), name, dtype=dtype)
        want = getattr(np, name)(x, dtype=dtype)
        assert got.dtype == dtype and got.item() == want, (have, got, want)


@pytest.mark.parametrize("rounding", ["half_even", "half_up", "floor"])
def test_rounding_of_means(rounding):
    x = np.array([[0, 1], [1, 2], [2, 3], [-1, 0], [-1, -2], [-3, -2], [3, 3]], np.int16)
    right = {
        "half_even": [0, 2, 2, 0, -2, -2, 3],
        "half_up": [1, 2, 3, 0, -1, -2, 3],
        "floor": [0, 1, 2, -1, -2, -3, 3],
    }
    for dtype in arrays.SIGNED:
        got = cypool.pool(x, (2,), "mean", dtype=dtype, rounding=rounding)
        assert got.dtype == dtype and got.ravel().tolist() == right[rounding]
    got = cypool.pool(x, (2,), "mean", dtype="uint8", rounding=rounding)
    assert got.ravel().tolist() == [max(v, 0) for v in right[rounding]], "saturated"


@pytest.mark.parametrize("dtype", ["uint16", "int16", "uint32", "int32", "uint64", "int64"])
def test_means_too_large_for_unsigned_results_saturate(dtype):
    assert cypool.pool(np.array([300, 501, 254, 256], dtype), 2, "mean", dtype="uint8").tolist() == [255, 255]
    if np.dtype(dtype).itemsize > 2:
        for out, top in (("uint16", 65535), ("int16", 32767)):
            assert cypool.pool(np.array([70000, 80001], dtype), 2, "mean", dtype=out).tolist() == [top]


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_means_beyond_64_bits_saturate(dtype):
    info = np.iinfo(dtype)
    for n in (1, 2, 3, 4, 5, 8):
        for divisor in (1, 2, 3):
            for value in (info.min, info.max):
                got = cypool.pool(np.full(n, value, dtype), n, "mean", divisor=divisor, dtype=dtype, rounding="floor")
                assert got[0] == min(max(n * value // divisor, info.min), info.max), (n, divisor, value)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("any", "all", "count")])
def test_floats_do_not_become_integers(name):
    for have in arrays.FLOATS:
        with pytest.raises(TypeError, match="dtype"):
            cypool.pool(np.ones((4, 6), have), 2, name, dtype=np.int32)


@pytest.mark.parametrize("name", [n for n in FLOATING if n != "mean"])
def test_only_means_are_rounded_to_integers(name):
    with pytest.raises(TypeError, match="dtype"):
        cypool.pool(np.ones((4, 6), np.uint8), 2, name, dtype=np.uint8)


def test_dtype_in_every_spelling(x):
    for dtype in (np.float64, "float64", "f8", float, np.dtype(float)):
        assert cypool.pool(x, 2, "mean", dtype=dtype).dtype == np.float64
    for dtype in ("complex128", object, "S4", "datetime64[s]", "nonsense", 3):
        with pytest.raises(TypeError):
            cypool.pool(x, 2, "mean", dtype=dtype)


# ---- out -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype,name", arrays.cases(NAMES))
def test_out(dtype, name):
    x = arrays.nasty(dtype, (6, 8, 5), 3, calm=True)
    call = dict(window=(2, 3), stride=2, padding=1, axes=(0, 1), reduce=name)
    want = cypool.pool(x, **call)
    outs = {
        "C": np.empty(want.shape, want.dtype),
        "Fortran": np.empty(want.shape, want.dtype, order="F"),
        "stepped": np.zeros((*want.shape[:-1], 2 * want.shape[-1]), want.dtype)[..., ::2],
        "reversed": np.empty(want.shape, want.dtype)[::-1, ::-1],
        "unaligned": arrays.unaligned(np.zeros(want.shape, want.dtype)),
    }
    for label, out in outs.items():
        got = cypool.pool(x, out=out, **call)
        assert got is out, label
        np.testing.assert_array_equal(out, want, label)


def test_nothing_beside_out_is_touched(x):
    frame = np.full((5, 8), -5, np.float32)
    got = cypool.pool(x, 2, out=frame[1:4, 2:6])
    assert got.base is frame
    np.testing.assert_array_equal(frame[1:4, 2:6], cypool.pool(x, 2))
    frame[1:4, 2:6] = -5
    assert (frame == -5).all()


def test_out_gives_the_dtype(x):
    got = cypool.pool(x, 2, "mean", dtype=np.float64, out=np.empty((3, 4)))
    np.testing.assert_array_equal(got, cypool.pool(x, 2, "mean", dtype=np.float64))
    codes = np.arange(48, dtype=np.uint8).reshape(6, 8)
    got = cypool.pool(codes, 2, "mean", dtype=np.uint8, out=np.empty((3, 4), np.uint8))
    np.testing.assert_array_equal(got, cypool.pool(codes, 2, "mean", dtype=np.uint8))


@pytest.mark.parametrize(
    "make,words",
    [
        (lambda: np.empty((3, 5), np.float32), r"out.*\(3, 5\)"),
        (lambda: np.empty((4, 3), np.float32), r"out.*\(4, 3\)"),
        (lambda: np.empty((3, 4, 1), np.float32), r"out.*\(3, 4, 1\)"),
        (lambda: np.empty(12, np.float32), r"out.*\(12,\)"),
        (lambda: arrays.read_only(np.empty((3, 4), np.float32)), "out.*(read-only|writ)"),
        (lambda: np.lib.stride_tricks.as_strided(np.empty(9, np.float32), (3, 4), (4, 8)), "out.*overlap"),
        (lambda: np.lib.stride_tricks.as_strided(np.empty(9, np.float32), (3, 4), (0, 4)), "out.*overlap"),
    ],
)
def test_out_of_a_wrong_kind(x, make, words):
    out = make()
    with pytest.raises(ValueError, match=words):
        cypool.pool(x, 2, out=out)


@pytest.mark.parametrize("dtype", ["float64", "int32", "float16", "complex64", "bool"])
def test_out_of_a_wrong_dtype(x, dtype):
    with pytest.raises((TypeError, ValueError), match="out.*" + dtype):
        cypool.pool(x, 2, out=np.empty((3, 4), dtype))


def test_out_that_is_no_array(x):
    for out in ([[0.0] * 4] * 3, 5, "out", (np.empty((3, 4), np.float32),)):
        with pytest.raises(TypeError, match="out"):
            cypool.pool(x, 2, out=out)


@pytest.mark.parametrize("name", ["max", "min", "first", "sum"])
def test_out_inside_the_input(name):
    for shape, view in (
        ((6, 8), np.s_[:3, :4]), ((6, 8), np.s_[3:, 4:]), ((6, 8), np.s_[::2, ::2]), ((6, 8), np.s_[1:4, 3:7]),
        ((60, 800), np.s_[5:35, 17:417]), ((60, 800), np.s_[::-2, ::-2]),
    ):  # fmt: skip
        x = arrays.finite("float32", shape, 4, calm=True)
        want = cypool.pool(x, 2, name)
        for workers in (1, 2):
            y = x.copy()
            cypool.pool(y, 2, name, out=y[view], workers=workers)
            np.testing.assert_array_equal(y[view], want)
    x = arrays.finite("float32", (50, 60), 4, calm=True)
    y = x.copy()
    got = cypool.pool(y, 3, name, stride=1, padding=1, out=y)
    np.testing.assert_array_equal(got, cypool.pool(x, 3, name, stride=1, padding=1))
    codes = np.arange(64, dtype=np.uint8)
    want = cypool.pool(codes, 8, "sum")
    np.testing.assert_array_equal(cypool.pool(codes, 8, "sum", out=codes.view(np.uint64)), want)


def test_out_inside_the_mask(x):
    where = np.random.default_rng(1).random((6, 8)) < 0.8
    want = cypool.pool(x, 2, "any", where=where)
    got = cypool.pool(x, 2, "any", where=where, out=where[:3, :4])
    np.testing.assert_array_equal(got, want)


def test_out_of_the_relatives(x):
    out = np.empty((1, 1), np.float32)
    assert cypool.global_pool(x, out=out) is out and out == cypool.global_pool(x)
    out = np.empty((2, 3), np.float32)
    assert cypool.adaptive_pool(x, (2, 3), out=out) is out
    np.testing.assert_array_equal(out, cypool.adaptive_pool(x, (2, 3)))
    flat = np.empty((), np.float32)
    cypool.global_pool(x, keepdims=False, out=flat)
    assert flat == cypool.global_pool(x).item()
