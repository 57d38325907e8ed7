# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Draws: cells picked at random, by how large they are."""
from .slots cimport *


cdef inline double chance(uint64_t key, uint64_t position) noexcept nogil:
    """A number in 0 <= u < 1 for each (key, position): two rounds of a 64-bit mixing function
    (splitmix64: Steele, Lea and Flood 2014)."""
    cdef uint64_t z = key + position * <uint64_t> 0x9E3779B97F4A7C15
    cdef int _
    for _ in range(2):
        z = (z ^ (z >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
        z = (z ^ (z >> 27)) * <uint64_t> 0x94D049BB133111EB
        z = (z ^ (z >> 31)) + <uint64_t> 0x9E3779B97F4A7C15
    return <double> (z >> 11) * 1.1102230246251565e-16


cdef inline double weight_of(sample x, bint infinite) noexcept nogil:
    """What a cell weighs: x if positive; if the window has an infinity, only those."""
    if infinite:
        return 1 if <double> x > 1.7976931348623157e308 else 0
    return <double> x if x > 0 else 0


cdef inline void draw(const sample* x, Columns* c, const Select* how, sample* out) noexcept nogil:
    """One cell of each column, with probability x / sum x."""
    cdef Py_ssize_t t, i, n = c.n
    cdef double total, limit, sum, w
    cdef bint infinite
    for i in range(n):
        total = 0
        infinite = False
        for t in range(how.slots):
            if c.valid == NULL or c.valid[t * n + i]:
                # scaled, so that a sum of large doubles stays finite
                total += weight_of(x[t * n + i], False) * 0.00390625
                infinite = infinite or <double> x[t * n + i] > 1.7976931348623157e308
        if infinite:
            total = 0
            for t in range(how.slots):
                if c.valid == NULL or c.valid[t * n + i]:
                    total += weight_of(x[t * n + i], True) * 0.00390625
        limit = c.u[i] * (total if total > 0 else <double> c.count[i])
        sum = 0
        for t in range(how.slots):
            if c.valid == NULL or c.valid[t * n + i]:
                w = weight_of(x[t * n + i], infinite) * 0.00390625 if total > 0 else 1
                sum += w
                if w > 0:
                    c.at[i] = <int32_t> t
                    out[i] = x[t * n + i]
                    if sum > limit:
                        break


cdef inline void expect(const sample* x, Columns* c, const Select* how, double* out) noexcept nogil:
    """The mean of what `draw` gives: sum x**2 / sum x over positive x, or the mean if none is."""
    cdef Py_ssize_t t, i, n = c.n
    cdef double largest, top, total, w, v
    for i in range(n):
        largest = 0
        for t in range(how.slots):
            if c.valid == NULL or c.valid[t * n + i]:
                v = <double> x[t * n + i]
                largest = v if v > largest else largest
        top = total = 0
        for t in range(how.slots):
            if c.valid == NULL or c.valid[t * n + i]:
                v = <double> x[t * n + i]
                w = 1 if largest == 0 else (v / largest if v > 0 else 0)
                total += w
                top += w * (v if largest == 0 else (v / largest if v > 0 else 0))
        if largest > 1.7976931348623157e308:
            out[i] = largest
        else:
            out[i] = top / total * (largest if largest > 0 else 1) if total > 0 else 0
