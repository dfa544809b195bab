#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { BLOCK = 16 };

static double half_to_double(uint16_t h) {
  const double sign = h & 0x8000 ? -1 : 1;
  const int exponent = h >> 10 & 31, fraction = h & 1023;
  return sign * (exponent ? ldexp(1 + fraction / 1024.0, exponent - 15) : ldexp(fraction, -24));
}

// A small number that halves hold.
static uint16_t random_half(void) { return (uint16_t)(random_int(0, 1) << 15 | random_int(8, 15) << 10 | random_int(0, 1023)); }

static double element(const Value *value, int64_t at) { return value->type == R1_FLOAT16 ? half_to_double(value->halves[at]) : value->floats[at]; }

typedef struct {
  int64_t B, S, R, T, H, K, d, e, half, P, window;
  float scale, softcap;
  ElementType type;
  Value *q, *k, *v, *keys, *values, *lengths, *slots, *segments, *positions, *cosine, *sine;
} Case;

static Value *buffer(ElementType type, int rank, const int64_t *shape) {
  Value *value = new_value(type, rank, shape);
  for (int64_t i = 0; i < value->size; i++)
    if (type == R1_FLOAT16) value->halves[i] = random_half();
    else value->floats[i] = random_float(-1, 1);
  return value;
}

static Value *copy(const Value *value) {
  Value *other = new_value(value->type, value->rank, value->shape);
  memcpy(other->data, value->data, value_bytes(value));
  return other;
}

static Case random_case(void) {
  Case c = {.B = random_int(1, 5), .K = random_int(1, 3), .type = random_int(0, 1) ? R1_FLOAT16 : R1_FLOAT};
  c.H = c.K * (random_int(0, 5) ? random_int(1, 5) : random_int(6, 40));
  c.d = random_int(0, 2) ? 16 * random_int(1, 6) : random_int(1, 70);
  c.e = random_int(0, 3) ? c.d : random_int(1, 70);
  c.T = BLOCK * (random_int(0, 2) ? random_int(1, 10) : random_int(11, 40));
  c.S = random_int(0, 1) ? 1 : random_int(2, c.T < 40 ? c.T : 40);
  c.R = c.B + random_int(0, 2);
  c.half = random_int(0, 3) ? random_int(1, (c.d + 1) / 2) : 0;
  if (2 * c.half > c.d) c.half = 0;
  c.P = c.T + 3;
  c.window = random_int(0, 2) ? 0 : random_int(1, 200);
  c.softcap = random_int(0, 3) ? 0 : random_float(0.5f, 20);
  c.scale = random_int(0, 1) ? 0 : random_float(0.05f, 0.5f);
  return c;
}

static void fill_case(Case *c) {
  c->q = random_floats(1, SHAPE(c->B, c->S, c->H, c->d)), c->k = random_floats(1, SHAPE(c->B, c->S, c->K, c->d)), c->v = random_floats(1, SHAPE(c->B, c->S, c->K, c->e));
  c->keys = buffer(c->type, SHAPE(c->R, c->K, c->T / BLOCK, c->d, BLOCK)), c->values = buffer(c->type, SHAPE(c->R, c->K, c->T, c->e));
  c->lengths = random_integers(0, c->T - c->S, SHAPE(c->B));
  // Row b has slot R − 1 − b, so the order is turned.
  c->slots = c->R > c->B || random_int(0, 1) ? new_value(R1_INT64, SHAPE(c->B)) : NULL;
  for (int64_t b = 0; c->slots && b < c->B; b++) c->slots->integers[b] = c->R - 1 - b;
  c->segments = c->S > 1 && random_int(0, 1) ? new_value(R1_INT64, SHAPE(c->B, c->S)) : NULL;
  for (int64_t b = 0; c->segments && b < c->B; b++) {
    const int64_t front = random_int(0, c->S - 1), end = random_int(front, c->S);  // a row may be all padding
    for (int64_t s = 0; s < c->S; s++) c->segments->integers[b * c->S + s] = s >= front && s < end ? 0 : -1;
  }
  c->positions = c->half ? random_integers(0, c->P - 1, SHAPE(c->B, c->S)) : NULL;
  c->cosine = c->half ? random_floats(1, SHAPE(c->P, c->half)) : NULL, c->sine = c->half ? random_floats(1, SHAPE(c->P, c->half)) : NULL;
}

static void free_case(Case *c) {
  Value *all[] = {c->q, c->k, c->v, c->keys, c->values, c->lengths, c->slots, c->segments, c->positions, c->cosine, c->sine};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free_value(all[i]);
}

