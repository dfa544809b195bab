#include "optimiser.h"

#include <string.h>

#include "../framework/vector.h"

int PATH(gradient_squares)(void *job_, int64_t block) {
  const Optimisation *job = job_;
  OptimisedBlock b = optimised_block(job, block);
  const float *gradient = b.tensor->gradient + b.from;
  job->squares[block] = (double)sum_of_products(gradient, gradient, b.n);
  return 0;
}

static void pass(const float *from, float *to, int64_t n) {
  if (to && to != from) memcpy(to, from, (size_t)n * sizeof *to);
}

static void pass_all(OptimisedBlock b) {
  const OptimisedTensor *t = b.tensor;
  pass(t->parameter + b.from, t->new_parameter + b.from, b.n);
  if (t->first) pass(t->first + b.from, t->new_first + b.from, b.n);
  if (t->second) pass(t->second + b.from, t->new_second + b.from, b.n);
}

// m ← β₁m + (1−β₁)ĝ; v ← β₂v + (1−β₂)ĝ²; p ← p(1 − rate·λ) − step · m / (√v · root_correction + ε)
int PATH(adamw)(void *job_, int64_t block) {
  const Optimisation *job = job_;
  OptimisedBlock b = optimised_block(job, block);
  if (job->frozen) return pass_all(b), 0;
  const OptimisedTensor *t = b.tensor;
  const float *p = t->parameter + b.from, *g = t->gradient + b.from, *m = t->first + b.from, *v = t->second + b.from;
  float *new_p = t->new_parameter + b.from, *new_m = t->new_first + b.from, *new_v = t->new_second + b.from;
  vec factor = splat(job->factor), beta1 = splat(job->beta1), beta2 = splat(job->beta2), rest1 = splat(1 - job->beta1), rest2 = splat(1 - job->beta2);
  vec keep = splat(1 - job->rate * job->weight_decay * t->decay), step = splat(job->step);
  vec root_correction = splat(job->root_correction), epsilon = splat(job->epsilon);
  for (int64_t i = 0; i < b.n; i += LANES) {
    int64_t left = b.n - i;
    vec gradient = load(g + i, left) * factor;
    vec first = multiply_add(load(m + i, left), beta1, rest1 * gradient);
    vec second = multiply_add(load(v + i, left), beta2, rest2 * gradient * gradient);
    vec update = step * first / multiply_add(square_root(second), root_correction, epsilon);
    store(new_m + i, first, left);
    store(new_v + i, second, left);
    store(new_p + i, load(p + i, left) * keep - update, left);
  }
  return 0;
}

// ĝ ← ĝ + λp; u ← µu + ĝ; p ← p − rate · (nesterov ? ĝ + µu : u); without velocities p ← p − rate · ĝ
int PATH(sgd)(void *job_, int64_t block) {
  const Optimisation *job = job_;
  OptimisedBlock b = optimised_block(job, block);
  if (job->frozen) return pass_all(b), 0;
  const OptimisedTensor *t = b.tensor;
  const float *p = t->parameter + b.from, *g = t->gradient + b.from, *u = t->first ? t->first + b.from : NULL;
  float *new_p = t->new_parameter + b.from, *new_u = u ? t->new_first + b.from : NULL;
  vec factor = splat(job->factor), momentum = splat(job->beta1), rate = splat(job->rate), decay = splat(job->weight_decay * t->decay);
  for (int64_t i = 0; i < b.n; i += LANES) {
    int64_t left = b.n - i;
    vec parameter = load(p + i, left), gradient = multiply_add(parameter, decay, load(g + i, left) * factor);
    if (u) {
      vec velocity = multiply_add(momentum, load(u + i, left), gradient);
      store(new_u + i, velocity, left);
      gradient = job->nesterov ? multiply_add(momentum, velocity, gradient) : velocity;
    }
    store(new_p + i, parameter - rate * gradient, left);
  }
  return 0;
}
