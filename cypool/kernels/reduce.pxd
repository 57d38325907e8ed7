# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Reduce: one tile of output rows.

    for each lane:   list the input rows -> decode -> merge -> slide     (a row of reduced values)
    then:            count the cells -> formula -> store                 (a row of the output)

Rows far apart are joined in a fixed tree: 64 rows at a time, 1024 rows to a block, blocks in
pairs.  The tree depends on the window alone, so that sums have the same bits however the work
is divided.
"""
from libc.string cimport memcpy, memmove, memset

from .decode cimport *
from .finish cimport *
from .merge cimport merge
from .plan cimport *
from .scratch cimport *
from .slide cimport COMBINE, FILL, FOLD, REPEAT, SLIDE, TIMES, Work, on_work
from .taps cimport *


cdef inline void set_tile(const Plan* p, Py_ssize_t plane, Py_ssize_t tile, Py_ssize_t segment,
                          Scratch* s, Tile* t) noexcept nogil:
    """Where a tile of the row axis lies; with segments: one part of one window."""
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    cdef Py_ssize_t i, start, stop, first = 0, last = axis.n
    t.i0 = tile * p.g.outputs
    t.n = min(p.g.outputs, axis.o - t.i0)
    if axis.starts != NULL:
        start = axis.starts[plane * axis.plane_step + t.i0]
        stop = axis.stops[plane * axis.plane_step + t.i0]
        for i in range(t.n):
            s.starts[i] = axis.starts[plane * axis.plane_step + t.i0 + i]
            s.stops[i] = axis.stops[plane * axis.plane_step + t.i0 + i]
            start = min(start, s.starts[i])
            stop = max(stop, s.stops[i])
    else:
        start = t.i0 * axis.s - axis.before
        stop = start + (t.n - 1) * axis.s + (axis.k - 1) * axis.d + 1
        if axis.border >= REFLECT:
            first = -axis.before
            last = axis.n + axis.after
    t.p0 = start
    t.cells = stop - start
    t.low = max(start, first)
    t.high = max(min(stop, last), t.low)
    if p.g.segment:
        t.low = min(t.low + segment * p.g.segment, t.high)
        t.high = min(t.low + p.g.segment, t.high)
        t.p0 = t.low
        t.cells = t.high - t.low
        s.starts[0] = 0
        s.stops[0] = t.cells
    else:
        for i in range(t.n if axis.starts != NULL else 0):
            s.starts[i] -= start
            s.stops[i] -= start


cdef inline void fill(const Lane* lane, char* a, Py_ssize_t n) noexcept nogil:
    cdef Work w
    w.verb = FILL
    w.a = a
    w.m = n
    w.value = &lane.identity
    on_work(SUM if lane.op >= TAPS else lane.op, lane.want, &w)


cdef inline void combine(const Lane* lane, char* a, char* b, Py_ssize_t n) noexcept nogil:
    """a = a op b on rows of n results."""
    cdef Work w
    if lane.op == FIRST:
        combine_first(<uint64_t*> a, <const uint64_t*> b, n)
        return
    w.verb = COMBINE
    w.a = a
    w.b = b
    w.m = n
    on_work(SUM if lane.op == TAPS else lane.op, lane.want, &w)


cdef inline Py_ssize_t join(const Lane* lane, char** stack, Py_ssize_t top, Py_ssize_t done,
                            Py_ssize_t n) noexcept nogil:
    """Partial result number `done` has been put on the stack at `top`: joins equals in pairs."""
    while done & 1:
        combine(lane, stack[top - 1], stack[top], n)
        top -= 1
        done >>= 1
    return top + 1


cdef inline void join_rest(const Lane* lane, char** stack, Py_ssize_t top, Py_ssize_t n) noexcept nogil:
    while top > 1:
        combine(lane, stack[top - 2], stack[top - 1], n)
        top -= 1


cdef inline void load(const Plan* p, const char* row, Py_ssize_t cell, Py_ssize_t channel, int size,
                      bint swap, const Tile* t, char* out) noexcept nogil:
    """Cells low .. high of a row, mirrored ones included, as contiguous native samples."""
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    cdef Py_ssize_t C = p.g.channels, i, low = max(t.low, 0), high = min(t.high, axis.n)
    for i in range(t.low, min(low, t.high)):
        gather(size, row + fold_cell(axis, i) * cell, 1, cell, C, channel, swap, out + (i - t.low) * C * size)
    if high > low:
        gather(size, row + low * cell, high - low, cell, C, channel, swap, out + (low - t.low) * C * size)
    for i in range(max(high, t.low), t.high):
        gather(size, row + fold_cell(axis, i) * cell, 1, cell, C, channel, swap, out + (i - t.low) * C * size)


cdef inline void exchange(char** a, char** b) noexcept nogil:
    cdef char* x = a[0]
    a[0] = b[0]
    b[0] = x


cdef inline const void* decode(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane,
                               Py_ssize_t x, Py_ssize_t m, const Tile* t, int slot) noexcept nogil:
    """One row, cells low .. high, as samples of type lane.have, in scratch row `slot`."""
    cdef Py_ssize_t n = (t.high - t.low) * p.g.channels
    cdef char** here = &s.decoded[slot]
    cdef int code = lane.raw
    cdef bint converted = False
    if lane.from_mask:
        load(p, arrays.mask + m, p.g.mask_cell, p.g.mask_channel, 1, False, t, here[0])
    elif (p.g.plain and lane.convert1 != KEEP and not lane.fill_nan and t.low >= 0
          and t.high <= p.g.axes[p.g.leading].n):
        convert(lane.convert1, code, arrays.x + x + t.low * p.g.x_cell, here[0], n)
        converted = True
    else:
        load(p, arrays.x + x, p.g.x_cell, p.g.x_channel, p.g.size, p.g.swap, t, here[0])
        if lane.half:
            half_to_float(<const uint16_t*> here[0], <float*> s.spare, n)
            exchange(here, &s.spare)
    if lane.fill_nan:
        if code == F32:
            replace_nan(<float*> here[0], (<const float*> &lane.nan_value)[0], n)
        else:
            replace_nan(<double*> here[0], (<const double*> &lane.nan_value)[0], n)
    if lane.convert1 != KEEP and not converted:
        convert(lane.convert1, code, here[0], s.spare, n)
        exchange(here, &s.spare)
    if lane.convert2 != KEEP:
        convert(lane.convert2, U8, here[0], s.spare, n)
        exchange(here, &s.spare)
    if lane.transform != SAME:
        transform(lane.transform, <double*> here[0], lane.eps, n)
    if lane.fill_masked:
        load(p, arrays.mask + m, p.g.mask_cell, p.g.mask_channel, 1, False, t, <char*> s.mask)
        replace_masked_any(lane.have_size, here[0], &lane.mask_value, s.mask, n)
    return here[0]


cdef inline void frame(const Lane* lane, char* row, const Tile* t, Py_ssize_t C) noexcept nogil:
    """Moves a decoded row to where it lies among its margins, and fills those."""
    cdef Py_ssize_t size = lane.have_size, first = (t.low - t.p0) * C, n = (t.high - t.low) * C
    cdef Py_ssize_t i, last = t.cells * C
    memmove(row + first * size, row, n * size)
    for i in range(first):
        memcpy(row + i * size, &lane.mask_value, size)
    for i in range(first + n, last):
        memcpy(row + i * size, &lane.mask_value, size)


cdef inline void merge_ahead(const Lane* lane, const void** rows, Py_ssize_t count, Py_ssize_t n,
                             char* acc) noexcept nogil:
    """One line, a few hundred bytes of each row at a time, while the next ones are on their way:
    the hardware's own prefetching ends at each page of a row.  Measured: 2x2 means of float32 in 4.3
    instead of 5.5 ms, of uint16 in 2.0 instead of 2.5; nothing gained from five rows on."""
    cdef Py_ssize_t bytes = lane.have_size * (2 if lane.pairs else 1), step = AHEAD // bytes, i, j, k, part
    i = 0
    while i < n:
        part = min(step, n - i)
        for j in range(count):
            k = AHEAD
            while k < 2 * AHEAD:
                prefetch(<const char*> rows[j] + k)
                k += 64
        merge(lane.op, lane.pairs, lane.have, lane.want, rows, count, 1, part, acc + i * lane.want_size, 0, True)
        for j in range(count):
            rows[j] = <const char*> rows[j] + step * bytes
        i += step


cdef inline void merge_lines(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane,
                             const Line* lines, Py_ssize_t m, const Tile* t, Py_ssize_t row0,
                             Py_ssize_t row1, char* acc) noexcept nogil:
    """Rows row0 .. row1 (at most 64) of m lines (several only if these are all their rows)."""
    cdef const Geometry* g = &p.g
    cdef Py_ssize_t i, j, k, count = row1 - row0, C = g.channels
    cdef Py_ssize_t half = 2 if lane.pairs else 1
    cdef Py_ssize_t n = (t.high - t.low) * C // half
    cdef Py_ssize_t pitch = g.pitch * g.axes[g.leading].s * C // half
    cdef char* target = acc + (t.low - t.p0) * C // half * lane.want_size
    cdef const char* base
    cdef bint framed = lane.pairs and (t.low > t.p0 or t.high < t.p0 + t.cells)
    if framed:  # pairs may lie across the border: rows are read with their margins
        n = t.cells * C // half
        target = acc
    if lane.direct and not framed:
        base = (arrays.mask if lane.from_mask else arrays.x) + t.low * g.x_cell
        for i in range(m):
            list_taps(g, &lines[i], row0, count, s.x, s.m, s.rank, s.tap)
            for j in range(count):
                s.pointers[i * count + j] = base + s.x[j]
        if m == 1 and count <= 4:
            merge_ahead(lane, s.pointers, count, n, target)
        else:
            merge(lane.op, lane.pairs, lane.have, lane.want, s.pointers, count, m, n, target, pitch, True)
        return
    for i in range(m):
        list_taps(g, &lines[i], row0, count, s.x, s.m, s.rank, s.tap)
        j = 0
        while j < count:
            for k in range(j, min(j + GROUP, count)):
                s.pointers[k - j] = decode(p, arrays, s, lane, s.x[k], s.m[k], t, <int> (k - j))
                if framed:
                    frame(lane, s.decoded[k - j], t, C)
            merge(lane.op, lane.pairs, lane.have, lane.want, s.pointers, min(GROUP, count - j), 1, n,
                  target + i * pitch * lane.want_size, pitch, j == 0)
            j += GROUP


cdef inline char* merged(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane,
                         const Line* lines, Py_ssize_t m, Py_ssize_t tile, Py_ssize_t block) noexcept nogil:
    """One block of a lane: merge and slide.  The results of line l start at l * pitch outputs."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef Py_ssize_t blocks = max((lines.taps + BLOCK_ROWS - 1) // BLOCK_ROWS, 1)
    cdef Py_ssize_t row0, row1, row, i, top = 0, done = 0, half = 2 if lane.pairs else 1
    cdef Py_ssize_t line_cells, need, size = lane.want_size * g.channels
    cdef Tile t
    cdef Work w
    set_tile(p, lines.plane, tile, block // blocks, s, &t)
    row0 = (block % blocks) * BLOCK_ROWS
    row1 = min(row0 + BLOCK_ROWS, lines.taps)
    line_cells = g.pitch * axis.s if m > 1 else t.cells
    if t.high <= t.low or row1 <= row0:
        for i in range(m):
            fill(lane, s.a + i * line_cells // half * size, t.cells * g.channels // half)
    else:
        if row1 - row0 <= ROWS:
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
    if axis.starts != NULL or g.segment:
        w.verb = FOLD
        w.starts = s.starts
        w.stops = s.stops
        w.value = &lane.identity
        on_work(lane.op, lane.want, &w)
    else:
        w.verb = SLIDE
        w.k, w.s, w.d = axis.k // half, axis.s // half, axis.d
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
                s.rest + i * C, n * C, weight, lane.par)


cdef inline Py_ssize_t window_start(const Axis* axis, Py_ssize_t plane, Py_ssize_t i) noexcept nogil:
    if axis.starts != NULL:
        return axis.starts[plane * axis.plane_step + i]
    return i * axis.s - axis.before


cdef inline char* tapped(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane,
                         const Line* line, Py_ssize_t tile, Py_ssize_t block) noexcept nogil:
    """One block of a lane of taps: the state of each output, summed over rows and taps."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef Py_ssize_t C = g.channels, blocks = max((line.taps + BLOCK_ROWS - 1) // BLOCK_ROWS, 1)
    cdef Py_ssize_t row0, row1, row, r, i, j, q, n, size = p.g.size if lane.op == FIRST else 8
    cdef const void* cells
    cdef uint8_t* valid = <uint8_t*> s.c
    cdef char* state = s.sums
    cdef Tile t
    set_tile(p, line.plane, tile, block // blocks, s, &t)
    row0 = (block % blocks) * BLOCK_ROWS
    row1 = min(row0 + BLOCK_ROWS, line.taps)
    n = t.n * C
    memset(state, 0, n * 8)
    memset(s.rest, 0, n * 8)
    if lane.op == FIRST:
        for i in range(n):
            (<int64_t*> state)[n + i] = 0x7FFFFFFFFFFFFFFF
    for row in range(row0, row1 if t.high > t.low else row0):
        r = (row - row0) % ROWS
        if r == 0:
            list_taps(g, line, row, min(ROWS, row1 - row), s.x, s.m, s.rank, s.tap)
        cells = decode(p, arrays, s, lane, s.x[r], s.m[r], &t, 0)
        q = (t.low - t.p0) * C
        if lane.op == FIRST:
            memset(valid, 0, t.cells * C)
            if g.masked:
                load(p, arrays.mask + s.m[r], g.mask_cell, g.mask_channel, 1, False, &t, <char*> valid + q)
            else:
                memset(valid + q, 1, (t.high - t.low) * C)
        if t.low > t.p0 or t.high < t.p0 + t.cells:
            memcpy(s.a + q * size, cells, (t.high - t.low) * C * size)
            if lane.op != FIRST:
                fill(lane, s.a, q)
                fill(lane, s.a + (t.high - t.p0) * C * size, (t.p0 + t.cells - t.high) * C)
            cells = s.a
        if axis.starts != NULL or g.segment:
            for i in range(t.n):
                for j in range(s.starts[i], s.stops[i]):
                    q = j - s.starts[i] + (t.p0 - window_start(axis, line.plane, t.i0 + i) if g.segment else 0)
                    tap_cells(p, s, lane, <const char*> cells, valid, i, 1, j, 1,
                              s.rank[r] + q * axis.rank, state, n)
        else:
            for j in range(axis.k):
                tap_cells(p, s, lane, <const char*> cells, valid, 0, t.n, j * axis.d, axis.s,
                          s.rank[r] + j * axis.rank, state, n)
    if lane.op == TAPS:
        tap_close(<double*> state, s.rest, n)
    return state


cdef inline void count_cells(const Plan* p, Scratch* s, const Line* line, Py_ssize_t m, Py_ssize_t tile) noexcept nogil:
    """How many cells take part in each window, and how many of them are padding that counts."""
    cdef const Geometry* g = &p.g
    cdef const Axis* axis = &g.axes[g.leading]
    cdef Py_ssize_t i, c, start, low, high, total, i0 = tile * g.outputs, C = g.channels
    cdef Py_ssize_t n = min(g.outputs, axis.o - i0)
    cdef int64_t cells, real
    s.count.uniform = g.uniform and p.count_lane < 0 and not p.constant
    s.count.n = line.real * axis.k
    s.count.row = s.counts
    s.count.pads = s.pads
    if s.count.uniform:
        return
    for i in range(n):
        window(axis, line.plane, i0 + i, &start, &low, &high, &total)
        real = line.real * (high - low)
        cells = line.total * total if p.constant else real
        for c in range(C):
            s.counts[i * C + c] = cells
            s.pads[i * C + c] = cells - real
    for i in range(n * C, g.pitch * C):  # between the rows of a band
        s.counts[i] = 0x4000000000000000
        s.pads[i] = 0
    for i in range(1, m):
        memcpy(s.counts + i * g.pitch * C, s.counts, g.pitch * C * 8)
        memcpy(s.pads + i * g.pitch * C, s.pads, g.pitch * C * 8)


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


cdef inline char* lane_blocks(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane,
                              const Line* lines, Py_ssize_t m, Py_ssize_t tile, Py_ssize_t block0,
                              Py_ssize_t block1) noexcept nogil:
    """Blocks block0 .. block1 of a lane, joined; the row of results."""
    cdef Py_ssize_t block, top = 0, done = 0, n = results_of(p, m, tile)
    cdef Py_ssize_t width = 16 if lane.op == FIRST else lane.want_size
    cdef char* result = NULL
    for block in range(block0, block1):
        if lane.op >= TAPS:
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


cdef inline void close_lane(const Plan* p, Scratch* s, const Lane* lane, const Line* line, Py_ssize_t n,
                            char* result, int index) noexcept nogil:
    """What stands for many cells: axes of which all cells are the same, and constant padding."""
    cdef Work w
    cdef Py_ssize_t i
    cdef uint8_t seen = 0
    cdef double t
    w.a = result
    w.m = n
    w.times = line.times
    if line.times != 1 and lane.op != FIRST:
        w.verb = TIMES
        on_work(SUM if lane.op == TAPS else lane.op, lane.want, &w)
    if p.constant:
        if lane.op == TAPS:
            for i in range(n):
                if s.pads[i] > 0:
                    t = tap_term(lane.tap, (<const double*> &lane.border_value)[0], s.context[i], lane.par)
                    (<double*> result)[i] += <double> s.pads[i] * t if t == t else 0
        elif lane.op != FIRST:
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
    elif f.code == COUNT:
        count_row(&s.count, <int64_t*> s.wide2, n)
        store(I64, p.out_code, f.saturate, s.wide2, s.wide, out, n)
    else:
        smooth(f, <const double*> x, <const double*> s.lane[p.context_lane if p.context_lane >= 0 else p.first_lane],
               <const double*> y, &s.count, <double*> s.wide, n)
        store_doubles(<const double*> s.wide, p.out_code, out, n)


cdef inline void write_lines(const Plan* p, const Arrays* arrays, Scratch* s, const Line* lines,
                             Py_ssize_t m, Py_ssize_t tile) noexcept nogil:
    """Formula, empty windows, and the rows of the output."""
    cdef const Geometry* g = &p.g
    cdef Py_ssize_t i, i0 = tile * g.outputs, n = min(g.outputs, g.axes[g.leading].o - i0)
    cdef Py_ssize_t results = results_of(p, m, tile), bytes = n * g.out_cell
    cdef bint straight = m == 1
    cdef char* out = arrays.out + lines.out + i0 * g.out_cell
    if m > 1 and g.pitch == n:
        straight = True
        for i in range(1, m):
            straight = straight and lines[i].out - lines[i - 1].out == bytes
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
    if not straight:
        for i in range(m):
            memcpy(arrays.out + lines[i].out + i0 * g.out_cell, s.out + i * g.pitch * g.out_cell, bytes)


cdef inline void to_row(const Plan* p, Py_ssize_t row, Scratch* s) noexcept nogil:
    """The index of output row number `row` on each leading axis."""
    cdef Py_ssize_t a
    for a in range(p.g.leading - 1, -1, -1):
        s.index[a] = row % p.g.axes[a].o
        row //= p.g.axes[a].o


cdef inline void next_row(const Plan* p, Scratch* s) noexcept nogil:
    cdef Py_ssize_t a = p.g.leading - 1
    while a >= 0:
        s.index[a] += 1
        if s.index[a] < p.g.axes[a].o:
            return
        s.index[a] = 0
        a -= 1


cdef inline void reduce_band(const Plan* p, const Arrays* arrays, Scratch* s, Py_ssize_t item) noexcept nogil:
    """A work item: a band of output rows, one tile of each.  Rows alike are done in one pass."""
    cdef Py_ssize_t row = item // p.g.tiles * p.g.band, tile = item % p.g.tiles, n, m, i, blocks
    cdef Py_ssize_t rows = min(p.g.band, p.g.rows - row), results
    cdef Line* line
    cdef char* result
    to_row(p, row, s)
    for n in range(rows):
        locate(&p.g, s.index, &s.lines[n])
        next_row(p, s)
    n = 0
    while n < rows:
        line = &s.lines[n]
        m = 1
        while (n + m < rows and line[m].taps == line.taps and line[m].real == line.real
               and line[m].total == line.total and line[m].times == line.times):
            m += 1
        count_cells(p, s, line, m, tile)
        results = results_of(p, m, tile)
        blocks = p.g.segments * max((line.taps + BLOCK_ROWS - 1) // BLOCK_ROWS, 1)
        for i in range(p.n_lanes):
            open_lane(p, s, &p.lanes[i], results)
            result = lane_blocks(p, arrays, s, &p.lanes[i], line, m, tile, 0, blocks)
            close_lane(p, s, &p.lanes[i], line, results, result, <int> i)
            if p.n_lanes == 1:
                s.lane[i] = result
            else:
                memcpy(s.lane[i], result, results * p.lanes[i].want_size)
        write_lines(p, arrays, s, line, m, tile)
        n += m


# Windows so large that one of them is work for several threads: each lane is done in groups of
# blocks, whose partial results are joined by the same tree.

cdef inline void resume(const Plan* p, Scratch* s, Py_ssize_t item, int lanes, const char* values,
                        Py_ssize_t slot) noexcept nogil:
    """Where a large window stands after `lanes` lanes: its line, counts and the lanes' results."""
    cdef Py_ssize_t i, tile = item % p.g.tiles, n = results_of(p, 1, tile)
    to_row(p, item // p.g.tiles, s)
    locate(&p.g, s.index, s.lines)
    count_cells(p, s, s.lines, 1, tile)
    for i in range(lanes):
        memcpy(s.lane[i], values + (item * p.n_lanes + i) * slot, n * p.lanes[i].want_size)
        if i == p.count_lane:
            widen_any(p.lanes[i].want, s.lane[i], s.counts, False, n)
            s.count.uniform = False


cdef inline void reduce_group(const Plan* p, const Arrays* arrays, Scratch* s, Py_ssize_t item, int lane,
                              Py_ssize_t group, Py_ssize_t groups, char* partial, const char* values,
                              Py_ssize_t slot) noexcept nogil:
    """Blocks group * k .. of one lane of one large window (or tile of windows)."""
    cdef Py_ssize_t whole = item // groups, block = item % groups * group, tile = whole % p.g.tiles
    cdef Py_ssize_t blocks, n = results_of(p, 1, tile)
    resume(p, s, whole, lane, values, slot)
    open_lane(p, s, &p.lanes[lane], n)
    blocks = p.g.segments * max((s.lines.taps + BLOCK_ROWS - 1) // BLOCK_ROWS, 1)
    if block < blocks:
        memcpy(partial + item * slot,
               lane_blocks(p, arrays, s, &p.lanes[lane], s.lines, 1, tile, block, min(block + group, blocks)),
               n * (16 if p.lanes[lane].op == FIRST else p.lanes[lane].want_size))


cdef inline void join_groups(const Plan* p, Scratch* s, Py_ssize_t item, int lane, Py_ssize_t group,
                             Py_ssize_t groups, const char* partial, char* values, Py_ssize_t slot) noexcept nogil:
    cdef Py_ssize_t i, top = 0, n = results_of(p, 1, item % p.g.tiles), blocks
    cdef const Lane* here = &p.lanes[lane]
    resume(p, s, item, lane, values, slot)
    open_lane(p, s, here, n)
    blocks = p.g.segments * max((s.lines.taps + BLOCK_ROWS - 1) // BLOCK_ROWS, 1)
    for i in range((blocks + group - 1) // group):
        memcpy(s.state[top], partial + (item * groups + i) * slot, n * (16 if here.op == FIRST else here.want_size))
        top = join(here, s.state, top, i, n)
    join_rest(here, s.state, top, n)
    close_lane(p, s, here, s.lines, n, s.state[0], lane)
    memcpy(values + (item * p.n_lanes + lane) * slot, s.state[0], n * here.want_size)


cdef inline void write_item(const Plan* p, const Arrays* arrays, Scratch* s, Py_ssize_t item,
                            const char* values, Py_ssize_t slot) noexcept nogil:
    resume(p, s, item, p.n_lanes, values, slot)
    write_lines(p, arrays, s, s.lines, 1, item % p.g.tiles)
