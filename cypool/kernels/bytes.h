/* Bytes: rounded means of blocks of some rows and 2, 4 or 8 cells of few channels, which fit into 16 bytes.

       R G B R G B R G B R G B     the cells of a block are brought together;
       R R R R G G G G B B B B     neighbours are added, then rows, and neighbours again

   Eight pieces of 16 bytes (of three channels, of 12) at a time, and meanwhile those that lie `ahead` are fetched.  The
   last results of a line may overlap those before them. */
#ifndef CYPOOL_BYTES_H
#define CYPOOL_BYTES_H

#if defined(__GNUC__) && defined(__AVX2__)
enum { CYPOOL_BYTES_ROWS = 16, CYPOOL_PIECES = 8 };

/* Eight pieces from `at` on.  `in` brings their cells together, `close` the results of half a register. */
CYPOOL_INLINE void cypool_mean_pieces(const void *const *rows, ptrdiff_t at, const cypool_how *how, __m256i in,
                                      __m256i close, uint8_t *out, const int k, const int piece)
{
    const __m128i shift = _mm_cvtsi32_si128(how->shift);
    const __m256i bias = k == 2 ? _mm256_set1_epi16((short) how->bias) : _mm256_set1_epi32(how->bias);
    const __m256i odd = k == 2 ? _mm256_set1_epi16((short) how->odd) : _mm256_set1_epi32(how->odd);
    __m256i sums[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
#define CYPOOL_FOURFOLD _Pragma("GCC unroll 4") for (int j = 0; j < 4; j++)
#define CYPOOL_BY_SHIFT(wide, x) _mm256_srl_##wide(x, shift)
    for (ptrdiff_t t = 0; t < how->taps; t++) {
        const uint8_t *a = (const uint8_t *) rows[t] + at;
        if (how->ahead)
            cypool_fetch((const char *) a + how->ahead, CYPOOL_PIECES * piece);
        CYPOOL_FOURFOLD {
            __m256i x = _mm256_loadu2_m128i((const __m128i *) (a + (4 + j) * piece), (const __m128i *) (a + j * piece));
            x = _mm256_maddubs_epi16(_mm256_shuffle_epi8(x, in), _mm256_set1_epi8(1));
            sums[j] = _mm256_add_epi16(sums[j], x);
        }
    }
    if (k == 2) {
        CYPOOL_FOURFOLD
            sums[j] = CYPOOL_ROUNDED(epi16, CYPOOL_BY_SHIFT, sums[j]);
        for (int j = 0; j < 4; j += 2) { /* each half holds two pieces */
            __m256i x = _mm256_shuffle_epi8(_mm256_packus_epi16(sums[j], sums[j + 1]), close);
            _mm_storeu_si128((__m128i *) (out + j / 2 * piece), _mm256_castsi256_si128(x));
            sums[j] = x;
        }
        _mm_storeu_si128((__m128i *) (out + 2 * piece), _mm256_extracti128_si256(sums[0], 1));
        _mm_storeu_si128((__m128i *) (out + 3 * piece), _mm256_extracti128_si256(sums[2], 1));
        return;
    }
    CYPOOL_FOURFOLD {
        sums[j] = _mm256_madd_epi16(sums[j], _mm256_set1_epi16(1));
        if (k == 8)
            sums[j] = _mm256_add_epi32(sums[j], _mm256_srli_epi64(sums[j], 32));
        sums[j] = CYPOOL_ROUNDED(epi32, CYPOOL_BY_SHIFT, sums[j]);
    }
    __m256i x = sums[0], y = sums[2];
    if (k == 4) {
        x = _mm256_packus_epi16(_mm256_packus_epi32(x, sums[1]), _mm256_packus_epi32(y, sums[3]));
    } else { /* every second one */
        x = _mm256_packus_epi32(CYPOOL_EVEN_32(x, sums[1]), CYPOOL_EVEN_32(y, sums[3]));
        x = _mm256_packus_epi16(x, x);
    }
    x = _mm256_shuffle_epi8(x, close);
    if (k == 4) {
        _mm_storeu_si128((__m128i *) out, _mm256_castsi256_si128(x));
        _mm_storeu_si128((__m128i *) (out + piece), _mm256_extracti128_si256(x, 1));
    } else {
        _mm_storel_epi64((__m128i *) out, _mm256_castsi256_si128(x));
        _mm_storel_epi64((__m128i *) (out + 8), _mm256_extracti128_si256(x, 1));
    }
}

/* k cells; pieces of so many bytes, the rest of the 16 lies in the next one. */
#define CYPOOL_MEAN_BYTES(k, piece) \
    static void cypool_mean_bytes_##k##_##piece(const void *const *rows, const cypool_how *how, void *results, \
                                                ptrdiff_t n) \
    { \
        enum { REST = 16 - piece, MOST = CYPOOL_PIECES * piece / k }; /* bytes of results at a time */ \
        const ptrdiff_t C = how->channels, bytes = n * C; \
        uint8_t in[2][32], close[32], last[MOST + REST]; \
        memset(in, 0x80, sizeof in); \
        memset(close, 0x80, sizeof close); \
        for (int j = 0; j < 32; j++) { /* byte j of a half is cell j % k of result j / k */ \
            const int half = j / 16 * 16, at = j % 16, of = at / k; \
            if (at < piece) { \
                in[0][j] = (uint8_t) ((of / C * k + at % k) * C + of % C); \
                in[1][j] = (uint8_t) (in[0][j] + REST); \
            } \
            if (at % (16 / k) < piece / k && at / (16 / k) < (k == 8 ? 4 : k)) \
                close[half + at / (16 / k) * (piece / k) + at % (16 / k)] = (uint8_t) at; \
        } \
        const __m256i here = CYPOOL_WHOLE(in[0]), before = CYPOOL_WHOLE(in[1]), together = CYPOOL_WHOLE(close); \
        uint8_t *out = results; \
        ptrdiff_t i = 0; \
        for (; i + MOST + REST <= bytes; i += MOST) \
            cypool_mean_pieces(rows, i * k, how, here, together, out + i, k, piece); \
        for (; i < bytes; i += MOST) { \
            i = i + MOST > bytes ? bytes - MOST : i; \
            cypool_mean_pieces(rows, i * k - REST, how, before, together, last, k, piece); \
            memcpy(out + i, last, MOST); \
        } \
    }
CYPOOL_MEAN_BYTES(2, 12)
CYPOOL_MEAN_BYTES(2, 16)
CYPOOL_MEAN_BYTES(4, 12)
CYPOOL_MEAN_BYTES(4, 16)
CYPOOL_MEAN_BYTES(8, 16)
#endif

/* What makes lines of n means of k cells on so many rows, or NULL. */
static inline cypool_twos *cypool_bytes_of(ptrdiff_t k, ptrdiff_t C, ptrdiff_t taps, ptrdiff_t n)
{
#if defined(__GNUC__) && defined(__AVX2__)
    const ptrdiff_t block = k * C, piece = block > 0 && 16 % block == 0 ? 16 : 12;
    if (taps < 2 || taps > CYPOOL_BYTES_ROWS || taps & (taps - 1) || block <= 0 || piece % block
        || n * block < (CYPOOL_PIECES + 2) * piece)
        return 0;
    switch (k) {
    case 2: return piece == 12 ? cypool_mean_bytes_2_12 : cypool_mean_bytes_2_16;
    case 4: return piece == 12 ? cypool_mean_bytes_4_12 : cypool_mean_bytes_4_16;
    case 8: return cypool_mean_bytes_8_16;
    }
#else
    (void) k, (void) C, (void) taps, (void) n;
#endif
    return 0;
}
#endif
