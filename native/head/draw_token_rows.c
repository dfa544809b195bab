#include "draw_token.h"

#include <string.h>

#include "../framework/operator.h"
#include "../framework/path.h"
#include "../framework/scratch.h"
#include "../framework/vector.h"

// A token that may be drawn. Its key orders tokens as they are drawn: the largest logit first, of equals the lower token.
typedef struct {
  uint64_t key;
  float weight;  // e^((logit − largest) / temperature)
} Candidate;

INLINE uint64_t key_of(float logit, int64_t token) {
  uint32_t bits;
  logit += 0.0f;  // −0 becomes 0
  memcpy(&bits, &logit, sizeof bits);
  bits = bits >> 31 ? ~bits : bits | 0x80000000u;
  return (uint64_t)bits << 32 | (0xffffffffu - (uint32_t)token);
}
INLINE int64_t token_of(Candidate candidate) { return 0xffffffffu - (uint32_t)candidate.key; }

static int64_t first_at_least(const float *logits, int64_t V, float value) {
  for (int64_t i = 0; i < V; i++)
    if (logits[i] >= value) return i;
  return 0;
}

INLINE double measure(Candidate candidate, bool by_weight) { return by_weight ? (double)candidate.weight : 1; }

INLINE void swap(Candidate *a, Candidate *b) {
  const Candidate other = *a;
  *a = *b;
  *b = other;
}

// Which of three places has the key in the middle.
INLINE int64_t middle_of(const Candidate *list, int64_t a, int64_t b, int64_t c) {
  const uint64_t x = list[a].key, y = list[b].key, z = list[c].key;
  if (x < y) return y < z ? b : x < z ? c : a;
  return x < z ? a : y < z ? c : b;
}

// Puts the candidates that come first, until together they exceed `wanted`, in front of the others; of these only the last is at its place.
// Returns how many they are: all, where the sum stays below. No list is sorted, so time grows with its length alone.
static int64_t leading(Candidate *list, int64_t n, double wanted, bool by_weight) {
  int64_t low = 0, high = n;
  double sum = 0;
  while (high - low > 16) {
    const int64_t last = high - 1;
    swap(&list[middle_of(list, low, (low + high) / 2, last)], &list[last]);
    const Candidate pivot = list[last];
    int64_t left = low;
    double part = 0;
    for (int64_t i = low; i < last; i++) {
      if (list[i].key < pivot.key) continue;
      part += measure(list[i], by_weight);
      swap(&list[left++], &list[i]);
    }
    swap(&list[left], &list[last]);
    if (sum + part > wanted) {
      high = left;
    } else {
      sum += part + measure(pivot, by_weight);
      low = left + 1;
      if (sum > wanted) return low;
    }
  }
  while (low < high) {
    int64_t next = low;
    for (int64_t i = low + 1; i < high; i++)
      if (list[i].key > list[next].key) next = i;
    swap(&list[low], &list[next]);
    sum += measure(list[low++], by_weight);
    if (sum > wanted) return low;
  }
  return n;
}

static double sum_of_weights(const Candidate *list, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (double)list[i].weight;
  return sum;
}

enum { BLOCK = 64 };

// The tokens whose logits are at least `lowest`, in the order of the tokens.
static int64_t gather(const float *logits, const float *weights, int64_t V, float lowest, Candidate *list) {
  int64_t n = 0;
  for (int64_t i = 0; i < V; i += BLOCK) {
    const int64_t count = smaller(BLOCK, V - i);
    vec most = splat(-INFINITY);
    for (int64_t j = 0; j < count; j += LANES) most = greater_of(load_or(logits + i + j, count - j, -INFINITY), most);
    if (!(greatest(most) >= lowest)) continue;
    for (int64_t j = i; j < i + count; j++)
      if (logits[j] >= lowest && weights[j] > 0) list[n++] = (Candidate){key_of(logits[j], j), weights[j]};
  }
  return n;
}

// Tokens less likely than e^−40 of the most likely one count as impossible. The first list holds those from 2^−10 on, which in most rows are few and enough.
#define LOWEST (-40.0f)
#define FIRST (-6.931472f)

