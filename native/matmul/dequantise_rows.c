// Codes to numbers, a row of a piece at a time.
#include "../framework/path.h"
#include "quantised.h"

#if defined(R1_PATH_AVX512)
#include <immintrin.h>
#endif

// The 16 levels of NF4: quantiles of a normal distribution, scaled to −1 … 1 (QLoRA, appendix E).
static const float levels[16] = {-1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0.0f,
                                 0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f};

// `count` numbers from code number `at` on, which share one scale.
static void from_nf4(const uint8_t *codes, int64_t at, int64_t count, float scale, float *numbers) {
  int64_t i = 0;
  if (at % 2 == 1 && count > 0) numbers[i++] = scale * levels[codes[at / 2] & 15];
#if defined(R1_PATH_AVX512)
  const __m512 scaled = _mm512_mul_ps(_mm512_loadu_ps(levels), _mm512_set1_ps(scale));
  for (; i + 16 <= count; i += 16) {  // 8 bytes: each spread to two places, the first of which takes the high half
    const __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)(codes + (at + i) / 2));
    const __m512i pairs = _mm512_cvtepu8_epi32(_mm_unpacklo_epi8(bytes, bytes));
    const __m512i halves = _mm512_mask_srli_epi32(pairs, 0x5555, pairs, 4);
    _mm512_storeu_ps(numbers + i, _mm512_permutexvar_ps(halves, scaled));  // looks at the low four bits only
  }
#endif
  for (; i + 2 <= count; i += 2) {
    const uint8_t pair = codes[(at + i) / 2];
    numbers[i] = scale * levels[pair >> 4];
    numbers[i + 1] = scale * levels[pair & 15];
  }
  if (i < count) numbers[i] = scale * levels[codes[(at + i) / 2] >> 4];
}

static void from_int8(const int8_t *codes, int64_t count, float scale, float *numbers) {
  for (int64_t i = 0; i < count; i++) numbers[i] = scale * (float)codes[i];
}

int PATH(dequantise)(void *job_, int64_t unused) {
  (void)unused;
  const Dequantisation *job = job_;
  const Operand *codes = job->codes;
  for (int64_t row = 0; row < job->rows; row++) {
    int64_t at = (job->row + row) * codes->stride + job->column;
    float *to = job->numbers + row * job->columns;
    for (int64_t left = job->columns; left > 0;) {
      const int64_t count = smaller(left, codes->block - at % codes->block);
      const float scale = codes->scales[at / codes->block];
      if (codes->type == R1_UINT8) from_nf4(codes->data, at, count, scale, to);
      else from_int8((const int8_t *)codes->data + at, count, scale, to);
      at += count;
      to += count;
      left -= count;
    }
  }
  return 0;
}
