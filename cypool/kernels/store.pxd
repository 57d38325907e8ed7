# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Store: a row of one type as a row of another, rounded, wrapped or saturated."""
from libc.math cimport fabs
from libc.string cimport memcpy

from .rows cimport *

cdef enum:  # further codes of outputs, after the sample types
    F16 = 10
    BOOL = 11


cdef inline uint16_t half_of(double x) noexcept nogil:
    """The nearest half, ties to even; too large: infinity."""
    cdef uint64_t u = bits_of(x), sign = (u >> 48) & 0x8000
    cdef double a = fabs(x)
    if not a <= 1.7976931348623157e308:
        return <uint16_t> (sign | (0x7C00 if a > 0 else 0x7E00))
    if a >= 65520.0:
        return <uint16_t> (sign | 0x7C00)
    if a < 6.103515625e-05:  # below 2**-14: multiples of 2**-24, rounded by the addition
        return <uint16_t> (sign | (bits_of(a + 268435456.0) - bits_of(268435456.0)))
    u = bits_of(a)
    u += (<uint64_t> 1 << 41) - 1 + ((u >> 42) & 1)
    return <uint16_t> (sign | ((u >> 42) - (1008 << 10)))


cdef inline void store_doubles(const double* a, int code, void* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if code == F64:
        if out != a:
            memcpy(out, a, n * sizeof(double))
    elif code == F32:
        for i in range(n):
            (<float*> out)[i] = <float> a[i]
    elif code == F16:
        for i in range(n):
            (<uint16_t*> out)[i] = half_of(a[i])
    else:
        for i in range(n):
            (<uint8_t*> out)[i] = a[i] != 0


cdef inline void widen(const sample* a, void* out, bint floating, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if floating:
        for i in range(n):
            (<double*> out)[i] = <double> a[i]
    elif sample is not float and sample is not double:
        for i in range(n):
            (<uint64_t*> out)[i] = <uint64_t> a[i]


cdef inline void widen_any(int code, const void* a, void* out, bint floating, Py_ssize_t n) noexcept nogil:
    if code == U8:
        widen(<const uint8_t*> a, out, floating, n)
    elif code == I8:
        widen(<const int8_t*> a, out, floating, n)
    elif code == U16:
        widen(<const uint16_t*> a, out, floating, n)
    elif code == I16:
        widen(<const int16_t*> a, out, floating, n)
    elif code == U32:
        widen(<const uint32_t*> a, out, floating, n)
    elif code == I32:
        widen(<const int32_t*> a, out, floating, n)
    elif code == U64:
        widen(<const uint64_t*> a, out, floating, n)
    elif code == I64:
        widen(<const int64_t*> a, out, floating, n)
    elif code == F32:
        widen(<const float*> a, out, floating, n)
    else:
        widen(<const double*> a, out, floating, n)


cdef inline void clip(uint64_t* a, bint signed, int64_t low, uint64_t high, Py_ssize_t n) noexcept nogil:
    """64-bit integers (signed or not) into low .. high."""
    cdef Py_ssize_t i
    for i in range(n):
        if signed and <int64_t> a[i] < 0:
            if <int64_t> a[i] < low:
                a[i] = <uint64_t> low
        elif a[i] > high:
            a[i] = high


cdef inline void narrow(const uint64_t* a, bits* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = <bits> a[i]


cdef inline bint is_signed(int code) noexcept nogil:
    return code < F32 and code & 1


cdef inline void store_integers(uint64_t* a, bint signed, int code, bint saturate, void* out,
                                Py_ssize_t n) noexcept nogil:
    """64-bit integers to an integer type: the nearest value, or wrapped as NumPy wraps."""
    cdef int width = 8 << (code >> 1)
    if saturate:
        if is_signed(code):
            clip(a, signed, -(<int64_t> 1 << (width - 2)) * 2, (<uint64_t> 1 << (width - 1)) - 1, n)
        else:
            clip(a, signed, 0, (<uint64_t> -1) >> (64 - width), n)
    if width == 8:
        narrow(a, <uint8_t*> out, n)
    elif width == 16:
        narrow(a, <uint16_t*> out, n)
    elif width == 32:
        narrow(a, <uint32_t*> out, n)
    elif out != a:
        memcpy(out, a, n * 8)


cdef inline void store(int have, int want, bint saturate, const void* a, void* wide, void* out,
                       Py_ssize_t n) noexcept nogil:
    """n values of type `have` as type `want`; wide: room for n values of 8 bytes."""
    cdef Py_ssize_t i
    cdef int width = 0 if have >= F32 else 1 << (have >> 1)
    if have == want or (want == BOOL and have == U8):
        memcpy(out, a, n * (4 if have == F32 else 8 if have == F64 else width))
        if want == BOOL:
            for i in range(n):
                (<uint8_t*> out)[i] = (<uint8_t*> out)[i] != 0
    elif want >= F32:
        if have == F64:
            store_doubles(<const double*> a, want, out, n)
        elif want == F32 and have == U64:  # by way of doubles they would be rounded twice
            for i in range(n):
                (<float*> out)[i] = <float> (<const uint64_t*> a)[i]
        elif want == F32 and have == I64:
            for i in range(n):
                (<float*> out)[i] = <float> (<const int64_t*> a)[i]
        else:
            widen_any(have, a, wide, True, n)
            store_doubles(<const double*> wide, want, out, n)
    else:
        widen_any(have, a, wide, False, n)
        store_integers(<uint64_t*> wide, is_signed(have), want, saturate, out, n)
