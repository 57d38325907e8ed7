# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Squares: means and extremes of blocks of 2x2 and 2x2x2 cells and medians of 2x2 (twos.h), rounded means of blocks of
bytes (bytes.h), means of windows of 3x3 at stride 1 and extremes of such at stride 2 (squares.h), and extremes of tall
windows at stride 1 (slides.h), from memory into the output; and extremes of other blocks, merged into the output.

    row 0   a a a a a a a a
    row 1   b b b b b b b b     merged rows never leave the registers
    row 2   c c c c c c c c

A row that a window lacks is one of zeros; of extremes, one that it has.
"""
from .counts cimport shares_of
from .exact cimport HALF_EVEN, HALF_UP
from .finish cimport MEAN, TAKE
from .lines cimport fetched, list_run, merge_lane, set_rows
from .merge cimport Rows, fetch_rows
from .pairs cimport halved
from .places cimport *
from .plan cimport *
from .scratch cimport *
from .slots cimport QUANTILE
from .tiles cimport fill

cdef extern from "slides.h" nogil:
    const Py_ssize_t SLIDE_LEAST "CYPOOL_SLIDE_LEAST"  # cells of a window; 0 where registers cannot be moved so
    const Py_ssize_t SLIDE_MOST "CYPOOL_SLIDE_MOST"
    const Py_ssize_t SLIDE_WIDTH "CYPOOL_SLIDE_WIDTH"  # most cells of a strip
    void slide_max "cypool_slide_max" (const char* x, Py_ssize_t step, Py_ssize_t lines, Py_ssize_t taps,
                                       Py_ssize_t start, Py_ssize_t stop, Py_ssize_t k, Py_ssize_t low,
                                       Py_ssize_t high, float* scratch, float* out, Py_ssize_t out_step, Py_ssize_t n)
    void slide_min "cypool_slide_min" (const char* x, Py_ssize_t step, Py_ssize_t lines, Py_ssize_t taps,
                                       Py_ssize_t start, Py_ssize_t stop, Py_ssize_t k, Py_ssize_t low,
                                       Py_ssize_t high, float* scratch, float* out, Py_ssize_t out_step, Py_ssize_t n)

cdef enum:
    NARROW = 16  # outputs of a row: with fewer, extremes of 3x3 are merged and slide


cdef inline void plan_squares(Plan* p) noexcept nogil:
    """Which of them a plan asks for."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef const Lane* lane = &p.lanes[0]
    cdef Py_ssize_t a, rows = 1
    cdef bint padded = axis.before > 0 or axis.after > 0, whole = True
    cdef bint plainest = (p.n_lanes == 1 and lane.direct and not p.check_empty and not p.constant and not p.poisoned
                          and g.copies == g.repeats == 1)
    cdef bint extreme = plainest and lane.op <= MIN and p.f.code == TAKE and lane.want == p.out_code
    cdef bint rounded = (plainest and lane.op == SUM and p.f.code == MEAN and p.f.divisor == 0
                         and lane.have == p.out_code and (lane.have == U8 or lane.have == U16))
    cdef bint median = (plainest and lane.op == SELECT and p.f.code == TAKE and lane.have == p.out_code
                        and p.pick.method == QUANTILE and p.pick.slots == 4 and halved(&p.pick)
                        and not p.pick.indexed and not p.pick.each and not p.pick.raises and not p.omit)
    cdef bint even = axis.k == axis.s and axis.d == 1 and g.uniform and not padded and not g.weighted
    cdef bint blocks = even and axis.k == 2 and g.channels == 1
    cdef Py_ssize_t least = axis.o - (g.tiles - 1) * g.outputs  # windows of a tile
    cdef bint floats = (extreme and not lane.pairs and lane.have == F32 and (axis.border < REFLECT or not padded)
                        and axis.d == 1 and axis.s * (axis.o - 1) - axis.before < axis.n and axis.before < axis.k)
    p.square, p.two = NO_SQUARE, NULL
    for a in range(g.leading + 1):
        if g.axes[a].flat or g.axes[a].starts != NULL:  # cells that are not read; windows of several lengths
            return
        rows *= g.axes[a].k if a < g.leading and rows <= ROWS else 1
        whole = whole and g.axes[a].whole == 0 and g.axes[a].cut == g.axes[a].o
    if (blocks and lane.direct and not lane.squares
            and (extreme or (p.means and lane.have == F32) or (whole and (rounded or median)))):
        p.two = twos_of(MEDIANS if median else lane.op, lane.have, lane.have_size, rows if rows == g.taps else 0, least)
    if p.two == NULL and even and whole and rounded and lane.have == U8:
        p.two = bytes_of(axis.k, g.channels, rows if rows == g.taps else 0, least)
    if p.two != NULL:
        p.square = TWOS
        return
    if extreme and lane.pairs and blocks and g.taps <= ROWS:
        p.square = PAIR_EXTREMES
    elif (floats and axis.k == 3 and axis.s == 2 and axis.before <= 1 and rows <= 3 and g.tiles == 1 and not g.strip
            and axis.o > NARROW and g.channels == 1):
        p.square = THREE_EXTREMES
    elif (floats and g.slid and g.deep
            and ((g.tiles == 1 and axis.n >= MANY_CHANNELS)
                 or axis.o - (g.tiles - 1) * g.outputs >= MANY_CHANNELS + axis.k)
            and g.capacity >= 2 * g.deep * (min(g.outputs + axis.k, SLIDE_WIDTH) + 2 * MANY_CHANNELS)):
        p.square = TALL_EXTREMES
    elif floats and 1 < axis.k <= 3 and 1 < axis.s and rows <= 3 and g.channels >= MANY_CHANNELS:
        p.square = CELL_EXTREMES
    if p.square or not p.means or lane.have != F32 or lane.squares or not lane.direct or axis.d != 1 or g.channels != 1:
        return
    if p.triple and rows <= 3 and not lane.pairs and axis.before <= 1 and axis.after <= 1:
        if (axis.border < REFLECT or not padded) and axis.left <= 1 and axis.right >= axis.n - 1:
            p.square = THREE_MEANS


