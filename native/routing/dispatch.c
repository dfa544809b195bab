// The order in which a mixture of experts computes its tokens: ExpertDispatch. Input experts i64 [T, k]; outputs order i64 [T · k], the choices sorted by expert and among equals as they
// come, places i64 [T, k], the rank of each choice, and offsets i64 [E + 1]: expert e owns ranks offsets[e] … offsets[e + 1] − 1.
#include <string.h>

#include "../framework/operator.h"

enum { MOST_EXPERTS = 1 << 16 };

typedef struct {
  int64_t experts;
} Attributes;

static OrtStatus *compute(void *attributes, Call *call) {
  const int64_t experts = ((const Attributes *)attributes)->experts;
  Tensor chosen;
  R1_TRY(input(call, 0, &chosen));
  void *order_, *places_, *offsets_;
  R1_TRY(output(call, 0, 1, &chosen.size, &order_));
  R1_TRY(output(call, 1, chosen.rank, chosen.shape, &places_));
  R1_TRY(output(call, 2, 1, (int64_t[]){experts + 1}, &offsets_));
  if (!order_ || !places_ || !offsets_) return fail(call, "every output must be asked for");
  int64_t *order = order_, *places = places_, *offsets = offsets_;
  memset(offsets, 0, (size_t)(experts + 1) * sizeof *offsets);
  for (int64_t i = 0; i < chosen.size; i++) {
    const int64_t expert = chosen.integers[i];
    if (expert < 0 || expert >= experts) return fail_shapes(call, "expert %lld is not one of 0 … %lld", (long long)expert, (long long)experts - 1);
    places[i] = offsets[expert + 1]++;  // its rank among the expert's own
  }
  for (int64_t e = 0; e < experts; e++) offsets[e + 1] += offsets[e];
  for (int64_t i = 0; i < chosen.size; i++) {
    places[i] += offsets[chosen.integers[i]];
    order[places[i]] = i;
  }
  return NULL;
}

static OrtStatus *create(const OrtKernelInfo *info, void *attributes_) {
  Attributes *attributes = attributes_;
  attributes->experts = attribute_int(info, "experts", 0);
  if (attributes->experts < 1 || attributes->experts > MOST_EXPERTS) return fail_attribute("ExpertDispatch", "experts must be their number");
  return NULL;
}

const Operator r1_operator_expert_dispatch = {
    .name = "ExpertDispatch",
    .inputs = {{R1_INT64}},
    .input_count = 1,
    .outputs = {{R1_INT64}, {R1_INT64}, {R1_INT64}},
    .output_count = 3,
    .attributes_size = sizeof(Attributes),
    .create = create,
    .compute = compute,
};
