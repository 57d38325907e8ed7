# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Tracked: the extremes of the lines of a plan and where they lie, found together (track.pxd)."""
from .lines cimport decode, fetched, set_rows
from .places cimport *
from .plan cimport *
from .scratch cimport *
from .slots cimport *
from .track cimport *


cdef inline int64_t* indices_of(const Plan* p, const Arrays* arrays, Scratch* s, const Line* line, const Tile* t,
                                Py_ssize_t column) noexcept nogil:
    """Where the flat positions of a line's outputs go."""
    if arrays.index != NULL:
        return arrays.index + line.at.out // p.out_size + t.i0 * p.g.channels
    return s.indices + column


cdef inline void set_results(const Plan* p, const Arrays* arrays, Scratch* s, const Line* run, const Tile* t,
                             Track* w) noexcept nogil:
    """Memory that the results of a run's lines will go to."""
    cdef Py_ssize_t results = p.g.axes[p.g.leading].o * p.g.channels
    w.places = w.values = <const char*> indices_of(p, arrays, s, run, t, 0)
    w.place_bytes = w.value_bytes = 0
    if arrays.index != NULL and p.g.tiles == 1:
        w.values = arrays.out + run.at.out
        w.place_bytes = results * sizeof(int64_t) if results * sizeof(int64_t) <= LONG else 0
        w.value_bytes = results * p.out_size if results * p.out_size <= LONG else 0


cdef inline void in_order(Scratch* s, Py_ssize_t n) noexcept nogil:
    """The listed rows by their positions in the window; they mostly are."""
    cdef Py_ssize_t i, j
    for i in range(1, n):
        j = i
        while j > 0 and s.taps.rank[j - 1] > s.taps.rank[j]:
            s.taps.x[j - 1], s.taps.x[j] = s.taps.x[j], s.taps.x[j - 1]
            s.taps.mask[j - 1], s.taps.mask[j] = s.taps.mask[j], s.taps.mask[j - 1]
            s.taps.at[j - 1], s.taps.at[j] = s.taps.at[j], s.taps.at[j - 1]
            s.taps.rank[j - 1], s.taps.rank[j] = s.taps.rank[j], s.taps.rank[j - 1]
            j -= 1


cdef inline bint list_coded(const Geometry* g, Scratch* s, const Line* run, const char* base) noexcept nogil:
    """The rows of a run and their codes (the same on all lines), if that is simple."""
    cdef Py_ssize_t r, step = 0
    if not list_rows(g, run, base, s.pointers):
        return False
    if run.at.varying != NONE:
        step = g.axes[run.at.varying].d * g.axes[run.at.varying].index
    for r in range(run.at.taps):
        s.codes[r] = run.at.lead + r * step
    return True


cdef inline void track_run(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane, const Line* run,
                           const Tile* t, Track* w) noexcept nogil:
    """The rows of the lines of a run, merged."""
    cdef const Geometry* g = &p.g
    cdef Py_ssize_t i, j, r, rows, count = run.at.taps if t.high > t.low else 0
    cdef const char* base = arrays.x + t.low * g.x_cell
    cdef const Line* line
    cdef bint largest = p.pick.method == LARGEST
    if count == 0:
        w.verb = TRACK_FILL
        track(largest, lane.have, w)
        return
    w.verb = TRACK_MERGE
    set_results(p, arrays, s, run, t, w)
    w.starting, w.first = s.codes, True
    if lane.direct and list_coded(g, s, run, base):
        set_rows(&w.rows, s.pointers, count, run.lines, fetched(lane, w.n))
        track(largest, lane.have, w)
        return
    w.lines, w.place_bytes, w.value_bytes = 1, 0, 0
    for i in range(run.lines):
        line = line_of(g, s, run, i)
        list_taps(g, line, 0, count, &s.taps)
        in_order(s, count)
        for r in range(count):
            s.codes[r] = s.taps.at[r] - line.at.origin
        w.first, r = True, 0
        while r < count:
            rows = min(count - r, count if lane.direct else GROUP)
            for j in range(rows):
                s.pointers[j] = (<const void*> (base + s.taps.x[r + j]) if lane.direct else
                                 decode(p, arrays, s, lane, s.taps.x[r + j], s.taps.mask[r + j], t, <int> j))
            set_rows(&w.rows, s.pointers, rows, 1, 0)
            w.starting = s.codes + r
            track(largest, lane.have, w)
            w.first = False
            r += rows
        w.best, w.code = <char*> w.best + w.pitch * lane.have_size, <char*> w.code + w.pitch * lane.have_size


cdef inline void set_places(const Plan* p, const Arrays* arrays, const Line* run, const Tile* t,
                            Track* w) noexcept nogil:
    """Where the windows of a run lie, and how far apart the positions of its lines will be."""
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    w.at = run.at.origin + t.p0 * axis.index
    w.further = p.g.axes[p.g.leading - 1].s * p.g.axes[p.g.leading - 1].index if p.g.leading else 0
    w.index_pitch = (axis.o if arrays.index != NULL else p.g.pitch) * p.g.channels


