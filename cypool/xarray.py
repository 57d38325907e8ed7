"""Pooling of xarray's DataArray and Dataset by dimension name, coordinates and attributes included.

    import cypool.xarray

    cypool.xarray.coarsen(image, {"y": 4, "x": 4})           # image.coarsen(y=4, x=4).mean()
    cypool.xarray.pool(image, {"y": 3, "x": 3}, "median", stride=1, padding=1)
    image.cypool.coarsen({"time": 7}, "quantile", q=0.9)     # the same functions as methods

Coordinates of the pooled dimensions are pooled in the same windows by `coord_func`; names, attributes and all
that does not have these dimensions stay.  Data must be NumPy arrays in memory (or on disk, not chunked).

Where xarray's `coarsen` accepts arguments, its results are xarray's, but for these:

* ``boundary="pad"`` adds nothing to the data: integers and bools stay what they are (xarray makes them floats or
  objects, to fill them up with NaN), and what is missing takes no part, whatever the function or `skipna`;
* a single `coord_func` holds for all coordinates (xarray: for those named as a dimension, the others are means);
* means of times are exact, rounded to the nearest unit (xarray: float64, cut off); NaT always take no part;
* a dimension without a single whole window is a ValueError (xarray: length 0).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

try:
    import xarray
except ModuleNotFoundError as _error:
    if _error.name != "xarray":
        raise
    raise ImportError("cypool.xarray needs xarray, which is not installed: pip install 'cypool[xarray]'") from _error

from . import pooling
from .arguments import boolean, integer, is_sequence, shown, text, typed
from .reducers import find
from .windows import Windows

__all__ = ["coarsen", "pool"]

Obj = TypeVar("Obj", "xarray.DataArray", "xarray.Dataset")
Reduce = str | Callable[..., Any]
Keywords = Mapping[str, Any]

PLACES = ("mean", "min", "max", "median", "first", "mode")  # reducers that turn places into a place, times into a time
ARGUMENTS = inspect.signature(pooling.pool).parameters.keys()


def _known(names: Collection[Hashable], allowed: Collection[Hashable], name: str) -> None:
    for one in names:
        if one not in allowed:
            raise ValueError(f"{name} must name some of {', '.join(map(repr, allowed)) or 'none'}, not {shown(one)}")


def _window(obj: Any, window: Any, keywords: Keywords, passed: Collection[str], *kinds: type) -> dict[Hashable, Any]:
    """The window of each pooled dimension: an integer, or one of `kinds`.  Of pool's keywords `passed` may be there."""
    for name in ARGUMENTS & keywords.keys() - passed:
        raise TypeError(f"{name} is no argument of this function (of those of cypool.pool it takes {sorted(passed)})")
    if not isinstance(obj, (xarray.DataArray, xarray.Dataset)):
        raise TypeError(f"obj must be a DataArray or a Dataset, not a {type(obj).__name__}")
    if not isinstance(window, Mapping):
        raise TypeError(f"window must be a mapping of dimensions to sizes, not {typed(window)}")
    if not window:
        raise ValueError("window must name at least one dimension, not {}")
    _known(window, tuple(obj.dims), "window")
    return {d: w if isinstance(w, kinds) else integer(w, f"window[{shown(d)}]", 1) for d, w in window.items()}


def _of_dims(value: Any, defaults: Mapping[Hashable, Any], name: str) -> Any:
    """A value for all pooled dimensions, or a dict with one for each of them."""
    if isinstance(value, Mapping):
        _known(value, defaults, name)
        return {d: value.get(d, default) for d, default in defaults.items()}
    if is_sequence(value):
        raise TypeError(f"{name} must be one value or a mapping of dimensions to values, not {shown(value)}")
    return value


