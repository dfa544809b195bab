// What the normalisations' operators share.
#pragma once
#include "../framework/operator.h"

// Rows a block: about 16k elements, so that a block is worth a fork, whatever the width.
static inline int64_t norm_block(int64_t D) { return larger(1, 16384 / larger(D, 1)); }

// Rows a block where each block keeps its own sums over rows: at most 32 blocks, by the number of rows alone, so that the sums do not depend on threads.
static inline int64_t norm_gradient_block(int64_t T) { return larger(1, blocks_of(T, 32)); }

// total[i] = Σ over blocks of partial[block · stride + i], in block order.
static inline void add_partials(const float *partial, int64_t blocks, int64_t stride, int64_t D, float *sum) {
  for (int64_t i = 0; i < D; i++) sum[i] = 0;
  for (int64_t block = 0; block < blocks; block++)
    for (int64_t i = 0; i < D; i++) sum[i] += partial[block * stride + i];
}
