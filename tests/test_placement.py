"""Threads of a call keep off the caller's CPU, and change nothing else (cypool/kernels/place.h)."""

import os
import sys

import pytest
from fresh import fresh

from cypool import kernels

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not kernels.machine.OPENMP or len(os.sched_getaffinity(0)) < 2,
    reason="only Linux tells where threads are, and one CPU leaves no choice",
)
SET = """
import ctypes, os
import numpy as np
import cypool
cpu = ctypes.CDLL(None).sched_getcpu
allowed = os.sched_getaffinity(0)
x = np.ones((1500, 1500), np.float32)
before = set(os.listdir("/proc/self/task"))
assert cypool.pool(x, 2, "mean", workers=2).min() == 1
[other] = map(int, set(os.listdir("/proc/self/task")) - before)
"""


def test_a_thread_leaves_the_callers_cpu():
    fresh(
        SET
        + """
for _ in range(200):       # the caller may be moved away before the call
    here = cpu()
    os.sched_setaffinity(other, {here})
    assert cypool.pool(x, 2, "mean", workers=2).min() == 1
    if os.sched_getaffinity(other) == allowed - {here}:
        break
else:
    raise SystemExit("the thread stayed with its caller")
assert os.sched_getaffinity(0) == allowed
"""
    )


def test_a_caller_of_one_cpu_keeps_its_threads():
    """Where the caller may not leave its CPU, neither do they."""
    fresh(
        SET
        + """
one = {min(allowed)}
os.sched_setaffinity(0, one)
os.sched_setaffinity(other, one)
for _ in range(5):
    assert cypool.pool(x, 2, "mean", workers=2).min() == 1
assert os.sched_getaffinity(other) == os.sched_getaffinity(0) == one
"""
    )
