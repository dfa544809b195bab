// What drawing the next token needs of rows of logits: the largest with their tokens, and log-sum-exp. Letters: N rows, V vocabulary, k how many.
#pragma once
#include <stdint.h>

enum { SUMMARY_CHUNK = 8192 };  // tokens of a task; parts are put together in the order of the tokens

typedef struct {
  float largest, sum;  // Σ e^(logit − largest) of the chunk
} SummaryPart;

typedef struct {
  int64_t N, V, k, chunks;
  const float *logits_NV;
  SummaryPart *parts;               // [N, chunks]
  float *part_values;               // [N, chunks, k]: largest first, −∞ where a chunk has fewer
  int64_t *part_tokens;             // the same
  float *values_Nk, *log_sum_exp_N; // results
  int64_t *tokens_Nk;
} LogitSummary;
