# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Pairs: modes and medians of blocks of 2x2 and 2x2x2 cells, from memory to results in one pass."""
from .lines cimport fetch_next, fetched, list_run, set_rows
from .merge cimport Rows
from .middles cimport BATCH, halve_pairs_any
from .modes cimport modes_of_pairs_any
from .plan cimport *
from .ranks cimport ranks_of
from .scratch cimport *
from .slots cimport *

cdef enum:
    STRIP = 2048  # bytes of all rows between two looks at what is read next


cdef inline bint halved(const Select* how) noexcept nogil:
    """The quantile that lies half between the two middle cells."""
    cdef Py_ssize_t low, high
    cdef double part
    ranks_of(how, how.slots, &low, &high, &part)
    return part == 0.5 and low == how.slots // 2 - 1


cdef inline bint in_pairs(const Plan* p, const Lane* lane, const Line* run, Py_ssize_t m, const Tile* t) noexcept nogil:
    """Whether all cells of m lines of such blocks take part, and are read as they are."""
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    cdef const Select* how = &p.pick
    cdef Py_ssize_t i = 0
    if (how.indexed or how.each or not lane.direct or axis.k != 2 or axis.s != 2 or axis.d != 1 or p.g.channels != 1
            or (how.slots != 4 and how.slots != 8) or t.low != t.p0 or t.high != t.p0 + t.cells):
        return False
    if how.method == MODE:  # in floats a NaN is to be found first
        if how.ignoring or how.ties != LEAST or lane.have >= F32:
            return False
    elif (how.method != QUANTILE or p.omit or not halved(how) or U64 <= lane.have <= I64
          or (lane.want != lane.have and lane.want != F64)):
        return False
    while i < m:
        if 2 * run.at.taps != how.slots:
            return False
        i += run.lines
        run += 1
    return True


cdef inline bint paired(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane, const Line* lines,
                        Py_ssize_t m, const Tile* t) noexcept nogil:
    """Modes and medians of m lines of blocks of two cells a row; False: of others, or a NaN is among them."""
    cdef const Geometry* g = &p.g
    cdef Py_ssize_t _, i = 0, j, k, n, cell = lane.have_size
    cdef const Line* run = lines
    cdef const void** rows
    cdef char* out = s.picked
    cdef Rows r
    if not in_pairs(p, lane, run, m, t):
        return False
    while i < m:
        list_run(g, s, run, arrays.x + t.low * g.x_cell, s.pointers)
        rows = s.pointers
        set_rows(&r, rows, run.at.taps, run.lines, fetched(lane, t.high - t.low))
        for _ in range(run.lines):
            j = 0
            while j < t.n:
                n = min(t.n - j, min(BATCH, STRIP // (2 * r.taps * cell)))
                if r.fetched:
                    fetch_all(<const char**> rows, r.taps, 2 * n * cell, r.ahead)
                else:
                    fetch_next(g, run, 1, 2 * n * cell, rows)
                if p.pick.method == MODE:
                    modes_of_pairs_any(lane.have, rows, r.taps, n, out + j * lane.want_size)
                elif not halve_pairs_any(lane.have, lane.want == F64, rows, r.taps, n, p.pick.rounding,
                                         out + j * lane.want_size):
                    return False
                for k in range(r.taps):
                    rows[k] = <const char*> rows[k] + 2 * n * cell
                j += n
            rows += r.taps
            out += g.pitch * lane.want_size
        i += run.lines
        run += 1
    return True
