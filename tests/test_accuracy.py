"""How near a result is to the truth: against math.fsum, fractions, and values known by thought."""

import math
import random
from fractions import Fraction

import arrays
import numpy as np
import places
import pytest
import reference

import cypool
from cypool import Windows

INTEGERS = arrays.SIGNED + arrays.UNSIGNED
INF, NAN = math.inf, math.nan


def one(values, name, dtype, result=None, **options):
    """One window over these values, lying in four ways."""
    x = np.array(values, dtype)
    options["dtype"] = result
    got = [cypool.pool(x, len(x), name, **options), cypool.global_pool(x, name, **options)]
    got.append(cypool.pool(x[:, None], (len(x), 1), name, **options)[0])
    got.append(cypool.pool(np.stack([x] * 19, axis=1), (len(x), 1), name, **options)[0, 7:8])
    # Only what does not depend on rounding is the same in every layout.
    near = 0 if got[0].dtype.kind != "f" or arrays.is_exact(name, dtype) else 8 * np.finfo(got[0].dtype).eps
    for y in got:
        np.testing.assert_allclose(y, got[0], rtol=near, atol=0, err_msg=f"{name} {dtype} {values[:20]}")
    return got[0][0]


# ---- sums and means of floats --------------------------------------------------------------------


def check_sums(x, call):
    """sum and mean of every window of a 2-D array, against math.fsum."""
    geometry = reference.geometry(x.shape, **call)
    cells, part = places.gather(x, geometry)
    for name in ("sum", "mean"):
        got = cypool.pool(x, reduce=name, **call)
        for at in np.ndindex(got.shape):
            values = cells[at][part[at]].astype(float).tolist()
            n = 1 if name == "sum" else len(values)
            exact = Fraction(math.fsum(values)) / n
            size = Fraction(math.fsum(map(abs, values))) / n
            slack = 32 * Fraction(2) ** -52 * size
            if x.dtype != np.float64 or name == "mean":
                slack += Fraction(float(np.spacing(abs(got[at])))) / 2
            error = abs(Fraction(float(got[at])) - exact)
            assert error <= slack, f"{name} {call} at {at}: {got[at]!r}, not {float(exact)}\n{arrays.show(x)}"


@pytest.mark.parametrize("dtype", arrays.FLOATS)
@pytest.mark.parametrize("spread", [0, 3, 6])
def test_sums_against_fsum(dtype, spread):
    rng = np.random.default_rng(spread)
    for shape, call in (
        ((1, 5000), dict(window=(1, 5000))),
        ((1, 5000), dict(window=(1, 999), stride=(1, 333))),
        ((70, 90), dict(window=(70, 90))),
        ((90, 33), dict(window=(13, 17), stride=(11, 5))),
        ((700, 3), dict(window=(650, 1), stride=(10, 1))),
        ((40, 40), dict(window=(2, 2))),
    ):
        x = rng.standard_normal(shape)
        x = x * 10.0 ** rng.integers(-spread, spread + 1, shape) if dtype != "float16" else x
        x[rng.random(shape) < 0.2] *= -1e4 if dtype == "float64" else 1
        check_sums(x.astype(dtype), call)


@pytest.mark.parametrize("dtype", arrays.FLOATS)
def test_sums_that_cancel(dtype):
    x = np.tile(np.array([1, 6e4, -6e4, 1e-3], dtype), (6, 100))
    check_sums(x, dict(window=(1, 400)))
    check_sums(x, dict(window=(6, 4)))


def test_float64_sum_of_a_million():
    x = np.random.default_rng(0).standard_normal(10**6) + 1e3
    exact, size = math.fsum(x.tolist()), math.fsum(np.abs(x).tolist())
    for got in (cypool.global_pool(x, "sum")[0], cypool.pool(x[:, None], (10**6, 1), "sum")[0, 0]):
        assert abs(got - exact) <= 32 * 2.0**-52 * size


