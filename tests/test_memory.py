"""Memory that runs out, and memory that another thread writes to during a call."""

import itertools
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from fresh import fresh

import cypool

linux = pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD and RLIMIT_AS are Linux's")

# ---- allocations that fail -----------------------------------------------------------------------

# Calls that are worth two threads, and how many blocks they allocate at least.
CALLS = {
    "max": ("cypool.pool(x, 2, workers=n)", 1),
    "mean": ("cypool.pool(x, 3, 'mean', stride=2, padding=1, workers=n)", 1),
    "one window": ("cypool.pool(numpy.tile(x, (4, 4)), (2400, 2800), 'logsumexp', workers=n)", 2),
    "median": ("cypool.pool(x, 3, 'median', stride=1, workers=n)", 1),
    "mode": ("cypool.pool(labels, 20, 'mode', workers=n)", 1),
    "stochastic": ("cypool.pool(x, 2, 'stochastic', rng=5, return_indices=True, workers=n)", 1),
    "indices": ("cypool.pool(x, 2, return_indices=True, workers=n)", 1),
    "masked": ("cypool.pool(x, 2, 'var', where=labels > 0, fill_value=0, workers=n)", 1),
    "windows of a table": ("cypool.adaptive_pool(x, (7, 50), workers=n)", 1),
    "gradient of mean": ("cypool.pool_backward(picked, x, 2, 'mean', workers=n)", 1),
    "gradient of max": ("cypool.pool_backward(picked, x, 2, workers=n)", 1),
    "gradient to indices": ("cypool.pool_backward(picked, x, 2, indices=indices, workers=n)", 1),
    "gradient of lp": ("cypool.pool_backward(picked, x, 2, 'lp', p=3, workers=n)", 2),
    "unpool": ("cypool.unpool(picked, indices, x.shape, workers=n)", 1),
    "unpool planes": ("cypool.unpool(rows, places, 700, axes=-1, workers=n)", 1),
    "block_reduce": ("cypool.block_reduce(x, (7, 9), numpy.median, workers=n)", 1),
}

