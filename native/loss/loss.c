#include "loss.h"

#include <math.h>

OrtStatus *read_loss_attributes(const char *operator_name, const OrtKernelInfo *info, LossAttributes *attributes) {
  float temperature = attribute_float(info, "temperature", 1.0f);
  attributes->ignore = attribute_int(info, "ignore_index", -100);
  if (!(temperature > 0) || isinf(temperature)) return fail_attribute(operator_name, "temperature must be positive and finite");
  attributes->inverse_temperature = 1.0f / temperature;
  return NULL;
}

OrtStatus *check_tokens(const Call *call, const Tensor *tokens, int64_t V, int64_t ignore) {
  for (int64_t t = 0; t < tokens->size; t++) {
    int64_t token = tokens->integers[t];
    if ((token < 0 || token >= V) && token != ignore)
      return fail(call, "token %lld at place %lld is neither in the vocabulary 0 … %lld nor the ignored %lld", (long long)token, (long long)t, (long long)(V - 1),
                  (long long)ignore);
  }
  return NULL;
}

bool one_for_each_row(const Tensor *tensor, const Tensor *rows_shape) {
  if (tensor->rank != rows_shape->rank - 1) return false;
  for (int axis = 0; axis < tensor->rank; axis++)
    if (tensor->shape[axis] != rows_shape->shape[axis]) return false;
  return true;
}
