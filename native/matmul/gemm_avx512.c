// Matrix product in f32 on AVX-512.
#define LANE_DEPTH 1
#define LANE_MULTIPLE 1
enum { ROWS = 6, VECTORS = 4, COLUMNS = 16 * VECTORS };
#include "gemm_avx512_body.h"
#define MULTIPLY_ADD(sum, row, column) _mm512_fmadd_ps(_mm512_castsi512_ps(row), _mm512_castsi512_ps(column), sum)
#include "gemm_avx512_tile.h"

const GemmKernels gemm_kernels_avx512 = {
    .lane_depth = LANE_DEPTH,
    .rows = ROWS,
    .columns = COLUMNS,
    .lane_multiple = LANE_MULTIPLE,
    .pack_rows = pack_rows,
    .pack_columns = pack_columns,
    .multiply = multiply,
};