PRELUDE = """
import ctypes, sys
import numpy, cypool
from cypool import threads

shim = ctypes.CDLL(None)
watching = ctypes.c_int.in_dll(shim, "watching")
fail_at, live = (ctypes.c_long.in_dll(shim, name) for name in ("fail_at", "live"))
"""
FAILING = """
x = numpy.random.default_rng(0).random((600, 700)) + 0.5
labels = (x * 5).astype("u1")
picked, indices = cypool.pool(x, 2, return_indices=True)
rows, places = cypool.pool(x, (1, 2), axes=(0, 1), return_indices=True)
places %= 700
given = x, labels, picked, indices, rows, places

def held():
    return [sys.getrefcount(a) for a in given]

def bits(result):
    return [a.tobytes() for a in (result if isinstance(result, tuple) else (result,))]

call, least = CASE
for n in 1, 2:
    expected, failed = bits(eval(call)), 0
    watching.value, before = 1, held()
    while True:
        fail_at.value = failed + 1
        try:
            result = eval(call)
        except MemoryError as error:
            assert "no memory for" in str(error), error
            assert fail_at.value == 0
        else:
            assert fail_at.value > 0, "an allocation failed, and the call did not"
            break
        failed += 1
        fail_at.value = 0
        assert live.value == 0, f"{live.value} blocks are left"
        assert held() == before, "an array is still held"
        assert bits(eval(call)) == expected
    fail_at.value = watching.value = 0
    assert bits(result) == expected and live.value == 0
    assert failed >= least, f"only {failed} allocations were seen"
    del result
"""


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    source = Path(__file__).with_name("failing_malloc.c")
    library = tmp_path_factory.mktemp("shim") / "failing_malloc.so"
    compiler = os.environ.get("CC", "cc").split()
    subprocess.run([*compiler, "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    preload = f"{library} {os.environ.get('LD_PRELOAD', '')}"
    return lambda code: fresh(PRELUDE + code, LD_PRELOAD=preload, OMP_NUM_THREADS="2")


def test_no_array_is_held():
    """Views of their memory are given back."""
    x, where, g = np.ones((6, 8)), np.ones((6, 8), bool), np.ones((3, 4))
    out, dx = np.empty((3, 4)), np.empty((6, 8))
    given = x, where, g, out, dx
    before = [sys.getrefcount(a) for a in given]
    for name in ("mean", "median", "max", "lp"):
        for more in ({}, {"where": where}):
            cypool.pool(x, 2, name, out=out, **more)
            cypool.pool_backward(g, x, 2, name, out=dx, **more)
        del more
        assert [sys.getrefcount(a) for a in given] == before, name


@linux
@pytest.mark.parametrize("call", CALLS)
def test_each_allocation_fails_in_turn(call, failing):
    """MemoryError, nothing leaked, and the next call is right."""
    failing(FAILING.replace("CASE", repr(CALLS[call])))


@linux
def test_serial_where_trying_threads_needs_memory(failing):
    failing("""
watching.value = fail_at.value = 1
assert threads.resolve(2, 64) == 1
assert fail_at.value == live.value == 0
assert threads.resolve(2, 64) == threads.machine.openmp_max_threads()
assert live.value == 0
""")


ROOM = """
import resource
import numpy, cypool

n = WORKERS
x = numpy.random.default_rng(0).random((2048, 2048))
small = x[:64, :64].copy()
expected = cypool.pool(x, 3, stride=1, workers=n).tobytes(), cypool.pool(small, 2).tobytes()
most = resource.getrlimit(resource.RLIMIT_AS)[1]
for _ in range(3):
    pages = int(open("/proc/self/statm").read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (16 << 20), most))
    for call in (
        lambda: cypool.pool(x, 3, stride=1, workers=n),
        lambda: cypool.pool(x, 3, "median", stride=1, return_indices=True, workers=n),
        lambda: cypool.pool_backward(x[::2, ::2].copy(), x, 2, workers=n),
        lambda: cypool.unpool(small, numpy.arange(64 * 64).reshape(64, 64), (2048, 2048), workers=n),
    ):
        try:
            call()
        except MemoryError:
            pass
        else:
            raise SystemExit("there was room")
    assert cypool.pool(small, 2).tobytes() == expected[1]
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    assert cypool.pool(x, 3, stride=1, workers=n).tobytes() == expected[0]
"""


@linux
@pytest.mark.parametrize("workers", [1, 2])
def test_no_room_for_the_result(workers):
    """NumPy's allocation fails, and then it does not."""
    fresh(ROOM.replace("WORKERS", str(workers)), OMP_NUM_THREADS="2")


# ---- another thread writes -----------------------------------------------------------------------


class Writer:
    """While it is open, a thread that writes one array after the other over `target`, without the GIL."""

    def __init__(self, target, *contents):
        self.thread = threading.Thread(target=self.write, args=(target, contents))
        self.stop = threading.Event()

    def write(self, target, contents):
        for content in itertools.cycle(contents):
            np.copyto(target, content)
            if self.stop.is_set():
                break

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *error):
        self.stop.set()
        self.thread.join()


SHAPE = (700, 900)
CELLS = 700 * 900
HALF = np.ones((350, 450))
# Calls on an array of zeros, ones and NaN, and the most that a result may be.  None: the array is read twice, and what
# was found first need not fit what is found then.  A float may be read half written, of 1 and NaN: 1.5 was seen.
WRITTEN = {
    "max": (lambda x, n: cypool.pool(x, 2, workers=n), 1),
    "mean": (lambda x, n: cypool.pool(x, 3, "mean", stride=1, padding=1, workers=n), 1),
    "tall": (lambda x, n: cypool.pool(x, (31, 1), "max", stride=1, workers=n), 1),
    "one window": (lambda x, n: cypool.global_pool(x, "mean", workers=n), 1),
    "lp": (lambda x, n: cypool.pool(x, 3, "lp", p=2.5, workers=n), None),
    "var": (lambda x, n: cypool.pool(x, 3, "var", nan_policy="omit", fill_value=0, workers=n), None),
    "softpool": (lambda x, n: cypool.pool(x, 3, "softpool", workers=n), None),
    "shared medians": (lambda x, n: cypool.pool(x, 3, "median", stride=1, workers=n), 1),
    "large medians": (lambda x, n: cypool.pool(x, 20, "median", workers=n), 1),
    "large modes": (lambda x, n: cypool.pool(x, 20, "mode", ties="first", workers=n), 1),
    "stochastic": (lambda x, n: cypool.pool(x, 2, "stochastic", rng=0, workers=n), 1),
    "indices": (lambda x, n: cypool.pool(x, 2, return_indices=True, workers=n)[1], CELLS - 1),
    "indices of medians": (lambda x, n: cypool.pool(x, 3, "median", return_indices=True, workers=n)[1], CELLS - 1),
    "gradient of max": (lambda x, n: cypool.pool_backward(HALF, x, 2, workers=n), 1),
    "gradient of lp": (lambda x, n: cypool.pool_backward(HALF, x, 2, "lp", p=3, workers=n), None),
    "gradient of medians": (lambda x, n: cypool.pool_backward(HALF, x, 2, "median", workers=n), 1),
}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("call", WRITTEN)
def test_written_input(call, dtype, workers):
    """Each result is of cells as they were at some time of the call."""
    function, most = WRITTEN[call]
    some = np.random.default_rng(0).random(SHAPE) < 0.5
    contents = [np.zeros(SHAPE, dtype), some.astype(dtype)]
    if dtype == "float32":
        contents.append(np.where(some, np.nan, 1).astype(dtype))
    x = contents[0].copy()
    with Writer(x, *contents):
        for _ in range(10):
            result = function(x, workers)
            if most is not None and (dtype == "uint8" or result.dtype == np.int64):
                assert np.all((result >= 0) & (result <= most) | np.isnan(result)), np.unique(result)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("reduce", ["max", "mean", "median", "std"])
def test_written_mask(reduce, workers):
    where = np.zeros(SHAPE, bool)
    x = np.ones(SHAPE)
    with Writer(where, np.random.default_rng(0).random(SHAPE) < 0.5, np.zeros(SHAPE, bool), np.ones(SHAPE, bool)):
        for _ in range(10):
            result = cypool.pool(x, 3, reduce, where=where, fill_value=0, workers=workers)
            assert result.shape == (233, 300)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("call", ["unpool", "unpool planes", "gradient", "gradient of planes"])
def test_written_indices(call, workers):
    """Values lie where an index pointed, or an IndexError says that one pointed to no cell."""
    shape, axes = (6, 200, 300), (1, 2) if call.endswith("planes") else (0, 1, 2)
    how = dict(axes=axes, workers=workers)
    picked, good = cypool.pool(np.random.default_rng(0).random(shape), 2, return_indices=True, **how)
    bad = good.copy()
    bad.flat[::1000] = np.resize([2**40, -1, good.max() + 10**6, -(2**63), 2**31, 2**62], bad.flat[::1000].size)
    indices, ones, zeros = good.copy(), np.ones(picked.shape), np.zeros(shape)
    right = 0
    with Writer(indices, *[good] * 9, bad):
        for _ in range(60):
            try:
                if call.startswith("unpool"):
                    result = cypool.unpool(ones, indices, [shape[axis] for axis in axes], **how)
                else:
                    result = cypool.pool_backward(ones, zeros, 2, indices=indices, **how)
                assert set(np.unique(result)) <= {0, 1}
                right += 1
            except IndexError:
                pass
    print(right, "of 60 calls had only indices of cells")