typedef struct {
  float temperature, min_p;
  double top_p, uniform;
  int64_t top_k;
} Settings;

// Whether all that is drawn from, and the token at the random number's place, are among the tokens from e^reach on. `mass` is what all tokens weigh.
static bool is_enough(const Settings *s, const Candidate *list, int64_t n, int64_t V, float reach, double mass) {
  if (s->top_k < V) return n >= s->top_k;
  if (s->top_p < 1) return sum_of_weights(list, n) > s->top_p * mass;
  if (s->min_p > 0) return reach <= logf(s->min_p);
  return sum_of_weights(list, n) > s->uniform * mass;
}

// Weighs all tokens; returns the sum.
static double weigh(const float *logits, int64_t V, float largest, float temperature, float *weights) {
  double mass = 0;
  for (int64_t i = 0; i < V; i += BLOCK) {
    const int64_t end = i + smaller(BLOCK, V - i);
    vec sum = splat(0);
    for (int64_t j = i; j < end; j += LANES) {
      store(weights + j, exponential((load_or(logits + j, end - j, -INFINITY) - splat(largest)) / splat(temperature)), end - j);
      sum = sum + load(weights + j, end - j);
    }
    mass += (double)total(sum);
  }
  return mass;
}

static int64_t draw(const float *logits, const Settings *s, int64_t V, float largest, float *weights, Candidate *list) {
  double mass = weigh(logits, V, largest, s->temperature, weights);
  int64_t n = 0;
  for (float reach = FIRST; reach > LOWEST + FIRST; reach += FIRST) {
    const bool is_last = reach <= LOWEST;
    n = gather(logits, weights, V, largest + s->temperature * (is_last ? LOWEST : reach), list);
    if (is_last) mass = sum_of_weights(list, n);
    if (is_enough(s, list, n, V, reach, mass)) break;
  }
  if (s->top_k < V) {
    n = leading(list, n, (double)s->top_k - 0.5, false);
    mass = sum_of_weights(list, n);
  }
  if (s->top_p < 1) {
    // Reached is enough, so that a probability which is a sum exactly ends with it.
    n = leading(list, n, s->top_p * mass * (1 - 1e-12), true);
    mass = sum_of_weights(list, n);
  }
  if (s->min_p > 0) {
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++)
      if (list[i].weight >= s->min_p) list[kept++] = list[i];
    n = kept;
    mass = sum_of_weights(list, n);
  }
  return token_of(list[leading(list, n, s->uniform * mass, true) - 1]);
}

int PATH(draw_token)(void *job_, int64_t row) {
  const DrawToken *job = job_;
  const int64_t V = job->V;
  const float *logits = job->logits_NV + row * V, *settings = job->settings_NS + row * DRAW_SETTINGS;
  vec top = splat(-INFINITY);
  for (int64_t i = 0; i < V; i += LANES) top = greater_of(load_or(logits + i, V - i, -INFINITY), top);
  const float largest = greatest(top);
  int64_t token;
  // Where the largest is no number to count with, log-sum-exp says so, and the token means nothing.
  if (!(settings[DRAW_TEMPERATURE] > 0) || settings[DRAW_TOP_K] == 1 || !isfinite(largest)) {
    token = first_at_least(logits, V, largest);
  } else {
    const float top_k = settings[DRAW_TOP_K];
    const Settings s = {
        .temperature = settings[DRAW_TEMPERATURE],
        .min_p = fminf(settings[DRAW_MIN_P], 1),
        .top_p = (double)settings[DRAW_TOP_P],
        .uniform = (double)settings[DRAW_UNIFORM],
        .top_k = top_k >= 1 && top_k < (float)V ? (int64_t)top_k : V,
    };
    Candidate *list = scratch_take((size_t)V * (sizeof *list + sizeof(float)));
    if (!list) return R1_OUT_OF_MEMORY;
    token = draw(logits, &s, V, largest, (float *)(list + V), list);
    scratch_give(list);
  }
  job->tokens_N[row] = token;
  if (job->values_N) job->values_N[row] = logits[token];
  return 0;
}
