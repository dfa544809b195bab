#include "latent.h"

#include "../framework/half.h"
#include "../framework/rows.h"
#include "../framework/scratch.h"
#include "parts.h"

#define UNROLL _Pragma("GCC unroll 16")

// Queries that are taken over the places together, places that meet them at once, and vectors of features of the values: what the registers hold.
#if defined(R1_PATH_AVX512)
enum { TILE = 8, PAIR = 2, VECTORS = 2 };
#elif defined(R1_PATH_AVX2)
enum { TILE = 4, PAIR = 2, VECTORS = 2 };
#elif defined(R1_PATH_NEON)
enum { TILE = 8, PAIR = 2, VECTORS = 2 };
#else
enum { TILE = 1, PAIR = 1, VECTORS = 1 };
#endif

// ---- new vectors

int PATH(latent_append)(void *job_, int64_t token) {
  const LatentAttention *job = job_;
  const int64_t place = job->places_BS[token], at = (latent_slot(job, token / job->S) * job->T + place) * job->d;
  if (place < 0) {
    for (int64_t i = 0; i < job->H * job->e; i++) job->y_BSHe[token * job->H * job->e + i] = 0;
    return 0;
  }
  const float *x = job->new_BSd + token * job->d;
  for (int64_t i = 0; i < job->d; i += LANES) {
    const vec v = load(x + i, job->d - i);
    if (job->half) store_half_some((uint16_t *)job->vectors_RTd + at + i, half_range(v), job->d - i);
    else store((float *)job->vectors_RTd + at + i, v, job->d - i);
  }
  return 0;
}

// ---- a tile of queries over a chunk of places

typedef struct {
  const LatentAttention *job;
  const void *vectors;   // of the slot, [T, d]
  int64_t chunk;         // its first place
  const float *q[TILE];  // a tile that is not full repeats its last query
  int64_t end[TILE];     // places of the chunk that a query sees
  float *part[TILE];
  float scores[TILE][PLACE_CHUNK + 16] __attribute__((aligned(64)));
} Tile;

INLINE vec load_vector(const void *vectors, int64_t at, int64_t left, const bool half) {
  if (!half) return load((const float *)vectors + at, left);
  return left >= LANES ? load_half((const uint16_t *)vectors + at) : load_half_some((const uint16_t *)vectors + at, left);
}

// Scores of the tile for `places` neighbouring places; each is one sum along the features.
INLINE void scores_of(Tile *t, int64_t place, const bool half, const int places) {
  const int64_t d = t->job->d, at = (t->chunk + place) * d;
  vec sums[PAIR][TILE];
  UNROLL for (int p = 0; p < places; p++)
    UNROLL for (int r = 0; r < TILE; r++) sums[p][r] = splat(0);
  for (int64_t i = 0; i < d; i += LANES) {
    vec v[PAIR];
    UNROLL for (int p = 0; p < places; p++) v[p] = load_vector(t->vectors, at + p * d + i, d - i, half);
    UNROLL for (int r = 0; r < TILE; r++) {
      const vec q = load(t->q[r] + i, d - i);
      UNROLL for (int p = 0; p < places; p++) sums[p][r] = multiply_add(q, v[p], sums[p][r]);
    }
  }
  UNROLL for (int p = 0; p < places; p++)
    UNROLL for (int r = 0; r < TILE; r++) t->scores[r][place + p] = total(sums[p][r]) * t->job->scale;
}

// e^(score − largest) of the places that a query sees, 0 for the others before `end`.
static void exponentials_of(Tile *t, int query, int64_t end) {
  float *scores = t->scores[query];
  for (int64_t p = t->end[query]; p < end; p++) scores[p] = -INFINITY;
  vec top = splat(-INFINITY), sum = splat(0);
  for (int64_t p = 0; p < end; p += LANES) top = greater_of(load_or(scores + p, end - p, -INFINITY), top);
  const float largest = greatest(top);
  for (int64_t p = 0; p < end; p += LANES) {
    const vec e = exponential(load_or(scores + p, end - p, -INFINITY) - splat(largest));
    sum = sum + e;
    store(scores + p, e, end - p);
  }
  *(Part *)(void *)t->part[query] = (Part){largest, total(sum)};
}

// Σ probability · value for some features, place by place.
INLINE void values_of(Tile *t, int64_t feature, int64_t end, const bool half) {
  const int64_t d = t->job->d, left = t->job->e - feature;
  vec sums[TILE][VECTORS];
  UNROLL for (int r = 0; r < TILE; r++)
    UNROLL for (int n = 0; n < VECTORS; n++) sums[r][n] = splat(0);
  for (int64_t p = 0; p < end; p++) {
    const int64_t at = (t->chunk + p) * d + feature;
    vec v[VECTORS];
    UNROLL for (int n = 0; n < VECTORS; n++) v[n] = left > n * LANES ? load_vector(t->vectors, at + n * LANES, left - n * LANES, half) : splat(0);
    UNROLL for (int r = 0; r < TILE; r++) {
      const vec e = splat(t->scores[r][p]);
      UNROLL for (int n = 0; n < VECTORS; n++) sums[r][n] = multiply_add(e, v[n], sums[r][n]);
    }
  }
  UNROLL for (int r = 0; r < TILE; r++)
    UNROLL for (int n = 0; n < VECTORS; n++)
      if (left > n * LANES) store(t->part[r] + PART_FLOATS + feature + n * LANES, sums[r][n], left - n * LANES);
}

