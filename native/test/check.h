// What the tests share: random tensors, comparison with double-precision references, and runs with several numbers of threads that must agree to the bit.
#pragma once
#include "mock_ort.h"

// ---- random numbers, the same in every run
uint64_t random_bits(void);
int64_t random_int(int64_t low, int64_t high);  // both included
float random_float(float low, float high);
void reseed(uint64_t seed);

Value *random_floats(float scale, int rank, const int64_t *shape);
Value *random_integers(int64_t low, int64_t high, int rank, const int64_t *shape);
#define SHAPE(...) (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__}

// ---- executions
void give_input(Execution *execution, const Value *value);            // NULL leaves it out
void give_attribute(Execution *execution, Attribute attribute);
void want_output(Execution *execution, bool wanted);
void want_output_in(Execution *execution, Value *place);

// Runs with 1 thread and with 3, compares all allocated outputs bit for bit, keeps one set. Fails the test on an error status.
bool succeed(Execution *execution);
// Runs and expects an error whose message contains `text`.
void expect_error(const Execution *execution, const char *text);
void free_outputs(Execution *execution);

// |got − expected| ≤ tolerance · (|expected| + scale) for every element.
void expect_close(const Execution *execution, const char *what, const float *got, const double *expected, int64_t n, double tolerance, double scale);
// bf16 results must be the f32 ones rounded to nearest, to the bit.
void expect_rounded(const Execution *execution, const char *what, const Value *got, const Value *exact);
void expect(bool fact, const char *operator_name, const char *what);

int failures(void);

double *doubles(int64_t n);  // zeros
double *doubles_of(const Value *value);
