// Products with weights kept as bf16: the type BF16 of the packed layout, whose block is [32 numbers][16 rows]. Rows of X stay f32 and nothing is rounded on the way; a number of Y is
// the sum over even numbers of the depth plus the sum over odd ones, whatever is computed beside it.
#pragma once
#include "product.h"

// A job of the row kernel `wide_product`, whose index is the count of rows: rows of X [rows, K] times one panel.
typedef struct {
  const float *x;
  int64_t K;
  const uint16_t *panel;  // [K, 16]
  const Place *place;
} WideProduct;
