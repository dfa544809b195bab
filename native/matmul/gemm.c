// The driver of a matrix product. One side is packed as a whole and shared by all tasks; a task owns a block of the other side's panels, which it packs itself and multiplies
// with the shared ones. So each number of A and B is converted once, the shared side comes from the outer caches and the block stays in a core's own.
// A depth-major operand (a transposed A, a plain B) has its vectors' numbers far apart: it is packed in slices of its depth, so that memory is read in order, before any task begins.
#include "../framework/paths.h"
#include "../framework/runner.h"
#include "../framework/scratch.h"
#include "gemm_plan.h"
#include "quantised.h"

enum {
  CHUNK_DEPTH = 1536,       // a columns panel of this depth is 192 kB in bf16: it stays in the second-level cache while rows panels pass
  LOW_RANK_DEPTH = 4096,    // low-rank parts need the depth in one chunk; beyond this the panels no longer fit
  BLOCK_BYTES = 256 << 10,  // what a task packs for itself at most
  SIDE_BYTES = 16 << 20,    // what is packed of a side at a time at most
  TASKS = 16,               // wanted at least, so that the cores end together
};

const GemmKernels *gemm_kernels(Precision precision) {
  static const GemmKernels *const kernels[PATH_COUNT] = {
      [PATH_SCALAR] = &gemm_kernels_scalar,
#if defined(__x86_64__)
      [PATH_AVX2] = &gemm_kernels_avx2,
      [PATH_AVX512] = &gemm_kernels_avx512,
      [PATH_AVX512BF16] = &gemm_kernels_avx512bf16,
      [PATH_AMX] = &gemm_kernels_amx,
#elif defined(__aarch64__)
      [PATH_NEON] = &gemm_kernels_neon,
#endif
  };
  bool has[PATH_COUNT];
  for (int path = 0; path < PATH_COUNT; path++) has[path] = kernels[path] && (precision == PRECISION_BF16 || kernels[path]->lane_depth == 1);
  return kernels[r1_best_of(has)];
}

// ---- multiplying

static const char *byte_at(const void *data, int64_t element, ElementType type) { return (const char *)data + element * (int64_t)element_size(type); }

// One micro-tile of C; `rows` and `columns` point to its panels.
static void multiply_panels(const Plan *plan, int64_t row_panel, const Lane *rows, int64_t column_panel, const Lane *columns) {
  const Gemm *product = plan->product;
  const GemmKernels *kernels = plan->kernels;
  const int output = output_of(plan, column_panel);
  const int64_t local_panel = column_panel - plan->first_panel[output], row = row_panel * kernels->rows, column = local_panel * kernels->columns;
  PanelPair pairs[2 * GEMM_MANY];
  int count = 0;
  for (int p = 0; p < plan->piece_count; p++) {
    const Piece *piece = &plan->pieces[p];
    const Lane *packed = product->packed[piece->term + output];
    const Lane *b = columns + piece->columns_at;
    if (packed) b = packed + local_panel * columns_panel_size(kernels, product->K[piece->term]) + piece->start / kernels->lane_depth * kernels->columns;
    pairs[count++] = (PanelPair){rows + piece->rows_at, b, lanes_of(kernels, piece->depth)};
  }
  for (int term = 0; plan->down && term < product->terms; term++) {
    const int i = term + output;
    const int64_t rank = product->low_rank[i].rank;
    if (rank) pairs[count++] = (PanelPair){rows + plan->inner_at[i], columns + plan->up_at[i], lanes_of(kernels, rank)};
  }
  Target target = plan->c[output];
  target.data = (char *)byte_at(target.data, row * target.stride + column, target.type);
  if (target.added) target.added = byte_at(target.added, row * target.added_stride + column, target.added_type);
  if (target.bias) target.bias += column;
  kernels->multiply(pairs, count, (int)smaller(kernels->rows, product->M - row), (int)smaller(kernels->columns, product->N[output] - column), &target);
}

static void multiply_block(const Plan *plan, int64_t first, int64_t count, const Lane *own) {
  const Side *rows = &plan->rows, *columns = &plan->columns;
  if (plan->owns_rows) {
    for (int64_t column = 0; column < columns->count; column++) {
      for (int64_t row = 0; row < count; row++) multiply_panels(plan, first + row, own + row * rows->stride, columns->first + column, columns->lanes + column * columns->stride);
    }
  } else {
    for (int64_t row = 0; row < rows->count; row++) {
      for (int64_t column = 0; column < count; column++) multiply_panels(plan, rows->first + row, rows->lanes + row * rows->stride, first + column, own + column * columns->stride);
    }
  }
}

