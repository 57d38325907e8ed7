# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Shared: medians of lines of windows that have most of their columns in common (middles.pxd)."""
from libc.string cimport memcpy, memset

from .decode cimport DOUBLE, KEEP, convert
from .lines cimport decode, fetch_next
from .middles cimport Middles, middles_of
from .places cimport *
from .plan cimport *
from .scratch cimport *
from .slots cimport *
from .tiles cimport margin_cell, mirror_columns

cdef enum:
    FOUR = 4  # rows that two lines of windows of five share
    KNOWN = 8  # rows of a tile that are remembered

cdef struct Shared:  # the rows of a line, and what the one below has besides
    Py_ssize_t x[6]
    Py_ssize_t mask[6]


cdef inline bint mirrors_inside(const Axis* axis, const Tile* t, Py_ssize_t low, Py_ssize_t high) noexcept nogil:
    """Whether the cells of a tile beyond low .. high mirror some of those."""
    cdef Py_ssize_t i
    for i in range(t.cells - (high - low)):
        if not low <= fold_cell(axis, margin_cell(t, low, high, i)) < high:
            return False
    return True


cdef inline bint ordered(int code, const void* row, Py_ssize_t n, const void** known) noexcept nogil:
    """Whether a row holds no NaN, as is known of some."""
    cdef Py_ssize_t i
    for i in range(KNOWN):
        if known[i] == row:
            return True
    if code == F32:
        return ordered_f32(<const float*> row, n)
    return code != F64 or ordered_f64(<const double*> row, n)


cdef inline bint shared_lines(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane, const Line* line,
                              const Shared* rows, const Tile* t, char* out, char* below) noexcept nogil:
    """Medians of a line of windows and, if it is not NULL, of the one below; False: a NaN left some unknown.

    Of windows of five, the four rows that two lines share come first, and those they do not behind them."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef const Middles* of = &middles_of[lane.have]
    cdef Py_ssize_t r, at, C = g.channels, k = axis.k, size = lane.have_size, n = t.n * C
    cdef Py_ssize_t pitch = t.cells * C + UNIT // size
    cdef Py_ssize_t low = max(t.p0, 0), high = min(t.p0 + t.cells, axis.n), cells, two = below != NULL, count = k + two
    cdef bint direct = g.plain and lane.convert1 == KEEP and axis.border != VALUE
    cdef const void** known = s.columns.ordered + t.i0 // g.outputs % 4 * KNOWN
    cdef const void* sorted[FOUR]
    cdef char* place
    cdef char* found[2]
    direct = direct and mirrors_inside(axis, t, low, high)
    if not direct:
        low, high = t.p0, t.p0 + t.cells
    cells = (high - low) * C
    for r in range(count):
        at = FOUR if k > FOUR and r == 0 else r - 1 if 0 < r <= FOUR < k else r
        place = s.columns.cells + (at * pitch + (low - t.p0) * C) * size
        if direct:
            s.pointers[r] = arrays.x + rows.x[r] + low * g.x_cell
        else:
            s.pointers[r] = place
            memcpy(place, decode(p, arrays, s, lane, rows.x[r], rows.mask[r], t, 0), cells * size)
        if not ordered(lane.have, s.pointers[r], cells, known):
            return False
        if at < FOUR:
            sorted[at] = s.pointers[r]
        elif direct:
            memcpy(place, s.pointers[r], cells * size)
    of.sort_columns(sorted, <int> min(k, FOUR), s.columns.cells + (low - t.p0) * C * size, pitch, cells)
    if direct:
        memset(known, 0, KNOWN * sizeof(void*))
        memcpy(known, s.pointers, count * sizeof(void*))
        fetch_next(g, line, 1 + two, cells * size, s.pointers + two)
    mirror_columns(axis, t, low, high, s.columns.cells, count, pitch * size, C * size)
    found[0], found[1] = out, below
    if lane.want != lane.have:
        found[0], found[1] = s.run, s.most if two else NULL
    if k > FOUR:
        of.of_five(s.columns.cells, pitch, axis.d * C, found[0], found[1], n)
    else:
        of.of_three(s.columns.cells, pitch, axis.d * C, found[0], n)
    if lane.want != lane.have:
        convert(DOUBLE, lane.have, found[0], out, n)
        if two:
            convert(DOUBLE, lane.have, found[1], below, n)
    return True


cdef inline void list_shared(const Geometry* g, Scratch* s, const Line* line, Shared* rows) noexcept nogil:
    cdef Py_ssize_t k = g.axes[g.leading].k
    list_taps(g, line, 0, k, &s.taps)
    memcpy(rows.x, s.taps.x, k * sizeof(Py_ssize_t))
    memcpy(rows.mask, s.taps.mask, k * sizeof(Py_ssize_t))


cdef inline bint shared_medians(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane, const Line* lines,
                                Py_ssize_t m, const Tile* t, Py_ssize_t pitch, char* out) noexcept nogil:
    """Medians of m lines of windows that share their columns, `pitch` outputs apart; False: a NaN left some unknown."""
    cdef const Geometry* g = &p.g
    cdef const Line* line
    cdef Py_ssize_t i = 0, r, k = g.axes[g.leading].k, step = pitch * g.channels * lane.want_size
    cdef Shared here, below
    cdef bint two
    while i < m:
        line = line_of(g, s, lines, i)
        list_shared(g, s, line, &here)
        two = k > FOUR and i + 1 < m
        if two:
            line = line_of(g, s, lines, i + 1)
            list_shared(g, s, line, &below)
            for r in range(FOUR):
                two = two and below.x[r] == here.x[r + 1]
            here.x[k], here.mask[k] = below.x[FOUR], below.mask[FOUR]
        if not shared_lines(p, arrays, s, lane, line, &here, t, out + i * step, out + (i + 1) * step if two else NULL):
            return False
        if k > FOUR and i + 1 < m and not two:
            if not shared_lines(p, arrays, s, lane, line, &below, t, out + (i + 1) * step, NULL):
                return False
        i += 2 if k > FOUR else 1
    return True
