"""What holds for every call: which errors there may be, inputs that stay as they were, the same bits in any way."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from compared import bits

import cypool
from cypool import dispatch

ERRORS = (TypeError, ValueError, IndexError, MemoryError)
ROOM, FAR = 1 << 14, 1 << 48  # cells of a result: these are made, and from these on none can be


class Refused(str):
    """Kind and text of an error that a call may raise."""


def outcome(function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
    """The result, or Refused; other errors pass."""
    try:
        return function(*args, **keywords)
    except ERRORS as error:
        assert str(error).strip(), f"{type(error).__name__} without a text"
        return Refused(f"{type(error).__name__}: {error}")


def names(function: Callable[..., Any], given: Iterable[str]) -> set[str]:
    """What an error may speak of: the arguments, and the place of a window."""
    return {*inspect.signature(function).parameters, *given, "window"}


def explains(error: Refused, words: Iterable[str]) -> None:
    """An error names an argument, unless it is about memory."""
    named = any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", error) for word in words)
    assert named or error.startswith("MemoryError"), f"names no argument: {error}"


def contents(value: Any) -> Any:
    """What arrays hold, to see that a call does not change them."""
    if isinstance(value, np.ma.MaskedArray):
        return contents(value.data), contents(np.ma.getmaskarray(value))
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.tobytes(), value.strides, value.dtype
    return [contents(v) for v in value] if isinstance(value, (tuple, list)) else None


def stays(function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
    """The outcome; what the arrays of the call hold is the same as before."""
    before = contents(args), contents([v for k, v in keywords.items() if k != "out"])
    found = outcome(function, *args, **keywords)
    assert (contents(args), contents([v for k, v in keywords.items() if k != "out"])) == before, "an input was modified"
    return found


def exact(value: Any) -> Any:
    """Bits of a result, to be compared; the sign of a zero is not fixed."""
    if isinstance(value, tuple):
        return tuple(map(exact, value))
    if isinstance(value, np.ma.MaskedArray):
        return exact(np.where(value.mask, value.dtype.type(0), value.data)), exact(np.ma.getmaskarray(value))
    if isinstance(value, np.ndarray):
        with np.errstate(invalid="ignore"):  # NaN that signal
            return value.shape, value.dtype, bits(value + value.dtype.type(0))
    return str(value)


def everywhere(function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
    """The outcome, which is the same for one worker and for three, on every CPU level, and when it is repeated."""
    first = stays(function, *args, workers=1, **keywords)
    for level in dispatch.levels():
        with dispatch._use(level):
            again = outcome(function, *args, workers=3, **keywords)
        assert exact(again) == exact(first), f"{level}, 3 workers: {again!r}, but 1 worker: {first!r}"
    return first


def bounded(shape: tuple[int, ...], call: dict[str, Any]) -> bool:
    """Whether the call may be made: its result is small, or cannot be made at all."""
    places = {k: v for k, v in call.items() if k in ("window", "stride", "padding", "dilation", "ceil_mode", "axes")}
    found = outcome(cypool.output_shape, shape, **places)
    return isinstance(found, Refused) or not ROOM < math.prod(found) < FAR
