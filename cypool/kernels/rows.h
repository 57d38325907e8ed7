/* What Cython cannot say: words read at any address, and a half byte of bit casts. */
#ifndef CYPOOL_ROWS_H
#define CYPOOL_ROWS_H
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "registers.h"

/* Neighbouring samples read as one word; the address need not be aligned to the word. */
#if defined(__GNUC__) || defined(__clang__)
typedef uint16_t __attribute__((aligned(1), may_alias)) cypool_word16;
typedef uint32_t __attribute__((aligned(1), may_alias)) cypool_word32;
#else
typedef uint16_t cypool_word16;
typedef uint32_t cypool_word32;
#endif

/* out[i] = (a[2i] + b[2i]) + (a[2i+1] + b[2i+1]) in double.  Compilers take a plain loop apart before they
   convert, which needs twice the shuffles; a 2x2 mean spends most of its time here. */
static inline void cypool_add_pairs(const float *a, const float *b, double *out, ptrdiff_t n)
{
    ptrdiff_t i = 0;
#if defined(__GNUC__)
    CYPOOL_DOUBLES
    for (; i + PART <= n; i += PART) {
        some x = CYPOOL_FLOATS(a + 2 * i) + CYPOOL_FLOATS(b + 2 * i);
        some y = CYPOOL_FLOATS(a + 2 * i + PART) + CYPOOL_FLOATS(b + 2 * i + PART);
        x = CYPOOL_PAIRED(x, y);
        memcpy(out + i, &x, sizeof x);
    }
#endif
    for (; i < n; i++)
        out[i] = ((double) a[2 * i] + (double) b[2 * i]) + ((double) a[2 * i + 1] + (double) b[2 * i + 1]);
}

/* out[i] = a[i] + b[i] + ... of five rows and more, in double: four rows in pairs, and one after the other those that
   are left.  Of up to eight rows all addresses stay in registers, of more all sums of two registers of cells. */
static inline void cypool_add_rows(const float *const *rows, ptrdiff_t taps, double *out, ptrdiff_t n)
{
    ptrdiff_t i = 0, t;
#if defined(__GNUC__)
    CYPOOL_DOUBLES
#define CYPOOL_CELLS(row, k) CYPOOL_FLOATS((row) + i + (k))
#define CYPOOL_FOUR(t, k) ((CYPOOL_CELLS(rows[t], k) + CYPOOL_CELLS(rows[t + 1], k)) \
                           + (CYPOOL_CELLS(rows[t + 2], k) + CYPOOL_CELLS(rows[t + 3], k)))
#define CYPOOL_ROWS(rest) \
    for (; i < n; i += PART) { \
        i = i + PART > n ? n - PART : i; /* the last cells may overlap those before them */ \
        some x = (CYPOOL_CELLS(a, 0) + CYPOOL_CELLS(b, 0)) + (CYPOOL_CELLS(c, 0) + CYPOOL_CELLS(d, 0)); \
        rest; \
        memcpy(out + i, &x, sizeof x); \
    }
    if (taps <= 8 && n >= PART) {
        const float *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3], *e = rows[4];
        const float *f = rows[taps > 5 ? 5 : 4], *g = rows[taps > 6 ? 6 : 4], *h = rows[taps - 1];
        if (taps == 5)
            CYPOOL_ROWS(x += CYPOOL_CELLS(e, 0))
        else if (taps == 6)
            CYPOOL_ROWS(x += CYPOOL_CELLS(e, 0); x += CYPOOL_CELLS(f, 0))
        else if (taps == 7)
            CYPOOL_ROWS(x += CYPOOL_CELLS(e, 0); x += CYPOOL_CELLS(f, 0); x += CYPOOL_CELLS(g, 0))
        else
            CYPOOL_ROWS(x += (CYPOOL_CELLS(e, 0) + CYPOOL_CELLS(f, 0)) + (CYPOOL_CELLS(g, 0) + CYPOOL_CELLS(h, 0)))
    }
    while (i < n && n >= 2 * PART) {
        i = i + 2 * PART > n ? n - 2 * PART : i;
        some x = CYPOOL_FOUR(0, 0), y = CYPOOL_FOUR(0, PART);
        for (t = 4; t + 4 <= taps; t += 4)
            x += CYPOOL_FOUR(t, 0), y += CYPOOL_FOUR(t, PART);
        for (; t < taps; t++)
            x += CYPOOL_CELLS(rows[t], 0), y += CYPOOL_CELLS(rows[t], PART);
        memcpy(out + i, &x, sizeof x);
        memcpy(out + i + PART, &y, sizeof y);
        i += 2 * PART;
    }
