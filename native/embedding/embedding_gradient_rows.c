#include "embedding_gradient.h"

#include <string.h>

#include "../framework/vector.h"

static void begin(const EmbeddingGradient *job, int64_t row, int64_t from, int64_t n) {
  float *de = job->de_VD + row * job->D + from;
  if (!job->base_VD) memset(de, 0, (size_t)n * sizeof *de);
  else if (job->base_VD != job->de_VD) memcpy(de, job->base_VD + row * job->D + from, (size_t)n * sizeof *de);
}

// A block looks through all tokens and adds those of its own rows, in their order: the same sums for any number of threads.
int PATH(embedding_gradient)(void *job_, int64_t block) {
  const EmbeddingGradient *job = job_;
  int64_t D = job->D, row = block / job->feature_blocks * job->vocabulary_block, from = block % job->feature_blocks * job->feature_block;
  int64_t end = row + job->vocabulary_block < job->V ? row + job->vocabulary_block : job->V;
  int64_t n = from + job->feature_block < D ? job->feature_block : D - from;
  for (int64_t v = row; v < end; v++) begin(job, v, from, n);
  for (int64_t t = 0; t < job->T; t++) {
    int64_t id = job->ids_T[t];
    if (id < row || id >= end) continue;
    const float *dx = job->dx_TD + t * D + from;
    float *de = job->de_VD + id * D + from;
    for (int64_t i = 0; i < n; i += LANES) store(de + i, load(de + i, n - i) + load(dx + i, n - i), n - i);
  }
  return 0;
}
