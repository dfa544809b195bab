// Rows of hidden states whose logits are made, used and dropped together, so that no more than one chunk of logits is ever in memory.
// Letters: T tokens, C rows of a chunk, D features, V vocabulary.
#pragma once
#include "../matmul/gemm.h"
#include "loss.h"
#include "softmax.h"

// What a node reads and writes; pointers that may be NULL are marked ?.
typedef struct {
  int64_t T, D, V;
  Tensor hidden_TD, weight_VD;   // f32 or bf16
  const int64_t *targets_T;
  const float *weights_T;        // ?
  const float *dloss_T;          // ? NULL: no gradient wanted
  const float *dentropy_T;       // ?
  float *loss_T;                 // ?
  float *log_sum_exp_T;          // ?
  float *entropy_T;              // ?
  float *dhidden_TD;             // with dloss_T
  float *dweight_VD;             // ?
  int64_t ignore;
  float inverse_temperature;
  Precision precision;
  int64_t chunk;                 // rows at most, or 0
} LinearLoss;

// A chunk's rows close together: the tokens that are not ignored, copied side by side where ignored ones lie between them.
typedef struct {
  int64_t capacity, count;
  int64_t *rows_C;               // numbers of the tokens in T
  int64_t *targets_C;
  float *weights_C, *dloss_C, *dentropy_C, *loss_C, *log_sum_exp_C, *entropy_C;
  void *gathered_CD;             // hidden rows, in their own type
  float *dgathered_CD;
  float *logits_CV;
} Chunk;

// Bytes of logits at most in memory at a time.
enum { LOGITS_BYTES = 64 << 20 };

size_t chunk_bytes(const LinearLoss *job, int64_t capacity);
Chunk chunk_in(void *memory, const LinearLoss *job, int64_t capacity);

// Rows of a chunk: as many chunks as `chunk` or else LOGITS_BYTES asks for, all of about one size.
int64_t chunk_capacity(const LinearLoss *job);

// Fills the chunk with tokens from `next` on; returns the token after the last one looked at.
int64_t gather(const LinearLoss *job, Chunk *chunk, int64_t next);
// The chunk's hidden rows: where they lie in hidden_TD if they follow one another, else the copy.
Operand chunk_hidden(const LinearLoss *job, const Chunk *chunk);
// Where the chunk's dhidden rows are to be made: in dhidden_TD itself, or in the chunk, from where `scatter` brings them home.
float *chunk_dhidden(const LinearLoss *job, const Chunk *chunk);
void scatter(const LinearLoss *job, const Chunk *chunk);
