#include "softmax.h"

#include <string.h>

#include "../framework/vector.h"

static float greatest_of(const float *x, int64_t n) {
  vec m0 = splat(-INFINITY), m1 = m0, m2 = m0, m3 = m0;
  int64_t i = 0;
  for (; i + 4 * LANES <= n; i += 4 * LANES) {
    m0 = greater_of(m0, load(x + i, LANES));
    m1 = greater_of(m1, load(x + i + LANES, LANES));
    m2 = greater_of(m2, load(x + i + 2 * LANES, LANES));
    m3 = greater_of(m3, load(x + i + 3 * LANES, LANES));
  }
  for (; i < n; i += LANES) m0 = greater_of(m0, load_or(x + i, n - i, -INFINITY));
  return greatest(greater_of(greater_of(m0, m1), greater_of(m2, m3)));
}

typedef struct {
  float sum, sum_of_z;  // Σ e^(z − greatest) and Σ (z − greatest) e^(z − greatest)
} Moments;

// The exponentials go to `e` if it is given (it may be x itself).
INLINE Moments moments(const float *x, int64_t n, float greatest_x, float inverse_temperature, float *e, bool entropy) {
  vec s0 = splat(0), s1 = s0, h0 = s0, h1 = s0, scale = splat(inverse_temperature), shift = splat(-greatest_x * inverse_temperature);
  int64_t i = 0;
  for (; i + 2 * LANES <= n; i += 2 * LANES) {
    vec z0 = multiply_add(load(x + i, LANES), scale, shift), z1 = multiply_add(load(x + i + LANES, LANES), scale, shift);
    vec e0 = exponential(z0), e1 = exponential(z1);
    s0 = s0 + e0;
    s1 = s1 + e1;
    if (entropy) {  // a logit of −∞ has no part in it: e is 0, and −105 is as far down as it matters
      h0 = multiply_add(e0, greater_of(splat(-105), z0), h0);
      h1 = multiply_add(e1, greater_of(splat(-105), z1), h1);
    }
    if (e) {
      store(e + i, e0, LANES);
      store(e + i + LANES, e1, LANES);
    }
  }
  for (; i < n; i += LANES) {
    vec z = multiply_add(load_or(x + i, n - i, -INFINITY), scale, shift), value = exponential(z);
    s0 = s0 + value;
    if (entropy) h0 = multiply_add(value, greater_of(splat(-105), z), h0);
    if (e) store(e + i, value, n - i);
  }
  return (Moments){total(s0 + s1), total(h0 + h1)};
}

static void statistics(const SoftmaxStatistics *job, int64_t t) {
  int64_t V = job->V, token = job->tokens_T[t];
  const float *x = job->logits_TV + t * V;
  float *dlogits = job->dlogits_TV ? job->dlogits_TV + t * V : NULL, scale = job->inverse_temperature;
  if (token == job->ignore) {
    job->log_probability_T[t] = 0;
    if (job->entropy_T) job->entropy_T[t] = 0;
    if (job->log_sum_exp_T) job->log_sum_exp_T[t] = 0;
    if (dlogits) memset(dlogits, 0, (size_t)V * sizeof *dlogits);
    return;
  }
  float top = greatest_of(x, V), weight = job->weights_T ? job->weights_T[t] : 1.0f;
  float z_token = (x[token] - top) * scale;
  Moments m = job->entropy_T ? moments(x, V, top, scale, dlogits, true) : dlogits ? moments(x, V, top, scale, dlogits, false) : moments(x, V, top, scale, NULL, false);
  float log_sum = logf(m.sum);
  job->log_probability_T[t] = job->sign * weight * (z_token - log_sum);
  if (job->entropy_T) job->entropy_T[t] = log_sum - m.sum_of_z / m.sum;
  if (job->log_sum_exp_T) job->log_sum_exp_T[t] = top * scale + log_sum;
  if (!dlogits) return;
  float upstream = job->upstream_T ? job->upstream_T[t] * weight * scale : weight * scale;
  vec factor = splat(upstream / m.sum);
  for (int64_t i = 0; i < V; i += LANES) store(dlogits + i, load(dlogits + i, V - i) * factor, V - i);
  dlogits[token] -= upstream;
}

int PATH(softmax_statistics)(void *job_, int64_t block) {
  const SoftmaxStatistics *job = job_;
  int64_t end = (block + 1) * job->block < job->T ? (block + 1) * job->block : job->T;
  for (int64_t t = block * job->block; t < end; t++) statistics(job, t);
  return 0;
}

// With a = upstream · sign · weight / temperature and b = dentropy / temperature:
// d ln p[token] / dlogits = (onehot − p) / temperature and d entropy / dlogits = −p (ln p + entropy) / temperature, so
// dlogits = p · (−a − b · entropy − b · ln p) + a · onehot.
static void gradient(const SoftmaxGradient *job, int64_t t) {
  int64_t V = job->V, token = job->tokens_T[t];
  const float *x = job->logits_TV + t * V;
  float *dlogits = job->dlogits_TV + t * V, scale = job->inverse_temperature;
  if (token == job->ignore) {
    memset(dlogits, 0, (size_t)V * sizeof *dlogits);
    return;
  }
  float a = job->dlog_probability_T[t] * job->sign * (job->weights_T ? job->weights_T[t] : 1.0f) * scale;
  float b = job->dentropy_T ? job->dentropy_T[t] * scale : 0.0f;
  vec shift = splat(-job->log_sum_exp_T[t]), pull = splat(-a - (b != 0 ? b * job->entropy_T[t] : 0.0f)), curl = splat(-b);
  if (b == 0)
    for (int64_t i = 0; i < V; i += LANES) store(dlogits + i, exponential(multiply_add(load(x + i, V - i), splat(scale), shift)) * pull, V - i);
  else
    for (int64_t i = 0; i < V; i += LANES) {
      vec log_p = multiply_add(load(x + i, V - i), splat(scale), shift);
      store(dlogits + i, exponential(log_p) * multiply_add(curl, greater_of(splat(-105), log_p), pull), V - i);
    }
  dlogits[token] += a;
}

int PATH(softmax_gradient)(void *job_, int64_t block) {
  const SoftmaxGradient *job = job_;
  int64_t end = (block + 1) * job->block < job->T ? (block + 1) * job->block : job->T;
  for (int64_t t = block * job->block; t < end; t++) gradient(job, t);
  return 0;
}
