// The driver of a matrix product: packs one side as a whole, then works on blocks of the other side, each packed by the task that multiplies it.
// So each number of A and B is converted once, the shared side is read from the outer caches and the block stays in a core's own.
#include "gemm.h"

#include "../framework/paths.h"
#include "../framework/scratch.h"

enum {
  CHUNK_DEPTH = 1536,       // a columns panel of this depth is 192 kB in bf16: it stays in the second-level cache while rows panels pass
  BLOCK_BYTES = 256 << 10,  // what a task packs for itself at most
  SHARED_BYTES = 16 << 20,  // what is packed for all tasks at a time at most
  TASKS = 16,               // wanted at least, so that the cores end together
};

const GemmKernels *gemm_kernels(Precision precision) {
  static const GemmKernels *const kernels[PATH_COUNT] = {
      [PATH_SCALAR] = &gemm_kernels_scalar,
#if defined(__x86_64__)
      [PATH_AVX512] = &gemm_kernels_avx512,
      [PATH_AVX512BF16] = &gemm_kernels_avx512bf16,
#endif
  };
  bool has[PATH_COUNT];
  for (int path = 0; path < PATH_COUNT; path++) has[path] = kernels[path] && (precision == PRECISION_BF16 || kernels[path]->lane_depth == 1);
  return kernels[r1_best_of(has)];
}

// ---- the plan of one chunk of the depth

// A stretch of one term's depth, and where its lanes begin in a packed panel.
typedef struct {
  int term;
  int64_t start, depth, rows_at, columns_at;
} Piece;

typedef struct {
  const Gemm *product;
  const GemmKernels *kernels;
  Piece pieces[GEMM_MANY];
  int piece_count;
  int64_t inner_at[GEMM_MANY], up_at[GEMM_MANY];  // by term + output: the low-rank part's lanes in a rows and a columns panel
  int64_t rows_stride, columns_stride;            // lanes of a packed panel, all its parts together
  int64_t row_panels, column_panels, first_panel[GEMM_MANY + 1];  // the last by output
  Target c[GEMM_MANY];
  Lane *down;  // by term + output, each down_stride lanes: the packed `down` of low-rank parts
  int64_t down_stride;

  bool blocks_of_rows;  // a task owns row panels and all share the columns, or the other way round
  Lane *shared;
  int64_t shared_first, shared_count, pack_block, block;  // in panels
} Plan;

static const char *byte_at(const void *data, int64_t element, ElementType type) { return (const char *)data + element * (int64_t)element_size(type); }

// ---- packing

// Row panels first … first + count − 1, with the low-rank parts' inner products appended.
static void pack_row_panels(const Plan *plan, int64_t first, int64_t count, Lane *to) {
  const Gemm *product = plan->product;
  const GemmKernels *kernels = plan->kernels;
  const int64_t row = first * kernels->rows, row_count = smaller(count * kernels->rows, product->M - row);
  for (int p = 0; p < plan->piece_count; p++) {
    const Piece *piece = &plan->pieces[p];
    kernels->pack_rows(&product->a[piece->term], row, row_count, piece->start, piece->depth, to + piece->rows_at, plan->rows_stride);
  }
  for (int i = 0; i < larger(product->terms, product->outputs); i++) {
    const LowRank *low = &product->low_rank[i];
    if (!low->rank) continue;
    const Piece *piece = plan->pieces;  // the only chunk has a piece of every term that has any depth
    const Piece *end = plan->pieces + plan->piece_count;
    while (piece < end && product->terms > 1 && piece->term != i) piece++;
    for (int64_t panel = 0; panel < count; panel++) {
      const int height = (int)smaller(kernels->rows, row_count - panel * kernels->rows);
      float *inner = low->inner + (row + panel * kernels->rows) * low->rank;
      const Target target = {.data = inner, .stride = low->rank, .type = R1_FLOAT, .alpha = low->scale};
      for (int64_t column = 0; column < low->rank; column += kernels->columns) {
        PanelPair pair = {0};
        if (piece < end) {
          const Lane *down = plan->down + i * plan->down_stride + column / kernels->columns * columns_panel_size(kernels, piece->depth);
          pair = (PanelPair){to + panel * plan->rows_stride + piece->rows_at, down, lanes_of(kernels, piece->depth)};
        }
        Target at = target;
        at.data = inner + column;
        kernels->multiply(&pair, piece < end, height, (int)smaller(kernels->columns, low->rank - column), &at);
      }
      const Operand operand = {.data = inner, .stride = low->rank, .type = R1_FLOAT};
      kernels->pack_rows(&operand, 0, height, 0, low->rank, to + panel * plan->rows_stride + plan->inner_at[i], plan->rows_stride);
    }
  }
}

static int output_of(const Plan *plan, int64_t column_panel) {
  int output = 0;
  while (column_panel >= plan->first_panel[output + 1]) output++;
  return output;
}

