// Products for mixture-of-experts: rows of A are sorted by expert, expert e owns rows offsets[e] … offsets[e + 1] − 1 and has its own weights.
//   GroupedMatMul                Y[rows of e] = A[rows of e] · op(B[e]); with the other transB, the gradient with respect to A
//   GroupedMatMulWeightGradient  dB[e] = A[rows of e]ᵀ · dY[rows of e], or its transpose (transB = 1)
// Rows before the first and after the last offset give zeros and add nothing.
#include <string.h>

#include "matrix.h"

typedef struct {
  ProductAttributes attributes;
  Tensor a, other;  // B, or dY
  const int64_t *offsets;
  int64_t experts, T, K, N;
  char *result;
} Grouped;

static OrtStatus *read_offsets(Call *call, Grouped *g) {
  Tensor offsets;
  R1_TRY(input(call, 2, &offsets));
  if (offsets.rank != 1 || offsets.size < 1) return fail_shapes(call, "offsets must be i64 [experts + 1]");
  g->offsets = offsets.integers;
  g->experts = offsets.size - 1;
  for (int64_t e = 0; e <= g->experts; e++) {
    const int64_t before = e ? g->offsets[e - 1] : 0;
    if (g->offsets[e] < before || g->offsets[e] > g->T) return fail(call, "offset %lld is %lld: offsets must rise from 0 to at most the %lld rows", (long long)e, (long long)g->offsets[e], (long long)g->T);
  }
  return NULL;
}

static Gemm forward_of(const Grouped *g, int64_t e) {
  const int64_t row = g->offsets[e];
  const bool transposed = g->attributes.transposed_b;
  return (Gemm){
      .precision = g->attributes.precision,
      .M = g->offsets[e + 1] - row,
      .terms = 1,
      .outputs = 1,
      .K = {g->K},
      .N = {g->N},
      .a = {{.data = g->a.bytes + row * g->K * (int64_t)element_size(g->a.type), .stride = g->K, .type = g->a.type}},
      .b = {right_operand(&g->other, e, transposed)},
      .c = {{.data = g->result + row * g->N * (int64_t)element_size(g->attributes.output_type), .stride = g->N, .type = g->attributes.output_type, .alpha = g->attributes.alpha}},
  };
}

static Gemm gradient_of(const Grouped *g, int64_t e) {
  const int64_t row = g->offsets[e];
  const Operand a = {.data = g->a.bytes + row * g->K * (int64_t)element_size(g->a.type), .stride = g->K, .type = g->a.type, .depth_major = true};
  const Operand dy = {.data = g->other.bytes + row * g->N * (int64_t)element_size(g->other.type), .stride = g->N, .type = g->other.type, .depth_major = true};
  const bool transposed = g->attributes.transposed_b;
  Gemm product = {.precision = g->attributes.precision, .terms = 1, .outputs = 1, .K = {g->offsets[e + 1] - row}};
  product.M = transposed ? g->N : g->K;
  product.N[0] = transposed ? g->K : g->N;
  product.a[0] = transposed ? dy : a;
  product.b[0] = transposed ? a : dy;
  product.c[0] = (Target){.data = g->result + e * g->K * g->N * (int64_t)sizeof(float), .stride = product.N[0], .type = R1_FLOAT, .alpha = g->attributes.alpha};
  return product;
}

static int forward_task(void *grouped, int64_t e) {
  const Gemm product = forward_of(grouped, e);
  return gemm_serial(&product);
}
static int gradient_task(void *grouped, int64_t e) {
  const Gemm product = gradient_of(grouped, e);
  return gemm_serial(&product);
}

// With many experts of like size a core takes whole experts; otherwise all cores share one expert after the other.
static OrtStatus *run(Call *call, Grouped *g, Gemm (*product_of)(const Grouped *, int64_t), Task task) {
  enum { MANY = 8 };
  int64_t largest = 0;
  for (int64_t e = 0; e < g->experts; e++) largest = larger(largest, g->offsets[e + 1] - g->offsets[e]);
  if (largest * MANY <= g->T) return parallel(call, g->experts, task, g);
  for (int64_t e = 0; e < g->experts; e++) {
    const Gemm product = product_of(g, e);
    R1_TRY(gemm(call, &product));
  }
  return NULL;
}

