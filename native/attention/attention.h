// Scaled dot-product attention with grouped heads, without the S×T matrix in memory.
//
// Letters: B batch, S queries, T keys, H heads, K key-value heads, G = H / K heads a group, d head width.
// Query i stands at key i + T − S: with fewer queries than keys they are the last ones.
#pragma once
#include "../matmul/gemm.h"

typedef struct {
  int64_t B, S, T, H, K, d;
  bool causal;
  int64_t window;  // a query sees `window` keys at most, its own included (to each side where not causal); 0: no limit
  float scale;
  const GemmKernels *kernels;
  const float *q_BSHd, *k_BTKd, *v_BTKd;
  const int64_t *segments_BS;         // NULL, or tokens see only their own segment
  const int32_t *first_BS, *end_BS;   // of each token's segment: its first place, and one after its last; NULL without segments
  int64_t tasks_of_queries;           // forward: each (batch, key head) is cut into that many tasks

  float *o_BSHd, *log_sum_exp_BHS;    // forward: results; gradient: read

  const float *do_BSHd;               // gradient from here on
  int64_t chunks;                     // each (batch, key head) is cut into that many chunks of keys, a task each
  float *dq_BSHd, *dk_BTKd, *dv_BTKd;
  float *partial_dq;                  // [chunks − 1, B, S, H, d]: what the chunks after the first give dq
} Attention;

// The keys that a query sees lie in first … end − 1.
typedef struct {
  int64_t first, end;
} Range;

Range visible_keys(const Attention *attention, int64_t batch, int64_t query);
// The keys that some query of start … end − 1 sees.
Range visible_keys_of(const Attention *attention, int64_t batch, int64_t start, int64_t end);

static inline int64_t down_to(int64_t value, int64_t multiple) { return value / multiple * multiple; }

// Keys at which both a columns panel of scores and a block of lanes of probabilities begin.
int64_t key_alignment(const GemmKernels *kernels);

// Rows of scores for the row kernels: column c of row r is the score of query `query + r` for key `key + c`.
typedef struct {
  const Attention *attention;
  int64_t batch, head, query, rows, key, columns;
  float *scores;  // [rows, stride]; forward: becomes e^(score − largest); gradient: probabilities. 0 where the query does not see the key
  int64_t stride;
  float *inverse_sums;  // [rows], forward
  float *dscores;       // [rows, stride], gradient: in: gradient of the probabilities, out: of the scores, times scale
} ScoreRows;

// Tasks of `parallel`.
int attention_forward(void *attention, int64_t index);
int attention_gradient(void *attention, int64_t index);
int attention_sum_partial(void *attention, int64_t batch);
