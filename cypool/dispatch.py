"""Which build of the kernels runs: the best CPU level that this machine has, or the one CYPOOL_CPU names.

Level v4 works on 64 bytes of a row at a time.  Short rows of small maps have too much left over for that (2x2 maxima of
maps of 56x56 take 1.2 times as long), and go to v3, if no level is forced; so do some others, and some short rows do
not (cypool.engine: _worked_on).

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
choice: tuple[str, int] = (level, 448 if level == "v4" and _built("v3") and not os.environ.get("CYPOOL_CPU") else 0)
"""The level, and how many bytes a row has at least that it works on; shorter ones go to v3."""


def kernels_of_rows(nbytes: int) -> ModuleType:
    """The kernels for rows of so many bytes, as they are worked on."""
    return kernels if nbytes >= choice[1] else _load("v3")


def levels() -> dict[str, ModuleType]:
    """Every CPU level that is built and that this machine can run, the plainest first."""
    return {name: _load(name) for name in _usable()}


@contextmanager
def _use(name: str) -> Iterator[None]:
    """For tests: another level for a while, in all threads."""
    global kernels, level, choice
    before = kernels, level, choice
    kernels, level, choice = levels()[name], name, (name, 0)
    try:
        yield
    finally:
        kernels, level, choice = before


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
        f"CPU level  {level}{', some rows v3' if choice[1] else ''} "
        f"(built and usable here: {', '.join(_usable())}; CYPOOL_CPU forces one)",
        f"OpenMP     {openmp}",
        f"workers    {threads.get_workers()} by default; OpenMP allows {allowed} in this thread",
        f"build      {machine.BUILD}",
        f"Python     {platform.python_version()} ({platform.machine()}, {platform.system()})",
        f"NumPy      {numpy.__version__}",
        sep="\n",
        file=file,
    )
