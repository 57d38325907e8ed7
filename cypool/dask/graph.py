"""Tasks: the cells that one needs, cut out of the chunks of a dask array, and arrays made of the results."""

from __future__ import annotations

import bisect
import itertools
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from dask.array import Array, asarray
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph
from numpy.typing import NDArray

from ..arguments import as_array, shown
from ..lanes import check_dtype
from .layout import Ranges, edges_of

__all__ = ["Cells", "Graph", "as_dask", "assembled", "known_chunks", "meta_of", "numbered"]


def known_chunks(x: Any, name: str) -> Array:
    """x if it is a dask array of NumPy arrays whose chunks are known."""
    if not isinstance(x, Array):
        kind = type(x).__name__
        raise TypeError(f"{name} must be a dask array (dask.array.from_array makes one), not {shown(x)} (a {kind})")
    if not isinstance(x._meta, np.ndarray):
        raise TypeError(f"{name} must be a dask array of NumPy arrays, not of {type(x._meta).__name__}")
    if any(n != n for lengths in x.chunks for n in lengths):
        raise ValueError(f"{name} has chunks of unknown length: {name}.compute_chunk_sizes() finds them")
    return x


def as_dask(value: Any, name: str) -> Array:
    """`value` as a dask array; what is in memory is an array first, as for the functions on NumPy arrays."""
    if isinstance(value, Array):
        return known_chunks(value, name)
    array = value if isinstance(value, np.ma.MaskedArray) and value is not np.ma.masked else as_array(value, name)
    check_dtype(array.dtype, "biufc", name)
    return asarray(array) if array.size else asarray(array, chunks=array.shape)


def meta_of(masked: bool, ndim: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """An empty array as the results are."""
    meta: NDArray[Any] = np.empty((0,) * ndim, dtype)
    return np.ma.MaskedArray(meta) if masked else meta


class Cells:
    """The chunks of an array, to cut from.  Axes of length 1 that stand for longer ones are given whole."""

    def __init__(self, array: Array, shape: Sequence[int] | None = None) -> None:
        self.array: Array = array
        self.edges: list[tuple[int, ...]] = [edges_of(lengths) for lengths in array.chunks]
        self.stretched: list[bool] = [False] * array.ndim
        self.known: dict[tuple[int, Ranges], list[tuple[int, int, int]]] = {}
        if shape is not None:  # it broadcasts to this
            self.stretched = [n == 1 != of for n, of in zip(array.shape, shape[len(shape) - array.ndim :], strict=True)]

    def pieces(self, axis: int, ranges: Ranges) -> list[tuple[int, int, int]]:
        """(chunk, start, stop in it) of the cells in these ranges."""
        known = self.known.get((axis, ranges))
        if known is None:
            known = self.known[axis, ranges] = list(self._pieces(axis, ranges))
        return known

    def _pieces(self, axis: int, ranges: Ranges) -> Iterator[tuple[int, int, int]]:
        edges = self.edges[axis]
        for low, high in ((0, 1),) if self.stretched[axis] else ranges:
            if low == high:  # of an axis of length 0
                yield 0, 0, 0
            chunk = bisect.bisect_right(edges, low) - 1
            while low < high:
                stop = min(high, edges[chunk + 1])
                if stop > low:
                    yield chunk, low - edges[chunk], stop - edges[chunk]
                low, chunk = stop, chunk + 1


class Graph:
    """A layer of tasks in the making."""

    def __init__(self, name: str, *identity: Any) -> None:
        self.token: str = tokenize(*identity)
        self.name: str = f"cypool-{name}-{self.token}"
        self.tasks: dict[Any, Any] = {}
        self.sources: dict[str, Array] = {}

    def gather(
        self, arrays: Mapping[str, Cells], ranges: Sequence[Ranges]
    ) -> tuple[list[list[Any]], dict[str, tuple[int, ...]]]:
        """What a task gets of these cells of some arrays: the keys, in C order, and how many along each axis."""
        found = {name: self._cut(cells, ranges[len(ranges) - cells.array.ndim :]) for name, cells in arrays.items()}
        return [keys for keys, _ in found.values()], {name: grid for name, (_, grid) in found.items()}

    def _cut(self, cells: Cells, ranges: Sequence[Ranges]) -> tuple[list[Any], tuple[int, ...]]:
        array = cells.array
        self.sources[array.name] = array
        of_axis = [cells.pieces(a, r) for a, r in enumerate(ranges)]
        keys = []
        for piece in itertools.product(*of_axis):
            chunk = (array.name, *(i for i, _, _ in piece))
            if any(b - a != array.chunks[axis][i] for axis, (i, a, b) in enumerate(piece)):
                key = (f"{self.name}-cut-{array.name}", *itertools.chain(*piece))
                self.tasks.setdefault(key, (operator.getitem, chunk, tuple(slice(a, b) for _, a, b in piece)))
                keys.append(key)
            else:
                keys.append(chunk)
        return keys, tuple(map(len, of_axis))

    def arrays(
        self, chunks: Sequence[tuple[int, ...]], metas: Sequence[NDArray[Any]], names: Sequence[str] = ()
    ) -> tuple[Array, ...]:
        """The results as arrays: of tasks (name, *block), or, of several, of (name of it, *block)."""
        names = names or [self.name]
        layers = HighLevelGraph.from_collections(self.name, self.tasks, dependencies=list(self.sources.values()))
        if len(names) == 1 and names[0] == self.name:
            return (Array(layers, self.name, chunks, meta=metas[0]),)
        grid = list(itertools.product(*(range(len(lengths)) for lengths in chunks)))
        found = []
        for i, (name, meta) in enumerate(zip(names, metas, strict=True)):
            one = {(name, *at): (operator.getitem, (self.name, *at), i) for at in grid}
            both = HighLevelGraph({**layers.layers, name: one}, {**layers.dependencies, name: {self.name}})
            found.append(Array(both, name, chunks, meta=meta))
        return tuple(found)


def assembled(parts: Sequence[NDArray[Any]], grid: Sequence[int]) -> NDArray[Any]:
    """Arrays that lie in a grid, in C order, as one."""
    if len(parts) == 1:
        return parts[0]
    edges, step = [], 1
    for axis in range(len(grid) - 1, -1, -1):
        edges.append(edges_of([parts[i * step].shape[axis] for i in range(grid[axis])]))
        step *= grid[axis]
    edges.reverse()
    shape = [e[-1] for e in edges]
    masked = any(isinstance(part, np.ma.MaskedArray) for part in parts)
    whole = np.empty(shape, parts[0].dtype)
    mask = np.zeros(shape, bool) if masked else None
    for at, part in zip(np.ndindex(*grid), parts, strict=True):
        place = tuple(slice(e[i], e[i + 1]) for e, i in zip(edges, at, strict=True))
        whole[place] = np.ma.getdata(part)
        if mask is not None:
            mask[place] = np.ma.getmaskarray(part)
    return whole if mask is None else np.ma.MaskedArray(whole, mask=mask)


def numbered(blocks: Sequence[Iterable[Any]]) -> Iterator[tuple[tuple[int, ...], tuple[Any, ...]]]:
    """Each combination of blocks of the axes with its place in the grid."""
    for pairs in itertools.product(*(enumerate(of_axis) for of_axis in blocks)):
        yield tuple(i for i, _ in pairs), tuple(block for _, block in pairs)


