/* Windows of two and of three cells, whose rows never leave the registers. */
#ifndef CYPOOL_SQUARES_H
#define CYPOOL_SQUARES_H

/* Windows of three cells at stride 2, out[i] = a[2 i] op a[2 i + 1] op a[2 i + 2], and how many of n were made: not the
   last few. */
#if defined(__GNUC__)
#define CYPOOL_THREES(name, type, word, op, kind) \
    static inline ptrdiff_t name(const type *a, type *out, ptrdiff_t n) \
    { \
        enum { PART = 32 / sizeof(type) }; \
        typedef type some __attribute__((vector_size(32))); \
        typedef word words __attribute__((vector_size(32))); \
        ptrdiff_t i = 0; \
        for (; i + PART < n; i += PART) { \
            some x[4], y, z; \
            CYPOOL_LOAD(x[0], a + 2 * i); \
            CYPOOL_LOAD(x[1], a + 2 * i + PART); \
            CYPOOL_LOAD(x[2], a + 2 * i + 2); \
            CYPOOL_LOAD(x[3], a + 2 * i + 2 + PART); \
            y = CYPOOL_EVEN_##kind(x[0], x[1]), z = CYPOOL_ODD_##kind(x[0], x[1]); \
            y = op(y, z); \
            z = CYPOOL_EVEN_##kind(x[2], x[3]); \
            y = op(y, z); \
            y = CYPOOL_RIGHT_##kind(y); \
            memcpy(out + i, &y, sizeof y); \
        } \
        return i; \
    }
#else
#define CYPOOL_THREES(name, type, word, op, kind) \
    static inline ptrdiff_t name(const type *a, type *out, ptrdiff_t n) { return 0; }
#endif
CYPOOL_THREES(cypool_add_threes, double, int64_t, CYPOOL_ADD, F64)
CYPOOL_THREES(cypool_max_threes_f32, float, int32_t, CYPOOL_MAX_F32, F32)
CYPOOL_THREES(cypool_min_threes_f32, float, int32_t, CYPOOL_MIN_F32, F32)

/* Extremes of windows of three by three cells at stride 2, of 1 to 3 rows from the first window's first cell on.  Cells
   low .. high exist; windows at the ends may lack some, but none all. */
#if defined(__GNUC__)
#define CYPOOL_ACROSS(x, op, i) \
    { \
        some next_; \
        CYPOOL_LOAD(x, a + (i)); \
        CYPOOL_LOAD(next_, b + (i)); \
        x = op(x, next_); \
        CYPOOL_LOAD(next_, c + (i)); \
        x = op(x, next_); \
    }
#define CYPOOL_MANY_SQUARES(op) \
    enum { PART = CYPOOL_MANY }; \
    typedef float some __attribute__((vector_size(4 * PART))); \
    typedef int32_t words __attribute__((vector_size(4 * PART))); \
    some x, y, even, left = {0}; \
    (void) sizeof(words); \
    for (ptrdiff_t k = -1; whole >= PART && i < whole; i = k) { \
        i = i + PART > whole ? whole - PART : i; /* the last windows may overlap those before them */ \
        if (i != k) { \
            CYPOOL_ACROSS(x, op, 2 * i > low ? 2 * i : low) \
            left = CYPOOL_FIRST_MANY(x); \
        } \
        CYPOOL_ACROSS(x, op, 2 * i + 1) \
        CYPOOL_ACROSS(y, op, 2 * i + 1 + PART) \
        even = CYPOOL_EVEN_MANY(x, y); \
        y = CYPOOL_ODD_MANY(x, y); \
        x = CYPOOL_BEFORE_MANY(left, y); \
        left = y; \
        x = op(x, even); \
        x = op(x, y); \
        memcpy(out + i, &x, sizeof x); \
        k = i + PART; \
    }
#else
#define CYPOOL_MANY_SQUARES(op)
#endif
#define CYPOOL_CELL_MAX(x, y) ((x) != (x) || (x) > (y) ? (x) : (y))
#define CYPOOL_CELL_MIN(x, y) ((x) != (x) || (x) < (y) ? (x) : (y))
#define CYPOOL_CELL_ACROSS(cell, i) cell(cell(a[i], b[i]), c[i])
#define CYPOOL_SQUARES_OF(name, op, cell) \
    static inline void name(const void *const *rows, ptrdiff_t taps, ptrdiff_t low, ptrdiff_t high, float *out, \
                            ptrdiff_t n) \
    { \
        const float *a = rows[0], *b = rows[taps > 1], *c = rows[taps - 1]; \
        ptrdiff_t i = 0, whole = (high - 1) / 2 < n ? (high - 1) / 2 : n; \
        CYPOOL_MANY_SQUARES(op) \
        for (; i < n; i++) { \
            ptrdiff_t j = 2 * i < low ? low : 2 * i, stop = 2 * i + 3 < high ? 2 * i + 3 : high; \
            float best = CYPOOL_CELL_ACROSS(cell, j); \
            for (j++; j < stop; j++) { \
                float next = CYPOOL_CELL_ACROSS(cell, j); \
                best = cell(best, next); \
            } \
            out[i] = best; \
        } \
    }
