# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Columns: the cells of a tile's windows, one slot for each position, for `select`."""
from libc.string cimport memcpy, memset

from .decode cimport KEEP
from .draws cimport chance
from .lines cimport decode, exchange, fetch_next, fetched, load_mask, set_rows
from .pairs cimport paired
from .places cimport *
from .plan cimport *
from .scratch cimport *
from .select cimport select_any, space_out, space_out_any, take_apart_any
from .shared cimport shared_medians
from .slots cimport *
from .tiles cimport set_tile
from .track cimport *


cdef inline void place_row(const Plan* p, Scratch* s, const Line* line, const Tile* t, Py_ssize_t size,
                           const char* cells, const uint8_t* valid, Py_ssize_t rank, Py_ssize_t column) noexcept nogil:
    """A row's cells into the slots of its taps, from `column` on; `valid`: which of them take part, or NULL.

    Windows laid out one by one read rows from cell t.low on, others from t.p0."""
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    cdef Columns* c = &s.columns
    cdef Py_ssize_t C = p.g.channels, i = 0, j, slot, start, low, high, total, cell
    if p.pick.each:
        for i in range(t.n):
            window(axis, line.at.plane, t.i0 + i, &start, &low, &high, &total)
            for j in range(high - low):
                slot = (rank + j * axis.rank) * c.n + column + i * C
                cell = start + (low + j) * axis.d - t.low
                memcpy(c.cells + slot * size, cells + cell * C * size, C * size)
                memcpy(c.valid + slot, valid + cell * C, C)
        return
    if axis.k == 2 and axis.s == 2 and axis.d == 1 and C == 1 and valid == NULL:
        slot = rank * c.n + column
        take_apart_any(size, cells, c.cells + slot * size, c.cells + (slot + axis.rank * c.n) * size, t.n)
        return
    if axis.k == axis.s == 4 and axis.d == 1 and C * size == 3 and valid == NULL:
        i = part_colours(cells, c.cells + (rank * c.n + column) * size, axis.rank * c.n * size, t.n)
        cells, column = cells + i * axis.s * C * size, column + i * C
    for j in range(axis.k):
        slot = (rank + j * axis.rank) * c.n + column
        space_out_any(size, cells + j * axis.d * C * size, c.cells + slot * size, t.n - i, axis.s, C)
        if valid != NULL:
            space_out(valid + j * axis.d * C, c.valid + slot, t.n, axis.s, C)


cdef inline int64_t position_of(const Plan* p, const Line* line, Py_ssize_t i, Py_ssize_t slot) noexcept nogil:
    """Flat position of the cell in a slot of output i of a line; -1: it is padded."""
    cdef Py_ssize_t a, tap, cell, start, low, high, total
    cdef int64_t at = line.at.base
    cdef const Axis* axis
    for a in range(p.g.leading + 1):
        axis = &p.g.axes[a]
        if axis.index == 0 or (a < p.g.leading and is_batch(axis)):
            continue
        if a < p.g.leading:
            start, low = line.start[a], line.low[a]
        else:
            window(axis, line.at.plane, i, &start, &low, &high, &total)
        tap = slot // axis.rank % axis.reach + (low if p.g.compact else 0)
        cell = fold_cell(axis, start + tap * axis.d)
        if cell < 0:
            return -1
        at += cell * axis.index
    return at


cdef inline int64_t* indices_of(const Plan* p, const Arrays* arrays, Scratch* s, const Line* line, const Tile* t,
                                Py_ssize_t column) noexcept nogil:
    """Where the flat positions of a line's outputs go."""
    if arrays.index != NULL:
        return arrays.index + line.at.out // p.out_size + t.i0 * p.g.channels
    return s.indices + column


cdef inline void set_results(const Plan* p, const Arrays* arrays, Scratch* s, const Line* run, const Tile* t,
                             Track* w) noexcept nogil:
    """Memory that the positions of a run's lines will go to."""
    cdef Py_ssize_t bytes = p.g.axes[p.g.leading].o * p.g.channels * sizeof(int64_t)
    w.results = <const char*> indices_of(p, arrays, s, run, t, 0)
    w.result_bytes = bytes if arrays.index != NULL and p.g.tiles == 1 and bytes <= LONG else 0


