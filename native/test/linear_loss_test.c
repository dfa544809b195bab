#include <math.h>
#include <stdlib.h>

#include "check.h"

enum { IGNORED = -100 };

// loss and gradients of logits = hidden · weightᵀ in double precision
typedef struct {
  int64_t T, D, V;
  double temperature, *loss, *log_sum_exp, *entropy, *dhidden, *dweight;
} Reference;

static void reference_row(Reference *r, int64_t t, const Value *hidden, const Value *weight, int64_t target, double token_weight, double dloss, double dentropy) {
  double *z = doubles(r->V), top = -INFINITY, sum = 0, entropy = 0;
  for (int64_t v = 0; v < r->V; v++) {
    for (int64_t i = 0; i < r->D; i++) z[v] += (double)hidden->floats[t * r->D + i] * (double)weight->floats[v * r->D + i] / r->temperature;
    top = fmax(top, z[v]);
  }
  for (int64_t v = 0; v < r->V; v++) sum += exp(z[v] - top);
  double log_sum_exp = top + log(sum);
  for (int64_t v = 0; v < r->V; v++) entropy -= exp(z[v] - log_sum_exp) * (z[v] - log_sum_exp);
  r->loss[t] = token_weight * (log_sum_exp - z[target]);
  r->log_sum_exp[t] = log_sum_exp;
  r->entropy[t] = entropy;
  for (int64_t v = 0; v < r->V; v++) {
    double log_p = z[v] - log_sum_exp, p = exp(log_p);
    double dz = (dloss * token_weight * (p - (double)(v == target)) - dentropy * p * (log_p + entropy)) / r->temperature;
    for (int64_t i = 0; i < r->D; i++) {
      r->dhidden[t * r->D + i] += dz * (double)weight->floats[v * r->D + i];
      r->dweight[v * r->D + i] += dz * (double)hidden->floats[t * r->D + i];
    }
  }
  free(z);
}

void test_linear_cross_entropy(int round) {
  bool f32 = round % 2, weighted = random_int(0, 1), entropy = random_int(0, 1);
  int64_t chunk = random_int(0, 1) ? random_int(1, 20) : 0;
  Reference r = {.T = random_int(1, 40), .D = random_int(1, 50), .V = random_int(2, round % 5 == 4 ? 700 : 60), .temperature = random_int(0, 1) ? 1 : 0.8};
  Value *hidden = random_floats(1, SHAPE(r.T, r.D)), *weight = random_floats(1, SHAPE(r.V, r.D)), *targets = random_integers(0, r.V - 1, SHAPE(r.T));
  Value *weights = random_floats(1, SHAPE(r.T)), *dloss = random_floats(1, SHAPE(r.T)), *dentropy = random_floats(1, SHAPE(r.T));
  for (int64_t t = 0; round % 3 && t < r.T; t++)  // a prompt, or holes
    if (round % 3 == 1 ? t < r.T / 3 : random_int(0, 2) == 0) targets->integers[t] = IGNORED;
  if (round == 11)
    for (int64_t t = 0; t < r.T; t++) targets->integers[t] = IGNORED;
  r.loss = doubles(r.T), r.log_sum_exp = doubles(r.T), r.entropy = doubles(r.T), r.dhidden = doubles(r.T * r.D), r.dweight = doubles(r.V * r.D);
  for (int64_t t = 0; t < r.T; t++)
    if (targets->integers[t] != IGNORED)
      reference_row(&r, t, hidden, weight, targets->integers[t], weighted ? (double)weights->floats[t] : 1, (double)dloss->floats[t], entropy ? (double)dentropy->floats[t] : 0);

  Execution run = {.operator_name = "LinearCrossEntropy"}, back = {.operator_name = "LinearCrossEntropyGradient"};
  Execution *both[] = {&run, &back};
  give_input(&back, dloss);
  for (int i = 0; i < 2; i++) {
    give_attribute(both[i], (Attribute)STRING("precision", f32 ? "f32" : "bf16"));
    give_attribute(both[i], (Attribute)FLOAT("temperature", (float)r.temperature));
    if (chunk) give_attribute(both[i], (Attribute)INT("chunk", chunk));
    give_input(both[i], hidden);
    give_input(both[i], weight);
    give_input(both[i], targets);
    give_input(both[i], weighted ? weights : NULL);
  }
  if (entropy) give_input(&back, dentropy);
  want_output(&run, true);
  want_output(&run, true);
  want_output(&run, entropy);
  want_output(&back, true);
  want_output(&back, true);
  want_output(&back, true);
  want_output(&back, random_int(0, 1));
  want_output(&back, entropy);
  // A logit is a sum of D products of numbers up to 1; bf16 rounds each factor by at most 2⁻⁹.
  double logit_error = f32 ? 1e-6 * (double)r.D : 4e-3 * sqrt((double)r.D), tolerance = f32 ? 1e-5 : 1e-2;
  if (succeed(&run)) {
    expect_close(&run, "loss", run.outputs[0].result->floats, r.loss, r.T, tolerance, 2 * logit_error / tolerance);
    expect_close(&run, "logSumExp", run.outputs[1].result->floats, r.log_sum_exp, r.T, tolerance, 2 * logit_error / tolerance);
    if (entropy) expect_close(&run, "entropy", run.outputs[2].result->floats, r.entropy, r.T, tolerance, 1 + 6 * logit_error / tolerance);
  }
  if (succeed(&back)) {
    double scale = f32 ? 3 : 3 + 4 * sqrt((double)r.D);
    expect_close(&back, "dHidden", back.outputs[0].result->floats, r.dhidden, r.T * r.D, tolerance, scale);
    expect_close(&back, "dWeight", back.outputs[1].result->floats, r.dweight, r.V * r.D, tolerance, scale * sqrt((double)r.T));
    expect_close(&back, "loss", back.outputs[2].result->floats, r.loss, r.T, tolerance, 2 * logit_error / tolerance);
  }
  if (round == 0) {
    Execution bad = run;
    bad.inputs[1] = hidden->shape[1] == 1 ? weights : targets;
    expect_error(&bad, hidden->shape[1] == 1 ? "weight must be [V,D]" : "must be f32 or bf16");
    targets->integers[0] = r.V;
    expect_error(&back, "is neither in the vocabulary");
  }
  free_outputs(&run);
  free_outputs(&back);
  free_value(hidden), free_value(weight), free_value(targets), free_value(weights), free_value(dloss), free_value(dentropy);
  free(r.loss), free(r.log_sum_exp), free(r.entropy), free(r.dhidden), free(r.dweight);
}
