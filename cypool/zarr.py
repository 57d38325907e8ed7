"""OME-Zarr pyramids of arrays that need not fit into memory.

    import cypool.zarr

    cypool.zarr.write_pyramid("volume.tif", "volume.ome.zarr", scale=(2.0, 0.5, 0.5), units="micrometer")

The source is read once, region by region, and all levels are made of a region while it is in memory.  All is written
into ``<target>.partial``, which becomes the target when it is complete.  A call that was interrupted goes on where it
was.
"""

from __future__ import annotations

import hashlib
import math
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

from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

from . import ome, threads
from .arguments import boolean, integer, is_sequence, shown, text, typed
from .kernels.machine import VERSION
from .levels import Levels, depth_of
from .partial import Partial
from .pyramid import factors_of, level_count
from .reducers import find
from .regions import Pass, plan_passes
from .sources import Source, is_path, open_source
from .writing import Job

__all__ = ["Level", "Plan", "write_pyramid"]

CHUNK = {2: 1024, 3: 128}  # cells of a chunk on each pooled axis, of so many
COMPRESSIONS = {"zstd": (1, range(-7, 23)), "blosc": (5, range(10)), "gzip": (5, range(10)), "none": (0, range(1))}


@dataclass(frozen=True)
class Level:
    """One array of a pyramid; nbytes: uncompressed."""

    path: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    shards: tuple[int, ...] | None
    nbytes: int

    @property
    def unit(self) -> tuple[int, ...]:
        """Cells of a file."""
        return self.shards or self.chunks


