# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Counts: how many cells take part in each window of a tile."""
from libc.string cimport memset

from .finish cimport MEAN, TAKE
from .places cimport *
from .plan cimport *
from .scratch cimport *


cdef inline void count_line(const Plan* p, Scratch* s, const Line* line, Py_ssize_t tile, Py_ssize_t at) noexcept nogil:
    """How many cells take part in each window of a line, and how many of them are padding that counts."""
    cdef int64_t* counts = s.counts + at
    cdef int64_t* pads = s.pads + at
    cdef double* inverse = s.inverse + at
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef Py_ssize_t i = 0, j, last, start, low, high, total, i0 = tile * g.outputs, C = g.channels
    cdef Py_ssize_t n = min(g.outputs, axis.o - i0)
    cdef int64_t cells, real
    cdef double share
    while i < n:
        window(axis, line.at.plane, i0 + i, &start, &low, &high, &total)
        last = min(n, axis.cut - i0) if axis.whole <= i0 + i < axis.cut else i + 1
        real = line.at.real * (high - low)
        cells = line.at.total * total if p.constant else real
        share = 1 / <double> max(cells, 1)
        for j in range(i * C, last * C):
            counts[j] = cells
            pads[j] = cells - real
            inverse[j] = share
        i = last


cdef inline void know_counts(const Plan* p, Scratch* s, const Line* line, Py_ssize_t tile) noexcept nogil:
    """The counts of a line that is written on its own, if they are not those of the one before."""
    if s.known_tile != tile or s.known[0] != line.at.real:
        s.known_tile, s.known[0] = tile, line.at.real
        count_line(p, s, line, tile, 0)


cdef inline double share_of(const Plan* p, int64_t cells) noexcept nogil:
    """What one of the cells of a window counts."""
    if p.f.code == TAKE:
        return 1
    return 1 / <double> (p.f.divisor if p.f.divisor else max(cells, 1))


cdef inline const double* shares_of(const Plan* p, Scratch* s, const Line* line, Py_ssize_t tile,
                                    double* share) noexcept nogil:
    """What a cell of each window of a line counts, or NULL: all the same, which is told as well."""
    share[0] = share_of(p, line.at.real * p.g.axes[p.g.leading].k)
    if p.f.code != MEAN or p.f.divisor or p.g.uniform:
        return NULL
    know_counts(p, s, line, tile)
    return s.inverse


cdef inline void count_cells(const Plan* p, Scratch* s, const Line* lines, Py_ssize_t m,
                             Py_ssize_t tile) noexcept nogil:
    """The counts of m lines, `pitch` outputs apart, or one number for all."""
    cdef const Geometry* g = &p.g
    cdef Py_ssize_t i = 0, j, line, C = g.channels, step = g.pitch * C
    cdef const Line* run = lines
    cdef Py_ssize_t n = min(g.outputs, g.axes[g.leading].o - tile * g.outputs) * C
    s.count.uniform = (g.uniform or not g.counted) and p.count_lane < 0 and not p.constant
    s.count.n = lines.at.real * g.axes[g.leading].k
    s.count.row = s.counts
    s.count.pads = s.pads
    s.count.inverse = s.inverse if p.count_lane < 0 else NULL
    while i < m and s.count.uniform and g.counted:
        s.count.uniform = run.at.real == lines.at.real
        i += run.lines
        run += 1
    if s.count.uniform:
        return
    if s.known_tile != tile or p.count_lane >= 0 or g.planes:
        memset(s.known, 0xFF, 2 * g.band * sizeof(int64_t))
        s.known_tile = tile
    run, i = lines, 0
    while i < m:
        for line in range(i, i + run.lines):
            if s.known[2 * line] == run.at.real and s.known[2 * line + 1] == run.at.total:
                continue  # as in the band before
            s.known[2 * line], s.known[2 * line + 1] = run.at.real, run.at.total
            count_line(p, s, run, tile, line * step)
            for j in range(n, step):  # between the rows of a band
                s.counts[line * step + j] = 0x4000000000000000
                s.inverse[line * step + j] = s.pads[line * step + j] = 0
        i += run.lines
        run += 1


cdef inline Py_ssize_t results_of(const Plan* p, Py_ssize_t m, Py_ssize_t tile) noexcept nogil:
    """Samples from the first result of a tile of m lines to the last."""
    cdef const Geometry* g = &p.g
    return ((m - 1) * g.pitch + min(g.outputs, g.axes[g.leading].o - tile * g.outputs)) * g.channels
