# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Scratch: the few rows a thread works in, carved from one block of memory."""
from libc.stddef cimport size_t

from .places cimport *
from .plan cimport *
from .slots cimport COLUMN_ROWS, EARLIEST, UNIT, Columns
from .slide cimport Work

cdef enum:
    DEEP = 64  # partial results on a stack: enough for 2**63 blocks

cdef struct Give:                 # a gradient instead of a result (see give.pxd)
    const char* grad              # upstream, one for each output
    char* dx                      # where it goes; NULL: there is none
    int size, grad_code           # bytes of a cell of dx (float or double); F32 or F64
    double scale
    bint clears                   # a group's region is set to 0 first
    Py_ssize_t planes             # batch entries of a group, or
    Py_ssize_t windows            # windows of the first pooled axis of a group, if not 0
    Py_ssize_t before             # windows before those that reach into the group's region

cdef struct Arrays:               # one call
    const char* x
    const char* mask
    char* out
    int64_t* index                # flat positions of picked cells, or NULL
    const int64_t* given          # the same, known before; or NULL
    uint64_t key                  # of random numbers
    Give give

cdef struct Tile:
    Py_ssize_t i0, n              # first output of the row, number of outputs
    Py_ssize_t p0                 # the cell (padded ones count from -before) of scratch cell 0
    Py_ssize_t cells              # scratch cells the windows cover
    Py_ssize_t low, high          # cells that are read

cdef extern from "place.h" nogil:
    ctypedef struct Caller "cypool_caller":
        pass
    Caller here "cypool_here" (int threads)
    void keep_off "cypool_keep_off" (const Caller* caller)


cdef struct Scratch:
    char* a                       # three rows for merge and slide
    char* b
    char* c
    char* decoded[GROUP]          # rows after decode, and a spare one
    char* spare
    uint8_t* mask
    char* rows[8]                 # partial results of many rows
    char* state[DEEP]             # partial results of many blocks
    char* lane[6]                 # result of each lane
    double* context
    char* sums                    # of taps, then what rounding took from them (or ranks)
    char* wide
    char* wide2
    char* out
    int64_t* counts               # cells of each window, and padded cells that count
    int64_t* pads
    double* inverse               # 1 / counts
    const void** pointers
    Taps taps
    Columns columns               # for select: slots, and what belongs to each column
    char* valid
    char* run
    char* most
    char* picked
    char* keys                    # of large windows
    char* spare_keys
    int64_t* codes                # of rows, while cells are tracked
    int64_t* indices
    int64_t* lead                 # flat position of a row's cell 0, by slot
    Py_ssize_t* index
    Py_ssize_t* starts            # windows of a tile, as cells of it
    Py_ssize_t* stops
    const int64_t* placed         # the tables they are from, or NULL
    Py_ssize_t start, stop        # the cells of all of them
    Py_ssize_t alike              # of each, or 0
    Line* lines                   # the rows of a band, in runs
    Py_ssize_t located, located_rows, runs  # of which rows, how many, in how many runs
    Py_ssize_t plane_rows         # rows of one index of the first leading axis; 0: they do not lie alike
    Line one                      # a line of a run
    const Line* walk              # the run it is of
    Py_ssize_t done               # lines of the runs before it
    Counts count
    int64_t* known                # which counts are in `counts`: two numbers for each line of the band
    Py_ssize_t known_tile
    Py_ssize_t counted            # the tile of the located rows that `count` tells of, or -1
    double* shares                # of the cells of each line, where lines have factors (write_means)
    bint found_empty, found_nan
    bint clean                    # tall windows: what was merged holds no NaN (merge_deep)
    Caller caller                 # of the first scratch, which is the caller's
    Py_ssize_t low, high          # cells of the gradient that are this group's
    Py_ssize_t first, reach       # where its windows' cells are
    Py_ssize_t lost, strays       # indices of no cell; of one that is in no window of the group
    size_t size


cdef inline int apart(const Caller* caller, int thread) noexcept nogil:
    """The number of a thread, which runs elsewhere than its caller."""
    if thread > 0:
        keep_off(caller)
    return thread