static Execution execution_of(const Case *c, Value *keys, Value *values) {
  Execution run = {.operator_name = c->type == R1_FLOAT16 ? "CachedAttentionF16" : "CachedAttention"};
  give_attribute(&run, (Attribute)FLOAT("scale", c->scale));
  give_attribute(&run, (Attribute)FLOAT("softcap", c->softcap));
  give_attribute(&run, (Attribute)INT("window", c->window));
  const Value *inputs[] = {c->q, c->k, c->v, keys, values, c->lengths, c->slots, c->segments, c->positions, c->cosine, c->sine};
  for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) give_input(&run, inputs[i]);
  want_output(&run, true);
  return run;
}

static double turned(const Case *c, const Value *x, int64_t heads, int64_t token, int64_t head, int64_t i) {
  const float *row = x->floats + (token * heads + head) * c->d;
  if (i >= 2 * c->half) return row[i];
  const int64_t pair = i % c->half, at = c->positions->integers[token] * c->half + pair;
  const double cosine = c->cosine->floats[at], sine = c->sine->floats[at];
  return i < c->half ? row[i] * cosine - row[i + c->half] * sine : row[i] * cosine + row[i - c->half] * sine;
}

static int64_t key_at(const Case *c, int64_t row, int64_t place, int64_t i) { return row * c->T * c->d + place / BLOCK * BLOCK * c->d + i * BLOCK + place % BLOCK; }

// What a buffer has to hold: new numbers to within the rounding of its type, all others untouched.
static void check_buffer(const Execution *run, const Case *c, const char *what, const Value *got, const Value *before, const double *expected, const bool *is_new) {
  int64_t wrong = 0;
  for (int64_t i = 0; i < got->size; i++) {
    const double allowed = is_new[i] ? (c->type == R1_FLOAT16 ? 5e-4 : 5e-7) * (fabs(expected[i]) + 1) : 0;
    if (!(fabs(element(got, i) - (is_new[i] ? expected[i] : element(before, i))) <= allowed)) wrong++;
  }
  expect(wrong == 0, run->operator_name, what);
}

// Attends in double precision over what the buffers hold after the step.
static void check_result(const Execution *run, const Case *c, const Value *keys, const Value *values) {
  const double scale = c->scale > 0 ? c->scale : 1 / sqrt((double)c->d);
  double *y = doubles(c->B * c->S * c->H * c->e), *scores = doubles(c->T), *q = doubles(c->d);
  for (int64_t b = 0; b < c->B; b++) {
    int64_t place = c->lengths->integers[b] - 1;
    for (int64_t s = 0; s < c->S; s++) {
      const int64_t token = b * c->S + s;
      if (c->segments && c->segments->integers[token] < 0) continue;
      place++;
      const int64_t first = c->window && place >= c->window ? place - c->window + 1 : 0;
      for (int64_t h = 0; h < c->H; h++) {
        const int64_t row = (c->slots ? c->slots->integers[b] : b) * c->K + h / (c->H / c->K);
        double top = -INFINITY, sum = 0;
        for (int64_t i = 0; i < c->d; i++) q[i] = turned(c, c->q, c->H, token, h, i);
        for (int64_t t = first; t <= place; t++) {
          scores[t] = 0;
          for (int64_t i = 0; i < c->d; i++) scores[t] += scale * q[i] * element(keys, key_at(c, row, t, i));
          if (c->softcap > 0) scores[t] = (double)c->softcap * tanh(scores[t] / (double)c->softcap);
          top = fmax(top, scores[t]);
        }
        for (int64_t t = first; t <= place; t++) sum += scores[t] = exp(scores[t] - top);
        for (int64_t t = first; t <= place; t++)
          for (int64_t i = 0; i < c->e; i++) y[(token * c->H + h) * c->e + i] += scores[t] / sum * element(values, (row * c->T + t) * c->e + i);
      }
    }
  }
  expect_close(run, "y", run->outputs[0].result->floats, y, c->B * c->S * c->H * c->e, 1e-5, 1);
  free(y), free(scores), free(q);
}

static void check_buffers(const Execution *run, const Case *c, const Value *keys, const Value *values) {
  double *new_keys = doubles(keys->size), *new_values = doubles(values->size);
  bool *key_is_new = calloc((size_t)keys->size, sizeof(bool)), *value_is_new = calloc((size_t)values->size, sizeof(bool));
  for (int64_t b = 0; b < c->B; b++) {
    int64_t place = c->lengths->integers[b];
    for (int64_t token = b * c->S; token < (b + 1) * c->S; token++) {
      if (c->segments && c->segments->integers[token] < 0) continue;
      for (int64_t h = 0; h < c->K; h++) {
        const int64_t row = (c->slots ? c->slots->integers[b] : b) * c->K + h;
        for (int64_t i = 0; i < c->d; i++) {
          new_keys[key_at(c, row, place, i)] = turned(c, c->k, c->K, token, h, i);
          key_is_new[key_at(c, row, place, i)] = true;
        }
        for (int64_t i = 0; i < c->e; i++) {
          new_values[(row * c->T + place) * c->e + i] = c->v->floats[(token * c->K + h) * c->e + i];
          value_is_new[(row * c->T + place) * c->e + i] = true;
        }
      }
      place++;
    }
  }
  check_buffer(run, c, "keys", keys, c->keys, new_keys, key_is_new);
  check_buffer(run, c, "values", values, c->values, new_values, value_is_new);
  free(new_keys), free(new_values), free(key_is_new), free(value_is_new);
}