cdef inline bint in_strips(const Plan* p) noexcept nogil:
    """Whether whole lines are made a strip at a time (write.pxd: write_strips): what is merged or slides there."""
    return p.g.strip != 0 and (p.square == NO_SQUARE or p.square == PAIR_EXTREMES)


cdef inline double factor_of(const Geometry* g, Scratch* s, const Line* run, Py_ssize_t line, bint simple,
                             ThreeRows* rows) noexcept nogil:
    """What the rows of a line are multiplied by; 1 where each has a factor of its own."""
    cdef double factor
    cdef Py_ssize_t count = run.at.taps
    rows.apart = not simple or not one_factor(g, run, line, &factor)
    if not rows.apart:
        return factor
    list_taps(g, line_at(g, s, run, line), 0, count, &s.taps)
    rows.by_a = s.taps.factor[0]
    rows.by_b = s.taps.factor[1] if count > 1 else 1
    rows.by_c = s.taps.factor[2] if count > 2 else 1
    return 1


cdef inline void extremes_of(const Plan* p, const void** rows, Py_ssize_t taps, Py_ssize_t low, Py_ssize_t high,
                             char* out, Py_ssize_t n) noexcept nogil:
    """A line of n windows; of the cells from the first window's first one on, low .. high exist."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef Py_ssize_t fresh = 0, ahead = 0
    cdef bint largest = p.lanes[0].op == MAX
    if taps == 0:
        fill(&p.lanes[0], out, n * g.channels, 1, 0)
    elif p.square == THREE_EXTREMES and largest:
        max_squares(rows, taps, low, high, <float*> out, n)
    elif p.square == THREE_EXTREMES:
        min_squares(rows, taps, low, high, <float*> out, n)
    else:
        if g.leading and taps > 1:
            fresh, ahead = min(taps, g.axes[g.leading - 1].s), g.axes[g.leading - 1].s * g.axes[g.leading - 1].x
        if largest:
            max_cells(rows, taps, axis.k, axis.s, g.channels, low, high, fresh, ahead, <float*> out, n)
        else:
            min_cells(rows, taps, axis.k, axis.s, g.channels, low, high, fresh, ahead, <float*> out, n)


cdef inline void write_twos(const Plan* p, const Rows* r, const float* zeros, double share, char* out,
                            Py_ssize_t step, Py_ssize_t n) noexcept nogil:
    """The lines of a run.  A row that a window lacks is one of zeros; of extremes, one that it has.  While blocks are
    read, others are fetched; of long rows those below them, which memory does not foresee."""
    cdef const Axis* down = &p.g.axes[p.g.leading - 1]
    cdef Py_ssize_t _, j, taps = p.g.taps, half = taps * p.g.axes[p.g.leading].k // 2  # of the cells of a block
    cdef const void** rows = r.rows
    cdef const void* all[ROWS]
    cdef How how
    how.taps, how.channels, how.shift = taps, p.g.channels, 1
    while 1 << how.shift < 2 * half:
        how.shift += 1
    how.ahead = 0 if r.taps < taps else r.ahead if r.fetched else down.s * down.x
    how.share = share
    how.bias = half if p.f.rounding == HALF_UP else half - 1 if p.f.rounding == HALF_EVEN else 0
    how.odd = p.f.rounding == HALF_EVEN
    for _ in range(r.lines):
        for j in range(taps):
            all[j] = rows[j] if j < r.taps else zeros if p.means else rows[r.taps - 1]
        if r.taps or p.means:
            p.two(all, &how, out, n)
        else:
            fill(&p.lanes[0], out, n, 1, 0)
        rows += r.taps
        out += step


cdef inline Py_ssize_t slide_runs(const Plan* p, const Arrays* arrays, Scratch* s, const Line* runs, Py_ssize_t m,
                                  Py_ssize_t middle, char* out, Py_ssize_t n, Py_ssize_t* done) noexcept nogil:
    """Tall windows of one plane, m lines at most, which share most of their rows.  How many lines, and runs."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef const Axis* down = axis - 1
    cdef Py_ssize_t a = g.leading - 1, lines = 0, start = runs.start[a], low = max(-middle, 0)
    cdef Py_ssize_t high = min(axis.n - middle, n + axis.k - 1)
    cdef const char* x = arrays.x + runs.at.x + runs.at.first - runs.low[a] * down.x + middle * g.x_cell
    if runs.at.taps == 0:
        fill(&p.lanes[0], out, n, runs.lines, axis.o)
        done[0] = 1
        return runs.lines
    done[0] = 0
    while lines < m and runs.at.taps > 0 and runs.start[a] == start + lines:
        lines += runs.lines
        done[0] += 1
        runs += 1
    if p.lanes[0].op == MAX:
        slide_max(x, down.x, lines, down.k, -start, down.n - start, axis.k, low, high, <float*> s.a, <float*> out,
                  axis.o, n)
    else:
        slide_min(x, down.x, lines, down.k, -start, down.n - start, axis.k, low, high, <float*> s.a, <float*> out,
                  axis.o, n)
    return lines