cdef inline void place_run(const Plan* p, const Arrays* arrays, Scratch* s, const Line* run, Py_ssize_t m,
                           const Tile* t, Track* w) noexcept nogil:
    """The flat positions of what was tracked in m lines; windows of a table start anywhere."""
    cdef Py_ssize_t i = 0, j, C = p.g.channels, size = p.lanes[p.n_lanes - 1].have_size
    cdef int64_t* out = indices_of(p, arrays, s, run, t, 0)
    w.pitch = p.g.pitch * C
    w.n = 1 if w.starts != NULL else t.n
    while i < m:
        w.lines = run.lines
        set_places(p, arrays, run, t, w)
        for j in range(t.n // w.n):
            positions_of(size, s.c + (i * w.pitch + j * C) * size, w,
                         w.at + (w.starts[j] * p.g.axes[p.g.leading].index if w.starts != NULL else 0), w.further,
                         out + i * w.index_pitch + j * C, w.index_pitch)
        i += run.lines
        run += 1


cdef inline bint quads(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane, const Line* run,
                       Py_ssize_t m, const Tile* t, Track* w) noexcept nogil:
    """Extremes of blocks of 2x2 of m lines, and their codes or positions, in one pass; False: of others."""
    cdef const Geometry* g = &p.g
    cdef Py_ssize_t i = 0, size = lane.have_size
    cdef int64_t* index = indices_of(p, arrays, s, run, t, 0)
    if (w.k != 2 or w.s != 2 or w.d != 1 or w.C != 1 or w.starts != NULL or not lane.direct or t.low != t.p0
            or t.high != t.p0 + t.cells):
        return False
    w.verb, w.n, w.pitch = TRACK_QUADS, t.n, g.pitch
    w.starting = s.codes
    while i < m:
        if (run.at.taps != 2 or not list_coded(g, s, run, arrays.x + t.low * g.x_cell) or s.codes[0] != 0
                or w.step >= s.codes[1]):
            return False
        w.lines = run.lines
        w.best, w.code = s.picked + i * g.pitch * size, s.c + i * g.pitch * size
        set_rows(&w.rows, s.pointers, 2, run.lines, fetched(lane, 2 * t.n))
        set_results(p, arrays, s, run, t, w)
        set_places(p, arrays, run, t, w)
        w.index = index + i * w.index_pitch if p.pick.indexed and lane.have == F32 and t.n >= PLACED else NULL
        if w.index != NULL:
            place_quads(p.pick.method == LARGEST, w)
        else:
            track(p.pick.method == LARGEST, lane.have, w)
        i += run.lines
        run += 1
    return True


cdef inline bint tracked(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane, const Line* lines,
                         Py_ssize_t m, const Tile* t) noexcept nogil:
    """Extremes and where they lie, of m lines; False: there was a NaN, and nothing is known."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef Py_ssize_t C = g.channels, i = 0, j, k, size = lane.have_size
    cdef Py_ssize_t line_cells = g.line if m > 1 else t.cells, left = (t.low - t.p0) * C
    cdef Py_ssize_t right = (t.p0 + t.cells - t.high) * C, n = (t.high - t.low) * C
    cdef bint largest = p.pick.method == LARGEST
    cdef const Line* run = lines
    cdef Track w
    w.met, w.rows.rows = False, NULL
    w.C, w.k, w.s, w.d = C, axis.k, axis.s, axis.d
    w.step = axis.d * axis.index
    w.starts = s.starts if axis.starts != NULL else NULL
    w.stops = s.stops
    if quads(p, arrays, s, lane, lines, m, t, &w):
        if p.pick.indexed and w.index == NULL and not w.met:
            place_run(p, arrays, s, lines, m, t, &w)
        return not w.met
    w.met = False
    w.pitch, w.lines = line_cells * C, m
    w.verb = TRACK_FILL
    for j in range(2):
        k, w.n = 0 if j == 0 else left + n, left if j == 0 else right
        w.best, w.code = s.a + k * size, s.b + k * size
        if w.n > 0:
            track(largest, lane.have, &w)
    while i < m:
        k = i * line_cells * C + left
        w.n, w.lines = n, run.lines
        w.best, w.code = s.a + k * size, s.b + k * size
        track_run(p, arrays, s, lane, run, t, &w)
        i += run.lines
        run += 1
    if w.met:
        return False
    w.verb = TRACK_SLIDE
    w.n = (m - 1) * g.pitch + t.n
    w.best = s.a
    w.code = s.b
    w.out = s.picked
    w.out_code = s.c
    track(largest, lane.have, &w)
    if p.pick.indexed:
        place_run(p, arrays, s, lines, m, t, &w)
    return True
