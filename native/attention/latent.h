// Attention over compressed vectors: multi-head latent attention (DeepSeek-V2, arXiv:2405.04434) with the matrices that expand keys and values absorbed into queries and outputs. All
// heads share one vector a place: it is the key, and its first e features are the value.
//
// Letters: B rows of the step, S tokens a row, R slots of T places, H heads, d width of a query and a vector, e of a value. The S·H queries of a row are numbered token by token.
#pragma once
#include "cached.h"

typedef struct {
  int64_t B, S, T, H, d, e;
  float scale;
  bool half;                      // vectors are f16
  const float *q_BSHd, *new_BSd;
  const int64_t *slots_B;         // NULL where row b has slot b
  int64_t *places_BS;             // the place of each token, −1 for padding
  void *vectors_RTd;
  float *y_BSHe;
  int64_t query_tasks;            // latent_attend: tasks along the S·H queries of a row
  // Where a step has few queries, the places are split too: each chunk's parts are kept, and latent_merge puts them together.
  int64_t spans, chunks;          // tasks along the places, chunks that parts are kept of
  float *parts;                   // [B, S·H, chunks, PART_FLOATS + e]; NULL where a task goes through all places
} LatentAttention;

static inline int64_t latent_slot(const LatentAttention *job, int64_t b) { return job->slots_B ? job->slots_B[b] : b; }
