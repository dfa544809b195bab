#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../matmul/gemm.h"
#include "check.h"

// A matrix as the kernels multiply it: rounded to bf16 where they round.
typedef struct {
  Value *value;
  double *numbers;
} Matrix;

static uint16_t to_bf16(float number) {
  uint32_t bits;
  memcpy(&bits, &number, sizeof bits);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float from_bf16(uint16_t half) {
  const uint32_t bits = (uint32_t)half << 16;
  float number;
  memcpy(&number, &bits, sizeof number);
  return number;
}

static bool rounds(bool f32) { return gemm_kernels(f32 ? PRECISION_F32 : PRECISION_BF16)->lane_depth == 2; }

static double number_of(const Value *value, int64_t i) { return (double)(value->type == R1_BFLOAT16 ? from_bf16(value->halves[i]) : value->floats[i]); }

static Matrix matrix(bool rounded, int rank, const int64_t *shape) {
  Matrix m = {new_value(random_int(0, 2) ? R1_FLOAT : R1_BFLOAT16, rank, shape), NULL};
  m.numbers = doubles(m.value->size);
  for (int64_t i = 0; i < m.value->size; i++) {
    const float number = random_float(-1, 1);
    if (m.value->type == R1_BFLOAT16) m.value->halves[i] = to_bf16(number);
    else m.value->floats[i] = number;
    const double exact = number_of(m.value, i);
    m.numbers[i] = rounded ? (double)from_bf16(to_bf16((float)exact)) : exact;
  }
  return m;
}

// The numbers as they lie in memory.
static double *stored(Matrix m) {
  double *numbers = doubles(m.value->size);
  for (int64_t i = 0; i < m.value->size; i++) numbers[i] = number_of(m.value, i);
  return numbers;
}

static void drop(Matrix m) {
  free_value(m.value);
  free(m.numbers);
}

// What a result should be, and how large the sums are that made it.
typedef struct {
  int64_t size;
  double *sum, *bound;
} Expected;

static Expected expected(int64_t size) { return (Expected){size, doubles(size), doubles(size)}; }
static void drop_expected(Expected e) { free(e.sum), free(e.bound); }

// e [M, N] += alpha · A · B; element (m, k) of A is at m · am + k · ak, (k, n) of B at k · bk + n · bn.
static void multiply(Expected e, int64_t at, double alpha, int64_t M, int64_t N, int64_t K, const double *a, int64_t am, int64_t ak, const double *b, int64_t bk, int64_t bn) {
  for (int64_t m = 0; m < M; m++)
    for (int64_t n = 0; n < N; n++)
      for (int64_t k = 0; k < K; k++) {
        const double product = alpha * a[m * am + k * ak] * b[k * bk + n * bn];
        e.sum[at + m * N + n] += product;
        e.bound[at + m * N + n] += fabs(product);
      }
}

static void add(Expected e, int64_t i, double number) {
  e.sum[i] += number;
  e.bound[i] += fabs(number);
}

static void expect_matrix(const Execution *run, const char *what, const Value *got, Expected e, double tolerance) {
  expect(got != NULL && got->size == e.size, run->operator_name, "the result has another size");
  if (!got || got->size != e.size) return;
  for (int64_t i = 0; i < e.size; i++) {
    const double allowed = tolerance * (e.bound[i] + 1e-3) + (got->type == R1_BFLOAT16 ? ldexp(fabs(e.sum[i]), -8) : 0), difference = fabs(number_of(got, i) - e.sum[i]);
    if (difference <= allowed) continue;
    expect(false, run->operator_name, what);
    return;
  }
}

static const double sums = 4e-6;  // of f32 sums, relative to the sum of magnitudes

// Mostly small, often an edge: nothing, one, just above a panel.
static int64_t length(void) {
  switch (random_int(0, 7)) {
    case 0: return random_int(0, 2);
    case 1: return random_int(60, 70);
    case 2: return random_int(90, 200);
    default: return random_int(1, 40);
  }
}

static int64_t depth(void) { return random_int(0, 30) ? length() : random_int(1500, 3300); }
static Attribute precision_of(bool f32) { return (Attribute)STRING("precision", f32 ? "f32" : "bf16"); }

static const char *typed(const char *const names[2], bool bf16) { return names[bf16]; }

void test_matmul(int round) {
  const bool f32 = random_int(0, 1), rounded = rounds(f32), bf16_y = random_int(0, 2) == 0, ta = random_int(0, 1), tb = random_int(0, 1);
  int64_t M = length(), N = length(), K = depth(), batch_a[2] = {random_int(1, 3), random_int(1, 3)}, batch_b[2], batch[2];
  const int64_t batch_axes = random_int(0, 2);
  for (int i = 0; i < 2; i++) {
    batch_b[i] = random_int(0, 1) ? batch_a[i] : 1;
    if (random_int(0, 3) == 0 && batch_a[i] > 1) batch_b[i] = batch_a[i], batch_a[i] = 1;
    batch[i] = batch_a[i] > batch_b[i] ? batch_a[i] : batch_b[i];
    if (i >= batch_axes) batch_a[i] = batch_b[i] = batch[i] = 1;
  }
  const bool flat_b = batch_axes == 0 || (batch_b[0] == 1 && batch_b[1] == 1 && random_int(0, 1));
  const int64_t shape_a[] = {batch_a[0], batch_a[1], ta ? K : M, ta ? M : K}, shape_b[] = {batch_b[0], batch_b[1], tb ? N : K, tb ? K : N};
  Matrix a = matrix(rounded, batch_axes ? 4 : 2, batch_axes ? shape_a : shape_a + 2), b = matrix(rounded, flat_b ? 2 : 4, flat_b ? shape_b + 2 : shape_b);
  const int64_t shape_y[] = {batch[0], batch[1], M, N};
  Matrix added = matrix(false, batch_axes ? 4 : 2, batch_axes ? shape_y : shape_y + 2);
  Value *bias = random_floats(1, SHAPE(N)), *version = random_integers(0, 9, SHAPE(1));
  const bool adds = random_int(0, 1), biased = random_int(0, 1), constant = random_int(0, 3) == 0;
  const float alpha = random_int(0, 1) ? 1 : random_float(-2, 2);

  Expected e = expected(batch[0] * batch[1] * M * N);
  for (int64_t i = 0; i < batch[0] * batch[1]; i++) {
    const int64_t outer = i / batch[1], inner = i % batch[1];
    const double *ai = a.numbers + (outer % batch_a[0] * batch_a[1] + inner % batch_a[1]) * M * K, *bi = b.numbers + (outer % batch_b[0] * batch_b[1] + inner % batch_b[1]) * K * N;
    multiply(e, i * M * N, (double)alpha, M, N, K, ai, ta ? 1 : K, ta ? M : 1, bi, tb ? 1 : N, tb ? K : 1);
  }
  for (int64_t i = 0; i < e.size; i++) {
    if (adds) add(e, i, added.numbers[i]);
    if (biased) add(e, i, (double)bias->floats[i % N]);
  }

  Execution run = {.operator_name = typed((const char *const[]){"MatMul", "MatMulBf16"}, bf16_y)};
  give_attribute(&run, (Attribute)INT("transA", ta));
  give_attribute(&run, (Attribute)INT("transB", tb));
  give_attribute(&run, (Attribute)FLOAT("alpha", alpha));
  give_attribute(&run, (Attribute)INT("constant_b", constant));
  give_attribute(&run, precision_of(f32));
  give_input(&run, a.value);
  give_input(&run, b.value);
  give_input(&run, adds ? added.value : NULL);
  give_input(&run, biased ? bias : NULL);
  give_input(&run, random_int(0, 1) ? version : NULL);
  const bool in_place = adds && added.value->type == (bf16_y ? R1_BFLOAT16 : R1_FLOAT) && random_int(0, 1);
  if (in_place) want_output_in(&run, added.value);
  else want_output(&run, true);
  if (succeed(&run)) expect_matrix(&run, "Y", in_place ? added.value : run.outputs[0].result, e, sums);
  free_outputs(&run);

  if (round == 0) {
    Execution bad = run;
    bad.outputs[0].place = NULL;
    Value *other = random_floats(1, SHAPE(K + 1, K + 1)), *flat = random_floats(1, SHAPE(5)), *integers = random_integers(0, 1, SHAPE(2, 2));
    bad.inputs[1] = other;
    expect_error(&bad, "sums over");
    bad.inputs[1] = flat;
    expect_error(&bad, "at least two axes");
    bad.inputs[1] = integers;
    expect_error(&bad, "must be f32 or bf16");
    bad.inputs[1] = b.value;
    bad.inputs[2] = flat;
    expect_error(&bad, "in the shape of Y");
    bad.attributes[4].text = "f64";
    expect_error(&bad, "precision is neither");
    free_value(other), free_value(flat), free_value(integers);
  }
  drop(a), drop(b), drop(added), drop_expected(e);
  free_value(bias), free_value(version);
}

// One A with many B, and many A with many B summed.
void test_matmul_many(int round) {
  const bool f32 = random_int(0, 1), rounded = rounds(f32), bf16_y = random_int(0, 2) == 0, tb = random_int(0, 1);
  const int count = (int)random_int(1, 8);
  const int64_t M = length(), K = depth();
  Matrix a[8], b[8], added = {NULL, NULL};
  Expected e[8], total;
  Execution many = {.operator_name = typed((const char *const[]){"MatMulMany", "MatMulManyBf16"}, bf16_y)};
  Execution sum = {.operator_name = typed((const char *const[]){"MatMulSum", "MatMulSumBf16"}, bf16_y)};
  Execution *both[] = {&many, &sum};
  for (int i = 0; i < 2; i++) {
    give_attribute(both[i], (Attribute)INT("transB", tb));
    give_attribute(both[i], precision_of(f32));
  }
  a[0] = matrix(rounded, SHAPE(1, M, K));
  give_input(&many, a[0].value);
  for (int o = 0; o < count; o++) {
    const int64_t N = length();
    b[o] = matrix(rounded, SHAPE(tb ? N : K, tb ? K : N));
    e[o] = expected(M * N);
    multiply(e[o], 0, 1, M, N, K, a[0].numbers, K, 1, b[o].numbers, tb ? 1 : N, tb ? K : 1);
    give_input(&many, b[o].value);
    want_output(&many, o == 0 || random_int(0, 3) > 0);
  }
  if (succeed(&many))
    for (int o = 0; o < count; o++)
      if (many.outputs[o].wanted) expect_matrix(&many, "Y", many.outputs[o].result, e[o], sums);
  if (round == 0) {
    Execution bad = many;
    bad.input_count = 1;
    expect_error(&bad, "needs 1 to 8 B");
  }
  free_outputs(&many);
  for (int o = 0; o < count; o++) drop(b[o]), drop_expected(e[o]);
  drop(a[0]);

  const int64_t N = length();
  added = matrix(false, SHAPE(M, N));
  total = expected(M * N);
  const bool adds = random_int(0, 1);
  give_input(&sum, adds ? added.value : NULL);
  for (int64_t i = 0; adds && i < total.size; i++) add(total, i, added.numbers[i]);
  for (int t = 0; t < count; t++) {
    const int64_t Kt = random_int(0, 20) ? length() : depth();
    a[t] = matrix(rounded, SHAPE(M, Kt));
    b[t] = matrix(rounded, SHAPE(tb ? N : Kt, tb ? Kt : N));
    multiply(total, 0, 1, M, N, Kt, a[t].numbers, Kt, 1, b[t].numbers, tb ? 1 : N, tb ? Kt : 1);
    give_input(&sum, a[t].value);
  }
  for (int t = 0; t < count; t++) give_input(&sum, b[t].value);
  want_output(&sum, true);
  if (succeed(&sum)) expect_matrix(&sum, "Y", sum.outputs[0].result, total, sums);
  free_outputs(&sum);
  for (int t = 0; t < count; t++) drop(a[t]), drop(b[t]);
  drop(added), drop_expected(total);
}

// Rounds what the kernels round between two products: only as exact as bf16 where they do.
static void round_all(Expected e, bool rounded) {
  for (int64_t i = 0; rounded && i < e.size; i++) e.sum[i] = (double)from_bf16(to_bf16((float)e.sum[i]));
}

void test_lora(int round) {
  const bool f32 = random_int(0, 1), rounded = rounds(f32), tb = random_int(0, 3) > 0, bf16_y = random_int(0, 3) == 0, constant = random_int(0, 1);
  const int count = (int)random_int(1, 4);
  const int64_t M = random_int(1, 100), K = random_int(0, 12) ? random_int(1, 200) : random_int(4000, 4300);
  const float scale = random_float(0.5f, 2);
  Matrix x = matrix(rounded, SHAPE(M, K)), b[4], down[4], up[4], dy[4];
  Value *inner[4];
  int64_t N[4], r[4];
  Execution run = {.operator_name = typed((const char *const[]){"MatMulLora", "MatMulLoraBf16"}, bf16_y)}, back = {.operator_name = typed((const char *const[]){"MatMulLoraGradient", "MatMulLoraGradientBf16"}, bf16_y)};
  Execution *both[] = {&run, &back};
  for (int i = 0; i < 2; i++) {
    give_attribute(both[i], (Attribute)INT("transB", tb));
    give_attribute(both[i], (Attribute)FLOAT("scale", scale));
    give_attribute(both[i], (Attribute)INT("constant_b", constant));
    give_attribute(both[i], precision_of(f32));
    give_input(both[i], NULL);
    give_input(both[i], x.value);
  }
  Expected dx = expected(M * K), y[4], inners[4], d_inner[4], d_down[4], d_up[4];
  for (int o = 0; o < count; o++) {
    N[o] = random_int(1, 150);
    r[o] = random_int(0, 5) ? random_int(1, 34) : random_int(60, 70);
    b[o] = matrix(rounded, SHAPE(tb ? N[o] : K, tb ? K : N[o]));
    down[o] = matrix(rounded, SHAPE(tb ? r[o] : K, tb ? K : r[o]));
    up[o] = matrix(rounded, SHAPE(tb ? N[o] : r[o], tb ? r[o] : N[o]));
    dy[o] = matrix(rounded, SHAPE(M, N[o]));
    y[o] = expected(M * N[o]);
    inners[o] = expected(M * r[o]);
    multiply(inners[o], 0, (double)scale, M, r[o], K, x.numbers, K, 1, down[o].numbers, tb ? 1 : r[o], tb ? K : 1);
    multiply(y[o], 0, 1, M, N[o], K, x.numbers, K, 1, b[o].numbers, tb ? 1 : N[o], tb ? K : 1);
    give_input(&run, b[o].value);
    give_input(&run, down[o].value);
    give_input(&run, up[o].value);
  }
  for (int o = 0; o < 2 * count; o++) want_output(&run, o < count || random_int(0, 3) > 0);
  if (succeed(&run)) {
    for (int o = 0; o < count; o++) {
      if (run.outputs[count + o].wanted) expect_matrix(&run, "Inner", run.outputs[count + o].result, inners[o], sums);
      round_all(inners[o], rounded || (bf16_y && run.outputs[count + o].wanted));
      multiply(y[o], 0, 1, M, N[o], r[o], inners[o].sum, r[o], 1, up[o].numbers, tb ? 1 : N[o], tb ? r[o] : 1);
      expect_matrix(&run, "Y", run.outputs[o].result, y[o], rounded || bf16_y ? 2e-4 + ldexp(1, -8) * (double)r[o] / (double)(r[o] + K) : sums);
    }
  }
  free_outputs(&run);

  for (int o = 0; o < count; o++) {
    const bool summed = r[o] <= 32;  // gradients of small adapters are f32 sums, the others products
    inner[o] = new_value(R1_FLOAT, SHAPE(M, r[o]));
    double *inner_numbers = doubles(M * r[o]);
    for (int64_t i = 0; i < M * r[o]; i++) {
      inner[o]->floats[i] = (float)inners[o].sum[i];
      inner_numbers[i] = rounded && !summed ? (double)from_bf16(to_bf16(inner[o]->floats[i])) : (double)inner[o]->floats[i];
    }
    d_inner[o] = expected(M * r[o]);
    d_down[o] = expected(r[o] * K);
    d_up[o] = expected(N[o] * r[o]);
    multiply(d_inner[o], 0, (double)scale, M, r[o], N[o], dy[o].numbers, N[o], 1, up[o].numbers, tb ? r[o] : 1, tb ? 1 : N[o]);
    if (!summed) round_all(d_inner[o], rounded);
    double *xs = summed ? stored(x) : x.numbers, *dys = summed ? stored(dy[o]) : dy[o].numbers;
    if (tb) multiply(d_down[o], 0, 1, r[o], K, M, d_inner[o].sum, 1, r[o], xs, K, 1);
    else multiply(d_down[o], 0, 1, K, r[o], M, xs, 1, K, d_inner[o].sum, r[o], 1);
    if (summed) round_all(d_inner[o], rounded);
    multiply(dx, 0, 1, M, K, N[o], dy[o].numbers, N[o], 1, b[o].numbers, tb ? K : 1, tb ? 1 : N[o]);
    multiply(dx, 0, 1, M, K, r[o], d_inner[o].sum, r[o], 1, down[o].numbers, tb ? K : 1, tb ? 1 : r[o]);
    if (tb) multiply(d_up[o], 0, 1, N[o], r[o], M, dys, 1, N[o], inner_numbers, r[o], 1);
    else multiply(d_up[o], 0, 1, r[o], N[o], M, inner_numbers, 1, r[o], dys, N[o], 1);
    if (summed) free(xs), free(dys);
    give_input(&back, dy[o].value);
    give_input(&back, b[o].value);
    give_input(&back, down[o].value);
    give_input(&back, up[o].value);
    give_input(&back, inner[o]);
    free(inner_numbers);
  }
  want_output(&back, random_int(0, 3) > 0);
  for (int o = 0; o < 2 * count; o++) want_output(&back, random_int(0, 3) > 0);
  if (succeed(&back)) {
    const double tolerance = rounded ? ldexp(1, -8) : 1e-4;  // dInner, a sum that may cancel, is multiplied again
    if (back.outputs[0].wanted) expect_matrix(&back, "dX", back.outputs[0].result, dx, tolerance);
    for (int o = 0; o < count; o++) {
      if (back.outputs[1 + 2 * o].wanted) expect_matrix(&back, "dDown", back.outputs[1 + 2 * o].result, d_down[o], tolerance);
      if (back.outputs[2 + 2 * o].wanted) expect_matrix(&back, "dUp", back.outputs[2 + 2 * o].result, d_up[o], sums);
    }
  }
  if (round == 0) {
    Execution bad = run;
    bad.input_count--;
    expect_error(&bad, "needs 3 inputs for each");
    bad.input_count++;
    bad.inputs[3] = bad.inputs[2];
    expect_error(&bad, "do not fit");
  }
  free_outputs(&back);
  for (int o = 0; o < count; o++) {
    drop(b[o]), drop(down[o]), drop(up[o]), drop(dy[o]), free_value(inner[o]);
    drop_expected(y[o]), drop_expected(inners[o]), drop_expected(d_inner[o]), drop_expected(d_down[o]), drop_expected(d_up[o]);
  }
  drop(x), drop_expected(dx);
}

void test_grouped_matmul(int round) {
  const bool f32 = random_int(0, 1), rounded = rounds(f32), tb = random_int(0, 1), bf16_y = random_int(0, 2) == 0;
  enum { MOST = 20 };
  const int64_t experts = random_int(1, MOST), K = random_int(1, 70), N = random_int(1, 90);
  Value *offsets = new_value(R1_INT64, SHAPE(experts + 1));
  int64_t T = random_int(0, 3);
  for (int64_t e = 0; e <= experts; e++) {
    offsets->integers[e] = T;
    T += e < experts ? random_int(0, random_int(0, 1) ? 30 : 4) : random_int(0, 3);
  }
  Matrix a = matrix(rounded, SHAPE(T, K)), dy = matrix(rounded, SHAPE(T, N)), b[MOST];
  Expected y = expected(T * N), db[MOST];
  Execution run = {.operator_name = typed((const char *const[]){"GroupedMatMul", "GroupedMatMulBf16"}, bf16_y)}, back = {.operator_name = "GroupedMatMulWeightGradient"};
  Execution *both[] = {&run, &back};
  for (int i = 0; i < 2; i++) {
    give_attribute(both[i], (Attribute)INT("transB", tb));
    give_attribute(both[i], precision_of(f32));
    give_input(both[i], a.value);
    if (i) give_input(both[i], dy.value);
    give_input(both[i], offsets);
  }
  want_output(&run, true);
  for (int64_t e = 0; e < experts; e++) {
    const int64_t row = offsets->integers[e], count = offsets->integers[e + 1] - row;
    b[e] = matrix(rounded, SHAPE(tb ? N : K, tb ? K : N));
    db[e] = expected(K * N);
    multiply(y, row * N, 1, count, N, K, a.numbers + row * K, K, 1, b[e].numbers, tb ? 1 : N, tb ? K : 1);
    if (tb) multiply(db[e], 0, 1, N, K, count, dy.numbers + row * N, 1, N, a.numbers + row * K, K, 1);
    else multiply(db[e], 0, 1, K, N, count, a.numbers + row * K, 1, K, dy.numbers + row * N, N, 1);
    give_input(&run, b[e].value);
    want_output(&back, e == 0 || random_int(0, 3) > 0);
  }
  if (succeed(&run)) expect_matrix(&run, "Y", run.outputs[0].result, y, sums);
  if (succeed(&back))
    for (int64_t e = 0; e < experts; e++)
      if (back.outputs[e].wanted) expect_matrix(&back, "dB", back.outputs[e].result, db[e], sums);
  if (round == 0) {
    offsets->integers[experts] = T + 1;
    expect_error(&run, "offsets must rise");
  }
  free_outputs(&run), free_outputs(&back);
  for (int64_t e = 0; e < experts; e++) drop(b[e]), drop_expected(db[e]);
  drop(a), drop(dy), drop_expected(y), free_value(offsets);
}

void test_quantised_matmul(int round) {
  static const double levels[16] = {-1, -.6961928, -.5250731, -.3949175, -.2844414, -.1847734, -.0910500, 0, .0795803, .1609302, .2461123, .3379152, .4407098, .5626170, .7229568, 1};
  const bool nf4 = random_int(0, 1), f32 = random_int(0, 1), rounded = rounds(f32), tb = random_int(0, 1), bf16_y = random_int(0, 2) == 0;
  const int64_t M = length(), R = random_int(1, 150), C = 2 * random_int(1, 150), block = nf4 ? 2 * random_int(1, 40) : random_int(0, 1) * random_int(1, 70), effective = block ? block : C;
  Value *codes = new_value(nf4 ? R1_UINT8 : R1_INT8, SHAPE(R, nf4 ? C / 2 : C)), *scales = random_floats(1, SHAPE((R * C + effective - 1) / effective));
  double *weights = doubles(R * C);
  for (int64_t i = 0; i < codes->size; i++) codes->bytes[i] = (uint8_t)random_bits();
  for (int64_t i = 0; i < R * C; i++) {
    const uint8_t byte = codes->bytes[nf4 ? i / 2 : i];
    const float weight = scales->floats[i / effective] * (nf4 ? (float)levels[i % 2 ? byte & 15 : byte >> 4] : (float)(int8_t)byte);
    weights[i] = rounded ? (double)from_bf16(to_bf16(weight)) : (double)weight;
  }
  const int64_t K = tb ? C : R, N = tb ? R : C;
  Matrix a = matrix(rounded, SHAPE(M, K)), added = matrix(false, SHAPE(M, N));
  const bool adds = random_int(0, 1);
  Expected y = expected(M * N);
  multiply(y, 0, 0.5, M, N, K, a.numbers, K, 1, weights, tb ? 1 : C, tb ? C : 1);
  for (int64_t i = 0; adds && i < y.size; i++) add(y, i, added.numbers[i]);
  Execution run = {.operator_name = nf4 ? typed((const char *const[]){"MatMulNF4", "MatMulNF4Bf16"}, bf16_y) : typed((const char *const[]){"MatMulInt8", "MatMulInt8Bf16"}, bf16_y)};
  give_attribute(&run, (Attribute)INT("transB", tb));
  give_attribute(&run, (Attribute)INT("block", block));
  give_attribute(&run, (Attribute)FLOAT("alpha", 0.5f));
  give_attribute(&run, precision_of(f32));
  give_input(&run, a.value);
  give_input(&run, codes);
  give_input(&run, scales);
  give_input(&run, adds ? added.value : NULL);
  want_output(&run, true);
  // A level that lies on the border between two bf16 numbers may be rounded the other way.
  if (succeed(&run)) expect_matrix(&run, "Y", run.outputs[0].result, y, rounded ? 1e-3 : 2e-6 + sums);
  if (round == 0) {
    Execution bad = run;
    bad.inputs[2] = codes->size == 1 ? a.value : NULL;
    Value *few = random_floats(1, SHAPE(scales->size + 1));
    bad.inputs[2] = few;
    expect_error(&bad, "need as many scales");
    free_value(few);
  }
  free_outputs(&run);
  drop(a), drop(added), drop_expected(y), free_value(codes), free_value(scales), free(weights);
}
