#include "gated.h"

#include <string.h>

#include "../framework/rows.h"

// Elements a block: worth a fork, and small enough that two threads share the work evenly.
enum { BLOCK = 16384 };

typedef struct {
  Activation activation;
} Attributes;

static OrtStatus *create_silu(const OrtKernelInfo *info, void *attributes) {
  (void)info;
  ((Attributes *)attributes)->activation = ACTIVATION_SILU;
  return NULL;
}

static OrtStatus *read_approximate(const char *operator_name, const OrtKernelInfo *info, void *attributes) {
  char approximate[8];
  bool fits = attribute_string(info, "approximate", approximate, sizeof approximate);
  bool tanh = fits && !strcmp(approximate, "tanh"), none = fits && (!*approximate || !strcmp(approximate, "none"));
  if (!tanh && !none) return fail_attribute(operator_name, "approximate must be \"none\" or \"tanh\"");
  ((Attributes *)attributes)->activation = tanh ? ACTIVATION_GELU_TANH : ACTIVATION_GELU;
  return NULL;
}

static OrtStatus *create_geglu(const OrtKernelInfo *info, void *attributes) { return read_approximate("GeGLU", info, attributes); }
static OrtStatus *create_gelu(const OrtKernelInfo *info, void *attributes) { return read_approximate("Gelu", info, attributes); }

// How the work lies: T rows of F, the last of `last`, in blocks of `block` rows.
typedef struct {
  int64_t T, F, block, last, stride;
} Layout;

// gate and up side by side in one tensor […, 2F]
static Layout side_by_side(const Tensor *merged) {
  int64_t F = width(merged) / 2;
  return (Layout){.T = rows(merged), .F = F, .block = larger(1, BLOCK / larger(F, 1)), .last = F, .stride = 2 * F};
}

// Elements in one long line, cut into rows of a block each.
static Layout line(int64_t size) {
  int64_t T = blocks_of(size, BLOCK);
  return (Layout){.T = T, .F = BLOCK, .block = 1, .last = size - (T - 1) * BLOCK, .stride = BLOCK};
}

static OrtStatus *gated(const Attributes *attributes, Call *call, bool bf16) {
  Tensor gate, up;
  R1_TRY(input(call, 0, &gate));
  R1_TRY(input(call, 1, &up));
  bool merged = !up.shape;
  if (merged && (gate.rank < 1 || width(&gate) % 2)) return fail_shapes(call, "without up, a row must hold gate and up side by side, so an even number of elements");
  if (!merged && !same_shape(&gate, &up)) return fail_shapes(call, "gate and up must have one shape");
  Layout layout = merged ? side_by_side(&gate) : line(gate.size);
  Gated job = {
      .activation = attributes->activation,
      .T = layout.T,
      .F = layout.F,
      .block = layout.block,
      .last = layout.last,
      .stride = layout.stride,
      .gate = gate.floats,
      .up = merged ? gate.floats + layout.F : up.floats,
  };
  int64_t shape[R1_MAX_RANK];
  for (int axis = 0; axis < gate.rank; axis++) shape[axis] = gate.shape[axis];
  if (merged) shape[gate.rank - 1] = layout.F;
  void *y;
  R1_TRY(output(call, 0, gate.rank, shape, &y));
  if (bf16) job.y_bf16_TF = y;
  else job.y_TF = y;
  return parallel(call, blocks_of(job.T, job.block), row_kernels()->gated, &job);
}

static OrtStatus *compute_gated(void *attributes, Call *call) { return gated(attributes, call, false); }
static OrtStatus *compute_gated_bf16(void *attributes, Call *call) { return gated(attributes, call, true); }

static OrtStatus *gated_gradient(const Attributes *attributes, Call *call, bool bf16) {
  Tensor dy, gate, up;
  R1_TRY(input(call, 0, &dy));
  R1_TRY(input(call, 1, &gate));
  R1_TRY(input(call, 2, &up));
  bool merged = !up.shape;
  if (merged && (gate.rank < 1 || width(&gate) % 2 || 2 * dy.size != gate.size || 2 * width(&dy) != width(&gate)))
    return fail_shapes(call, "without up, a row of gateUp must be twice as long as a row of dY");
  if (!merged && (!same_shape(&gate, &up) || !same_shape(&gate, &dy))) return fail_shapes(call, "dY, gate and up must have one shape");
  if (merged && output_count(call) > 1) return fail(call, "the merged form has one output");
  Layout layout = merged ? side_by_side(&gate) : line(gate.size);
  GatedGradient job = {
      .activation = attributes->activation,
      .T = layout.T,
      .F = layout.F,
      .block = layout.block,
      .last = layout.last,
      .stride = layout.stride,
      .dy_TF = dy.floats,
      .gate = gate.floats,
      .up = merged ? gate.floats + layout.F : up.floats,
  };
  void *dgate, *dup = NULL;
  R1_TRY(output(call, 0, gate.rank, gate.shape, &dgate));
  if (!merged) R1_TRY(output(call, 1, gate.rank, gate.shape, &dup));
  if (!dgate || (!merged && !dup)) return fail(call, "needs the outputs dGate and dUp");
  if (bf16) {
    job.dgate_bf16 = dgate;
    job.dup_bf16 = merged ? job.dgate_bf16 + layout.F : dup;
  } else {
    job.dgate = dgate;
    job.dup = merged ? job.dgate + layout.F : dup;
  }
  return parallel(call, blocks_of(job.T, job.block), row_kernels()->gated_gradient, &job);
}

