// Matrix product in f32 on AVX2. Micro-tile 6 × 16: twelve accumulators, two B registers and one broadcast of A fill 15 of 16 registers.
#include <immintrin.h>

enum { ROWS = 6, COLUMNS = 16 };
#include "gemm_plain.h"

#define ALWAYS static inline __attribute__((always_inline))

// Every height and width is its own function, so that all accumulators are registers.
ALWAYS void tile(const PanelPair *pairs, int pair_count, const int R, const int V, float *sums) {
  __m256 sum[ROWS][2];
  for (int r = 0; r < R; r++) {
    for (int v = 0; v < V; v++) sum[r][v] = _mm256_setzero_ps();
  }
  for (int pair = 0; pair < pair_count; pair++) {
    const float *a = (const float *)(const void *)pairs[pair].rows, *b = (const float *)(const void *)pairs[pair].columns;
    for (int64_t left = pairs[pair].lanes; left > 0; left -= LANE_BLOCK, a += (ROWS - 1) * LANE_BLOCK) {
      for (int64_t lane = smaller(left, LANE_BLOCK); lane > 0; lane--, a++, b += COLUMNS) {
        __m256 columns[2];
        for (int v = 0; v < V; v++) columns[v] = _mm256_load_ps(b + 8 * v);
        for (int r = 0; r < R; r++) {
          const __m256 row = _mm256_broadcast_ss(a + r * LANE_BLOCK);
          for (int v = 0; v < V; v++) sum[r][v] = _mm256_fmadd_ps(row, columns[v], sum[r][v]);
        }
      }
    }
  }
  for (int r = 0; r < R; r++) {
    for (int v = 0; v < V; v++) _mm256_store_ps(sums + r * COLUMNS + 8 * v, sum[r][v]);
  }
}

typedef void (*Tile)(const PanelPair *, int, float *);
#define TILE(R, V) \
  static void tile_##R##x##V(const PanelPair *pairs, int pair_count, float *sums) { tile(pairs, pair_count, R, V, sums); }
#define TILES(R) TILE(R, 1) TILE(R, 2)
TILES(1) TILES(2) TILES(3) TILES(4) TILES(5) TILES(6)
#define TILE_NAMES(R) {tile_##R##x1, tile_##R##x2}
static const Tile tiles[ROWS][2] = {TILE_NAMES(1), TILE_NAMES(2), TILE_NAMES(3), TILE_NAMES(4), TILE_NAMES(5), TILE_NAMES(6)};

static void multiply(const PanelPair *pairs, int pair_count, int rows, int columns, const Target *target) {
  float sums[ROWS * COLUMNS] __attribute__((aligned(32)));
  tiles[rows - 1][columns > 8](pairs, pair_count, sums);
  plain_finish(sums, rows, columns, target);
}

const GemmKernels gemm_kernels_avx2 = {
    .lane_depth = 1,
    .rows = ROWS,
    .columns = COLUMNS,
    .lane_multiple = 1,
    .pack_rows = pack_rows,
    .pack_columns = pack_columns,
    .multiply = multiply,
};