static OrtStatus *compute(void *attributes, Call *call) {
  Grouped g = {.attributes = *(ProductAttributes *)attributes};
  R1_TRY(input(call, 0, &g.a));
  R1_TRY(input(call, 1, &g.other));
  if (!is_number(&g.a) || !is_number(&g.other) || g.a.rank != 2 || g.other.rank != 3) return fail_shapes(call, "A must be f32 or bf16 [T,K] and B [experts,K,N]");
  g.T = g.a.shape[0];
  g.K = g.a.shape[1];
  g.N = g.other.shape[g.attributes.transposed_b ? 1 : 2];
  R1_TRY(read_offsets(call, &g));
  if (g.other.shape[0] != g.experts || g.other.shape[g.attributes.transposed_b ? 2 : 1] != g.K) return fail_shapes(call, "B must hold %lld experts that sum over %lld numbers", (long long)g.experts, (long long)g.K);
  void *y;
  R1_TRY(output(call, 0, 2, (int64_t[]){g.T, g.N}, &y));
  g.result = y;
  const int64_t row = g.N * (int64_t)element_size(g.attributes.output_type), end = g.offsets[g.experts];
  memset(g.result, 0, (size_t)(g.offsets[0] * row));
  memset(g.result + end * row, 0, (size_t)((g.T - end) * row));
  return run(call, &g, forward_of, forward_task);
}

static OrtStatus *compute_gradient(void *attributes, Call *call) {
  Grouped g = {.attributes = *(ProductAttributes *)attributes};
  R1_TRY(input(call, 0, &g.a));
  R1_TRY(input(call, 1, &g.other));
  if (!is_number(&g.a) || !is_number(&g.other) || g.a.rank != 2 || g.other.rank != 2 || g.a.shape[0] != g.other.shape[0]) return fail_shapes(call, "A must be f32 or bf16 [T,K] and dY [T,N]");
  g.T = g.a.shape[0];
  g.K = g.a.shape[1];
  g.N = g.other.shape[1];
  R1_TRY(read_offsets(call, &g));
  const bool transposed = g.attributes.transposed_b;
  void *db;
  R1_TRY(output(call, 0, 3, (int64_t[]){g.experts, transposed ? g.N : g.K, transposed ? g.K : g.N}, &db));
  g.result = db;
  return run(call, &g, gradient_of, gradient_task);
}

static OrtStatus *create(const OrtKernelInfo *info, void *attributes) { return read_product_attributes("GroupedMatMul", info, R1_FLOAT, attributes); }
static OrtStatus *create_bf16(const OrtKernelInfo *info, void *attributes) { return read_product_attributes("GroupedMatMulBf16", info, R1_BFLOAT16, attributes); }
static OrtStatus *create_gradient(const OrtKernelInfo *info, void *attributes) { return read_product_attributes("GroupedMatMulWeightGradient", info, R1_FLOAT, attributes); }

#define GROUPED(operator_name, type_of_y, create_function, compute_function)                                                                                  \
  {                                                                                                                                                           \
    .name = operator_name, .inputs = {{R1_ANY}, {R1_ANY}, {R1_INT64}}, .input_count = 3, .outputs = {{type_of_y}}, .output_count = 1,                          \
    .attributes_size = sizeof(ProductAttributes), .create = create_function, .compute = compute_function,                                                     \
  }
const Operator r1_operator_grouped_matmul = GROUPED("GroupedMatMul", R1_FLOAT, create, compute);
const Operator r1_operator_grouped_matmul_bf16 = GROUPED("GroupedMatMulBf16", R1_BFLOAT16, create_bf16, compute);
const Operator r1_operator_grouped_matmul_weight_gradient = GROUPED("GroupedMatMulWeightGradient", R1_FLOAT, create_gradient, compute_gradient);
