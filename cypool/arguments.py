"""Reading arguments: one normaliser for "a scalar, or one per axis", for every argument of that kind."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "TOO_LARGE", "as_array", "as_dtype", "as_maskable", "boolean", "entries", "few", "floats", "fraction", "integer",
    "is_sequence", "must_fit", "one_of", "per_axis", "plain_number", "pooled_axes", "pooled_length", "ratio_of", "real",
    "real_array", "renamed", "shown", "text", "typed",
]  # fmt: skip

MOST_AXES = 64  # that an array can have
LONGEST = 200  # characters of a value in a message
TOO_LARGE = 2**62  # lengths and products of lengths stay below, so that no sum of two overflows


def pooled_length(shape: Sequence[Any], axis: int, name: str = "x") -> Any:
    """The length of an axis that is pooled: not 0 (None: not known)."""
    if shape[axis] == 0:
        raise ValueError(f"{name}: axis {axis} is pooled and must not have length 0 (shape {tuple(shape)})")
    return shape[axis]


def shown(value: Any) -> str:
    """`value` as a message shows it: short, whatever it is."""
    try:
        text = repr(value)
    except Exception:  # an int of too many digits, or a __repr__ of the caller's
        return f"one that cannot be printed, of type {type(value).__name__}"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."


def typed(value: Any) -> str:
    """`value` with its type."""
    return f"{shown(value)} (a {type(value).__name__})"


def integer(value: Any, name: str, minimum: int) -> int:
    """`value` as an int of at least `minimum` and below 2**62."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer, not {shown(value)} (a bool)")
    if isinstance(value, np.ndarray) and value.ndim:
        raise TypeError(f"{name} must be an integer, not {shown(value)} (an array)")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {typed(value)}") from None
    if number < minimum:
        raise ValueError(f"{name} must be at least {minimum}, not {shown(number)}")
    if number >= TOO_LARGE:
        raise ValueError(f"{name} must be below 2**62, not {shown(number)}")
    return number


def real(value: Any, name: str, allowed: str = "a real number") -> float:
    """`value` as a float, from an int or a float (Python's or NumPy's)."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be {allowed}, not {typed(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} must be {allowed} that a float64 can hold, not {shown(value)}") from None


def plain_number(value: Any, name: str) -> Any:
    """`value` as a number of Python's."""
    if isinstance(value, int):
        return value
    array = as_array(None if is_sequence(value) else value, name)  # it may be long
    if array.ndim or array.dtype.kind not in "biufc" or value is np.ma.masked:
        raise TypeError(f"{name} must be a number, not {typed(value)}")
    return array.item()


def as_array(value: Any, name: str) -> NDArray[Any]:
    """`value` as a plain array: no subclass, and without the mask of a masked one."""
    if type(value).__module__.partition(".")[0] == "dask":  # np.asarray would compute it
        raise TypeError(f"{name} must be in memory, not a dask array: those are for cypool.dask.pool and its relatives")
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} must be an array or what NumPy turns into one: {error}") from None
    except MemoryError:
        raise MemoryError(f"{name} does not fit memory as an array") from None


def as_maskable(value: Any, name: str) -> NDArray[Any]:
    """`value` as an array, or as the masked array that it is."""
    return value if isinstance(value, np.ma.MaskedArray) else as_array(value, name)


def as_dtype(value: Any, name: str) -> np.dtype[Any]:
    """`value` as a dtype; what NumPy raises depends on the string, and has its repr."""
    try:
        found: np.dtype[Any] = np.dtype(value)
    except Exception:
        raise TypeError(f"{name} must be a dtype, not {shown(value)}") from None
    return found


def must_fit(shape: Sequence[int], dtype: np.dtype[Any], name: str = "a result") -> None:
    """MemoryError for an array that no memory holds, or that NumPy does not even describe: its empty axes do not make
    the others smaller."""
    described = math.prod(max(n, 1) for n in shape) * dtype.itemsize
    if described >= 2 * TOO_LARGE or (described >= TOO_LARGE and 0 not in shape):
        raise MemoryError(f"{name} of shape {tuple(shape)} and dtype {dtype} does not fit memory")


def cast_to(array: NDArray[Any], dtype: Any, name: str) -> NDArray[Any]:
    """The array in a dtype, if there is room for it (one of no strides takes none)."""
    must_fit(array.shape, np.dtype(dtype), name)
    return array.astype(dtype, copy=False)


