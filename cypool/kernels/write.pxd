# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Write: the reduced rows of the lanes become rows of the output."""
from libc.string cimport memcpy

from .counts cimport results_of, share_of, shares_of
from .finish cimport *
from .folds cimport fold_rows_any
from .lines cimport fetch_next, fetched, list_run, set_rows
from .merge cimport Rows, merge
from .places cimport *
from .plan cimport *
from .scratch cimport *
from .slide cimport SLIDE, Work, on_work
from .squares cimport plan_squares


cdef enum:
    FURTHER = 4  # strips from one of many rows to what is fetched meanwhile


cdef inline void formula(const Plan* p, Scratch* s, Py_ssize_t n, char* out) noexcept nogil:
    """n results of the output's type from the rows of the lanes."""
    cdef const Lane* lane = &p.lanes[p.first_lane]
    cdef const Formula* f = &p.f
    cdef char* x = s.lane[p.first_lane]
    cdef char* y = s.lane[p.first_lane + 1] if p.first_lane + 1 < p.n_lanes else x
    cdef int have = lane.want + (p.signed and lane.op == SUM and lane.want < F32)
    if f.code == TAKE:
        store(have, p.out_code, f.saturate, x, s.wide, out, n)
    elif f.code == MEAN:
        finish_mean(f, lane.want, p.signed, p.out_code, x, NULL, &s.count, s.wide, s.wide2, out, n)
    elif f.code == MEAN_WIDE:
        finish_mean(f, lane.want, p.signed, p.out_code, x, y, &s.count, s.wide, s.wide2, out, n)
    elif f.code == CELL:
        finish_cells(lane.have, p.g.size, p.out_code, f.saturate, <const uint64_t*> x, s.wide, s.wide2, out, n)
    elif f.code == RANGE:
        finish_range(lane.want, p.out_code, f.saturate, x, y, s.wide, s.wide2, out, n)
    elif f.code == POSITION:
        store(I64, p.out_code, f.saturate, s.indices, s.wide, out, n)
    elif f.code == COUNT:
        count_row(&s.count, <int64_t*> s.wide2, n)
        store(I64, p.out_code, f.saturate, s.wide2, s.wide, out, n)
    else:
        smooth(f, <const double*> x, <const double*> s.lane[p.context_lane if p.context_lane >= 0 else p.first_lane],
               <const double*> y, <const double*> x + n if lane.op == TAPS else NULL, &s.count, <double*> s.wide, n)
        store_doubles(<const double*> s.wide, p.out_code, out, n)


cdef inline void plan_means(Plan* p) noexcept nogil:
    """Whether results are sums or means of floats that can be written a line at a time; and of windows of three,
    of which no row of sums is written before."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef const Lane* lane = &p.lanes[0]
    cdef Py_ssize_t a
    cdef bint plain = axis.s == 1 and axis.stuff <= 1 and g.taps <= BLOCK_ROWS
    for a in range(g.leading + 1):
        plain = plain and not g.axes[a].flat
    p.means = (p.n_lanes == 1 and lane.op == SUM and lane.want == F64 and p.out_code == F32
               and (p.f.code == MEAN or p.f.code == TAKE) and axis.starts == NULL and not g.segment
               and not p.constant and not p.check_empty)
    p.repeated = (p.means and plain and axis.k == 1 and g.taps == 1 and g.channels == 1 and lane.direct
                  and lane.have == F32 and not lane.squares and not g.weighted and (g.copies > 1 or g.repeats > 1))
    p.means = p.means and g.copies == 1 and g.repeats == 1
    p.triple = p.means and plain and axis.k == 3
    plan_squares(p)


cdef inline void write_means(const Plan* p, Scratch* s, const Line* lines, Py_ssize_t m, Py_ssize_t tile, char* out,
                             Py_ssize_t step) noexcept nogil:
    """Sums or means of floats.  Windows at the ends of a row may have fewer cells than those between."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef Py_ssize_t C = g.channels, next = axis.d * C if p.triple else 0
    cdef Py_ssize_t i = 0, line, i0 = tile * g.outputs, n = min(g.outputs, axis.o - i0)
    cdef const double* a = <const double*> s.lane[0]
    cdef const Line* run = lines
    cdef const double* shares
    cdef double share
    while i < m:
        shares = shares_of(p, s, run, tile, &share)
        for line in range(run.lines):
            if shares != NULL:
                share_each(a, next, shares, <float*> out, n * C)
            else:
                share_all(a, next, s.shares[i + line] if g.weighted else share, <float*> out, n * C)
            a += g.pitch * C
            out += step
        i += run.lines
        run += 1


cdef inline void repeat_cells(const bits* a, Py_ssize_t n, Py_ssize_t times, bits* out) noexcept nogil:
    cdef Py_ssize_t i, j
    if times == 2:
        for i in range(n):
            out[2 * i] = a[i]
            out[2 * i + 1] = a[i]
    else:
        for i in range(n):
            for j in range(times):
                out[i * times + j] = a[i]


