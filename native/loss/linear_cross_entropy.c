// Cross-entropy of logits = hidden · weightᵀ with its gradients, a chunk of rows at a time.
#include <string.h>

#include "../framework/rows.h"
#include "../framework/scratch.h"
#include "../matmul/matrix.h"
#include "linear_chunk.h"

typedef struct {
  LossAttributes loss;
  Precision precision;
  int64_t chunk;  // rows of logits in memory at most, 0: as many as LOGITS_BYTES holds
} Attributes;

static OrtStatus *read_attributes(const char *operator_name, const OrtKernelInfo *info, Attributes *attributes) {
  char precision[8];
  bool fits = attribute_string(info, "precision", precision, sizeof precision), f32 = fits && !strcmp(precision, "f32");
  if (!f32 && !(fits && (!*precision || !strcmp(precision, "bf16")))) return fail_attribute(operator_name, "precision is neither \"bf16\" nor \"f32\"");
  attributes->precision = f32 ? PRECISION_F32 : PRECISION_BF16;
  attributes->chunk = attribute_int(info, "chunk", 0);
  if (attributes->chunk < 0) return fail_attribute(operator_name, "chunk must not be negative");
  return read_loss_attributes(operator_name, info, &attributes->loss);
}
static OrtStatus *create(const OrtKernelInfo *info, void *attributes) { return read_attributes("LinearCrossEntropy", info, attributes); }
static OrtStatus *create_gradient(const OrtKernelInfo *info, void *attributes) { return read_attributes("LinearCrossEntropyGradient", info, attributes); }

// ---- the three products of a chunk

static OrtStatus *make_logits(const Call *call, const LinearLoss *job, const Chunk *chunk) {
  Gemm product = {.precision = job->precision, .M = chunk->count, .terms = 1, .outputs = 1, .K = {job->D}, .N = {job->V}};
  product.a[0] = chunk_hidden(job, chunk);
  product.b[0] = (Operand){.data = job->weight_VD.data, .stride = job->D, .type = job->weight_VD.type};
  product.c[0] = (Target){.data = chunk->logits_CV, .stride = job->V, .type = R1_FLOAT, .alpha = 1};
  return gemm(call, &product);
}

// dhidden = dlogits · weight
static OrtStatus *make_dhidden(const Call *call, const LinearLoss *job, const Chunk *chunk) {
  Gemm product = {.precision = job->precision, .M = chunk->count, .terms = 1, .outputs = 1, .K = {job->V}, .N = {job->D}};
  product.a[0] = (Operand){.data = chunk->logits_CV, .stride = job->V, .type = R1_FLOAT};
  product.b[0] = (Operand){.data = job->weight_VD.data, .stride = job->D, .type = job->weight_VD.type, .depth_major = true};
  product.c[0] = (Target){.data = chunk_dhidden(job, chunk), .stride = job->D, .type = R1_FLOAT, .alpha = 1};
  return gemm(call, &product);
}

// dweight = dlogitsᵀ · hidden, on top of what earlier chunks gave
static OrtStatus *add_dweight(const Call *call, const LinearLoss *job, const Chunk *chunk, bool first) {
  Gemm product = {.precision = job->precision, .M = job->V, .terms = 1, .outputs = 1, .K = {chunk->count}, .N = {job->D}};
  product.a[0] = (Operand){.data = chunk->logits_CV, .stride = job->V, .type = R1_FLOAT, .depth_major = true};
  product.b[0] = chunk_hidden(job, chunk);
  product.b[0].depth_major = true;
  product.c[0] = (Target){.data = job->dweight_VD, .stride = job->D, .type = R1_FLOAT, .alpha = 1};
  if (!first) product.c[0].added = job->dweight_VD, product.c[0].added_stride = job->D, product.c[0].added_type = R1_FLOAT;
  return gemm(call, &product);
}

// ---- what softmax makes of the logits in between

