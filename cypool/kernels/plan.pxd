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

cdef enum:  # what needs no rows between memory and the output (squares.pxd)
    NO_SQUARE, TWOS, THREE_MEANS, PAIR_EXTREMES, THREE_EXTREMES, CELL_EXTREMES, TALL_EXTREMES

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
    bint slid                     # extremes at stride 1 of a kind that slides.h knows
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
    twos* two                     # TWOS: of rows of this type
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
