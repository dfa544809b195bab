#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

typedef struct {
  int64_t B, S, R, T, H, d, e;
  float scale;
  bool half;
  Value *q, *rows, *vectors, *lengths, *slots, *segments;
} Case;

static double half_to_double(uint16_t h) {
  const double sign = h & 0x8000 ? -1 : 1;
  const int exponent = h >> 10 & 31, fraction = h & 1023;
  return sign * (exponent ? ldexp(1 + fraction / 1024.0, exponent - 15) : ldexp(fraction, -24));
}

static double element(const Value *vectors, int64_t at) { return vectors->type == R1_FLOAT16 ? half_to_double(vectors->halves[at]) : (double)vectors->floats[at]; }

static Case random_case(void) {
  Case c = {.B = random_int(1, 4), .H = random_int(1, 20), .half = random_int(0, 1)};
  c.d = random_int(0, 2) ? 16 * random_int(1, 6) : random_int(1, 70);
  c.e = random_int(1, c.d);
  c.T = 16 * (random_int(0, 2) ? random_int(1, 10) : random_int(11, 40));
  c.S = random_int(0, 1) ? 1 : random_int(2, c.T < 40 ? c.T : 40);
  c.R = c.B + random_int(0, 2);
  c.scale = random_int(0, 1) ? 0 : random_float(0.05f, 0.5f);
  c.q = random_floats(1, SHAPE(c.B, c.S, c.H, c.d)), c.rows = random_floats(1, SHAPE(c.B, c.S, c.d));
  c.vectors = new_value(c.half ? R1_FLOAT16 : R1_FLOAT, SHAPE(c.R, c.T, c.d));
  for (int64_t i = 0; i < c.vectors->size; i++)
    if (c.half) c.vectors->halves[i] = (uint16_t)(random_int(0, 1) << 15 | random_int(8, 15) << 10 | random_int(0, 1023));
    else c.vectors->floats[i] = random_float(-1, 1);
  c.lengths = random_integers(0, c.T - c.S, SHAPE(c.B));
  c.slots = c.R > c.B || random_int(0, 1) ? new_value(R1_INT64, SHAPE(c.B)) : NULL;
  for (int64_t b = 0; c.slots && b < c.B; b++) c.slots->integers[b] = c.R - 1 - b;
  c.segments = c.S > 1 && random_int(0, 1) ? new_value(R1_INT64, SHAPE(c.B, c.S)) : NULL;
  for (int64_t b = 0; c.segments && b < c.B; b++) {
    const int64_t front = random_int(0, c.S - 1), end = random_int(front, c.S);
    for (int64_t s = 0; s < c.S; s++) c.segments->integers[b * c.S + s] = s >= front && s < end ? 0 : -1;
  }
  return c;
}

static Execution execution_of(const Case *c, const Value *vectors) {
  Execution run = {.operator_name = c->half ? "CachedLatentAttentionF16" : "CachedLatentAttention"};
  give_attribute(&run, (Attribute)FLOAT("scale", c->scale));
  give_attribute(&run, (Attribute)INT("values", c->e));
  const Value *inputs[] = {c->q, c->rows, vectors, c->lengths, c->slots, c->segments};
  for (int i = 0; i < 6; i++) give_input(&run, inputs[i]);
  want_output(&run, true);
  return run;
}

static Value *copy(const Value *value) {
  Value *other = new_value(value->type, value->rank, value->shape);
  memcpy(other->data, value->data, value_bytes(value));
  return other;
}

// New vectors at their places, others untouched; then attention in double precision over what the buffer holds.
static void check_result(const Execution *run, const Case *c, const Value *updated) {
  const double scale = c->scale > 0 ? (double)c->scale : 1 / sqrt((double)c->d);
  double *y = doubles(c->B * c->S * c->H * c->e), *scores = doubles(c->T), *expected = doubles(updated->size);
  for (int64_t i = 0; i < updated->size; i++) expected[i] = element(c->vectors, i);
  for (int64_t b = 0; b < c->B; b++) {
    const int64_t slot = (c->slots ? c->slots->integers[b] : b) * c->T;
    int64_t place = c->lengths->integers[b] - 1;
    for (int64_t token = b * c->S; token < (b + 1) * c->S; token++) {
      if (c->segments && c->segments->integers[token] < 0) continue;
      place++;
      for (int64_t i = 0; i < c->d; i++) expected[(slot + place) * c->d + i] = (double)c->rows->floats[token * c->d + i];
      for (int64_t h = 0; h < c->H; h++) {
        const float *q = c->q->floats + (token * c->H + h) * c->d;
        double top = -INFINITY, sum = 0;
        for (int64_t t = 0; t <= place; t++) {
          scores[t] = 0;
          for (int64_t i = 0; i < c->d; i++) scores[t] += scale * (double)q[i] * element(updated, (slot + t) * c->d + i);
          top = fmax(top, scores[t]);
        }
        for (int64_t t = 0; t <= place; t++) sum += scores[t] = exp(scores[t] - top);
        for (int64_t t = 0; t <= place; t++)
          for (int64_t i = 0; i < c->e; i++) y[(token * c->H + h) * c->e + i] += scores[t] / sum * element(updated, (slot + t) * c->d + i);
      }
    }
  }
  int64_t wrong = 0;
  for (int64_t i = 0; i < updated->size; i++) wrong += !(fabs(element(updated, i) - expected[i]) <= (c->half ? 5e-4 : 0) * (fabs(expected[i]) + 1));
  expect(wrong == 0, run->operator_name, "new vectors at their places");
  expect_close(run, "y", run->outputs[0].result->floats, y, c->B * c->S * c->H * c->e, 1e-5, 1);
  free(y), free(scores), free(expected);
}

