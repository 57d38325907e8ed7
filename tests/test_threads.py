"""How many threads a call gets: every source of the number, every bad value, every cap."""

import asyncio
import operator
import re
import threading
import time
import warnings

import numpy as np
import pytest
from fresh import fresh
from threadpoolctl import threadpool_limits

import cypool
from cypool import threads

BAD = [
    (0, ValueError),
    (-2, ValueError),
    (-(2**31), ValueError),
    (-(2**80), ValueError),
    (np.int8(-5), ValueError),
    (True, TypeError),
    (False, TypeError),
    (np.True_, TypeError),
    (1.0, TypeError),
    (1.5, TypeError),
    (np.float32(2), TypeError),
    (float("nan"), TypeError),
    ("2", TypeError),
    (b"2", TypeError),
    (2j, TypeError),
    ([2], TypeError),
    ((2,), TypeError),
    (np.arange(2), TypeError),
    (len, TypeError),
]
GOOD = [1, 2, 7, np.int8(3), np.uint64(4), np.array(2), 2**31, 2**63, 10**30]
BIG = np.random.default_rng(0).random((1024, 1024), dtype=np.float32)
EXPECTED = BIG.reshape(512, 2, 512, 2).max((1, 3))
ENTRIES = {
    "set_workers": ("n", threads.set_workers),
    "workers": ("n", threads.workers),
    "resolve, small": ("workers", lambda n: threads.resolve(n, 1)),
    "resolve": ("workers", lambda n: threads.resolve(n, 64)),
    "pool, small": ("workers", lambda n: cypool.pool(BIG[:8, :8], 2, workers=n)),
    "pool": ("workers", lambda n: cypool.pool(BIG, 2, workers=n)),
}


@pytest.fixture(autouse=True)
def no_process_wide_number():
    yield
    cypool.set_workers(None)


@pytest.fixture
def many(monkeypatch):
    """OpenMP allows 8 threads; the list of how many more threads were asked for, none of them started."""
    asked = []
    monkeypatch.setattr(threads.machine, "openmp_max_threads", lambda: 8)
    monkeypatch.setattr(threads.machine, "can_start", lambda n: asked.append(n) or True)
    return asked


def in_thread(function, *arguments):
    """The result of a call in a thread of its own, whose OpenMP pool is new."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function(*arguments)))
    thread.start()
    thread.join()
    return results[0]


# ---- the argument -------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(("value", "error"), BAD, ids=lambda v: repr(v).replace("\n", ""))
def test_bad_number(entry, value, error):
    name, call = ENTRIES[entry]
    with pytest.raises(error, match=rf"\b{name} must be .*at least 1.*{re.escape(repr(value))}"):
        call(value)
    assert cypool.get_workers() == threads._default()


@pytest.mark.parametrize("value", GOOD, ids=repr)
def test_good_number(value, many):
    assert threads.resolve(value, 5) == min(operator.index(value), 5)
    assert threads.resolve(value, 10**9) == min(operator.index(value), 8)
    with cypool.workers(value):
        assert cypool.get_workers() == operator.index(value)
    cypool.set_workers(value)
    assert cypool.get_workers() == operator.index(value)


@pytest.mark.parametrize("value", GOOD, ids=repr)
def test_any_number_gives_the_same(value):
    assert np.array_equal(cypool.pool(BIG, 2, workers=value), EXPECTED)


def test_minus_one_means_all(many, monkeypatch):
    monkeypatch.setattr(threads, "_cpus", lambda: 6)
    cypool.set_workers(2)
    assert threads.resolve(-1, 64) == 6
    cypool.set_workers(-1)
    assert cypool.get_workers() == 6


@pytest.mark.parametrize("useful", [1, 0, -1])
def test_no_work_for_a_second_thread(useful, many):
    assert threads.resolve(None, useful) == threads.resolve(8, useful) == 1
    assert many == []


# ---- where the number comes from ----------------------------------------------------------------


def test_nearest_number_counts(many):
    cypool.set_workers(5)
    assert threads.resolve(None, 64) == 5
    with cypool.workers(4):
        assert threads.resolve(None, 64) == cypool.get_workers() == 4
        assert threads.resolve(2, 64) == 2
        with cypool.workers(7):
            assert cypool.get_workers() == 7
        with cypool.workers(None):
            assert cypool.get_workers() == 5
        with pytest.raises(KeyError), cypool.workers(1):
            raise KeyError
        assert cypool.get_workers() == 4
    assert cypool.get_workers() == 5
    cypool.set_workers(None)
    assert cypool.get_workers() == threads._default()


def test_context_stays_in_its_thread_and_set_workers_does_not():
    cypool.set_workers(5)
    with cypool.workers(3):
        assert in_thread(cypool.get_workers) == 5
        in_thread(cypool.set_workers, 6)
        assert cypool.get_workers() == 3
    assert cypool.get_workers() == 6


def test_context_stays_in_its_task():
    async def task(n, seen):
        with cypool.workers(n):
            for _ in range(3):
                await asyncio.sleep(0)
                seen.append((n, cypool.get_workers()))

    async def both(seen):
        await asyncio.gather(task(2, seen), task(3, seen))

    seen = []
    asyncio.run(both(seen))
    assert sorted(seen) == [(2, 2)] * 3 + [(3, 3)] * 3


ALL = "all"  # the CPUs this process may use
ENVIRONMENT = [
    ({}, ALL, 0),
    ({"CYPOOL_NUM_THREADS": "3"}, 3, 0),
    ({"CYPOOL_NUM_THREADS": " 3 ", "OMP_NUM_THREADS": "5"}, 3, 0),
    ({"CYPOOL_NUM_THREADS": "-1", "OMP_NUM_THREADS": "5"}, ALL, 0),
    ({"CYPOOL_NUM_THREADS": ""}, ALL, 0),
    ({"OMP_NUM_THREADS": "5"}, 5, 0),
    ({"OMP_NUM_THREADS": "4,2,1"}, 4, 0),
    ({"CYPOOL_NUM_THREADS": "zero"}, ALL, 1),
    ({"CYPOOL_NUM_THREADS": "0"}, ALL, 1),
    ({"CYPOOL_NUM_THREADS": "-2"}, ALL, 1),
    ({"CYPOOL_NUM_THREADS": "2.0"}, ALL, 1),
    ({"CYPOOL_NUM_THREADS": "4,2"}, ALL, 1),
    ({"CYPOOL_NUM_THREADS": "9" * 5000}, ALL, 1),
    ({"CYPOOL_NUM_THREADS": "many", "OMP_NUM_THREADS": "5"}, 5, 1),
    ({"OMP_NUM_THREADS": "many"}, ALL, 1),
    ({"OMP_NUM_THREADS": ",2"}, ALL, 1),
    ({"CYPOOL_NUM_THREADS": "0", "OMP_NUM_THREADS": "0"}, ALL, 1),
]


@pytest.mark.parametrize(("settings", "expected", "warned"), ENVIRONMENT)
def test_environment(settings, expected, warned):
    code = """