def _choices(value: Any, dims: Collection[Hashable], allowed: Sequence[str], name: str) -> dict[Hashable, str]:
    """One of the strings `allowed` for each dimension, by default the first."""
    given = _of_dims(value, dict.fromkeys(dims, allowed[0]), name)
    return {d: text(given[d] if isinstance(given, dict) else given, allowed, name) for d in dims}


def _pool_variable(
    name: Hashable, variable: Any, keep: bool, geometry: Keywords, reduce: Reduce, keywords: Keywords, floats: Keywords
) -> Any:
    """One variable, pooled if it has a dimension to pool; `floats`: keywords for floating data alone."""
    dims = tuple(d for d in geometry["window"] if d in variable.dims)
    if not dims:
        return variable
    x = variable.data
    if not isinstance(x, np.ndarray):
        kind = f"{type(x).__module__}.{type(x).__name__}"
        raise TypeError(f"obj must be of NumPy arrays in memory (obj.load() makes them), but {shown(name)} is a {kind}")
    if x.dtype.kind not in "biufcmM":
        raise TypeError(
            f"{shown(name)} must be of numbers or times, not {x.dtype} (obj.drop_vars leaves variables out)"
        )
    given: dict[str, Any] = {k: tuple(v[d] for d in dims) if isinstance(v, dict) else v for k, v in geometry.items()}
    given |= {**keywords, **(floats if x.dtype.kind in "fc" else {})}
    if given.get("where") is not None:
        _known(given["where"].dims, variable.dims, "where")
        given["where"] = given["where"].variable.set_dims(dict(variable.sizes)).data
    final = x.dtype.newbyteorder("=") if x.dtype.kind in "mM" else None
    if final is not None:
        if found := find(reduce):
            text(found[0].name, (*PLACES, "quantile"), f"reduce of times ({shown(name)})")
        if np.isnat(x).any():
            given["where"] = ~np.isnat(x) & (True if given.get("where") is None else given["where"])
        given |= {"dtype": np.int64, "fill_value": np.iinfo(np.int64).min}  # the latter is NaT
        x = x.astype(final, copy=False).view(np.int64)
    try:
        result = pooling.pool(x, reduce=reduce, axes=tuple(variable.dims.index(d) for d in dims), **given)
    except (TypeError, ValueError) as error:
        error.add_note(f"{name!r} has dimensions {variable.dims}, shape {variable.shape}, dtype {variable.dtype}")
        raise
    result = result if final is None else result.view(final)
    return xarray.Variable(variable.dims, result, variable.attrs if keep else None, variable.encoding)


def _pool_coords(obj: Any, keep: bool, geometry: Keywords, coord_func: Any, workers: Any) -> Any:
    """The coordinates, those of the pooled dimensions pooled."""
    names = tuple(dict.fromkeys((*obj.coords, *obj.dims)))
    given = coord_func if isinstance(coord_func, Mapping) else dict.fromkeys(names, coord_func)
    _known(given, names, "coord_func")
    funcs = {c: func if callable(func) else text(func, PLACES, "coord_func") for c, func in given.items()}
    pooled = {}
    for c, coord in obj.coords.items():
        if not geometry["window"].keys().isdisjoint(coord.dims):
            func = funcs.get(c, "mean")
            more = {"workers": workers} if callable(func) else {"workers": workers, "nan_policy": "omit"}
            pooled[c] = _pool_variable(c, coord.variable, keep, geometry, func, more, {})
    return obj.coords.to_dataset().drop_vars(list(pooled)).coords.merge(xarray.Coordinates(pooled)).coords


def _pool(
    obj: Any, geometry: Keywords, reduce: Reduce, coord_func: Any, keep_attrs: Any, keywords: Keywords, floats: Keywords
) -> Any:  # fmt: skip
    """The data and the coordinates."""
    find(reduce)
    keep = boolean(keep_attrs, "keep_attrs")
    coords = _pool_coords(obj, keep, geometry, coord_func, keywords.get("workers"))
    given = (keep, geometry, reduce, keywords, floats)
    if isinstance(obj, xarray.DataArray):
        data = _pool_variable(obj.name, obj.variable, *given)
        if obj.name in coords:  # a coordinate, taken out as an array
            coords = coords.assign({obj.name: data})
        return xarray.DataArray(data, coords=coords, name=obj.name)
    found = {name: _pool_variable(name, array.variable, *given) for name, array in obj.data_vars.items()}
    result = xarray.Dataset(found, coords=coords, attrs=obj.attrs)
    return result if keep else result.drop_attrs()


