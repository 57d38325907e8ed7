"""Where the windows of a call lie: its arguments turned into one `Span` for each pooled axis.

Nothing here sees data, and every error about geometry comes from here, `arguments` or `windows`.
"""

from __future__ import annotations

import math
from typing import Any

from .arguments import (
    MOST_AXES,
    TOO_LARGE,
    boolean,
    entries,
    few,
    integer,
    is_sequence,
    per_axis,
    pooled_axes,
    pooled_length,
    shown,
    text,
)
from .spans import Span, pooled_shape
from .windows import Windows

__all__ = ["BORDERS", "output_shape", "resolve"]

BORDERS = ("ignore", "constant", "reflect", "symmetric", "edge", "wrap")


def _given(value: Any, default: Any) -> bool:
    return not (value is default or (isinstance(value, type(default)) and value == default))


def resolve(
    shape: tuple[int, ...],
    window: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: Any = False,
    axes: Any = None,
    border: str = "ignore",
    array: str = "x",
) -> dict[int, Span]:
    """The windows of each pooled axis, in the order of the array's axes."""
    where = pooled_axes(axes, len(shape), window, array=array)
    count = len(where)
    windows = entries(window, count, "window")
    ceil_mode = boolean(ceil_mode, "ceil_mode")
    text(border, BORDERS, "border")
    spans = {}
    if any(isinstance(w, Windows) for w in windows):
        for value, default, name in ((stride, None, "stride"), (padding, 0, "padding"), (dilation, 1, "dilation")):
            if _given(value, default):
                raise ValueError(f"{name} is part of Windows: it must not be given beside them, not {shown(value)}")
        if ceil_mode:
            raise ValueError("ceil_mode is part of Windows: it must not be given beside them")
    strides = (None,) * count if stride is None else per_axis(stride, count, "stride", 1)
    paddings = entries(padding, count, "padding")
    dilations = per_axis(dilation, count, "dilation", 1)
    for axis, w, s, p, d in zip(where, windows, strides, paddings, dilations, strict=True):
        if not isinstance(w, Windows):
            w = Windows.sliding(w, s, p, d, ceil_mode)
        n = pooled_length(shape, axis, array)
        span = spans[axis] = w.resolve(n, f"axis {axis}")
        most = n - 1 if border == "reflect" else n
        if BORDERS.index(border) > 1 and max(span.before, span.after) > most:
            raise ValueError(
                f"padding: border {shown(border)} mirrors at most {most} cells of axis {axis} (length {n}), "
                f"not {max(span.before, span.after)}"
            )
    if math.prod(max(span.longest, 1) for span in spans.values()) >= TOO_LARGE:
        raise ValueError(f"window {shown(window)} has 2**62 cells or more")
    return dict(sorted(spans.items()))


def output_shape(
    shape: Any,
    window: Any,
    *,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    axes: Any = None,
) -> tuple[int, ...]:
    """Shape of the result of `pool`, without data.

    Parameters
    ----------
    shape : sequence of int
        Shape of the input.
    window, stride, padding, dilation, ceil_mode, axes
        As in `pool`.

    Returns
    -------
    tuple of int
        On each pooled axis ``floor((n + before + after - d (k - 1) - 1) / s) + 1``.

    Raises
    ------
    TypeError, ValueError
        As `pool` does.

    Examples
    --------
    >>> import cypool
    >>> cypool.output_shape((1, 3, 224, 224), (3, 3), stride=2, padding=1)
    (1, 3, 112, 112)
    """
    if not is_sequence(shape):
        raise TypeError(f"shape must be a sequence of integers, not {shown(shape)}")
    sizes = tuple(integer(n, "shape", 0) for n in few(shape, f"shape must have at most {MOST_AXES} entries"))
    spans = resolve(sizes, window, stride, padding, dilation, ceil_mode, axes, array="shape")
    return pooled_shape(sizes, spans)