static int multiply_task(void *plan_, int64_t index) {
  Plan *plan = plan_;
  const Side *own = own_side(plan);
  const int64_t first = own->first + index * plan->block, count = smaller(plan->block, own->first + own->count - first);
  Lane *packed = own->sliced ? NULL : scratch_take((size_t)(count * own->stride) * sizeof(Lane));
  if (!own->sliced && !packed) return R1_OUT_OF_MEMORY;
  if (plan->kernels->enter) plan->kernels->enter();
  if (packed) (plan->owns_rows ? pack_row_panels : pack_column_panels)(plan, first, count, packed);
  multiply_block(plan, first, count, packed ? packed : own->lanes + (first - own->first) * own->stride);
  if (plan->kernels->leave) plan->kernels->leave();
  scratch_give(packed);
  return 0;
}

// ---- the order of the work

static int64_t panel_bytes(const Side *side) { return larger(1, side->stride) * (int64_t)sizeof(Lane); }

// Tasks own the larger side, unless it has too few panels to keep the cores busy and the other has more. Which side it is changes no sum.
static void choose_sides(Plan *plan, bool parallel) {
  const int64_t tasks = parallel ? TASKS : 1;
  const Side *rows = &plan->rows, *columns = &plan->columns;
  plan->owns_rows = rows->panels * panel_bytes(rows) >= columns->panels * panel_bytes(columns);
  if (own_side(plan)->panels < tasks && shared_side(plan)->panels > own_side(plan)->panels) plan->owns_rows = !plan->owns_rows;
  const Side *own = own_side(plan);
  plan->block = larger(1, smaller(own->panels / tasks, BLOCK_BYTES / panel_bytes(own)));
}

// How many panels of a side are packed at a time.
static int64_t at_once(const Side *side) { return larger(1, smaller(side->panels, SIDE_BYTES / panel_bytes(side))); }

static int pack_whole_side(Runner *runner, const Plan *plan, const Side *side) {
  SidePacking packing = side_packing(plan, side);
  return run_tasks(runner, packing.tasks, pack_side, &packing);
}

static int run_own_side(Runner *runner, Plan *plan) {
  Side *own = own_side(plan);
  const int64_t step = own->sliced ? at_once(own) : own->panels;
  int failure = 0;
  for (own->first = 0; own->first < own->panels && !failure; own->first += step) {
    own->count = smaller(step, own->panels - own->first);
    if (own->sliced) failure = pack_whole_side(runner, plan, own);
    if (!failure) failure = run_tasks(runner, blocks_of(own->count, plan->block), multiply_task, plan);
  }
  return failure;
}

static int run_chunk(Runner *runner, Plan *plan) {
  lay_out_panels(plan);
  choose_sides(plan, runner->call != NULL);
  Side *shared = shared_side(plan), *own = own_side(plan);
  const int64_t step = at_once(shared);
  shared->lanes = scratch_take((size_t)(step * panel_bytes(shared)));
  own->lanes = own->sliced ? scratch_take((size_t)(at_once(own) * panel_bytes(own))) : NULL;
  int failure = !shared->lanes || (own->sliced && !own->lanes) ? R1_OUT_OF_MEMORY : 0;
  for (shared->first = 0; shared->first < shared->panels && !failure; shared->first += step) {
    shared->count = smaller(step, shared->panels - shared->first);
    failure = pack_whole_side(runner, plan, shared);
    if (!failure) failure = run_own_side(runner, plan);
  }
  scratch_give(own->lanes);
  scratch_give(shared->lanes);
  return failure;
}

// The next chunk of the depth: stretches of one or more terms, `depth` long together. Advances (term, start).
static void take_pieces(Plan *plan, int64_t depth, int *term, int64_t *start) {
  const Gemm *product = plan->product;
  plan->piece_count = 0;
  while (*term < product->terms && depth > 0) {
    const int64_t taken = smaller(depth, product->K[*term] - *start);
    if (taken > 0) plan->pieces[plan->piece_count++] = (Piece){.term = *term, .start = *start, .depth = taken};
    depth -= taken;
    *start += taken;
    if (*start == product->K[*term]) {
      *term += 1;
      *start = 0;
    }
  }
}