cdef inline void find_indices(const Plan* p, Scratch* s, const Line* line, const Tile* t, Py_ssize_t column,
                              int64_t* out) noexcept nogil:
    """Flat positions of the picked cells in the pooled axes, -1: none."""
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    cdef const int32_t* at = s.columns.at + column
    cdef Py_ssize_t i, C = p.g.channels, step = axis.s * axis.index
    cdef int64_t first = line.at.origin + (t.i0 * axis.s - axis.before) * axis.index
    if p.pick.each or axis.border >= REFLECT:
        for i in range(t.n * C):
            out[i] = position_of(p, line, t.i0 + i // C, at[i]) if at[i] >= 0 else -1
    elif C == 1:  # a table says how far each slot is
        for i in range(t.n):
            out[i] = s.lead[at[i]] + first + i * step if at[i] >= 0 else -1
    else:
        for i in range(t.n * C):
            out[i] = s.lead[at[i]] + first + (i // C) * step if at[i] >= 0 else -1


cdef inline void note_lead(const Plan* p, Scratch* s, Py_ssize_t r, int64_t offset) noexcept nogil:
    """How far the cells of a row are from the start of the window."""
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    cdef Py_ssize_t j
    for j in range(0 if p.pick.each or axis.border >= REFLECT else axis.reach):
        s.lead[s.taps.rank[r] + j * axis.rank] = offset + j * axis.d * axis.index


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
    w.lines, w.result_bytes = 1, 0
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


cdef inline void lay_out_line(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane, const Line* line,
                              const Tile* t, Py_ssize_t column, bint direct) noexcept nogil:
    """The cells of a line's windows, from `column` on."""
    cdef const Geometry* g = &p.g
    cdef Py_ssize_t C = g.channels, row, r, q = (t.low - t.p0) * C, size = lane.have_size, n = (t.high - t.low) * C
    cdef Py_ssize_t right = (t.p0 + t.cells - t.high) * C
    cdef bint whole = p.pick.each or (q == 0 and right == 0)
    cdef uint8_t* valid = <uint8_t*> s.c if s.columns.valid != NULL else NULL
    cdef const char* cells
    if p.pick.each:
        q = 0
    for row in range(line.at.taps if n > 0 else 0):
        r = row % ROWS
        if r == 0:
            list_taps(g, line, row, min(ROWS, line.at.taps - row), &s.taps)
        if direct and s.taps.x[r] != PADDED:
            cells = arrays.x + s.taps.x[r] + t.low * g.x_cell
            if r + 1 < ROWS and row + 1 < line.at.taps and s.taps.x[r + 1] != PADDED:
                fetch(arrays.x + s.taps.x[r + 1] + t.low * g.x_cell, n * size)
        else:
            cells = <const char*> decode(p, arrays, s, lane, s.taps.x[r], s.taps.mask[r], t, 0)
        note_lead(p, s, r, s.taps.at[r] - line.at.origin)
        if valid != NULL:
            if not whole:
                memset(valid, 0, t.cells * C)
            if g.masked:
                load_mask(p, arrays, s.taps.x[r], s.taps.mask[r], t, <char*> valid + q)
            else:
                memset(valid + q, 1, n)
        if not whole:
            memcpy(s.a + q * size, cells, n * size)
            memset(s.a, 0, q * size)
            memset(s.a + q * size + n * size, 0, right * size)
            cells = s.a
        place_row(p, s, line, t, size, cells, valid, s.taps.rank[r], column)


cdef inline void select_columns(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane, const Line* lines,
                                Py_ssize_t m, const Tile* t, Py_ssize_t pitch, char* out) noexcept nogil:
    """The picked values of m lines, `pitch` outputs apart."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef Columns* c = &s.columns
    cdef Py_ssize_t C = g.channels, i = 0, j, size = lane.have_size
    cdef const Line* run = lines
    cdef const Line* line = lines
    cdef bint direct, full = not g.masked and not p.omit and not p.pick.each
    direct = g.plain and lane.convert1 == KEEP and t.low >= 0 and t.high <= axis.n
    full = full and t.low == t.p0 and t.high == t.p0 + t.cells
    while i < m:
        full = full and run.at.taps * axis.k == p.pick.slots
        i += run.lines
        run += 1
    if full and p.pick.shared and shared_medians(p, arrays, s, lane, lines, m, t, pitch, out):
        return
    c.n = ((m - 1) * pitch + t.n) * C
    c.valid = NULL
    if not full:
        c.valid = <uint8_t*> s.valid
        memset(c.valid, 0, p.pick.slots * c.n)
    if not full or (m > 1 and pitch > t.n):  # between the lines as well
        memset(c.cells, 0, p.pick.slots * c.n * size)
    for i in range(m):
        line = line_of(g, s, lines, i)
        lay_out_line(p, arrays, s, lane, line, t, i * pitch * C, direct)
    if direct and not p.pick.each and t.high > t.low and line.at.taps <= ROWS:  # which s.taps still lists
        for i in range(line.at.taps):
            s.pointers[i] = arrays.x + (s.taps.x[i] + t.low * g.x_cell if s.taps.x[i] != PADDED else 0)
        fetch_next(g, line, m, (t.high - t.low) * g.x_cell, s.pointers)
    for i in range(m if p.pick.method == STOCHASTIC else 0):
        line = line_of(g, s, lines, i)
        for j in range(t.n * C):
            c.u[i * pitch * C + j] = chance(arrays.key, <uint64_t> (
                line.at.flat + (t.i0 + j // C) * axis.position + j % C * g.channel_position))
    select_any(lane.have, c.cells, &p.pick, c, p.omit, lane.want, s.keys, s.spare_keys, s.run, s.most, out)
    if c.valid != NULL:
        s.count.uniform = False
        s.known_tile = -1  # `counts` are others now
        for i in range(c.n):
            s.counts[i] = c.count[i]
    s.found_nan = s.found_nan or (p.pick.raises and c.met)
    for i in range(m if p.pick.indexed else 0):
        line = line_of(g, s, lines, i)
        find_indices(p, s, line, t, i * pitch * C, indices_of(p, arrays, s, line, t, i * pitch * C))


cdef inline Tile part_of(const Axis* axis, const Tile* t, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    """Outputs first .. last of a tile of sliding windows, as a tile."""
    cdef Tile part
    part.i0, part.n = t.i0 + first, last - first
    part.p0, part.cells = t.p0 + first * axis.s, (part.n - 1) * axis.s + (axis.k - 1) * axis.d + 1
    part.low = max(part.p0, t.low)
    part.high = max(min(part.p0 + part.cells, t.high), part.low)
    return part


cdef inline void select_in_parts(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane, const Line* lines,
                                 Py_ssize_t m, const Tile* t, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    """Windows first .. last are whole, others, at the ends of the rows, are not: those have to tell which of their
    cells exist, and are selected apart."""
    cdef Py_ssize_t i, j, n, size = p.g.channels * lane.want_size
    cdef Py_ssize_t[4] ends = [0, first, last, t.n]
    cdef Tile part = part_of(&p.g.axes[p.g.leading], t, first, last)
    select_columns(p, arrays, s, lane, lines, m, &part, p.g.pitch, s.picked + first * size)
    for j in range(0, 4, 2):
        n = ends[j + 1] - ends[j]
        if n > 0:
            part = part_of(&p.g.axes[p.g.leading], t, ends[j], ends[j + 1])
            select_columns(p, arrays, s, lane, lines, m, &part, n, s.sums)
            for i in range(m):
                memcpy(s.picked + (i * p.g.pitch + ends[j]) * size, s.sums + i * n * size, n * size)


cdef inline char* selected(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane,
                           const Line* lines, Py_ssize_t m, Py_ssize_t tile) noexcept nogil:
    """A lane that selects: the picked values of m lines (and their positions), `pitch` outputs apart."""
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    cdef Py_ssize_t first, last
    cdef Tile t
    set_tile(p, lines.at.plane, tile, 0, s, &t)
    if p.pick.tracked and tracked(p, arrays, s, lane, lines, m, &t):
        return s.picked
    if paired(p, arrays, s, lane, lines, m, &t):
        return s.picked
    first = min(max(axis.whole - t.i0, 0), t.n)
    last = min(max(axis.cut - t.i0, first), t.n)
    if p.pick.parts and first < last and (first > 0 or last < t.n):
        select_in_parts(p, arrays, s, lane, lines, m, &t, first, last)
    else:
        select_columns(p, arrays, s, lane, lines, m, &t, p.g.pitch, s.picked)
    return s.picked
