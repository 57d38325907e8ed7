"""What a task does: NumPy arrays in, NumPy arrays out.  All of it pickles."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import dispatch
from ..call import Call, empty_window, hides_cells, run, taking_part
from ..engine import cached
from ..lanes import scalar
from ..places import Place, Whole
from ..reducers import TABLE, Reducer
from ..slow import apply_callable
from ..spans import Span
from .graph import assembled
from .layout import Block, trailing_axes

__all__ = ["Job", "Part", "pool_task", "pooled"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Job:
    """What all tasks of a call share: its arguments, checked."""

    reduce: Any  # the name of a reducer, or a callable
    omit: bool
    options: Mapping[str, Any]
    nan_policy: str
    border: str
    border_value: Any
    min_count: int
    fill_value: Any
    dtype: np.dtype[Any]
    masked: bool
    indexed: bool
    whole: Whole
    pooled: tuple[int, ...]
    workers: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Of x."""
        return self.whole.cells

    @property
    def row(self) -> Reducer:
        return TABLE[self.reduce]

    @property
    def least(self) -> int:
        return max(self.min_count, 1, int(self.options.get("ddof", 0)) + 1)

    def call(self, x: Array, where: Array | None, place: Place | None) -> Call:
        """The arguments that go with the data of a task."""
        mask: Any = None
        if isinstance(x, np.ma.MaskedArray):
            mask, x = np.ascontiguousarray(np.ma.getmaskarray(x)), x.data
        seen = None
        if where is not None or (mask is not None and mask is not np.ma.nomask):
            seen = mask if hides_cells(where, mask) else taking_part(where, mask, x.shape)
        return Call(
            x, seen, "omit" if self.omit else self.nan_policy, self.border, self.border_value, self.min_count,
            self.fill_value, self.dtype, self.masked, self.indexed, hides=hides_cells(where, mask), place=place,
        )  # fmt: skip


class Part:
    """The cells of one task, and the outputs it makes of them; `grids`: how the pieces of each array lie."""

    __slots__ = ("blocks", "grids", "keep")

    def __init__(
        self, blocks: Sequence[Block], grids: Mapping[str, tuple[int, ...]], keep: Sequence[tuple[int, int]] = ()
    ) -> None:
        self.blocks: tuple[Block, ...] = tuple(blocks)
        self.grids: Mapping[str, tuple[int, ...]] = grids
        self.keep: Sequence[tuple[int, int]] = keep  # of a gradient: the cells that are asked for

    def __reduce__(self) -> tuple[Any, ...]:
        return Part, (self.blocks, self.grids, self.keep)

    def spans(self) -> dict[int, Span]:
        return {a: b.span for a, b in enumerate(self.blocks) if b.span is not None}

    def place(self, whole: Whole, rounds: bool = True) -> Place:
        return Place(tuple(b.first for b in self.blocks), whole, rounds)

    def arrays(self, job: Job, given: Sequence[Sequence[Array]]) -> dict[str, Array]:
        """The arrays of a task from their pieces."""
        found = {name: assembled(parts, grid) for (name, grid), parts in zip(self.grids.items(), given, strict=True)}
        if "x" in found:
            cells = in_order(found["x"], job.whole)
            found["x"] = np.ma.MaskedArray(cells) if job.masked and not np.ma.isMaskedArray(cells) else cells
        if "where" in found:
            found["where"] = np.ascontiguousarray(found["where"])
        return found

    def whole_index(self, index: Array, job: Job) -> Array:
        """Flat positions in the cells of this task as flat positions in those of the array (negative ones stay)."""
        lengths = [self.blocks[a].cells for a in job.pooled]
        known = np.maximum(index, 0)
        result = np.zeros(index.shape, np.int64)
        for a, n in zip(job.pooled, lengths, strict=True):
            lengths = lengths[1:]
            at = known // math.prod(lengths) % n
            block = self.blocks[a]
            at = at + block.low if len(block.ranges) == 1 else block.positions()[at]
            result = result * job.shape[a] + at
        return np.where(index < 0, index, result)


