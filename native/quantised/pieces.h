// What the operators with quantised weights share: their attribute, and a piece of a product: some rows of X times some rows of W, by int8 blocks.
#pragma once
#include "../activation/gated.h"
#include "product.h"

enum { MOST_WEIGHTS = 8 };

typedef struct {
  const Format *format;
  int64_t N;
} Weight;

// "Q4_1 576, Q6_K 192": type and rows of each weight. The number of weights, 0 for a text that is none.
int read_weights(const char *text, Weight weights[MOST_WEIGHTS]);
// The attribute `activation`: "" or "silu"; with it there are two weights of one height, gate and up. False for anything else.
bool read_activation(const OrtKernelInfo *info, const Weight weights[MOST_WEIGHTS], int count, bool *gated, Activation *activation);

typedef struct {
  const Format *format;
  const uint8_t *packed;
  const float *bias;  // may be NULL
  float *y;
  int64_t N;
} Matrix;

typedef struct {
  int64_t row, rows, column, columns;
} Piece;

// Memory of M rows of X [M, K] as int8 blocks, and where they lie in it.
int64_t activations_size(int64_t M, int64_t K);
Activations activations_in(void *memory, int64_t M, int64_t K);
// Rows `first` … of X, whose first one is `x`.
void quantise_rows_into(const Activations *activations, const float *x, int64_t first, int64_t count);

// The piece into y [piece.rows, …], rows `stride` apart, plus `added` (NULL, or as y) and the matrix's bias.
void multiply_blocks(PanelProduct product, const Activations *x, const Matrix *matrix, Piece piece, float *y, int64_t stride, const float *added);
// y = act(gate) · up for gate and up [rows, columns]; rows of y lie `stride` apart.
void gate_rows(Activation activation, const float *gate, const float *up, int64_t rows, int64_t columns, float *y, int64_t stride);
