# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Give: the gradient of what selects a cell.  Each output's goes to the cell that was picked.

Positions are found as in the forward pass, a band at a time (or were found before), and used at once.
A group of output rows is one thread's, in order: whole planes, or, where planes are few, some windows of
the first pooled axis.  A group owns a region of the gradient, and also looks at the windows before its own
that reach into it, so that each cell is added to by one thread and in C order.  Known positions that lie
outside of their windows are counted, and the caller starts over with whole planes.
"""
from libc.string cimport memset

from .places cimport *
from .plan cimport *
from .scratch cimport *

cdef enum:
    AHEAD = 8192  # bytes of the gradient that are cleared at a time

ctypedef fused upstream:
    float
    double

cdef struct Region:               # what a group owns: cells of the gradient, in the order of memory
    Py_ssize_t low, high
    Py_ssize_t reach              # up to where its windows do
    Py_ssize_t base, plane        # the first cell of its first plane, and how many cells a plane has
    Py_ssize_t early, row, stop   # output rows: of windows that reach into it, and its own


cdef inline Py_ssize_t rows_of(const Plan* p, Py_ssize_t first) noexcept nogil:
    """Output rows for each index of the leading axes before `first`."""
    cdef Py_ssize_t a, rows = 1
    for a in range(first, p.g.leading):
        rows *= p.g.axes[a].o
    return rows


cdef inline Py_ssize_t groups_of(const Plan* p, const Give* give) noexcept nogil:
    cdef Py_ssize_t a, batch = 1
    for a in range(p.outer):
        batch *= p.g.axes[a].o
    if give.windows:
        return batch * ceil_div(p.g.axes[p.outer].o, give.windows)
    return ceil_div(batch, give.planes)


cdef inline Py_ssize_t first_cell(const Axis* axis, Py_ssize_t i) noexcept nogil:
    """Where the cells of window i begin; beyond the last one, the axis ends."""
    return axis.n if i >= axis.o else 0 if i == 0 else max(0, min(i * axis.s - axis.before, axis.n))


cdef inline void region_of(const Plan* p, const Give* give, Py_ssize_t group, Region* region) noexcept nogil:
    cdef const Axis* axis = &p.g.axes[p.outer]
    cdef Py_ssize_t rows = rows_of(p, p.outer), parts, plane, first, last
    region.plane = axis.n * axis.give
    if give.windows == 0:
        region.early = region.row = group * give.planes * rows
        region.stop = min(region.row + give.planes * rows, p.g.rows)
        region.low = region.base = group * give.planes * region.plane
        region.high = region.reach = region.low + (region.stop - region.row) // rows * region.plane
        return
    parts = ceil_div(axis.o, give.windows)
    plane, first = group // parts, group % parts * give.windows
    last = min(first + give.windows, axis.o)
    rows //= axis.o
    region.base = plane * region.plane
    region.early = (plane * axis.o + max(0, first - give.before)) * rows
    region.row = (plane * axis.o + first) * rows
    region.stop = (plane * axis.o + last) * rows
    region.low = region.base + first_cell(axis, first) * axis.give
    region.high = region.base + first_cell(axis, last) * axis.give
    region.reach = region.base + axis.give * max(
        0, min(axis.n, (last - 1) * axis.s - axis.before + (axis.k - 1) * axis.d + 1))


cdef inline Py_ssize_t offset_of(const Plan* p, int64_t at) noexcept nogil:
    """How far a picked cell lies from the first of its plane."""
    cdef Py_ssize_t a, offset = 0
    for a in range(p.g.leading + 1):
        if p.g.axes[a].index > 0:
            offset += at // p.g.axes[a].index % p.g.axes[a].n * p.g.axes[a].give
    return offset


cdef inline void give_plane(const Plan* p, Scratch* s, const int64_t* index, const upstream* g, real* dx,
                            Py_ssize_t n) noexcept nogil:
    """The n outputs of a plane, in the order of memory.  Cells are cleared a little before they are needed, so
    that they are still near; where an index is further ahead, all the rest is."""
    cdef const Axis* axis = &p.g.axes[p.outer]
    cdef Py_ssize_t each = p.cells // axis.n, outputs = n // axis.o  # of one index of the first axis
    cdef Py_ssize_t step = max(1, AHEAD // (max(1, min(axis.s, axis.n)) * each * sizeof(real)))
    cdef Py_ssize_t i = 0, k = 0, reach = axis.n, lost = 0
    cdef uint64_t at, cleared = 0, cells = <uint64_t> p.cells
    while k < axis.o:
        k = min(axis.o, k + step)
        if axis.starts == NULL:
            reach = max(0, min(axis.n, (k - 1) * axis.s - axis.before + (axis.k - 1) * axis.d + 1))
        if <uint64_t> (reach * each) > cleared:
            memset(dx + cleared, 0, (reach * each - cleared) * sizeof(real))
            cleared = <uint64_t> (reach * each)
        while i < k * outputs:
            at = <uint64_t> index[i]  # read once: another thread may write to it
            if at >= cleared and at < cells:
                memset(dx + cleared, 0, (cells - cleared) * sizeof(real))
                cleared = cells
            if at < cleared:
                dx[at] += <real> g[i]
            else:
                lost += 1
            i += 1
    memset(dx + cleared, 0, (cells - cleared) * sizeof(real))
    s.lost += lost


cdef inline void give_cells(const Plan* p, Scratch* s, const int64_t* index, const upstream* g, real* dx,
                            Py_ssize_t base, Py_ssize_t n, Py_ssize_t step, bint ahead, real scale) noexcept nogil:
    """n outputs of C samples; each cell further by `step` in the gradient if the row is no pooled axis."""
    cdef Py_ssize_t i, c, offset, C = p.g.channels, factor = p.factor, low = s.low, high = s.high, lost = 0, strays = 0
    cdef Py_ssize_t first = s.first, reach = s.reach
    cdef uint64_t at, cells = <uint64_t> p.cells
    if ahead:
        give_plane(p, s, index, g, dx + base, n)
    elif C == 1 and factor == 1 and step == 0:
        for i in range(n):
            at = <uint64_t> index[i]  # read once: another thread may write to it
            offset = base + <Py_ssize_t> at
            if at < cells and low <= offset < high:
                dx[offset] += <real> g[i] * scale
            elif at < cells:
                strays += offset < first or offset >= reach
            else:
                lost += 1
    else:
        for i in range(n):
            for c in range(C):
                at = <uint64_t> index[i * C + c]
                if at >= cells:
                    lost += 1
                    continue
                offset = base + i * step + c + (<Py_ssize_t> at * factor if factor else offset_of(p, <int64_t> at))
                if low <= offset < high:
                    dx[offset] += <real> g[i * C + c] * scale
                else:
                    strays += offset < first or offset >= reach
    s.lost += lost
    s.strays += strays


cdef inline void give_any(const Plan* p, const Arrays* arrays, Scratch* s, const int64_t* index, Py_ssize_t q,
                          Py_ssize_t base, Py_ssize_t n, Py_ssize_t step, bint ahead) noexcept nogil:
    """The gradients of n outputs (cells) from number q on; `ahead`: of a plane that is not cleared yet."""
    cdef const Give* give = &arrays.give
    if give.grad_code == F32:
        if give.size == 4:
            give_cells(p, s, index, <const float*> give.grad + q, <float*> give.dx, base, n, step, ahead,
                       <float> give.scale)
        else:
            give_cells(p, s, index, <const float*> give.grad + q, <double*> give.dx, base, n, step, ahead, give.scale)
    elif give.size == 4:
        give_cells(p, s, index, <const double*> give.grad + q, <float*> give.dx, base, n, step, ahead,
                   <float> give.scale)
    else:
        give_cells(p, s, index, <const double*> give.grad + q, <double*> give.dx, base, n, step, ahead, give.scale)


cdef inline void give_lines(const Plan* p, const Arrays* arrays, Scratch* s, const Line* lines, Py_ssize_t m,
                            Py_ssize_t tile) noexcept nogil:
    """The gradients of m output rows to the cells they picked."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef Py_ssize_t i, i0 = tile * g.outputs, n = min(g.outputs, axis.o - i0)
    cdef Py_ssize_t q = lines.at.out // p.out_size + i0 * g.channels, step = axis.give if axis.index == 0 else 0
    for i in range(m):
        give_any(p, arrays, s, arrays.given + q if arrays.given != NULL else s.indices + i * g.pitch * g.channels, q,
                 line_of(g, s, lines, i).at.give + i0 * step, n, step, False)
        q += axis.o * g.channels


cdef inline bint clears_ahead(const Plan* p, const Arrays* arrays) noexcept nogil:
    """Whether planes are cleared by `give_plane`."""
    cdef const Give* give = &arrays.give
    return (arrays.given != NULL and p.steady and give.clears and give.windows == 0 and p.g.channels == 1
            and p.factor == 1 and give.scale == 1 and p.g.axes[p.g.leading].index > 0)


cdef inline void give_planes(const Plan* p, const Arrays* arrays, Scratch* s, const Region* region, Py_ssize_t row,
                             Py_ssize_t stop) noexcept nogil:
    """Known positions of outputs that are plane after plane: no need to look at rows."""
    cdef Py_ssize_t o = p.g.axes[p.g.leading].o, rows = rows_of(p, p.outer), base = region.base, last
    cdef bint ahead = clears_ahead(p, arrays)
    while row < stop:
        last = min(stop, (row // rows + 1) * rows)
        give_any(p, arrays, s, arrays.given + row * o * p.g.channels, row * o * p.g.channels, base, (last - row) * o, 0,
                 ahead)
        base += region.plane
        row = last
