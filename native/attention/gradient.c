// Gradient. A task owns a chunk of keys of one key head and walks over its blocks of keys; for each block it walks over all blocks of queries that see it,
// of every head of the group, makes their probabilities again from the saved log-sum-exp, and adds to dq, dk and dv. The order is fixed, so sums are the
// same bits whatever the threads; dq from different chunks is added up at the end.
#include <string.h>

#include "../framework/rows.h"
#include "../framework/scratch.h"
#include "attention.h"

enum { KEY_BLOCK = 256, QUERY_BLOCK = 128 };  // two blocks of scores, 256 kB together, stay in the second-level cache

typedef struct {
  const Attention *a;
  int64_t batch, key_head, key, keys;  // the block of keys
  float *dq;                           // where this chunk's part of dq goes
  float *scores, *dscores;             // [QUERY_BLOCK, KEY_BLOCK]
  Lane *key_columns, *value_columns;   // columns panels over d: for scores and for the gradient of probabilities
  Lane *key_depth;                     // columns panels over keys: for dq
  Lane *rows;                          // row panels of whatever is multiplied next
  Lane *query_columns, *do_columns;    // columns panels over queries: for dk and dv
} Work;

static int64_t panels_size(int64_t panel, int64_t count, int64_t width) { return round_up(panel * blocks_of(count, width), LANE_BLOCK); }

// rows · columns for all tiles, added onto target; `count` rows and `columns` columns over a depth.
static void multiply_add_tiles(const GemmKernels *kernels, const Lane *rows, const Lane *columns, int64_t depth, int64_t count, int64_t width, float *to, int64_t stride) {
  for (int64_t column = 0; column < width; column += kernels->columns) {
    const Lane *panel = columns + column / kernels->columns * columns_panel_size(kernels, depth);
    for (int64_t row = 0; row < count; row += kernels->rows) {
      float *tile = to + row * stride + column;
      const PanelPair pair = {rows + row / kernels->rows * rows_panel_size(kernels, depth), panel, lanes_of(kernels, depth)};
      const Target target = {.data = tile, .stride = stride, .type = R1_FLOAT, .alpha = 1, .added = tile, .added_stride = stride, .added_type = R1_FLOAT};
      kernels->multiply(&pair, 1, (int)smaller(kernels->rows, count - row), (int)smaller(kernels->columns, width - column), &target);
    }
  }
}

static void pack_key_block(const Work *work) {
  const Attention *a = work->a;
  const GemmKernels *kernels = a->kernels;
  const int64_t row = a->K * a->d, at = (work->batch * a->T + work->key) * row + work->key_head * a->d;
  Operand keys = {.data = a->k_BTKd + at, .stride = row, .type = R1_FLOAT}, values = keys;
  values.data = a->v_BTKd + at;
  kernels->pack_columns(&keys, 0, work->keys, 0, a->d, work->key_columns, columns_panel_size(kernels, a->d));
  kernels->pack_columns(&values, 0, work->keys, 0, a->d, work->value_columns, columns_panel_size(kernels, a->d));
  keys.depth_major = true;
  kernels->pack_columns(&keys, 0, a->d, 0, work->keys, work->key_depth, columns_panel_size(kernels, work->keys));
}

// The products of a panel's queries with the block's keys that it may see: a rows panel against columns panels over d.
static void multiply_visible(const Work *work, int64_t query, int64_t rows, const Lane *columns, float *to, float alpha) {
  const Attention *a = work->a;
  const GemmKernels *kernels = a->kernels;
  for (int64_t row = 0; row < rows; row += kernels->rows) {
    const int height = (int)smaller(kernels->rows, rows - row);
    const Range seen = visible_keys_of(a, work->batch, query + row, query + row + height);
    const int64_t first = down_to(larger(seen.first - work->key, 0), kernels->columns), end = smaller(seen.end - work->key, work->keys);
    const Lane *panel = work->rows + row / kernels->rows * rows_panel_size(kernels, a->d);
    for (int64_t column = first; column < end; column += kernels->columns) {
      const PanelPair pair = {panel, columns + column / kernels->columns * columns_panel_size(kernels, a->d), lanes_of(kernels, a->d)};
      const Target target = {.data = to + row * KEY_BLOCK + column, .stride = KEY_BLOCK, .type = R1_FLOAT, .alpha = alpha};
      kernels->multiply(&pair, 1, height, (int)smaller(kernels->columns, work->keys - column), &target);
    }
  }
}