static OrtStatus *make_statistics(const Call *call, const LinearLoss *job, const Chunk *chunk) {
  bool entropy_gradient = job->dentropy_T != NULL;
  SoftmaxStatistics statistics = {
      .T = chunk->count,
      .V = job->V,
      .block = loss_block(job->V),
      .logits_TV = chunk->logits_CV,
      .tokens_T = chunk->targets_C,
      .ignore = job->ignore,
      .inverse_temperature = job->inverse_temperature,
      .weights_T = chunk->weights_C,
      .sign = -1.0f,
      .log_probability_T = chunk->loss_C,
      .entropy_T = job->entropy_T || entropy_gradient ? chunk->entropy_C : NULL,
      .log_sum_exp_T = chunk->log_sum_exp_C,
      .upstream_T = chunk->dloss_C,
      .dlogits_TV = job->dloss_T && !entropy_gradient ? chunk->logits_CV : NULL,
  };
  return parallel(call, blocks_of(chunk->count, statistics.block), row_kernels()->softmax_statistics, &statistics);
}

// The gradient of the entropy needs the entropy first, so logits become dlogits in a pass of their own.
static OrtStatus *make_dlogits_with_entropy(const Call *call, const LinearLoss *job, const Chunk *chunk) {
  SoftmaxGradient gradient = {
      .T = chunk->count,
      .V = job->V,
      .block = loss_block(job->V),
      .logits_TV = chunk->logits_CV,
      .tokens_T = chunk->targets_C,
      .ignore = job->ignore,
      .inverse_temperature = job->inverse_temperature,
      .log_sum_exp_T = chunk->log_sum_exp_C,
      .dlog_probability_T = chunk->dloss_C,
      .weights_T = chunk->weights_C,
      .sign = -1.0f,
      .dentropy_T = chunk->dentropy_C,
      .entropy_T = chunk->entropy_C,
      .dlogits_TV = chunk->logits_CV,
  };
  return parallel(call, blocks_of(chunk->count, gradient.block), row_kernels()->softmax_gradient, &gradient);
}

static OrtStatus *run_chunk(const Call *call, const LinearLoss *job, const Chunk *chunk, bool first) {
  R1_TRY(make_logits(call, job, chunk));
  R1_TRY(make_statistics(call, job, chunk));
  if (job->dloss_T) {
    if (job->dentropy_T) R1_TRY(make_dlogits_with_entropy(call, job, chunk));
    R1_TRY(make_dhidden(call, job, chunk));
    if (job->dweight_VD) R1_TRY(add_dweight(call, job, chunk, first));
  }
  scatter(job, chunk);
  return NULL;
}

static OrtStatus *run_chunks(const Call *call, const LinearLoss *job) {
  int64_t capacity = chunk_capacity(job);
  size_t bytes = chunk_bytes(job, capacity);
  void *memory = scratch_take(bytes);
  if (!memory) return fail_memory(call, bytes);
  Chunk chunk = chunk_in(memory, job, capacity);
  OrtStatus *status = NULL;
  bool first = true;
  for (int64_t next = 0; !status && next < job->T;) {
    next = gather(job, &chunk, next);
    if (!chunk.count) continue;
    status = run_chunk(call, job, &chunk, first);
    first = false;
  }
  if (!status && first && job->dweight_VD) memset(job->dweight_VD, 0, (size_t)(job->V * job->D) * sizeof(float));
  scratch_give(memory);
  return status;
}

// ---- the operators

