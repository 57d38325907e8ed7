"""How a call is timed: interleaved with its rivals, the fastest of many, beside the floor.

Every figure is the minimum over at least 20 timed calls after a warm-up. The calls of one row take
turns, so that all of them see the same state of the machine. The callee allocates its output. Some
tools leave threads behind that spin for a while, waiting for more work: before each turn all rest
for a few milliseconds, and a call that is not timed wakes the threads of the tool whose turn it is.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cypool import dispatch

Call = Callable[[], Any]

REST = 5e-3
"""Seconds before each turn."""
QUICK = 5
"""Turns of a quick run."""
SHORTEST = 2e-4
"""Seconds a timed sample lasts at least: quicker calls are repeated and the time divided."""


def fastest(calls: Mapping[str, Call], rounds: int = 20) -> dict[str, float]:
    """Seconds of the fastest call of each, over `rounds` turns; in a quick run calls of a tenth of a second and
    more take one turn."""
    repeats = {name: _repeats(call) for name, call in calls.items()}
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            if rounds > QUICK or not 0.1 < best[name] < float("inf"):
                time.sleep(REST)
                if best[name] < REST or best[name] == float("inf"):
                    call()
                best[name] = min(best[name], _sample(call, repeats[name]))
    return best


def _repeats(call: Call) -> int:
    call()  # the first call may build tables, start threads, load code
    repeats = 1
    while _sample(call, repeats) * repeats < SHORTEST:
        repeats *= 2
    return repeats


def _sample(call: Call, repeats: int) -> float:
    turns = range(repeats)
    start = time.perf_counter()
    for _ in turns:
        call()
    return (time.perf_counter() - start) / repeats


def floor(x: np.ndarray, out_bytes: int, threads: int) -> Call:
    """A call that only reads the bytes of `x` and writes `out_bytes` bytes, in compiled code."""
    cells = x.reshape(-1).view(np.uint8)

    def call() -> np.ndarray:
        out = np.empty(out_bytes, np.uint8)
        dispatch.kernels.floor_copy(cells, out, threads)
        return out

    return call


def extra_memory(call: Callable[[], np.ndarray], tries: int = 3) -> int | None:
    """Bytes a call needs at its peak beyond its result; the smallest of a few tries.

    The peak of the whole process, so that memory from any allocator counts; only on Linux. Huge
    pages are off meanwhile: with them every figure would be a multiple of 2 MB.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    status, clear = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if libc is None or not hasattr(libc, "malloc_trim") or not os.access(clear, os.W_OK):
        return None
    trim, huge_pages_off = libc.malloc_trim, 41  # PR_SET_THP_DISABLE
    libc.prctl(huge_pages_off, 1, 0, 0, 0)

    def field(name: str) -> int:
        line = next(row for row in status.read_text().splitlines() if row.startswith(name))
        return int(line.split()[1]) * 1024

    call()
    smallest = None
    for _ in range(tries):
        trim(0)  # memory that is free, but still resident, would hide what a call asks for
        clear.write_text("5")  # the peak restarts from what is resident now
        y = call()
        peak = field("VmHWM")
        trim(0)
        extra = max(0, peak - field("VmRSS"))
        smallest = extra if smallest is None else min(smallest, extra)
        del y
    libc.prctl(huge_pages_off, 0, 0, 0, 0)
    return smallest


def traced_memory(call: Callable[[], np.ndarray]) -> int:
    """The same by Python's own record, which sees Python's and NumPy's allocations only."""
    call()
    tracemalloc.start()
    try:
        y = call()
        return max(0, tracemalloc.get_traced_memory()[1] - y.nbytes)
    finally:
        tracemalloc.stop()


def import_seconds(module: str, tries: int = 10) -> float:
    """Seconds that importing `module` takes where NumPy is imported already."""
    code = f"import time, numpy; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"
    command = [sys.executable, "-P", "-c", code]  # -P: not the package's source in this folder
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(tries)]
    return min(float(run.stdout) for run in runs)
