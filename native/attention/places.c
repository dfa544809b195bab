#include "places.h"

#include <string.h>

OrtStatus *find_places(const Call *call, const StepPlaces *step, uint8_t *taken, int64_t *places_BS, int64_t *longest) {
  memset(taken, 0, (size_t)step->R);
  for (int64_t b = 0; b < step->B; b++) {
    const int64_t slot = step->slots_B ? step->slots_B[b] : b;
    if (slot < 0 || slot >= step->R || taken[slot])
      return fail(call, "slot %lld of row %lld is taken twice or outside 0 … %lld", (long long)slot, (long long)b, (long long)(step->R - 1));
    taken[slot] = 1;
    int64_t place = step->lengths_B[b];
    if (place < 0 || place > step->T) return fail(call, "the length %lld of row %lld is outside 0 … %lld", (long long)place, (long long)b, (long long)step->T);
    for (int64_t at = b * step->S; at < (b + 1) * step->S; at++) places_BS[at] = step->segments_BS && step->segments_BS[at] < 0 ? -1 : place++;
    if (place > step->T) return fail(call, "row %lld has %lld tokens, its slot only %lld places", (long long)b, (long long)place, (long long)step->T);
    *longest = larger(*longest, place);
  }
  return NULL;
}
