"""`cypool.xarray` beside xarray's own `coarsen`, and beside `cypool.pool` where xarray has nothing like it."""

import doctest
import inspect
import itertools
import operator

import numpy as np
import pandas
import pytest
import xarray
from xarray.testing import assert_identical

import cypool
import cypool.xarray

REDUCERS = ("mean", "max", "min", "sum", "prod", "median", "std", "var", "count", "any", "all")
FLOATS = ("float32", "float64")
DTYPES = (*FLOATS, "int16", "int64", "uint8", "bool")
WINDOWS = ({"x": 3}, {"y": 2, "x": 4}, {"x": 4, "t": 2}, {"t": 2, "y": 3, "x": 5})


def cube(dtype="float64", shape=(4, 6, 20), nan=True):
    """Three dimensions, and a coordinate of every sort."""
    rng = np.random.default_rng(sum(shape))
    data = (rng.integers(0, 7, shape) if np.dtype(dtype).kind in "iub" else rng.random(shape)).astype(dtype)
    if nan and data.dtype.kind == "f":
        data[rng.random(shape) < 0.3] = np.nan
        data[:2, :3, :5] = np.nan  # windows of nothing else
    t, y, x = shape
    return xarray.DataArray(
        data,
        dims=("t", "y", "x"),
        coords={
            "t": ("t", np.datetime64("2001-02-03", "ns") + np.arange(t).astype("m8[D]"), {"axis": "T"}),
            "y": ("y", np.arange(y)[::-1] * 10, {"units": "m"}),
            "wave": ("x", rng.random(x).astype("float32"), {"units": "nm"}),
            "lat": (("y", "x"), rng.random((y, x)), {"units": "degrees"}),
            "hours": (("t", "x"), rng.integers(0, 99, (t, x)).astype("m8[h]").astype("m8[s]")),
            "good": ("y", rng.random(y) < 0.5),
            "run": 7,
        },
        attrs={"units": "K", "history": ["made"]},
        name="heat",
    )


def theirs(obj, window, reduce, boundary="exact", side="left", coord_func="mean", keep_attrs=True, **keywords):
    """xarray's result; the methods take no skipna and min_count, a variable's own does."""
    blocks = obj.coarsen(dict(window), boundary=boundary, side=side, coord_func=coord_func)
    result = getattr(blocks, reduce)(keep_attrs=keep_attrs)
    return result.copy(data=obj.variable.coarsen(window, reduce, boundary, side, **keywords)) if keywords else result


def ours(obj, window, reduce, **keywords):
    before = obj.copy(deep=True)
    result = cypool.xarray.coarsen(obj, window, reduce, **keywords)
    assert_identical(obj, before)
    return result


def same(got, want, rtol=1e-12, dtypes=True):
    """Names, dimensions, attributes, indexes and coordinates are equal, values close."""
    assert type(got) is type(want) and got.attrs == want.attrs and dict(got.sizes) == dict(want.sizes)
    assert set(got.coords) == set(want.coords) and set(got.indexes) == set(want.indexes)
    if isinstance(got, xarray.DataArray):
        assert got.name == want.name
        same_variable(got.variable, want.variable, rtol, dtypes)
    else:
        assert list(got.data_vars) == list(want.data_vars)
        for name in got.data_vars:
            same_variable(got[name].variable, want[name].variable, rtol, dtypes)
    for c in got.coords:
        same_variable(got.coords[c].variable, want.coords[c].variable, rtol, dtypes)


