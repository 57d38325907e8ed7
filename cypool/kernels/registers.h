/* What is done with a register of samples, however many it holds: CYPOOL_PART doubles, or the floats that become them.
   The names `some` (a register) and `words` (integers as long as its samples) are those of the function that asks. */
#ifndef CYPOOL_REGISTERS_H
#define CYPOOL_REGISTERS_H

#if defined(__GNUC__)
#define CYPOOL_INLINE static inline __attribute__((always_inline))
#else
#define CYPOOL_INLINE static inline
#endif
#define CYPOOL_ADD(x, y) ((x) + (y))
#if defined(__AVX512F__)
#define CYPOOL_MANY 16 /* floats */
#else
#define CYPOOL_MANY 8
#endif
#if defined(__AVX__)
#include <immintrin.h>
#define CYPOOL_NAN_WINS(kind, x, found) _mm256_blendv_##kind(found, x, _mm256_cmp_##kind(x, x, _CMP_UNORD_Q))
#define CYPOOL_MAX_F32(x, y) CYPOOL_NAN_WINS(ps, x, _mm256_max_ps(x, y))
#define CYPOOL_MAX_F64(x, y) CYPOOL_NAN_WINS(pd, x, _mm256_max_pd(x, y))
#define CYPOOL_MIN_F32(x, y) CYPOOL_NAN_WINS(ps, x, _mm256_min_ps(x, y))
#define CYPOOL_MIN_F64(x, y) CYPOOL_NAN_WINS(pd, x, _mm256_min_pd(x, y))
#if defined(__AVX512F__)
#define CYPOOL_NAN_WINS_512(x, found) _mm512_mask_mov_ps(found, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), x)
#endif
#else
#if defined(__GNUC__)
#define CYPOOL_CHOOSE(mask, x, y) ((some) (((mask) & (words) (x)) | (~(mask) & (words) (y))))
#define CYPOOL_EXTREME(x, y, than) CYPOOL_CHOOSE((x) != (x), x, CYPOOL_CHOOSE((x) than (y), x, y))
#else
#define CYPOOL_EXTREME(x, y, than) ((x) != (x) ? (x) : (x) than (y) ? (x) : (y))
#endif
#define CYPOOL_MAX_F32(x, y) CYPOOL_EXTREME(x, y, >)
#define CYPOOL_MAX_F64(x, y) CYPOOL_EXTREME(x, y, >)
#define CYPOOL_MIN_F32(x, y) CYPOOL_EXTREME(x, y, <)
#define CYPOOL_MIN_F64(x, y) CYPOOL_EXTREME(x, y, <)
#endif

#if defined(__GNUC__)
#define CYPOOL_LOAD(x, a) memcpy(&x, a, sizeof x)
#if defined(__clang__)
#define CYPOOL_SHUFFLE(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define CYPOOL_SHUFFLE(x, y, ...) __builtin_shuffle(x, y, (words) {__VA_ARGS__})
#endif
/* Even and odd cells of 32 bytes: out of each half of a register in order, the halves are put right at the end. */
#define CYPOOL_EVEN_F32(x, y) CYPOOL_SHUFFLE(x, y, 0, 2, 8, 10, 4, 6, 12, 14)
#define CYPOOL_ODD_F32(x, y) CYPOOL_SHUFFLE(x, y, 1, 3, 9, 11, 5, 7, 13, 15)
#define CYPOOL_RIGHT_F32(x) CYPOOL_SHUFFLE(x, x, 0, 1, 4, 5, 2, 3, 6, 7)
#define CYPOOL_EVEN_F64(x, y) CYPOOL_SHUFFLE(x, y, 0, 4, 2, 6)
#define CYPOOL_ODD_F64(x, y) CYPOOL_SHUFFLE(x, y, 1, 5, 3, 7)
#define CYPOOL_RIGHT_F64(x) CYPOOL_SHUFFLE(x, x, 0, 2, 1, 3)
#if defined(__AVX512F__)
#define CYPOOL_PART 8
#define CYPOOL_FLOATS(a) ((some) _mm512_cvtps_pd(_mm256_loadu_ps(a)))
#define CYPOOL_PUT_FLOATS(out, x) _mm256_storeu_ps(out, _mm512_cvtpd_ps(x))
#define CYPOOL_BEFORE(x, y) CYPOOL_SHUFFLE(x, y, 7, 8, 9, 10, 11, 12, 13, 14)
#define CYPOOL_AFTER(x, y) CYPOOL_SHUFFLE(x, y, 1, 2, 3, 4, 5, 6, 7, 8)
#define CYPOOL_PAIRED(x, y) \
    (CYPOOL_SHUFFLE(x, y, 0, 2, 4, 6, 8, 10, 12, 14) + CYPOOL_SHUFFLE(x, y, 1, 3, 5, 7, 9, 11, 13, 15))
