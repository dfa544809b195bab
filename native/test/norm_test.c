#include <math.h>
#include <stdlib.h>

#include "check.h"

// Both normalisations in double precision; RMS has no mean and no bias.
typedef struct {
  int64_t T, D;
  bool centred;
  double epsilon;
  double *sum, *weight, *bias, *y, *mean, *inverse;
  double *dy, *dsum, *dx, *dweight, *dbias;
} Reference;

static void forward(Reference *r) {
  for (int64_t t = 0; t < r->T; t++) {
    const double *x = r->sum + t * r->D;
    double mean = 0, square = 0;
    for (int64_t i = 0; r->centred && i < r->D; i++) mean += x[i] / (double)r->D;
    for (int64_t i = 0; i < r->D; i++) square += (x[i] - mean) * (x[i] - mean) / (double)r->D;
    r->mean[t] = mean;
    r->inverse[t] = 1 / sqrt(square + r->epsilon);
    for (int64_t i = 0; i < r->D; i++) r->y[t * r->D + i] = (x[i] - mean) * r->inverse[t] * r->weight[i] + (r->bias ? r->bias[i] : 0);
  }
}

static void backward(Reference *r) {
  for (int64_t t = 0; t < r->T; t++) {
    const double *x = r->sum + t * r->D, *dy = r->dy + t * r->D;
    double g_mean = 0, gn_mean = 0;
    for (int64_t i = 0; i < r->D; i++) {
      double n = (x[i] - r->mean[t]) * r->inverse[t], g = dy[i] * r->weight[i];
      g_mean += r->centred ? g / (double)r->D : 0;
      gn_mean += g * n / (double)r->D;
      r->dweight[i] += dy[i] * n;
      r->dbias[i] += dy[i];
    }
    for (int64_t i = 0; i < r->D; i++) {
      double n = (x[i] - r->mean[t]) * r->inverse[t];
      r->dx[t * r->D + i] = r->inverse[t] * (dy[i] * r->weight[i] - g_mean - n * gn_mean) + (r->dsum ? r->dsum[t * r->D + i] : 0);
    }
  }
}

