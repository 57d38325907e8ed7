/* Extremes of tall windows at stride 1, of float32, from memory into the output.

   Down the columns (van Herk 1992; Gil and Werman 1993): the rows are cut into blocks, as high as a window.  A window
   that begins in a block is the end of it, and the beginning of the next:

       row 0   a            a b c      ends, from the last row up
       row 1   b   window   b c        window of row 1: ends[1] op d
       row 2   c   |        c          window of row 2: ends[2] op (d op e)
       row 3   d   |
       row 4   e

   so that a cell is compared three times, however high windows are.  Along a row two windows of 2, 4 or 8 cells
   that overlap are one; those are made in registers.  A strip is as wide as the nearest cache holds two blocks of. */
#ifndef CYPOOL_SLIDES_H
#define CYPOOL_SLIDES_H

#if defined(__AVX2__) && defined(__GNUC__)
enum { CYPOOL_SLIDE_WIDTH = 288, CYPOOL_SLIDE_LEAST = 2, CYPOOL_SLIDE_MOST = 16 };

#if defined(__AVX512F__)
typedef __m512 cypool_many;
#define CYPOOL_PLAIN_MAX _mm512_max_ps
#define CYPOOL_PLAIN_MIN _mm512_min_ps
#define CYPOOL_ALL _mm512_set1_ps
#define CYPOOL_NAN_IN(x) (_mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q) != 0)
/* The cells `by` before those of y; x is what lies before y. */
#define CYPOOL_EARLIER(x, y, by) \
    _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(y), _mm512_castps_si512(x), 16 - (by)))
#else
typedef __m256 cypool_many;
#define CYPOOL_PLAIN_MAX _mm256_max_ps
#define CYPOOL_PLAIN_MIN _mm256_min_ps
#define CYPOOL_ALL _mm256_set1_ps
#define CYPOOL_NAN_IN(x) (_mm256_movemask_ps(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)) != 0)
#define CYPOOL_HALVES(x, y) _mm256_permute2x128_si256(_mm256_castps_si256(x), _mm256_castps_si256(y), 0x21)
#define CYPOOL_ALIGNED(x, y, by) _mm256_alignr_epi8(_mm256_castps_si256(y), CYPOOL_HALVES(x, y), (16 - 4 * (by)) & 15)
#define CYPOOL_EARLIER(x, y, by) _mm256_castsi256_ps((by) == 4 ? CYPOOL_HALVES(x, y) : CYPOOL_ALIGNED(x, y, by))
#endif

CYPOOL_INLINE cypool_many cypool_better(cypool_many x, cypool_many y, int largest, int clean)
{
    if (clean)
        return largest ? CYPOOL_PLAIN_MAX(x, y) : CYPOOL_PLAIN_MIN(x, y);
    return largest ? CYPOOL_MAX_MANY(x, y) : CYPOOL_MIN_MANY(x, y);
}

#define CYPOOL_GROUP _Pragma("GCC unroll 4") for (int g = 0; g < groups; g++)

/* The ends of a block of rows, of which rows from .. to exist, in so many registers of columns; whether a NaN is among
   them.  The next block is fetched. */
CYPOOL_INLINE int cypool_ends(const char *x, ptrdiff_t step, ptrdiff_t taps, ptrdiff_t from, ptrdiff_t to,
                              cypool_many nothing, float *out, ptrdiff_t pitch, int groups, int largest)
{
    enum { PART = CYPOOL_MANY };
    cypool_many best[4], next;
    int bad = 0;
    CYPOOL_GROUP
        best[g] = nothing;
    for (ptrdiff_t j = taps - 1; j >= 0; j--) {
        if (from <= j && j < to)
            CYPOOL_GROUP {
                const char *cells = x + j * step + g * sizeof next;
                cypool_fetch(cells + taps * step, 1);
                CYPOOL_LOAD(next, cells);
                best[g] = cypool_better(next, best[g], largest, 0);
            }
        CYPOOL_GROUP
            memcpy(out + j * pitch + g * PART, &best[g], sizeof next);
    }
    CYPOOL_GROUP
        bad |= CYPOOL_NAN_IN(best[g]);
    return bad;
}