@dataclass(frozen=True)
class Plan:
    """What a call writes, and what that takes.

    ``axes``: names, in the order in which they are stored; ``reads``: bytes of the source that are read, in all passes;
    ``memory``: bytes, at most; ``workers``: threads.
    """

    target: str
    axes: tuple[str, ...]
    dtype: np.dtype[Any]
    levels: tuple[Level, ...]
    passes: tuple[Pass, ...]
    reads: int
    memory: int
    workers: int

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
    """Write an array and its reductions as an image of OME-Zarr 0.5 (Zarr version 3).

    Every level is to the bit that of `cypool.pyramid`.

    Parameters
    ----------
    source : array, str or path
        A NumPy array, zarr array or h5py dataset, or a file: ``.npy``, ``.zarr``, ``.tif``, ``.h5``, or an image.
    target : str or path
        A directory that does not exist, in one that does.
    factor : int or sequence of int
        As in `cypool.pyramid`: one for all of z, y, x, or one for each of them, in the order of the source's axes.
    levels : int, optional
        Number of reduced arrays.  Default: until the longest axis that is reduced fits into one chunk.
    reduce : str or callable
        A name, as in `cypool.pool`, or the NumPy function of that meaning; ``"mode"`` for labels.
    axes : str or sequence of str, optional
        Names of the source's axes, as "zyx" or "tczyx"; z, y and x are pooled.  Default: those its file has, or the
        last letters of "tczyx".  Axes are stored in the order t, c, z, y, x.
    channel_axis : int, optional
        The one that is c, instead of `axes`.
    chunks, shards : int or sequence of int, optional
        Cells of a chunk, and of a file of several chunks; one value for z, y and x, or one for each axis of the source.
        Default: 1024 x 1024 cells of two axes, 128 x 128 x 128 of three, and a file for each chunk.
    compression : str, tuple, codec or sequence of codecs
        ``"zstd"`` (level 1), ``"blosc"`` (zstd of shuffled bytes, level 5), ``"gzip"`` (level 5) or ``"none"``; a pair
        (name, level); or codecs of zarr.  gzip notes the time in each file, so its bytes differ from call to call.
    scale : number, sequence or mapping, optional
        Size of a cell: of z, y and x; or one for each axis of the source; or {name: size}.  Default: what its file
        says, or 1.
    units : str, sequence or mapping, optional
        Likewise, as "micrometer".
    name : str, optional
        Name of the image.  Default: that of the target.
    dataset : str, optional
        Which array of a file of several: see `cypool.sources.open_source`.
    overwrite : bool
        Replace a target that exists, in the last step: until then it stays as it is.  Also start anew where another
        call was interrupted.
    resume : bool
        Go on with what the same call left when it was interrupted; False: start anew.
    workers : int, optional
        Regions that are worked on at the same time, as far as memory allows.  Default: see `cypool.set_workers`.
    memory : int
        Bytes that arrays take at most, at any time.
    progress : callable, optional
        Called as ``progress(done, total)`` after each region, with bytes that were read; in the thread of the caller.
    dry_run : bool
        Write nothing.

    Returns
    -------
    Plan
        What was written: ``.levels`` (each with path, shape, chunks, shards, nbytes), ``.axes``, ``.dtype``,
        ``.nbytes``, ``.reads``, ``.memory``, ``.workers``.

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind or value; a dtype, shape or axes that OME-Zarr or the reducer do not take; a
        source that is damaged; too little `memory`; another interrupted call for this target.
    FileExistsError, FileNotFoundError, OSError
        A target that exists; a source or a directory that does not; one that cannot be read or written; a full disk.

    Notes
    -----
    Nothing is there under the name of the target until all of it is complete.  After an interruption (Ctrl-C, a full
    disk, SIGKILL, loss of power) ``<target>.partial`` stays, and the same call ends with the same bytes in every file
    as one that was not interrupted.

    Examples
    --------
    >>> import cypool.zarr, numpy as np, tempfile, zarr
    >>> image = np.arange(3000 * 4000, dtype=np.uint16).reshape(3000, 4000)
    >>> folder = tempfile.TemporaryDirectory()
    >>> plan = cypool.zarr.write_pyramid(image, f"{folder.name}/image.ome.zarr", scale=0.5, units="micrometer")
    >>> [level.shape for level in plan.levels]
    [(3000, 4000), (1500, 2000), (750, 1000)]
    >>> group = zarr.open_group(f"{folder.name}/image.ome.zarr", mode="r")
    >>> bool((group["1"][:] == cypool.pyramid(image, levels=1)[1]).all())
    True
    >>> folder.cleanup()
    """
    overwrite, resume, dry_run = boolean(overwrite, "overwrite"), boolean(resume, "resume"), boolean(dry_run, "dry_run")
    path = _target(target, overwrite, resume)
    if progress is not None and not callable(progress):
        raise TypeError(f"progress must be callable, not {typed(progress)}")
    with open_source(source, dataset=dataset) as opened:
        _apart(opened, path)
        names = ome.axis_names(axes, channel_axis, opened.axes, opened.ndim)
        order = tuple(sorted(range(opened.ndim), key=lambda a: ome.NAMES.index(names[a])))
        stored = tuple(names[a] for a in order)
        shape = tuple(opened.shape[a] for a in order)
        if 0 in shape:
            raise ValueError(f"source must not be empty, as it is with shape {opened.shape}")
        factors = factors_of(factor, [a for a in names if a in ome.SPACE])
        positions = {stored.index(a): f for a, f in factors.items()}
        made = Levels(opened.dtype, positions, _reducer(reduce), {}, name="source")
        side = CHUNK[len(factors)]
        sizes = _cells(side if chunks is None else chunks, names, stored, "chunks", {})
        usual = dict(zip(stored, sizes, strict=True))
        files = None if shards is None else _cells(shards, names, stored, "shards", usual)
        for a, size, cells in zip(stored, sizes, files or sizes, strict=True):
            if cells % size:
                raise ValueError(f"shards must be multiples of chunks: on axis {a} they have {cells} and {size} cells")
        if levels is None:
            depth = max(depth_of((shape[a],), {0: f}, sizes[a]) for a, f in made.factors.items())
        else:
            depth = level_count(levels)
        room = integer(memory, "memory", 1)
        chunked = None if opened.chunks is None else tuple(opened.chunks[a] for a in order)
        passes = plan_passes(made, shape, depth, files or sizes, room, threads.asked(workers), chunked)
        found = tuple(_level(str(k), made.shape(shape, k), sizes, files, made.dtype) for k in range(depth + 1))
        plan = Plan(
            str(path), stored, made.dtype, found, passes, opened.nbytes * sum(p.reads == "source" for p in passes),
            max(p.memory for p in passes), max(p.workers for p in passes),
        )  # fmt: skip
        codecs = _codecs(compression, made.dtype)
        if name is None:
            name = path.name.removesuffix(".zarr").removesuffix(".ome")
        elif not isinstance(name, str):
            raise TypeError(f"name must be a string, not {typed(name)}")
        attributes = ome.attributes(
            stored, factors, [level.path for level in found], ome.cell_sizes(scale, names, opened.scale),
            ome.cell_units(units, names, opened.units), name, made.name,
        )  # fmt: skip
        if dry_run:
            return plan
        call = {
            "source": opened.name, "identity": _identity(opened), "shape": opened.shape, "dtype": str(opened.dtype),
            "levels": [[level.shape, level.chunks, level.shards] for level in found], "attributes": attributes,
            "compression": [codec.to_dict() for codec in codecs], "passes": [[p.sides, p.levels] for p in passes],
            "cypool": VERSION, "zarr": zarr.__version__,
        }  # fmt: skip
        with Partial(path, call) as partial:
            Job(plan, made, opened, order, partial, codecs, attributes, progress).run(resume, overwrite)
    return plan


