// Root-mean-square normalisation, forward and backward. Letters: T rows, D features. Zhang and Sennrich 2019, arxiv.org/abs/1910.07467
#pragma once
#include <stdint.h>

typedef struct {
  int64_t T, D, block;        // rows, features, rows a block
  const float *x_TD;
  const float *residual_TD;   // or NULL
  const float *weight_D;
  float epsilon;
  float *y_TD;
  uint16_t *y_bf16_TD;        // y in bf16 instead, or NULL
  float *inverse_T;           // 1 / root mean square, or NULL
  float *sum_TD;              // x + residual, or NULL
} RmsNorm;

typedef struct {
  int64_t T, D, block;
  const float *dy_TD, *sum_TD, *weight_D, *inverse_T;
  const float *dsum_TD;       // or NULL
  float *dx_TD;
  float *dweight_partial;     // [blocks, D], or NULL
} RmsNormGradient;
