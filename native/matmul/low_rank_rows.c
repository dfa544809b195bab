// The sums of low_rank.h: `right` is read as it lies, once for every eight ranks, and multiplied in f32.
#include "../framework/vector.h"
#include "low_rank.h"

enum {
  RANKS = 8,    // summed in registers at a time
  TOKENS = 64,  // whose stretch of a stripe stays in the first-level cache
};

INLINE vec load_right(const LowRankSum *sum, int64_t at, int64_t left) {
  return sum->right_type == R1_BFLOAT16 ? load_bf16((const uint16_t *)sum->right + at, left) : load((const float *)sum->right + at, left);
}

// left[first … first + count, rank …] as f32, filled up with zeros to whole rows of RANKS.
static void widen_left(const LowRankSum *sum, int64_t first, int64_t count, int64_t rank, float *to) {
  const int64_t ranks = smaller(RANKS, sum->rank - rank);
  for (int64_t t = 0; t < count; t++) {
    const int64_t at = (first + t) * sum->rank + rank;
    for (int64_t j = 0; j < RANKS; j++) {
      to[t * RANKS + j] = j >= ranks ? 0 : sum->left_type == R1_BFLOAT16 ? total(load_bf16((const uint16_t *)sum->left + at + j, 1)) : ((const float *)sum->left)[at + j];
    }
  }
}

// sums[j, n] += Σ over `count` tokens of left · right, for `vectors` vectors of columns of which `columns` exist.
INLINE void add_tokens(const LowRankSum *sum, const float *left, int64_t at, int64_t count, int64_t columns, const int vectors, float *sums) {
  vec s[RANKS][2];
  for (int j = 0; j < RANKS; j++) {
    for (int v = 0; v < vectors; v++) s[j][v] = splat(0);
  }
  for (int64_t t = 0; t < count; t++, at += sum->N, left += RANKS) {
    vec x[2];
    for (int v = 0; v < vectors; v++) x[v] = load_right(sum, at + v * LANES, columns - v * LANES);
    for (int j = 0; j < RANKS; j++) {
      for (int v = 0; v < vectors; v++) s[j][v] = multiply_add(splat(left[j]), x[v], s[j][v]);
    }
  }
  for (int j = 0; j < RANKS; j++) {
    for (int v = 0; v < vectors; v++) {
      float *to = sums + j * LOW_RANK_STRIPE + v * LANES;
      store(to, load(to, LANES) + s[j][v], LANES);
    }
  }
}

// One stripe of columns: RANKS ranks after RANKS ranks, TOKENS tokens at a time.
static void sum_stripe(const LowRankSum *sum, int64_t column) {
  const int64_t columns = smaller(LOW_RANK_STRIPE, sum->N - column);
  for (int64_t rank = 0; rank < sum->rank; rank += RANKS) {
    float sums[RANKS * LOW_RANK_STRIPE] = {0}, left[TOKENS * RANKS];
    for (int64_t first = 0; first < sum->T; first += TOKENS) {
      const int64_t count = smaller(TOKENS, sum->T - first);
      widen_left(sum, first, count, rank, left);
      for (int64_t i = 0; i < columns; i += 2 * LANES) {
        const int64_t at = first * sum->N + column + i;
        if (columns - i > LANES) add_tokens(sum, left, at, count, columns - i, 2, sums + i);
        else add_tokens(sum, left, at, count, columns - i, 1, sums + i);
      }
    }
    const int64_t ranks = smaller(RANKS, sum->rank - rank);
    for (int64_t j = 0; j < ranks; j++) {
      for (int64_t n = 0; n < columns; n++) sum->out[(rank + j) * sum->rank_stride + (column + n) * sum->column_stride] = sums[j * LOW_RANK_STRIPE + n];
    }
  }
}

int PATH(low_rank_sums)(void *job_, int64_t task) {
  const LowRankSums *job = job_;
  int i = 0;
  while (i + 1 < job->count && job->sums[i + 1].first_task <= task) i++;
  sum_stripe(&job->sums[i], (task - job->sums[i].first_task) * LOW_RANK_STRIPE);
  return 0;
}
