"""`pool_backward`: each task makes the gradient of the cells of one chunk, from all windows that hold one of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from dask.array import Array
from numpy.typing import NDArray

from ..arguments import plain_number, pooled_axes, text
from ..backward import WRT, as_indices, differentiated, gradient, prepared
from ..call import Call, random_key
from ..exact import Total
from ..gradients import Backward, check_indices, uniform
from ..lanes import check_dtype
from ..parameters import gradient_of, over_cells, over_outputs, sums_cells
from ..places import Key, Whole
from ..rules import check_known
from ..spans import pooled_shape
from .forward import stand_in, task_workers, where_like
from .graph import Cells, Graph, as_dask, known_chunks, meta_of, numbered
from .layout import Block, axis_blocks, axis_edges, covering, intervals, plain_blocks, planes_of
from .tasks import Job, Part

__all__ = ["gradient_lazily"]

Values = NDArray[Any]


def gradient_lazily(
    grad: Any, x: Any, window: Any, reduce: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any, axes: Any,
    border: Any, border_value: Any, where: Any, nan_policy: Any, min_count: Any, fill_value: Any, indices: Any,
    wrt: Any, workers: Any, options: dict[str, Any],
) -> Array:  # fmt: skip
    """Checks what `cypool.pool_backward` checks before it looks at data, and makes the array."""
    x = known_chunks(x, "x")
    array = stand_in(x)
    masked = isinstance(array, np.ma.MaskedArray)
    where, seen_shape = where_like(where, x, masked)
    text(wrt, tuple(WRT), "wrt")
    if fill_value is not None:
        plain_number(fill_value, "fill_value")
    call = Call(np.ma.getdata(array), None, nan_policy, border, border_value, min_count, None, None, False)
    each = task_workers(workers)
    row, omit, spans, values, value = differentiated(
        call.array, window, reduce, stride, padding, dilation, ceil_mode, axes, border, border_value, wrt, options
    )
    call.checked(values)
    outputs = pooled_shape(x.shape, spans)
    grad = as_dask(grad, "grad")
    _check_gradient(grad, x, row.name, wrt, outputs)
    if indices is not None:
        indices = as_dask(indices, "indices")
        as_indices(np.broadcast_to(np.zeros((), indices.dtype), indices.shape), outputs)
        if row.selects == "":
            raise ValueError(f"indices do not go with reduce={row.name!r}: it selects no cells")
        if row.picks(values, True) == "expected":  # of all cells
            indices = None
    if wrt == "x":
        check_known(row.name, values, indices is not None)
    if isinstance(values.get("rng"), int):
        values["rng"] = Key(random_key(values["rng"]))
    floats = x.dtype.kind in "fc"
    dtype = x.dtype.newbyteorder("=") if floats else grad.dtype.newbyteorder("=")
    alike = 0 not in outputs and uniform({a: s.counts(border) for a, s in spans.items()})
    job = Job(
        row.name, omit, values, nan_policy, border, value, call.min_count, None, dtype, masked, False,
        Whole(x.shape, outputs, spans, seen_shape, alike), tuple(spans), each,
    )  # fmt: skip
    arrays = {"grad": Cells(grad)}
    if indices is not None:
        arrays["indices"] = Cells(indices)
    blind = (row.name in ("sum", "mean") or indices is not None) and wrt == "x"
    if not blind or masked or (floats and (omit or nan_policy != "propagate")):
        arrays["x"] = Cells(x)
    if where is not None:
        arrays["where"] = Cells(where, x.shape)
    if wrt == "x":
        return _cells(job, x, arrays)
    result = _parameters(job, x, arrays, wrt)
    if wrt != "weights":
        return result
    order = pooled_axes(axes, x.ndim, window)
    return result.transpose([sorted(order).index(a) for a in order])


def _check_gradient(grad: Array, x: Array, name: str, wrt: str, outputs: tuple[int, ...]) -> None:
    check_dtype(grad.dtype, "biufc" if x.dtype.kind == "c" else "biuf", "grad")
    if grad.shape != outputs:
        raise ValueError(f"grad must have the shape of the result, {outputs}, not {grad.shape}")
    if x.dtype.kind == "c" and (name not in ("sum", "mean") or wrt != "x"):
        raise TypeError(f"x of {x.dtype} has a gradient for sum and mean only, with respect to x")


# ---- with respect to x -----------------------------------------------------------------------------------


def _cells(job: Job, x: Array, arrays: dict[str, Cells]) -> Array:
    graph = Graph("gradient", x, job, {name: cells.array for name, cells in arrays.items()})
    edges = axis_edges(x.chunks, job.whole.spans)
    for at, keep, given in _of_cells(graph, job, edges, arrays):
        empty = (np.zeros, [b - a for a, b in keep], job.dtype)
        graph.tasks[(graph.name, *at)] = empty if given is None else (gradient_task, job, x.dtype, *given)
    chunks = tuple(tuple(b - a for a, b in itertools.pairwise(e)) for e in edges)
    return graph.arrays(chunks, [meta_of(False, x.ndim, job.dtype)])[0]


def _of_cells(
    graph: Graph, job: Job, edges: Sequence[Sequence[int]], arrays: dict[str, Cells]
) -> Iterator[tuple[tuple[int, ...], list[tuple[int, int]], tuple[Part, list[list[Any]]] | None]]:
    """For each chunk its place, its cells, and what a task needs that makes something of all windows with one of them;
    None: there are no such windows."""
    spans = job.whole.spans
    blocks: list[list[Block | None]] = [
        list(covering(spans[a], e, job.border)) if a in spans else [*plain_blocks(e)] for a, e in enumerate(edges)
    ]
    for at, of_task in numbered(blocks):
        keep = [(int(edges[a][i]), int(edges[a][i + 1])) for a, i in enumerate(at)]
        held = [b for b in of_task if b is not None]
        if len(held) < len(of_task):
            yield at, keep, None
            continue
        given, grids = gathered(graph, held, arrays)
        yield at, keep, (Part(planes_of(held, job.shape), grids, keep), given)


def gathered(
    graph: Graph, blocks: Sequence[Block], arrays: dict[str, Cells]
) -> tuple[list[list[Any]], dict[str, tuple[int, ...]]]:
    """What a task gets: of x and where the cells of its windows, of the others what belongs to the windows."""
    of_cells = {name: c for name, c in arrays.items() if name in ("x", "where")}
    of_outputs = {name: c for name, c in arrays.items() if name not in of_cells}
    first, grids = graph.gather(of_outputs, [((b.first, b.last),) for b in blocks])
    second, more = graph.gather(of_cells, [b.ranges for b in blocks])
    return first + second, grids | more


def gradient_task(job: Job, dtype: np.dtype[Any], part: Part, given: list[list[Values]]) -> Values:
    """The gradient of the cells of a chunk."""
    call, arrays = _call(job, part, dtype, given)
    indices = arrays.get("indices")
    if indices is not None:
        indices = local_indices(indices, job, part)
    result = gradient(arrays["grad"], call, job.row, part.spans(), dict(job.options), indices, "x", job.workers)
    place, into = _kept(part)
    kept = result[place]
    if kept.shape == tuple(stop - start for start, stop in part.keep):
        return kept
    whole = np.zeros([stop - start for start, stop in part.keep], result.dtype)
    whole[into] = kept
    return whole


def _kept(part: Part) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where the cells of the chunk lie among those that the task has, and where these lie in the chunk."""
    place, into = [], []
    for b, (start, stop) in zip(part.blocks, part.keep, strict=True):
        low = min(max(start, b.low), stop)
        high = max(min(stop, b.high), low)
        place.append(slice(b.offset + low - b.low, b.offset + high - b.low))
        into.append(slice(low - start, high - start))
    return tuple(place), tuple(into)


