# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Taps: sums of f(x, context) where the context is a value of each window (its mean, its maximum),
or of f(x, w) with a weight for each cell of the window.

    acc[i] += f(row[i*s + j*d], context[i])          for every row and every j of the window

A cell that takes no part holds a NaN in the decoded row and adds nothing; a window with a real
NaN has a NaN context, which decides its result.  Sums are compensated (Neumaier), so that their
error does not grow with the window.
"""
from libc.math cimport exp, fabs, pow

from .rows cimport *

cdef enum:  # in the order of cypool.lanes.TAPS
    WEIGHT, SQUARED_DIFFERENCE, RATIO_POWER, EXPONENTIAL, EXPONENTIAL_X


cdef extern from *:
    """
    #define CYPOOL_HUGE 0x1p900
    #define CYPOOL_TINY 0x1p-64
    """
    const double HUGE "CYPOOL_HUGE"
    const double TINY "CYPOOL_TINY"


cdef inline double tap_term(int f, double x, double context, double par) noexcept nogil:
    cdef double t
    if f == SQUARED_DIFFERENCE:
        t = x - context
        return t * t
    elif f == RATIO_POWER:
        t = x / context
        if par == 2:
            return t * t
        elif par == 3:
            return t * t * t
        return pow(t, par)
    elif f == EXPONENTIAL:
        return exp(par * (x - context))
    elif f == EXPONENTIAL_X:  # near the largest doubles the sum is kept 2**64 smaller
        return x * exp(par * (x - context)) if fabs(context) < HUGE else x * TINY * exp(par * (x - context))
    return x


cdef inline void tap_add(int f, const double* x, Py_ssize_t step, const double* context,
                         double* acc, double* rest, Py_ssize_t n, double weight, double par) noexcept nogil:
    """acc + rest += weight * f(x[i * step], context[i]) for i < n."""
    cdef Py_ssize_t i
    cdef double t, total
    if f == WEIGHT:
        for i in range(n):
            t = weight * x[i * step]
            total = acc[i] + t
            rest[i] += (acc[i] - total) + t if fabs(acc[i]) >= fabs(t) else (t - total) + acc[i]
            acc[i] = total
    else:
        for i in range(n):
            t = weight * tap_term(f, x[i * step], context[i], par)
            if t == t:
                total = acc[i] + t
                rest[i] += (acc[i] - total) + t if fabs(acc[i]) >= fabs(t) else (t - total) + acc[i]
                acc[i] = total


cdef inline void tap_close(double* acc, const double* rest, Py_ssize_t n) noexcept nogil:
    """acc += rest; an infinite sum has no rest."""
    cdef Py_ssize_t i
    for i in range(n):
        acc[i] += rest[i] if fabs(acc[i]) <= 1.7976931348623157e308 else 0


cdef inline void first_bits(const bits* x, Py_ssize_t step, const uint8_t* valid, uint64_t* value,
                            int64_t* rank, Py_ssize_t n, int64_t here) noexcept nogil:
    """Where a valid cell of a lower rank (position in the window, C order) appears, it is taken."""
    cdef Py_ssize_t i
    cdef bint better
    for i in range(n):
        better = valid[i * step] != 0 and here < rank[i]
        value[i] = x[i * step] if better else value[i]
        rank[i] = here if better else rank[i]


cdef inline void first(int size, const void* x, Py_ssize_t step, const uint8_t* valid,
                       uint64_t* value, int64_t* rank, Py_ssize_t n, int64_t here) noexcept nogil:
    if size == 1:
        first_bits(<const uint8_t*> x, step, valid, value, rank, n, here)
    elif size == 2:
        first_bits(<const uint16_t*> x, step, valid, value, rank, n, here)
    elif size == 4:
        first_bits(<const uint32_t*> x, step, valid, value, rank, n, here)
    else:
        first_bits(<const uint64_t*> x, step, valid, value, rank, n, here)


cdef inline void combine_first(uint64_t* value, const uint64_t* other, Py_ssize_t n) noexcept nogil:
    """Two partial results of `first`: n values, then n ranks each."""
    cdef Py_ssize_t i
    for i in range(n):
        if (<const int64_t*> other)[n + i] < (<int64_t*> value)[n + i]:
            value[i] = other[i]
            value[n + i] = other[n + i]
