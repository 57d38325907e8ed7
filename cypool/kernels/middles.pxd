# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Middles: medians of blocks of 2x2 and 2x2x2, and of 3x3 and 5x5 windows at stride 1.  The latter take two passes:

    rows     7 2 9 1      the rows of the windows         1 2 3 1 ...     of each window three columns,
             1 6 3 4      sorted in each column     ->    5 6 4 2 ...     which its neighbours need as well
             5 8 4 2                                      7 8 9 4 ...

Between sorted columns some comparisons are known beforehand: of 5x5 cells, 18 minima and maxima sort a column and
88 are left for each window; sorting 25 cells far enough to know their median takes 174 and more.  All of them stay
in registers.  The lists of comparisons are right for any numbers because they are for all zeros and ones (Knuth, The
Art of Computer Programming 3, 5.3.4, theorem Z): test_middles.py and test_pairs.py in tests try these.
"""
from libc.string cimport memcpy

from .ranks cimport interpolate, middle
from .slots cimport *

cdef enum:
    BATCH = 256  # outputs whose results wait in an array of their own: no row overlaps it


cdef inline void order(sample* v, int i, int j) noexcept nogil:
    cdef sample a = v[i], b = v[j]
    v[i] = a if a < b else b
    v[j] = b if a < b else a


cdef inline void three_of(const sample* x, Py_ssize_t d, sample* v) noexcept nogil:
    v[0], v[1], v[2] = x[0], x[d], x[2 * d]


cdef inline void five_of(const sample* x, Py_ssize_t d, sample* v) noexcept nogil:
    v[0], v[1], v[2], v[3], v[4] = x[0], x[d], x[2 * d], x[3 * d], x[4 * d]


cdef inline void middles_of_three(const sample* x, Py_ssize_t pitch, Py_ssize_t d, sample* out,
                                  Py_ssize_t n) noexcept nogil:
    """At most BATCH medians of three sorted columns, `d` samples apart; cell r of column c is v[3 r + c]."""
    cdef sample v[9]
    cdef sample found[BATCH]
    cdef Py_ssize_t i
    for i in range(n):
        three_of(x + i, d, v)
        three_of(x + pitch + i, d, v + 3)
        three_of(x + 2 * pitch + i, d, v + 6)
        order(v, 0, 1); order(v, 1, 2)
        order(v, 3, 4); order(v, 4, 5); order(v, 3, 4)
        order(v, 7, 8); order(v, 6, 7)
        order(v, 2, 4); order(v, 4, 6); order(v, 2, 4)
        found[i] = v[4]
    memcpy(out, found, n * sizeof(sample))


cdef inline void middles_of_five(const sample* x, Py_ssize_t pitch, Py_ssize_t d, sample* out,
                                 Py_ssize_t n) noexcept nogil:
    """At most BATCH medians of five sorted columns; cell r of column c is v[5 r + c]."""
    cdef sample v[25]
    cdef sample found[BATCH]
    cdef Py_ssize_t i
    for i in range(n):
        five_of(x + i, d, v)
        five_of(x + pitch + i, d, v + 5)
        five_of(x + 2 * pitch + i, d, v + 10)
        five_of(x + 3 * pitch + i, d, v + 15)
        five_of(x + 4 * pitch + i, d, v + 20)
        order(v, 0, 3); order(v, 1, 3); order(v, 0, 1); order(v, 2, 4); order(v, 1, 2); order(v, 3, 4)
        order(v, 2, 3)
        order(v, 5, 8); order(v, 5, 7); order(v, 6, 8); order(v, 5, 6); order(v, 7, 9); order(v, 6, 7)
        order(v, 8, 9); order(v, 7, 8)
        order(v, 10, 13); order(v, 11, 14); order(v, 10, 12); order(v, 11, 13); order(v, 10, 11); order(v, 12, 14)
        order(v, 11, 12); order(v, 13, 14); order(v, 12, 13)
        order(v, 15, 18); order(v, 16, 19); order(v, 15, 17); order(v, 16, 18); order(v, 15, 16); order(v, 17, 19)
        order(v, 16, 17); order(v, 17, 18)
        order(v, 20, 23); order(v, 21, 24); order(v, 20, 22); order(v, 21, 23); order(v, 20, 21); order(v, 22, 24)
        order(v, 21, 22)
        order(v, 4, 20); order(v, 9, 21); order(v, 3, 15); order(v, 8, 16); order(v, 7, 11); order(v, 13, 17)
        order(v, 4, 15); order(v, 9, 16); order(v, 12, 15); order(v, 13, 20); order(v, 4, 11); order(v, 8, 11)
        order(v, 9, 15); order(v, 9, 11); order(v, 11, 13); order(v, 9, 12); order(v, 11, 12)
        found[i] = v[12]
    memcpy(out, found, n * sizeof(sample))


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


cdef inline void sort_three(const sample* x, const sample* y, const sample* z, sample* out, Py_ssize_t pitch,
                            Py_ssize_t n) noexcept nogil:
    """At most BATCH columns of three rows, in order: rows again, `pitch` samples apart."""
    cdef sample v[3]
    cdef sample sorted[3][BATCH]
    cdef Py_ssize_t i
    for i in range(n):
        v[0], v[1], v[2] = x[i], y[i], z[i]
        order(v, 0, 1); order(v, 1, 2); order(v, 0, 1)
        sorted[0][i], sorted[1][i], sorted[2][i] = v[0], v[1], v[2]
    for i in range(3):
        memcpy(out + i * pitch, sorted[i], n * sizeof(sample))


cdef inline void sort_five(const sample* x, const sample* y, const sample* z, const sample* a, const sample* b,
                           sample* out, Py_ssize_t pitch, Py_ssize_t n) noexcept nogil:
    """At most BATCH columns of five rows."""
    cdef sample v[5]
    cdef sample sorted[5][BATCH]
    cdef Py_ssize_t i
    for i in range(n):
        v[0], v[1], v[2], v[3], v[4] = x[i], y[i], z[i], a[i], b[i]
        order(v, 0, 3); order(v, 1, 4); order(v, 0, 2); order(v, 1, 3); order(v, 0, 1); order(v, 2, 4)
        order(v, 1, 2); order(v, 3, 4); order(v, 2, 3)
        sorted[0][i], sorted[1][i], sorted[2][i], sorted[3][i], sorted[4][i] = v[0], v[1], v[2], v[3], v[4]
    for i in range(5):
        memcpy(out + i * pitch, sorted[i], n * sizeof(sample))


cdef inline bint sort_columns(const sample** x, Py_ssize_t rows, Py_ssize_t known, Py_ssize_t n, sample* out,
                              Py_ssize_t pitch) noexcept nogil:
    """n columns of three or five rows; False: there is a NaN (not in the first `known`), and they have no order."""
    cdef Py_ssize_t i, r, m
    for r in range(known, rows):
        if sample is float and not ordered_f32(x[r], n):
            return False
        if sample is double and not ordered_f64(x[r], n):
            return False
    i = 0
    while i < n:
        m = min(n - i, BATCH)
        if rows == 3:
            sort_three(x[0] + i, x[1] + i, x[2] + i, out + i, pitch, m)
        else:
            sort_five(x[0] + i, x[1] + i, x[2] + i, x[3] + i, x[4] + i, out + i, pitch, m)
        i += m
    return True


cdef inline void middles(const sample* x, Py_ssize_t rows, Py_ssize_t pitch, Py_ssize_t d, Py_ssize_t n,
                         sample* out) noexcept nogil:
    """n medians of windows of as many sorted columns as they have rows."""
    cdef Py_ssize_t i = 0, m
    while i < n:
        m = min(n - i, BATCH)
        if rows == 3:
            middles_of_three(x + i, pitch, d, out + i, m)
        else:
            middles_of_five(x + i, pitch, d, out + i, m)
        i += m


cdef inline bint columns_to_medians(sample* x, const Columns* c, int want, int have, sample* spare,
                                    void* out) noexcept nogil:
    """One of the two passes over a line of windows; False: a NaN is in its rows."""
    cdef Py_ssize_t i
    if c.sources != NULL:
        return sort_columns(<const sample**> c.sources, c.rows, c.known, c.n, x, c.pitch)
    middles(x, c.rows, c.pitch, c.step, c.n, <sample*> out if want == have else spare)
    for i in range(0 if want == have else c.n):
        (<double*> out)[i] = <double> spare[i]
    return True