#endif
    for (; i < n; i++) {
        double x = ((double) rows[0][i] + rows[1][i]) + ((double) rows[2][i] + rows[3][i]);
        for (t = 4; t + 4 <= taps; t += 4)
            x += ((double) rows[t][i] + rows[t + 1][i]) + ((double) rows[t + 2][i] + rows[t + 3][i]);
        for (; t < taps; t++)
            x += rows[t][i];
        out[i] = x;
    }
}

/* Memory that will be read soon; any address will do.  It goes to the second-level cache: in the first one rows at
   steps of 4 kB drive each other out, and few lines are under way to it (2x2x2 maxima take 3.5 instead of 6.7 ms on a
   Zen 4).  GCC takes a function that only fetches for one that does nothing, and drops calls of it: not of one with an
   instruction of its own, be it empty. */
#if defined(__GNUC__)
#define CYPOOL_FETCH(a) __builtin_prefetch(a, 0, 2)
#endif
static inline void cypool_fetch(const char *a, ptrdiff_t bytes)
{
#if defined(__GNUC__)
    for (ptrdiff_t i = 0; i < bytes; i += 64)
        CYPOOL_FETCH(a + i);
    __asm__ volatile("");
#endif
}

/* Eight running results side by side, x[j] = a[j] op a[8 + j] op ... for n = 16, 24, ..., and of those four:
   out[j] = x[j] op x[4 + j].  Of m windows that lie `step` apart, two at a time, while those 8 kB further on are
   fetched.  Compilers keep an array of eight in memory; these stay in registers.  Of extremes a NaN wins. */
#if defined(__GNUC__)
#define CYPOOL_HIGH_F32(x) CYPOOL_SHUFFLE((x)[0], (x)[0], 4, 5, 6, 7, 4, 5, 6, 7)
#define CYPOOL_HIGH_F64(x) (x)[1]
#if defined(__AVX512F__)
#define CYPOOL_HIGH_SUMS CYPOOL_HIGH_F32
#define CYPOOL_SUMS 8
#else
#define CYPOOL_HIGH_SUMS CYPOOL_HIGH_F64
#define CYPOOL_SUMS 4
#endif
#if defined(__AVX__)
#define CYPOOL_WIDEN(x, a) x = CYPOOL_FLOATS(a)
#else
#define CYPOOL_WIDEN(x, a) x = (some) {(a)[0], (a)[1], (a)[2], (a)[3]}
#endif
#define CYPOOL_EACH(windows) \
    _Pragma("GCC unroll 8") for (int j = 0; j < windows * PARTS; j++) /* part j % PARTS of window j / PARTS */
#define CYPOOL_WINDOWS(windows, load, op, high) \
    { \
        some lanes[windows * PARTS], next; \
        CYPOOL_EACH(windows) \
            load(lanes[j], a + j / PARTS * step + j % PARTS * PART); \
        for (ptrdiff_t i = 8; i < n; i += 8) \
            CYPOOL_EACH(windows) { \
                load(next, a + i + j / PARTS * step + j % PARTS * PART); \
                lanes[j] = op(lanes[j], next); \
            } \
        _Pragma("GCC unroll 2") \
        for (int j = 0; j < windows; j++) { \
            next = op(lanes[j * PARTS], high(lanes + j * PARTS)); \
            memcpy(out + 4 * j, &next, 4 * sizeof *out); \
        } \
    }
#define CYPOOL_LANES(name, given, load, type, word, part, op, high) \
    static inline void name(const given *a, ptrdiff_t n, ptrdiff_t step, ptrdiff_t m, type *out) \
    { \
        enum { PART = part, PARTS = 8 / PART }; \
        typedef type some __attribute__((vector_size(PART * sizeof(type)))); \
        typedef word words __attribute__((vector_size(PART * sizeof(type)))); \
        (void) sizeof(words); \
        ptrdiff_t fetched = step <= 2 * n ? 2 * step * (ptrdiff_t) sizeof *a : 0; /* not what lies between windows */ \
        for (; m > 1; m -= 2, a += 2 * step, out += 8) { \
            cypool_fetch((const char *) a + 8192, fetched); \
            CYPOOL_WINDOWS(2, load, op, high) \
        } \
        if (m) \
            CYPOOL_WINDOWS(1, load, op, high) \
    }