INLINE void attend_tile(Tile *t, const bool half) {
  int64_t end = 0, place = 0;
  for (int r = 0; r < TILE; r++) end = larger(end, t->end[r]);
  for (; place + PAIR <= end; place += PAIR) scores_of(t, place, half, PAIR);
  for (; place < end; place++) scores_of(t, place, half, 1);
  for (int r = 0; r < TILE; r++) {
    // A query that is there twice already has its exponentials.
    if (r && t->part[r] == t->part[r - 1]) {
      for (int64_t p = 0; p < end; p++) t->scores[r][p] = t->scores[r - 1][p];
    } else exponentials_of(t, r, end);
  }
  for (int64_t feature = 0; feature < t->job->e; feature += VECTORS * LANES) values_of(t, feature, end, half);
}

// ---- tasks

// Queries first … end − 1 of row b.
typedef struct {
  int64_t b, first, end;
} Queries;

static Queries queries_of(const LatentAttention *job, int64_t task) {
  const int64_t first = task % job->query_tasks * QUERIES_OF_TASK;
  return (Queries){task / job->query_tasks, first, smaller(first + QUERIES_OF_TASK, job->S * job->H)};
}
static int64_t place_of(const LatentAttention *job, const Queries *q, int64_t query) { return job->places_BS[q->b * job->S + query / job->H]; }
static int64_t row_of(const LatentAttention *job, const Queries *q, int64_t query) { return q->b * job->S * job->H + query; }
static float *kept_part(const LatentAttention *job, const Queries *q, int64_t query, int64_t chunk) {
  return job->parts + (row_of(job, q, query) * job->chunks + chunk) * (PART_FLOATS + job->e);
}

// Adds a chunk to the parts of the queries that see some of it. `running` holds what each query has so far, or is NULL where parts are kept.
static void attend_queries(const Queries *q, int64_t chunk, float *running, float *fresh, Tile *t) {
  const LatentAttention *job = t->job;
  const int64_t stride = PART_FLOATS + job->e;
  for (int64_t query = q->first; query < q->end;) {
    int64_t numbers[TILE];
    int count = 0;
    for (; query < q->end && count < TILE; query++) {
      const int64_t place = place_of(job, q, query);
      if (place < t->chunk) continue;
      numbers[count] = query;
      t->q[count] = job->q_BSHd + row_of(job, q, query) * job->d;
      t->end[count] = smaller(PLACE_CHUNK, place + 1 - t->chunk);
      t->part[count] = !running ? kept_part(job, q, query, chunk) : chunk ? fresh + count * stride : running + (query - q->first) * stride;
      count++;
    }
    if (!count) return;
    for (int r = count; r < TILE; r++) t->q[r] = t->q[r - 1], t->end[r] = t->end[r - 1], t->part[r] = t->part[r - 1];
    if (job->half) attend_tile(t, true);
    else attend_tile(t, false);
    for (int r = 0; running && chunk && r < count; r++) merge_part(job->e, running + (numbers[r] - q->first) * stride, t->part[r]);
  }
}

int PATH(latent_attend)(void *job_, int64_t index) {
  const LatentAttention *job = job_;
  const Queries q = queries_of(job, index / job->spans);
  int64_t count = 0;
  for (int64_t query = q.first; query < q.end; query++) count = larger(count, place_of(job, &q, query) / PLACE_CHUNK + (place_of(job, &q, query) >= 0));
  const int64_t span = index % job->spans, stride = PART_FLOATS + job->e;
  float *memory = job->parts ? NULL : scratch_take((size_t)((QUERIES_OF_TASK + TILE) * stride) * sizeof(float));
  if (!memory && !job->parts) return R1_OUT_OF_MEMORY;
  const int64_t width = job->half ? 2 : 4;
  Tile t = {.job = job, .vectors = (const char *)job->vectors_RTd + latent_slot(job, q.b) * job->T * job->d * width};
  for (int64_t chunk = count * span / job->spans; chunk < count * (span + 1) / job->spans; chunk++) {
    t.chunk = chunk * PLACE_CHUNK;
    attend_queries(&q, chunk, memory, memory ? memory + QUERIES_OF_TASK * stride : NULL, &t);
  }
  for (int64_t query = q.first; memory && query < q.end; query++)
    if (place_of(job, &q, query) >= 0) finish_part(job->e, memory + (query - q.first) * stride, job->y_BSHe + row_of(job, &q, query) * job->e);
  if (memory) scratch_give(memory);
  return 0;
}

int PATH(latent_merge)(void *job_, int64_t task) {
  const LatentAttention *job = job_;
  const Queries q = queries_of(job, task);
  for (int64_t query = q.first; query < q.end; query++) {
    const int64_t place = place_of(job, &q, query);
    if (place < 0) continue;
    float *whole = kept_part(job, &q, query, 0);
    for (int64_t chunk = 1; chunk <= place / PLACE_CHUNK; chunk++) merge_part(job->e, whole, kept_part(job, &q, query, chunk));
    finish_part(job->e, whole, job->y_BSHe + row_of(job, &q, query) * job->e);
  }
  return 0;
}
