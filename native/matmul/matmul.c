// MatMul: Y = alpha · A · B + added + bias, with transposes and broadcast batches. MatMulBf16 is the same with a bf16 Y.
#include "constant.h"
#include "matrix.h"

typedef struct {
  ProductAttributes product;
  bool constant_b;
  ConstantSlot constant;
} Attributes;

enum { A, B, ADDED, BIAS, VERSION, INPUTS };

typedef struct {
  Tensor a, b, added, bias;
  const Attributes *attributes;
  char *y;
  int batch_rank;
  int64_t batch_shape[R1_MAX_RANK], batches, M, N, K;
} Product;

// ---- shapes

static OrtStatus *check_matrices(const Call *call, Product *p) {
  const ProductAttributes *attributes = &p->attributes->product;
  if (!is_number(&p->a) || !is_number(&p->b)) return fail(call, "A and B must be f32 or bf16");
  if (p->a.rank < 2 || p->b.rank < 2) return fail_shapes(call, "A and B must have at least two axes");
  p->M = attributes->transposed_a ? tensor_columns(&p->a) : tensor_rows(&p->a);
  p->K = attributes->transposed_a ? tensor_rows(&p->a) : tensor_columns(&p->a);
  p->N = attributes->transposed_b ? tensor_rows(&p->b) : tensor_columns(&p->b);
  const int64_t depth = attributes->transposed_b ? tensor_columns(&p->b) : tensor_rows(&p->b);
  if (depth != p->K) return fail_shapes(call, "A sums over %lld numbers and B over %lld", (long long)p->K, (long long)depth);
  if (p->bias.shape && (p->bias.size != p->N || p->bias.type != R1_FLOAT)) return fail_shapes(call, "the bias must be f32 of %lld numbers", (long long)p->N);
  return NULL;
}

static int64_t batch_axis(const Tensor *tensor, int axis_from_end) {
  const int axis = tensor->rank - 3 - axis_from_end;
  return axis < 0 ? 1 : tensor->shape[axis];
}

// Batch axes broadcast as in ONNX: aligned at their ends, a 1 repeats.
static OrtStatus *check_batches(const Call *call, Product *p) {
  p->batch_rank = (int)larger(p->a.rank, p->b.rank) - 2;
  p->batches = 1;
  for (int i = 0; i < p->batch_rank; i++) {
    const int64_t of_a = batch_axis(&p->a, i), of_b = batch_axis(&p->b, i);
    if (of_a != of_b && of_a != 1 && of_b != 1) return fail_shapes(call, "the batch axes of A and B cannot be broadcast");
    p->batch_shape[p->batch_rank - 1 - i] = of_a == 1 ? of_b : of_a;
    p->batches *= p->batch_shape[p->batch_rank - 1 - i];
  }
  return NULL;
}

static OrtStatus *check_added(const Call *call, const Product *p, const int64_t *shape, int rank) {
  if (!p->added.shape) return NULL;
  bool same = is_number(&p->added) && p->added.rank == rank;
  for (int axis = 0; same && axis < rank; axis++) same = p->added.shape[axis] == shape[axis];
  return same ? NULL : fail_shapes(call, "what is added must be f32 or bf16 in the shape of Y");
}

// ---- products

// The matrix of `tensor` that belongs to a batch.
static int64_t matrix_of(const Product *p, const Tensor *tensor, int64_t batch) {
  int64_t matrix = 0, step = 1;
  for (int i = 0; i < p->batch_rank; i++) {
    const int64_t size = p->batch_shape[p->batch_rank - 1 - i], own = batch_axis(tensor, i);
    if (own > 1) matrix += batch % size * step;
    step *= own;
    batch /= size;
  }
  return matrix;
}

static Gemm gemm_of(const Product *p, int64_t batch) {
  const ProductAttributes *attributes = &p->attributes->product;
  const int64_t at = batch * p->M * p->N;
  Target target = {.data = p->y + at * (int64_t)element_size(attributes->output_type), .stride = p->N, .type = attributes->output_type, .alpha = attributes->alpha};
  if (p->added.data) {
    target.added = p->added.bytes + at * (int64_t)element_size(p->added.type);
    target.added_stride = p->N;
    target.added_type = p->added.type;
  }
  target.bias = p->bias.floats;
  return (Gemm){
      .precision = attributes->precision,
      .M = p->M,
      .terms = 1,
      .outputs = 1,
      .K = {p->K},
      .N = {p->N},
      .a = {left_operand(&p->a, matrix_of(p, &p->a, batch), attributes->transposed_a)},
      .b = {right_operand(&p->b, matrix_of(p, &p->b, batch), attributes->transposed_b)},
      .c = {target},
  };
}

