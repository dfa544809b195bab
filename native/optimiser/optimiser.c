#include "optimiser.h"

#include <math.h>
#include <stdlib.h>

#include "../framework/rows.h"
#include "../framework/scratch.h"

typedef struct {
  float *decay;  // [decays]: a factor of the weight decay for each tensor, or NULL for 1 each
  int64_t decays;
  int64_t velocities, nesterov;
} Attributes;

static OrtStatus *create(const OrtKernelInfo *info, void *attributes_) {
  Attributes *attributes = attributes_;
  attributes->velocities = attribute_int(info, "velocities", 1);
  attributes->nesterov = attribute_int(info, "nesterov", 0);
  attributes->decays = attribute_floats(info, "decay", &attributes->decay);
  return attributes->decays < 0 ? fail_attribute("AdamW or Sgd", "the attribute decay could not be read") : NULL;
}

static void destroy(void *attributes) { free(((Attributes *)attributes)->decay); }

// What a step keeps in one piece of scratch memory: the tensors, then one sum for each block.
typedef struct {
  Optimisation job;
  void *memory;
} Step;

// Input k of tensor i is number 1 + k·N + i, output k is number 1 + k·N + i as well: groups follow one another.
static OrtStatus *read_tensors(Call *call, const Attributes *attributes, int64_t N, int states, OptimisedTensor *tensors, int64_t *blocks) {
  *blocks = 0;
  for (int64_t i = 0; i < N; i++) {
    Tensor parameter, gradient, state[2] = {0};
    R1_TRY(input(call, (int)(1 + i), &parameter));
    for (int k = 0; k < states; k++) R1_TRY(input(call, (int)(1 + (k + 1) * N + i), &state[k]));
    R1_TRY(input(call, (int)(1 + (states + 1) * N + i), &gradient));
    bool same = parameter.shape && gradient.shape && parameter.size == gradient.size;
    for (int k = 0; k < states; k++) same = same && state[k].shape && state[k].size == parameter.size;
    if (!same) return fail(call, "parameter %lld has %lld elements, its gradient %lld, its state another number", (long long)i, (long long)parameter.size, (long long)gradient.size);
    OptimisedTensor *tensor = &tensors[i];
    *tensor = (OptimisedTensor){
        .size = parameter.size,
        .first_block = *blocks,
        .decay = attributes->decay ? attributes->decay[i] : 1.0f,
        .parameter = parameter.floats,
        .gradient = gradient.floats,
        .first = state[0].floats,
        .second = state[1].floats,
    };
    R1_TRY(output_like(call, (int)(1 + i), &parameter, &tensor->new_parameter));
    if (states > 0) R1_TRY(output_like(call, (int)(1 + N + i), &parameter, &tensor->new_first));
    if (states > 1) R1_TRY(output_like(call, (int)(1 + 2 * N + i), &parameter, &tensor->new_second));
    if (!tensor->new_parameter || (states > 0 && !tensor->new_first) || (states > 1 && !tensor->new_second))
      return fail(call, "an output of tensor %lld is missing", (long long)i);
    *blocks += (parameter.size + OPTIMISER_BLOCK - 1) / OPTIMISER_BLOCK;
  }
  return NULL;
}

static OrtStatus *open_step(Call *call, const Attributes *attributes, int states, Step *step) {
  int64_t tensors = input_count(call) - 1, N = tensors / (states + 2);
  if (tensors < 1 || N * (states + 2) != tensors)
    return fail(call, "%lld tensors do not divide into parameters, %d groups of state and gradients", (long long)tensors, states);
  if (output_count(call) != 1 + N * (states + 1)) return fail(call, "needs %lld outputs, has %d", (long long)(1 + N * (states + 1)), output_count(call));
  if (attributes->decay && attributes->decays != N) return fail(call, "the attribute decay has %lld numbers for %lld tensors", (long long)attributes->decays, (long long)N);
  int64_t blocks = 0;
  for (int64_t i = 0; i < N; i++) {
    Tensor parameter;
    R1_TRY(input(call, (int)(1 + i), &parameter));
    blocks += blocks_of(parameter.size, OPTIMISER_BLOCK);
  }
  size_t tensor_bytes = (size_t)N * sizeof(OptimisedTensor), bytes = tensor_bytes + (size_t)blocks * sizeof(double);
  step->memory = scratch_take(bytes);
  if (!step->memory) return fail_memory(call, bytes);
  OptimisedTensor *list = step->memory;
  step->job.tensors = list;
  step->job.N = N;
  step->job.squares = (double *)(void *)((char *)step->memory + tensor_bytes);
  return read_tensors(call, attributes, N, states, list, &step->job.blocks);
}