// One token after the other, each row by itself, gives the same bits as all at once.
static void check_alone(const Case *c, const Value *y) {
  Value *keys = copy(c->keys), *values = copy(c->values);
  int64_t differing = 0;
  for (int64_t b = 0; b < c->B; b++) {
    int64_t place = c->lengths->integers[b];
    for (int64_t token = b * c->S; token < (b + 1) * c->S; token++) {
      if (c->segments && c->segments->integers[token] < 0) continue;
      Case one = *c;
      one.B = one.S = 1;
      one.q = new_value(R1_FLOAT, SHAPE(1, 1, c->H, c->d)), one.k = new_value(R1_FLOAT, SHAPE(1, 1, c->K, c->d)), one.v = new_value(R1_FLOAT, SHAPE(1, 1, c->K, c->e));
      memcpy(one.q->data, c->q->floats + token * c->H * c->d, value_bytes(one.q));
      memcpy(one.k->data, c->k->floats + token * c->K * c->d, value_bytes(one.k));
      memcpy(one.v->data, c->v->floats + token * c->K * c->e, value_bytes(one.v));
      one.lengths = new_value(R1_INT64, SHAPE(1)), one.slots = new_value(R1_INT64, SHAPE(1)), one.segments = NULL;
      one.lengths->integers[0] = place++, one.slots->integers[0] = c->slots ? c->slots->integers[b] : b;
      if (c->half) {
        one.positions = new_value(R1_INT64, SHAPE(1, 1));
        one.positions->integers[0] = c->positions->integers[token];
      }
      Execution run = execution_of(&one, keys, values);
      want_output_in(&run, keys), want_output_in(&run, values);
      if (succeed(&run) && memcmp(run.outputs[0].result->data, y->floats + token * c->H * c->e, value_bytes(run.outputs[0].result))) differing++;
      free_outputs(&run);
      free_value(one.q), free_value(one.k), free_value(one.v), free_value(one.lengths), free_value(one.slots);
      if (c->half) free_value(one.positions);
    }
  }
  expect(differing == 0, "CachedAttention", "a token alone and among others to the bit");
  free_value(keys), free_value(values);
}

static void check_errors(Case *c) {
  Value *keys = copy(c->keys), *values = copy(c->values);
  Execution run = execution_of(c, keys, values);
  want_output(&run, true), want_output(&run, true);
  const int64_t length = c->lengths->integers[0];
  c->lengths->integers[0] = c->T + 1;
  expect_error(&run, "outside");
  c->lengths->integers[0] = -1;
  expect_error(&run, "outside");
  c->lengths->integers[0] = c->T;
  if (!c->segments) expect_error(&run, "places");
  c->lengths->integers[0] = length;
  Value *slots = new_value(R1_INT64, SHAPE(c->B));
  slots->integers[0] = c->R;
  run.inputs[6] = slots;
  expect_error(&run, "slot");
  run.inputs[6] = c->slots;
  run.inputs[4] = c->q;
  if (c->type == R1_FLOAT) expect_error(&run, "buffers");
  free_value(slots), free_value(keys), free_value(values);
}

void test_cached_attention(int round) {
  Case c = random_case();
  fill_case(&c);
  if (round == 0) check_errors(&c);
  Value *keys = copy(c.keys), *values = copy(c.values);
  Execution run = execution_of(&c, keys, values);
  const bool in_place = random_int(0, 1);
  for (int i = 0; i < 2; i++) {
    if (in_place) want_output_in(&run, i ? values : keys);
    else want_output(&run, true);
  }
  if (succeed(&run)) {
    const Value *new_keys = in_place ? keys : run.outputs[1].result, *new_values = in_place ? values : run.outputs[2].result;
    check_buffers(&run, &c, new_keys, new_values);
    check_result(&run, &c, new_keys, new_values);
    check_alone(&c, run.outputs[0].result);
  }
  free_outputs(&run), free_value(keys), free_value(values), free_case(&c);
}
