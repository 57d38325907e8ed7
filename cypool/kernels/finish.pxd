# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Finish: the reduced rows of the lanes become a row of results."""
from libc.math cimport cbrt, fabs, floor, log, pow, powl, sqrt
from libc.string cimport memcpy

from .decode cimport half_to_float
from .exact cimport *
from .rows cimport *
from .store cimport *
from .taps cimport HUGE, TINY

cdef enum:  # formulas, in the order of cypool.lanes.FORMULAS
    TAKE, MEAN, MEAN_WIDE, RATIO, VARIANCE, DEVIATION, ROOT, NORM, POWER_MEAN, LOG_SUM, SOFT, RANGE, COUNT, POSITION,
    CELL


cdef inline total shifted(total x, int shift, uint16_t factor) noexcept nogil:
    """x >> shift.  C widens 16-bit operands before it shifts; the high half of a product stays narrow."""
    if total is uint16_t:
        return <total> ((<uint32_t> x * <uint32_t> factor) >> 16)
    else:
        return x >> shift


cdef inline void round_shift(const total* sums, bits* out, int shift, uint16_t factor, int rounding,
                             Py_ssize_t n) noexcept nogil:
    """Unsigned means over 2**shift cells, 1 <= shift <= 8 (16): no division, and it vectorises.
    `factor` is 2**(16 - shift), not written as a shift: that would be undone into wide shifts."""
    cdef Py_ssize_t i
    cdef total half = <total> (<total> 1 << (shift - 1)), t
    if rounding == HALF_EVEN:
        for i in range(n):
            t = sums[i]
            t = <total> (t + <total> (half - 1) + (shifted(t, shift, factor) & 1))
            out[i] = <bits> shifted(t, shift, factor)
    elif rounding == HALF_UP:
        for i in range(n):
            out[i] = <bits> shifted(<total> (sums[i] + half), shift, factor)
    else:
        for i in range(n):
            out[i] = <bits> shifted(sums[i], shift, factor)


cdef inline void round_doubles(double* a, int rounding, Py_ssize_t n) noexcept nogil:
    """|a| < 2**51.  Adding and taking away 1.5 * 2**52 rounds half to even in every CPU level."""
    cdef Py_ssize_t i
    cdef double magic = 6755399441055744.0
    if rounding == HALF_EVEN:
        for i in range(n):
            a[i] = (a[i] + magic) - magic
    elif rounding == HALF_UP:
        for i in range(n):
            a[i] = floor(a[i] + 0.5)
    else:
        for i in range(n):
            a[i] = floor(a[i])


cdef inline double count_of(const Counts* counts, Py_ssize_t i) noexcept nogil:
    return <double> (counts.n if counts.uniform else counts.row[i])


cdef inline bint power_of_two(int64_t n) noexcept nogil:
    return n > 0 and n & (n - 1) == 0


cdef inline void divide(const double* a, const Counts* counts, int64_t divisor, bint exact,
                        double* out, Py_ssize_t n) noexcept nogil:
    """out = a / count.  Multiplying is as good where it is exact, or where the result is narrower."""
    cdef Py_ssize_t i
    cdef double d
    if divisor or counts.uniform:
        d = <double> (divisor if divisor else counts.n)
        if power_of_two(<int64_t> d) or not exact:
            d = 1 / d
            for i in range(n):
                out[i] = a[i] * d
        else:
            for i in range(n):
                out[i] = a[i] / d
    elif counts.inverse != NULL and not exact:
        for i in range(n):
            out[i] = a[i] * counts.inverse[i]
    else:
        for i in range(n):
            out[i] = a[i] / <double> counts.row[i]


cdef inline double cube_root(double x) noexcept nogil:
    """The C library's may be 4 ulp off; one step of Newton's method leaves less than 1."""
    cdef double y = cbrt(x)
    return y - (y * y * y - x) / (3 * y * y) if y > 0 else y


cdef inline void smooth(const Formula* f, const double* acc, const double* context, const double* other,
                        const double* rest, const Counts* counts, double* out, Py_ssize_t n) noexcept nogil:
    """The formulas of reducers that worked in double.  A context that is not finite (NaN, or an
    infinity as maximum) is the result."""
    cdef Py_ssize_t i
    cdef double x, m
    if f.code == ROOT:
        for i in range(n):
            out[i] = sqrt(acc[i]) if f.p == 2 else acc[i]
        return
    for i in range(n):
        m = context[i]
        if f.code == RATIO:
            x = acc[i] / other[i] if other[i] != 0 else float_of(0x7FC00000)
        elif f.code == VARIANCE or f.code == DEVIATION:
            x = acc[i] / (count_of(counts, i) - <double> f.ddof)
            x = sqrt(x) if f.code == DEVIATION else x
            x = x if fabs(m) <= 1.7976931348623157e308 else float_of(0x7FC00000)
        elif f.code == SOFT:
            x = other[i] / acc[i] if fabs(m) < HUGE else other[i] / acc[i] / TINY
            x = x if fabs(m) <= 1.7976931348623157e308 else m
        elif not fabs(m) <= 1.7976931348623157e308:
            x = m
        elif f.code == LOG_SUM:
            x = m + log(acc[i] / count_of(counts, i) if f.mean else acc[i]) / f.p
        elif f.p < 1:  # such a root magnifies the rounding of the sum
            x = <double> (m * powl((<long double> acc[i] + rest[i]) / (
                count_of(counts, i) if f.code == POWER_MEAN else 1), 1 / <long double> f.p)) if m != 0 else 0
        else:  # NORM, POWER_MEAN: m * root(sum (x / m) ** p)
            x = acc[i] / count_of(counts, i) if f.code == POWER_MEAN else acc[i]
            if f.p == 2:
                x = sqrt(x)
            elif f.p == 3:
                x = cube_root(x)
            elif f.p != 1:
                x = pow(x, 1 / f.p)
            x = m * x if m != 0 else 0
        out[i] = x


