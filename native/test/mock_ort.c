#include "mock_ort.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct OrtStatus { char *message; };
struct OrtKernelInfo { const Execution *execution; };
struct OrtKernelContext { Execution *execution; const OrtCustomOp *op; };
struct OrtCustomOpDomain { const OrtCustomOp *operators[64]; int count; };

static struct OrtCustomOpDomain domain;
static int threads = 1;

void set_threads(int count) { threads = count; }

static OrtStatus *create_status(int code, const char *message) {
  (void)code;
  OrtStatus *status = malloc(sizeof *status);
  status->message = strdup(message);
  return status;
}

static void release_status(OrtStatus *status) {
  free(status->message);
  free(status);
}

static int bytes_of(ElementType type) {
  switch (type) {
    case R1_INT64: return 8;
    case R1_FLOAT: case R1_INT32: return 4;
    case R1_FLOAT16: case R1_BFLOAT16: return 2;
    default: return 1;
  }
}

size_t value_bytes(const Value *value) { return (size_t)value->size * (size_t)bytes_of(value->type); }

Value *new_value(ElementType type, int rank, const int64_t *shape) {
  Value *value = calloc(1, sizeof *value);
  value->type = type;
  value->rank = rank;
  value->size = 1;
  for (int axis = 0; axis < rank; axis++) value->size *= value->shape[axis] = shape[axis];
  size_t bytes = value_bytes(value);
  value->data = malloc(bytes ? bytes : 1);
  memset(value->data, 0xff, bytes);  // not-a-number, so that what nobody wrote shows
  return value;
}

void free_value(Value *value) {
  if (!value) return;
  free(value->data);
  free(value);
}

// ---- scratch memory that runs out: the linker leads every call of scratch_take here

static atomic_int allowed = -1;

void allow_scratch(int count) { atomic_store(&allowed, count); }

void *__real_scratch_take(size_t bytes);
void *__wrap_scratch_take(size_t bytes);
void *__wrap_scratch_take(size_t bytes) {
  if (atomic_load(&allowed) >= 0 && atomic_fetch_sub(&allowed, 1) <= 0) {
    atomic_store(&allowed, 0);
    return NULL;
  }
  return __real_scratch_take(bytes);
}

// ---- the functions of the table

static OrtStatus *create_domain(const char *name, OrtCustomOpDomain **made) { return (void)name, *made = &domain, NULL; }
static OrtStatus *domain_add(OrtCustomOpDomain *to, const OrtCustomOp *op) { return to->operators[to->count++] = op, NULL; }
static OrtStatus *add_domain(OrtSessionOptions *options, OrtCustomOpDomain *added) { return (void)options, (void)added, NULL; }
static OrtStatus *mutable_data(OrtValue *value, void **data) { return *data = ((Value *)(void *)value)->data, NULL; }

static OrtStatus *type_and_shape(const OrtValue *value_, int *type, const int64_t **shape, size_t *rank) {
  const Value *value = (const Value *)(const void *)value_;
  *type = (int)value->type;
  *shape = value->rank ? value->shape : NULL;
  *rank = (size_t)value->rank;
  return NULL;
}

static const Attribute *attribute_of(const OrtKernelInfo *info, const char *name, int kind) {
  for (int i = 0; i < info->execution->attribute_count; i++)
    if (!strcmp(info->execution->attributes[i].name, name) && (int)info->execution->attributes[i].kind == kind) return &info->execution->attributes[i];
  return NULL;
}

static OrtStatus *attribute_float(const OrtKernelInfo *info, const char *name, float *value) {
  const Attribute *attribute = attribute_of(info, name, ATTRIBUTE_FLOAT);
  return attribute ? (*value = attribute->number, NULL) : create_status(1, "no such attribute");
}

static OrtStatus *attribute_int(const OrtKernelInfo *info, const char *name, int64_t *value) {
  const Attribute *attribute = attribute_of(info, name, ATTRIBUTE_INT);
  return attribute ? (*value = attribute->integer, NULL) : create_status(1, "no such attribute");
}

static OrtStatus *attribute_string(const OrtKernelInfo *info, const char *name, char *text, size_t *size) {
  const Attribute *attribute = attribute_of(info, name, ATTRIBUTE_STRING);
  if (!attribute) return create_status(1, "no such attribute");
  size_t needed = strlen(attribute->text) + 1;
  if (text && *size < needed) return create_status(2, "too small");
  if (text) memcpy(text, attribute->text, needed);
  *size = needed;
  return NULL;
}

static OrtStatus *attribute_floats(const OrtKernelInfo *info, const char *name, float *values, size_t *size) {
  const Attribute *attribute = attribute_of(info, name, ATTRIBUTE_FLOATS);
  if (!attribute) return create_status(1, "no such attribute");
  if (values) memcpy(values, attribute->list, (size_t)attribute->length * sizeof *values);
  *size = (size_t)attribute->length;
  return NULL;
}