#elif defined(__AVX__)
#define CYPOOL_PART 4
#define CYPOOL_FLOATS(a) ((some) _mm256_cvtps_pd(_mm_loadu_ps(a)))
#define CYPOOL_PUT_FLOATS(out, x) _mm_storeu_ps(out, _mm256_cvtpd_ps(x))
#define CYPOOL_BEFORE(x, y) CYPOOL_SHUFFLE(x, y, 3, 4, 5, 6)
#define CYPOOL_AFTER(x, y) CYPOOL_SHUFFLE(x, y, 1, 2, 3, 4)
#define CYPOOL_PAIRED(x, y) CYPOOL_RIGHT_F64(CYPOOL_EVEN_F64(x, y) + CYPOOL_ODD_F64(x, y))
#else
#define CYPOOL_PART 2
#define CYPOOL_FLOATS(a) ((some) {(a)[0], (a)[1]})
#define CYPOOL_PUT_FLOATS(out, x) ((out)[0] = (float) (x)[0], (out)[1] = (float) (x)[1])
#define CYPOOL_BEFORE(x, y) CYPOOL_SHUFFLE(x, y, 1, 2)
#define CYPOOL_AFTER(x, y) CYPOOL_SHUFFLE(x, y, 1, 2)
#define CYPOOL_PAIRED(x, y) (CYPOOL_SHUFFLE(x, y, 0, 2) + CYPOOL_SHUFFLE(x, y, 1, 3))
#endif
/* Many floats of which the extreme is found. */
#if defined(__AVX512F__)
#define CYPOOL_MAX_MANY(x, y) CYPOOL_NAN_WINS_512(x, _mm512_max_ps(x, y))
#define CYPOOL_MIN_MANY(x, y) CYPOOL_NAN_WINS_512(x, _mm512_min_ps(x, y))
#define CYPOOL_EVEN_MANY(x, y) CYPOOL_SHUFFLE(x, y, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define CYPOOL_ODD_MANY(x, y) CYPOOL_SHUFFLE(x, y, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#define CYPOOL_FIRST_MANY(x) CYPOOL_SHUFFLE(x, x, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
#define CYPOOL_BEFORE_MANY(x, y) \
    CYPOOL_SHUFFLE(x, y, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30)
#else
#define CYPOOL_MAX_MANY CYPOOL_MAX_F32
#define CYPOOL_MIN_MANY CYPOOL_MIN_F32
#define CYPOOL_EVEN_MANY(x, y) CYPOOL_RIGHT_F32(CYPOOL_EVEN_F32(x, y))
#define CYPOOL_ODD_MANY(x, y) CYPOOL_RIGHT_F32(CYPOOL_ODD_F32(x, y))
#define CYPOOL_FIRST_MANY(x) CYPOOL_SHUFFLE(x, x, 0, 0, 0, 0, 0, 0, 0, 0)
#define CYPOOL_BEFORE_MANY(x, y) CYPOOL_SHUFFLE(x, y, 7, 8, 9, 10, 11, 12, 13, 14)
#endif
/* Names for a function that works on doubles. */
#define CYPOOL_DOUBLES \
    typedef double some __attribute__((vector_size(8 * CYPOOL_PART))); \
    typedef int64_t words __attribute__((vector_size(8 * CYPOOL_PART))); \
    enum { PART = CYPOOL_PART }; \
    (void) sizeof(words);
#endif
#endif
