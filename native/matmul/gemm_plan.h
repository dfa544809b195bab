// Inside the driver: how one chunk of a product's depth is laid out in packed panels.
#pragma once
#include "gemm.h"

// A stretch of one term's depth, and where its lanes begin in a packed panel.
typedef struct {
  int term;
  int64_t start, depth, rows_at, columns_at;
} Piece;

// The packed panels of one side, all of them or as many as fit: panels first … first + count − 1 at `lanes`.
typedef struct {
  int64_t panels, stride;  // panels of the whole side; lanes of a panel, all its parts together
  bool sliced;             // depth-major: packed in slices of the depth before any task begins
  Lane *lanes;
  int64_t first, count;
} Side;

typedef struct {
  const Gemm *product;
  const GemmKernels *kernels;
  Piece pieces[GEMM_MANY];
  int piece_count;
  Side rows, columns;
  int64_t first_panel[GEMM_MANY + 1];             // by output: its first columns panel
  int64_t inner_at[GEMM_MANY], up_at[GEMM_MANY];  // by term + output: a low-rank part's lanes in a rows and a columns panel
  Lane *down;                                     // by term + output, down_stride lanes each: `down` of the low-rank parts, packed
  int64_t down_stride;
  Target c[GEMM_MANY];
  bool owns_rows;  // a task owns `block` row panels and all share the columns, or the other way round
  int64_t block;
} Plan;

static inline int product_count(const Gemm *product) { return (int)larger(product->terms, product->outputs); }
static inline int64_t depth_of(const Gemm *product, int term_and_output) { return product->K[product->terms > 1 ? term_and_output : 0]; }
static inline Side *shared_side(Plan *plan) { return plan->owns_rows ? &plan->columns : &plan->rows; }
static inline Side *own_side(Plan *plan) { return plan->owns_rows ? &plan->rows : &plan->columns; }
int output_of(const Plan *plan, int64_t column_panel);

// Lays the parts of a panel out one after the other and notes which sides are packed in slices.
void lay_out_panels(Plan *plan);
int pack_downs(Plan *plan);  // 0 or R1_OUT_OF_MEMORY; plan->down is the caller's to give back

// Panels first … first + count − 1, whole.
void pack_row_panels(const Plan *plan, int64_t first, int64_t count, Lane *to);
void pack_column_panels(const Plan *plan, int64_t first, int64_t count, Lane *to);

// The same for a whole side as parallel tasks, into side->lanes.
typedef struct {
  const Plan *plan;
  const Side *side;
  int64_t width, widths, slices[GEMM_MANY], tasks;  // panels of a task; how many such blocks; slices of each piece
} SidePacking;
SidePacking side_packing(const Plan *plan, const Side *side);
int pack_side(void *side_packing, int64_t index);
