// What the operators on softmax rows share.
#pragma once
#include "../framework/operator.h"
#include "softmax.h"

typedef struct {
  int64_t ignore;
  float inverse_temperature;
} LossAttributes;

// Reads ignore_index and temperature.
OrtStatus *read_loss_attributes(const char *operator_name, const OrtKernelInfo *info, LossAttributes *attributes);

// Each token must be `ignore` or in 0 … V−1.
OrtStatus *check_tokens(const Call *call, const Tensor *tokens, int64_t V, int64_t ignore);

// A tensor shaped as `rows_shape` without its last axis: one number for each row.
bool one_for_each_row(const Tensor *tensor, const Tensor *rows_shape);

// Rows a block: one from a vocabulary of 16k on.
static inline int64_t loss_block(int64_t V) { return larger(1, 16384 / larger(V, 1)); }
