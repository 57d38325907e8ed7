"""`unpool`: an index may point anywhere in its plane.  So the values of each chunk are first sorted by the block of the
result that they go to; then each block puts down what goes there, in C order of the values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from dask.array import Array
from numpy.typing import NDArray

from ..backward import as_indices, unpool, unpooled_shape
from ..gradients import check_indices
from .forward import stand_in, task_workers
from .graph import Cells, Graph, as_dask, assembled, known_chunks, meta_of
from .layout import edges_of

__all__ = ["unpool_lazily"]

Values = NDArray[Any]


class Plane(NamedTuple):
    """What all tasks share: the sizes of the pooled axes before and behind, and where blocks of the result start."""

    before: Mapping[int, int]
    behind: Mapping[int, int]
    edges: Mapping[int, tuple[int, ...]]
    workers: int

    @property
    def blocks(self) -> tuple[int, ...]:
        return tuple(len(e) - 1 for e in self.edges.values())


class Sorted(NamedTuple):
    """Values of a chunk for one block of the result: which of all they are, where they go, and they."""

    order: Values
    at: Values
    values: Values


def unpool_lazily(values: Any, indices: Any, shape: Any, axes: Any, workers: Any) -> Array:
    """Checks what `cypool.unpool` checks before it looks at data, and makes the array."""
    x = known_chunks(values, "values")
    of_axis, whole = unpooled_shape(stand_in(x, "values"), shape, axes)
    each = task_workers(workers)
    indices = as_dask(indices, "indices")
    as_indices(np.broadcast_to(np.zeros((), indices.dtype), indices.shape), x.shape)
    pooled = sorted(of_axis)
    edges = {a: _scaled(edges_of(x.chunks[a]), of_axis[a]) for a in pooled}
    plane = Plane({a: x.shape[a] for a in pooled}, {a: of_axis[a] for a in pooled}, edges, each)
    chunks = tuple(
        tuple(b - a for a, b in itertools.pairwise(edges[a])) if a in edges else x.chunks[a] for a in range(x.ndim)
    )
    graph = Graph("unpool", x, indices, plane)
    arrays = {"values": Cells(x), "indices": Cells(indices)}
    of_batch: dict[tuple[int, ...], list[Any]] = {}
    for at in itertools.product(*(range(len(lengths)) for lengths in x.chunks)):
        start = [edges_of(x.chunks[a])[i] for a, i in enumerate(at)]
        ranges = [((i, i + x.chunks[a][j]),) for a, (i, j) in enumerate(zip(start, at, strict=True))]
        given, grids = graph.gather(arrays, ranges)
        key = (f"{graph.name}-sorted", *at)
        graph.tasks[key] = (sort_task, plane, list(grids.values()), [int(start[a]) for a in pooled], given)
        of_batch.setdefault(tuple(i for a, i in enumerate(at) if a not in edges), []).append(key)
    for at in itertools.product(*(range(len(lengths)) for lengths in chunks)):
        number = int(np.ravel_multi_index([at[a] for a in pooled], plane.blocks))
        keys = of_batch[tuple(i for a, i in enumerate(at) if a not in edges)]
        size = [lengths[i] for lengths, i in zip(chunks, at, strict=True)]
        graph.tasks[(graph.name, *at)] = (put_task, plane, number, size, x.dtype.newbyteorder("="), keys)
    assert tuple(map(sum, chunks)) == whole
    return graph.arrays(chunks, [meta_of(False, x.ndim, x.dtype.newbyteorder("="))])[0]


def _scaled(edges: Sequence[int], size: int) -> tuple[int, ...]:
    """Edges of chunks on an axis that is `size` long behind."""
    last = max(edges[-1], 1)
    found = sorted({0, size, *(-(-e * size // last) for e in edges)})
    return tuple(found)


def sort_task(plane: Plane, grids: list[Any], start: list[int], given: list[list[Values]]) -> list[Sorted]:
    """The values of a chunk, for each block of the pooled axes of the result."""
    values, indices = (assembled(parts, grid) for parts, grid in zip(given, grids, strict=True))
    values = np.ma.getdata(values)
    index, hidden = as_indices(indices, values.shape)
    if hidden is not None and hidden.any():
        raise ValueError("indices must not be masked: an empty window has no place")
    check_indices(index, math.prod(plane.behind.values()))
    batch = [n for a, n in enumerate(values.shape) if a not in plane.before]
    block, local, cells = (np.zeros(index.shape, np.int64) for _ in range(3))
    order = np.zeros(index.shape, np.int64)
    number = np.arange(math.prod(batch)).reshape([1 if a in plane.before else n for a, n in enumerate(values.shape)])
    cells += 1
    step = math.prod(plane.behind.values())
    for (a, n), first in zip(plane.behind.items(), start, strict=True):
        step //= n
        at, edges = index // step % n, np.asarray(plane.edges[a])
        which = np.searchsorted(edges, at, "right") - 1
        lengths = np.diff(edges)[which]
        block, local, cells = block * (len(edges) - 1) + which, local * lengths + at - edges[which], cells * lengths
        view = [-1 if i == a else 1 for i in range(values.ndim)]
        order = order * plane.before[a] + (first + np.arange(values.shape[a])).reshape(view)
    local += number * cells
    by_block = np.argsort(block, axis=None, kind="stable")
    cuts = np.searchsorted(block.ravel()[by_block], np.arange(math.prod(plane.blocks) + 1))
    flat = order.ravel()[by_block], local.ravel()[by_block], values.ravel()[by_block]
    return [Sorted(*(part[i:j] for part in flat)) for i, j in itertools.pairwise(cuts)]


def put_task(plane: Plane, number: int, shape: list[int], dtype: np.dtype[Any], chunks: list[list[Sorted]]) -> Values:
    """One block of the result."""
    order, at, values = (np.concatenate(parts) for parts in zip(*(chunk[number] for chunk in chunks), strict=True))
    in_order = np.argsort(order, kind="stable")
    pooled = list(plane.behind)
    lengths = [n for a, n in enumerate(shape) if a not in plane.behind] + [shape[a] for a in pooled]
    if not math.prod(lengths):
        return np.zeros(shape, dtype)
    flat = unpool(values[in_order], at[in_order], math.prod(lengths), workers=plane.workers)
    return np.ascontiguousarray(np.moveaxis(flat.reshape(lengths), range(-len(pooled), 0), pooled), dtype)
