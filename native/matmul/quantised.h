// Weights stored as codes: NF4 (QLoRA, arXiv 2305.14314; two codes a byte, the first in the high half) and int8. A number is scale · level of its code, with one scale
// for each block of codes in the order they lie in memory. They are turned back into numbers a piece at a time while the columns side is packed.
#pragma once
#include "panels.h"

// `kernels->pack_columns` for any operand, codes included.
void pack_columns(const GemmKernels *kernels, const Operand *operand, int64_t first, int64_t count, int64_t start, int64_t depth, Lane *panels, int64_t panel_stride);

// A job of the row kernel `dequantise`: rows `row` … of the matrix of codes, columns `column` …, into numbers [rows, columns].
typedef struct {
  const Operand *codes;  // stride: the matrix's columns
  int64_t row, rows, column, columns;
  float *numbers;
} Dequantisation;
