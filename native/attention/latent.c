// The operator CachedLatentAttention: checks, places, and how the work is cut.
#include "latent.h"

#include <math.h>
#include <string.h>

#include "../framework/rows.h"
#include "../framework/scratch.h"
#include "places.h"

typedef struct {
  float scale;
  int64_t values;
} Attributes;

enum { Q, NEW, VECTORS, LENGTHS, SLOTS, SEGMENTS, INPUTS };

static OrtStatus *create(const OrtKernelInfo *info, void *attributes) {
  Attributes *a = attributes;
  a->scale = attribute_float(info, "scale", 0);
  a->values = attribute_int(info, "values", 0);
  return a->values < 1 ? fail_attribute("CachedLatentAttention", "values must say how many features of a vector are the value") : NULL;
}

static OrtStatus *check_shapes(const Call *call, const Tensor *in, LatentAttention *job) {
  const Tensor *q = &in[Q], *vectors = &in[VECTORS];
  if (q->rank != 4 || vectors->rank != 3) return fail_shapes(call, "q must be [B,S,H,d] and the buffer [R,T,d]");
  job->B = q->shape[0], job->S = q->shape[1], job->H = q->shape[2], job->d = q->shape[3], job->T = vectors->shape[1];
  if (!HAS_SHAPE(&in[NEW], job->B, job->S, job->d) || vectors->shape[2] != job->d) return fail_shapes(call, "q, the new vectors and the buffer differ in rows or width");
  if (job->e > job->d) return fail_shapes(call, "a value of %lld features is longer than a vector", (long long)job->e);
  if (!HAS_SHAPE(&in[LENGTHS], job->B)) return fail_shapes(call, "lengths must be [B]");
  if (in[SLOTS].shape ? !HAS_SHAPE(&in[SLOTS], job->B) : vectors->shape[0] != job->B) return fail_shapes(call, "slots must be [B]; without slots the buffer must have B rows");
  if (in[SEGMENTS].shape && !HAS_SHAPE(&in[SEGMENTS], job->B, job->S)) return fail_shapes(call, "segments must be [B,S]");
  return NULL;
}

static OrtStatus *attend(const Call *call, LatentAttention *job, int64_t longest) {
  enum { ENOUGH_TASKS = 16 };  // with fewer, the places are split too
  const int64_t queries = job->S * job->H;
  R1_TRY(parallel(call, job->B * job->S, row_kernels()->latent_append, job));
  job->query_tasks = blocks_of(queries, QUERIES_OF_TASK);
  const int64_t tasks = job->B * job->query_tasks, chunks = blocks_of(longest, PLACE_CHUNK);
  job->spans = 1;
  if (tasks >= ENOUGH_TASKS || chunks <= 1) return parallel(call, tasks, row_kernels()->latent_attend, job);
  job->spans = smaller(chunks, blocks_of(ENOUGH_TASKS, tasks));
  job->chunks = chunks;
  const size_t bytes = (size_t)(job->B * queries * chunks * (PART_FLOATS + job->e)) * sizeof(float);
  job->parts = scratch_take(bytes);
  if (!job->parts) return fail_memory(call, bytes);
  OrtStatus *status = parallel(call, tasks * job->spans, row_kernels()->latent_attend, job);
  if (!status) status = parallel(call, tasks, row_kernels()->latent_merge, job);
  scratch_give(job->parts);
  return status;
}

static OrtStatus *compute(void *attributes, Call *call) {
  const Attributes *a = attributes;
  Tensor in[INPUTS];
  for (int i = 0; i < INPUTS; i++) in[i] = (Tensor){.rank = 0};
  for (int i = 0; i < INPUTS && i < input_count(call); i++) R1_TRY(input(call, i, &in[i]));
  LatentAttention job = {.e = a->values, .half = in[VECTORS].type == R1_FLOAT16};
  R1_TRY(check_shapes(call, in, &job));
  job.scale = a->scale > 0 ? a->scale : 1 / sqrtf((float)larger(job.d, 1));
  job.q_BSHd = in[Q].floats, job.new_BSd = in[NEW].floats, job.slots_B = in[SLOTS].integers;
  const Tensor *vectors = &in[VECTORS];
  R1_TRY(output_floats(call, 0, 4, (int64_t[]){job.B, job.S, job.H, job.e}, &job.y_BSHe));
  R1_TRY(output(call, 1, vectors->rank, vectors->shape, &job.vectors_RTd));
  if (!job.y_BSHe || !job.vectors_RTd) return fail(call, "both results must be outputs");
  if (job.vectors_RTd != vectors->data) memcpy(job.vectors_RTd, vectors->data, (size_t)vectors->size * (job.half ? 2 : 4));
  const int64_t R = vectors->shape[0];
  const size_t places_bytes = (size_t)(job.B * job.S) * sizeof(int64_t);
  char *memory = scratch_take(places_bytes + (size_t)R);
  if (!memory) return fail_memory(call, places_bytes + (size_t)R);
  job.places_BS = (int64_t *)(void *)memory;
  int64_t longest = 0;
  const StepPlaces step = {.B = job.B, .S = job.S, .R = R, .T = job.T, .lengths_B = in[LENGTHS].integers, .slots_B = job.slots_B, .segments_BS = in[SEGMENTS].integers};
  OrtStatus *status = find_places(call, &step, (uint8_t *)memory + places_bytes, job.places_BS, &longest);
  if (!status) status = attend(call, &job, longest);
  scratch_give(memory);
  return status;
}

R1_IN_PLACE(in_place, 1, ({VECTORS}), ({1}))

#define OPERATOR(form, kept)                                                                                                                                      \
  {                                                                                                                                                               \
    .name = form, .inputs = {{R1_FLOAT}, {R1_FLOAT}, {kept}, {R1_INT64}, {R1_INT64, R1_OPTIONAL}, {R1_INT64, R1_OPTIONAL}}, .input_count = INPUTS,                \
    .outputs = {{R1_FLOAT}, {kept}}, .output_count = 2, .attributes_size = sizeof(Attributes), .create = create, .compute = compute, .in_place = in_place,        \
  }
const Operator r1_operator_cached_latent_attention = OPERATOR("CachedLatentAttention", R1_FLOAT);
const Operator r1_operator_cached_latent_attention_f16 = OPERATOR("CachedLatentAttentionF16", R1_FLOAT16);
