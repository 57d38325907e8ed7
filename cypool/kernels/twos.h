/* Twos: blocks of 2x2 cells, and of 2x2x2, whose rows (two, or four) never leave the registers.

       row 0   a a a a a a a a
       row 1   b b b b b b b b     out[i] = (a[2 i] op b[2 i]) op (a[2 i + 1] op b[2 i + 1])

   64 bytes of each row at a time, and meanwhile those that lie `ahead` are fetched.  The last results of a line may
   overlap those before them. */
#ifndef CYPOOL_TWOS_H
#define CYPOOL_TWOS_H

typedef struct {
    ptrdiff_t ahead; /* bytes from what is read to what is fetched, or 0 */
    double share;    /* what sums of floats are multiplied by */
    int bias, odd;   /* what is added to sums of integers before they are divided: to all; where the quotient is odd */
    int shift;       /* bytes.h: blocks of 2 ** shift cells */
    ptrdiff_t taps, channels;
} cypool_how;
typedef void cypool_twos(const void *const *rows, const cypool_how *how, void *results, ptrdiff_t n);

#if defined(__GNUC__)
#define CYPOOL_AHEAD(row) CYPOOL_FETCH((const char *) ((row) + 2 * i) + how->ahead)
#define CYPOOL_AHEAD_2 CYPOOL_AHEAD(a), CYPOOL_AHEAD(b)
#define CYPOOL_AHEAD_4 CYPOOL_AHEAD_2, CYPOOL_AHEAD(c), CYPOOL_AHEAD(d)
#define CYPOOL_ROWS_2(get, op, i) op(get(a + (i)), get(b + (i)))
#define CYPOOL_ROWS_4(get, op, i) op(CYPOOL_ROWS_2(get, op, i), op(get(c + (i)), get(d + (i))))
/* A function of `taps` rows; `put` writes results from out + i on, LINE or STEP of them: a line has so many. */
#define CYPOOL_TWOS_OF(name, type, taps, step, put, ...) \
    static void name##_##taps(const void *const *rows, const cypool_how *how, void *results, ptrdiff_t n) \
    { \
        enum { LINE = 32 / sizeof(type), STEP = step, SHIFT = taps / 2 + 1 }; /* blocks of 2 ** SHIFT cells */ \
        const type *a = rows[0], *b = rows[1], *c = rows[taps - 2], *d = rows[taps - 1]; \
        type *out = results; \
        ptrdiff_t i = 0; \
        (void) c, (void) d; \
        for (; i + LINE <= n; i += LINE) { \
            if (how->ahead) \
                CYPOOL_AHEAD_##taps; \
            put(LINE, CYPOOL_ROWS_##taps, __VA_ARGS__) \
        } \
        if (i < n && how->ahead) \
            CYPOOL_AHEAD_##taps; \
        for (; i < n; i += STEP) { \
            i = i + STEP > n ? n - STEP : i; \
            put(STEP, CYPOOL_ROWS_##taps, __VA_ARGS__) \
        } \
    }
#define CYPOOL_TWOS(name, type, step, put, ...) \
    CYPOOL_TWOS_OF(name, type, 2, step, put, __VA_ARGS__) \
    CYPOOL_TWOS_OF(name, type, 4, step, put, __VA_ARGS__)

/* Means of floats, in double. */
#define CYPOOL_PUT_MEANS(count, merged, op) \
    { \
        CYPOOL_DOUBLES \
        for (int j = 0; j < count; j += PART) { \
            some x = merged(CYPOOL_FLOATS, op, 2 * (i + j)), y = merged(CYPOOL_FLOATS, op, 2 * (i + j) + PART); \
            x = CYPOOL_PAIRED(x, y) * how->share; \
            CYPOOL_PUT_FLOATS(out + i + j, x); \
        } \
    }
CYPOOL_TWOS(cypool_mean_f32, float, CYPOOL_PART, CYPOOL_PUT_MEANS, CYPOOL_ADD)

#if defined(__AVX2__)
/* The second of two neighbours moves to where the first is; what they become lies in every second cell then, and those
   of two registers are brought together (out of each half in order, the halves are put right at the end). */
#define CYPOOL_WHOLE(a) _mm256_loadu_si256((const __m256i *) (a))
#define CYPOOL_RIGHT(x) _mm256_permute4x64_epi64(x, 0xD8)
#define CYPOOL_LOW_8(x) _mm256_and_si256(x, _mm256_set1_epi16(0xFF))
#define CYPOOL_LOW_16(x) _mm256_and_si256(x, _mm256_set1_epi32(0xFFFF))
#define CYPOOL_NARROW_8(x, y) CYPOOL_RIGHT(_mm256_packus_epi16(CYPOOL_LOW_8(x), CYPOOL_LOW_8(y)))
#define CYPOOL_NARROW_16(x, y) CYPOOL_RIGHT(_mm256_packus_epi32(CYPOOL_LOW_16(x), CYPOOL_LOW_16(y)))
#define CYPOOL_EVEN_32(x, y) \
    _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(x), _mm256_castsi256_ps(y), 0x88))
