# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Merge: the rows above each other become one row.

    row 0   a a a a a a a a
    row 1   b b b b b b b b     acc[i] = a[i] op b[i] op c[i]
    row 2   c c c c c c c c

Everything is contiguous; up to four rows are read in one pass, so that the accumulator is
written once for each four, and for all rows of a sum of float32 (rows.h: cypool_add_rows, which
adds in the same order).  The order of operations depends on the number of rows alone.
"""
from .rows cimport *

cdef enum:
    PIECE = 64  # pairs of floats merged before they are added up


cdef struct Rows:                 # what is merged
    const void** rows             # `taps` rows for each of `lines` lines
    Py_ssize_t taps, lines
    Py_ssize_t n                  # samples (or pairs of samples) of a row
    Py_ssize_t pitch              # results from one line to the next
    bint squares                  # floats are squared in double
    bint first                    # else a line is merged into what is there
    Py_ssize_t fetched            # bytes that are fetched ahead of each row, or 0,
    Py_ssize_t ahead              # so far ahead,
    Py_ssize_t fresh              # of the last rows of a line, which the line before does not have


cdef inline void fetch_rows(const Rows* r, const void** rows, Py_ssize_t line) noexcept nogil:
    """Fetches, ahead of them, the rows of a line that the line before does not have."""
    cdef Py_ssize_t known = r.taps - r.fresh if line else 0
    if r.fetched:
        fetch_all(<const char**> rows + known, r.taps - known, r.fetched, r.ahead)


cdef inline void merge_overlapping(Op* op, const sample** rows, work* acc, work* below, Py_ssize_t n) noexcept nogil:
    """Two lines of three rows, of which they share two: those are read and converted once."""
    cdef Py_ssize_t i
    cdef const sample* a = rows[0]
    cdef const sample* b = rows[1]
    cdef const sample* c = rows[2]
    cdef const sample* d = rows[5]
    cdef work x, y
    for i in range(n):
        x, y = lift(op, b, i, acc), lift(op, c, i, acc)
        acc[i] = apply(op, apply(op, lift(op, a, i, acc), x), y)
        below[i] = apply(op, apply(op, x, y), lift(op, d, i, acc))


cdef inline void merge_rows(Op* op, const sample* kind, work* acc, const Rows* r) noexcept nogil:
    """acc[i] = rows[0][i] op rows[1][i] op ..., on several lines."""
    cdef Py_ssize_t i, t, line = 0, n = r.n, taps = r.taps
    cdef const sample** rows = <const sample**> r.rows
    cdef const sample* a
    cdef const sample* b
    cdef const sample* c
    cdef const sample* d
    if Op is Sum and sample is float and work is double:
        if r.first and taps > 4:
            for line in range(r.lines):
                fetch_rows(r, <const void**> rows, line)
                add_rows(rows, taps, acc, n)
                rows += taps
                acc += r.pitch
            return
    if Op is Sum or Op is Pair or Op is Square or sample is work:
        while line < r.lines:
            fetch_rows(r, <const void**> rows, line)
            if sample is float or sample is double:
                if taps == 3 and r.first and line + 1 < r.lines and rows[3] == rows[1] and rows[4] == rows[2]:
                    merge_overlapping(op, rows, acc, acc + r.pitch, n)
                    rows += 6
                    acc += 2 * r.pitch
                    line += 2
                    continue
            t = 0
            if r.first:
                a = rows[0]
                if taps == 1:
                    for i in range(n):
                        acc[i] = lift(op, a, i, acc)
                elif taps == 2:
                    b = rows[1]
                    for i in range(n):
                        acc[i] = apply(op, lift(op, a, i, acc), lift(op, b, i, acc))
                elif taps == 3:
                    b, c = rows[1], rows[2]
                    for i in range(n):
                        acc[i] = apply(op, apply(op, lift(op, a, i, acc), lift(op, b, i, acc)),
                                       lift(op, c, i, acc))
                else:
                    b, c, d = rows[1], rows[2], rows[3]
                    for i in range(n):
                        acc[i] = apply(op, apply(op, lift(op, a, i, acc), lift(op, b, i, acc)),
                                       apply(op, lift(op, c, i, acc), lift(op, d, i, acc)))
                t = 4
            while t + 4 <= taps:
                a, b, c, d = rows[t], rows[t + 1], rows[t + 2], rows[t + 3]
                for i in range(n):
                    acc[i] = apply(op, acc[i],
                                   apply(op, apply(op, lift(op, a, i, acc), lift(op, b, i, acc)),
                                         apply(op, lift(op, c, i, acc), lift(op, d, i, acc))))
                t += 4
            while t < taps:
                a = rows[t]
                for i in range(n):
                    acc[i] = apply(op, acc[i], lift(op, a, i, acc))
                t += 1
            rows += taps
            acc += r.pitch
            line += 1


cdef inline void merge_halved(Joint* op, const real* kind, exact* acc, const Rows* r) noexcept nogil:
    """Neighbours of merged rows, joined: a short piece of such a row, then its pairs.  Converting before pairing takes
    half the shuffles that pairs of floats would; and memory is read all the time, not a band at once."""
    cdef exact piece[2 * PIECE]
    cdef const real* at[64]
    cdef const real** rows = <const real**> r.rows
    cdef const real* a
    cdef const real* b
    cdef Py_ssize_t i, j, line, m
    cdef Rows part
    part.rows, part.taps, part.lines, part.pitch = <const void**> at, r.taps, 1, 0
    part.first, part.fetched, part.squares = True, 0, False
    for line in range(r.lines):
        fetch_rows(r, <const void**> rows, line)
        for j in range(r.taps):
            at[j] = rows[j]
        i = r.n if r.taps == 2 and r.first else 0
        a, b = at[0], at[r.taps - 1]
        if Joint is Sum and real is float and exact is double:
            add_pairs(a, b, acc, i)
        else:
            for j in range(i):
                acc[j] = apply(op, apply(op, lift(op, a, 2 * j, acc), lift(op, b, 2 * j, acc)),
                               apply(op, lift(op, a, 2 * j + 1, acc), lift(op, b, 2 * j + 1, acc)))
        while i < r.n:
            m = min(r.n - i, PIECE)
            part.n = 2 * m
            merge_rows(op, kind, <exact*> piece, &part)
            if r.first:
                for j in range(m):
                    acc[i + j] = apply(op, piece[2 * j], piece[2 * j + 1])
            else:
                for j in range(m):
                    acc[i + j] = apply(op, acc[i + j], apply(op, piece[2 * j], piece[2 * j + 1]))
            for j in range(r.taps):
                at[j] += 2 * PIECE
            i += PIECE
        rows += r.taps
        acc += r.pitch


cdef inline void merge_same(Op* op, int code, void* acc, const Rows* r) noexcept nogil:
    """merge_rows where the working type is the sample type."""
    if code == U8:
        merge_rows(op, <const uint8_t*> NULL, <uint8_t*> acc, r)
    elif code == I8:
        merge_rows(op, <const int8_t*> NULL, <int8_t*> acc, r)
    elif code == U16:
        merge_rows(op, <const uint16_t*> NULL, <uint16_t*> acc, r)
    elif code == I16:
        merge_rows(op, <const int16_t*> NULL, <int16_t*> acc, r)
    elif code == U32:
        merge_rows(op, <const uint32_t*> NULL, <uint32_t*> acc, r)
    elif code == I32:
        merge_rows(op, <const int32_t*> NULL, <int32_t*> acc, r)
    elif code == U64:
        merge_rows(op, <const uint64_t*> NULL, <uint64_t*> acc, r)
    elif code == I64:
        merge_rows(op, <const int64_t*> NULL, <int64_t*> acc, r)
    elif code == F32:
        merge_rows(op, <const float*> NULL, <float*> acc, r)
    else:
        merge_rows(op, <const double*> NULL, <double*> acc, r)


cdef inline void merge_extreme(Joint* op, bint pairs, int code, void* acc, const Rows* r) noexcept nogil:
    if not pairs:
        merge_same(op, code, acc, r)
    elif code == F32:
        merge_halved(op, <const float*> NULL, <float*> acc, r)
    else:
        merge_halved(op, <const double*> NULL, <double*> acc, r)


cdef inline void merge_narrow(Op* op, int have, work* acc, const Rows* r) noexcept nogil:
    """Sums of 8- and 16-bit samples; signed ones wrap into the unsigned accumulator."""
    if have == U8:
        merge_rows(op, <const uint8_t*> NULL, acc, r)
    elif have == I8:
        merge_rows(op, <const int8_t*> NULL, acc, r)
    elif have == U16:
        merge_rows(op, <const uint16_t*> NULL, acc, r)
    else:
        merge_rows(op, <const int16_t*> NULL, acc, r)


cdef inline void merge_sum(Op* op, int have, int want, void* acc, const Rows* r) noexcept nogil:
    """Sums: integers of any width in the unsigned type `want`, floats in double."""
    if want == F64:
        if have == F32:
            if Op is Pair:
                merge_halved(<Sum*> NULL, <const float*> NULL, <double*> acc, r)
            else:
                merge_rows(op, <const float*> NULL, <double*> acc, r)
        else:
            merge_rows(op, <const double*> NULL, <double*> acc, r)
    elif want == U16:
        merge_narrow(op, have, <uint16_t*> acc, r)
    elif want == U32:
        merge_narrow(op, have, <uint32_t*> acc, r)
    elif have == U32:
        merge_rows(op, <const uint32_t*> NULL, <uint64_t*> acc, r)
    elif have == I32:
        merge_rows(op, <const int32_t*> NULL, <uint64_t*> acc, r)
    elif have == U64 or have == I64:
        merge_rows(op, <const uint64_t*> NULL, <uint64_t*> acc, r)
    elif Op is not Pair:
        merge_narrow(op, have, <uint64_t*> acc, r)


cdef inline void merge(int op, bint pairs, int have, int want, void* acc, const Rows* r) noexcept nogil:
    """Rows of type `have` into lines of type `want`; with `pairs`, n counts pairs of samples."""
    if op == MAX:
        merge_extreme(<Max*> NULL, pairs, have, acc, r)
    elif op == MIN:
        merge_extreme(<Min*> NULL, pairs, have, acc, r)
    elif op == PROD:
        if want == F64:
            merge_rows(<Prod*> NULL, <const double*> NULL, <double*> acc, r)
        else:
            merge_rows(<Prod*> NULL, <const uint64_t*> NULL, <uint64_t*> acc, r)
    elif r.squares and pairs:
        merge_halved(<Square*> NULL, <const float*> NULL, <double*> acc, r)
    elif r.squares:
        merge_rows(<Square*> NULL, <const float*> NULL, <double*> acc, r)
    elif pairs:
        merge_sum(<Pair*> NULL, have, want, acc, r)
    else:
        merge_sum(<Sum*> NULL, have, want, acc, r)
