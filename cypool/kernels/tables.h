/* Windows given by tables on rows so short that they fit in a few registers, as adaptive pooling has them: rows are
   merged, and the cells of all windows are picked out of the registers, the first of each, the second, ... */
#ifndef CYPOOL_TABLES_H
#define CYPOOL_TABLES_H

#if defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
enum { CYPOOL_SHORT_ROW = 32, CYPOOL_FEW_WINDOWS = 8 };

#define CYPOOL_PARTS _Pragma("GCC unroll 4") for (int i = 0; i < parts; i++)

/* Sums of windows start .. stop of merged rows of n cells, which fill so many registers.  Rows are added in the order of
   cypool_add_rows. */
CYPOOL_INLINE void cypool_add_parts(const float *const *rows, ptrdiff_t taps, const int parts, __mmask8 rest,
                                    const ptrdiff_t *starts, const ptrdiff_t *stops, __mmask8 all, double *out)
{
    const __m512i one = _mm512_set1_epi64(1), half = _mm512_set1_epi64(16);
    const __m512i stop = _mm512_maskz_loadu_epi64(all, stops);
    __m512i at = _mm512_maskz_loadu_epi64(all, starts);
    __m512d x[4], sum = _mm512_setzero_pd();
    ptrdiff_t t = 1;
#define CYPOOL_ROW(t) \
    _mm512_cvtps_pd(i + 1 < parts ? _mm256_loadu_ps(rows[t] + 8 * i) : _mm256_maskz_loadu_ps(rest, rows[t] + 8 * i))
    if (taps >= 4) {
        CYPOOL_PARTS
            x[i] = (CYPOOL_ROW(0) + CYPOOL_ROW(1)) + (CYPOOL_ROW(2) + CYPOOL_ROW(3));
        for (t = 4; t + 4 <= taps; t += 4)
            CYPOOL_PARTS
                x[i] += (CYPOOL_ROW(t) + CYPOOL_ROW(t + 1)) + (CYPOOL_ROW(t + 2) + CYPOOL_ROW(t + 3));
    } else {
        CYPOOL_PARTS
            x[i] = CYPOOL_ROW(0);
    }
    for (; t < taps; t++)
        CYPOOL_PARTS
            x[i] += CYPOOL_ROW(t);
#undef CYPOOL_ROW
    for (int i = parts; i < 4; i++)
        x[i] = x[0];
    for (__mmask8 left = all, first = all; left; left = _mm512_mask_cmplt_epi64_mask(all, at, stop), first = 0) {
        __m512d cell = _mm512_permutex2var_pd(x[0], at, x[1]);
        if (parts > 2)
            cell = _mm512_mask_mov_pd(cell, _mm512_test_epi64_mask(at, half), _mm512_permutex2var_pd(x[2], at, x[3]));
        sum = first ? cell : _mm512_mask_add_pd(sum, left, sum, cell);
        at = _mm512_add_epi64(at, one);
    }
    _mm512_mask_storeu_pd(out, all, sum);
}

static inline void cypool_add_table(const float *const *rows, ptrdiff_t taps, ptrdiff_t n, const ptrdiff_t *starts,
                                    const ptrdiff_t *stops, ptrdiff_t windows, double *out)
{
    const __mmask8 all = (__mmask8) ((1 << windows) - 1), rest = (__mmask8) ((2 << (n - 1) % 8) - 1);
    if (n > 24)
        cypool_add_parts(rows, taps, 4, rest, starts, stops, all, out);
    else if (n > 16)
        cypool_add_parts(rows, taps, 3, rest, starts, stops, all, out);
    else if (n > 8)
        cypool_add_parts(rows, taps, 2, rest, starts, stops, all, out);
    else
        cypool_add_parts(rows, taps, 1, rest, starts, stops, all, out);
}

