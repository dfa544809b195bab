// One vector of floats for each path, so that a row kernel is written once: `vec` holds LANES floats; + − * / work on it.
// A row of n floats is walked as
//   for (int64_t i = 0; i < n; i += LANES) store(y + i, load(x + i, n - i) * factor, n - i);
// where the last argument of load and store says how many elements are left: lanes beyond them read as 0 and are not written.
// load_bf16 and store_bf16 do the same with numbers kept in bfloat16, which are rounded to nearest, ties to even.
#pragma once
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "path.h"

#define INLINE static inline __attribute__((always_inline))

#if defined(R1_PATH_AVX512)
#include <immintrin.h>

typedef __m512 vec;
enum { LANES = 16 };

INLINE __mmask16 lanes_below(int64_t left) { return (__mmask16)((1u << left) - 1u); }
INLINE vec splat(float x) { return _mm512_set1_ps(x); }
INLINE vec load(const float *p, int64_t left) { return left >= LANES ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps(lanes_below(left), p); }
INLINE vec load_or(const float *p, int64_t left, float otherwise) {
  return left >= LANES ? _mm512_loadu_ps(p) : _mm512_mask_loadu_ps(splat(otherwise), lanes_below(left), p);
}
INLINE void store(float *p, vec v, int64_t left) {
  if (left >= LANES)
    _mm512_storeu_ps(p, v);
  else
    _mm512_mask_storeu_ps(p, lanes_below(left), v);
}
INLINE vec load_bf16(const uint16_t *p, int64_t left) {
  __m256i bits = left >= LANES ? _mm256_loadu_si256((const __m256i *)(const void *)p) : _mm256_maskz_loadu_epi16(lanes_below(left), p);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
INLINE void store_bf16(uint16_t *p, vec v, int64_t left) {
  __m512i bits = _mm512_castps_si512(v), high = _mm512_srli_epi32(bits, 16), odd = _mm512_and_si512(high, _mm512_set1_epi32(1));
  __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd), 16);
  rounded = _mm512_mask_or_epi32(rounded, _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), high, _mm512_set1_epi32(0x40));
  _mm256_mask_storeu_epi16(p, left >= LANES ? 0xffff : lanes_below(left), _mm512_cvtepi32_epi16(rounded));
}
INLINE vec multiply_add(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vec greater_of(vec a, vec b) { return _mm512_max_ps(a, b); }
INLINE vec smaller_of(vec a, vec b) { return _mm512_min_ps(a, b); }
INLINE vec square_root(vec a) { return _mm512_sqrt_ps(a); }
INLINE vec absolute(vec a) { return _mm512_abs_ps(a); }
INLINE vec round_even(vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vec times_two_to(vec a, vec whole) { return _mm512_scalef_ps(a, whole); }
INLINE vec where_negative(vec sign, vec yes, vec no) { return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(sign, _mm512_setzero_ps(), _CMP_LT_OQ), no, yes); }
INLINE vec swap_neighbours(vec a) { return _mm512_permute_ps(a, 0xb1); }
INLINE float total(vec a) { return _mm512_reduce_add_ps(a); }
INLINE float greatest(vec a) { return _mm512_reduce_max_ps(a); }

#elif defined(R1_PATH_AVX2)
#include <immintrin.h>

typedef __m256 vec;
enum { LANES = 8 };

INLINE __m256i lanes_below(int64_t left) {
  static const int32_t ones_then_zeros[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return _mm256_loadu_si256((const __m256i *)(const void *)(ones_then_zeros + LANES - left));
}
INLINE vec splat(float x) { return _mm256_set1_ps(x); }
INLINE vec load(const float *p, int64_t left) { return left >= LANES ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, lanes_below(left)); }
INLINE vec load_or(const float *p, int64_t left, float otherwise) {
  if (left >= LANES) return _mm256_loadu_ps(p);
  __m256i mask = lanes_below(left);
  return _mm256_blendv_ps(splat(otherwise), _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask));
}
INLINE void store(float *p, vec v, int64_t left) {
  if (left >= LANES)
    _mm256_storeu_ps(p, v);
  else
    _mm256_maskstore_ps(p, lanes_below(left), v);
}
INLINE vec load_bf16(const uint16_t *p, int64_t left) {
  uint16_t part[LANES] = {0};
  if (left < LANES) {
    for (int64_t i = 0; i < left; i++) part[i] = p[i];
    p = part;
  }
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)), 16));
}
INLINE void store_bf16(uint16_t *p, vec v, int64_t left) {
  __m256i bits = _mm256_castps_si256(v), high = _mm256_srli_epi32(bits, 16), odd = _mm256_and_si256(high, _mm256_set1_epi32(1));
  __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd), 16);
  __m256i quiet = _mm256_or_si256(high, _mm256_set1_epi32(0x40));
  rounded = _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q)));
  __m128i halves = _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
  uint16_t part[LANES];
  _mm_storeu_si128((__m128i *)(void *)(left >= LANES ? p : part), halves);
  for (int64_t i = 0; left < LANES && i < left; i++) p[i] = part[i];
}
INLINE vec multiply_add(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vec greater_of(vec a, vec b) { return _mm256_max_ps(a, b); }
INLINE vec smaller_of(vec a, vec b) { return _mm256_min_ps(a, b); }
INLINE vec square_root(vec a) { return _mm256_sqrt_ps(a); }
INLINE vec absolute(vec a) { return _mm256_andnot_ps(splat(-0.0f), a); }
INLINE vec round_even(vec a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vec power_of_two(__m256i whole) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(whole, _mm256_set1_epi32(127)), 23)); }
// In two steps, so that results below the normal range come out as denormals or 0 and those above it as infinity.
INLINE vec times_two_to(vec a, vec whole) {
  __m256i n = _mm256_cvtps_epi32(whole), half = _mm256_srai_epi32(n, 1);
  return a * power_of_two(half) * power_of_two(_mm256_sub_epi32(n, half));
}
INLINE vec where_negative(vec sign, vec yes, vec no) { return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(sign, _mm256_setzero_ps(), _CMP_LT_OQ)); }
INLINE vec swap_neighbours(vec a) { return _mm256_permute_ps(a, 0xb1); }
INLINE float total(vec a) {
  __m128 x = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  x = _mm_add_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}
