// Numbers of 16 bits (IEEE 754 binary16) as vectors of floats. Included after vector.h by kernels that are compiled once a path.
// Numbers beyond the range become the largest: what is kept in half precision stays finite.
#pragma once
#include <string.h>

#include "vector.h"

#define HALF_MAX 65504.0f

#if defined(R1_PATH_AVX512)
INLINE vec load_half(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p)); }
INLINE void store_half(uint16_t *p, vec v) { _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)); }
#elif defined(R1_PATH_AVX2)
INLINE vec load_half(const uint16_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p)); }
INLINE void store_half(uint16_t *p, vec v) { _mm_storeu_si128((__m128i *)(void *)p, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT)); }
#elif defined(R1_PATH_NEON)
INLINE vec load_half(const uint16_t *p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
INLINE void store_half(uint16_t *p, vec v) { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(v))); }
#else
INLINE float load_half(const uint16_t *p) {
  uint32_t bits = (uint32_t)(*p & 0x7fff) << 13, sign = (uint32_t)(*p & 0x8000) << 16;
  float magnitude;
  if ((*p & 0x7c00) == 0x7c00) bits |= 0x70000000;
  memcpy(&magnitude, &bits, sizeof magnitude);
  // The exponent's bias differs by 112: a product is exact and makes denormals normal. Infinities and what is not a number have it already.
  if ((*p & 0x7c00) != 0x7c00) magnitude *= 0x1p112f;
  memcpy(&bits, &magnitude, sizeof bits);
  bits |= sign;
  memcpy(&magnitude, &bits, sizeof bits);
  return magnitude;
}
INLINE void store_half(uint16_t *p, float v) {
  uint32_t bits;
  memcpy(&bits, &v, sizeof bits);
  const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
  const float magnitude = fabsf(v);
  if (!(magnitude <= HALF_MAX)) {
    *p = sign | (v != v ? 0x7e00 : 0x7c00);
  } else if (magnitude < 0x1p-14f) {  // denormal: adding ½ rounds at the last of the ten bits
    const float shifted = magnitude + 0.5f;
    memcpy(&bits, &shifted, sizeof bits);
    *p = sign | (uint16_t)(bits - 0x3f000000);
  } else {
    bits = (bits & 0x7fffffff) - (112u << 23);
    *p = sign | (uint16_t)((bits + 0xfff + (bits >> 13 & 1)) >> 13);
  }
}
#endif

INLINE vec half_range(vec v) { return greater_of(splat(-HALF_MAX), smaller_of(splat(HALF_MAX), v)); }

// As load and store of vector.h: `left` elements at most.
INLINE vec load_half_some(const uint16_t *p, int64_t left) {
  if (left >= LANES) return load_half(p);
  uint16_t some[LANES] = {0};
  memcpy(some, p, (size_t)left * sizeof *p);
  return load_half(some);
}
INLINE void store_half_some(uint16_t *p, vec v, int64_t left) {
  if (left >= LANES) {
    store_half(p, v);
    return;
  }
  uint16_t some[LANES];
  store_half(some, v);
  memcpy(p, some, (size_t)left * sizeof *p);
}
