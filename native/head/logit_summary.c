// The operator LogitSummary: rows are cut into chunks of tokens, so that one row keeps all cores busy too.
#include "logit_summary.h"

#include "../framework/rows.h"
#include "../framework/scratch.h"

typedef struct {
  int64_t k;
} Attributes;

static OrtStatus *create(const OrtKernelInfo *info, void *attributes) {
  Attributes *a = attributes;
  a->k = attribute_int(info, "k", 1);
  return a->k < 1 ? fail_attribute("LogitSummary", "k must be at least 1") : NULL;
}

static OrtStatus *compute(void *attributes, Call *call) {
  const Attributes *a = attributes;
  Tensor logits;
  R1_TRY(input(call, 0, &logits));
  LogitSummary job = {.N = rows(&logits), .V = width(&logits), .k = a->k, .logits_NV = logits.floats};
  if (logits.rank < 1 || job.k > job.V) return fail_shapes(call, "logits must be […,V] with V at least k = %lld", (long long)job.k);
  int64_t shape[R1_MAX_RANK];
  for (int axis = 0; axis < logits.rank; axis++) shape[axis] = logits.shape[axis];
  shape[logits.rank - 1] = job.k;
  void *tokens;
  R1_TRY(output_floats(call, 0, logits.rank, shape, &job.values_Nk));
  R1_TRY(output(call, 1, logits.rank, shape, &tokens));
  R1_TRY(output_floats(call, 2, logits.rank - 1, shape, &job.log_sum_exp_N));
  job.tokens_Nk = tokens;
  if (!job.values_Nk || !job.tokens_Nk) return fail(call, "values and tokens must be outputs");
  job.chunks = blocks_of(job.V, SUMMARY_CHUNK);
  const size_t parts = (size_t)(job.N * job.chunks), bytes = parts * (sizeof(SummaryPart) + (size_t)job.k * (sizeof(float) + sizeof(int64_t)));
  if (!parts) return NULL;
  char *memory = scratch_take(bytes);
  if (!memory) return fail_memory(call, bytes);
  job.part_tokens = (int64_t *)(void *)memory;
  job.parts = (SummaryPart *)(void *)(memory + parts * (size_t)job.k * sizeof(int64_t));
  job.part_values = (float *)(job.parts + parts);
  OrtStatus *status = parallel(call, job.N * job.chunks, row_kernels()->logit_summary, &job);
  if (!status) status = parallel(call, job.N, row_kernels()->logit_summary_merge, &job);
  scratch_give(memory);
  return status;
}

const Operator r1_operator_logit_summary = {
    .name = "LogitSummary",
    .inputs = {{R1_FLOAT}},
    .input_count = 1,
    .outputs = {{R1_FLOAT}, {R1_INT64}, {R1_FLOAT, R1_OPTIONAL}},
    .output_count = 3,
    .attributes_size = sizeof(Attributes),
    .create = create,
    .compute = compute,
};
