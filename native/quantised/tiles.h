// The other way to multiply many rows: weights turned back into numbers a panel at a time and multiplied by the matrix product's own tiles, operands rounded to bf16. Faster than
// int8 blocks only where the processor has tile registers; and closer to the weights, as activations keep 8 bits of fraction each instead of 7 bits of the block's largest.
#pragma once
#include "../matmul/panels.h"
#include "packed.h"

// Rows of X [M, K] packed for the tiles.
typedef struct {
  const GemmKernels *kernels;
  int64_t M, K, panel_stride;
  Lane *panels;
} TileRows;

// Lanes that `panels` needs.
int64_t tile_rows_size(const GemmKernels *kernels, int64_t M, int64_t K);
void pack_tile_rows(const TileRows *rows, const float *x, int64_t first, int64_t count);

// Bytes of scratch memory for `multiply_tiles`.
int64_t tile_scratch_size(const GemmKernels *kernels, int64_t K);

// Rows `first` … (a multiple of the kernels' rows) of X times rows `column` … of W into target. `columns` is at most the kernels'.
void multiply_tiles(const TileRows *rows, int64_t first, int64_t count, const Format *format, const uint8_t *packed, int64_t column, int64_t columns, const Target *target, void *scratch);
