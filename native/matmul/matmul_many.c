// Products that share packing.
//   MatMulMany  Yₒ = A · Bₒ: query, key and value, or gate and up, from one A that is packed once
//   MatMulSum   Y = alpha · Σₜ Aₜ · Bₜ + added: their gradient with respect to A, summed in registers
#include "matrix.h"

// Every matrix is the left side's rows by the right side's columns; leading axes of A are more rows.
typedef struct {
  int64_t M, K, N;
} Sizes;

static OrtStatus *check_pair(const Call *call, const ProductAttributes *attributes, const Tensor *a, const Tensor *b, Sizes *sizes) {
  if (!is_number(a) || !is_number(b)) return fail(call, "every A and B must be f32 or bf16");
  if (a->rank < 2 || b->rank != 2) return fail_shapes(call, "A must have at least two axes and B two");
  if (attributes->transposed_a && a->rank != 2) return fail_shapes(call, "a transposed A must have two axes");
  sizes->M = attributes->transposed_a ? tensor_columns(a) : rows(a);
  if (!attributes->transposed_a && tensor_columns(a) == 0) {  // rows() cannot tell how many empty rows there are
    sizes->M = 1;
    for (int axis = 0; axis < a->rank - 1; axis++) sizes->M *= a->shape[axis];
  }
  sizes->K = attributes->transposed_a ? tensor_rows(a) : tensor_columns(a);
  sizes->N = attributes->transposed_b ? tensor_rows(b) : tensor_columns(b);
  const int64_t depth = attributes->transposed_b ? tensor_columns(b) : tensor_rows(b);
  if (depth != sizes->K) return fail_shapes(call, "A sums over %lld numbers and B over %lld", (long long)sizes->K, (long long)depth);
  return NULL;
}

// The shape of A with its last axis replaced: […, K] → […, N], or [K, M] → [M, N].
static void result_shape(const Tensor *a, const Sizes *sizes, bool transposed_a, int64_t *shape) {
  for (int axis = 0; axis < a->rank; axis++) shape[axis] = a->shape[axis];
  if (transposed_a) shape[0] = sizes->M;
  shape[a->rank - 1] = sizes->N;
}

static OrtStatus *compute_many(void *attributes_, Call *call) {
  const ProductAttributes *attributes = attributes_;
  const int outputs = input_count(call) - 1;
  if (outputs < 1 || outputs > GEMM_MANY || output_count(call) > outputs) return fail(call, "needs 1 to %d B and as many outputs", GEMM_MANY);
  Gemm product = {.precision = attributes->precision, .terms = 1, .outputs = outputs};
  Tensor a;
  R1_TRY(input(call, 0, &a));
  for (int o = 0; o < outputs; o++) {
    Tensor b;
    Sizes sizes;
    int64_t shape[R1_MAX_RANK];
    void *y;
    R1_TRY(input(call, o + 1, &b));
    R1_TRY(check_pair(call, attributes, &a, &b, &sizes));
    result_shape(&a, &sizes, attributes->transposed_a, shape);
    R1_TRY(output(call, o, a.rank, shape, &y));
    product.M = sizes.M;
    product.K[0] = sizes.K;
    product.N[o] = y ? sizes.N : 0;
    product.b[o] = right_operand(&b, 0, attributes->transposed_b);
    product.c[o] = (Target){.data = y, .stride = sizes.N, .type = attributes->output_type, .alpha = attributes->alpha};
  }
  product.a[0] = left_operand(&a, 0, attributes->transposed_a);
  return gemm(call, &product);
}

