# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Modes and draws: cells picked by how often, or by how large, they are."""
from libc.string cimport memcpy, memset

from .slots cimport *


cdef inline void modes(const sample* x, const sample* unsorted, Columns* c, const Select* how, bits* run,
                       bits* most, sample* out) noexcept nogil:
    """The longest runs in sorted columns."""
    cdef Py_ssize_t t, u, i, n = c.n, slots = how.slots
    cdef const sample* a
    cdef const sample* b
    cdef sample ignored
    cdef int32_t seen
    cdef bint valid
    memcpy(&ignored, &how.ignored, sizeof(sample))
    if sizeof(bits) == sizeof(sample):
        memcpy(out, x, n * sizeof(sample))
        memset(run, 0, n * sizeof(bits))
        memset(most, 0, n * sizeof(bits))
        for t in range(slots):
            a = x + t * n
            b = x + (t - 1 if t > 0 else 0) * n
            if c.valid == NULL and not how.ignoring and how.ties != GREATEST:
                for i in range(n):
                    run[i] = <bits> (run[i] + 1) if a[i] == b[i] else <bits> 1
                    out[i] = a[i] if run[i] > most[i] else out[i]
                    most[i] = run[i] if run[i] > most[i] else most[i]
            else:
                for i in range(n):
                    valid = t < c.count[i] and not (how.ignoring and a[i] == ignored)
                    run[i] = 0 if not valid else <bits> (run[i] + 1) if a[i] == b[i] else <bits> 1
                    if valid and (run[i] > most[i] or (how.ties == GREATEST and run[i] == most[i])):
                        out[i] = a[i]
                        most[i] = run[i]
        if how.ties == EARLIEST:  # of all values that are as frequent, the one met first
            for i in range(n):
                for t in range(slots if most[i] > 0 else 0):
                    a = unsorted + t * n + i
                    if (c.valid != NULL and not c.valid[t * n + i]) or (how.ignoring and a[0] == ignored):
                        continue
                    seen = 0
                    for u in range(c.count[i]):
                        seen += x[u * n + i] == a[0]
                    if seen == most[i]:
                        out[i] = a[0]
                        break


ctypedef fused counts:
    int8_t
    int16_t
    int32_t
    int64_t


