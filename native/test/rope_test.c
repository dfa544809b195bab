#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

void test_rope(int round) {
  int64_t B = random_int(1, 3), S = random_int(1, 12), H = random_int(1, 4), half = random_int(1, round % 4 ? 9 : 64), R = 2 * half;
  int64_t d = R + (random_int(0, 2) ? 0 : random_int(1, 7)), P = S + random_int(0, 5), tokens = B * S;
  bool interleaved = random_int(0, 1), flat = random_int(0, 1), given = random_int(0, 1);
  int64_t rotated = flat && random_int(0, 1) ? random_int(1, H) : H;
  Value *x = flat ? random_floats(2, SHAPE(B, S, H * d)) : random_floats(2, SHAPE(B, S, H, d));
  Value *cosine = new_value(R1_FLOAT, SHAPE(P, half)), *sine = new_value(R1_FLOAT, SHAPE(P, half)), *positions = random_integers(0, P - 1, SHAPE(B, S));
  for (int64_t i = 0; i < P * half; i++) {
    float angle = random_float(-3, 3);
    cosine->floats[i] = cosf(angle), sine->floats[i] = sinf(angle);
  }
  double *y = doubles_of(x);
  for (int64_t token = 0; token < tokens; token++)
    for (int64_t h = 0; h < rotated; h++)
      for (int64_t i = 0; i < half; i++) {
        int64_t row = given ? positions->integers[token] : token % S, at = (token * H + h) * d;
        int64_t a = at + (interleaved ? 2 * i : i), b = at + (interleaved ? 2 * i + 1 : half + i);
        double c = (double)cosine->floats[row * half + i], s = (double)sine->floats[row * half + i], x0 = (double)x->floats[a], x1 = (double)x->floats[b];
        y[a] = x0 * c - x1 * s;
        y[b] = x1 * c + x0 * s;
      }
  Execution run = {.operator_name = "Rope"};
  if (interleaved) give_attribute(&run, (Attribute)INT("interleaved", 1));
  if (flat) give_attribute(&run, (Attribute)INT("heads", H));
  if (rotated < H) give_attribute(&run, (Attribute)INT("rotated_heads", rotated));
  give_input(&run, x);
  give_input(&run, cosine);
  give_input(&run, sine);
  give_input(&run, given ? positions : NULL);
  want_output(&run, true);
  if (succeed(&run)) {
    expect_close(&run, "y", run.outputs[0].result->floats, y, tokens * H * d, 1e-6, 1);
    // Turning back gives x again.
    Execution back = run;
    back.operator_name = "RopeGradient";
    back.inputs[0] = run.outputs[0].result;
    back.outputs[0].result = NULL;
    double *expected = doubles_of(x);
    if (succeed(&back)) expect_close(&back, "x again", back.outputs[0].result->floats, expected, tokens * H * d, 1e-6, 2);
    free_outputs(&back);
    free(expected);
  }
  free_outputs(&run);
  if (round == 0) {
    Execution bad = run;
    positions->integers[0] = P;
    bad.inputs[3] = positions;
    expect_error(&bad, "is outside the tables' 0 … ");
    bad.inputs[2] = x;
    expect_error(&bad, "cos and sin must be two tables of one shape");
    positions->integers[0] = 0;
    if (given) positions->integers[0] = P - 1;
    free(y);
    free_value(x), free_value(cosine), free_value(sine), free_value(positions);
    return;
  }
  run.outputs[0].place = x;
  if (succeed(&run)) expect_close(&run, "y in place", x->floats, y, tokens * H * d, 1e-6, 1);
  free(y);
  free_value(x), free_value(cosine), free_value(sine), free_value(positions);
}
