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

from cypool import threads
from cypool.kernels import machine

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


level: str = _choose(os.environ.get("CYPOOL_CPU", ""))
kernels: ModuleType = _load(level)


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

    library = os.path.basename(machine.openmp_library()) or "linked in"
    openmp = f"{library} (standard of {machine.OPENMP_DATE})" if machine.OPENMP else "no: runs serially"
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
