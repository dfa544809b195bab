#include "rope.h"

#include <string.h>

#include "../framework/vector.h"

// Features i and i + R/2 turn together: y0 = x0·cos − x1·sin, y1 = x1·cos + x0·sin.
static void turn_halves(const float *x, float *y, int64_t R, const float *cosine, const float *sine, vec direction) {
  int64_t half = R / 2;
  for (int64_t i = 0; i < half; i += LANES) {
    int64_t left = half - i;
    vec c = load(cosine + i, left), s = load(sine + i, left) * direction, x0 = load(x + i, left), x1 = load(x + half + i, left);
    vec y0 = x0 * c - x1 * s, y1 = x1 * c + x0 * s;
    store(y + i, y0, left);
    store(y + half + i, y1, left);
  }
}

// Features 2i and 2i + 1 turn together.
#if defined(R1_PATH_SCALAR)
static void turn_neighbours(const float *x, float *y, int64_t R, const float *cosine, const float *sine, vec direction) {
  for (int64_t i = 0; i < R / 2; i++) {
    float x0 = x[2 * i], x1 = x[2 * i + 1], s = sine[i] * direction;
    y[2 * i] = x0 * cosine[i] - x1 * s;
    y[2 * i + 1] = x1 * cosine[i] + x0 * s;
  }
}
#else
// A token's table with every angle twice, so that a row of features needs only its neighbours swapped: y = x · (c, c) + swapped x · (−s, s).
typedef struct {
  float cosine[ROPE_MAX_WIDTH], sine[ROPE_MAX_WIDTH];
} Doubled;

static void double_table(Doubled *table, int64_t R, const float *cosine, const float *sine, float direction) {
  for (int64_t i = 0; i < R / 2; i++) {
    table->cosine[2 * i] = table->cosine[2 * i + 1] = cosine[i];
    table->sine[2 * i] = -sine[i] * direction;
    table->sine[2 * i + 1] = sine[i] * direction;
  }
}

static void turn_doubled(const float *x, float *y, int64_t R, const Doubled *table) {
  for (int64_t i = 0; i < R; i += LANES) {
    vec v = load(x + i, R - i);
    store(y + i, v * load(table->cosine + i, R - i) + swap_neighbours(v) * load(table->sine + i, R - i), R - i);
  }
}
#endif

static void pass(const float *x, float *y, int64_t n) {
  if (x != y) memcpy(y, x, (size_t)n * sizeof *y);
}

static void turn_token(const Rope *job, int64_t token) {
  int64_t position = job->positions_BS ? job->positions_BS[token] : token % job->S;
  const float *cosine = job->cos_PR2 + position * (job->R / 2), *sine = job->sin_PR2 + position * (job->R / 2);
  float direction = job->backwards ? -1.0f : 1.0f;
#if !defined(R1_PATH_SCALAR)
  Doubled table;
  if (job->interleaved) double_table(&table, job->R, cosine, sine, direction);
#endif
  const float *x = job->x_BSHd + token * job->H * job->d;
  float *y = job->y_BSHd + token * job->H * job->d;
  for (int64_t head = 0; head < job->rotated_heads; head++, x += job->d, y += job->d) {
    if (!job->interleaved) turn_halves(x, y, job->R, cosine, sine, splat(direction));
#if defined(R1_PATH_SCALAR)
    else turn_neighbours(x, y, job->R, cosine, sine, direction);
#else
    else turn_doubled(x, y, job->R, &table);
#endif
    pass(x + job->R, y + job->R, job->d - job->R);
  }
  pass(x, y, (job->H - job->rotated_heads) * job->d);
}

int PATH(rope)(void *job_, int64_t block) {
  const Rope *job = job_;
  int64_t end = (block + 1) * job->block < job->tokens ? (block + 1) * job->block : job->tokens;
  for (int64_t token = block * job->block; token < end; token++) turn_token(job, token);
  return 0;
}