def same_variable(got, want, rtol, dtypes):
    assert got.dims == want.dims and got.attrs == want.attrs and got.encoding == want.encoding
    if got.dtype.kind in "mM":
        assert got.dtype == want.dtype and np.array_equal(np.isnat(got.data), np.isnat(want.data))
        known = ~np.isnat(got.data)
        off = np.abs(got.data[known].view("i8") - want.data[known].view("i8"))
        assert (off <= 2**9).all()  # theirs go through float64
        return
    assert got.dtype == want.dtype or not dtypes, (got.dtype, want.dtype)
    if np.float32 in (got.dtype, want.dtype):
        rtol = 1e-5
    np.testing.assert_allclose(got.data.astype("f8"), want.data.astype("f8"), rtol=rtol, atol=rtol)


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:Degrees of freedom", "ignore:All-NaN")
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("boundary", ["exact", "trim", "pad"])
@pytest.mark.parametrize("reduce", REDUCERS)
def test_coarsen(reduce, boundary, side):
    for dtype, window in itertools.product(DTYPES, WINDOWS):
        if boundary == "pad" and (dtype == "bool" or reduce in ("any", "all")):
            continue  # xarray fills up with NaN, which are true, and makes objects of bools
        if dtype == "bool" and reduce in ("std", "var", "median"):
            continue  # NumPy subtracts no bools
        x = cube(dtype).isel(x=slice(20 - 20 % window.get("x", 20) if boundary == "exact" else 19))
        if boundary == "exact":
            x = x.isel(t=slice(4), y=slice(6))
        else:
            x = x.isel(t=slice(3), y=slice(5))
        x = x.drop_vars("good") if boundary == "pad" else x
        want = theirs(x, window, reduce, boundary, side)
        same(ours(x, window, reduce, boundary=boundary, side=side), want, dtypes=boundary != "pad")


def test_boundaries_and_sides_per_dimension():
    x = cube().isel(t=slice(3), x=slice(19))
    window, side = {"t": 2, "y": 3, "x": 5}, {"t": "right", "y": "left", "x": "left"}
    boundary = {"t": "trim", "y": "exact", "x": "pad"}
    want = theirs(x, window, "mean", boundary, side)
    same(ours(x, window, "mean", boundary=boundary, side=side), want, dtypes=False)
    shorter = ours(x, window, "mean", boundary={"t": "trim", "x": "pad"}, side={"t": "right"})
    assert_identical(shorter, ours(x, window, "mean", boundary=boundary, side=side))


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:Degrees of freedom", "ignore:All-NaN")
@pytest.mark.parametrize("skipna", [True, False, None])
@pytest.mark.parametrize("reduce", ["mean", "max", "sum", "median", "var"])
def test_skipna(reduce, skipna):
    for x in (cube(), cube("int16")):
        want = theirs(x, {"x": 6, "y": 2}, reduce, "trim", skipna=skipna)
        same(ours(x, {"x": 6, "y": 2}, reduce, boundary="trim", skipna=skipna), want)


@pytest.mark.parametrize("reduce", ["sum", "prod"])
def test_min_count(reduce):
    x = cube()
    for least in (0, 1, 3, 8):
        got = ours(x, {"y": 2, "x": 4}, reduce, min_count=least)
        same(got, theirs(x, {"y": 2, "x": 4}, reduce, min_count=least))
    assert ours(x, {"x": 4}, reduce, min_count=4, fill_value=-5.0).min() == -5
    whole = x.notnull().astype("i4")
    same(ours(whole, {"x": 4}, reduce, min_count=1), theirs(whole, {"x": 4}, reduce, min_count=1))


@pytest.mark.parametrize("func", ["mean", "min", "max", "median"])
def test_coord_func(func):
    x = cube().drop_vars("good")
    numbers = x.drop_vars(["t", "hours"])
    for obj in (numbers, x) if func != "median" else (numbers,):  # NumPy has no median of times
        every = dict.fromkeys(obj.coords, func)
        want = theirs(obj, {"t": 2, "x": 4}, "sum", coord_func=every)
        same(ours(obj, {"t": 2, "x": 4}, "sum", coord_func=every), want)
        same(ours(obj, {"t": 2, "x": 4}, "sum", coord_func=func), want)
    some = {"y": func, "lat": np.max}
    same(ours(x, {"y": 3}, "sum", coord_func=some), theirs(x, {"y": 3}, "sum", coord_func=dict(some)))
    assert some == {"y": func, "lat": np.max}


