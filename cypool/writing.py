"""The run of `write_pyramid`: regions in, units of all levels out; and its books, for when it is interrupted."""

from __future__ import annotations

import contextlib
import itertools
import math
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from numpy.typing import NDArray

from .levels import Levels
from .partial import Partial, sync
from .regions import Pass
from .sources import Source

if TYPE_CHECKING:
    from .zarr import Plan

__all__ = ["Job"]

Array = NDArray[Any]
Shape = tuple[int, ...]
Piece = tuple[int, Shape, tuple[slice, ...], Array]  # level, unit, place in the level, cells
Made = tuple[list[Piece], list[Path]]  # of a region: cells of units that are not complete, files that are written

EVERY = 5.0  # seconds between two journals, at least
SHARE = 20  # and times as long as one takes


class Unit:
    """Cells of a file that is not complete."""

    def __init__(self, cells: Array, filled: int = 0) -> None:
        self.cells: Array = cells
        self.filled: int = filled


class Job:
    """One call."""

    def __init__(
        self, plan: Plan, made: Levels, source: Source, order: Shape, partial: Partial, codecs: tuple[Any, ...],
        attributes: dict[str, Any], progress: Callable[[int, int], object] | None,
    ) -> None:  # fmt: skip
        self.plan: Plan = plan
        self.made: Levels = made
        self.source: Source = source
        self.order: Shape = order
        self.partial: Partial = partial
        self.codecs: tuple[Any, ...] = codecs
        self.attributes: dict[str, Any] = attributes
        self.progress: Callable[[int, int], object] | None = progress
        self.arrays: list[Any] = []
        self.unasked: list[Any] = []  # the same, but that zarr does not look whether cells are all 0
        self.sums: Any = None
        self.kept: Any = None
        self.open: dict[tuple[int, Shape], Unit] = {}
        self.written: set[Path] = set()  # since the last journal
        self.again: bool = False
        self.at: tuple[int, int] = (0, 0)  # pass, regions of it that are done
        self.read: int = 0
        self.whole: bool = True  # no region is half done
        self.next: float = 0.0

    # ---- the whole -----------------------------------------------------------------------------------------------

    def run(self, resume: bool, overwrite: bool) -> None:
        state = self.partial.open(resume, overwrite)
        try:
            self._start(state)
            with zarr.config.set({"array.write_empty_chunks": True}):
                self.unasked = [self._array(k) for k in range(len(self.arrays))]
            if state is None or not state.get("complete"):
                for number in range(self.at[0], len(self.plan.passes)):
                    self._pass(number, self.at[1] if number == self.at[0] else 0)
                self._end()
        except (OSError, MemoryError, KeyboardInterrupt, SystemExit, GeneratorExit) as error:
            self._interrupted(error, state is None)
            raise
        except Failed as error:
            self.partial.remove()
            raise error.cause from None
        except BaseException:  # of progress: whoever stops the call may call again
            self._interrupted(None, state is None)
            raise
        self.partial.finish(overwrite)

    def _interrupted(self, error: BaseException | None, new: bool) -> None:
        """What is done stays, with a journal, if that can be written; or nothing, if nothing is done."""
        with contextlib.suppress(OSError):  # on a full disk: then an older journal stays
            if self.arrays and self.whole and (self.at != (0, 0) or not new):
                self._save()
        if not (self.partial.path / "journal.json").exists():
            self.partial.remove()
        elif isinstance(error, OSError):
            error.add_note(f"What is done is kept in {self.partial.path}: the same call goes on with it.")

    def _start(self, state: Mapping[str, Any] | None) -> None:
        if state is not None and state.get("complete"):
            return
        self.next = time.monotonic() + EVERY
        if state is None:
            self.arrays = [self._create(k) for k in range(len(self.plan.levels))]
            return
        self.again = True
        self.partial.sweep()
        self.arrays = [self._array(k) for k in range(len(self.plan.levels))]
        self.at = (state["pass"], state["regions"])
        self.read = state["read"]
        for name, cells in self.partial.cells(state).items():
            level, *unit = map(int, name.split("."))
            self.open[level, tuple(unit)] = Unit(cells, state["filled"][name])

    def _array(self, level: int) -> Any:
        return zarr.open_array(self.partial.data / self.plan.levels[level].path, mode="r+")

    def _create(self, level: int) -> Any:
        found = self.plan.levels[level]
        return zarr.create_array(
            self.partial.data / found.path, shape=found.shape, chunks=found.chunks, shards=found.shards,
            dtype=self.plan.dtype.str, compressors=self.codecs or None, filters=None, fill_value=0, zarr_format=3,
            dimension_names=self.plan.axes, overwrite=True,
        )  # fmt: skip

    def _end(self) -> None:
        if self.open:
            raise AssertionError(f"units {list(self.open)[:9]} are not complete")
        group = zarr.open_group(self.partial.data, mode="a", zarr_format=3)
        group.attrs.put(self.attributes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is not in the specification of version 3; all ignore or read it
            zarr.consolidate_metadata(group.store)
        files = [self.partial.data / "zarr.json"]
        files += [self.partial.data / level.path / "zarr.json" for level in self.plan.levels]
        sync([*self.written, *files, self.partial.data])
        self.written = set()
        self.partial.save({"complete": True}, {}, ())

    # ---- a pass --------------------------------------------------------------------------------------------------

    def _pass(self, number: int, done: int) -> None:
        run = self.plan.passes[number]
        self.at = (number, done)
        self.sums = None if run.reads != "sums" else zarr.open_array(self.partial.sums / str(run.base), mode="r")
        self.kept = None if not run.keeps else self._keep(run, done)
        todo = itertools.islice(run.order(), done, None)
        if run.workers == 1:
            for position in todo:
                self._take(run, position, self._guarded(run, position))
            return
        running: deque[tuple[Shape, Future[Made]]] = deque()
        with ThreadPoolExecutor(run.workers, "cypool") as executor:
            try:
                for position in itertools.chain(todo, itertools.repeat(())):
                    if position:
                        running.append((position, executor.submit(self._guarded, run, position)))
                    elif not running:
                        return
                    if len(running) > run.workers or not position:
                        first, future = running.popleft()
                        self._take(run, first, future.result())
            finally:
                for _, future in running:
                    future.cancel()

    def _keep(self, run: Pass, done: int) -> Any:
        """Where sums of the last level go: a chunk for each region."""
        path, level = self.partial.sums / str(run.levels[-1]), run.levels[-1]
        if done:
            return zarr.open_array(path, mode="r+")
        cells = tuple(self.made.length(n, a, level - run.base) for a, n in enumerate(run.sides))
        return zarr.create_array(
            path, shape=self.plan.levels[level].shape, chunks=cells, dtype=self.made.sum_dtype, compressors=None,
            filters=None, zarr_format=3, overwrite=True,
        )  # fmt: skip

    def _take(self, run: Pass, position: Shape, found: Made) -> None:
        """In the thread of the caller, region by region: cells go to their units, complete units to the disk."""
        self.whole = False
        pieces, files = found
        self.written.update(files)
        for level, unit, place, cells in pieces:
            self._add(level, unit, place, cells)
        self.at = (self.at[0], self.at[1] + 1)
        if run.reads == "source":
            region = run.region(position)
            self.read += math.prod(part.stop - part.start for part in region) * self.source.dtype.itemsize
        self.whole = True
        if time.monotonic() >= self.next:
            self._save()
        if self.progress is not None:
            self.progress(self.read, self.plan.reads)

    def _add(self, level: int, unit: Shape, place: tuple[slice, ...], cells: Array) -> None:
        found = self.plan.levels[level]
        start = [i * u for i, u in zip(unit, found.unit, strict=True)]
        size = tuple(min(u, n - s) for u, n, s in zip(found.unit, found.shape, start, strict=True))
        if (level, unit) not in self.open:
            self.open[level, unit] = Unit(np.empty(size, self.plan.dtype))
        part = self.open[level, unit]
        part.cells[tuple(slice(p.start - s, p.stop - s) for p, s in zip(place, start, strict=True))] = cells
        part.filled += cells.size
        if part.filled == part.cells.size:
            place = tuple(slice(s, s + n) for s, n in zip(start, size, strict=True))
            self.written.add(self._write(level, unit, place, part.cells))
            del self.open[level, unit]

    def _save(self) -> None:
        began = time.monotonic()
        written, self.written = self.written, set()
        names = {".".join(map(str, (level, *unit))): part for (level, unit), part in self.open.items()}
        state = {
            "pass": self.at[0], "regions": self.at[1], "read": self.read,
            "filled": {name: part.filled for name, part in names.items()},
        }  # fmt: skip
        try:
            self.partial.save(state, {name: part.cells for name, part in names.items()}, written)
        except BaseException:
            self.written |= written
            raise
        self.next = time.monotonic() + max(EVERY, SHARE * (time.monotonic() - began))

    # ---- a region, in any thread ---------------------------------------------------------------------------------

    def _guarded(self, run: Pass, position: Shape) -> Made:
        """A region; what cannot be done better by calling again is Failed."""
        try:
            return self._region(run, position)
        except (OSError, MemoryError):
            raise
        except Exception as error:
            raise Failed(error) from error

    def _region(self, run: Pass, position: Shape) -> Made:
        """Reads a region, makes its levels, writes units that are complete."""
        region = run.region(position)
        made, base = self.made, run.base
        steps = [k - base for k in run.levels]
        sums: Any = None
        if run.reads == "sums":
            block = self.sums[region]
            levels = made.of_sums(block, self._first(region, base), base, run.levels, 1)
            if run.keeps:
                (sums,) = Levels(made.sum_dtype, made.factors, "sum", {}).of(block, steps[-1:], workers=1)
        else:
            block = self._cells(region) if run.reads == "source" else self.arrays[base][region]
            levels = made.of(block, steps, workers=1)
            if run.keeps:
                sums = made.sum(block, steps[-1], 1)
        pieces: list[Piece] = []
        files: list[Path] = []
        if run is self.plan.passes[0]:
            self._share(0, run, region, block, pieces, files)
        for level, cells in zip(run.levels, levels, strict=True):
            self._share(level, run, region, cells, pieces, files)
        if sums is not None:
            start = [i * c for i, c in zip(position, self.kept.chunks, strict=True)]
            place = tuple(slice(s, s + n) for s, n in zip(start, sums.shape, strict=True))
            files.append(self._store(self.kept, self.partial.sums / str(run.levels[-1]), position, place, sums))
        return pieces, files

    def _first(self, region: tuple[slice, ...], base: int) -> Shape:
        """How many cells of level 0 a region of another level covers on each axis."""
        shape = self.plan.levels[0].shape
        powers = [self.made.factors.get(a, 1) ** base for a in range(len(shape))]
        return tuple(min(p.stop * f, n) - p.start * f for p, f, n in zip(region, powers, shape, strict=True))

    def _cells(self, region: tuple[slice, ...]) -> Array:
        """Cells of the source, in the order of axes in which they are stored."""
        asked = [slice(None)] * len(region)
        for part, axis in zip(region, self.order, strict=True):
            asked[axis] = part
        found = self.source.read(tuple(asked)).transpose(self.order)
        return np.ascontiguousarray(found, self.plan.dtype)

    def _share(
        self, level: int, run: Pass, region: tuple[slice, ...], cells: Array, pieces: list[Piece], files: list[Path]
    ) -> None:
        """Shares out the cells that a region has of a level among the units they belong to."""
        found = self.plan.levels[level]
        start = tuple(p.start // self.made.factors.get(a, 1) ** (level - run.base) for a, p in enumerate(region))
        stop = tuple(s + n for s, n in zip(start, cells.shape, strict=True))
        units = (range(s // u, -(-e // u)) for s, e, u in zip(start, stop, found.unit, strict=True))
        for unit in itertools.product(*units):
            whole = [(i * u, min((i + 1) * u, n)) for i, u, n in zip(unit, found.unit, found.shape, strict=True)]
            place = tuple(slice(max(a, s), min(b, e)) for (a, b), s, e in zip(whole, start, stop, strict=True))
            part = cells[tuple(slice(p.start - s, p.stop - s) for p, s in zip(place, start, strict=True))]
            if all((p.start, p.stop) == w for p, w in zip(place, whole, strict=True)):
                files.append(self._write(level, unit, place, part))
            else:
                pieces.append((level, unit, place, part))

    def _write(self, level: int, unit: Shape, place: tuple[slice, ...], cells: Array) -> Path:
        array = self.arrays[level]
        # zarr would compare cell by cell, a quarter of the time of a chunk. Bytes, not values: -0.0 is not 0.
        if array.shards is None and cells.view(np.uint8).any():
            array = self.unasked[level]
        return self._store(array, self.partial.data / str(level), unit, place, cells)

    def _store(self, array: Any, path: Path, unit: Shape, place: tuple[slice, ...], cells: Array) -> Path:
        """Writes one file."""
        file: Path = path / array.metadata.encode_chunk_key(unit)
        if self.again:  # what a killed process left of it would be read, to be written over
            file.unlink(missing_ok=True)
        array[place] = cells
        return file


class Failed(Exception):
    """An error that another call would meet again."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause: Exception = cause
