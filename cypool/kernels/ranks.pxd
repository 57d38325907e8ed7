# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Ranks: the largest and smallest cells of columns, sorted columns, quantiles."""
from libc.math cimport fabs, floor
from libc.string cimport memcpy, memset

from .slots cimport *


cdef inline sample top_of(const sample* kind) noexcept nogil:
    """A value that no other comes behind."""
    if sample is float or sample is double:
        return <sample> float_of(0x7F800000)
    elif sample is uint8_t or sample is uint16_t or sample is uint32_t or sample is uint64_t:
        return <sample> -1
    else:
        return <sample> ((<uint64_t> 1 << (8 * sizeof(sample) - 1)) - 1)


cdef inline void sort_slots(sample* x, const uint16_t* pairs, Py_ssize_t m, Py_ssize_t n) noexcept nogil:
    """Each pair of slots in order; every column the same way."""
    cdef Py_ssize_t j, i
    cdef sample* a
    cdef sample* b
    cdef sample u, v
    for j in range(m):
        a = x + pairs[2 * j] * n
        b = x + pairs[2 * j + 1] * n
        for i in range(n):
            u = a[i]
            v = b[i]
            a[i] = u if u < v else v
            b[i] = v if u < v else u


cdef inline void hide_invalid(sample* x, Columns* c, Py_ssize_t slots, sample value) noexcept nogil:
    """Cells that take no part become `value`."""
    cdef Py_ssize_t j
    for j in range(slots * c.n if c.valid != NULL else 0):
        x[j] = x[j] if c.valid[j] else value


cdef inline sample bottom_of(const sample* kind) noexcept nogil:
    """A value that no other comes before."""
    if sample is float or sample is double:
        return <sample> -float_of(0x7F800000)
    else:
        return <sample> (-1 - <int64_t> top_of(kind)) if <sample> -1 < <sample> 0 else 0


cdef inline void best_slots(sample* x, Columns* c, Py_ssize_t slots, bint largest, sample* out) noexcept nogil:
    """The largest (smallest) cell of each column and its first slot."""
    cdef Py_ssize_t t, i, n = c.n
    cdef const sample* a
    cdef int32_t* at = c.at
    hide_invalid(x, c, slots, bottom_of(x) if largest else top_of(x))
    memcpy(out, x, n * sizeof(sample))
    memset(at, 0, n * 4)
    for t in range(1, slots):
        a = x + t * n
        if largest:
            for i in range(n):
                at[i] = <int32_t> t if a[i] > out[i] else at[i]
                out[i] = a[i] if a[i] > out[i] else out[i]
        else:
            for i in range(n):
                at[i] = <int32_t> t if a[i] < out[i] else at[i]
                out[i] = a[i] if a[i] < out[i] else out[i]
    for i in range(n if c.valid != NULL else 0):
        if not c.valid[at[i] * n + i]:  # hidden cells came first, and no cell is beyond them
            at[i] = -1
            for t in range(slots - 1, -1, -1):
                if c.valid[t * n + i] and x[t * n + i] == out[i]:
                    at[i] = <int32_t> t


cdef inline void ranks_of(const Select* how, Py_ssize_t count, Py_ssize_t* low, Py_ssize_t* high,
                          double* part) noexcept nogil:
    """The sorted cells on both sides of a quantile of `count` cells, and how far it is from the lower."""
    cdef double place = how.q * <double> (count - 1)
    low[0] = <Py_ssize_t> floor(place)
    low[0] = min(max(low[0], 0), count - 1)
    part[0] = place - <double> low[0]
    high[0] = min(low[0] + 1, count - 1)
    if how.interpolation == LOWER:
        part[0] = 0
    elif how.interpolation == HIGHER:
        part[0] = 1 if part[0] > 0 else 0
    elif how.interpolation == MIDPOINT:
        part[0] = 0.5 if part[0] > 0 else 0
    elif how.interpolation == NEAREST:
        part[0] = 1 if part[0] > 0.5 or (part[0] == 0.5 and low[0] & 1) else 0


cdef inline double center(double a, double b) noexcept nogil:
    """(a + b) / 2, rounded once; a sum of large numbers overflows, and then their halves are exact."""
    cdef double total = a + b
    return total * 0.5 if fabs(total) <= 1.7976931348623157e308 else a * 0.5 + b * 0.5


