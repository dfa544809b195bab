// Which keys a query sees.
#include "attention.h"

Range visible_keys(const Attention *a, int64_t batch, int64_t query) {
  const int64_t place = query + a->T - a->S;
  Range keys = {0, a->causal ? place + 1 : a->T};
  if (a->window > 0) {
    keys.first = larger(keys.first, place - a->window + 1);
    keys.end = smaller(keys.end, place + a->window);
  }
  if (a->first_BS) {
    keys.first = larger(keys.first, a->first_BS[batch * a->S + query]);
    keys.end = smaller(keys.end, a->end_BS[batch * a->S + query]);
  }
  return keys;
}

Range visible_keys_of(const Attention *a, int64_t batch, int64_t start, int64_t end) {
  Range all = visible_keys(a, batch, start);
  // Without segments both ends only grow with the query.
  const int64_t step = a->first_BS ? 1 : larger(1, end - 1 - start);
  for (int64_t query = start + step; query < end; query += step) {
    const Range keys = visible_keys(a, batch, query);
    all.first = smaller(all.first, keys.first);
    all.end = larger(all.end, keys.end);
  }
  return all;
}

int64_t key_alignment(const GemmKernels *kernels) {
  int64_t alignment = kernels->columns;
  while (alignment % (LANE_BLOCK * kernels->lane_depth) != 0) alignment += kernels->columns;
  return alignment;
}
