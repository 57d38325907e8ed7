# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Folds: long windows one by one, cell after cell of a merged row.

    a  a a a a a a a a   a a a a a a a a ...     eight results side by side, 128 cells at a time;
       + + + + + + + +   + + + + + + + +         the results of such blocks are joined in pairs

The order of operations depends on the length of the window alone.
"""
from .rows cimport *

cdef extern from "tables.h" nogil:
    void pick_words "cypool_pick_words" (const char* a, const Py_ssize_t* starts, Py_ssize_t m, Py_ssize_t lines,
                                         Py_ssize_t line, char* out)

cdef enum:
    LANES = 8        # partial results side by side in a fold
    MANY = 64        # lines folded side by side
    SPARSE = 16      # cells of a row for each window, from which windows are folded one by one
    BLOCK = 128      # cells a fold adds before it starts a new partial result

cdef inline void lanes_of(Op* op, const work* a, Py_ssize_t n, Py_ssize_t step, Py_ssize_t m,
                          work* lane) noexcept nogil:
    """x[j] = a[j] op a[8 + j] op ... (n cells, n = 16, 24, ...), and lane[j] = x[j] op x[4 + j], of m windows that lie
    `step` cells apart."""
    cdef Py_ssize_t i, j, _
    cdef work value[LANES]
    if Op is Sum and work is double:
        add_f64(a, n, step, m, lane)
    elif (Op is Max or Op is Top) and work is float:
        max_f32(a, n, step, m, lane)
    elif Op is Max and work is double:
        max_f64(a, n, step, m, lane)
    elif (Op is Min or Op is Bottom) and work is float:
        min_f32(a, n, step, m, lane)
    elif Op is Min and work is double:
        min_f64(a, n, step, m, lane)
    else:
        for _ in range(m):
            for j in range(LANES):
                value[j] = a[j]
            for i in range(1, n // LANES):
                for j in range(LANES):
                    value[j] = apply(op, value[j], a[i * LANES + j])
            for j in range(4):
                lane[j] = apply(op, value[j], value[j + 4])
            a += step
            lane += 4


cdef inline work fold(Op* op, const work* a, Py_ssize_t n) noexcept nogil:
    """a[0] op a[1] op ... op a[n - 1], n >= 1: eight lanes, blocks of 128 cells, blocks in pairs."""
    cdef work lane[4]
    cdef work stack[64]
    cdef work value
    cdef Py_ssize_t i, stop, done = 0, top = 0, blocks = 0, carry
    if n < 2 * LANES:
        value = a[0]
        for i in range(1, n):
            value = apply(op, value, a[i])
        return value
    while done < n:
        stop = min(done + BLOCK, n)
        if stop - done < 2 * LANES:
            value = a[done]
            for i in range(done + 1, stop):
                value = apply(op, value, a[i])
        else:
            i = stop - (stop - done) % LANES
            lanes_of(op, a + done, i - done, 0, 1, lane)
            value = apply(op, apply(op, lane[0], lane[2]), apply(op, lane[1], lane[3]))
            for i in range(i, stop):
                value = apply(op, value, a[i])
        carry = blocks
        while carry & 1:
            top -= 1
            value = apply(op, stack[top], value)
            carry >>= 1
        stack[top] = value
        top += 1
        blocks += 1
        done = stop
    value = stack[top - 1]
    for i in range(top - 2, -1, -1):
        value = apply(op, stack[i], value)
    return value


cdef inline void fold_rows(Joint* op, const real* a, exact* out, Py_ssize_t n, Py_ssize_t step,
                           Py_ssize_t m) noexcept nogil:
    """As `fold`, of one block of at least two rounds of lanes, of m windows that lie `step` samples apart in memory:
    the last steps are those of many windows side by side."""
    cdef exact lane[4 * MANY]
    cdef Py_ssize_t i, j, c, whole = n - n % LANES
    while m > 0:
        c = min(MANY, m)
        if Joint is Sum and real is float and exact is double:
            add_f32(a, whole, step, c, lane)
        elif real is exact:
            lanes_of(op, a, whole, step, c, lane)
        for i in range(c):
            out[i] = apply(op, apply(op, lane[4 * i], lane[4 * i + 2]), apply(op, lane[4 * i + 1], lane[4 * i + 3]))
        for j in range(whole, n):
            for i in range(c):
                out[i] = apply(op, out[i], <exact> a[i * step + j])
        a += c * step
        out += c
        m -= c


cdef inline void fold_rows_any(int op, int have, const void* a, void* out, Py_ssize_t n, Py_ssize_t step,
                               Py_ssize_t m) noexcept nogil:
    """Extremes or sums of floats; sums are double."""
    if have == F32:
        if op == MAX:
            fold_rows(<Max*> NULL, <const float*> a, <float*> out, n, step, m)
        elif op == MIN:
            fold_rows(<Min*> NULL, <const float*> a, <float*> out, n, step, m)
        else:
            fold_rows(<Sum*> NULL, <const float*> a, <double*> out, n, step, m)
    elif op == MAX:
        fold_rows(<Max*> NULL, <const double*> a, <double*> out, n, step, m)
    elif op == MIN:
        fold_rows(<Min*> NULL, <const double*> a, <double*> out, n, step, m)
    else:
        fold_rows(<Sum*> NULL, <const double*> a, <double*> out, n, step, m)


cdef inline void fold_channels(Op* op, const work* a, work* b, Py_ssize_t n, Py_ssize_t C) noexcept nogil:
    """The same over n cells of C samples, upper half onto lower half; b has room for n/2 + 1 cells."""
    cdef Py_ssize_t i, half
    half = n // 2
    n -= half
    for i in range(half * C):
        b[i] = apply(op, a[i], a[i + n * C])
    for i in range(half * C, n * C):
        b[i] = a[i]
    while n > 1:
        half = n // 2
        n -= half
        for i in range(half * C):
            b[i] = apply(op, b[i], b[i + n * C])


cdef inline void fold_short(Op* op, const work* a, Py_ssize_t n, Py_ssize_t lines, Py_ssize_t line, work* out,
                            Py_ssize_t step) noexcept nogil:
    """As `fold`, of fewer than two rounds of lanes, on lines that lie `line` cells apart: a cell of many lines at a
    time, so that no loop has the length of a window.  Sums of a few floats take less without a loop."""
    cdef work value[MANY]
    cdef work x
    cdef Py_ssize_t i, j, m
    if Op is Sum and work is double and 4 <= n <= 6:
        for i in range(lines):
            x = a[0] + a[1] + a[2] + a[3]
            if n > 4:
                x = x + a[4]
            if n > 5:
                x = x + a[5]
            out[i * step] = x
            a += line
        return
    while lines > 0:
        m = min(MANY, lines)
        for i in range(m):
            value[i] = a[i * line]
            if work is not float and work is not double:
                stay_plain()  # vector instructions would be put together cell by cell
        for j in range(1, n):
            for i in range(m):
                value[i] = apply(op, value[i], a[i * line + j])
                if work is not float and work is not double:
                    stay_plain()
        for i in range(m):
            out[i * step] = value[i]
        a += m * line
        out += m * step
        lines -= m


cdef inline void fold_alike(Op* op, const work* a, const Py_ssize_t* starts, Py_ssize_t n, Py_ssize_t m,
                            Py_ssize_t lines, Py_ssize_t line, work* b, work* out) noexcept nogil:
    """As `fold`, of fewer than two rounds of lanes, of m windows of n > 1 cells on each of some lines (of `line` cells,
    one behind the other): of those at all cells, which takes vector instructions.  b has room for as many."""
    cdef Py_ssize_t i, j, _, cells = lines * line - n + 1
    for i in range(cells):
        b[i] = apply(op, a[i], a[i + 1])
    for j in range(2, n):
        for i in range(cells):
            b[i] = apply(op, b[i], a[i + j])
    if sizeof(work) == 4:
        pick_words(<const char*> b, starts, m, lines, line, <char*> out)
        return
    for _ in range(lines):
        for i in range(m):
            out[i] = b[starts[i]]
        b += line
        out += m
