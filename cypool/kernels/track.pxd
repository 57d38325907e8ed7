# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Track: the largest (smallest) cell of each window and where it lies, as two rows side by side.

    row 0     3 1 4 1          best   5 1 5 9         best   5   9
    row 1     5 1 5 9    ->    code   w 0 w w    ->   code   w   w+1      (stride 2)

The code of a cell is how far it lies from the start of the window, in flat positions: of equal cells
the one with the least code is the first.  Codes are unsigned numbers as wide as the samples (4 or 8
bytes), so that both fit the same vector instructions.  Cells beyond the array have the value that never
wins and a code with the highest bit set.  A row with a NaN is left to `select`.
"""
from .merge cimport Rows, fetch_rows
from .ranks cimport bottom_of, top_of
from .rows cimport *

ctypedef fused Best:
    Max
    Min

ctypedef fused wide:
    uint32_t
    int32_t
    uint64_t
    int64_t
    float
    double

ctypedef fused codes:
    uint32_t
    uint64_t

cdef enum:
    TRACK_MERGE, TRACK_FILL, TRACK_SLIDE, TRACK_QUADS
    PLACES_AHEAD = 4096  # bytes from where positions are written at once to the memory that is fetched meanwhile

cdef struct Track:
    int verb
    Rows rows                     # MERGE, QUADS: rows of n samples, and how they are fetched; of each line
    const int64_t* starting       # the codes
    int64_t* index                # QUADS: where the positions go, if those are found at once, or NULL;
    Py_ssize_t index_pitch        # from one line to the next
    int64_t at, further           # position of the first cell of all, and how much further that of a line is
    Py_ssize_t lines, pitch       # MERGE, FILL, QUADS: lines, and samples from one to the next
    bint first, met               # first: nothing was merged yet; met: a NaN was seen
    const char* places            # MERGE, QUADS: memory that the positions of each line will go to, which is fetched
    const char* values            # and the values;
    Py_ssize_t place_bytes, value_bytes  # of a line, or 0
    void* best                    # MERGE, FILL, QUADS: the result; SLIDE: the row
    void* code
    void* out                     # SLIDE: the result
    void* out_code
    Py_ssize_t n, k, s, d, C, step
    const Py_ssize_t* starts      # SLIDE: windows given by a table, else NULL
    const Py_ssize_t* stops


cdef inline bint beats(Best* op, wide a, wide b) noexcept nogil:
    """a comes before b, whatever their places."""
    if Best is Max:
        return a > b
    else:
        return a < b


cdef inline codes beyond(const codes* kind) noexcept nogil:
    """The code of no cell: codes of cells are below, and adding one to it does not wrap."""
    return <codes> (<uint64_t> 1 << (8 * sizeof(codes) - 1))


cdef inline codes track_merge(Best* op, const wide** rows, const int64_t* starting, Py_ssize_t taps, Py_ssize_t n,
                             wide* best, codes* code, bint first) noexcept nogil:
    """Rows above each other, in the order of their codes; not 0 if there was a NaN."""
    cdef Py_ssize_t i, t, start = 0
    cdef codes met = 0, c0 = <codes> starting[0], c1, c
    cdef const wide* a = rows[0]
    cdef const wide* b
    cdef wide u, v
    if first and taps == 1:
        start = 1
        for i in range(n):
            best[i] = a[i]
            code[i] = c0
            if wide is float or wide is double:
                met |= <codes> (a[i] != a[i])
    elif first:
        start = 2
        b, c1 = rows[1], <codes> starting[1]
        for i in range(n):
            u, v = a[i], b[i]
            best[i] = v if beats(op, v, u) else u
            code[i] = c1 if beats(op, v, u) else c0
            if wide is float or wide is double:
                met |= <codes> unordered(u, v)
    for t in range(start, taps):
        a, c0 = rows[t], <codes> starting[t]
        for i in range(n):
            u, v, c = best[i], a[i], code[i]
            best[i] = v if beats(op, v, u) else u
            code[i] = c0 if beats(op, v, u) else c
            if wide is float or wide is double:
                met |= <codes> (v != v)
    return met


cdef inline codes track_quads(Best* op, const wide* a, const wide* b, codes beside, codes below, wide* best,
                              codes* code, Py_ssize_t n) noexcept nogil:
    """Windows of 2x2 cells of two rows, straight from memory, for beside < below; not 0 if there was a NaN."""
    cdef Py_ssize_t i
    cdef codes met = 0, c
    cdef wide u, v, x, y
    for i in range(n):
        u, v, x, y = a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1]
        if wide is float or wide is double:
            met |= <codes> unordered(u, v) | <codes> unordered(x, y)
        c = beside if beats(op, v, u) else <codes> 0
        u = v if beats(op, v, u) else u
        c = below if beats(op, x, u) else c
        u = x if beats(op, x, u) else u
        code[i] = <codes> (below + beside) if beats(op, y, u) else c
        best[i] = y if beats(op, y, u) else u
    return met


cdef inline void track_taps(Best* op, const wide* a, const codes* b, wide* best, codes* code, Py_ssize_t n,
                            Py_ssize_t k, Py_ssize_t s, Py_ssize_t d, codes step) noexcept nogil:
    """Windows of k cells along the row, the code of each further by `step`."""
    cdef Py_ssize_t i, j
    cdef wide u, v
    cdef codes c, e, shift = 0
    cdef bint better
    if k == 1:
        for i in range(n):
            best[i] = a[i * s]
            code[i] = b[i * s]
        return
    for i in range(n):
        u, v, c, e = a[i * s], a[i * s + d], b[i * s], <codes> (b[i * s + d] + step)
        better = (v == u) & (e < c)
        better = better | beats(op, v, u)
        best[i] = v if better else u
        code[i] = e if better else c
    for j in range(2, k):
        shift = <codes> (j * step)
        for i in range(n):
            u, v, c, e = best[i], a[i * s + j * d], code[i], <codes> (b[i * s + j * d] + shift)
            better = (v == u) & (e < c)
            better = better | beats(op, v, u)
            best[i] = v if better else u
            code[i] = e if better else c


cdef inline void track_cells(Best* op, const wide* a, const codes* b, wide* best, codes* code, Py_ssize_t n,
                             Py_ssize_t C, codes step) noexcept nogil:
    """n cells, C samples apart, of one window."""
    cdef Py_ssize_t i
    cdef codes c
    best[0], code[0] = a[0], b[0]
    for i in range(1, n):
        c = <codes> (b[i * C] + <codes> (i * step))
        if beats(op, a[i * C], best[0]) or (a[i * C] == best[0] and c < code[0]):
            best[0], code[0] = a[i * C], c


cdef inline void track_slide(Best* op, const wide* a, const codes* b, wide* best, codes* code,
                             const Track* w) noexcept nogil:
    """Along a row of cells of C samples."""
    cdef Py_ssize_t i, c, n = w.n, k = w.k, s = w.s, d = w.d, C = w.C
    cdef codes step = <codes> w.step
    if w.starts != NULL:
        for i in range(n):
            for c in range(C):
                if w.stops[i] > w.starts[i]:
                    track_cells(op, a + w.starts[i] * C + c, b + w.starts[i] * C + c, best + i * C + c,
                                code + i * C + c, w.stops[i] - w.starts[i], C, step)
                else:
                    best[i * C + c], code[i * C + c] = 0, beyond(code)
    elif C > 1 or s == 1:  # along the channels, or along the whole row
        for i in range(1 if s == 1 else n):
            track_taps(op, a + i * s * C, b + i * s * C, best + i * C, code + i * C, n * C if s == 1 else C, k, 1,
                       d * C, step)
    elif s == 2:
        track_taps(op, a, b, best, code, n, k, 2, d, step)
    else:
        track_taps(op, a, b, best, code, n, k, s, d, step)


cdef inline void widen_codes(const codes* code, const Track* w, int64_t first, int64_t further, int64_t* out,
                             Py_ssize_t out_pitch) noexcept nogil:
    """Offsets to flat positions, -1: no cell.  The first output's window starts at `first`, the next at a stride,
    and those of the next line `further`."""
    cdef Py_ssize_t i, c, _, n = w.n, C = w.C
    cdef int64_t at, step = w.s * w.step // w.d
    for _ in range(w.lines):
        at = first
        if C == 1:
            for i in range(n):
                out[i] = at + <int64_t> code[i] if code[i] < beyond(code) else -1
                at += step
        else:
            for i in range(n):
                for c in range(C):
                    out[i * C + c] = at + <int64_t> code[i * C + c] if code[i * C + c] < beyond(code) else -1
                at += step
        first += further
        code += w.pitch
        out += out_pitch


cdef inline void fetch_line(const Track* w, const void** rows, Py_ssize_t line, Py_ssize_t ahead) noexcept nogil:
    fetch_rows(&w.rows, rows, line)
    fetch(w.places + line * w.place_bytes + ahead, w.place_bytes)
    fetch(w.values + line * w.value_bytes, w.value_bytes)


cdef inline void track_work(Best* op, wide* kind, codes* code, Track* w) noexcept nogil:
    """One verb; `codes` is as wide as `wide`."""
    cdef Py_ssize_t i, line
    cdef wide* a = <wide*> w.best
    cdef codes* b = <codes*> w.code
    cdef const wide** rows = <const wide**> w.rows.rows
    for line in range(w.lines if w.verb != TRACK_SLIDE else 0):
        if w.verb != TRACK_FILL:
            fetch_line(w, <const void**> rows, line, 0)
        if w.verb == TRACK_MERGE:
            w.met = track_merge(op, rows, w.starting, w.rows.taps, w.n, a, b, w.first) or w.met
        elif w.verb == TRACK_QUADS:
            w.met = track_quads(op, rows[0], rows[1], <codes> w.step, <codes> w.starting[1], a, b, w.n) or w.met
        else:
            for i in range(w.n):
                a[i] = bottom_of(a) if Best is Max else top_of(a)
                b[i] = beyond(code)
        a += w.pitch
        b += w.pitch
        if w.verb != TRACK_FILL:
            rows += w.rows.taps
    if w.verb == TRACK_SLIDE:
        track_slide(op, <const wide*> w.best, <const codes*> w.code, <wide*> w.out, <codes*> w.out_code, w)


cdef inline void place_quads(bint largest, Track* w) noexcept nogil:
    """TRACK_QUADS of float32, and where they lie, in one pass."""
    cdef const float** rows = <const float**> w.rows.rows
    cdef float* best = <float*> w.best
    cdef int64_t at = w.at
    cdef int64_t* index = w.index
    cdef int beside = <int> w.step, below = <int> w.starting[1]
    cdef Py_ssize_t line
    for line in range(w.lines):
        fetch_line(w, <const void**> rows, line, PLACES_AHEAD)
        w.met = place_extremes(largest, rows[0], rows[1], at, 2 * w.step, beside, below, best, index, w.n) or w.met
        rows += 2
        best += w.pitch
        at += w.further
        index += w.index_pitch


cdef inline void track_kind(Best* op, int code, Track* w) noexcept nogil:
    if code == U32:
        track_work(op, <uint32_t*> NULL, <uint32_t*> NULL, w)
    elif code == I32:
        track_work(op, <int32_t*> NULL, <uint32_t*> NULL, w)
    elif code == U64:
        track_work(op, <uint64_t*> NULL, <uint64_t*> NULL, w)
    elif code == I64:
        track_work(op, <int64_t*> NULL, <uint64_t*> NULL, w)
    elif code == F32:
        track_work(op, <float*> NULL, <uint32_t*> NULL, w)
    else:
        track_work(op, <double*> NULL, <uint64_t*> NULL, w)


cdef inline void track(bint largest, int code, Track* w) noexcept nogil:
    if largest:
        track_kind(<Max*> NULL, code, w)
    else:
        track_kind(<Min*> NULL, code, w)


cdef inline void positions_of(int size, const char* code, const Track* w, int64_t first, int64_t further,
                              int64_t* out, Py_ssize_t out_pitch) noexcept nogil:
    """Codes of `size` bytes, on w.lines lines that are w.pitch apart, to flat positions."""
    if size == 4:
        widen_codes(<const uint32_t*> code, w, first, further, out, out_pitch)
    else:
        widen_codes(<const uint64_t*> code, w, first, further, out, out_pitch)
