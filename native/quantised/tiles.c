#include "tiles.h"

int64_t tile_rows_size(const GemmKernels *kernels, int64_t M, int64_t K) { return blocks_of(M, kernels->rows) * rows_panel_size(kernels, K); }

void pack_tile_rows(const TileRows *rows, const float *x, int64_t first, int64_t count) {
  const Operand operand = {.data = x, .stride = rows->K, .type = R1_FLOAT};
  rows->kernels->pack_rows(&operand, first, count, 0, rows->K, rows->panels + first / rows->kernels->rows * rows->panel_stride, rows->panel_stride);
}

static int64_t lanes_size(const GemmKernels *kernels, int64_t K) { return round_up(columns_panel_size(kernels, K), LANE_BLOCK); }

int64_t tile_scratch_size(const GemmKernels *kernels, int64_t K) { return (lanes_size(kernels, K) + kernels->columns * K) * (int64_t)sizeof(Lane); }

void multiply_tiles(const TileRows *rows, int64_t first, int64_t count, const Format *format, const uint8_t *packed, int64_t column, int64_t columns, const Target *target, void *scratch) {
  const GemmKernels *kernels = rows->kernels;
  const int64_t K = rows->K;
  Lane *lanes = scratch;
  float *numbers = (float *)(void *)(lanes + lanes_size(kernels, K));
  for (int64_t i = 0; i < columns; i++) unpack_row(format, packed, column + i, K, numbers + i * K);
  const Operand operand = {.data = numbers, .stride = K, .type = R1_FLOAT};
  kernels->pack_columns(&operand, 0, columns, 0, K, lanes, lanes_size(kernels, K));
  for (int64_t row = first; row < first + count; row += kernels->rows) {
    const PanelPair pair = {.rows = rows->panels + row / kernels->rows * rows->panel_stride, .columns = lanes, .lanes = lanes_of(kernels, K)};
    const int64_t down = (row - first) * target->stride;
    Target part = *target;
    part.data = (float *)target->data + down;
    if (target->added) part.added = (const float *)target->added + down;
    kernels->multiply(&pair, 1, (int)smaller(kernels->rows, first + count - row), (int)columns, &part);
  }
}