#else
#define CYPOOL_LANES(name, given, load, type, word, part, op, high) \
    static inline void name(const given *a, ptrdiff_t n, ptrdiff_t step, ptrdiff_t m, type *out) \
    { \
        for (; m > 0; m--, a += step, out += 4) \
            for (int j = 0; j < 4; j++) { \
                type x = a[j], y = a[4 + j]; \
                for (ptrdiff_t i = 8 + j; i < n; i += 8) \
                    x = op(x, a[i]), y = op(y, a[4 + i]); \
                out[j] = op(x, y); \
            } \
    }
#endif
CYPOOL_LANES(cypool_add_f32, float, CYPOOL_WIDEN, double, int64_t, CYPOOL_SUMS, CYPOOL_ADD, CYPOOL_HIGH_SUMS)
CYPOOL_LANES(cypool_add_f64, double, CYPOOL_LOAD, double, int64_t, CYPOOL_SUMS, CYPOOL_ADD, CYPOOL_HIGH_SUMS)
CYPOOL_LANES(cypool_max_f32, float, CYPOOL_LOAD, float, int32_t, 8, CYPOOL_MAX_F32, CYPOOL_HIGH_F32)
CYPOOL_LANES(cypool_max_f64, double, CYPOOL_LOAD, double, int64_t, 4, CYPOOL_MAX_F64, CYPOOL_HIGH_F64)
CYPOOL_LANES(cypool_min_f32, float, CYPOOL_LOAD, float, int32_t, 8, CYPOOL_MIN_F32, CYPOOL_HIGH_F32)
CYPOOL_LANES(cypool_min_f64, double, CYPOOL_LOAD, double, int64_t, 4, CYPOOL_MIN_F64, CYPOOL_HIGH_F64)

/* Sums, or with `next` sums of three that lie so far apart, times what a cell of their windows counts, as floats. */
#define CYPOOL_SHARES(name, type, share) \
    static inline void name(const double *__restrict a, ptrdiff_t next, type, float *__restrict out, ptrdiff_t n) \
    { \
        if (next) \
            for (ptrdiff_t i = 0; i < n; i++) \
                out[i] = (float) ((a[i] + a[i + next] + a[i + 2 * next]) * share); \
        else \
            for (ptrdiff_t i = 0; i < n; i++) \
                out[i] = (float) (a[i] * share); \
    }
CYPOOL_SHARES(cypool_share_all, double factor, factor)
CYPOOL_SHARES(cypool_share_each, const double *__restrict factors, factors[i])

/* Means of squares of four cells, each of C channels: rows a and b, cells `next` and outputs `step` samples apart; what
   lies `ahead` bytes further on is fetched meanwhile, if not 0. */
static inline void cypool_share_squares(const float *__restrict a, const float *__restrict b, ptrdiff_t next,
                                        ptrdiff_t step, ptrdiff_t C, double share, ptrdiff_t ahead,
                                        float *__restrict out, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++, a += step, b += step, out += C) {
        if (ahead) {
            cypool_fetch((const char *) a + ahead, 4 * step);
            cypool_fetch((const char *) b + ahead, 4 * step);
        }
        for (ptrdiff_t c = 0; c < C; c++)
            out[c] = (float) ((((double) a[c] + b[c]) + ((double) a[next + c] + b[next + c])) * share);
    }
}