/* The same of extremes; a NaN wins. */
#define CYPOOL_EXTREME_TABLE(name, op) \
    static inline void name(const float *const *rows, ptrdiff_t taps, ptrdiff_t n, const ptrdiff_t *starts, \
                            const ptrdiff_t *stops, ptrdiff_t windows, float *out) \
    { \
        const __mmask8 all = (__mmask8) ((1 << windows) - 1); \
        const __m256i one = _mm256_set1_epi32(1); \
        const __m256i stop = _mm512_cvtepi64_epi32(_mm512_maskz_loadu_epi64(all, stops)); \
        __m512i at = _mm512_castsi256_si512(_mm512_cvtepi64_epi32(_mm512_maskz_loadu_epi64(all, starts))); \
        __m512 x[2], best = _mm512_setzero_ps(); \
        for (int i = 0; i < 2; i++) { \
            const ptrdiff_t there = n - 16 * i; \
            const __mmask16 mask = there >= 16 ? 0xFFFF : there > 0 ? (__mmask16) ((1 << there) - 1) : 0; \
            x[i] = _mm512_maskz_loadu_ps(mask, rows[0] + 16 * i); \
            for (ptrdiff_t t = 1; mask && t < taps; t++) { \
                __m512 next = _mm512_maskz_loadu_ps(mask, rows[t] + 16 * i); \
                x[i] = op(x[i], next); \
            } \
        } \
        for (__mmask8 left = all, first = all; left; first = 0) { \
            __m512 cell = _mm512_permutex2var_ps(x[0], at, x[1]); \
            best = first ? cell : _mm512_mask_mov_ps(best, left, op(best, cell)); \
            at = _mm512_castsi256_si512(_mm256_add_epi32(_mm512_castsi512_si256(at), one)); \
            left = _mm256_mask_cmplt_epi32_mask(all, _mm512_castsi512_si256(at), stop); \
        } \
        _mm256_mask_storeu_ps(out, all, _mm512_castps512_ps256(best)); \
    }
CYPOOL_EXTREME_TABLE(cypool_max_table, CYPOOL_MAX_MANY)
CYPOOL_EXTREME_TABLE(cypool_min_table, CYPOOL_MIN_MANY)
#else
enum { CYPOOL_SHORT_ROW = 0, CYPOOL_FEW_WINDOWS = 0 }; /* there are no such rows */
#define CYPOOL_NO_TABLE(name, type) \
    static inline void name(const float *const *rows, ptrdiff_t taps, ptrdiff_t n, const ptrdiff_t *starts, \
                            const ptrdiff_t *stops, ptrdiff_t windows, type *out) \
    { \
        (void) rows, (void) taps, (void) n, (void) starts, (void) stops, (void) windows, (void) out; \
    }
CYPOOL_NO_TABLE(cypool_add_table, double)
CYPOOL_NO_TABLE(cypool_max_table, float)
CYPOOL_NO_TABLE(cypool_min_table, float)
#endif

/* out[i] = a[starts[i]], of words of four bytes, m of them on each of some lines, `line` words apart.  Of eight
   among sixteen neighbours, two registers are read; behind the last line there is room for them. */
static inline void cypool_pick_words(const char *a, const ptrdiff_t *starts, ptrdiff_t m, ptrdiff_t lines,
                                     ptrdiff_t line, char *out)
{
    ptrdiff_t i = 0;
#if defined(__AVX2__)
    for (; i + 8 <= m; i += 8) {
        int32_t places[8];
        ptrdiff_t all = 0;
        for (int j = 0; j < 8; j++)
            all |= starts[i + j] - starts[i], places[j] = (int32_t) (starts[i + j] - starts[i]);
        if (all & ~(ptrdiff_t) 15)
            break;
        const __m256i place = _mm256_loadu_si256((const __m256i *) places);
        const __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(place, 28)); /* the sign: 8 and more */
        const char *from = a + 4 * starts[i];
        for (ptrdiff_t l = 0; l < lines; l++) {
            __m256 x = _mm256_loadu_ps((const float *) (from + 4 * l * line)), y;
            y = _mm256_loadu_ps((const float *) (from + 4 * l * line) + 8);
            x = _mm256_permutevar8x32_ps(x, place), y = _mm256_permutevar8x32_ps(y, place);
            _mm256_storeu_ps((float *) (out + 4 * (l * m + i)), _mm256_blendv_ps(x, y, upper));
        }
    }
#endif
    for (ptrdiff_t l = 0; l < lines; l++)
        for (ptrdiff_t j = i; j < m; j++)
            memcpy(out + 4 * (l * m + j), a + 4 * (starts[j] + l * line), 4);
}
#endif
