// Products of a mixture of experts with quantised weights: GroupedMatMulQuantised. Rows of X [T, K] are sorted by expert, expert e owns rows offsets[e] … offsets[e + 1] − 1. Each weight
// is a stack: the packed matrices [N, K] of all experts one after the other. Only the matrices of experts that own a row are read. Rows that nobody owns give zeros.
// Always int8 blocks: a row has the same bits whichever rows are with it.
#include <string.h>

#include "../framework/scratch.h"
#include "pieces.h"

enum { X, OFFSETS, STACKS };

typedef struct {
  Weight weights[MOST_WEIGHTS];
  int count;
  bool gated;
  Activation activation;
} Attributes;

// Rows of one expert that a task takes at once.
typedef struct {
  int64_t expert, row, rows;
} Share;

typedef struct {
  int64_t T, K, experts;
  const float *x;
  const int64_t *offsets;
  Matrix stacks[MOST_WEIGHTS];
  int outputs;  // stacks that tasks are cut from: all of them, or the gate's alone
  bool gated;
  Activation activation;
  PanelProduct product;
  Activations activations;
  Share *shares;
  int64_t count;                          // of shares
  int64_t columns;                        // of a task
  int64_t pieces_before[MOST_WEIGHTS + 1];  // column pieces of all stacks before this one
} Job;

enum { QUANTISED_ROWS = 16, ROWS_OF_TASK = 128 };

static int quantise_task(void *job_, int64_t index) {
  const Job *job = job_;
  const int64_t first = index * QUANTISED_ROWS;
  quantise_rows_into(&job->activations, job->x + first * job->K, first, smaller(QUANTISED_ROWS, job->T - first));
  return 0;
}

// The expert's own matrix of a stack.
static Matrix matrix_of(const Job *job, int which, int64_t expert) {
  Matrix matrix = job->stacks[which];
  matrix.packed += expert * quantised_bytes(matrix.format, matrix.N, job->K);
  return matrix;
}

static int multiply_task(void *job_, int64_t index) {
  const Job *job = job_;
  const int64_t pieces = job->pieces_before[job->outputs], column_piece = index % pieces;
  const Share *share = &job->shares[index / pieces];
  int which = 0;
  while (column_piece >= job->pieces_before[which + 1]) which++;
  const Matrix matrix = matrix_of(job, which, share->expert);
  Piece piece = {.row = share->row, .rows = share->rows, .column = (column_piece - job->pieces_before[which]) * job->columns};
  piece.columns = smaller(job->columns, matrix.N - piece.column);
  float *y = matrix.y + piece.row * matrix.N + piece.column;
  if (!job->gated) {
    multiply_blocks(job->product, &job->activations, &matrix, piece, y, matrix.N, NULL);
    return 0;
  }
  const int64_t size = piece.rows * piece.columns;
  float *gate = scratch_take((size_t)(2 * size) * sizeof *gate);
  if (!gate) return R1_OUT_OF_MEMORY;
  const Matrix up = matrix_of(job, 1, share->expert);
  multiply_blocks(job->product, &job->activations, &matrix, piece, gate, piece.columns, NULL);
  multiply_blocks(job->product, &job->activations, &up, piece, gate + size, piece.columns, NULL);
  gate_rows(job->activation, gate, gate + size, piece.rows, piece.columns, y, matrix.N);
  scratch_give(gate);
  return 0;
}

// Enough tasks for all threads, and weights of a task that stay in the second-level cache.
static void cut(Job *job) {
  enum { MOST_BYTES = 1 << 18, TASKS = 24 };
  for (int64_t expert = 0; expert < job->experts; expert++)
    for (int64_t row = job->offsets[expert]; row < job->offsets[expert + 1]; row += ROWS_OF_TASK)
      job->shares[job->count++] = (Share){.expert = expert, .row = row, .rows = smaller(ROWS_OF_TASK, job->offsets[expert + 1] - row)};
  int64_t N = 0, panel_size = 1;
  for (int i = 0; i < job->outputs; i++) {
    N += job->stacks[i].N;
    panel_size = larger(panel_size, panel_bytes(job->stacks[i].format, job->K));
  }
  const int64_t wanted = blocks_of(N * larger(job->count, 1), TASKS), most = larger(PANEL, MOST_BYTES / panel_size * PANEL);
  job->columns = (smaller(wanted, most) + PANEL - 1) / PANEL * PANEL;
  for (int i = 0; i < job->outputs; i++) job->pieces_before[i + 1] = job->pieces_before[i] + blocks_of(job->stacks[i].N, job->columns);
}

