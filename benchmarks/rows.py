"""The rows of the comparison, as data.

A row says which array, which cypool call, and which peers do the same work. `tolerance` is how far
a peer's result may lie from cypool's before it counts as other work: 0 where both are exact, a few
units of rounding for float means, half a unit (one unit) where a peer rounds integer means by
another rule (twice).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from peers import Call

import cypool

Ask = Callable[[Any, np.ndarray], Call]
"""(peer, array) -> the call to be timed."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    number: int
    work: str
    shape: tuple[int, ...]
    dtype: str
    ours: Callable[[np.ndarray, int], np.ndarray]
    """(array, workers) -> result."""
    peers: dict[str, tuple[Ask, float]] = field(default_factory=dict)
    """Peer's name -> (what to ask it, tolerance)."""
    memory_bound: bool = False
    counts: bool = True
    """Whether the row is part of the geometric mean."""
    nans: float = 0.0
    """The share of cells that are NaN."""

    def array(self) -> np.ndarray:
        rng = np.random.default_rng(self.number)
        dtype = np.dtype(self.dtype)
        if dtype.kind == "f":
            x = rng.random(self.shape, dtype=dtype)
            if self.nans:
                x[rng.random(self.shape) < self.nans] = np.nan
            return x
        return rng.integers(0, np.iinfo(dtype).max, self.shape, dtype=dtype, endpoint=True)


ROUNDING = {"float32": 1e-6, "float64": 1e-14, "uint8": 0.501, "uint16": 0.501}
"""Tolerance of a mean over [0, 1), or of one that is a float beside a rounded integer."""


def mean_of_blocks(number: int, shape: tuple[int, ...], dtype: str, block: int | tuple) -> Row:
    """Means in the dtype of the input. Axes whose block is 1 are not pooled."""
    block = (block,) * len(shape) if isinstance(block, int) else block
    axes = tuple(axis for axis, b in enumerate(block) if b > 1)
    window = tuple(b for b in block if b > 1)
    near = ROUNDING[dtype]
    peers: dict[str, tuple[Ask, float]] = {
        "scikit-image": (lambda p, x: p.block_reduce(x, block, np.mean), near),
        "NumPy": (lambda p, x: p.reshape(x, block, np.mean), near),
        "tensorstore": (
            lambda p, x: p.downsample(x, block, "mean"),
            near if dtype == "float32" else 0,
        ),
    }
    flat = len(axes) == 2
    if flat:
        peers["OpenCV"] = (lambda p, x: p.area(x, block), near if dtype == "float32" else 1)
    if flat and dtype != "uint16":  # Pillow has no 16-bit reduce
        peers["Pillow"] = (lambda p, x: p.reduce(x, block), near if dtype == "float32" else 1)
    if dtype != "float32" or not flat:
        one_or_two_roundings = near if dtype == "float32" else 1
        peers["tinybrain"] = (lambda p, x: p.averaging(x, block), one_or_two_roundings)
    return Row(
        number,
        f"mean {'x'.join(map(str, block))}",
        shape,
        dtype,
        lambda x, workers: cypool.pool(x, window, "mean", axes=axes, dtype=x.dtype, workers=workers),
        peers,
        memory_bound=True,
    )


def max_of_blocks(number: int, shape: tuple[int, ...], dtype: str, **options: Any) -> Row:
    block = (2,) * len(shape)
    return Row(
        number,
        f"max {'x'.join(map(str, block))}",
        shape,
        dtype,
        lambda x, workers: cypool.pool(x, 2, "max", workers=workers),
        {
            "scikit-image": (lambda p, x: p.block_reduce(x, block, np.max), 0),
            "NumPy": (lambda p, x: p.slices(x, block), 0),
            "tensorstore": (lambda p, x: p.downsample(x, block, "max"), 0),
        },
        **options,
    )


def nanmean_of_blocks(number: int, shape: tuple[int, ...], dtype: str, size: int) -> Row:
    block, near = (size,) * len(shape), ROUNDING[dtype]
    return Row(
        number,
        f"nanmean {'x'.join(map(str, block))}, 10 % NaN",
        shape,
        dtype,
        lambda x, workers: cypool.pool(x, size, np.nanmean, workers=workers),
        {
            "scikit-image": (lambda p, x: p.block_reduce(x, block, np.nanmean), near),
            "NumPy": (lambda p, x: p.reshape(x, block, np.nanmean), near),
            "astropy": (lambda p, x: p.block_reduce(x, block, np.nanmean), near),
            "xarray": (lambda p, x: p.coarsen(x, block, "mean"), near),
        },
        nans=0.1,
    )


def max_along_last(number: int, shape: tuple[int, ...], dtype: str, size: int, stride: int) -> Row:
    return Row(
        number,
        f"max k{size} s{stride}, 1-D",
        shape,
        dtype,
        lambda x, workers: cypool.pool(x, (size,), "max", stride=stride, axes=(-1,), workers=workers),
        {"NumPy": (lambda p, x: p.windows(x, size, stride), 0)},
        memory_bound=True,
    )


IMAGE, COLOUR, VOLUME = (4096, 4096), (2048, 3072, 3), (256, 256, 256)


def rows() -> Iterator[Row]:
    yield mean_of_blocks(1, IMAGE, "float32", 2)
    yield mean_of_blocks(2, IMAGE, "uint8", 2)
    yield mean_of_blocks(3, IMAGE, "uint16", 2)
    for dtype in ("float32", "uint8", "uint16"):
        yield mean_of_blocks(4, IMAGE, dtype, 8)
    for dtype in ("float32", "uint8", "uint16"):
        yield max_of_blocks(5, IMAGE, dtype, memory_bound=True)
    yield mean_of_blocks(7, COLOUR, "uint8", (4, 4, 1))
    for dtype in ("uint8", "uint16", "float32"):
        yield mean_of_blocks(9, VOLUME, dtype, 2)
    yield nanmean_of_blocks(11, (2048, 2048), "float64", 4)
    yield max_along_last(23, (32, 64, 16384), "float32", 3, 2)
    yield max_of_blocks(28, (8, 8), "float32", counts=False)
