# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Reduce: one tile of output rows.

    for each lane:   list the input rows -> decode -> merge -> slide     (a row of reduced values)
    then:            count the cells -> formula -> store                 (a row of the output: write.pxd)
"""
from libc.string cimport memcpy, memset

from .columns cimport selected
from .counts cimport results_of
from .finish cimport divide
from .lines cimport decode, exchange, load_mask, merge_lines, merge_stuffed
from .places cimport *
from .plan cimport *
from .scratch cimport *
from .slide cimport FOLD, REPEAT, SLIDE, TIMES, Work, on_work, plainer
from .store cimport widen_any
from .tables cimport is_table, reduce_table
from .taps cimport *
from .tiles cimport fill, join, join_rest, mirror_columns, segment_taps, set_tile


cdef inline char* merged(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane,
                         const Line* lines, Py_ssize_t m, Py_ssize_t tile, Py_ssize_t block) noexcept nogil:
    """One block of a lane: merge and slide.  The results of line l start at l * pitch outputs."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef Py_ssize_t blocks = max((lines.at.taps + BLOCK_ROWS - 1) // BLOCK_ROWS, 1)
    cdef Py_ssize_t row0, row1, row, i, top = 0, done = 0, half = 1 if lane.pairs else 0
    cdef Py_ssize_t line_cells, need, size = lane.want_size * g.channels
    cdef Py_ssize_t segment = block // blocks if blocks > 1 else block
    cdef Tile t
    cdef Work w
    set_tile(p, lines.at.plane, tile, segment, s, &t)
    row0 = (block - segment * blocks) * BLOCK_ROWS
    row1 = min(row0 + BLOCK_ROWS, lines.at.taps)
    if is_table(p, s, lane, lines, m, &t):
        reduce_table(p, arrays, s, lane, lines, m, &t)
        return s.a
    line_cells = g.line if m > 1 else t.cells
    s.clean = g.deep != 0 and lane.op <= MIN and lane.want == F32
    for i in range(m if g.weighted else 0):
        s.shares[i] = 1  # of lines without cells
    if axis.stuff > 1:
        merge_stuffed(p, arrays, s, lane, lines, m, &t, line_cells)
    elif t.high <= t.low or (row1 <= row0 and m == 1):
        fill(lane, s.a, t.cells * g.channels >> half, m, (line_cells >> half) * g.channels)
    else:
        if m > 1 or row1 - row0 <= ROWS:
            merge_lines(p, arrays, s, lane, lines, m, &t, row0, row1, s.a)
        else:
            row = row0
            while row < row1:
                merge_lines(p, arrays, s, lane, lines, m, &t, row, min(row + ROWS, row1), s.rows[top])
                # cells that are not read hold anything; they are filled below
                top = join(lane, s.rows, top, done, t.cells * g.channels >> half)
                done += 1
                row += ROWS
            join_rest(lane, s.rows, top, t.cells * g.channels >> half)
            exchange(&s.a, &s.rows[0])
        need = t.p0 + t.cells - t.high
        if g.mirrored:
            mirror_columns(axis, &t, t.low, t.high, s.a, m, line_cells * size, size)
            need = 0
        elif t.low > t.p0 and not lane.pairs:
            fill(lane, s.a, (t.low - t.p0) * g.channels, m, line_cells * g.channels)
        if need > 0 and not lane.pairs:
            fill(lane, s.a + (t.high - t.p0) * size, need * g.channels, m, line_cells * g.channels)
    w.a, w.b, w.c = s.a, s.b, s.c
    w.m = (m - 1) * g.pitch + t.n
    w.C = g.channels
    if axis.starts != NULL or (g.segment and not g.sliding):
        w.verb = FOLD
        w.m, w.k, w.s = t.n, m, line_cells
        w.starts = s.starts
        w.stops = s.stops
        w.n = s.alike
        w.value = &lane.identity
        on_work(lane.op, lane.want, &w)
    else:
        w.verb = SLIDE
        w.k, w.s, w.d = axis.k >> half, axis.s >> half, axis.d
        w.covers = 1
        if g.sliding:
            w.k = segment_taps(p, segment)
        if (w.k != 1 or w.s != 1) and not p.triple:
            on_work(plainer(lane.op, s.clean), lane.want, &w)
    s.a, s.b, s.c = <char*> w.a, <char*> w.b, <char*> w.c
    return s.a


