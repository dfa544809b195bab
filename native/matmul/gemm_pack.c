// Packing of the two sides of a product into panels, low-rank parts included.
#include "../framework/scratch.h"
#include "gemm_plan.h"
#include "quantised.h"

enum {
  SLICE_DEPTH = 128,     // of a depth-major operand, packed by one task: a multiple of every path's block of lanes
  SLICE_VECTORS = 1024,  // read side by side: 4 kB of f32
  BLOCK_VECTORS = 192,   // of any other operand
};

int output_of(const Plan *plan, int64_t column_panel) {
  int output = 0;
  while (column_panel >= plan->first_panel[output + 1]) output++;
  return output;
}

// ---- layout

void lay_out_panels(Plan *plan) {
  const Gemm *product = plan->product;
  const GemmKernels *kernels = plan->kernels;
  Side *rows = &plan->rows, *columns = &plan->columns;
  rows->stride = columns->stride = 0;
  rows->sliced = columns->sliced = true;
  for (int p = 0; p < plan->piece_count; p++) {
    Piece *piece = &plan->pieces[p];
    piece->rows_at = rows->stride;
    piece->columns_at = columns->stride;
    rows->stride += rows_panel_size(kernels, piece->depth);
    if (!product->packed[piece->term]) columns->stride += columns_panel_size(kernels, piece->depth);
    rows->sliced &= product->a[piece->term].depth_major;
    columns->sliced &= product->b[piece->term].depth_major;
  }
  int64_t widest_up = 0;
  for (int i = 0; i < product_count(product); i++) {
    const int64_t rank = product->low_rank[i].rank, up = rank ? columns_panel_size(kernels, rank) : 0;
    plan->inner_at[i] = rows->stride;
    plan->up_at[i] = columns->stride;
    rows->stride += rank ? rows_panel_size(kernels, rank) : 0;
    rows->sliced &= rank == 0;
    if (product->terms > 1) columns->stride += up;  // a panel holds those of all terms, but only its own output's
    widest_up = larger(widest_up, up);
  }
  if (product->terms == 1) columns->stride += widest_up;
}

int pack_downs(Plan *plan) {
  const Gemm *product = plan->product;
  const GemmKernels *kernels = plan->kernels;
  for (int i = 0; i < product_count(product); i++) {
    const int64_t rank = product->low_rank[i].rank, size = blocks_of(rank, kernels->columns) * columns_panel_size(kernels, depth_of(product, i));
    if (rank) plan->down_stride = larger(plan->down_stride, larger(1, size));
  }
  if (!plan->down_stride) return 0;
  plan->down = scratch_take((size_t)(product_count(product) * plan->down_stride) * sizeof(Lane));
  if (!plan->down) return R1_OUT_OF_MEMORY;
  for (int i = 0; i < product_count(product); i++) {
    const LowRank *low = &product->low_rank[i];
    const int64_t K = depth_of(product, i);
    if (low->rank) pack_columns(kernels, &low->down, 0, low->rank, 0, K, plan->down + i * plan->down_stride, columns_panel_size(kernels, K));
  }
  return 0;
}

// ---- one stretch of a piece's depth

typedef struct {
  int piece;
  int64_t start, depth;  // from the piece's own start
} Stretch;

static void pack_rows_stretch(const Plan *plan, Stretch stretch, int64_t first, int64_t count, Lane *to) {
  const GemmKernels *kernels = plan->kernels;
  const Piece *piece = &plan->pieces[stretch.piece];
  const int64_t row = first * kernels->rows, rows = smaller(count * kernels->rows, plan->product->M - row);
  Lane *at = to + piece->rows_at + stretch.start / kernels->lane_depth * kernels->rows;
  kernels->pack_rows(&plan->product->a[piece->term], row, rows, piece->start + stretch.start, stretch.depth, at, plan->rows.stride);
}

// A run of column panels that lie in one output.
typedef struct {
  int output;
  int64_t column, columns;
  Lane *to;
} Run;

// The next run of panels first … first + count − 1, which advance.
static Run next_run(const Plan *plan, int64_t *first, int64_t *count, Lane **to) {
  const int output = output_of(plan, *first);
  const int64_t panels = smaller(*count, plan->first_panel[output + 1] - *first), column = (*first - plan->first_panel[output]) * plan->kernels->columns;
  const Run run = {.output = output, .column = column, .columns = smaller(panels * plan->kernels->columns, plan->product->N[output] - column), .to = *to};
  *first += panels;
  *count -= panels;
  *to += panels * plan->columns.stride;
  return run;
}

static void pack_columns_stretch(const Plan *plan, Stretch stretch, int64_t first, int64_t count, Lane *to) {
  const Gemm *product = plan->product;
  const Piece *piece = &plan->pieces[stretch.piece];
  while (count > 0) {
    const Run run = next_run(plan, &first, &count, &to);
    const int i = piece->term + run.output;
    if (product->packed[i]) continue;
    Lane *at = run.to + piece->columns_at + stretch.start / plan->kernels->lane_depth * plan->kernels->columns;
    pack_columns(plan->kernels, &product->b[i], run.column, run.columns, piece->start + stretch.start, stretch.depth, at, plan->columns.stride);
  }
}

// ---- low-rank parts

