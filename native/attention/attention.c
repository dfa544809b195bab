// Attention and AttentionGradient: shapes, segments, and how the work is cut into tasks.
#include "attention.h"

#include <string.h>

#include "../framework/scratch.h"

typedef struct {
  bool causal;
  int64_t window;
  float scale;  // 0: 1 / √d
  Precision precision;
} Attributes;

static OrtStatus *read_attributes(const char *operator_name, const OrtKernelInfo *info, Attributes *attributes) {
  attributes->causal = attribute_int(info, "causal", 1) != 0;
  attributes->window = attribute_int(info, "window", 0);
  attributes->scale = attribute_float(info, "scale", 0);
  char precision[8];
  const bool fits = attribute_string(info, "precision", precision, sizeof precision);
  if (!fits || (*precision && strcmp(precision, "bf16") != 0 && strcmp(precision, "f32") != 0)) return fail_attribute(operator_name, "precision is neither \"bf16\" nor \"f32\"");
  attributes->precision = strcmp(precision, "f32") == 0 ? PRECISION_F32 : PRECISION_BF16;
  return attributes->window < 0 ? fail_attribute(operator_name, "window must not be negative") : NULL;
}
static OrtStatus *create(const OrtKernelInfo *info, void *attributes) { return read_attributes("Attention", info, attributes); }
static OrtStatus *create_gradient(const OrtKernelInfo *info, void *attributes) { return read_attributes("AttentionGradient", info, attributes); }

static float root_of_width(int64_t d) { return __builtin_sqrtf((float)d); }

// Inputs 0 … 2 are q, k, v.
static OrtStatus *read_heads(Call *call, const Attributes *attributes, Attention *a) {
  Tensor q, k, v;
  R1_TRY(input(call, 0, &q));
  R1_TRY(input(call, 1, &k));
  R1_TRY(input(call, 2, &v));
  if (q.rank != 4 || k.rank != 4 || !same_shape(&k, &v)) return fail_shapes(call, "q must be [B,S,H,d], k and v [B,T,K,d]");
  *a = (Attention){.B = q.shape[0], .S = q.shape[1], .H = q.shape[2], .d = q.shape[3], .T = k.shape[1], .K = k.shape[2]};
  if (k.shape[0] != a->B || k.shape[3] != a->d) return fail_shapes(call, "q and k differ in batch or head width");
  if (a->K == 0 || a->H % a->K != 0) return fail_shapes(call, "%lld heads cannot share %lld key heads evenly", (long long)a->H, (long long)a->K);
  if (a->T < a->S) return fail_shapes(call, "there are more queries than keys");
  a->causal = attributes->causal;
  a->window = attributes->window;
  a->scale = attributes->scale != 0 ? attributes->scale : 1 / root_of_width(a->d);
  a->kernels = gemm_kernels(attributes->precision);
  a->q_BSHd = q.floats;
  a->k_BTKd = k.floats;
  a->v_BTKd = v.floats;
  return NULL;
}

// Of every token's segment in one row, its first place and one after its last. Segments may come again after others.
static void find_segments(const int64_t *segments, int64_t count, int32_t *first, int32_t *end) {
  for (int64_t i = 0; i < count; i++) {
    first[i] = (int32_t)i;
    if (i > 0 && segments[i] == segments[i - 1]) first[i] = first[i - 1];
    else
      for (int64_t j = 0; j < i; j = end[j])
        if (segments[j] == segments[i]) {
          first[i] = (int32_t)j;
          break;
        }
    // Until the row is known to its end, `end` is where the run of equal tokens ends.
    if (i == 0 || segments[i] != segments[i - 1]) {
      int64_t after = i + 1;
      while (after < count && segments[after] == segments[i]) after++;
      for (int64_t j = i; j < after; j++) end[j] = (int32_t)after;
    }
  }
  for (int64_t i = count - 1; i >= 0; i--) end[first[i]] = end[i] > end[first[i]] ? end[i] : end[first[i]];
  for (int64_t i = 0; i < count; i++) end[i] = end[first[i]];
}

// Input `index`, if it is there; the places must be given back with scratch_give.
static OrtStatus *read_segments(Call *call, int index, Attention *a, int32_t **places) {
  Tensor segments;
  *places = NULL;
  R1_TRY(input(call, index, &segments));
  if (!segments.shape) return NULL;
  if (segments.rank != 2 || segments.shape[0] != a->B || segments.shape[1] != a->S || a->S != a->T) return fail_shapes(call, "segments must be [B,S], with as many keys as queries");
  const int64_t size = a->B * a->S;
  int32_t *memory = scratch_take((size_t)(2 * size + 1) * sizeof *memory);
  if (!memory) return fail_memory(call, (size_t)(2 * size + 1) * sizeof *memory);
  for (int64_t batch = 0; batch < a->B; batch++) find_segments(segments.integers + batch * a->S, a->S, memory + batch * a->S, memory + size + batch * a->S);
  a->segments_BS = segments.integers;
  a->first_BS = memory;
  a->end_BS = memory + size;
  *places = memory;
  return NULL;
}

