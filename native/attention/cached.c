// The operator CachedAttention: checks, the places of the tokens, and how the work is cut.
#include "cached.h"

#include <math.h>
#include <string.h>

#include "../framework/rows.h"
#include "../framework/scratch.h"
#include "places.h"

typedef struct {
  float scale, softcap;
  int64_t window;
} Attributes;

enum { Q, K_NEW, V_NEW, KEYS, VALUES, LENGTHS, SLOTS, SEGMENTS, POSITIONS, COSINES, SINES, KEY_SCALES, VALUE_SCALES, INPUTS };

static OrtStatus *create(const OrtKernelInfo *info, void *attributes) {
  Attributes *a = attributes;
  a->scale = attribute_float(info, "scale", 0);
  a->softcap = attribute_float(info, "softcap", 0);
  a->window = attribute_int(info, "window", 0);
  if (a->window < 0 || !(a->softcap >= 0)) return fail_attribute("CachedAttention", "window and softcap must not be negative");
  return NULL;
}

static OrtStatus *check_shapes(const Call *call, const Tensor *in, CachedAttention *job) {
  const Tensor *q = &in[Q], *v = &in[V_NEW], *keys = &in[KEYS], *values = &in[VALUES];
  if (q->rank != 4 || v->rank != 4 || values->rank != 4) return fail_shapes(call, "q must be [B,S,H,d], v [B,S,K,e] and values [R,K,T,e]");
  job->B = q->shape[0], job->S = q->shape[1], job->H = q->shape[2], job->d = q->shape[3];
  job->K = v->shape[2], job->e = v->shape[3], job->T = values->shape[2];
  const int64_t R = values->shape[0];
  if (job->d < 1 || job->e < 1) return fail_shapes(call, "a head needs features");
  if (job->K < 1 || job->H % job->K) return fail_shapes(call, "the heads of q must be a multiple of those of k and v");
  if (!HAS_SHAPE(&in[K_NEW], job->B, job->S, job->K, job->d) || !HAS_SHAPE(v, job->B, job->S, job->K, job->e)) return fail_shapes(call, "q, k and v differ in rows or width");
  if (job->T % PLACE_BLOCK || !HAS_SHAPE(keys, R, job->K, job->T / PLACE_BLOCK, job->d, PLACE_BLOCK) || !HAS_SHAPE(values, R, job->K, job->T, job->e))
    return fail_shapes(call, "the buffers must be [R,K,T/%d,d,%d] and [R,K,T,e]", PLACE_BLOCK, PLACE_BLOCK);
  if (keys->type == R1_INT8 && (!HAS_SHAPE(&in[KEY_SCALES], R, job->K, job->T, 1) || !HAS_SHAPE(&in[VALUE_SCALES], R, job->K, job->T, 1)))
    return fail_shapes(call, "int8 buffers need two of scales [R,K,T,1]");
  if (!HAS_SHAPE(&in[LENGTHS], job->B)) return fail_shapes(call, "lengths must be [B]");
  if (in[SLOTS].shape ? !HAS_SHAPE(&in[SLOTS], job->B) : R != job->B) return fail_shapes(call, "slots must be [B]; without slots the buffers must have B rows");
  if (in[SEGMENTS].shape && !HAS_SHAPE(&in[SEGMENTS], job->B, job->S)) return fail_shapes(call, "segments must be [B,S]");
  if (!in[COSINES].shape) return NULL;
  if (in[COSINES].rank != 2 || !in[SINES].shape || !same_shape(&in[COSINES], &in[SINES])) return fail_shapes(call, "cos and sin must be two tables of one shape [P,R/2]");
  if (!HAS_SHAPE(&in[POSITIONS], job->B, job->S)) return fail_shapes(call, "positions must be [B,S]");
  job->half = width(&in[COSINES]);
  if (2 * job->half > job->d) return fail_shapes(call, "the tables turn more features than a head has");
  return NULL;
}

// Positions are rows of the tables; those of padding are not looked at.
static OrtStatus *check_positions(const Call *call, const Tensor *in, const CachedAttention *job) {
  for (int64_t at = 0; job->half && at < job->B * job->S; at++) {
    const int64_t position = job->positions_BS[at], positions = in[COSINES].shape[0];
    if (job->places_BS[at] >= 0 && (position < 0 || position >= positions)) return fail(call, "position %lld is outside the tables' 0 … %lld", (long long)position, (long long)(positions - 1));
  }
  return NULL;
}

// The updated buffer: the input's own memory, or a copy of it.
static OrtStatus *updated(Call *call, int index, const Tensor *buffer, void **memory) {
  R1_TRY(output(call, index, buffer->rank, buffer->shape, memory));
  if (!*memory) return fail(call, "all buffers must be outputs");
  if (*memory != buffer->data) memcpy(*memory, buffer->data, (size_t)buffer->size * (buffer->type == R1_FLOAT ? 4 : buffer->type == R1_INT8 ? 1 : 2));
  return NULL;
}

// How many tasks are enough to keep every core busy; with fewer, the places are split too.
enum { ENOUGH_TASKS = 16, TASK_FLOATS = 16384 };