static OrtStatus *compute_gated_gradient(void *attributes, Call *call) { return gated_gradient(attributes, call, false); }
static OrtStatus *compute_gated_gradient_bf16(void *attributes, Call *call) { return gated_gradient(attributes, call, true); }

R1_IN_PLACE(gated_in_place, 1, ({0}), ({0}))
R1_IN_PLACE(gated_gradient_in_place, 2, ({1, 2}), ({0, 1}))

#define GATED(function, name_, create_)                                   \
  const Operator r1_operator_##function = {                               \
      .name = name_,                                                      \
      .inputs = {{R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}},                    \
      .input_count = 2,                                                   \
      .outputs = {{R1_FLOAT}},                                            \
      .output_count = 1,                                                  \
      .attributes_size = sizeof(Attributes),                              \
      .create = create_,                                                  \
      .compute = compute_gated,                                           \
      .in_place = gated_in_place,                                         \
  };                                                                      \
  const Operator r1_operator_##function##_gradient = {                    \
      .name = name_ "Gradient",                                           \
      .inputs = {{R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}},        \
      .input_count = 3,                                                   \
      .outputs = {{R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}},                   \
      .output_count = 2,                                                  \
      .attributes_size = sizeof(Attributes),                              \
      .create = create_,                                                  \
      .compute = compute_gated_gradient,                                  \
      .in_place = gated_gradient_in_place,                                \
  };

GATED(swiglu, "SwiGLU", create_silu)
GATED(geglu, "GeGLU", create_geglu)

// The same with results in bf16, for products that would round them.
#define GATED_BF16(function, name_, create_)                              \
  const Operator r1_operator_##function##_bf16 = {                        \
      .name = name_ "Bf16",                                               \
      .inputs = {{R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}},                    \
      .input_count = 2,                                                   \
      .outputs = {{R1_BFLOAT16}},                                         \
      .output_count = 1,                                                  \
      .attributes_size = sizeof(Attributes),                              \
      .create = create_,                                                  \
      .compute = compute_gated_bf16,                                      \
  };                                                                      \
  const Operator r1_operator_##function##_gradient_bf16 = {               \
      .name = name_ "GradientBf16",                                       \
      .inputs = {{R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}},        \
      .input_count = 3,                                                   \
      .outputs = {{R1_BFLOAT16}, {R1_BFLOAT16, R1_OPTIONAL}},             \
      .output_count = 2,                                                  \
      .attributes_size = sizeof(Attributes),                              \
      .create = create_,                                                  \
      .compute = compute_gated_gradient_bf16,                             \
  };

GATED_BF16(swiglu, "SwiGLU", create_silu)
GATED_BF16(geglu, "GeGLU", create_geglu)

static OrtStatus *compute_gelu(void *attributes, Call *call) {
  Tensor x;
  R1_TRY(input(call, 0, &x));
  Layout layout = line(x.size);
  Gated job = {
      .activation = ((const Attributes *)attributes)->activation,
      .T = layout.T,
      .F = layout.F,
      .block = layout.block,
      .last = layout.last,
      .stride = layout.stride,
      .gate = x.floats,
  };
  R1_TRY(output_like(call, 0, &x, &job.y_TF));
  return parallel(call, blocks_of(job.T, job.block), row_kernels()->gated, &job);
}

const Operator r1_operator_gelu = {
    .name = "Gelu",
    .inputs = {{R1_FLOAT}},
    .input_count = 1,
    .outputs = {{R1_FLOAT}},
    .output_count = 1,
    .attributes_size = sizeof(Attributes),
    .create = create_gelu,
    .compute = compute_gelu,
    .in_place = gated_in_place,
};

static OrtStatus *compute_gelu_gradient(void *attributes, Call *call) {
  Tensor dy, x;
  R1_TRY(input(call, 0, &dy));
  R1_TRY(input(call, 1, &x));
  if (!same_shape(&dy, &x)) return fail_shapes(call, "dY and x must have one shape");
  Layout layout = line(x.size);
  GatedGradient job = {
      .activation = ((const Attributes *)attributes)->activation,
      .T = layout.T,
      .F = layout.F,
      .block = layout.block,
      .last = layout.last,
      .stride = layout.stride,
      .dy_TF = dy.floats,
      .gate = x.floats,
  };
  R1_TRY(output_like(call, 0, &x, &job.dgate));
  return parallel(call, blocks_of(job.T, job.block), row_kernels()->gated_gradient, &job);
}

R1_IN_PLACE(gelu_gradient_in_place, 1, ({1}), ({0}))

const Operator r1_operator_gelu_gradient = {
    .name = "GeluGradient",
    .inputs = {{R1_FLOAT}, {R1_FLOAT}},
    .input_count = 2,
    .outputs = {{R1_FLOAT}},
    .output_count = 1,
    .attributes_size = sizeof(Attributes),
    .create = create_gelu,
    .compute = compute_gelu_gradient,
    .in_place = gelu_gradient_in_place,
};
