// Packed operands of a matrix product, and what an instruction-set path must supply to multiply them.
//
// Letters: M rows of A and C, N columns of B and C, K the depth that is summed over.
// A side of the product is a set of vectors of length K: the M rows of A, or the N columns of B.
//
// Packed, the depth is cut into 32-bit lanes: two bf16 (k, k + 1) on a bf16 path, one f32 on an f32 path. So one layout, one driver and one micro-kernel shape serve both:
//   rows panel    [lanes / 16][rows][16]   16 lanes of one row are one cache line; the micro-kernel broadcasts single lanes, an AMX tile loads 16 rows
//   columns panel [lanes][columns]         one lane of all columns side by side; an AMX tile loads 16 lanes × 16 columns (VNNI order)
// `rows` and `columns` are the path's micro-tile. A rows panel always holds whole blocks of 16 lanes, filled up with zeros. See README.md for why.
#pragma once
#include "../framework/operator.h"

typedef uint32_t Lane;
enum { LANE_BLOCK = 16 };

// One side of a product where it lies in memory: element k of vector i is at data[i · stride + k], or at data[k · stride + i] if depth_major.
// So a row-major A [M, K] is not depth_major and a row-major B [K, N] is.
typedef struct {
  const void *data;
  int64_t stride;    // elements
  ElementType type;  // R1_FLOAT or R1_BFLOAT16; on the columns side also the codes R1_UINT8 (NF4) and R1_INT8, which quantised.h explains
  bool depth_major;
  const float *scales;  // of codes: one for every `block` of them, in the order they lie in memory
  int64_t block;
} Operand;

// A packed A panel and a packed B panel whose product is summed over `lanes`.
typedef struct {
  const Lane *rows, *columns;
  int64_t lanes;
} PanelPair;

// Where a micro-tile of C goes: C = alpha · sum + added + bias, each of the last two only if not NULL.
typedef struct {
  void *data;  // [rows, columns]
  int64_t stride;
  ElementType type;
  float alpha;
  const void *added;  // [rows, columns]
  int64_t added_stride;
  ElementType added_type;
  const float *bias;  // [columns]
} Target;

typedef struct {
  int lane_depth;     // numbers a lane holds: 2 bf16 or 1 f32
  int rows, columns;  // the micro-tile
  int lane_multiple;  // columns panels are filled up with zeros to a multiple of this many lanes
  // Packs `count` vectors from number `first` on, elements start … start + depth − 1, into panels that lie `panel_stride` lanes apart.
  // The operand is f32 or bf16; pack_columns of quantised.h takes codes too.
  void (*pack_rows)(const Operand *operand, int64_t first, int64_t count, int64_t start, int64_t depth, Lane *panels, int64_t panel_stride);
  void (*pack_columns)(const Operand *operand, int64_t first, int64_t count, int64_t start, int64_t depth, Lane *panels, int64_t panel_stride);
  // target = Σ over pairs of rows · columns; rows and columns may be fewer than the micro-tile's.
  void (*multiply)(const PanelPair *pairs, int pair_count, int rows, int columns, const Target *target);
  void (*enter)(void), (*leave)(void);  // around the products of one task; NULL where the path has no state
} GemmKernels;

extern const GemmKernels gemm_kernels_scalar, gemm_kernels_neon, gemm_kernels_avx2, gemm_kernels_avx512, gemm_kernels_avx512bf16, gemm_kernels_amx;

static inline int64_t round_up(int64_t size, int64_t multiple) { return blocks_of(size, multiple) * multiple; }
static inline int64_t lanes_of(const GemmKernels *kernels, int64_t depth) { return blocks_of(depth, kernels->lane_depth); }
static inline int64_t rows_panel_size(const GemmKernels *kernels, int64_t depth) { return round_up(lanes_of(kernels, depth), LANE_BLOCK) * kernels->rows; }
static inline int64_t columns_panel_size(const GemmKernels *kernels, int64_t depth) {
  return round_up(lanes_of(kernels, depth), kernels->lane_multiple) * kernels->columns;
}
static inline size_t element_size(ElementType type) { return type == R1_BFLOAT16 ? 2 : 4; }
