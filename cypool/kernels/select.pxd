# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Select: columns in, picked values and slots out (see slots.pxd)."""
from libc.string cimport memcpy, memset

from .draws cimport *
from .modes cimport *
from .large cimport large_modes, place_ranks
from .ranks cimport *
from .slots cimport *


cdef inline void space_out(const bits* a, bits* out, Py_ssize_t n, Py_ssize_t s, Py_ssize_t C) noexcept nogil:
    """Every s-th cell of C samples."""
    cdef Py_ssize_t i, c
    if s == 1:
        memcpy(out, a, n * C * sizeof(bits))
    elif C > 1 and C * <Py_ssize_t> sizeof(bits) <= 8:
        space_out_cells(<const char*> a, <char*> out, n, s * C * sizeof(bits), C * sizeof(bits))
    elif C > 1:
        for i in range(n):
            for c in range(C):
                out[i * C + c] = a[i * s * C + c]
    elif s == 2:
        for i in range(n):
            out[i] = a[2 * i]
    elif s == 3:
        for i in range(n):
            out[i] = a[3 * i]
    elif s == 4:
        for i in range(n):
            out[i] = a[4 * i]
    else:
        for i in range(n):
            out[i] = a[i * s]


cdef inline void take_apart(const bits* a, bits* even, bits* odd, Py_ssize_t n) noexcept nogil:
    """Neighbours to two rows."""
    cdef Py_ssize_t i
    for i in range(n):
        even[i] = a[2 * i]
        odd[i] = a[2 * i + 1]


cdef inline void take_apart_any(Py_ssize_t size, const char* a, char* even, char* odd, Py_ssize_t n) noexcept nogil:
    if size == 1:
        take_apart(<const uint8_t*> a, <uint8_t*> even, <uint8_t*> odd, n)
    elif size == 2:
        take_apart(<const uint16_t*> a, <uint16_t*> even, <uint16_t*> odd, n)
    elif size == 4:
        take_apart(<const uint32_t*> a, <uint32_t*> even, <uint32_t*> odd, n)
    else:
        take_apart(<const uint64_t*> a, <uint64_t*> even, <uint64_t*> odd, n)


cdef inline void space_out_any(Py_ssize_t size, const char* a, char* out, Py_ssize_t n, Py_ssize_t s,
                               Py_ssize_t C) noexcept nogil:
    if size == 1:
        space_out(<const uint8_t*> a, <uint8_t*> out, n, s, C)
    elif size == 2:
        space_out(<const uint16_t*> a, <uint16_t*> out, n, s, C)
    elif size == 4:
        space_out(<const uint32_t*> a, <uint32_t*> out, n, s, C)
    else:
        space_out(<const uint64_t*> a, <uint64_t*> out, n, s, C)


cdef inline void find_nan(const real* x, Columns* c, Py_ssize_t slots, bint omit) noexcept nogil:
    """NaN do not take part (omit), or the first of each window is noted."""
    cdef Py_ssize_t t, i, n = c.n
    cdef const real* a
    cdef int32_t* first = c.nan
    cdef bint found = omit
    for i in range(slots * n):
        found |= x[i] != x[i]
    if not found:
        return
    for t in range(slots - 1, -1, -1):
        a = x + t * n
        if omit:
            for i in range(n):
                c.valid[t * n + i] = c.valid[t * n + i] & (a[i] == a[i])
        elif c.valid != NULL:
            for i in range(n):
                if a[i] != a[i] and c.valid[t * n + i]:
                    first[i] = <int32_t> t
        else:
            for i in range(n):
                first[i] = <int32_t> t if a[i] != a[i] else first[i]


cdef inline void count_valid(Columns* c, Py_ssize_t slots) noexcept nogil:
    cdef Py_ssize_t t, i
    for i in range(c.n):
        c.count[i] = <int32_t> slots if c.valid == NULL else 0
    for t in range(slots if c.valid != NULL else 0):
        for i in range(c.n):
            c.count[i] += c.valid[t * c.n + i]


cdef inline void match_slots(const sample* x, const sample* value, Columns* c, Py_ssize_t slots) noexcept nogil:
    """The first slot that holds each value."""
    cdef Py_ssize_t t, i, n = c.n
    for t in range(slots - 1, -1, -1):
        if c.valid == NULL:
            for i in range(n):
                c.at[i] = <int32_t> t if x[t * n + i] == value[i] else c.at[i]
        else:
            for i in range(n):
                if c.valid[t * n + i] and x[t * n + i] == value[i]:
                    c.at[i] = <int32_t> t


