#include "wide.h"

#include <string.h>

#include "../framework/rows.h"
#include "../framework/vector.h"

#define UNROLL _Pragma("GCC unroll 16")

// Vectors that hold a panel's 16 rows, and rows of X that are taken together: twice as many sums as rows times vectors fit the registers.
enum { VECTORS = PANEL / LANES };
#if defined(R1_PATH_AVX512)
enum { TILE = 8 };
#elif defined(R1_PATH_AVX2) || defined(R1_PATH_NEON)
enum { TILE = 2 };
#else
enum { TILE = 1 };
#endif

INLINE void multiply_tile(const WideProduct *job, int64_t first, const int rows) {
  enum { AHEAD = 64 };  // numbers of the depth that are fetched before they are needed
  const float *x = job->x + first * job->K;
  vec sums[TILE][2][VECTORS];
  UNROLL for (int row = 0; row < rows; row++)
    UNROLL for (int n = 0; n < VECTORS; n++) sums[row][0][n] = sums[row][1][n] = splat(0);
  for (int64_t k = 0; k < job->K; k += 2) {
    const uint16_t *w = job->panel + k * PANEL;
    __builtin_prefetch(w + AHEAD * PANEL, 0, 3);
    UNROLL for (int odd = 0; odd < 2; odd++) {
      vec numbers[VECTORS];
      UNROLL for (int n = 0; n < VECTORS; n++) numbers[n] = load_bf16(w + odd * PANEL + n * LANES, LANES);
      UNROLL for (int row = 0; row < rows; row++) {
        const vec factor = splat(x[row * job->K + k + odd]);
        UNROLL for (int n = 0; n < VECTORS; n++) sums[row][odd][n] = multiply_add(factor, numbers[n], sums[row][odd][n]);
      }
    }
  }
  const Place *place = job->place;
  UNROLL for (int row = 0; row < rows; row++) {
    const int64_t at = (first + row) * place->stride;
    for (int n = 0; n < VECTORS; n++) {
      const int64_t left = place->columns - n * LANES;
      if (left <= 0) break;
      vec sum = sums[row][0][n] + sums[row][1][n];
      if (place->added) sum = sum + load(place->added + at + n * LANES, left);
      if (place->bias) sum = sum + load(place->bias + n * LANES, left);
      store(place->y + at + n * LANES, sum, left);
    }
  }
}

int PATH(wide_product)(void *job_, int64_t rows) {
  const WideProduct *job = job_;
  int64_t row = 0;
  for (; row + TILE <= rows; row += TILE) multiply_tile(job, row, TILE);
#if defined(R1_PATH_AVX512)
  if (row + 4 <= rows) multiply_tile(job, row, 4), row += 4;
  if (row + 2 <= rows) multiply_tile(job, row, 2), row += 2;
#endif
  if (row < rows) multiply_tile(job, row, 1);
  return 0;
}
