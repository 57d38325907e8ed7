# cython: language_level=3
"""The vocabulary of the kernels: sample types, operators, and one operator applied to two values.

Rows are contiguous runs of samples.  Every hot loop runs along rows, never along windows, so that
neighbouring outputs share one vector instruction.  An operator is an empty struct (a tag): a loop
written once over ``Op`` is compiled once for each tag and type that is used.
"""
from libc.stdint cimport (
    int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t,
)

cdef extern from "rows.h" nogil:
    ctypedef uint16_t word16 "cypool_word16"
    ctypedef uint32_t word32 "cypool_word32"
    void add_pairs "cypool_add_pairs" (const float* a, const float* b, double* out, Py_ssize_t n)
    void add_rows "cypool_add_rows" (const float* const* rows, Py_ssize_t taps, double* out, Py_ssize_t n)
    void share_squares "cypool_share_squares" (const float* a, const float* b, Py_ssize_t next, Py_ssize_t step,
                                               Py_ssize_t C, double share, Py_ssize_t ahead, float* out, Py_ssize_t n)
    void add_f32 "cypool_add_f32" (const float* a, Py_ssize_t n, Py_ssize_t step, Py_ssize_t m, double* out)
    void add_f64 "cypool_add_f64" (const double* a, Py_ssize_t n, Py_ssize_t step, Py_ssize_t m, double* out)
    void max_f32 "cypool_max_f32" (const float* a, Py_ssize_t n, Py_ssize_t step, Py_ssize_t m, float* out)
    void max_f64 "cypool_max_f64" (const double* a, Py_ssize_t n, Py_ssize_t step, Py_ssize_t m, double* out)
    void min_f32 "cypool_min_f32" (const float* a, Py_ssize_t n, Py_ssize_t step, Py_ssize_t m, float* out)
    void min_f64 "cypool_min_f64" (const double* a, Py_ssize_t n, Py_ssize_t step, Py_ssize_t m, double* out)
    void share_all "cypool_share_all" (const double* a, Py_ssize_t next, double share, float* out, Py_ssize_t n)
    void share_each "cypool_share_each" (const double* a, Py_ssize_t next, const double* shares, float* out,
                                         Py_ssize_t n)
    const Py_ssize_t SUM_LEAST "CYPOOL_SUM_LEAST"  # what add_columns knows: rows of a window,
    const Py_ssize_t SUM_MOST "CYPOOL_SUM_MOST"
    const Py_ssize_t SUM_ROWS "CYPOOL_SUM_ROWS"    # most rows in all,
    const Py_ssize_t SUM_WIDTH "CYPOOL_SUM_WIDTH"  # fewest columns
    void add_columns "cypool_add_columns" (const char* x, Py_ssize_t step, Py_ssize_t lines, Py_ssize_t k, double* out,
                                           Py_ssize_t pitch, Py_ssize_t n)
    bint ordered_f32 "cypool_ordered_f32" (const float* a, Py_ssize_t n)
    bint ordered_f64 "cypool_ordered_f64" (const double* a, Py_ssize_t n)
    void space_out_cells "cypool_space_out" (const char* a, char* out, Py_ssize_t n, Py_ssize_t step, Py_ssize_t size)
    Py_ssize_t part_colours "cypool_part_colours" (const char* a, char* out, Py_ssize_t pitch, Py_ssize_t n)
    void fetch "cypool_fetch" (const char* a, Py_ssize_t bytes)
    void fetch_all "cypool_fetch_all" (const char** rows, Py_ssize_t n, Py_ssize_t bytes, Py_ssize_t ahead)
    Py_ssize_t add_threes "cypool_add_threes" (const double* a, double* out, Py_ssize_t n)
    Py_ssize_t max_threes_f32 "cypool_max_threes_f32" (const float* a, float* out, Py_ssize_t n)
    Py_ssize_t min_threes_f32 "cypool_min_threes_f32" (const float* a, float* out, Py_ssize_t n)
    const Py_ssize_t MANY_CHANNELS "CYPOOL_MANY"
    void max_cells "cypool_max_cells" (const void** rows, Py_ssize_t taps, Py_ssize_t k, Py_ssize_t s, Py_ssize_t C,
                                       Py_ssize_t low, Py_ssize_t high, Py_ssize_t fresh, Py_ssize_t ahead, float* out,
                                       Py_ssize_t n)
    void min_cells "cypool_min_cells" (const void** rows, Py_ssize_t taps, Py_ssize_t k, Py_ssize_t s, Py_ssize_t C,
                                       Py_ssize_t low, Py_ssize_t high, Py_ssize_t fresh, Py_ssize_t ahead, float* out,
                                       Py_ssize_t n)
    ctypedef struct ThreeRows "cypool_three_rows":
        const float* a
        const float* b
        const float* c
        const float* d
        bint before, after
        double nothing, first, last
        bint apart
        double by_a, by_b, by_c
        const double* shares
        double share
    void max_squares "cypool_max_squares" (const void** rows, Py_ssize_t taps, Py_ssize_t low, Py_ssize_t high,
                                           float* out, Py_ssize_t n)
    void min_squares "cypool_min_squares" (const void** rows, Py_ssize_t taps, Py_ssize_t low, Py_ssize_t high,
                                           float* out, Py_ssize_t n)
    int share_threes "cypool_share_threes" (const ThreeRows* rows, float* out, Py_ssize_t step, Py_ssize_t n)
    ctypedef struct How "cypool_how":
        Py_ssize_t ahead
        double share
        int bias, odd, shift
        Py_ssize_t taps, channels
    ctypedef void twos "cypool_twos" (const void* const* rows, const How* how, void* results, Py_ssize_t n) noexcept
    twos* twos_of "cypool_twos_of" (int op, int have, Py_ssize_t size, Py_ssize_t taps, Py_ssize_t n)
    const int MEDIANS "CYPOOL_MEDIANS"
    twos* bytes_of "cypool_bytes_of" (Py_ssize_t k, Py_ssize_t channels, Py_ssize_t taps, Py_ssize_t n)
    const Py_ssize_t PLACED "CYPOOL_PLACED"  # results of a line, from which this knows where extremes of 2x2 lie
    int place_extremes "cypool_place" (bint largest, const float* a, const float* b, int64_t at, int64_t step,
                                       int beside, int below, float* out, int64_t* index, Py_ssize_t n)
    void stay_plain "cypool_stay_plain" ()
    const Py_ssize_t GAP "CYPOOL_GAP"
    void close "cypool_close" (const char* a, Py_ssize_t bytes)
    bint unordered "cypool_unordered" (double a, double b)  # one of them is NaN
    float float_of "cypool_float_of" (uint32_t bits)
    double double_of "cypool_double_of" (uint64_t bits)
    uint64_t bits_of "cypool_bits_of" (double x)
    uint32_t float_bits "cypool_float_bits" (float x)

