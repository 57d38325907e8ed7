"""Windows on cells of many chunks: each chunk is reduced for itself, and the results are combined, a few at a time.

That gives the same bits for maxima, minima, truth values, counts, integer sums, products and means, and for the
positions of extremes; so that a global maximum of any array takes the memory of a few chunks.  Other reducers (float
sums and means, medians, ...) are given all cells of a window at once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..call import Call, empty_window
from ..lanes import default_dtype, scalar
from ..reducers import TABLE, read_options
from ..spans import Span
from .graph import Cells, Graph
from .layout import Block, planes_of
from .tasks import Job, Part, as_positions, pooled

__all__ = ["add_tree", "combines"]

Array = NDArray[Any]

EXTREMES = {"max": "max", "min": "min", "argmax": "max", "argmin": "min"}
ORDERED = ("argmax", "argmin", "first")
AT_ONCE = 8  # partial results that are combined by a task
LAST = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Partial:
    """Of some cells of each window: how many take part, and what they come to (undefined if none do)."""

    count: Array
    value: Array
    low: Array | None = None  # of "range": the least
    index: Array | None = None  # where the value is


def combines(job: Job, dtype: np.dtype[Any]) -> bool:
    """Whether results of parts of a window can be put together."""
    spans = job.whole.spans.values()
    if not isinstance(job.reduce, str) or dtype.kind == "c":
        return False
    name, options = job.reduce, job.options
    if (name in ORDERED or job.indexed) and job.border != "ignore" and any(s.before or s.after for s in spans):
        return False  # padded cells have an order, but no positions
    if name in ("sum", "prod"):
        usual = default_dtype(job.row, dtype.newbyteorder("="), options)
        return job.dtype.kind in "iu" and job.dtype == usual and options.get("weights") is None
    if name == "mean":
        cells = math.prod(max(s.longest, 1) for s in spans)
        small = dtype.kind in "biu" and cells << 8 * dtype.itemsize < 2**63  # sums fit an int64
        small = small and options["weights"] is None and not options["divisor"]
        return small and job.dtype in (np.dtype(np.float64), dtype.newbyteorder("="))
    return name in ("max", "min", "range", "any", "all", "count", "first", "argmax", "argmin")


def add_tree(
    graph: Graph, job: Job, at: tuple[int, ...], blocks: Sequence[Block], pieces: Sequence[Sequence[Block]],
    arrays: Mapping[str, Cells],
) -> None:  # fmt: skip
    """The tasks of one block of the result."""
    level = []
    for i, of_task in enumerate(itertools.product(*pieces)):
        ranges = [b.ranges for b in of_task]
        given, grids = graph.gather(arrays, ranges)
        key = (f"{graph.name}-part", 0, i, *at)
        graph.tasks[key] = (partial_task, job, Part(planes_of(of_task, job.shape), grids), given)
        level.append(key)
    depth = 0
    while len(level) > AT_ONCE:
        depth += 1
        groups = [level[i : i + AT_ONCE] for i in range(0, len(level), AT_ONCE)]
        level = [(f"{graph.name}-part", depth, i, *at) for i in range(len(groups))]
        graph.tasks.update({key: (combined, job, group) for key, group in zip(level, groups, strict=True)})
    whole = Part([b._replace(ranges=((0, 0),), span=None) for b in blocks], {})
    graph.tasks[(graph.name, *at)] = (finished, job, whole, level)


def partial_task(job: Job, part: Part, given: list[list[Array]]) -> Partial:
    """What the cells of one chunk come to."""
    name, row = job.reduce, job.row
    arrays = part.arrays(job, given)
    call = job.call(arrays["x"], arrays.get("where"), part.place(job.whole, False))
    call = replace(call, min_count=1, indexed=False, dtype=None, masked=False)
    spans = part.spans()

    def reduced(reduce: str, fill: Any = 0, **options: Any) -> Array:
        row = TABLE[reduce]
        result: Array = replace(call, fill_value=fill).named(row, False, read_options(row, options), spans, None, None,
                                                             job.workers)  # fmt: skip
        return result

    count = reduced("count")
    if name == "count":
        return Partial(count, count)
    if name == "range":
        return Partial(count, reduced("max"), reduced("min"))
    if name == "mean":
        return Partial(count, reduced("sum"))
    if name in EXTREMES and (job.indexed or row.formula == "position"):
        return _placed(job, part, call, count, EXTREMES[name])
    if name == "first":
        nothing = np.broadcast_to(np.uint8(0), call.array.shape)
        where = _placed(job, part, replace(call.without_nan(), array=nothing), count, "max")
        return replace(where, value=reduced("first"))
    return Partial(count, reduced(name))


def _placed(job: Job, part: Part, call: Call, count: Array, name: str) -> Partial:
    """The extreme cells and where they are in the whole array."""
    one = replace(job, reduce=name, options={}, indexed=True, masked=True)
    call = replace(call, fill_value=None, border="ignore", indexed=True, masked=True)
    values, index = pooled(one, part, call)
    return Partial(count, np.ma.getdata(values), None, np.where(count > 0, np.ma.getdata(index), LAST))


def combined(job: Job, parts: list[Partial]) -> Partial:
    """Several partial results as one."""
    if len(parts) == 1:
        return parts[0]
    count = np.stack([p.count for p in parts])
    value = np.stack([p.value for p in parts])
    some = count > 0
    total = count.sum(0)
    name = EXTREMES.get(job.reduce, job.reduce)
    if name in ("count", "sum", "mean"):
        return Partial(total, np.where(some, value, 0).sum(0, dtype=value.dtype))
    if name == "prod":
        return Partial(total, np.where(some, value, 1).prod(0, dtype=value.dtype))
    if name == "range":
        low = np.stack([p.low for p in parts])  # type: ignore[misc]
        return Partial(total, _along(value, some, "max"), _along(low, some, "min"))
    if parts[0].index is None:
        return Partial(total, _along(value, some, name))
    index = np.stack([p.index for p in parts])  # type: ignore[misc]
    if name != "first":
        best = _along(value, some, name)
        some = some & ((value == best) | ((value != value) & (best != best)))
    which = np.where(some, index, LAST).argmin(0)[None]
    index, chosen = np.take_along_axis(index, which, 0)[0], np.take_along_axis(value, which, 0)[0]
    if name == "first" and value.dtype.kind == "f":
        chosen = np.where((some & (value != value)).any(0), np.nan, chosen).astype(value.dtype, copy=False)
    return Partial(total, chosen, None, index)


def _along(stack: Array, some: Array, name: str) -> Array:
    """Reduced along the first axis, as `pool` does it."""
    return _reduced(Call(stack, some, "propagate", "ignore", 0, 1, 0, None, False), name)


def _reduced(call: Call, name: str) -> Array:
    n = len(call.array)
    row, spans = TABLE[name], {0: Span(n, 1, n, n, 1, 0, 0)}
    result: Array = call.named(row, False, read_options(row, {}), spans, None, None, 1)
    return np.asarray(result[0])


def finished(job: Job, part: Part, parts: list[Partial]) -> Any:
    """The result itself (with indices: a pair)."""
    total = combined(job, parts)
    row, least = job.row, job.least
    enough = total.count >= least
    fill = row.empty if job.fill_value is None else job.fill_value
    position = row.formula == "position"
    quiet = job.masked and job.fill_value is None
    bad = fill is None and job.dtype.kind != "f"
    if (bad or job.indexed) and not quiet and not enough.all():
        raise ValueError(empty_window(enough, least, job.dtype, job.indexed, part.place(job.whole)))
    empty = (np.nan if job.dtype.kind == "f" else 0) if fill is None else scalar(fill, job.dtype, "fill_value")
    if position:
        result = as_positions(np.asarray(total.index), job.dtype)
    elif job.reduce == "mean":
        result = _means(total.value, np.maximum(total.count, 1), job)
    else:
        result = _converted(job, total, enough)
    result = np.where(enough, result, empty).astype(job.dtype, copy=False)
    index = np.where(enough, np.asarray(total.index), 0) if job.indexed else None
    if job.masked:
        mask: Any = ~enough if quiet else np.ma.nomask
        result = np.ma.MaskedArray(result, mask=mask)
        index = None if index is None else np.ma.MaskedArray(index, mask=mask)
    return result if index is None else (result, index)


def _converted(job: Job, total: Partial, enough: Array) -> Array:
    """The values in the dtype of the result, by the kernels' own conversion."""
    stack = total.value[None] if total.low is None else np.stack([total.value, total.low])
    name = job.reduce
    if name in ("sum", "prod", "count", "any", "all", "first"):
        return np.asarray(total.value.astype(job.dtype, copy=False))
    where = np.broadcast_to(enough, stack.shape)
    return _reduced(Call(stack, where, "propagate", "ignore", 0, 1, 0, job.dtype, False), name)


def _means(sums: Array, counts: Array, job: Job) -> Array:
    """Exact sums of integers over counts: the nearest float64, or rounded and saturated."""
    if job.dtype.kind == "f":
        result = sums / counts
        large = np.abs(sums.astype(np.float64)) >= 2.0**53  # not exact as a float64
        for i in zip(*np.nonzero(large), strict=True):
            result[i] = float(Fraction(int(sums[i]), int(counts[i])))
        return np.asarray(result)
    counts = counts.astype(sums.dtype)
    whole, rest = np.divmod(sums, counts)
    rounding = job.options["rounding"]
    above = counts - rest  # no overflow: both are at most the count
    up = rest > above
    if rounding == "half_even":
        up |= (rest == above) & (whole % 2 == 1)
    elif rounding == "half_up":
        up |= rest == above
    else:
        up[...] = False
    return np.asarray(whole + up)
