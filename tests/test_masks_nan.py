"""Cells that take no part: masks, masked arrays, NaN; and windows that are empty because of them."""

import math

import arrays
import numpy as np
import places
import pytest
import reference

import cypool
from cypool.rules import RULES

NAMES = arrays.NAMES
NAN = math.nan
SKIPPING = {
    np.nanmax: "max", np.nanmin: "min", np.nansum: "sum", np.nanmean: "mean", np.nanprod: "prod",
    np.nanvar: "var", np.nanstd: "std",
}  # fmt: skip
ORDINARY = {
    np.max: "max", np.amax: "max", max: "max", np.min: "min", np.amin: "min", min: "min", np.sum: "sum",
    sum: "sum", np.mean: "mean", np.prod: "prod", np.any: "any", any: "any", np.all: "all", all: "all",
    np.ptp: "range", np.var: "var", np.std: "std",
}  # fmt: skip


def same(got, answer, message=""):
    fine = reference.agrees(got, answer)
    assert got.dtype == answer.dtype and got.shape == answer.value.shape and fine.all(), (
        f"{message}\n{arrays.show(got)}\nright is {arrays.show(answer.value)}"
    )


# ---- NaN -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*arrays.FLOATS, *arrays.COMPLEX])
@pytest.mark.parametrize("policy", ["propagate", "omit"])
def test_a_nan_in_every_lane(dtype, policy):
    """Every length 1..40, the NaN in every place: the vectors and their tails agree."""
    names = [name for name in NAMES if dtype in arrays.dtypes_of(name)]
    for n in range(1, 41):
        x = arrays.plain(dtype, (n, n), np.random.default_rng(n))
        x = np.where(np.eye(n, dtype=bool), x.dtype.type(NAN), x)
        for name in names:
            for call in (dict(window=(n,)), dict(window=(2,), stride=1, padding=1), dict(window=(1, n), axes=(1, 0))):
                got = cypool.pool(x, reduce=name, nan_policy=policy, **call)
                same(got, reference.pool(x, reduce=name, nan_policy=policy, **call), (name, n, call))


@pytest.mark.parametrize("dtype", arrays.FLOATS)
def test_nan_policies(dtype):
    x = np.array([1, NAN, 3, NAN, NAN, 5, 6], dtype)

    def pool(name, policy):
        return cypool.pool(x, 2, name, nan_policy=policy, ceil_mode=True).tolist()

    for name in ("max", "min", "sum", "mean", "lp", "softpool"):
        got = pool(name, "propagate")
        assert np.isnan(got).tolist() == [True, True, True, False], (name, got)
    assert pool("max", "omit") == [1, 3, 5, 6]
    assert pool("sum", "omit") == [1, 3, 5, 6]
    assert pool("count", "omit") == [1, 1, 1, 1]
    assert pool("count", "propagate") == [2, 2, 2, 1]
    for name in NAMES:
        with pytest.raises(ValueError, match="NaN"):
            cypool.pool(x, 2, name, nan_policy="raise")
        clean = np.where(np.isnan(x), x.dtype.type(2), x)
        got = cypool.pool(clean, 2, name, nan_policy="raise")
        np.testing.assert_array_equal(got, cypool.pool(clean, 2, name))
        where = ~np.isnan(x)
        got = cypool.pool(x, 2, name, nan_policy="raise", where=where, ceil_mode=True)
        np.testing.assert_array_equal(got, cypool.pool(x, 2, name, where=where, ceil_mode=True))


@pytest.mark.parametrize("name", NAMES)
def test_integers_have_no_nan(name):
    x = arrays.nasty("int16", (6, 8), 1)
    for policy in ("propagate", "omit", "raise"):
        got = cypool.pool(x, 2, name, nan_policy=policy)
        np.testing.assert_array_equal(got, cypool.pool(x, 2, name))


@pytest.mark.parametrize("function", SKIPPING)
def test_nan_functions_of_numpy_skip(function):
    x = arrays.nasty("float32", (12, 15), 2, nan=0.3, calm=True)
    x[:3, :5] = NAN
    got = cypool.pool(x, (3, 5), function)
    same(got, reference.pool(x, (3, 5), SKIPPING[function], nan_policy="omit"), function)
    np.testing.assert_array_equal(got, cypool.pool(x, (3, 5), SKIPPING[function], nan_policy="omit"))


@pytest.mark.parametrize("function", ORDINARY)
def test_functions_of_numpy_and_builtins(function):
    for dtype in ("bool", "int16", "float32"):
        x = arrays.nasty(dtype, (12, 15), 2, nan=0.1, calm=True)
        got, named = cypool.pool(x, (3, 5), function), cypool.pool(x, (3, 5), ORDINARY[function])
        assert got.dtype == named.dtype
        np.testing.assert_array_equal(got, named)


