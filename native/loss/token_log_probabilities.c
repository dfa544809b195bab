// Log-probability of given tokens and entropy of their distributions, for policies; and the gradient of both.
#include "../framework/rows.h"
#include "loss.h"

static OrtStatus *create(const OrtKernelInfo *info, void *attributes) { return read_loss_attributes("TokenLogProbabilities", info, attributes); }

static OrtStatus *compute(void *attributes, Call *call) {
  const LossAttributes *a = attributes;
  Tensor logits, tokens;
  R1_TRY(input(call, 0, &logits));
  R1_TRY(input(call, 1, &tokens));
  if (logits.rank < 1 || !one_for_each_row(&tokens, &logits)) return fail_shapes(call, "tokens must hold one token for each row of logits");
  R1_TRY(check_tokens(call, &tokens, width(&logits), a->ignore));
  SoftmaxStatistics job = {
      .T = tokens.size,
      .V = width(&logits),
      .block = loss_block(width(&logits)),
      .logits_TV = logits.floats,
      .tokens_T = tokens.integers,
      .ignore = a->ignore,
      .inverse_temperature = a->inverse_temperature,
      .sign = 1.0f,
  };
  R1_TRY(output_like(call, 0, &tokens, &job.log_probability_T));
  R1_TRY(output_like(call, 1, &tokens, &job.entropy_T));
  R1_TRY(output_like(call, 2, &tokens, &job.log_sum_exp_T));
  return parallel(call, blocks_of(job.T, job.block), row_kernels()->softmax_statistics, &job);
}

const Operator r1_operator_token_log_probabilities = {
    .name = "TokenLogProbabilities",
    .inputs = {{R1_FLOAT}, {R1_INT64}},
    .input_count = 2,
    .outputs = {{R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}, {R1_FLOAT, R1_OPTIONAL}},
    .output_count = 3,
    .attributes_size = sizeof(LossAttributes),
    .create = create,
    .compute = compute,
};

static OrtStatus *compute_gradient(void *attributes, Call *call) {
  const LossAttributes *a = attributes;
  Tensor dlog_probability, logits, tokens, log_sum_exp, dentropy, entropy;
  R1_TRY(input(call, 0, &dlog_probability));
  R1_TRY(input(call, 1, &logits));
  R1_TRY(input(call, 2, &tokens));
  R1_TRY(input(call, 3, &log_sum_exp));
  R1_TRY(input(call, 4, &dentropy));
  R1_TRY(input(call, 5, &entropy));
  if (logits.rank < 1 || !one_for_each_row(&tokens, &logits)) return fail_shapes(call, "tokens must hold one token for each row of logits");
  if (!same_shape(&dlog_probability, &tokens) || !same_shape(&log_sum_exp, &tokens))
    return fail_shapes(call, "dLogProbability and logSumExp must have the shape of tokens");
  if (dentropy.shape && (!entropy.shape || !same_shape(&dentropy, &tokens) || !same_shape(&entropy, &tokens)))
    return fail_shapes(call, "dEntropy needs entropy, and both must have the shape of tokens");
  R1_TRY(check_tokens(call, &tokens, width(&logits), a->ignore));
  SoftmaxGradient job = {
      .T = tokens.size,
      .V = width(&logits),
      .block = loss_block(width(&logits)),
      .logits_TV = logits.floats,
      .tokens_T = tokens.integers,
      .ignore = a->ignore,
      .inverse_temperature = a->inverse_temperature,
      .log_sum_exp_T = log_sum_exp.floats,
      .dlog_probability_T = dlog_probability.floats,
      .sign = 1.0f,
      .dentropy_T = dentropy.floats,
      .entropy_T = entropy.floats,
  };
  R1_TRY(output_like(call, 0, &logits, &job.dlogits_TV));
  return parallel(call, blocks_of(job.T, job.block), row_kernels()->softmax_gradient, &job);
}

R1_IN_PLACE(gradient_in_place, 1, ({1}), ({0}))

const Operator r1_operator_token_log_probabilities_gradient = {
    .name = "TokenLogProbabilitiesGradient",
    .inputs = {{R1_FLOAT}, {R1_FLOAT}, {R1_INT64}, {R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}, {R1_FLOAT, R1_OPTIONAL}},
    .input_count = 6,
    .outputs = {{R1_FLOAT}},
    .output_count = 1,
    .attributes_size = sizeof(LossAttributes),
    .create = create,
    .compute = compute_gradient,
    .in_place = gradient_in_place,
};
