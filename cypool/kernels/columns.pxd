# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Columns: the cells of a tile's windows, one slot for each position, for `select`."""
from libc.string cimport memcpy, memset

from .decode cimport KEEP
from .lines cimport decode, load_mask
from .plan cimport *
from .scratch cimport *
from .draws cimport chance
from .select cimport select_any, space_out, space_out_any
from .slots cimport *
from .tiles cimport set_tile


cdef inline void place_row(const Plan* p, Scratch* s, const Tile* t, Py_ssize_t size, const char* cells,
                           const uint8_t* valid, Py_ssize_t rank) noexcept nogil:
    """A row's cells into the slots of its taps; `valid`: which of them take part, or NULL."""
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    cdef Columns* c = &s.columns
    cdef Py_ssize_t C = p.g.channels, i, j, slot
    if axis.starts != NULL:
        for i in range(t.n):
            for j in range(s.starts[i], s.stops[i]):
                slot = (rank + (j - s.starts[i]) * axis.rank) * c.n + i * C
                memcpy(c.cells + slot * size, cells + j * C * size, C * size)
                memcpy(c.valid + slot, valid + j * C, C)
        return
    for j in range(axis.k):
        slot = (rank + j * axis.rank) * c.n
        space_out_any(size, cells + j * axis.d * C * size, c.cells + slot * size, t.n, axis.s, C)
        if valid != NULL:
            space_out(valid + j * axis.d * C, c.valid + slot, t.n, axis.s, C)


cdef inline void find_indices(const Plan* p, Scratch* s, const Line* line, const Tile* t) noexcept nogil:
    """Flat positions of the picked cells in the pooled axes, -1: none."""
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    cdef Columns* c = &s.columns
    cdef Py_ssize_t i, j, out, cell, C = p.g.channels, step = axis.s * axis.index
    cdef int64_t first = (t.i0 * axis.s - axis.before) * axis.index
    if axis.starts == NULL and axis.border < REFLECT and C == 1:  # a table says how far each slot is
        for i in range(c.n):
            s.indices[i] = s.lead[c.at[i]] + first + i * step if c.at[i] >= 0 else -1
        return
    for i in range(c.n):
        if c.at[i] < 0:
            s.indices[i] = -1
            continue
        out = t.i0 + i // C
        j = c.at[i] // axis.rank % p.slots
        if axis.starts == NULL and axis.border < REFLECT:
            s.indices[i] = s.lead[c.at[i]] + first + (i // C) * step
            continue
        if axis.starts != NULL:
            cell = axis.starts[line.plane * axis.plane_step + out] + j
        else:
            cell = fold_cell(axis, out * axis.s - axis.before + j * axis.d)
        s.indices[i] = s.lead[c.at[i] - j * axis.rank]  # of tap 0
        s.indices[i] = -1 if cell < 0 or s.indices[i] < 0 else s.indices[i] + cell * axis.index


cdef inline char* selected(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane,
                           const Line* line, Py_ssize_t tile) noexcept nogil:
    """A lane that selects: a row of picked values (and s.indices)."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef Columns* c = &s.columns
    cdef Py_ssize_t C = g.channels, row, r, i, q, size = lane.have_size
    cdef const char* cells
    cdef uint8_t* valid = NULL
    cdef Tile t
    cdef bint whole, direct = g.plain and lane.convert1 == KEEP
    set_tile(p, line.plane, tile, 0, s, &t)
    c.n = t.n * C
    direct = direct and t.low >= 0 and t.high <= axis.n
    whole = t.low == t.p0 and t.high == t.p0 + t.cells
    c.valid = NULL
    if g.masked or p.omit or not whole or axis.starts != NULL or line.taps * axis.k != p.pick.slots:
        c.valid = <uint8_t*> s.valid
        valid = <uint8_t*> s.c
        memset(c.valid, 0, p.pick.slots * c.n)
        memset(c.cells, 0, p.pick.slots * c.n * size)
    q = (t.low - t.p0) * C
    for row in range(line.taps if t.high > t.low else 0):
        r = row % ROWS
        if r == 0:
            list_taps(g, line, row, min(ROWS, line.taps - row), s.x, s.m, s.rank, s.at, s.tap)
        if direct and s.x[r] != PADDED:
            cells = arrays.x + s.x[r] + t.low * g.x_cell
        else:
            cells = <const char*> decode(p, arrays, s, lane, s.x[r], s.m[r], &t, 0)
        if axis.starts == NULL and axis.border < REFLECT:
            for i in range(axis.k):
                s.lead[s.rank[r] + i * axis.rank] = s.at[r] + i * axis.d * axis.index
        else:
            s.lead[s.rank[r]] = -1 if s.x[r] == PADDED else s.at[r]
        if valid != NULL:
            memset(valid, 0, t.cells * C)
            if g.masked:
                load_mask(p, arrays, s.x[r], s.m[r], &t, <char*> valid + q)
            else:
                memset(valid + q, 1, (t.high - t.low) * C)
        if not whole:
            memcpy(s.a + q * size, cells, (t.high - t.low) * C * size)
            memset(s.a, 0, q * size)
            memset(s.a + (t.high - t.p0) * C * size, 0, (t.p0 + t.cells - t.high) * C * size)
            cells = s.a
        place_row(p, s, &t, size, cells, valid, s.rank[r])
    if p.pick.method == STOCHASTIC:
        for i in range(c.n):
            c.u[i] = chance(arrays.key, <uint64_t> (line.flat + (t.i0 + i // C) * axis.position + i % C * g.channel_position))
    select_any(lane.have, c.cells, &p.pick, c, p.omit, lane.want, s.run, s.most, s.picked)
    if p.pick.indexed:
        find_indices(p, s, line, &t)
    return s.picked
