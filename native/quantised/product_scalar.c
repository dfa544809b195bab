// The plain product, which the others are tested against.
#include "product_plain.h"

void panel_product_scalar(const Format *format, const uint8_t *panel, const Activations *x, int64_t first, int rows, const Place *place) {
  const int64_t blocks = x->K / BLOCK, lanes = LANES_OF_BLOCK / format->groups;
  float sums[PRODUCT_ROWS][PANEL] = {{0}};
  for (int64_t block = 0; block < blocks; block++) {
    Unpacked w;
    plain_unpack(format, panel, block, &w);
    for (int row = 0; row < rows; row++) {
      const int8_t *numbers = x->numbers + (first + row) * x->K + block * BLOCK;
      const Step *step = x->steps + (first + row) * blocks + block;
      for (int group = 0; group < format->groups; group++) {
        const float sum_of_x = format->groups == 1 ? step->sum : step->sums[group];
        for (int i = 0; i < PANEL; i++) {
          int32_t whole = 0;
          for (int64_t lane = group * lanes; lane < (group + 1) * lanes; lane++)
            for (int k = 0; k < 4; k++) whole += w.q[lane][4 * i + k] * numbers[4 * lane + k];
          sums[row][i] += w.d[group][i] * step->scale * (float)whole;
          sums[row][i] += w.m[group][i] * sum_of_x;
        }
      }
    }
  }
  plain_store(sums, rows, place);
}
