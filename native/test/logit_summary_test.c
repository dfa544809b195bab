#include <math.h>
#include <stdlib.h>

#include "check.h"

typedef struct {
  float value;
  int64_t token;
} Ranked;

static int by_value(const void *left, const void *right) {
  const Ranked *a = left, *b = right;
  if (a->value != b->value) return a->value > b->value ? -1 : 1;
  return a->token < b->token ? -1 : 1;
}

void test_logit_summary(int round) {
  const int64_t N = random_int(1, 5), V = random_int(0, 3) ? random_int(1, 600) : random_int(8000, 20000), k = random_int(1, V < 40 ? V : 40);
  Value *logits = random_floats(random_int(0, 3) ? 5 : 60, SHAPE(N, V));
  // Equal logits, and tokens that are ruled out.
  for (int64_t i = 0; i < logits->size; i++)
    if (random_int(0, 9) == 0) logits->floats[i] = random_int(0, 2) ? roundf(logits->floats[i]) : -INFINITY;
  if (random_int(0, 5) == 0)
    for (int64_t i = 1; i < V; i++) logits->floats[i] = -INFINITY;
  logits->floats[0] = 1;
  // A chunk of 8,192 without a token, and the others far below zero.
  if (V > 8192 && random_int(0, 1))
    for (int64_t i = 0; i < logits->size; i++) logits->floats[i] = i % V < 8192 ? -INFINITY : i % V == 8192 ? -200 : logits->floats[i] - 300;
  Execution run = {.operator_name = "LogitSummary"};
  give_attribute(&run, (Attribute)INT("k", k));
  give_input(&run, logits);
  for (int i = 0; i < 3; i++) want_output(&run, true);
  double *log_sum_exp = doubles(N);
  Ranked *ranked = calloc((size_t)V, sizeof *ranked);
  if (succeed(&run)) {
    int64_t wrong = 0;
    for (int64_t row = 0; row < N; row++) {
      const float *x = logits->floats + row * V;
      double sum = 0;
      for (int64_t i = 0; i < V; i++) ranked[i] = (Ranked){x[i], i};
      qsort(ranked, (size_t)V, sizeof *ranked, by_value);
      for (int64_t i = 0; i < V; i++) sum += exp((double)x[i] - (double)ranked[0].value);
      log_sum_exp[row] = (double)ranked[0].value + log(sum);
      for (int64_t i = 0; i < k; i++)
        wrong += run.outputs[0].result->floats[row * k + i] != ranked[i].value || run.outputs[1].result->integers[row * k + i] != ranked[i].token;
    }
    expect(wrong == 0, run.operator_name, "the largest logits, of equals the first");
    expect_close(&run, "log-sum-exp", run.outputs[2].result->floats, log_sum_exp, N, 1e-6, 1);
  }
  if (round == 0) {
    Execution bad = run;
    bad.attributes[0].integer = V + 1;
    expect_error(&bad, "at least k");
    bad.attributes[0].integer = 0;
    expect_error(&bad, "k must be");
  }
  free_outputs(&run), free_value(logits), free(log_sum_exp), free(ranked);
}
