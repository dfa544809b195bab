#include <stdlib.h>
#include <string.h>

#include "check.h"

void test_embedding_gradient(int round) {
  int64_t B = random_int(1, 3), S = random_int(0, 40), V = random_int(1, round % 5 == 4 ? 900 : 30), D = random_int(1, round % 5 == 3 ? 1200 : 70), T = B * S;
  bool base = random_int(0, 1);
  Value *ids = random_integers(0, V - 1, SHAPE(B, S)), *dx = random_floats(1, SHAPE(B, S, D)), *start = random_floats(1, SHAPE(V, D));
  // The sums are made in the order of the tokens, in single precision: the result must be these very bits.
  float *expected = calloc((size_t)(V * D), sizeof *expected);
  if (base) memcpy(expected, start->floats, (size_t)(V * D) * sizeof *expected);
  for (int64_t t = 0; t < T; t++)
    for (int64_t i = 0; i < D; i++) expected[ids->integers[t] * D + i] += dx->floats[t * D + i];
  Execution run = {.operator_name = "EmbeddingGradient"};
  if (!base) give_attribute(&run, (Attribute)INT("vocabulary", V));
  give_input(&run, ids);
  give_input(&run, dx);
  if (base) give_input(&run, start);
  want_output(&run, true);
  if (succeed(&run)) expect(!memcmp(run.outputs[0].result->data, expected, (size_t)(V * D) * sizeof *expected), run.operator_name, "sums in the order of tokens");
  free_outputs(&run);
  if (round == 0 || T == 0) {
    Value *outside = random_integers(V, V, SHAPE(1)), *row = random_floats(1, SHAPE(1, D));
    Execution bad = {.operator_name = "EmbeddingGradient"};
    give_input(&bad, outside);
    give_input(&bad, row);
    want_output(&bad, true);
    expect_error(&bad, "needs the attribute vocabulary or the input base");
    give_input(&bad, start);
    expect_error(&bad, "at place 0 is outside the vocabulary");
    bad.inputs[1] = start;
    expect_error(&bad, V == 1 ? "outside" : "one row for each id");
    free_value(outside), free_value(row);
  }
  if (base) {
    run.outputs[0].place = start;
    if (succeed(&run)) expect(!memcmp(start->data, expected, (size_t)(V * D) * sizeof *expected), run.operator_name, "in place");
  }
  free(expected);
  free_value(ids), free_value(dx), free_value(start);
}
