// Layer normalisation, forward and backward. Letters: T rows, D features. Ba, Kiros and Hinton 2016, arxiv.org/abs/1607.06450
#pragma once
#include <stdint.h>

typedef struct {
  int64_t T, D, block;        // rows, features, rows a block
  const float *x_TD;
  const float *residual_TD;   // or NULL
  const float *weight_D;
  const float *bias_D;        // or NULL
  float epsilon;
  float *y_TD;
  float *mean_T, *inverse_T;  // mean and 1 / standard deviation, or NULL
  float *sum_TD;              // x + residual, or NULL
} LayerNorm;

typedef struct {
  int64_t T, D, block;
  const float *dy_TD, *sum_TD, *weight_D, *mean_T, *inverse_T;
  const float *dsum_TD;       // or NULL
  float *dx_TD;
  float *partial;             // [blocks, 2, D]: dweight and dbias of each block, or NULL
} LayerNormGradient;
