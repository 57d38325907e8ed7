# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Work items: what one thread does between two looks at the queue.

Usually an item is a band of output rows, one tile of each.  Windows so large that one of them is
work for several threads are done a lane at a time, in groups of blocks.
"""
from libc.string cimport memcpy, memset

from .counts cimport count_cells, results_of
from .give cimport Region, clears_ahead, give_lines, give_planes, region_of
from .store cimport widen_any
from .places cimport *
from .plan cimport *
from .rows cimport fetch
from .reduce cimport close_lane, lane_blocks, open_lane, width_of
from .scratch cimport *
from .tiles cimport join, join_rest
from .squares cimport in_strips, write_squares
from .write cimport write_lines, write_repeated, write_strips


cdef inline void to_row(const Plan* p, Py_ssize_t row, Scratch* s) noexcept nogil:
    """The index of output row number `row` on each leading axis."""
    cdef Py_ssize_t a
    for a in range(p.g.leading - 1, -1, -1):
        s.index[a] = row % p.g.axes[a].o
        row //= p.g.axes[a].o


cdef inline void next_row(const Plan* p, Py_ssize_t step, Scratch* s) noexcept nogil:
    """The index `step` rows further, on the last leading axis or at the start of the next one's."""
    cdef Py_ssize_t a = p.g.leading - 1
    while a >= 0:
        s.index[a] += step
        if s.index[a] < p.g.axes[a].o:
            return
        s.index[a] = 0
        step = 1
        a -= 1


cdef inline bint same_run(const Plan* p, const Scratch* s, Py_ssize_t row, Py_ssize_t rows) noexcept nogil:
    """Whether the rows that were located and rows row .. row + rows are all of one run."""
    cdef const Axis* last = &p.g.axes[p.g.leading - 1]
    cdef Py_ssize_t start
    if s.runs != 1 or s.lines.lines != rows or p.g.leading == 0 or p.g.planes:
        return False
    start = row - row % last.o
    return start + last.whole <= min(s.located, row) and max(s.located, row) + rows <= start + last.cut


cdef inline Py_ssize_t locate_band(const Plan* p, Scratch* s, Py_ssize_t row, Py_ssize_t rows) noexcept nogil:
    """The runs of rows row .. row + rows; how many.  Those of another plane or of a run lie as before, and further."""
    cdef Py_ssize_t i, n = 0, further = row - s.located
    if s.runs and rows == s.located_rows and s.plane_rows and further % s.plane_rows == 0:
        further = further // s.plane_rows
        for i in range(s.runs):
            next_plane(&p.g, further, &s.lines[i].at)
    elif same_run(p, s, row, rows):
        next_line(&p.g, further, s.lines)
    else:
        to_row(p, row, s)
        s.runs, s.counted = 0, -1
        while n < rows:
            if n == 0 or not next_of_table(&p.g, s.index, &s.lines[s.runs - 1], &s.lines[s.runs]):
                locate(&p.g, s.index, rows - n, &s.lines[s.runs])
            n += s.lines[s.runs].lines
            next_row(p, s.lines[s.runs].lines, s)
            s.runs += 1
    s.located, s.located_rows = row, rows
    return s.runs


