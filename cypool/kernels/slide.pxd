# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Slide: along one merged row, every window becomes one value.

    row      x x x x x x x x x x          window k = 3, stride s = 2, dilation d = 1
    out 0    |---|                        out[i] = row[i*s] op row[i*s + d] op row[i*s + 2d]
    out 1        |---|
    out 2            |---|

Margins of the row hold the operator's identity, so no loop tests a boundary.  A cell may be
several channels wide (C samples side by side).  How a window is taken apart depends on k, s, d
and C alone, never on where the window lies: that is what makes sums the same bits for any tile,
batch position or number of workers.

    halve     k and s even: neighbours are joined, and k and s halved
    flat      stride 1: windows of 4, 16, 64 ... cells, each from four, then the digits of k in base 4 (of
              extremes up to four that overlap); also along columns (lines.pxd: merge_deep)
    strided   few taps: the row is taken apart, so that each tap is a contiguous row
    fold      long windows that overlap little, and windows given by tables
"""
from .folds cimport LANES, SPARSE, fold, fold_alike, fold_channels, fold_short
from .rows cimport *

cdef enum:
    PIECE = 4096  # bytes that slide through all passes at a time

cdef enum:  # what operate() does
    FILL, COMBINE, SLIDE, FOLD, REPEAT, TIMES

cdef struct Work:
    int verb
    void* a                   # the row, and after SLIDE the result
    void* b                   # two scratch rows as long as a
    void* c
    Py_ssize_t m              # outputs (cells for FILL, COMBINE, REPEAT, TIMES: samples)
    Py_ssize_t k, s, d, C     # window, stride, dilation in cells; samples a cell (FILL, FOLD: k lines at steps of s)
    Py_ssize_t covers         # SLIDE at stride 1: cells that each cell of the row stands for, 1, or of extremes 4
    const Py_ssize_t* starts  # FOLD: the windows, as cells of the row
    const Py_ssize_t* stops
    Py_ssize_t n              # the cells of each of them, or 0: not the same
    const void* value         # FILL: the identity; REPEAT: the border value; in the working type
    const int64_t* counts     # REPEAT: how often for each sample
    Py_ssize_t times          # TIMES: how often for all


cdef inline work* halve(Op* op, work* a, work* b, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        b[i] = apply(op, a[2 * i], a[2 * i + 1])
    return b


cdef inline void add_parts(Op* op, const work* a, work* c, Py_ssize_t n, Py_ssize_t step, Py_ssize_t parts,
                           bint first) noexcept nogil:
    """c[i] (op=) a[i] op a[i + step] op ... (1 to 3 parts)."""
    cdef Py_ssize_t i
    if first and parts == 1:
        for i in range(n):
            c[i] = a[i]
    elif first and parts == 2:
        for i in range(n):
            c[i] = apply(op, a[i], a[i + step])
    elif first:
        for i in range(n):
            c[i] = apply(op, apply(op, a[i], a[i + step]), a[i + 2 * step])
    elif parts == 1:
        for i in range(n):
            c[i] = apply(op, c[i], a[i])
    elif parts == 2:
        for i in range(n):
            c[i] = apply(op, c[i], apply(op, a[i], a[i + step]))
    else:
        for i in range(n):
            c[i] = apply(op, c[i], apply(op, apply(op, a[i], a[i + step]), a[i + 2 * step]))


cdef inline void join_four(Op* op, const work* a, work* b, Py_ssize_t n, Py_ssize_t x, Py_ssize_t y,
                           Py_ssize_t z) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        b[i] = apply(op, apply(op, a[i], a[i + x]), apply(op, a[i + y], a[i + z]))


cdef inline void fours_and_parts(Op* op, const work* a, work* b, work* c, Py_ssize_t n, Py_ssize_t e,
                                 Py_ssize_t parts) noexcept nogil:
    """As join_four into b and add_parts (1 to 3) into c, which read the same cells."""
    cdef Py_ssize_t i
    cdef work x
    if parts == 1:
        for i in range(n):
            c[i] = a[i]
            b[i] = apply(op, apply(op, a[i], a[i + e]), apply(op, a[i + 2 * e], a[i + 3 * e]))
    elif parts == 2:
        for i in range(n):
            c[i] = x = apply(op, a[i], a[i + e])
            b[i] = apply(op, x, apply(op, a[i + 2 * e], a[i + 3 * e]))
    else:
        for i in range(n):
            x = apply(op, a[i], a[i + e])
            c[i] = apply(op, x, a[i + 2 * e])
            b[i] = apply(op, x, apply(op, a[i + 2 * e], a[i + 3 * e]))


cdef inline work* flat(Op* op, work* a, work* b, work* c, Py_ssize_t n, Py_ssize_t k,
                       Py_ssize_t e, Py_ssize_t p) noexcept nogil:
    """out[i] = a[i] op a[i + e] op ... (k terms) for i < n.  The result is in one of a, b, c.  Each a[i] is p terms."""
    cdef Py_ssize_t have = 0, parts, last
    cdef work* swap
    while p != k:
        # a[i] covers p cells from i on; c[i] covers the first `have` cells.
        if Op is Max or Op is Min or Op is Top or Op is Bottom:  # parts may overlap
            last = (k - p) * e
            if k <= 2 * p:
                add_parts(op, a, c, n, last, 2, True)
                return c
            if k <= 4 * p:
                join_four(op, a, b, n, p * e, min(2 * p * e, last), last)
                return b
        else:
            parts = k // p & 3
            if work is double and p == 1 and parts and k > 4:
                fours_and_parts(op, a, b, c, n + (k - 4) * e, e, parts)
                a, b, p, have = b, a, 4, parts
                continue
            if parts:
                add_parts(op, a + have * e, c, n, p * e, parts, have == 0)
                have += parts * p
            if have == k:
                return c
        join_four(op, a, b, n + (k - 4 * p) * e, p * e, 2 * p * e, 3 * p * e)
        swap = a
        a = b
        b = swap
        p *= 4
    return a


cdef inline work* flat_pieces(Op* op, work* a, work* b, work* c, Py_ssize_t n, Py_ssize_t k,
                              Py_ssize_t e, Py_ssize_t p) noexcept nogil:
    """`flat`, a piece at a time, which stays in the nearest cache for both passes of 5 to 16 terms: they leave their
    results where a or c begins."""
    cdef bint pieces = p == 1 and 4 < k <= 16 and 4 * k * e * sizeof(work) <= PIECE
    cdef Py_ssize_t i = 0, piece = PIECE // sizeof(work) if pieces else n
    cdef work* out = a
    while i < n:
        out = flat(op, a + i, b, c + i, min(piece, n - i), k, e, p) - i
        i += piece
    return out


cdef inline void phases(const work* a, work* c, Py_ssize_t n, Py_ssize_t s) noexcept nogil:
    """Takes s n cells of a row apart, for s = 2, 3, 4: c[j * n + i] = a[i * s + j]."""
    cdef Py_ssize_t i
    if s == 2:
        for i in range(n):
            c[i] = a[2 * i]
            c[n + i] = a[2 * i + 1]
    elif s == 3:
        for i in range(n):
            c[i] = a[3 * i]
            c[n + i] = a[3 * i + 1]
            c[2 * n + i] = a[3 * i + 2]
    else:
        for i in range(n):
            c[i] = a[4 * i]
            c[n + i] = a[4 * i + 1]
            c[2 * n + i] = a[4 * i + 2]
            c[3 * n + i] = a[4 * i + 3]


cdef inline Py_ssize_t threes(Op* op, const work* a, work* b, Py_ssize_t n) noexcept nogil:
    """b[i] = a[2 i] op a[2 i + 1] op a[2 i + 2], of the first windows, as many as it says."""
    if Op is Sum and work is double:
        return add_threes(a, b, n)
    elif (Op is Max or Op is Top) and work is float:
        return max_threes_f32(a, b, n)
    elif (Op is Min or Op is Bottom) and work is float:
        return min_threes_f32(a, b, n)
    else:
        return 0


cdef inline void strided(Op* op, const work* a, work* b, work* c, Py_ssize_t n, Py_ssize_t k, Py_ssize_t s,
                         Py_ssize_t d) noexcept nogil:
    """b[i] = a[i s] op a[i s + d] op ...; cells are taken apart so that each tap is a contiguous row."""
    cdef Py_ssize_t i, j, length = n + (k - 1) * d // s
    cdef const work* x
    cdef const work* y
    cdef const work* z
    if k == 1 or s > 4:
        for i in range(n):
            b[i] = a[i * s]
        for j in range(1, k):
            for i in range(n):
                b[i] = apply(op, b[i], a[i * s + j * d])
        return
    i = threes(op, a, b, n) if k == 3 and s == 2 and d == 1 else 0
    if i > 0:
        for i in range(i, n):
            b[i] = apply(op, apply(op, a[2 * i], a[2 * i + 1]), a[2 * i + 2])
        return
    phases(a, c, length, s)
    x, y = c, c + d % s * length + d // s
    if k == 2:
        for i in range(n):
            b[i] = apply(op, x[i], y[i])
        return
    z = c + 2 * d % s * length + 2 * d // s
    for i in range(n):
        b[i] = apply(op, apply(op, x[i], y[i]), z[i])
    for j in range(3, k):
        x = c + j * d % s * length + j * d // s
        for i in range(n):
            b[i] = apply(op, b[i], x[i])


cdef inline void pick(const work* a, work* b, Py_ssize_t n, Py_ssize_t step, Py_ssize_t C) noexcept nogil:
    """Every step-th cell of C samples."""
    cdef Py_ssize_t i, c
    if C > 1 and 2 < C * <Py_ssize_t> sizeof(work) <= 8:
        space_out_cells(<const char*> a, <char*> b, n, step * sizeof(work), C * sizeof(work))
        return
    for i in range(n):
        for c in range(C):
            b[i * C + c] = a[i * step + c]


cdef inline void fold_windows(Op* op, work* kind, Work* w) noexcept nogil:
    """Windows given by tables, the same on each of k lines: starts and stops in cells of the row; an empty one is
    the identity."""
    cdef Py_ssize_t i, c, line, start, n
    cdef const work* a = <const work*> w.a
    cdef work* b = <work*> w.b
    cdef work* out = <work*> w.c
    cdef work identity = (<const work*> w.value)[0]
    if work is float or work is double:
        if w.C == 1 and 1 < w.n < 2 * LANES and w.s < SPARSE * w.m:
            fold_alike(op, a, w.starts, w.n, w.m, w.k, w.s, b, out)
            w.a, w.c = w.c, w.a
            return
    for i in range(w.m):
        start = w.starts[i]
        n = w.stops[i] - start
        if w.C == 1 and w.k > 1 and 0 < n < 2 * LANES:
            fold_short(op, a + start, n, w.k, w.s, out + i, w.m)
            continue
        for line in range(w.k):
            if n <= 0:
                for c in range(w.C):
                    out[(line * w.m + i) * w.C + c] = identity
            elif w.C == 1:
                out[line * w.m + i] = fold(op, a + line * w.s + start, n)
            else:
                fold_channels(op, a + (line * w.s + start) * w.C, b, n, w.C)
                for c in range(w.C):
                    out[(line * w.m + i) * w.C + c] = b[c]
    w.a, w.c = w.c, w.a


cdef inline void slide_window(Op* op, work* kind, Work* w) noexcept nogil:
    """Windows at a regular stride; the result is left in w.a."""
    cdef work* a = <work*> w.a
    cdef work* b = <work*> w.b
    cdef work* c = <work*> w.c
    cdef work* out
    cdef Py_ssize_t k = w.k, s = w.s, d = w.d, C = w.C, m = w.m, i, j, x
    while C == 1 and d == 1 and k % 2 == 0 and s % 2 == 0:
        k //= 2
        s //= 2
        out = halve(op, a, b, (m - 1) * s + k)
        b = a
        a = out
    if s == 1 or 1 < C < 8 or (C == 1 and d == 1 and k > 8 * s):
        out = flat_pieces(op, a, b, c, ((m - 1) * s + 1) * C, k, d * C, w.covers)
        # The two rows that do not hold the result are free.
        if out == b:
            b = a
        elif out == c:
            c = a
        a = out
        if s > 1:
            if C == 1:
                pick(a, b, m, s, 1)
            elif C == 2:
                pick(a, b, m, s * 2, 2)
            elif C == 3:
                pick(a, b, m, s * 3, 3)
            else:
                pick(a, b, m, s * C, C)
            a, b = b, a
    elif C == 1 and d == 1 and k >= 8:
        for i in range(m):
            b[i] = fold(op, a + i * s, k)
        a, b = b, a
    elif C == 1:
        strided(op, a, b, c, m, k, s, d)
        a, b = b, a
    else:
        if k == 1:
            pick(a, b, m, s * C, C)
        for i in range(m if k > 1 else 0):
            out = b + i * C
            for x in range(C):
                out[x] = apply(op, a[i * s * C + x], a[(i * s + d) * C + x])
            for j in range(2, k):
                for x in range(C):
                    out[x] = apply(op, out[x], a[(i * s + j * d) * C + x])
        a, b = b, a
    w.a, w.b, w.c = a, b, c


cdef inline work power(work x, int64_t n) noexcept nogil:
    cdef work y = 1
    while n > 0:
        if n & 1:
            y = <work> (y * x)
        x = <work> (x * x)
        n >>= 1
    return y


cdef inline void operate(Op* op, work* kind, Work* w) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef work* a = <work*> w.a
    cdef const work* b = <const work*> w.b
    cdef work value
    if w.verb == SLIDE:
        slide_window(op, kind, w)
    elif w.verb == FOLD:
        fold_windows(op, kind, w)
    elif w.verb == COMBINE:
        for i in range(w.m):
            a[i] = apply(op, a[i], b[i])
    elif w.verb == FILL:
        value = (<const work*> w.value)[0]
        for j in range(w.k):
            for i in range(w.m):
                a[j * w.s + i] = value
    elif w.verb == REPEAT:
        value = (<const work*> w.value)[0]
        for i in range(w.m):
            if w.counts[i] > 0:
                if Op is Sum:
                    a[i] = <work> (a[i] + value * <work> w.counts[i])
                elif Op is Prod:
                    a[i] = a[i] * power(value, w.counts[i])
                else:
                    a[i] = apply(op, a[i], value)
    else:
        if Op is Sum:
            for i in range(w.m):
                a[i] = <work> (a[i] * <work> w.times)
        elif Op is Prod:
            for i in range(w.m):
                a[i] = power(a[i], w.times)


cdef inline void operate_any(Op* op, int code, Work* w) noexcept nogil:
    if code == U8:
        operate(op, <uint8_t*> NULL, w)
    elif code == I8:
        operate(op, <int8_t*> NULL, w)
    elif code == U16:
        operate(op, <uint16_t*> NULL, w)
    elif code == I16:
        operate(op, <int16_t*> NULL, w)
    elif code == U32:
        operate(op, <uint32_t*> NULL, w)
    elif code == I32:
        operate(op, <int32_t*> NULL, w)
    elif code == U64:
        operate(op, <uint64_t*> NULL, w)
    elif code == I64:
        operate(op, <int64_t*> NULL, w)
    elif code == F32:
        operate(op, <float*> NULL, w)
    else:
        operate(op, <double*> NULL, w)


cdef inline void operate_sum(Op* op, int code, Work* w) noexcept nogil:
    """Sums and products know fewer working types."""
    if code == F64:
        operate(op, <double*> NULL, w)
    elif code == U64:
        operate(op, <uint64_t*> NULL, w)
    elif Op is Sum:
        if code == U16:
            operate(op, <uint16_t*> NULL, w)
        else:
            operate(op, <uint32_t*> NULL, w)


cdef inline int plainer(int op, bint clean) noexcept nogil:
    """The operator of extremes of float32 none of which is a NaN, to slide with."""
    return op if not clean else TOP if op == MAX else BOTTOM


cdef inline void on_work(int op, int code, Work* w) noexcept nogil:
    """One verb on rows of the working type `code`."""
    if op == MAX:
        operate_any(<Max*> NULL, code, w)
    elif op == MIN:
        operate_any(<Min*> NULL, code, w)
    elif op == TOP:
        slide_window(<Top*> NULL, <float*> NULL, w)
    elif op == BOTTOM:
        slide_window(<Bottom*> NULL, <float*> NULL, w)
    elif op == PROD:
        operate_sum(<Prod*> NULL, code, w)
    else:
        operate_sum(<Sum*> NULL, code, w)
