"""No call reads or writes beyond its arrays: each array ends, or begins, where memory may not be touched."""

import os
from pathlib import Path

import arrays
import pytest
from fresh import start

from cypool import dispatch

# `make thorough`: on every CPU level, rows of every length; else on the best, and lengths about those of vectors.
ALL = bool(os.environ.get("CYPOOL_TEST_ALL"))
SHORT = range(1, 131) if ALL else (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 130)
LENGTHS = (*SHORT, 4201)  # the last: rows that are worked on a strip at a time
LEVELS = list(dispatch.levels())[0 if ALL else -1 :]
SCRIPT = Path(__file__).with_name("guards.py")


def sweep(dtype, level):
    return start(str(SCRIPT), dtype, *map(str, LENGTHS), timeout=600, CYPOOL_CPU=level, PYTHONPATH=str(SCRIPT.parent))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", arrays.REAL + arrays.COMPLEX)
def test_guarded_arrays(dtype, level):
    done = sweep(dtype, level)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[0]) > 500 and done.stdout.endswith(f"level {level}\n")


def test_the_guard_works():
    """One cell beyond either end ends the process."""
    for at_end, step, cell in ((True, 1, 8), (False, -1, 0)):
        x = f"x = guards.Ground(99).array((9,), 'u1', {at_end})"
        there = f"(ctypes.c_char * 9).from_address(x.ctypes.data + {step})[{cell}]"
        done = start("-c", f"import ctypes, guards; {x}; {there}", PYTHONPATH=str(SCRIPT.parent))
        assert done.returncode == -11, done.stderr
