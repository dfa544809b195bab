#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../quantised/packed.h"
#include "check.h"

int64_t r1_quantised_bytes(const char *type, int64_t N, int64_t K);
int r1_quantised_pack(const char *type, int floats, const uint8_t *source, int64_t source_bytes, int64_t N, int64_t K, int64_t first, int64_t count, uint8_t *target, int64_t target_bytes);

// Every type, with the places of the f16 scales in a block.
static const struct {
  const char *name;
  int halves[2];
} types[] = {{"Q4_0", {0, -1}}, {"Q4_1", {0, 2}},   {"Q5_0", {0, -1}},  {"Q5_1", {0, 2}}, {"Q8_0", {0, -1}},
             {"Q2_K", {80, 82}}, {"Q3_K", {108, -1}}, {"Q4_K", {0, 2}}, {"Q5_K", {0, 2}}, {"Q6_K", {208, -1}}, {"BF16", {-1, -1}}};
enum { TYPES = sizeof types / sizeof *types, BF16 = TYPES - 1 };

// Any bytes are a matrix, as long as the scales are of a modest size.
static uint8_t *random_blocks(int type, int64_t N, int64_t K, int64_t *bytes) {
  const Format *format = quantised_format(types[type].name);
  *bytes = N * (K / format->source_numbers) * format->source_bytes;
  uint8_t *blocks = malloc((size_t)*bytes);
  for (int64_t i = 0; i < *bytes; i++) blocks[i] = (uint8_t)random_bits();
  // bf16 between 2^-6 and 2^-5, of both signs
  for (int64_t i = 1; type == BF16 && i < *bytes; i += 2) blocks[i] = (uint8_t)((blocks[i] & 0x80) | 0x3c), blocks[i - 1] |= 0x80;
  for (int64_t at = 0; at < *bytes; at += format->source_bytes)
    for (int i = 0; i < 2; i++) {
      if (types[type].halves[i] < 0) continue;
      const uint16_t half = half_bits(random_float(-0.01f, 0.01f));
      memcpy(blocks + at + types[type].halves[i], &half, 2);
    }
  return blocks;
}

typedef struct {
  const Format *format;
  int64_t N, K;
  Value *packed;
  double *numbers;  // [N, K]
} Matrix;

static Matrix random_matrix(int type, int64_t N, int64_t K) {
  Matrix matrix = {.format = quantised_format(types[type].name), .N = N, .K = K, .numbers = doubles(N * K)};
  int64_t bytes;
  uint8_t *blocks = random_blocks(type, N, K, &bytes);
  matrix.packed = new_value(R1_UINT8, SHAPE(r1_quantised_bytes(matrix.format->name, N, K)));
  // In two pieces, the way a loader streams a large table.
  const int64_t half = N / 2 / PANEL * PANEL, row = bytes / N;
  int failure = r1_quantised_pack(matrix.format->name, 0, blocks, half * row, N, K, 0, half, matrix.packed->bytes, matrix.packed->size);
  failure |= r1_quantised_pack(matrix.format->name, 0, blocks + half * row, (N - half) * row, N, K, half, N - half, matrix.packed->bytes, matrix.packed->size);
  expect(!failure, matrix.format->name, "packs");
  float *row_numbers = malloc((size_t)K * sizeof *row_numbers);
  for (int64_t n = 0; n < N; n++) {
    unpack_row(matrix.format, matrix.packed->bytes, n, K, row_numbers);
    for (int64_t k = 0; k < K; k++) matrix.numbers[n * K + k] = (double)row_numbers[k];
  }
  free(row_numbers);
  free(blocks);
  return matrix;
}

static void free_matrix(Matrix *matrix) {
  free_value(matrix->packed);
  free(matrix->numbers);
}