def real_array(value: Any, name: str) -> NDArray[np.float64]:
    """`value` as finite float64."""
    array = as_array(value, name)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be real numbers, not {array.dtype}")
    array = cast_to(array, np.float64, name)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, not {shown(value)}")
    return array


def fraction(value: Any, name: str) -> float:
    """`value` as a float from 0 to 1."""
    number = real(value, name)
    if not 0 <= number <= 1:
        raise ValueError(f"{name} must be from 0 to 1, not {shown(value)}")
    return number


def ratio_of(value: Any) -> float:
    """`value` as input length over output length."""
    number = real(value, "ratio")
    if not 1 <= number < math.inf:
        raise ValueError(f"ratio must be at least 1 (input / output) and finite, not {shown(value)}")
    return number


def one_of(first: Any, second: Any, names: str) -> None:
    """ValueError unless one of two arguments is given."""
    if (first is None) == (second is None):
        raise ValueError(f"give {names}, not both or none: {shown(first)} and {shown(second)}")


def floats(x: Any, name: str = "x") -> NDArray[Any]:
    """x in its own floating dtype, or float64; a masked one keeps its mask."""
    array = as_maskable(x, name)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise TypeError(f"{name} must be bool, integers or floats, not {array.dtype}")
    return cast_to(array, array.dtype.newbyteorder("=") if array.dtype.kind == "f" else np.float64, name)


def boolean(value: Any, name: str) -> bool:
    """`value` if it is a bool (Python's or NumPy's)."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, not {typed(value)}")
    return bool(value)


def is_sequence(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview))


def few(value: Any, expected: str) -> tuple[Any, ...]:
    """The entries of a sequence, once (another thread may change a list), if they are no more than axes can be."""
    if len(value) > MOST_AXES:
        raise ValueError(f"{expected}, not {len(value)} entries")
    return tuple(value)


def entries(value: Any, count: int, name: str) -> tuple[Any, ...]:
    """`value` once for each of `count` axes, or its entries if it is a sequence."""
    if is_sequence(value):
        expected = f"{name} must be one value or {count} (one for each pooled axis)"
        given = few(value, expected)
        if len(given) != count:
            raise ValueError(f"{expected}, not {shown(value)}")
        return given
    return (value,) * count


def per_axis(value: Any, count: int, name: str, minimum: int) -> tuple[int, ...]:
    """One integer for each of `count` axes, from a scalar or a sequence of that length.

    >>> per_axis(2, 3, "window", 1)
    (2, 2, 2)
    """
    return tuple(integer(entry, name, minimum) for entry in entries(value, count, name))


def pooled_axes(axes: Any, ndim: int, window: Any, name: str = "window", array: str = "x") -> tuple[int, ...]:
    """The axes to pool, in the caller's order: `axes`, or all of them if the window is one value,
    or the last ones if it is a sequence."""
    if ndim == 0:
        raise ValueError(f"{array} must have at least one dimension, not 0")
    if axes is None:
        count = len(window) if is_sequence(window) else ndim
        if not 0 < count <= ndim:
            allowed = f"1 to {ndim} entries for an array of {ndim} dimensions"
            raise ValueError(f"{name} must have {allowed}, not {shown(window)}")
        return tuple(range(ndim - count, ndim))
    given = few(axes, f"axes must name at most {ndim} axes") if is_sequence(axes) else (axes,)
    if not given:
        raise ValueError("axes must name at least one axis, not ()")
    found = []
    for axis in given:
        number = integer(axis, "axes", -TOO_LARGE)
        if not -ndim <= number < ndim:
            raise ValueError(f"axes: axis {number} is out of bounds for an array of {ndim} dimensions")
        found.append(number % ndim)
    if len(set(found)) != len(found):
        raise ValueError(f"axes must not repeat, not {shown(given)}")
    return tuple(found)


def renamed(error: Exception, *names: tuple[str, str]) -> NoReturn:
    """Raises the error again, the arguments of `pool` called by the names they have for the caller."""
    before = after = str(error)
    for old, new in names:
        after = re.sub(old, new, after)
    if after == before:
        raise error
    raise (TypeError if isinstance(error, TypeError) else ValueError)(after) from None


def text(value: Any, allowed: Sequence[str], name: str) -> str:
    """`value` if it is one of the strings `allowed`."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {typed(value)}")
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {shown(value)}")
    return value
