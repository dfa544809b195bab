// The f32 gemm in plain C: packing for every path without packing of its own, and the multiplication that all other paths are tested against.
// A file that includes it has set ROWS and COLUMNS, its micro-tile.
#include <string.h>

#include "panels.h"

static inline float plain_float(const void *data, int64_t at, ElementType type) {
  if (type != R1_BFLOAT16) return ((const float *)data)[at];
  const uint32_t bits = (uint32_t)((const uint16_t *)data)[at] << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// Rounds to nearest, ties to even; a NaN stays one.
static inline uint16_t plain_bf16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (value != value) return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline Lane plain_lane(const Operand *operand, int64_t i, int64_t k) {
  const float value = plain_float(operand->data, operand->depth_major ? k * operand->stride + i : i * operand->stride + k, operand->type);
  Lane lane;
  memcpy(&lane, &value, sizeof lane);
  return lane;
}

// Both loops go over squares of 16 × 16, so that a transposed operand is read by whole cache lines too.
static void pack_rows(const Operand *operand, int64_t first, int64_t count, int64_t start, int64_t depth, Lane *panels, int64_t panel_stride) {
  for (int64_t block = 0; block < depth; block += LANE_BLOCK) {
    const int64_t existing = smaller(LANE_BLOCK, depth - block);
    for (int64_t i = 0; i < count; i++) {
      Lane *to = panels + i / ROWS * panel_stride + block * ROWS + i % ROWS * LANE_BLOCK;
      for (int64_t k = 0; k < existing; k++) to[k] = plain_lane(operand, first + i, start + block + k);
      for (int64_t k = existing; k < LANE_BLOCK; k++) to[k] = 0;
    }
  }
}

static void pack_columns(const Operand *operand, int64_t first, int64_t count, int64_t start, int64_t depth, Lane *panels, int64_t panel_stride) {
  for (int64_t block = 0; block < depth; block += LANE_BLOCK) {
    for (int64_t panel = 0; panel < count; panel += COLUMNS, panels += panel_stride) {
      const int64_t existing = smaller(COLUMNS, count - panel);
      for (int64_t k = block; k < smaller(depth, block + LANE_BLOCK); k++) {
        for (int64_t i = 0; i < COLUMNS; i++) panels[k * COLUMNS + i] = i < existing ? plain_lane(operand, first + panel + i, start + k) : 0;
      }
    }
    panels -= blocks_of(count, COLUMNS) * panel_stride;
  }
}

static inline float lane_float(Lane lane) {
  float value;
  memcpy(&value, &lane, sizeof value);
  return value;
}

// A micro-tile of C from its sums [rows][COLUMNS].
static inline void plain_finish(const float *sums, int rows, int columns, const Target *target) {
  for (int row = 0; row < rows; row++) {
    const int64_t at = row * target->stride;
    for (int column = 0; column < columns; column++) {
      float sum = sums[row * COLUMNS + column] * target->alpha;
      if (target->added) sum += plain_float(target->added, row * target->added_stride + column, target->added_type);
      if (target->bias) sum += target->bias[column];
      if (target->type == R1_BFLOAT16) ((uint16_t *)target->data)[at + column] = plain_bf16(sum);
      else ((float *)target->data)[at + column] = sum;
    }
  }
}