cdef inline void doubles_to_integers(const double* a, int64_t* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = <int64_t> a[i] if fabs(a[i]) < 9e18 else 0


cdef inline void finish_mean(const Formula* f, int have, bint signed, int want, const void* low,
                             const void* high, const Counts* counts, void* wide, void* wide2,
                             void* out, Py_ssize_t n) noexcept nogil:
    """Sums to means; `high` is the second word of 64-bit sums, or NULL."""
    cdef int64_t d = f.divisor if f.divisor else counts.n
    cdef int shift = 0
    cdef uint16_t factor
    if have == F64 and want == F32 and (f.divisor or counts.uniform):
        share_all(<const double*> low, 0, 1 / <double> d, <float*> out, n)
        return
    if have == F64 and want == F32 and counts.inverse != NULL:
        share_each(<const double*> low, 0, counts.inverse, <float*> out, n)
        return
    if have == F64:
        divide(<const double*> low, counts, f.divisor, want == F64, <double*> wide, n)
        store_doubles(<const double*> wide, want, out, n)
    elif have != U64:
        # Sums below 2**32: a double holds sum, quotient and the distance from a tie.
        if want < F32 and not signed and (f.divisor or counts.uniform) and power_of_two(d) and d > 1:
            while (<int64_t> 1 << shift) < d:
                shift += 1
            factor = <uint16_t> (65536 // d)
            if have == U16 and want == U8:
                round_shift(<const uint16_t*> low, <uint8_t*> out, shift, factor, f.rounding, n)
                return
            if have == U32 and want == U16:
                round_shift(<const uint32_t*> low, <uint16_t*> out, shift, factor, f.rounding, n)
                return
        widen_any(have + signed, low, wide, True, n)
        divide(<const double*> wide, counts, f.divisor, True, <double*> wide, n)
        if want < F32:
            round_doubles(<double*> wide, f.rounding, n)
            doubles_to_integers(<const double*> wide, <int64_t*> wide2, n)
            store_integers(<uint64_t*> wide2, True, want, f.saturate, out, n)
        else:
            store_doubles(<const double*> wide, want, out, n)
    elif want >= F32:
        mean_of_integers(<const uint64_t*> low, <const uint64_t*> high, signed, counts, f, <double*> wide, n)
        store_doubles(<const double*> wide, want, out, n)
    else:
        round_integers(<const uint64_t*> low, <const uint64_t*> high, signed, counts, f, <int64_t*> wide2, n)
        store_integers(<uint64_t*> wide2, signed, want, f.saturate, out, n)


cdef inline void finish_cells(int have, int size, int want, bint saturate, const uint64_t* cells, void* wide,
                              void* wide2, void* out, Py_ssize_t n) noexcept nogil:
    """Cells as they lie in memory, `size` bytes each, as another type; a float of two bytes is a half."""
    cdef int code = U8 if size == 1 else U16 if size == 2 else U32 if size == 4 else U64
    store(U64, code, False, cells, wide2, wide, n)
    if have == F32 and size == 2:
        half_to_float(<const uint16_t*> wide, <float*> wide2, n)
        store(F32, want, saturate, wide2, wide, out, n)
    else:
        store(have, want, saturate, wide, wide2, out, n)


cdef inline void finish_range(int have, int want, bint saturate, const void* high, const void* low,
                              void* wide, void* wide2, void* out, Py_ssize_t n) noexcept nogil:
    """max - min: floats in double; integers modulo 2**64, exact as unsigned."""
    cdef Py_ssize_t i
    widen_any(have, high, wide, have >= F32, n)
    widen_any(have, low, wide2, have >= F32, n)
    if have >= F32:
        for i in range(n):
            (<double*> wide)[i] -= (<double*> wide2)[i]
        store_doubles(<const double*> wide, want, out, n)
    else:
        for i in range(n):
            (<uint64_t*> wide)[i] -= (<uint64_t*> wide2)[i]
        if want >= F32:
            widen_any(U64, wide, wide2, True, n)
            store_doubles(<const double*> wide2, want, out, n)
        else:
            store_integers(<uint64_t*> wide, False, want, saturate, out, n)


cdef inline void count_row(const Counts* counts, int64_t* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = counts.n if counts.uniform else counts.row[i]


cdef inline void blank(int size, void* out, const Counts* counts, int64_t least, const void* value,
                       Py_ssize_t n) noexcept nogil:
    """Windows with fewer than `least` cells get the value for empty ones."""
    cdef Py_ssize_t i
    for i in range(n):
        if (counts.n if counts.uniform else counts.row[i]) < least:
            memcpy(<char*> out + i * size, value, size)
