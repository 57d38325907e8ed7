# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Decode: a row as it lies in memory becomes a row the operators can read.

Each step is one loop over the row: gather (steps, byte order, alignment), half to float,
replace NaN, convert, transform, replace what is masked.  Most calls need none of them.
"""
from libc.math cimport fabs
from libc.string cimport memcpy

from .rows cimport *

cdef enum:  # conversions, in the order of cypool.lanes.CONVERSIONS
    KEEP, NONZERO, VALID, ISNAN, LOW, HIGH, DOUBLE, WIDE

cdef enum:  # transforms of doubles, in the order of cypool.lanes.TRANSFORMS
    SAME, ABS, SQUARE, CLAMP


cdef inline bits swapped(bits x) noexcept nogil:
    cdef bits y = 0
    cdef int _
    for _ in range(sizeof(bits)):
        y = <bits> ((y << 8) | (x & 0xFF))
        x = <bits> (x >> 8)
    return y


cdef inline void gather_bits(const char* source, Py_ssize_t n, Py_ssize_t step, Py_ssize_t C,
                             Py_ssize_t cstep, bint swap, bits* out) noexcept nogil:
    """n cells of C samples, from any address at any steps in bytes, to a contiguous row."""
    cdef Py_ssize_t i, c
    cdef bits x
    if C == 1:
        for i in range(n):
            memcpy(&x, source + i * step, sizeof(bits))
            out[i] = x
    else:
        for i in range(n):
            for c in range(C):
                memcpy(&x, source + i * step + c * cstep, sizeof(bits))
                out[i * C + c] = x
    if sizeof(bits) > 1 and swap:
        for i in range(n * C):
            out[i] = swapped(out[i])


cdef inline void gather(int size, const char* source, Py_ssize_t n, Py_ssize_t step, Py_ssize_t C,
                        Py_ssize_t cstep, bint swap, void* out) noexcept nogil:
    if (C == 1 or cstep == size) and step == C * size and not swap:
        memcpy(out, source, n * C * size)
    elif size == 1:
        gather_bits(source, n, step, C, cstep, swap, <uint8_t*> out)
    elif size == 2:
        gather_bits(source, n, step, C, cstep, swap, <uint16_t*> out)
    elif size == 4:
        gather_bits(source, n, step, C, cstep, swap, <uint32_t*> out)
    else:
        gather_bits(source, n, step, C, cstep, swap, <uint64_t*> out)


cdef inline void half_to_float(const uint16_t* a, float* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef uint32_t h, m, e, u
    cdef float tiny
    for i in range(n):
        h = a[i]
        m = h & 0x3FF
        e = (h >> 10) & 31
        tiny = <float> <int32_t> m * <float> 5.960464477539063e-08  # 2**-24: subnormal halves
        u = ((e + 112) << 23) | (m << 13)
        u = (u | 0x7F800000) if e == 31 else u
        u = float_bits(tiny) if e == 0 else u
        out[i] = float_of(u | ((h & 0x8000) << 16))


cdef inline void replace_nan(const real* a, real value, real* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = a[i] if a[i] == a[i] else value


cdef inline void replace_nan_any(int code, const void* a, const void* value, void* out, Py_ssize_t n) noexcept nogil:
    if code == F32:
        replace_nan(<const float*> a, (<const float*> value)[0], <float*> out, n)
    else:
        replace_nan(<const double*> a, (<const double*> value)[0], <double*> out, n)


cdef inline void share_nan(sample* a, Py_ssize_t n) noexcept nogil:
    """A NaN in one of two neighbours makes both NaN."""
    cdef Py_ssize_t i
    for i in range(n // 2):
        if a[2 * i] != a[2 * i] or a[2 * i + 1] != a[2 * i + 1]:
            a[2 * i] = a[2 * i + 1] = <sample> float_of(0x7FC00000)


cdef inline void replace_masked(bits* a, bits value, const uint8_t* mask, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        a[i] = a[i] if mask[i] else value


cdef inline void replace_masked_any(int size, void* a, const void* value, const uint8_t* mask,
                                    Py_ssize_t n) noexcept nogil:
    if size == 1:
        replace_masked(<uint8_t*> a, (<const uint8_t*> value)[0], mask, n)
    elif size == 2:
        replace_masked(<uint16_t*> a, (<const uint16_t*> value)[0], mask, n)
    elif size == 4:
        replace_masked(<uint32_t*> a, (<const uint32_t*> value)[0], mask, n)
    else:
        replace_masked(<uint64_t*> a, (<const uint64_t*> value)[0], mask, n)


cdef inline void convert_row(int conversion, const sample* a, void* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if conversion == NONZERO:
        for i in range(n):
            (<uint8_t*> out)[i] = a[i] != 0
    elif conversion == VALID:
        for i in range(n):
            (<uint8_t*> out)[i] = a[i] == a[i]
    elif conversion == ISNAN:
        for i in range(n):
            (<uint8_t*> out)[i] = a[i] != a[i]
    elif conversion == DOUBLE:
        for i in range(n):
            (<double*> out)[i] = <double> a[i]
    elif sample is not float and sample is not double:
        if conversion == LOW:
            for i in range(n):
                (<uint32_t*> out)[i] = <uint32_t> a[i]
        elif conversion == WIDE:
            for i in range(n):
                (<uint64_t*> out)[i] = <uint64_t> a[i]
        elif sample is uint64_t or sample is int64_t:
            for i in range(n):  # HIGH; signed samples keep their sign
                (<uint32_t*> out)[i] = <uint32_t> (a[i] >> 32)


cdef inline void convert(int conversion, int code, const void* a, void* out, Py_ssize_t n) noexcept nogil:
    if code == U8:
        convert_row(conversion, <const uint8_t*> a, out, n)
    elif code == I8:
        convert_row(conversion, <const int8_t*> a, out, n)
    elif code == U16:
        convert_row(conversion, <const uint16_t*> a, out, n)
    elif code == I16:
        convert_row(conversion, <const int16_t*> a, out, n)
    elif code == U32:
        convert_row(conversion, <const uint32_t*> a, out, n)
    elif code == I32:
        convert_row(conversion, <const int32_t*> a, out, n)
    elif code == U64:
        convert_row(conversion, <const uint64_t*> a, out, n)
    elif code == I64:
        convert_row(conversion, <const int64_t*> a, out, n)
    elif code == F32:
        convert_row(conversion, <const float*> a, out, n)
    else:
        convert_row(conversion, <const double*> a, out, n)


cdef inline void transform(int how, double* a, double value, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if how == ABS:
        for i in range(n):
            a[i] = fabs(a[i])
    elif how == SQUARE:
        for i in range(n):
            a[i] = a[i] * a[i]
    else:
        for i in range(n):  # CLAMP; a NaN stays
            a[i] = value if a[i] < value else a[i]