cdef inline void rank_cells(sample* x, sample* unsorted, const Select* how, Columns* c, int want, int have,
                            bits* run, bits* most, bits* keys, bits* spare, void* out) noexcept nogil:
    """Quantiles and modes; `bits` is as wide as `sample`."""
    cdef Py_ssize_t slots = how.slots
    cdef bint full = c.valid == NULL
    if sizeof(bits) == sizeof(sample):
        if how.indexed or how.ties == EARLIEST:
            memcpy(unsorted, x, slots * c.n * sizeof(sample))
        if how.large and how.method == MODE:
            large_modes(x, c, how, keys, spare, <sample*> out)
        elif how.large:
            place_ranks(x, c, how, keys, spare)
        else:
            hide_invalid(x, c, slots, top_of(x))
            sort_slots(x, how.few if full else how.pairs, how.n_few if full else how.n_pairs, c.n)
            if how.method == MODE:
                modes(x, unsorted, c, how, run, most, <sample*> out)
        if how.method == QUANTILE:
            quantiles(x, c, how, want, have, out)
        if how.indexed:
            match_slots(unsorted, <const sample*> out, c, slots)


cdef inline void select(sample* x, const Select* how, Columns* c, bint omit, int want, int have,
                        char* keys, char* spare, char* run, char* most, void* out) noexcept nogil:
    """A tile: columns in, picked values and slots out."""
    cdef Py_ssize_t i, slots = how.slots, n = c.n
    cdef sample* unsorted = <sample*> c.unsorted
    cdef int32_t met = 0
    if sample is float or sample is double:
        memset(c.nan, 0xFF, n * 4)  # -1
        find_nan(x, c, slots, omit)
    if how.indexed or c.valid != NULL or how.method > QUANTILE:
        memset(c.at, 0xFF, n * 4)
        count_valid(c, slots)
    if how.method == LARGEST or how.method == SMALLEST:
        best_slots(x, c, slots, how.method == LARGEST, <sample*> out)
    elif how.method == STOCHASTIC:
        if c.valid != NULL:
            memset(out, 0, n * sizeof(sample))
        draw(x, c, how, <sample*> out)
    elif how.method == EXPECTED:
        expect(x, c, how, <double*> out)
    elif sizeof(sample) == 1:
        rank_cells(x, unsorted, how, c, want, have, <uint8_t*> run, <uint8_t*> most, <uint8_t*> keys,
                   <uint8_t*> spare, out)
    elif sizeof(sample) == 2:
        rank_cells(x, unsorted, how, c, want, have, <uint16_t*> run, <uint16_t*> most, <uint16_t*> keys,
                   <uint16_t*> spare, out)
    elif sizeof(sample) == 4:
        rank_cells(x, unsorted, how, c, want, have, <uint32_t*> run, <uint32_t*> most, <uint32_t*> keys,
                   <uint32_t*> spare, out)
    else:
        rank_cells(x, unsorted, how, c, want, have, <uint64_t*> run, <uint64_t*> most, <uint64_t*> keys,
                   <uint64_t*> spare, out)
    if sample is float or sample is double:
        for i in range(n):
            met |= c.nan[i] + 1
        for i in range(n if met else 0):
            if c.nan[i] >= 0:
                c.met = True
                c.at[i] = c.nan[i]
                if want == F64:
                    (<double*> out)[i] = float_of(0x7FC00000)
                else:
                    (<sample*> out)[i] = float_of(0x7FC00000)


cdef inline void select_any(int code, void* x, const Select* how, Columns* c, bint omit, int want,
                            char* keys, char* spare, char* run, char* most, void* out) noexcept nogil:
    if code == U8:
        select(<uint8_t*> x, how, c, omit, want, code, keys, spare, run, most, out)
    elif code == I8:
        select(<int8_t*> x, how, c, omit, want, code, keys, spare, run, most, out)
    elif code == U16:
        select(<uint16_t*> x, how, c, omit, want, code, keys, spare, run, most, out)
    elif code == I16:
        select(<int16_t*> x, how, c, omit, want, code, keys, spare, run, most, out)
    elif code == U32:
        select(<uint32_t*> x, how, c, omit, want, code, keys, spare, run, most, out)
    elif code == I32:
        select(<int32_t*> x, how, c, omit, want, code, keys, spare, run, most, out)
    elif code == U64:
        select(<uint64_t*> x, how, c, omit, want, code, keys, spare, run, most, out)
    elif code == I64:
        select(<int64_t*> x, how, c, omit, want, code, keys, spare, run, most, out)
    elif code == F32:
        select(<float*> x, how, c, omit, want, code, keys, spare, run, most, out)
    else:
        select(<double*> x, how, c, omit, want, code, keys, spare, run, most, out)
