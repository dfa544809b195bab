#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 1;
static int failed;

int failures(void) { return failed; }
void reseed(uint64_t seed) { state = seed * 0x9e3779b97f4a7c15u + 1; }

uint64_t random_bits(void) {  // splitmix64
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

int64_t random_int(int64_t low, int64_t high) { return low + (int64_t)(random_bits() % (uint64_t)(high - low + 1)); }
float random_float(float low, float high) { return low + (high - low) * (float)(random_bits() >> 40) / (float)(1 << 24); }

Value *random_floats(float scale, int rank, const int64_t *shape) {
  Value *value = new_value(R1_FLOAT, rank, shape);
  for (int64_t i = 0; i < value->size; i++) value->floats[i] = random_float(-scale, scale);
  return value;
}

Value *random_integers(int64_t low, int64_t high, int rank, const int64_t *shape) {
  Value *value = new_value(R1_INT64, rank, shape);
  for (int64_t i = 0; i < value->size; i++) value->integers[i] = random_int(low, high);
  return value;
}

void give_input(Execution *execution, const Value *value) { execution->inputs[execution->input_count++] = value; }
void give_attribute(Execution *execution, Attribute attribute) { execution->attributes[execution->attribute_count++] = attribute; }
void want_output(Execution *execution, bool wanted) { execution->outputs[execution->output_count++].wanted = wanted; }
void want_output_in(Execution *execution, Value *place) {
  execution->outputs[execution->output_count].wanted = true;
  execution->outputs[execution->output_count++].place = place;
}

static void report(const char *operator_name, const char *what) {
  failed++;
  if (failed <= 40) fprintf(stderr, "FAILED %s: %s\n", operator_name, what);
}

void expect(bool fact, const char *operator_name, const char *what) {
  if (!fact) report(operator_name, what);
}

void free_outputs(Execution *execution) {
  for (int i = 0; i < execution->output_count; i++) {
    free_value(execution->outputs[i].result);
    execution->outputs[i].result = NULL;
  }
}

static bool ran(Execution *execution) {
  char *message = execute(execution);
  if (!message) return true;
  report(execution->operator_name, message);
  free(message);
  return false;
}

// Runs with scratch memory that ends after 0 pieces, 1 piece and so on (in growing steps), until there is enough: every run before that must say what is missing, and leak nothing.
static void starve(const Execution *whole) {
  Execution hungry = *whole;
  set_threads(1);
  for (int pieces = 0; pieces < 10000; pieces += 1 + pieces / 8) {
    for (int i = 0; i < hungry.output_count; i++) hungry.outputs[i].result = NULL;
    allow_scratch(pieces);
    char *message = execute(&hungry);
    allow_scratch(-1);
    free_outputs(&hungry);
    if (!message) return;
    expect(strstr(message, "out of memory") && strstr(message, whole->operator_name) && strstr(message, "inputs:"), whole->operator_name, message);
    free(message);
  }
  report(whole->operator_name, "asks for scratch memory without end");
}

bool succeed(Execution *execution) {
  bool in_place = false;
  for (int i = 0; i < execution->output_count; i++) in_place |= execution->outputs[i].place != NULL;
  set_threads(3);
  if (!ran(execution)) return false;
  if (in_place) return true;  // a second run would start from the first one's results
  if (random_int(0, 3) == 0) starve(execution);
  Execution alone = *execution;
  for (int i = 0; i < alone.output_count; i++) alone.outputs[i].result = NULL;
  set_threads(1);
  if (!ran(&alone)) return false;
  for (int i = 0; i < alone.output_count; i++) {
    const Value *a = execution->outputs[i].result, *b = alone.outputs[i].result;
    if (a && b) expect(a->size == b->size && !memcmp(a->data, b->data, value_bytes(a)), execution->operator_name, "1 and 3 threads disagree");
  }
  free_outputs(&alone);
  return true;
}

void expect_error(const Execution *wrong, const char *text) {
  Execution copy = *wrong, *execution = &copy;
  for (int i = 0; i < copy.output_count; i++) copy.outputs[i].result = copy.outputs[i].place = NULL;
  set_threads(1);
  char *message = execute(execution);
  if (!message) report(execution->operator_name, "an error was expected");
  else if (!strstr(message, text) || !strstr(message, execution->operator_name)) report(execution->operator_name, message);
  free(message);
  free_outputs(execution);
}

void expect_rounded(const Execution *execution, const char *what, const Value *got, const Value *exact) {
  for (int64_t i = 0; i < exact->size; i++) {
    uint32_t bits;
    memcpy(&bits, exact->floats + i, sizeof bits);
    const bool rounded = got->halves[i] == (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    expect(rounded, execution->operator_name, what);
    if (!rounded) return;
  }
}

void expect_close(const Execution *execution, const char *what, const float *got, const double *expected, int64_t n, double tolerance, double scale) {
  for (int64_t i = 0; i < n; i++) {
    if (fabs((double)got[i] - expected[i]) <= tolerance * (fabs(expected[i]) + scale)) continue;
    char text[256];
    snprintf(text, sizeof text, "%s[%lld of %lld] is %.9g, not %.9g", what, (long long)i, (long long)n, (double)got[i], expected[i]);
    report(execution->operator_name, text);
    return;
  }
}

double *doubles(int64_t n) { return calloc((size_t)(n ? n : 1), sizeof(double)); }

double *doubles_of(const Value *value) {
  double *copy = doubles(value->size);
  for (int64_t i = 0; i < value->size; i++) copy[i] = (double)value->floats[i];
  return copy;
}