// Column panels first … first + count − 1; they may lie in more than one output.
static void pack_column_panels(const Plan *plan, int64_t first, int64_t count, Lane *to) {
  const Gemm *product = plan->product;
  const GemmKernels *kernels = plan->kernels;
  while (count > 0) {
    const int output = output_of(plan, first);
    const int64_t run = smaller(count, plan->first_panel[output + 1] - first), column = (first - plan->first_panel[output]) * kernels->columns;
    const int64_t columns = smaller(run * kernels->columns, product->N[output] - column);
    for (int p = 0; p < plan->piece_count; p++) {
      const Piece *piece = &plan->pieces[p];
      const int i = piece->term + output;
      if (!product->packed[i]) kernels->pack_columns(&product->b[i], column, columns, piece->start, piece->depth, to + piece->columns_at, plan->columns_stride);
    }
    for (int term = 0; term < product->terms; term++) {
      const LowRank *low = &product->low_rank[term + output];
      if (low->rank) kernels->pack_columns(&low->up, column, columns, 0, low->rank, to + plan->up_at[term + output], plan->columns_stride);
    }
    first += run;
    count -= run;
    to += run * plan->columns_stride;
  }
}

static int pack_shared(void *plan_, int64_t index) {
  const Plan *plan = plan_;
  const int64_t first = index * plan->pack_block, count = smaller(plan->pack_block, plan->shared_count - first);
  if (plan->kernels->enter) plan->kernels->enter();
  if (plan->blocks_of_rows) pack_column_panels(plan, plan->shared_first + first, count, plan->shared + first * plan->columns_stride);
  else pack_row_panels(plan, plan->shared_first + first, count, plan->shared + first * plan->rows_stride);
  if (plan->kernels->leave) plan->kernels->leave();
  return 0;
}

// ---- multiplying