// Rows as the product sees them: normalised, and rounded to int8 by blocks unless the weights are bf16.
static double *rounded_rows(const Value *x, int64_t M, int64_t K, const Value *norm, double epsilon, bool wide) {
  double *rows = doubles_of(x);
  for (int64_t m = 0; m < M; m++) {
    double *row = rows + m * K, square = 0;
    for (int64_t k = 0; k < K; k++) square += row[k] * row[k] / (double)K;
    for (int64_t k = 0; norm && k < K; k++) row[k] = row[k] / sqrt(square + epsilon) * (double)norm->floats[k];
    for (int64_t b = 0; b < K && !wide; b += BLOCK) {
      double largest = 0;
      for (int64_t k = b; k < b + BLOCK; k++) largest = fmax(largest, fabs(row[k]));
      for (int64_t k = b; k < b + BLOCK && largest > 0; k++) row[k] = nearbyint(row[k] * 127 / largest) * largest / 127;
    }
  }
  return rows;
}

static double *product_of(const double *rows, int64_t M, const Matrix *w, const Value *bias, const Value *added) {
  double *y = doubles(M * w->N);
  for (int64_t m = 0; m < M; m++)
    for (int64_t n = 0; n < w->N; n++) {
      double sum = (bias ? (double)bias->floats[n] : 0) + (added ? (double)added->floats[m * w->N + n] : 0);
      for (int64_t k = 0; k < w->K; k++) sum += rows[m * w->K + k] * w->numbers[n * w->K + k];
      y[m * w->N + n] = sum;
    }
  return y;
}

// A row alone gives the bits that it has among others.
static void same_alone(const Execution *run, const Value *x, const Value *added, int64_t M, int64_t K, int outputs) {
  const int64_t m = random_int(0, M - 1);
  Execution alone = *run;
  Value *row = new_value(R1_FLOAT, SHAPE(1, K)), *row_added = NULL;
  memcpy(row->floats, x->floats + m * K, (size_t)K * sizeof(float));
  alone.inputs[0] = row;
  if (added) {
    const int64_t N = added->size / M;
    row_added = new_value(R1_FLOAT, SHAPE(1, N));
    memcpy(row_added->floats, added->floats + m * N, (size_t)N * sizeof(float));
    alone.inputs[2] = row_added;
  }
  for (int i = 0; i < outputs; i++) alone.outputs[i].result = NULL;
  if (succeed(&alone)) {
    for (int i = 0; i < outputs; i++) {
      const int64_t N = alone.outputs[i].result->size;
      expect(!memcmp(alone.outputs[i].result->floats, run->outputs[i].result->floats + m * N, (size_t)N * sizeof(float)), "MatMulQuantised", "a row alone gives the same bits");
    }
    free_outputs(&alone);
  }
  free_value(row);
  free_value(row_added);
}

// The two roundings of a number that lies in the middle differ by one step of 1/127: a block's largest number, relative to which is measured.
static double tolerance(const double *rows, const Matrix *w, int64_t M) {
  double largest = 0, weight = 0;
  for (int64_t i = 0; i < M * w->K; i++) largest = fmax(largest, fabs(rows[i]));
  for (int64_t i = 0; i < w->N * w->K; i++) weight = fmax(weight, fabs(w->numbers[i]));
  return largest * weight / 127 * 3 + 1e-5;
}