INLINE float greatest(vec a) {
  __m128 x = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  x = _mm_max_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}

#elif defined(R1_PATH_NEON)
#include <arm_neon.h>

typedef float32x4_t vec;
enum { LANES = 4 };

INLINE vec splat(float x) { return vdupq_n_f32(x); }
INLINE vec load_or(const float *p, int64_t left, float otherwise) {
  if (left >= LANES) return vld1q_f32(p);
  vec v = vld1q_dup_f32(p);
  v = vsetq_lane_f32(left > 1 ? p[1] : otherwise, v, 1);
  v = vsetq_lane_f32(left > 2 ? p[2] : otherwise, v, 2);
  return vsetq_lane_f32(otherwise, v, 3);
}
INLINE vec load(const float *p, int64_t left) { return load_or(p, left, 0); }
INLINE void store(float *p, vec v, int64_t left) {
  if (left >= LANES) {
    vst1q_f32(p, v);
    return;
  }
  p[0] = vgetq_lane_f32(v, 0);
  if (left > 1) p[1] = vgetq_lane_f32(v, 1);
  if (left > 2) p[2] = vgetq_lane_f32(v, 2);
}
INLINE vec load_bf16(const uint16_t *p, int64_t left) {
  uint16_t part[LANES] = {0};
  if (left < LANES) {
    for (int64_t i = 0; i < left; i++) part[i] = p[i];
    p = part;
  }
  return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}
INLINE void store_bf16(uint16_t *p, vec v, int64_t left) {
  uint32x4_t bits = vreinterpretq_u32_f32(v), high = vshrq_n_u32(bits, 16), odd = vandq_u32(high, vdupq_n_u32(1));
  uint32x4_t rounded = vshrq_n_u32(vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd), 16);
  rounded = vbslq_u32(vceqq_f32(v, v), rounded, vorrq_u32(high, vdupq_n_u32(0x40)));
  uint16_t part[LANES];
  vst1_u16(left >= LANES ? p : part, vmovn_u32(rounded));
  for (int64_t i = 0; left < LANES && i < left; i++) p[i] = part[i];
}
INLINE vec multiply_add(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
INLINE vec greater_of(vec a, vec b) { return vmaxq_f32(a, b); }
INLINE vec smaller_of(vec a, vec b) { return vminq_f32(a, b); }
INLINE vec square_root(vec a) { return vsqrtq_f32(a); }
INLINE vec absolute(vec a) { return vabsq_f32(a); }
INLINE vec round_even(vec a) { return vrndnq_f32(a); }
INLINE vec power_of_two(int32x4_t whole) { return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(whole, vdupq_n_s32(127)), 23)); }
INLINE vec times_two_to(vec a, vec whole) {  // in two steps, as for AVX2
  int32x4_t n = vcvtnq_s32_f32(whole), half = vshrq_n_s32(n, 1);
  return a * power_of_two(half) * power_of_two(vsubq_s32(n, half));
}
INLINE vec where_negative(vec sign, vec yes, vec no) { return vbslq_f32(vcltzq_f32(sign), yes, no); }
INLINE vec swap_neighbours(vec a) { return vrev64q_f32(a); }
INLINE float total(vec a) { return vaddvq_f32(a); }
INLINE float greatest(vec a) { return vmaxvq_f32(a); }

