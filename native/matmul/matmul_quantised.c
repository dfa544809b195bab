// Products with frozen quantised weights: Y = alpha · A · op(W) + added, W [R, C] given as codes and scales. transB = 1 (the default) is Y = A · Wᵀ, transB = 0 the
// gradient with respect to A of that.
//   MatMulNF4   codes u8 [R, C / 2], scales f32 of R · C / block numbers, block a multiple of 2 (attribute, 64)
//   MatMulInt8  codes i8 [R, C], scales f32 of R · C / block numbers (block 0: one scale a row)
#include "matrix.h"

typedef struct {
  ProductAttributes product;
  ElementType codes;
  int64_t block;
} Attributes;

enum { A, CODES, SCALES, ADDED, INPUTS };

static OrtStatus *read_weights(Call *call, const Attributes *attributes, Operand *b, int64_t *R, int64_t *C) {
  Tensor codes, scales;
  R1_TRY(input(call, CODES, &codes));
  R1_TRY(input(call, SCALES, &scales));
  if (codes.rank != 2) return fail_shapes(call, "the codes must have two axes");
  *R = tensor_rows(&codes);
  *C = tensor_columns(&codes) * (attributes->codes == R1_UINT8 ? 2 : 1);
  const int64_t block = attributes->block ? attributes->block : larger(*C, 1);
  if (scales.size != blocks_of(*R * *C, block)) return fail_shapes(call, "%lld weights in blocks of %lld need as many scales", (long long)(*R * *C), (long long)block);
  *b = (Operand){.data = codes.data, .stride = *C, .type = attributes->codes, .depth_major = !attributes->product.transposed_b, .scales = scales.floats, .block = block};
  return NULL;
}

static OrtStatus *compute(void *attributes_, Call *call) {
  const Attributes *attributes = attributes_;
  Tensor a, added;
  int64_t R = 0, C = 0, shape[R1_MAX_RANK];
  Gemm product = {.precision = attributes->product.precision, .terms = 1, .outputs = 1};
  R1_TRY(input(call, A, &a));
  R1_TRY(input(call, ADDED, &added));
  R1_TRY(read_weights(call, attributes, &product.b[0], &R, &C));
  if (!is_number(&a) || a.rank < 2) return fail_shapes(call, "A must be f32 or bf16 with at least two axes");
  product.K[0] = attributes->product.transposed_b ? C : R;
  product.N[0] = attributes->product.transposed_b ? R : C;
  if (tensor_columns(&a) != product.K[0]) return fail_shapes(call, "A sums over %lld numbers and the weights over %lld", (long long)tensor_columns(&a), (long long)product.K[0]);
  product.M = 1;
  for (int axis = 0; axis < a.rank - 1; axis++) product.M *= shape[axis] = a.shape[axis];
  shape[a.rank - 1] = product.N[0];
  void *y;
  R1_TRY(output(call, 0, a.rank, shape, &y));
  product.a[0] = left_operand(&a, 0, false);
  product.c[0] = (Target){.data = y, .stride = product.N[0], .type = attributes->product.output_type, .alpha = attributes->product.alpha};
  if (added.shape) {
    if (!is_number(&added) || added.size != product.M * product.N[0]) return fail_shapes(call, "what is added must be f32 or bf16 in the shape of Y");
    product.c[0].added = added.data;
    product.c[0].added_stride = product.N[0];
    product.c[0].added_type = added.type;
  }
  return gemm(call, &product);
}

static OrtStatus *create_as(const char *name, const OrtKernelInfo *info, ElementType codes, ElementType y, Attributes *attributes) {
  attributes->codes = codes;
  attributes->block = attribute_int(info, "block", codes == R1_UINT8 ? 64 : 0);
  const int64_t most = (int64_t)1 << 31;  // so that no count of blocks can overflow
  if (attributes->block < 0 || attributes->block > most) return fail_attribute(name, "block must not be negative, nor above 2^31");
  if (codes == R1_UINT8 && (attributes->block == 0 || attributes->block % 2)) return fail_attribute(name, "block must be a positive even number");
  R1_TRY(read_product_attributes(name, info, y, &attributes->product));
  attributes->product.transposed_b = attribute_int(info, "transB", 1) != 0;
  return NULL;
}

R1_IN_PLACE(in_place, 1, ({ADDED}), ({0}))

#define QUANTISED(symbol, operator_name, type_of_codes, type_of_y)                                                                                                          \
  static OrtStatus *create_##symbol(const OrtKernelInfo *info, void *attributes) { return create_as(operator_name, info, type_of_codes, type_of_y, attributes); }          \
  const Operator r1_operator_##symbol = {                                                                                                                                  \
      .name = operator_name, .inputs = {{R1_ANY}, {type_of_codes}, {R1_FLOAT}, {R1_ANY, R1_OPTIONAL}}, .input_count = INPUTS, .outputs = {{type_of_y}},                   \
      .output_count = 1, .attributes_size = sizeof(Attributes), .create = create_##symbol, .compute = compute, .in_place = in_place,                                       \
  };
QUANTISED(matmul_nf4, "MatMulNF4", R1_UINT8, R1_FLOAT)
QUANTISED(matmul_nf4_bf16, "MatMulNF4Bf16", R1_UINT8, R1_BFLOAT16)
QUANTISED(matmul_int8, "MatMulInt8", R1_INT8, R1_FLOAT)
QUANTISED(matmul_int8_bf16, "MatMulInt8Bf16", R1_INT8, R1_BFLOAT16)
