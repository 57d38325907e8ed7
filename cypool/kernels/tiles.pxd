# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Tiles of the row axis, and partial results joined in pairs.

Rows far apart are joined in a fixed tree: 64 rows at a time, 1024 rows to a block, blocks in
pairs.  The tree depends on the window alone, so that sums have the same bits however the work is
divided.
"""
from libc.string cimport memcpy

from .places cimport *
from .plan cimport *
from .scratch cimport *
from .slide cimport COMBINE, FILL, Work, on_work
from .taps cimport combine_first, combine_sums


cdef inline Py_ssize_t segment_taps(const Plan* p, Py_ssize_t segment) noexcept nogil:
    """Taps of one part of a window that slides in parts."""
    return min(p.g.segment, p.g.axes[p.g.leading].k - segment * p.g.segment)


cdef inline void place_windows(const Axis* axis, Py_ssize_t plane, const Tile* t, Scratch* s) noexcept nogil:
    """The windows of a tile, from the tables of a plane; the rows of a plane follow each other, and share them."""
    cdef const int64_t* starts = axis.starts + plane * axis.plane_step + t.i0
    cdef const int64_t* stops = axis.stops + plane * axis.plane_step + t.i0
    cdef Py_ssize_t i, start = starts[0], stop = stops[0]
    if s.placed == starts:
        return
    s.placed, s.alike = starts, stop - start
    for i in range(t.n):
        s.alike = s.alike if stops[i] - starts[i] == s.alike else 0
        start = min(start, starts[i])
        stop = max(stop, stops[i])
    for i in range(t.n):
        s.starts[i] = starts[i] - start
        s.stops[i] = stops[i] - start
    s.start, s.stop = start, stop


cdef inline void set_tile(const Plan* p, Py_ssize_t plane, Py_ssize_t tile, Py_ssize_t segment,
                          Scratch* s, Tile* t) noexcept nogil:
    """Where a tile of the row axis lies; with segments: one part of one window."""
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    cdef Py_ssize_t start, stop, first = 0, last = axis.n
    t.i0 = tile * p.g.outputs
    t.n = min(p.g.outputs, axis.o - t.i0)
    if axis.starts != NULL:
        place_windows(axis, plane, t, s)
        start, stop = s.start, s.stop
    else:
        start = t.i0 * axis.s - axis.before
        stop = start + (t.n - 1) * axis.s + (axis.k - 1) * axis.d + 1
        if axis.border >= REFLECT and not p.g.mirrored:
            first = -axis.before
            last = axis.n + axis.after
    t.p0 = start
    t.cells = stop - start
    t.low = max(start, first)
    t.high = max(min(stop, last), t.low)
    if p.g.sliding:  # a part of each window
        t.p0 = start + segment * p.g.segment
        t.cells = (t.n - 1) * axis.s + segment_taps(p, segment)
        t.low = max(t.p0, first)
        t.high = max(min(t.p0 + t.cells, last), t.low)
    elif p.g.segment:  # a part of the row
        t.low = min(t.low + segment * p.g.segment, t.high)
        t.high = min(t.low + p.g.segment, t.high)
        t.p0 = t.low
        t.cells = t.high - t.low
        s.starts[0], s.stops[0] = 0, t.cells
        s.placed, s.alike = NULL, 0


cdef inline Py_ssize_t margin_cell(const Tile* t, Py_ssize_t low, Py_ssize_t high, Py_ssize_t i) noexcept nogil:
    """The i-th cell of a tile that is not one of low .. high."""
    return t.p0 + i if i < low - t.p0 else high + i - (low - t.p0)


cdef inline void mirror_columns(const Axis* axis, const Tile* t, Py_ssize_t low, Py_ssize_t high, char* cells,
                                Py_ssize_t rows, Py_ssize_t pitch, Py_ssize_t size) noexcept nogil:
    """Cells of `size` bytes beyond low .. high, on several rows, from those they mirror."""
    cdef Py_ssize_t i, r, cell
    for i in range(t.cells - (high - low)):
        cell = margin_cell(t, low, high, i)
        for r in range(rows):
            memcpy(cells + r * pitch + (cell - t.p0) * size, cells + r * pitch + (fold_cell(axis, cell) - t.p0) * size,
                   size)


cdef inline void fill(const Lane* lane, char* a, Py_ssize_t n, Py_ssize_t lines, Py_ssize_t pitch) noexcept nogil:
    """n identities on each of several lines."""
    cdef Work w
    w.verb = FILL
    w.a = a
    w.m = n
    w.k, w.s = lines, pitch
    w.value = &lane.identity
    on_work(SUM if lane.op >= TAPS else lane.op, lane.want, &w)


cdef inline void combine(const Lane* lane, char* a, char* b, Py_ssize_t n) noexcept nogil:
    """a = a op b on rows of n results."""
    cdef Work w
    if lane.op == FIRST:
        combine_first(<uint64_t*> a, <const uint64_t*> b, n)
        return
    if lane.op == TAPS:
        combine_sums(<double*> a, <const double*> b, n)
        return
    w.verb = COMBINE
    w.a = a
    w.b = b
    w.m = n
    on_work(lane.op, lane.want, &w)


cdef inline Py_ssize_t join(const Lane* lane, char** stack, Py_ssize_t top, Py_ssize_t done,
                            Py_ssize_t n) noexcept nogil:
    """Partial result number `done` has been put on the stack at `top`: joins equals in pairs."""
    while done & 1:
        combine(lane, stack[top - 1], stack[top], n)
        top -= 1
        done >>= 1
    return top + 1


cdef inline void join_rest(const Lane* lane, char** stack, Py_ssize_t top, Py_ssize_t n) noexcept nogil:
    while top > 1:
        combine(lane, stack[top - 2], stack[top - 1], n)
        top -= 1
