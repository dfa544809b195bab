// Matrix product on AMX: a tile register holds 16 rows of 64 bytes; tdpbf16ps adds the product of a 16 × 32 and a 32 × 16 tile of bf16 to a 16 × 16 tile of f32.
// Micro-tile 32 × 32: tiles 0 … 3 are the sums, 4 and 5 two A tiles, 6 and 7 two B tiles, so each loaded tile is used twice.
// A rows panel is [lanes / 16][32][16]: 16 rows of a block of lanes are one A tile as they lie. A columns panel is [lanes][32]: 16 lanes of 16 columns are one B tile, 128 bytes apart.
// Packing is that of AVX512-BF16, which every processor with AMX has.
#define LANE_DEPTH 2
#define LANE_MULTIPLE LANE_BLOCK
enum { ROWS = 32, COLUMNS = 32 };
#include "gemm_avx512_body.h"

// Eight tiles of 16 rows of 64 bytes.
static const struct {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} configuration __attribute__((aligned(64))) = {.palette = 1, .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};

// Tile registers belong to the thread only between these two: elsewhere they would be saved at every switch of threads.
static void enter(void) { _tile_loadconfig(&configuration); }
static void leave(void) { _tile_release(); }

static void multiply(const PanelPair *pairs, int pair_count, int rows, int columns, const Target *target) {
  enum { A_STRIDE = 64, B_STRIDE = COLUMNS * 4 };
  float sums[ROWS * COLUMNS] __attribute__((aligned(64)));
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int pair = 0; pair < pair_count; pair++) {
    const Lane *a = pairs[pair].rows, *b = pairs[pair].columns;
    for (int64_t left = pairs[pair].lanes; left > 0; left -= LANE_BLOCK, a += ROWS * LANE_BLOCK, b += LANE_BLOCK * COLUMNS) {
      _tile_loadd(4, a, A_STRIDE);
      _tile_loadd(6, b, B_STRIDE);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(7, b + 16, B_STRIDE);
      _tile_dpbf16ps(1, 4, 7);
      _tile_loadd(5, a + 16 * LANE_BLOCK, A_STRIDE);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  const bool direct = rows == ROWS && columns == COLUMNS && target->alpha == 1 && !target->added && !target->bias && target->type == R1_FLOAT;
  float *to = direct ? target->data : sums;
  const int64_t stride = direct ? target->stride : COLUMNS;
  _tile_stored(0, to, (size_t)stride * 4);
  _tile_stored(1, to + 16, (size_t)stride * 4);
  _tile_stored(2, to + 16 * stride, (size_t)stride * 4);
  _tile_stored(3, to + 16 * stride + 16, (size_t)stride * 4);
  if (!direct) finish(sums, rows, columns, target);
}

const GemmKernels gemm_kernels_amx = {
    .lane_depth = LANE_DEPTH,
    .rows = ROWS,
    .columns = COLUMNS,
    .lane_multiple = LANE_MULTIPLE,
    .pack_rows = pack_rows,
    .pack_columns = pack_columns,
    .multiply = multiply,
    .enter = enter,
    .leave = leave,
};
