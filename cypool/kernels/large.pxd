# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Large: quantiles and modes of windows too large for a sorting network.

Samples become unsigned keys in the same order, whose bytes are counted: a quantile needs a count of
the highest byte, then of the next among the keys that share it, and so on (8-bit samples: one count);
a mode sorts them byte by byte.  Both take time in proportion to the window, whatever it holds.
"""
from libc.string cimport memcpy, memset

from .ranks cimport ranks_of
from .slots cimport *

cdef enum:
    FEW = 32  # keys that are sorted by insertion


cdef inline bits key_of(sample x, bits* kind) noexcept nogil:
    """Unsigned, in the order of the samples (-0.0 before 0.0)."""
    cdef bits u, top = <bits> (<uint64_t> 1 << (8 * sizeof(bits) - 1))
    memcpy(&u, &x, sizeof(bits))
    if sample is float or sample is double:
        return <bits> ~u if u & top else u | top
    elif sample is uint8_t or sample is uint16_t or sample is uint32_t or sample is uint64_t:
        return u
    else:
        return u ^ top


cdef inline sample value_of(bits u, sample* kind) noexcept nogil:
    cdef bits top = <bits> (<uint64_t> 1 << (8 * sizeof(bits) - 1))
    cdef sample x
    if sample is float or sample is double:
        u = u ^ top if u & top else <bits> ~u
    elif not (sample is uint8_t or sample is uint16_t or sample is uint32_t or sample is uint64_t):
        u = u ^ top
    memcpy(&x, &u, sizeof(sample))
    return x


cdef inline void insertion_sort(bits* keys, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef bits k
    for i in range(1, n):
        k = keys[i]
        j = i
        while j > 0 and keys[j - 1] > k:
            keys[j] = keys[j - 1]
            j -= 1
        keys[j] = k


cdef inline bits select_key(bits* keys, bits* spare, Py_ssize_t n, Py_ssize_t rank) noexcept nogil:
    """The key that sorting would bring to `rank`.  Both arrays are overwritten."""
    cdef Py_ssize_t count[256]
    cdef Py_ssize_t i, m, b
    cdef int shift = 8 * sizeof(bits) - 8
    cdef bits* swap
    while n > FEW:
        memset(count, 0, sizeof(count))
        for i in range(n):
            count[(keys[i] >> shift) & 255] += 1
        b = 0
        while rank >= count[b]:
            rank -= count[b]
            b += 1
        if shift == 0:
            return <bits> ((keys[0] & <bits> ~<bits> 255) | <bits> b)
        m = 0
        for i in range(n):
            spare[m] = keys[i]
            m += ((keys[i] >> shift) & 255) == b
        swap = keys
        keys = spare
        spare = swap
        n = count[b]
        shift -= 8
    insertion_sort(keys, n)
    return keys[rank]


cdef inline bits* sort_keys(bits* keys, bits* spare, Py_ssize_t n) noexcept nogil:
    """Sorted keys, in one of the two arrays."""
    cdef Py_ssize_t at[256]
    cdef Py_ssize_t i, b, total, shift
    cdef bits* swap
    for shift in range(0, 8 * <int> sizeof(bits), 8):
        memset(at, 0, sizeof(at))
        for i in range(n):
            at[(keys[i] >> shift) & 255] += 1
        if n == 0 or at[(keys[0] >> shift) & 255] == n:  # all the same
            continue
        total = 0
        for b in range(256):
            total += at[b]
            at[b] = total - at[b]
        for i in range(n):
            b = (keys[i] >> shift) & 255
            spare[at[b]] = keys[i]
            at[b] += 1
        swap = keys
        keys = spare
        spare = swap
    return keys


cdef inline Py_ssize_t keys_of(const sample* x, const Columns* c, Py_ssize_t slots, Py_ssize_t i,
                               bits* keys) noexcept nogil:
    """The keys of the cells of column i that take part; how many."""
    cdef Py_ssize_t t, m = 0
    for t in range(slots):
        keys[m] = key_of(x[t * c.n + i], keys)
        m += c.valid == NULL or c.valid[t * c.n + i] != 0
    return m


cdef inline void place_ranks(sample* x, Columns* c, const Select* how, bits* keys, bits* spare) noexcept nogil:
    """Of each column, the cells that `quantiles` reads are brought to where sorting would bring them."""
    cdef Py_ssize_t i, j, m, low = 0, high = 0, below
    cdef double part = 0
    cdef bits least, following
    for i in range(c.n):
        m = keys_of(x, c, how.slots, i, keys)
        if m == 0:
            continue
        ranks_of(how, m, &low, &high, &part)
        least = select_key(keys, spare, m, low)
        following = least
        if high != low:  # the same again, or the least of those that come behind
            m = keys_of(x, c, how.slots, i, keys)
            below = 0
            following = <bits> -1
            for j in range(m):
                below += keys[j] <= least
                following = keys[j] if least < keys[j] < following else following
            following = least if below > high else following
        x[low * c.n + i] = value_of(least, x)
        x[high * c.n + i] = value_of(following, x)


cdef inline Py_ssize_t run_of(const bits* keys, Py_ssize_t n, bits k) noexcept nogil:
    """How many of n sorted keys are k."""
    cdef Py_ssize_t low = 0, high = n, middle, first
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < k:
            low = middle + 1
        else:
            high = middle
    first = low
    high = n
    while low < high:
        middle = (low + high) // 2
        if keys[middle] <= k:
            low = middle + 1
        else:
            high = middle
    return low - first


cdef inline Py_ssize_t count_equal(const bits* keys, Py_ssize_t n, sample x) noexcept nogil:
    """How many of n sorted keys belong to samples equal to x: zeros of both signs are."""
    cdef Py_ssize_t found = run_of(keys, n, key_of(x, <bits*> keys))
    if sample is float or sample is double:
        if x == 0:
            found += run_of(keys, n, key_of(-x, <bits*> keys))
    return found


cdef inline void large_modes(const sample* x, Columns* c, const Select* how, bits* keys, bits* spare,
                             sample* out) noexcept nogil:
    cdef Py_ssize_t i, t, m, n = c.n, run, most
    cdef sample ignored, value
    cdef bits* ordered
    memcpy(&ignored, &how.ignored, sizeof(sample))
    for i in range(n):
        m = keys_of(x, c, how.slots, i, keys)
        out[i] = 0
        if m == 0:
            continue
        ordered = sort_keys(keys, spare, m)
        out[i] = value_of(ordered[0], x)
        most = run = 0
        for t in range(m):
            value = value_of(ordered[t], x)
            run = run + 1 if run > 0 and value == value_of(ordered[t - 1], x) else 1
            if how.ignoring and value == ignored:
                run = 0
            elif run > most or (how.ties == GREATEST and run == most):
                most = run
                out[i] = value
        for t in range(how.slots if how.ties == EARLIEST and most > 0 else 0):
            value = x[t * n + i]
            if (c.valid == NULL or c.valid[t * n + i]) and not (how.ignoring and value == ignored):
                if count_equal(ordered, m, value) == most:
                    out[i] = value
                    break