/* The beginnings of the next block, of one row, two, ...: they complete the windows of rows 1, 2, ... of this one. */
CYPOOL_INLINE int cypool_complete(const char *x, ptrdiff_t step, ptrdiff_t lines, ptrdiff_t from, ptrdiff_t to,
                                  cypool_many nothing, float *out, ptrdiff_t pitch, int groups, int largest, int clean)
{
    enum { PART = CYPOOL_MANY };
    cypool_many best[4], next;
    int bad = 0;
    CYPOOL_GROUP
        best[g] = nothing;
    for (ptrdiff_t j = 1; j < lines; j++) {
        if (from < j && j <= to)
            CYPOOL_GROUP {
                CYPOOL_LOAD(next, x + (j - 1) * step + g * sizeof next);
                best[g] = cypool_better(next, best[g], largest, clean);
            }
        CYPOOL_GROUP {
            CYPOOL_LOAD(next, out + j * pitch + g * PART);
            next = cypool_better(next, best[g], largest, clean);
            memcpy(out + j * pitch + g * PART, &next, sizeof next);
        }
    }
    if (!clean)
        CYPOOL_GROUP
            bad |= CYPOOL_NAN_IN(best[g]);
    return bad;
}

/* n windows of k cells along a row of so many cells, the first of which begins at cell `lead`. */
CYPOOL_INLINE void cypool_along(const float *row, ptrdiff_t cells, ptrdiff_t k, ptrdiff_t lead, float *out, ptrdiff_t n,
                                int largest, int clean)
{
    enum { PART = CYPOOL_MANY };
    const ptrdiff_t by = k - (k > 8 ? 8 : k > 4 ? 4 : 2); /* from one of the two parts of a window to the other */
    int32_t lanes[PART];
    for (int j = 0; j < PART; j++)
        lanes[j] = (int32_t) (j - by) & (PART - 1);
#if defined(__AVX512F__)
    const __m512i from = _mm512_loadu_si512(lanes);
    const __mmask16 before = (__mmask16) ((1 << by) - 1);
#else
    const __m256i from = _mm256_loadu_si256((const __m256i *) lanes);
    const __m256 before = _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t) by),
                                                                 _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)));
#endif
    cypool_many x, one, two, four, turned; /* one: before x; two, four: extremes of so many cells that end there */
    CYPOOL_LOAD(x, row);
    one = two = four = turned = x;
    for (ptrdiff_t i = 0; i < cells; i += PART) {
        cypool_many y, z, last = turned;
        ptrdiff_t o = i - lead - (k - 1);
        CYPOOL_LOAD(x, row + i);
        z = cypool_better(x, CYPOOL_EARLIER(one, x, 1), largest, clean);
        one = x;
        if (k > 4) {
            y = z;
            z = cypool_better(y, CYPOOL_EARLIER(two, y, 2), largest, clean);
            two = y;
        }
        if (k > 8) {
            y = z;
            z = cypool_better(y, CYPOOL_EARLIER(four, y, 4), largest, clean);
            four = y;
        }
#if defined(__AVX512F__)
        turned = _mm512_permutexvar_ps(from, z);
        z = cypool_better(z, _mm512_mask_mov_ps(turned, before, last), largest, clean);
        if (o >= 0 && o + PART <= n) {
            _mm512_storeu_ps(out + o, z);
        } else if (o > -PART && o < n) {
            __mmask16 mask = (__mmask16) (o < 0 ? 0xFFFF << -o : 0xFFFF);
            mask = o + PART > n ? (__mmask16) (mask & (0xFFFF >> (o + PART - n))) : mask;
            _mm512_mask_storeu_ps(out + o, mask, z);
        }
#else
        turned = _mm256_permutevar8x32_ps(z, from);
        z = cypool_better(z, _mm256_blendv_ps(turned, last, before), largest, clean);
        if (o >= 0 && o + PART <= n)
            _mm256_storeu_ps(out + o, z);
        else
            for (ptrdiff_t j = 0; j < PART; j++)
                if (o + j >= 0 && o + j < n)
                    out[o + j] = ((const float *) &z)[j];
#endif
    }
}

/* One strip: n windows on each of some lines; of the cells from the first one's first on, low .. high exist, and of the
   rows from .. to. */
