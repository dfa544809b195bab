// What softmax and its gradient make of rows of scores.
#include "attention.h"

#include <string.h>

#include "../framework/vector.h"

// Scores of keys in other segments become −∞.
static void hide_other_segments(const ScoreRows *job, int64_t query, float *x, int64_t start, int64_t end) {
  const int64_t *segments = job->attention->segments_BS;
  if (!segments) return;
  const int64_t *row = segments + job->batch * job->attention->S, own = row[query];
  for (int64_t c = start; c < end; c++)
    if (row[job->key + c] != own) x[c] = -INFINITY;
}

// Columns of `job` that query number `query` sees.
static Range columns_of(const ScoreRows *job, int64_t query) {
  Range keys = visible_keys(job->attention, job->batch, query);
  const int64_t first = keys.first - job->key, end = keys.end - job->key;
  Range columns = {first < 0 ? 0 : first, end > job->columns ? job->columns : end};
  if (columns.first > job->columns) columns.first = job->columns;
  if (columns.end < columns.first) columns.end = columns.first;
  return columns;
}

static void clear_outside(float *x, Range columns, int64_t count) {
  memset(x, 0, (size_t)columns.first * sizeof *x);
  memset(x + columns.end, 0, (size_t)(count - columns.end) * sizeof *x);
}

static float greatest_of(const float *x, int64_t n) {
  vec top = splat(-INFINITY);
  for (int64_t i = 0; i < n; i += LANES) top = greater_of(top, load_or(x + i, n - i, -INFINITY));
  return greatest(top);
}

int PATH(attention_softmax)(void *job_, int64_t unused) {
  (void)unused;
  const ScoreRows *job = job_;
  const Attention *a = job->attention;
  for (int64_t r = 0; r < job->rows; r++) {
    float *x = job->scores + r * job->stride;
    const int64_t query = job->query + r;
    const Range columns = columns_of(job, query);
    hide_other_segments(job, query, x, columns.first, columns.end);
    clear_outside(x, columns, job->columns);
    float *seen = x + columns.first;
    const int64_t n = columns.end - columns.first;
    const float top = greatest_of(seen, n);
    vec shift = splat(-top), s0 = splat(0), s1 = s0;
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
      vec e0 = exponential(load(seen + i, LANES) + shift), e1 = exponential(load(seen + i + LANES, LANES) + shift);
      store(seen + i, e0, LANES);
      store(seen + i + LANES, e1, LANES);
      s0 = s0 + e0;
      s1 = s1 + e1;
    }
    for (; i < n; i += LANES) {
      vec e = exponential(load_or(seen + i, n - i, -INFINITY) + shift);
      store(seen + i, e, n - i);
      s0 = s0 + e;
    }
    const float sum = total(s0 + s1);
    job->inverse_sums[r] = 1 / sum;
    a->log_sum_exp_BHS[(job->batch * a->H + job->head) * a->S + query] = top + logf(sum);
  }
  return 0;
}

// p = e^(s − log-sum-exp); ds = p (dp − do·o) scale
int PATH(attention_scores_gradient)(void *job_, int64_t unused) {
  (void)unused;
  const ScoreRows *job = job_;
  const Attention *a = job->attention;
  for (int64_t r = 0; r < job->rows; r++) {
    float *p = job->scores + r * job->stride, *ds = job->dscores + r * job->stride;
    const int64_t query = job->query + r, row = ((job->batch * a->S + query) * a->H + job->head) * a->d;
    const Range columns = columns_of(job, query);
    hide_other_segments(job, query, p, columns.first, columns.end);
    clear_outside(p, columns, job->columns);
    clear_outside(ds, columns, job->columns);
    const vec shift = splat(-a->log_sum_exp_BHS[(job->batch * a->H + job->head) * a->S + query]), scale = splat(a->scale);
    const vec delta = splat(sum_of_products(a->do_BSHd + row, a->o_BSHd + row, a->d));
    p += columns.first;
    ds += columns.first;
    const int64_t n = columns.end - columns.first;
    for (int64_t i = 0; i < n; i += LANES) {
      vec value = exponential(load_or(p + i, n - i, -INFINITY) + shift);
      store(p + i, value, n - i);
      store(ds + i, value * (load(ds + i, n - i) - delta) * scale, n - i);
    }
  }
  return 0;
}
