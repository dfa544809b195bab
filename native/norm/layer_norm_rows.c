#include "layer_norm.h"

#include "../framework/vector.h"

static float variance(const float *x, float mean, int64_t D) {
  vec s0 = splat(0), s1 = splat(0), centre = splat(mean);
  int64_t i = 0;
  for (; i + 2 * LANES <= D; i += 2 * LANES) {
    vec a = load(x + i, LANES) - centre, b = load(x + i + LANES, LANES) - centre;
    s0 = multiply_add(a, a, s0);
    s1 = multiply_add(b, b, s1);
  }
  for (; i < D; i += LANES) {
    vec a = load_or(x + i, D - i, mean) - centre;
    s0 = multiply_add(a, a, s0);
  }
  return total(s0 + s1) / (float)D;
}

// sum = x + residual; y = (sum − mean) · inverse · weight + bias, inverse = 1 / √(variance + ε)
static void normalise(const LayerNorm *job, int64_t t) {
  int64_t D = job->D;
  const float *x = job->x_TD + t * D, *weight = job->weight_D, *bias = job->bias_D;
  float *y = job->y_TD + t * D;
  if (job->residual_TD) {
    const float *residual = job->residual_TD + t * D;
    float *sum = job->sum_TD ? job->sum_TD + t * D : y;  // a sum that nobody wants rests in y until y is written
    for (int64_t i = 0; i < D; i += LANES) store(sum + i, load(x + i, D - i) + load(residual + i, D - i), D - i);
    x = sum;
  } else if (job->sum_TD) {
    float *sum = job->sum_TD + t * D;
    for (int64_t i = 0; i < D; i += LANES) store(sum + i, load(x + i, D - i), D - i);
  }
  float mean = sum_of(x, D) / (float)D, inverse = 1.0f / sqrtf(variance(x, mean, D) + job->epsilon);
  if (job->mean_T) job->mean_T[t] = mean;
  if (job->inverse_T) job->inverse_T[t] = inverse;
  for (int64_t i = 0; i < D; i += LANES) {
    vec scaled = (load(x + i, D - i) - splat(mean)) * splat(inverse);
    store(y + i, multiply_add(scaled, load(weight + i, D - i), bias ? load(bias + i, D - i) : splat(0)), D - i);
  }
}

int PATH(layer_norm)(void *job_, int64_t block) {
  const LayerNorm *job = job_;
  int64_t end = (block + 1) * job->block < job->T ? (block + 1) * job->block : job->T;
  for (int64_t t = block * job->block; t < end; t++) normalise(job, t);
  return 0;
}

// With n = (sum − mean) · inverse and g = dy · weight: dx = dsum + inverse · (g − mean(g) − n · mean(g · n)); dweight = Σ dy · n, dbias = Σ dy over rows
static void normalise_gradient(const LayerNormGradient *job, int64_t t, float *dweight, float *dbias) {
  int64_t D = job->D;
  const float *dy = job->dy_TD + t * D, *sum = job->sum_TD + t * D, *weight = job->weight_D;
  const float *dsum = job->dsum_TD ? job->dsum_TD + t * D : NULL;
  float *dx = job->dx_TD + t * D;
  vec mean = splat(job->mean_T[t]), inverse = splat(job->inverse_T[t]), g_sum = splat(0), gn_sum = splat(0);
  for (int64_t i = 0; i < D; i += LANES) {
    vec g = load(dy + i, D - i) * load(weight + i, D - i), n = (load(sum + i, D - i) - mean) * inverse;
    g_sum = g_sum + g;
    gn_sum = multiply_add(g, n, gn_sum);
  }
  vec g_mean = splat(total(g_sum) / (float)D), gn_mean = splat(total(gn_sum) / (float)D);
  for (int64_t i = 0; i < D; i += LANES) {
    int64_t left = D - i;
    vec d = load(dy + i, left), n = (load(sum + i, left) - mean) * inverse;
    vec result = inverse * (d * load(weight + i, left) - g_mean - n * gn_mean);
    if (dweight) {
      store(dweight + i, multiply_add(d, n, load(dweight + i, left)), left);
      store(dbias + i, load(dbias + i, left) + d, left);
    }
    if (dsum) result = result + load(dsum + i, left);
    store(dx + i, result, left);
  }
}

int PATH(layer_norm_gradient)(void *job_, int64_t block) {
  const LayerNormGradient *job = job_;
  int64_t D = job->D;
  float *dweight = job->partial ? job->partial + block * 2 * D : NULL, *dbias = dweight ? dweight + D : NULL;
  for (int64_t i = 0; dweight && i < 2 * D; i += LANES) store(dweight + i, splat(0), 2 * D - i);
  int64_t end = (block + 1) * job->block < job->T ? (block + 1) * job->block : job->T;
  for (int64_t t = block * job->block; t < end; t++) normalise_gradient(job, t, dweight, dbias);
  return 0;
}