CYPOOL_SQUARES_OF(cypool_max_squares, CYPOOL_MAX_MANY, CYPOOL_CELL_MAX)
CYPOOL_SQUARES_OF(cypool_min_squares, CYPOOL_MIN_MANY, CYPOOL_CELL_MIN)

/* Extremes of windows of k cells of C >= CYPOOL_MANY channels on each of some rows, s cells apart; cells low .. high
   exist, of each window some.  What lies `ahead` bytes further on in the last `fresh` rows is fetched meanwhile. */
#if defined(__GNUC__)
#define CYPOOL_CELLS_OF(name, op, cell) \
    static inline void name(const float *const *rows, ptrdiff_t taps, ptrdiff_t k, ptrdiff_t s, ptrdiff_t C, \
                            ptrdiff_t low, ptrdiff_t high, ptrdiff_t fresh, ptrdiff_t ahead, float *out, ptrdiff_t n) \
    { \
        enum { PART = CYPOOL_MANY }; \
        typedef float some __attribute__((vector_size(4 * PART))); \
        typedef int32_t words __attribute__((vector_size(4 * PART))); \
        (void) sizeof(words); \
        for (ptrdiff_t i = 0; i < n; i++, out += C) { \
            ptrdiff_t first = i * s < low ? low : i * s, stop = i * s + k < high ? i * s + k : high; \
            for (ptrdiff_t r = taps - fresh; r < taps; r++) \
                cypool_fetch((const char *) (rows[r] + i * s * C) + ahead, s * C * (ptrdiff_t) sizeof *out); \
            for (ptrdiff_t c = 0; c < C; c += PART) { \
                some x, next; \
                c = c + PART > C ? C - PART : c; /* the last channels may overlap those before them */ \
                CYPOOL_LOAD(x, rows[0] + first * C + c); \
                for (ptrdiff_t j = first, r = 1; j < stop; j++, r = 0) \
                    for (; r < taps; r++) { \
                        CYPOOL_LOAD(next, rows[r] + j * C + c); \
                        x = op(x, next); \
                    } \
                memcpy(out + c, &x, sizeof x); \
            } \
        } \
    }
#else
#define CYPOOL_CELLS_OF(name, op, cell) \
    static inline void name(const float *const *rows, ptrdiff_t taps, ptrdiff_t k, ptrdiff_t s, ptrdiff_t C, \
                            ptrdiff_t low, ptrdiff_t high, ptrdiff_t fresh, ptrdiff_t ahead, float *out, ptrdiff_t n) \
    { \
        (void) fresh, (void) ahead; \
        for (ptrdiff_t i = 0; i < n; i++, out += C) \
            for (ptrdiff_t c = 0; c < C; c++) { \
                ptrdiff_t first = i * s < low ? low : i * s, stop = i * s + k < high ? i * s + k : high; \
                out[c] = rows[0][first * C + c]; \
                for (ptrdiff_t j = first, r = 1; j < stop; j++, r = 0) \
                    for (; r < taps; r++) \
                        out[c] = cell(out[c], rows[r][j * C + c]); \
            } \
    }
#endif
CYPOOL_CELLS_OF(cypool_max_cells, CYPOOL_MAX_MANY, CYPOOL_CELL_MAX)
CYPOOL_CELLS_OF(cypool_min_cells, CYPOOL_MIN_MANY, CYPOOL_CELL_MIN)

/* Three rows that are merged, in double, and become means of three by three cells: each around a cell of the middle row.
   With a fourth, of two lines; how many lines were written is told. */
typedef struct {
    const float *a, *b, *c, *d;
    int before, after;     /* whether there are cells on both sides of those that are in the middle of a window */
    double nothing;        /* what stands for cells that are not there: 0 or -0 */
    double first, last;    /* what the first and the last cell are multiplied by, those on both sides included */
    int apart;             /* whether rows are multiplied before they are merged (three of them), by these: */
    double by_a, by_b, by_c;
    const double *shares;  /* what a cell of each window counts, or NULL: */
    double share;          /* of all */
} cypool_three_rows;

static inline double cypool_merged_cell(const cypool_three_rows *r, ptrdiff_t i, ptrdiff_t n)
{
    double a = r->a[i], b = r->b[i], c = r->c[i], x = r->apart ? ((0 + a * r->by_a) + b * r->by_b) + c * r->by_c
                                                              : (a + b) + c;
    x = i == (r->before ? -1 : 0) ? x * r->first : x;
    return i == (r->after ? n : n - 1) ? x * r->last : x;
}

