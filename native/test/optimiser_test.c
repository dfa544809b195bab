#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { MOST = 6 };

// groups[0] parameters, then states, then gradients: the order of the operator's inputs.
typedef struct {
  int N, states;
  Value *groups[4][MOST];
  double *expected[3][MOST];
  float decay[MOST];
} Tensors;

static Tensors make_tensors(int round, int states) {
  Tensors t = {.N = (int)random_int(1, MOST), .states = states};
  for (int i = 0; i < t.N; i++) {
    int64_t size = random_int(1, round % 4 == 3 ? 40000 : 60);
    t.decay[i] = (float)random_int(0, 2);
    for (int group = 0; group < states + 2; group++) {
      t.groups[group][i] = random_floats(1, SHAPE(1, size));
      if (group <= states) t.expected[group][i] = doubles_of(t.groups[group][i]);
      if (group == 2 && states == 2)  // second moments are not negative
        for (int64_t k = 0; k < size; k++) t.expected[2][i][k] = (double)(t.groups[2][i]->floats[k] = fabsf(t.groups[2][i]->floats[k]));
    }
  }
  return t;
}

static void free_tensors(Tensors *t) {
  for (int i = 0; i < t->N; i++)
    for (int group = 0; group < t->states + 2; group++) {
      free_value(t->groups[group][i]);
      if (group <= t->states) free(t->expected[group][i]);
    }
}

static double norm_of(const Tensors *t, double scale) {
  double sum = 0;
  for (int i = 0; i < t->N; i++) {
    const Value *gradient = t->groups[t->states + 1][i];
    for (int64_t k = 0; k < gradient->size; k++) sum += (double)gradient->floats[k] * (double)gradient->floats[k] * scale * scale;
  }
  return sqrt(sum);
}

static Execution execution_of(const char *name, const Tensors *t, const Value *hyper) {
  Execution run = {.operator_name = name};
  give_attribute(&run, (Attribute)FLOATS("decay", t->decay, t->N));
  give_input(&run, hyper);
  want_output(&run, true);
  for (int group = 0; group < t->states + 2; group++)
    for (int i = 0; i < t->N; i++) give_input(&run, t->groups[group][i]);
  for (int output = 0; output < t->N * (t->states + 1); output++) want_output(&run, true);
  return run;
}

// Compares every group of outputs, first in memory of their own and then in the inputs' memory.
static void compare(Execution *run, const Tensors *t, double norm) {
  if (succeed(run)) {
    expect_close(run, "norm", run->outputs[0].result->floats, &norm, 1, 2e-6, 0);
    for (int group = 0; group <= t->states; group++)
      for (int i = 0; i < t->N; i++)
        expect_close(run, "state", run->outputs[1 + group * t->N + i].result->floats, t->expected[group][i], t->groups[group][i]->size, 3e-6, 0.1);
  }
  free_outputs(run);
  for (int group = 0; group <= t->states; group++)
    for (int i = 0; i < t->N; i++) run->outputs[1 + group * t->N + i].place = t->groups[group][i];
  if (succeed(run))
    for (int group = 0; group <= t->states; group++)
      for (int i = 0; i < t->N; i++) expect_close(run, "state in place", t->groups[group][i]->floats, t->expected[group][i], t->groups[group][i]->size, 3e-6, 0.1);
  free_outputs(run);
}

void test_adamw(int round) {
  Tensors t = make_tensors(round, 2);
  float largest = round % 3 ? 0.5f : 0, scale = round % 2 ? 1 : 0.25f;
  Value *hyper = new_value(R1_FLOAT, SHAPE(9));
  float numbers[9] = {0.01f, 0.9f, 0.95f, 1e-4f, 0.1f, 1 - 0.729f, 1 - 0.857375f, largest, scale};
  memcpy(hyper->data, numbers, sizeof numbers);
  double norm = norm_of(&t, (double)scale), clip = largest > 0 ? fmin(1, (double)largest / (norm + 1e-6)) : 1, factor = (double)scale * clip;
  bool frozen = round % 7 == 6;
  if (frozen) t.groups[3][0]->floats[0] = round % 2 ? NAN : INFINITY;
  for (int i = 0; !frozen && i < t.N; i++)
    for (int64_t k = 0; k < t.groups[0][i]->size; k++) {
      double *p = &t.expected[0][i][k], *m = &t.expected[1][i][k], *v = &t.expected[2][i][k], g = factor * (double)t.groups[3][i]->floats[k];
      *m = (double)0.9f * *m + (1 - (double)0.9f) * g;
      *v = (double)0.95f * *v + (1 - (double)0.95f) * g * g;
      *p = *p * (1 - (double)0.01f * (double)0.1f * (double)t.decay[i]) - (double)0.01f / (double)numbers[5] * *m / (sqrt(*v / (double)numbers[6]) + (double)1e-4f);
    }
  Execution run = execution_of("AdamW", &t, hyper);
  if (frozen) {
    if (succeed(&run)) {
      expect(!isfinite(run.outputs[0].result->floats[0]), "AdamW", "the norm tells of gradients that are not finite");
      for (int i = 0; i < t.N; i++)
        expect(!memcmp(run.outputs[1 + i].result->data, t.groups[0][i]->data, (size_t)t.groups[0][i]->size * sizeof(float)), "AdamW", "parameters stay as they were");
    }
    free_outputs(&run);
  } else {
    compare(&run, &t, norm);
  }
  if (round == 0) {
    for (int i = 0; i < run.output_count; i++) run.outputs[i].place = NULL;
    Execution bad = run;
    bad.input_count--;
    expect_error(&bad, "do not divide into parameters");
    bad = run;
    bad.inputs[0] = t.groups[0][0];
    expect_error(&bad, "hyper must hold 9 numbers");
    bad = run;
    bad.attributes[0].length++;
    float longer[MOST + 1] = {0};
    bad.attributes[0].list = longer;
    expect_error(&bad, "the attribute decay has");
    bad = run;
    Value *other = random_floats(1, SHAPE(70000));
    bad.inputs[1] = other;
    expect_error(&bad, "parameter 0 has 70000 elements");
    free_value(other);
  }
  free_value(hyper);
  free_tensors(&t);
}

void test_sgd(int round) {
  int states = round % 3 ? 1 : 0;
  bool nesterov = states && round % 2;
  Tensors t = make_tensors(round, states);
  Value *hyper = new_value(R1_FLOAT, SHAPE(5));
  float numbers[5] = {0.1f, 0.8f, 0.05f, round % 2 ? 1.5f : 0, 0.5f};
  memcpy(hyper->data, numbers, sizeof numbers);
  double norm = norm_of(&t, 0.5), clip = numbers[3] > 0 ? fmin(1, (double)numbers[3] / (norm + 1e-6)) : 1;
  for (int i = 0; i < t.N; i++)
    for (int64_t k = 0; k < t.groups[0][i]->size; k++) {
      double *p = &t.expected[0][i][k], g = 0.5 * clip * (double)t.groups[states + 1][i]->floats[k] + (double)0.05f * (double)t.decay[i] * *p;
      if (states) {
        double *u = &t.expected[1][i][k];
        *u = (double)0.8f * *u + g;
        g = nesterov ? g + (double)0.8f * *u : *u;
      }
      *p -= (double)0.1f * g;
    }
  Execution run = execution_of("Sgd", &t, hyper);
  give_attribute(&run, (Attribute)INT("velocities", states));
  if (nesterov) give_attribute(&run, (Attribute)INT("nesterov", 1));
  compare(&run, &t, norm);
  free_value(hyper);
  free_tensors(&t);
}
