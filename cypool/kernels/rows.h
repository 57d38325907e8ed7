/* What Cython cannot say: words read at any address, and a half byte of bit casts. */
#ifndef CYPOOL_ROWS_H
#define CYPOOL_ROWS_H
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Two neighbouring samples read as one word; the address need not be aligned to the word. */
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
#if defined(__GNUC__) && (defined(__clang__) || __GNUC__ >= 12)
    typedef double four_doubles __attribute__((vector_size(32)));
    typedef double four_results __attribute__((vector_size(32), aligned(8), may_alias));
    for (; i + 4 <= n; i += 4) {
        const float *c = a + 2 * i, *d = b + 2 * i;
        four_doubles x = {c[0], c[1], c[2], c[3]}, y = {c[4], c[5], c[6], c[7]};
        x += (four_doubles){d[0], d[1], d[2], d[3]};
        y += (four_doubles){d[4], d[5], d[6], d[7]};
        x = __builtin_shufflevector(x, y, 0, 4, 2, 6) + __builtin_shufflevector(x, y, 1, 5, 3, 7);
        *(four_results *) (out + i) = __builtin_shufflevector(x, x, 0, 2, 1, 3);
    }
#endif
    for (; i < n; i++)
        out[i] = ((double) a[2 * i] + (double) b[2 * i]) + ((double) a[2 * i + 1] + (double) b[2 * i + 1]);
}

/* Eight running results side by side, x[j] = a[j] op a[8 + j] op ... for n = 16, 24, ..., and of those four:
   out[j] = x[j] op x[4 + j].  Compilers keep an array of eight in memory; these stay in registers.  Of extremes a NaN
   wins. */
#define CYPOOL_ADD(x, y) ((x) + (y))
#define CYPOOL_LARGEST(x, y) CYPOOL_EXTREME(x, y, >)
#define CYPOOL_SMALLEST(x, y) CYPOOL_EXTREME(x, y, <)
#if defined(__GNUC__)
#define CYPOOL_EXTREME(x, y, than) \
    CYPOOL_CHOOSE((x) != (x), x, CYPOOL_CHOOSE((x) than (y), x, y))
#define CYPOOL_CHOOSE(mask, x, y) ((some) (((mask) & (words) (x)) | (~(mask) & (words) (y))))
#define CYPOOL_LANES(name, type, word, op) \
    static inline void name(const type *a, ptrdiff_t n, type *out) \
    { \
        enum { PART = 16 / sizeof(type), PARTS = 8 / PART }; \
        typedef type some __attribute__((vector_size(16))); \
        typedef word words __attribute__((vector_size(16))); \
        some lanes[PARTS], next; \
        _Pragma("GCC unroll 4") \
        for (int j = 0; j < PARTS; j++) \
            memcpy(&lanes[j], a + j * PART, 16); \
        for (ptrdiff_t i = 8; i < n; i += 8) \
            _Pragma("GCC unroll 4") \
            for (int j = 0; j < PARTS; j++) { \
                memcpy(&next, a + i + j * PART, 16); \
                lanes[j] = op(lanes[j], next); \
            } \
        (void) sizeof(words); \
        _Pragma("GCC unroll 4") \
        for (int j = 0; j < PARTS / 2; j++) { \
            lanes[j] = op(lanes[j], lanes[j + PARTS / 2]); \
            memcpy(out + j * PART, &lanes[j], 16); \
        } \
    }
#else
#define CYPOOL_EXTREME(x, y, than) ((x) != (x) ? (x) : (x) than (y) ? (x) : (y))
#define CYPOOL_LANES(name, type, word, op) \
    static inline void name(const type *a, ptrdiff_t n, type *out) \
    { \
        for (int j = 0; j < 4; j++) { \
            type x = a[j], y = a[4 + j]; \
            for (ptrdiff_t i = 8 + j; i < n; i += 8) \
                x = op(x, a[i]), y = op(y, a[4 + i]); \
            out[j] = op(x, y); \
        } \
    }
#endif
CYPOOL_LANES(cypool_add_f64, double, int64_t, CYPOOL_ADD)
CYPOOL_LANES(cypool_max_f32, float, int32_t, CYPOOL_LARGEST)
CYPOOL_LANES(cypool_max_f64, double, int64_t, CYPOOL_LARGEST)
CYPOOL_LANES(cypool_min_f32, float, int32_t, CYPOOL_SMALLEST)
CYPOOL_LANES(cypool_min_f64, double, int64_t, CYPOOL_SMALLEST)

/* Memory that will be read soon; any address will do. */
static inline void cypool_fetch(const char *a, ptrdiff_t bytes)
{
#if defined(__GNUC__)
    for (ptrdiff_t i = 0; i < bytes; i += 64)
        __builtin_prefetch(a + i, 0, 2);
#endif
}

/* Reads a byte of each cache line.  Memory is foreseen where it is read in order, not several rows at a time. */
static inline void cypool_touch(const char *a, ptrdiff_t bytes)
{
    for (ptrdiff_t i = 0; i < bytes; i += 64)
        (void) *(const volatile char *) (a + i);
}

#define cypool_unordered(a, b) isunordered(a, b) /* whatever their type */

static inline float cypool_float_of(uint32_t bits) { float x; memcpy(&x, &bits, 4); return x; }
static inline double cypool_double_of(uint64_t bits) { double x; memcpy(&x, &bits, 8); return x; }
static inline uint64_t cypool_bits_of(double x) { uint64_t bits; memcpy(&bits, &x, 8); return bits; }
static inline uint32_t cypool_float_bits(float x) { uint32_t bits; memcpy(&bits, &x, 4); return bits; }
#endif