// Inputs: added (may be left out), then all A, then all B.
static OrtStatus *compute_sum(void *attributes_, Call *call) {
  const ProductAttributes *attributes = attributes_;
  const int terms = (input_count(call) - 1) / 2;
  if (terms < 1 || terms > GEMM_MANY || input_count(call) != 1 + 2 * terms) return fail(call, "needs 1 to %d A and as many B after what is added", GEMM_MANY);
  Gemm product = {.precision = attributes->precision, .terms = terms, .outputs = 1};
  Tensor added, first = {.rank = 0};
  int64_t shape[R1_MAX_RANK];
  R1_TRY(input(call, 0, &added));
  for (int t = 0; t < terms; t++) {
    Tensor a, b;
    Sizes sizes;
    R1_TRY(input(call, 1 + t, &a));
    R1_TRY(input(call, 1 + terms + t, &b));
    R1_TRY(check_pair(call, attributes, &a, &b, &sizes));
    if (t == 0) {
      first = a;
      product.M = sizes.M;
      product.N[0] = sizes.N;
      result_shape(&a, &sizes, attributes->transposed_a, shape);
    }
    if (sizes.M != product.M || sizes.N != product.N[0] || a.rank != first.rank) return fail_shapes(call, "all products must have one shape");
    product.K[t] = sizes.K;
    product.a[t] = left_operand(&a, 0, attributes->transposed_a);
    product.b[t] = right_operand(&b, 0, attributes->transposed_b);
  }
  void *y;
  R1_TRY(output(call, 0, first.rank, shape, &y));
  product.c[0] = (Target){.data = y, .stride = product.N[0], .type = attributes->output_type, .alpha = attributes->alpha};
  if (added.shape) {
    if (!is_number(&added) || added.size != product.M * product.N[0]) return fail_shapes(call, "what is added must be f32 or bf16 in the shape of Y");
    product.c[0].added = added.data;
    product.c[0].added_stride = product.N[0];
    product.c[0].added_type = added.type;
  }
  return gemm(call, &product);
}

static OrtStatus *create_many(const OrtKernelInfo *info, void *attributes) { return read_product_attributes("MatMulMany", info, R1_FLOAT, attributes); }
static OrtStatus *create_many_bf16(const OrtKernelInfo *info, void *attributes) { return read_product_attributes("MatMulManyBf16", info, R1_BFLOAT16, attributes); }
static OrtStatus *create_sum(const OrtKernelInfo *info, void *attributes) { return read_product_attributes("MatMulSum", info, R1_FLOAT, attributes); }
static OrtStatus *create_sum_bf16(const OrtKernelInfo *info, void *attributes) { return read_product_attributes("MatMulSumBf16", info, R1_BFLOAT16, attributes); }

#define MANY(operator_name, type_of_y, create_function)                                                                              \
  {                                                                                                                                  \
    .name = operator_name, .inputs = {{R1_ANY}, {R1_ANY, R1_VARIADIC}}, .input_count = 2, .outputs = {{type_of_y, R1_VARIADIC}},      \
    .output_count = 1, .attributes_size = sizeof(ProductAttributes), .create = create_function, .compute = compute_many,             \
  }
const Operator r1_operator_matmul_many = MANY("MatMulMany", R1_FLOAT, create_many);
const Operator r1_operator_matmul_many_bf16 = MANY("MatMulManyBf16", R1_BFLOAT16, create_many_bf16);

R1_IN_PLACE(sum_in_place, 1, ({0}), ({0}))

#define SUM(operator_name, type_of_y, create_function)                                                                               \
  {                                                                                                                                  \
    .name = operator_name, .inputs = {{R1_ANY, R1_OPTIONAL}, {R1_ANY, R1_VARIADIC}}, .input_count = 2, .outputs = {{type_of_y}},      \
    .output_count = 1, .attributes_size = sizeof(ProductAttributes), .create = create_function, .compute = compute_sum,              \
    .in_place = sum_in_place,                                                                                                        \
  }
const Operator r1_operator_matmul_sum = SUM("MatMulSum", R1_FLOAT, create_sum);
const Operator r1_operator_matmul_sum_bf16 = SUM("MatMulSumBf16", R1_BFLOAT16, create_sum_bf16);
