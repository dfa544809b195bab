// Forward pass. A task packs the keys and values that its queries see, once for all heads of the group, and then works on one panel of queries at a time:
// scores of all visible keys, softmax, product with the values. So only a panel's scores are in memory.
#include "../framework/rows.h"
#include "../framework/scratch.h"
#include "attention.h"

typedef struct {
  const Attention *a;
  int64_t batch, key_head, key, end;  // the packed keys are key … end − 1
  Lane *keys, *values, *queries, *probabilities;
  float *scores, *inverse_sums;
  int64_t stride;  // of scores
} Work;

static void pack_keys(Work *work) {
  const Attention *a = work->a;
  const int64_t row = a->K * a->d, at = (work->batch * a->T + work->key) * row + work->key_head * a->d, count = work->end - work->key;
  const Operand keys = {.data = a->k_BTKd + at, .stride = row, .type = R1_FLOAT};
  const Operand values = {.data = a->v_BTKd + at, .stride = row, .type = R1_FLOAT, .depth_major = true};
  a->kernels->pack_columns(&keys, 0, count, 0, a->d, work->keys, columns_panel_size(a->kernels, a->d));
  a->kernels->pack_columns(&values, 0, a->d, 0, count, work->values, columns_panel_size(a->kernels, count));
}

// One panel of queries of one head.
static void attend(const Work *work, int64_t head, int64_t query, int rows) {
  const Attention *a = work->a;
  const GemmKernels *kernels = a->kernels;
  const Range seen = visible_keys_of(a, work->batch, query, query + rows);
  const int64_t first = down_to(seen.first - work->key, key_alignment(kernels)), count = seen.end - work->key - first;
  const int64_t at = (work->batch * a->S + query) * a->H * a->d + head * a->d;
  const Operand q = {.data = a->q_BSHd + at, .stride = a->H * a->d, .type = R1_FLOAT};
  kernels->pack_rows(&q, 0, rows, 0, a->d, work->queries, rows_panel_size(kernels, a->d));
  for (int64_t column = 0; column < count; column += kernels->columns) {
    const Lane *keys = work->keys + (first + column) / kernels->columns * columns_panel_size(kernels, a->d);
    const PanelPair pair = {work->queries, keys, lanes_of(kernels, a->d)};
    const Target target = {.data = work->scores + column, .stride = work->stride, .type = R1_FLOAT, .alpha = a->scale};
    kernels->multiply(&pair, 1, rows, (int)smaller(kernels->columns, count - column), &target);
  }
  ScoreRows score_rows = {a, work->batch, head, query, rows, work->key + first, count, work->scores, work->stride, work->inverse_sums, NULL};
  row_kernels()->attention_softmax(&score_rows, 0);
  const Operand p = {.data = work->scores, .stride = work->stride, .type = R1_FLOAT};
  kernels->pack_rows(&p, 0, rows, 0, count, work->probabilities, rows_panel_size(kernels, count));
  float *o = a->o_BSHd + at;
  for (int64_t column = 0; column < a->d; column += kernels->columns) {
    const Lane *panel = work->values + column / kernels->columns * columns_panel_size(kernels, work->end - work->key);
    const PanelPair pair = {work->probabilities, panel + first / kernels->lane_depth * kernels->columns, lanes_of(kernels, count)};
    const Target target = {.data = o + column, .stride = a->H * a->d, .type = R1_FLOAT, .alpha = 1};
    kernels->multiply(&pair, 1, rows, (int)smaller(kernels->columns, a->d - column), &target);
  }
  for (int row = 0; row < rows; row++)
    for (int64_t i = 0; i < a->d; i++) o[row * a->H * a->d + i] *= work->inverse_sums[row];
}

int attention_forward(void *attention, int64_t index) {
  const Attention *a = attention;
  const GemmKernels *kernels = a->kernels;
  const int64_t part = index % a->tasks_of_queries, pair = index / a->tasks_of_queries;
  const int64_t block = round_up(blocks_of(a->S, a->tasks_of_queries), kernels->rows), start = part * block, end = smaller(start + block, a->S);
  if (start >= end) return 0;
  Work work = {.a = a, .batch = pair / a->K, .key_head = pair % a->K};
  const Range seen = visible_keys_of(a, work.batch, start, end);
  work.key = down_to(seen.first, key_alignment(kernels));
  work.end = seen.end;
  const int64_t count = work.end - work.key;
  work.stride = round_up(count, LANE_BLOCK);
  const int64_t sizes[] = {
      columns_panel_size(kernels, a->d) * blocks_of(count, kernels->columns),
      columns_panel_size(kernels, count) * blocks_of(a->d, kernels->columns),
      rows_panel_size(kernels, a->d),
      rows_panel_size(kernels, count),
      work.stride * kernels->rows,
      round_up(kernels->rows, LANE_BLOCK),
  };
  int64_t lanes = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) lanes += round_up(sizes[i], LANE_BLOCK);
  Lane *memory = scratch_take((size_t)lanes * sizeof(Lane));
  if (!memory) return R1_OUT_OF_MEMORY;
  Lane *next = memory;
  Lane **lane_parts[] = {&work.keys, &work.values, &work.queries, &work.probabilities};
  for (int i = 0; i < 4; i++) {
    *lane_parts[i] = next;
    next += round_up(sizes[i], LANE_BLOCK);
  }
  work.scores = (float *)next;
  work.inverse_sums = work.scores + round_up(sizes[4], LANE_BLOCK);
  if (kernels->enter) kernels->enter();
  pack_keys(&work);
  const int64_t group = a->H / a->K;
  for (int64_t head = work.key_head * group; head < (work.key_head + 1) * group; head++)
    for (int64_t query = start; query < end; query += kernels->rows) attend(&work, head, query, (int)smaller(kernels->rows, end - query));
  if (kernels->leave) kernels->leave();
  scratch_give(memory);
  return 0;
}
