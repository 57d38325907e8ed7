# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Spread: the adjoint of pooling.  Each input row gathers from the output rows whose windows cover it.

    dx[cell] = sum over windows i that hold the cell, and their taps on it, of F(x[cell], a[i], b[i], c[i])

a, b, c are rows of numbers of each output (its upstream gradient, mean, value ...), and F is one line
for each kind of reducer.  A row is written by one thread, in a fixed order: no atomics, no races, and
the same bits for any number of workers.

What selects a cell (max, median ...) scatters instead: see give.pxd.
"""
from libc.math cimport exp, fabs, pow
from libc.string cimport memcpy, memset

from .decode cimport *
from .places cimport *
from .plan cimport *
from .scratch cimport carve

cdef enum:  # kinds of F, in the order of cypool.rules.KINDS
    ADD, WEIGHTED, OTHERS, DEVIATE, POWERED, CLAMPED, GROWN, SOFTENED, EXPECTING

cdef struct Spread:
    Geometry g                    # axes: input cells n, windows, steps in x; out: steps in outputs; index
    int kind, code, a_code
    bint half, omit, masked, mirrored
    double par, eps, scale
    const double* weights
    Py_ssize_t tile, reach        # cells of a tile of the row; most outputs that reach one
    Py_ssize_t most               # most outputs that cover a cell of a leading axis
    bint needs_x, accumulate      # accumulate: added to what out holds
    int out_code

cdef struct Given:                # one call
    const char* x
    const char* mask
    const char* a
    const double* b
    const double* c
    char* out

cdef struct Rows:                 # scratch
    double* total                 # a tile of the gradient
    double* x
    double* merged                # output rows added up
    char* raw
    char* spare
    uint8_t* mask
    Py_ssize_t* outputs           # for each leading axis: the outputs that cover the cell, and their taps
    Py_ssize_t* taps
    Py_ssize_t* counts
    Py_ssize_t* cell
    Py_ssize_t* at
    Py_ssize_t low, high          # the outputs of a row that may reach the tile


cdef inline double term(int kind, double x, double a, double b, double c, double par, double eps) noexcept nogil:
    """F: what a window gives to one of its cells."""
    if kind == OTHERS:  # product of the others: a = g * product of cells that are not 0, b = zeros among them
        if b == 0:
            return a / x
        return a if b == 1 and x == 0 else 0
    elif kind == DEVIATE:
        return a * (x - b)
    elif kind == POWERED:
        if x == 0 or b == 0:
            return 0
        b = pow(fabs(x) / b, par - 1)
        return a * b if x > 0 else -a * b
    elif kind == CLAMPED:
        return a * pow(x / b, par - 1) if x > eps else 0 if x == x else x
    elif kind == GROWN:
        return a * exp(par * (x - b))
    elif kind == SOFTENED:
        return a * exp(par * (x - b)) * (1 + par * (x - c))
    return a * (2 * x - b) if x > 0 else 0 if x == x else x  # EXPECTING


cdef inline Py_ssize_t covering(const Axis* axis, Py_ssize_t plane, Py_ssize_t cell, Py_ssize_t* outputs,
                                Py_ssize_t* taps) noexcept nogil:
    """The outputs whose windows hold a cell, and the tap that does."""
    cdef Py_ssize_t i, j, p, first, last, n = 0, low = cell, high = cell + 1
    if axis.starts != NULL:
        for i in range(axis.o):
            j = cell - axis.starts[plane * axis.plane_step + i]
            if j >= 0 and cell < axis.stops[plane * axis.plane_step + i]:
                outputs[n], taps[n] = i, j
                n += 1
        return n
    if axis.border >= REFLECT and axis.border != VALUE:
        low, high = -axis.before, axis.n + axis.after
    p = low
    while p < high:
        if p >= 0 and p < axis.n and p != cell:  # of the real cells only this one
            p = cell if p < cell else axis.n
            continue
        if fold_cell(axis, p) == cell:
            first = max(0, ceil_div(p + axis.before - (axis.k - 1) * axis.d, axis.s))
            last = min(axis.o - 1, (p + axis.before) // axis.s)
            for i in range(first, last + 1):
                j = p + axis.before - i * axis.s
                if j % axis.d == 0:
                    outputs[n], taps[n] = i, j // axis.d
                    n += 1
        p += 1
    return n


cdef inline double a_of(const Spread* p, const Given* given, Py_ssize_t at) noexcept nogil:
    return ((<const float*> given.a)[at] if p.a_code == F32 else (<const double*> given.a)[at]) * p.scale


cdef inline void add_row(const Spread* p, const Given* given, Py_ssize_t at, Py_ssize_t n, double* out,
                         bint first) noexcept nogil:
    """out (+)= a[at ...], times its scale."""
    cdef Py_ssize_t i
    cdef const float* f = <const float*> given.a + at
    cdef const double* d = <const double*> given.a + at
    cdef double scale = p.scale
    if first:
        memset(out, 0, n * sizeof(double))
    if p.a_code == F32:
        for i in range(n):
            out[i] += f[i] * scale
    else:
        for i in range(n):
            out[i] += d[i] * scale


cdef inline void add_strided(double* out, Py_ssize_t step, const double* a, double w, Py_ssize_t n,
                             Py_ssize_t C) noexcept nogil:
    cdef Py_ssize_t i, c
    if C > 1:
        for i in range(n):
            for c in range(C):
                out[i * step * C + c] += w * a[i * C + c]
    elif step == 1:
        for i in range(n):
            out[i] += w * a[i]
    elif step == 2:
        for i in range(n):
            out[2 * i] += w * a[i]
    else:
        for i in range(n):
            out[i * step] += w * a[i]


cdef inline void give(const Spread* p, const Given* given, Rows* s, Py_ssize_t at, Py_ssize_t rank,
                      Py_ssize_t i0, Py_ssize_t i1, Py_ssize_t step, Py_ssize_t j, Py_ssize_t cell) noexcept nogil:
    """Outputs i0 .. i1 (tap j of each) to cells cell, cell + step, ... of the tile."""
    cdef Py_ssize_t i, c, q, C = p.g.channels
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    if p.kind == ADD:
        add_strided(s.total + cell * C, step, s.merged + (i0 - s.low) * C, 1, i1 - i0, C)
    elif p.kind == WEIGHTED:
        add_strided(s.total + cell * C, step, s.merged + (i0 - s.low) * C, p.weights[rank + j * axis.rank], i1 - i0, C)
    else:
        for i in range(i0, i1):
            for c in range(C):
                q = (cell + (i - i0) * step) * C + c
                s.total[q] += term(p.kind, s.x[q], a_of(p, given, at + i * C + c),
                                   given.b[at + i * C + c] if given.b != NULL else 0,
                                   given.c[at + i * C + c] if given.c != NULL else 0, p.par, p.eps)


cdef inline void give_row(const Spread* p, const Given* given, Rows* s, Py_ssize_t plane, Py_ssize_t at,
                          Py_ssize_t rank, Py_ssize_t c0, Py_ssize_t c1) noexcept nogil:
    """One output row to the cells c0 .. c1 of the input row."""
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    cdef Py_ssize_t i, j, i0, i1, q, start, stop
    if axis.starts != NULL:
        for i in range(s.low, s.high):
            start = axis.starts[plane * axis.plane_step + i]
            stop = min(axis.stops[plane * axis.plane_step + i], c1)
            for q in range(max(start, c0), stop):
                give(p, given, s, at, rank, i, i + 1, 1, q - start, q - c0)
        return
    if s.high - s.low == 1 or axis.k > 4 * (c1 - c0):  # long windows: output after output, cell after cell
        for i in range(s.low, s.high):
            for j in range(max(0, ceil_div(c0 + axis.before - i * axis.s, axis.d)), axis.k):
                q = i * axis.s - axis.before + j * axis.d
                if q >= c1:
                    break
                give(p, given, s, at, rank, i, i + 1, 1, j, q - c0)
    else:  # tap after tap, the last one first: to each cell its outputs are added in the same order
        for j in range(axis.k - 1, -1, -1):
            i0 = max(0, ceil_div(c0 + axis.before - j * axis.d, axis.s))
            i1 = min(axis.o, (c1 - 1 + axis.before - j * axis.d) // axis.s + 1) if c1 + axis.before > j * axis.d else 0
            if i1 > i0:
                give(p, given, s, at, rank, i0, i1, axis.s, j, i0 * axis.s - axis.before + j * axis.d - c0)
    if p.mirrored:
        for q in range(-axis.before, axis.n + axis.after):
            if 0 <= q < axis.n:
                continue
            start = fold_cell(axis, q)
            if c0 <= start < c1:
                i0 = max(0, ceil_div(q + axis.before - (axis.k - 1) * axis.d, axis.s))
                i1 = min(axis.o - 1, (q + axis.before) // axis.s)
                for i in range(i0, i1 + 1):
                    j = q + axis.before - i * axis.s
                    if j % axis.d == 0:
                        give(p, given, s, at, rank, i, i + 1, 1, j // axis.d, start - c0)


cdef inline void reaching(const Spread* p, Rows* s, Py_ssize_t plane, Py_ssize_t c0, Py_ssize_t c1) noexcept nogil:
    """The range of outputs that may reach cells c0 .. c1 of the row."""
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    cdef const int64_t* starts = axis.starts + plane * axis.plane_step
    s.low, s.high = 0, axis.o
    if axis.starts != NULL:
        while s.low < s.high and not (starts[s.low] < c1 and axis.stops[plane * axis.plane_step + s.low] > c0):
            s.low += 1
        while s.high > s.low and not (starts[s.high - 1] < c1
                                      and axis.stops[plane * axis.plane_step + s.high - 1] > c0):
            s.high -= 1
    elif not p.mirrored or (c0 > axis.before and c1 < axis.n - axis.after):
        s.low = min(axis.o, max(0, ceil_div(c0 + axis.before - (axis.k - 1) * axis.d, axis.s)))
        s.high = max(s.low, min(axis.o, (c1 - 1 + axis.before) // axis.s + 1))


cdef inline void read_x(const Spread* p, const char* row, Rows* s, Py_ssize_t n) noexcept nogil:
    """n cells of x in double."""
    cdef Py_ssize_t C = p.g.channels
    gather(p.g.size, row, n, p.g.x_cell, C, p.g.x_channel, p.g.swap, s.raw)
    if p.half:
        half_to_float(<const uint16_t*> s.raw, <float*> s.spare, n * C)
        convert(DOUBLE, F32, s.spare, s.x, n * C)
    else:
        convert(DOUBLE, p.code, s.raw, s.x, n * C)


cdef inline void spread_row(const Spread* p, const Given* given, Rows* s, Py_ssize_t item) noexcept nogil:
    """One tile of one input row."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef Py_ssize_t a, i, row = item // g.tiles, c0 = item % g.tiles * p.tile, c1 = min(c0 + p.tile, axis.n)
    cdef Py_ssize_t x = 0, mask = 0, plane = 0, at, rank, n = (c1 - c0) * g.channels
    cdef bint any_row = True, first = True, sums = p.kind == ADD or p.kind == WEIGHTED
    for a in range(g.leading - 1, -1, -1):
        s.cell[a] = row % g.axes[a].n
        row //= g.axes[a].n
        x += s.cell[a] * g.axes[a].x
        mask += s.cell[a] * g.axes[a].mask
        plane += s.cell[a] * g.axes[a].plane
    for a in range(g.leading):
        s.at[a] = 0
        s.counts[a] = covering(&g.axes[a], plane, s.cell[a], s.outputs + a * p.most, s.taps + a * p.most)
        any_row = any_row and s.counts[a] > 0
    reaching(p, s, plane, c0, c1)
    memset(s.total, 0, n * sizeof(double))
    if p.needs_x:
        read_x(p, given.x + x + c0 * g.x_cell, s, c1 - c0)
    while any_row:
        at = rank = 0
        for a in range(g.leading):
            at += s.outputs[a * p.most + s.at[a]] * g.axes[a].out
            rank += s.taps[a * p.most + s.at[a]] * g.axes[a].rank
        if p.kind == ADD:  # all rows first
            add_row(p, given, at + s.low * g.channels, (s.high - s.low) * g.channels, s.merged, first)
        else:
            if sums:
                add_row(p, given, at + s.low * g.channels, (s.high - s.low) * g.channels, s.merged, True)
            give_row(p, given, s, plane, at, rank, c0, c1)
        first = False
        a = g.leading - 1
        while a >= 0:
            s.at[a] += 1
            if s.at[a] < s.counts[a]:
                break
            s.at[a] = 0
            a -= 1
        any_row = a >= 0
    if p.kind == ADD and not first:
        give_row(p, given, s, plane, 0, 0, c0, c1)
    if p.omit:
        for i in range(n):
            s.total[i] = s.total[i] if s.x[i] == s.x[i] else 0
    if p.masked:
        gather(1, given.mask + mask + c0 * g.mask_cell, c1 - c0, g.mask_cell, g.channels, g.mask_channel, False, s.mask)
        for i in range(n):
            s.total[i] = s.total[i] if s.mask[i] else 0
    at = (item // g.tiles * axis.n + c0) * g.channels
    if p.accumulate:
        for i in range(n):
            s.total[i] += ((<const double*> given.out)[at + i] if p.out_code == F64
                           else (<const float*> given.out)[at + i])
    if p.out_code == F64:
        memcpy(<double*> given.out + at, s.total, n * sizeof(double))
    else:
        for i in range(n):
            (<float*> given.out)[at + i] = <float> s.total[i]


cdef inline size_t lay_out_rows(const Spread* p, char* base, Rows* s) noexcept nogil:
    """Sets every pointer of s into the block at `base`; the bytes needed."""
    cdef char* at = base
    cdef Py_ssize_t n = p.tile * p.g.channels, lists = (p.g.leading + 1) * sizeof(Py_ssize_t)
    s.total = <double*> carve(&at, n * 8)
    s.x = <double*> carve(&at, n * 8)
    s.raw = carve(&at, n * 8)
    s.spare = carve(&at, n * 8)
    s.mask = <uint8_t*> carve(&at, n)
    s.merged = <double*> carve(&at, p.reach * p.g.channels * 8)
    s.outputs = <Py_ssize_t*> carve(&at, lists * p.most)
    s.taps = <Py_ssize_t*> carve(&at, lists * p.most)
    s.counts = <Py_ssize_t*> carve(&at, lists)
    s.cell = <Py_ssize_t*> carve(&at, lists)
    s.at = <Py_ssize_t*> carve(&at, lists)
    return at - base
