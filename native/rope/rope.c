#include "rope.h"

#include "../framework/rows.h"

typedef struct {
  int64_t interleaved, heads, rotated_heads;
} Attributes;

static OrtStatus *create(const OrtKernelInfo *info, void *attributes) {
  Attributes *a = attributes;
  a->interleaved = attribute_int(info, "interleaved", 0);
  a->heads = attribute_int(info, "heads", 0);
  a->rotated_heads = attribute_int(info, "rotated_heads", 0);
  if (a->heads < 0 || a->rotated_heads < 0) return fail_attribute("Rope", "heads and rotated_heads must not be negative");
  return NULL;
}

static OrtStatus *check_positions(const Call *call, const int64_t *positions, int64_t tokens, int64_t P) {
  for (int64_t i = 0; i < tokens; i++)
    if (positions[i] < 0 || positions[i] >= P)
      return fail(call, "position %lld of token %lld is outside the tables' 0 … %lld", (long long)positions[i], (long long)i, (long long)(P - 1));
  return NULL;
}

static OrtStatus *turn(const Attributes *a, Call *call, bool backwards) {
  Tensor x, cosine, sine, positions;
  R1_TRY(input(call, 0, &x));
  R1_TRY(input(call, 1, &cosine));
  R1_TRY(input(call, 2, &sine));
  R1_TRY(input(call, 3, &positions));
  if (x.rank != 4 && !(x.rank == 3 && a->heads > 0)) return fail_shapes(call, "x must be [B,S,H,d], or [B,S,H·d] with the attribute heads");
  int64_t H = x.rank == 4 ? x.shape[2] : a->heads, d = width(&x) / (x.rank == 4 ? 1 : H);
  if (x.rank == 3 && d * H != width(&x)) return fail_shapes(call, "a row of x must divide into %lld heads", (long long)H);
  if (cosine.rank != 2 || !same_shape(&cosine, &sine)) return fail_shapes(call, "cos and sin must be two tables of one shape [P,R/2]");
  int64_t R = 2 * width(&cosine), P = cosine.shape[0], tokens = x.shape[0] * x.shape[1];
  if (R > d || R > ROPE_MAX_WIDTH) return fail_shapes(call, "the tables turn %lld features, a head has %lld (and %d is the most)", (long long)R, (long long)d, ROPE_MAX_WIDTH);
  if (a->rotated_heads > H) return fail_shapes(call, "rotated_heads is %lld, x has %lld heads", (long long)a->rotated_heads, (long long)H);
  if (positions.shape && positions.size != tokens) return fail_shapes(call, "positions must hold one number for each token");
  if (positions.shape) R1_TRY(check_positions(call, positions.integers, tokens, P));
  else if (x.shape[1] > P) return fail_shapes(call, "the tables hold fewer positions than the sequence");
  Rope job = {
      .tokens = tokens,
      .S = x.shape[1],
      .H = H,
      .d = d,
      .R = R,
      .block = larger(1, 16384 / larger(H * d, 1)),
      .rotated_heads = a->rotated_heads ? a->rotated_heads : H,
      .x_BSHd = x.floats,
      .cos_PR2 = cosine.floats,
      .sin_PR2 = sine.floats,
      .positions_BS = positions.integers,
      .interleaved = a->interleaved != 0,
      .backwards = backwards,
  };
  R1_TRY(output_like(call, 0, &x, &job.y_BSHd));
  return parallel(call, blocks_of(tokens, job.block), row_kernels()->rope, &job);
}

static OrtStatus *compute(void *attributes, Call *call) { return turn(attributes, call, false); }
static OrtStatus *compute_gradient(void *attributes, Call *call) { return turn(attributes, call, true); }

R1_IN_PLACE(in_place, 1, ({0}), ({0}))

#define ROPE(function, name_, compute_)                                                       \
  const Operator r1_operator_##function = {                                                   \
      .name = name_,                                                                          \
      .inputs = {{R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT}, {R1_INT64, R1_OPTIONAL}},                \
      .input_count = 4,                                                                       \
      .outputs = {{R1_FLOAT}},                                                                \
      .output_count = 1,                                                                      \
      .attributes_size = sizeof(Attributes),                                                  \
      .create = create,                                                                       \
      .compute = compute_,                                                                    \
      .in_place = in_place,                                                                   \
  };

ROPE(rope, "Rope", compute)
ROPE(rope_gradient, "RopeGradient", compute_gradient)
