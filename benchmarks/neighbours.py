"""Threads beside threads: ``python benchmarks/neighbours.py``.

Many libraries keep threads that spin for a while after a call, waiting for the next one. Here a call of
cypool takes turns with a matrix product of NumPy's BLAS, and with a pooling of torch where it is installed;
each is timed alone and in turns. 1.0: neither disturbs the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

import cypool

TURNS = 300


def medians(*calls: Callable[[], object]) -> list[float]:
    """Median milliseconds of each call, in turns."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(TURNS):
        for call, found in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            found.append(time.perf_counter() - start)
    return [1e3 * float(np.median(found)) for found in times]


def main() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.random((400, 400), dtype=np.float32)
    neighbours: dict[str, Callable[[], object]] = {"NumPy's BLAS, a product of 400x400": lambda: matrix @ matrix}
    try:
        import torch
    except ImportError:
        print("torch is not installed")
    else:
        maps = torch.from_numpy(rng.random((2, 16, 64, 64), dtype=np.float32))
        neighbours["torch, max_pool2d of 2x16x64x64"] = lambda: torch.nn.functional.max_pool2d(maps, 2)
    print(f"{'neighbour':<36} {'image':<10} {'cypool: alone, in turns':<28} neighbour: alone, in turns (ms)")
    for name, neighbour in neighbours.items():
        for side in (64, 256, 1024, 2048):
            x = rng.random((side, side), dtype=np.float32)

            def ours(x: np.ndarray = x) -> np.ndarray:
                return cypool.pool(x, 2, "mean")

            medians(ours, neighbour)  # all threads are there
            time.sleep(0.1)
            (mine,) = medians(ours)
            time.sleep(0.1)
            (theirs,) = medians(neighbour)
            mixed, beside = medians(ours, neighbour)
            print(
                f"{name:<36} {side:>4}x{side:<5} {mine:7.3f} {mixed:7.3f}  {mixed / mine:5.2f}x     "
                f"{theirs:7.3f} {beside:7.3f}  {beside / theirs:5.2f}x"
            )


if __name__ == "__main__":
    main()
