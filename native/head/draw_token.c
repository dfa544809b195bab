// The operator DrawToken: a task is a row, whose result depends on nothing else.
#include "draw_token.h"

#include "../framework/rows.h"

static OrtStatus *compute(void *attributes, Call *call) {
  (void)attributes;
  Tensor logits, settings;
  R1_TRY(input(call, 0, &logits));
  R1_TRY(input(call, 1, &settings));
  DrawToken job = {.N = rows(&logits), .V = width(&logits), .logits_NV = logits.floats, .settings_NS = settings.floats};
  const bool fits = logits.rank >= 1 && job.V >= 1 && settings.rank >= 1 && width(&settings) == DRAW_SETTINGS && rows(&settings) == job.N;
  if (!fits) return fail_shapes(call, "logits must be […,V] and settings […,%d] with as many rows", DRAW_SETTINGS);
  void *tokens;
  R1_TRY(output(call, 0, logits.rank - 1, logits.shape, &tokens));
  R1_TRY(output_floats(call, 1, logits.rank - 1, logits.shape, &job.values_N));
  if (!tokens) return fail(call, "tokens must be an output");
  job.tokens_N = tokens;
  return parallel(call, job.N, row_kernels()->draw_token, &job);
}

const Operator r1_operator_draw_token = {
    .name = "DrawToken",
    .inputs = {{R1_FLOAT}, {R1_FLOAT}},
    .input_count = 2,
    .outputs = {{R1_INT64}, {R1_FLOAT, R1_OPTIONAL}},
    .output_count = 2,
    .compute = compute,
};