static int multiply_batch(void *product, int64_t batch) {
  const Gemm one = gemm_of(product, batch);
  return gemm_serial(&one);
}

static OrtStatus *multiply_constant(Call *call, Product *p, Attributes *attributes) {
  Tensor version;
  R1_TRY(input(call, VERSION, &version));
  if (version.data && (version.type != R1_INT64 || version.size != 1)) return fail(call, "the version must be one i64");
  Gemm one = gemm_of(p, 0);
  Constant *constant;
  R1_TRY(use_constant(call, &attributes->constant, &one.b[0], p->K, p->N, version.data ? version.integers[0] : 0, one.precision, &constant));
  one.packed[0] = constant->packed;
  OrtStatus *status = gemm(call, &one);
  release_constant(constant);
  return status;
}

static OrtStatus *compute(void *attributes_, Call *call) {
  Attributes *attributes = attributes_;
  Product p = {.attributes = attributes};
  R1_TRY(input(call, A, &p.a));
  R1_TRY(input(call, B, &p.b));
  R1_TRY(input(call, ADDED, &p.added));
  R1_TRY(input(call, BIAS, &p.bias));
  R1_TRY(check_matrices(call, &p));
  R1_TRY(check_batches(call, &p));
  int64_t shape[R1_MAX_RANK];
  for (int axis = 0; axis < p.batch_rank; axis++) shape[axis] = p.batch_shape[axis];
  shape[p.batch_rank] = p.M;
  shape[p.batch_rank + 1] = p.N;
  R1_TRY(check_added(call, &p, shape, p.batch_rank + 2));
  void *y;
  R1_TRY(output(call, 0, p.batch_rank + 2, shape, &y));
  p.y = y;
  if (p.batches * p.M * p.N == 0) return NULL;
  const bool one_b = p.b.size == p.K * p.N;
  if (one_b && !attributes->product.transposed_a && p.a.size == p.batches * p.M * p.K) {  // batches of A are just more rows
    p.M *= p.batches;
    p.batches = 1;
  }
  if (p.batches == 1 && attributes->constant_b) return multiply_constant(call, &p, attributes);
  enum { MANY = 8 };  // from here on a core takes a whole matrix
  if (p.batches >= MANY) return parallel(call, p.batches, multiply_batch, &p);
  for (int64_t batch = 0; batch < p.batches; batch++) {
    const Gemm one = gemm_of(&p, batch);
    R1_TRY(gemm(call, &one));
  }
  return NULL;
}

static OrtStatus *create_as(const char *name, const OrtKernelInfo *info, ElementType type, Attributes *attributes) {
  attributes->constant_b = attribute_int(info, "constant_b", 0) != 0;
  return read_product_attributes(name, info, type, &attributes->product);
}
static OrtStatus *create(const OrtKernelInfo *info, void *attributes) { return create_as("MatMul", info, R1_FLOAT, attributes); }
static OrtStatus *create_bf16(const OrtKernelInfo *info, void *attributes) { return create_as("MatMulBf16", info, R1_BFLOAT16, attributes); }
static void destroy(void *attributes) { clear_constant(&((Attributes *)attributes)->constant); }

R1_IN_PLACE(in_place, 1, ({ADDED}), ({0}))

#define MATMUL(operator_name, type_of_y, create_function)                                                                   \
  {                                                                                                                         \
    .name = operator_name,                                                                                                  \
    .inputs = {{R1_ANY}, {R1_ANY}, {R1_ANY, R1_OPTIONAL}, {R1_ANY, R1_OPTIONAL}, {R1_ANY, R1_OPTIONAL}},                    \
    .input_count = INPUTS,                                                                                                  \
    .outputs = {{type_of_y}},                                                                                               \
    .output_count = 1,                                                                                                      \
    .attributes_size = sizeof(Attributes),                                                                                  \
    .create = create_function,                                                                                              \
    .destroy = destroy,                                                                                                     \
    .compute = compute,                                                                                                     \
    .in_place = in_place,                                                                                                   \
  }
const Operator r1_operator_matmul = MATMUL("MatMul", R1_FLOAT, create);
const Operator r1_operator_matmul_bf16 = MATMUL("MatMulBf16", R1_BFLOAT16, create_bf16);