cdef inline void write_copies(const Geometry* g, const char* row, Py_ssize_t n, char* out) noexcept nogil:
    """A row of n results, each written `repeats` times, to `copies` rows of the output."""
    cdef Py_ssize_t i, j, bytes = n * g.repeats * g.out_cell
    if g.repeats == 1:
        memcpy(out, row, bytes)
    elif g.out_cell == 4:
        repeat_cells(<const uint32_t*> row, n, g.repeats, <uint32_t*> out)
    elif g.out_cell == 8:
        repeat_cells(<const uint64_t*> row, n, g.repeats, <uint64_t*> out)
    else:
        for i in range(n):
            for j in range(g.repeats):
                memcpy(out + (i * g.repeats + j) * g.out_cell, row + i * g.out_cell, g.out_cell)
    for i in range(1, g.copies):
        memcpy(out + i * g.axes[g.leading].o * g.repeats * g.out_cell, out, bytes)


cdef inline void repeat_shares(const float* a, Py_ssize_t n, double share, Py_ssize_t times, Py_ssize_t copies,
                               float* out, Py_ssize_t pitch) noexcept nogil:
    """n floats times a share, each `times` times side by side, on `copies` rows; a is NULL: zeros."""
    cdef Py_ssize_t i, j
    cdef float* below = out + pitch
    cdef float x
    if a != NULL and times == 2 and copies == 2:
        for i in range(n):
            x = <float> (<double> a[i] * share)
            out[2 * i], out[2 * i + 1], below[2 * i], below[2 * i + 1] = x, x, x, x
        return
    for i in range(n):
        x = <float> (<double> a[i] * share) if a != NULL else 0
        for j in range(times):
            out[i * times + j] = x
    for i in range(1, copies):
        memcpy(out + i * pitch, out, n * times * sizeof(float))


