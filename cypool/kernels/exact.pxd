# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Integer means, exactly: sums of up to 128 bits, divided and rounded once."""
from libc.math cimport ldexp

from .rows cimport *

cdef enum:  # roundings of integer results, in the order of cypool.reducers.ROUNDINGS
    HALF_EVEN, HALF_UP, FLOOR

cdef struct Counts:
    bint uniform           # the same number of cells in every window of the row
    int64_t n              # if uniform
    const int64_t* row     # else
    const int64_t* pads    # padded cells among them
    const double* inverse  # 1 / row, or NULL

cdef struct Formula:
    int code
    int rounding
    bint saturate      # integers too large for the output become its nearest value
    double p           # exponent (lp, gem), alpha (logsumexp)
    int64_t ddof       # for var and std
    int64_t divisor    # for mean; 0: the number of cells
    bint mean          # logsumexp: divided by the number of cells
    uint64_t late      # value of padded cells whose sum needs 128 bits, or 0


cdef inline uint64_t divide_wide(int64_t high, uint64_t low, int64_t n, int64_t* top, uint64_t* rest) noexcept nogil:
    """floor((high * 2**64 + low) / n) for 0 < n < 2**62: its low word; top: its high word."""
    cdef uint64_t r, q = 0, d = <uint64_t> n
    cdef int _
    r = <uint64_t> (((high % n) + n) % n)
    top[0] = (high - <int64_t> r) // n
    for _ in range(64):  # long division, a bit at a time
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