def _call(job: Job, part: Part, dtype: np.dtype[Any], given: list[list[Values]]) -> tuple[Call, dict[str, Values]]:
    arrays = part.arrays(job, given)
    x = arrays.get("x")
    if x is None:  # nobody looks at its cells
        x = np.empty([b.cells for b in part.blocks], dtype)
    call = replace(job.call(x, arrays.get("where"), part.place(job.whole)), dtype=None, masked=False, hides=False)
    if np.ma.isMaskedArray(x) and arrays.get("where") is None:  # `hides` is for forward calls alone
        call = replace(call, seen=~np.ma.getmaskarray(x))
    return call, arrays


def local_indices(indices: Values, job: Job, part: Part) -> Values:
    """Flat positions in the array as flat positions in the cells of a task; -1 for those that are masked."""
    found, hidden = as_indices(indices, indices.shape)
    check_indices(found, math.prod(job.shape[a] for a in job.pooled), hidden)
    result = np.zeros(found.shape, np.int64)
    known = np.maximum(found, 0)
    step = math.prod(job.shape[a] for a in job.pooled)
    inside = np.ones(found.shape, bool)
    batch = [indices.shape[a] for a, b in enumerate(part.blocks) if b.span is None]
    for a in job.pooled:
        step //= job.shape[a]
        block = part.blocks[a]
        at = known // step % job.shape[a]
        assert block.span is not None
        low, high = intervals(block.span, job.border)
        view = [1] * found.ndim
        if low.ndim == 2:  # planes
            view = [n if b.span is None else 1 for b, n in zip(part.blocks, indices.shape, strict=True)]
            behind = sum(b.span is None for b in part.blocks[:a])
            low, high = (np.moveaxis(v.reshape(*batch, v.shape[1]), -1, behind) for v in (low, high))
        view[a] = indices.shape[a]
        low, high = low.reshape(view), high.reshape(view)
        local, offset = np.full(found.shape, -1, np.int64), 0
        for start, stop in block.ranges:
            there = offset + at - start
            local = np.where((at >= start) & (at < stop) & (there >= low) & (there <= high), there, local)
            offset += stop - start
        inside &= local >= 0
        result = result * block.cells + np.maximum(local, 0)
    if hidden is not None:
        inside |= hidden
    if not inside.all():
        at_ = tuple(int(i) + b.first for i, b in zip(np.argwhere(~inside)[0], part.blocks, strict=True))
        raise ValueError(f"indices must point into their own windows; at {at_} there is {found[~inside][0]}")
    if hidden is None:
        return result
    return np.ma.MaskedArray(result, mask=hidden)


