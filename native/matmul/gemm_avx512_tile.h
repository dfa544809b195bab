// The micro-tile of both AVX-512 paths, 6 × 64: 24 accumulators, four B registers and one broadcast of A fill 29 of 32 registers; each step loads 4 vectors and 6 broadcasts
// for 24 multiply-adds, so the loads hide behind the arithmetic even when the B panel streams from the second-level cache. Every height 1 … 6 and every width of 1 … 4 vectors is its own function, so that all accumulators are registers.
ALWAYS void tile(const PanelPair *pairs, int pair_count, const int R, const int V, __mmask16 last, const Target *target) {
  __m512 sum[ROWS][VECTORS];
  for (int r = 0; r < R; r++) {
    for (int v = 0; v < V; v++) sum[r][v] = _mm512_setzero_ps();
  }
  for (int pair = 0; pair < pair_count; pair++) {
    const Lane *a = pairs[pair].rows, *b = pairs[pair].columns;
    for (int64_t left = pairs[pair].lanes; left > 0; left -= LANE_BLOCK, a += (ROWS - 1) * LANE_BLOCK) {
      for (int64_t lane = smaller(left, LANE_BLOCK); lane > 0; lane--, a++, b += COLUMNS) {
        __m512i columns[VECTORS];
        for (int v = 0; v < V; v++) columns[v] = _mm512_load_si512(b + 16 * v);
        for (int r = 0; r < R; r++) {
          const __m512i row = _mm512_set1_epi32((int)a[r * LANE_BLOCK]);
          for (int v = 0; v < V; v++) sum[r][v] = MULTIPLY_ADD(sum[r][v], row, columns[v]);
        }
      }
    }
  }
  const bool plain = target->alpha == 1 && !target->added && !target->bias;
#if LANE_DEPTH == 2
  if (plain && target->type == R1_BFLOAT16) {
    for (int r = 0; r < R; r++) {
      for (int v = 0; v < V; v++) store_bf16((uint16_t *)target->data + r * target->stride + 16 * v, v == V - 1 ? last : 0xffff, sum[r][v]);
    }
    return;
  }
#endif
  float sums[ROWS * COLUMNS] __attribute__((aligned(64)));
  const bool direct = plain && target->type == R1_FLOAT;
  float *to = direct ? target->data : sums;
  const int64_t stride = direct ? target->stride : COLUMNS;
  for (int r = 0; r < R; r++) {
    for (int v = 0; v < V; v++) _mm512_mask_storeu_ps(to + r * stride + 16 * v, v == V - 1 ? last : 0xffff, sum[r][v]);
  }
  if (!direct) finish(sums, R, 16 * (V - 1) + __builtin_popcount(last), target);
}

typedef void (*Tile)(const PanelPair *, int, __mmask16, const Target *);
#define TILE(R, V) \
  static void tile_##R##x##V(const PanelPair *pairs, int pair_count, __mmask16 last, const Target *target) { tile(pairs, pair_count, R, V, last, target); }
#define TILES(R) TILE(R, 1) TILE(R, 2) TILE(R, 3) TILE(R, 4)
TILES(1) TILES(2) TILES(3) TILES(4) TILES(5) TILES(6)
#define TILE_NAMES(R) {tile_##R##x1, tile_##R##x2, tile_##R##x3, tile_##R##x4}
static const Tile tiles[ROWS][VECTORS] = {TILE_NAMES(1), TILE_NAMES(2), TILE_NAMES(3), TILE_NAMES(4), TILE_NAMES(5), TILE_NAMES(6)};

static void multiply(const PanelPair *pairs, int pair_count, int rows, int columns, const Target *target) {
  const int vectors = (columns + 15) / 16;
  tiles[rows - 1][vectors - 1](pairs, pair_count, mask16(columns - 16 * (vectors - 1)), target);
}
