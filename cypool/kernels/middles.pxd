# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Middles: medians of blocks of 2x2 and 2x2x2, and of windows of 3x3 and 5x5 at stride 1 (middles.h).  Those of 3x3
take two passes:

    rows     7 2 9 1      the rows of the windows         1 2 3 1 ...     of each window three columns,
             1 6 3 4      sorted in each column     ->    5 6 4 2 ...     which its neighbours need as well
             5 8 4 2                                      7 8 9 4 ...

Two lines of windows of 5x5 share four rows, whose columns are sorted (10 minima and maxima) and joined in pairs (18),
which each belong to two windows.  Two pairs and a column are 20 cells, of which six can be the median (70); those and
five cells of a row that lines do not share have it (28 for each line).  That makes 77 for each window; sorting 25 cells
far enough to know their median takes 174 and more.  (In the way of Adams, Fast median filters using separable sorting
networks, 2021.)

The lists of comparisons are right for any numbers because they are for all zeros and ones (Knuth, The Art of Computer
Programming 3, 5.3.4, theorem Z): test_middles.py and test_pairs.py in tests try these.
"""
from .ranks cimport interpolate, middle
from .slots cimport *

cdef extern from "middles.h" nogil:
    ctypedef struct Middles "cypool_middles":
        void sort_columns(const void* const* rows, int k, void* out, Py_ssize_t pitch, Py_ssize_t n) noexcept nogil
        void of_three(const void* x, Py_ssize_t pitch, Py_ssize_t d, void* out, Py_ssize_t n) noexcept nogil
        void of_five(const void* x, Py_ssize_t pitch, Py_ssize_t d, void* out, void* below, Py_ssize_t n) noexcept nogil
    const Middles middles_of "cypool_middles_of"[10]

cdef enum:
    BATCH = 256  # outputs whose results wait in an array of their own: no row overlaps it


cdef inline void order(sample* v, int i, int j) noexcept nogil:
    cdef sample a = v[i], b = v[j]
    v[i] = a if a < b else b
    v[j] = b if a < b else a


cdef inline void middles_of_pairs(const sample** rows, Py_ssize_t taps, Py_ssize_t n, sample* low,
                                  sample* high) noexcept nogil:
    """The two middle cells of windows of two cells of two or four rows."""
    cdef const sample* a = rows[0]
    cdef const sample* b = rows[1]
    cdef const sample* c = rows[taps - 2]
    cdef const sample* d = rows[taps - 1]
    cdef sample v[8]
    cdef Py_ssize_t i
    if taps == 2:
        for i in range(n):
            v[0], v[1], v[2], v[3] = a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1]
            order(v, 0, 1); order(v, 2, 3); order(v, 0, 2); order(v, 1, 3); order(v, 1, 2)
            low[i], high[i] = v[1], v[2]
        return
    for i in range(n):
        v[0], v[1], v[2], v[3] = a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1]
        v[4], v[5], v[6], v[7] = c[2 * i], c[2 * i + 1], d[2 * i], d[2 * i + 1]
        order(v, 0, 1); order(v, 2, 3); order(v, 0, 2); order(v, 1, 3); order(v, 1, 2)
        order(v, 4, 5); order(v, 6, 7); order(v, 4, 6); order(v, 5, 7); order(v, 5, 6)
        order(v, 0, 7); order(v, 1, 6); order(v, 2, 5); order(v, 3, 4)
        order(v, 0, 1); order(v, 2, 3); order(v, 1, 3)
        order(v, 4, 5); order(v, 6, 7); order(v, 4, 6)
        low[i], high[i] = v[3], v[4]


cdef inline bint halve_pairs(const sample** rows, bint wide, Py_ssize_t taps, Py_ssize_t n, int rounding,
                             void* out) noexcept nogil:
    """At most BATCH medians of such windows, as doubles if `wide`; False: there is a NaN."""
    cdef sample low[BATCH]
    cdef sample high[BATCH]
    cdef Py_ssize_t r
    for r in range(taps):
        if sample is float and not ordered_f32(rows[r], 2 * n):
            return False
        if sample is double and not ordered_f64(rows[r], 2 * n):
            return False
    middles_of_pairs(rows, taps, n, low, high)
    if wide:
        interpolate(low, high, 0.5, n, <double*> out)
    else:
        middle(low, high, rounding, <sample*> out, n)
    return True


cdef inline bint halve_pairs_any(int code, bint wide, const void** rows, Py_ssize_t taps, Py_ssize_t n, int rounding,
                                 void* out) noexcept nogil:
    if code == U8:
        return halve_pairs(<const uint8_t**> rows, wide, taps, n, rounding, out)
    elif code == I8:
        return halve_pairs(<const int8_t**> rows, wide, taps, n, rounding, out)
    elif code == U16:
        return halve_pairs(<const uint16_t**> rows, wide, taps, n, rounding, out)
    elif code == I16:
        return halve_pairs(<const int16_t**> rows, wide, taps, n, rounding, out)
    elif code == U32:
        return halve_pairs(<const uint32_t**> rows, wide, taps, n, rounding, out)
    elif code == I32:
        return halve_pairs(<const int32_t**> rows, wide, taps, n, rounding, out)
    elif code == F32:
        return halve_pairs(<const float**> rows, True, taps, n, rounding, out)
    else:
        return halve_pairs(<const double**> rows, True, taps, n, rounding, out)
