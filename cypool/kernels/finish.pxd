# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Finish: the reduced rows become a row of results, and results become samples of the output.

Integers are exact: a mean is the float64 nearest the exact rational, or that rational rounded.
"""
from libc.math cimport cbrt, fabs, floor, ldexp, log, pow, sqrt
from libc.string cimport memcpy

from .rows cimport *

cdef enum:  # further codes of outputs, after the sample types
    F16 = 10
    BOOL = 11

cdef enum:  # formulas, in the order of cypool.engine.FORMULAS
    TAKE, MEAN, MEAN_WIDE, RATIO, VARIANCE, DEVIATION, ROOT, NORM, POWER_MEAN, LOG_SUM, SOFT, RANGE, COUNT

cdef enum:  # roundings of integer results, in the order of cypool.engine.ROUNDINGS
    HALF_EVEN, HALF_UP, FLOOR

cdef struct Counts:
    bint uniform        # the same number of cells in every window of the row
    int64_t n           # if uniform
    const int64_t* row  # else
    const int64_t* pads # padded cells among them

cdef struct Formula:
    int code
    int rounding
    bint saturate      # integers too large for the output become its nearest value
    double p           # exponent (lp, gem), alpha (logsumexp)
    int64_t ddof       # for var and std
    int64_t divisor    # for mean; 0: the number of cells
    bint mean          # logsumexp: divided by the number of cells
    uint64_t late      # value of padded cells whose sum needs 128 bits, or 0


# ---- integers, exactly ------------------------------------------------------------------------

cdef inline uint64_t divide_wide(int64_t high, uint64_t low, int64_t n, int64_t* top, uint64_t* rest) noexcept nogil:
    """floor((high * 2**64 + low) / n) for 0 < n < 2**62: its low word; top: its high word."""
    cdef uint64_t r, q = 0, d = <uint64_t> n
    cdef int i
    r = <uint64_t> (((high % n) + n) % n)
    top[0] = (high - <int64_t> r) // n
    for i in range(64):  # long division, a bit at a time
        r = (r << 1) | (low >> 63)
        low <<= 1
        q <<= 1
        if r >= d:
            r -= d
            q |= 1
    rest[0] = r
    return q


cdef inline double exact_mean(int64_t high, uint64_t low, int64_t n) noexcept nogil:
    """The double nearest (high * 2**64 + low) / n, ties to even."""
    cdef bint negative = high < 0
    cdef uint64_t q, rest
    cdef int64_t top
    cdef int shift = 0
    cdef double y
    if negative:  # the magnitude
        low = ~low + 1
        high = ~high + (low == 0)
    if high == 0 and low < (<uint64_t> 1 << 53) and n < (<int64_t> 1 << 53):
        y = <double> low / <double> n
        return -y if negative else y
    q = divide_wide(high, low, n, &top, &rest)
    if q == 0 and top == 0 and rest == 0:
        return 0.0
    while top > 0:  # more than 64 bits: the lowest only matter as "not exact"
        rest |= q & 1
        q = (q >> 1) | (<uint64_t> top << 63)
        top >>= 1
        shift -= 1
    while q < (<uint64_t> 1 << 63):  # fewer: further bits of the quotient
        q <<= 1
        if rest >= <uint64_t> n - rest:
            rest -= <uint64_t> n - rest
            q |= 1
        else:
            rest += rest
        shift += 1
    low = q & 0x7FF  # 64 bits, of which the last 11 and the rest decide the rounding
    q >>= 11
    if low > 0x400 or (low == 0x400 and (rest != 0 or q & 1)):
        q += 1
    return ldexp(-<double> q if negative else <double> q, 11 - shift)


cdef inline int64_t exact_round(int64_t high, uint64_t low, int64_t n, bint signed, int rounding) noexcept nogil:
    """(high * 2**64 + low) / n rounded to an integer; out of 64 bits: the nearest end."""
    cdef uint64_t rest, twin, q
    cdef int64_t top
    q = divide_wide(high, low, n, &top, &rest)
    twin = <uint64_t> n - rest
    if rounding != FLOOR and (rest > twin or (rest == twin and (rounding == HALF_UP or q & 1))):
        q += 1
        top += q == 0
    if signed:
        if top > 0 or (top == 0 and q >> 63):
            return 0x7FFFFFFFFFFFFFFF
        if top < -1 or (top == -1 and not q >> 63):
            return <int64_t> (<uint64_t> 1 << 63)
    elif top != 0:
        return -1  # 2**64 - 1
    return <int64_t> q


cdef inline void split_sum(const uint64_t* low, const uint64_t* high, bint signed, Py_ssize_t i,
                           int64_t* h, uint64_t* l) noexcept nogil:
    """Sum i as a 128-bit number: one word, or words of which `high` weighs 2**32."""
    cdef uint64_t part
    if high == NULL:
        l[0] = low[i]
        h[0] = -1 if signed and <int64_t> low[i] < 0 else 0
    else:
        part = high[i] << 32
        l[0] = part + low[i]
        h[0] = (<int64_t> high[i] >> 32) if signed else <int64_t> (high[i] >> 32)
        h[0] += l[0] < part


cdef inline void add_product(uint64_t value, bint signed, uint64_t times, int64_t* h, uint64_t* l) noexcept nogil:
    """The 128-bit number h, l plus value * times, by halves."""
    cdef uint64_t half = 0xFFFFFFFF, low = value * times
    cdef uint64_t a = value & half, b = value >> 32, c = times & half, d = times >> 32
    cdef uint64_t middle = (a * c >> 32) + (b * c & half) + (a * d & half)
    h[0] += <int64_t> (b * d + (b * c >> 32) + (a * d >> 32) + (middle >> 32))
    if signed and value >> 63:
        h[0] -= <int64_t> times
    l[0] += low
    h[0] += l[0] < low


cdef inline void total_of(const uint64_t* low, const uint64_t* high, bint signed, const Counts* counts,
                          const Formula* f, Py_ssize_t i, int64_t* h, uint64_t* l, int64_t* count) noexcept nogil:
    """Sum and divisor i."""
    count[0] = f.divisor if f.divisor else counts.n if counts.uniform else counts.row[i]
    split_sum(low, high, signed, i, h, l)
    if f.late and not counts.uniform:
        add_product(f.late, signed, <uint64_t> counts.pads[i], h, l)


cdef inline void mean_of_integers(const uint64_t* low, const uint64_t* high, bint signed,
                                  const Counts* counts, const Formula* f, double* out,
                                  Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef int64_t h, count
    cdef uint64_t l
    for i in range(n):
        total_of(low, high, signed, counts, f, i, &h, &l, &count)
        out[i] = exact_mean(h, l, count) if count > 0 else 0.0


cdef inline void round_integers(const uint64_t* low, const uint64_t* high, bint signed,
                                const Counts* counts, const Formula* f, int64_t* out,
                                Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef int64_t h, count
    cdef uint64_t l
    for i in range(n):
        total_of(low, high, signed, counts, f, i, &h, &l, &count)
        out[i] = exact_round(h, l, count, signed, f.rounding) if count > 0 else 0


cdef inline total shifted(total x, int shift, uint32_t factor) noexcept nogil:
    """x >> shift.  C widens 16-bit operands before it shifts; the high half of a product stays narrow."""
    if total is uint16_t:
        return <total> ((<uint32_t> x * factor) >> 16)
    else:
        return x >> shift


cdef inline void round_shift(const total* sums, bits* out, int shift, int rounding, Py_ssize_t n) noexcept nogil:
    """Unsigned means over 2**shift cells, 1 <= shift <= 8 (16): no division, and it vectorises."""
    cdef Py_ssize_t i
    cdef uint32_t factor = <uint32_t> 1 << (16 - shift if shift < 16 else 0)
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


# ---- from one type to another ---------------------------------------------------------------

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
        else:
            widen_any(have, a, wide, True, n)
            store_doubles(<const double*> wide, want, out, n)
    else:
        widen_any(have, a, wide, False, n)
        store_integers(<uint64_t*> wide, is_signed(have), want, saturate, out, n)


# ---- formulas ---------------------------------------------------------------------------------

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
    else:
        for i in range(n):
            out[i] = a[i] / <double> counts.row[i]


cdef inline double cube_root(double x) noexcept nogil:
    """The C library's may be 4 ulp off; one step of Newton's method leaves less than 1."""
    cdef double y = cbrt(x)
    return y - (y * y * y - x) / (3 * y * y) if y > 0 else y


cdef inline void smooth(const Formula* f, const double* acc, const double* context, const double* other,
                        const Counts* counts, double* out, Py_ssize_t n) noexcept nogil:
    """The formulas of reducers that worked in double.  A context that is not finite (NaN, or an
    infinity as maximum) is the result."""
    cdef Py_ssize_t i
    cdef double x, m
    for i in range(n):
        m = context[i]
        if f.code == RATIO:
            x = acc[i] / other[i] if other[i] != 0 else float_of(0x7FC00000)
        elif f.code == VARIANCE or f.code == DEVIATION:
            x = acc[i] / (count_of(counts, i) - <double> f.ddof)
            x = sqrt(x) if f.code == DEVIATION else x
            x = x if fabs(m) <= 1.7976931348623157e308 else float_of(0x7FC00000)
        elif f.code == ROOT:
            x = sqrt(acc[i]) if f.p == 2 else acc[i]
        elif f.code == SOFT:
            x = other[i] / acc[i] if fabs(m) <= 1.7976931348623157e308 else m
        elif not fabs(m) <= 1.7976931348623157e308:
            x = m
        elif f.code == LOG_SUM:
            x = m + log(acc[i] / count_of(counts, i) if f.mean else acc[i]) / f.p
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


cdef inline void scale_to_float(const double* a, double scale, float* out, Py_ssize_t n) noexcept nogil:
    """Two steps in one loop, for the mean that everybody takes."""
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = <float> (a[i] * scale)


cdef inline void finish_mean(const Formula* f, int have, bint signed, int want, const void* low,
                             const void* high, const Counts* counts, void* wide, void* wide2,
                             void* out, Py_ssize_t n) noexcept nogil:
    """Sums to means; `high` is the second word of 64-bit sums, or NULL."""
    cdef int64_t d = f.divisor if f.divisor else counts.n
    cdef int shift = 0
    if have == F64 and want == F32 and (f.divisor or counts.uniform):
        scale_to_float(<const double*> low, 1 / <double> d, <float*> out, n)
    elif have == F64:
        divide(<const double*> low, counts, f.divisor, want == F64, <double*> wide, n)
        store_doubles(<const double*> wide, want, out, n)
    elif have != U64:
        # Sums below 2**32: a double holds sum, quotient and the distance from a tie.
        if want < F32 and not signed and (f.divisor or counts.uniform) and power_of_two(d) and d > 1:
            while (<int64_t> 1 << shift) < d:
                shift += 1
            if have == U16 and want == U8:
                round_shift(<const uint16_t*> low, <uint8_t*> out, shift, f.rounding, n)
                return
            if have == U32 and want == U16:
                round_shift(<const uint32_t*> low, <uint16_t*> out, shift, f.rounding, n)
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
