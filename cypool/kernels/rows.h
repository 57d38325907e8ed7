/* What Cython cannot say: words read at any address, and a half byte of bit casts. */
#ifndef CYPOOL_ROWS_H
#define CYPOOL_ROWS_H
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

/* Asks for the cache line at any address, also beyond the end of an array. */
#if defined(__GNUC__) || defined(__clang__)
#define cypool_prefetch(address) __builtin_prefetch(address)
#else
#define cypool_prefetch(address) ((void)(address))
#endif

static inline float cypool_float_of(uint32_t bits) { float x; memcpy(&x, &bits, 4); return x; }
static inline double cypool_double_of(uint64_t bits) { double x; memcpy(&x, &bits, 8); return x; }
static inline uint64_t cypool_bits_of(double x) { uint64_t bits; memcpy(&bits, &x, 8); return bits; }
static inline uint32_t cypool_float_bits(float x) { uint32_t bits; memcpy(&bits, &x, 4); return bits; }
#endif
