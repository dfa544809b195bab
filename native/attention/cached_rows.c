#include "cached.h"

#include "../framework/half.h"
#include "../framework/rows.h"
#include "../framework/scratch.h"
#include "parts.h"

#define UNROLL _Pragma("GCC unroll 16")

static int64_t slot_of(const CachedAttention *job, int64_t b) { return job->slots_B ? job->slots_B[b] : b; }
INLINE int64_t bytes_of(CachedType type) { return type == CACHED_F32 ? 4 : type == CACHED_F16 ? 2 : 1; }

// Codes of int8 as floats; `left` of them at most.
INLINE vec load_codes(const int8_t *p, int64_t left) {
#if defined(R1_PATH_AVX512)
  if (left >= LANES) return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
#elif defined(R1_PATH_AVX2)
  if (left >= LANES) return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
#elif defined(R1_PATH_NEON)
  if (left >= LANES) {
    int32_t four;
    memcpy(&four, p, sizeof four);
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vcreate_s8((uint64_t)(uint32_t)four)))));
  }
#endif
  float codes[LANES] = {0};
  for (int64_t i = 0; i < LANES && i < left; i++) codes[i] = p[i];
  return load(codes, LANES);
}

// The code of a number is the nearest whole number to it divided by the scale: the largest of the row has the code ±127.
static float scale_of(const float *row, int64_t n) {
  float largest = 0;
  for (int64_t i = 0; i < n; i++) largest = fmaxf(largest, fabsf(row[i]));
  return largest / 127;
}
static int8_t code_of(float number, float scale) {
  const float code = scale > 0 ? rintf(number / scale) : 0;
  return (int8_t)(code > 127 ? 127 : code < -127 ? -127 : code == code ? code : 0);
}

// ---- new tokens: queries are turned and scaled, keys turned and written, values written

static void turn(const CachedAttention *job, int64_t token, const float *x, float *y, float scale) {
  const int64_t half = job->half;
  const float *cosine = half ? job->cos_P + job->positions_BS[token] * half : NULL, *sine = half ? job->sin_P + job->positions_BS[token] * half : NULL;
  for (int64_t i = 0; i < half; i += LANES) {
    const int64_t left = half - i;
    const vec c = load(cosine + i, left), s = load(sine + i, left), x0 = load(x + i, left), x1 = load(x + half + i, left);
    store(y + i, (x0 * c - x1 * s) * splat(scale), left);
    store(y + half + i, (x1 * c + x0 * s) * splat(scale), left);
  }
  for (int64_t i = 2 * half; i < job->d; i += LANES) store(y + i, load(x + i, job->d - i) * splat(scale), job->d - i);
}

// A key goes into its column of a block [d, 16].
static void write_key(const CachedAttention *job, const float *key, int64_t row, int64_t place) {
  const int64_t at = row * job->T * job->d + place / PLACE_BLOCK * PLACE_BLOCK * job->d + place % PLACE_BLOCK;
  if (job->type == CACHED_F32) {
    float *column = (float *)job->keys_RKTd + at;
    for (int64_t i = 0; i < job->d; i++) column[i * PLACE_BLOCK] = key[i];
    return;
  }
  if (job->type == CACHED_I8) {
    const float scale = scale_of(key, job->d);
    int8_t *codes = (int8_t *)job->keys_RKTd + at;
    for (int64_t i = 0; i < job->d; i++) codes[i * PLACE_BLOCK] = code_of(key[i], scale);
    job->key_scales_RKT[row * job->T + place] = scale;
    return;
  }
  uint16_t *column = (uint16_t *)job->keys_RKTd + at;
  for (int64_t i = 0; i < job->d; i += LANES) {
    uint16_t some[LANES];
    store_half(some, half_range(load(key + i, job->d - i)));
    for (int64_t lane = 0; lane < LANES && i + lane < job->d; lane++) column[(i + lane) * PLACE_BLOCK] = some[lane];
  }
}

static void write_value(const CachedAttention *job, const float *value, int64_t row, int64_t place) {
  const int64_t at = (row * job->T + place) * job->e;
  if (job->type == CACHED_I8) {
    const float scale = scale_of(value, job->e);
    for (int64_t i = 0; i < job->e; i++) ((int8_t *)job->values_RKTe)[at + i] = code_of(value[i], scale);
    job->value_scales_RKT[row * job->T + place] = scale;
    return;
  }
  for (int64_t i = 0; i < job->e; i += LANES) {
    const vec v = load(value + i, job->e - i);
    if (job->type == CACHED_F32) store((float *)job->values_RKTe + at + i, v, job->e - i);
    else store_half_some((uint16_t *)job->values_RKTe + at + i, half_range(v), job->e - i);
  }
}