cdef enum:  # codes of sample types; cypool.lanes.CODES maps dtypes to them, in this order
    U8, I8, U16, I16, U32, I32, U64, I64, F32, F64

cdef enum:  # codes of operators, in the order of cypool.lanes.OPERATORS
    MAX, MIN, SUM, PROD, TAPS, FIRST, SELECT
    TOP, BOTTOM  # MAX and MIN of float32 none of which is a NaN: one instruction, not three or four

ctypedef fused sample:  # what memory holds
    uint8_t
    int8_t
    uint16_t
    int16_t
    uint32_t
    int32_t
    uint64_t
    int64_t
    float
    double

ctypedef fused work:  # what windows are reduced in
    uint8_t
    int8_t
    uint16_t
    int16_t
    uint32_t
    int32_t
    uint64_t
    int64_t
    float
    double

ctypedef fused bits:  # a sample of which only the size matters
    uint8_t
    uint16_t
    uint32_t
    uint64_t

ctypedef fused total:  # sums of unsigned 8- and 16-bit samples
    uint16_t
    uint32_t

ctypedef fused real:  # floats in memory
    float
    double

ctypedef fused exact:  # and what they are reduced in
    float
    double

ctypedef struct Max:
    char unused

ctypedef struct Min:
    char unused

ctypedef struct Top:
    char unused

ctypedef struct Bottom:
    char unused

ctypedef struct Sum:
    char unused

ctypedef struct Pair:  # a sum that reads two neighbours of the row at once
    char unused

ctypedef struct Square:  # a sum of squares
    char unused

ctypedef struct Prod:
    char unused

ctypedef fused Op:
    Max
    Min
    Top
    Bottom
    Sum
    Pair
    Square
    Prod

ctypedef fused Joint:  # what neighbours are joined by while rows are merged
    Max
    Min
    Sum
    Square


cdef inline work apply(Op* op, work a, work b) noexcept nogil:
    """a op b.  A NaN on either side wins; a and b both NaN: a.

    The comparison gives b where either is NaN, so that only a NaN in a is left to see.  In this
    form (and not as one condition) four of them in a row still become vector instructions."""
    cdef work c
    if Op is Max or Op is Min or Op is Top or Op is Bottom:
        if Op is Max or Op is Top:
            c = a if a > b else b
        else:
            c = a if a < b else b
        if (Op is Max or Op is Min) and (work is float or work is double):
            c = a if a != a else c
        return c
    elif Op is Prod:
        return <work> (a * b)
    else:
        return <work> (a + b)


cdef inline work lift(Op* op, const sample* row, Py_ssize_t i, work* kind) noexcept nogil:
    """Sample i of a row in the working type; for Pair the sum of samples 2i and 2i + 1."""
    if Op is Pair:
        # Bytes and 16-bit samples: one word holds both, which vectorises without a shuffle.
        if sample is uint8_t:
            return <work> ((<const word16*> row)[i] & 0xFF) + <work> ((<const word16*> row)[i] >> 8)
        elif sample is uint16_t:
            return <work> ((<const word32*> row)[i] & 0xFFFF) + <work> ((<const word32*> row)[i] >> 16)
        else:
            return <work> row[2 * i] + <work> row[2 * i + 1]
    elif Op is Square:
        return <work> row[i] * <work> row[i]
    else:
        return <work> row[i]