CYPOOL_INLINE void cypool_slide_strip(const char *x, ptrdiff_t step, ptrdiff_t lines, ptrdiff_t taps, ptrdiff_t from,
                                      ptrdiff_t to, ptrdiff_t k, ptrdiff_t low, ptrdiff_t high, float *a, float *out,
                                      ptrdiff_t out_step, ptrdiff_t n, int largest)
{
    enum { PART = CYPOOL_MANY };
    const ptrdiff_t width = high - low;
    /* Stores of whole registers begin where they would in memory that is aligned. */
    const ptrdiff_t lead = out_step % PART ? 0 : ((uintptr_t) out / sizeof *out - (k - 1)) % PART;
    const ptrdiff_t pitch = (lead + n + k - 1 + PART - 1) / PART * PART;
    const float least = largest ? -HUGE_VALF : HUGE_VALF;
    const cypool_many nothing = CYPOOL_ALL(least);
    float *b = a + taps * pitch, *swap;
    int bad = 0;
    for (ptrdiff_t j = 0; j < 2 * taps; j++) {
        for (ptrdiff_t i = 0; i < lead + low; i++)
            a[j * pitch + i] = least;
        for (ptrdiff_t i = lead + high; i < pitch; i++)
            a[j * pitch + i] = least;
    }
#define CYPOOL_COLUMNS(flag, do_group) \
    for (ptrdiff_t v = 0; v < width;) \
        if (v + 4 * PART <= width) { \
            const ptrdiff_t c = low + v; \
            flag |= do_group(4); \
            v += 4 * PART; \
        } else { /* the last columns may overlap those before them */ \
            const ptrdiff_t c = low + (v + PART <= width ? v : width - PART); \
            flag |= do_group(1); \
            v += PART; \
        }
#define CYPOOL_ENDS(groups, ends) \
    cypool_ends(x + 4 * c, step, taps, from, to, nothing, ends + lead + c, pitch, groups, largest)
#define CYPOOL_ENDS_HERE(groups) CYPOOL_ENDS(groups, a)
#define CYPOOL_ENDS_NEXT(groups) CYPOOL_ENDS(groups, b)
#define CYPOOL_COMPLETE(groups, clean) \
    cypool_complete(x + 4 * c, step, here, from, to, nothing, a + lead + c, pitch, groups, largest, clean)
#define CYPOOL_COMPLETE_CLEAN(groups) CYPOOL_COMPLETE(groups, 1)
#define CYPOOL_COMPLETE_ANY(groups) CYPOOL_COMPLETE(groups, 0)
    CYPOOL_COLUMNS(bad, CYPOOL_ENDS_HERE)
    for (; lines > 0; lines -= taps, out += taps * out_step) {
        const ptrdiff_t here = lines < taps ? lines : taps;
        x += taps * step, from -= taps, to -= taps;
        int bad_next = 0;
        if (lines > taps)
            CYPOOL_COLUMNS(bad_next, CYPOOL_ENDS_NEXT)
        if (lines > taps && !bad && !bad_next) {
            CYPOOL_COLUMNS(bad, CYPOOL_COMPLETE_CLEAN)
        } else if (here > 1) {
            CYPOOL_COLUMNS(bad, CYPOOL_COMPLETE_ANY)
        }
        for (ptrdiff_t j = 0; j < here; j++)
            if (bad)
                cypool_along(a + j * pitch, pitch, k, lead, out + j * out_step, n, largest, 0);
            else
                cypool_along(a + j * pitch, pitch, k, lead, out + j * out_step, n, largest, 1);
        swap = a, a = b, b = swap;
        bad = bad_next;
    }
}

#define CYPOOL_SLIDE(largest) \
    const ptrdiff_t most = CYPOOL_SLIDE_WIDTH - (k - 1), strips = (n + most - 1) / most, strip = (n - 1) / strips + 1; \
    for (ptrdiff_t i = 0; i < n; i += strip) { /* the last strip may overlap the one before it */ \
        const ptrdiff_t at = i + strip > n ? n - strip : i, cells = strip + k - 1; \
        cypool_slide_strip(x + 4 * at, step, lines, taps, from, to, k, low > at ? low - at : 0, \
                           high - at < cells ? high - at : cells, scratch, out + at, out_step, strip, largest); \
    }
#else
enum { CYPOOL_SLIDE_WIDTH = 0, CYPOOL_SLIDE_LEAST = 0, CYPOOL_SLIDE_MOST = 0 };
#define CYPOOL_SLIDE(largest) \
    (void) x, (void) step, (void) lines, (void) taps, (void) from, (void) to, (void) k, (void) low, (void) high; \
    (void) scratch, (void) out, (void) out_step, (void) n;
