# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Shared: medians of lines of windows that have most of their columns in common (middles.pxd)."""
from libc.string cimport memcpy

from .decode cimport KEEP
from .lines cimport decode, fetch_next
from .places cimport *
from .plan cimport *
from .scratch cimport *
from .select cimport select_any
from .slots cimport *
from .tiles cimport margin_cell, mirror_columns


cdef inline bint mirrors_inside(const Axis* axis, const Tile* t, Py_ssize_t low, Py_ssize_t high) noexcept nogil:
    """Whether the cells of a tile beyond low .. high mirror some of those."""
    cdef Py_ssize_t i
    for i in range(t.cells - (high - low)):
        if not low <= fold_cell(axis, margin_cell(t, low, high, i)) < high:
            return False
    return True


cdef inline bint shared_medians(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane, const Line* lines,
                                Py_ssize_t m, const Tile* t, Py_ssize_t pitch, char* out) noexcept nogil:
    """Medians of m lines of windows that share their columns, `pitch` outputs apart; False: a NaN left some unknown."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef Columns* c = &s.columns
    cdef const Line* line
    cdef Py_ssize_t i, r, C = g.channels, size = lane.have_size
    cdef Py_ssize_t low = max(t.p0, 0), high = min(t.p0 + t.cells, axis.n)
    cdef bint direct = g.plain and lane.convert1 == KEEP and axis.border != VALUE
    cdef const void** above = c.ordered + t.i0 // g.outputs % 4 * 8
    direct = direct and mirrors_inside(axis, t, low, high)
    if not direct:
        low, high = t.p0, t.p0 + t.cells
    c.rows, c.pitch, c.step = axis.k, t.cells * C, axis.d * C
    for i in range(m):
        line = line_of(g, s, lines, i)
        list_taps(g, line, 0, c.rows, &s.taps)
        c.known = 0
        for r in range(c.rows):
            if direct:
                s.pointers[r] = arrays.x + s.taps.x[r] + low * g.x_cell
                if c.known == r < c.rows - 1 and above[r + 1] == s.pointers[r]:
                    c.known += 1
            else:
                s.pointers[r] = c.cells + r * c.pitch * size
                memcpy(c.cells + r * c.pitch * size,
                       decode(p, arrays, s, lane, s.taps.x[r], s.taps.mask[r], t, 0), c.pitch * size)
        c.n, c.sources = (high - low) * C, s.pointers
        if not select_any(lane.have, c.cells + (low - t.p0) * C * size, &p.pick, c, False, lane.want, NULL, NULL,
                          NULL, NULL, NULL):
            c.rows = 0
            return False
        for r in range(c.rows if direct else 0):
            above[r] = s.pointers[r]
        if direct:
            fetch_next(g, line, 1, c.n * size, s.pointers)
        mirror_columns(axis, t, low, high, c.cells, c.rows, c.pitch * size, C * size)
        c.n, c.sources = t.n * C, NULL
        select_any(lane.have, c.cells, &p.pick, c, False, lane.want, NULL, NULL, s.run, NULL,
                   out + i * pitch * C * lane.want_size)
    c.rows = 0
    return True
