// Matrix product in f32, plain C: what runs on a processor without a better path, and the reference of the others.
enum { ROWS = 4, COLUMNS = 16 };
#include "gemm_plain.h"

static void multiply(const PanelPair *pairs, int pair_count, int rows, int columns, const Target *target) {
  float sum[ROWS][COLUMNS] = {{0}};
  for (int pair = 0; pair < pair_count; pair++) {
    for (int64_t lane = 0; lane < pairs[pair].lanes; lane++) {
      const Lane *a = pairs[pair].rows + lane / LANE_BLOCK * LANE_BLOCK * ROWS + lane % LANE_BLOCK, *b = pairs[pair].columns + lane * COLUMNS;
      for (int row = 0; row < rows; row++) {
        for (int column = 0; column < COLUMNS; column++) sum[row][column] += lane_float(a[row * LANE_BLOCK]) * lane_float(b[column]);
      }
    }
  }
  plain_finish(sum[0], rows, columns, target);
}

const GemmKernels gemm_kernels_scalar = {
    .lane_depth = 1,
    .rows = ROWS,
    .columns = COLUMNS,
    .lane_multiple = 1,
    .pack_rows = pack_rows,
    .pack_columns = pack_columns,
    .multiply = multiply,
};