cdef inline void tap_cells(const Plan* p, Scratch* s, const Lane* lane, const char* x,
                           const uint8_t* valid, Py_ssize_t i, Py_ssize_t n, Py_ssize_t cell,
                           Py_ssize_t step, Py_ssize_t rank, char* state, Py_ssize_t results) noexcept nogil:
    """Scratch cells cell, cell + step, ... are a tap of outputs i .. i + n."""
    cdef Py_ssize_t C = p.g.channels, q
    cdef double weight = p.weights[rank] if p.weights != NULL else 1
    if step != 1 and C > 1:
        for q in range(n):
            tap_cells(p, s, lane, x, valid, i + q, 1, cell + q * step, 1, rank, state, results)
    elif lane.op == FIRST:
        first(p.g.size, x + cell * C * p.g.size, step, valid + cell * C, <uint64_t*> state + i * C,
              <int64_t*> state + results + i * C, n * C, rank)
    else:
        tap_add(lane.tap, <const double*> x + cell * C, step, s.context + i * C, <double*> state + i * C,
                <double*> state + results + i * C, n * C, weight, lane.par)


cdef inline Py_ssize_t window_start(const Axis* axis, Py_ssize_t plane, Py_ssize_t i) noexcept nogil:
    if axis.starts != NULL:
        return axis.starts[plane * axis.plane_step + i]
    return i * axis.s - axis.before


cdef inline char* tapped(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane,
                         const Line* line, Py_ssize_t tile, Py_ssize_t block) noexcept nogil:
    """One block of a lane of taps: the state of each output, summed over rows and taps."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef Py_ssize_t C = g.channels, blocks = max((line.at.taps + BLOCK_ROWS - 1) // BLOCK_ROWS, 1)
    cdef Py_ssize_t row0, row1, row, r, i, j, q, n, size = p.g.size if lane.op == FIRST else 8
    cdef Py_ssize_t taps = axis.k, before = 0  # of this part of the windows, and those of parts before it
    cdef const void* cells
    cdef uint8_t* valid = <uint8_t*> s.c
    cdef char* state = s.sums
    cdef Tile t
    set_tile(p, line.at.plane, tile, block // blocks, s, &t)
    row0 = (block % blocks) * BLOCK_ROWS
    row1 = min(row0 + BLOCK_ROWS, line.at.taps)
    n = t.n * C
    memset(state, 0, n * 16)
    if g.sliding:
        taps, before = segment_taps(p, block // blocks), block // blocks * g.segment
    if lane.op == FIRST:
        for i in range(n):
            (<int64_t*> state)[n + i] = FAR
    for row in range(row0, row1 if t.high > t.low else row0):
        r = (row - row0) % ROWS
        if r == 0:
            list_taps(g, line, row, min(ROWS, row1 - row), &s.taps)
        cells = decode(p, arrays, s, lane, s.taps.x[r], s.taps.mask[r], &t, 0)
        q = (t.low - t.p0) * C
        if lane.op == FIRST:
            memset(valid, 0, t.cells * C)
            if g.masked:
                load_mask(p, arrays, s.taps.x[r], s.taps.mask[r], &t, <char*> valid + q)
            else:
                memset(valid + q, 1, (t.high - t.low) * C)
            if lane.fill_nan:
                exclude_nans(p.g.size, cells, valid + q, (t.high - t.low) * C)
        if t.low > t.p0 or t.high < t.p0 + t.cells:
            memcpy(s.a + q * size, cells, (t.high - t.low) * C * size)
            if lane.op != FIRST:
                fill(lane, s.a, q, 1, 0)
                fill(lane, s.a + (t.high - t.p0) * C * size, (t.p0 + t.cells - t.high) * C, 1, 0)
            cells = s.a
        if axis.starts != NULL or (g.segment and not g.sliding):
            for i in range(t.n):
                for j in range(s.starts[i], s.stops[i]):
                    q = j - s.starts[i] + (t.p0 - window_start(axis, line.at.plane, t.i0 + i) if g.segment else 0)
                    tap_cells(p, s, lane, <const char*> cells, valid, i, 1, j, 1,
                              s.taps.rank[r] + q * axis.rank, state, n)
        else:
            for j in range(taps):
                tap_cells(p, s, lane, <const char*> cells, valid, 0, t.n, j * axis.d, axis.s,
                          s.taps.rank[r] + (before + j) * axis.rank, state, n)
    return state


cdef inline void open_lane(const Plan* p, Scratch* s, const Lane* lane, Py_ssize_t n) noexcept nogil:
    """The context of the lane's taps, from a lane before it."""
    if lane.context == LANE_CONTEXT:
        memcpy(s.context, s.lane[p.context_lane], n * 8)
    elif lane.context == MEAN_CONTEXT:
        divide(<const double*> s.lane[p.context_lane], &s.count, 0, True, s.context, n)