#else  // scalar: the plain version

typedef float vec;
enum { LANES = 1 };

INLINE vec splat(float x) { return x; }
INLINE vec load(const float *p, int64_t left) { return (void)left, *p; }
INLINE vec load_or(const float *p, int64_t left, float otherwise) { return (void)left, (void)otherwise, *p; }
INLINE void store(float *p, vec v, int64_t left) { (void)left, *p = v; }
INLINE vec load_bf16(const uint16_t *p, int64_t left) {
  union {
    uint32_t bits;
    float number;
  } x = {.bits = (uint32_t)*p << 16};
  return (void)left, x.number;
}
INLINE void store_bf16(uint16_t *p, vec v, int64_t left) {
  union {
    float number;
    uint32_t bits;
  } x = {.number = v};
  const uint32_t high = x.bits >> 16;
  (void)left, *p = (uint16_t)(v != v ? high | 0x40 : (x.bits + 0x7fff + (high & 1)) >> 16);
}
INLINE vec multiply_add(vec a, vec b, vec c) { return a * b + c; }
// The second operand wins where one is not a number, as on x86.
INLINE vec greater_of(vec a, vec b) { return a > b ? a : b; }
INLINE vec smaller_of(vec a, vec b) { return a < b ? a : b; }
INLINE vec square_root(vec a) { return sqrtf(a); }
INLINE vec absolute(vec a) { return fabsf(a); }
INLINE vec where_negative(vec sign, vec yes, vec no) { return sign < 0 ? yes : no; }
INLINE float total(vec a) { return a; }
INLINE float greatest(vec a) { return a; }
#endif

// e^x within 2 units in the last place; not-a-number stays, far below the range comes 0, above it infinity.
INLINE vec exponential(vec x) {
#if defined(R1_PATH_SCALAR)
  return expf(x);
#else
  // x = n·ln 2 + r with |r| ≤ ½ ln 2; e^r = 1 + r + r²·q(r), q a minimax fit of degree 4 (relative error 3e-9).
  x = greater_of(splat(-105), smaller_of(splat(89), x));
  vec n = round_even(x * splat(1.44269504f));
  vec r = multiply_add(n, splat(-0.693359375f), x);   // ln 2 in two parts: the first has few enough bits that n times it is exact
  r = multiply_add(n, splat(2.12194440e-4f), r);
  vec q = multiply_add(splat(0.00138146104f), r, splat(0.00836871006f));
  q = multiply_add(q, r, splat(0.041668389f));
  q = multiply_add(q, r, splat(0.166665211f));
  q = multiply_add(q, r, splat(0.49999994f));
  return times_two_to(multiply_add(q * r, r, r) + splat(1), n);
#endif
}

// 1 / (1 + e^−x)
INLINE vec sigmoid(vec x) { return splat(1) / (splat(1) + exponential(splat(0) - x)); }

// Sums over a row, each with four sums side by side so that one addition does not wait for the last.
INLINE float sum_of_products(const float *a, const float *b, int64_t n) {
  vec s0 = splat(0), s1 = s0, s2 = s0, s3 = s0;
  int64_t i = 0;
  for (; i + 4 * LANES <= n; i += 4 * LANES) {
    s0 = multiply_add(load(a + i, LANES), load(b + i, LANES), s0);
    s1 = multiply_add(load(a + i + LANES, LANES), load(b + i + LANES, LANES), s1);
    s2 = multiply_add(load(a + i + 2 * LANES, LANES), load(b + i + 2 * LANES, LANES), s2);
    s3 = multiply_add(load(a + i + 3 * LANES, LANES), load(b + i + 3 * LANES, LANES), s3);
  }
  for (; i < n; i += LANES) s0 = multiply_add(load(a + i, n - i), load(b + i, n - i), s0);
  return total((s0 + s1) + (s2 + s3));
}

INLINE float sum_of(const float *a, int64_t n) {
  vec s0 = splat(0), s1 = s0, s2 = s0, s3 = s0;
  int64_t i = 0;
  for (; i + 4 * LANES <= n; i += 4 * LANES) {
    s0 = s0 + load(a + i, LANES);
    s1 = s1 + load(a + i + LANES, LANES);
    s2 = s2 + load(a + i + 2 * LANES, LANES);
    s3 = s3 + load(a + i + 3 * LANES, LANES);
  }
  for (; i < n; i += LANES) s0 = s0 + load(a + i, n - i);
  return total((s0 + s1) + (s2 + s3));
}