# ---- with respect to parameters ----------------------------------------------------------------------------


def _parameters(job: Job, x: Array, arrays: dict[str, Cells], wrt: str) -> Array:
    """The sum of what blocks of outputs, and of cells, come to."""
    graph = Graph("gradient", x, job, {name: cells.array for name, cells in arrays.items()}, wrt)
    spans = job.whole.spans
    edges = axis_edges(x.chunks, spans)
    parts = []
    for at, of_task in numbered(axis_blocks(edges, spans, job.border)):
        given, grids = gathered(graph, of_task, arrays)
        parts.append((f"{graph.name}-outputs", *at))
        part = Part(planes_of(of_task, job.shape), grids)
        graph.tasks[parts[-1]] = (outputs_task, job, x.dtype, wrt, part, given)
    for at, _, needed in _of_cells(graph, job, edges, arrays) if sums_cells(job.options, wrt) else ():
        if needed is not None:
            parts.append((f"{graph.name}-cells", *at))
            graph.tasks[parts[-1]] = (cells_task, job, x.dtype, *needed)
    shape = [job.whole.spans[a].k for a in job.pooled] if wrt == "weights" else []
    graph.tasks[(graph.name, *[0] * len(shape))] = (added, job, wrt, shape, parts)
    return graph.arrays(tuple((n,) for n in shape), [np.empty([0] * len(shape))])[0]


def outputs_task(job: Job, dtype: np.dtype[Any], wrt: str, part: Part, given: list[list[Values]]) -> list[Total]:
    return over_outputs(_prepared(job, dtype, part, given), wrt)


def cells_task(job: Job, dtype: np.dtype[Any], part: Part, given: list[list[Values]]) -> list[Total]:
    return over_cells(_prepared(job, dtype, part, given), _kept(part)[0])


def added(job: Job, wrt: str, shape: list[int], parts: list[list[Total]]) -> Values:
    return gradient_of(parts, job.options, wrt, shape)


def _prepared(job: Job, dtype: np.dtype[Any], part: Part, given: list[list[Values]]) -> Backward:
    call, arrays = _call(job, part, dtype, given)
    return prepared(arrays["grad"], call, job.row, part.spans(), dict(job.options), None, job.workers)
