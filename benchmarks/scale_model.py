"""How long a pyramid takes, from the rates of its steps.

Every byte of level 0 is read, copied out of the file and reduced once; every byte of every level is compressed once,
and what is left of it is written.  The levels above add a seventh of level 0 in three dimensions (1/8 + 1/64 + ...)::

    all  = 1 + 1/8 + 1/64 + ...
    cpu  = bytes * (1 / copy + 1 / reduce + all / compress + all / (ratio * store))
    disk = bytes * (1 / read + all / (ratio * write))

Threads share what the CPU does and wait for the disk that they share, so that a run takes from ``max(disk, cpu /
threads)``, if all of that overlaps, to ``disk + cpu / threads``, if nothing does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

PETABYTE = 1e15


def depth(shape: Sequence[int], chunk: int) -> int:
    """Levels until the longest axis fits one chunk."""
    levels = 0
    while max(shape) > chunk * 2**levels:
        levels += 1
    return levels


def all_levels(shape: Sequence[int], chunk: int) -> float:
    """Bytes of all levels over those of level 0."""
    cells = [math.prod(-(-n // 2**k) for n in shape) for k in range(depth(shape, chunk) + 1)]
    return sum(cells) / cells[0]


def steps(megabytes: float, everything: float, rates: Mapping[str, float]) -> dict[str, float]:
    """Seconds of each step of so many MB of level 0, on one thread; rates in MB/s."""
    packed = everything / rates["ratio"]
    return {
        "read": megabytes / rates["read"],
        "copy": megabytes / rates["copy"],
        "reduce": megabytes / rates["reduce"],
        "compress": megabytes * everything / rates["compress"],
        "store": megabytes * packed / rates["store"],
        "write": megabytes * packed / rates["write"],
    }


def predicted(step: Mapping[str, float], threads: int) -> dict[str, float]:
    """Seconds of CPU of a run, and the least and the most that it takes on so many threads."""
    cpu = sum(step[name] for name in ("copy", "reduce", "compress", "store"))
    disk = step["read"] + step["write"]
    return {"cpu": cpu, "least": max(disk, cpu / threads), "most": disk + cpu / threads}


def objects(nbytes: float, itemsize: int, side: int) -> float:
    """Files of so many cells a side that hold a volume and its levels."""
    return nbytes * 8 / 7 / (side**3 * itemsize)


def petabyte(
    rates: Mapping[str, float], nodes: int = 1000, cores: int = 32, storage: float = 1e6, created: float = 1e4
) -> str:
    """A table of Markdown: a petabyte of uint16 in regions, on nodes of so many cores, with a store that gives or takes
    `storage` MB/s and creates so many objects a second, in all."""
    everything = steps(PETABYTE / 1e6, 8 / 7, {**rates, "read": storage, "write": storage})
    lines = ["| step | shared by | minutes |", "|---|---|---|"]
    cpu = f"{nodes} nodes of {cores} cores"
    store = f"the store, {storage / 1e6:.0f} TB/s"
    for name, seconds in everything.items():
        shared = name in ("read", "write")
        minutes = seconds / 60 / (1 if shared else nodes * cores)
        lines.append(f"| {name} | {store if shared else cpu} | {minutes:.1f} |")
    for side in (64, 128, 512, 1024):
        count = objects(PETABYTE, 2, side)
        lines.append(
            f"| {count / 1e6:.2f} million files of {side}x{side}x{side} cells | the store, {created:.0f} new files a "
            f"second | {count / created / 60:.1f} |"
        )
    return "\n".join(lines)
