# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Places: where windows, their cells and the rows of a line lie, computed from the plan."""
from .plan cimport *
from .rows cimport *


cdef inline Py_ssize_t ceil_div(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    """ceil(a / b) for a >= 0, b > 0."""
    return (a + b - 1) // b if a > 0 else 0


cdef inline Py_ssize_t fold_cell(const Axis* axis, Py_ssize_t cell) noexcept nogil:
    """The cell that a padded cell mirrors; -1: none, it holds the border's value."""
    cdef Py_ssize_t n = axis.n
    if 0 <= cell < n:
        return cell
    if axis.border == VALUE:
        return -1
    if axis.border == REFLECT:
        return -cell if cell < 0 else 2 * n - 2 - cell
    if axis.border == SYMMETRIC:
        return -cell - 1 if cell < 0 else 2 * n - 1 - cell
    if axis.border == EDGE:
        return 0 if cell < 0 else n - 1
    return cell + n if cell < 0 else cell - n


cdef inline void tap_range(const Axis* axis, Py_ssize_t start, Py_ssize_t k, Py_ssize_t first,
                           Py_ssize_t last, Py_ssize_t* low, Py_ssize_t* high) noexcept nogil:
    """The taps j of start + j * d that lie in first <= cell < last."""
    cdef Py_ssize_t d = axis.d
    low[0] = ceil_div(first - start, d)
    high[0] = min(k, ceil_div(last - start, d))
    if high[0] < low[0]:
        high[0] = low[0]


cdef inline void window(const Axis* axis, Py_ssize_t plane, Py_ssize_t i, Py_ssize_t* start,
                        Py_ssize_t* low, Py_ssize_t* high, Py_ssize_t* total) noexcept nogil:
    """Window i: its start, its taps that exist (or mirror one), and how many count with padding."""
    cdef Py_ssize_t a, b
    if axis.starts != NULL:
        start[0] = axis.starts[plane * axis.plane_step + i]
        low[0] = 0
        high[0] = axis.stops[plane * axis.plane_step + i] - start[0]
        total[0] = high[0]
        return
    start[0] = i * axis.s - axis.before
    if start[0] >= 0 and start[0] + (axis.k - 1) * axis.d < axis.n:
        low[0] = 0
        high[0] = axis.k
        total[0] = axis.k
        return
    tap_range(axis, start[0], axis.k, -axis.before, axis.n + axis.after, &a, &b)
    total[0] = b - a
    if axis.border >= REFLECT:
        low[0] = a
        high[0] = b
    else:
        tap_range(axis, start[0], axis.k, 0, axis.n, low, high)


cdef inline int64_t first_pad(const Axis* axis, Py_ssize_t low, Py_ssize_t high, Py_ssize_t total) noexcept nogil:
    """Position of the first padded cell that this axis gives a window: taps 0 .. total with padding, of
    which low .. high exist."""
    if total == high - low:
        return FAR
    return 0 if low > 0 or high == low else high * axis.rank


cdef inline bint is_batch(const Axis* axis) noexcept nogil:
    return axis.k == 1 and axis.s == 1 and axis.starts == NULL and axis.before == 0 and axis.after == 0


cdef inline void along_batch(const Axis* axis, Py_ssize_t steps, Place* at) noexcept nogil:
    """Further on an axis that is not pooled."""
    at.x += steps * axis.x
    at.mask += steps * axis.mask
    at.base += steps * axis.index
    at.origin += steps * axis.index
    at.give += steps * axis.give if axis.index == 0 else 0


cdef inline void add_axis(const Geometry* g, Py_ssize_t a, Py_ssize_t i, Place* at, Line* line) noexcept nogil:
    """What index i of leading axis a adds to where a line is."""
    cdef const Axis* axis = &g.axes[a]
    cdef Py_ssize_t total, cell
    at.out += i * axis.out
    at.flat += i * axis.position
    if is_batch(axis):
        along_batch(axis, i, at)
        line.start[a] = 0
        line.low[a] = 0
        line.high[a] = 1
        return
    window(axis, at.plane, i, &line.start[a], &line.low[a], &line.high[a], &total)
    at.origin += line.start[a] * axis.index
    at.real *= line.high[a] - line.low[a]
    at.total *= total
    at.pad = min(at.pad, first_pad(axis, line.low[a], line.high[a], total))
    if axis.flat and line.high[a] > line.low[a]:
        at.times *= line.high[a] - line.low[a]
        line.start[a] = 0
        line.low[a] = 0
        line.high[a] = 1
    at.taps *= line.high[a] - line.low[a]
    if line.high[a] - line.low[a] > 1:
        at.varying = a if at.varying == NONE else SEVERAL
    cell = fold_cell(axis, line.start[a] + line.low[a] * axis.d)
    if cell < 0 or (axis.border >= REFLECT and not axis.whole <= i < axis.cut):
        at.varying = SEVERAL
    at.first += cell * axis.x
    at.lead += line.low[a] * axis.d * axis.index


cdef inline void locate(const Geometry* g, const Py_ssize_t* index, Py_ssize_t most, Line* line) noexcept nogil:
    """What output row `index` (one number for each leading axis) depends on, and up to `most` rows from it on
    that differ by equal steps."""
    cdef Py_ssize_t a, last = g.leading - 1
    cdef Place* at = &line.at
    at.x = at.mask = at.out = at.plane = at.flat = at.base = at.origin = at.give = at.first = at.lead = 0
    at.taps = at.real = at.total = at.times = line.lines = 1
    at.pad, at.varying = FAR, NONE
    for a in range(g.leading if g.planes else 0):
        at.plane += index[a] * g.axes[a].plane
    for a in range(g.leading):
        add_axis(g, a, index[a], at, line)
    if last >= 0 and not g.planes and g.axes[last].whole <= index[last] < g.axes[last].cut:
        line.lines = min(most, g.axes[last].cut - index[last])


cdef inline bint next_of_table(const Geometry* g, const Py_ssize_t* index, const Line* before,
                               Line* line) noexcept nogil:
    """Output row `index`, from the row before it, of a plane whose windows a table gives: if both are of one length."""
    cdef Py_ssize_t a, last = g.leading - 1, further
    cdef const Axis* axis = &g.axes[last]
    cdef const int64_t* starts
    cdef const int64_t* stops
    if last < 0 or axis.starts == NULL or axis.flat or index[last] == 0:
        return False
    starts = axis.starts + before.at.plane * axis.plane_step + index[last]
    stops = axis.stops + before.at.plane * axis.plane_step + index[last]
    if stops[0] - starts[0] != before.high[last] - before.low[last] or stops[0] == starts[0]:
        return False
    line.at, line.lines = before.at, 1
    for a in range(g.leading):
        line.start[a], line.low[a], line.high[a] = before.start[a], before.low[a], before.high[a]
        stay_plain()
    further = starts[0] - line.start[last]
    line.start[last] = starts[0]
    line.at.out += axis.out
    line.at.flat += axis.position
    line.at.origin += further * axis.index
    line.at.first += further * axis.x
    return True


cdef inline void next_plane(const Geometry* g, Py_ssize_t steps, Place* at) noexcept nogil:
    """From an index of the first leading axis, of a batch, to another."""
    at.out += steps * g.axes[0].out
    at.flat += steps * g.axes[0].position
    along_batch(&g.axes[0], steps, at)


cdef inline void next_line(const Geometry* g, Py_ssize_t steps, Line* line) noexcept nogil:
    """From one of a run of lines to a later one."""
    cdef const Axis* axis = &g.axes[g.leading - 1]
    line.at.out += steps * axis.out
    line.at.flat += steps * axis.position
    if is_batch(axis):
        along_batch(axis, steps, &line.at)
    else:
        line.at.origin += steps * axis.s * axis.index
        line.at.first += steps * axis.s * axis.x
        line.start[g.leading - 1] += steps * axis.s


cdef inline bint list_rows(const Geometry* g, const Line* run, const char* base, const void** rows) noexcept nogil:
    """The rows of all lines of a run, in order, if that is simple: they lie along one leading axis."""
    cdef Py_ssize_t _, j, count = run.at.taps, step, further
    cdef const char* row = base + run.at.x + run.at.first
    if run.at.varying == SEVERAL:
        return False
    step = g.axes[run.at.varying].d * g.axes[run.at.varying].x if run.at.varying != NONE else 0
    further = g.axes[g.leading - 1].s * g.axes[g.leading - 1].x if run.lines > 1 else 0
    for _ in range(run.lines):
        for j in range(count):
            rows[j] = row + j * step
            stay_plain()  # windows have few rows
        rows += count
        row += further
    return True


cdef inline bint one_factor(const Geometry* g, const Line* run, Py_ssize_t line, double* factor) noexcept nogil:
    """What all rows of a line of a run (that lie along one leading axis) are multiplied by, if that is one number."""
    cdef Py_ssize_t a, i, first, last
    cdef const Axis* axis
    factor[0] = 1
    for a in range(g.leading):
        axis = &g.axes[a]
        if axis.factors != NULL:
            first = run.start[a] + run.low[a] * axis.d + (line * axis.s if a == g.leading - 1 else 0)
            last = first + (run.high[a] - run.low[a] - 1) * axis.d
            i = first if first < axis.left or last >= axis.right else last
            while i < last:
                i += axis.d
                if axis.factors[i] != axis.factors[first]:
                    return False
            factor[0] *= axis.factors[first]
    return True


cdef inline void list_taps(const Geometry* g, const Line* line, Py_ssize_t first, Py_ssize_t count,
                           const Taps* found) noexcept nogil:
    """Rows first .. first + count of a line, in order."""
    cdef Py_ssize_t a, i, cell, rest = first, x0, mask0, rank0, at0, last = -1
    cdef Py_ssize_t* x = found.x
    cdef Py_ssize_t* mask = found.mask
    cdef Py_ssize_t* rank = found.rank
    cdef Py_ssize_t* at = found.at
    cdef Py_ssize_t* tap = found.tap
    cdef double factor
    cdef bint padded
    cdef const Axis* axis
    for a in range(g.leading - 1, -1, -1):
        tap[a] = line.low[a] + rest % (line.high[a] - line.low[a])
        rest //= line.high[a] - line.low[a]
        if last < 0 and line.high[a] - line.low[a] > 1:
            last = a
    i = 0
    while i < count:
        # all but the last axis that varies are fixed for a while
        x0, mask0, rank0, at0, padded, factor = line.at.x, line.at.mask, 0, line.at.base, False, 1
        for a in range(g.leading):
            axis = &g.axes[a]
            if a != last and not is_batch(axis):
                cell = fold_cell(axis, line.start[a] + tap[a] * axis.d)
                padded = padded or cell < 0
                x0 += cell * axis.x
                mask0 += cell * axis.mask
                rank0 += (tap[a] - (line.low[a] if g.compact else 0)) * axis.rank
                at0 += cell * axis.index
                if axis.factors != NULL:
                    factor *= axis.factors[cell]
        if last < 0:
            x[0], mask[0], rank[0], at[0] = PADDED if padded else x0, mask0, rank0, at0
            found.factor[0] = factor
            return
        axis = &g.axes[last]
        while i < count and tap[last] < line.high[last]:
            cell = fold_cell(axis, line.start[last] + tap[last] * axis.d)
            x[i] = PADDED if padded or cell < 0 else x0 + cell * axis.x
            mask[i] = mask0 + cell * axis.mask
            rank[i] = rank0 + (tap[last] - (line.low[last] if g.compact else 0)) * axis.rank
            at[i] = at0 + cell * axis.index
            found.factor[i] = factor * axis.factors[cell] if axis.factors != NULL else factor
            tap[last] += 1
            i += 1
        tap[last] = line.low[last]
        a = last - 1
        while a >= 0:
            tap[a] += 1
            if tap[a] < line.high[a]:
                break
            tap[a] = line.low[a]
            a -= 1