static void pack_ups(const Plan *plan, int64_t first, int64_t count, Lane *to) {
  const Gemm *product = plan->product;
  while (plan->down && count > 0) {
    const Run run = next_run(plan, &first, &count, &to);
    for (int term = 0; term < product->terms; term++) {
      const LowRank *low = &product->low_rank[term + run.output];
      if (low->rank) pack_columns(plan->kernels, &low->up, run.column, run.columns, 0, low->rank, run.to + plan->up_at[term + run.output], plan->columns.stride);
    }
  }
}

static const Piece *piece_of(const Plan *plan, int term) {
  for (int p = 0; p < plan->piece_count; p++) {
    if (plan->pieces[p].term == term) return &plan->pieces[p];
  }
  return NULL;  // a term without depth
}

// inner = scale · A · down for one packed row panel, which then gets the inner product as more lanes.
static void append_inner(const Plan *plan, int i, int64_t row, int rows, Lane *panel) {
  const Gemm *product = plan->product;
  const GemmKernels *kernels = plan->kernels;
  const LowRank *low = &product->low_rank[i];
  const Piece *piece = piece_of(plan, product->terms > 1 ? i : 0);
  const int64_t size = (int64_t)element_size(low->inner_type);
  char *inner = (char *)low->inner + row * low->rank * size;
  for (int64_t column = 0; column < low->rank; column += kernels->columns) {
    PanelPair pair = {0};
    if (piece) {
      const Lane *down = plan->down + i * plan->down_stride + column / kernels->columns * columns_panel_size(kernels, piece->depth);
      pair = (PanelPair){panel + piece->rows_at, down, lanes_of(kernels, piece->depth)};
    }
    const Target target = {.data = inner + column * size, .stride = low->rank, .type = low->inner_type, .alpha = low->scale};
    kernels->multiply(&pair, piece != NULL, rows, (int)smaller(kernels->columns, low->rank - column), &target);
  }
  const Operand operand = {.data = inner, .stride = low->rank, .type = low->inner_type};
  kernels->pack_rows(&operand, 0, rows, 0, low->rank, panel + plan->inner_at[i], plan->rows.stride);
}

static void append_inners(const Plan *plan, int64_t first, int64_t count, Lane *to) {
  if (!plan->down) return;
  for (int64_t panel = first; panel < first + count; panel++, to += plan->rows.stride) {
    const int64_t row = panel * plan->kernels->rows;
    for (int i = 0; i < product_count(plan->product); i++) {
      if (plan->product->low_rank[i].rank) append_inner(plan, i, row, (int)smaller(plan->kernels->rows, plan->product->M - row), to);
    }
  }
}

// ---- whole panels

void pack_row_panels(const Plan *plan, int64_t first, int64_t count, Lane *to) {
  for (int p = 0; p < plan->piece_count; p++) pack_rows_stretch(plan, (Stretch){p, 0, plan->pieces[p].depth}, first, count, to);
  append_inners(plan, first, count, to);
}

void pack_column_panels(const Plan *plan, int64_t first, int64_t count, Lane *to) {
  for (int p = 0; p < plan->piece_count; p++) pack_columns_stretch(plan, (Stretch){p, 0, plan->pieces[p].depth}, first, count, to);
  pack_ups(plan, first, count, to);
}

// ---- a side as tasks

SidePacking side_packing(const Plan *plan, const Side *side) {
  const int vectors = side == &plan->rows ? plan->kernels->rows : plan->kernels->columns;
  SidePacking packing = {.plan = plan, .side = side, .width = larger(1, (side->sliced ? SLICE_VECTORS : BLOCK_VECTORS) / vectors)};
  packing.widths = blocks_of(side->count, packing.width);
  packing.tasks = packing.widths;
  if (!side->sliced || plan->piece_count == 0) return packing;
  packing.tasks = 0;
  for (int p = 0; p < plan->piece_count; p++) {
    packing.slices[p] = blocks_of(plan->pieces[p].depth, SLICE_DEPTH);
    packing.tasks += packing.slices[p] * packing.widths;
  }
  return packing;
}

int pack_side(void *packing_, int64_t index) {
  const SidePacking *packing = packing_;
  const Plan *plan = packing->plan;
  const Side *side = packing->side;
  const bool is_rows = side == &plan->rows;
  const int64_t first = index % packing->widths * packing->width, count = smaller(packing->width, side->count - first);
  Lane *to = side->lanes + first * side->stride;
  if (plan->kernels->enter) plan->kernels->enter();
  if (!side->sliced) {
    (is_rows ? pack_row_panels : pack_column_panels)(plan, side->first + first, count, to);
  } else {
    int64_t slice = index / packing->widths;
    Stretch stretch = {0};
    if (slice == 0 && !is_rows) pack_ups(plan, side->first + first, count, to);
    while (stretch.piece < plan->piece_count && slice >= packing->slices[stretch.piece]) slice -= packing->slices[stretch.piece++];
    if (stretch.piece < plan->piece_count) {
      stretch.start = slice * SLICE_DEPTH;
      stretch.depth = smaller(SLICE_DEPTH, plan->pieces[stretch.piece].depth - stretch.start);
      (is_rows ? pack_rows_stretch : pack_columns_stretch)(plan, stretch, side->first + first, count, to);
    }
  }
  if (plan->kernels->leave) plan->kernels->leave();
  return 0;
}