#endif
/* Lines of n windows of k cells on `taps` rows, each line a row of `step` bytes further, from x on: the first cell of
   the first window.  From there on cells low .. high exist, of rows from .. to.  Scratch for two blocks of rows. */
#define CYPOOL_SLIDE_OF(name, largest) \
    static inline void name(const char *x, ptrdiff_t step, ptrdiff_t lines, ptrdiff_t taps, ptrdiff_t from, \
                            ptrdiff_t to, ptrdiff_t k, ptrdiff_t low, ptrdiff_t high, float *scratch, float *out, \
                            ptrdiff_t out_step, ptrdiff_t n) \
    { \
        CYPOOL_SLIDE(largest) \
    }
CYPOOL_SLIDE_OF(cypool_slide_max, 1)
CYPOOL_SLIDE_OF(cypool_slide_min, 0)

/* Sums of k rows, 8 <= k < 16, on each of some lines (80 rows at most in all), a row further each, in double and in the
   order of slide.pxd: flat: the first k % 4 cells, and after them fours.  Neighbouring lines share all pairs.  There are
   CYPOOL_SUM_WIDTH columns at least; the last may overlap those before them. */
#if defined(__GNUC__)
enum { CYPOOL_SUM_LEAST = 8, CYPOOL_SUM_MOST = 15, CYPOOL_SUM_ROWS = 80, CYPOOL_SUM_WIDTH = 2 * CYPOOL_PART };
#define CYPOOL_ADD_COLUMNS(rest) \
    for (ptrdiff_t j = 0; j < lines + k - 1; j++) \
        _Pragma("GCC unroll 2") for (int g = 0; g < 2; g++) { \
            const char *cells = x + 4 * at + j * step + 4 * g * PART; \
            some next = CYPOOL_FLOATS((const float *) cells), pair = last[g] + next; \
            cypool_fetch(cells + 256, 4 * PART); \
            four[j][g] = third[g] + pair; /* of the cells j - 3 .. j */ \
            rest; \
            third[g] = second[g], second[g] = pair, last[g] = next; \
        }
static inline void cypool_add_columns(const char *x, ptrdiff_t step, ptrdiff_t lines, ptrdiff_t k, double *out,
                                      ptrdiff_t pitch, ptrdiff_t n)
{
    CYPOOL_DOUBLES
    some four[CYPOOL_SUM_ROWS][2], first[CYPOOL_SUM_ROWS][2];
    for (ptrdiff_t i = 0; i < n; i += CYPOOL_SUM_WIDTH) {
        const ptrdiff_t at = i + CYPOOL_SUM_WIDTH > n ? n - CYPOOL_SUM_WIDTH : i;
        some last[2] = {{0}}, second[2] = {{0}}, third[2] = {{0}}; /* a cell, and pairs that end there and one before */
        if (k % 4 == 0)
            CYPOOL_ADD_COLUMNS((void) first)
        else if (k % 4 == 1)
            CYPOOL_ADD_COLUMNS(first[j][g] = next)
        else if (k % 4 == 2)
            CYPOOL_ADD_COLUMNS(first[j][g] = pair)
        else
            CYPOOL_ADD_COLUMNS(first[j][g] = second[g] + next)
        for (ptrdiff_t j = 0; j < lines; j++) {
            const ptrdiff_t begun = j + k % 4 - 1; /* where the first cells end */
            _Pragma("GCC unroll 2")
            for (int g = 0; g < 2; g++) {
                some sum = four[begun + 4][g] + four[begun + 8][g];
                if (k >= 12)
                    sum = sum + four[begun + 12][g];
                if (k % 4)
                    sum = first[begun][g] + sum;
                memcpy(out + j * pitch + at + g * PART, &sum, sizeof sum);
            }
        }
    }
}
#else
enum { CYPOOL_SUM_LEAST = 0, CYPOOL_SUM_MOST = 0, CYPOOL_SUM_ROWS = 0, CYPOOL_SUM_WIDTH = 0 };
static inline void cypool_add_columns(const char *x, ptrdiff_t step, ptrdiff_t lines, ptrdiff_t k, double *out,
                                      ptrdiff_t pitch, ptrdiff_t n)
{
    (void) x, (void) step, (void) lines, (void) k, (void) out, (void) pitch, (void) n;
}
#endif
#endif
