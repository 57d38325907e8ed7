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
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from .levels import Levels

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
    plan = _Planner(made, shape, depth, units, memory)
    passes = [plan.first(workers, stored)]
    while (last := passes[-1].levels[-1] if passes[-1].levels else 0) < depth:
        passes.append(plan.further(last, workers))
    return tuple(passes)


class _Planner:
    """Numbers of bytes, and the passes that follow from them."""

    def __init__(self, made: Levels, shape: Shape, depth: int, units: Shape, memory: int) -> None:
        self.made: Levels = made
        self.shape: Shape = shape
        self.depth: int = depth
        self.units: Shape = units
        self.memory: int = memory
        self.factors: Shape = tuple(made.factors.get(a, 1) for a in range(len(shape)))
        self.chains: bool = made.nests or (made.sums and made.fits(shape))

    def unit(self, level: int) -> int:
        """Bytes of a unit of a level."""
        return math.prod(map(min, self.units, self.made.shape(self.shape, level))) * self.made.dtype.itemsize

    def inside(self, sides: Shape, here: Shape, base: int) -> int:
        """The last level whose windows each lie in one region."""
        level = base
        while level < self.depth and all(
            side >= n or side % f ** (level + 1 - base) == 0
            for side, n, f in zip(sides, here, self.factors, strict=True)
        ):
            level += 1
        return level

    def bytes_of(self, sides: Shape, here: Shape, size: int, workers: int, base: int) -> int:
        """Regions with what they are read through, their levels and lines that are sorted; units that are written; and
        those that are not complete."""
        region = math.prod(map(min, sides, here)) * size
        region = region * 5 // 2 + (region if self.made.name in ("median", "quantile", "mode") else 0)
        open_units = 0
        for level in range(base + 1, self.depth + 1):
            shape = self.made.shape(self.shape, level)
            reach = [u * f ** (level - base) for u, f in zip(self.units, self.factors, strict=True)]
            if any(side % r and side < n for side, r, n in zip(sides, reach, here, strict=True)):
                pieces = math.prod(  # units that a region may lie in, where these are no multiples of regions
                    2 if side < n and r % side else 1 for side, r, n in zip(sides, reach, here, strict=True)
                )
                open_units += self.unit(level) * pieces if 0 not in shape else 0
        return workers * (region + 3 * self.unit(base)) + open_units

    def first(self, workers: int, stored: Shape | None) -> Pass:
        """A pass whose regions hold whole units of level 0, and of level 1 if there is room."""
        here, size = self.shape, self.made.dtype.itemsize
        pooled = [int(f > 1) for f in self.factors]

        def sides(power: Sequence[int]) -> Shape:
            return tuple(u * f**p for u, f, p in zip(self.units, self.factors, power, strict=True))

        def room(power: Sequence[int], count: int | None = None) -> int:
            return self.bytes_of(sides(power), here, size, count or workers, 0)

        def inside(power: Sequence[int]) -> int:
            return self.inside(sides(power), here, 0)

        power = pooled
        workers = _most(lambda count: room(pooled, count), workers, self.memory)
        nothing = [0] * len(pooled)
        if room(power) > self.memory and (inside(nothing) or not self.depth):
            power = nothing
        if room(power) > self.memory:
            raise ValueError(
                f"memory={self.memory} is too little: regions of {_by(map(min, sides(power), here))} cells, of chunks "
                f"(or shards) of {_by(self.units)}, take {room(power)} bytes; give more memory, or smaller chunks or "
                "shards"
            )
        while inside(power) < self.depth:  # larger regions, if that makes more levels in this pass
            longer = [p + f for p, f in zip(power, pooled, strict=True)]
            if inside(longer) <= inside(power) or room(longer) > self.memory:
                break
            power = longer
        for a, length in enumerate(stored or ()):  # and such that no chunk of the source is read several times
            while pooled[a] and sides(power)[a] < min(length, here[a]):
                longer = [p + (b == a) for b, p in enumerate(power)]
                if room(longer) > self.memory or inside(longer) < inside(power):
                    break
                power = longer
        return self._pass("source", 0, inside(power), here, sides(power), power, workers, room(power))

    def further(self, base: int, workers: int) -> Pass:
        """A pass whose regions are windows: over the last level, over sums of it, or over level 0 again."""
        reads = "source" if not self.chains else "level" if self.made.nests else "sums"
        first = base if self.chains else 0
        here = self.made.shape(self.shape, first)
        size = 8 if reads == "sums" else self.made.dtype.itemsize

        def sides(level: int) -> Shape:
            return tuple(min(f ** (level - first), n) for f, n in zip(self.factors, here, strict=True))

        def room(level: int, count: int) -> int:
            return self.bytes_of(sides(level), here, size, count, first)

        fits = [level for level in range(base + 1, self.depth + 1) if room(level, 1) <= self.memory]
        last = fits[-1] if fits else base
        if last == base or (not self.chains and last < self.depth):
            raise ValueError(
                f"memory={self.memory} is too little for a window of level {self.depth} ({_by(sides(self.depth))} "
                f"cells, {room(self.depth, 1)} bytes), and reduce={self.made.name!r} needs all of it at once: give "
                f"more memory, or levels={last}"
            )
        workers = _most(lambda count: room(last, count), workers, self.memory)
        power = [last - first] * len(here)
        return self._pass(reads, base, last, here, sides(last), power, workers, room(last, workers))

    def _pass(
        self, reads: str, base: int, last: int, here: Shape, sides: Shape, power: Sequence[int], workers: int, room: int
    ) -> Pass:
        sides = tuple(map(min, sides, here))
        keeps = last < self.depth and self.chains and not self.made.nests
        levels = tuple(range(base + 1, last + 1))
        blocks = _blocks(here, sides, self.factors, power)
        workers = min(workers, math.prod(-(-n // side) for n, side in zip(here, sides, strict=True)))
        return Pass(reads, 0 if reads == "source" else base, levels, keeps, here, sides, blocks, workers, room)


def _most(room: Callable[[int], int], workers: int, memory: int) -> int:
    """As many workers as memory has room for, or one: each takes the same."""
    one = room(1)
    return max(1, min(workers, 1 + (memory - one) // max(1, room(2) - one)))


def _by(sides: Iterable[int]) -> str:
    return "x".join(map(str, sides))


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
