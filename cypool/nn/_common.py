"""What the families share: torch's arguments turned into those of `pool`, which does the work.

A translation is kept, so that a call seen before costs one look-up, and so that `pool` meets the same
objects again and finds its plan at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import engine
from ..arguments import as_array, as_maskable, boolean, few, is_sequence, per_axis, renamed, shown, text, typed
from ..backward import pool_backward
from ..engine import cached
from ..kernels import calls
from ..pooling import pool
from ..windows import Windows, padding_of

__all__ = [
    "INPUT", "Array", "OutputSize", "Padding", "Ratio", "Size", "adaptive", "adaptive_backward", "backward", "forward",
    "geometry", "keep", "kept", "paddings", "sizes", "spatial_axes", "spread", "whole",
    "whole_backward",
]  # fmt: skip

Array = NDArray[Any]
Size = SupportsIndex | Sequence[SupportsIndex]
Padding = Size | str | Sequence[SupportsIndex | str | Sequence[SupportsIndex]]
Ratio = float | Sequence[float]
OutputSize = SupportsIndex | Sequence[SupportsIndex | None] | None

FORMATS = ("channels_first", "channels_last")

# ---- errors in the caller's words ------------------------------------------------------------------

KERNEL = (r"\bwindow(?= \d+ with | has | .* has 2\*\*62)", "kernel_size")
INPUT = (r"^x\b|(?<= of )x\b|(?<= to )x\b", "input")
NORM = (r"^p\b", "norm_type")


# ---- arguments -------------------------------------------------------------------------------------


def spatial_axes(nd: int, ndim: int, data_format: str, name: str) -> tuple[int, ...]:
    """The last `nd` axes, or those before the channels."""
    text(data_format, FORMATS, "data_format")
    if ndim - nd not in (1, 2):
        raise ValueError(f"{name} must have {nd + 1} dimensions, or {nd + 2} with a batch, not {ndim}")
    first = ndim - nd - (data_format == "channels_last")
    return tuple(range(first, first + nd))


def spread(value: Any, nd: int, name: str, one: str = "one integer") -> tuple[Any, ...]:
    """One entry for each axis; a sequence of one holds for all, as in torch."""
    if not is_sequence(value):
        return (value,) * nd
    expected = f"{name} must be {one} or {nd} (one for each spatial axis)"
    given = few(value, expected)
    if len(given) not in (1, nd):
        raise ValueError(f"{expected}, not {shown(value)}")
    return given * nd if len(given) == 1 else given


def sizes(value: Any, nd: int, name: str, minimum: int) -> tuple[int, ...]:
    return per_axis(spread(value, nd, name), nd, name, minimum)


def paddings(value: Any, nd: int) -> Any:
    """As `pool` takes it: an integer or a string, or for each axis a pair or a string."""
    if isinstance(value, str):
        return value
    given = spread(value, nd, "padding", 'one integer, "same", "same_lower", "valid"')
    pairs = tuple(p if isinstance(p, str) else padding_of(p, 1, 1, 1, 1) for p in given)
    first = pairs[0]
    if pairs.count(first) < nd or (not isinstance(first, str) and first[0] != first[1]):
        return pairs
    return first if isinstance(first, str) else first[0]


# ---- translations that are kept ----------------------------------------------------------------------


def kept(call: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...] | None, tuple[Any, ...]]:
    """The key of these arguments (None: of kinds that are not kept), what is kept for them, or None, and the
    arguments to be translated: lists, which others may change, as tuples."""
    key = calls.typed_key(call, ())
    if key is None:
        call = tuple(tuple(v) if type(v) is list else v for v in call)
        key = calls.typed_key(call, ())
    return key, cached(key), call


def keep(key: Any, value: tuple[Any, ...]) -> tuple[Any, ...]:
    engine.keep(key, value, 512)
    return value


def _alike(values: tuple[Any, ...]) -> Any:
    """One value for all axes, if that is what it is: `pool` reads it faster."""
    return values[0] if values.count(values[0]) == len(values) else values


def geometry(
    nd: int, ndim: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any, data_format: Any, name: str
) -> tuple[Any, ...]:
    """window, stride, padding, dilation and axes, as `pool` takes them."""
    key, found, call = kept((nd, ndim, kernel_size, stride, padding, dilation, data_format))
    if found is not None:
        return found
    _, _, kernel_size, stride, padding, dilation, _ = call
    axes = spatial_axes(nd, ndim, data_format, name)
    window = sizes(kernel_size, nd, "kernel_size", 1)
    steps = None if _missing(stride) else _alike(sizes(stride, nd, "stride", 1))
    gaps = _alike(sizes(dilation, nd, "dilation", 1))
    return keep(key, (window, steps, paddings(padding, nd), gaps, axes))


def _missing(stride: Any) -> bool:
    return stride is None or (is_sequence(stride) and len(stride) == 0)  # torch's default is []


def _adaptive(nd: int, ndim: int, output_size: Any, data_format: Any, name: str) -> tuple[Any, ...]:
    """windows and axes."""
    key, found, call = kept((nd, ndim, output_size, data_format))
    if found is not None:
        return found
    output_size = call[2]
    axes = spatial_axes(nd, ndim, data_format, name)
    given = spread(output_size, nd, "output_size", "one integer or None")
    windows = tuple(Windows.sliding(1) if n is None else Windows.adaptive(n) for n in given)
    return keep(key, (windows, axes))


def _whole(nd: int, ndim: int, data_format: Any, name: str) -> tuple[Any, ...]:
    """windows and axes."""
    key, found, _ = kept((nd, ndim, data_format))
    if found is not None:
        return found
    axes = spatial_axes(nd, ndim, data_format, name)
    return keep(key, (WHOLE[:nd], axes))


WHOLE = (Windows.whole(),) * 3


# ---- sliding windows ---------------------------------------------------------------------------------


def forward(
    nd: int, reduce: str, input: ArrayLike, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
    ceil_mode: bool, return_indices: bool, data_format: str, border: str, border_value: Any, where: Any,
    nan_policy: str, min_count: int, fill_value: Any, dtype: Any, out: Any, workers: int | None, **options: Any,
) -> Any:  # fmt: skip
    try:
        x = input if type(input) is np.ndarray else as_maskable(input, "input")
        window, steps, pads, gaps, axes = geometry(
            nd, x.ndim, kernel_size, stride, padding, dilation, data_format, "input"
        )
        return pool(
            x, window, reduce, stride=steps, padding=pads, dilation=gaps, ceil_mode=ceil_mode, axes=axes,
            border=border, border_value=border_value, where=where, nan_policy=nan_policy, min_count=min_count,
            fill_value=fill_value, return_indices=return_indices, dtype=dtype, out=out, workers=workers, **options,
        )  # fmt: skip
    except (TypeError, ValueError) as error:
        renamed(error, KERNEL, INPUT, NORM)


def backward(
    nd: int, reduce: str, grad: ArrayLike, x: ArrayLike, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
    ceil_mode: bool, indices: Any, data_format: str, border: str, border_value: Any, where: Any, nan_policy: str,
    min_count: int, fill_value: Any, out: Any, workers: int | None, **options: Any,
) -> Array:  # fmt: skip
    try:
        array = as_maskable(x, "x")
        window, steps, pads, gaps, axes = geometry(
            nd, array.ndim, kernel_size, stride, padding, dilation, data_format, "x"
        )
        return pool_backward(
            grad, array, window, reduce, stride=steps, padding=pads, dilation=gaps, ceil_mode=ceil_mode, axes=axes,
            border=border, border_value=border_value, where=where, nan_policy=nan_policy, min_count=min_count,
            fill_value=fill_value, indices=indices, out=out, workers=workers, **options,
        )  # fmt: skip
    except (TypeError, ValueError) as error:
        renamed(error, KERNEL, NORM)


# ---- windows of a given number, and one window ---------------------------------------------------------


def adaptive(
    nd: int, reduce: str, input: ArrayLike, output_size: Any, return_indices: bool, data_format: str, where: Any,
    nan_policy: str, min_count: int, fill_value: Any, dtype: Any, out: Any, workers: int | None, **options: Any,
) -> Any:  # fmt: skip
    try:
        x = input if type(input) is np.ndarray else as_maskable(input, "input")
        windows, axes = _adaptive(nd, x.ndim, output_size, data_format, "input")
        return pool(
            x, windows, reduce, axes=axes, where=where, nan_policy=nan_policy, min_count=min_count,
            fill_value=fill_value, return_indices=return_indices, dtype=dtype, out=out, workers=workers, **options,
        )  # fmt: skip
    except (TypeError, ValueError) as error:
        renamed(error, INPUT)


def adaptive_backward(
    nd: int, reduce: str, grad: ArrayLike, x: ArrayLike, output_size: Any, indices: Any, data_format: str, where: Any,
    nan_policy: str, min_count: int, fill_value: Any, out: Any, workers: int | None,
) -> Array:  # fmt: skip
    array = as_maskable(x, "x")
    windows, axes = _adaptive(nd, array.ndim, output_size, data_format, "x")
    return pool_backward(
        grad, array, windows, reduce, axes=axes, where=where, nan_policy=nan_policy, min_count=min_count,
        fill_value=fill_value, indices=indices, out=out, workers=workers,
    )  # fmt: skip


def whole(
    nd: int, reduce: str, input: ArrayLike, return_indices: bool, keepdims: bool, data_format: str, where: Any,
    nan_policy: str, min_count: int, fill_value: Any, dtype: Any, out: Any, workers: int | None,
) -> Any:  # fmt: skip
    try:
        x = input if type(input) is np.ndarray else as_maskable(input, "input")
        windows, axes = _whole(nd, x.ndim, data_format, "input")
        keepdims = boolean(keepdims, "keepdims")
        result = pool(
            x, windows, reduce, axes=axes, where=where, nan_policy=nan_policy, min_count=min_count,
            fill_value=fill_value, return_indices=return_indices, dtype=dtype, workers=workers,
            out=out if keepdims or out is None else _with_axes(out, x.ndim, axes, "out"),
        )  # fmt: skip
        if keepdims:
            return result
        if out is not None:
            return out
        return tuple(part.squeeze(axes) for part in result) if return_indices else result.squeeze(axes)
    except (TypeError, ValueError) as error:
        renamed(error, INPUT)


def whole_backward(
    nd: int, reduce: str, grad: ArrayLike, x: ArrayLike, indices: Any, keepdims: bool, data_format: str, where: Any,
    nan_policy: str, min_count: int, fill_value: Any, out: Any, workers: int | None,
) -> Array:  # fmt: skip
    array = as_maskable(x, "x")
    windows, axes = _whole(nd, array.ndim, data_format, "x")
    if not boolean(keepdims, "keepdims"):
        grad = _with_axes(as_array(grad, "grad"), array.ndim, axes, "grad")
        indices = None if indices is None else _with_axes(as_maskable(indices, "indices"), array.ndim, axes, "indices")
    return pool_backward(
        grad, array, windows, reduce, axes=axes, where=where, nan_policy=nan_policy, min_count=min_count,
        fill_value=fill_value, indices=indices, out=out, workers=workers,
    )  # fmt: skip


def _with_axes(array: Any, ndim: int, axes: tuple[int, ...], name: str) -> Any:
    """A view with the pooled axes, of length 1, or a view of each of a pair."""
    if isinstance(array, (tuple, list)):
        return tuple(_with_axes(part, ndim, axes, name) for part in array)
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be an ndarray, not {typed(array)}")
    if array.ndim != ndim - len(axes):
        raise ValueError(f"{name} must have {ndim - len(axes)} dimensions (keepdims is False), not {array.ndim}")
    return np.expand_dims(array, axes)
