// Products with frozen weights and low-rank adapters (LoRA, arXiv 2106.09685): Yₒ = X · Bₒ + Innerₒ · Upₒ with Innerₒ = scale · X · Downₒ, for the weights that share X.
// The adapter's products are made while X lies packed in the cache, so they cost little beyond their arithmetic. Shapes as in PEFT: B [N, K], Down [r, K], Up [N, r]
// (transB = 1, the default), or B [K, N], Down [K, r], Up [r, N].
//   MatMulLora          version?, X, then Bₒ, Downₒ, Upₒ for each o              → every Yₒ, then every Innerₒ [M, r]
//   MatMulLoraGradient  version?, X, then dYₒ, Bₒ, Downₒ, Upₒ, Innerₒ for each o → dX, then dDownₒ, dUpₒ for each o
#include "../framework/rows.h"
#include "../framework/scratch.h"
#include "constant.h"
#include "low_rank.h"
#include "matrix.h"

typedef struct {
  ProductAttributes product;  // alpha is the adapter's scale
  bool constant_b;
  ConstantSlot constants[GEMM_MANY];
} Attributes;

// One weight with its adapter.
typedef struct {
  Tensor b, down, up;
  int64_t N, rank;
} Adapted;

typedef struct {
  Attributes *attributes;
  Tensor x;
  int64_t M, K, version;
  int count;
  Adapted weights[GEMM_MANY];
  Constant *constants[GEMM_MANY];
} Lora;

// Inputs 0 and 1 are the version and X; each weight takes `step` inputs from 2 on, of which B is number `at`.
static OrtStatus *read_inputs(Call *call, Attributes *attributes, int step, int at, Lora *lora) {
  *lora = (Lora){.attributes = attributes, .count = (input_count(call) - 2) / step};
  if (lora->count < 1 || lora->count > GEMM_MANY || input_count(call) != 2 + step * lora->count) return fail(call, "needs %d inputs for each of 1 to %d weights", step, GEMM_MANY);
  Tensor version;
  R1_TRY(input(call, 0, &version));
  if (version.data && (version.type != R1_INT64 || version.size != 1)) return fail(call, "the version must be one i64");
  lora->version = version.data ? version.integers[0] : 0;
  R1_TRY(input(call, 1, &lora->x));
  if (!is_number(&lora->x) || lora->x.rank < 2) return fail_shapes(call, "X must be f32 or bf16 with at least two axes");
  lora->K = tensor_columns(&lora->x);
  lora->M = rows(&lora->x);
  const bool transposed = attributes->product.transposed_b;
  for (int o = 0; o < lora->count; o++) {
    Adapted *weight = &lora->weights[o];
    R1_TRY(input(call, 2 + step * o + at, &weight->b));
    R1_TRY(input(call, 2 + step * o + at + 1, &weight->down));
    R1_TRY(input(call, 2 + step * o + at + 2, &weight->up));
    const Tensor *parts[] = {&weight->b, &weight->down, &weight->up};
    for (int i = 0; i < 3; i++) {
      if (!is_number(parts[i]) || parts[i]->rank != 2) return fail_shapes(call, "weights and adapters must be f32 or bf16 with two axes");
    }
    weight->N = weight->b.shape[!transposed];
    weight->rank = weight->down.shape[!transposed];
    const bool fits = weight->b.shape[transposed] == lora->K && weight->down.shape[transposed] == lora->K && weight->up.shape[!transposed] == weight->N && weight->up.shape[transposed] == weight->rank;
    if (!fits) return fail_shapes(call, "B, Down and Up of weight %d do not fit X and each other", o);
    if (lora->K == 0 || weight->N == 0 || weight->rank == 0) return fail_shapes(call, "weight %d is empty", o);
  }
  return NULL;
}

// B as the columns side of `product`, packed by this node for good if the weights are constant. For the gradient the roles of K and N are swapped.
static OrtStatus *set_weight(const Call *call, Lora *lora, int o, bool gradient, Gemm *product) {
  Adapted *weight = &lora->weights[o];
  const bool transposed = lora->attributes->product.transposed_b != gradient;
  product->b[o] = right_operand(&weight->b, 0, transposed);
  if (!lora->attributes->constant_b) return NULL;
  const int64_t depth = gradient ? weight->N : lora->K, columns = gradient ? lora->K : weight->N;
  R1_TRY(use_constant(call, &lora->attributes->constants[o], &product->b[o], depth, columns, lora->version, product->precision, &lora->constants[o]));
  product->packed[o] = lora->constants[o]->packed;
  return NULL;
}

static void release(Lora *lora) {
  for (int o = 0; o < lora->count; o++) release_constant(lora->constants[o]);
}

// ---- products too deep for low-rank parts inside: the inner products first, then each as one more product onto C