static OrtStatus *run(Call *call, Job *job) {
  if (job->T == 0) return NULL;
  const int64_t first = job->offsets[0], last = job->offsets[job->experts];
  for (int i = 0; i < job->outputs; i++) {
    const Matrix *stack = &job->stacks[i];
    memset(stack->y, 0, (size_t)(first * stack->N) * sizeof *stack->y);
    memset(stack->y + last * stack->N, 0, (size_t)((job->T - last) * stack->N) * sizeof *stack->y);
  }
  const bool wide = job->stacks[0].format->wide;
  const int64_t activations = wide ? 0 : activations_size(job->T, job->K);
  const size_t bytes = (size_t)activations + (size_t)(job->experts + job->T / ROWS_OF_TASK) * sizeof(Share);
  char *memory = scratch_take(bytes);
  if (!memory) return fail_memory(call, bytes);
  job->shares = (Share *)(void *)memory;
  job->activations = wide ? (Activations){.K = job->K, .floats = job->x} : activations_in(job->shares + job->experts + job->T / ROWS_OF_TASK, job->T, job->K);
  cut(job);
  OrtStatus *status = wide ? NULL : parallel(call, blocks_of(job->T, QUANTISED_ROWS), quantise_task, job);
  if (!status) status = parallel(call, job->count * job->pieces_before[job->outputs], multiply_task, job);
  scratch_give(memory);
  return status;
}

static OrtStatus *read_offsets(Call *call, Job *job) {
  Tensor offsets;
  R1_TRY(input(call, OFFSETS, &offsets));
  if (offsets.rank != 1 || offsets.size < 2) return fail_shapes(call, "offsets must be i64 [experts + 1]");
  job->offsets = offsets.integers;
  job->experts = offsets.size - 1;
  for (int64_t e = 0; e <= job->experts; e++) {
    const int64_t before = e ? job->offsets[e - 1] : 0, own = job->offsets[e];
    if (own < before || own > job->T) return fail(call, "offset %lld is %lld: offsets must rise from 0 to at most the %lld rows", (long long)e, (long long)own, (long long)job->T);
  }
  return NULL;
}

static OrtStatus *compute(void *attributes_, Call *call) {
  const Attributes *attributes = attributes_;
  Tensor x;
  R1_TRY(input(call, X, &x));
  if (x.rank != 2 || x.shape[1] < 1) return fail_shapes(call, "x must be a matrix");
  Job job = {
      .T = x.shape[0],
      .K = x.shape[1],
      .x = x.floats,
      .outputs = attributes->gated ? 1 : attributes->count,
      .gated = attributes->gated,
      .activation = attributes->activation,
      .product = panel_product(),
  };
  R1_TRY(read_offsets(call, &job));
  if (input_count(call) != STACKS + attributes->count) return fail_shapes(call, "%d inputs are needed", STACKS + attributes->count);
  for (int i = 0; i < attributes->count; i++) {
    const Weight *weight = &attributes->weights[i];
    if (weight->format->wide != attributes->weights[0].format->wide) return fail(call, "stacks that are bf16 do not go with others");
    Tensor packed;
    R1_TRY(input(call, STACKS + i, &packed));
    const int64_t bytes = quantised_bytes(weight->format, weight->N, job.K);
    if (bytes < 0) return fail_shapes(call, "%s takes %d numbers at a time, which the %lld columns of x are no multiple of", weight->format->name, weight->format->source_numbers, (long long)job.K);
    if (packed.size / job.experts != bytes || packed.size % job.experts)
      return fail_shapes(call, "stack %d, %s [%lld,%lld,%lld], must be %lld packed bytes for each expert", i, weight->format->name, (long long)job.experts, (long long)weight->N, (long long)job.K, (long long)bytes);
    job.stacks[i] = (Matrix){.format = weight->format, .packed = packed.bytes, .N = weight->N};
  }
  for (int i = 0; i < job.outputs; i++) {
    R1_TRY(output_rows(call, i, &x, job.stacks[i].N, &job.stacks[i].y));
    if (!job.stacks[i].y) return fail(call, "every output must be asked for");
  }
  return run(call, &job);
}

static OrtStatus *create(const OrtKernelInfo *info, void *attributes_) {
  Attributes *attributes = attributes_;
  char weights[256];
  if (!attribute_string(info, "weights", weights, sizeof weights) || !(attributes->count = read_weights(weights, attributes->weights)))
    return fail_attribute("GroupedMatMulQuantised", "weights must name one to eight types with their rows, such as \"Q4_1 576, Q4_1 192\"");
  if (!read_activation(info, attributes->weights, attributes->count, &attributes->gated, &attributes->activation))
    return fail_attribute("GroupedMatMulQuantised", "activation must be \"silu\", with two weights of one height, gate and up, or left out");
  return NULL;
}

const Operator r1_operator_grouped_matmul_quantised = {
    .name = "GroupedMatMulQuantised",
    .inputs = {{R1_FLOAT}, {R1_INT64}, {R1_UINT8, R1_VARIADIC}},
    .input_count = 3,
    .outputs = {{R1_FLOAT, R1_VARIADIC}},
    .output_count = 1,
    .attributes_size = sizeof(Attributes),
    .create = create,
    .compute = compute,
};