import threading, warnings
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    import cypool, numpy
    for _ in range(3):
        n = cypool.get_workers()
    cypool.pool(numpy.ones((1500, 1500)), 2)
print(n, len(seen))
for w in seen:
    assert w.category is RuntimeWarning, w
    print(w.message)
"""
    numbers, *messages = fresh(code, **settings).splitlines()
    assert numbers == f"{threads._cpus() if expected == ALL else expected} {warned}"
    for message in messages:
        assert "_NUM_THREADS=" in message and "at least 1" in message


def test_enough_digits_for_any_machine():
    assert fresh("import cypool; print(cypool.get_workers())", CYPOOL_NUM_THREADS="9" * 30).strip() == "9" * 30


CGROUPS = [
    ("2, no limit", "0::/\n", {"cpu.max": "max 100000\n"}, None),
    ("2, none", "0::/\n", {}, None),
    ("2", "0::/a/b\n", {"a/b/cpu.max": "150000 100000\n"}, 2),
    ("2, parent", "0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "100000 100000\n"}, 1),
    ("2, path of the host", "0::/kubepods/x\n", {"cpu.max": "300000 100000\n"}, 3),
    ("2, less than one", "0::/\n", {"cpu.max": "5000 100000\n"}, 1),
    ("2, nonsense", "0::/\n", {"cpu.max": "a lot\n"}, None),
    ("1", "4:cpu,cpuacct:/a\n0::/\n", {"cpu/a/cpu.cfs_quota_us": "400000\n", "cpu/a/cpu.cfs_period_us": "100000"}, 4),
    ("1, no limit", "4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
    ("1, other", "4:cpuset:/\n", {"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
    ("no groups", None, {}, None),
]


@pytest.mark.parametrize(("groups", "files", "expected"), [row[1:] for row in CGROUPS], ids=[row[0] for row in CGROUPS])
def test_quota(tmp_path, groups, files, expected):
    if groups is not None:
        (tmp_path / "cgroup").write_text(groups)
    for name, text in files.items():
        path = tmp_path / "mount" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert threads._quota(tmp_path / "cgroup", tmp_path / "mount") == (expected or 1 << 30)


# ---- the caps -----------------------------------------------------------------------------------


def test_threadpoolctl_limit():
    with threadpool_limits(1, user_api="openmp"):
        assert threads.machine.openmp_max_threads() == 1
        assert threads.resolve(None, 64) == threads.resolve(8, 64) == 1
        assert in_thread(threads.machine.openmp_max_threads) >= 1


def test_threads_that_really_run():
    """The kernel keeps its pool of threads, so they can be counted."""
    code = """
import os, time
import numpy, cypool
from threadpoolctl import threadpool_limits
x = numpy.ones((2048, 2048))
def threads():
    time.sleep(0.02)      # a thread that was joined may be seen a little longer
    return len(os.listdir("/proc/self/task"))
before = threads()
cypool.pool(x[:8, :8], 2)
cypool.pool(x, 2, workers=1)
with threadpool_limits(1):
    cypool.pool(x, 2)
assert threads() == before
for n in 2, 3, 1:
    cypool.pool(x, 2, workers=n)
    print(threads() - before)