def _target(target: Any, overwrite: bool, resume: bool) -> Path:
    if not isinstance(target, (str, os.PathLike)) or not isinstance(os.fspath(target), str):
        raise TypeError(f"target must be a path, not {typed(target)}")
    path = Path(os.path.abspath(target))
    if not is_path(os.fspath(target)) or not path.name:
        raise ValueError(f"target must be the path of a folder to be made, not {shown(os.fspath(target))}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"target {str(path)!r} is in a directory that does not exist")
    unfinished = resume and (path.with_name(path.name + ".partial") / "journal.json").exists()
    if os.path.lexists(path) and not overwrite and not unfinished:
        raise FileExistsError(f"target {str(path)!r} exists: give overwrite=True to replace it")
    return path


def _apart(source: Source, target: Path) -> None:
    """ValueError where the target lies in the source's file, or the other way round."""
    if source.path is None:
        return
    one, other = Path(os.path.realpath(source.path)), Path(os.path.realpath(target))
    if one == other or one in other.parents or other in one.parents:
        raise ValueError(f"target {str(target)!r} must be apart from the source, {str(source.path)!r}")


def _reducer(reduce: Any) -> str:
    """The name of a reducer."""
    found = find(reduce)
    if found is None:
        raise TypeError(f"reduce must be a name or the NumPy function of that meaning, not {shown(reduce)}")
    row, omits = found
    if omits:
        raise ValueError(f"reduce={shown(reduce)} skips NaN, which write_pyramid does not")
    return row.name


def _cells(
    value: Any, names: tuple[str, ...], stored: tuple[str, ...], what: str, default: dict[str, int]
) -> tuple[int, ...]:
    """Sides of chunks or shards, in the order in which axes are stored."""
    if is_sequence(value):
        given = ome.per_name(value, names, None, what)
    else:
        given = {a: value if a in ome.SPACE else default.get(a, 1) for a in names}
    return tuple(integer(given[a], what, 1) for a in stored)


def _level(
    path: str, shape: tuple[int, ...], chunks: tuple[int, ...], shards: tuple[int, ...] | None, dtype: np.dtype[Any]
) -> Level:
    """A level whose chunks and shards are no larger than it is."""
    cells, files = tuple(map(min, chunks, shape)), None
    if shards is not None:
        files = tuple(min(s // c * c, -(-n // c) * c) for s, n, c in zip(shards, shape, cells, strict=True))
    return Level(path, shape, cells, files, math.prod(shape) * dtype.itemsize)


def _codecs(compression: Any, dtype: np.dtype[Any]) -> tuple[Any, ...]:
    """Compressors of zarr."""
    level = None
    codecs = compression if is_sequence(compression) else (compression,)
    if is_sequence(compression) and len(compression) == 2 and isinstance(compression[0], str):
        compression, level = compression
    if isinstance(compression, str):
        kind = text(compression, tuple(COMPRESSIONS), "compression")
        usual, allowed = COMPRESSIONS[kind]
        level = usual if level is None else integer(level, "compression level", allowed[0])
        if level not in allowed:
            raise ValueError(f"compression level of {kind} must be from {allowed[0]} to {allowed[-1]}, not {level}")
        if kind == "zstd":
            return (ZstdCodec(level=level),)
        if kind == "gzip":
            return (GzipCodec(level=level),)
        if kind == "blosc":
            return (BloscCodec(cname="zstd", clevel=level, shuffle="shuffle", typesize=dtype.itemsize),)
        return ()
    for codec in codecs:
        if not isinstance(codec, zarr.abc.codec.BytesBytesCodec):
            raise TypeError(f"compression must be a name, a pair (name, level) or codecs of zarr, not {typed(codec)}")
    return tuple(codecs)


def _identity(source: Source) -> Any:
    """What tells this source from another one of the same name, shape and dtype."""
    if source.path is not None:
        stat = os.stat(source.path)
        return [stat.st_size, stat.st_mtime_ns]
    some = [range(0, n, max(1, n // 16))[:16] for n in source.shape]  # cells here and there
    cells = source.read(tuple(slice(0, r[-1] + 1, r.step) for r in some))
    return hashlib.sha256(np.ascontiguousarray(cells).tobytes()).hexdigest()
