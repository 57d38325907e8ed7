"""`pool` and what is made of it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from dask.array import Array
from numpy.typing import NDArray

from .. import threads
from ..arguments import as_dtype, boolean, pooled_axes, shown
from ..call import Call, random_key, taking_part, window_weights
from ..geometry import resolve
from ..lanes import check_dtype
from ..places import Key, Whole
from ..reducers import Reducer, find, read_options
from ..spans import Span, pooled_shape
from .graph import Cells, Graph, as_dask, known_chunks, meta_of, numbered
from .layout import axis_blocks, axis_edges, planes_of, split
from .tasks import Job, Part, pool_task
from .tree import add_tree, combines

__all__ = ["Described", "described", "pooled_lazily", "stand_in", "task_workers", "where_like"]

MOST_WORKERS = 2**16  # threads that are as good as any number of them
SMALL = 4  # cells along each axis of a window that a callable is tried on, at most


def stand_in(x: Array, name: str = "x") -> NDArray[Any]:
    """An array of the shape and dtype of x that takes no memory, to check arguments with."""
    check_dtype(x.dtype, "biufc", name)
    blank: NDArray[Any] = np.broadcast_to(np.zeros((), x.dtype), x.shape)
    return np.ma.MaskedArray(blank) if isinstance(x._meta, np.ma.MaskedArray) else blank


@dataclass(frozen=True)
class Described:
    """A call, its arguments checked: what its tasks share, its windows, and its cells."""

    job: Job
    spans: Mapping[int, Span]
    x: Array
    where: Any  # an Array, or None
    row: Reducer | None


def described(
    x: Any, window: Any, reduce: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any, axes: Any, border: Any,
    border_value: Any, where: Any, nan_policy: Any, min_count: Any, fill_value: Any, return_indices: Any, dtype: Any,
    workers: Any, options: Mapping[str, Any],
) -> Described:  # fmt: skip
    """Everything that `cypool.pool` checks before it looks at data, in the same order."""
    x = known_chunks(x, "x")
    array = stand_in(x)
    masked = isinstance(array, np.ma.MaskedArray)
    where, seen_shape = where_like(where, x, masked)
    seen = None if seen_shape is None else np.broadcast_to(np.bool_(where is not None), x.shape)
    call = Call(np.ma.getdata(array), seen, nan_policy, border, border_value, min_count, fill_value, dtype, masked,
                boolean(return_indices, "return_indices"), hides=masked and where is None)  # fmt: skip
    each = task_workers(workers)
    spans = resolve(x.shape, window, stride, padding, dilation, ceil_mode, axes, border)
    found = find(reduce)
    values: dict[str, Any] = dict(options)
    if found is None:
        if call.indexed:
            raise TypeError(f"return_indices must be False: reduce={shown(reduce)} gives no indices")
        border_value = call.slow_value(reduce, spans)
        result = _tried(reduce, x, spans, options) if dtype is None else as_dtype(dtype, "dtype")
        row, omit = None, False
    else:
        row, omit = found
        values = read_options(row, options)
        if values.get("weights") is not None:
            values["weights"] = window_weights(values["weights"], spans, pooled_axes(axes, x.ndim, window))
        result = _checked(replace(call, nan_policy="omit") if omit else call, row, values, spans)
        if row.picks(values, call.indexed) == "stochastic":
            values["rng"] = Key(random_key(values["rng"]))
    outputs = pooled_shape(x.shape, spans)
    if border != "constant":
        border_value = 0  # whatever it is: nothing looks at it
    job = Job(
        reduce if row is None else row.name, omit, values, nan_policy, border, border_value, call.min_count, fill_value,
        result, masked, call.indexed, Whole(x.shape, outputs, spans, seen_shape), tuple(spans),
        each,
    )  # fmt: skip
    return Described(job, spans, x, where, row)


def task_workers(workers: Any) -> int:
    """Threads of each task; -1: all CPUs of the machine it runs on."""
    threads.resolve(workers, 1)
    return 1 if workers is None else min(operator.index(workers), MOST_WORKERS)


def _checked(call: Call, row: Reducer, options: dict[str, Any], spans: dict[int, Span]) -> np.dtype[Any]:
    """The dtype of the result of a reducer, or what `pool` raises for these arguments."""
    call.check_indexed(row)
    options = call.checked(options)
    if call.array.dtype.kind == "c":
        return call.complex_values(row, options)[0]
    return call.plan(None, row, spans, options).out_dtype


def _tried(reduce: Any, x: Array, spans: Mapping[int, Span], options: Mapping[str, Any]) -> np.dtype[Any]:
    """The dtype of what a callable returns, found out on a few ones."""
    lengths = [min(max(s.longest, 1), SMALL) for s in spans.values()]
    ones = np.ones([1] * x.ndim + lengths, x.dtype.newbyteorder("="))
    ones.setflags(write=False)
    return np.asarray(reduce(ones, axis=tuple(range(x.ndim, ones.ndim)), **options)).dtype


def where_like(where: Any, x: Array, masked: bool) -> tuple[Array | None, tuple[int, ...] | None]:
    """`where` as a dask array, and the shape of the mask of what takes part, before it is broadcast."""
    if where is None:
        return None, x.shape if masked else None
    where = as_dask(where, "where")
    taking_part(np.broadcast_to(np.zeros((), where.dtype), where.shape), None, x.shape)
    return where, x.shape if masked else where.shape


def pooled_lazily(d: Described, task: Callable[..., Any] = pool_task, name: str = "pool", *more: Any) -> Any:
    """The result (with indices: a pair) as dask arrays."""
    job = d.job
    identity = (task, d.x, d.where, job, tuple(d.spans.items()), more)
    graph = Graph(name, *identity)
    blocks = axis_blocks(axis_edges(d.x.chunks, d.spans), d.spans, job.border)
    arrays = {"x": Cells(d.x)}
    if d.where is not None:
        arrays["where"] = Cells(d.where, d.x.shape)
    cut = combines(job, d.x.dtype)
    parts = [[split(b, arrays["x"].edges[a], job.border) if cut else [b] for b in e] for a, e in enumerate(blocks)]
    for at, of_task in numbered(blocks):
        pieces = [of_axis[i] for of_axis, i in zip(parts, at, strict=True)]
        if any(len(p) > 1 for p in pieces):
            add_tree(graph, job, at, of_task, pieces, arrays)
            continue
        given, grids = graph.gather(arrays, [b.ranges for b in of_task])
        graph.tasks[(graph.name, *at)] = (task, job, Part(planes_of(of_task, job.shape), grids), given, *more)
    chunks = tuple(tuple(b.last - b.first for b in of_axis) for of_axis in blocks)
    meta = meta_of(job.masked, d.x.ndim, job.dtype)
    if not job.indexed:
        return graph.arrays(chunks, [meta])[0]
    indices = meta_of(job.masked, d.x.ndim, np.dtype(np.int64))
    return graph.arrays(chunks, [meta, indices], [f"cypool-{kind}-{graph.token}" for kind in ("values", "indices")])
