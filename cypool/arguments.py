"""Reading arguments: one normaliser for "a scalar, or one per axis", for every argument of that kind."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = [
    "TOO_LARGE", "as_array", "as_dtype", "boolean", "entries", "integer", "is_sequence", "lengths", "must_fit",
    "per_axis", "pooled_axes", "text",
]  # fmt: skip

MOST_AXES = 64  # that an array can have
TOO_LARGE = 2**62  # lengths and products of lengths stay below, so that no sum of two overflows


def integer(value: Any, name: str, minimum: int) -> int:
    """`value` as an int of at least `minimum` and below 2**62."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer, not {value!r} (a bool)")
    if isinstance(value, np.ndarray) and value.ndim:
        raise TypeError(f"{name} must be an integer, not {value!r} (an array)")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r} (a {type(value).__name__})") from None
    if number < minimum:
        raise ValueError(f"{name} must be at least {minimum}, not {number}")
    if number >= TOO_LARGE:
        raise ValueError(f"{name} must be below 2**62, not {number}")
    return number


def boolean(value: Any, name: str) -> bool:
    """`value` if it is a bool (Python's or NumPy's)."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, not {value!r} (a {type(value).__name__})")
    return bool(value)


def as_array(value: Any, name: str) -> np.ndarray[Any, Any]:
    """`value` as an array; NumPy's errors tell whose they are."""
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        raise (TypeError if isinstance(error, TypeError) else ValueError)(f"{name}: {error}") from None
    except MemoryError:
        raise MemoryError(f"{name} does not fit memory as an array: {len(value)} entries") from None


def as_dtype(value: Any, name: str) -> np.dtype[Any]:
    """`value` as a dtype; NumPy reads strings as lists of numbers, too, and what it raises depends on them."""
    try:
        found: np.dtype[Any] = np.dtype(value)
    except (TypeError, ValueError, SyntaxError, DeprecationWarning):
        raise TypeError(f"{name} must be a dtype, not {value!r}") from None
    return found


def must_fit(shape: Sequence[int], dtype: np.dtype[Any]) -> None:
    """MemoryError for a result that no memory holds, or that NumPy does not even describe: its empty axes do not make
    the others smaller."""
    described = math.prod(max(n, 1) for n in shape) * dtype.itemsize
    if described >= 2 * TOO_LARGE or (described >= TOO_LARGE and 0 not in shape):
        raise MemoryError(f"a result of shape {tuple(shape)} and dtype {dtype} does not fit memory")


def is_sequence(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview))


def few(value: Any, most: int, expected: str) -> tuple[Any, ...]:
    """The entries of a sequence, once (another thread may change a list), if there are at most so many."""
    if len(value) > most:
        raise ValueError(f"{expected}, not {len(value)} entries")
    return tuple(value)


def lengths(shape: Any, minimum: int) -> tuple[int, ...]:
    """The entries of an argument `shape`."""
    expected = f"shape must have at most {MOST_AXES} entries (one for each axis)"
    return tuple(integer(n, "shape", minimum) for n in few(shape, MOST_AXES, expected))


def entries(value: Any, count: int, name: str) -> tuple[Any, ...]:
    """`value` once for each of `count` axes, or its entries if it is a sequence."""
    if is_sequence(value):
        expected = f"{name} must be one value or {count} (one for each pooled axis)"
        given = few(value, max(count, MOST_AXES), expected)
        if len(given) != count:
            raise ValueError(f"{expected}, not {value!r}")
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
            raise ValueError(f"{name} must have 1 to {ndim} entries for an array of {ndim} dimensions, not {window!r}")
        return tuple(range(ndim - count, ndim))
    given = few(axes, MOST_AXES, f"axes must name at most {ndim} axes") if is_sequence(axes) else (axes,)
    if not given:
        raise ValueError("axes must name at least one axis, not ()")
    found = []
    for axis in given:
        number = integer(axis, "axes", -TOO_LARGE)
        if not -ndim <= number < ndim:
            raise ValueError(f"axes: axis {number} is out of bounds for an array of {ndim} dimensions")
        found.append(number % ndim)
    if len(set(found)) != len(found):
        raise ValueError(f"axes must not repeat, not {given!r}")
    return tuple(found)


def text(value: Any, allowed: Sequence[str], name: str) -> str:
    """`value` if it is one of the strings `allowed`."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {value!r} (a {type(value).__name__})")
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    return value
