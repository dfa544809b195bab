// Products with quantised weights: MatMulQuantised. Inputs x f32 […, K], norm? [K], added? […, N], then the packed weights u8, then their biases f32 [N] (those the attribute names).
// Every weight has an output […, N]; with `activation` there are two weights, gate and up, and one output act(gate) · up. With norm, x is normalised by its root mean square first.
#include <string.h>

#include "../framework/paths.h"
#include "../framework/rows.h"
#include "../framework/scratch.h"
#include "../matmul/gemm.h"
#include "../norm/rms_norm.h"
#include "pieces.h"
#include "tiles.h"

enum { X, NORM, ADDED, WEIGHTS };
// A row's result may depend on its phase, never on how many rows are with it: decoding always takes int8 blocks, reading a prompt takes tiles where they are the faster ones.
typedef enum { PHASE_DECODE, PHASE_PREFILL, PHASE_TILES } Phase;

typedef struct {
  Weight weights[MOST_WEIGHTS];
  int count;
  int64_t biased;  // bit i: weight i has a bias
  bool gated;
  Activation activation;
  Phase phase;
  float epsilon;
} Attributes;

typedef struct {
  int64_t M, K;
  const float *x, *norm, *added;
  float epsilon;
  Matrix matrices[MOST_WEIGHTS];
  int outputs;  // matrices that tasks are cut from: all of them, or the gate alone
  bool gated, wide;  // wide: weights are bf16, rows of x stay f32
  Activation activation;
  PanelProduct product;
  Activations activations;
  TileRows tiles;                // kernels NULL: int8 blocks
  float *normal;                 // rows of x, normalised, for weights that are bf16
  int64_t prepared_rows;         // rows a task of the first step
  int64_t columns, rows;         // of a task of the second step
  int64_t first_task[MOST_WEIGHTS + 1], row_tasks;
} Job;

// ---- first step: rows of x, normalised, to int8 blocks or to tiles

static int prepare_rows(void *job_, int64_t index) {
  const Job *job = job_;
  const int64_t first = index * job->prepared_rows, count = smaller(job->prepared_rows, job->M - first);
  const float *x = job->x + first * job->K;
  const bool floats = job->wide && !job->tiles.kernels;
  float *normal = floats ? job->normal + first * job->K : NULL;
  if (job->norm) {
    if (!floats) normal = scratch_take((size_t)(count * job->K) * sizeof *normal);
    if (!normal) return R1_OUT_OF_MEMORY;
    RmsNorm norm = {.T = count, .D = job->K, .block = count, .x_TD = x, .weight_D = job->norm, .epsilon = job->epsilon, .y_TD = normal};
    row_kernels()->rms_norm(&norm, 0);
    x = normal;
  }
  if (floats) return 0;
  if (job->tiles.kernels) {
    TileRows part = job->tiles;
    part.panels += first / part.kernels->rows * part.panel_stride;
    pack_tile_rows(&part, x, 0, count);
  } else {
    quantise_rows_into(&job->activations, x, first, count);
  }
  scratch_give(normal);
  return 0;
}

// ---- second step: some rows times some columns of one matrix

static int multiply_by_tiles(const Job *job, const Matrix *matrix, Piece piece, float *y, int64_t stride, const float *added) {
  const GemmKernels *kernels = job->tiles.kernels;
  void *scratch = scratch_take((size_t)tile_scratch_size(kernels, job->K));
  if (!scratch) return R1_OUT_OF_MEMORY;
  if (kernels->enter) kernels->enter();
  for (int64_t column = 0; column < piece.columns; column += kernels->columns) {
    const Target target = {
        .data = y + column,
        .stride = stride,
        .type = R1_FLOAT,
        .alpha = 1,
        .added = added ? added + column : NULL,
        .added_stride = stride,
        .added_type = R1_FLOAT,
        .bias = matrix->bias ? matrix->bias + piece.column + column : NULL,
    };
    multiply_tiles(&job->tiles, piece.row, piece.rows, matrix->format, matrix->packed, piece.column + column, smaller(kernels->columns, piece.columns - column), &target, scratch);
  }
  if (kernels->leave) kernels->leave();
  scratch_give(scratch);
  return 0;
}

static int multiply(const Job *job, const Matrix *matrix, Piece piece, float *y, int64_t stride, const float *added) {
  if (job->tiles.kernels) return multiply_by_tiles(job, matrix, piece, y, stride, added);
  multiply_blocks(job->product, &job->activations, matrix, piece, y, stride, added);
  return 0;
}

// act(gate) · up: both products into scratch memory, then row by row to their place.
static int multiply_gated(const Job *job, Piece piece, float *y, int64_t stride) {
  const int64_t size = piece.rows * piece.columns;
  float *gate = scratch_take((size_t)(2 * size) * sizeof *gate);
  if (!gate) return R1_OUT_OF_MEMORY;
  float *up = gate + size;
  int failure = multiply(job, &job->matrices[0], piece, gate, piece.columns, NULL);
  if (!failure) failure = multiply(job, &job->matrices[1], piece, up, piece.columns, NULL);
  if (!failure) gate_rows(job->activation, gate, up, piece.rows, piece.columns, y, stride);
  scratch_give(gate);
  return failure;
}

