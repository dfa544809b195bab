#include "linear_chunk.h"

#include <string.h>

int64_t chunk_capacity(const LinearLoss *job) {
  int64_t most = job->chunk ? smaller(job->chunk, larger(job->T, 1)) : larger(16, LOGITS_BYTES / ((int64_t)sizeof(float) * larger(job->V, 1)));
  int64_t chunks = larger(1, blocks_of(job->T, most));
  return smaller(larger(job->T, 1), smaller(most, round_up(blocks_of(job->T, chunks), 16)));
}

// Cuts pieces of 64-byte multiples from a line of memory; with no memory it only counts.
typedef struct {
  char *memory;
  size_t used;
} Line;

static void *cut(Line *line, int64_t elements, size_t size) {
  void *piece = line->memory ? line->memory + line->used : NULL;
  line->used += ((size_t)elements * size + 63) / 64 * 64;
  return piece;
}

static Chunk lay_out(Line *line, const LinearLoss *job, int64_t C) {
  Chunk chunk = {.capacity = C};
  chunk.rows_C = cut(line, C, sizeof(int64_t));
  chunk.targets_C = cut(line, C, sizeof(int64_t));
  float **floats[] = {&chunk.weights_C, &chunk.dloss_C, &chunk.dentropy_C, &chunk.loss_C, &chunk.log_sum_exp_C, &chunk.entropy_C};
  for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) *floats[i] = cut(line, C, sizeof(float));
  chunk.gathered_CD = cut(line, C * job->D, element_size(job->hidden_TD.type));
  chunk.dgathered_CD = cut(line, job->dloss_T ? C * job->D : 0, sizeof(float));
  chunk.logits_CV = cut(line, C * job->V, sizeof(float));
  return chunk;
}

size_t chunk_bytes(const LinearLoss *job, int64_t capacity) {
  Line line = {NULL, 0};
  lay_out(&line, job, capacity);
  return line.used;
}

Chunk chunk_in(void *memory, const LinearLoss *job, int64_t capacity) {
  Line line = {memory, 0};
  return lay_out(&line, job, capacity);
}

static void write_ignored(const LinearLoss *job, int64_t t) {
  if (job->loss_T) job->loss_T[t] = 0;
  if (job->log_sum_exp_T) job->log_sum_exp_T[t] = 0;
  if (job->entropy_T) job->entropy_T[t] = 0;
  if (job->dloss_T) memset(job->dhidden_TD + t * job->D, 0, (size_t)job->D * sizeof(float));
}

// Whether the rows follow one another in T, so that they need no copies.
static bool adjacent(const Chunk *chunk) { return chunk->rows_C[chunk->count - 1] - chunk->rows_C[0] == chunk->count - 1; }

static const char *hidden_row(const LinearLoss *job, int64_t t) {
  return (const char *)job->hidden_TD.data + (size_t)(t * job->D) * element_size(job->hidden_TD.type);
}

int64_t gather(const LinearLoss *job, Chunk *chunk, int64_t next) {
  chunk->count = 0;
  for (; next < job->T && chunk->count < chunk->capacity; next++) {
    if (job->targets_T[next] == job->ignore) {
      write_ignored(job, next);
      continue;
    }
    int64_t c = chunk->count++;
    chunk->rows_C[c] = next;
    chunk->targets_C[c] = job->targets_T[next];
    chunk->weights_C[c] = job->weights_T ? job->weights_T[next] : 1.0f;
    chunk->dloss_C[c] = job->dloss_T ? job->dloss_T[next] : 0.0f;
    chunk->dentropy_C[c] = job->dentropy_T ? job->dentropy_T[next] : 0.0f;
  }
  if (!chunk->count || adjacent(chunk)) return next;
  size_t bytes = (size_t)job->D * element_size(job->hidden_TD.type);
  for (int64_t c = 0; c < chunk->count; c++) memcpy((char *)chunk->gathered_CD + (size_t)c * bytes, hidden_row(job, chunk->rows_C[c]), bytes);
  return next;
}

Operand chunk_hidden(const LinearLoss *job, const Chunk *chunk) {
  const void *data = adjacent(chunk) ? hidden_row(job, chunk->rows_C[0]) : chunk->gathered_CD;
  return (Operand){.data = data, .stride = job->D, .type = job->hidden_TD.type};
}

float *chunk_dhidden(const LinearLoss *job, const Chunk *chunk) {
  return adjacent(chunk) ? job->dhidden_TD + chunk->rows_C[0] * job->D : chunk->dgathered_CD;
}

void scatter(const LinearLoss *job, const Chunk *chunk) {
  for (int64_t c = 0; c < chunk->count; c++) {
    int64_t t = chunk->rows_C[c];
    if (job->loss_T) job->loss_T[t] = chunk->loss_C[c];
    if (job->log_sum_exp_T) job->log_sum_exp_T[t] = chunk->log_sum_exp_C[c];
    if (job->entropy_T) job->entropy_T[t] = chunk->entropy_C[c];
    if (job->dloss_T && !adjacent(chunk)) memcpy(job->dhidden_TD + t * job->D, chunk->dgathered_CD + c * job->D, (size_t)job->D * sizeof(float));
  }
}
