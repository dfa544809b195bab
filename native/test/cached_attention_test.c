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


typedef struct {
  int64_t B, S, R, T, H, K, d, e, half, P, window;
  float scale, softcap;
  ElementType type;
  Value *q, *k, *v, *lengths, *slots, *segments, *positions, *cosine, *sine;
  Value *kept[4];  // keys, values and, of int8, their scales
} Case;

enum { KEYS, VALUES, KEY_SCALES, VALUE_SCALES };

static int buffers_of(const Case *c) { return c->type == R1_INT8 ? 4 : 2; }

// A number of the keys or values; its scale stands at the number's row and place.
static double element(const Case *c, Value *const *kept, int which, int64_t at) {
  const Value *value = kept[which];
  if (value->type == R1_FLOAT16) return half_to_double(value->halves[at]);
  if (value->type == R1_FLOAT) return value->floats[at];
  const int64_t row = at / (c->T * c->d), in_row = at % (c->T * c->d);
  const int64_t place = which == KEYS ? row * c->T + in_row / (BLOCK * c->d) * BLOCK + in_row % BLOCK : at / c->e;
  return (double)((const int8_t *)value->data)[at] * (double)kept[which + KEY_SCALES]->floats[place];
}

static Value *buffer(ElementType type, int rank, const int64_t *shape) {
  Value *value = new_value(type, rank, shape);
  for (int64_t i = 0; i < value->size; i++)
    if (type == R1_FLOAT16) value->halves[i] = random_half();
    else if (type == R1_INT8) ((int8_t *)value->data)[i] = (int8_t)random_int(-127, 127);
    else value->floats[i] = random_float(-1, 1);
  return value;
}

static Value *copy(const Value *value) {
  Value *other = new_value(value->type, value->rank, value->shape);
  memcpy(other->data, value->data, value_bytes(value));
  return other;
}

static void copy_buffers(const Case *c, Value **kept) {
  for (int i = 0; i < 4; i++) kept[i] = i < buffers_of(c) ? copy(c->kept[i]) : NULL;
}

static void free_buffers(Value **kept) {
  for (int i = 0; i < 4; i++) free_value(kept[i]);
}

static Case random_case(void) {
  Case c = {.B = random_int(1, 5), .K = random_int(1, 3), .type = (ElementType[]){R1_FLOAT, R1_FLOAT16, R1_INT8}[random_int(0, 2)]};
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
  c->kept[KEYS] = buffer(c->type, SHAPE(c->R, c->K, c->T / BLOCK, c->d, BLOCK)), c->kept[VALUES] = buffer(c->type, SHAPE(c->R, c->K, c->T, c->e));
  for (int which = KEY_SCALES; which < buffers_of(c); which++) {
    c->kept[which] = new_value(R1_FLOAT, SHAPE(c->R, c->K, c->T, 1));
    for (int64_t i = 0; i < c->kept[which]->size; i++) c->kept[which]->floats[i] = random_float(0.002f, 0.01f);
  }
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
  Value *all[] = {c->q, c->k, c->v, c->kept[0], c->kept[1], c->kept[2], c->kept[3], c->lengths, c->slots, c->segments, c->positions, c->cosine, c->sine};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free_value(all[i]);
}