cdef inline void write_squares(const Plan* p, const Arrays* arrays, Scratch* s, const Line* lines, Py_ssize_t m,
                               Py_ssize_t tile) noexcept nogil:
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef double factor, below
    cdef Py_ssize_t i = 0, j, line, count, done, i0 = tile * g.outputs, n = min(g.outputs, axis.o - i0)
    cdef Py_ssize_t middle = i0 * axis.s - axis.before + (p.square == THREE_MEANS)
    cdef Py_ssize_t cells = n * axis.s * g.channels, step = axis.o * g.out_cell
    cdef Py_ssize_t needed = (g.taps if p.square == TWOS else 3) if p.means else 0
    cdef char* out = arrays.out + lines.at.out + i0 * g.out_cell
    cdef float* zeros = <float*> s.b + 1
    cdef const Line* run = lines
    cdef bint simple, two
    cdef Rows r
    cdef ThreeRows rows
    rows.apart = False
    rows.nothing = (<const double*> &p.lanes[0].identity)[0]
    rows.before, rows.after = middle > 0, middle + n < axis.n
    rows.first = axis.factors[0] * axis.inverse if axis.factors != NULL and middle <= 1 and axis.left > 0 else 1
    rows.last = (axis.factors[axis.n - 1] * axis.inverse
                 if axis.factors != NULL and middle + n >= axis.n - 1 and axis.right < axis.n else 1)
    while i < m:
        if p.square == TALL_EXTREMES:
            line = slide_runs(p, arrays, s, run, m - i, middle, out, n, &count)
            i += line
            out += line * step
            run += count
            continue
        count = run.at.taps
        for j in range(-1, cells + 1 if count < needed else -1):
            zeros[j] = <float> rows.nothing
        rows.shares = shares_of(p, s, run, tile, &rows.share)
        simple = list_run(g, s, run, arrays.x + middle * g.x_cell, s.pointers)
        set_rows(&r, s.pointers, count, run.lines, fetched(&p.lanes[0], cells))
        if p.square == TWOS or p.square == PAIR_EXTREMES:
            if p.square == TWOS:
                write_twos(p, &r, zeros, rows.share, out, step, n)
            else:
                merge_lane(&p.lanes[0], True, True, s.pointers, count, run.lines, n, out, axis.o, True)
            i += run.lines
            out += run.lines * step
            run += 1
            continue
        line = 0
        while line < run.lines:
            fetch_rows(&r, r.rows, line)
            done = 1
            rows.a = <const float*> r.rows[0] if count > 0 else zeros
            rows.b = <const float*> r.rows[1] if count > 1 else zeros
            rows.c = <const float*> r.rows[2] if count > 2 else zeros
            rows.d = NULL
            if not p.means:
                extremes_of(p, r.rows, count, max(-middle, 0), axis.n - middle, out, n)
            else:
                two = count == 3 and line + 1 < run.lines and r.rows[3] == r.rows[1] and r.rows[4] == r.rows[2]
                if g.weighted and count:
                    factor = factor_of(g, s, run, line, simple, &rows)
                    two = two and not rows.apart and one_factor(g, run, line + 1, &below) and below == factor
                    rows.share = factor * axis.common
                if two:
                    fetch_rows(&r, r.rows + 3, line + 1)
                    rows.d = <const float*> r.rows[5]
                done = share_threes(&rows, <float*> out, axis.o, n)
            r.rows += done * count
            out += done * step
            line += done
        i += run.lines
        run += 1