cdef inline void modes_of_pairs(const sample** rows, Py_ssize_t taps, Py_ssize_t n, counts* kind,
                                sample* out) noexcept nogil:
    """Windows of two cells of two or four rows: the least of the most frequent of 4 or 8 cells.  Each is compared
    with those behind it (of equal cells the first counts all), straight from memory and in registers; `counts`
    is as wide as `sample`."""
    cdef Py_ssize_t i
    cdef const sample* a = rows[0]
    cdef const sample* b = rows[1]
    cdef const sample* c
    cdef const sample* d
    cdef sample v0, v1, v2, v3, v4, v5, v6, v7
    cdef counts k0, k1, k2, k3, k4, k5, k6
    cdef bint better
    if taps == 4:
        c, d = rows[2], rows[3]
        for i in range(n):
            v0, v1, v2, v3, v4, v5, v6, v7 = a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1], c[2 * i], c[2 * i + 1], d[2 * i], d[2 * i + 1]
            k0 = <counts> (v0 == v1) + <counts> (v0 == v2) + <counts> (v0 == v3) + <counts> (v0 == v4) + <counts> (v0 == v5) + <counts> (v0 == v6) + <counts> (v0 == v7)
            k1 = <counts> (v1 == v2) + <counts> (v1 == v3) + <counts> (v1 == v4) + <counts> (v1 == v5) + <counts> (v1 == v6) + <counts> (v1 == v7)
            k2 = <counts> (v2 == v3) + <counts> (v2 == v4) + <counts> (v2 == v5) + <counts> (v2 == v6) + <counts> (v2 == v7)
            k3 = <counts> (v3 == v4) + <counts> (v3 == v5) + <counts> (v3 == v6) + <counts> (v3 == v7)
            k4 = <counts> (v4 == v5) + <counts> (v4 == v6) + <counts> (v4 == v7)
            k5 = <counts> (v5 == v6) + <counts> (v5 == v7)
            k6 = <counts> (v6 == v7)
            better = (k1 == k0) & (v1 < v0)
            better = better | (k1 > k0)
            v0 = v1 if better else v0
            k0 = k1 if k1 > k0 else k0
            better = (k2 == k0) & (v2 < v0)
            better = better | (k2 > k0)
            v0 = v2 if better else v0
            k0 = k2 if k2 > k0 else k0
            better = (k3 == k0) & (v3 < v0)
            better = better | (k3 > k0)
            v0 = v3 if better else v0
            k0 = k3 if k3 > k0 else k0
            better = (k4 == k0) & (v4 < v0)
            better = better | (k4 > k0)
            v0 = v4 if better else v0
            k0 = k4 if k4 > k0 else k0
            better = (k5 == k0) & (v5 < v0)
            better = better | (k5 > k0)
            v0 = v5 if better else v0
            k0 = k5 if k5 > k0 else k0
            better = (k6 == k0) & (v6 < v0)
            better = better | (k6 > k0)
            v0 = v6 if better else v0
            k0 = k6 if k6 > k0 else k0
            better = (0 == k0) & (v7 < v0)
            better = better | (0 > k0)
            v0 = v7 if better else v0
            out[i] = v0
    else:
        for i in range(n):
            v0, v1, v2, v3 = a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1]
            k0 = <counts> (v0 == v1) + <counts> (v0 == v2) + <counts> (v0 == v3)
            k1 = <counts> (v1 == v2) + <counts> (v1 == v3)
            k2 = <counts> (v2 == v3)
            better = (k1 == k0) & (v1 < v0)
            better = better | (k1 > k0)
            v0 = v1 if better else v0
            k0 = k1 if k1 > k0 else k0
            better = (k2 == k0) & (v2 < v0)
            better = better | (k2 > k0)
            v0 = v2 if better else v0
            k0 = k2 if k2 > k0 else k0
            better = (0 == k0) & (v3 < v0)
            better = better | (0 > k0)
            v0 = v3 if better else v0
            out[i] = v0


cdef inline void modes_of_pairs_any(int code, const void** rows, Py_ssize_t taps, Py_ssize_t n, void* out) noexcept nogil:
    """Integers: in floats a NaN is to be found first."""
    if code == U8:
        modes_of_pairs(<const uint8_t**> rows, taps, n, <int8_t*> NULL, <uint8_t*> out)
    elif code == I8:
        modes_of_pairs(<const int8_t**> rows, taps, n, <int8_t*> NULL, <int8_t*> out)
    elif code == U16:
        modes_of_pairs(<const uint16_t**> rows, taps, n, <int16_t*> NULL, <uint16_t*> out)
    elif code == I16:
        modes_of_pairs(<const int16_t**> rows, taps, n, <int16_t*> NULL, <int16_t*> out)
    elif code == U32:
        modes_of_pairs(<const uint32_t**> rows, taps, n, <int32_t*> NULL, <uint32_t*> out)
    elif code == I32:
        modes_of_pairs(<const int32_t**> rows, taps, n, <int32_t*> NULL, <int32_t*> out)
    elif code == U64:
        modes_of_pairs(<const uint64_t**> rows, taps, n, <int64_t*> NULL, <uint64_t*> out)
    else:
        modes_of_pairs(<const int64_t**> rows, taps, n, <int64_t*> NULL, <int64_t*> out)


cdef inline double chance(uint64_t key, uint64_t position) noexcept nogil:
    """A number in 0 <= u < 1 for each (key, position): two rounds of a 64-bit mixing function
    (splitmix64: Steele, Lea and Flood 2014)."""
    cdef uint64_t z = key + position * <uint64_t> 0x9E3779B97F4A7C15
    cdef int i
    for i in range(2):
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