static Execution execution_of(const Case *c, Value *const *kept) {
  Execution run = {.operator_name = c->type == R1_FLOAT16 ? "CachedAttentionF16" : c->type == R1_INT8 ? "CachedAttentionI8" : "CachedAttention"};
  give_attribute(&run, (Attribute)FLOAT("scale", c->scale));
  give_attribute(&run, (Attribute)FLOAT("softcap", c->softcap));
  give_attribute(&run, (Attribute)INT("window", c->window));
  const Value *inputs[] = {c->q, c->k, c->v, kept[KEYS], kept[VALUES], c->lengths, c->slots, c->segments, c->positions, c->cosine, c->sine, kept[KEY_SCALES], kept[VALUE_SCALES]};
  for (int i = 0; i < (c->type == R1_INT8 ? 13 : 11); i++) give_input(&run, inputs[i]);
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
static void check_buffer(const Execution *run, const Case *c, int which, Value *const *got, const double *expected, const bool *is_new) {
  const double relative = c->type == R1_FLOAT16 ? 5e-4 : 5e-7;
  int64_t wrong = 0;
  for (int64_t i = 0; i < got[which]->size; i++) {
    // Half a step of int8, whose largest code stands for a number below 5.
    const double allowed = is_new[i] ? relative * (fabs(expected[i]) + 1) + (c->type == R1_INT8 ? 0.5001 * 5 / 127 : 0) : 0;
    if (!(fabs(element(c, got, which, i) - (is_new[i] ? expected[i] : element(c, c->kept, which, i))) <= allowed)) wrong++;
  }
  expect(wrong == 0, run->operator_name, which == KEYS ? "keys" : "values");
}

// Attends in double precision over what the buffers hold after the step.
static void check_result(const Execution *run, const Case *c, Value *const *kept) {
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
          for (int64_t i = 0; i < c->d; i++) scores[t] += scale * q[i] * element(c, kept, KEYS, key_at(c, row, t, i));
          if (c->softcap > 0) scores[t] = (double)c->softcap * tanh(scores[t] / (double)c->softcap);
          top = fmax(top, scores[t]);
        }
        for (int64_t t = first; t <= place; t++) sum += scores[t] = exp(scores[t] - top);
        for (int64_t t = first; t <= place; t++)
          for (int64_t i = 0; i < c->e; i++) y[(token * c->H + h) * c->e + i] += scores[t] / sum * element(c, kept, VALUES, (row * c->T + t) * c->e + i);
      }
    }
  }
  expect_close(run, "y", run->outputs[0].result->floats, y, c->B * c->S * c->H * c->e, 1e-5, 1);
  free(y), free(scores), free(q);
}

static void check_buffers(const Execution *run, const Case *c, Value *const *kept) {
  const Value *keys = kept[KEYS], *values = kept[VALUES];
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
  check_buffer(run, c, KEYS, kept, new_keys, key_is_new);
  check_buffer(run, c, VALUES, kept, new_values, value_is_new);
  free(new_keys), free(new_values), free(key_is_new), free(value_is_new);
}

// One token after the other, each row by itself, gives the same bits as all at once.
static void check_alone(const Case *c, const Value *y) {
  Value *kept[4];
  copy_buffers(c, kept);
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
      Execution run = execution_of(&one, kept);
      for (int i = 0; i < buffers_of(c); i++) want_output_in(&run, kept[i]);
      if (succeed(&run) && memcmp(run.outputs[0].result->data, y->floats + token * c->H * c->e, value_bytes(run.outputs[0].result))) differing++;
      free_outputs(&run);
      free_value(one.q), free_value(one.k), free_value(one.v), free_value(one.lengths), free_value(one.slots);
      if (c->half) free_value(one.positions);
    }
  }
  expect(differing == 0, "CachedAttention", "a token alone and among others to the bit");
  free_buffers(kept);
}

static void check_errors(Case *c) {
  Execution run = execution_of(c, c->kept);
  for (int i = 0; i < buffers_of(c); i++) want_output(&run, true);
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
  run.inputs[4] = c->kept[VALUES];
  if (c->type == R1_INT8) run.inputs[11] = c->kept[VALUES], expect_error(&run, "element type");
  free_value(slots);
}

// Heads without features are refused before work is cut by their width.
static void check_empty_heads(void) {
  Case c = {.B = 1, .S = 1, .R = 1, .T = BLOCK, .H = 1, .K = 1, .type = R1_FLOAT};
  fill_case(&c);
  Execution run = execution_of(&c, c.kept);
  for (int i = 0; i < buffers_of(&c); i++) want_output(&run, true);
  expect_error(&run, "features");
  free_case(&c);
}

void test_cached_attention(int round) {
  Case c = random_case();
  fill_case(&c);
  if (round == 0) check_errors(&c), check_empty_heads();
  Value *kept[4];
  copy_buffers(&c, kept);
  Execution run = execution_of(&c, kept);
  const bool in_place = random_int(0, 1);
  for (int i = 0; i < buffers_of(&c); i++) {
    if (in_place) want_output_in(&run, kept[i]);
    else want_output(&run, true);
  }
  if (succeed(&run)) {
    Value *updated[4] = {NULL};
    for (int i = 0; i < buffers_of(&c); i++) updated[i] = in_place ? kept[i] : run.outputs[1 + i].result;
    check_buffers(&run, &c, updated);
    check_result(&run, &c, updated);
    check_alone(&c, run.outputs[0].result);
  }
  free_outputs(&run), free_buffers(kept), free_case(&c);
}
