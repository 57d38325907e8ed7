"""What one process does to another: fork, spawn, Ctrl-C, and what an import leaves behind."""

import os
import sys

import pytest
from fresh import fresh, start

ALL = bool(os.environ.get("CYPOOL_TEST_ALL"))  # `make thorough`
# A call that is worth threads, its check, and how many threads this process has.
PRELUDE = """
import os, signal, threading, time
import numpy
import cypool
from cypool import threads

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell starts without
x = numpy.random.default_rng(0).random((2048, 2048))
expected = x.reshape(1024, 2, 1024, 2).max((1, 3))

def right(**keywords):
    return numpy.array_equal(cypool.pool(x, 2, **keywords), expected)

def count():
    time.sleep(0.02)      # a thread that was joined may be seen a little longer
    return len(os.listdir("/proc/self/task"))

def child(work):
    '''Runs work() in a forked child that has 20 seconds for it; was it true?'''
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    status = os.waitpid(pid, 0)[1]
    assert status == 0, f"child: {status}"
"""


def run(code, timeout=60, **numbers):
    named = "".join(f"{name} = {number}\n" for name, number in numbers.items())
    return fresh(PRELUDE + named + code, timeout=timeout, OMP_NUM_THREADS="3")


# ---- fork ---------------------------------------------------------------------------------------


def test_forked_child_uses_threads():
    run(
        """
assert right(workers=3)
many = count() > 1

def work():
    alone = count()
    return right(workers=3) and right() and (count() > alone) == many and right()

for _ in range(FORKS):
    child(work)
    assert right(workers=3)
""",
        timeout=900,
        FORKS=1000 if ALL else 20,
    )


def test_child_of_a_child():
    run("""
def work():
    if not right():
        return False
    child(right)
    return right()

assert right()
child(work)
""")


def test_fork_from_another_thread():
    run("""
done = []

def life():
    assert right()
    child(right)
    done.append(right())

assert right()
thread = threading.Thread(target=life)
thread.start()
thread.join()
assert done == [True]
child(right)
""")


def test_child_is_serial_where_the_pool_cannot_be_released():
    run("""
threads.machine.openmp_pause = lambda: False     # as with libgomp of GCC 8
assert right(workers=2)

def work():
    alone = count()
    return right(workers=3) and count() == alone and threads.resolve(8, 64) == 1

for _ in range(3):
    child(work)
    assert right(workers=2) and threads.resolve(3, 64) == threads.machine.openmp_max_threads()
""")


