# cython: language_level=3
# cython: freethreading_compatible=True
"""Facts of this machine and of this build, and the few calls to OpenMP that prange does not make."""

cdef extern from "openmp.h" nogil:
    const int CYPOOL_HAS_OPENMP
    const int CYPOOL_OPENMP_DATE
    const char* cypool_omp_library()
    int cypool_max_threads()
    bint cypool_ready_to_fork()
    bint cypool_can_start(int n)

cdef extern from "cpu.h" nogil:
    bint cypool_runs_v3()
    bint cypool_runs_v4()

cdef extern from "build.h":  # written by setup.py
    const char* CYPOOL_BUILD
    const char* CYPOOL_VERSION

OPENMP = bool(CYPOOL_HAS_OPENMP)
OPENMP_DATE = int(CYPOOL_OPENMP_DATE)  # of the standard, as yyyymm; 0: there is none
BUILD = CYPOOL_BUILD.decode()
VERSION = CYPOOL_VERSION.decode()


def openmp_max_threads():
    """Threads that OpenMP allows the calling thread now; 1 without OpenMP."""
    return cypool_max_threads()


def openmp_library():
    """The file that holds OpenMP; "" if there is none, or it cannot be told."""
    return cypool_omp_library().decode(errors="replace")


def openmp_pause():
    """Releases the calling thread's OpenMP pool where that is needed: may a child forked now run threads?"""
    return cypool_ready_to_fork()


def can_start(int n):
    """Could n more threads run at once?"""
    cdef bint yes
    with nogil:
        yes = cypool_can_start(n)
    return yes


def cpu_levels():
    """CPU levels that this machine can run, the plainest first."""
    return ("base", "v3", "v4")[: 1 + cypool_runs_v3() + cypool_runs_v4()]