/* Whether none of n numbers is a NaN: a comparison for two of them. */
#if defined(__AVX__)
#define CYPOOL_ORDERED(name, type, many, kind, unite) \
    static inline int name(const type *a, ptrdiff_t n) \
    { \
        enum { PART = 32 / sizeof(type) }; \
        ptrdiff_t i = 0; \
        if (n >= PART) { /* the last two parts may overlap those before them */ \
            many last = _mm256_loadu_##kind(a + n - PART), bad = _mm256_cmp_##kind(last, last, _CMP_UNORD_Q); \
            for (; i + 2 * PART < n; i += 2 * PART) \
                bad = unite(bad, _mm256_cmp_##kind(_mm256_loadu_##kind(a + i), _mm256_loadu_##kind(a + i + PART), \
                                                   _CMP_UNORD_Q)); \
            if (i + PART < n) \
                bad = unite(bad, _mm256_cmp_##kind(_mm256_loadu_##kind(a + i), last, _CMP_UNORD_Q)); \
            return !_mm256_movemask_##kind(bad); \
        } \
        for (; i < n; i++) \
            if (a[i] != a[i]) \
                return 0; \
        return 1; \
    }
CYPOOL_ORDERED(cypool_ordered_f32, float, __m256, ps, _mm256_or_ps)
CYPOOL_ORDERED(cypool_ordered_f64, double, __m256d, pd, _mm256_or_pd)
#else
#define CYPOOL_ORDERED(name, type, word) \
    static inline int name(const type *a, ptrdiff_t n) \
    { \
        word bad = 0; \
        for (ptrdiff_t i = 0; i < n; i++) \
            bad |= a[i] != a[i] ? ~(word) 0 : 0; \
        return !bad; \
    }
CYPOOL_ORDERED(cypool_ordered_f32, float, uint32_t)
CYPOOL_ORDERED(cypool_ordered_f64, double, uint64_t)
#endif

/* n cells of 2 to 8 bytes, at steps as long or longer, side by side: words, whose ends the next cells cover. */
#define CYPOOL_WORDS(bytes) \
    for (; n > 4; n -= 4, a += 4 * step, out += 4 * size) { \
        memcpy(out, a, bytes); \
        memcpy(out + size, a + step, bytes); \
        memcpy(out + 2 * size, a + 2 * step, bytes); \
        memcpy(out + 3 * size, a + 3 * step, bytes); \
    } \
    for (; n > 1; n--, a += step, out += size) \
        memcpy(out, a, bytes);
static inline void cypool_space_out(const char *a, char *out, ptrdiff_t n, ptrdiff_t step, ptrdiff_t size)
{
    if (size <= 4) {
        CYPOOL_WORDS(4)
    } else {
        CYPOOL_WORDS(8)
    }
    if (n > 0)
        memcpy(out, a, (size_t) size);
}

/* Blocks of four cells of three bytes, taken apart to four rows that lie `pitch` bytes apart; how many of n blocks were:
   not the last few, whose registers would reach beyond them.  Four blocks at a time become words, are transposed, and
   become cells again. */
static inline ptrdiff_t cypool_part_colours(const char *a, char *out, ptrdiff_t pitch, ptrdiff_t n)
{
    ptrdiff_t i = 0;
#if defined(__GNUC__) && (defined(__SSSE3__) || defined(__ARM_NEON))
    typedef uint8_t some __attribute__((vector_size(16)));
    typedef uint8_t words __attribute__((vector_size(16)));
    typedef uint32_t four __attribute__((vector_size(16)));
#define CYPOOL_LOW(x, y) ((four) CYPOOL_SHUFFLE((some) x, (some) y, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23))
#define CYPOOL_HIGH(x, y) \
    ((four) CYPOOL_SHUFFLE((some) x, (some) y, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31))
#define CYPOOL_LOW_HALF(x, y) \
    CYPOOL_SHUFFLE((some) x, (some) y, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#define CYPOOL_HIGH_HALF(x, y) \
    CYPOOL_SHUFFLE((some) x, (some) y, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)
#if defined(__AVX2__) /* eight at a time, four in each half of a register */
    const __m256i apart = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11));
    const __m256i close = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 14, 14, 14, 14));
    for (; i + 10 <= n; i += 8, a += 96, out += 24) {
        __m256i x[4], y[4];
        _Pragma("GCC unroll 4")
        for (int j = 0; j < 4; j++)
            x[j] = _mm256_shuffle_epi8(_mm256_loadu2_m128i((const __m128i *) (a + 48 + 12 * j),
                                                           (const __m128i *) (a + 12 * j)), apart);
        y[0] = _mm256_unpacklo_epi32(x[0], x[1]), y[1] = _mm256_unpackhi_epi32(x[0], x[1]);
        y[2] = _mm256_unpacklo_epi32(x[2], x[3]), y[3] = _mm256_unpackhi_epi32(x[2], x[3]);
        x[0] = _mm256_unpacklo_epi64(y[0], y[2]), x[1] = _mm256_unpackhi_epi64(y[0], y[2]);
        x[2] = _mm256_unpacklo_epi64(y[1], y[3]), x[3] = _mm256_unpackhi_epi64(y[1], y[3]);
        _Pragma("GCC unroll 4")
        for (int j = 0; j < 4; j++) {
            x[j] = _mm256_shuffle_epi8(x[j], close);
            _mm_storeu_si128((__m128i *) (out + j * pitch), _mm256_castsi256_si128(x[j]));
            _mm_storeu_si128((__m128i *) (out + j * pitch + 12), _mm256_extracti128_si256(x[j], 1));
        }
    }
