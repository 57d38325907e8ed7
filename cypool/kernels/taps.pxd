# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Taps: sums of f(x, context) where the context is a value of each window (its mean, its maximum),
or of f(x, w) with a weight for each cell of the window.

    acc[i] += f(row[i*s + j*d], context[i])          for every row and every j of the window

A cell that takes no part holds a NaN in the decoded row and adds nothing; a window with a real
NaN has a NaN context, which decides its result.  Sums are compensated (Neumaier), so that their
error does not grow with the window.
"""
from libc.math cimport exp, fabs, pow, powl

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
    # EXPONENTIAL_X: near the largest doubles the sum is kept 2**64 smaller
    return x * exp(par * (x - context)) if fabs(context) < HUGE else x * TINY * exp(par * (x - context))


cdef inline void add_wide(double* acc, double* rest, long double t) noexcept nogil:
    """acc + rest += t, of which a double cannot hold the last bits."""
    cdef double high = <double> t, total = acc[0] + high
    rest[0] += (acc[0] - total) + high if fabs(acc[0]) >= fabs(high) else (high - total) + acc[0]
    if fabs(high) <= 1.7976931348623157e308:
        rest[0] += <double> (t - high)
    acc[0] = total


cdef inline long double ratio_power(double x, double context, double par) noexcept nogil:
    """(x / context)**par in the widest type: a root of degree below 1 magnifies what is lost here."""
    return powl(<long double> x / context, par)


cdef inline void tap_add(int f, const double* x, Py_ssize_t step, const double* context,
                         double* acc, double* rest, Py_ssize_t n, double weight, double par) noexcept nogil:
    """acc + rest += weight * f(x[i * step], context[i]) for i < n."""
    cdef Py_ssize_t i
    cdef double t, total
    if f == RATIO_POWER and par < 1:
        for i in range(n):
            if x[i * step] == x[i * step]:
                add_wide(acc + i, rest + i, ratio_power(x[i * step], context[i], par))
    elif f == WEIGHT:
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


cdef inline void tap_close(double* acc, double* rest, Py_ssize_t n) noexcept nogil:
    """acc + rest as acc, rounded, and what that took; an infinite sum has no rest."""
    cdef Py_ssize_t i
    cdef double total
    for i in range(n):
        if fabs(acc[i]) <= 1.7976931348623157e308:
            total = acc[i] + rest[i]
            rest[i] -= total - acc[i]
            acc[i] = total
        else:
            rest[i] = 0


cdef inline void combine_sums(double* acc, const double* other, Py_ssize_t n) noexcept nogil:
    """Two partial results of taps: n sums, then n rests each."""
    cdef Py_ssize_t i
    cdef double total
    for i in range(n):
        total = acc[i] + other[i]
        acc[n + i] += other[n + i]
        acc[n + i] += (acc[i] - total) + other[i] if fabs(acc[i]) >= fabs(other[i]) else (other[i] - total) + acc[i]
        acc[i] = total


cdef inline void exclude_nan(const bits* x, uint8_t* valid, bits largest, Py_ssize_t n) noexcept nogil:
    """valid &= x is no NaN, by its bits; `largest`: those of infinity."""
    cdef Py_ssize_t i
    cdef bits magnitude = <bits> (<bits> -1 >> 1)
    for i in range(n):
        valid[i] = valid[i] & ((x[i] & magnitude) <= largest)


cdef inline void exclude_nans(int size, const void* x, uint8_t* valid, Py_ssize_t n) noexcept nogil:
    if size == 2:
        exclude_nan(<const uint16_t*> x, valid, 0x7C00, n)
    elif size == 4:
        exclude_nan(<const uint32_t*> x, valid, 0x7F800000, n)
    else:
        exclude_nan(<const uint64_t*> x, valid, <uint64_t> 0x7FF << 52, n)


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