void test_matmul_quantised(int round) {
  static const char *const phases[] = {"decode", "prefill", "tiles"};
  const int64_t M = random_int(0, 2) ? random_int(1, 40) : random_int(1, 300), K = BLOCK * NEST * random_int(1, 3);
  const int count = (int)random_int(1, 3);
  const bool gated = count == 2 && random_int(0, 1), normed = random_int(0, 1), adds = count == 1 && random_int(0, 1), biased = random_int(0, 1), wide = round % 4 == 1;
  const char *phase = phases[random_int(0, 3) == 0 ? 2 : random_int(0, 1)];
  const bool tiles = !strcmp(phase, "tiles") || (wide && !strcmp(phase, "prefill"));  // tiles on some machines
  const int64_t same_N = random_int(1, 100);
  Matrix w[3];
  Value *bias[3], *x = random_floats(2, SHAPE(M, K)), *norm = random_floats(1, SHAPE(K)), *added = NULL;
  char names[64] = "";
  for (int i = 0; i < count; i++) {
    w[i] = random_matrix(wide ? BF16 : (round + i * 3) % BF16, gated ? same_N : random_int(1, 100), K);
    bias[i] = random_floats(1, SHAPE(w[i].N));
    snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s %d", i ? "," : "", w[i].format->name, (int)w[i].N);
  }
  if (adds) added = random_floats(1, SHAPE(M, w[0].N));
  Execution run = {.operator_name = "MatMulQuantised"};
  give_attribute(&run, (Attribute)STRING("weights", names));
  give_attribute(&run, (Attribute)STRING("phase", phase));
  give_attribute(&run, (Attribute)INT("biases", biased ? (1 << count) - 1 : 0));
  give_attribute(&run, (Attribute)FLOAT("epsilon", 1e-5f));
  if (gated) give_attribute(&run, (Attribute)STRING("activation", "silu"));
  give_input(&run, x);
  give_input(&run, normed ? norm : NULL);
  give_input(&run, added);
  for (int i = 0; i < count; i++) give_input(&run, w[i].packed);
  for (int i = 0; i < count && biased; i++) give_input(&run, bias[i]);
  const int outputs = gated ? 1 : count;
  for (int i = 0; i < outputs; i++) want_output(&run, true);
  double *rows = rounded_rows(x, M, K, normed ? norm : NULL, 1e-5, wide);
  if (succeed(&run)) {
    double *y[3];
    for (int i = 0; i < count; i++) y[i] = product_of(rows, M, &w[i], biased ? bias[i] : NULL, i ? NULL : added);
    for (int64_t i = 0; gated && i < M * same_N; i++) y[0][i] = y[0][i] / (1 + exp(-y[0][i])) * y[1][i];
    for (int i = 0; i < outputs; i++) {
      double size = 0;
      for (int64_t at = 0; at < M * w[i].N; at++) size = fmax(size, fabs(y[i][at]));
      double allowed = tiles ? 0.03 * size + 1e-3 : tolerance(rows, &w[i], M);
      if (gated) allowed = tiles ? 0.06 * size + 1e-3 : allowed + allowed * sqrt(size) * 8;
      expect_close(&run, "y", run.outputs[i].result->floats, y[i], M * w[i].N, allowed, 1);
    }
    same_alone(&run, x, added, M, K, outputs);
    if (adds) {
      Execution over = run;
      over.outputs[0].place = added, over.outputs[0].result = NULL;
      Value *before = new_value(R1_FLOAT, SHAPE(M, w[0].N));
      memcpy(before->floats, run.outputs[0].result->floats, value_bytes(before));
      if (succeed(&over)) expect(!memcmp(before->floats, added->floats, value_bytes(before)), "MatMulQuantised", "the sum in place is the same");
      free_value(before);
    }
    for (int i = 0; i < count; i++) free(y[i]);
  }
  if (round == 0) {
    Execution bad = run;
    bad.inputs[3] = bias[0];
    expect_error(&bad, "packed bytes");
    bad = run;
    bad.inputs[1] = w[0].packed;
    expect_error(&bad, "element type");
    Value *narrow = random_floats(1, SHAPE(2, 24));
    bad = run;
    bad.inputs[0] = narrow, bad.inputs[1] = NULL;
    expect_error(&bad, "no multiple of");
    free_value(narrow);
    for (int i = 0; i < 2; i++) {
      bad = run;
      bad.attributes[i] = i ? (Attribute)STRING("phase", "sleep") : (Attribute)STRING("weights", "Q9_9 3");
      expect_error(&bad, i ? "phase must be" : "weights must name");
    }
    x->floats[K - 1] = NAN;
    Execution spoilt = run;
    for (int i = 0; i < outputs; i++) spoilt.outputs[i].result = NULL;
    if (!tiles && succeed(&spoilt)) {
      expect(isnan(spoilt.outputs[0].result->floats[0]), "MatMulQuantised", "a row with not-a-number gives not-a-number");
      expect(M == 1 || !isnan(spoilt.outputs[0].result->floats[w[0].N]), "MatMulQuantised", "the next row does not");
      free_outputs(&spoilt);
    }
  }
  free_outputs(&run);
  free(rows);
  for (int i = 0; i < count; i++) free_matrix(&w[i]), free_value(bias[i]);
  free_value(x);
  free_value(norm);
  free_value(added);
}