static int multiply_piece(void *job_, int64_t index) {
  const Job *job = job_;
  int which = 0;
  const int64_t column_task = index / job->row_tasks, row_task = index % job->row_tasks;
  while (column_task >= job->first_task[which + 1]) which++;
  const Matrix *matrix = &job->matrices[which];
  Piece piece = {.row = row_task * job->rows, .column = (column_task - job->first_task[which]) * job->columns};
  piece.rows = smaller(job->rows, job->M - piece.row);
  piece.columns = smaller(job->columns, matrix->N - piece.column);
  const int64_t at = piece.row * matrix->N + piece.column;
  if (job->gated) return multiply_gated(job, piece, matrix->y + at, matrix->N);
  return multiply(job, matrix, piece, matrix->y + at, matrix->N, job->added ? job->added + at : NULL);
}

// ---- the node

// How the second step is cut: enough tasks for all threads, none so small that handing it out costs more than its work, none whose weights leave the second-level cache.
static void cut(Job *job) {
  enum { MOST_BYTES = 1 << 18, ROWS_OF_TASK = 128, TASKS = 24 };
  int64_t N = 0, panel_size = 1;
  for (int i = 0; i < job->outputs; i++) {
    N += job->matrices[i].N;
    panel_size = larger(panel_size, panel_bytes(job->matrices[i].format, job->K));
  }
  const int64_t unit = job->tiles.kernels ? round_up(job->tiles.kernels->columns, PANEL) : PANEL;
  const int64_t wanted = blocks_of(N, TASKS), most = larger(unit, MOST_BYTES / panel_size * PANEL);
  job->columns = round_up(smaller(wanted, most), unit);
  job->rows = job->tiles.kernels ? round_up(ROWS_OF_TASK, job->tiles.kernels->rows) : ROWS_OF_TASK;
  job->row_tasks = blocks_of(job->M, job->rows);
  for (int i = 0; i < job->outputs; i++) job->first_task[i + 1] = job->first_task[i] + blocks_of(job->matrices[i].N, job->columns);
}

// Memory of the rows of x as the products read them.
static int64_t prepared_bytes(Job *job) {
  enum { SERIAL_ROWS = 16 };  // few rows are quantised faster than they are handed to threads
  job->prepared_rows = job->tiles.kernels ? job->tiles.kernels->rows : SERIAL_ROWS;
  if (!job->tiles.kernels) return job->wide ? (job->norm ? job->M * job->K * (int64_t)sizeof(float) : 0) : activations_size(job->M, job->K);
  job->tiles.M = job->M;
  job->tiles.K = job->K;
  job->tiles.panel_stride = rows_panel_size(job->tiles.kernels, job->K);
  return tile_rows_size(job->tiles.kernels, job->M, job->K) * (int64_t)sizeof(Lane);
}

static OrtStatus *run(Call *call, Job *job) {
  if (job->M == 0) return NULL;
  const int64_t bytes = prepared_bytes(job);
  void *memory = bytes ? scratch_take((size_t)bytes) : NULL;
  if (bytes && !memory) return fail_memory(call, (size_t)bytes);
  if (job->tiles.kernels) job->tiles.panels = memory;
  else if (job->wide) job->normal = memory, job->activations = (Activations){.K = job->K, .floats = job->norm ? memory : job->x};
  else job->activations = activations_in(memory, job->M, job->K);
  cut(job);
  OrtStatus *status = bytes ? parallel(call, blocks_of(job->M, job->prepared_rows), prepare_rows, job) : NULL;
  if (!status) status = parallel(call, job->first_task[job->outputs] * job->row_tasks, multiply_piece, job);
  scratch_give(memory);
  return status;
}

static OrtStatus *read_matrices(const Attributes *attributes, Call *call, int64_t K, Job *job) {
  int at = WEIGHTS + attributes->count;
  for (int i = 0; i < attributes->count; i++) {
    const Weight *weight = &attributes->weights[i];
    if (weight->format->wide != attributes->weights[0].format->wide) return fail(call, "weights that are bf16 do not go with others");
    Tensor packed, bias = {.rank = 0};
    R1_TRY(input(call, WEIGHTS + i, &packed));
    const int64_t bytes = quantised_bytes(weight->format, weight->N, K);
    if (bytes < 0) return fail_shapes(call, "%s takes %d numbers at a time, which the %lld columns of x are no multiple of", weight->format->name, weight->format->source_numbers, (long long)K);
    if (packed.type != R1_UINT8 || packed.size != bytes)
      return fail_shapes(call, "weight %d, %s [%lld,%lld], must be %lld packed bytes", i, weight->format->name, (long long)weight->N, (long long)K, (long long)bytes);
    if (attributes->biased >> i & 1) {
      R1_TRY(input(call, at++, &bias));
      if (bias.type != R1_FLOAT || bias.size != weight->N) return fail_shapes(call, "bias %d must be %lld f32 numbers", i, (long long)weight->N);
    }
    job->matrices[i] = (Matrix){.format = weight->format, .packed = packed.bytes, .bias = bias.floats, .N = weight->N};
  }
  if (input_count(call) != at) return fail_shapes(call, "%d inputs are needed", at);
  return NULL;
}