// What the queries query … query + rows − 1 of one head give.
static void add_queries(const Work *work, int64_t head, int64_t query, int64_t rows) {
  const Attention *a = work->a;
  const GemmKernels *kernels = a->kernels;
  const int64_t stride = a->H * a->d, at = (work->batch * a->S + query) * stride + head * a->d, depth = rows;
  Operand q = {.data = a->q_BSHd + at, .stride = stride, .type = R1_FLOAT}, dout = q;
  dout.data = a->do_BSHd + at;
  kernels->pack_rows(&q, 0, rows, 0, a->d, work->rows, rows_panel_size(kernels, a->d));
  multiply_visible(work, query, rows, work->key_columns, work->scores, a->scale);
  kernels->pack_rows(&dout, 0, rows, 0, a->d, work->rows, rows_panel_size(kernels, a->d));
  multiply_visible(work, query, rows, work->value_columns, work->dscores, 1);
  ScoreRows score_rows = {a, work->batch, head, query, rows, work->key, work->keys, work->scores, KEY_BLOCK, NULL, work->dscores};
  row_kernels()->attention_scores_gradient(&score_rows, 0);

  Operand p = {.data = work->scores, .stride = KEY_BLOCK, .type = R1_FLOAT}, ds = p;
  ds.data = work->dscores;
  kernels->pack_rows(&ds, 0, rows, 0, work->keys, work->rows, rows_panel_size(kernels, work->keys));
  multiply_add_tiles(kernels, work->rows, work->key_depth, work->keys, rows, a->d, work->dq + at, stride);

  const int64_t key_stride = a->K * a->d, key_at = (work->batch * a->T + work->key) * key_stride + work->key_head * a->d;
  q.depth_major = dout.depth_major = p.depth_major = ds.depth_major = true;
  kernels->pack_columns(&dout, 0, a->d, 0, depth, work->do_columns, columns_panel_size(kernels, depth));
  kernels->pack_rows(&p, 0, work->keys, 0, depth, work->rows, rows_panel_size(kernels, depth));
  multiply_add_tiles(kernels, work->rows, work->do_columns, depth, work->keys, a->d, a->dv_BTKd + key_at, key_stride);
  kernels->pack_columns(&q, 0, a->d, 0, depth, work->query_columns, columns_panel_size(kernels, depth));
  kernels->pack_rows(&ds, 0, work->keys, 0, depth, work->rows, rows_panel_size(kernels, depth));
  multiply_add_tiles(kernels, work->rows, work->query_columns, depth, work->keys, a->d, a->dk_BTKd + key_at, key_stride);
}

static void clear_rows(float *first, int64_t rows, int64_t stride, int64_t width) {
  for (int64_t row = 0; row < rows; row++) memset(first + row * stride, 0, (size_t)width * sizeof *first);
}

static void add_key_block(const Work *work) {
  const Attention *a = work->a;
  const int64_t group = a->H / a->K;
  const int64_t key_stride = a->K * a->d, key_at = (work->batch * a->T + work->key) * key_stride + work->key_head * a->d;
  clear_rows(a->dk_BTKd + key_at, work->keys, key_stride, a->d);
  clear_rows(a->dv_BTKd + key_at, work->keys, key_stride, a->d);
  pack_key_block(work);
  for (int64_t head = work->key_head * group; head < (work->key_head + 1) * group; head++) {
    for (int64_t query = 0; query < a->S; query += QUERY_BLOCK) {
      const int64_t rows = smaller(QUERY_BLOCK, a->S - query);
      const Range seen = visible_keys_of(a, work->batch, query, query + rows);
      if (seen.end > work->key && seen.first < work->key + work->keys) add_queries(work, head, query, rows);
    }
  }
}

int attention_gradient(void *attention, int64_t index) {
  const Attention *a = attention;
  const GemmKernels *kernels = a->kernels;
  const int64_t chunk = index % a->chunks, pair = index / a->chunks;
  const int64_t block = round_up(blocks_of(a->T, a->chunks), KEY_BLOCK), start = chunk * block, end = smaller(start + block, a->T);
  Work work = {.a = a, .batch = pair / a->K, .key_head = pair % a->K};
  work.dq = chunk == 0 ? a->dq_BSHd : a->partial_dq + (chunk - 1) * a->B * a->S * a->H * a->d;
  const int64_t group = a->H / a->K, stride = a->H * a->d;
  clear_rows(work.dq + work.batch * a->S * stride + work.key_head * group * a->d, a->S, stride, group * a->d);
  if (start >= end) return 0;

  const int64_t over_d = panels_size(columns_panel_size(kernels, a->d), KEY_BLOCK, kernels->columns);
  const int64_t over_keys = panels_size(columns_panel_size(kernels, KEY_BLOCK), a->d, kernels->columns);
  const int64_t over_queries = panels_size(columns_panel_size(kernels, QUERY_BLOCK), a->d, kernels->columns);
  int64_t rows = panels_size(rows_panel_size(kernels, a->d), QUERY_BLOCK, kernels->rows);
  rows = larger(rows, panels_size(rows_panel_size(kernels, KEY_BLOCK), QUERY_BLOCK, kernels->rows));
  rows = larger(rows, panels_size(rows_panel_size(kernels, QUERY_BLOCK), KEY_BLOCK, kernels->rows));
  const int64_t lanes = 2 * QUERY_BLOCK * KEY_BLOCK + 2 * over_d + over_keys + rows + 2 * over_queries;
  Lane *memory = scratch_take((size_t)lanes * sizeof(Lane));
  if (!memory) return R1_OUT_OF_MEMORY;
  work.scores = (float *)memory;
  work.dscores = work.scores + QUERY_BLOCK * KEY_BLOCK;
  work.key_columns = memory + 2 * QUERY_BLOCK * KEY_BLOCK;
  work.value_columns = work.key_columns + over_d;
  work.key_depth = work.value_columns + over_d;
  work.rows = work.key_depth + over_keys;
  work.query_columns = work.rows + rows;
  work.do_columns = work.query_columns + over_queries;
  if (kernels->enter) kernels->enter();
  for (work.key = start; work.key < end; work.key += KEY_BLOCK) {
    work.keys = smaller(KEY_BLOCK, end - work.key);
    add_key_block(&work);
  }
  if (kernels->leave) kernels->leave();
  scratch_give(memory);
  return 0;
}

int attention_sum_partial(void *attention, int64_t batch) {
  const Attention *a = attention;
  const int64_t size = a->S * a->H * a->d;
  float *dq = a->dq_BSHd + batch * size;
  for (int64_t chunk = 1; chunk < a->chunks; chunk++) {
    const float *part = a->partial_dq + ((chunk - 1) * a->B + batch) * size;
    for (int64_t i = 0; i < size; i++) dq[i] += part[i];
  }
  return 0;
}