static void append(const CachedAttention *job, int64_t token, float *key) {
  const int64_t place = job->places_BS[token], row = slot_of(job, token / job->S) * job->K;
  if (place < 0) {
    for (int64_t i = 0; i < job->H * job->e; i++) job->y_BSHe[token * job->H * job->e + i] = 0;
    return;
  }
  for (int64_t h = token * job->H; h < (token + 1) * job->H; h++) turn(job, token, job->q_BSHd + h * job->d, job->turned_BSHd + h * job->d, job->scale);
  for (int64_t h = 0; h < job->K; h++) {
    turn(job, token, job->k_BSKd + (token * job->K + h) * job->d, key, 1);
    write_key(job, key, row + h, place);
    write_value(job, job->v_BSKe + (token * job->K + h) * job->e, row + h, place);
  }
}

int PATH(cached_append)(void *job_, int64_t block) {
  const CachedAttention *job = job_;
  float *key = scratch_take((size_t)job->d * sizeof(float));
  if (!key) return R1_OUT_OF_MEMORY;
  const int64_t end = smaller((block + 1) * job->tokens_of_task, job->B * job->S);
  for (int64_t token = block * job->tokens_of_task; token < end; token++) append(job, token, key);
  scratch_give(key);
  return 0;
}

// ---- attention of a few queries over a chunk of places

// How many queries the two products take at once, and how many vectors of features of the values: what the registers hold.
#if defined(R1_PATH_AVX512)
enum { TILE = 8 };
#define VECTORS(queries) ((queries) <= 3 ? 4 : 2)
#elif defined(R1_PATH_AVX2)
enum { TILE = 3 };
#define VECTORS(queries) ((queries) <= 2 ? 4 : 2)
#elif defined(R1_PATH_NEON)
enum { TILE = 3 };
#define VECTORS(queries) 4
#else
enum { TILE = 1 };
#define VECTORS(queries) PLACE_BLOCK
#endif
enum { BLOCK_VECTORS = PLACE_BLOCK / LANES, LINE_BYTES = 64, PLACES_AHEAD = PLACE_BLOCK };

// Queries of one row and key-value head against one chunk of places.
typedef struct {
  const CachedAttention *job;
  const void *keys, *values;  // of the slot and head, from place 0
  const float *key_scales, *value_scales;
  int64_t chunk;              // its first place
  int count;                  // queries, CHUNK_QUERIES at most
  const float *q[CHUNK_QUERIES];
  int64_t first[CHUNK_QUERIES], end[CHUNK_QUERIES];  // places of the chunk that each query sees, counted from the chunk's first
  float *part[CHUNK_QUERIES];                        // where its Part goes, the sums behind it
  bool ahead;                                        // whether memory of the next places is asked for: the first queries of a chunk do
  int64_t value_places;                              // of which values are asked for so far
  int64_t next_places;                               // how many places of the next chunk will be seen
  float scores[CHUNK_QUERIES][PLACE_CHUNK] __attribute__((aligned(64)));
} Chunk;

INLINE vec load_kept(const void *kept, int64_t at, CachedType type) {
  if (type == CACHED_I8) return load_codes((const int8_t *)kept + at, LANES);
  return type == CACHED_F16 ? load_half((const uint16_t *)kept + at) : load((const float *)kept + at, LANES);
}
INLINE vec load_kept_some(const void *kept, int64_t at, CachedType type, int64_t left) {
  if (type == CACHED_I8) return load_codes((const int8_t *)kept + at, left);
  return type == CACHED_F16 ? load_half_some((const uint16_t *)kept + at, left) : load((const float *)kept + at, left);
}

INLINE const char *address_of(const void *kept, int64_t at, CachedType type) { return (const char *)kept + at * bytes_of(type); }

// Asks for memory ahead of its use: hardware does so only within a page.
INLINE void ask_for(const char *memory, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += LINE_BYTES) __builtin_prefetch(memory + i, 0, 3);
}

