#include "rms_norm.h"

#include "../framework/vector.h"

// sum = x + residual; inverse = 1 / √(mean(sum²) + ε); y = sum · inverse · weight
static void normalise(const RmsNorm *job, int64_t t) {
  int64_t D = job->D;
  const float *x = job->x_TD + t * D, *weight = job->weight_D;
  float *y = job->y_bf16_TD ? NULL : job->y_TD + t * D;
  if (job->residual_TD) {
    const float *residual = job->residual_TD + t * D;
    float *sum = job->sum_TD ? job->sum_TD + t * D : y;  // a sum that nobody wants rests in y until y is written
    for (int64_t i = 0; i < D; i += LANES) store(sum + i, load(x + i, D - i) + load(residual + i, D - i), D - i);
    x = sum;
  } else if (job->sum_TD) {
    float *sum = job->sum_TD + t * D;
    for (int64_t i = 0; i < D; i += LANES) store(sum + i, load(x + i, D - i), D - i);
  }
  float inverse = 1.0f / sqrtf(sum_of_products(x, x, D) / (float)D + job->epsilon);
  if (job->inverse_T) job->inverse_T[t] = inverse;
  if (job->y_bf16_TD) {
    for (int64_t i = 0; i < D; i += LANES) store_bf16(job->y_bf16_TD + t * D + i, load(x + i, D - i) * splat(inverse) * load(weight + i, D - i), D - i);
    return;
  }
  for (int64_t i = 0; i < D; i += LANES) store(y + i, load(x + i, D - i) * splat(inverse) * load(weight + i, D - i), D - i);
}

int PATH(rms_norm)(void *job_, int64_t block) {
  const RmsNorm *job = job_;
  int64_t end = (block + 1) * job->block < job->T ? (block + 1) * job->block : job->T;
  for (int64_t t = block * job->block; t < end; t++) normalise(job, t);
  return 0;
}

// dx = dsum + dy · weight · inverse − sum · inverse³ · Σ(dy · weight · sum) / D;  dweight = Σ over rows of dy · sum · inverse
static void normalise_gradient(const RmsNormGradient *job, int64_t t, float *dweight) {
  int64_t D = job->D;
  const float *dy = job->dy_TD + t * D, *sum = job->sum_TD + t * D, *weight = job->weight_D;
  const float *dsum = job->dsum_TD ? job->dsum_TD + t * D : NULL;
  float *dx = job->dx_TD + t * D;
  float inverse = job->inverse_T[t];
  vec p0 = splat(0), p1 = splat(0);
  int64_t i = 0;
  for (; i + 2 * LANES <= D; i += 2 * LANES) {
    p0 = multiply_add(load(dy + i, LANES) * load(weight + i, LANES), load(sum + i, LANES), p0);
    p1 = multiply_add(load(dy + i + LANES, LANES) * load(weight + i + LANES, LANES), load(sum + i + LANES, LANES), p1);
  }
  for (; i < D; i += LANES) p0 = multiply_add(load(dy + i, D - i) * load(weight + i, D - i), load(sum + i, D - i), p0);
  vec scale = splat(inverse), pull = splat(-total(p0 + p1) * inverse * inverse * inverse / (float)D);
  for (i = 0; i < D; i += LANES) {
    int64_t left = D - i;
    vec dy_scaled = load(dy + i, left) * scale, s = load(sum + i, left);
    vec d = multiply_add(dy_scaled, load(weight + i, left), s * pull);
    if (dweight) store(dweight + i, multiply_add(dy_scaled, s, load(dweight + i, left)), left);
    if (dsum) d = d + load(dsum + i, left);
    store(dx + i, d, left);
  }
}

int PATH(rms_norm_gradient)(void *job_, int64_t block) {
  const RmsNormGradient *job = job_;
  float *dweight = job->dweight_partial ? job->dweight_partial + block * job->D : NULL;
  for (int64_t i = 0; dweight && i < job->D; i += LANES) store(dweight + i, splat(0), job->D - i);
  int64_t end = (block + 1) * job->block < job->T ? (block + 1) * job->block : job->T;
  for (int64_t t = block * job->block; t < end; t++) normalise_gradient(job, t, dweight);
  return 0;
}
