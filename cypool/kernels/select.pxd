# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Select: reducers that pick a cell of each window (extremes with positions, quantiles, mode, stochastic).

The cells of a tile's windows are laid out by position: slot t holds cell t (C order) of every window.

    slot 0   a0 a1 a2 a3 ...      output i's window is a column,
    slot 1   b0 b1 b2 b3 ...      and all loops run along the slots
    slot 2   c0 c1 c2 c3 ...

Quantiles and modes sort the columns with a network: compare slots x and y, least first, for a fixed
list of pairs.  Where not all cells take part, `valid` says which do; in sorted slots they come first.
"""
from libc.math cimport floor
from libc.string cimport memcpy, memset

from .rows cimport *

cdef enum:  # what is picked, in the order of cypool.lanes.METHODS
    LARGEST, SMALLEST, QUANTILE, MODE, STOCHASTIC, EXPECTED

cdef enum:  # which quantile, in the order of cypool.reducers.INTERPOLATIONS
    LINEAR, LOWER, HIGHER, MIDPOINT, NEAREST

cdef enum:  # which of several modes, in the order of cypool.reducers.TIES
    LEAST, GREATEST, EARLIEST

cdef enum:  # roundings, as in exact.pxd
    EVEN, UP, DOWN

cdef struct Select:
    int method, interpolation, ties, rounding
    bint ignoring, indexed
    uint64_t ignored          # a label that no mode should be, in the type of the slots
    double q
    Py_ssize_t slots
    const uint16_t* pairs     # the network that sorts all slots, and one that sorts those a full window needs
    const uint16_t* few
    Py_ssize_t n_pairs, n_few

cdef struct Columns:
    char* cells               # slots x n samples
    char* unsorted            # the same before sorting
    uint8_t* valid            # slots x n, or NULL: all take part
    int32_t* count            # cells of each window
    int32_t* at               # the slot picked, -1: none
    int32_t* nan              # the first slot that is NaN, -1: none
    double* u                 # a random number for each output
    bint between              # a quantile that has no cell of its own, though its position was asked for
    Py_ssize_t n


cdef inline void space_out(const bits* a, bits* out, Py_ssize_t n, Py_ssize_t s, Py_ssize_t C) noexcept nogil:
    """Every s-th cell of C samples."""
    cdef Py_ssize_t i, c
    if s == 1:
        memcpy(out, a, n * C * sizeof(bits))
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


cdef inline void find_nan(const sample* x, Columns* c, Py_ssize_t slots, bint omit) noexcept nogil:
    """NaN do not take part (omit), or the first of each window is noted."""
    cdef Py_ssize_t t, i, n = c.n
    cdef const sample* a
    cdef int32_t* first = c.nan
    if sample is float or sample is double:
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


cdef inline void count_valid(Columns* c, Py_ssize_t slots) noexcept nogil:
    cdef Py_ssize_t t, i
    for i in range(c.n):
        c.count[i] = <int32_t> slots if c.valid == NULL else 0
    for t in range(slots if c.valid != NULL else 0):
        for i in range(c.n):
            c.count[i] += c.valid[t * c.n + i]


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


cdef inline double between(sample a, sample b, double part) noexcept nogil:
    """a + (b - a) * part for a <= b, rounded once; an infinity on one side wins."""
    if a == b or part == 0:
        return <double> a
    if sample is double or sample is float:
        if not (a >= -1.7976931348623157e308 and b <= 1.7976931348623157e308):
            return <double> a + <double> b
    return <double> (a + (<long double> b - a) * part)


cdef inline void interpolate(const sample* x, Py_ssize_t low, Py_ssize_t high, double part, Py_ssize_t n,
                             double* out) noexcept nogil:
    """Between two sorted slots."""
    cdef Py_ssize_t i
    cdef const sample* a = x + low * n
    cdef const sample* b = x + high * n
    if part == 0.5 and sizeof(sample) < 8:  # the middle of narrow samples: exact, and it vectorises
        for i in range(n):
            out[i] = (<double> a[i] + <double> b[i]) * 0.5
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
            interpolate(x, low, high, part, n, <double*> out)
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


cdef inline void select(sample* x, const Select* how, Columns* c, bint omit, int want, int have,
                        char* run, char* most, void* out) noexcept nogil:
    """A tile: columns in, picked values and slots out."""
    cdef Py_ssize_t i, slots = how.slots, n = c.n
    cdef sample* unsorted = <sample*> c.unsorted
    cdef bint full = c.valid == NULL
    cdef int32_t met = 0
    memset(c.at, 0xFF, n * 4)  # -1
    memset(c.nan, 0xFF, n * 4)
    find_nan(x, c, slots, omit)
    count_valid(c, slots)
    if how.method == LARGEST or how.method == SMALLEST:
        best_slots(x, c, slots, how.method == LARGEST, <sample*> out)
    elif how.method == STOCHASTIC:
        if not full:
            memset(out, 0, n * sizeof(sample))
        draw(x, c, how, <sample*> out)
    elif how.method == EXPECTED:
        expect(x, c, how, <double*> out)
    else:
        if how.indexed or how.ties == EARLIEST:
            memcpy(unsorted, x, slots * n * sizeof(sample))
        hide_invalid(x, c, slots, top_of(x))
        if full:
            sort_slots(x, how.few, how.n_few, n)
        else:
            sort_slots(x, how.pairs, how.n_pairs, n)
        if how.method == QUANTILE:
            quantiles(x, c, how, want, have, out)
        elif sizeof(sample) == 1:
            modes(x, unsorted, c, how, <uint8_t*> run, <uint8_t*> most, <sample*> out)
        elif sizeof(sample) == 2:
            modes(x, unsorted, c, how, <uint16_t*> run, <uint16_t*> most, <sample*> out)
        elif sizeof(sample) == 4:
            modes(x, unsorted, c, how, <uint32_t*> run, <uint32_t*> most, <sample*> out)
        else:
            modes(x, unsorted, c, how, <uint64_t*> run, <uint64_t*> most, <sample*> out)
        if how.indexed:
            match_slots(unsorted, <const sample*> out, c, slots)
    if sample is float or sample is double:
        for i in range(n):
            met |= c.nan[i] + 1
        for i in range(n if met else 0):
            if c.nan[i] >= 0:
                c.at[i] = c.nan[i]
                if want == F64:
                    (<double*> out)[i] = float_of(0x7FC00000)
                else:
                    (<sample*> out)[i] = float_of(0x7FC00000)


cdef inline void select_any(int code, void* x, const Select* how, Columns* c, bint omit, int want,
                            char* run, char* most, void* out) noexcept nogil:
    if code == U8:
        select(<uint8_t*> x, how, c, omit, want, code, run, most, out)
    elif code == I8:
        select(<int8_t*> x, how, c, omit, want, code, run, most, out)
    elif code == U16:
        select(<uint16_t*> x, how, c, omit, want, code, run, most, out)
    elif code == I16:
        select(<int16_t*> x, how, c, omit, want, code, run, most, out)
    elif code == U32:
        select(<uint32_t*> x, how, c, omit, want, code, run, most, out)
    elif code == I32:
        select(<int32_t*> x, how, c, omit, want, code, run, most, out)
    elif code == U64:
        select(<uint64_t*> x, how, c, omit, want, code, run, most, out)
    elif code == I64:
        select(<int64_t*> x, how, c, omit, want, code, run, most, out)
    elif code == F32:
        select(<float*> x, how, c, omit, want, code, run, most, out)
    else:
        select(<double*> x, how, c, omit, want, code, run, most, out)