def test_other_functions_take_the_slow_path():
    x = arrays.finite("float64", (4, 9, 11), 3, calm=True)
    seen = []

    def middle(a, axis):
        seen.append((a.shape, axis))
        return np.median(a, axis=axis)

    got = cypool.pool(x, (3, 4), middle, stride=(3, 3), padding=((1, 0), 0), ceil_mode=True)
    tables = reference.geometry(x.shape, (3, 4), (3, 3), ((1, 0), 0), 1, True)
    cells, part = places.gather(x, tables)
    want = np.array([[[np.median(c[p]) for c, p in zip(*row, strict=True)] for row in zip(*plane, strict=True)]
                     for plane in zip(cells, part, strict=True)])  # fmt: skip
    np.testing.assert_array_equal(got, want)
    assert len({shape[-2:] for shape, _ in seen}) == len(seen), "once for each window shape"
    assert all(axis == (3, 4) and len(shape) == 5 for shape, axis in seen)
    for border in ("constant", "edge", "wrap"):
        got = cypool.pool(x, (3, 4), lambda a, axis: np.median(a, axis=axis), stride=2, padding=1, border=border)
        cells, part = places.gather(x, reference.geometry(x.shape, (3, 4), 2, 1, border=border), border=border)
        assert part.all()
        np.testing.assert_array_equal(got, np.median(cells, -1))


# ---- where ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype,name", arrays.cases(NAMES))
def test_where(dtype, name):
    x = arrays.nasty(dtype, (5, 6, 7), 4, calm=name in arrays.PLAIN)
    rng = np.random.default_rng(5)
    fill = {} if name in reference.EMPTY or np.dtype(dtype).kind in "fc" else {"fill_value": 1}
    for shape in ((5, 6, 7), (7,), (6, 1), (5, 1, 1), (1, 1, 1), ()):
        where = np.asarray(rng.random(shape) < 0.6)
        for call in (dict(window=(2, 3)), dict(window=2, axes=0), dict(window=3, stride=2, padding=1, axes=(0, 2))):
            for policy in ("propagate", "omit"):
                rest = dict(call, where=where, nan_policy=policy, **fill)
                same(cypool.pool(x, reduce=name, **rest), reference.pool(x, reduce=name, **rest), (name, rest))


@pytest.mark.parametrize("border", ["constant", "reflect", "symmetric", "edge", "wrap"])
def test_where_is_mirrored_with_the_data(border):
    x = arrays.finite("int32", (7, 8), 1)
    where = np.random.default_rng(2).random((7, 8)) < 0.5
    for name in ("sum", "count", "max", "first", "mean"):
        call = dict(window=3, stride=2, padding=2, border=border, where=where, fill_value=-7)
        same(cypool.pool(x, reduce=name, **call), reference.pool(x, reduce=name, **call), (name, border))


def test_masked_values_do_not_matter():
    for dtype in (*arrays.SIGNED, *arrays.UNSIGNED, *arrays.FLOATS):
        rng = np.random.default_rng(3)
        x = arrays.finite(dtype, (9, 40), 2, calm=True)
        where = rng.random(x.shape) < 0.5
        for worst in arrays.special(dtype):
            spoilt = np.where(where, x, worst)
            for name in NAMES:
                got = cypool.pool(spoilt, (3, 8), name, where=where, fill_value=1)
                want = cypool.pool(x, (3, 8), name, where=where, fill_value=1)
                np.testing.assert_array_equal(got, want, f"{name} {dtype} {worst!r}")
        if x.dtype.kind == "f":
            spoilt = np.where(where, x, NAN)
            for name in NAMES:
                got = cypool.pool(spoilt, (3, 8), name, where=where, fill_value=1)
                np.testing.assert_array_equal(got, cypool.pool(x, (3, 8), name, where=where, fill_value=1))


def test_the_identity_of_a_reduction_is_a_value_like_others():
    """Windows are empty by their counts, not because they hold what an empty one would."""
    assert cypool.pool(np.full(4, -np.inf), 2).tolist() == [-np.inf, -np.inf]
    assert cypool.pool(np.full(4, np.inf, np.float32), 2, "min", padding=1).tolist() == [np.inf] * 3
    assert cypool.pool(np.zeros(4, np.uint8), 3, padding=1, stride=1).tolist() == [0] * 4
    assert cypool.pool(np.full(4, 255, np.uint8), 3, "min", padding=1, stride=1).tolist() == [255] * 4
    assert cypool.pool(np.full(4, -128, np.int8), 3, padding=1, stride=1, fill_value=5).tolist() == [-128] * 4


# ---- empty windows -------------------------------------------------------------------------------

