# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Merge: the rows above each other become one row.

    row 0   a a a a a a a a
    row 1   b b b b b b b b     acc[i] = a[i] op b[i] op c[i]
    row 2   c c c c c c c c

Everything is contiguous; up to four rows are read in one pass, so that the accumulator is
written once for each four.  The order of operations depends on the number of rows alone.
"""
from .rows cimport *

cdef enum:
    PIECE = 64  # pairs of floats merged before they are added up


cdef inline void merge_rows(Op* op, const sample** rows, Py_ssize_t taps, Py_ssize_t lines,
                            Py_ssize_t n, work* acc, Py_ssize_t pitch, bint first) noexcept nogil:
    """acc[i] = rows[0][i] op rows[1][i] op ..., on `lines` lines of `taps` rows each.

    Line l reads rows[l * taps ...] and writes acc + l * pitch.  With `first` false the line is
    merged into what acc holds."""
    cdef Py_ssize_t i, t
    cdef Py_ssize_t line
    cdef const sample* a
    cdef const sample* b
    cdef const sample* c
    cdef const sample* d
    if Op is Sum or Op is Pair or sample is work:
        for line in range(lines):
            t = 0
            if first:
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
            acc += pitch


cdef inline void merge_halved(const float** rows, Py_ssize_t taps, Py_ssize_t lines, Py_ssize_t n, double* acc,
                              Py_ssize_t pitch, bint first) noexcept nogil:
    """Sums of pairs of floats: a short piece of merged doubles, then its neighbours.  Converting before
    pairing takes half the shuffles that pairs of floats would."""
    cdef double piece[2 * PIECE]
    cdef const float* at[64]
    cdef Py_ssize_t i, j, line, m
    for line in range(lines):
        for j in range(taps):
            at[j] = rows[line * taps + j]
        if taps == 2 and first:
            add_pairs(at[0], at[1], acc + line * pitch, n)
            continue
        i = 0
        while i < n:
            m = min(n - i, PIECE)
            merge_rows(<Sum*> NULL, at, taps, 1, 2 * m, <double*> piece, 0, True)
            if first:
                for j in range(m):
                    acc[line * pitch + i + j] = piece[2 * j] + piece[2 * j + 1]
            else:
                for j in range(m):
                    acc[line * pitch + i + j] += piece[2 * j] + piece[2 * j + 1]
            for j in range(taps):
                at[j] += 2 * PIECE
            i += PIECE


cdef inline void merge_same(Op* op, int code, const void** rows, Py_ssize_t taps, Py_ssize_t lines,
                            Py_ssize_t n, void* acc, Py_ssize_t pitch, bint first) noexcept nogil:
    """merge_rows where the working type is the sample type."""
    if code == U8:
        merge_rows(op, <const uint8_t**> rows, taps, lines, n, <uint8_t*> acc, pitch, first)
    elif code == I8:
        merge_rows(op, <const int8_t**> rows, taps, lines, n, <int8_t*> acc, pitch, first)
    elif code == U16:
        merge_rows(op, <const uint16_t**> rows, taps, lines, n, <uint16_t*> acc, pitch, first)
    elif code == I16:
        merge_rows(op, <const int16_t**> rows, taps, lines, n, <int16_t*> acc, pitch, first)
    elif code == U32:
        merge_rows(op, <const uint32_t**> rows, taps, lines, n, <uint32_t*> acc, pitch, first)
    elif code == I32:
        merge_rows(op, <const int32_t**> rows, taps, lines, n, <int32_t*> acc, pitch, first)
    elif code == U64:
        merge_rows(op, <const uint64_t**> rows, taps, lines, n, <uint64_t*> acc, pitch, first)
    elif code == I64:
        merge_rows(op, <const int64_t**> rows, taps, lines, n, <int64_t*> acc, pitch, first)
    elif code == F32:
        merge_rows(op, <const float**> rows, taps, lines, n, <float*> acc, pitch, first)
    else:
        merge_rows(op, <const double**> rows, taps, lines, n, <double*> acc, pitch, first)


cdef inline void merge_narrow(Op* op, int have, const void** rows, Py_ssize_t taps,
                              Py_ssize_t lines, Py_ssize_t n, work* acc, Py_ssize_t pitch,
                              bint first) noexcept nogil:
    """Sums of 8- and 16-bit samples; signed ones wrap into the unsigned accumulator."""
    if have == U8:
        merge_rows(op, <const uint8_t**> rows, taps, lines, n, acc, pitch, first)
    elif have == I8:
        merge_rows(op, <const int8_t**> rows, taps, lines, n, acc, pitch, first)
    elif have == U16:
        merge_rows(op, <const uint16_t**> rows, taps, lines, n, acc, pitch, first)
    else:
        merge_rows(op, <const int16_t**> rows, taps, lines, n, acc, pitch, first)


cdef inline void merge_sum(Op* op, int have, int want, const void** rows, Py_ssize_t taps,
                           Py_ssize_t lines, Py_ssize_t n, void* acc, Py_ssize_t pitch,
                           bint first) noexcept nogil:
    """Sums: integers of any width in the unsigned type `want`, floats in double."""
    if want == F64:
        if have == F32:
            if Op is Pair:
                merge_halved(<const float**> rows, taps, lines, n, <double*> acc, pitch, first)
            else:
                merge_rows(op, <const float**> rows, taps, lines, n, <double*> acc, pitch, first)
        else:
            merge_rows(op, <const double**> rows, taps, lines, n, <double*> acc, pitch, first)
    elif want == U16:
        merge_narrow(op, have, rows, taps, lines, n, <uint16_t*> acc, pitch, first)
    elif want == U32:
        merge_narrow(op, have, rows, taps, lines, n, <uint32_t*> acc, pitch, first)
    elif have == U32:
        merge_rows(op, <const uint32_t**> rows, taps, lines, n, <uint64_t*> acc, pitch, first)
    elif have == I32:
        merge_rows(op, <const int32_t**> rows, taps, lines, n, <uint64_t*> acc, pitch, first)
    elif have == U64 or have == I64:
        merge_rows(op, <const uint64_t**> rows, taps, lines, n, <uint64_t*> acc, pitch, first)
    else:
        merge_narrow(op, have, rows, taps, lines, n, <uint64_t*> acc, pitch, first)


cdef inline void merge(int op, bint pairs, int have, int want, const void** rows, Py_ssize_t taps,
                       Py_ssize_t lines, Py_ssize_t n, void* acc, Py_ssize_t pitch,
                       bint first) noexcept nogil:
    """Rows of type `have` into lines of type `want`; with `pairs`, n counts pairs of samples."""
    if op == MAX:
        merge_same(<Max*> NULL, have, rows, taps, lines, n, acc, pitch, first)
    elif op == MIN:
        merge_same(<Min*> NULL, have, rows, taps, lines, n, acc, pitch, first)
    elif op == PROD:
        if want == F64:
            merge_rows(<Prod*> NULL, <const double**> rows, taps, lines, n, <double*> acc, pitch, first)
        else:
            merge_rows(<Prod*> NULL, <const uint64_t**> rows, taps, lines, n, <uint64_t*> acc, pitch, first)
    elif pairs:
        merge_sum(<Pair*> NULL, have, want, rows, taps, lines, n, acc, pitch, first)
    else:
        merge_sum(<Sum*> NULL, have, want, rows, taps, lines, n, acc, pitch, first)
