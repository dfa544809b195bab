#include "layer_norm.h"

#include "../framework/rows.h"
#include "../framework/scratch.h"
#include "norm.h"

typedef struct {
  float epsilon;
} Attributes;

static OrtStatus *create(const OrtKernelInfo *info, void *attributes) {
  ((Attributes *)attributes)->epsilon = attribute_float(info, "epsilon", 1e-5f);
  return NULL;
}

static OrtStatus *compute(void *attributes, Call *call) {
  Tensor x, weight, bias, residual;
  R1_TRY(input(call, 0, &x));
  R1_TRY(input(call, 1, &weight));
  R1_TRY(input(call, 2, &bias));
  R1_TRY(input(call, 3, &residual));
  if (x.rank < 1) return fail_shapes(call, "x must have at least one axis");
  if (weight.rank != 1 || weight.size != width(&x)) return fail_shapes(call, "weight must be as long as a row of x");
  if (bias.shape && !same_shape(&bias, &weight)) return fail_shapes(call, "bias must have the shape of weight");
  if (residual.shape && !same_shape(&residual, &x)) return fail_shapes(call, "residual must have the shape of x");
  LayerNorm job = {
      .T = rows(&x),
      .D = width(&x),
      .block = norm_block(width(&x)),
      .x_TD = x.floats,
      .residual_TD = residual.floats,
      .weight_D = weight.floats,
      .bias_D = bias.floats,
      .epsilon = ((const Attributes *)attributes)->epsilon,
  };
  R1_TRY(output_like(call, 0, &x, &job.y_TD));
  if (!job.y_TD) return fail(call, "y must be an output");
  R1_TRY(output_rows(call, 1, &x, 1, &job.mean_T));
  R1_TRY(output_rows(call, 2, &x, 1, &job.inverse_T));
  R1_TRY(output_like(call, 3, &x, &job.sum_TD));
  return parallel(call, blocks_of(job.T, job.block), row_kernels()->layer_norm, &job);
}

R1_IN_PLACE(in_place, 2, ({0, 3}), ({0, 3}))

const Operator r1_operator_layer_norm = {
    .name = "LayerNorm",
    .inputs = {{R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}, {R1_FLOAT, R1_OPTIONAL}},
    .input_count = 4,
    .outputs = {{R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}, {R1_FLOAT, R1_OPTIONAL}, {R1_FLOAT, R1_OPTIONAL}},
    .output_count = 4,
    .attributes_size = sizeof(Attributes),
    .create = create,
    .compute = compute,
    .in_place = in_place,
};

static OrtStatus *compute_gradient(void *attributes, Call *call) {
  (void)attributes;
  Tensor dy, sum, weight, mean, inverse, dsum;
  R1_TRY(input(call, 0, &dy));
  R1_TRY(input(call, 1, &sum));
  R1_TRY(input(call, 2, &weight));
  R1_TRY(input(call, 3, &mean));
  R1_TRY(input(call, 4, &inverse));
  R1_TRY(input(call, 5, &dsum));
  if (dy.rank < 1 || !same_shape(&dy, &sum)) return fail_shapes(call, "dY and sum must have one shape");
  if (weight.rank != 1 || weight.size != width(&dy)) return fail_shapes(call, "weight must be as long as a row of dY");
  if (mean.size != rows(&dy) || inverse.size != rows(&dy)) return fail_shapes(call, "mean and inverse must have one number for each row of dY");
  if (dsum.shape && !same_shape(&dsum, &dy)) return fail_shapes(call, "dSum must have the shape of dY");
  LayerNormGradient job = {
      .T = rows(&dy),
      .D = width(&dy),
      .block = norm_gradient_block(rows(&dy)),
      .dy_TD = dy.floats,
      .sum_TD = sum.floats,
      .weight_D = weight.floats,
      .mean_T = mean.floats,
      .inverse_T = inverse.floats,
      .dsum_TD = dsum.floats,
  };
  float *dweight_D, *dbias_D;
  R1_TRY(output_like(call, 0, &dy, &job.dx_TD));
  if (!job.dx_TD) return fail(call, "dx must be an output");
  R1_TRY(output_like(call, 1, &weight, &dweight_D));
  R1_TRY(output_like(call, 2, &weight, &dbias_D));
  int64_t blocks = blocks_of(job.T, job.block);
  size_t bytes = (size_t)(blocks * 2 * job.D) * sizeof(float);
  if ((dweight_D || dbias_D) && !(job.partial = scratch_take(bytes))) return fail_memory(call, bytes);
  OrtStatus *status = parallel(call, blocks, row_kernels()->layer_norm_gradient, &job);
  if (!status && dweight_D) add_partials(job.partial, blocks, 2 * job.D, job.D, dweight_D);
  if (!status && dbias_D) add_partials(job.partial + job.D, blocks, 2 * job.D, job.D, dbias_D);
  scratch_give(job.partial);
  return status;
}

R1_IN_PLACE(gradient_in_place, 1, ({5}), ({0}))

const Operator r1_operator_layer_norm_gradient = {
    .name = "LayerNormGradient",
    .inputs = {{R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}},
    .input_count = 6,
    .outputs = {{R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}, {R1_FLOAT, R1_OPTIONAL}},
    .output_count = 3,
    .compute = compute_gradient,
    .in_place = gradient_in_place,
};