def in_order(x: Array, whole: Whole) -> Array:
    """x with its axes in C order, and in one piece if the kernels see several axes as one."""
    if x.flags.c_contiguous:
        return x
    wide = [a for a in trailing_axes(x.shape, whole.spans) if whole.cells[a] > 1]
    joined = len(wide) > 1 or sum(s.o == 1 for s in whole.spans.values()) > 1
    steps = (*x.strides, 1)
    if not joined and all(a >= b > 0 for a, b in itertools.pairwise(steps)):
        return x
    return x.copy("C")


def pool_task(job: Job, part: Part, given: list[list[Array]]) -> Any:
    """A block of the result (with indices: a pair)."""
    arrays = part.arrays(job, given)
    cells, seen = arrays["x"], arrays.get("where")
    if not isinstance(job.reduce, str):
        spans = part.spans()
        windows = [span.positions(job.border) for span in spans.values()]
        return apply_callable(job.reduce, cells, tuple(spans), windows, border_value=job.border_value,
                              func_kwargs=job.options, dtype=job.dtype)  # fmt: skip
    call = job.call(cells, seen, part.place(job.whole))
    return pooled(job, part, call)


def pooled(job: Job, part: Part, call: Call) -> Any:
    """The same, of a reducer of the table."""
    row, spans = job.row, part.spans()
    if row.formula == "position":
        return _positions(job, part, call)
    key = None if job.masked else _key(job, call, spans)
    plan = cached(key)
    if plan is not None:
        result = run(plan, call.array, call.seen, None, job.workers, call.place)
    else:
        result = call.named(row, False, dict(job.options), spans, key, None, job.workers)
    if not job.indexed:
        return result
    values, index = result
    found = part.whole_index(np.ma.getdata(index), job)
    return values, np.ma.MaskedArray(found, mask=np.ma.getmask(index)) if job.masked else found


def _positions(job: Job, part: Part, call: Call) -> Array:
    """argmax, argmin."""
    fill, quiet = job.fill_value, job.masked and job.fill_value is None
    call = replace(call, dtype=None, fill_value=None if quiet else -1)
    found = call.named(job.row, False, dict(job.options), part.spans(), None, None, job.workers)
    index = np.ma.getdata(found)
    empty = index < 0
    result = as_positions(part.whole_index(index, job), job.dtype)
    if empty.any() and not quiet:
        if fill is None and job.dtype.kind != "f":
            raise ValueError(empty_window(~empty, job.least, job.dtype, False, part.place(job.whole)))
        result[empty] = np.nan if fill is None else scalar(fill, job.dtype, "fill_value")
    return np.ma.MaskedArray(result, mask=np.ma.getmask(found)) if job.masked else result


def as_positions(index: Array, dtype: np.dtype[Any]) -> Array:
    """Positions as another dtype: those that it does not hold are saturated, as the kernels do."""
    if dtype.kind in "iu":
        index = np.minimum(index, min(np.iinfo(dtype).max, np.iinfo(index.dtype).max))
    with np.errstate(over="ignore"):
        return index.astype(dtype)


def _key(job: Job, call: Call, spans: Mapping[int, Span]) -> Any:
    """Under which the plan of such a task is kept; None: it is not."""
    if any(s.starts is not None for s in job.whole.spans.values()) or job.options.get("weights") is not None:
        return None
    if call.array.dtype.kind == "c" or "rng" in job.options:
        return None
    array, seen = call.array, call.seen
    return (
        "dask", array.shape, array.strides, array.dtype, array.flags.aligned, None if seen is None else seen.strides,
        call.hides, job.reduce, tuple(job.options.items()), call.nan_policy, job.border, repr(job.border_value),
        job.min_count, repr(job.fill_value), job.dtype, job.indexed, tuple(spans.items()), _hashable(job.whole),
        dispatch.choice,
    )  # fmt: skip


def _hashable(whole: Whole) -> Any:
    return whole.cells, tuple(whole.spans.items()), whole.where
