// Attention of a step's tokens over the slots of a cache, which the step extends.
//
// Letters: B rows of the step, S tokens a row, R slots of T places, H heads, K key-value heads, G = H / K heads a group, d and e widths of a key and a value.
// A "query" below is one token's head: the S·G queries of a row and key-value head are numbered token by token.
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
  PLACE_BLOCK = 16,      // places whose keys stand side by side, feature by feature
  PLACE_CHUNK = 128,     // places that are summed up together; sums of chunks are added in the order of the places
  QUERIES_OF_TASK = 32,  // queries at most that a task takes through the places together
  CHUNK_QUERIES = 8,     // queries at most whose scores of a chunk are in memory
};

typedef enum { CACHED_F32, CACHED_F16, CACHED_I8 } CachedType;

// What a query has of the places before: the largest score, Σ e^(score − largest), and Σ e^(score − largest) · value, which follows in memory.
typedef struct {
  float largest, sum;
} Part;

typedef struct {
  int64_t B, S, T, H, K, G, d, e, half;  // half: pairs of features that turn, 0 where none does
  int64_t window;                        // a query sees `window` places at most, its own included; 0: no limit
  float scale, softcap;                  // of the queries; scores s become softcap · tanh(s) where softcap > 0
  CachedType type;
  const float *q_BSHd, *k_BSKd, *v_BSKe, *cos_P, *sin_P;
  const int64_t *positions_BS, *slots_B;  // slots_B: NULL where row b has slot b
  int64_t *places_BS;                     // the place of each token, −1 for padding
  void *keys_RKTd, *values_RKTe;          // keys are [R, K, T/16, d, 16]
  float *key_scales_RKT, *value_scales_RKT;  // of int8: a number is its code times the scale of its place and head
  float *turned_BSHd;                     // queries, turned and scaled
  float *y_BSHe;
  int64_t tokens_of_task;                 // cached_append: a task's tokens
  int64_t query_tasks;                    // cached_attend: tasks along the S·G queries
  // Where a step has few queries, the places are split too: each chunk's parts are kept, and cached_merge puts them together.
  int64_t spans;                          // tasks along the places
  int64_t chunks;                         // chunks that parts are kept of; 0 where a task goes through all places
  float *parts;                           // [B, K, S·G, chunks, PART_FLOATS + e]
} CachedAttention;

enum { PART_FLOATS = sizeof(Part) / sizeof(float) };
