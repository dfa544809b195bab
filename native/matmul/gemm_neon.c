// Matrix product in f32 on NEON (every arm64 processor). Micro-tile 8 × 12: 24 accumulators, three B registers and one quarter of a row block of A.
#include <arm_neon.h>

enum { ROWS = 8, COLUMNS = 12 };
#include "gemm_plain.h"

#define ALWAYS static inline __attribute__((always_inline))

ALWAYS void tile(const PanelPair *pairs, int pair_count, const int R, float *sums) {
  float32x4_t sum[ROWS][3];
  for (int r = 0; r < R; r++) {
    for (int v = 0; v < 3; v++) sum[r][v] = vdupq_n_f32(0);
  }
  for (int pair = 0; pair < pair_count; pair++) {
    const float *a = (const float *)(const void *)pairs[pair].rows, *b = (const float *)(const void *)pairs[pair].columns;
    for (int64_t left = pairs[pair].lanes; left > 0; left -= LANE_BLOCK, a += (ROWS - 1) * LANE_BLOCK) {
      for (int64_t lane = smaller(left, LANE_BLOCK); lane > 0; lane--, a++, b += COLUMNS) {
        float32x4_t columns[3];
        for (int v = 0; v < 3; v++) columns[v] = vld1q_f32(b + 4 * v);
        for (int r = 0; r < R; r++) {
          const float32x4_t row = vld1q_dup_f32(a + r * LANE_BLOCK);
          for (int v = 0; v < 3; v++) sum[r][v] = vfmaq_f32(sum[r][v], row, columns[v]);
        }
      }
    }
  }
  for (int r = 0; r < R; r++) {
    for (int v = 0; v < 3; v++) vst1q_f32(sums + r * COLUMNS + 4 * v, sum[r][v]);
  }
}

typedef void (*Tile)(const PanelPair *, int, float *);
#define TILE(R) \
  static void tile_##R(const PanelPair *pairs, int pair_count, float *sums) { tile(pairs, pair_count, R, sums); }
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6) TILE(7) TILE(8)
static const Tile tiles[ROWS] = {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6, tile_7, tile_8};

static void multiply(const PanelPair *pairs, int pair_count, int rows, int columns, const Target *target) {
  float sums[ROWS * COLUMNS];
  tiles[rows - 1](pairs, pair_count, sums);
  plain_finish(sums, rows, columns, target);
}

const GemmKernels gemm_kernels_neon = {
    .lane_depth = 1,
    .rows = ROWS,
    .columns = COLUMNS,
    .lane_multiple = 1,
    .pack_rows = pack_rows,
    .pack_columns = pack_columns,
    .multiply = multiply,
};
