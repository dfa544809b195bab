// AVX-512 without VNNI: vpmaddubsw, as for AVX2.
#include <immintrin.h>

static inline __attribute__((always_inline)) __m512i dot(__m512i sum, __m512i weights, __m512i x, const int bits) {
  if (bits < 8) return _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(weights, x), _mm512_set1_epi16(1)));
  const __m512i nibble = _mm512_set1_epi8(15), low = _mm512_and_si512(weights, nibble), high = _mm512_and_si512(_mm512_srli_epi16(weights, 4), nibble);
  sum = _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(low, x), _mm512_set1_epi16(1)));
  return _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(high, x), _mm512_set1_epi16(16)));
}
#define DOT dot
#include "product_avx512_body.h"

void panel_product_avx512(const Format *format, const uint8_t *panel, const Activations *x, int64_t first, int rows, const Place *place) {
  all_rows(format, panel, x, first, rows, place);
}