def test_coord_func_is_any_callable():
    def middle(a, axis):
        return (a.min(axis) + a.max(axis)) // 2

    got = ours(cube().drop_vars("good"), {"t": 2, "y": 3}, "sum", coord_func=middle)
    assert got["y"].values.tolist() == [40, 10] and got["y"].attrs == {"units": "m"}
    assert got["t"].values.tolist() == np.array(["2001-02-03T12", "2001-02-05T12"], "M8[ns]").tolist()
    assert got["run"] == 7


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_as_coordinates_and_data(unit):
    start = np.datetime64("1890-01-01", unit)
    t = start + (np.arange(12) ** 2 * 2).astype("m8[h]").astype(f"m8[{unit}]")
    x = xarray.DataArray(t, {"n": ("t", np.arange(12.0))}, "t", attrs={"a": 1})
    for boundary, n in (("trim", 5), ("pad", 5), ("exact", 4)):
        same(ours(x, {"t": n}, "mean", boundary=boundary), theirs(x, {"t": n}, "mean", boundary))
        same(ours(x - start, {"t": n}, "mean", boundary=boundary), theirs(x - start, {"t": n}, "mean", boundary))
    for reduce in ("min", "max"):
        same(ours(x, {"t": 3}, reduce), theirs(x, {"t": 3}, reduce))
    holes = x.where(x["n"] % 4 == 1)
    assert holes.dtype == x.dtype
    for reduce in ("mean", "min", "max", "median", "first", "mode"):
        got = ours(holes, {"t": 2}, reduce)
        assert got.dtype == x.dtype
        assert np.array_equal(np.isnat(got), [False, True] * 3) and np.array_equal(got[::2], t[1::4])
    assert np.array_equal(ours(x, {"t": 3}, "quantile", q=0.5), t[1::3])
    big = xarray.DataArray(t.astype(f">M8[{unit}]"), dims="t")
    assert np.array_equal(ours(big, {"t": 2}, "max"), t[1::2])


def test_means_of_times_are_exact():
    t = np.array([2**62 + 1, 2**62 + 3, -(2**62), -(2**62) + 3]).astype("M8[ns]")
    x = xarray.DataArray(np.zeros(4), {"t": t}, "t")
    assert ours(x, {"t": 2}, "mean")["t"].values.view("i8").tolist() == [2**62 + 2, -(2**62) + 2]


def dataset():
    x = cube().drop_vars("good")
    return xarray.Dataset(
        {"heat": x, "rain": (("x", "t"), np.arange(80, dtype="i4").reshape(20, 4), {"units": "mm"}),
         "level": ("y", np.arange(6.0), {"units": "m"}), "name": ("y", list("abcdef")), "one": ((), 3)},
        attrs={"title": "all"},
    )  # fmt: skip


@pytest.mark.parametrize("keep_attrs", [True, False])
@pytest.mark.parametrize("reduce", ["mean", "max", "sum", "std"])
def test_dataset(reduce, keep_attrs):
    """Variables without the dimension pass through, with text and all."""
    ds = dataset()
    for window, boundary in (({"x": 4}, "exact"), ({"x": 6, "t": 2}, "trim")):
        want = theirs(ds, window, reduce, boundary, keep_attrs=keep_attrs)
        got = ours(ds, window, reduce, boundary=boundary, keep_attrs=keep_attrs)
        assert_identical(got["name"].variable, want["name"].variable)
        same(got.drop_vars("name"), want.drop_vars("name"))
        assert_identical(got["level"].variable, want["level"].variable)


@pytest.mark.parametrize("keep_attrs", [True, False])
def test_attributes(keep_attrs):
    x = cube()
    x.encoding = x["y"].encoding = {"dtype": "int16", "scale_factor": 0.1}
    same(ours(x, {"y": 2}, "max", keep_attrs=keep_attrs), theirs(x, {"y": 2}, "max", keep_attrs=keep_attrs))
    got = ours(x, {"y": 2}, "max", keep_attrs=keep_attrs)
    got.attrs["new"] = 1
    assert "new" not in x.attrs


