# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Modes: the most frequent cells, of sorted columns or of rows as they are."""
from libc.string cimport memcmp, memcpy, memset

from .slots cimport *

cdef enum:
    ALIKE = 64  # outputs of which rows are compared at a time


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


cdef inline bint alike(const sample* a, const sample* b, Py_ssize_t n) noexcept nogil:
    """Two rows hold the same bits."""
    return memcmp(a, b, n * sizeof(sample)) == 0


cdef inline void prefer(sample v, counts k, sample* best, counts* most) noexcept nogil:
    """v, which k others are equal to, if those are more than the best value's so far, or as many and v is less."""
    cdef bint better = (k == most[0]) & (v < best[0])
    better = better | (k > most[0])
    best[0] = v if better else best[0]
    most[0] = k if k > most[0] else most[0]


cdef inline void modes_of_8(const sample* a, const sample* b, const sample* c, const sample* d, Py_ssize_t n,
                            counts* kind, sample* out) noexcept nogil:
    """Windows of two cells of four rows.  Each cell is compared with those behind it (of equal cells the first
    counts all), straight from memory and in registers; `counts` is as wide as `sample`."""
    cdef Py_ssize_t i
    cdef sample v0, v1, v2, v3, v4, v5, v6, v7
    cdef counts k0, k1, k2, k3, k4, k5, k6
    for i in range(n):
        v0, v1, v2, v3, v4, v5, v6, v7 = (a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1],
                                          c[2 * i], c[2 * i + 1], d[2 * i], d[2 * i + 1])
        k0 = (<counts> (v0 == v1) + <counts> (v0 == v2) + <counts> (v0 == v3) + <counts> (v0 == v4)
              + <counts> (v0 == v5) + <counts> (v0 == v6) + <counts> (v0 == v7))
        k1 = (<counts> (v1 == v2) + <counts> (v1 == v3) + <counts> (v1 == v4)
              + <counts> (v1 == v5) + <counts> (v1 == v6) + <counts> (v1 == v7))
        k2 = <counts> (v2 == v3) + <counts> (v2 == v4) + <counts> (v2 == v5) + <counts> (v2 == v6) + <counts> (v2 == v7)
        k3 = <counts> (v3 == v4) + <counts> (v3 == v5) + <counts> (v3 == v6) + <counts> (v3 == v7)
        k4 = <counts> (v4 == v5) + <counts> (v4 == v6) + <counts> (v4 == v7)
        k5 = <counts> (v5 == v6) + <counts> (v5 == v7)
        k6 = <counts> (v6 == v7)
        prefer(v1, k1, &v0, &k0)
        prefer(v2, k2, &v0, &k0)
        prefer(v3, k3, &v0, &k0)
        prefer(v4, k4, &v0, &k0)
        prefer(v5, k5, &v0, &k0)
        prefer(v6, k6, &v0, &k0)
        prefer(v7, <counts> 0, &v0, &k0)
        out[i] = v0


cdef inline void modes_of_4(const sample* a, const sample* b, Py_ssize_t n, counts* kind, sample* out) noexcept nogil:
    """Of two rows, in the same way."""
    cdef Py_ssize_t i
    cdef sample v0, v1, v2, v3
    cdef counts k0, k1, k2
    for i in range(n):
        v0, v1, v2, v3 = a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1]
        k0 = <counts> (v0 == v1) + <counts> (v0 == v2) + <counts> (v0 == v3)
        k1 = <counts> (v1 == v2) + <counts> (v1 == v3)
        k2 = <counts> (v2 == v3)
        prefer(v1, k1, &v0, &k0)
        prefer(v2, k2, &v0, &k0)
        prefer(v3, <counts> 0, &v0, &k0)
        out[i] = v0


cdef inline void modes_of_pairs(const sample** rows, Py_ssize_t taps, Py_ssize_t n, counts* kind,
                                sample* out) noexcept nogil:
    """Windows of two cells of two or four rows: the least of the most frequent.  Where labels are large, rows above
    each other mostly hold the same: then one of them stands for both, and of two cells the least is the mode."""
    cdef Py_ssize_t i, j, m
    cdef const sample* a
    cdef const sample* b
    cdef const sample* c
    cdef const sample* d
    i = 0
    while i < n:
        m = min(ALIKE, n - i)
        a, b = rows[0] + 2 * i, rows[1] + 2 * i
        if taps == 4:
            c, d = rows[2] + 2 * i, rows[3] + 2 * i
            if alike(a, b, 2 * m) and alike(c, d, 2 * m):
                b = c
            elif not (alike(a, c, 2 * m) and alike(b, d, 2 * m)):
                modes_of_8(a, b, c, d, m, kind, out + i)
                i += ALIKE
                continue
        if alike(a, b, 2 * m):
            for j in range(m):
                out[i + j] = a[2 * j] if a[2 * j] < a[2 * j + 1] else a[2 * j + 1]
        else:
            modes_of_4(a, b, m, kind, out + i)
        i += ALIKE


cdef inline void modes_of_pairs_any(int code, const void** rows, Py_ssize_t taps, Py_ssize_t n,
                                    void* out) noexcept nogil:
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
