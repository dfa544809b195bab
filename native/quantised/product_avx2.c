// AVX2: vpmaddubsw multiplies unsigned by signed bytes and adds pairs into 16 bits, which overflow where the unsigned ones have eight bits: those go in two halves of four.
#include <immintrin.h>

#include "product_plain.h"

#define ALWAYS static inline __attribute__((always_inline))
enum { HALF = 8 };  // rows of W in one vector

ALWAYS __m256i dot(__m256i sum, __m256i unsigned_bytes, __m256i signed_bytes, const bool eight_bits) {
  if (!eight_bits) return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(unsigned_bytes, signed_bytes), _mm256_set1_epi16(1)));
  const __m256i nibble = _mm256_set1_epi8(15), low = _mm256_and_si256(unsigned_bytes, nibble), high = _mm256_and_si256(_mm256_srli_epi16(unsigned_bytes, 4), nibble);
  sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(low, signed_bytes), _mm256_set1_epi16(1)));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(high, signed_bytes), _mm256_set1_epi16(16)));
}

ALWAYS void product(const Format *format, const uint8_t *panel, const Activations *x, int64_t first, int rows, const Place *place, const bool eight_bits, const int groups) {
  const int64_t blocks = x->K / BLOCK;
  float sums[PRODUCT_ROWS][PANEL] __attribute__((aligned(32))) = {{0}};
  for (int64_t block = 0; block < blocks; block++) {
    Unpacked w;
    plain_unpack(format, panel, block, &w);
    for (int row = 0; row < rows; row++) {
      const int8_t *numbers = x->numbers + (first + row) * x->K + block * BLOCK;
      const Step *step = x->steps + (first + row) * blocks + block;
      for (int half = 0; half < PANEL; half += HALF) {
        __m256 sum = _mm256_load_ps(sums[row] + half);
        for (int group = 0; group < groups; group++) {
          __m256i whole = _mm256_setzero_si256();
          for (int lane = 0; lane < LANES_OF_BLOCK / groups; lane++) {
            const int at = group * LANES_OF_BLOCK / groups + lane;
            whole = dot(whole, _mm256_loadu_si256((const __m256i *)(const void *)(w.q[at] + 4 * half)), _mm256_set1_epi32(plain_lane(numbers, at)), eight_bits);
          }
          const __m256 scale = _mm256_mul_ps(_mm256_loadu_ps(w.d[group] + half), _mm256_set1_ps(step->scale));
          sum = _mm256_fmadd_ps(scale, _mm256_cvtepi32_ps(whole), sum);
          sum = _mm256_fmadd_ps(_mm256_loadu_ps(w.m[group] + half), _mm256_set1_ps(groups == 1 ? step->sum : step->sums[group]), sum);
        }
        _mm256_store_ps(sums[row] + half, sum);
      }
    }
  }
  plain_store(sums, rows, place);
}

void panel_product_avx2(const Format *format, const uint8_t *panel, const Activations *x, int64_t first, int rows, const Place *place) {
  if (format->low == 8) product(format, panel, x, first, rows, place, true, 1);
  else if (format->groups == 1) product(format, panel, x, first, rows, place, false, 1);
  else product(format, panel, x, first, rows, place, false, 2);
}