static void test_norm(int round, bool centred) {
  int64_t B = random_int(1, 3), S = random_int(1, round % 10 == 9 ? 70 : 9), D = random_int(1, round % 5 == 4 ? 700 : 70), T = B * S;
  bool residual = random_int(0, 1), wants_sum = random_int(0, 1), bias = centred && random_int(0, 1), dsum = random_int(0, 1), dweight = random_int(0, 1);
  Value *x = random_floats(2, SHAPE(B, S, D)), *w = random_floats(1, SHAPE(D)), *b = random_floats(1, SHAPE(D)), *r = random_floats(1, SHAPE(B, S, D));
  Reference ref = {T, D, centred, 1e-3, doubles_of(x), doubles_of(w), bias ? doubles_of(b) : NULL, doubles(T * D), doubles(T), doubles(T)};
  for (int64_t i = 0; residual && i < T * D; i++) ref.sum[i] += (double)r->floats[i];
  forward(&ref);

  Execution run = {.operator_name = centred ? "LayerNorm" : "RmsNorm"};
  give_attribute(&run, (Attribute)FLOAT("epsilon", 1e-3f));
  give_input(&run, x);
  give_input(&run, w);
  if (centred) give_input(&run, bias ? b : NULL);
  give_input(&run, residual ? r : NULL);
  want_output(&run, true);
  if (centred) want_output(&run, true);
  want_output(&run, true);
  want_output(&run, wants_sum);
  if (!succeed(&run)) return;
  Value *inverse = run.outputs[centred ? 2 : 1].result, *mean = centred ? run.outputs[1].result : NULL, *sum = run.outputs[centred ? 3 : 2].result;
  expect_close(&run, "y", run.outputs[0].result->floats, ref.y, T * D, 1e-5, 1);
  expect_close(&run, "inverse", inverse->floats, ref.inverse, T, 1e-5, 1);
  if (mean) expect_close(&run, "mean", mean->floats, ref.mean, T, 1e-6, 1);
  if (sum) expect_close(&run, "sum", sum->floats, ref.sum, T * D, 1e-6, 1);
  expect(inverse->rank == 3 && inverse->shape[2] == 1, run.operator_name, "inverse is [B,S,1]");

  Value *dy = random_floats(1, SHAPE(B, S, D)), *d = random_floats(1, SHAPE(B, S, D));
  Value *s = new_value(R1_FLOAT, SHAPE(B, S, D));
  for (int64_t i = 0; i < T * D; i++) s->floats[i] = (float)ref.sum[i];
  ref.dy = doubles_of(dy), ref.dsum = dsum ? doubles_of(d) : NULL, ref.dx = doubles(T * D), ref.dweight = doubles(D), ref.dbias = doubles(D);
  backward(&ref);
  Execution back = {.operator_name = centred ? "LayerNormGradient" : "RmsNormGradient"};
  give_input(&back, dy);
  give_input(&back, s);
  give_input(&back, w);
  if (centred) give_input(&back, mean);
  give_input(&back, inverse);
  give_input(&back, dsum ? d : NULL);
  want_output(&back, true);
  want_output(&back, dweight);
  if (centred) want_output(&back, true);
  if (succeed(&back)) {
    double size = sqrt((double)T) * (1 + ref.inverse[0]);
    expect_close(&back, "dX", back.outputs[0].result->floats, ref.dx, T * D, 2e-5, 1 + ref.inverse[0]);
    if (dweight) expect_close(&back, "dWeight", back.outputs[1].result->floats, ref.dweight, D, 1e-5, size);
    if (centred) expect_close(&back, "dBias", back.outputs[2].result->floats, ref.dbias, D, 1e-5, size);
  }
  if (!centred && !residual && !wants_sum) {
    Execution narrow = run;
    narrow.operator_name = "RmsNormBf16";
    narrow.input_count = narrow.output_count = 2;
    narrow.outputs[0].result = narrow.outputs[1].result = NULL;
    if (succeed(&narrow)) expect_rounded(&narrow, "y", narrow.outputs[0].result, run.outputs[0].result);
    free_outputs(&narrow);
  }
  // The same in the memory of the inputs: y over x, sum over residual, dX over dSum.
  if (residual) {
    Execution over = run;
    over.outputs[0].place = x, over.outputs[0].result = NULL;
    over.outputs[over.output_count - 1].place = r, over.outputs[over.output_count - 1].result = NULL;
    over.outputs[1].wanted = false;
    over.outputs[over.output_count - 1].wanted = true;
    over.outputs[over.output_count - 2].wanted = false;
    if (succeed(&over)) expect_close(&over, "y in place", x->floats, ref.y, T * D, 1e-5, 1), expect_close(&over, "sum in place", r->floats, ref.sum, T * D, 1e-6, 1);
  }
  if (dsum) {
    Execution over = back;
    for (int i = 0; i < over.output_count; i++) over.outputs[i].wanted = i == 0, over.outputs[i].result = NULL;
    over.outputs[0].place = d;
    if (succeed(&over)) expect_close(&over, "dX in place", d->floats, ref.dx, T * D, 2e-5, 1 + ref.inverse[0]);
  }
  if (round == 0) {
    Value *wrong = random_floats(1, SHAPE(D + 1));
    Execution bad = run;
    bad.inputs[1] = wrong;
    expect_error(&bad, "weight must be as long as a row of x");
    bad = back;
    bad.inputs[2] = wrong;
    expect_error(&bad, "weight must be as long as a row of dY");
    free_value(wrong);
  }
  free_outputs(&run);
  free_outputs(&back);
  Value *all[] = {x, w, b, r, dy, d, s};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free_value(all[i]);
  double *references[] = {ref.sum, ref.weight, ref.bias, ref.y, ref.mean, ref.inverse, ref.dy, ref.dsum, ref.dx, ref.dweight, ref.dbias};
  for (size_t i = 0; i < sizeof references / sizeof *references; i++) free(references[i]);
}

void test_rms_norm(int round) { test_norm(round, false); }
void test_layer_norm(int round) { test_norm(round, true); }
