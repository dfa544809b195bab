// What the paths without wide registers share: the numbers and scales of a block unpacked into memory, and where sums go. Plain loops; each file that includes it is compiled
// with its path's flags.
#include <string.h>

#include "product.h"

typedef struct {
  uint8_t q[LANES_OF_BLOCK][PLANE];  // [lane][16 rows][4 numbers]
  float d[2][PANEL], m[2][PANEL];    // by group
} Unpacked;

static inline void plain_unpack_planes(const uint8_t *planes, const int bits, const int to, const bool first, uint8_t q[LANES_OF_BLOCK][PLANE]) {
  const uint8_t mask = (uint8_t)((1 << bits) - 1);
  for (int lane = 0; lane < LANES_OF_BLOCK; lane++) {
    const uint8_t *plane = planes + lane * bits / 8 * PLANE;
    const int shift = lane * bits % 8;
    for (int i = 0; i < PLANE; i++) {
      const uint8_t part = (uint8_t)((plane[i] >> shift & mask) << to);
      q[lane][i] = first ? part : q[lane][i] | part;
    }
  }
}

static inline void plain_unpack(const Format *format, const uint8_t *panel, int64_t block, Unpacked *to) {
  const uint8_t *planes = block_at(format, panel, block), *high = planes + PLANE * format->low, *scales = planes + plane_bytes(format), *nest = nest_at(format, panel, block);
  if (format->low == 8) memcpy(to->q, planes, sizeof to->q);
  else if (format->low == 4) plain_unpack_planes(planes, 4, 0, true, to->q);
  else plain_unpack_planes(planes, 2, 0, true, to->q);
  if (format->high == 1) plain_unpack_planes(high, 1, format->low, false, to->q);
  if (format->high == 2) plain_unpack_planes(high, 2, format->low, false, to->q);
  const uint8_t *halves = format->nested ? nest : scales;
  for (int group = 0; group < format->groups; group++) {
    const int8_t *factors = (const int8_t *)scales + group * PANEL, *offsets = factors + format->groups * PANEL;
    for (int i = 0; i < PANEL; i++) {
      float d = half_at(halves + 2 * i);
      float m = format->offsets ? half_at(halves + 2 * (PANEL + i)) : 0;
      if (format->nested) {
        d *= (float)factors[i];
        if (format->offsets) m *= -(float)offsets[i];
      }
      to->d[group][i] = d;
      to->m[group][i] = format->offsets ? m : d * (float)-format->zero;
    }
  }
}

static inline int32_t plain_lane(const int8_t *numbers, int lane) {
  int32_t four;
  memcpy(&four, numbers + 4 * lane, sizeof four);
  return four;
}

static inline void plain_store(float sums[PRODUCT_ROWS][PANEL], int rows, const Place *place) {
  for (int row = 0; row < rows; row++) {
    float *y = place->y + row * place->stride;
    const float *added = place->added ? place->added + row * place->stride : NULL;
    for (int i = 0; i < place->columns; i++) y[i] = sums[row][i] + (added ? added[i] : 0) + (place->bias ? place->bias[i] : 0);
  }
}
