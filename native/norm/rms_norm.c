#include "rms_norm.h"

#include "../framework/rows.h"
#include "../framework/scratch.h"
#include "norm.h"

typedef struct {
  float epsilon;
} Attributes;

static OrtStatus *create(const OrtKernelInfo *info, void *attributes) {
  ((Attributes *)attributes)->epsilon = attribute_float(info, "epsilon", 1e-6f);
  return NULL;
}

static OrtStatus *normalise(const Attributes *attributes, Call *call, bool bf16) {
  Tensor x, weight, residual;
  R1_TRY(input(call, 0, &x));
  R1_TRY(input(call, 1, &weight));
  R1_TRY(input(call, 2, &residual));
  if (x.rank < 1) return fail_shapes(call, "x must have at least one axis");
  if (weight.rank != 1 || weight.size != width(&x)) return fail_shapes(call, "weight must be as long as a row of x");
  if (residual.shape && !same_shape(&residual, &x)) return fail_shapes(call, "residual must have the shape of x");
  if (bf16 && residual.shape) return fail(call, "takes no residual");
  RmsNorm job = {
      .T = rows(&x),
      .D = width(&x),
      .block = norm_block(width(&x)),
      .x_TD = x.floats,
      .residual_TD = residual.floats,
      .weight_D = weight.floats,
      .epsilon = attributes->epsilon,
  };
  void *y;
  R1_TRY(output(call, 0, x.rank, x.shape, &y));
  if (!y) return fail(call, "y must be an output");
  if (bf16) job.y_bf16_TD = y;
  else job.y_TD = y;
  R1_TRY(output_rows(call, 1, &x, 1, &job.inverse_T));
  R1_TRY(output_like(call, 2, &x, &job.sum_TD));
  return parallel(call, blocks_of(job.T, job.block), row_kernels()->rms_norm, &job);
}

static OrtStatus *compute(void *attributes, Call *call) { return normalise(attributes, call, false); }
static OrtStatus *compute_bf16(void *attributes, Call *call) { return normalise(attributes, call, true); }

R1_IN_PLACE(in_place, 2, ({0, 2}), ({0, 2}))

const Operator r1_operator_rms_norm = {
    .name = "RmsNorm",
    .inputs = {{R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}},
    .input_count = 3,
    .outputs = {{R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}, {R1_FLOAT, R1_OPTIONAL}},
    .output_count = 3,
    .attributes_size = sizeof(Attributes),
    .create = create,
    .compute = compute,
    .in_place = in_place,
};

const Operator r1_operator_rms_norm_bf16 = {
    .name = "RmsNormBf16",
    .inputs = {{R1_FLOAT}, {R1_FLOAT}},
    .input_count = 2,
    .outputs = {{R1_BFLOAT16}, {R1_FLOAT, R1_OPTIONAL}},
    .output_count = 2,
    .attributes_size = sizeof(Attributes),
    .create = create,
    .compute = compute_bf16,
};

static OrtStatus *compute_gradient(void *attributes, Call *call) {
  (void)attributes;
  Tensor dy, sum, weight, inverse, dsum;
  R1_TRY(input(call, 0, &dy));
  R1_TRY(input(call, 1, &sum));
  R1_TRY(input(call, 2, &weight));
  R1_TRY(input(call, 3, &inverse));
  R1_TRY(input(call, 4, &dsum));
  if (dy.rank < 1 || !same_shape(&dy, &sum)) return fail_shapes(call, "dY and sum must have one shape");
  if (weight.rank != 1 || weight.size != width(&dy)) return fail_shapes(call, "weight must be as long as a row of dY");
  if (inverse.size != rows(&dy)) return fail_shapes(call, "inverse must have one number for each row of dY");
  if (dsum.shape && !same_shape(&dsum, &dy)) return fail_shapes(call, "dSum must have the shape of dY");
  RmsNormGradient job = {
      .T = rows(&dy),
      .D = width(&dy),
      .block = norm_gradient_block(rows(&dy)),
      .dy_TD = dy.floats,
      .sum_TD = sum.floats,
      .weight_D = weight.floats,
      .inverse_T = inverse.floats,
      .dsum_TD = dsum.floats,
  };
  float *dweight_D;
  R1_TRY(output_like(call, 0, &dy, &job.dx_TD));
  if (!job.dx_TD) return fail(call, "dx must be an output");
  R1_TRY(output_like(call, 1, &weight, &dweight_D));
  int64_t blocks = blocks_of(job.T, job.block);
  size_t bytes = (size_t)(blocks * job.D) * sizeof(float);
  if (dweight_D && !(job.dweight_partial = scratch_take(bytes))) return fail_memory(call, bytes);
  OrtStatus *status = parallel(call, blocks, row_kernels()->rms_norm_gradient, &job);
  if (!status && dweight_D) add_partials(job.dweight_partial, blocks, job.D, job.D, dweight_D);
  scratch_give(job.dweight_partial);
  return status;
}

R1_IN_PLACE(gradient_in_place, 1, ({4}), ({0}))

const Operator r1_operator_rms_norm_gradient = {
    .name = "RmsNormGradient",
    .inputs = {{R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}},
    .input_count = 5,
    .outputs = {{R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}},
    .output_count = 2,
    .compute = compute_gradient,
    .in_place = gradient_in_place,
};
