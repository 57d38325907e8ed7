"""Which build of the kernels runs: the best CPU level that this machine has, or the one CYPOOL_CPU names.

    from cypool import dispatch
    dispatch.kernels.some_kernel(...)       # looked up at each call, so that a test can change the level

All levels are compiled from one source and give the same bits.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TextIO

# libgomp reads its waiting policy when it is loaded.  By default a thread spins for milliseconds after
# its work: beside another busy process or another library's threads that costs whole time slices
# (measured with one core of two busy: 16 ms instead of 3 for a call).  So it spins for some
# microseconds only, unless the user has said otherwise.
_spin = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}.isdisjoint(os.environ)
if _spin:
    os.environ["GOMP_SPINCOUNT"] = "10000"
try:
    from cypool.kernels import machine
except ImportError as error:
    raise ImportError(
        "cypool's compiled kernels do not load. Is this the source folder? Install it "
        "(pip install .) and start Python elsewhere; `make test` and `make demo` do so"
    ) from error
finally:
    if _spin:
        del os.environ["GOMP_SPINCOUNT"]

from cypool import threads

__all__ = ["show_config"]


def _built(level: str) -> bool:
    return find_spec(f"cypool.kernels.{level}") is not None


def _load(level: str) -> ModuleType:
    return import_module(f"cypool.kernels.{level}")


def _usable() -> list[str]:
    return [level for level in machine.cpu_levels() if _built(level)]


def _choose(forced: str) -> str:
    if not forced:
        return next(level for level in reversed(machine.cpu_levels()) if _built(level))
    if forced not in (usable := _usable()):
        raise ImportError(f"CYPOOL_CPU={forced!r}: this build on this machine has the CPU levels {', '.join(usable)}")
    return forced


level = _choose(os.environ.get("CYPOOL_CPU", ""))
kernels = _load(level)


def levels() -> dict[str, ModuleType]:
    """Every CPU level that is built and that this machine can run, the plainest first."""
    return {name: _load(name) for name in _usable()}


@contextmanager
def _use(name: str) -> Iterator[None]:
    """For tests: another level for a while, in all threads."""
    global kernels, level
    before = kernels, level
    kernels, level = levels()[name], name
    try:
        yield
    finally:
        kernels, level = before


def show_config(file: TextIO | None = None) -> None:
    """Print what cypool was built with and how it runs here; a bug report should hold it.

    Parameters
    ----------
    file : text file, optional
        Where to print; the default is standard output.

    Examples
    --------
    >>> import cypool
    >>> cypool.show_config()  # doctest: +ELLIPSIS
    cypool ...
    """
    import platform

    import numpy

    openmp = "yes" if machine.OPENMP else "no: runs serially"
    allowed = machine.openmp_max_threads()
    print(
        f"cypool     {machine.VERSION}",
        f"CPU level  {level} (built and usable here: {', '.join(_usable())}; CYPOOL_CPU forces one)",
        f"OpenMP     {openmp}",
        f"workers    {threads.get_workers()} by default; OpenMP allows {allowed} in this thread",
        f"build      {machine.BUILD}",
        f"Python     {platform.python_version()} ({platform.machine()}, {platform.system()})",
        f"NumPy      {numpy.__version__}",
        sep="\n",
        file=file,
    )
