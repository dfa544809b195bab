// The AMX path's packed panels, multiplied as its tiles would be but in plain C: its layout is checked on machines without AMX too.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../framework/paths.h"
#include "../matmul/panels.h"
#include "check.h"

#if defined(__x86_64__)
enum { TILE = 16 };  // rows of a tile, and 32-bit lanes of its rows

static double half_of(Lane lane, int half) {
  const uint32_t bits = half ? lane & 0xffff0000u : lane << 16;
  float number;
  memcpy(&number, &bits, sizeof number);
  return (double)number;
}

// tdpbf16ps: sum += a · b, rows `a_stride` and `b_stride` lanes apart.
static void multiply_tiles(double sum[TILE][TILE], const Lane *a, int64_t a_stride, const Lane *b, int64_t b_stride) {
  for (int m = 0; m < TILE; m++)
    for (int k = 0; k < TILE; k++)
      for (int n = 0; n < TILE; n++)
        for (int half = 0; half < 2; half++) sum[m][n] += half_of(a[m * a_stride + k], half) * half_of(b[k * b_stride + n], half);
}

// Small whole numbers are exact in bf16 and in every sum.
static float *whole_numbers(int64_t n) {
  float *numbers = malloc((size_t)n * sizeof *numbers);
  for (int64_t i = 0; i < n; i++) numbers[i] = (float)random_int(-8, 8);
  return numbers;
}

static Operand operand_of(const float *numbers, int64_t vectors, int64_t depth, bool depth_major) {
  return (Operand){.data = numbers, .stride = depth_major ? vectors : depth, .type = R1_FLOAT, .depth_major = depth_major};
}
static double number_at(const Operand *operand, int64_t i, int64_t k) {
  return (double)((const float *)operand->data)[operand->depth_major ? k * operand->stride + i : i * operand->stride + k];
}

void test_amx_tiles(int round) {
  (void)round;
  if (r1_paths()->active < PATH_AVX512BF16) return;  // packing uses its instructions
  const GemmKernels *kernels = &gemm_kernels_amx;
  const int64_t M = random_int(1, 70), N = random_int(1, 70), K = random_int(1, 130);
  float *a_numbers = whole_numbers(M * K), *b_numbers = whole_numbers(K * N);
  const Operand a = operand_of(a_numbers, M, K, random_int(0, 1)), b = operand_of(b_numbers, N, K, random_int(0, 1));
  const int64_t rows_size = rows_panel_size(kernels, K), columns_size = columns_panel_size(kernels, K);
  const int64_t row_panels = blocks_of(M, kernels->rows), column_panels = blocks_of(N, kernels->columns);
  Lane *rows = aligned_alloc(64, (size_t)(row_panels * rows_size) * sizeof(Lane)), *columns = aligned_alloc(64, (size_t)(column_panels * columns_size) * sizeof(Lane));
  memset(rows, 0, (size_t)(row_panels * rows_size) * sizeof(Lane));
  memset(columns, 0xff, (size_t)(column_panels * columns_size) * sizeof(Lane));  // not-a-number wherever packing leaves a hole
  kernels->pack_rows(&a, 0, M, 0, K, rows, rows_size);
  kernels->pack_columns(&b, 0, N, 0, K, columns, columns_size);
  bool right = true;
  for (int64_t i = 0; i < M; i += TILE)
    for (int64_t j = 0; j < N; j += TILE) {
      double sum[TILE][TILE] = {{0}};
      const Lane *ap = rows + i / kernels->rows * rows_size + i % kernels->rows * LANE_BLOCK, *bp = columns + j / kernels->columns * columns_size + j % kernels->columns;
      for (int64_t left = lanes_of(kernels, K); left > 0; left -= LANE_BLOCK, ap += kernels->rows * LANE_BLOCK, bp += LANE_BLOCK * kernels->columns)
        multiply_tiles(sum, ap, LANE_BLOCK, bp, kernels->columns);
      for (int64_t m = i; m < smaller(M, i + TILE); m++)
        for (int64_t n = j; n < smaller(N, j + TILE); n++) {
          double expected = 0;
          for (int64_t k = 0; k < K; k++) expected += number_at(&a, m, k) * number_at(&b, n, k);
          right &= fabs(sum[m - i][n - j] - expected) < 0.5;
        }
    }
  expect(right, "amx", "tiles of the packed panels do not give the product");
  free(a_numbers), free(b_numbers), free(rows), free(columns);
}
#else
void test_amx_tiles(int round) { (void)round; }
#endif
