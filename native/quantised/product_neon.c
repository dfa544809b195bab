// NEON without the dot-product extension, so every arm64 processor: products of bytes in 16 bits, pairs of them added into 32. Numbers of eight bits are made signed first and their
// zero is put back into the whole sum, which stays exact.
#include <arm_neon.h>

#include "product_plain.h"

enum { QUARTER = 4 };  // rows of W in one vector

// Sums of the four products of each of four rows.
static inline int32x4_t four_rows(int8x16_t w, int8x16_t x) {
  const int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(x)), high = vmull_high_s8(w, x);
  return vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high));
}

void panel_product_neon(const Format *format, const uint8_t *panel, const Activations *x, int64_t first, int rows, const Place *place) {
  const int64_t blocks = x->K / BLOCK;
  const int groups = format->groups, lanes = LANES_OF_BLOCK / groups;
  const uint8x16_t flip = vdupq_n_u8(format->low == 8 ? 0x80 : 0);
  float sums[PRODUCT_ROWS][PANEL] = {{0}};
  for (int64_t block = 0; block < blocks; block++) {
    Unpacked w;
    plain_unpack(format, panel, block, &w);
    for (int row = 0; row < rows; row++) {
      const int8_t *numbers = x->numbers + (first + row) * x->K + block * BLOCK;
      const Step *step = x->steps + (first + row) * blocks + block;
      int32_t taken = 0;  // 128 · Σ x of the block
      if (format->low == 8) taken = 128 * vaddlvq_s16(vaddq_s16(vpaddlq_s8(vld1q_s8(numbers)), vpaddlq_s8(vld1q_s8(numbers + 16))));
      for (int quarter = 0; quarter < PANEL; quarter += QUARTER) {
        float32x4_t sum = vld1q_f32(sums[row] + quarter);
        for (int group = 0; group < groups; group++) {
          int32x4_t whole = vdupq_n_s32(taken);
          for (int lane = group * lanes; lane < (group + 1) * lanes; lane++) {
            const int8x16_t weights = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(w.q[lane] + 4 * quarter), flip));
            whole = vaddq_s32(whole, four_rows(weights, vreinterpretq_s8_s32(vdupq_n_s32(plain_lane(numbers, lane)))));
          }
          const float32x4_t scale = vmulq_n_f32(vld1q_f32(w.d[group] + quarter), step->scale);
          sum = vfmaq_f32(sum, scale, vcvtq_f32_s32(whole));
          sum = vfmaq_n_f32(sum, vld1q_f32(w.m[group] + quarter), groups == 1 ? step->sum : step->sums[group]);
        }
        vst1q_f32(sums[row] + quarter, sum);
      }
    }
  }
  plain_store(sums, rows, place);
}