// One micro-tile of C; the panels are where these two point.
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
  for (int term = 0; term < product->terms; term++) {
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

static int multiply_block(void *plan_, int64_t index) {
  const Plan *plan = plan_;
  const int64_t stride = plan->blocks_of_rows ? plan->rows_stride : plan->columns_stride;
  const int64_t panels = plan->blocks_of_rows ? plan->row_panels : plan->column_panels;
  const int64_t first = index * plan->block, count = smaller(plan->block, panels - first);
  Lane *own = scratch_take((size_t)(count * stride) * sizeof(Lane));
  if (!own) return R1_OUT_OF_MEMORY;
  if (plan->kernels->enter) plan->kernels->enter();
  if (plan->blocks_of_rows) {
    pack_row_panels(plan, first, count, own);
    for (int64_t s = 0; s < plan->shared_count; s++) {
      for (int64_t i = 0; i < count; i++) multiply_panels(plan, first + i, own + i * stride, plan->shared_first + s, plan->shared + s * plan->columns_stride);
    }
  } else {
    pack_column_panels(plan, first, count, own);
    for (int64_t s = 0; s < plan->shared_count; s++) {
      for (int64_t i = 0; i < count; i++) multiply_panels(plan, plan->shared_first + s, plan->shared + s * plan->rows_stride, first + i, own + i * stride);
    }
  }
  if (plan->kernels->leave) plan->kernels->leave();
  scratch_give(own);
  return 0;
}

// ---- the order of the work

// Runs tasks on the pool of a call, or one after the other without a call.
typedef struct {
  const Call *call;
  OrtStatus *status;
} Runner;

static int run(Runner *runner, int64_t count, Task task, void *job) {
  if (runner->call) {
    runner->status = parallel(runner->call, count, task, job);
    return runner->status != NULL;
  }
  for (int64_t i = 0; i < count; i++) {
    const int failure = task(job, i);
    if (failure) return failure;
  }
  return 0;
}

// Lays out the panels and decides which side is shared: the smaller one, unless the other has too few panels to keep the cores busy.
static void lay_out(Plan *plan) {
  const Gemm *product = plan->product;
  const GemmKernels *kernels = plan->kernels;
  plan->rows_stride = plan->columns_stride = 0;
  for (int p = 0; p < plan->piece_count; p++) {
    Piece *piece = &plan->pieces[p];
    piece->rows_at = plan->rows_stride;
    piece->columns_at = plan->columns_stride;
    plan->rows_stride += rows_panel_size(kernels, piece->depth);
    if (!product->packed[piece->term]) plan->columns_stride += columns_panel_size(kernels, piece->depth);
  }
  int64_t widest_up = 0;
  for (int i = 0; i < larger(product->terms, product->outputs); i++) {
    const int64_t rank = product->low_rank[i].rank;
    plan->inner_at[i] = plan->rows_stride;
    plan->up_at[i] = plan->columns_stride;
    plan->rows_stride += rank ? rows_panel_size(kernels, rank) : 0;
    if (product->terms > 1) plan->columns_stride += columns_panel_size(kernels, rank);  // all in one panel; outputs have one each
    widest_up = larger(widest_up, columns_panel_size(kernels, rank));
  }
  if (product->terms == 1) plan->columns_stride += widest_up;

  const int64_t rows_bytes = plan->row_panels * plan->rows_stride * (int64_t)sizeof(Lane), columns_bytes = plan->column_panels * plan->columns_stride * (int64_t)sizeof(Lane);
  plan->blocks_of_rows = rows_bytes >= columns_bytes;
  const int64_t own = plan->blocks_of_rows ? plan->row_panels : plan->column_panels, other = plan->blocks_of_rows ? plan->column_panels : plan->row_panels;
  if (own < TASKS && other > own) plan->blocks_of_rows = !plan->blocks_of_rows;
  const int64_t panels = larger(own, other) * (own < TASKS) + own * (own >= TASKS);
  const int64_t own_bytes = (plan->blocks_of_rows ? plan->rows_stride : plan->columns_stride) * (int64_t)sizeof(Lane);
  plan->block = larger(1, smaller(panels / TASKS, BLOCK_BYTES / larger(own_bytes, 1)));
}

static int run_chunk(Runner *runner, Plan *plan) {
  lay_out(plan);
  const int64_t stride = plan->blocks_of_rows ? plan->columns_stride : plan->rows_stride, panels = plan->blocks_of_rows ? plan->column_panels : plan->row_panels;
  const int64_t at_once = larger(1, smaller(panels, SHARED_BYTES / larger(1, stride * (int64_t)sizeof(Lane))));
  plan->pack_block = plan->blocks_of_rows ? 4 : 16;
  plan->shared = scratch_take((size_t)(at_once * stride) * sizeof(Lane));
  if (!plan->shared) return R1_OUT_OF_MEMORY;
  int failure = 0;
  for (plan->shared_first = 0; plan->shared_first < panels && !failure; plan->shared_first += at_once) {
    plan->shared_count = smaller(at_once, panels - plan->shared_first);
    failure = run(runner, blocks_of(plan->shared_count, plan->pack_block), pack_shared, plan);
    if (!failure) failure = run(runner, blocks_of(plan->blocks_of_rows ? plan->row_panels : plan->column_panels, plan->block), multiply_block, plan);
  }
  scratch_give(plan->shared);
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

bool gemm_fits_low_rank(const Gemm *product) { return total_depth(product) <= CHUNK_DEPTH; }

static bool has_low_rank(const Gemm *product) {
  for (int i = 0; i < larger(product->terms, product->outputs); i++) {
    if (product->low_rank[i].rank) return true;
  }
  return false;
}

// Packs every `down`; they are small.
static int pack_downs(Plan *plan) {
  const Gemm *product = plan->product;
  const int many = (int)larger(product->terms, product->outputs);
  if (!has_low_rank(product)) return 0;
  for (int i = 0; i < many; i++) {
    const int64_t panels = blocks_of(product->low_rank[i].rank, plan->kernels->columns);
    plan->down_stride = larger(plan->down_stride, panels * columns_panel_size(plan->kernels, product->K[product->terms > 1 ? i : 0]));
  }
  plan->down = scratch_take((size_t)(many * plan->down_stride) * sizeof(Lane));
  if (!plan->down) return R1_OUT_OF_MEMORY;
  for (int i = 0; i < many; i++) {
    const LowRank *low = &product->low_rank[i];
    const int64_t K = product->K[product->terms > 1 ? i : 0];
    if (low->rank) plan->kernels->pack_columns(&low->down, 0, low->rank, 0, K, plan->down + i * plan->down_stride, columns_panel_size(plan->kernels, K));
  }
  return 0;
}

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
  const int64_t depth = total_depth(product), chunks = larger(1, blocks_of(depth, CHUNK_DEPTH));
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
  plan.row_panels = blocks_of(product->M, plan.kernels->rows);
  for (int o = 0; o < product->outputs; o++) {
    plan.column_panels += blocks_of(product->N[o], plan.kernels->columns);
    plan.first_panel[o + 1] = plan.column_panels;
  }
  if (!plan.row_panels || !plan.column_panels) return 0;
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
  if (runner.status) return runner.status;
  return failure ? fail_memory(call, 0) : NULL;
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
  job->kernels->pack_columns(job->b, first, smaller(columns, job->N - first), 0, job->K, job->packed + 4 * index * size, size);
  return 0;
}

OrtStatus *gemm_pack(const Call *call, Precision precision, const Operand *b, int64_t K, int64_t N, Lane *packed) {
  PackJob job = {.kernels = gemm_kernels(precision), .b = b, .K = K, .N = N, .packed = packed};
  return parallel(call, blocks_of(N, 4 * job.kernels->columns), pack_constant, &job);
}
