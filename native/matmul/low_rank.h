// Gradients of low-rank adapters: sums over the tokens, out[j, n] = Σₜ left[t, j] · right[t, n], where j runs over a rank so small that packing `right` would cost more than multiplying.
// Letters: T tokens, N columns.
#pragma once
#include "../framework/operator.h"

enum {
  LOW_RANK_MOST = 32,     // ranks above it are products like any other
  LOW_RANK_STRIPE = 128,  // columns of a task
};

typedef struct {
  const void *left, *right;  // [T, rank], [T, N]
  ElementType left_type, right_type;
  int64_t T, rank, N;
  float *out;
  int64_t rank_stride, column_stride;  // from out[j, n] to out[j + 1, n] and to out[j, n + 1]
  int64_t first_task;                  // its stripes are tasks from this one on
} LowRankSum;

typedef struct {
  const LowRankSum *sums;  // first_task ascends
  int count;
} LowRankSums;
