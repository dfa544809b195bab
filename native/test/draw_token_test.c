#include <math.h>
#include <stdlib.h>

#include "check.h"

typedef struct {
  float logit;
  int64_t token;
  double weight;
} Ranked;

static int by_logit(const void *left, const void *right) {
  const Ranked *a = left, *b = right;
  if (a->logit != b->logit) return a->logit > b->logit ? -1 : 1;
  return a->token < b->token ? -1 : 1;
}

// What the settings mean, without regard to speed. *margin is how far the nearest decision was from another result, in parts of the mass.
static int64_t expected(const float *logits, int64_t V, const float *settings, Ranked *ranked, double *margin) {
  const double temperature = (double)settings[0], top_p = (double)settings[2], min_p = (double)settings[3], uniform = (double)settings[4];
  for (int64_t i = 0; i < V; i++) ranked[i] = (Ranked){logits[i], i, 0};
  qsort(ranked, (size_t)V, sizeof *ranked, by_logit);
  *margin = 1;
  if (temperature == 0 || settings[1] == 1) return ranked[0].token;
  int64_t n = settings[1] > 0 && settings[1] < (float)V ? (int64_t)settings[1] : V, kept = 0;
  double mass = 0, sum = 0;
  for (int64_t i = 0; i < n; i++) mass += ranked[i].weight = exp(((double)ranked[i].logit - (double)ranked[0].logit) / temperature);
  for (; kept < n && (top_p == 1 || sum < top_p * mass); kept++) {
    sum += ranked[kept].weight;
    if (top_p < 1) *margin = fmin(*margin, fabs(sum - top_p * mass) / mass);
  }
  while (kept > 1 && ranked[kept - 1].weight < min_p) kept--;
  if (min_p > 0)
    for (int64_t i = 0; i < n; i++) *margin = fmin(*margin, fabs(ranked[i].weight / min_p - 1));
  mass = sum = 0;
  for (int64_t i = 0; i < kept; i++) mass += ranked[i].weight;
  for (int64_t i = 0; i < kept; i++) {
    sum += ranked[i].weight;
    *margin = fmin(*margin, fabs(sum - uniform * mass) / mass);
    if (sum > uniform * mass) return ranked[i].token;
  }
  return ranked[kept - 1].token;
}

void test_draw_token(int round) {
  const int64_t N = random_int(1, 6), V = random_int(0, 3) ? random_int(1, 600) : random_int(8000, 20000);
  Value *logits = random_floats(random_int(0, 3) ? 5 : 60, SHAPE(N, V)), *settings = random_floats(1, SHAPE(N, 5));
  // Equal logits, and tokens that are ruled out.
  for (int64_t i = 0; i < logits->size; i++)
    if (random_int(0, 9) == 0) logits->floats[i] = random_int(0, 2) ? roundf(logits->floats[i]) : -INFINITY;
  for (int64_t row = 0; row < N; row++) {
    logits->floats[row * V] = 1;
    float *of_row = settings->floats + row * 5;
    of_row[0] = random_int(0, 4) ? random_float(0.2f, 3) : random_int(0, 1) ? 0 : 60;
    of_row[1] = random_int(0, 1) ? 0 : (float)random_int(1, 50);
    of_row[2] = random_int(0, 1) ? 1 : random_float(0.05f, 0.99f);
    of_row[3] = random_int(0, 1) ? 0 : random_float(0.001f, 0.9f);
    of_row[4] = random_float(0.0001f, 0.9999f);
  }
  Execution run = {.operator_name = "DrawToken"};
  give_input(&run, logits);
  give_input(&run, settings);
  want_output(&run, true);
  want_output(&run, true);
  Ranked *ranked = calloc((size_t)V, sizeof *ranked);
  if (succeed(&run)) {
    int64_t wrong = 0;
    for (int64_t row = 0; row < N; row++) {
      double margin;
      const int64_t token = expected(logits->floats + row * V, V, settings->floats + row * 5, ranked, &margin);
      const int64_t drawn = run.outputs[0].result->integers[row];
      // Sums of another precision may fall on the other side of a border.
      wrong += drawn != token && margin > 1e-5;
      wrong += run.outputs[1].result->floats[row] != logits->floats[row * V + drawn];
    }
    expect(wrong == 0, run.operator_name, "the token at the random number's place among those that may be drawn");
  }
  if (round == 0) {
    // Numbers that are none give some token of the row, and nothing worse.
    logits->floats[0] = NAN;
    logits->floats[logits->size - 1] = INFINITY;
    Execution damaged = run;
    if (succeed(&damaged))
      for (int64_t row = 0; row < N; row++)
        expect(damaged.outputs[0].result->integers[row] >= 0 && damaged.outputs[0].result->integers[row] < V, run.operator_name, "a token of the row");
    free_outputs(&damaged);
    Execution bad = run;
    bad.inputs[1] = bad.inputs[0];
    expect_error(&bad, "settings");
  }
  free_outputs(&run), free_value(logits), free_value(settings), free(ranked);
}
