"""Where a block of a larger result lies in it."""

from __future__ import annotations

import math
from typing import NamedTuple

from .spans import Span

__all__ = ["Key", "Place", "Whole", "strides_in"]

STEP = 0x9E3779B97F4A7C15  # of the counter in kernels/draws.pxd


class Whole(NamedTuple):
    """What a call on the larger array is: the order in which numbers are added up depends on it."""

    cells: tuple[int, ...]  # the shape of the input, in C order
    outputs: tuple[int, ...]  # and of the result
    spans: dict[int, Span]
    where: tuple[int, ...] | None  # shape of the mask, before it is broadcast
    uniform: bool = False  # for gradients: all windows have as many cells


class Place(NamedTuple):
    """Where the outputs of a call lie in those of a larger one, of which it makes a block: its draws, its messages
    and its rounding are then those of the whole."""

    origin: tuple[int, ...]
    whole: Whole
    rounds: bool = True  # False: nothing is rounded, and any order is as good

    @property
    def first(self) -> int:
        """Flat position of the first output."""
        shape = self.whole.outputs
        return sum(i * math.prod(shape[a + 1 :]) for a, i in enumerate(self.origin))

    def of_parts(self, count: int) -> Place:
        """With a last axis of `count` parts (real, imaginary)."""
        whole = self.whole
        where = whole.where if whole.where is None else (*whole.where, 1)
        return Place((*self.origin, 0), Whole((*whole.cells, count), (*whole.outputs, count), whole.spans, where))


def strides_in(shape: tuple[int, ...], ndim: int, size: int) -> tuple[int, ...]:
    """Steps of an array in C order that broadcasts to `ndim` axes."""
    steps = [math.prod(shape[a + 1 :]) * size * (n > 1) for a, n in enumerate(shape)]
    return (0,) * (ndim - len(shape)) + tuple(steps)


class Key(int):
    """A key of draws, in the place of a seed that one would be drawn with."""

    def at(self, place: Place | None) -> int:
        """The key with which positions that count from `place` draw what they do in the whole."""
        return int(self) if place is None else (int(self) + place.first * STEP) % 2**64
