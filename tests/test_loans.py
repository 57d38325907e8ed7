"""Large results lie in memory that is used again: only when nobody sees it any more, and without traces."""

import sys
import threading

import numpy as np
import pytest
from fresh import fresh, start

import cypool
from cypool import memory

pytestmark = pytest.mark.skipif(not memory.RECLAIMABLE, reason="this system cannot take memory back by itself")

SIDE = 5900  # one byte a cell: more than malloc keeps
X = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE), np.uint8)


def address(array):
    return array.__array_interface__["data"][0]


def large(nbytes=memory.LARGE + 1):
    return memory.empty((nbytes,), np.dtype("u1"), (0,))


@pytest.fixture(autouse=True)
def nothing_spare():
    memory._spare.clear()
    yield
    memory._spare.clear()


def test_used_again():
    y = cypool.pool(X, 3, stride=1, padding=1)
    at = address(y)
    del y
    assert len(memory._spare) == 1
    assert address(cypool.pool(X, 3, "min", stride=1, padding=1)) == at


@pytest.mark.parametrize("view", [
    lambda y: y[5:9, ::-2].T,
    lambda y: np.asarray(memoryview(y)),
    lambda y: y.view("i1")[1:].reshape(-1),
    lambda y: np.lib.stride_tricks.as_strided(y, (4, SIDE), (0, 1)),
    lambda y: y.ravel().data,
])  # fmt: skip
def test_kept_as_long_as_a_view(view):
    y = cypool.pool(X, 3, stride=1, padding=1)
    at, seen = address(y), view(y)
    before = np.array(seen)
    del y
    assert not memory._spare
    other = cypool.pool(255 - X, 3, stride=1, padding=1)
    assert address(other) != at
    assert np.array_equal(seen, before)
    del other, seen
    assert len(memory._spare) == 2


def test_no_traces():
    """What was written to a result does not show in the next."""
    x = X[:2400, :2000].astype(np.float32)
    x[::7, ::5] = np.nan
    calls = [
        lambda: [cypool.pool(X, 3, stride=1, padding=1)],
        lambda: [cypool.pool(X.T, 2, stride=1, padding=1)],
        lambda: list(cypool.pool(x, 2, stride=1, padding=1, return_indices=True)),
        lambda: [cypool.pool(x, 3, "mean", stride=1, padding=1, nan_policy="omit", dtype="f8")],
        lambda: [cypool.pool_backward(np.ones((1200, 1000)), x.astype("f8"), 2)],
        lambda: [cypool.pool_backward(np.ones((600, 400)), np.zeros((2400, 2000)), (4, 3), "mean", stride=(4, 5))],
    ]
    for call in calls:
        memory._spare.clear()
        first = call()
        expected = [a.copy() for a in first]
        assert all(not a.flags.owndata for a in first if a.nbytes > memory.LARGE)
        for a in first:
            a.view("u1" if a.flags.c_contiguous else a.dtype)[...] = 99
        count = sum(a.nbytes > memory.LARGE for a in first)
        del a, first
        assert len(memory._spare) >= count > 0
        for a, b in zip(call(), expected, strict=True):
            assert a.tobytes() == b.tobytes()


def test_what_is_kept():
    """Two at most, none that is smaller or very large; the latest ones."""
    sizes = [memory.LARGE + (i << 22) for i in range(1, 5)]
    for array in [large(n) for n in sizes]:
        assert array.shape == (array.nbytes,) and array.flags.c_contiguous and array.flags.writeable
        assert array.flags.aligned and address(array) % 64 == 0
    del array
    assert len(memory._spare) == 2
    memory._spare.clear()
    for nbytes in (memory.LARGE, memory.LARGEST + 1):
        assert large(nbytes).nbytes == nbytes
        assert not memory._spare


def test_other_sizes_take_nothing():
    """Not even of a larger spare one: what a call needs is its result, and no more."""
    at = address(large(memory.LARGE + (8 << 20)))
    other = large()
    assert len(memory._spare) == 1 and address(other) != at


def test_threads_share_nothing():
    wrong, stop = [], threading.Barrier(6)

    def work(mine):
        stop.wait()
        for i in range(60):
            array = large(memory.LARGE + 1 + (i % 2 << 22))
            array[:: 1 << 20] = mine
            if not (array[:: 1 << 20] == mine).all():
                wrong.append(mine)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and len(memory._spare) <= 2


def test_a_system_that_cannot_take_it_back():
    """The memory is not kept."""

    class Refused(bytearray):
        def madvise(self, option):
            raise OSError(22, "invalid argument")

    assert np.asarray(memory.Loan(Refused(64))).shape == (64,)
    assert not memory._spare


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS and /proc are Linux's")
def test_no_room():
    """What is spare is given back first, and then a MemoryError says what there is no room for."""
    fresh("""
import resource
import numpy, cypool
from cypool import memory

x = numpy.zeros((5900, 5900), "u1")
cypool.pool(x, 3, stride=1, padding=1)
assert len(memory._spare) == 1
pages, most = int(open("/proc/self/statm").read().split()[0]), resource.getrlimit(resource.RLIMIT_AS)[1]
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (20 << 20), most))
y = cypool.pool(x, 3, stride=1)  # a row less, and no room beside the spare one
assert not memory._spare
try:
    cypool.pool(x, 3, "mean", stride=1, dtype="f8")
except MemoryError as error:
    assert "5898" in str(error), error
else:
    raise SystemExit("there was room")
resource.setrlimit(resource.RLIMIT_AS, (most, most))
assert (cypool.pool(x, 3, stride=1) == y).all()
""")


def test_the_end_is_quiet():
    """A result that lives as long as the interpreter."""
    code = "import numpy, cypool; y = cypool.pool(numpy.zeros((5900, 5900), 'u1'), 3, stride=1); z = y[1:]"
    done = start("-c", code)
    assert (done.stderr, done.returncode) == ("", 0)


def test_forked_processes_share_nothing():
    fresh("""
import os
import numpy, cypool
from cypool import memory

x = numpy.ones((5900, 5900), "u1")
cypool.pool(x, 3, stride=1)
child = os.fork()
y = cypool.pool(x * (2 if child else 3), 3, stride=1)
assert len(memory._spare) == 0
if not child:
    os._exit(0 if (y == 3).all() else 1)
assert os.waitpid(child, 0)[1] == 0
assert (y == 2).all()
""")
