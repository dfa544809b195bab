#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

typedef struct {
  double value, slope;
} Curve;

static Curve silu(double x) {
  double s = 1 / (1 + exp(-x));
  return (Curve){x * s, s * (1 + x * (1 - s))};
}

static Curve gelu(double x) {
  double phi = 0.5 * erfc(-x * sqrt(0.5));
  return (Curve){x * phi, phi + x * exp(-0.5 * x * x) / sqrt(2 * acos(-1))};
}

static Curve gelu_tanh(double x) {
  double k = sqrt(2 / acos(-1)), t = tanh(k * (x + 0.044715 * x * x * x));
  return (Curve){0.5 * x * (1 + t), 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * k * (1 + 3 * 0.044715 * x * x)};
}

static const struct {
  const char *name, *gradient, *approximate;
  Curve (*curve)(double);
  bool gated;
} activations[] = {
    {"SwiGLU", "SwiGLUGradient", NULL, silu, true},
    {"GeGLU", "GeGLUGradient", NULL, gelu, true},
    {"GeGLU", "GeGLUGradient", "tanh", gelu_tanh, true},
    {"Gelu", "GeluGradient", "none", gelu, false},
    {"Gelu", "GeluGradient", "tanh", gelu_tanh, false},
};

// gate, up and dy as they lie in the tensors: gate and up side by side in a merged row.
void test_activation(int round) {
  for (size_t kind = 0; kind < sizeof activations / sizeof *activations; kind++) {
    bool gated = activations[kind].gated, merged = gated && random_int(0, 1);
    int64_t T = random_int(1, 20), F = random_int(1, round % 8 == 7 ? 3000 : 80), stride = merged ? 2 * F : F;
    Value *gate = random_floats(round % 4 == 3 ? 12 : 4, SHAPE(T, stride)), *up = random_floats(2, SHAPE(T, F)), *dy = random_floats(2, SHAPE(T, F));
    if (round % 4 == 3) gate->floats[0] = -200, gate->floats[T * stride - 1] = 200;
    const float *u = merged ? gate->floats + F : up->floats;
    double *y = doubles(T * F), *dgate = doubles(T * stride), *dup = doubles(T * F);
    for (int64_t t = 0; t < T; t++)
      for (int64_t i = 0; i < F; i++) {
        Curve c = activations[kind].curve((double)gate->floats[t * stride + i]);
        double factor = gated ? (double)u[t * stride + i] : 1, d = (double)dy->floats[t * F + i];
        y[t * F + i] = c.value * factor;
        dgate[t * stride + i] = d * c.slope * factor;
        if (merged) dgate[t * stride + F + i] = d * c.value;
        dup[t * F + i] = d * c.value;
      }
    Execution run = {.operator_name = activations[kind].name}, back = {.operator_name = activations[kind].gradient};
    if (activations[kind].approximate) {
      give_attribute(&run, (Attribute)STRING("approximate", activations[kind].approximate));
      give_attribute(&back, (Attribute)STRING("approximate", activations[kind].approximate));
    }
    give_input(&run, gate);
    give_input(&back, dy);
    give_input(&back, gate);
    if (gated && !merged) give_input(&run, up), give_input(&back, up);
    want_output(&run, true);
    want_output(&back, true);
    if (gated && !merged) want_output(&back, true);
    if (succeed(&run)) expect_close(&run, "y", run.outputs[0].result->floats, y, T * F, 4e-6, 1e-7);
    if (succeed(&back)) {
      expect_close(&back, "dGate", back.outputs[0].result->floats, dgate, T * stride, 4e-6, 1);
      if (gated && !merged) expect_close(&back, "dUp", back.outputs[1].result->floats, dup, T * F, 4e-6, 1e-7);
    }
    if (gated) {
      Execution narrow = run, narrow_back = back;
      narrow.operator_name = activations[kind].curve == silu ? "SwiGLUBf16" : "GeGLUBf16";
      narrow_back.operator_name = activations[kind].curve == silu ? "SwiGLUGradientBf16" : "GeGLUGradientBf16";
      narrow.outputs[0].result = narrow_back.outputs[0].result = narrow_back.outputs[1].result = NULL;
      if (succeed(&narrow)) expect_rounded(&narrow, "y", narrow.outputs[0].result, run.outputs[0].result);
      if (succeed(&narrow_back)) {
        for (int i = 0; i < narrow_back.output_count; i++) expect_rounded(&narrow_back, "a gradient", narrow_back.outputs[i].result, back.outputs[i].result);
      }
      free_outputs(&narrow);
      free_outputs(&narrow_back);
    }
    if (round == 0 && gated) {
      Value *odd = random_floats(1, SHAPE(2, 3));
      Execution bad = {.operator_name = activations[kind].name};
      give_input(&bad, odd);
      want_output(&bad, true);
      expect_error(&bad, "an even number of elements (inputs: [2,3]");
      give_input(&bad, gate);
      expect_error(&bad, "gate and up must have one shape");
      free_value(odd);
    }
    if (round == 0 && activations[kind].curve != silu) {
      Execution bad = run;
      bad.attribute_count = 0;
      give_attribute(&bad, (Attribute)STRING("approximate", "sigmoid or so"));
      expect_error(&bad, "approximate must be");
    }
    free_outputs(&run);
    free_outputs(&back);
    if (!merged) {  // over its inputs
      run.outputs[0].place = gate;
      Value *dg = new_value(R1_FLOAT, SHAPE(T, F));
      memcpy(dg->data, gate->data, (size_t)(T * F) * sizeof(float));
      back.inputs[1] = back.outputs[0].place = dg;
      if (gated) back.outputs[1].place = up;
      Value *kept = new_value(R1_FLOAT, SHAPE(T, F));
      memcpy(kept->data, up->data, (size_t)(T * F) * sizeof(float));
      if (gated) run.inputs[1] = kept;
      if (succeed(&back)) {
        expect_close(&back, "dGate in place", dg->floats, dgate, T * F, 4e-6, 1);
        if (gated) expect_close(&back, "dUp in place", up->floats, dup, T * F, 4e-6, 1e-7);
      }
      if (succeed(&run)) expect_close(&run, "y in place", gate->floats, y, T * F, 4e-6, 1e-7);
      free_value(dg);
      free_value(kept);
    }
    free_value(gate), free_value(up), free_value(dy);
    free(y), free(dgate), free(dup);
  }
}
