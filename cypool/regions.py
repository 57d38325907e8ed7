"""How a pyramid is written in one pass: in which regions an array is read, and in which order.

A region is some units (shards, or chunks) of the levels long on each axis, so that it holds whole units of level 0 and
of the first levels, and cells of those that follow.  Regions are read in Z-order: those that make a unit of a level
follow one another, whatever the level, and each level has one unit that is not complete. ::

     0  1 |  4  5       regions 0 to 3 make a unit of the next level,
     2  3 |  6  7       regions 0 to 15 one of the level after it
    ------+------
     8  9 | 12 13
    10 11 | 14 15

Levels whose windows are longer than a region take another pass: over the last level that is there (max, min, first),
over sums of it (means of integers), or over level 0 (all others).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .pyramid import Levels

__all__ = ["Pass", "plan_passes"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Pass:
    """Regions of one array, and what is made of them."""

    reads: str  # "source"; "level" or "sums": of level `base`
    base: int
    levels: tuple[int, ...]  # that are made
    keeps: bool  # sums of the last of them
    shape: Shape  # of the array that is read
    sides: Shape  # of a region
    blocks: tuple[Shape, ...]  # how many regions a block of regions has, and those inside of it: Z-order
    workers: int
    memory: int  # bytes, at most

    @property
    def count(self) -> int:
        return math.prod(self.grid)

    @property
    def grid(self) -> Shape:
        return tuple(-(-n // side) for n, side in zip(self.shape, self.sides, strict=True))

    def order(self) -> Iterator[Shape]:
        """The positions of the regions in the grid."""
        return self._inside((0,) * len(self.shape), self.grid, 0)

    def _inside(self, first: Shape, size: Shape, depth: int) -> Iterator[Shape]:
        if depth == len(self.blocks):
            yield first
            return
        steps = self.blocks[depth]
        ends = (min(f + s, n) for f, s, n in zip(first, size, self.grid, strict=True))
        for start in itertools.product(*(range(f, e, s) for f, e, s in zip(first, ends, steps, strict=True))):
            yield from self._inside(start, steps, depth + 1)

    def region(self, position: Shape) -> tuple[slice, ...]:
        """The cells of a region."""
        return tuple(
            slice(i * side, min((i + 1) * side, n))
            for i, side, n in zip(position, self.sides, self.shape, strict=True)
        )  # fmt: skip


def plan_passes(
    made: Levels, shape: Shape, depth: int, units: Shape, memory: int, workers: int, stored: Shape | None
) -> tuple[Pass, ...]:
    """The passes that write levels 0 to `depth`.  `stored`: the chunks of the source, which are best read whole."""
    passes = [_aligned(made, shape, 0, depth, "source", units, memory, workers, stored)]
    while passes[-1].levels and (last := passes[-1].levels[-1]) < depth:
        if not (made.nests or (made.sums and made.fits(shape))):
            return (*passes, _again(made, shape, last, depth, memory, workers))
        reads = "level" if made.nests else "sums"
        passes.append(_aligned(made, shape, last, depth, reads, units, memory, workers, None))
    return tuple(passes)


def _aligned(
    made: Levels, shape: Shape, base: int, depth: int, reads: str, units: Shape, memory: int, workers: int,
    stored: Shape | None,
) -> Pass:  # fmt: skip
    """A pass whose regions hold whole units."""
    here = made.shape(shape, base)
    size = 8 if reads == "sums" else made.dtype.itemsize
    factors = tuple(made.factors.get(a, 1) for a in range(len(shape)))
    unit = math.prod(map(min, units, here)) * made.dtype.itemsize

    def sides(power: Sequence[int]) -> Shape:
        return tuple(u * f**p for u, f, p in zip(units, factors, power, strict=True))

    def inside(power: Sequence[int]) -> int:
        """Levels whose windows lie in a region."""
        found = base
        while found < depth and all(
            side >= n or side % f ** (found + 1 - base) == 0
            for side, n, f in zip(sides(power), here, factors, strict=True)
        ):
            found += 1
        return found

    def bytes_of(power: Sequence[int], count: int) -> int:
        cells = math.prod(map(min, sides(power), here))
        return count * _room(cells * size, made) + (3 * count + depth - base + 1) * unit

    pooled = [int(f > 1) for f in factors]
    power, count = pooled, workers
    while count > 1 and bytes_of(power, count) > memory:
        count -= 1
    if bytes_of(power, count) > memory and (inside([0] * len(factors)) > base or base == depth):
        power = [0] * len(factors)
    if bytes_of(power, count) > memory:
        raise ValueError(
            f"memory={memory} is too little: regions of {'x'.join(map(str, map(min, sides(power), here)))} cells (of "
            f"chunks, or shards, of {'x'.join(map(str, units))}) take {bytes_of(power, count)} bytes; give more "
            "memory, or smaller chunks or shards"
        )
    while inside(power) < depth:  # larger regions, if that makes more levels in this pass
        longer = [p + f for p, f in zip(power, pooled, strict=True)]
        if inside(longer) <= inside(power) or bytes_of(longer, count) > memory:
            break
        power = longer
    for a, length in enumerate(stored or ()):  # and such that no chunk of the source is read several times
        while sides(power)[a] < min(length, here[a]) and factors[a] > 1:
            longer = [p + (b == a) for b, p in enumerate(power)]
            if bytes_of(longer, count) > memory or inside(longer) < inside(power):
                break
            power = longer
    last = inside(power)
    keeps = last < depth and not made.nests and made.sums and made.fits(shape)
    chosen = tuple(map(min, sides(power), here))
    return Pass(
        reads, base, tuple(range(base + 1, last + 1)), keeps, here, chosen, _blocks(here, chosen, factors, power),
        count, bytes_of(power, count),
    )  # fmt: skip


def _again(made: Levels, shape: Shape, done: int, depth: int, memory: int, workers: int) -> Pass:
    """A pass over level 0 for levels that are made of it alone: a region is a window of the last one."""
    factors = tuple(made.factors.get(a, 1) for a in range(len(shape)))

    def sides(level: int) -> Shape:
        return tuple(min(f**level, n) for f, n in zip(factors, shape, strict=True))

    def bytes_of(level: int) -> int:
        return _room(math.prod(sides(level)) * made.dtype.itemsize, made)

    if bytes_of(depth) > memory:
        most = max(k for k in range(done, depth) if k == done or bytes_of(k) <= memory)
        raise ValueError(
            f"memory={memory} is too little for a window of level {depth} ({'x'.join(map(str, sides(depth)))} cells, "
            f"{bytes_of(depth)} bytes), and reduce={made.name!r} needs all of it at once: give more memory, or "
            f"levels={most}"
        )
    count = max(1, min(workers, memory // max(1, bytes_of(depth))))
    return Pass(
        "source", 0, tuple(range(done + 1, depth + 1)), False, shape, sides(depth),
        _blocks(shape, sides(depth), factors, [0] * len(factors)), count, count * bytes_of(depth),
    )  # fmt: skip


def _room(size: int, made: Levels) -> int:
    """Bytes that a region takes: itself, what it is read through, its levels, and lines that are sorted."""
    return size * 5 // 2 + (size if made.name in ("median", "quantile", "mode") else 0)


def _blocks(shape: Shape, sides: Shape, factors: Shape, power: Sequence[int]) -> tuple[Shape, ...]:
    """Blocks of regions, from the largest to a single one: a region is units * factor**power long."""
    grid = [-(-n // side) for n, side in zip(shape, sides, strict=True)]
    blocks: list[Shape] = []
    level = 0
    while not blocks or any(s < g and f > 1 for s, g, f in zip(blocks[-1], grid, factors, strict=True)):
        steps = tuple(f ** max(0, level - p) for f, p in zip(factors, power, strict=True))
        if not blocks or steps != blocks[-1]:
            blocks.append(steps)
        level += 1
    return tuple(blocks[::-1])
