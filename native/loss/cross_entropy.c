// Cross-entropy of logits, and its gradient for any upstream gradient.
#include "../framework/rows.h"
#include "loss.h"

static OrtStatus *create(const OrtKernelInfo *info, void *attributes) { return read_loss_attributes("CrossEntropy", info, attributes); }

static OrtStatus *compute(void *attributes, Call *call) {
  const LossAttributes *a = attributes;
  Tensor logits, targets, weights;
  R1_TRY(input(call, 0, &logits));
  R1_TRY(input(call, 1, &targets));
  R1_TRY(input(call, 2, &weights));
  if (logits.rank < 1 || !one_for_each_row(&targets, &logits)) return fail_shapes(call, "targets must hold one token for each row of logits");
  if (weights.shape && !same_shape(&weights, &targets)) return fail_shapes(call, "weights must have the shape of targets");
  R1_TRY(check_tokens(call, &targets, width(&logits), a->ignore));
  SoftmaxStatistics job = {
      .T = targets.size,
      .V = width(&logits),
      .block = loss_block(width(&logits)),
      .logits_TV = logits.floats,
      .tokens_T = targets.integers,
      .ignore = a->ignore,
      .inverse_temperature = 1.0f,
      .weights_T = weights.floats,
      .sign = -1.0f,
  };
  R1_TRY(output_like(call, 0, &targets, &job.log_probability_T));
  R1_TRY(output_like(call, 1, &targets, &job.log_sum_exp_T));
  R1_TRY(output_like(call, 2, &logits, &job.dlogits_TV));
  return parallel(call, blocks_of(job.T, job.block), row_kernels()->softmax_statistics, &job);
}

R1_IN_PLACE(in_place, 1, ({0}), ({2}))

const Operator r1_operator_cross_entropy = {
    .name = "CrossEntropy",
    .inputs = {{R1_FLOAT}, {R1_INT64}, {R1_FLOAT, R1_OPTIONAL}},
    .input_count = 3,
    .outputs = {{R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}, {R1_FLOAT, R1_OPTIONAL}},
    .output_count = 3,
    .attributes_size = sizeof(LossAttributes),
    .create = create,
    .compute = compute,
    .in_place = in_place,
};

static OrtStatus *compute_gradient(void *attributes, Call *call) {
  const LossAttributes *a = attributes;
  Tensor dloss, logits, targets, log_sum_exp, weights;
  R1_TRY(input(call, 0, &dloss));
  R1_TRY(input(call, 1, &logits));
  R1_TRY(input(call, 2, &targets));
  R1_TRY(input(call, 3, &log_sum_exp));
  R1_TRY(input(call, 4, &weights));
  if (logits.rank < 1 || !one_for_each_row(&targets, &logits)) return fail_shapes(call, "targets must hold one token for each row of logits");
  if (!same_shape(&dloss, &targets) || !same_shape(&log_sum_exp, &targets)) return fail_shapes(call, "dLoss and logSumExp must have the shape of targets");
  if (weights.shape && !same_shape(&weights, &targets)) return fail_shapes(call, "weights must have the shape of targets");
  R1_TRY(check_tokens(call, &targets, width(&logits), a->ignore));
  SoftmaxGradient job = {
      .T = targets.size,
      .V = width(&logits),
      .block = loss_block(width(&logits)),
      .logits_TV = logits.floats,
      .tokens_T = targets.integers,
      .ignore = a->ignore,
      .inverse_temperature = 1.0f,
      .log_sum_exp_T = log_sum_exp.floats,
      .dlog_probability_T = dloss.floats,
      .weights_T = weights.floats,
      .sign = -1.0f,
  };
  R1_TRY(output_like(call, 0, &logits, &job.dlogits_TV));
  return parallel(call, blocks_of(job.T, job.block), row_kernels()->softmax_gradient, &job);
}

R1_IN_PLACE(gradient_in_place, 1, ({1}), ({0}))

const Operator r1_operator_cross_entropy_gradient = {
    .name = "CrossEntropyGradient",
    .inputs = {{R1_FLOAT}, {R1_FLOAT}, {R1_INT64}, {R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}},
    .input_count = 5,
    .outputs = {{R1_FLOAT}},
    .output_count = 1,
    .attributes_size = sizeof(LossAttributes),
    .create = create,
    .compute = compute_gradient,
    .in_place = gradient_in_place,
};
