// Products for mixture-of-experts: rows of A are sorted by expert, expert e owns rows offsets[e] … offsets[e + 1] − 1 and has its own weights, a tensor for each expert.
//   GroupedMatMul                Y[rows of e] = A[rows of e] · op(B_e); with the other transB, the gradient with respect to A
//   GroupedMatMulWeightGradient  dB_e = A[rows of e]ᵀ · dY[rows of e], or its transpose (transB = 1)
// Rows before the first and after the last offset give zeros and add nothing.
#include <string.h>

#include "matrix.h"

enum { MOST_EXPERTS = 1024 };

typedef struct {
  ProductAttributes attributes;
  Tensor a, dy;  // dY of the gradient only
  const int64_t *offsets;
  int64_t experts, T, K, N;
  char *result;  // Y
  struct {
    void *data;  // B_e, or dB_e (NULL if nobody asks for it)
    ElementType type;
  } weights[MOST_EXPERTS];
} Grouped;

static OrtStatus *read_offsets(Call *call, Grouped *g, int at) {
  Tensor offsets;
  R1_TRY(input(call, at, &offsets));
  if (offsets.rank != 1 || offsets.size != g->experts + 1) return fail_shapes(call, "offsets must be i64 [%lld] for %lld experts", (long long)g->experts + 1, (long long)g->experts);
  g->offsets = offsets.integers;
  for (int64_t e = 0; e <= g->experts; e++) {
    const int64_t before = e ? g->offsets[e - 1] : 0;
    if (g->offsets[e] < before || g->offsets[e] > g->T) return fail(call, "offset %lld is %lld: offsets must rise from 0 to at most the %lld rows", (long long)e, (long long)g->offsets[e], (long long)g->T);
  }
  return NULL;
}

// Rows of expert e and the following ones of a matrix with sorted rows.
static Operand rows_of(const Grouped *g, const Tensor *matrix, int64_t e, bool depth_major) {
  const int64_t stride = tensor_columns(matrix);
  return (Operand){.data = matrix->bytes + g->offsets[e] * stride * (int64_t)element_size(matrix->type), .stride = stride, .type = matrix->type, .depth_major = depth_major};
}

static Gemm forward_of(const Grouped *g, int64_t e) {
  const bool transposed = g->attributes.transposed_b;
  const int64_t row = g->N * (int64_t)element_size(g->attributes.output_type);
  return (Gemm){
      .precision = g->attributes.precision,
      .M = g->offsets[e + 1] - g->offsets[e],
      .terms = 1,
      .outputs = 1,
      .K = {g->K},
      .N = {g->N},
      .a = {rows_of(g, &g->a, e, false)},
      .b = {{.data = g->weights[e].data, .stride = transposed ? g->K : g->N, .type = g->weights[e].type, .depth_major = !transposed}},
      .c = {{.data = g->result + g->offsets[e] * row, .stride = g->N, .type = g->attributes.output_type, .alpha = g->attributes.alpha}},
  };
}

static Gemm gradient_of(const Grouped *g, int64_t e) {
  const Operand a = rows_of(g, &g->a, e, true), dy = rows_of(g, &g->dy, e, true);
  const bool transposed = g->attributes.transposed_b;
  Gemm product = {.precision = g->attributes.precision, .terms = 1, .outputs = 1, .K = {g->offsets[e + 1] - g->offsets[e]}};
  product.M = transposed ? g->N : g->K;
  product.N[0] = g->weights[e].data ? (transposed ? g->K : g->N) : 0;
  product.a[0] = transposed ? dy : a;
  product.b[0] = transposed ? a : dy;
  product.c[0] = (Target){.data = g->weights[e].data, .stride = product.N[0], .type = R1_FLOAT, .alpha = g->attributes.alpha};
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

static OrtStatus *read_rows(Call *call, Grouped *g, int64_t experts) {
  R1_TRY(input(call, 0, &g->a));
  if (!is_number(&g->a) || g->a.rank != 2) return fail_shapes(call, "A must be f32 or bf16 [T,K]");
  if (experts < 1 || experts > MOST_EXPERTS) return fail(call, "needs the weights of 1 to %d experts", MOST_EXPERTS);
  g->T = g->a.shape[0];
  g->K = g->a.shape[1];
  g->experts = experts;
  return NULL;
}

static OrtStatus *compute(void *attributes, Call *call) {
  Grouped g = {.attributes = *(ProductAttributes *)attributes};
  const int depth = g.attributes.transposed_b ? 1 : 0;
  R1_TRY(read_rows(call, &g, input_count(call) - 2));
  R1_TRY(read_offsets(call, &g, 1));
  for (int64_t e = 0; e < g.experts; e++) {
    Tensor b;
    R1_TRY(input(call, (int)e + 2, &b));
    if (!is_number(&b) || b.rank != 2) return fail(call, "the weights of expert %lld must be f32 or bf16 with two axes", (long long)e);
    if (e == 0) g.N = b.shape[1 - depth];
    if (b.shape[depth] != g.K || b.shape[1 - depth] != g.N) return fail_shapes(call, "the weights of expert %lld must sum over %lld numbers and give %lld", (long long)e, (long long)g.K, (long long)g.N);
    g.weights[e].data = b.data;
    g.weights[e].type = b.type;
  }
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
  R1_TRY(read_rows(call, &g, output_count(call)));
  R1_TRY(input(call, 1, &g.dy));
  if (!is_number(&g.dy) || g.dy.rank != 2 || g.dy.shape[0] != g.T) return fail_shapes(call, "dY must be f32 or bf16 [T,N]");
  g.N = g.dy.shape[1];
  R1_TRY(read_offsets(call, &g, 2));
  const bool transposed = g.attributes.transposed_b;
  for (int64_t e = 0; e < g.experts; e++) R1_TRY(output(call, (int)e, 2, (int64_t[]){transposed ? g.N : g.K, transposed ? g.K : g.N}, &g.weights[e].data));
  return run(call, &g, gradient_of, gradient_task);
}

static OrtStatus *create(const OrtKernelInfo *info, void *attributes) { return read_product_attributes("GroupedMatMul", info, R1_FLOAT, attributes); }
static OrtStatus *create_bf16(const OrtKernelInfo *info, void *attributes) { return read_product_attributes("GroupedMatMulBf16", info, R1_BFLOAT16, attributes); }
static OrtStatus *create_gradient(const OrtKernelInfo *info, void *attributes) { return read_product_attributes("GroupedMatMulWeightGradient", info, R1_FLOAT, attributes); }

#define GROUPED(operator_name, type_of_y, create_function)                                                                                                     \
  {                                                                                                                                                           \
    .name = operator_name, .inputs = {{R1_ANY}, {R1_INT64}, {R1_ANY, R1_VARIADIC}}, .input_count = 3, .outputs = {{type_of_y}}, .output_count = 1,             \
    .attributes_size = sizeof(ProductAttributes), .create = create_function, .compute = compute,                                                              \
  }
const Operator r1_operator_grouped_matmul = GROUPED("GroupedMatMul", R1_FLOAT, create);
const Operator r1_operator_grouped_matmul_bf16 = GROUPED("GroupedMatMulBf16", R1_BFLOAT16, create_bf16);
const Operator r1_operator_grouped_matmul_weight_gradient = {
    .name = "GroupedMatMulWeightGradient",
    .inputs = {{R1_ANY}, {R1_ANY}, {R1_INT64}}, .input_count = 3,
    .outputs = {{R1_FLOAT, R1_VARIADIC}}, .output_count = 1,
    .attributes_size = sizeof(ProductAttributes), .create = create_gradient, .compute = compute_gradient,
};