static inline void cypool_share_few_threes(const cypool_three_rows *r, float *out, ptrdiff_t n)
{
    double x = r->before ? cypool_merged_cell(r, -1, n) : r->nothing, y = cypool_merged_cell(r, 0, n), z;
    for (ptrdiff_t i = 0; i < n; i++, x = y, y = z) {
        z = i + 1 < n || r->after ? cypool_merged_cell(r, i + 1, n) : r->nothing;
        out[i] = (float) (((x + y) + z) * (r->shares ? r->shares[i] : r->share));
    }
}

#if defined(__GNUC__)
#define CYPOOL_LINES _Pragma("GCC unroll 2") for (int l = 0; l < lines; l++)
/* Cells from i on of merged rows: of two lines, which share two of their rows, if there is a fourth. */
#define CYPOOL_MERGED(m, i) \
    { \
        some b_ = CYPOOL_FLOATS(r.b + (i)), c_ = CYPOOL_FLOATS(r.c + (i)); \
        m[0] = apart ? ((none + CYPOOL_FLOATS(r.a + (i)) * r.by_a) + b_ * r.by_b) + c_ * r.by_c \
                     : (CYPOOL_FLOATS(r.a + (i)) + b_) + c_; \
        if (lines == 2) \
            m[1] = (b_ + c_) + CYPOOL_FLOATS(r.d + (i)); \
    }
#define CYPOOL_THREE_MEANS(i, x, y, z) \
    { \
        some share_, sum_ = (x + y) + z; \
        if (r.shares) \
            memcpy(&share_, r.shares + (i), sizeof share_); \
        else \
            share_ = r.share - none; \
        sum_ *= share_; \
        CYPOOL_PUT_FLOATS(out + l * step + (i), sum_); \
    }

CYPOOL_INLINE void cypool_threes_of(const cypool_three_rows *rows, const int lines, const int apart, float *out,
                                    ptrdiff_t step, ptrdiff_t n)
{
    CYPOOL_DOUBLES
    const cypool_three_rows r = *rows, lower = {r.b, r.c, r.d, r.d, r.before, r.after, r.nothing, r.first, r.last, 0};
    const some none = {0};
    some first = 1 + none, final = first, x[2], y[2], z[2], end[2];
    ptrdiff_t i = 0, last = n - PART;
    first[0] = r.before ? 1 : r.first;
    final[PART - 1] = r.after ? 1 : r.last;
    CYPOOL_MERGED(y, 0)
    CYPOOL_LINES {
        x[l] = (r.before ? cypool_merged_cell(l ? &lower : &r, -1, n) : r.nothing) - none;
        end[l] = (r.after ? cypool_merged_cell(l ? &lower : &r, n, n) : r.nothing) - none;
        y[l] *= first;
        if (!last)
            y[l] *= final;
    }
    for (; i + PART <= last; i += PART) {
        CYPOOL_MERGED(z, i + PART)
        if (i + PART == last)
            CYPOOL_LINES
                z[l] *= final;
        CYPOOL_LINES {
            CYPOOL_THREE_MEANS(i, CYPOOL_BEFORE(x[l], y[l]), y[l], CYPOOL_AFTER(y[l], z[l]))
            x[l] = y[l];
            y[l] = z[l];
        }
    }
    if (i < last) { /* the last cells overlap those before them */
        CYPOOL_MERGED(z, i + 1)
        CYPOOL_LINES {
            if (i + 1 == last)
                z[l] *= final;
            CYPOOL_THREE_MEANS(i, CYPOOL_BEFORE(x[l], y[l]), y[l], z[l])
        }
        CYPOOL_MERGED(x, last - 1)
        CYPOOL_MERGED(y, last)
        CYPOOL_LINES {
            y[l] *= final;
            if (last == 1)
                x[l] *= first;
            CYPOOL_THREE_MEANS(last, x[l], y[l], CYPOOL_AFTER(y[l], end[l]))
        }
    } else {
        CYPOOL_LINES
            CYPOOL_THREE_MEANS(last, CYPOOL_BEFORE(x[l], y[l]), y[l], CYPOOL_AFTER(y[l], end[l]))
    }
}

static inline int cypool_share_threes(const cypool_three_rows *rows, float *out, ptrdiff_t step, ptrdiff_t n)
{
    if (n < CYPOOL_PART) {
        cypool_share_few_threes(rows, out, n);
        return 1;
    }
    if (rows->d) {
        cypool_threes_of(rows, 2, 0, out, step, n);
        return 2;
    }
    if (rows->apart)
        cypool_threes_of(rows, 1, 1, out, 0, n);
    else
        cypool_threes_of(rows, 1, 0, out, 0, n);
    return 1;
}
#else
static inline int cypool_share_threes(const cypool_three_rows *rows, float *out, ptrdiff_t step, ptrdiff_t n)
{
    (void) step;
    cypool_share_few_threes(rows, out, n);
    return 1;
}
#endif
#endif
