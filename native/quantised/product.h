// Products of f32 rows with quantised weights: Y [M, N] = X [M, K] · Wᵀ. X is rounded to int8 a block of 32 with one scale each (what llama.cpp does too), products of numbers
// are summed exactly as whole numbers within a block, blocks are added in f32 in the order of the depth. So a number of Y depends on its row of X and its row of W alone: never on M,
// on how the work was cut, or on threads.
#pragma once
#include "../framework/operator.h"
#include "packed.h"

// A block of 32 numbers of a row of X: x = scale · number.
typedef struct {
  float scale;
  float sums[2];  // scale · Σ numbers of each half
  float sum;      // scale · Σ numbers of both
} Step;

typedef struct {
  int64_t K;
  int8_t *numbers;      // [M, K]
  Step *steps;          // [M, K / 32]
  const float *floats;  // [M, K], for weights that are bf16; then there is nothing else
} Activations;

// A job of the row kernel `quantise_activations`: row `index` of x.
typedef struct {
  const float *x;  // [rows, K]
  int8_t *numbers;
  Step *steps;
  int64_t K;
} Quantisation;

// Where the products of some rows of X with one panel go: y = product + added + bias, each of the last two only if not NULL.
typedef struct {
  float *y;
  int64_t stride;      // from one row of y to the next
  const float *added;  // rows lie `stride` apart too; may be y itself
  const float *bias;   // of this panel
  int columns;         // of the panel that are there
} Place;

// Rows `first` … `first + rows − 1` of X, at most PRODUCT_ROWS, times one panel.
enum { PRODUCT_ROWS = 16 };
typedef void (*PanelProduct)(const Format *format, const uint8_t *panel, const Activations *x, int64_t first, int rows, const Place *place);

void panel_product_scalar(const Format *format, const uint8_t *panel, const Activations *x, int64_t first, int rows, const Place *place);
void panel_product_neon(const Format *format, const uint8_t *panel, const Activations *x, int64_t first, int rows, const Place *place);
void panel_product_avx2(const Format *format, const uint8_t *panel, const Activations *x, int64_t first, int rows, const Place *place);
void panel_product_avx512(const Format *format, const uint8_t *panel, const Activations *x, int64_t first, int rows, const Place *place);
void panel_product_avx512bf16(const Format *format, const uint8_t *panel, const Activations *x, int64_t first, int rows, const Place *place);  // with VNNI

// The active path's product.
PanelProduct panel_product(void);