static OrtStatus *multiply_inner(const Call *call, const Gemm *product, int i) {
  const LowRank *low = &product->low_rank[i];
  const Gemm inner = {
      .precision = product->precision,
      .M = product->M,
      .terms = 1,
      .outputs = 1,
      .K = {product->K[product->terms > 1 ? i : 0]},
      .N = {low->rank},
      .a = {product->a[product->terms > 1 ? i : 0]},
      .b = {low->down},
      .c = {{.data = low->inner, .stride = low->rank, .type = low->inner_type, .alpha = low->scale}},
  };
  return gemm(call, &inner);
}

static OrtStatus *add_outer(const Call *call, const Gemm *product, int i) {
  const LowRank *low = &product->low_rank[i];
  Target c = product->c[product->outputs > 1 ? i : 0];
  c.added = c.data;
  c.added_stride = c.stride;
  c.added_type = c.type;
  const Gemm outer = {
      .precision = product->precision,
      .M = product->M,
      .terms = 1,
      .outputs = 1,
      .K = {low->rank},
      .N = {product->N[product->outputs > 1 ? i : 0]},
      .a = {{.data = low->inner, .stride = low->rank, .type = low->inner_type}},
      .b = {low->up},
      .c = {c},
  };
  return gemm(call, &outer);
}

static OrtStatus *multiply(const Call *call, const Gemm *product) {
  int64_t columns = 0;
  for (int o = 0; o < product->outputs; o++) columns += product->N[o];
  if (gemm_fits_low_rank(product) && columns) return gemm(call, product);
  Gemm plain = *product;
  const int many = (int)larger(product->terms, product->outputs);
  for (int i = 0; i < many; i++) plain.low_rank[i].rank = 0;
  R1_TRY(gemm(call, &plain));
  for (int i = 0; i < many; i++) {
    R1_TRY(multiply_inner(call, product, i));
    if (columns) R1_TRY(add_outer(call, product, i));
  }
  return NULL;
}

// ---- forward

static OrtStatus *forward(Call *call, Lora *lora, Gemm *product, float **own_inner) {
  const ProductAttributes *attributes = &lora->attributes->product;
  int64_t inner_size = 0;
  for (int o = 0; o < lora->count; o++) inner_size += lora->M * lora->weights[o].rank;
  *own_inner = scratch_take((size_t)inner_size * sizeof(float));
  if (!*own_inner) return fail_memory(call, (size_t)inner_size * sizeof(float));
  float *spare = *own_inner;
  for (int o = 0; o < lora->count; o++) {
    Adapted *weight = &lora->weights[o];
    int64_t shape[R1_MAX_RANK];
    for (int axis = 0; axis < lora->x.rank; axis++) shape[axis] = lora->x.shape[axis];
    shape[lora->x.rank - 1] = weight->N;
    void *y, *inner;
    R1_TRY(output(call, o, lora->x.rank, shape, &y));
    shape[lora->x.rank - 1] = weight->rank;
    R1_TRY(output(call, lora->count + o, lora->x.rank, shape, &inner));
    R1_TRY(set_weight(call, lora, o, false, product));
    product->N[o] = y ? weight->N : 0;
    product->low_rank[o] = (LowRank){.rank = weight->rank,
                                     .down = right_operand(&weight->down, 0, attributes->transposed_b),
                                     .up = right_operand(&weight->up, 0, attributes->transposed_b),
                                     .scale = attributes->alpha,
                                     .inner = inner ? inner : spare,
                                     .inner_type = inner ? attributes->output_type : R1_FLOAT};
    product->c[o] = (Target){.data = y, .stride = weight->N, .type = attributes->output_type, .alpha = 1};
    spare += lora->M * weight->rank;
  }
  return multiply(call, product);
}

static OrtStatus *compute(void *attributes, Call *call) {
  Lora lora;
  R1_TRY(read_inputs(call, attributes, 3, 0, &lora));
  Gemm product = {.precision = lora.attributes->product.precision, .M = lora.M, .terms = 1, .outputs = lora.count, .K = {lora.K}, .a = {left_operand(&lora.x, 0, false)}};
  float *inner = NULL;
  OrtStatus *status = forward(call, &lora, &product, &inner);
  scratch_give(inner);
  release(&lora);
  return status;
}

// ---- gradient

// What the gradients of one weight's adapter are made of, and where they go; NULL where nobody asked for one.
typedef struct {
  Tensor dy, inner;
  const float *d_inner;  // [M, rank]
  float *d_down, *d_up;
} AdapterGradients;