// One token after the other, each row by itself, gives the same bits as all at once.
static void check_alone(const Case *c, const Value *y) {
  Value *vectors = copy(c->vectors);
  int64_t differing = 0;
  for (int64_t b = 0; b < c->B; b++) {
    int64_t place = c->lengths->integers[b];
    for (int64_t token = b * c->S; token < (b + 1) * c->S; token++) {
      if (c->segments && c->segments->integers[token] < 0) continue;
      Case one = *c;
      one.q = new_value(R1_FLOAT, SHAPE(1, 1, c->H, c->d)), one.rows = new_value(R1_FLOAT, SHAPE(1, 1, c->d));
      memcpy(one.q->data, c->q->floats + token * c->H * c->d, value_bytes(one.q));
      memcpy(one.rows->data, c->rows->floats + token * c->d, value_bytes(one.rows));
      one.lengths = new_value(R1_INT64, SHAPE(1)), one.slots = new_value(R1_INT64, SHAPE(1)), one.segments = NULL;
      one.lengths->integers[0] = place++, one.slots->integers[0] = c->slots ? c->slots->integers[b] : b;
      Execution run = execution_of(&one, vectors);
      want_output_in(&run, vectors);
      if (succeed(&run) && memcmp(run.outputs[0].result->data, y->floats + token * c->H * c->e, value_bytes(run.outputs[0].result))) differing++;
      free_outputs(&run);
      free_value(one.q), free_value(one.rows), free_value(one.lengths), free_value(one.slots);
    }
  }
  expect(differing == 0, "CachedLatentAttention", "a token alone and among others to the bit");
  free_value(vectors);
}

static void check_errors(Case *c) {
  Execution run = execution_of(c, c->vectors);
  want_output(&run, true);
  const int64_t length = c->lengths->integers[0];
  c->lengths->integers[0] = c->T + 1;
  expect_error(&run, "outside");
  c->lengths->integers[0] = length;
  run.attributes[1] = (Attribute)INT("values", c->d + 1);
  expect_error(&run, "longer than a vector");
  run.attributes[1] = (Attribute)INT("values", 0);
  expect_error(&run, "values must say");
  run = execution_of(c, c->q);
  want_output(&run, true);
  if (!c->half) expect_error(&run, "the buffer [R,T,d]");
}

void test_latent_attention(int round) {
  Case c = random_case();
  if (round == 0) check_errors(&c);
  Value *vectors = copy(c.vectors);
  Execution run = execution_of(&c, vectors);
  const bool in_place = random_int(0, 1);
  if (in_place) want_output_in(&run, vectors);
  else want_output(&run, true);
  if (succeed(&run)) {
    check_result(&run, &c, in_place ? vectors : run.outputs[1].result);
    check_alone(&c, run.outputs[0].result);
  }
  free_outputs(&run);
  Value *all[] = {c.q, c.rows, c.vectors, c.lengths, c.slots, c.segments, vectors};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free_value(all[i]);
}

void test_expert_dispatch(int round) {
  const int64_t T = random_int(1, 40), k = random_int(1, 4), experts = random_int(4, 20);
  Value *chosen = random_integers(0, experts - 1, SHAPE(T, k));
  Execution run = {.operator_name = "ExpertDispatch"};
  give_attribute(&run, (Attribute)INT("experts", experts));
  give_input(&run, chosen);
  for (int i = 0; i < 3; i++) want_output(&run, true);
  if (succeed(&run)) {
    const int64_t *order = run.outputs[0].result->integers, *places = run.outputs[1].result->integers, *offsets = run.outputs[2].result->integers;
    bool right = offsets[0] == 0 && offsets[experts] == T * k;
    for (int64_t rank = 0; rank < T * k; rank++) {
      const int64_t expert = chosen->integers[order[rank]];
      right = right && places[order[rank]] == rank && offsets[expert] <= rank && rank < offsets[expert + 1];
      if (rank) right = right && (chosen->integers[order[rank - 1]] < expert || order[rank - 1] < order[rank]);
    }
    expect(right, "ExpertDispatch", "choices sorted by expert, and among equals as they come");
  }
  if (round == 0) {
    chosen->integers[0] = experts;
    expect_error(&run, "is not one of");
  }
  free_outputs(&run);
  free_value(chosen);
}