cdef inline Py_ssize_t blocks_of(const Plan* p, const Lane* lane, Py_ssize_t taps) noexcept nogil:
    """Blocks in which a lane reduces windows of so many rows.  What selects has no partial results to be joined."""
    return 1 if lane.op == SELECT else p.g.segments * max((taps + BLOCK_ROWS - 1) // BLOCK_ROWS, 1)


cdef inline char* carve(char** at, size_t bytes) noexcept nogil:
    cdef char* here = at[0]
    at[0] = here + ((bytes + GAP + 63) // 64) * 64
    close(here + bytes, at[0] - here - bytes)
    return here


cdef inline int depth_of(Py_ssize_t n) noexcept nogil:
    """Slots of a stack that joins n partial results in pairs."""
    cdef int d = 1
    while n > 0:
        n >>= 1
        d += 1
    return d


cdef inline void lay_out_columns(const Plan* p, char** at, Scratch* s, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t slots = p.pick.slots, size = p.lanes[p.n_lanes - 1].have_size, room = slots * n * size
    if p.pick.shared:
        room = max(room, COLUMN_ROWS * (p.g.span * p.g.channels * size + UNIT) + UNIT)
    s.columns.cells = carve(at, room)
    if p.pick.indexed or p.pick.ties == EARLIEST:
        s.columns.unsorted = carve(at, slots * n * size)
    s.valid = carve(at, slots * n)
    if p.pick.large:
        s.keys = carve(at, slots * size)
        s.spare_keys = carve(at, slots * size)
    s.columns.count = <int32_t*> carve(at, n * 4)
    s.columns.at = <int32_t*> carve(at, n * 4)
    s.columns.nan = <int32_t*> carve(at, n * 4)
    s.columns.u = <double*> carve(at, n * 8)
    s.columns.between = s.columns.met = False
    s.run = carve(at, n * 8)
    s.most = carve(at, n * 8)
    s.picked = carve(at, n * 8)
    s.indices = <int64_t*> carve(at, n * 8)
    s.lead = <int64_t*> carve(at, (1 if p.pick.each else slots) * 8)
    s.codes = <int64_t*> carve(at, ROWS * 8)


cdef inline const Line* line_at(const Geometry* g, Scratch* s, const Line* run, Py_ssize_t i) noexcept nogil:
    """Line i of a run."""
    cdef Py_ssize_t a
    s.one.at, s.one.lines = run.at, 1
    for a in range(g.leading):
        s.one.start[a], s.one.low[a], s.one.high[a] = run.start[a], run.low[a], run.high[a]
    if i > 0:
        next_line(g, i, &s.one)
    return &s.one


cdef inline const Line* line_of(const Geometry* g, Scratch* s, const Line* runs, Py_ssize_t i) noexcept nogil:
    """Line i of a band; to be asked for one after the other, from 0 on."""
    if i == 0:
        s.walk, s.done = runs, 0
    elif i == s.done + s.walk.lines:
        s.done += s.walk.lines
        s.walk += 1
    if i > s.done:
        next_line(g, 1, &s.one)
        return &s.one
    return s.walk if s.walk.lines == 1 else line_at(g, s, s.walk, 0)


cdef inline size_t lay_out(const Plan* p, char* base, Scratch* s) noexcept nogil:
    """Sets every pointer of s into the block at `base`; the bytes needed."""
    cdef char* at = base
    cdef const Geometry* g = &p.g
    cdef Py_ssize_t i, lines = g.band, widest = 1
    cdef Py_ssize_t samples = g.capacity, results = (g.band * g.pitch + 1) * g.channels
    cdef bint direct = True, many = g.taps > ROWS
    cdef Py_ssize_t* taps
    cdef Line* line
    cdef Py_ssize_t blocks = g.segments * ((g.taps + BLOCK_ROWS - 1) // BLOCK_ROWS)
    for i in range(p.n_lanes):
        widest = max(widest, p.lanes[i].want_size)
        direct = direct and p.lanes[i].direct and not p.lanes[i].pairs
    s.a = carve(&at, samples * widest)
    s.b = carve(&at, samples * widest)
    s.c = carve(&at, samples * widest)
    if not direct:
        for i in range(GROUP):
            s.decoded[i] = carve(&at, samples * 8)
        s.spare = carve(&at, samples * 8)
        s.mask = <uint8_t*> carve(&at, samples)
    if many:
        for i in range(min(depth_of(BLOCK_ROWS // ROWS), 8)):
            s.rows[i] = carve(&at, samples * widest)
    for i in range(min(depth_of(blocks), DEEP)):
        s.state[i] = carve(&at, results * 16)
    for i in range(p.n_lanes):
        s.lane[i] = carve(&at, results * 16)
    s.context = <double*> carve(&at, results * 8)
    s.sums = carve(&at, results * 16)
    s.wide = carve(&at, results * 8)
    s.wide2 = carve(&at, results * 8)
    s.out = carve(&at, results * 8)
    s.counts = <int64_t*> carve(&at, results * 8)
    s.pads = <int64_t*> carve(&at, results * 8)
    s.inverse = <double*> carve(&at, results * 8)
    s.pointers = <const void**> carve(&at, lines * ROWS * sizeof(void*))
    s.known = <int64_t*> carve(&at, 2 * lines * sizeof(int64_t))
    s.known_tile = -1
    s.placed, s.alike = NULL, 0
    s.shares = <double*> carve(&at, lines * sizeof(double))
    s.taps.x = <Py_ssize_t*> carve(&at, ROWS * sizeof(Py_ssize_t))
    s.taps.mask = <Py_ssize_t*> carve(&at, ROWS * sizeof(Py_ssize_t))
    s.taps.rank = <Py_ssize_t*> carve(&at, ROWS * sizeof(Py_ssize_t))
    s.taps.at = <Py_ssize_t*> carve(&at, ROWS * sizeof(Py_ssize_t))
    s.taps.factor = <double*> carve(&at, ROWS * sizeof(double))
    s.taps.tap = <Py_ssize_t*> carve(&at, (g.leading + 1) * sizeof(Py_ssize_t))
    if p.pick.slots:
        lay_out_columns(p, &at, s, results)
    s.index = <Py_ssize_t*> carve(&at, (g.leading + 1) * sizeof(Py_ssize_t))
    s.starts = <Py_ssize_t*> carve(&at, (g.outputs + 1) * sizeof(Py_ssize_t))
    s.stops = <Py_ssize_t*> carve(&at, (g.outputs + 1) * sizeof(Py_ssize_t))
    s.lines = <Line*> carve(&at, lines * sizeof(Line))
    for i in range(lines + 1):
        taps = <Py_ssize_t*> carve(&at, 3 * (g.leading + 1) * sizeof(Py_ssize_t))
        if base != NULL:
            line = &s.lines[i] if i < lines else &s.one
            line.start, line.low, line.high = taps, taps + g.leading, taps + 2 * g.leading
    s.runs, s.plane_rows = 0, g.leading and not g.planes and is_batch(&g.axes[0])
    for i in range(1, g.leading):
        s.plane_rows *= g.axes[i].o
    s.found_empty = s.found_nan = False
    s.lost = s.strays = 0
    return at - base