def test_names_and_coordinates_as_data():
    x = cube()
    for name in (None, "y", ("a", 1)):
        assert ours(x.rename(name) if name != "y" else x["y"], {"y": 2}, "max").name == name
    same(ours(x["y"], {"y": 2}, "max"), theirs(x["y"], {"y": 2}, "max"))
    plain = xarray.DataArray(np.arange(6.0))
    same(ours(plain, {"dim_0": 2}, "sum"), theirs(plain, {"dim_0": 2}, "sum"))


def test_other_indexes_stay():
    levels = pandas.MultiIndex.from_product([["a", "b"], [1, 2, 3]], names=("letter", "digit"))
    x = cube().drop_vars(["y", "lat", "good"])
    x = x.assign_coords(xarray.Coordinates.from_pandas_multiindex(levels, "y"))
    got = ours(x, {"x": 4}, "max")
    assert got.indexes["y"].equals(levels) and got.sel(letter="b", digit=2).equals(ours(x[:, 4], {"x": 4}, "max"))


def test_layouts():
    x = cube()
    want = ours(x, {"y": 2, "x": 4}, "mean")
    for dims in itertools.permutations(x.dims):
        same(ours(x.transpose(*dims), {"x": 4, "y": 2}, "mean"), want.transpose(*dims))
    backwards = x.isel(x=slice(None, None, -1))
    same(ours(backwards, {"x": 4}, "max"), theirs(backwards, {"x": 4}, "max"))


EXTRA = [
    ("mode", {}), ("quantile", {"q": 0.3}), ("quantile", {"q": 0.7, "method": "nearest"}), ("lp", {"p": 3}),
    ("gem", {}), ("range", {}), ("logsumexp", {"alpha": 2.0}), ("softpool", {}), ("first", {}), ("std", {"ddof": 1}),
    ("mean", {"min_count": 5}), ("sum", {"dtype": "f4"}), ("argmax", {"fill_value": -1}), ("max", {"workers": 1}),
    ("sum", {"weights": np.arange(8.0).reshape(2, 4)}),
]  # fmt: skip


@pytest.mark.parametrize("reduce, options", EXTRA)
def test_reducers_that_xarray_lacks(reduce, options):
    x = cube()
    want = cypool.pool(x.data, (2, 4), reduce, nan_policy="omit", **options)
    got = ours(x, {"y": 2, "x": 4}, reduce, **options)
    assert got.dtype == want.dtype and np.array_equal(got, want, equal_nan=True)
    same(got.copy(data=np.zeros(got.shape)), ours(x, {"y": 2, "x": 4}, "sum").copy(data=np.zeros(got.shape)))


def test_functions_see_nan():
    x = cube()
    for func in (np.max, lambda a, axis: a.max(axis)):
        want = cypool.pool(x.data, (2, 4), "max")
        assert np.array_equal(ours(x, {"y": 2, "x": 4}, func), want, equal_nan=True)
        same(ours(x, {"y": 2, "x": 4}, func), x.coarsen(y=2, x=4).reduce(func))
    same(ours(x, {"x": 4}, np.nanmax), theirs(x, {"x": 4}, "max"))


GEOMETRY = [
    ({"x": 3}, {"stride": 1}, (3,), {"stride": 1}),
    ({"x": 3, "y": 2}, {"stride": {"x": 2}, "padding": {"x": (1, 0)}}, (3, 2), {"stride": 2, "padding": ((1, 0), 0)}),
    ({"y": 3, "x": 5}, {"stride": 2, "padding": "same"}, (3, 5), {"stride": 2, "padding": "same"}),
    ({"x": 3}, {"dilation": {"x": 2}, "ceil_mode": True}, (3,), {"dilation": 2, "ceil_mode": True}),
    ({"x": cypool.Windows.adaptive(7), "y": 2}, {}, (cypool.Windows.adaptive(7), 2), {}),
    ({"t": cypool.Windows.whole()}, {}, (cypool.Windows.whole(),), {}),
]  # fmt: skip


