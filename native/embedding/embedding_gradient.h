// Gradient of an embedding: rows of dx are added where their tokens came from. Letters: T tokens, D features, V vocabulary.
#pragma once
#include <stdint.h>

typedef struct {
  int64_t T, D, V;
  int64_t vocabulary_block, feature_block;   // a block owns this many rows × this many columns of dE, so nobody else writes there
  int64_t feature_blocks;
  const int64_t *ids_T;
  const float *dx_TD;
  const float *base_VD;                      // or NULL: from zeros; may be de_VD
  float *de_VD;
} EmbeddingGradient;
