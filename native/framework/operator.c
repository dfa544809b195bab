// Tensors, errors and attributes of an operator, on top of ONNX Runtime's function table.
#include "operator.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"

const OrtApi *r1_ort;

// ---- errors

static OrtStatus *status_of(int code, const char *operator_name, const char *format, va_list arguments, const Call *shapes_of);

OrtStatus *fail(const Call *call, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  OrtStatus *status = status_of(ORT_INVALID_ARGUMENT, call->operator->name, format, arguments, NULL);
  va_end(arguments);
  return status;
}

OrtStatus *fail_shapes(const Call *call, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  OrtStatus *status = status_of(ORT_INVALID_ARGUMENT, call->operator->name, format, arguments, call);
  va_end(arguments);
  return status;
}

// As fail_shapes, with the code for what is no fault of the inputs.
__attribute__((format(printf, 2, 3))) static OrtStatus *fail_here(const Call *call, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  OrtStatus *status = status_of(ORT_FAIL, call->operator->name, format, arguments, call);
  va_end(arguments);
  return status;
}

OrtStatus *fail_memory(const Call *call, size_t bytes) {
  return bytes ? fail_here(call, "out of memory, %zu bytes of scratch memory could not be had", bytes) : fail_here(call, "out of memory in a task");
}

OrtStatus *fail_attribute(const char *operator_name, const char *message) {
  char text[256];
  snprintf(text, sizeof text, "%s: %s", operator_name, message);
  return ORT_CreateStatus(ORT_INVALID_ARGUMENT, text);
}

// snprintf onto the end of what is there; a full text stays as it is.
__attribute__((format(printf, 3, 4))) static void append(char *text, size_t capacity, const char *format, ...) {
  size_t used = strlen(text);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text + used, capacity - used, format, arguments);
  va_end(arguments);
}

static void append_shapes(char *text, size_t capacity, const Call *call) {
  int count = input_count(call), shown = (int)smaller(count, R1_MAX_PORTS);
  append(text, capacity, " (inputs:");
  for (int i = 0; i < shown; i++) {
    Tensor tensor;
    OrtStatus *status = input(call, i, &tensor);
    append(text, capacity, i ? ", " : " ");
    if (status) {
      ORT_ReleaseStatus(status);
      append(text, capacity, "?");
      continue;
    }
    if (!tensor.shape) {
      append(text, capacity, "none");
      continue;
    }
    append(text, capacity, "[");
    for (int axis = 0; axis < tensor.rank; axis++) append(text, capacity, axis ? ",%lld" : "%lld", (long long)tensor.shape[axis]);
    append(text, capacity, "]");
  }
  append(text, capacity, shown < count ? ", … %d in all)" : ")", count);
}

static OrtStatus *status_of(int code, const char *operator_name, const char *format, va_list arguments, const Call *shapes_of) {
  char text[768];
  snprintf(text, sizeof text, "%s: ", operator_name);
  size_t used = strlen(text);
  vsnprintf(text + used, sizeof text - used, format, arguments);
  if (shapes_of) append_shapes(text, sizeof text, shapes_of);
  return ORT_CreateStatus(code, text);
}

// ---- tensors

int input_count(const Call *call) { return call->input_count; }
int output_count(const Call *call) { return call->output_count; }

static const Port *port_of(const Port *ports, int count, int index) { return &ports[index < count ? index : count - 1]; }

OrtStatus *input(const Call *call, int index, Tensor *tensor) {
  *tensor = (Tensor){.rank = 0};
  if (index >= call->input_count) return NULL;
  const OrtValue *value = NULL;
  R1_TRY(ORT_KernelContext_GetInput(call->context, (size_t)index, &value));
  if (!value) return NULL;
  int type = 0;
  size_t rank = 0;
  R1_TRY(ORT_GetTensorElementTypeAndShapeDataReference(value, &type, &tensor->shape, &rank));
  // A scalar's shape may be a null pointer; a tensor that is there must not look like one that is not.
  static const int64_t scalar[1] = {1};
  if (rank == 0) tensor->shape = scalar;
  if (rank > R1_MAX_RANK) return fail(call, "input %d has rank %zu, more than %d", index, rank, R1_MAX_RANK);
  int wanted = port_of(call->operator->inputs, call->operator->input_count, index)->type;
  if (wanted && type != wanted) return fail(call, "input %d has element type %d, not %d", index, type, wanted);
  tensor->rank = (int)rank;
  tensor->type = (ElementType)type;
  tensor->size = 1;
  for (int axis = 0; axis < tensor->rank; axis++) tensor->size *= tensor->shape[axis];
  return ORT_GetTensorMutableData((OrtValue *)value, &tensor->data);
}