static const GemmKernels *tile_kernels(Phase phase, bool wide) {
#if defined(__x86_64__)
  const Path path = r1_paths()->active;
  if (phase == PHASE_PREFILL && (path == PATH_AMX || (wide && path == PATH_AVX512BF16))) return gemm_kernels(PRECISION_BF16);
#else
  (void)wide;
#endif
  return phase == PHASE_TILES ? gemm_kernels(PRECISION_BF16) : NULL;
}

static OrtStatus *compute(void *attributes_, Call *call) {
  const Attributes *attributes = attributes_;
  Tensor x, norm, added;
  R1_TRY(input(call, X, &x));
  R1_TRY(input(call, NORM, &norm));
  R1_TRY(input(call, ADDED, &added));
  const int64_t K = width(&x);
  if (x.rank < 1 || K < 1) return fail_shapes(call, "x needs rows of numbers");
  Job job = {
      .M = rows(&x),
      .K = K,
      .x = x.floats,
      .norm = norm.floats,
      .added = added.floats,
      .epsilon = attributes->epsilon,
      .outputs = attributes->gated ? 1 : attributes->count,
      .gated = attributes->gated,
      .wide = attributes->weights[0].format->wide,
      .activation = attributes->activation,
      .product = panel_product(),
      .tiles = {.kernels = tile_kernels(attributes->phase, attributes->weights[0].format->wide)},
  };
  if (norm.shape && norm.size != K) return fail_shapes(call, "the norm's weight must be as long as a row of x");
  R1_TRY(read_matrices(attributes, call, K, &job));
  if (added.shape && (job.outputs > 1 || job.gated || added.size != job.M * job.matrices[0].N)) return fail_shapes(call, "what is added must have the shape of the only output");
  for (int i = 0; i < job.outputs; i++) {
    R1_TRY(output_rows(call, i, &x, job.matrices[i].N, &job.matrices[i].y));
    if (!job.matrices[i].y) return fail(call, "every output must be asked for");
  }
  return run(call, &job);
}

static bool read_phase(const char *text, Phase *phase) {
  static const char *const names[] = {[PHASE_DECODE] = "decode", [PHASE_PREFILL] = "prefill", [PHASE_TILES] = "tiles"};
  *phase = PHASE_DECODE;
  for (int i = PHASE_DECODE; i <= PHASE_TILES; i++) {
    if (strcmp(text, names[i])) continue;
    *phase = (Phase)i;
    return true;
  }
  return !*text;
}

static OrtStatus *create(const OrtKernelInfo *info, void *attributes_) {
  Attributes *attributes = attributes_;
  char weights[256], phase[16];
  if (!attribute_string(info, "weights", weights, sizeof weights) || !(attributes->count = read_weights(weights, attributes->weights)))
    return fail_attribute("MatMulQuantised", "weights must name one to eight types with their rows, such as \"Q4_1 576, Q4_1 192\"");
  if (!attribute_string(info, "phase", phase, sizeof phase)) return fail_attribute("MatMulQuantised", "phase must be a name");
  if (!read_phase(phase, &attributes->phase)) return fail_attribute("MatMulQuantised", "phase must be \"decode\", \"prefill\" or \"tiles\"");
  if (!read_activation(info, attributes->weights, attributes->count, &attributes->gated, &attributes->activation))
    return fail_attribute("MatMulQuantised", "activation must be \"silu\", with two weights of one height, gate and up, or left out");
  attributes->biased = attribute_int(info, "biases", 0);
  if (attributes->biased < 0 || attributes->biased >> attributes->count) return fail_attribute("MatMulQuantised", "biases must name weights that are there, one bit each");
  attributes->epsilon = attribute_float(info, "epsilon", 1e-6f);
  return NULL;
}

R1_IN_PLACE(in_place, 1, ({ADDED}), ({0}))

const Operator r1_operator_matmul_quantised = {
    .name = "MatMulQuantised",
    .inputs = {{R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}, {R1_FLOAT, R1_OPTIONAL}, {R1_ANY, R1_VARIADIC}},
    .input_count = 4,
    .outputs = {{R1_FLOAT, R1_VARIADIC}},
    .output_count = 1,
    .attributes_size = sizeof(Attributes),
    .create = create,
    .compute = compute,
    .in_place = in_place,
};
