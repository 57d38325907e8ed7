# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The compiled half of cypool: plans of numbers, and prange over their work items.

This one source is built once for each CPU level.  `Plan.run` divides the output into items (bands
of rows, tiles of columns), and `reduce_item` in items.pxd does one of them.
"""
from cpython.buffer cimport (
    PyBUF_STRIDED, PyBUF_STRIDED_RO, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.exc cimport PyErr_CheckSignals
from cython.parallel cimport prange, threadid
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from .give cimport groups_of
from .items cimport give_group, join_groups, reduce_group, reduce_item, write_item
from .places cimport *
from .plan cimport *
from .scratch cimport *
from .spread cimport *
from .squares cimport SLIDE_LEAST, SLIDE_MOST, SLIDE_WIDTH
from .write cimport plan_means

slides = (SLIDE_LEAST, SLIDE_MOST, SLIDE_WIDTH)  # what slides.h knows at this CPU level, for cypool.tall

cdef enum:
    SLICE = 1 << 24   # cost (about nanoseconds) between two looks at pending signals
    LARGE = 1 << 22   # cost above which one item is divided


cdef const double* doubles(const double[::1] table, list keep):
    keep.append(table)
    return &table[0]


cdef const int64_t* integers(const int64_t[::1] table, list keep):
    keep.append(table)
    return &table[0]


cdef Py_ssize_t set_axis(Axis* axis, dict given, list keep) except -1:
    """An axis from the engine's numbers; the bytes of its tables."""
    cdef Py_ssize_t room
    axis.n, axis.o = given["n"], given["o"]
    axis.k, axis.s, axis.d = given["k"], given["s"], given["d"]
    axis.before, axis.after = given["before"], given["after"]
    axis.starts = axis.stops = NULL
    axis.plane_step = 0
    axis.border, axis.flat = given["border"], given["flat"]
    axis.x, axis.mask, axis.out = given["x"], given["mask"], given["out"]
    axis.rank, axis.plane = given["rank"], given["plane"]
    axis.index, axis.position = given["index"], given["position"]
    axis.reach, axis.give, axis.stuff = given["reach"], given["give"], given["stuff"]
    axis.factors = NULL
    axis.common, axis.inverse, axis.left, axis.right = 1, 1, 0, axis.n
    if given["factors"] is not None:
        axis.factors = doubles(given["factors"], keep)
        room = len(given["factors"])  # cells, without the zeros between them
        axis.common = axis.factors[room // 2]
        axis.inverse = 1 / axis.common
        axis.left = axis.right = room // 2
        while axis.left > 0 and axis.factors[axis.left - 1] == axis.common:
            axis.left -= 1
        while axis.right < room and axis.factors[axis.right] == axis.common:
            axis.right += 1
    axis.whole = axis.cut = 0
    if given["starts"] is None:
        if not axis.flat:
            axis.whole = ceil_div(axis.before, axis.s)
            room = axis.n - 1 - (axis.k - 1) * axis.d + axis.before  # of starts
            axis.cut = min(axis.o, room // axis.s + 1) if room >= 0 else 0
        return 0
    axis.starts = integers(given["starts"], keep)
    axis.stops = integers(given["stops"], keep)
    axis.plane_step = given["plane_step"]
    return 16 * len(given["starts"])


cdef int set_strides(tuple shape, tuple strides, mask_strides, Py_ssize_t* ndim, Py_ssize_t* sizes,
                     Py_ssize_t* x, Py_ssize_t* mask) except -1:
    cdef Py_ssize_t i
    ndim[0] = len(shape)
    for i in range(ndim[0]):
        sizes[i], x[i] = shape[i], strides[i]
        mask[i] = mask_strides[i] if mask_strides is not None else 0
    return 0


cdef int check_layout(const Py_buffer* given, Py_ssize_t ndim, const Py_ssize_t* shape,
                      const Py_ssize_t* strides) except -1:
    """The array still lies in memory as the plan says: another thread may have changed it."""
    cdef Py_ssize_t i
    cdef bint alike = given.ndim == ndim
    for i in range(ndim if alike else 0):
        alike = alike and given.shape[i] == shape[i]
        alike = alike and (given.shape[i] == 1 or given.strides[i] == strides[i])
    if not alike:
        raise ValueError("the array changed its shape during the call")
    return 0


cdef class Reduction:
    """One call's geometry, lanes and formula; built by cypool.engine, used by any thread."""

    cdef Plan p
    cdef Axis axes[65]
    cdef list keep                       # memory that p points into
    cdef Py_ssize_t ndim, out_bytes
    cdef Py_ssize_t shape[64]
    cdef Py_ssize_t x_strides[64]
    cdef Py_ssize_t mask_strides[64]
    cdef Py_ssize_t items, cost, group, groups
    cdef readonly Py_ssize_t nbytes

    def __init__(self, *, axes, geometry, lanes, formula, weights, pick, shape, strides, mask_strides, out_bytes):
        cdef Py_ssize_t i
        self.keep = []
        self.p.g.axes = self.axes
        self.p.g.leading = len(axes) - 1
        for i in range(len(axes)):
            self.nbytes += set_axis(&self.axes[i], axes[i], self.keep)
        self.set_geometry(&self.p.g, geometry)
        self.p.n_lanes = len(lanes)
        for i in range(len(lanes)):
            self.set_lane(&self.p.lanes[i], lanes[i])
        self.set_formula(formula)
        self.p.weights = NULL
        if weights is not None:
            self.p.weights = doubles(weights, self.keep)
        self.p.pick.slots = 0
        if pick is not None:
            self.set_pick(pick)
        set_strides(shape, strides, mask_strides, &self.ndim, self.shape, self.x_strides, self.mask_strides)
        self.out_bytes = out_bytes
        plan_means(&self.p)
        self.divide_work()

    cdef const uint16_t* network(self, const uint16_t[::1] pairs, Py_ssize_t* n):
        self.keep.append(pairs)
        self.nbytes += pairs.shape[0] * 2
        n[0] = pairs.shape[0] // 2
        return &pairs[0] if pairs.shape[0] else NULL

    cdef set_pick(self, dict given):
        cdef Select* pick = &self.p.pick
        pick.method, pick.interpolation, pick.ties = given["method"], given["interpolation"], given["ties"]
        pick.rounding, pick.indexed, pick.q = given["rounding"], given["indexed"], given["q"]
        pick.ignoring, pick.ignored, pick.slots = given["ignoring"], given["ignored"], given["slots"]
        pick.pairs = self.network(given["pairs"], &pick.n_pairs)
        pick.few = self.network(given["few"], &pick.n_few)
        pick.raises = given["raises"]
        pick.large, pick.each, pick.tracked = given["large"], given["each"], given["tracked"]
        pick.shared, pick.parts = given["shared"], given["parts"]
        self.p.omit, self.p.cells = given["omit"], given["cells"]
        self.p.outer, self.p.factor, self.p.steady = given["outer"], given["factor"], given["steady"]

    cdef set_geometry(self, Geometry* g, dict given):
        g.channels = given["channels"]
        g.x_cell, g.x_channel = given["x_cell"], given["x_channel"]
        g.mask_cell, g.mask_channel = given["mask_cell"], given["mask_channel"]
        g.size, g.swap, g.plain = given["size"], given["swap"], given["plain"]
        g.masked, g.planes, g.uniform = given["masked"], given["planes"], given["uniform"]
        g.rows, g.outputs, g.tiles = given["rows"], given["outputs"], given["tiles"]
        g.band, g.pitch, g.line = given["band"], given["pitch"], given["line"]
        g.span, g.strip, g.folded = given["span"], given["strip"], given["folded"]
        g.segment, g.segments, g.taps = given["segment"], given["segments"], given["taps"]
        g.weighted, g.counted, g.deep = given["weighted"], given["counted"], given["deep"]
        g.slid = given["slid"]
        g.repeats, g.copies = given["repeats"], given["copies"]
        g.twins, g.hides, g.compact = given["twins"], given["hides"], given["compact"]
        g.mirrored = given["mirrored"]
        g.sliding, g.channel_position = given["sliding"], given["channel_position"]
        g.capacity, g.out_cell, g.work = given["capacity"], given["out_cell"], given["work"]

    cdef set_lane(self, Lane* lane, dict given):
        lane.op, lane.from_mask, lane.pairs = given["op"], given["from_mask"], given["pairs"]
        lane.raw, lane.have, lane.want = given["raw"], given["have"], given["want"]
        lane.raw_size, lane.have_size, lane.want_size = given["raw_size"], given["have_size"], given["want_size"]
        lane.squares = given["squares"]
        lane.half, lane.fill_nan, lane.fill_masked = given["half"], given["fill_nan"], given["fill_masked"]
        lane.convert1, lane.convert2, lane.transform = given["convert1"], given["convert2"], given["transform"]
        lane.tap, lane.context = given["tap"], given["context"]
        lane.par, lane.eps = given["par"], given["eps"]
        lane.nan_value, lane.mask_value = given["nan_value"], given["mask_value"]
        lane.identity, lane.border_value = given["identity"], given["border_value"]
        lane.border_raw, lane.direct = given["border_raw"], given["direct"]

    cdef set_formula(self, dict given):
        cdef Formula* f = &self.p.f
        f.code, f.rounding, f.saturate = given["code"], given["rounding"], given["saturate"]
        f.p, f.ddof, f.divisor, f.mean = given["p"], given["ddof"], given["divisor"], given["mean"]
        f.late = given["late"]
        self.p.count_lane, self.p.nan_lane = given["count_lane"], given["nan_lane"]
        self.p.context_lane, self.p.first_lane = given["context_lane"], given["first_lane"]
        self.p.out_code, self.p.out_size = given["out_code"], given["out_size"]
        self.p.constant, self.p.check_empty = given["constant"], given["check_empty"]
        self.p.least, self.p.empty, self.p.signed = given["least"], given["empty"], given["signed"]
        self.p.poisoned, self.p.poison = given["poisoned"], given["poison"]

    cdef divide_work(self):
        """Work items and their cost, and large windows' groups of blocks."""
        cdef const Geometry* g = &self.p.g
        cdef Py_ssize_t blocks = g.segments * max((g.taps + BLOCK_ROWS - 1) // BLOCK_ROWS, 1), one = max(g.work, 1)
        self.items = (g.rows + g.band - 1) // g.band * g.tiles
        self.cost = one * g.band * blocks
        self.group = self.groups = 0
        if blocks > 1 and self.cost > LARGE:
            self.group = 1
            while self.group * one < LARGE // 2:
                self.group *= 2
            self.groups = (blocks + self.group - 1) // self.group
            self.cost = one * self.group
        self.nbytes += sizeof(Plan) + 66 * sizeof(Axis) + 4096

    @property
    def useful(self):
        """How many threads have work worth a parallel region."""
        cdef Py_ssize_t items = self.items * max(self.groups, 1)
        cdef double work = <double> items * <double> self.cost
        return max(1, min(items, <Py_ssize_t> min(work / 32768.0, 1e6)))

    def run(self, x not None, mask, out not None, int workers, int64_t[::1] index=None, uint64_t key=0):
        """Reduces x into out, which lies in one piece (and positions into index, in the same order).
        Returns 0, plus 1 if a window was empty, plus 2 if a NaN took part, plus 4 if a quantile whose
        position was asked for lies between two cells.

        Buffers rather than typed memoryviews: x has any number of dimensions, and bytes of any dtype."""
        cdef Arrays arrays
        cdef Py_buffer into
        cdef Py_ssize_t lost, strays
        PyObject_GetBuffer(out, &into, PyBUF_STRIDED)
        try:
            if into.len != self.out_bytes:
                raise ValueError("out changed its shape during the call")
            arrays.out, arrays.key = <char*> into.buf, key
            arrays.index, arrays.given, arrays.give.dx = NULL, NULL, NULL
            if index is not None and index.shape[0]:
                if index.shape[0] * self.p.out_size != self.out_bytes or not self.p.pick.indexed:
                    raise ValueError("index must have an entry for each output of a plan that selects")
                arrays.index = &index[0]
            return self.on_inputs(&arrays, x, mask, workers, &lost, &strays)
        finally:
            PyBuffer_Release(&into)

    def give(self, x not None, mask, const uint8_t[::1] grad not None, uint8_t[::1] dx not None,
             const int64_t[::1] index, dict how, int workers, uint64_t key=0):
        """The gradient of a plan that selects, written (or added) to dx: x's cells in the order of memory, in
        float or double.  `index`: the positions, if they are known.  Returns what `run` does, how many
        indices point to no cell, and how many to a cell that is another group's."""
        cdef Arrays arrays
        cdef Give* give = &arrays.give
        cdef Py_ssize_t outputs = self.out_bytes // self.p.out_size, cells = 1, i, lost = 0, strays = 0
        cdef int found
        for i in range(self.ndim):
            cells *= self.shape[i]
        give.size, give.grad_code, give.scale = how["size"], how["grad_code"], how["scale"]
        give.clears, give.planes, give.windows = how["clears"], how["planes"], how["windows"]
        give.before = how["before"]
        if (grad.shape[0] != outputs * (4 if give.grad_code == F32 else 8) or dx.shape[0] != cells * give.size
                or (index is not None and index.shape[0] != outputs) or not self.p.pick.indexed):
            raise ValueError("an array changed its shape during the call")
        give.grad, give.dx = <const char*> &grad[0], <char*> &dx[0]
        arrays.out, arrays.index, arrays.key = NULL, NULL, key
        arrays.given = &index[0] if index is not None else NULL
        found = self.on_inputs(&arrays, x, mask, workers, &lost, &strays)
        return found, lost, strays

    cdef int on_inputs(self, Arrays* arrays, x, mask, int workers, Py_ssize_t* lost, Py_ssize_t* strays) except -1:
        """The memory of x and of its mask is held while the items run."""
        cdef Py_buffer from_x, from_mask
        arrays.mask = NULL
        PyObject_GetBuffer(x, &from_x, PyBUF_STRIDED_RO)
        try:
            check_layout(&from_x, self.ndim, self.shape, self.x_strides)
            arrays.x = <const char*> from_x.buf
            if not self.p.g.masked:
                return self.on_scratch(arrays, workers, lost, strays)
            PyObject_GetBuffer(mask, &from_mask, PyBUF_STRIDED_RO)
            try:
                check_layout(&from_mask, self.ndim, self.shape, self.mask_strides)
                arrays.mask = <const char*> from_mask.buf
                return self.on_scratch(arrays, workers, lost, strays)
            finally:
                PyBuffer_Release(&from_mask)
        finally:
            PyBuffer_Release(&from_x)

    cdef int on_scratch(self, const Arrays* arrays, int workers, Py_ssize_t* lost, Py_ssize_t* strays) except -1:
        """Runs the items (or groups), each thread in rows of its own."""
        cdef Scratch* scratch
        cdef Py_ssize_t i, size
        cdef char* block
        cdef Scratch probe
        cdef int found = 0
        lost[0] = strays[0] = 0
        workers = max(workers, 1)
        size = (lay_out(&self.p, NULL, &probe) + 127) // 64 * 64
        scratch = <Scratch*> malloc(workers * (sizeof(Scratch) + size + 64))
        if scratch == NULL:
            raise MemoryError(f"no memory for {workers} x {size} bytes of scratch")
        memset(scratch, 0, workers * sizeof(Scratch))
        scratch.caller = here(workers)
        try:
            block = <char*> (scratch + workers)
            block += (64 - <size_t> block % 64) % 64
            for i in range(workers):
                lay_out(&self.p, block + i * size, &scratch[i])
            if arrays.give.dx != NULL:
                self.run_groups(arrays, scratch, workers)
            elif self.groups:
                self.run_large(arrays, scratch, workers)
            else:
                self.run_items(arrays, scratch, workers)
            for i in range(workers):
                found |= scratch[i].found_empty | 2 * scratch[i].found_nan
                found |= 4 * (self.p.pick.slots and scratch[i].columns.between)
                lost[0] += scratch[i].lost
                strays[0] += scratch[i].strays
        finally:
            free(scratch)
        return found

    cdef int run_groups(self, const Arrays* arrays, Scratch* scratch, int workers) except -1:
        """Groups of output rows, each with a region of its own; of long ones some items at a time."""
        cdef const Plan* p = &self.p
        cdef Py_ssize_t i, start = 0, stop, left, groups = groups_of(p, &arrays.give), many, chunk
        cdef Py_ssize_t most = FARTHEST  # items of a group that are done at a time
        cdef Py_ssize_t* done
        many = min(max(groups, 1), max(workers, SLICE // max(1, self.items * self.cost // max(groups, 1))))
        if arrays.given == NULL or not p.steady:
            most = max(1, SLICE // 4 // max(1, self.cost))
        done = <Py_ssize_t*> malloc(many * sizeof(Py_ssize_t))
        if done == NULL:
            raise MemoryError(f"no memory for {many} numbers")
        try:
            while start < groups:
                stop = left = min(groups, start + many)
                memset(done, 0, many * sizeof(Py_ssize_t))
                chunk = max(1, (stop - start) // (workers * 16))
                while left > 0:
                    for i in prange(start, stop, nogil=True, schedule="dynamic", chunksize=chunk, num_threads=workers):
                        give_group(p, arrays, scratch + apart(&scratch.caller, threadid()), i, most, done + (i - start))
                    left = 0
                    for i in range(stop - start):
                        left += done[i] >= 0
                    PyErr_CheckSignals()
                start = stop
        finally:
            free(done)
        return 0

    cdef int run_items(self, const Arrays* arrays, Scratch* scratch, int workers) except -1:
        cdef const Plan* p = &self.p
        cdef Py_ssize_t i, start = 0, stop, items = self.items
        cdef Py_ssize_t many = max(workers, SLICE // max(self.cost, 1)), chunk
        while start < items:
            stop = min(items, start + many)
            with nogil:
                if workers == 1:
                    for i in range(start, stop):
                        reduce_item(p, arrays, scratch, i)
                else:
                    chunk = max(1, (stop - start) // (workers * 16))
                    for i in prange(start, stop, schedule="dynamic", chunksize=chunk, num_threads=workers):
                        reduce_item(p, arrays, scratch + apart(&scratch.caller, threadid()), i)
            start = stop
            if start < items:
                PyErr_CheckSignals()
        return 0

    cdef int run_large(self, const Arrays* arrays, Scratch* scratch, int workers) except -1:
        """A lane at a time: groups of blocks in parallel, then the tree that joins them."""
        cdef const Plan* p = &self.p
        cdef Py_ssize_t i, start, stop, items = self.items, groups = self.groups, group = self.group
        cdef Py_ssize_t slot = (p.g.outputs * p.g.channels * 16 + 63) // 64 * 64
        cdef Py_ssize_t many = max(workers, SLICE // max(self.cost, 1))
        cdef int lane, lanes = max(p.n_lanes, 1)
        cdef char* values = <char*> calloc(items * (lanes + groups), slot)
        cdef char* partial
        if values == NULL:
            raise MemoryError(f"no memory for {items * (lanes + groups) * slot} bytes of partial results")
        partial = values + items * lanes * slot
        try:
            for lane in range(p.n_lanes):
                start = 0
                while start < items * groups:
                    stop = min(items * groups, start + many)
                    with nogil:
                        for i in prange(start, stop, schedule="dynamic", num_threads=workers):
                            reduce_group(p, arrays, scratch + apart(&scratch.caller, threadid()), i, lane, group,
                                         groups, partial, values, slot)
                    start = stop
                    PyErr_CheckSignals()
                with nogil:
                    for i in range(items):
                        join_groups(p, scratch, i, lane, group, groups, partial, values, slot)
            with nogil:
                for i in range(items):
                    write_item(p, arrays, scratch, i, values, slot)
        finally:
            free(values)
        return 0


include "gradient.pxi"


def floor_copy(const uint8_t[::1] x not None, uint8_t[::1] out not None, int workers):
    """Reads all of x and writes all of out, and nothing else: the floor of what pooling can take."""
    cdef Py_ssize_t parts = 256, part, i, j, n = x.shape[0] // 8, m = out.shape[0]
    cdef const uint64_t* words = <const uint64_t*> &x[0]
    cdef uint64_t seen
    cdef uint8_t* to = &out[0]
    cdef Caller caller = here(workers)
    for part in prange(parts, nogil=True, schedule="dynamic", num_threads=workers):
        apart(&caller, threadid())
        seen = 0
        for i in range(n * part // parts, n * (part + 1) // parts):
            seen = seen | words[i]
        j = m * part // parts
        memset(to + j, <int> (seen & 0x7F), m * (part + 1) // parts - j)