// dDown = dInnerᵀ · X and dUp = dYᵀ · Inner, in the adapters' own orientation. dInner already holds the scale, and so does Inner.
static OrtStatus *multiply_adapter_gradients(const Call *call, const Lora *lora, int o, const AdapterGradients *gradients) {
  const Tensor *dy = &gradients->dy, *inner = &gradients->inner;
  const Adapted *weight = &lora->weights[o];
  const bool transposed = lora->attributes->product.transposed_b;
  const Operand x = {.data = lora->x.data, .stride = lora->K, .type = lora->x.type, .depth_major = true};
  const Operand dys = {.data = dy->data, .stride = weight->N, .type = dy->type, .depth_major = true};
  const Operand inners = {.data = inner->data, .stride = weight->rank, .type = inner->type, .depth_major = true};
  const Operand d_inners = {.data = gradients->d_inner, .stride = weight->rank, .type = R1_FLOAT, .depth_major = true};
  Gemm product = {.precision = lora->attributes->product.precision, .terms = 1, .outputs = 1, .K = {lora->M}};
  if (gradients->d_down) {
    product.M = transposed ? weight->rank : lora->K;
    product.N[0] = transposed ? lora->K : weight->rank;
    product.a[0] = transposed ? d_inners : x;
    product.b[0] = transposed ? x : d_inners;
    product.c[0] = (Target){.data = gradients->d_down, .stride = product.N[0], .type = R1_FLOAT, .alpha = 1};
    R1_TRY(gemm(call, &product));
  }
  if (!gradients->d_up) return NULL;
  product.M = transposed ? weight->N : weight->rank;
  product.N[0] = transposed ? weight->rank : weight->N;
  product.a[0] = transposed ? dys : inners;
  product.b[0] = transposed ? inners : dys;
  product.c[0] = (Target){.data = gradients->d_up, .stride = product.N[0], .type = R1_FLOAT, .alpha = 1};
  return gemm(call, &product);
}

// Adapters of low rank are summed straight from X and dY, all in one go; the others are products.
static OrtStatus *adapter_gradients(Call *call, const Lora *lora, AdapterGradients *gradients) {
  const bool transposed = lora->attributes->product.transposed_b;
  LowRankSum sums[2 * GEMM_MANY];
  int count = 0, made = 0;
  int64_t tasks = 0;
  for (int o = 0; o < lora->count; o++) {
    const Adapted *weight = &lora->weights[o];
    AdapterGradients *of = &gradients[o];
    R1_TRY(output_floats(call, 1 + 2 * o, 2, weight->down.shape, &of->d_down));
    R1_TRY(output_floats(call, 2 + 2 * o, 2, weight->up.shape, &of->d_up));
    if (weight->rank > LOW_RANK_MOST) {
      R1_TRY(multiply_adapter_gradients(call, lora, o, of));
      continue;
    }
    const int64_t rank = weight->rank, K = lora->K, N = weight->N;
    if (of->d_down) {
      const LowRankSum down = {.left = of->d_inner, .left_type = R1_FLOAT, .right = lora->x.data, .right_type = lora->x.type, .N = K, .out = of->d_down, .rank_stride = transposed ? K : 1, .column_stride = transposed ? 1 : rank};
      sums[count++] = down;
    }
    if (of->d_up) {
      const LowRankSum up = {.left = of->inner.data, .left_type = of->inner.type, .right = of->dy.data, .right_type = of->dy.type, .N = N, .out = of->d_up, .rank_stride = transposed ? 1 : N, .column_stride = transposed ? rank : 1};
      sums[count++] = up;
    }
    for (; made < count; made++) {
      sums[made].T = lora->M;
      sums[made].rank = rank;
      sums[made].first_task = tasks;
      tasks += blocks_of(sums[made].N, LOW_RANK_STRIPE);
    }
  }
  LowRankSums job = {.sums = sums, .count = count};
  return parallel(call, tasks, row_kernels()->low_rank_sums, &job);
}

