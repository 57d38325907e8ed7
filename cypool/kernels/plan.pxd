# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The plan: everything about a call that does not depend on the data, as numbers.

The array is seen as rows.  The row axis (the last pooled axis, with the channels inside it) lies
along memory; every other axis is a leading axis.  One output row depends on the input rows that
its windows on the leading axes name:

    leading axis, k = 3, s = 2, before = 1              row axis
    cell      -1   0   1   2   3   4                    start = i*s - before
    output 0   |---*---*|                               a tile: outputs i0 .. i1 of one row
    output 1           |*---*---*|

A batch axis is a leading axis with a window of one cell.
"""
from .exact cimport Counts, Formula
from .rows cimport *
from .slots cimport Select

cdef enum:  # what a padded cell is, in the order of cypool.geometry.BORDERS
    IGNORE, CONSTANT, REFLECT, SYMMETRIC, EDGE, WRAP
    VALUE  # as CONSTANT, but visited one by one: windows with a weight for each cell

cdef enum:  # what a lane's taps see besides x
    NO_CONTEXT, LANE_CONTEXT, MEAN_CONTEXT

cdef enum:  # what needs no rows between memory and the output: means of 2x2, 2x2x2, 3x3; extremes of blocks, 3x3, channels
    NO_SQUARE, PAIR_MEANS, FOUR_MEANS, THREE_MEANS, PAIR_EXTREMES, THREE_EXTREMES, CELL_EXTREMES

cdef extern from *:
    """
    #define CYPOOL_FAR INT64_MAX
    #define CYPOOL_PADDED PTRDIFF_MIN
    #define CYPOOL_FARTHEST PTRDIFF_MAX
    """
    const int64_t FAR "CYPOOL_FAR"           # beyond every position
    const Py_ssize_t FARTHEST "CYPOOL_FARTHEST"
    const Py_ssize_t PADDED "CYPOOL_PADDED"  # in place of a row's offset: a row of padded cells

cdef enum:
    GROUP = 4           # rows decoded before they are merged
    ROWS = 64           # rows merged before a partial result is set aside
    BLOCK_ROWS = 1024   # rows of one block of work
    SHORT = 64          # bytes of a row: from so many on, the rows that will be read next are fetched,
    LONG = 3072         # up to so many: longer ones memory foresees by itself
    FETCH_AHEAD = 8192  # bytes from a row to what is fetched while it is worked on
    FEW_ROWS = 8        # of a window: the rows of so many are fetched a strip ahead

cdef struct Axis:
    Py_ssize_t n, o               # cells, outputs
    Py_ssize_t k, s, d            # window, stride, dilation
    Py_ssize_t before, after      # padded cells
    const int64_t* starts         # windows given by a table, else NULL
    const int64_t* stops
    Py_ssize_t plane_step         # 0, or the tables of the next plane are this much further
    Py_ssize_t stuff              # row axis: stuff - 1 zeros lie between two cells (n counts them), see lines.pxd
    const double* factors         # what each cell is multiplied by, or NULL
    double common, inverse        # most of them; 1 / common
    Py_ssize_t left, right        # factors left .. right are all that
    Py_ssize_t whole, cut         # outputs whole .. cut have windows that lie inside the array
    int border
    bint flat                     # all cells are the same memory: one stands for all
    Py_ssize_t x, mask, out       # steps in bytes
    Py_ssize_t rank               # weight of a tap's number in its position in the window
    Py_ssize_t reach              # most taps of a window that exist
    Py_ssize_t give               # step of a cell in the gradient
    Py_ssize_t plane              # weight of the index in the plane's number
    Py_ssize_t index              # weight of a cell in the flat position of a picked one
    Py_ssize_t position           # weight of an output in its flat position

cdef struct Lane:                 # one reduction; most reducers need one, some two or three
    int op                        # MAX .. PROD, TAPS, FIRST
    bint from_mask                # reads the mask instead of x
    bint pairs, squares
    int raw, have, want           # codes: in memory (after half), before merging, of the result
    int raw_size, have_size, want_size
    bint half, fill_nan, fill_masked
    int convert1, convert2, transform
    int tap, context
    double par, eps               # of the tap function, of the transform
    uint64_t nan_value, mask_value, identity, border_value  # bits in the types raw, have, want, want
    uint64_t border_raw           # the border's value as it would lie in memory
    bint direct                   # rows are merged from memory as they are

cdef struct Geometry:
    Py_ssize_t leading            # number of leading axes
    Axis* axes                    # leading ones, then the row axis
    Py_ssize_t channels           # C
    Py_ssize_t x_cell, x_channel, mask_cell, mask_channel  # steps on the row, in bytes
    Py_ssize_t channel_position   # as Axis.position, of a channel
    int size                      # bytes of a sample in memory
    bint swap, plain              # byte order; rows are contiguous, aligned, native
    bint hides                    # the mask marks cells that take no part
    bint compact                  # positions in the window count from its first cell that exists
    bint twins                    # a NaN in one of two neighbours (parts of a complex number) counts for both
    bint masked, planes, uniform  # uniform: every window on the row axis is whole and real
    bint weighted                 # an axis has factors
    bint mirrored                 # cells beyond the ends of a row are copied from the merged row
    Py_ssize_t deep               # rows of tall windows that slide along columns (merge_deep), or 0
    bint counted                  # the number of cells of each window matters
    Py_ssize_t rows, outputs      # output rows, tiles' outputs
    Py_ssize_t tiles, band        # tiles a row; rows a work item
    Py_ssize_t pitch, line        # from one row of a band to the next: outputs; cells of the merged rows
    Py_ssize_t strip              # 0, or outputs that go through all stages at a time
    bint folded                   # long windows on one row, from memory (folds.pxd)
    Py_ssize_t span               # most cells a tile (or segment) reads
    Py_ssize_t segment            # 0, or cells of one segment: windows longer than a tile
    Py_ssize_t segments           # most segments of a window
    bint sliding                  # segments are parts of each window, not of the row
    Py_ssize_t taps               # most rows of a window
    Py_ssize_t capacity           # samples of a scratch row
    Py_ssize_t out_cell           # bytes of an output cell (C samples)
    Py_ssize_t repeats, copies    # cells of the output that each result is written to; rows, for each row
    Py_ssize_t work               # cost of one block of a tile of one row, about nanoseconds

cdef struct Plan:
    Geometry g
    Lane lanes[6]
    int n_lanes
    int count_lane, nan_lane, context_lane, first_lane  # indices or -1; first_lane: of the formula
    Formula f
    int out_code, out_size
    bint constant                 # padded cells hold a value and count
    bint check_empty
    int64_t least                 # cells a window needs
    uint64_t empty                # bits of the value of an empty window
    bint poisoned                 # a NaN in the window (seen by nan_lane) makes the result this NaN
    uint64_t poison
    const double* weights         # one for each position in the window, or NULL
    bint signed                   # the samples are signed integers
    Select pick                   # for a lane that selects
    bint omit                     # NaN take no part
    Py_ssize_t cells              # of the pooled axes
    Py_ssize_t outer              # leading axes before the first pooled one
    bint means                    # sums or means of floats, written a line at a time (write.pxd)
    bint triple                   # of windows of three neighbours, which are added up as they are written
    int square                    # NO_SQUARE, or what squares.pxd makes of it
    bint repeated                 # of windows of one cell, written several times
    bint steady                   # all other axes are pooled
    Py_ssize_t factor             # a picked cell's offset in the gradient over its flat position; 0: not one number

cdef struct Taps:                 # rows of a window
    Py_ssize_t* x                 # offsets into x and mask; PADDED: none
    Py_ssize_t* mask
    Py_ssize_t* rank              # position in the window
    Py_ssize_t* at                # flat position of cell 0
    double* factor                # what its cells are multiplied by
    Py_ssize_t* tap               # scratch: one number for each leading axis

cdef struct Place:                # where an output row is, and what it depends on
    Py_ssize_t x, mask, out, plane
    Py_ssize_t flat, base         # flat position of its first output; of cell 0 in the pooled axes
    Py_ssize_t origin             # flat position of the first tap on the leading axes, were it to exist
    Py_ssize_t give               # of its plane's first cell in the gradient
    Py_ssize_t taps               # input rows
    int64_t real, total, times    # cells of its windows: that exist, with padding; of flat axes
    int64_t pad                   # position of the first padded cell on the leading axes, or FAR
    Py_ssize_t first, varying     # of the first input row, from x; the axis on which there are several
    Py_ssize_t lead               # flat position of the first row, from origin

cdef enum:
    NONE = -1
    SEVERAL = -2

cdef struct Line:                 # one output row, or several at equal steps on the last leading axis
    Place at                      # of the first
    Py_ssize_t lines
    Py_ssize_t* start             # first tap, and the range of taps that exist, on each axis
    Py_ssize_t* low
    Py_ssize_t* high


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
