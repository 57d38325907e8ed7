"""`block_reduce` and `pyramid`: calls of `pool`."""

from __future__ import annotations

from typing import Any

import numpy as np
from dask.array import Array, from_array

from .. import blocks
from ..levels import windows_of
from ..pyramid import reductions
from ..reducers import find
from .forward import described, pooled_lazily, stand_in
from .graph import known_chunks

__all__ = ["block_reduce_lazily", "pyramid_lazily"]


def block_reduce_lazily(
    image: Any, block_size: Any, func: Any, cval: Any, func_kwargs: Any, boundary: Any, channel_axis: Any, dtype: Any,
    workers: Any,
) -> Array:  # fmt: skip
    func = np.sum if func is None else func
    image = known_chunks(image, "image")
    array = stand_in(image, "image")
    x, axes, sizes = blocks.arguments("image", array, "block_size", block_size, channel_axis)
    call = blocks.block_call(x, axes, sizes, func, cval, func_kwargs, boundary, dtype, workers)
    if image.size == 0 and boundary == "pad":  # nothing to be lazy about
        nothing = np.ma.MaskedArray(np.zeros(image.shape, image.dtype)) if np.ma.isMaskedArray(x) else np.zeros_like(x)
        given = {"boundary": boundary, "channel_axis": channel_axis, "dtype": dtype}
        return from_array(blocks.block_reduce(nothing, block_size, func, cval, func_kwargs, **given))
    keywords = dict(call.keywords) if call.name is not None else {"dtype": dtype, "workers": workers}
    given = {"dtype": keywords.pop("dtype"), "workers": keywords.pop("workers"), **call.border}
    policy = keywords.pop("nan_policy", "propagate")
    options = keywords if call.name is not None else call.keywords
    result: Array = pooled_lazily(described(
        image, sizes, func if call.name is None else call.name, None, given.get("padding", 0), 1, False, axes,
        given.get("border", "ignore"), given.get("border_value", 0), None, policy, 1, None, False, given["dtype"],
        given["workers"], options,
    ))  # fmt: skip
    if not call.wraps:
        return result
    meta = result._meta.view(image.dtype)
    seen: Array = result.map_blocks(_viewed, image.dtype, dtype=image.dtype, meta=meta)
    return seen


def _viewed(block: Any, kind: np.dtype[Any]) -> Any:
    """Array.view of dask loses masks."""
    return block.view(kind)


def pyramid_lazily(
    x: Any, factor: Any, levels: Any, reduce: Any, axes: Any, channel_axis: Any, rounding: Any, where: Any,
    nan_policy: Any, workers: Any, options: dict[str, Any],
) -> list[Array]:  # fmt: skip
    x = known_chunks(x, "x")
    factors, count = reductions(x.shape, factor, levels, axes, channel_axis)
    pooled = tuple(factors)
    found = find(reduce)
    if found is not None and "rounding" in found[0].options:
        options = {"rounding": rounding, **options}
    name = found[0].name if found else ""
    plain = where is None and not options.keys() & {"min_count", "fill_value"}
    composes = plain and (name in ("max", "min") or (name == "first" and nan_policy == "propagate"
                          and not np.ma.isMaskedArray(x._meta)))  # fmt: skip
    given = {name: options.pop(name, default) for name, default in (("min_count", 1), ("fill_value", None))}
    result = [x]
    for level in range(1, count + 1):
        source, at = (result[-1], 1) if composes else (x, level)
        window = windows_of(source.shape, factors, at)
        y = pooled_lazily(described(
            source, window, reduce, window, 0, 1, True, pooled, "ignore", 0, where, nan_policy, given["min_count"],
            given["fill_value"], False, x.dtype, workers, options,
        ))  # fmt: skip
        result.append(y.rechunk({a: max(1, min(max(x.chunks[a]), y.shape[a])) for a in pooled}))
    return result