#define CYPOOL_NARROW_32(x, y) CYPOOL_RIGHT(CYPOOL_EVEN_32(x, y))
#define CYPOOL_SECOND_8(x) _mm256_srli_epi16(x, 8)
#define CYPOOL_SECOND_16(x) _mm256_srli_epi32(x, 16)
#define CYPOOL_SECOND_32(x) _mm256_srli_epi64(x, 32)
#define CYPOOL_JOIN(bits, op, x, y) CYPOOL_NARROW_##bits(op(x, CYPOOL_SECOND_##bits(x)), op(y, CYPOOL_SECOND_##bits(y)))
#define CYPOOL_JOIN_8(op, x, y) CYPOOL_JOIN(8, op, x, y)
#define CYPOOL_JOIN_16(op, x, y) CYPOOL_JOIN(16, op, x, y)
#define CYPOOL_JOIN_32(op, x, y) CYPOOL_JOIN(32, op, x, y)
#define CYPOOL_JOIN_64(op, x, y) CYPOOL_RIGHT(op(_mm256_unpacklo_epi64(x, y), _mm256_unpackhi_epi64(x, y)))
#define CYPOOL_PUT_EXTREMES(count, merged, bits, op) \
    { \
        __m256i x = merged(CYPOOL_WHOLE, op, 2 * i), y = merged(CYPOOL_WHOLE, op, 2 * i + LINE); \
        _mm256_storeu_si256((__m256i *) (out + i), CYPOOL_JOIN_##bits(op, x, y)); \
    }
#define CYPOOL_FLOAT_EXTREME(name, kind, op) \
    CYPOOL_INLINE __m256i name(__m256i x, __m256i y) \
    { \
        return _mm256_cast##kind##_si256(op(_mm256_castsi256_##kind(x), _mm256_castsi256_##kind(y))); \
    }
CYPOOL_FLOAT_EXTREME(cypool_float_max, ps, CYPOOL_MAX_F32)
CYPOOL_FLOAT_EXTREME(cypool_float_min, ps, CYPOOL_MIN_F32)
CYPOOL_FLOAT_EXTREME(cypool_double_max, pd, CYPOOL_MAX_F64)
CYPOOL_FLOAT_EXTREME(cypool_double_min, pd, CYPOOL_MIN_F64)
#define CYPOOL_EXTREMES(which) \
    CYPOOL_TWOS(cypool_##which##_u8, uint8_t, LINE, CYPOOL_PUT_EXTREMES, 8, _mm256_##which##_epu8) \
    CYPOOL_TWOS(cypool_##which##_i8, int8_t, LINE, CYPOOL_PUT_EXTREMES, 8, _mm256_##which##_epi8) \
    CYPOOL_TWOS(cypool_##which##_u16, uint16_t, LINE, CYPOOL_PUT_EXTREMES, 16, _mm256_##which##_epu16) \
    CYPOOL_TWOS(cypool_##which##_i16, int16_t, LINE, CYPOOL_PUT_EXTREMES, 16, _mm256_##which##_epi16) \
    CYPOOL_TWOS(cypool_##which##_u32, uint32_t, LINE, CYPOOL_PUT_EXTREMES, 32, _mm256_##which##_epu32) \
    CYPOOL_TWOS(cypool_##which##_i32, int32_t, LINE, CYPOOL_PUT_EXTREMES, 32, _mm256_##which##_epi32) \
    CYPOOL_TWOS(cypool_##which##_f32, float, LINE, CYPOOL_PUT_EXTREMES, 32, cypool_float_##which) \
    CYPOOL_TWOS(cypool_##which##_f64, double, LINE, CYPOOL_PUT_EXTREMES, 64, cypool_double_##which)
CYPOOL_EXTREMES(max)
CYPOOL_EXTREMES(min)

/* Means of integers, rounded as round_shift does it (finish.pxd). */
CYPOOL_INLINE __m256i cypool_pairs_8(__m256i x) { return _mm256_add_epi16(CYPOOL_LOW_8(x), CYPOOL_SECOND_8(x)); }
CYPOOL_INLINE __m256i cypool_pairs_16(__m256i x) { return _mm256_add_epi32(CYPOOL_LOW_16(x), CYPOOL_SECOND_16(x)); }
#define CYPOOL_PAIRS_8(a) cypool_pairs_8(CYPOOL_WHOLE(a))
#define CYPOOL_PAIRS_16(a) cypool_pairs_16(CYPOOL_WHOLE(a))
#define CYPOOL_SHIFTED(wide, x) _mm256_srli_##wide(x, SHIFT)
#define CYPOOL_ROUNDED(wide, down, x) \
    down(wide, _mm256_add_##wide(_mm256_add_##wide(x, bias), _mm256_and_si256(down(wide, x), odd)))
#define CYPOOL_PUT_ROUNDED(count, merged, bits, wide) \
    { \
        const __m256i bias = _mm256_set1_##wide(how->bias), odd = _mm256_set1_##wide(how->odd); \
        __m256i x = merged(CYPOOL_PAIRS_##bits, _mm256_add_##wide, 2 * i); \
        __m256i y = merged(CYPOOL_PAIRS_##bits, _mm256_add_##wide, 2 * i + LINE); \
        x = CYPOOL_ROUNDED(wide, CYPOOL_SHIFTED, x), y = CYPOOL_ROUNDED(wide, CYPOOL_SHIFTED, y); \
        _mm256_storeu_si256((__m256i *) (out + i), CYPOOL_NARROW_##bits(x, y)); \
    }
CYPOOL_TWOS(cypool_mean_u8, uint8_t, LINE, CYPOOL_PUT_ROUNDED, 8, epi16)
CYPOOL_TWOS(cypool_mean_u16, uint16_t, LINE, CYPOOL_PUT_ROUNDED, 16, epi32)
/* Medians of blocks of 2x2: with the cells of each column in order, the two in the middle are the larger one of those
   above and the smaller one of those below. */
#define CYPOOL_HALVED_OF(bits, unit) \
    CYPOOL_INLINE __m256i cypool_halved_##bits(__m256i x, __m256i y, __m256i up, __m256i even) \
    { \
        const __m256i x2 = CYPOOL_SECOND_##bits(x), y2 = CYPOOL_SECOND_##bits(y); \
        const __m256i high = _mm256_min_##unit(y, y2), low = _mm256_max_##unit(x, x2); \
        const __m256i half = _mm256_and_si256(_mm256_xor_si256(low, high), _mm256_set1_epi##bits(1)); \
        const __m256i down = _mm256_sub_epi##bits(_mm256_avg_##unit(low, high), half); \
        return _mm256_add_epi##bits(down, _mm256_and_si256(half, _mm256_or_si256(up, _mm256_and_si256(down, even)))); \
    }
CYPOOL_HALVED_OF(8, epu8)
CYPOOL_HALVED_OF(16, epu16)
#define CYPOOL_HALVED(merged, bits, unit, at) \
    cypool_halved_##bits(merged(CYPOOL_WHOLE, _mm256_min_##unit, at), merged(CYPOOL_WHOLE, _mm256_max_##unit, at), \
                         up, even)
#define CYPOOL_PUT_HALVED(count, merged, bits, unit) \
    { \
        const __m256i up = _mm256_set1_epi8(how->bias > 1 ? -1 : 0), even = _mm256_set1_epi8(how->odd ? -1 : 0); \
        const __m256i x = CYPOOL_HALVED(merged, bits, unit, 2 * i); \
        const __m256i y = CYPOOL_HALVED(merged, bits, unit, 2 * i + LINE); \
        _mm256_storeu_si256((__m256i *) (out + i), CYPOOL_NARROW_##bits(x, y)); \
    }
CYPOOL_TWOS_OF(cypool_median_u8, uint8_t, 2, LINE, CYPOOL_PUT_HALVED, 8, epu8)
CYPOOL_TWOS_OF(cypool_median_u16, uint16_t, 2, LINE, CYPOOL_PUT_HALVED, 16, epu16)

/* Of floats, in double; a NaN makes it NaN. */
CYPOOL_INLINE __m256 cypool_halved_f32(const float *a, const float *b)
{
    const __m256 w = _mm256_loadu_ps(a), x = _mm256_loadu_ps(a + 8), y = _mm256_loadu_ps(b), z = _mm256_loadu_ps(b + 8);
#define CYPOOL_FIRSTS(op) _mm256_shuffle_ps(op(w, y), op(x, z), 0x88)
#define CYPOOL_SECONDS(op) _mm256_shuffle_ps(op(w, y), op(x, z), 0xDD)
#define CYPOOL_UNLIKE(x, y) _mm256_cmp_ps(x, y, _CMP_UNORD_Q)
    const __m256 low = _mm256_max_ps(CYPOOL_FIRSTS(_mm256_min_ps), CYPOOL_SECONDS(_mm256_min_ps));
    const __m256 high = _mm256_min_ps(CYPOOL_FIRSTS(_mm256_max_ps), CYPOOL_SECONDS(_mm256_max_ps));
    const __m256 bad = _mm256_or_ps(CYPOOL_FIRSTS(CYPOOL_UNLIKE), CYPOOL_SECONDS(CYPOOL_UNLIKE));
    __m256d below = _mm256_add_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(low)),
                                  _mm256_cvtps_pd(_mm256_castps256_ps128(high)));
    __m256d above = _mm256_add_pd(_mm256_cvtps_pd(_mm256_extractf128_ps(low, 1)),
                                  _mm256_cvtps_pd(_mm256_extractf128_ps(high, 1)));
    below = _mm256_mul_pd(below, _mm256_set1_pd(0.5)), above = _mm256_mul_pd(above, _mm256_set1_pd(0.5));
    const __m256 found = _mm256_set_m128(_mm256_cvtpd_ps(above), _mm256_cvtpd_ps(below));
    return _mm256_blendv_ps(found, _mm256_castsi256_ps(_mm256_set1_epi32(0x7FC00000)), bad);
}
#define CYPOOL_PUT_HALVED_FLOATS(count, merged, op) \
    { \
        const __m256i x = _mm256_castps_si256(cypool_halved_f32(a + 2 * i, b + 2 * i)); \
        _mm256_storeu_si256((__m256i *) (out + i), CYPOOL_RIGHT(x)); \
    }
CYPOOL_TWOS_OF(cypool_median_f32, float, 2, LINE, CYPOOL_PUT_HALVED_FLOATS, 0)
#else
#define CYPOOL_PUT_HALVED_FLOATS(count, merged, op) /* the same choices */ \
    for (ptrdiff_t j = i; j < i + count; j++) { \
        const float w = a[2 * j], x = a[2 * j + 1], y = b[2 * j], z = b[2 * j + 1]; \
        const float top = w < y ? w : y, next = x < z ? x : z, last = w > y ? w : y, end = x > z ? x : z; \
        const float low = top > next ? top : next, high = last < end ? last : end; \
        out[j] = isunordered(w, y) || isunordered(x, z) ? NAN : (float) (((double) low + (double) high) * 0.5); \
    }
CYPOOL_TWOS_OF(cypool_median_f32, float, 2, LINE, CYPOOL_PUT_HALVED_FLOATS, 0)
#endif
#endif

/* Extremes of blocks of 2x2 float32 cells, and where they lie: the first cell of block i at + i step, the one beside
   it `beside` further, the one below it `below`.  Of equal cells the first counts.  Not 0 if there was a NaN. */
#if defined(__GNUC__) && defined(__AVX2__)
#define CYPOOL_PLACED 8 /* results of a line at least */
CYPOOL_INLINE int cypool_placed(const float *a, const float *b, int64_t at, int64_t step, int beside, int below,
                                float *out, int64_t *index, ptrdiff_t n, const int order)
{
    const __m256i apart = _mm256_setr_epi64x(0, step, 2 * step, 3 * step), further = _mm256_set1_epi64x(4 * step);
    const __m256 one = _mm256_castsi256_ps(_mm256_set1_epi32(beside));
    const __m256 two = _mm256_castsi256_ps(_mm256_set1_epi32(below));
    const __m256 both = _mm256_castsi256_ps(_mm256_set1_epi32(beside + below));
    __m256 met = _mm256_setzero_ps();
#define CYPOOL_BEST(x, y) (order == _CMP_GT_OQ ? _mm256_max_ps(x, y) : _mm256_min_ps(x, y)) /* equal: y */
    for (ptrdiff_t i = 0; i < n; i += 8) {
        i = i + 8 > n ? n - 8 : i; /* the last results may overlap those before them */
        __m256 w = _mm256_loadu_ps(a + 2 * i), x = _mm256_loadu_ps(a + 2 * i + 8);
        __m256 y = _mm256_loadu_ps(b + 2 * i), z = _mm256_loadu_ps(b + 2 * i + 8), best, next, code;
        best = _mm256_shuffle_ps(w, x, 0x88), next = _mm256_shuffle_ps(w, x, 0xDD);
        met = _mm256_or_ps(met, _mm256_cmp_ps(best, next, _CMP_UNORD_Q));
        code = _mm256_and_ps(_mm256_cmp_ps(next, best, order), one), best = CYPOOL_BEST(next, best);
        w = _mm256_shuffle_ps(y, z, 0x88), next = _mm256_shuffle_ps(y, z, 0xDD);
        met = _mm256_or_ps(met, _mm256_cmp_ps(w, next, _CMP_UNORD_Q));
        code = _mm256_blendv_ps(code, two, _mm256_cmp_ps(w, best, order)), best = CYPOOL_BEST(w, best);
        code = _mm256_blendv_ps(code, both, _mm256_cmp_ps(next, best, order)), best = CYPOOL_BEST(next, best);
        __m256i codes = CYPOOL_RIGHT(_mm256_castps_si256(code)), place = _mm256_set1_epi64x(at + i * step);
        _mm256_storeu_si256((__m256i *) (out + i), CYPOOL_RIGHT(_mm256_castps_si256(best)));
        place = _mm256_add_epi64(place, apart);
        _mm256_storeu_si256((__m256i *) (index + i),
                            _mm256_add_epi64(place, _mm256_cvtepu32_epi64(_mm256_castsi256_si128(codes))));
        place = _mm256_add_epi64(place, further);
        _mm256_storeu_si256((__m256i *) (index + i + 4),
                            _mm256_add_epi64(place, _mm256_cvtepu32_epi64(_mm256_extracti128_si256(codes, 1))));
    }
    return _mm256_movemask_ps(met);
}
#else
#define CYPOOL_PLACED PTRDIFF_MAX /* never */
#define cypool_placed(a, b, at, step, beside, below, out, index, n, order) \
    ((void) (a), (void) (b), (void) (at), (void) (step), (void) (beside), (void) (below), (void) (out), \
     (void) (index), (void) (n), 0)
#endif
static inline int cypool_place(int largest, const float *a, const float *b, int64_t at, int64_t step, int beside,
                               int below, float *out, int64_t *index, ptrdiff_t n)
{
    return largest ? cypool_placed(a, b, at, step, beside, below, out, index, n, _CMP_GT_OQ)
                   : cypool_placed(a, b, at, step, beside, below, out, index, n, _CMP_LT_OQ);
}

/* What makes lines of n results from rows of a type of so many bytes, or NULL; operators and types in the order of
   rows.pxd; behind maxima, minima and sums, medians of two rows. */
enum { CYPOOL_MEDIANS = 3 };
static inline cypool_twos *cypool_twos_of(int op, int have, ptrdiff_t size, ptrdiff_t taps, ptrdiff_t n)
{
#if defined(__GNUC__)
#define CYPOOL_BOTH(name) {name##_2, name##_4}
#define CYPOOL_KNOWN(which) \
    {CYPOOL_BOTH(cypool_##which##_u8), CYPOOL_BOTH(cypool_##which##_i8), CYPOOL_BOTH(cypool_##which##_u16), \
     CYPOOL_BOTH(cypool_##which##_i16), CYPOOL_BOTH(cypool_##which##_u32), CYPOOL_BOTH(cypool_##which##_i32), \
     {0}, {0}, CYPOOL_BOTH(cypool_##which##_f32), CYPOOL_BOTH(cypool_##which##_f64)}
    static cypool_twos *const known[CYPOOL_MEDIANS + 1][10][2] = {
#if defined(__AVX2__)
        CYPOOL_KNOWN(max), CYPOOL_KNOWN(min),
        {CYPOOL_BOTH(cypool_mean_u8), {0}, CYPOOL_BOTH(cypool_mean_u16), {0}, {0}, {0}, {0}, {0},
         CYPOOL_BOTH(cypool_mean_f32), {0}},
        {{cypool_median_u8_2}, {0}, {cypool_median_u16_2}, {0}, {0}, {0}, {0}, {0}, {cypool_median_f32_2}, {0}},
#else
        {{0}}, {{0}},
        {{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}, CYPOOL_BOTH(cypool_mean_f32), {0}},
        {{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}, {cypool_median_f32_2}, {0}},
#endif
    };
    const ptrdiff_t least = op == 2 && size == 4 ? CYPOOL_PART : 32 / size;
    return op > CYPOOL_MEDIANS || (taps != 2 && taps != 4) || n < least ? 0 : known[op][have][taps / 4];
#else
    (void) op, (void) have, (void) size, (void) taps, (void) n;
    return 0;
#endif
}
#endif
