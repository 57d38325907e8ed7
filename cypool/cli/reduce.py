"""``cypool reduce``: one file in, one file out.

The source is read in bands along its first axis, so that a large one needs memory for the result and for a band:

    first axis     |-----------|-----------|------|    outputs 0..a, a..b, b..o
    its cells      |--------------|                    those of the windows of each band; they overlap where
                               |--------------|        the windows do
                                           |------|    padding belongs to the first band and to the last
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arguments import as_dtype, integer, pooled_axes
from ..geometry import resolve
from ..lanes import check_dtype
from ..pooling import pool
from ..reducers import TABLE, Reducer, read_options
from ..spans import Span, pooled_shape
from ..windows import Windows
from .errors import Misuse
from .files import check_format, check_target, opened, replacing, unreadable, write
from .progress import on_terminal, progress
from .values import human, printable, shape

__all__ = ["reduce"]

Array = NDArray[Any]
BAND = 16 * 2**20  # bytes of the source that are read at once, at most
SLOW = 0.4  # seconds: a band that takes longer is followed by a shorter one


def reduce(options: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Runs the command; `say` prints a line on standard output."""
    row = TABLE[options.reduce]
    reducing = dict(options.option)
    read_options(row, reducing)  # checked before a file is opened
    wanted = None if options.dtype is None else as_dtype(options.dtype, "dtype")
    check_target(options.source, options.target, options.overwrite)
    with opened(options.source, options.dataset) as source:
        check_dtype(np.dtype(source.dtype), row.kinds, printable(options.source))
        channel = channel_axis(source, options)
        axes = pooled(source, channel, options)
        spans = resolve(source.shape, options.window, options.stride, options.padding, options.dilation,
                        options.partial, axes, options.border)  # fmt: skip
        keywords = {
            "border": options.border, "border_value": options.border_value, "nan_policy": options.nan_policy,
            "fill_value": options.fill_value, "workers": options.workers, **reducing,
            "dtype": result_dtype(source.dtype, wanted, row),
        }  # fmt: skip
        sizes = pooled_shape(source.shape, spans)
        dtype = pool(np.ones(1, source.dtype), 1, row.name, dtype=keywords["dtype"], **plain(reducing)).dtype
        check_format(options.target, sizes, dtype)
        if options.dry_run:
            say(f"{printable(options.source)}: {described(source.shape, np.dtype(source.dtype))}")
            say(f"{printable(options.target)}: {described(sizes, dtype)}")
            return
        with replacing(options.target, options.overwrite) as beside:
            with progress(options.source, options.quiet) as report:
                result = pool_bands(source, row.name, spans, options.partial, keywords, sizes, report, options.source)
            write(beside, result, channel, source.axes)
    if on_terminal(options.quiet):
        options.tell(f"{printable(options.target)}: {described(sizes, dtype)}")


