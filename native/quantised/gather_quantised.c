// Rows of a packed matrix as numbers: GatherQuantised. Inputs packed u8, ids i64 […]; output f32 […, K]. An embedding table that is the head's weight too lies in memory once.
#include <stdio.h>

#include "../framework/operator.h"
#include "packed.h"

typedef struct {
  const Format *format;
  int64_t N, K;
} Attributes;

typedef struct {
  const Attributes *table;
  const uint8_t *packed;
  const int64_t *ids;
  float *y;
} Job;

static int gather_row(void *job_, int64_t index) {
  const Job *job = job_;
  unpack_row(job->table->format, job->packed, job->ids[index], job->table->K, job->y + index * job->table->K);
  return 0;
}

static OrtStatus *compute(void *attributes_, Call *call) {
  const Attributes *attributes = attributes_;
  Tensor packed, ids;
  R1_TRY(input(call, 0, &packed));
  R1_TRY(input(call, 1, &ids));
  if (packed.size != quantised_bytes(attributes->format, attributes->N, attributes->K))
    return fail_shapes(call, "%s [%lld,%lld] has another number of packed bytes", attributes->format->name, (long long)attributes->N, (long long)attributes->K);
  for (int64_t i = 0; i < ids.size; i++)
    if (ids.integers[i] < 0 || ids.integers[i] >= attributes->N)
      return fail_shapes(call, "id %lld is not one of 0 … %lld", (long long)ids.integers[i], (long long)attributes->N - 1);
  if (ids.rank >= R1_MAX_RANK) return fail_shapes(call, "ids have too many axes");
  int64_t shape[R1_MAX_RANK];
  for (int axis = 0; axis < ids.rank; axis++) shape[axis] = ids.shape[axis];
  shape[ids.rank] = attributes->K;
  Job job = {.table = attributes, .packed = packed.bytes, .ids = ids.integers};
  R1_TRY(output_floats(call, 0, ids.rank + 1, shape, &job.y));
  if (!job.y) return NULL;
  return parallel(call, ids.size, gather_row, &job);
}

static OrtStatus *create(const OrtKernelInfo *info, void *attributes_) {
  Attributes *attributes = attributes_;
  char type[16];
  if (!attribute_string(info, "type", type, sizeof type) || !(attributes->format = quantised_format(type))) return fail_attribute("GatherQuantised", "type must be a block type such as \"Q4_1\"");
  attributes->N = attribute_int(info, "rows", 0);
  attributes->K = attribute_int(info, "columns", 0);
  if (quantised_bytes(attributes->format, attributes->N, attributes->K) < 0) return fail_attribute("GatherQuantised", "rows and columns must fit the type");
  return NULL;
}

const Operator r1_operator_gather_quantised = {
    .name = "GatherQuantised",
    .inputs = {{R1_UINT8}, {R1_INT64}},
    .input_count = 2,
    .outputs = {{R1_FLOAT}},
    .output_count = 1,
    .attributes_size = sizeof(Attributes),
    .create = create,
    .compute = compute,
};