cdef inline void fetch_results(const Plan* p, const Arrays* arrays, const Line* line, Py_ssize_t m) noexcept nogil:
    """Memory that the results of m short lines will go to is fetched while they are made, since writing waits for it as
    reading does: 2x2 maxima with indices take 3.3 instead of 4.2 ms."""
    cdef const Axis* axis = &p.g.axes[p.g.leading]
    cdef Py_ssize_t cells = axis.o * p.g.repeats * p.g.copies, bytes = cells * p.g.out_cell
    if p.g.tiles > 1 or bytes > LONG or arrays.give.dx != NULL or (arrays.index != NULL and p.pick.tracked):
        return  # what is tracked fetches them line by line
    fetch(arrays.out + line.at.out, m * bytes)
    if arrays.index != NULL:
        fetch(<const char*> (arrays.index + line.at.out // p.out_size), m * cells * p.g.channels * sizeof(int64_t))


cdef inline void reduce_band(const Plan* p, const Arrays* arrays, Scratch* s, Py_ssize_t row, Py_ssize_t rows,
                             Py_ssize_t tile) noexcept nogil:
    """A band of output rows, one tile of each.  Rows alike are done in one pass."""
    cdef Py_ssize_t runs = locate_band(p, s, row, rows), first = 0, m, i, blocks, results
    cdef Line* line
    cdef char* result
    cdef bint whole, alike = p.pick.slots and not p.pick.tracked
    while first < runs:
        line = &s.lines[first]
        m = 0
        while (first < runs and s.lines[first].at.times == line.at.times and s.lines[first].at.plane == line.at.plane
               and (not alike or s.lines[first].at.taps == line.at.taps)
               and (m == 0 or not p.g.deep or p.square == TALL_EXTREMES)):
            m += s.lines[first].lines
            first += 1
        if (arrays.given == NULL and not p.means and not p.repeated and p.square == NO_SQUARE
                and (m < rows or s.counted != tile)):
            count_cells(p, s, line, m, tile)
            s.counted = tile if m == rows and p.count_lane < 0 and not p.pick.slots else -1
        whole = line.at.times == 1 and 0 < line.at.real == line.at.total
        if in_strips(p) and m == 1 and whole:
            write_strips(p, arrays, s, line, tile)
            continue
        fetch_results(p, arrays, line, m)
        if p.repeated:
            write_repeated(p, arrays, s, line, m, tile)
            continue
        if p.square:
            write_squares(p, arrays, s, line, m, tile)
            continue
        results = results_of(p, m, tile)
        for i in range(p.n_lanes if arrays.given == NULL else 0):
            open_lane(p, s, &p.lanes[i], results)
            blocks = blocks_of(p, &p.lanes[i], line.at.taps)
            result = lane_blocks(p, arrays, s, &p.lanes[i], line, m, tile, 0, blocks)
            close_lane(p, s, &p.lanes[i], line, tile, results, result, <int> i)
            if p.n_lanes == 1:
                s.lane[i] = result
            else:
                memcpy(s.lane[i], result, results * width_of(&p.lanes[i]))
        if arrays.give.dx != NULL:
            give_lines(p, arrays, s, line, m, tile)
        else:
            write_lines(p, arrays, s, line, m, tile)


cdef inline void reduce_item(const Plan* p, const Arrays* arrays, Scratch* s, Py_ssize_t item) noexcept nogil:
    """A work item."""
    cdef Py_ssize_t row = item // p.g.tiles * p.g.band
    reduce_band(p, arrays, s, row, min(p.g.band, p.g.rows - row), item % p.g.tiles)


cdef inline Py_ssize_t give_rows(const Plan* p, const Arrays* arrays, Scratch* s, const Region* region,
                                 Py_ssize_t row, Py_ssize_t stop, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    """The gradients of rows row .. stop, of their items first .. last; how many items they have."""
    cdef Py_ssize_t item, items = (stop - row + p.g.band - 1) // p.g.band * p.g.tiles, start
    if arrays.given != NULL and p.steady:
        give_planes(p, arrays, s, region, row, stop)
        return items
    for item in range(max(first, 0), min(last, items)):
        start = row + item // p.g.tiles * p.g.band
        reduce_band(p, arrays, s, start, min(p.g.band, stop - start), item % p.g.tiles)
    return items


cdef inline void give_group(const Plan* p, const Arrays* arrays, Scratch* s, Py_ssize_t group, Py_ssize_t most,
                            Py_ssize_t* done) noexcept nogil:
    """The gradients of a group of rows, and of those before them that reach into its region: of `most` items, after
    those that are done (-1: all)."""
    cdef const Give* give = &arrays.give
    cdef Py_ssize_t first = done[0], last = first + most, before, items
    cdef Region region
    if first < 0:
        return
    region_of(p, give, group, &region)
    if first == 0 and give.clears and not clears_ahead(p, arrays):
        memset(give.dx + region.low * give.size, 0, (region.high - region.low) * give.size)
    s.low, s.high = region.low, region.high
    s.first, s.reach = 0, FARTHEST
    before = give_rows(p, arrays, s, &region, region.early, region.row, first, last)
    s.first, s.reach = region.low, region.reach
    items = before + give_rows(p, arrays, s, &region, region.row, region.stop, first - before, last - before)
    done[0] = -1 if last >= items else last


# Windows so large that one of them is work for several threads: each lane is done in groups of
# blocks, whose partial results are joined by the same tree.

cdef inline void resume(const Plan* p, Scratch* s, Py_ssize_t item, int lanes, const char* values,
                        Py_ssize_t slot) noexcept nogil:
    """Where a large window stands after `lanes` lanes: its line, counts and the lanes' results."""
    cdef Py_ssize_t i, tile = item % p.g.tiles, n = results_of(p, 1, tile)
    locate_band(p, s, item // p.g.tiles, 1)
    count_cells(p, s, s.lines, 1, tile)
    for i in range(lanes):
        memcpy(s.lane[i], values + (item * p.n_lanes + i) * slot, n * width_of(&p.lanes[i]))
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
    blocks = blocks_of(p, &p.lanes[lane], s.lines.at.taps)
    if block < blocks:
        memcpy(partial + item * slot,
               lane_blocks(p, arrays, s, &p.lanes[lane], s.lines, 1, tile, block, min(block + group, blocks)),
               n * width_of(&p.lanes[lane]))


cdef inline void join_groups(const Plan* p, Scratch* s, Py_ssize_t item, int lane, Py_ssize_t group,
                             Py_ssize_t groups, const char* partial, char* values, Py_ssize_t slot) noexcept nogil:
    cdef Py_ssize_t i, top = 0, n = results_of(p, 1, item % p.g.tiles), blocks
    cdef const Lane* here = &p.lanes[lane]
    resume(p, s, item, lane, values, slot)
    open_lane(p, s, here, n)
    blocks = blocks_of(p, here, s.lines.at.taps)
    for i in range((blocks + group - 1) // group):
        memcpy(s.state[top], partial + (item * groups + i) * slot, n * width_of(here))
        top = join(here, s.state, top, i, n)
    join_rest(here, s.state, top, n)
    close_lane(p, s, here, s.lines, item % p.g.tiles, n, s.state[0], lane)
    memcpy(values + (item * p.n_lanes + lane) * slot, s.state[0], n * width_of(here))


cdef inline void write_item(const Plan* p, const Arrays* arrays, Scratch* s, Py_ssize_t item,
                            const char* values, Py_ssize_t slot) noexcept nogil:
    resume(p, s, item, p.n_lanes, values, slot)
    write_lines(p, arrays, s, s.lines, 1, item % p.g.tiles)