def test_float32_mean_of_many_tenths():
    x = np.full((4096, 4096), 0.1, np.float32)
    assert cypool.global_pool(x).item() == np.float32(0.1)
    assert cypool.pool(x, 4096, "mean").item() == np.float32(0.1)
    assert cypool.pool(x, (4096, 1), "mean")[0, 5] == np.float32(0.1)
    exact = float(np.float32(0.1)) * 2**24
    assert abs(float(cypool.global_pool(x, "sum").item()) - exact) <= np.spacing(np.float32(exact))


def test_float32_mean_does_not_overflow():
    assert one([3e38] * 4, "mean", "float32") == np.float32(3e38)
    assert one([6e4] * 4, "mean", "float16") == np.float16(6e4)
    assert one([3e38] * 4, "sum", "float32") == INF


def test_results_are_rounded_once():
    """Half way between two float16, but for a bit that a float32 on the way would lose."""
    assert one([1, 2.0**-11, 2.0**-24], "sum", "float16") == np.float16(1 + 2.0**-10)
    assert one([1, 2.0**-11], "sum", "float16") == 1
    assert one([1 + 2.0**-10, 2.0**-11, -(2.0**-24)], "sum", "float16") == np.float16(1 + 2.0**-10)


def test_subnormals_are_kept():
    for dtype in arrays.FLOATS:
        tiny = np.finfo(dtype).smallest_subnormal
        assert one([tiny, 0], "max", dtype) == tiny
        assert one([tiny, tiny], "sum", dtype) == 2 * tiny
        assert one([tiny, tiny], "mean", dtype) == tiny
        assert one([-tiny, tiny], "range", dtype) == 2 * tiny
        assert one([tiny, 1], "prod", dtype) == tiny


def test_infinities():
    for dtype in arrays.FLOATS:
        for name in ("sum", "mean"):
            assert one([INF, 1], name, dtype) == INF
            assert one([-INF, 1], name, dtype) == -INF
            assert np.isnan(one([INF, -INF], name, dtype))
        assert np.isnan(one([INF, 1], "var", dtype))
        assert one([-INF, -INF], "max", dtype) == -INF
        assert one([INF, INF], "min", dtype) == INF
        assert np.isnan(one([INF, INF], "range", dtype))
        assert np.isnan(one([INF, 0], "prod", dtype))


@pytest.mark.parametrize("dtype", arrays.COMPLEX)
def test_complex_sums_are_two_sums(dtype):
    x = arrays.nasty(dtype, (40, 60), 3, nan=0, calm=True)
    for call in (dict(window=(3, 4)), dict(window=(40, 60)), dict(window=(1, 7), stride=2)):
        for name in ("sum", "mean"):
            got = cypool.pool(x, reduce=name, **call)
            assert got.dtype == x.dtype
            np.testing.assert_array_equal(got.real, cypool.pool(x.real, reduce=name, **call))
            np.testing.assert_array_equal(got.imag, cypool.pool(x.imag, reduce=name, **call))


# ---- integers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_means_are_exact(dtype):
    info = np.iinfo(dtype)
    top, low = info.max, info.min
    rng = np.random.default_rng(1)
    cases = [[top] * 4, [low] * 3, [top, top, top - 2], [top] * 7 + [low], [low] * 5 + [1], [low, top], [top, low + 1],
             [0, 1, 1], [top] * 1000, [low] * 999 + [top]]  # fmt: skip
    cases += [rng.integers(low, top, n, dtype, endpoint=True).tolist() for n in (*range(1, 40), 100, 3000)]
    for values in cases:
        exact = Fraction(sum(values), len(values))
        got = one(values, "mean", dtype)
        assert got.dtype == np.float64
        assert got == float(exact), (values[:10], len(values), got, float(exact))
        down = math.floor(exact)
        half = exact - down - Fraction(1, 2)
        up = down + 1
        right = {
            "floor": down,
            "half_up": up if half >= 0 else down,
            "half_even": up if half > 0 or (half == 0 and down % 2) else down,
        }
        for rounding, value in right.items():
            got = one(values, "mean", dtype, dtype, rounding=rounding)
            assert got == value, (values[:10], len(values), rounding, got, value)
            small = one(values, "mean", dtype, "int8", rounding=rounding)
            assert small == min(max(value, -128), 127), (values[:10], rounding, small)
            wide = one(values, "mean", dtype, "uint64", rounding=rounding)
            assert wide == max(value, 0), (values[:10], rounding, wide)
        assert one(values, "mean", dtype, divisor=3) == float(Fraction(sum(values), 3))


