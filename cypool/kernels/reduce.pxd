# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Reduce: one tile of output rows.

    for each lane:   list the input rows -> decode -> merge -> slide     (a row of reduced values)
    then:            count the cells -> formula -> store                 (a row of the output)
"""
from libc.string cimport memcpy, memset

from .columns cimport selected
from .finish cimport *
from .lines cimport decode, exchange, load_mask, merge_lines, merge_stuffed
from .merge cimport merge
from .plan cimport *
from .scratch cimport *
from .slide cimport FOLD, REPEAT, SLIDE, TIMES, Work, on_work
from .taps cimport *
from .tiles cimport fill, join, join_rest, segment_taps, set_tile


cdef inline char* merged(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane,
                         const Line* lines, Py_ssize_t m, Py_ssize_t tile, Py_ssize_t block) noexcept nogil:
    """One block of a lane: merge and slide.  The results of line l start at l * pitch outputs."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef Py_ssize_t blocks = max((lines.at.taps + BLOCK_ROWS - 1) // BLOCK_ROWS, 1)
    cdef Py_ssize_t row0, row1, row, i, top = 0, done = 0, half = 2 if lane.pairs else 1
    cdef Py_ssize_t line_cells, need, size = lane.want_size * g.channels
    cdef Tile t
    cdef Work w
    set_tile(p, lines.at.plane, tile, block // blocks, s, &t)
    row0 = (block % blocks) * BLOCK_ROWS
    row1 = min(row0 + BLOCK_ROWS, lines.at.taps)
    line_cells = g.pitch * axis.s if m > 1 else t.cells
    if axis.stuff > 1:
        merge_stuffed(p, arrays, s, lane, lines, m, &t, line_cells)
    elif t.high <= t.low or (row1 <= row0 and m == 1):
        for i in range(m):
            fill(lane, s.a + i * line_cells // half * size, t.cells * g.channels // half)
    else:
        if m > 1 or row1 - row0 <= ROWS:
            merge_lines(p, arrays, s, lane, lines, m, &t, row0, row1, s.a)
        else:
            row = row0
            while row < row1:
                merge_lines(p, arrays, s, lane, lines, m, &t, row, min(row + ROWS, row1), s.rows[top])
                # cells that are not read hold anything; they are filled below
                top = join(lane, s.rows, top, done, t.cells * g.channels // half)
                done += 1
                row += ROWS
            join_rest(lane, s.rows, top, t.cells * g.channels // half)
            exchange(&s.a, &s.rows[0])
        if t.low > t.p0 and not lane.pairs:
            for i in range(m):
                fill(lane, s.a + i * line_cells * size, (t.low - t.p0) * g.channels)
        need = t.p0 + t.cells - t.high
        if need > 0 and not lane.pairs:
            for i in range(m):
                fill(lane, s.a + (i * line_cells + t.high - t.p0) * size, need * g.channels)
    w.a, w.b, w.c = s.a, s.b, s.c
    w.m = (m - 1) * g.pitch + t.n
    w.C = g.channels
    if axis.starts != NULL or (g.segment and not g.sliding):
        w.verb = FOLD
        w.starts = s.starts
        w.stops = s.stops
        w.value = &lane.identity
        on_work(lane.op, lane.want, &w)
    else:
        w.verb = SLIDE
        w.k, w.s, w.d = axis.k // half, axis.s // half, axis.d
        if g.sliding:
            w.k = segment_taps(p, block // blocks)
        if w.k != 1 or w.s != 1:
            on_work(lane.op, lane.want, &w)
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
                fill(lane, s.a, q)
                fill(lane, s.a + (t.high - t.p0) * C * size, (t.p0 + t.cells - t.high) * C)
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


cdef inline void count_line(const Plan* p, Scratch* s, const Line* line, Py_ssize_t tile, Py_ssize_t at) noexcept nogil:
    """How many cells take part in each window of a line, and how many of them are padding that counts."""
    cdef int64_t* counts = s.counts + at
    cdef int64_t* pads = s.pads + at
    cdef double* inverse = s.inverse + at
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef Py_ssize_t i, c, start, low, high, total, i0 = tile * g.outputs, C = g.channels
    cdef int64_t cells, real
    for i in range(min(g.outputs, axis.o - i0)):
        window(axis, line.at.plane, i0 + i, &start, &low, &high, &total)
        real = line.at.real * (high - low)
        cells = line.at.total * total if p.constant else real
        for c in range(C):
            counts[i * C + c] = cells
            pads[i * C + c] = cells - real
            inverse[i * C + c] = 1 / <double> max(cells, 1)


cdef inline void count_cells(const Plan* p, Scratch* s, const Line* lines, Py_ssize_t m, Py_ssize_t tile) noexcept nogil:
    """The counts of m lines, `pitch` outputs apart, or one number for all."""
    cdef const Geometry* g = &p.g
    cdef Py_ssize_t i, j, C = g.channels, step = g.pitch * C
    cdef Py_ssize_t n = min(g.outputs, g.axes[g.leading].o - tile * g.outputs) * C
    s.count.uniform = (g.uniform or not g.counted) and p.count_lane < 0 and not p.constant
    s.count.n = lines.at.real * g.axes[g.leading].k
    s.count.row = s.counts
    s.count.pads = s.pads
    s.count.inverse = s.inverse if p.count_lane < 0 else NULL
    for i in range(1, m if g.counted else 1):
        s.count.uniform = s.count.uniform and lines[i].at.real == lines.at.real
    if s.count.uniform:
        return
    if s.known_tile != tile or p.count_lane >= 0 or g.planes:
        memset(s.known, 0xFF, 2 * g.band * sizeof(int64_t))
        s.known_tile = tile
    for i in range(m):
        if s.known[2 * i] == lines[i].at.real and s.known[2 * i + 1] == lines[i].at.total:
            continue  # as in the band before
        s.known[2 * i], s.known[2 * i + 1] = lines[i].at.real, lines[i].at.total
        count_line(p, s, &lines[i], tile, i * step)
        for j in range(n, step):  # between the rows of a band
            s.counts[i * step + j] = 0x4000000000000000
            s.inverse[i * step + j] = s.pads[i * step + j] = 0


cdef inline void open_lane(const Plan* p, Scratch* s, const Lane* lane, Py_ssize_t n) noexcept nogil:
    """The context of the lane's taps, from a lane before it."""
    if lane.context == LANE_CONTEXT:
        memcpy(s.context, s.lane[p.context_lane], n * 8)
    elif lane.context == MEAN_CONTEXT:
        divide(<const double*> s.lane[p.context_lane], &s.count, 0, True, s.context, n)


cdef inline Py_ssize_t results_of(const Plan* p, Py_ssize_t m, Py_ssize_t tile) noexcept nogil:
    """Samples from the first result of a tile of m lines to the last."""
    cdef const Geometry* g = &p.g
    return ((m - 1) * g.pitch + min(g.outputs, g.axes[g.leading].o - tile * g.outputs)) * g.channels


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
    cdef double x = 0, t
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


cdef inline void write_lines(const Plan* p, const Arrays* arrays, Scratch* s, const Line* lines,
                             Py_ssize_t m, Py_ssize_t tile) noexcept nogil:
    """Formula, empty windows, and the rows of the output."""
    cdef const Geometry* g = &p.g
    cdef Py_ssize_t i, i0 = tile * g.outputs, n = min(g.outputs, g.axes[g.leading].o - i0)
    cdef Py_ssize_t results = results_of(p, m, tile), bytes = n * g.out_cell
    cdef bint spread = g.copies > 1 or g.repeats > 1, straight = m == 1 and not spread
    cdef char* out = arrays.out + lines.at.out + i0 * g.out_cell
    if m > 1 and g.pitch == n and not spread:
        straight = True
        for i in range(1, m):
            straight = straight and lines[i].at.out - lines[i - 1].at.out == bytes
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
        write_copies(g, s.out + i * g.pitch * g.out_cell, n,
                     arrays.out + lines[i].at.out + i0 * g.repeats * g.out_cell)
    for i in range(0 if spread or straight else m):
        memcpy(arrays.out + lines[i].at.out + i0 * g.out_cell, s.out + i * g.pitch * g.out_cell, bytes)


cdef inline void write_strips(const Plan* p, const Arrays* arrays, Scratch* s, const Line* line,
                              Py_ssize_t tile) noexcept nogil:
    """The plainest tiles (one lane, rows read from memory, whole windows) a strip at a time.  A strip
    goes through all stages while it is in the nearest cache, so that between two reads of memory
    there is only a little work: 2x2 means of float32 take 4.3 instead of 5.8 ms."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef const Lane* lane = &p.lanes[0]
    cdef Py_ssize_t i, j, part, i0 = tile * g.outputs, n = min(g.outputs, axis.o - i0), C = g.channels
    cdef Py_ssize_t half = 2 if lane.pairs else 1, extent = (axis.k - 1) * axis.d + 1
    cdef Py_ssize_t step = g.strip * axis.s * g.x_cell
    cdef char* out = arrays.out + line.at.out + i0 * g.out_cell
    cdef char** at = &s.lane[0]
    cdef Work w
    list_taps(g, line, 0, line.at.taps, &s.taps)
    for j in range(line.at.taps):
        s.pointers[j] = arrays.x + s.taps.x[j] + i0 * axis.s * g.x_cell
    w.verb = SLIDE
    w.C = C
    i = 0
    while i < n:
        part = min(g.strip, n - i)
        merge(lane.op, lane.pairs, lane.have, lane.want, s.pointers, line.at.taps, 1,
              ((part - 1) * axis.s + extent) * C // half, s.a, 0, True)
        w.a, w.b, w.c = s.a, s.b, s.c
        w.k, w.s, w.d, w.m = axis.k // half, axis.s // half, axis.d, part
        if w.k != 1 or w.s != 1:
            on_work(lane.op, lane.want, &w)
        s.a, s.b, s.c = <char*> w.a, <char*> w.b, <char*> w.c
        at[0] = s.a
        formula(p, s, part * C, out + i * g.out_cell)
        for j in range(line.at.taps):
            s.pointers[j] = <const char*> s.pointers[j] + step
        i += g.strip
