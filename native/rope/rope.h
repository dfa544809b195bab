// Rotary position embedding: pairs of features turn by an angle that grows with the token's position. Su et al. 2021, arxiv.org/abs/2104.09864
// Letters: B batch, S sequence, H heads, d head width, R turned features of a head, P positions in the tables.
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { ROPE_MAX_WIDTH = 1024 };

typedef struct {
  int64_t tokens, S, H, d, R, block;     // tokens = B·S; block in tokens
  int64_t rotated_heads;                 // heads from here on pass through
  const float *x_BSHd, *cos_PR2, *sin_PR2;
  const int64_t *positions_BS;           // or NULL: a token's place in its sequence
  bool interleaved, backwards;
  float *y_BSHd;
} Rope;
