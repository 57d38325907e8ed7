# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Columns: the cells of a tile's windows, one slot for each position, for `select`."""
from libc.string cimport memcpy, memset

from .decode cimport KEEP
from .draws cimport chance
from .lines cimport decode, fetch_next, load_mask
from .pairs cimport paired
from .places cimport *
from .plan cimport *
from .scratch cimport *
from .select cimport select_any, space_out, space_out_any, take_apart_any
from .shared cimport shared_medians
from .slots cimport *
from .tiles cimport set_tile
from .tracked cimport indices_of, tracked


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
