// Tensors as stacks of matrices, and the attributes that all product operators share.
#pragma once
#include "gemm.h"

typedef struct {
  bool transposed_a, transposed_b;
  float alpha;
  Precision precision;
  ElementType output_type;
} ProductAttributes;

// Reads transA, transB, alpha and precision ("bf16" or "f32").
OrtStatus *read_product_attributes(const char *operator_name, const OrtKernelInfo *info, ElementType output_type, ProductAttributes *attributes);

// f32 or bf16, the types that a product takes.
bool is_number(const Tensor *tensor);

// The last two axes as they lie in memory.
static inline int64_t tensor_rows(const Tensor *tensor) { return tensor->shape[tensor->rank - 2]; }
static inline int64_t tensor_columns(const Tensor *tensor) { return tensor->shape[tensor->rank - 1]; }

// Matrix number `index` of a stack as the left side, M vectors of length K ([M, K], or [K, M] transposed), and as the right side, N vectors of length K ([K, N], or [N, K] transposed).
Operand left_operand(const Tensor *tensor, int64_t index, bool transposed);
Operand right_operand(const Tensor *tensor, int64_t index, bool transposed);