def test_means_of_sums_beyond_53_bits():
    """The sum is not rounded before it is divided."""
    for total, n in ((12942316616160787, 9), (11654620970768651, 6), (15380536017522165, 7), (17600245776134405, 7)):
        assert float(total) / n != float(Fraction(total, n))
        values = [total // n] * (n - 1)
        assert one([*values, total - sum(values)], "mean", "int64") == float(Fraction(total, n))


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_padded_sums_of_128_bits(dtype):
    """Products of more than 2**32 padded cells, with every carry between their halves."""
    x = np.array([7, 9], dtype)
    top = 2**63 - 1 if dtype == "int64" else 2**64 - 1
    draw = random.Random(3)
    for value in (top, top - 2**32, *(draw.randrange(top) for _ in range(40))):
        for n in (2**33, draw.randrange(2**33, 2**60)):
            for v in (value, -value) if dtype == "int64" else (value,):
                call = dict(padding=[(1, n - 3)], border="constant", border_value=v)
                got = cypool.pool(x, n, "mean", stride=1, **call)
                assert got.tolist() == [float(Fraction(16 + (n - 2) * v, n))], (v, n)


def test_every_pair_and_quad_of_small_values_rounds_to_even():
    x = np.stack(np.meshgrid(np.arange(256), np.arange(256)), axis=-1).reshape(256, 512).astype(np.uint8)
    got = cypool.pool(x, (2,), "mean", dtype=np.uint8)
    right = reference.pool(x, (2,), "mean", dtype=np.uint8).value
    np.testing.assert_array_equal(got, right)
    quads = np.random.default_rng(0).integers(0, 65536, (200, 400)).astype(np.uint16)
    for block in ((2, 2), (3, 3), (4, 4), (8, 8), (1, 5)):
        for rounding in ("half_even", "half_up", "floor"):
            for x in (quads, quads.astype(np.uint8), quads.view(np.int16), quads.astype(np.uint32) * 65537):
                got = cypool.pool(x, block, "mean", dtype=x.dtype, rounding=rounding)
                right = reference.pool(x, block, "mean", dtype=x.dtype, rounding=rounding).value
                np.testing.assert_array_equal(got, right, f"{x.dtype} {block} {rounding}")


@pytest.mark.parametrize("dtype", [*INTEGERS, "bool"])
def test_integer_sums_and_products_wrap_as_numpy(dtype):
    for seed in range(5):
        x = arrays.c_copy(arrays.nasty(dtype, (50, 60), seed))
        x = (x.view(np.uint8) != 0) if dtype == "bool" else x
        for name, function in (("sum", np.sum), ("prod", np.prod)):
            got = cypool.global_pool(x, name)
            want = function(x, keepdims=True)
            assert got.dtype == want.dtype and got == want
            got = cypool.pool(x, (50, 1), name)
            np.testing.assert_array_equal(got, function(x, axis=0, keepdims=True))


def test_range_of_signed_integers_is_unsigned():
    assert one([-128, 127], "range", "int8") == 255
    assert one([-(2**63), 2**63 - 1], "range", "int64") == 2**64 - 1
    assert one([-(2**63), 2**63 - 1], "range", "int64").dtype == np.uint64


# ---- constant images -----------------------------------------------------------------------------

SAME = ("max", "min", "mean", "first", "gem", "softpool")


@pytest.mark.parametrize("dtype", arrays.REAL)
def test_a_constant_image_stays_constant(dtype):
    value = {"b": True, "f": 0.1}.get(np.dtype(dtype).kind, 93)
    exact = [name for name in SAME if name not in ("gem", "softpool") and (name, dtype) != ("mean", "float64")]
    for n in range(1, 26, 2):
        for shape in ((n,), (n, n), (n, 3), (2, n, n)):
            x = np.full(shape, value, dtype)
            calls = [dict(window=k, ceil_mode=True) for k in (2, 3, 4, 7)]
            calls += [dict(window=Windows.adaptive(2)), dict(window=3, stride=1, padding=1)]
            calls += [dict(window=Windows.whole()), dict(window=3, stride=1, padding="same", border="edge")]
            for call in calls:
                try:
                    cypool.output_shape(shape, **{k: v for k, v in call.items() if k != "border"})
                except ValueError:  # no window fits
                    continue
                for name in exact:
                    got = cypool.pool(x, reduce=name, **call)
                    assert (got == x.flat[0]).all(), (name, shape, call, got)
                if np.dtype(dtype).kind in "iuf" and dtype != "float64":
                    assert (cypool.pool(x, reduce="var", **call) == 0).all(), (shape, call)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float32"])
@pytest.mark.parametrize("block", [2, 3, 4, 5])
def test_a_constant_image_stays_constant_in_blocks(dtype, block):
    for n in range(1, 40, 2):
        x = np.full((n, n + 2), 0.1 if np.dtype(dtype).kind == "f" else 77, dtype)
        for func in (np.mean, np.max, np.min):
            got = cypool.block_reduce(x, block, func, boundary="partial")
            assert got.shape == (-(-n // block), -(-(n + 2) // block))
            assert (got == x[0, 0]).all(), (func, n, got)


# ---- norms and exponentials ----------------------------------------------------------------------


def close(got, want, ulps=4):
    """Within so many neighbours of the right value, NaN and infinities alike."""
    want = got.dtype.type(want)
    ulp = np.spacing(np.nextafter(abs(want), got.dtype.type(0)))
    assert got == want or (got != got and want != want) or abs(got - want) <= ulps * ulp, (got, want)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lp_at_the_extremes(dtype):
    top, tiny = float(np.finfo(dtype).max), float(np.finfo(dtype).tiny)
    for scale in (1e30, 1e-30, top / 8, tiny, 1.0):
        close(one([scale, scale], "lp", dtype), math.sqrt(2) * float(np.dtype(dtype).type(scale)))
        close(one([3 * scale, -4 * scale], "lp", dtype), 5 * scale)
        for p in (1, 0.5, 2.5, 3, 1000):
            value = float(np.dtype(dtype).type(scale))
            close(one([-value, value], "lp", dtype, p=p), 2 ** (1 / p) * value)
    close(one([2e4] * 5, "lp", dtype, p=1000), 5**0.001 * 2e4)
    assert one([2, -7, 5], "lp", dtype, p=INF) == 7
    assert one([0, -0.0], "lp", dtype) == 0
    assert one([-INF, 1], "lp", dtype) == INF
    assert np.isnan(one([NAN, INF], "lp", dtype))
    assert one([top, top], "lp", dtype) == INF
    close(one([top / 4] * 16, "lp", dtype, p=1000), top / 4 * 16**0.001, 6)


@pytest.mark.parametrize("p", [0.02, 0.1, 0.25, 0.5, 0.9, 1, 1.5, 2, 3, 7, 100])  # below 1 the root magnifies
def test_lp_within_4_ulp(p):
    x = np.random.default_rng(1).random((60, 60)) * 100
    for k in (2, 3, 6, 20):
        for dtype in arrays.FLOATS:
            y = x.astype(dtype)
            assert reference.agrees(cypool.pool(y, k, "lp", p=p), reference.pool(y, k, "lp", p=p)).all(), (k, dtype)


def test_lp_in_float16_and_integers():
    close(one([3e4, 4e4], "lp", "float16"), 5e4)
    assert one([6e4, 6e4], "lp", "float16") == INF
    close(one([-128, 96], "lp", "int8"), 160)
    close(one([2**64 - 1] * 4, "lp", "uint64"), 2.0**65)
    close(one([-(2**63)] * 4, "lp", "int64"), 2.0**64)
    assert one([True, True, False, True], "lp", "bool", p=1) == 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gem_at_the_extremes(dtype):
    for value in (1e30, 1e-3, 7.0):
        value = float(np.dtype(dtype).type(value))
        for p in (1, 3, 2.5, 1000):
            close(one([value] * 3, "gem", dtype, p=p), value)
            close(one([value, 0], "gem", dtype, p=p, eps=value), value)
    close(one([1, 2], "gem", dtype), (9 / 2) ** (1 / 3))
    close(one([-5, -INF], "gem", dtype), 1e-6)
    assert one([INF, 1], "gem", dtype) == INF
    assert np.isnan(one([NAN, 1], "gem", dtype))


@pytest.mark.parametrize("dtype", arrays.FLOATS)
def test_logsumexp_at_the_extremes(dtype):
    close(one([1000, 1000], "logsumexp", dtype), 1000 + math.log(2))
    close(one([-1000, -1000], "logsumexp", dtype), -1000 + math.log(2))
    close(one([1000, 1000], "logsumexp", dtype, mean=True), 1000)
    close(one([1000, 1000], "logsumexp", dtype, alpha=2), 1000 + math.log(2) / 2)
    assert one([-INF, -INF], "logsumexp", dtype) == -INF
    assert one([INF, 1], "logsumexp", dtype) == INF
    assert one([-INF, 1], "logsumexp", dtype) == 1
    assert np.isnan(one([NAN, 1], "logsumexp", dtype))
    assert np.isnan(one([NAN, INF], "logsumexp", dtype))
    top = float(np.finfo(dtype).max)
    assert one([top, -top], "logsumexp", dtype) == top


@pytest.mark.parametrize("dtype", arrays.FLOATS)
def test_softpool_at_the_extremes(dtype):
    e = math.e
    close(one([0, 1], "softpool", dtype), e / (1 + e), 8)
    close(one([1000, 999], "softpool", dtype), (1000 * e + 999) / (1 + e), 8)
    assert one([5, 5, 5], "softpool", dtype, alpha=3) == 5
    top = float(np.finfo(dtype).max)
    close(one([top / 2] * 5, "softpool", dtype), top / 2, 16)
    close(one([top, -top], "softpool", dtype), top, 16)
    assert one([INF, 1], "softpool", dtype) == INF
    assert one([-INF, 1], "softpool", dtype) == 1
    assert one([-INF, -INF], "softpool", dtype) == -INF
    assert np.isnan(one([NAN, 1], "softpool", dtype))


# ---- weights, variance ---------------------------------------------------------------------------


def test_weights_are_a_convolution():
    rng = np.random.default_rng(2)
    x, w = rng.standard_normal((20, 30)), rng.random((3, 4))
    view = np.lib.stride_tricks.sliding_window_view(x, (3, 4))
    np.testing.assert_allclose(cypool.pool(x, (3, 4), "sum", stride=1, weights=w), (view * w).sum((2, 3)), rtol=1e-12)
    got = cypool.pool(x, (3, 4), "mean", stride=1, weights=w)
    np.testing.assert_allclose(got, (view * w).sum((2, 3)) / w.sum(), rtol=1e-11)
    ones = cypool.pool(x, (3, 4), "mean", stride=1, padding=1, weights=np.ones((3, 4)))
    np.testing.assert_allclose(ones, cypool.pool(x, (3, 4), "mean", stride=1, padding=1), rtol=1e-12)
    assert np.isnan(cypool.pool(x, (3, 4), "mean", weights=np.zeros((3, 4)))).all()
    assert (cypool.pool(x, (3, 4), "sum", weights=np.zeros((3, 4))) == 0).all()


def test_variance_far_from_zero():
    largest = np.finfo(np.float64).max
    assert cypool.pool([largest, 1, -largest], 1, "var").tolist() == [0, 0, 0]
    x = np.array([1e8, 1e8 + 1, 1e8 + 2], np.float64)
    assert one(x, "var", "float64") == pytest.approx(2 / 3, rel=1e-12)
    assert one(x, "std", "float64", ddof=1) == pytest.approx(1, rel=1e-12)
    assert one([2**63, 2**63 + 4096], "var", "uint64") == pytest.approx(2048**2, rel=1e-9)
    assert one([60000, 60000, 59968], "std", "float16") == pytest.approx(math.sqrt(2 / 9) * 32, rel=1e-3)
