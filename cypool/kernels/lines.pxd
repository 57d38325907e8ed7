# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Lines: the input rows of an output row, from memory to one merged row."""
from libc.string cimport memcpy, memmove, memset

from .decode cimport *
from .merge cimport Rows, merge
from .places cimport *
from .plan cimport *
from .scratch cimport *
from .slide cimport SLIDE, Work, on_work, plainer
from .tiles cimport fill


cdef inline void load(const Plan* p, const char* base, Py_ssize_t offset, Py_ssize_t cell, Py_ssize_t channel,
                      int size, bint swap, const void* value, const Tile* t, char* out) noexcept nogil:
    """Cells low .. high of the row at `offset`, mirrored ones included, as contiguous native samples;
    `value` where nothing is."""
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    cdef Py_ssize_t C = p.g.channels, i, j, c, low = max(t.low, 0), high = min(t.high, axis.n)
    cdef const char* row = base + (0 if offset == PADDED else offset)
    if high > low and offset != PADDED:
        gather(size, row + low * cell, high - low, cell, C, channel, swap, out + (low - t.low) * C * size)
    i = t.low
    while i < t.high:
        if i == low and high > low and offset != PADDED:
            i = high
            continue
        j = -1 if offset == PADDED else fold_cell(axis, i)
        if j >= 0:
            gather(size, row + j * cell, 1, cell, C, channel, swap, out + (i - t.low) * C * size)
        else:
            for c in range(C):
                memcpy(out + ((i - t.low) * C + c) * size, value, size)
        i += 1


cdef inline void load_mask(const Plan* p, const Arrays* arrays, Py_ssize_t x, Py_ssize_t m, const Tile* t,
                           char* out) noexcept nogil:
    """The mask beside a row of x; cells of the border take part."""
    cdef char padded = not p.g.hides
    cdef Py_ssize_t i
    load(p, arrays.mask, PADDED if x == PADDED else m, p.g.mask_cell, p.g.mask_channel, 1, False, &padded, t, out)
    if p.g.hides:
        for i in range((t.high - t.low) * p.g.channels):
            out[i] = out[i] == 0


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
    cdef bint converted = False, replaced = not lane.fill_nan or lane.op == FIRST
    if lane.from_mask:
        load_mask(p, arrays, x, m, t, here[0])
    elif (p.g.plain and (lane.convert1 != KEEP or not replaced) and not p.g.twins and x != PADDED and t.low >= 0
          and t.high <= p.g.axes[p.g.leading].n):  # the first step reads memory
        if replaced:
            convert(lane.convert1, code, arrays.x + x + t.low * p.g.x_cell, here[0], n)
            converted = True
        else:
            replace_nan_any(code, arrays.x + x + t.low * p.g.x_cell, &lane.nan_value, here[0], n)
            replaced = True
    else:
        load(p, arrays.x, x, p.g.x_cell, p.g.x_channel, p.g.size, p.g.swap, &lane.border_raw, t, here[0])
        if lane.half:
            half_to_float(<const uint16_t*> here[0], <float*> s.spare, n)
            exchange(here, &s.spare)
    if p.g.twins and not lane.from_mask:
        if code == F32:
            share_nan(<float*> here[0], n)
        else:
            share_nan(<double*> here[0], n)
    if not replaced:
        replace_nan_any(code, here[0], &lane.nan_value, here[0], n)
    if lane.convert1 != KEEP and not converted:
        convert(lane.convert1, code, here[0], s.spare, n)
        exchange(here, &s.spare)
    if lane.convert2 != KEEP:
        convert(lane.convert2, U8, here[0], s.spare, n)
        exchange(here, &s.spare)
    if lane.transform != SAME:
        transform(lane.transform, <double*> here[0], lane.eps, n)
    if lane.fill_masked:
        load_mask(p, arrays, x, m, t, <char*> s.mask)
        replace_masked_any(lane.have_size, here[0], &lane.mask_value, s.mask, n)
    return here[0]