#endif
    for (; i + 6 <= n; i += 4, a += 48, out += 12) {
        some x[4];
        four y[4];
        _Pragma("GCC unroll 4")
        for (int j = 0; j < 4; j++) {
            CYPOOL_LOAD(x[j], a + 12 * j);
            x[j] = CYPOOL_SHUFFLE(x[j], x[j], 0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11);
        }
        y[0] = CYPOOL_LOW(x[0], x[1]), y[1] = CYPOOL_HIGH(x[0], x[1]);
        y[2] = CYPOOL_LOW(x[2], x[3]), y[3] = CYPOOL_HIGH(x[2], x[3]);
        x[0] = CYPOOL_LOW_HALF(y[0], y[2]), x[1] = CYPOOL_HIGH_HALF(y[0], y[2]);
        x[2] = CYPOOL_LOW_HALF(y[1], y[3]), x[3] = CYPOOL_HIGH_HALF(y[1], y[3]);
        _Pragma("GCC unroll 4")
        for (int j = 0; j < 4; j++) {
            x[j] = CYPOOL_SHUFFLE(x[j], x[j], 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 14, 14, 14, 14);
            memcpy(out + j * pitch, &x[j], sizeof x[j]);
        }
    }
#else
    (void) a, (void) out, (void) pitch, (void) n;
#endif
    return i;
}

/* What lies so far ahead of n > 0 rows.  In each loop of merge.pxd it would be 10 kB. */
#if defined(__GNUC__)
__attribute__((noinline))
#endif
static void cypool_fetch_all(const char *const *rows, ptrdiff_t n, ptrdiff_t bytes, ptrdiff_t ahead)
{
    if (rows[n - 1] - rows[0] == (n - 1) * bytes) { /* one behind the other */
        cypool_fetch(rows[0] + ahead, n * bytes);
        return;
    }
    for (ptrdiff_t t = 0; t < n; t++)
        cypool_fetch(rows[t] + ahead, bytes);
}

/* In a loop of a few rounds: it does not become vector instructions, which would take longer to begin than the loop. */
static inline void cypool_stay_plain(void)
{
#if defined(__GNUC__)
    __asm__ volatile("");
#endif
}

/* Pieces of scratch lie side by side in one block.  AddressSanitizer is told of a gap behind each, which nothing may
   touch; a small address is none yet, but a size that is being counted. */
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
enum { CYPOOL_GAP = 64 };
static inline void cypool_close(const char *a, ptrdiff_t bytes)
{
    if ((uintptr_t) a >> 40)
        ASAN_POISON_MEMORY_REGION(a, bytes);
}
#else
enum { CYPOOL_GAP = 0 };
static inline void cypool_close(const char *a, ptrdiff_t bytes) { (void) a, (void) bytes; }
#endif

#define cypool_unordered(a, b) isunordered(a, b) /* whatever their type */

static inline float cypool_float_of(uint32_t bits) { float x; memcpy(&x, &bits, 4); return x; }
static inline double cypool_double_of(uint64_t bits) { double x; memcpy(&x, &bits, 8); return x; }
static inline uint64_t cypool_bits_of(double x) { uint64_t bits; memcpy(&bits, &x, 8); return bits; }
static inline uint32_t cypool_float_bits(float x) { uint32_t bits; memcpy(&bits, &x, 4); return bits; }

#include "slides.h"
#include "middles.h"
#include "squares.h"
#include "tables.h"
#include "twos.h"
#include "bytes.h"
#endif
