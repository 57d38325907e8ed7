# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Slots: what reducers that select (extremes with positions, quantiles, modes, draws) work on.

The cells of a tile's windows are laid out by position: slot t holds cell t (C order) of every window.

    slot 0   a0 a1 a2 a3 ...      output i's window is a column,
    slot 1   b0 b1 b2 b3 ...      and all loops run along the slots
    slot 2   c0 c1 c2 c3 ...

Quantiles and modes sort the columns with a network: compare slots x and y, least first, for a fixed
list of pairs.  Where not all cells take part, `valid` says which do; in sorted slots they come first.
"""
from .rows cimport *

cdef extern from "middles.h" nogil:
    const Py_ssize_t COLUMN_ROWS "CYPOOL_COLUMN_ROWS"  # most rows of columns that windows share (middles.pxd), and
    const Py_ssize_t UNIT "CYPOOL_UNIT"                # bytes that lie between them at least

cdef enum:  # what is picked, in the order of cypool.lanes.METHODS
    LARGEST, SMALLEST, QUANTILE, MODE, STOCHASTIC, EXPECTED

cdef enum:  # which quantile, in the order of cypool.reducers.INTERPOLATIONS
    LINEAR, LOWER, HIGHER, MIDPOINT, NEAREST

cdef enum:  # which of several modes, in the order of cypool.reducers.TIES
    LEAST, GREATEST, EARLIEST

cdef enum:  # roundings, as in exact.pxd
    EVEN, UP, DOWN

cdef struct Select:
    int method, interpolation, ties, rounding
    bint ignoring, indexed
    bint raises               # a NaN is an error
    bint large                # more slots than are sorted by a network
    bint each                 # windows are laid out one by one
    bint tracked              # extremes: a cell and where it lies are found together (track.pxd)
    bint parts                # windows at the ends of rows are selected apart from those between
    bint shared               # medians: windows share columns that are sorted once (middles.pxd)
    uint64_t ignored          # a label that no mode should be, in the type of the slots
    double q
    Py_ssize_t slots
    const uint16_t* pairs     # the network that sorts all slots, and one that sorts those a full window needs
    const uint16_t* few
    Py_ssize_t n_pairs, n_few

cdef struct Columns:
    char* cells               # slots x n samples
    char* unsorted            # the same before sorting
    uint8_t* valid            # slots x n, or NULL: all take part
    int32_t* count            # cells of each window
    int32_t* at               # the slot picked, -1: none
    int32_t* nan              # the first slot that is NaN, -1: none
    double* u                 # a random number for each output
    bint met                  # a NaN was seen in a window
    bint between              # a quantile that has no cell of its own, though its position was asked for
    Py_ssize_t n
    const void* ordered[4 * 8]  # rows without a NaN that were read last, in each of some tiles