static OrtStatus *gradient(Call *call, Lora *lora, Gemm *product, float **memory) {
  const ProductAttributes *attributes = &lora->attributes->product;
  AdapterGradients gradients[GEMM_MANY];
  int64_t size = 0;
  for (int o = 0; o < lora->count; o++) size += lora->M * lora->weights[o].rank;
  *memory = scratch_take((size_t)size * sizeof(float));
  if (!*memory) return fail_memory(call, (size_t)size * sizeof(float));
  float *next = *memory;
  for (int o = 0; o < lora->count; o++) {
    const Adapted *weight = &lora->weights[o];
    const Tensor *dy = &gradients[o].dy, *inner = &gradients[o].inner;
    R1_TRY(input(call, 2 + 5 * o, &gradients[o].dy));
    R1_TRY(input(call, 2 + 5 * o + 4, &gradients[o].inner));
    if (!is_number(dy) || dy->size != lora->M * weight->N) return fail_shapes(call, "dY of weight %d must be f32 or bf16 with as many rows as X and %lld columns", o, (long long)weight->N);
    if (!is_number(inner) || inner->size != lora->M * weight->rank) return fail_shapes(call, "Inner of weight %d must be f32 or bf16 with as many rows as X and %lld columns", o, (long long)weight->rank);
    R1_TRY(set_weight(call, lora, o, true, product));
    product->K[o] = weight->N;
    product->a[o] = (Operand){.data = dy->data, .stride = weight->N, .type = dy->type};
    gradients[o].d_inner = next;
    product->low_rank[o] = (LowRank){.rank = weight->rank,
                                     .down = right_operand(&weight->up, 0, !attributes->transposed_b),
                                     .up = right_operand(&weight->down, 0, !attributes->transposed_b),
                                     .scale = attributes->alpha,
                                     .inner = next,
                                     .inner_type = R1_FLOAT};
    next += lora->M * weight->rank;
  }
  void *dx;
  R1_TRY(output(call, 0, lora->x.rank, lora->x.shape, &dx));
  product->N[0] = dx ? lora->K : 0;
  product->c[0] = (Target){.data = dx, .stride = lora->K, .type = attributes->output_type, .alpha = 1};
  R1_TRY(multiply(call, product));
  return adapter_gradients(call, lora, gradients);
}

static OrtStatus *compute_gradient(void *attributes, Call *call) {
  Lora lora;
  R1_TRY(read_inputs(call, attributes, 5, 1, &lora));
  Gemm product = {.precision = lora.attributes->product.precision, .M = lora.M, .terms = lora.count, .outputs = 1};
  float *memory = NULL;
  OrtStatus *status = gradient(call, &lora, &product, &memory);
  scratch_give(memory);
  release(&lora);
  return status;
}

// ---- operators

static OrtStatus *create_as(const char *name, const OrtKernelInfo *info, ElementType type, Attributes *attributes) {
  attributes->constant_b = attribute_int(info, "constant_b", 0) != 0;
  OrtStatus *status = read_product_attributes(name, info, type, &attributes->product);
  attributes->product.transposed_b = attribute_int(info, "transB", 1) != 0;
  attributes->product.alpha = attribute_float(info, "scale", 1);
  return status;
}
static OrtStatus *create(const OrtKernelInfo *info, void *attributes) { return create_as("MatMulLora", info, R1_FLOAT, attributes); }
static OrtStatus *create_bf16(const OrtKernelInfo *info, void *attributes) { return create_as("MatMulLoraBf16", info, R1_BFLOAT16, attributes); }
static OrtStatus *create_gradient(const OrtKernelInfo *info, void *attributes) { return create_as("MatMulLoraGradient", info, R1_FLOAT, attributes); }
static OrtStatus *create_gradient_bf16(const OrtKernelInfo *info, void *attributes) { return create_as("MatMulLoraGradientBf16", info, R1_BFLOAT16, attributes); }

static void destroy(void *attributes) {
  for (int o = 0; o < GEMM_MANY; o++) clear_constant(&((Attributes *)attributes)->constants[o]);
}

#define LORA(operator_name, type_of_y, create_function)                                                                                   \
  {                                                                                                                                       \
    .name = operator_name, .inputs = {{R1_ANY, R1_OPTIONAL}, {R1_ANY}, {R1_ANY, R1_VARIADIC}}, .input_count = 3,                          \
    .outputs = {{type_of_y, R1_VARIADIC}}, .output_count = 1, .attributes_size = sizeof(Attributes), .create = create_function,           \
    .destroy = destroy, .compute = compute,                                                                                               \
  }
const Operator r1_operator_matmul_lora = LORA("MatMulLora", R1_FLOAT, create);
const Operator r1_operator_matmul_lora_bf16 = LORA("MatMulLoraBf16", R1_BFLOAT16, create_bf16);

#define GRADIENT(operator_name, type_of_dx, create_function)                                                                              \
  {                                                                                                                                       \
    .name = operator_name, .inputs = {{R1_ANY, R1_OPTIONAL}, {R1_ANY}, {R1_ANY, R1_VARIADIC}}, .input_count = 3,                          \
    .outputs = {{type_of_dx, R1_OPTIONAL}, {R1_FLOAT, R1_VARIADIC}}, .output_count = 2, .attributes_size = sizeof(Attributes),            \
    .create = create_function, .destroy = destroy, .compute = compute_gradient,                                                           \
  }
const Operator r1_operator_matmul_lora_gradient = GRADIENT("MatMulLoraGradient", R1_FLOAT, create_gradient);
const Operator r1_operator_matmul_lora_gradient_bf16 = GRADIENT("MatMulLoraGradientBf16", R1_BFLOAT16, create_gradient_bf16);
