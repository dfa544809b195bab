#include "pieces.h"

#include <stdio.h>
#include <string.h>

#include "../framework/rows.h"
#include "wide.h"

int read_weights(const char *text, Weight weights[MOST_WEIGHTS]) {
  for (int count = 0; count < MOST_WEIGHTS;) {
    char name[8];
    long long N;
    int used = 0;
    if (sscanf(text, " %7s %lld%n", name, &N, &used) != 2) return 0;
    Weight *weight = &weights[count++];
    weight->format = quantised_format(name);
    weight->N = N;
    if (!weight->format || N < 1) return 0;
    text += used;
    if (!*text) return count;
    if (*text++ != ',') return 0;
  }
  return 0;
}

bool read_activation(const OrtKernelInfo *info, const Weight weights[MOST_WEIGHTS], int count, bool *gated, Activation *activation) {
  char name[16];
  if (!attribute_string(info, "activation", name, sizeof name)) return false;
  *gated = *name != 0;
  *activation = ACTIVATION_SILU;
  return !*gated || (!strcmp(name, "silu") && count == 2 && weights[0].N == weights[1].N);
}

int64_t activations_size(int64_t M, int64_t K) { return M * (K + K / BLOCK * (int64_t)sizeof(Step)); }

Activations activations_in(void *memory, int64_t M, int64_t K) { return (Activations){.K = K, .steps = memory, .numbers = (int8_t *)((Step *)memory + M * (K / BLOCK))}; }

void quantise_rows_into(const Activations *activations, const float *x, int64_t first, int64_t count) {
  const int64_t K = activations->K;
  const Quantisation rows = {.x = x, .numbers = activations->numbers + first * K, .steps = activations->steps + first * (K / BLOCK), .K = K};
  for (int64_t row = 0; row < count; row++) row_kernels()->quantise_activations((void *)&rows, row);
}

void multiply_blocks(PanelProduct product, const Activations *x, const Matrix *matrix, Piece piece, float *y, int64_t stride, const float *added) {
  const int64_t panel_size = panel_bytes(matrix->format, x->K);
  for (int64_t row = 0; row < piece.rows; row += PRODUCT_ROWS) {
    for (int64_t column = 0; column < piece.columns; column += PANEL) {
      const int64_t at = row * stride + column;
      const Place place = {
          .y = y + at,
          .stride = stride,
          .added = added ? added + at : NULL,
          .bias = matrix->bias ? matrix->bias + piece.column + column : NULL,
          .columns = (int)smaller(PANEL, piece.columns - column),
      };
      const uint8_t *panel = matrix->packed + (piece.column + column) / PANEL * panel_size;
      const int64_t rows = smaller(PRODUCT_ROWS, piece.rows - row);
      if (matrix->format->wide) {
        const WideProduct wide = {.x = x->floats + (piece.row + row) * x->K, .K = x->K, .panel = (const uint16_t *)(const void *)panel, .place = &place};
        row_kernels()->wide_product((void *)&wide, rows);
      } else {
        product(matrix->format, panel, x, piece.row + row, (int)rows, &place);
      }
    }
  }
}

void gate_rows(Activation activation, const float *gate, const float *up, int64_t rows, int64_t columns, float *y, int64_t stride) {
  for (int64_t row = 0; row < rows; row++) {
    const int64_t at = row * columns;
    Gated job = {.activation = activation, .T = 1, .F = columns, .block = 1, .last = columns, .stride = columns, .gate = gate + at, .up = up + at, .y_TF = y + row * stride};
    row_kernels()->gated(&job, 0);
  }
}