static OrtStatus *attend(const Call *call, CachedAttention *job, int64_t longest) {
  const int64_t tokens = job->B * job->S, queries = job->S * job->G;
  job->tokens_of_task = larger(1, TASK_FLOATS / ((job->H + job->K) * job->d + job->K * job->e));
  R1_TRY(parallel(call, blocks_of(tokens, job->tokens_of_task), row_kernels()->cached_append, job));
  job->query_tasks = blocks_of(queries, QUERIES_OF_TASK);
  const int64_t tasks = job->B * job->K * job->query_tasks, chunks = blocks_of(longest, PLACE_CHUNK);
  job->spans = 1;
  if (tasks >= ENOUGH_TASKS || chunks <= 1) return parallel(call, tasks, row_kernels()->cached_attend, job);
  job->spans = smaller(chunks, blocks_of(ENOUGH_TASKS, tasks));
  job->chunks = chunks;
  const size_t bytes = (size_t)(job->B * job->K * queries * chunks * (PART_FLOATS + job->e)) * sizeof(float);
  job->parts = scratch_take(bytes);
  if (!job->parts) return fail_memory(call, bytes);
  OrtStatus *status = parallel(call, tasks * job->spans, row_kernels()->cached_attend, job);
  if (!status) status = parallel(call, tasks, row_kernels()->cached_merge, job);
  scratch_give(job->parts);
  return status;
}

static OrtStatus *compute(void *attributes, Call *call) {
  const Attributes *a = attributes;
  Tensor in[INPUTS];
  for (int i = 0; i < INPUTS; i++) in[i] = (Tensor){.rank = 0};
  for (int i = 0; i < INPUTS && i < input_count(call); i++) R1_TRY(input(call, i, &in[i]));
  CachedAttention job = {.window = a->window, .softcap = a->softcap};
  R1_TRY(check_shapes(call, in, &job));
  job.G = job.H / job.K;
  const float scale = a->scale > 0 ? a->scale : 1 / sqrtf((float)larger(job.d, 1));
  job.scale = a->softcap > 0 ? scale / a->softcap : scale;
  job.type = in[KEYS].type == R1_FLOAT16 ? CACHED_F16 : in[KEYS].type == R1_INT8 ? CACHED_I8 : CACHED_F32;
  job.q_BSHd = in[Q].floats, job.k_BSKd = in[K_NEW].floats, job.v_BSKe = in[V_NEW].floats;
  job.cos_P = in[COSINES].floats, job.sin_P = in[SINES].floats;
  job.positions_BS = in[POSITIONS].integers, job.slots_B = in[SLOTS].integers;
  R1_TRY(output_floats(call, 0, 4, (int64_t[]){job.B, job.S, job.H, job.e}, &job.y_BSHe));
  R1_TRY(updated(call, 1, &in[KEYS], &job.keys_RKTd));
  R1_TRY(updated(call, 2, &in[VALUES], &job.values_RKTe));
  if (job.type == CACHED_I8) {
    R1_TRY(updated(call, 3, &in[KEY_SCALES], (void **)&job.key_scales_RKT));
    R1_TRY(updated(call, 4, &in[VALUE_SCALES], (void **)&job.value_scales_RKT));
  }
  if (!job.y_BSHe) return fail(call, "the result must be an output");
  const int64_t tokens = job.B * job.S, R = in[VALUES].shape[0];
  const size_t turned_bytes = (size_t)(tokens * job.H * job.d) * sizeof(float), places_bytes = (size_t)tokens * sizeof(int64_t);
  char *memory = scratch_take(turned_bytes + places_bytes + (size_t)R);
  if (!memory) return fail_memory(call, turned_bytes + places_bytes + (size_t)R);
  job.places_BS = (int64_t *)(void *)memory;
  job.turned_BSHd = (float *)(void *)(memory + places_bytes);
  int64_t longest = 0;
  const StepPlaces step = {.B = job.B, .S = job.S, .R = R, .T = job.T, .lengths_B = in[LENGTHS].integers, .slots_B = job.slots_B, .segments_BS = in[SEGMENTS].integers};
  OrtStatus *status = find_places(call, &step, (uint8_t *)memory + places_bytes + turned_bytes, job.places_BS, &longest);
  if (!status) status = check_positions(call, in, &job);
  if (!status) status = attend(call, &job, longest);
  scratch_give(memory);
  return status;
}

R1_IN_PLACE(in_place, 2, ({KEYS, VALUES}), ({1, 2}))
R1_IN_PLACE(in_place_i8, 4, ({KEYS, VALUES, KEY_SCALES, VALUE_SCALES}), ({1, 2, 3, 4}))

#define COMMON_INPUTS(kept)                                                                                                              \
  {R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT}, {kept}, {kept}, {R1_INT64}, {R1_INT64, R1_OPTIONAL}, {R1_INT64, R1_OPTIONAL}, {R1_INT64, R1_OPTIONAL}, \
      {R1_FLOAT, R1_OPTIONAL}, {R1_FLOAT, R1_OPTIONAL}
#define COMMON .attributes_size = sizeof(Attributes), .create = create, .compute = compute

const Operator r1_operator_cached_attention = {
    .name = "CachedAttention",
    .inputs = {COMMON_INPUTS(R1_FLOAT)}, .input_count = KEY_SCALES,
    .outputs = {{R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT}}, .output_count = 3,
    COMMON, .in_place = in_place,
};
const Operator r1_operator_cached_attention_f16 = {
    .name = "CachedAttentionF16",
    .inputs = {COMMON_INPUTS(R1_FLOAT16)}, .input_count = KEY_SCALES,
    .outputs = {{R1_FLOAT}, {R1_FLOAT16}, {R1_FLOAT16}}, .output_count = 3,
    COMMON, .in_place = in_place,
};
const Operator r1_operator_cached_attention_i8 = {
    .name = "CachedAttentionI8",
    .inputs = {COMMON_INPUTS(R1_INT8), {R1_FLOAT, R1_OPTIONAL}, {R1_FLOAT, R1_OPTIONAL}}, .input_count = INPUTS,
    .outputs = {{R1_FLOAT}, {R1_INT8}, {R1_INT8}, {R1_FLOAT}, {R1_FLOAT}}, .output_count = 5,
    COMMON, .in_place = in_place_i8,
};