// Scores of `queries` queries for a block of places: the sum over even features plus the sum over odd ones, whatever else is computed beside it.
INLINE void scores_of(Chunk *c, int query, int64_t place, int64_t end, CachedType type, const int queries) {
  const int64_t d = c->job->d, begin = (c->chunk + place) * d;
  const int64_t bytes = 2 * PLACE_BLOCK * bytes_of(type);
  // Keys some blocks on, or the first values where the chunk has no more keys.
  const int64_t next = place + PLACES_AHEAD;
  const char *ahead = next < end ? address_of(c->keys, (c->chunk + next) * d, type) : address_of(c->values, (c->chunk + c->value_places) * c->job->e, type);
  if (next >= end) c->value_places += PLACE_BLOCK;
  vec sums[TILE][2][BLOCK_VECTORS];
  UNROLL for (int r = 0; r < queries; r++)
    UNROLL for (int n = 0; n < BLOCK_VECTORS; n++) sums[r][0][n] = sums[r][1][n] = splat(0);
  for (int64_t i = 0; i < d; i += 2) {
    if (query == 0 && c->ahead) ask_for(ahead + i / 2 * bytes, bytes);
    UNROLL for (int odd = 0; odd < 2; odd++) {
      if (i + odd >= d) break;
      vec keys[BLOCK_VECTORS];
      UNROLL for (int n = 0; n < BLOCK_VECTORS; n++) keys[n] = load_kept(c->keys, begin + (i + odd) * PLACE_BLOCK + n * LANES, type);
      UNROLL for (int r = 0; r < queries; r++) {
        const vec q = splat(c->q[query + r][i + odd]);
        UNROLL for (int n = 0; n < BLOCK_VECTORS; n++) sums[r][odd][n] = multiply_add(q, keys[n], sums[r][odd][n]);
      }
    }
  }
  UNROLL for (int n = 0; n < BLOCK_VECTORS; n++) {
    const vec scale = type == CACHED_I8 ? load(c->key_scales + c->chunk + place + n * LANES, LANES) : splat(1);
    UNROLL for (int r = 0; r < queries; r++) {
      vec score = sums[r][0][n] + sums[r][1][n];
      if (type == CACHED_I8) score = score * scale;
      store(c->scores[query + r] + place + n * LANES, score, LANES);
    }
  }
}

// Σ probability · value of `queries` queries for `vectors` vectors of features, place by place.
INLINE void values_of(Chunk *c, int query, int64_t feature, int64_t first, int64_t end, CachedType type, const int queries, const int vectors) {
  const int64_t d = c->job->d, e = c->job->e, left = e - feature;
  const bool whole = left >= vectors * LANES, ahead = query == 0 && feature == 0 && c->ahead;
  const int64_t size = bytes_of(type), next_keys = (c->chunk + PLACE_CHUNK) * d;
  vec sums[TILE][16];
  UNROLL for (int r = 0; r < queries; r++)
    UNROLL for (int n = 0; n < vectors; n++) sums[r][n] = splat(0);
  for (int64_t t = first; t < end; t++) {
    const int64_t at = (c->chunk + t) * e + feature, beyond = t + PLACES_AHEAD - end;
    if (ahead && beyond < 0) ask_for(address_of(c->values, at + PLACES_AHEAD * e, type), e * size);
    else if (ahead && beyond < c->next_places) ask_for(address_of(c->keys, next_keys + beyond * d, type), d * size);
    vec values[16];
    UNROLL for (int n = 0; n < vectors; n++)
      values[n] = whole ? load_kept(c->values, at + n * LANES, type) : left > n * LANES ? load_kept_some(c->values, at + n * LANES, type, left - n * LANES) : splat(0);
    UNROLL for (int r = 0; r < queries; r++) {
      const vec p = splat(type == CACHED_I8 ? c->scores[query + r][t] * c->value_scales[c->chunk + t] : c->scores[query + r][t]);
      UNROLL for (int n = 0; n < vectors; n++) sums[r][n] = multiply_add(p, values[n], sums[r][n]);
    }
  }
  UNROLL for (int r = 0; r < queries; r++)
    UNROLL for (int n = 0; n < vectors; n++)
      if (left > n * LANES) store(c->part[query + r] + PART_FLOATS + feature + n * LANES, sums[r][n], left - n * LANES);
}

