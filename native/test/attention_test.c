#include <math.h>
#include <stdlib.h>

#include "../matmul/gemm.h"
#include "check.h"

// Attention in double precision, straight from its definition.
typedef struct {
  int64_t B, S, T, H, K, d, window;
  bool causal;
  double scale;
  const int64_t *segments;  // [B, S] or NULL
  double *q, *k, *v, *dy, *y, *log_sum_exp, *dq, *dk, *dv;
} Reference;

static bool sees(const Reference *r, int64_t b, int64_t query, int64_t key) {
  const int64_t distance = query + r->T - r->S - key;
  if (r->causal && distance < 0) return false;
  if (r->window && (distance >= r->window || -distance >= r->window)) return false;
  return !r->segments || r->segments[b * r->S + query] == r->segments[b * r->S + key];
}

static double dot(const double *a, const double *b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

static void attend(Reference *r, int64_t b, int64_t h, int64_t s, double *p) {
  const int64_t kv = h / (r->H / r->K), at = ((b * r->S + s) * r->H + h) * r->d;
  double top = -INFINITY, sum = 0, delta = 0;
  for (int64_t t = 0; t < r->T; t++) {
    p[t] = sees(r, b, s, t) ? r->scale * dot(r->q + at, r->k + ((b * r->T + t) * r->K + kv) * r->d, r->d) : -INFINITY;
    top = fmax(top, p[t]);
  }
  for (int64_t t = 0; t < r->T; t++) sum += p[t] = exp(p[t] - top);
  r->log_sum_exp[(b * r->H + h) * r->S + s] = top + log(sum);
  for (int64_t t = 0; t < r->T; t++) {
    p[t] /= sum;
    for (int64_t i = 0; i < r->d; i++) r->y[at + i] += p[t] * r->v[((b * r->T + t) * r->K + kv) * r->d + i];
  }
  delta = dot(r->dy + at, r->y + at, r->d);
  for (int64_t t = 0; t < r->T; t++) {
    const int64_t key = ((b * r->T + t) * r->K + kv) * r->d;
    const double ds = p[t] * (dot(r->dy + at, r->v + key, r->d) - delta) * r->scale;
    for (int64_t i = 0; i < r->d; i++) {
      r->dq[at + i] += ds * r->k[key + i];
      r->dk[key + i] += ds * r->q[at + i];
      r->dv[key + i] += p[t] * r->dy[at + i];
    }
  }
}

static Value *floats_of(const double *numbers, int rank, const int64_t *shape) {
  Value *value = new_value(R1_FLOAT, rank, shape);
  for (int64_t i = 0; i < value->size; i++) value->floats[i] = (float)numbers[i];
  return value;
}

// Runs of equal segments, sometimes one that comes again, and padding at the end.
static Value *segments_of(int64_t B, int64_t S) {
  Value *segments = new_value(R1_INT64, SHAPE(B, S));
  for (int64_t b = 0; b < B; b++) {
    int64_t id = random_int(0, 5);
    for (int64_t s = 0; s < S; s++) {
      if (random_int(0, 20) == 0) id = random_int(0, 3) ? id + 1 : random_int(0, 3);
      segments->integers[b * S + s] = s > S - S / 5 ? -1 : id;
    }
  }
  return segments;
}

void test_attention(int round) {
  const bool f32 = random_int(0, 1), rounded = gemm_kernels(f32 ? PRECISION_F32 : PRECISION_BF16)->lane_depth == 2, segmented = random_int(0, 2) == 0;
  Reference r = {.B = random_int(1, 3), .K = random_int(1, 3), .d = random_int(0, 3) ? 8 * random_int(1, 9) : random_int(1, 40), .causal = random_int(0, 2) > 0};
  r.S = random_int(0, 9) == 0 ? random_int(250, 330) : random_int(1, 100);
  r.T = segmented || random_int(0, 1) ? r.S : r.S + random_int(0, 60);
  r.H = r.K * random_int(1, 4);
  r.window = random_int(0, 2) ? 0 : random_int(1, 80);
  r.scale = random_int(0, 1) ? 1 / sqrt((double)r.d) : (double)random_float(0.05f, 0.5f);
  const int64_t queries = r.B * r.S * r.H * r.d, keys = r.B * r.T * r.K * r.d, rows = r.B * r.H * r.S;
  Value *q = random_floats(1, SHAPE(r.B, r.S, r.H, r.d)), *k = random_floats(1, SHAPE(r.B, r.T, r.K, r.d)), *v = random_floats(1, SHAPE(r.B, r.T, r.K, r.d));
  Value *dy = random_floats(1, SHAPE(r.B, r.S, r.H, r.d)), *segments = segmented ? segments_of(r.B, r.S) : NULL;
  r.q = doubles_of(q), r.k = doubles_of(k), r.v = doubles_of(v), r.dy = doubles_of(dy);
  r.y = doubles(queries), r.log_sum_exp = doubles(rows), r.dq = doubles(queries), r.dk = doubles(keys), r.dv = doubles(keys);
  r.segments = segments ? segments->integers : NULL;
  double *p = doubles(r.T);
  for (int64_t row = 0; row < rows; row++) attend(&r, row / (r.H * r.S), row / r.S % r.H, row % r.S, p);
  Value *y = floats_of(r.y, SHAPE(r.B, r.S, r.H, r.d)), *log_sum_exp = floats_of(r.log_sum_exp, SHAPE(r.B, r.H, r.S));

  Execution run = {.operator_name = "Attention"}, back = {.operator_name = "AttentionGradient"};
  Execution *both[] = {&run, &back};
  for (int i = 0; i < 2; i++) {
    give_attribute(both[i], (Attribute)INT("causal", r.causal));
    give_attribute(both[i], (Attribute)INT("window", r.window));
    give_attribute(both[i], (Attribute)FLOAT("scale", (float)r.scale));
    give_attribute(both[i], (Attribute)STRING("precision", f32 ? "f32" : "bf16"));
    give_input(both[i], q);
    give_input(both[i], k);
    give_input(both[i], v);
  }
  give_input(&run, segments);
  give_input(&back, y);
  give_input(&back, dy);
  give_input(&back, log_sum_exp);
  give_input(&back, segments);
  for (int i = 0; i < 2; i++) want_output(&run, true);
  for (int i = 0; i < 3; i++) want_output(&back, true);
  // bf16 rounds every factor by at most 2⁻⁹; a score is a sum of d products, a gradient one of up to G · S.
  const double score = rounded ? ldexp(1, -8) * r.scale * sqrt((double)r.d) : 1e-6, tolerance = rounded ? 1e-2 : 2e-5;
  const double many = sqrt((double)(r.H / r.K * r.S)), root = 1 + sqrt((double)r.d) * r.scale;
  if (succeed(&run)) {
    expect_close(&run, "y", run.outputs[0].result->floats, r.y, queries, tolerance, 1 + score);
    expect_close(&run, "log-sum-exp", run.outputs[1].result->floats, r.log_sum_exp, rows, tolerance, 1 + 4 * score);
  }
  if (succeed(&back)) {
    expect_close(&back, "dq", back.outputs[0].result->floats, r.dq, queries, tolerance, 2 * root);
    expect_close(&back, "dk", back.outputs[1].result->floats, r.dk, keys, tolerance, 2 * root * many);
    expect_close(&back, "dv", back.outputs[2].result->floats, r.dv, keys, tolerance, 2 * many);
  }
  if (round == 0) {
    Execution bad = run;
    bad.inputs[2] = log_sum_exp;
    expect_error(&bad, "must be");
  }
  free_outputs(&run), free_outputs(&back);
  free_value(q), free_value(k), free_value(v), free_value(dy), free_value(segments), free_value(y), free_value(log_sum_exp);
  free(r.q), free(r.k), free(r.v), free(r.dy), free(r.y), free(r.log_sum_exp), free(r.dq), free(r.dk), free(r.dv), free(p);
}