HALF = np.array([True, True, False, False, False, False, True, True])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["bool", "int16", "uint64", "float16", "float64"])
def test_what_an_empty_window_gives(name, dtype):
    x = arrays.c_copy(arrays.finite(dtype, 8, 1, calm=True))
    result = reference.result_dtype(name, x.dtype)
    if name in reference.EMPTY:
        got = cypool.pool(x, 2, name, where=HALF)
        assert got.dtype == result and got.tolist()[1:3] == [reference.EMPTY[name]] * 2
    elif result.kind == "f":
        assert np.isnan(cypool.pool(x, 2, name, where=HALF)).tolist() == [False, True, True, False]
    else:
        with pytest.raises(ValueError, match=r"fill_value.*\(1,\)|\(1,\).*fill_value"):
            cypool.pool(x, 2, name, where=HALF)
        with pytest.raises(ValueError, match=r"\(1, 1\)"):
            cypool.pool(np.stack([x, x]), (1, 2), name, where=np.stack([HALF | True, HALF]))
    filler = True if result.kind == "b" else 3
    got = cypool.pool(x, 2, name, where=HALF, fill_value=filler)
    assert got.dtype == result and got.tolist()[1:3] == [filler] * 2
    assert got[[0, 3]].tolist() == cypool.pool(x[[0, 1, 6, 7]], 2, name).tolist()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("least", [1, 2, 3, 4, 5])
def test_min_count(name, least):
    x = arrays.finite("float32", (6, 10), 1, calm=True)
    where = np.random.default_rng(6).random(x.shape) < 0.6
    call = dict(window=2, padding=1, where=where, min_count=least)
    answer = reference.pool(x, reduce=name, **call)
    assert 0 < answer.empty.sum(), "the test has empty windows"
    same(cypool.pool(x, reduce=name, **call), answer, (name, least))
    filler = True if answer.dtype.kind == "b" else 9
    call["fill_value"] = filler
    got = cypool.pool(x, reduce=name, **call)
    same(got, reference.pool(x, reduce=name, **call), (name, least))
    assert (got[answer.empty] == filler).all()


@pytest.mark.parametrize("ddof", [0, 1, 2, 5])
def test_variance_of_too_few(ddof):
    x = arrays.finite("float64", (5, 7), 1, calm=True)
    for name in ("var", "std"):
        got = cypool.pool(x, 2, name, ddof=ddof, ceil_mode=True)
        same(got, reference.pool(x, 2, name, ddof=ddof, ceil_mode=True))
        assert (np.isnan(got) == (cypool.pool(x, 2, "count", ceil_mode=True) <= ddof)).all()
        got = cypool.pool(x, 2, name, ddof=ddof, ceil_mode=True, fill_value=-1)
        assert ((got == -1) == (cypool.pool(x, 2, "count", ceil_mode=True) <= ddof)).all()


@pytest.mark.parametrize("name", [*NAMES, "argmax", "stochastic"])
def test_windows_without_cells_alone(name):
    """No window has a cell: nothing is read."""
    nothing = cypool.Windows.explicit([2, 0, 5], [2, 0, 5], 5)
    rest = {"rng": 0} if name == "stochastic" else {}
    for x in (np.arange(5.0), np.arange(15, dtype=np.uint8).reshape(3, 5), np.ones((5, 2, 5), np.float16)):
        y = cypool.pool(x, (nothing,), name, fill_value=1, **rest)
        assert y.shape == (*x.shape[:-1], 3) and (y == 1).all()
        if name in RULES:
            assert not cypool.pool_backward(y, x, (nothing,), name, **rest).any()


def test_fill_value_must_fit_the_result():
    x = np.arange(8, dtype=np.uint8)
    bad = [("max", -1), ("max", 256), ("max", 0.5), ("max", NAN), ("sum", -1), ("count", 2**63), ("sum", 1.5)]
    for name, value in bad:
        with pytest.raises((ValueError, TypeError), match="fill_value"):
            cypool.pool(x, 2, name, where=HALF, fill_value=value)
    assert cypool.pool(x, 2, "mean", where=HALF, fill_value=-0.5).tolist() == [0.5, -0.5, -0.5, 6.5]
    assert cypool.pool(x, 2, "sum", where=HALF, fill_value=2**64 - 1).tolist() == [1, 2**64 - 1, 2**64 - 1, 13]
    got = cypool.pool(x.astype(np.float32), 2, where=HALF, fill_value=np.inf)
    assert got.tolist() == [1, np.inf, np.inf, 7]