OrtStatus *output(Call *call, int index, int rank, const int64_t *shape, void **data) {
  *data = NULL;
  if (index >= call->output_count) return NULL;
  OrtValue *value = NULL;
  R1_TRY(ORT_KernelContext_GetOutput(call->context, (size_t)index, shape, (size_t)rank, &value));
  return value ? ORT_GetTensorMutableData(value, data) : NULL;
}

OrtStatus *output_floats(Call *call, int index, int rank, const int64_t *shape, float **data) {
  void *memory;
  R1_TRY(output(call, index, rank, shape, &memory));
  *data = memory;
  return NULL;
}

OrtStatus *output_like(Call *call, int index, const Tensor *like, float **data) {
  return output_floats(call, index, like->rank, like->shape, data);
}

OrtStatus *output_rows(Call *call, int index, const Tensor *like, int64_t row_width, float **data) {
  int64_t shape[R1_MAX_RANK];
  for (int axis = 0; axis < like->rank; axis++) shape[axis] = like->shape[axis];
  if (like->rank) shape[like->rank - 1] = row_width;
  return output_floats(call, index, like->rank, shape, data);
}

bool same_shape(const Tensor *a, const Tensor *b) {
  if (a->rank != b->rank) return false;
  for (int axis = 0; axis < a->rank; axis++)
    if (a->shape[axis] != b->shape[axis]) return false;
  return true;
}

bool has_shape(const Tensor *tensor, int rank, const int64_t *shape) {
  if (!tensor->shape || tensor->rank != rank) return false;
  for (int axis = 0; axis < rank; axis++)
    if (tensor->shape[axis] != shape[axis]) return false;
  return true;
}

int64_t width(const Tensor *tensor) { return tensor->rank ? tensor->shape[tensor->rank - 1] : 1; }
int64_t rows(const Tensor *tensor) { return width(tensor) ? tensor->size / width(tensor) : 0; }

// ---- attributes: a missing one comes as a status, which is released

static bool found(OrtStatus *status) {
  if (status) ORT_ReleaseStatus(status);
  return !status;
}

float attribute_float(const OrtKernelInfo *info, const char *name, float otherwise) {
  float value;
  return found(ORT_KernelInfoGetAttribute_float(info, name, &value)) ? value : otherwise;
}

int64_t attribute_int(const OrtKernelInfo *info, const char *name, int64_t otherwise) {
  int64_t value;
  return found(ORT_KernelInfoGetAttribute_int64(info, name, &value)) ? value : otherwise;
}

bool attribute_string(const OrtKernelInfo *info, const char *name, char *text, size_t capacity) {
  text[0] = 0;
  size_t needed = 0;
  if (!found(ORT_KernelInfoGetAttribute_string(info, name, NULL, &needed))) return true;
  if (needed > capacity) return false;
  return found(ORT_KernelInfoGetAttribute_string(info, name, text, &capacity));
}

int64_t attribute_floats(const OrtKernelInfo *info, const char *name, float **values) {
  *values = NULL;
  size_t count = 0;
  if (!found(ORT_KernelInfoGetAttributeArray_float(info, name, NULL, &count)) || count == 0) return 0;
  float *list = malloc(count * sizeof *list);
  if (!list) return -1;
  if (!found(ORT_KernelInfoGetAttributeArray_float(info, name, list, &count))) {
    free(list);
    return -1;
  }
  *values = list;
  return (int64_t)count;
}