cdef inline Py_ssize_t width_of(const Lane* lane) noexcept nogil:
    """Bytes of a result: taps have a second number, the rest of a sum or a position."""
    return 16 if lane.op == TAPS or lane.op == FIRST else lane.want_size


cdef inline char* lane_blocks(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane,
                              const Line* lines, Py_ssize_t m, Py_ssize_t tile, Py_ssize_t block0,
                              Py_ssize_t block1) noexcept nogil:
    """Blocks block0 .. block1 of a lane, joined; the row of results."""
    cdef Py_ssize_t block, top = 0, done = 0, n = results_of(p, m, tile)
    cdef Py_ssize_t width = width_of(lane)
    cdef char* result = NULL
    for block in range(block0, block1):
        if lane.op == SELECT:
            result = selected(p, arrays, s, lane, lines, m, tile)
        elif lane.op >= TAPS:
            result = tapped(p, arrays, s, lane, lines, tile, block)
        else:
            result = merged(p, arrays, s, lane, lines, m, tile, block)
        if block1 - block0 == 1:
            return result
        memcpy(s.state[top], result, n * width)
        top = join(lane, s.state, top, done, n)
        done += 1
    join_rest(lane, s.state, top, n)
    return s.state[0]


cdef inline void close_taps(const Plan* p, Scratch* s, const Lane* lane, const Line* line, Py_ssize_t n,
                            double* acc, double* rest) noexcept nogil:
    """Sums of taps: flat axes and constant padding by arithmetic, then rounded."""
    cdef Py_ssize_t i
    cdef double x = 0
    cdef long double total
    memcpy(&x, &lane.border_value, 8)
    for i in range(n):
        if line.at.times != 1:
            total = (<long double> acc[i] + rest[i]) * line.at.times
            acc[i] = rest[i] = 0
            add_wide(acc + i, rest + i, total)
        if p.constant and s.pads[i] > 0:
            if lane.tap == RATIO_POWER and lane.par < 1:
                total = ratio_power(x, s.context[i], lane.par)
            else:
                total = tap_term(lane.tap, x, s.context[i], lane.par)
            if total == total:
                add_wide(acc + i, rest + i, s.pads[i] * total)
    tap_close(acc, rest, n)


cdef inline void close_first(const Plan* p, Scratch* s, const Lane* lane, const Line* line, Py_ssize_t tile,
                             Py_ssize_t n, uint64_t* value, int64_t* rank) noexcept nogil:
    """Padded cells that come before the first cell that was found."""
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    cdef Py_ssize_t i, start, low, high, total
    cdef int64_t here
    for i in range(n if p.constant else 0):
        if s.pads[i] > 0:
            window(axis, line.at.plane, tile * p.g.outputs + i // p.g.channels, &start, &low, &high, &total)
            here = min(line.at.pad, first_pad(axis, low, high, total))
            if here < rank[i]:
                value[i], rank[i] = lane.border_raw, here


cdef inline void close_lane(const Plan* p, Scratch* s, const Lane* lane, const Line* line, Py_ssize_t tile,
                            Py_ssize_t n, char* result, int index) noexcept nogil:
    """What stands for many cells: axes of which all cells are the same, and constant padding."""
    cdef Work w
    cdef Py_ssize_t i
    cdef uint8_t seen = 0
    w.a = result
    w.m = n
    w.times = line.at.times
    if lane.op == TAPS:
        close_taps(p, s, lane, line, n, <double*> result, <double*> result + n)
    elif lane.op == FIRST:
        close_first(p, s, lane, line, tile, n, <uint64_t*> result, <int64_t*> result + n)
    elif lane.op != SELECT:
        if line.at.times != 1:
            w.verb = TIMES
            on_work(lane.op, lane.want, &w)
        if p.constant:
            w.verb = REPEAT
            w.value = &lane.border_value
            w.counts = s.pads
            on_work(lane.op, lane.want, &w)
    if index == p.count_lane:
        widen_any(lane.want, result, s.counts, False, n)
        s.count.uniform = False
    elif index == p.nan_lane and not p.poisoned:
        for i in range(n):
            seen |= (<const uint8_t*> result)[i]
        s.found_nan = s.found_nan or seen != 0