# ---- masked arrays -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32"])
def test_masked_arrays(name, dtype):
    x = np.ma.MaskedArray(arrays.finite(dtype, (4, 8), 3, calm=True), np.stack([~HALF, HALF, ~HALF, ~HALF]))
    got = cypool.pool(x, (2, 2), name)
    answer = reference.pool(x, (2, 2), name)
    assert isinstance(got, np.ma.MaskedArray) and got.dtype == answer.dtype
    np.testing.assert_array_equal(np.ma.getmaskarray(got), answer.empty)
    assert answer.empty.tolist() == [[False] * 4, [False, True, True, False]]
    assert (reference.agrees(got, answer) | answer.empty).all()
    both = cypool.pool(x, (2, 2), name, where=np.arange(8) > 1)
    answer = reference.pool(x, (2, 2), name, where=np.arange(8) > 1)
    np.testing.assert_array_equal(np.ma.getmaskarray(both), answer.empty)
    filled = cypool.pool(x, (2, 2), name, fill_value=1)
    assert np.ma.getdata(filled)[1, 1:3].tolist() == [1, 1]
    assert not x.mask.all() and x.mask.any(), "the input keeps its mask"


def test_masked_arrays_without_a_mask_and_with_all():
    x = np.ma.MaskedArray(np.arange(8.0))
    got = cypool.pool(x, 2)
    assert isinstance(got, np.ma.MaskedArray) and got.tolist() == [1, 3, 5, 7]
    got = cypool.pool(np.ma.masked_all(8, int), 2)
    assert got.mask.all() and got.shape == (4,)
    assert isinstance(cypool.global_pool(x, "max"), np.ma.MaskedArray)
    assert isinstance(cypool.adaptive_pool(x, 3), np.ma.MaskedArray)


def test_masked_arrays_take_the_slow_path_no_further():
    x = np.ma.MaskedArray(np.arange(8.0), ~HALF)
    with pytest.raises(TypeError):
        cypool.pool(x, 2, lambda a, axis: np.median(a, axis=axis))


@pytest.mark.parametrize("kind", [np.asarray, np.ma.asarray])
def test_an_empty_window_has_no_index(kind):
    """Not even where `fill_value` says what it holds; without that, both are masked in a masked array."""
    x = kind(np.array([1.0, 2.0, 3.0, 4.0]))
    seen = np.array([False, False, True, True])
    with pytest.raises(ValueError, match=r"window \(0,\) is empty .* has no index"):
        cypool.pool(x, 2, where=seen, fill_value=9, return_indices=True)
    if kind is np.ma.asarray:
        values, indices = cypool.pool(x, 2, where=seen, return_indices=True)
        assert values.mask.tolist() == indices.mask.tolist() == [True, False]
        assert (values[1], indices[1]) == (4, 3)


# ---- masks of other arguments --------------------------------------------------------------------


def test_only_the_mask_of_x_is_read():
    """What a mask hides in other arguments is checked, and used, like the rest."""
    hidden = [False, True]
    for bad in ([0, -5], [0, 2**40]):
        with pytest.raises(ValueError, match="must"):
            cypool.Windows.explicit(np.ma.array(bad, mask=hidden), np.ma.array([2, 3], mask=hidden), 6)
    with pytest.raises(ValueError, match="weights must be finite"):
        cypool.pool(np.zeros(4), 2, "sum", weights=np.ma.array([1, NAN], mask=hidden))
    with pytest.raises(TypeError, match="fill_value"):
        cypool.pool(np.zeros(4), 2, fill_value=np.ma.masked)
    x, g = np.array([1.0, 3.0, 2.0, 4.0]), np.array([5.0, 7.0])
    masked = np.ma.array(g, mask=hidden)
    for got, right in (
        (cypool.pool_backward(masked, x, 2), [0, 5, 0, 7]),
        (cypool.unpool(masked, [1, 3], 4), [0, 5, 0, 7]),
        (cypool.mixed_pool_backward(masked, x, 2, 0), [2.5, 2.5, 3.5, 3.5]),
        (cypool.pool(x, 2, where=np.ma.array([True, True, False, True], mask=True)), [3, 4]),
    ):
        assert type(got) is np.ndarray and got.tolist() == right


@pytest.mark.parametrize("at", [-1, 4, 2**40])
def test_hidden_indices_are_checked(at):
    """An index under a mask is never followed."""
    x, indices = np.arange(4.0).reshape(1, 4), np.ma.array([[1, at]], mask=[[False, True]])
    for call in (
        lambda: cypool.nn.max_unpool1d(x[:, :2], indices, 2),
        lambda: cypool.nn.max_unpool1d_backward(x, x[:, :2], indices, 2),
        lambda: cypool.unpool(x[:, :2], indices, 4, axes=1),
    ):
        with pytest.raises((ValueError, IndexError), match="indices must"):
            call()
    given = cypool.pool_backward(x[:, :2] + 1, x, 2, axes=1, indices=indices)
    assert given.tolist() == [[0, 1, 0, 0]]