cdef inline void write_repeated(const Plan* p, const Arrays* arrays, Scratch* s, const Line* lines, Py_ssize_t m,
                                Py_ssize_t tile) noexcept nogil:
    """The gradient of means of blocks, straight from memory: each cell, shared out, to all of its block."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef Py_ssize_t i = 0, line, i0 = tile * g.outputs, n = min(g.outputs, axis.o - i0)
    cdef Py_ssize_t pitch = axis.o * g.repeats
    cdef float* out = <float*> (arrays.out + lines.at.out) + i0 * g.repeats
    cdef const Line* run = lines
    cdef double share
    while i < m:
        share = share_of(p, run.at.real)
        if run.at.taps:
            list_run(g, s, run, arrays.x + i0 * g.x_cell, s.pointers)
        for line in range(run.lines):
            repeat_shares(<const float*> s.pointers[line] if run.at.taps else NULL, n, share, g.repeats, g.copies, out,
                          pitch)
            out += pitch * g.copies
        i += run.lines
        run += 1


cdef inline void write_lines(const Plan* p, const Arrays* arrays, Scratch* s, const Line* lines,
                             Py_ssize_t m, Py_ssize_t tile) noexcept nogil:
    """Formula, empty windows, and the rows of the output."""
    cdef const Geometry* g = &p.g
    cdef Py_ssize_t i, i0 = tile * g.outputs, n = min(g.outputs, g.axes[g.leading].o - i0)
    cdef Py_ssize_t results = results_of(p, m, tile), bytes = n * g.out_cell
    cdef Py_ssize_t step = g.axes[g.leading].o * g.repeats * g.copies * g.out_cell  # rows follow each other
    cdef bint spread = g.copies > 1 or g.repeats > 1
    cdef bint straight = not spread and (m == 1 or (g.pitch == n and step == bytes))
    cdef char* out = arrays.out + lines.at.out + i0 * g.repeats * g.out_cell
    cdef const char* rows = s.out
    cdef const Lane* lane = &p.lanes[p.first_lane]
    cdef bint plain = (p.f.code == TAKE and lane.want == p.out_code and lane.op != TAPS and lane.op != FIRST
                       and not spread and not p.poisoned and not p.check_empty)
    if p.means:
        write_means(p, s, lines, m, tile, out, step)
        return
    if plain and not straight:
        rows = s.lane[p.first_lane]
    else:
        formula(p, s, results, out if straight else s.out)
    if p.poisoned:
        for i in range(results):
            if s.lane[p.nan_lane][i]:
                memcpy((out if straight else s.out) + i * p.out_size, &p.poison, p.out_size)
    if p.check_empty:
        for i in range(results):
            if (s.count.n if s.count.uniform else s.count.row[i]) < p.least:
                s.found_empty = True
        blank(p.out_size, out if straight else s.out, &s.count, p.least, &p.empty, results)
    for i in range(m if spread else 0):
        write_copies(g, s.out + i * g.pitch * g.out_cell, n, out + i * step)
    for i in range(0 if spread or straight else m):
        memcpy(out + i * step, rows + i * g.pitch * g.out_cell, bytes)


cdef inline void write_strips(const Plan* p, const Arrays* arrays, Scratch* s, const Line* line,
                              Py_ssize_t tile) noexcept nogil:
    """The plainest tiles (one lane, rows read from memory, whole windows) a strip at a time.  A strip
    goes through all stages while it is in the nearest cache, and meanwhile the strip below it is fetched, which memory
    does not foresee: 2x2 means of float32 take 2.9 instead of 4.5 ms on one thread."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef const Lane* lane = &p.lanes[0]
    cdef Py_ssize_t i, j, part, whole, i0 = tile * g.outputs, n = min(g.outputs, axis.o - i0), C = g.channels
    cdef Py_ssize_t half = 1 if lane.pairs else 0, extent = (axis.k - 1) * axis.d + 1
    cdef char* out = arrays.out + line.at.out + i0 * g.out_cell
    cdef char* here
    cdef char** at = &s.lane[0]
    # Extremes, whose last step can write into the output.
    cdef bint last = (lane.op <= MIN and lane.have == lane.want == p.out_code and p.f.code == TAKE
                      and not lane.pairs)
    # Short windows on one row, which is taken apart (slide.pxd: strided): from memory.
    cdef bint apart = (last and line.at.taps == C == 1 and axis.s > 1 and axis.k > 1
                       and (axis.d > 1 or (axis.k < 8 and (axis.k % 2 or axis.s % 2))))
    cdef bint ends = last and ((C == 1 and axis.k == axis.s == 2 and axis.d == 1) or (C >= 8 and axis.s > 1))
    # Squares of four cells whose channels lie side by side: from memory, and into the output.
    cdef bint squares = (p.means and line.at.taps == axis.k == 2 and C >= 8 and lane.have == F32 and not lane.squares
                         and not lane.pairs)
    cdef bint ahead = g.strip < n and 1 < line.at.taps <= FEW_ROWS
    # Of many rows, what is fetched lies some strips further on, at the end of a line in the line below.
    cdef Py_ssize_t further = FURTHER * g.strip * axis.s * g.x_cell, below = 0
    if ahead:
        below = g.axes[g.leading - 1].s * g.axes[g.leading - 1].x + further - ceil_div(n, g.strip) * further // FURTHER
    cdef Rows r
    cdef Work w
    list_taps(g, line, 0, line.at.taps, &s.taps)
    for j in range(line.at.taps):
        s.pointers[j] = arrays.x + s.taps.x[j] + i0 * axis.s * g.x_cell
    set_rows(&r, s.pointers, line.at.taps, 1, fetched(lane, ((n - 1) * axis.s + extent) * C) if n <= g.strip else 0)
    r.pitch, r.first, r.squares = 0, True, lane.squares
    w.verb = SLIDE
    w.C = C
    w.covers = 1
    i = 0
    while i < n:
        part = min(g.strip, n - i)
        # Taken apart are as many cells as fill whole strides, which the last windows of a row may lack.
        whole = (axis.n - (i0 + i) * axis.s) // axis.s - (axis.k - 1) * axis.d // axis.s if apart else 0
        if whole > 0:
            part = min(part, whole)
        w.k, w.s, w.d, w.m = axis.k >> half, axis.s >> half, axis.d, part
        if ahead and not squares:
            if line.at.taps <= GROUP:
                fetch_next(g, line, 1, part * axis.s * g.x_cell, s.pointers)
            else:
                fetch_all(<const char**> s.pointers, line.at.taps, part * axis.s * g.x_cell,
                          further if i + FURTHER * g.strip < n else below)
        here = out + i * g.out_cell
        r.n = ((part - 1) * axis.s + extent) * C >> half
        w.a, w.b, w.c = s.a, s.b, s.c
        if squares:
            share_squares(<const float*> s.pointers[0], <const float*> s.pointers[1], axis.d * C, axis.s * C, C,
                          share_of(p, line.at.real * axis.k),
                          g.axes[g.leading - 1].s * g.axes[g.leading - 1].x if ahead else 0, <float*> here, part)
        elif whole > 0:
            w.a, w.b = <void*> s.pointers[0], here
            on_work(lane.op, lane.want, &w)
        elif p.square == PAIR_EXTREMES:  # what is merged are results
            merge(lane.op, lane.pairs, lane.have, lane.want, here, &r)
        elif ends:
            merge(lane.op, False, lane.have, lane.want, s.a, &r)
            w.b = here
            on_work(lane.op, lane.want, &w)
        else:
            if g.folded:
                fold_rows_any(lane.op, lane.have, s.pointers[0], s.a, axis.k, axis.s, part)
            else:
                merge(lane.op, lane.pairs, lane.have, lane.want, s.a, &r)
                if (w.k != 1 or w.s != 1) and not p.triple:
                    on_work(lane.op, lane.want, &w)
                s.a, s.b, s.c = <char*> w.a, <char*> w.b, <char*> w.c
            at[0] = s.a
            if p.means:
                share_all(<const double*> s.a, axis.d * C if p.triple else 0, share_of(p, line.at.real * axis.k),
                          <float*> here, part * C)
            else:
                formula(p, s, part * C, here)
        for j in range(line.at.taps):
            s.pointers[j] = <const char*> s.pointers[j] + part * axis.s * g.x_cell
        i += part