static OrtStatus *count_inputs(const OrtKernelContext *context, size_t *count) { return *count = (size_t)context->execution->input_count, NULL; }
static OrtStatus *count_outputs(const OrtKernelContext *context, size_t *count) { return *count = (size_t)context->execution->output_count, NULL; }

static OrtStatus *get_input(const OrtKernelContext *context, size_t index, const OrtValue **value) {
  *value = (const OrtValue *)(const void *)context->execution->inputs[index];
  return NULL;
}

static OrtStatus *get_output(OrtKernelContext *context, size_t index, const int64_t *shape, size_t rank, OrtValue **value) {
  *value = NULL;
  if (!context->execution->outputs[index].wanted) return NULL;
  Value *place = context->execution->outputs[index].place;
  const size_t last = context->op->GetOutputTypeCount(context->op) - 1;
  const ElementType type = (ElementType)context->op->GetOutputType(context->op, index < last ? index : last);
  if (!place) place = context->execution->outputs[index].result = new_value(type, (int)rank, shape);
  bool same = place->rank == (int)rank;
  for (size_t axis = 0; same && axis < rank; axis++) same = place->shape[axis] == shape[axis];
  if (!same) return create_status(2, "a fetched buffer has another shape");
  *value = (OrtValue *)(void *)place;
  return NULL;
}

typedef struct {
  void (*work)(void *, size_t);
  void *data;
  size_t total;
  atomic_size_t next;
} Fork;

static void *worker(void *fork_) {
  Fork *fork = fork_;
  // From the last block to the first: an operator that leans on the order of its blocks shows it.
  for (size_t i = atomic_fetch_add(&fork->next, 1); i < fork->total; i = atomic_fetch_add(&fork->next, 1)) fork->work(fork->data, fork->total - 1 - i);
  return NULL;
}

static OrtStatus *parallel_for(const OrtKernelContext *context, void (*work)(void *, size_t), size_t total, size_t batches, void *data) {
  (void)context, (void)batches;
  Fork fork = {.work = work, .data = data, .total = total};
  pthread_t started[8];
  for (int i = 1; i < threads; i++) pthread_create(&started[i], NULL, worker, &fork);
  worker(&fork);
  for (int i = 1; i < threads; i++) pthread_join(started[i], NULL);
  return NULL;
}

static OrtApi api;
static const OrtApi *get_api(uint32_t version) { return version <= R1_ORT_API_VERSION ? &api : NULL; }
static const char *get_version(void) { return "mock"; }

OrtStatus *RegisterCustomOps(OrtSessionOptions *options, const OrtApiBase *base);

bool register_library(void) {
  struct { int slot; OrtFunction function; } functions[] = {
      {0, (OrtFunction)create_status}, {26, (OrtFunction)create_domain}, {27, (OrtFunction)domain_add}, {28, (OrtFunction)add_domain},
      {51, (OrtFunction)mutable_data}, {85, (OrtFunction)attribute_float}, {86, (OrtFunction)attribute_int}, {87, (OrtFunction)attribute_string},
      {88, (OrtFunction)count_inputs}, {89, (OrtFunction)count_outputs}, {90, (OrtFunction)get_input}, {91, (OrtFunction)get_output},
      {93, (OrtFunction)release_status}, {162, (OrtFunction)attribute_floats}, {274, (OrtFunction)parallel_for}, {414, (OrtFunction)type_and_shape},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) api.slot[functions[i].slot] = functions[i].function;
  static const OrtApiBase base = {get_api, get_version};
  return RegisterCustomOps(NULL, &base) == NULL;
}

static const OrtCustomOp *find(const char *name) {
  for (int i = 0; i < domain.count; i++)
    if (!strcmp(domain.operators[i]->GetName(domain.operators[i]), name)) return domain.operators[i];
  return NULL;
}

bool has_operator(const char *name) { return find(name) != NULL; }

static char *message_of(OrtStatus *status) {
  char *message = strdup(status->message);
  release_status(status);
  return message;
}

char *execute(Execution *execution) {
  const OrtCustomOp *op = find(execution->operator_name);
  if (!op) return strdup("no such operator");
  struct OrtKernelInfo info = {execution};
  struct OrtKernelContext context = {execution, op};
  void *kernel = NULL;
  OrtStatus *status = op->CreateKernelV2(op, &api, &info, &kernel);
  if (status) return message_of(status);
  status = op->KernelComputeV2(kernel, &context);
  op->KernelDestroy(kernel);
  return status ? message_of(status) : NULL;
}