"""
    allowed = [int(n) for n in fresh(code, OMP_NUM_THREADS="4").split()]
    assert allowed == ([1, 2, 2] if threads.machine.OPENMP else [0, 0, 0])


def test_thread_limit_of_openmp():
    code = "from cypool import threads; print(threads.resolve(8, 64))"
    assert fresh(code, OMP_NUM_THREADS="6", OMP_THREAD_LIMIT="1").strip() == "1"


def test_threads_are_tried_before_the_pool_grows(many):
    def calls():
        for n in (1, 3, 2, 3, 8, 5, 8):
            assert threads.resolve(n, 64) == n
        asked = many[:]
        many.clear()
        return asked

    assert in_thread(calls) == [2, 5]
    assert in_thread(calls) == [2, 5]  # each thread has a pool of its own


def test_serial_where_threads_do_not_start(many, monkeypatch):
    monkeypatch.setattr(threads.machine, "can_start", lambda n: False)
    assert in_thread(threads.resolve, None, 64) == 1
    assert in_thread(lambda: np.array_equal(cypool.pool(BIG, 2), EXPECTED))


def test_serial_where_memory_for_a_thread_is_missing():
    """Without the trial, libgomp would end this process."""
    code = """
import resource
import numpy, cypool
from cypool import threads
x = numpy.random.default_rng(0).random((1024, 1024))
expected = x.reshape(512, 2, 512, 2).max((1, 3))
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + (7 << 20)   # the stack of a thread takes 8 MB
resource.setrlimit(resource.RLIMIT_STACK, (8 << 20, resource.RLIM_INFINITY))
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
assert threads.resolve(2, 64) == 1
assert numpy.array_equal(cypool.pool(x, 2, workers=2), expected)
"""
    fresh(code, OMP_NUM_THREADS="4")


def test_serial_where_the_user_may_have_no_more_threads():
    """RLIMIT_NPROC does not hold for root, so the process becomes somebody else."""
    fresh(
        """
import os, resource
import numpy, cypool
from cypool import threads
x = numpy.random.default_rng(0).random((1024, 1024))
expected = x.reshape(512, 2, 512, 2).max((1, 3))
cypool.pool(x, 2, workers=1)
if os.getuid() == 0:
    os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
assert threads.resolve(2, 64) == 1
assert numpy.array_equal(cypool.pool(x, 2, workers=2), expected)
""",
        OMP_NUM_THREADS="4",
    )


def test_silly_number_of_threads():
    code = """
import numpy, cypool
x = numpy.random.default_rng(0).random((1024, 1024))
assert numpy.array_equal(cypool.pool(x, 2, workers=10**6), x.reshape(512, 2, 512, 2).max((1, 3)))
"""
    fresh(code)
    fresh(code, OMP_NUM_THREADS="100000", CYPOOL_NUM_THREADS="100000")


# ---- many callers -------------------------------------------------------------------------------


def test_calls_from_many_threads_at_once():
    right = []

    def calls():
        for n in (1, 2, 3, None):
            right.append(np.array_equal(cypool.pool(BIG, 2, workers=n), EXPECTED))

    callers = [threading.Thread(target=calls) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert right == [True] * 32


def test_mixed_calls_from_many_threads_at_once():
    """Eight callers, each its own mixture, beside limits of threadpoolctl: the same as one after the other."""
    names = ("max", "mean", "median", "mode", "lp", "var", "sum", "softpool")
    x = np.random.default_rng(1).integers(0, 50, (500, 300)).astype(np.float32)

    def calls(turn):
        found = []
        for i in range(6):
            name, window = names[(turn + i) % 8], (2 + (turn + i) % 3, 3)
            y = cypool.pool(x, window, name, padding=i % 2)
            found += [y, cypool.pool_backward(y, x, window, name, padding=i % 2)]
            values, index = cypool.pool(x, window, return_indices=True)
            found.append(cypool.unpool(values, index, x.shape))
        return [part.tobytes() for part in found]

    def limited(turn):
        with threadpool_limits(1 + turn % 3):
            assert threads.resolve(8, 64) <= 1 + turn % 3
            together[turn] = calls(turn)

    alone, together = [calls(turn) for turn in range(8)], {}
    callers = [threading.Thread(target=limited, args=(turn,)) for turn in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert [together.get(turn) for turn in range(8)] == alone


def test_gil_is_released():
    x = np.random.default_rng(0).random((1500, 1500))
    gaps, stop = [], threading.Event()

    def watch():
        last = time.perf_counter()
        while not stop.is_set():
            time.sleep(0.001)
            gaps.append(-last + (last := time.perf_counter()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    cypool.pool(x, 15, "logsumexp", stride=1, workers=1)
    took = time.perf_counter() - start
    stop.set()
    watcher.join()
    assert max(gaps) < max(took / 2, 0.05), f"a thread waited {max(gaps):.3f} s of {took:.3f} s"


def test_no_warning_but_for_the_environment():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cypool.pool(BIG, 3, "mean", stride=1, padding=1, workers=2)
