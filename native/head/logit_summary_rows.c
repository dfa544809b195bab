#include "logit_summary.h"

#include "../framework/operator.h"
#include "../framework/path.h"
#include "../framework/vector.h"

// Whether a logit comes before what stands at a place of a list that begins with the largest: an empty place has the token −1.
INLINE bool precedes(float value, const float *values, const int64_t *tokens, int64_t at) { return value > values[at] || tokens[at] < 0; }

// Puts a logit into a list; of equals the one that came first stays in front. What falls off the end is lost.
INLINE void insert(float *values, int64_t *tokens, int64_t k, float value, int64_t token) {
  int64_t at = k - 1;
  for (; at > 0 && precedes(value, values, tokens, at - 1); at--) {
    values[at] = values[at - 1];
    tokens[at] = tokens[at - 1];
  }
  values[at] = value;
  tokens[at] = token;
}

static void empty(float *values, int64_t *tokens, int64_t k) {
  for (int64_t i = 0; i < k; i++) {
    values[i] = -INFINITY;
    tokens[i] = -1;
  }
}

int PATH(logit_summary)(void *job_, int64_t index) {
  const LogitSummary *job = job_;
  const int64_t row = index / job->chunks, first = index % job->chunks * SUMMARY_CHUNK, n = smaller(SUMMARY_CHUNK, job->V - first), k = job->k;
  const float *logits = job->logits_NV + row * job->V + first;
  float *values = job->part_values + index * k;
  int64_t *tokens = job->part_tokens + index * k;
  empty(values, tokens, k);
  vec top = splat(-INFINITY), sum = splat(0);
  // Few blocks hold a logit above the last of the list, so a block's largest is looked at before its logits.
  enum { BLOCK = 64 };
  for (int64_t i = 0; i < n; i += BLOCK) {
    const int64_t count = smaller(BLOCK, n - i);
    vec most = splat(-INFINITY);
    for (int64_t j = 0; j < count; j += LANES) most = greater_of(load_or(logits + i + j, count - j, -INFINITY), most);
    top = greater_of(most, top);
    // Not "at most": an empty place of the list takes −∞ too, and a block with something that is no number is looked at.
    if (greatest(most) < values[k - 1]) continue;
    for (int64_t j = i; j < i + count; j++)
      if (precedes(logits[j], values, tokens, k - 1)) insert(values, tokens, k, logits[j], first + j);
  }
  const float largest = greatest(top);
  // Where all are −∞ or one is +∞, differences would not be numbers.
  const float shift = isfinite(largest) ? largest : 0;
  for (int64_t i = 0; i < n; i += LANES) sum = sum + exponential(load_or(logits + i, n - i, -INFINITY) - splat(shift));
  job->parts[index] = (SummaryPart){shift, total(sum)};
  return 0;
}

int PATH(logit_summary_merge)(void *job_, int64_t row) {
  const LogitSummary *job = job_;
  const int64_t k = job->k;
  const SummaryPart *parts = job->parts + row * job->chunks;
  float largest = -INFINITY, sum = 0;
  // A chunk of nothing but −∞ has no largest logit of its own, and one with +∞ an infinite sum.
  for (int64_t chunk = 0; chunk < job->chunks; chunk++)
    if (parts[chunk].sum != 0) largest = fmaxf(largest, parts[chunk].largest);
  for (int64_t chunk = 0; chunk < job->chunks; chunk++) {
    const SummaryPart part = parts[chunk];
    if (part.sum != 0) sum += isfinite(part.sum) ? part.sum * expf(part.largest - largest) : part.sum;
  }
  if (job->log_sum_exp_N) job->log_sum_exp_N[row] = largest + logf(sum);
  float *values = job->values_Nk + row * k;
  int64_t *tokens = job->tokens_Nk + row * k;
  empty(values, tokens, k);
  for (int64_t chunk = 0; chunk < job->chunks; chunk++) {
    const int64_t at = (row * job->chunks + chunk) * k;
    for (int64_t i = 0; i < k && job->part_tokens[at + i] >= 0; i++) {
      const float value = job->part_values[at + i];
      if (!precedes(value, values, tokens, k - 1)) break;
      insert(values, tokens, k, value, job->part_tokens[at + i]);
    }
  }
  return 0;
}
