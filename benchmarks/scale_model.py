"""How long a pyramid takes, from the rates of its steps.

Every byte of level 0 is read, reduced and compressed once, and what is left of it is written; the levels above add a
seventh of that in three dimensions (1/8 + 1/64 + ...) and a third in two.  Compression and reduction are shared among
threads; reading and writing are the disk's, which all threads share::

    seconds = bytes * (1 / read + more / (ratio * write) + (1 / reduce + more / compress) / threads)

with ``more = 1 + 1/factor**axes + ...`` the bytes of all levels over those of level 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

PETABYTE = 1e15


def depth(shape: Sequence[int], chunk: int) -> int:
    """Levels until the longest axis fits one chunk."""
    return max(0, math.ceil(math.log2(max(shape) / chunk)))


def more(shape: Sequence[int], chunk: int) -> float:
    """Bytes of all levels over those of level 0."""
    cells = [math.prod(-(-n // 2**k) for n in shape) for k in range(depth(shape, chunk) + 1)]
    return sum(cells) / cells[0]


def seconds(shape: Sequence[int], itemsize: int, chunk: int, rates: Mapping[str, float], threads: int) -> float:
    """Seconds of one machine; rates in MB/s of uncompressed bytes, on one thread, and of the disk."""
    megabytes, all_levels = math.prod(shape) * itemsize / 1e6, more(shape, chunk)
    disk = 1 / rates["read"] + all_levels / (rates["ratio"] * rates["write"])
    work = 1 / rates["reduce"] + all_levels / rates["compress"]
    return megabytes * (disk + work / threads)


def objects(nbytes: float, itemsize: int, chunk: int, shard: int) -> tuple[float, float]:
    """Chunks and shards (objects of the store) of a volume and its levels."""
    levels = 8 / 7
    return nbytes * levels / (chunk**3 * itemsize), nbytes * levels / (shard**3 * itemsize)


def petabyte(rates: Mapping[str, float], nodes: int = 1000, cores: int = 32, storage: float = 1e6) -> str:
    """A table of Markdown: a petabyte of uint16, cut into regions, on nodes of so many cores, on a store that gives
    and takes `storage` MB/s in all."""
    work = PETABYTE / 1e6 * (1 / rates["reduce"] + 8 / 7 / rates["compress"]) / (nodes * cores)
    read = PETABYTE / 1e6 / storage
    write = PETABYTE / 1e6 * 8 / 7 / rates["ratio"] / storage
    chunks, shards = objects(PETABYTE, 2, 128, 1024)
    rows = [
        ("reduce and compress", f"{nodes} nodes x {cores} cores", f"{work / 60:.1f} min"),
        ("read level 0", f"{storage / 1e6:.0f} TB/s of the store", f"{read / 60:.0f} min"),
        ("write all levels", f"the same, compressed {rates['ratio']:.1f} times", f"{write / 60:.0f} min"),
        ("objects, if chunks of 128x128x128 are files", "", f"{chunks / 1e6:.0f} million"),
        ("objects, in shards of 1024x1024x1024", "", f"{shards / 1e6:.2f} million"),
    ]
    return "\n".join(["| step | by | |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in rows)])