def test_fork_before_any_call():
    run("child(right); child(right); assert right()")


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing(method, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(f"""
import concurrent.futures, multiprocessing
import numpy, cypool

def work(seed):
    x = numpy.random.default_rng(seed).random((1200, 1200))
    return numpy.array_equal(cypool.pool(x, 3), x.reshape(400, 3, 400, 3).max((1, 3)))

if __name__ == "__main__":
    assert work(0)
    context = multiprocessing.get_context("{method}")
    with concurrent.futures.ProcessPoolExecutor(3, mp_context=context) as executor:
        assert all(executor.map(work, range(12)))
    assert work(1)
    with context.Pool(2) as pool:
        assert all(pool.map(work, range(4)))
    print("done")
""")
    done = start(str(script), timeout=100, OMP_NUM_THREADS="3")
    assert done.returncode == 0 and done.stdout.strip() == "done", done.stderr


# ---- Ctrl-C -------------------------------------------------------------------------------------

LONG = {
    "one thread": "cypool.pool(x, 61, 'logsumexp', stride=1, workers=1)",
    "threads": "cypool.pool(x, 61, 'logsumexp', stride=1)",
    "powers": "cypool.pool(x, 61, 'gem', p=2.5, stride=1)",
    "variance": "cypool.pool(x, 61, 'var', stride=1)",
    "planes": "cypool.pool(numpy.broadcast_to(x.astype('f4'), (20, 2048, 2048)), (201, 201), 'prod', stride=1)",
    "3-D": "cypool.pool(x.reshape(256, 128, 128), 21, 'softpool', stride=1, padding=10)",
    "gradient": "cypool.pool_backward(numpy.broadcast_to(1.0, (1988, 1988)), x, 61, 'lp', p=2.5, stride=1)",
    "medians": "cypool.pool(x, 15, 'median', stride=1)",
    "gradient of medians": "cypool.pool_backward(numpy.broadcast_to(1.0, (2034, 2034)), x, 15, 'median', stride=1)",
    "gradient of large windows": "cypool.pool_backward(numpy.ones((1848, 1848)), x, 201, 'median', stride=1)",
    "whole arrays": "[cypool.pool(x, 2048, 'gem', p=2.5, padding=1000, stride=1) for _ in range(1000)]",
}


@pytest.mark.parametrize("call", LONG)
def test_interrupt(call):
    """Within 100 ms on an idle machine, the slowest within 300; a busy one gets as much more as it has to do."""
    trials = 100 if ALL else 3
    printed = run(
        f"""
def interrupt():
    global sent
    time.sleep(0.2)
    sent = time.perf_counter()
    os.kill(os.getpid(), signal.SIGINT)

waits = []
for _ in range({trials}):
    threading.Thread(target=interrupt).start()
    try:
        {LONG[call]}
        raise SystemExit("the call was over before the signal")
    except KeyboardInterrupt:
        waits.append(time.perf_counter() - sent)
    assert right() and right(workers=1)
print(*waits)
""",
        timeout=300,
    )
    waits = sorted(float(wait) * 1e3 for wait in printed.split())
    most = waits[-len(waits) // 50]
    print(f"{call}: interrupted after {waits[0]:.0f} to {waits[-1]:.0f} ms, 98 % within {most:.0f}")
    busy = max(1, os.getloadavg()[0] / len(os.sched_getaffinity(0)))
    assert waits[0] < 100 * busy and waits[-1] < 300 * busy


def test_signal_handler_may_pool():
    run("""
signal.signal(signal.SIGALRM, lambda *_: seen.append(right()))
seen = []
assert right()             # NumPy imports its parts when they are first used, which a handler must not interrupt
signal.setitimer(signal.ITIMER_REAL, 0.05)
while not seen:
    assert right()
assert seen == [True]
""")


def test_signal_handler_may_pool_during_a_gradient():
    run("""
part = numpy.tile(x, (2, 2))[:2600, :2600]
y = numpy.ones((2598, 2598))
undisturbed = {reduce: cypool.pool_backward(y, part, 3, reduce, stride=1) for reduce in ("var", "median")}
assert right()
signal.signal(signal.SIGALRM, lambda *_: seen.append(right()))
seen = []
for reduce in undisturbed:
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    assert numpy.array_equal(cypool.pool_backward(y, part, 3, reduce, stride=1), undisturbed[reduce])
time.sleep(0.1)
assert seen == [True, True]
""")


# ---- where else a call may come from ------------------------------------------------------------


def test_at_exit_and_in_del():
    printed = run("""
import atexit
atexit.register(lambda: print(right(), flush=True))

class Late:
    def __del__(self):
        print(right(workers=1), flush=True)

late = Late()
""")
    assert printed.split() == ["True", "True"]


def test_thread_with_a_small_stack():
    run("""
threading.stack_size(64 * 1024)
cypool.pool(x, 2)          # what is imported or planned once, on a large stack
results = []

def work():
    for reduce in "max mean sum prod std lp logsumexp".split():
        results.append(cypool.pool(x, 3, reduce, padding=1, workers=1))

thread = threading.Thread(target=work)
thread.start()
thread.join()
assert len(results) == 7
""")


# ---- what an import does ------------------------------------------------------------------------


def test_subnormal_numbers_survive():
    """-ffast-math anywhere in a process makes all of it flush them to zero."""
    run("""
tiny = float("5e-324")
sub = numpy.full((512, 4096), 5e-324)
assert tiny * 1.0 != 0 and (sub * 1.0).all()
seen = []
assert right(workers=3)
thread = threading.Thread(target=lambda: seen.append(tiny * 1.0 != 0))
thread.start()
thread.join()
assert seen == [True] and tiny * 1.0 != 0
for n in 1, 3:
    assert (cypool.pool(sub, 2, "sum", workers=n) == 4 * tiny).all()
    assert (cypool.pool(sub, 2, "mean", workers=n) == tiny).all()
    assert (cypool.pool(sub.astype("f4") + numpy.float32(1e-45), 2, "sum", workers=n) == numpy.float32(6e-45)).all()
""")


def test_import_starts_and_changes_nothing():
    fresh("""
import ctypes, ctypes.util, os, signal, sys, threading
import numpy
libm = ctypes.CDLL(ctypes.util.find_library("m"))

def state():
    handlers = [signal.getsignal(s) for s in signal.valid_signals()]
    floats = libm.fegetround(), libm.fetestexcept(0x3F), 5e-324 * 1.0, 1e-310 / 4 > 0
    return set(os.listdir("/proc/self/task")), handlers, floats, dict(os.environ), os.sched_getaffinity(0)

before = state()
import cypool
assert state() == before and threading.active_count() == 1
for heavy in "skimage scipy torch xarray dask matplotlib multiprocessing importlib.metadata asyncio".split():
    assert heavy not in sys.modules, heavy
""")


def test_import_is_quick():
    """45 ms beyond NumPy on an idle machine, where NumPy takes 60; compared with NumPy, since a busy one is slower."""
    code = "import time; s = time.process_time(); import numpy; m = time.process_time(); import cypool; print(m - s, "
    times = [tuple(map(float, fresh(code + "time.process_time() - m)").split())) for _ in range(5)]
    print("import of NumPy, cypool:", *(f"{1e3 * a:.0f}, {1e3 * b:.0f} ms;" for a, b in times), file=sys.stderr)
    assert min(ours / numpys for numpys, ours in times) < 1.5
