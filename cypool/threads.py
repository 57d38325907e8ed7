"""How many threads a call may use, and what keeps them out of trouble.

A call's number comes from the first of: its `workers=`, the `workers()` context, `set_workers`,
CYPOOL_NUM_THREADS, the first field of OMP_NUM_THREADS, the CPUs this process may use.  It is then
capped by the caller's useful number (its work items; a fraction of it where no `workers=` asks for
more) and by what OpenMP allows the calling thread.

libgomp keeps a pool of threads for each thread that calls it.  It ends the process where it cannot
start one, and waits for ever in a forked child, which has the pool's books but not its threads.
So the first is tried before a pool grows, and the pool is released before a fork.
"""

from __future__ import annotations

import functools
import operator
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from pathlib import Path

from cypool.arguments import shown
from cypool.kernels import machine

__all__ = ["get_workers", "set_workers", "workers"]

_context: ContextVar[int | None] = ContextVar("cypool.workers", default=None)
_process: int | None = None  # what set_workers was given

# Where a call does not ask for workers=, it takes a second thread for this many times as much work as where it does:
# tens of microseconds.  Beside a library whose threads spin (OpenBLAS's after a product), a second thread waits
# 0.7 ms for its CPU: a mean of 256x256 took 770 us instead of 12.
UNASKED = 4


class _Pool(threading.local):
    """The OpenMP pool of the calling thread, as far as cypool made it grow."""

    size = 1  # threads that were seen to start, the caller included
    lost = False  # this process is a child that inherited the pool's books without its threads


_pool = _Pool()


def set_workers(n: int | None) -> None:
    """Set the number of threads that calls of this process use at most.

    Parameters
    ----------
    n : int or None
        At least 1; -1 for all CPUs this process may use; None for the default again.

    Examples
    --------
    >>> import cypool
    >>> cypool.set_workers(1)
    >>> cypool.get_workers()
    1
    >>> cypool.set_workers(None)
    """
    global _process
    _process = None if n is None else _count(n, "n")


def get_workers() -> int:
    """Return the number of threads that a call with ``workers=None`` uses at most.

    Small arrays use fewer, and so does a thread whose OpenMP is limited, by threadpoolctl for example.

    Examples
    --------
    >>> import cypool
    >>> with cypool.workers(3):
    ...     cypool.get_workers()
    3
    """
    return _context.get() or _process or _default()


def workers(n: int | None) -> AbstractContextManager[None]:
    """Use at most `n` threads inside a ``with`` block, in this thread or asynchronous task only.

    Parameters
    ----------
    n : int or None
        At least 1; -1 for all CPUs this process may use; None for what would hold outside of any such block.

    Examples
    --------
    >>> import cypool
    >>> with cypool.workers(1):
    ...     cypool.pool([3, 1, 4, 1], 2)
    array([3, 4])
    """
    return _bound(None if n is None else _count(n, "n"))


@contextmanager
def _bound(n: int | None) -> Iterator[None]:
    token = _context.set(n)
    try:
        yield
    finally:
        _context.reset(token)


def resolve(workers: int | None, useful: int) -> int:
    """Threads for a call that was given `workers` and has work for `useful` of them.  Every call comes by here."""
    n = None if workers is None else _count(workers, "workers")
    if n is None:
        useful //= UNASKED
    if useful <= 1:
        return 1
    n = min(n or get_workers(), useful, machine.openmp_max_threads())
    if n > _pool.size:
        n = _grow(n)
    return n


def asked(workers: int | None) -> int:
    """Threads that a call may have, of whatever kind and for whatever work."""
    return get_workers() if workers is None else _count(workers, "workers")


def _count(n: int, name: str) -> int:
    try:
        if isinstance(n, bool):
            raise TypeError
        count = operator.index(n)
    except TypeError:
        raise TypeError(f"{name} must be an integer, at least 1, or -1 for all CPUs, not {shown(n)}") from None
    if count < -1 or count == 0:
        raise ValueError(f"{name} must be at least 1, or -1 for all CPUs, not {shown(n)}")
    return _cpus() if count == -1 else count


def _grow(n: int) -> int:
    if _pool.lost or not machine.can_start(n - _pool.size):
        return 1
    _pool.size = n
    return n


def _before_fork() -> None:
    if machine.openmp_pause():
        _pool.size = 1


def _after_fork_in_child() -> None:
    if _pool.size > 1:
        _pool.size, _pool.lost = 1, True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)


@functools.cache
def _default() -> int:
    bad = []
    for name in ("CYPOOL_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(name, "")
        if not value:
            continue
        try:
            n = _count(int(value.split(",")[0] if name == "OMP_NUM_THREADS" else value), name)
            break
        except ValueError:
            bad.append(f"{name}={value!r}")
    else:
        n = _cpus()
    if bad:
        text = f"{' and '.join(bad)} is no number of threads (at least 1, or -1 for all CPUs); cypool uses {n}"
        warnings.warn(text, RuntimeWarning, stacklevel=2)
    return n


@functools.cache
def _cpus() -> int:
    """CPUs this process may use: its affinity, or the quota of its control group if that is less."""
    n = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(n, _quota(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))))


def _quota(groups: Path, mount: Path) -> int:
    """CPUs, rounded up, that Linux's control groups let this process use; a large number if they do not say."""
    quota = 1 << 30
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = mount / "cpu" if controllers else mount  # version 1 has a tree for each controller, version 2 one
        # A parent's quota holds for its children.  In a container the path may be the host's: then the top counts.
        group = top / path.strip("/")
        for folder in (group, *group.parents):
            quota = min(quota, _read_quota(folder))
            if folder == top:
                break
    return quota


def _read_quota(folder: Path) -> int:
    try:
        if (folder / "cpu.max").exists():
            share, period = (folder / "cpu.max").read_text().split()
        else:
            share = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        return -(-int(share) // int(period)) if int(share) > 0 else 1 << 30
    except (OSError, ValueError):  # no such file, or "max"
        return 1 << 30