cdef inline double between(sample a, sample b, double part) noexcept nogil:
    """a + (b - a) * part for a <= b, rounded once; an infinity on one side wins."""
    if a == b or part == 0:
        return <double> a
    if sample is double and part == 0.5:
        return center(a, b)
    if sample is double or sample is float:
        if not (a >= -1.7976931348623157e308 and b <= 1.7976931348623157e308):
            return <double> a + <double> b
    return <double> (a + (<long double> b - a) * part)


cdef inline void interpolate(const sample* a, const sample* b, double part, Py_ssize_t n, double* out) noexcept nogil:
    """Between two rows of samples, a <= b."""
    cdef Py_ssize_t i
    if part == 0.5 and (sample is double or sizeof(sample) < 8):  # exact, and it vectorises
        for i in range(n):
            out[i] = center(a[i], b[i]) if sample is double else (<double> a[i] + <double> b[i]) * 0.5
    else:
        for i in range(n):
            out[i] = between(a[i], b[i], part)


cdef inline uint64_t rounded(const sample* a, const sample* b, double part, int rounding) noexcept nogil:
    """a + (b - a) * part as an integer, a <= b."""
    cdef uint64_t distance = <uint64_t> b[0] - <uint64_t> a[0], whole
    cdef long double t = <long double> distance * part
    whole = <uint64_t> t
    t -= whole
    if t > 0.5 and rounding != DOWN:
        whole += 1
    elif t == 0.5 and rounding == UP:
        whole += 1
    elif t == 0.5 and rounding == EVEN:
        whole += (<uint64_t> a[0] + whole) & 1
    return <uint64_t> a[0] + whole


cdef inline void middle(const sample* a, const sample* b, int rounding, sample* out, Py_ssize_t n) noexcept nogil:
    """The integer between a and b: bits in common, and half of the others."""
    cdef Py_ssize_t i
    cdef sample low, half
    if sample is not float and sample is not double:
        for i in range(n):
            half = a[i] ^ b[i]
            low = <sample> ((a[i] & b[i]) + (half >> 1))
            if rounding == EVEN:
                half = half & low
            out[i] = <sample> (low + (half & 1)) if rounding != DOWN else low


cdef inline void quantiles(const sample* x, Columns* c, const Select* how, int want, int have,
                           void* out) noexcept nogil:
    """Quantiles of sorted columns: samples, doubles, or 64-bit integers."""
    cdef Py_ssize_t i, low = 0, high = 0, n = c.n
    cdef double part = 0
    cdef const sample* a
    cdef const sample* b
    if c.valid == NULL:
        ranks_of(how, how.slots, &low, &high, &part)
        c.between = c.between or (how.indexed and part > 0 and part < 1)
        if want == have and (part == 0 or part == 1):
            memcpy(out, x + (high if part == 1 else low) * n, n * sizeof(sample))
            return
        if want == F64:
            interpolate(x + low * n, x + high * n, part, n, <double*> out)
            return
        if want == have and part == 0.5:
            middle(x + low * n, x + high * n, how.rounding, <sample*> out, n)
            return
    for i in range(n):
        if c.valid != NULL:
            if c.count[i] == 0:
                memset(<char*> out + i * (8 if want != have else <int> sizeof(sample)), 0,
                       8 if want != have else sizeof(sample))
                continue
            ranks_of(how, c.count[i], &low, &high, &part)
            c.between = c.between or (how.indexed and part > 0 and part < 1)
        a = x + low * n + i
        b = x + high * n + i
        if want == F64 and want != have:
            (<double*> out)[i] = between(a[0], b[0], part)
        elif part == 0 or part == 1:
            if want == have:
                (<sample*> out)[i] = b[0] if part == 1 else a[0]
            elif sample is not float and sample is not double:
                (<uint64_t*> out)[i] = <uint64_t> (b[0] if part == 1 else a[0])
        elif sample is float or sample is double:
            (<double*> out)[i] = between(a[0], b[0], part)
        elif want == have:
            (<sample*> out)[i] = <sample> rounded(a, b, part, how.rounding)
        else:
            (<uint64_t*> out)[i] = rounded(a, b, part, how.rounding)
