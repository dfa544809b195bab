#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { IGNORED = -7 };

// One row in double precision: log-sum-exp of logits / temperature, the token's log-probability, and the entropy.
typedef struct {
  double log_sum_exp, log_probability, entropy;
} Row;

static Row row_of(const float *logits, int64_t V, int64_t token, double temperature, double *p) {
  double top = -INFINITY, sum = 0, entropy = 0;
  for (int64_t i = 0; i < V; i++) top = fmax(top, (double)logits[i] / temperature);
  for (int64_t i = 0; i < V; i++) sum += exp((double)logits[i] / temperature - top);
  double log_sum_exp = top + log(sum);
  for (int64_t i = 0; i < V; i++) {
    double log_p = (double)logits[i] / temperature - log_sum_exp;
    p[i] = exp(log_p);
    if (p[i] > 0) entropy -= p[i] * log_p;
  }
  return (Row){log_sum_exp, (double)logits[token] / temperature - log_sum_exp, entropy};
}

typedef struct {
  int64_t T, V;
  Value *logits, *tokens, *weights, *upstream, *dentropy;
  double temperature;
  double *log_probability, *log_sum_exp, *entropy;  // of the tokens that are not ignored, 0 elsewhere
  double *dloss, *dpolicy;                          // gradients of Σ weights · −log p, and of Σ upstream · log p + dentropy · entropy
} Case;

static Case make_case(int round, bool masked) {
  Case c = {.T = random_int(1, 9), .V = random_int(1, round % 6 == 5 ? 5000 : 90)};
  c.temperature = masked || random_int(0, 1) ? 1 : 0.7;
  c.logits = random_floats(round % 3 ? 4 : 40, SHAPE(c.T, c.V));
  c.tokens = random_integers(0, c.V - 1, SHAPE(c.T));
  c.weights = random_floats(1, SHAPE(c.T)), c.upstream = random_floats(1, SHAPE(c.T)), c.dentropy = random_floats(1, SHAPE(c.T));
  if (c.T > 1) c.tokens->integers[random_int(0, c.T - 1)] = IGNORED;
  // Some logits of a masked vocabulary are −∞.
  for (int64_t t = 0; masked && t < c.T; t++)
    for (int64_t i = 0; i < c.V; i += 3)
      if (i != c.tokens->integers[t]) c.logits->floats[t * c.V + i] = -INFINITY;
  c.log_probability = doubles(c.T), c.log_sum_exp = doubles(c.T), c.entropy = doubles(c.T);
  c.dloss = doubles(c.T * c.V), c.dpolicy = doubles(c.T * c.V);
  double *p = doubles(c.V);
  for (int64_t t = 0; t < c.T; t++) {
    int64_t token = c.tokens->integers[t];
    if (token == IGNORED) continue;
    Row row = row_of(c.logits->floats + t * c.V, c.V, token, c.temperature, p);
    c.log_probability[t] = row.log_probability, c.log_sum_exp[t] = row.log_sum_exp, c.entropy[t] = row.entropy;
    for (int64_t i = 0; i < c.V; i++) {
      double hit = i == token, log_p = p[i] > 0 ? log(p[i]) : 0;
      c.dloss[t * c.V + i] = (double)c.weights->floats[t] * (p[i] - hit);
      c.dpolicy[t * c.V + i] = ((double)c.upstream->floats[t] * (hit - p[i]) - (double)c.dentropy->floats[t] * p[i] * (log_p + row.entropy)) / c.temperature;
    }
  }
  free(p);
  return c;
}

static void free_case(Case *c) {
  free_value(c->logits), free_value(c->tokens), free_value(c->weights), free_value(c->upstream), free_value(c->dentropy);
  free(c->log_probability), free(c->log_sum_exp), free(c->entropy), free(c->dloss), free(c->dpolicy);
}