@pytest.mark.parametrize("window, ours_given, sizes, given", GEOMETRY)
def test_pool(window, ours_given, sizes, given):
    """Data, and the coordinates of both sorts, in the windows that `cypool.pool` would take."""
    x = cube().drop_vars("good")
    for reduce, more in (("max", {}), ("mean", {"nan_policy": "omit"}), ("sum", {"min_count": 3, "fill_value": -1.0})):
        got = cypool.xarray.pool(x, window, reduce, **ours_given, **more, coord_func="min")
        axes = tuple(x.dims.index(d) for d in window)
        want = cypool.pool(x.data, sizes, reduce, axes=axes, **given, **more)
        assert got.dtype == want.dtype and np.array_equal(got, want, equal_nan=True)
        assert got.name == x.name and got.attrs == x.attrs and got.dims == x.dims
    for c, coord in x.coords.items():
        some = [i for i, d in enumerate(window) if d in coord.dims]
        expected = coord.data
        if some:
            only = {k: tuple(v[i] for i in some) if type(v) is tuple else v for k, v in given.items()}
            kind = "i8" if coord.dtype.kind in "mM" else coord.dtype
            numbers = coord.data.view(kind)
            where = tuple(coord.dims.index(list(window)[i]) for i in some)
            expected = cypool.pool(numbers, tuple(sizes[i] for i in some), "min", axes=where, **only).view(coord.dtype)
        assert np.array_equal(got[c].data, expected) and got[c].attrs == coord.attrs


def test_pool_borders_and_times():
    x = xarray.DataArray(np.arange(6.0), {"t": np.arange(6).astype("M8[D]").astype("M8[s]")}, "t")
    got = cypool.xarray.pool(x, {"t": 3}, "mean", stride=1, padding=1, border="reflect")
    assert np.array_equal(got, cypool.pool(x.data, 3, "mean", stride=1, padding=1, border="reflect"))
    assert got["t"].values.astype("M8[s]").view("i8").tolist() == [43200, 86400, 172800, 259200, 345600, 388800]


def test_where():
    x = cube()
    for dims in (("t", "y", "x"), ("x", "y"), ("x",)):
        where = xarray.DataArray(np.random.default_rng(0).random([x.sizes[d] for d in dims]) < 0.6, dims=dims)
        got = cypool.xarray.pool(x, {"y": 2, "x": 4}, "mean", where=where, nan_policy="omit")
        masked = x.where(where)
        assert np.array_equal(got, cypool.pool(masked.data, (2, 4), "mean", nan_policy="omit"), equal_nan=True)
        assert got["lat"].equals(ours(x, {"y": 2, "x": 4}, "mean")["lat"])
    times = xarray.DataArray(np.array([5, 7, "NaT", 9], "M8[s]"), dims="t")
    where = xarray.DataArray([False, True, True, False], dims="t")
    got = cypool.xarray.pool(times, {"t": 2}, "max", where=where)
    assert np.array_equal(got, np.array([7, "NaT"], "M8[s]"), equal_nan=True)


def test_methods():
    for obj in (cube(), dataset()):
        assert_identical(obj.cypool.coarsen({"x": 4}, "max"), cypool.xarray.coarsen(obj, {"x": 4}, "max"))
        assert_identical(obj.cypool.pool({"x": 4}, stride=1), cypool.xarray.pool(obj, {"x": 4}, stride=1))
    assert list(inspect.signature(cube().cypool.coarsen).parameters)[:2] == ["window", "reduce"]


def test_files_are_read(tmp_path):
    """Data that are not read yet are no chunks."""
    ds = dataset().drop_vars(["name", "hours"]).drop_attrs()
    ds.to_netcdf(tmp_path / "a.nc", engine="scipy")
    with xarray.open_dataset(tmp_path / "a.nc", engine="scipy") as lazy:
        same(cypool.xarray.coarsen(lazy, {"x": 4}, "mean"), cypool.xarray.coarsen(lazy.copy().load(), {"x": 4}, "mean"))