void test_gather_quantised(int round) {
  const int64_t N = random_int(1, 90), K = BLOCK * NEST * random_int(1, 2), T = random_int(1, 20);
  Matrix table = random_matrix(round % TYPES, N, K);
  Value *ids = random_integers(0, N - 1, SHAPE(T, 1));
  Execution run = {.operator_name = "GatherQuantised"};
  give_attribute(&run, (Attribute)STRING("type", table.format->name));
  give_attribute(&run, (Attribute)INT("rows", N));
  give_attribute(&run, (Attribute)INT("columns", K));
  give_input(&run, table.packed);
  give_input(&run, ids);
  want_output(&run, true);
  if (succeed(&run)) {
    double *expected = doubles(T * K);
    for (int64_t t = 0; t < T; t++) memcpy(expected + t * K, table.numbers + ids->integers[t] * K, (size_t)K * sizeof *expected);
    expect_close(&run, "rows", run.outputs[0].result->floats, expected, T * K, 0, 1);
    expect(run.outputs[0].result->rank == 3, "GatherQuantised", "has one axis more than its ids");
    free(expected);
  }
  if (round == 0) {
    Execution bad = run;
    Value *outside = random_integers(N, N, SHAPE(1));
    bad.inputs[1] = outside;
    expect_error(&bad, "is not one of");
    free_value(outside);
  }
  free_outputs(&run);
  free_value(ids);
  free_matrix(&table);
}

// Experts of several rows, of one and of none; each row times its own expert's matrix.
void test_grouped_quantised(int round) {
  enum { MOST = 9 };
  const int64_t experts = random_int(1, MOST), K = BLOCK * NEST * random_int(1, 2);
  const int count = (int)random_int(1, 2);
  const bool gated = count == 2 && random_int(0, 1), wide = round % 4 == 1;
  const int64_t N[2] = {random_int(1, 90), gated ? 0 : random_int(1, 90)};
  Value *offsets = new_value(R1_INT64, SHAPE(experts + 1));
  int64_t T = round % 5 ? 0 : 1;  // at times the first row belongs to nobody
  for (int64_t e = 0; e <= experts; e++) {
    offsets->integers[e] = T;
    if (e < experts) T += random_int(0, 2) ? random_int(0, 3) : random_int(0, 150);
  }
  if (round % 7 == 0) T += 2;
  Value *x = random_floats(2, SHAPE(T, K)), *stacks[2];
  Matrix own[2][MOST];
  Execution run = {.operator_name = "GroupedMatMulQuantised"};
  char names[64] = "";
  for (int i = 0; i < count; i++) {
    const int64_t rows_of_weight = gated ? N[0] : N[i];
    const int type = wide ? BF16 : (round + 3 * i) % BF16;
    const int64_t bytes = r1_quantised_bytes(types[type].name, rows_of_weight, K);
    stacks[i] = new_value(R1_UINT8, SHAPE(experts * bytes));
    for (int64_t e = 0; e < experts; e++) {
      own[i][e] = random_matrix(type, rows_of_weight, K);
      memcpy(stacks[i]->bytes + e * bytes, own[i][e].packed->bytes, (size_t)bytes);
    }
    snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s %d", i ? "," : "", types[type].name, (int)rows_of_weight);
  }
  give_attribute(&run, (Attribute)STRING("weights", names));
  if (gated) give_attribute(&run, (Attribute)STRING("activation", "silu"));
  give_input(&run, x);
  give_input(&run, offsets);
  for (int i = 0; i < count; i++) give_input(&run, stacks[i]);
  const int outputs = gated ? 1 : count;
  for (int i = 0; i < outputs; i++) want_output(&run, true);
  if (succeed(&run)) {
    double *rows = rounded_rows(x, T, K, NULL, 0, wide);
    for (int i = 0; i < outputs; i++) {
      const int64_t columns = own[i][0].N;
      double *y = doubles(T * columns), size = 0, allowed = 0;
      for (int64_t e = 0; e < experts; e++) {
        const int64_t first = offsets->integers[e], load = offsets->integers[e + 1] - first;
        if (!load) continue;
        double *part = product_of(rows + first * K, load, &own[i][e], NULL, NULL), *up = gated ? product_of(rows + first * K, load, &own[1][e], NULL, NULL) : NULL;
        for (int64_t at = 0; at < load * columns; at++) y[first * columns + at] = gated ? part[at] / (1 + exp(-part[at])) * up[at] : part[at];
        for (int64_t at = 0; at < load * columns; at++) size = fmax(size, fabs(part[at]));
        allowed = fmax(allowed, fmax(tolerance(rows + first * K, &own[i][e], load), gated ? tolerance(rows + first * K, &own[1][e], load) : 0));
        free(part);
        free(up);
      }
      expect_close(&run, "y", run.outputs[i].result->floats, y, T * columns, gated ? allowed + allowed * fmax(size, 1) * 8 : allowed, 1);
      free(y);
    }
    free(rows);
  }
  if (round == 0) {
    Execution bad = run;
    bad.inputs[2] = own[0][0].packed;
    if (experts > 1) expect_error(&bad, "packed bytes for each expert");
    Value *falling = random_integers(T + 1, T + 1, SHAPE(experts + 1));
    bad = run;
    bad.inputs[1] = falling;
    expect_error(&bad, "offsets must rise");
    free_value(falling);
    bad = run;
    bad.attributes[0] = (Attribute)STRING("weights", "Q4_1");
    expect_error(&bad, "weights must name");
  }
  free_outputs(&run);
  for (int i = 0; i < count; i++) {
    for (int64_t e = 0; e < experts; e++) free_matrix(&own[i][e]);
    free_value(stacks[i]);
  }
  free_value(x);
  free_value(offsets);
}

