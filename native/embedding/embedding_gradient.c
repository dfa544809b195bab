#include "embedding_gradient.h"

#include "../framework/rows.h"

typedef struct {
  int64_t vocabulary;
} Attributes;

static OrtStatus *create(const OrtKernelInfo *info, void *attributes) {
  int64_t vocabulary = attribute_int(info, "vocabulary", 0);
  if (vocabulary < 0) return fail_attribute("EmbeddingGradient", "vocabulary must not be negative");
  ((Attributes *)attributes)->vocabulary = vocabulary;
  return NULL;
}

static OrtStatus *compute(void *attributes, Call *call) {
  int64_t vocabulary = ((const Attributes *)attributes)->vocabulary;
  Tensor ids, dx, base;
  R1_TRY(input(call, 0, &ids));
  R1_TRY(input(call, 1, &dx));
  R1_TRY(input(call, 2, &base));
  if (dx.rank != ids.rank + 1 || dx.size != ids.size * width(&dx)) return fail_shapes(call, "dX must hold one row for each id");
  if (!base.shape && !vocabulary) return fail(call, "needs the attribute vocabulary or the input base");
  if (base.shape && (base.rank != 2 || width(&base) != width(&dx))) return fail_shapes(call, "base must be [V,D] with rows as long as those of dX");
  if (base.shape && vocabulary && base.shape[0] != vocabulary) return fail_shapes(call, "base must have %lld rows, as the attribute vocabulary says", (long long)vocabulary);
  int64_t V = base.shape ? base.shape[0] : vocabulary, D = width(&dx);
  for (int64_t t = 0; t < ids.size; t++)
    if (ids.integers[t] < 0 || ids.integers[t] >= V)
      return fail(call, "id %lld at place %lld is outside the vocabulary 0 … %lld", (long long)ids.integers[t], (long long)t, (long long)(V - 1));
  // About 256k elements of dE a block, at most 64 blocks, at least 16 as far as 64 features and single rows allow: looking through the ids costs every block the same.
  int64_t feature_block = D >= 512 ? blocks_of(D, 2 * 16) * 16 : larger(D, 1), feature_blocks = blocks_of(D, feature_block);
  int64_t ranges = smaller(V, larger(16, smaller(64, V * D / 262144)) / larger(feature_blocks, 1));
  EmbeddingGradient job = {
      .T = ids.size,
      .D = D,
      .V = V,
      .vocabulary_block = blocks_of(V, larger(ranges, 1)),
      .feature_block = feature_block,
      .feature_blocks = feature_blocks,
      .ids_T = ids.integers,
      .dx_TD = dx.floats,
      .base_VD = base.floats,
  };
  R1_TRY(output_floats(call, 0, 2, (int64_t[]){V, D}, &job.de_VD));
  if (V == 0 || D == 0) return NULL;
  return parallel(call, blocks_of(V, job.vocabulary_block) * feature_blocks, row_kernels()->embedding_gradient, &job);
}

R1_IN_PLACE(in_place, 1, ({2}), ({0}))

const Operator r1_operator_embedding_gradient = {
    .name = "EmbeddingGradient",
    .inputs = {{R1_INT64}, {R1_FLOAT}, {R1_FLOAT, R1_OPTIONAL}},
    .input_count = 3,
    .outputs = {{R1_FLOAT}},
    .output_count = 1,
    .attributes_size = sizeof(Attributes),
    .create = create,
    .compute = compute,
    .in_place = in_place,
};