def pool(
    obj: Obj, window: Mapping[Any, int | Windows], reduce: Reduce = "max", *, stride: Any = None, padding: Any = 0,
    dilation: Any = 1, ceil_mode: bool = False, where: xarray.DataArray | None = None, coord_func: Any = "mean",
    keep_attrs: bool = True, **keywords: Any,
) -> Obj:  # fmt: skip
    """Pool a DataArray or Dataset over named dimensions: `cypool.pool`, and coordinates to match.

    Parameters
    ----------
    obj : DataArray or Dataset
        Numbers, or times for reducers that give a time (``"mean" "min" "max" "median" "first" "mode"
        "quantile"``; NaT take no part).
    window : mapping of dimension to int or Windows
        Cells of a window.
    reduce, stride, padding, dilation, ceil_mode
        As in `cypool.pool`; a stride, padding or dilation is one value for all dimensions or a mapping, as
        ``padding={"x": (1, 0)}``, where dimensions left out have the default.
    where : DataArray of bool, optional
        Cells that are False take no part; its dimensions are some of those of the data, its labels the same.
    coord_func : str, callable, or mapping of coordinate to these
        What coordinates of the pooled dimensions are reduced by: ``"mean" "min" "max" "median" "first" "mode"``, or
        a callable as in `cypool.pool` (times reach it as int64).  A coordinate left out of a mapping is averaged.
        Padded cells and NaN take no part, whatever the border of the data.
    keep_attrs : bool
        Keep attributes.
    **keywords
        As in `cypool.pool`: border, border_value, nan_policy, min_count, fill_value, dtype, workers, options.

    Returns
    -------
    DataArray or Dataset
        As `obj`, the pooled dimensions shorter.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `cypool.pool` does; an unknown dimension or coordinate; data that are chunked (dask), or neither numbers
        nor times; a `where` whose labels differ.

    Examples
    --------
    >>> import cypool.xarray, xarray
    >>> x = xarray.DataArray([1, 5, 2, 4, 3], {"t": [0, 10, 20, 30, 40]}, name="height")
    >>> cypool.xarray.pool(x, {"t": 3}, "max", stride=1)
    <xarray.DataArray 'height' (t: 3)> Size: 24B
    array([5, 5, 4])
    Coordinates:
      * t        (t) float64 24B 10.0 20.0 30.0
    """
    passed = {"border", "border_value", "nan_policy", "min_count", "fill_value", "dtype", "workers"}
    sizes = _window(obj, window, keywords, passed, Windows)
    if where is not None:
        if not isinstance(where, xarray.DataArray):
            raise TypeError(f"where must be a DataArray of bool, not a {type(where).__name__}")
        xarray.align(obj, where, join="exact", copy=False)
    geometry = {
        "window": sizes, "stride": _of_dims(stride, sizes, "stride"), "ceil_mode": ceil_mode,
        "padding": _of_dims(padding, dict.fromkeys(sizes, 0), "padding"),
        "dilation": _of_dims(dilation, dict.fromkeys(sizes, 1), "dilation"),
    }  # fmt: skip
    result: Obj = _pool(obj, geometry, reduce, coord_func, keep_attrs, {"where": where, **keywords}, {})
    return result


