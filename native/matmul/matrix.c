#include "matrix.h"

#include <string.h>

OrtStatus *read_product_attributes(const char *operator_name, const OrtKernelInfo *info, ElementType output_type, ProductAttributes *attributes) {
  attributes->transposed_a = attribute_int(info, "transA", 0) != 0;
  attributes->transposed_b = attribute_int(info, "transB", 0) != 0;
  attributes->alpha = attribute_float(info, "alpha", 1);
  attributes->output_type = output_type;
  char precision[8];
  const bool fits = attribute_string(info, "precision", precision, sizeof precision);
  if (!fits || (*precision && strcmp(precision, "bf16") != 0 && strcmp(precision, "f32") != 0)) return fail_attribute(operator_name, "precision is neither \"bf16\" nor \"f32\"");
  attributes->precision = strcmp(precision, "f32") == 0 ? PRECISION_F32 : PRECISION_BF16;
  return NULL;
}

bool is_number(const Tensor *tensor) { return tensor->type == R1_FLOAT || tensor->type == R1_BFLOAT16; }

static Operand operand_of(const Tensor *tensor, int64_t index, bool depth_major) {
  const int64_t stride = tensor_columns(tensor), at = index * tensor_rows(tensor) * stride;
  return (Operand){.data = tensor->bytes + at * (int64_t)element_size(tensor->type), .stride = stride, .type = tensor->type, .depth_major = depth_major};
}

Operand left_operand(const Tensor *tensor, int64_t index, bool transposed) { return operand_of(tensor, index, transposed); }
Operand right_operand(const Tensor *tensor, int64_t index, bool transposed) { return operand_of(tensor, index, !transposed); }
