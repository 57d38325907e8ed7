# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Tables: windows given by a table on short rows, as adaptive pooling of small maps has them, from memory to results.

    row 0   a a a a a a a a         windows  |---|
    row 1   b b b b b b b b                     |---|
    row 2   c c c c c c c c                       |-----|

The rows are merged in a few registers, out of which a cell of all windows is picked at a time (tables.h).
"""
from .folds cimport LANES
from .lines cimport fetched, list_run, set_rows
from .merge cimport Rows, fetch_rows
from .plan cimport *
from .scratch cimport *

cdef extern from "tables.h" nogil:
    const Py_ssize_t SHORT_ROW "CYPOOL_SHORT_ROW"      # cells; 0 where registers are too few
    const Py_ssize_t FEW_WINDOWS "CYPOOL_FEW_WINDOWS"
    void add_table "cypool_add_table" (const void** rows, Py_ssize_t taps, Py_ssize_t n, const Py_ssize_t* starts,
                                       const Py_ssize_t* stops, Py_ssize_t windows, double* out)
    void max_table "cypool_max_table" (const void** rows, Py_ssize_t taps, Py_ssize_t n, const Py_ssize_t* starts,
                                       const Py_ssize_t* stops, Py_ssize_t windows, float* out)
    void min_table "cypool_min_table" (const void** rows, Py_ssize_t taps, Py_ssize_t n, const Py_ssize_t* starts,
                                       const Py_ssize_t* stops, Py_ssize_t windows, float* out)


cdef inline bint is_table(const Plan* p, const Scratch* s, const Lane* lane, const Line* run, Py_ssize_t m,
                          const Tile* t) noexcept nogil:
    """Whether m lines are such, whose rows and windows all have cells."""
    cdef const Geometry* g = &p.g
    cdef Py_ssize_t i = 0
    if (not 0 < t.cells <= SHORT_ROW or t.n > FEW_WINDOWS or t.low != t.p0 or t.high != t.p0 + t.cells
            or not lane.direct or lane.have != F32 or lane.op > SUM or lane.squares or lane.pairs or lane.from_mask
            or g.channels > 1 or g.weighted or g.segment or g.deep or g.axes[g.leading].starts == NULL):
        return False
    while i < m:
        if not 0 < run.at.taps <= ROWS or run.at.real != run.at.total:
            return False
        i += run.lines
        run += 1
    for i in range(t.n):  # sums of more cells are folded in another order
        if not 0 < s.stops[i] - s.starts[i] < 2 * LANES:
            return False
    return True


cdef inline void reduce_table(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane, const Line* run,
                              Py_ssize_t m, const Tile* t) noexcept nogil:
    """Such lines, into s.a."""
    cdef const Geometry* g = &p.g
    cdef Py_ssize_t i = 0, line, taps
    cdef const char* base = arrays.x + t.low * g.x_cell
    cdef char* out = s.a
    cdef Rows r
    while i < m:
        taps = run.at.taps
        list_run(g, s, run, base, s.pointers)
        set_rows(&r, s.pointers, taps, run.lines, fetched(lane, t.cells))
        for line in range(run.lines):
            fetch_rows(&r, r.rows, line)
            if lane.op == SUM:
                add_table(r.rows, taps, t.cells, s.starts, s.stops, t.n, <double*> out)
            elif lane.op == MAX:
                max_table(r.rows, taps, t.cells, s.starts, s.stops, t.n, <float*> out)
            else:
                min_table(r.rows, taps, t.cells, s.starts, s.stops, t.n, <float*> out)
            r.rows += taps
            out += t.n * lane.want_size
        i += run.lines
        run += 1