// Inputs `at` … at + 3: hidden, weight, targets, weights?
static OrtStatus *read_inputs(Call *call, const Attributes *attributes, int at, LinearLoss *job, Tensor *targets) {
  Tensor weights;
  R1_TRY(input(call, at, &job->hidden_TD));
  R1_TRY(input(call, at + 1, &job->weight_VD));
  R1_TRY(input(call, at + 2, targets));
  R1_TRY(input(call, at + 3, &weights));
  const Tensor *hidden = &job->hidden_TD, *weight = &job->weight_VD;
  if (!is_number(hidden) || !is_number(weight)) return fail(call, "hidden and weight must be f32 or bf16");
  if (hidden->rank < 1 || weight->rank != 2 || width(hidden) != width(weight)) return fail_shapes(call, "weight must be [V,D] with rows as long as those of hidden");
  if (!one_for_each_row(targets, hidden)) return fail_shapes(call, "targets must hold one token for each row of hidden");
  if (weights.shape && !same_shape(&weights, targets)) return fail_shapes(call, "weights must have the shape of targets");
  job->T = targets->size;
  job->D = width(hidden);
  job->V = weight->shape[0];
  job->targets_T = targets->integers;
  job->weights_T = weights.floats;
  job->ignore = attributes->loss.ignore;
  job->inverse_temperature = attributes->loss.inverse_temperature;
  job->precision = attributes->precision;
  job->chunk = attributes->chunk;
  return check_tokens(call, targets, job->V, job->ignore);
}

static OrtStatus *compute(void *attributes, Call *call) {
  LinearLoss job = {.T = 0};
  Tensor targets;
  R1_TRY(read_inputs(call, attributes, 0, &job, &targets));
  R1_TRY(output_like(call, 0, &targets, &job.loss_T));
  R1_TRY(output_like(call, 1, &targets, &job.log_sum_exp_T));
  R1_TRY(output_like(call, 2, &targets, &job.entropy_T));
  return run_chunks(call, &job);
}

const Operator r1_operator_linear_cross_entropy = {
    .name = "LinearCrossEntropy",
    .inputs = {{R1_ANY}, {R1_ANY}, {R1_INT64}, {R1_FLOAT, R1_OPTIONAL}},
    .input_count = 4,
    .outputs = {{R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}, {R1_FLOAT, R1_OPTIONAL}},
    .output_count = 3,
    .attributes_size = sizeof(Attributes),
    .create = create,
    .compute = compute,
};

static OrtStatus *compute_gradient(void *attributes, Call *call) {
  LinearLoss job = {.T = 0};
  Tensor dloss, targets, dentropy;
  R1_TRY(input(call, 0, &dloss));
  R1_TRY(read_inputs(call, attributes, 1, &job, &targets));
  R1_TRY(input(call, 5, &dentropy));
  if (!same_shape(&dloss, &targets)) return fail_shapes(call, "dLoss must have the shape of targets");
  if (dentropy.shape && !same_shape(&dentropy, &targets)) return fail_shapes(call, "dEntropy must have the shape of targets");
  job.dloss_T = dloss.floats;
  job.dentropy_T = dentropy.floats;
  R1_TRY(output_like(call, 0, &job.hidden_TD, &job.dhidden_TD));
  R1_TRY(output_like(call, 1, &job.weight_VD, &job.dweight_VD));
  R1_TRY(output_like(call, 2, &targets, &job.loss_T));
  R1_TRY(output_like(call, 3, &targets, &job.log_sum_exp_T));
  R1_TRY(output_like(call, 4, &targets, &job.entropy_T));
  return run_chunks(call, &job);
}

const Operator r1_operator_linear_cross_entropy_gradient = {
    .name = "LinearCrossEntropyGradient",
    .inputs = {{R1_FLOAT}, {R1_ANY}, {R1_ANY}, {R1_INT64}, {R1_FLOAT, R1_OPTIONAL}, {R1_FLOAT, R1_OPTIONAL}},
    .input_count = 6,
    .outputs = {{R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}, {R1_FLOAT, R1_OPTIONAL}, {R1_FLOAT, R1_OPTIONAL}, {R1_FLOAT, R1_OPTIONAL}},
    .output_count = 5,
    .attributes_size = sizeof(Attributes),
    .create = create_gradient,
    .compute = compute_gradient,
};
