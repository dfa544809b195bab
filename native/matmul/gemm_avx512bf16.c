// Matrix product on AVX512-BF16: vdpbf16ps multiplies pairs of bf16 and sums in f32, twice the rate of f32 multiply-adds.
#define LANE_DEPTH 2
#define LANE_MULTIPLE 1
enum { ROWS = 6, VECTORS = 4, COLUMNS = 16 * VECTORS };
#include "gemm_avx512_body.h"
#define MULTIPLY_ADD(sum, row, column) _mm512_dpbf16_ps(sum, (__m512bh)(row), (__m512bh)(column))
#include "gemm_avx512_tile.h"

const GemmKernels gemm_kernels_avx512bf16 = {
    .lane_depth = LANE_DEPTH,
    .rows = ROWS,
    .columns = COLUMNS,
    .lane_multiple = LANE_MULTIPLE,
    .pack_rows = pack_rows,
    .pack_columns = pack_columns,
    .multiply = multiply,
};
