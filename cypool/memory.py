"""Memory of results; that of large ones is used again.

malloc gives back what is larger than 32 MB as soon as it is free, so that each new result of that size is cleared by
the system first, page by page, which takes as long as to pool it.  A large result here is a loan: when its last view is
gone, its memory is kept for the next of the same size.  Meanwhile the system is told that it may take the pages (their
contents are lost then) if it runs short of memory, without asking.
"""

from __future__ import annotations

import math
import mmap
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["empty"]

LARGE = 32 << 20  # bytes that malloc does not keep
LARGEST = 256 << 20  # bytes that are not kept here either
PAGE = 2 << 20  # bytes of a large page, of which memory is a multiple
RECLAIMABLE = hasattr(mmap, "MADV_FREE")  # Linux, macOS, BSD

_spare: deque[mmap.mmap] = deque(maxlen=2)  # as many as a pass and its gradient need; the oldest goes first


class Loan:
    """Memory that an array lies in, and that is spare when the array and all its views are gone."""

    __slots__ = ("__array_interface__", "memory")

    def __init__(self, memory: mmap.mmap) -> None:
        self.memory: mmap.mmap = memory
        self.__array_interface__: dict[str, Any] = np.frombuffer(memory, np.uint8).__array_interface__

    def __del__(self, spare: deque[mmap.mmap] = _spare) -> None:
        with suppress(OSError):  # a system without it: the memory goes back now
            self.memory.madvise(mmap.MADV_FREE)
            spare.append(self.memory)


def empty(shape: Sequence[int], dtype: np.dtype[Any], order: tuple[int, ...]) -> NDArray[Any]:
    """As numpy.empty, but its axes lie in memory in that order, the outermost first."""
    ordered = [shape[a] for a in order]
    nbytes = math.prod(shape) * dtype.itemsize
    memory = _memory(nbytes) if RECLAIMABLE and LARGE < nbytes <= LARGEST else None
    if memory is None:
        array = np.empty(ordered, dtype)
    else:
        array = np.asarray(Loan(memory))[:nbytes].view(dtype).reshape(ordered)
    return array.transpose(sorted(range(len(order)), key=order.__getitem__))


def _memory(nbytes: int) -> mmap.mmap | None:
    """Memory of at least `nbytes` bytes, spare if there is such; None, and nothing spare, if there is no room."""
    size = -(-nbytes // PAGE) * PAGE
    for _ in range(len(_spare)):
        with suppress(IndexError):  # another thread was quicker
            memory = _spare.popleft()
            if len(memory) == size:
                return memory
            _spare.append(memory)
    try:
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError:
        _spare.clear()
        return None
    with suppress(OSError, AttributeError):  # a system without large pages: small ones
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory
