/* Medians of windows of 3x3 and of 5x5 cells at stride 1, of any type: lists of minima and maxima, the same for all
   windows, so that each is one vector instruction for many of them. */
#ifndef CYPOOL_MIDDLES_H
#define CYPOOL_MIDDLES_H

/* Bytes: rows of columns are worked on in such, and may be written so far beyond their ends. */
#if defined(__AVX512F__)
enum { CYPOOL_UNIT = 64 };
#elif defined(__AVX2__)
enum { CYPOOL_UNIT = 32 };
#else
enum { CYPOOL_UNIT = 16 };
#endif
enum { CYPOOL_COLUMN_ROWS = 14 }; /* six of two lines of windows of five, and eight of pairs of columns */
enum { CYPOOL_BATCH = 512 }; /* bytes of a row that are worked on at a time; what they become stays near */

/* Rows that are read and written do not overlap, unless they are the same. */
#if defined(__clang__)
#define CYPOOL_APART _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define CYPOOL_APART _Pragma("GCC ivdep")
#else
#define CYPOOL_APART
#endif
#if defined(__GNUC__)
#define CYPOOL_UNROLLED(m) _Pragma("GCC unroll 16") for (int r = 0; r < m; r++)
#else
#define CYPOOL_UNROLLED(m) for (int r = 0; r < m; r++)
#endif
#define CYPOOL_MOST(T, bytes) (ptrdiff_t) ((bytes) / sizeof(T))
#define CYPOOL_CELLS_LOOP CYPOOL_APART for (ptrdiff_t i = 0; i < n; i++)
#define CYPOOL_UNITS_LOOP(T) \
    for (ptrdiff_t at_ = 0; at_ < n; at_ += CYPOOL_MOST(T, CYPOOL_UNIT)) \
        CYPOOL_APART for (ptrdiff_t i = at_; i < at_ + CYPOOL_MOST(T, CYPOOL_UNIT); i++)
/* Batches of m cells from i on; the last one may end within a unit. */
#define CYPOOL_BATCHES(T) \
    for (ptrdiff_t i = 0, most_ = CYPOOL_MOST(T, CYPOOL_BATCH), m; (m = n - i < most_ ? n - i : most_) > 0; i += m)
#define CYPOOL_ROUND(T, m) ((m) % CYPOOL_MOST(T, CYPOOL_UNIT) == 0)

/* Cells i and j in order: of v, of the type T. */
#define CYPOOL_ORDER(T, i, j) \
    { \
        const T low_ = v[i] < v[j] ? v[i] : v[j], high_ = v[i] < v[j] ? v[j] : v[i]; \
        v[i] = low_, v[j] = high_; \
    }
#define CYPOOL_ORDER_2(T, i, j, k, l) CYPOOL_ORDER(T, i, j) CYPOOL_ORDER(T, k, l)
#define CYPOOL_ORDER_3(T, i, j, k, l, m, n) CYPOOL_ORDER_2(T, i, j, k, l) CYPOOL_ORDER(T, m, n)

#define CYPOOL_MIDDLES_OF(name, T) \
    /* The columns of three or four rows, in order. */ \
    static void cypool_sort_columns_##name(const void *const *rows, int k, void *sorted, ptrdiff_t pitch, ptrdiff_t n) \
    { \
        const T *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[k - 1]; \
        T *out = sorted; \
        if (k == 3) \
            CYPOOL_CELLS_LOOP { \
                T v[3] = {a[i], b[i], c[i]}; \
                CYPOOL_ORDER_3(T, 0, 1, 1, 2, 0, 1) \
                out[i] = v[0], out[i + pitch] = v[1], out[i + 2 * pitch] = v[2]; \
            } \
        else \
            CYPOOL_CELLS_LOOP { \
                T v[4] = {a[i], b[i], c[i], d[i]}; \
                CYPOOL_ORDER_2(T, 0, 1, 2, 3) CYPOOL_ORDER_3(T, 0, 2, 1, 3, 1, 2) \
                out[i] = v[0], out[i + pitch] = v[1], out[i + 2 * pitch] = v[2], out[i + 3 * pitch] = v[3]; \
            } \
    } \
    /* Medians of three sorted columns, d cells apart. */ \
    CYPOOL_INLINE void cypool_middle_of_three_##name(const T *a, const T *b, const T *c, ptrdiff_t d, T *out, \
                                                     ptrdiff_t n) \
    { \
        CYPOOL_UNITS_LOOP(T) { \
            T v[9] = {a[i], a[i + d], a[i + 2 * d], b[i], b[i + d], b[i + 2 * d], c[i], c[i + d], c[i + 2 * d]}; \
            CYPOOL_ORDER_2(T, 0, 1, 1, 2) CYPOOL_ORDER_3(T, 3, 4, 4, 5, 3, 4) CYPOOL_ORDER_2(T, 7, 8, 6, 7) \
            CYPOOL_ORDER_3(T, 2, 4, 4, 6, 2, 4) \
            out[i] = v[4]; \
        } \
    } \
    static void cypool_middles_of_three_##name(const void *cells, ptrdiff_t pitch, ptrdiff_t d, void *medians, \
                                               ptrdiff_t n) \
    { \
        const T *x = cells; \
        T last[CYPOOL_BATCH / sizeof(T)]; \
        CYPOOL_BATCHES(T) { \
            T *out = CYPOOL_ROUND(T, m) ? (T *) medians + i : last; \
            cypool_middle_of_three_##name(x + i, x + i + pitch, x + i + 2 * pitch, d, out, m); \
            if (out == last) \
                memcpy((T *) medians + i, last, m * sizeof(T)); \
        } \
    } \
    /* Two sorted columns of four become one of eight. */ \
    CYPOOL_INLINE void cypool_pair_columns_##name(const T *x, ptrdiff_t pitch, ptrdiff_t d, T *out, ptrdiff_t n) \
    { \
        CYPOOL_UNITS_LOOP(T) { \
            T v[8]; \
            CYPOOL_UNROLLED(4) \
                v[r] = x[i + r * pitch], v[4 + r] = x[i + r * pitch + d]; \
            CYPOOL_ORDER_3(T, 0, 4, 2, 6, 2, 4) CYPOOL_ORDER_3(T, 1, 5, 3, 7, 3, 5) \
            CYPOOL_ORDER_3(T, 1, 2, 3, 4, 5, 6) \
            CYPOOL_UNROLLED(8) \
                out[i + r * pitch] = v[r]; \
        } \
    } \
    /* Of two such and a column, 20 cells, those six in order that can be the median of 25. */ \
    CYPOOL_INLINE void cypool_middle_six_##name(const T *x, const T *pairs, ptrdiff_t pitch, ptrdiff_t d, T *out, \
                                                ptrdiff_t n) \
    { \
        CYPOOL_UNITS_LOOP(T) { \
            T v[17]; \
            CYPOOL_UNROLLED(8) \
                v[r] = pairs[i + r * pitch], v[8 + r] = pairs[i + r * pitch + 2 * d]; \
            CYPOOL_ORDER_3(T, 0, 8, 4, 12, 4, 8) CYPOOL_ORDER_3(T, 2, 10, 6, 14, 6, 10) \
            CYPOOL_ORDER_3(T, 2, 4, 6, 8, 10, 12) \
            CYPOOL_ORDER_3(T, 1, 9, 5, 13, 5, 9) CYPOOL_ORDER_3(T, 3, 11, 7, 15, 7, 11) \
            CYPOOL_ORDER_3(T, 3, 5, 7, 9, 11, 13) \
            CYPOOL_ORDER_3(T, 3, 4, 5, 6, 7, 8) CYPOOL_ORDER_2(T, 9, 10, 11, 12) \
            CYPOOL_UNROLLED(4) /* 3 .. 12 are the middle of 16 */ \
                v[13 + r] = x[i + r * pitch + 4 * d]; \
            CYPOOL_ORDER_3(T, 3, 13, 11, 13, 7, 11) CYPOOL_ORDER_2(T, 5, 15, 9, 15) \
            CYPOOL_ORDER_3(T, 5, 7, 9, 11, 15, 13) \
            CYPOOL_ORDER_3(T, 4, 14, 12, 14, 8, 12) CYPOOL_ORDER_2(T, 6, 16, 10, 16) CYPOOL_ORDER_2(T, 6, 8, 10, 12) \
            CYPOOL_ORDER_2(T, 6, 7, 8, 9) CYPOOL_ORDER_2(T, 10, 11, 12, 15) \
            CYPOOL_UNROLLED(6) \
                out[i + r * CYPOOL_MOST(T, CYPOOL_BATCH)] = v[7 + r]; \
        } \
    } \
    /* The median of those and five cells of another row. */ \
    CYPOOL_INLINE void cypool_join_row_##name(const T *six, const T *row, ptrdiff_t d, T *out, ptrdiff_t n) \
    { \
        CYPOOL_UNITS_LOOP(T) { \
            T v[11]; \
            CYPOOL_UNROLLED(6) \
                v[r] = six[i + r * CYPOOL_MOST(T, CYPOOL_BATCH)]; \
            CYPOOL_UNROLLED(5) \
                v[6 + r] = row[i + r * d]; \
            CYPOOL_ORDER_3(T, 6, 9, 7, 10, 6, 8) CYPOOL_ORDER_3(T, 7, 9, 6, 7, 8, 10) \
            CYPOOL_ORDER_3(T, 7, 8, 9, 10, 8, 9) \
            CYPOOL_ORDER_3(T, 0, 6, 4, 10, 4, 6) CYPOOL_ORDER_2(T, 2, 8, 8, 6) \
            CYPOOL_ORDER_2(T, 1, 7, 5, 7) CYPOOL_ORDER_2(T, 3, 9, 3, 5) CYPOOL_ORDER(T, 5, 8) \
            out[i] = v[5]; \
        } \
    } \
    /* Medians of two lines of windows of 5x5 (or of one: `below` is NULL). They share four rows, whose columns are in \
       order, and have one each, which lie behind those; there is room for eight more behind them. */ \
    static void cypool_middles_of_five_##name(const void *cells, ptrdiff_t pitch, ptrdiff_t d, void *medians, \
                                              void *below, ptrdiff_t n) \
    { \
        const T *x = cells; \
        T *pairs = (T *) cells + (CYPOOL_COLUMN_ROWS - 8) * pitch; \
        T six[6 * CYPOOL_BATCH / sizeof(T)], last[CYPOOL_BATCH / sizeof(T)]; \
        ptrdiff_t paired = 0; \
        CYPOOL_BATCHES(T) { \
            const ptrdiff_t next = i + m + 2 * d; \
            cypool_pair_columns_##name(x + paired, pitch, d, pairs + paired, next - paired); \
            paired = next; \
            cypool_middle_six_##name(x + i, pairs + i, pitch, d, six, m); \
            for (int line = 0; line < 1 + (below != NULL); line++) { \
                T *to = (T *) (line ? below : medians) + i, *out = CYPOOL_ROUND(T, m) ? to : last; \
                cypool_join_row_##name(six, x + (4 + line) * pitch + i, d, out, m); \
                if (out == last) \
                    memcpy(to, last, m * sizeof(T)); \
            } \
        } \
    }
CYPOOL_MIDDLES_OF(u8, uint8_t)
CYPOOL_MIDDLES_OF(i8, int8_t)
CYPOOL_MIDDLES_OF(u16, uint16_t)
CYPOOL_MIDDLES_OF(i16, int16_t)
CYPOOL_MIDDLES_OF(u32, uint32_t)
CYPOOL_MIDDLES_OF(i32, int32_t)
CYPOOL_MIDDLES_OF(u64, uint64_t)
CYPOOL_MIDDLES_OF(i64, int64_t)
CYPOOL_MIDDLES_OF(f32, float)
CYPOOL_MIDDLES_OF(f64, double)

/* The three for a type, in the order of rows.pxd. */
typedef struct {
    void (*sort_columns)(const void *const *rows, int k, void *sorted, ptrdiff_t pitch, ptrdiff_t n);
    void (*of_three)(const void *sorted, ptrdiff_t pitch, ptrdiff_t d, void *medians, ptrdiff_t n);
    void (*of_five)(const void *cells, ptrdiff_t pitch, ptrdiff_t d, void *medians, void *below, ptrdiff_t n);
} cypool_middles;
#define CYPOOL_MIDDLES(name) {cypool_sort_columns_##name, cypool_middles_of_three_##name, cypool_middles_of_five_##name}
static const cypool_middles cypool_middles_of[10] = {
    CYPOOL_MIDDLES(u8), CYPOOL_MIDDLES(i8), CYPOOL_MIDDLES(u16), CYPOOL_MIDDLES(i16), CYPOOL_MIDDLES(u32),
    CYPOOL_MIDDLES(i32), CYPOOL_MIDDLES(u64), CYPOOL_MIDDLES(i64), CYPOOL_MIDDLES(f32), CYPOOL_MIDDLES(f64),
};
#endif