// e^(score − largest) of the places that a query sees, 0 for the others of `first … end − 1`.
static void exponentials_of(Chunk *c, int query, int64_t first, int64_t end) {
  const float softcap = c->job->softcap;
  float *scores = c->scores[query];
  const int64_t seen_first = c->first[query], seen_end = c->end[query];
  if (softcap > 0)
    for (int64_t t = first / LANES * LANES; t < end; t += LANES) {
      const vec s = load(scores + t, LANES);
      store(scores + t, splat(softcap) * (splat(1) - splat(2) / (exponential(s + s) + splat(1))), LANES);
    }
  for (int64_t t = first; t < seen_first; t++) scores[t] = -INFINITY;
  for (int64_t t = seen_end; t < (end + LANES - 1) / LANES * LANES; t++) scores[t] = -INFINITY;
  for (int64_t t = first / LANES * LANES; t < first; t++) scores[t] = -INFINITY;
  vec top = splat(-INFINITY), sum = splat(0);
  for (int64_t t = first / LANES * LANES; t < end; t += LANES) top = greater_of(load(scores + t, LANES), top);
  const float largest = greatest(top);
  for (int64_t t = first / LANES * LANES; t < end; t += LANES) {
    const vec p = exponential(load(scores + t, LANES) - splat(largest));
    sum = sum + p;
    store(scores + t, p, LANES);
  }
  *(Part *)(void *)c->part[query] = (Part){largest, total(sum)};
}

// Some queries, as many as fit the registers, over the places that any of them sees.
INLINE void attend_tile(Chunk *c, int query, CachedType type, const int queries) {
  int64_t first = c->first[query], end = c->end[query];
  for (int r = 1; r < queries; r++) {
    first = smaller(first, c->first[query + r]);
    end = larger(end, c->end[query + r]);
  }
  const int vectors = VECTORS(queries);
  for (int64_t place = first / PLACE_BLOCK * PLACE_BLOCK; place < end; place += PLACE_BLOCK) scores_of(c, query, place, end, type, queries);
  for (int r = 0; r < queries; r++) exponentials_of(c, query + r, first, end);
  for (int64_t feature = 0; feature < c->job->e; feature += vectors * LANES) values_of(c, query, feature, first, end, type, queries, vectors);
}

INLINE void attend_tiles(Chunk *c, CachedType type) {
  for (int query = 0; query < c->count; query += TILE) {
    const int queries = c->count - query < TILE ? c->count - query : TILE;
    switch (queries) {
      case 1: attend_tile(c, query, type, 1); break;
#if !defined(R1_PATH_SCALAR)
      case 2: attend_tile(c, query, type, 2); break;
      case 3: attend_tile(c, query, type, 3); break;
#endif
#if defined(R1_PATH_AVX512)
      case 4: attend_tile(c, query, type, 4); break;
      case 5: attend_tile(c, query, type, 5); break;
      case 6: attend_tile(c, query, type, 6); break;
      case 7: attend_tile(c, query, type, 7); break;
      case 8: attend_tile(c, query, type, 8); break;
#endif
    }
  }
}

static void attend_chunk(Chunk *c) {
  if (c->job->type == CACHED_F16) attend_tiles(c, CACHED_F16);
  else if (c->job->type == CACHED_I8) attend_tiles(c, CACHED_I8);
  else attend_tiles(c, CACHED_F32);
}

// ---- queries of a task and their chunks

// The queries of one task, and which chunks they see.
typedef struct {
  int64_t b, head, first, end;  // queries first … end − 1 of row b and key-value head `head`
} Queries;

static Queries queries_of(const CachedAttention *job, int64_t task) {
  const int64_t part = task % job->query_tasks, pair = task / job->query_tasks;
  return (Queries){pair / job->K, pair % job->K, part * QUERIES_OF_TASK, smaller((part + 1) * QUERIES_OF_TASK, job->S * job->G)};
}

static int64_t token_of(const CachedAttention *job, const Queries *q, int64_t query) { return q->b * job->S + query / job->G; }
static int64_t place_of(const CachedAttention *job, const Queries *q, int64_t query) { return job->places_BS[token_of(job, q, query)]; }
static int64_t first_seen(const CachedAttention *job, int64_t place) { return job->window ? larger(0, place - job->window + 1) : 0; }
static int64_t head_at(const CachedAttention *job, const Queries *q, int64_t query) { return token_of(job, q, query) * job->H + q->head * job->G + query % job->G; }

// Memory of a query's part of a chunk, where parts are kept.
static float *kept_part(const CachedAttention *job, const Queries *q, int64_t query, int64_t chunk) {
  const int64_t row = (q->b * job->K + q->head) * job->S * job->G + query;
  return job->parts + (row * job->chunks + chunk) * (PART_FLOATS + job->e);
}

// Chunks that a query sees: of its first place, and one after that of its last. None for padding.
static bool chunks_of(const CachedAttention *job, int64_t place, int64_t *first, int64_t *end) {
  if (place < 0) return false;
  *first = first_seen(job, place) / PLACE_CHUNK;
  *end = place / PLACE_CHUNK + 1;
  return true;
}

