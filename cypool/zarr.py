"""OME-Zarr pyramids of arrays that need not fit into memory.

    import cypool.zarr

    cypool.zarr.write_pyramid("volume.tif", "volume.ome.zarr", scale=(2.0, 0.5, 0.5), units="micrometer")
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

try:
    import zarr
except ModuleNotFoundError as _error:
    if _error.name != "zarr":
        raise
    raise ImportError("cypool.zarr needs zarr, which is not installed: pip install 'cypool[zarr]'") from _error

from .pyramid import reduce_levels
from .sources import open_source

__all__ = ["Level", "Plan", "write_pyramid"]


@dataclass(frozen=True)
class Level:
    """One array of a pyramid; nbytes: uncompressed."""

    path: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    shards: tuple[int, ...] | None
    nbytes: int


@dataclass(frozen=True)
class Plan:
    """What a call writes."""

    target: str
    axes: tuple[str, ...]
    dtype: np.dtype[Any]
    levels: tuple[Level, ...]
    reads: int  # bytes of the source that are read in all
    memory: int  # bytes it takes, at most

    @property
    def nbytes(self) -> int:
        """Bytes of all levels, uncompressed."""
        return sum(level.nbytes for level in self.levels)


def write_pyramid(
    source: Any,
    target: str | os.PathLike[str],
    *,
    factor: Any = 2,
    levels: int | None = None,
    reduce: str | Callable[..., Any] = "mean",
    axes: Any = None,
    channel_axis: int | None = None,
    chunks: Any = None,
    shards: Any = None,
    compression: Any = "zstd",
    scale: Any = None,
    units: Any = None,
    name: str | None = None,
    dataset: str | None = None,
    overwrite: bool = False,
    resume: bool = True,
    workers: int | None = None,
    memory: int = 256 * 2**20,
    progress: Callable[[int, int], object] | None = None,
    dry_run: bool = False,
) -> Plan:
    """Write an array and its reductions as an OME-Zarr image."""
    path = Path(target)
    if path.exists() and not overwrite:
        raise FileExistsError(f"target {str(path)!r} exists: give overwrite=True to replace it")
    with open_source(source, dataset=dataset) as opened:
        names = tuple(axes or opened.axes or "tczyx"[-len(opened.shape) :])
        pooled = {a: int(factor) for a, name in enumerate(names) if name in "zyx"}
        side = 1024 if len(pooled) == 2 else 128
        depth = levels
        if depth is None:
            depth = 0
            while any(-(-opened.shape[a] // f**depth) > side for a, f in pooled.items()):
                depth += 1
        shapes = [
            tuple(-(-n // pooled.get(a, 1) ** k) for a, n in enumerate(opened.shape)) for k in range(depth + 1)
        ]
        found = tuple(
            Level(str(k), shape, tuple(min(n, side) if a in pooled else 1 for a, n in enumerate(shape)), None,
                  int(np.prod(shape)) * opened.dtype.itemsize)
            for k, shape in enumerate(shapes)
        )  # fmt: skip
        plan = Plan(str(path), names, opened.dtype.newbyteorder("="), found, opened.nbytes, memory)
        if dry_run:
            return plan
        group = zarr.open_group(str(path), mode="w", zarr_format=3)
        whole = opened.read((slice(None),) * opened.ndim)
        data = [whole, *reduce_levels(whole, pooled, range(1, depth + 1), reduce, workers=workers)]
        for level, values in zip(found, data, strict=True):
            array = group.create_array(level.path, shape=level.shape, chunks=level.chunks, dtype=plan.dtype)
            array[...] = values
        if progress is not None:
            progress(opened.nbytes, opened.nbytes)
        return plan