def described(sizes: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    nbytes = dtype.itemsize
    for n in sizes:
        nbytes *= n
    return f"{shape(sizes)} {dtype.name}, {human(nbytes)}"


def plain(options: dict[str, Any]) -> dict[str, Any]:
    """Options without weights, which fit a window of their own only."""
    return {name: value for name, value in options.items() if name != "weights"}


def result_dtype(given: Any, wanted: np.dtype[Any] | None, row: Reducer) -> np.dtype[Any] | None:
    """What is asked for; means, medians and quantiles of integers stay integers, rounded; else pool's own."""
    own: np.dtype[Any] = np.dtype(given)
    return own if wanted is None and own.kind in "iu" and "rounding" in row.options else wanted


# ---- axes --------------------------------------------------------------------------------------


def channel_axis(source: Any, options: argparse.Namespace) -> int | None:
    """The axis that holds colours: as told, or named "c" or "s" by the file, or a last one of 3 or 4 cells."""
    ndim = len(source.shape)
    if options.channel_axis is not None:
        axis = integer(options.channel_axis, "channel_axis", -ndim)
        if axis >= ndim:
            raise Misuse(f"channel_axis must be below {ndim}, the axes of {printable(options.source)}, not {axis}")
        return axis % ndim
    if options.no_channels:
        return None
    if source.axes is not None:
        names = [str(name).lower() for name in source.axes]
        return next((a for a, name in enumerate(names) if name in ("c", "s")), None)
    return ndim - 1 if ndim > 2 and source.shape[-1] in (3, 4) else None


def pooled(source: Any, channel: int | None, options: argparse.Namespace) -> tuple[int, ...]:
    """The axes that windows cover: as told; or all but the channels and, where the file names its axes, time."""
    ndim = len(source.shape)
    if options.axes is not None:
        return pooled_axes(options.axes, ndim, options.window)
    kept = {channel}
    if source.axes is not None:
        kept |= {a for a, name in enumerate(source.axes) if str(name).lower() == "t"}
    axes = tuple(a for a in range(ndim) if a not in kept)
    if not axes:
        besides = f" but its channels (shape {shape(source.shape)})" if ndim else ": it holds one number"
        raise Misuse(f"{printable(options.source)} has no axis to pool{besides}")
    return axes


# ---- bands -------------------------------------------------------------------------------------


def band_end(span: Span | None, first: int, length: int, rows: int, border: str) -> int:
    """The output of the first axis at which a band that begins with `first` ends, if made of some `rows` cells.

    Windows on both sides of it have a cell inside, so that padding is met by the first band and the last one alone;
    where padding mirrors cells, these bands hold them.
    """
    if span is None:
        return min(first + rows, length)
    mirrored = border in ("reflect", "symmetric", "edge")
    reach = span.s - (span.k - 1) * span.d - 1  # from the end of the last window to the start of the next one
    least = max(-(-span.before // span.s), ((span.before if mirrored else 0) + span.before + reach) // span.s + 1)
    end = max(first + max(1, rows // span.s), least)
    start = end * span.s - span.before
    fits = start < span.n - (span.after if mirrored else 0) and start - reach <= span.n
    return end if end < span.o and fits else span.o


def in_bands(row: Reducer, border: str) -> bool:
    """Whether a band of the source tells a band of the result: not where cells are counted from its start."""
    return border != "wrap" and row.formula != "position" and row.result != "draw"


def pool_bands(
    source: Any,
    name: str,
    spans: dict[int, Span],
    partial: bool,
    keywords: dict[str, Any],
    sizes: tuple[int, ...],
    report: Callable[[int, int], None],
    path: str,
) -> Array:
    """The source pooled, band by band."""
    nbytes = max(1, int(np.prod(source.shape, dtype=object)) * np.dtype(source.dtype).itemsize)
    n, span = source.shape[0], spans.get(0)
    most = max(1, n * BAND // nbytes)
    step = source.chunks[0] if source.chunks else 1
    shared = max(0, (span.k - 1) * span.d + 1 - span.s) if span else 0  # cells that two bands read
    least = max(1, min(2 * shared, most))
    rows = max(1, most // 16)
    if not in_bands(TABLE[name], keywords["border"]):
        rows = step = max(1, sizes[0]) * (span.s if span else 1)  # all of them
    windows = {a: Windows.sliding(s.k, s.s, (s.before, s.after), s.d, partial) for a, s in spans.items()}
    result: Array | None = None
    first, end = 0, sizes[0]
    report(0, nbytes)
    while result is None or first < end:
        began = time.monotonic()
        last = band_end(span, first, n, -(-rows // step) * step, keywords["border"])
        low, high = first, last
        if span is not None:
            low = max(0, first * span.s - span.before)
            ends = last == end
            high = n if ends else (last - 1) * span.s - span.before + (span.k - 1) * span.d + 1
            sides = (span.before if first == 0 else 0, span.after if ends else 0)
            windows[0] = Windows.sliding(span.k, span.s, sides, span.d, ends and partial)
        band = _read(source, low, high, path)
        part = pool(band, tuple(windows.values()), name, axes=tuple(windows), **keywords)
        if first == 0 and part.shape == sizes:
            result = part
        else:
            result = np.empty(sizes, part.dtype) if result is None else result
            result[first:last] = part
        first = last
        report(nbytes * high // max(n, 1), nbytes)
        took = time.monotonic() - began  # a bar moves, and Ctrl-C is noticed, a few times in a second
        rows = max(least, rows // 2) if took > SLOW else min(2 * rows, most) if took < SLOW / 4 else rows
    report(nbytes, nbytes)
    return result


def _read(source: Any, low: int, high: int, path: str) -> Array:
    try:
        cells: Array = source.read((slice(low, high), *(slice(0, n) for n in source.shape[1:])))
    except Exception as error:
        raise unreadable(path, error) from error
    return cells