// Adds a chunk to the parts of the queries that see some of it. `running` holds what each query has so far, or is NULL where parts are kept.
static void attend_queries(const CachedAttention *job, const Queries *q, int64_t chunk, float *running, float *parts, Chunk *c) {
  const int64_t stride = PART_FLOATS + job->e;
  int64_t numbers[CHUNK_QUERIES];
  for (int64_t query = q->first; query < q->end;) {
    c->count = 0;
    for (; query < q->end && c->count < CHUNK_QUERIES; query++) {
      const int64_t place = place_of(job, q, query);
      int64_t first, end;
      if (!chunks_of(job, place, &first, &end) || chunk < first || chunk >= end) continue;
      numbers[c->count] = query;
      c->q[c->count] = job->turned_BSHd + head_at(job, q, query) * job->d;
      c->first[c->count] = larger(0, first_seen(job, place) - c->chunk);
      c->end[c->count] = smaller(PLACE_CHUNK, place + 1 - c->chunk);
      float *so_far = running ? running + (query - q->first) * stride : kept_part(job, q, query, chunk);
      c->part[c->count] = running && chunk > first ? parts + c->count * stride : so_far;
      c->count++;
    }
    attend_chunk(c);
    c->ahead = false;
    for (int r = 0; running && r < c->count; r++) {
      float *so_far = running + (numbers[r] - q->first) * stride;
      if (c->part[r] != so_far) merge_part(job->e, so_far, c->part[r]);
    }
  }
}

int PATH(cached_attend)(void *job_, int64_t index) {
  const CachedAttention *job = job_;
  const Queries q = queries_of(job, index / job->spans);
  int64_t first = INT64_MAX, end = 0, last_place = -1;
  for (int64_t query = q.first; query < q.end; query++) {
    int64_t one_first, one_end;
    if (!chunks_of(job, place_of(job, &q, query), &one_first, &one_end)) continue;
    first = smaller(first, one_first);
    end = larger(end, one_end);
    last_place = larger(last_place, place_of(job, &q, query));
  }
  const int64_t span = index % job->spans, count = larger(0, end - first);
  const int64_t span_first = first + count * span / job->spans, span_end = first + count * (span + 1) / job->spans;
  const int64_t stride = PART_FLOATS + job->e, row = slot_of(job, q.b) * job->K + q.head;
  float *memory = job->parts ? NULL : scratch_take((size_t)((QUERIES_OF_TASK + CHUNK_QUERIES) * stride) * sizeof(float));
  if (!memory && !job->parts) return R1_OUT_OF_MEMORY;
  Chunk c = {.job = job};
  c.keys = (const char *)job->keys_RKTd + row * job->T * job->d * bytes_of(job->type);
  c.values = (const char *)job->values_RKTe + row * job->T * job->e * bytes_of(job->type);
  if (job->type == CACHED_I8) {
    c.key_scales = job->key_scales_RKT + row * job->T;
    c.value_scales = job->value_scales_RKT + row * job->T;
  }
  for (int64_t chunk = span_first; chunk < span_end && count; chunk++) {
    c.chunk = chunk * PLACE_CHUNK;
    c.ahead = true;
    c.value_places = 0;
    c.next_places = chunk + 1 < span_end ? smaller(PLACES_AHEAD, last_place + 1 - c.chunk - PLACE_CHUNK) : 0;
    attend_queries(job, &q, chunk, memory, memory ? memory + QUERIES_OF_TASK * stride : NULL, &c);
  }
  for (int64_t query = q.first; memory && query < q.end; query++)
    if (place_of(job, &q, query) >= 0) finish_part(job->e, memory + (query - q.first) * stride, job->y_BSHe + head_at(job, &q, query) * job->e);
  if (memory) scratch_give(memory);
  return 0;
}

int PATH(cached_merge)(void *job_, int64_t task) {
  const CachedAttention *job = job_;
  const Queries q = queries_of(job, task);
  for (int64_t query = q.first; query < q.end; query++) {
    int64_t first, end;
    if (!chunks_of(job, place_of(job, &q, query), &first, &end)) continue;
    float *whole = kept_part(job, &q, query, first);
    for (int64_t chunk = first + 1; chunk < end; chunk++) merge_part(job->e, whole, kept_part(job, &q, query, chunk));
    finish_part(job->e, whole, job->y_BSHe + head_at(job, &q, query) * job->e);
  }
  return 0;
}