// norm = √Σ(gradient · scale)² in block order; what clips it to `largest` goes into the factor.
static OrtStatus *measure(Call *call, Optimisation *job, float largest, float scale) {
  R1_TRY(parallel(call, job->blocks, row_kernels()->gradient_squares, job));
  double sum = 0;
  for (int64_t block = 0; block < job->blocks; block++) sum += job->squares[block];
  float norm = (float)(sqrt(sum) * fabsf(scale)), *norm_output;
  R1_TRY(output_floats(call, 0, 0, NULL, &norm_output));
  if (norm_output) *norm_output = norm;
  job->frozen = !isfinite(norm);
  float clip = largest > 0 ? largest / (norm + 1e-6f) : 1.0f;
  job->factor = scale * (clip < 1 ? clip : 1.0f);
  return NULL;
}

static OrtStatus *adamw(const Attributes *attributes, Call *call, Step *step) {
  Tensor hyper;
  R1_TRY(input(call, 0, &hyper));
  if (hyper.size != 9) return fail_shapes(call, "hyper must hold 9 numbers: rate, beta1, beta2, epsilon, weight decay, 1 - beta1^t, 1 - beta2^t, largest norm, gradient scale");
  R1_TRY(open_step(call, attributes, 2, step));
  const float *h = hyper.floats;
  Optimisation *job = &step->job;
  job->rate = h[0];
  job->beta1 = h[1];
  job->beta2 = h[2];
  job->epsilon = h[3];
  job->weight_decay = h[4];
  job->step = h[0] / h[5];
  job->root_correction = 1.0f / sqrtf(h[6]);
  R1_TRY(measure(call, job, h[7], h[8]));
  return parallel(call, job->blocks, row_kernels()->adamw, job);
}

static OrtStatus *compute_adamw(void *attributes, Call *call) {
  Step step = {.memory = NULL};
  OrtStatus *status = adamw(attributes, call, &step);
  scratch_give(step.memory);
  return status;
}

const Operator r1_operator_adamw = {
    .name = "AdamW",
    .inputs = {{R1_FLOAT}, {R1_FLOAT, R1_VARIADIC}},
    .input_count = 2,
    .outputs = {{R1_FLOAT}, {R1_FLOAT, R1_VARIADIC}},
    .output_count = 2,
    .attributes_size = sizeof(Attributes),
    .create = create,
    .destroy = destroy,
    .compute = compute_adamw,
};

static OrtStatus *sgd(const Attributes *attributes, Call *call, Step *step) {
  Tensor hyper;
  R1_TRY(input(call, 0, &hyper));
  if (hyper.size != 5) return fail_shapes(call, "hyper must hold 5 numbers: rate, momentum, weight decay, largest norm, gradient scale");
  R1_TRY(open_step(call, attributes, attributes->velocities ? 1 : 0, step));
  const float *h = hyper.floats;
  Optimisation *job = &step->job;
  job->rate = h[0];
  job->beta1 = h[1];
  job->weight_decay = h[2];
  job->nesterov = attributes->nesterov != 0;
  R1_TRY(measure(call, job, h[3], h[4]));
  return parallel(call, job->blocks, row_kernels()->sgd, job);
}

static OrtStatus *compute_sgd(void *attributes, Call *call) {
  Step step = {.memory = NULL};
  OrtStatus *status = sgd(attributes, call, &step);
  scratch_give(step.memory);
  return status;
}

const Operator r1_operator_sgd = {
    .name = "Sgd",
    .inputs = {{R1_FLOAT}, {R1_FLOAT, R1_VARIADIC}},
    .input_count = 2,
    .outputs = {{R1_FLOAT}, {R1_FLOAT, R1_VARIADIC}},
    .output_count = 2,
    .attributes_size = sizeof(Attributes),
    .create = create,
    .destroy = destroy,
    .compute = compute_sgd,
};