void test_cross_entropy(int round) {
  Case c = make_case(round, round % 4 == 1);
  if (c.temperature != 1) {
    free_case(&c);
    return;
  }
  bool weighted = random_int(0, 1);
  double *loss = doubles(c.T), *dlogits = doubles(c.T * c.V);
  for (int64_t t = 0; t < c.T; t++) {
    double weight = weighted ? (double)c.weights->floats[t] : 1;
    loss[t] = -weight * c.log_probability[t];
    for (int64_t i = 0; i < c.V; i++) dlogits[t * c.V + i] = weighted ? c.dloss[t * c.V + i] : c.dloss[t * c.V + i] / (double)c.weights->floats[t];
  }
  Execution run = {.operator_name = "CrossEntropy"};
  give_attribute(&run, (Attribute)INT("ignore_index", IGNORED));
  give_input(&run, c.logits);
  give_input(&run, c.tokens);
  give_input(&run, weighted ? c.weights : NULL);
  want_output(&run, true);
  want_output(&run, true);
  want_output(&run, random_int(0, 1));
  if (succeed(&run)) {
    expect_close(&run, "loss", run.outputs[0].result->floats, loss, c.T, 2e-6, 2);
    expect_close(&run, "logSumExp", run.outputs[1].result->floats, c.log_sum_exp, c.T, 2e-6, 1);
    if (run.outputs[2].result) expect_close(&run, "dLogits", run.outputs[2].result->floats, dlogits, c.T * c.V, 2e-6, 1);
    Execution back = {.operator_name = "CrossEntropyGradient"};
    give_attribute(&back, (Attribute)INT("ignore_index", IGNORED));
    give_input(&back, c.upstream);
    give_input(&back, c.logits);
    give_input(&back, c.tokens);
    give_input(&back, run.outputs[1].result);
    give_input(&back, weighted ? c.weights : NULL);
    want_output(&back, true);
    double *expected = doubles(c.T * c.V);
    for (int64_t i = 0; i < c.T * c.V; i++) expected[i] = dlogits[i] * (double)c.upstream->floats[i / c.V];
    if (succeed(&back)) expect_close(&back, "dLogits", back.outputs[0].result->floats, expected, c.T * c.V, 5e-6, 1);
    free_outputs(&back);
    free(expected);
  }
  free_outputs(&run);
  if (round == 0) {
    Execution bad = run;
    Value *outside = random_integers(c.V, c.V, SHAPE(c.T));
    bad.inputs[1] = outside;
    expect_error(&bad, "is neither in the vocabulary 0 … ");
    bad.inputs[1] = c.weights;
    expect_error(&bad, "input 1 has element type 1, not 7");
    bad.inputs[0] = c.weights;
    bad.inputs[1] = c.tokens;
    expect_error(&bad, "targets must hold one token for each row of logits");
    free_value(outside);
  }
  // dLogits over the logits.
  run.outputs[2].wanted = true;
  run.outputs[2].place = c.logits;
  if (succeed(&run)) expect_close(&run, "dLogits in place", c.logits->floats, dlogits, c.T * c.V, 2e-6, 1);
  free_outputs(&run);
  free(loss), free(dlogits);
  free_case(&c);
}

void test_token_log_probabilities(int round) {
  Case c = make_case(round, round % 4 == 1);
  bool entropy = random_int(0, 1);
  Execution run = {.operator_name = "TokenLogProbabilities"};
  give_attribute(&run, (Attribute)INT("ignore_index", IGNORED));
  give_attribute(&run, (Attribute)FLOAT("temperature", (float)c.temperature));
  give_input(&run, c.logits);
  give_input(&run, c.tokens);
  want_output(&run, true);
  want_output(&run, entropy);
  want_output(&run, true);
  if (succeed(&run)) {
    expect_close(&run, "logProbability", run.outputs[0].result->floats, c.log_probability, c.T, 2e-6, 2);
    expect_close(&run, "logSumExp", run.outputs[2].result->floats, c.log_sum_exp, c.T, 2e-6, 1);
    if (entropy) expect_close(&run, "entropy", run.outputs[1].result->floats, c.entropy, c.T, 5e-6, 1);
    Execution back = {.operator_name = "TokenLogProbabilitiesGradient"};
    back.attributes[0] = run.attributes[0], back.attributes[1] = run.attributes[1], back.attribute_count = 2;
    give_input(&back, c.upstream);
    give_input(&back, c.logits);
    give_input(&back, c.tokens);
    give_input(&back, run.outputs[2].result);
    if (entropy) give_input(&back, c.dentropy), give_input(&back, run.outputs[1].result);
    want_output(&back, true);
    if (!entropy) {  // without its entropy part, the policy's gradient
      double *p = doubles(c.V);
      for (int64_t t = 0; t < c.T; t++) {
        int64_t token = c.tokens->integers[t];
        if (token == IGNORED) continue;
        row_of(c.logits->floats + t * c.V, c.V, token, c.temperature, p);
        for (int64_t i = 0; i < c.V; i++) c.dpolicy[t * c.V + i] = (double)c.upstream->floats[t] * ((double)(i == token) - p[i]) / c.temperature;
      }
      free(p);
    }
    if (succeed(&back)) expect_close(&back, "dLogits", back.outputs[0].result->floats, c.dpolicy, c.T * c.V, 1e-5, 2);
    free_outputs(&back);
    if (round == 0 && entropy) {
      Execution bad = back;
      bad.inputs[5] = NULL;
      expect_error(&bad, "dEntropy needs entropy");
    }
  }
  free_outputs(&run);
  free_case(&c);
}