# ---- bad input ---------------------------------------------------------------------------------


class Chunked:
    """As much of a chunked array as xarray looks at."""

    dtype, shape, ndim, size, chunks = np.dtype("f4"), (4,), 1, 4, ((2, 2),)
    __array_function__ = __array_ufunc__ = lambda *_: NotImplemented

    def __getitem__(self, key):
        return self


COARSEN, POOL = cypool.xarray.coarsen, cypool.xarray.pool
LABELS = xarray.DataArray(np.zeros(4), {"x": list("abcd"), "n": ("x", [1, 2, 3, 4])}, "x")
BAD = [
    (COARSEN, {"obj": np.zeros(4)}, TypeError, "obj must be a DataArray or a Dataset, not a ndarray"),
    (COARSEN, {"obj": LABELS}, TypeError, "'x' must be of numbers or times, not <U1 .obj.drop_vars"),
    (COARSEN, {"obj": xarray.DataArray([None] * 4, dims="x")}, TypeError, "must be of numbers or times, not object"),
    (COARSEN, {"obj": xarray.DataArray(Chunked(), dims="x", name="a")}, TypeError, "obj.load.* but 'a' .*Chunked"),
    (COARSEN, {"obj": xarray.Dataset({"a": ("x", Chunked())})}, TypeError, "obj.load.* but 'a' .*Chunked"),
    (COARSEN, {"window": 2}, TypeError, "window must be a mapping of dimensions to sizes, not 2"),
    (COARSEN, {"window": {}}, ValueError, "window must name at least one dimension"),
    (COARSEN, {"window": {"z": 2}}, ValueError, "window must name some of 't', 'y', 'x', not 'z'"),
    (COARSEN, {"obj": xarray.DataArray(3.0)}, ValueError, "window must name some of none, not 'x'"),
    (COARSEN, {"window": {"x": 0}}, ValueError, r"window\['x'\] must be at least 1, not 0"),
    (COARSEN, {"window": {"x": -3}}, ValueError, r"window\['x'\] must be at least 1, not -3"),
    (COARSEN, {"window": {"x": 2.0}}, TypeError, r"window\['x'\] must be an integer, not 2.0"),
    (COARSEN, {"window": {"x": True}}, TypeError, r"window\['x'\] must be an integer, not True"),
    (COARSEN, {"window": {"x": None}}, TypeError, r"window\['x'\] must be an integer, not None"),
    (COARSEN, {"window": {"x": cypool.Windows.whole()}}, TypeError, r"window\['x'\] must be an integer"),
    (COARSEN, {"window": {"x": 3}}, ValueError, r"window\['x'\] must divide 20, .*not 3 \(boundary='exact'"),
    (COARSEN, {"window": {"x": 21}, "boundary": "trim"}, ValueError, r"window\['x'\] must be at most 20, .*, not 21"),
    (COARSEN, {"boundary": "none"}, ValueError, "boundary must be one of exact, trim, pad, not 'none'"),
    (COARSEN, {"boundary": None}, TypeError, "boundary must be a string, not None"),
    (COARSEN, {"boundary": {"y": "trim"}}, ValueError, "boundary must name some of 'x', not 'y'"),
    (COARSEN, {"boundary": ("trim",)}, TypeError, "boundary must be one value or a mapping"),
    (COARSEN, {"side": "top"}, ValueError, "side must be one of left, right, not 'top'"),
    (COARSEN, {"side": {"x": 1}}, TypeError, "side must be a string, not 1"),
    (COARSEN, {"coord_func": "sum"}, ValueError, "coord_func must be one of mean, min, .*, not 'sum'"),
    (COARSEN, {"coord_func": None}, TypeError, "coord_func must be a string, not None"),
    (COARSEN, {"coord_func": {"lat": 3}}, TypeError, "coord_func must be a string, not 3"),
    (COARSEN, {"coord_func": {"lon": "max"}}, ValueError, "coord_func must name some of 't', .*, not 'lon'"),
    (COARSEN, {"obj": xarray.DataArray(np.ones(4), dims="x"), "coord_func": "no"}, ValueError, "coord_func must be"),
    (COARSEN, {"skipna": 1}, TypeError, "skipna must be True or False, not 1"),
    (COARSEN, {"skipna": True, "reduce": lambda a, axis: a}, TypeError, "nan_policy='omit' does not go with"),
    (COARSEN, {"keep_attrs": "yes"}, TypeError, "keep_attrs must be True or False, not 'yes'"),
    (COARSEN, {"reduce": "mena"}, ValueError, "reduce must be one of .*, not 'mena'"),
    (COARSEN, {"reduce": 3}, TypeError, "reduce must be a name or a callable, not 3"),
    (COARSEN, {"reduce": "quantile", "q": 2}, ValueError, "q must be from 0 to 1, not 2"),
    (COARSEN, {"q": 0.5}, TypeError, "reduce='mean' takes no option 'q'"),
    (COARSEN, {"stride": 2}, TypeError, "stride is no argument of this function"),
    (COARSEN, {"nan_policy": "omit"}, TypeError, "nan_policy is no argument of this function"),
    (COARSEN, {"min_count": -1}, ValueError, "min_count must be at least 0, not -1"),
    (COARSEN, {"obj": cube()["t"], "window": {"t": 2}, "reduce": "std"}, ValueError, "reduce of times .* not 'std'"),
    (COARSEN, {"obj": cube()["t"], "window": {"t": 2}, "reduce": np.sum}, ValueError, "reduce of times .* not 'sum'"),
    (POOL, {"window": {"x": "4"}}, TypeError, r"window\['x'\] must be an integer, not '4'"),
    (POOL, {"window": {"q": 4}}, ValueError, "window must name some of 't', 'y', 'x', not 'q'"),
    (POOL, {"stride": {"y": 2}}, ValueError, "stride must name some of 'x', not 'y'"),
    (POOL, {"stride": (2,)}, TypeError, "stride must be one value or a mapping"),
    (POOL, {"stride": 0}, ValueError, "stride must be at least 1, not 0"),
    (POOL, {"padding": {"x": "all"}}, ValueError, "padding must be .*, not 'all'"),
    (POOL, {"dilation": {"x": 1.5}}, TypeError, "dilation must be an integer, not 1.5"),
    (POOL, {"window": {"x": cypool.Windows.whole()}, "stride": 2}, ValueError, "stride is part of Windows"),
    (POOL, {"where": np.ones(20, bool)}, TypeError, "where must be a DataArray of bool, not a ndarray"),
    (POOL, {"where": xarray.DataArray(np.ones(20), dims="x")}, TypeError, "where must be an array of bool, not float"),
    (POOL, {"where": xarray.DataArray(np.ones(9, bool), dims="x")}, ValueError, "x"),
    (POOL, {"where": xarray.DataArray([True], dims="w")}, ValueError, "where must name some of 't', 'y', 'x', not 'w'"),
    (POOL, {"axes": (0,)}, TypeError, "axes is no argument of this function"),
    (POOL, {"out": np.zeros(5)}, TypeError, "out is no argument of this function"),
    (POOL, {"return_indices": True}, TypeError, "return_indices is no argument of this function"),
    (POOL, {"border": "round"}, ValueError, "border must be one of .*, not 'round'"),
    (POOL, {"workers": 0}, ValueError, "workers"),
]  # fmt: skip


@pytest.mark.parametrize("func, given, error, message", BAD)
def test_bad_input(func, given, error, message):
    with pytest.raises(error, match=message):
        func(**{"obj": cube(), "window": {"x": 4}, **given})


def test_errors_say_which_variable():
    with pytest.raises(ValueError, match="covers 21 cells") as caught:
        POOL(cube().drop_vars(["wave", "lat", "hours"]), {"x": 21})
    assert "'heat' has dimensions ('t', 'y', 'x')" in operator.attrgetter("__notes__")(caught.value)[0]


def test_docstrings():
    assert not doctest.testmod(cypool.xarray).failed