cdef inline Py_ssize_t fetched(const Lane* lane, Py_ssize_t n) noexcept nogil:
    """Bytes of n samples in memory, if as many are to be fetched ahead of them, or 0.  Memory foresees what is read in
    order, not several short rows side by side: 2x2 maxima of rows of 512 bytes take 1.5 instead of 1.85 ms so."""
    cdef Py_ssize_t bytes = n * lane.raw_size
    return bytes if SHORT <= bytes <= LONG else 0


cdef inline void set_rows(Rows* r, const void** rows, Py_ssize_t taps, Py_ssize_t lines,
                          Py_ssize_t bytes) noexcept nogil:
    """The rows of a run, and how much of each is fetched ahead: further on in memory, or in rows below, where rows are
    parts of longer ones; of two planes, half as far in each."""
    cdef const char** at = <const char**> rows
    cdef Py_ssize_t step = at[1] - at[0] if taps * lines > 1 else 0, further
    r.rows, r.taps, r.lines = rows, taps, lines
    r.fetched, r.fresh, r.ahead = bytes if taps > 0 else 0, taps, FETCH_AHEAD
    if bytes and max(step, -step) > bytes:
        r.ahead = step * max(1, FETCH_AHEAD // bytes)
    if bytes and taps > 1:
        if at[taps - 1] - at[0] != step * (taps - 1):
            r.ahead = FETCH_AHEAD // 2
        elif lines > 1 and step != 0:
            further = at[taps] - at[0]
            if further % step == 0 and 0 < further // step < taps:
                r.fresh = further // step


cdef inline void merge_lane(const Lane* lane, bint direct, bint pairs, const void** rows, Py_ssize_t taps,
                            Py_ssize_t lines, Py_ssize_t n, char* out, Py_ssize_t pitch, bint first) noexcept nogil:
    """Merges rows as they lie in memory (`direct`), or decoded ones."""
    cdef Rows r
    cdef Py_ssize_t bytes = n * lane.raw_size
    if (direct and taps == 1 and lines > 1 and pitch == n and not pairs
            and <const char*> rows[1] - <const char*> rows[0] == bytes):
        n, lines = n * lines, 1  # rows of a run are at equal steps: these follow each other
    set_rows(&r, rows, taps, lines, fetched(lane, n * (2 if pairs else 1)) if direct else 0)
    r.n, r.pitch, r.first, r.squares = n, pitch, first, direct and lane.squares
    merge(lane.op, pairs, lane.have, lane.want, out, &r)


cdef inline void multiply_ends(const Axis* axis, Py_ssize_t low, Py_ssize_t high, double* row,
                               Py_ssize_t C) noexcept nogil:
    """Cells low .. high, from row on, times what their factors are of the common one."""
    cdef Py_ssize_t i, c
    for i in range(low, high):
        for c in range(C):
            row[c] = row[c] * (axis.factors[i] * axis.inverse)
        row += C


cdef inline void multiply(const Plan* p, double* row, const Tile* t, double factor, double* share) noexcept nogil:
    """A merged row times a factor, and those of its cells.  What all cells have in common is left to write_means:
    their share."""
    cdef Py_ssize_t i, c, C = p.g.channels, n = t.high - t.low
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    cdef const double* factors = axis.factors
    if p.means:
        share[0] = factor * axis.common
        if factors != NULL:
            multiply_ends(axis, t.low, min(axis.left, t.high), row, C)
            i = max(axis.right, t.low)
            multiply_ends(axis, i, t.high, row + (i - t.low) * C, C)
        return
    if factors == NULL:
        for i in range(n * C):
            row[i] = row[i] * factor
        return
    factors += t.low
    if C == 1:
        for i in range(n):
            row[i] = row[i] * (factor * factors[i])
    else:
        for i in range(n):
            for c in range(C):
                row[i * C + c] = row[i * C + c] * (factor * factors[i])


cdef inline void merge_apart(const Plan* p, Scratch* s, const Lane* lane, const Line* line, const Tile* t,
                             const char* base, Py_ssize_t n, double* out, double* share) noexcept nogil:
    """The rows of a line, each times its factor."""
    cdef Py_ssize_t i, j, count = line.at.taps
    cdef const void* cells
    cdef double* row = <double*> s.c
    cdef double factor
    list_taps(&p.g, line, 0, count, &s.taps)
    memset(out, 0, n * sizeof(double))
    for j in range(count):
        cells = base + s.taps.x[j]
        merge_lane(lane, True, False, &cells, 1, 1, n, <char*> row, 0, True)
        factor = s.taps.factor[j]
        for i in range(n):
            out[i] += row[i] * factor
    multiply(p, out, t, 1, share)


cdef inline void merge_weighted(const Plan* p, Scratch* s, const Lane* lane, const Line* run, const Tile* t,
                                const char* base, Py_ssize_t n, double* out, Py_ssize_t pitch,
                                double* shares) noexcept nogil:
    """Rows of a run times their factors.  Mostly those of a line are all the same: one for the merged row will do,
    and such lines are merged together."""
    cdef Py_ssize_t i, first = 0, count = run.at.taps
    cdef double factor[ROWS]
    cdef bint simple = list_rows(&p.g, run, base, s.pointers)
    for i in range(run.lines + 1):
        if i < run.lines and simple and one_factor(&p.g, run, i, &factor[i]):
            continue
        if i > first:
            merge_lane(lane, True, False, s.pointers + first * count, count, i - first, n,
                       <char*> (out + first * pitch), pitch, True)
        while first < i:
            multiply(p, out + first * pitch, t, factor[first], &shares[first])
            first += 1
        if i < run.lines:
            merge_apart(p, s, lane, line_at(&p.g, s, run, i), t, base, n, out + i * pitch, &shares[i])
            first = i + 1


cdef inline void frame(const Lane* lane, char* row, const Tile* t, Py_ssize_t C) noexcept nogil:
    """Moves a decoded row to where it lies among its margins, and fills those."""
    cdef Py_ssize_t size = lane.have_size, first = (t.low - t.p0) * C, n = (t.high - t.low) * C
    cdef Py_ssize_t i, last = t.cells * C
    memmove(row + first * size, row, n * size)
    for i in range(first):
        memcpy(row + i * size, &lane.mask_value, size)
    for i in range(first + n, last):
        memcpy(row + i * size, &lane.mask_value, size)


cdef inline void fetch_next(const Geometry* g, const Line* line, Py_ssize_t m, Py_ssize_t bytes,
                            const void** rows) noexcept nogil:
    """What the m lines after `line` (which reads `rows`) read anew, in the order of memory: it is fetched while
    others are worked on, since memory does not foresee several rows at a time."""
    cdef const Axis* axis = &g.axes[g.leading - 1]
    cdef Py_ssize_t i, j, fresh = line.at.taps
    if line.at.varying == g.leading - 1:
        fresh = min(fresh, axis.s)
    for i in range(1, m + 1 if g.leading else 1):
        for j in range(line.at.taps - fresh, line.at.taps):
            fetch(<const char*> rows[j] + i * axis.s * axis.x, bytes)


cdef inline bint list_run(const Geometry* g, Scratch* s, const Line* run, const char* base,
                          const void** rows) noexcept nogil:
    """The rows of all lines of a run, which are read from memory as they are; whether they lie along one axis."""
    cdef Py_ssize_t i, count = run.at.taps, further
    cdef bint simple = list_rows(g, run, base, rows)
    if not simple:
        list_taps(g, run, 0, count, &s.taps)
        for i in range(count):
            rows[i] = base + s.taps.x[i]
        further = g.axes[g.leading - 1].s * g.axes[g.leading - 1].x if run.lines > 1 else 0
        for i in range(count, run.lines * count):
            rows[i] = <const char*> rows[i - count] + further
    return simple


cdef inline void merge_line(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane, const Line* line,
                            const Tile* t, const char* base, Py_ssize_t row0, Py_ssize_t row1, bint framed,
                            Py_ssize_t n, char* out) noexcept nogil:
    """Rows row0 .. row1 of a line; those that must be decoded a few at a time."""
    cdef Py_ssize_t j = 0, k, count = row1 - row0
    list_taps(&p.g, line, row0, count, &s.taps)
    if lane.direct and not framed:
        for k in range(count):
            s.pointers[k] = base + s.taps.x[k]
        merge_lane(lane, True, lane.pairs, s.pointers, count, 1, n, out, 0, True)
        return
    while j < count:
        for k in range(j, min(j + GROUP, count)):
            s.pointers[k - j] = decode(p, arrays, s, lane, s.taps.x[k], s.taps.mask[k], t, <int> (k - j))
            if framed:
                frame(lane, s.decoded[k - j], t, p.g.channels)
        merge_lane(lane, False, lane.pairs, s.pointers, min(GROUP, count - j), 1, n, out, 0, j == 0)
        j += GROUP


cdef inline bint all_ordered(const char* a, Py_ssize_t lines, Py_ssize_t n, Py_ssize_t pitch) noexcept nogil:
    """Whether there is no NaN in lines of float32."""
    cdef Py_ssize_t i
    for i in range(lines):
        if not ordered_f32(<const float*> a + i * pitch, n):
            return False
    return True


cdef inline void merge_deep(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane, const Line* run,
                            const Tile* t, const char* base, bint framed, Py_ssize_t n, Py_ssize_t first,
                            Py_ssize_t pitch) noexcept nogil:
    """The lines of a run, each the rows of a tall window, into s.a from sample `first` on.  They share most of their
    rows, so that the windows slide along columns, as they do along a row."""
    cdef const Axis* axis = &p.g.axes[p.g.leading - 1]
    cdef Py_ssize_t i = 0, j, lines, count = run.at.taps, rows = run.lines + count - 1, size = lane.want_size
    cdef char* deep = s.a + first * size
    cdef const void* cells
    cdef bint clean = lane.op <= MIN and lane.want == F32, read = lane.direct and not framed
    cdef Work w
    list_taps(&p.g, run, 0, 1, &s.taps)
    w.covers = 1
    if read and lane.op <= MIN and count >= 4:  # each line is the extreme of four rows
        w.covers = 4
        rows -= 3
        while i < rows:
            lines = min(ROWS // 4, rows - i)
            for j in range(4 * lines):
                s.pointers[j] = base + s.taps.x[0] + (i + j // 4 + j % 4) * axis.x
            merge_lane(lane, True, lane.pairs, s.pointers, 4, lines, n, deep + i * pitch * size, pitch, True)
            clean = clean and all_ordered(deep + i * pitch * size, lines, n, pitch)
            i += lines
    elif (read and lane.op == SUM and lane.have == F32 and not lane.pairs and not lane.squares
            and SUM_LEAST <= count <= SUM_MOST and rows <= SUM_ROWS and n >= SUM_WIDTH):
        add_columns(base + s.taps.x[0], axis.x, run.lines, count, <double*> deep, pitch, n)
        return
    elif read:
        for i in range(rows):
            s.pointers[i] = base + s.taps.x[0] + i * axis.x
        merge_lane(lane, True, lane.pairs, s.pointers, 1, rows, n, deep, pitch, True)
    else:
        for i in range(rows):
            cells = decode(p, arrays, s, lane, s.taps.x[0] + i * axis.x, s.taps.mask[0] + i * axis.mask, t, 0)
            if framed:
                frame(lane, s.decoded[0], t, p.g.channels)
            merge_lane(lane, False, lane.pairs, &cells, 1, 1, n, deep + i * pitch * size, 0, True)
        clean = clean and all_ordered(deep, rows, n, pitch)
    w.verb, w.a, w.b, w.c = SLIDE, deep, s.b + first * size, s.c + first * size
    w.m, w.k, w.s, w.d, w.C = (run.lines - 1) * pitch + n, count, 1, pitch, 1
    on_work(plainer(lane.op, clean), lane.want, &w)
    s.clean = s.clean and clean
    s.a, s.b, s.c = <char*> w.a - first * size, <char*> w.b - first * size, <char*> w.c - first * size


cdef inline void add_zero(double* row, Py_ssize_t n) noexcept nogil:
    """Rows of padded zeros are not read, but make 0 of -0."""
    cdef Py_ssize_t i
    for i in range(n):
        row[i] = row[i] + 0.0


cdef inline void merge_lines(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane,
                             const Line* lines, Py_ssize_t m, const Tile* t, Py_ssize_t row0,
                             Py_ssize_t row1, char* acc) noexcept nogil:
    """Rows row0 .. row1 (at most 64) of a line, or all rows of m lines."""
    cdef const Geometry* g = &p.g
    cdef Py_ssize_t i = 0, j, count, C = g.channels, half = 1 if lane.pairs else 0
    cdef Py_ssize_t n = (t.high - t.low) * C >> half
    cdef Py_ssize_t pitch = g.line * C >> half, step = pitch * lane.want_size
    cdef char* target = acc + ((t.low - t.p0) * C >> half) * lane.want_size
    cdef const char* base = (arrays.mask if lane.from_mask else arrays.x) + t.low * g.x_cell
    cdef bint deep, framed = lane.pairs and (t.low > t.p0 or t.high < t.p0 + t.cells)
    cdef const Line* run = lines
    cdef const Line* line
    if framed:  # pairs may lie across the border: rows are read with their margins
        n = t.cells * C >> half
        target = acc
    while i < m:
        if m > 1:
            row0, row1 = 0, run.at.taps
        deep = run.at.taps == g.deep and run.at.varying == g.leading - 1
        s.clean = s.clean and deep
        if row1 == row0:
            fill(lane, target + i * step, n, run.lines, pitch)
        elif deep:
            merge_deep(p, arrays, s, lane, run, t, base, framed, n, (target - acc) // lane.want_size, pitch)
        elif g.weighted:
            merge_weighted(p, s, lane, run, t, base, n, <double*> (target + i * step), pitch, s.shares + i)
        elif lane.direct and not framed and row1 - row0 == run.at.taps:
            list_run(g, s, run, base, s.pointers)
            count = run.lines
            # Runs of as many rows (adaptive windows have one after the other) are merged together; not single rows,
            # which merge_lane takes for those of one run.
            while (i + count < m and run[1].at.taps == run.at.taps > 1 and not g.deep and run.at.real == run.at.total):
                run += 1
                list_run(g, s, run, base, s.pointers + count * run.at.taps)
                count += run.lines
            merge_lane(lane, True, lane.pairs, s.pointers, run.at.taps, count, n, target + i * step, pitch, True)
            i += count - run.lines
        else:
            for j in range(run.lines):
                line = line_of(g, s, run, j)
                merge_line(p, arrays, s, lane, line, t, base, row0, row1, framed, n, target + (i + j) * step)
        if lane.op == SUM and lane.want == F64 and lane.identity == 0 and run.at.real < run.at.total:
            for j in range(run.lines):
                add_zero(<double*> (target + (i + j) * step), n)
        i += run.lines
        run += 1


# The gradient of a sum is a sum as well: of all windows that hold a cell.  Along the row, with stride s, that is
# a sliding window on cells that are s apart, with zeros between them:
#
#     upstream     a     b     c                    s = 2
#     stuffed      a  0  b  0  c
#     gradient  a  a+0  0+b ...                     k = 2

cdef inline void merge_stuffed(const Plan* p, const Arrays* arrays, Scratch* s, const Lane* lane, const Line* lines,
                               Py_ssize_t m, const Tile* t, Py_ssize_t line_cells) noexcept nogil:
    """All rows of m lines, stuffed: into s.a as `t` says."""
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    cdef Py_ssize_t i, j, c, C = p.g.channels, u = axis.stuff, n
    cdef const double* cells
    cdef double* row
    cdef Tile real = t[0]
    real.low = real.p0 = ceil_div(t.low, u)
    real.high = max(real.low, ceil_div(t.high, u))
    real.cells = n = real.high - real.low
    memset(s.a, 0, ((m - 1) * line_cells + t.cells) * C * sizeof(double))
    if n == 0:
        return
    merge_lines(p, arrays, s, lane, lines, m, &real, 0, lines.at.taps, s.b)
    for i in range(m):
        cells = <const double*> s.b + i * line_cells * C
        row = <double*> s.a + (i * line_cells + real.low * u - t.p0) * C
        for j in range(n):
            for c in range(C):
                row[j * u * C + c] = cells[j * C + c]