static OrtStatus *compute(void *attributes, Call *call) {
  Attention a;
  int32_t *places;
  R1_TRY(read_heads(call, attributes, &a));
  R1_TRY(output_floats(call, 0, 4, (int64_t[]){a.B, a.S, a.H, a.d}, &a.o_BSHd));
  R1_TRY(output_floats(call, 1, 3, (int64_t[]){a.B, a.H, a.S}, &a.log_sum_exp_BHS));
  if (a.B * a.S * a.H * a.d == 0) return NULL;
  R1_TRY(read_segments(call, 3, &a, &places));
  enum { TASKS = 16, LEAST_QUERIES = 128 };
  a.tasks_of_queries = smaller(blocks_of(TASKS, a.B * a.K), blocks_of(a.S, LEAST_QUERIES));
  OrtStatus *status = parallel(call, a.B * a.K * a.tasks_of_queries, attention_forward, &a);
  if (places) scratch_give(places);
  return status;
}

static OrtStatus *run_gradient(Call *call, Attention *a) {
  enum { TASKS = 4, LEAST_KEYS = 256 };
  a->chunks = smaller(blocks_of(TASKS, a->B * a->K), blocks_of(a->T, LEAST_KEYS));
  const size_t bytes = (size_t)((a->chunks - 1) * a->B * a->S * a->H * a->d) * sizeof(float);
  if (bytes && !(a->partial_dq = scratch_take(bytes))) return fail_memory(call, bytes);
  OrtStatus *status = parallel(call, a->B * a->K * a->chunks, attention_gradient, a);
  if (!status && bytes) status = parallel(call, a->B, attention_sum_partial, a);
  if (bytes) scratch_give(a->partial_dq);
  return status;
}

static OrtStatus *compute_gradient(void *attributes, Call *call) {
  Attention a;
  Tensor o, dout, log_sum_exp;
  int32_t *places;
  R1_TRY(read_heads(call, attributes, &a));
  R1_TRY(input(call, 3, &o));
  R1_TRY(input(call, 4, &dout));
  R1_TRY(input(call, 5, &log_sum_exp));
  const int64_t size = a.B * a.S * a.H * a.d;
  if (!same_shape(&o, &dout) || o.size != size || log_sum_exp.size != a.B * a.H * a.S) return fail_shapes(call, "o and do must have the shape of q, log-sum-exp [B,H,S]");
  const int64_t keys[] = {a.B, a.T, a.K, a.d};
  R1_TRY(output_floats(call, 0, 4, (int64_t[]){a.B, a.S, a.H, a.d}, &a.dq_BSHd));
  R1_TRY(output_floats(call, 1, 4, keys, &a.dk_BTKd));
  R1_TRY(output_floats(call, 2, 4, keys, &a.dv_BTKd));
  if (size == 0) {
    memset(a.dk_BTKd, 0, (size_t)(a.B * a.T * a.K * a.d) * sizeof(float));
    memset(a.dv_BTKd, 0, (size_t)(a.B * a.T * a.K * a.d) * sizeof(float));
    return NULL;
  }
  a.o_BSHd = (float *)o.data;
  a.do_BSHd = dout.floats;
  a.log_sum_exp_BHS = (float *)log_sum_exp.data;
  R1_TRY(read_segments(call, 6, &a, &places));
  OrtStatus *status = run_gradient(call, &a);
  if (places) scratch_give(places);
  return status;
}

const Operator r1_operator_attention = {
    .name = "Attention",
    .inputs = {{R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT}, {R1_INT64, R1_OPTIONAL}},
    .input_count = 4,
    .outputs = {{R1_FLOAT}, {R1_FLOAT}},
    .output_count = 2,
    .attributes_size = sizeof(Attributes),
    .create = create,
    .compute = compute,
};

const Operator r1_operator_attention_gradient = {
    .name = "AttentionGradient",
    .inputs = {{R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT}, {R1_INT64, R1_OPTIONAL}},
    .input_count = 7,
    .outputs = {{R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT}},
    .output_count = 3,
    .attributes_size = sizeof(Attributes),
    .create = create_gradient,
    .compute = compute_gradient,
};