def coarsen(
    obj: Obj, window: Mapping[Any, int], reduce: Reduce = "mean", *, boundary: Any = "exact", side: Any = "left",
    skipna: bool | None = None, min_count: int | None = None, fill_value: Any = None, coord_func: Any = "mean",
    keep_attrs: bool = True, **keywords: Any,
) -> Obj:  # fmt: skip
    """Reduce blocks over named dimensions: ``obj.coarsen(window, boundary, side, coord_func).reduce()`` of xarray.

    Parameters
    ----------
    obj, reduce, coord_func, keep_attrs
        As in `pool`.
    window : mapping of dimension to int
        Cells of a block.
    boundary : {"exact", "trim", "pad"}, or mapping of dimension to these
        Where blocks do not divide a dimension: raise ValueError, drop the rest, or reduce what there is of it.
    side : {"left", "right"}, or mapping of dimension to these
        Where the first whole block starts (``"left"``), or the last one ends.
    skipna : bool, optional
        Whether NaN take no part.  Default: as in xarray True, but for ``"any"`` and ``"all"``, where a NaN is true,
        and functions, which see them.
    min_count, fill_value : optional
        A block in which fewer cells take part is `fill_value`, by default NaN (integers and times: as in `pool`).
    **keywords
        As in `pool`: dtype, workers, options.

    Returns
    -------
    DataArray or Dataset
        As `obj`, the pooled dimensions shorter.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `pool` does; blocks that do not divide a dimension (``"exact"``), or that are longer (``"trim"``).

    Examples
    --------
    >>> import cypool.xarray, numpy as np, xarray
    >>> x = xarray.DataArray([1.0, np.nan, 3.0, 5.0, 7.0], {"t": [0, 10, 20, 30, 40]})
    >>> cypool.xarray.coarsen(x, {"t": 2}, boundary="pad")
    <xarray.DataArray (t: 3)> Size: 24B
    array([1., 4., 7.])
    Coordinates:
      * t        (t) float64 24B 5.0 25.0 40.0
    >>> x.cypool.coarsen({"t": 2}, "quantile", q=1, boundary="trim", side="right", coord_func="max").values
    array([3., 7.])
    """
    sizes = _window(obj, window, keywords, {"dtype", "workers"})
    rules = _choices(boundary, sizes, ("exact", "trim", "pad"), "boundary")
    sides = _choices(side, sizes, ("left", "right"), "side")
    kept, padding = {}, {}
    for d, size in sizes.items():
        n, left = obj.sizes[d], sides[d] == "left"
        rest = n % size
        if (rules[d] == "exact" and rest) or (rules[d] == "trim" and size > n):
            must = "divide" if rules[d] == "exact" else "be at most"
            raise ValueError(f"window[{shown(d)}] must {must} {n}, its length, not {size} (boundary={rules[d]!r})")
        if rules[d] == "trim":
            kept[d] = slice(n - rest) if left else slice(rest, None)
        lacking = -n % size if rules[d] == "pad" else 0
        padding[d] = (0, lacking) if left else (lacking, 0)
    skips = isinstance(reduce, str) and reduce not in ("any", "all") if skipna is None else boolean(skipna, "skipna")
    least = 1 if min_count is None else integer(min_count, "min_count", 0)
    empty = fill_value if fill_value is not None or min_count is None or not least else np.nan
    floats = {"nan_policy": "omit" if skips else "propagate", "fill_value": empty}
    keywords |= {"min_count": least, "fill_value": fill_value}
    geometry = {"window": sizes, "padding": padding}
    result: Obj = _pool(obj.isel(kept), geometry, reduce, coord_func, keep_attrs, keywords, floats)
    return result


class Accessor:
    """``obj.cypool``: `pool` and `coarsen` as methods of DataArray and Dataset."""

    def __init__(self, obj: Any) -> None:
        self.pool: Callable[..., Any] = partial(pool, obj)
        self.coarsen: Callable[..., Any] = partial(coarsen, obj)


for _register in ("register_dataarray_accessor", "register_dataset_accessor"):
    getattr(xarray, _register)("cypool")(Accessor)
