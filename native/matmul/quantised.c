#include "quantised.h"

#include "../framework/rows.h"

enum { DEPTH = 64, MOST_COLUMNS = 64 };  // of the piece that is dequantised at a time: 16 kB, a multiple of every path's block of lanes

void pack_columns(const GemmKernels *kernels, const Operand *operand, int64_t first, int64_t count, int64_t start, int64_t depth, Lane *panels, int64_t panel_stride) {
  if (operand->type != R1_UINT8 && operand->type != R1_INT8) {
    kernels->pack_columns(operand, first, count, start, depth, panels, panel_stride);
    return;
  }
  float numbers[DEPTH * MOST_COLUMNS];
  const bool depth_major = operand->depth_major;
  for (int64_t k = 0; k < depth; k += DEPTH) {
    for (int64_t i = 0; i < count; i += kernels->columns) {
      const int64_t vectors = smaller(kernels->columns, count - i), numbers_deep = smaller(DEPTH, depth - k);
      Dequantisation job = {.codes = operand, .row = first + i, .rows = vectors, .column = start + k, .columns = numbers_deep, .numbers = numbers};
      if (depth_major) job = (Dequantisation){.codes = operand, .row = start + k, .rows = numbers_deep, .column = first + i, .columns = vectors, .numbers = numbers};
      row_kernels()->dequantise(&job, 0);
      const Operand piece = {.data = numbers, .stride = job.columns, .type = R1_FLOAT, .depth_major = depth_major};
      kernels->pack_columns(&piece, 0, vectors, 0, numbers_deep, panels + i / kernels->columns * panel_stride + k / kernels->lane_depth * kernels->columns, panel_stride);
    }
  }
}