static int64_t total_depth(const Gemm *product) {
  int64_t depth = 0;
  for (int term = 0; term < product->terms; term++) depth += product->K[term];
  return depth;
}

bool gemm_fits_low_rank(const Gemm *product) { return total_depth(product) <= LOW_RANK_DEPTH; }

// Sums of a chunk go to f32 memory until the last chunk: C itself, or scratch memory where C is bf16.
static int64_t partial_size(const Gemm *product, int output) { return product->c[output].type == R1_BFLOAT16 ? product->M * product->N[output] : 0; }

static void set_targets(Plan *plan, float *partials, bool first, bool last) {
  const Gemm *product = plan->product;
  for (int o = 0; o < product->outputs; o++) {
    const Target *c = &product->c[o];
    Target sums = *c;
    if (c->type == R1_BFLOAT16) {
      sums = (Target){.data = partials, .stride = product->N[o], .type = R1_FLOAT};
      partials += partial_size(product, o);
    }
    Target *to = &plan->c[o];
    *to = *c;
    if (!last) {
      to->data = sums.data;
      to->stride = sums.stride;
      to->type = R1_FLOAT;
    }
    if (!first) {
      to->added = sums.data;
      to->added_stride = sums.stride;
      to->added_type = R1_FLOAT;
      to->bias = NULL;
    }
  }
}

static int run_chunks(Runner *runner, Plan *plan) {
  const Gemm *product = plan->product;
  const int64_t depth = total_depth(product), chunks = plan->down ? 1 : larger(1, blocks_of(depth, CHUNK_DEPTH));
  const int64_t step = round_up(blocks_of(depth, chunks), LANE_BLOCK * plan->kernels->lane_depth);
  int64_t partial = 0;
  for (int o = 0; o < product->outputs; o++) partial += partial_size(product, o);
  float *partials = NULL;
  if (chunks > 1 && partial) {
    partials = scratch_take((size_t)partial * sizeof *partials);
    if (!partials) return R1_OUT_OF_MEMORY;
  }
  int term = 0, failure = 0;
  int64_t start = 0;
  for (int64_t chunk = 0; chunk < chunks && !failure; chunk++) {
    take_pieces(plan, step, &term, &start);
    set_targets(plan, partials, chunk == 0, chunk == chunks - 1);
    failure = run_chunk(runner, plan);
  }
  scratch_give(partials);
  return failure;
}

static int run_product(Runner *runner, const Gemm *product) {
  Plan plan = {.product = product, .kernels = gemm_kernels(product->precision)};
  plan.rows.panels = blocks_of(product->M, plan.kernels->rows);
  for (int o = 0; o < product->outputs; o++) {
    plan.columns.panels += blocks_of(product->N[o], plan.kernels->columns);
    plan.first_panel[o + 1] = plan.columns.panels;
  }
  if (!plan.rows.panels || !plan.columns.panels) return 0;
  int failure = pack_downs(&plan);
  if (!failure) failure = run_chunks(runner, &plan);
  scratch_give(plan.down);
  return failure;
}

int gemm_serial(const Gemm *product) {
  Runner runner = {0};
  return run_product(&runner, product);
}

OrtStatus *gemm(const Call *call, const Gemm *product) {
  Runner runner = {.call = call};
  const int failure = run_product(&runner, product);
  return runner_status(&runner, failure);
}

// ---- constant operands

int64_t gemm_packed_size(Precision precision, int64_t K, int64_t N) {
  const GemmKernels *kernels = gemm_kernels(precision);
  return blocks_of(N, kernels->columns) * columns_panel_size(kernels, K);
}

typedef struct {
  const GemmKernels *kernels;
  const Operand *b;
  int64_t K, N;
  Lane *packed;
} PackJob;

static int pack_constant(void *job_, int64_t index) {
  const PackJob *job = job_;
  const int64_t columns = 4 * job->kernels->columns, first = index * columns, size = columns_panel_size(job->kernels, job->K);
  pack_columns(job->kernels, job->b, first, smaller(columns, job->N - first), 0, job->K, job->packed + 4 * index * size, size);
  return 0;
}

OrtStatus *gemm_pack(const Call *call, Precision precision, const Operand *b, int64_t K, int64_t N, Lane *packed) {
  PackJob job = {.kernels = gemm_kernels(precision), .b = b, .K = K, .N = N, .packed = packed};
  return parallel(call, blocks_of(N, 4 * job.kernels->columns), pack_constant, &job);
}
