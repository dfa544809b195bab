// Chooses the next token of each row of logits by temperature, top-k, top-p, min-p and a random number. Letters: N rows, V vocabulary.
#pragma once
#include <stdint.h>

// The numbers of a row: temperature (0: the most likely token), how many tokens at most (0: any number), the probability that the most likely ones are to
// reach together (1: all), how likely a token must be against the most likely one (0: any), and the random number in (0, 1).
enum { DRAW_TEMPERATURE, DRAW_TOP_K, DRAW_TOP_P, DRAW_MIN_P, DRAW_UNIFORM, DRAW_SETTINGS };

typedef struct {
  int64_t N, V;
  const float *logits_NV, *settings_NS;
  int64_t *tokens_N;  // results
  float *values_N;    // their logits
} DrawToken;