// f32 numbers quantised while they are packed come back as near as their type allows; what does not fit is refused and nothing is written.
void test_pack_quantised(int round) {
  static const struct {
    const char *name;
    double step;  // of the block's range
  } floats[] = {{"Q8_0", 0.51 / 127}, {"Q4_0", 1.01 / 8}, {"Q4_1", 1.05 / 15}, {"BF16", 0.5 / 256}};
  const int which = round % 4;
  const int64_t N = random_int(1, 50), K = BLOCK * random_int(1, 9);
  const Format *format = quantised_format(floats[which].name);
  Value *w = random_floats(1, SHAPE(N, K));
  const int64_t bytes = r1_quantised_bytes(format->name, N, K);
  Value *packed = new_value(R1_UINT8, SHAPE(bytes));
  expect(r1_quantised_pack(format->name, 1, w->bytes, N * K * 4, N, K, 0, N, packed->bytes, bytes) == PACKED, "pack", "takes f32 numbers");
  float *row = malloc((size_t)K * sizeof *row);
  bool near = true;
  for (int64_t n = 0; n < N; n++) {
    unpack_row(format, packed->bytes, n, K, row);
    for (int64_t k = 0; k < K; k++) near = near && fabs((double)row[k] - (double)w->floats[n * K + k]) <= floats[which].step * 1.1;
  }
  expect(near, "pack", "f32 numbers come back");
  expect(r1_quantised_bytes("Q4_K", 4, 288) == -1 && r1_quantised_bytes("Q4_1", 4, 33) == -1 && r1_quantised_bytes("Q4_1", 0, 32) == -1 && r1_quantised_bytes("?", 4, 32) == -1, "pack",
         "shapes that do not fit have no size");
  expect(r1_quantised_pack("?", 1, w->bytes, N * K * 4, N, K, 0, N, packed->bytes, bytes) == PACK_UNKNOWN_TYPE, "pack", "refuses an unknown type");
  expect(r1_quantised_pack(format->name, 1, w->bytes, N * K * 4 - 1, N, K, 0, N, packed->bytes, bytes) == PACK_BAD_SIZE, "pack", "refuses a short source");
  expect(r1_quantised_pack(format->name, 1, w->bytes, N * K * 4, N, K, 0, N, packed->bytes, bytes - 1) == PACK_BAD_SIZE, "pack", "refuses a short target");
  expect(r1_quantised_pack(format->name, 1, w->bytes, N * K * 4, N, K, 1, N, packed->bytes, bytes) == PACK_BAD_SHAPE, "pack", "refuses rows outside");
  expect(r1_quantised_pack("Q5_1", 1, w->bytes, N * K * 4, N, K, 0, N, packed->bytes, r1_quantised_bytes("Q5_1", N, K)) == PACK_NO_FLOATS, "pack", "refuses f32 for other types");
  free(row);
  free_value(w);
  free_value(packed);
}
