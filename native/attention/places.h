// Where the tokens of a step go in the slots of a cache.
#pragma once
#include "../framework/operator.h"

typedef struct {
  int64_t B, S, R, T;                            // rows of the step, tokens a row, slots, places of a slot
  const int64_t *lengths_B, *slots_B, *segments_BS;  // slots_B, segments_BS: may be NULL
} StepPlaces;

// The place of each token, −1 for padding, and one more than the last place of all. Checks everything that is used as an index; `taken` is scratch memory of R bytes.
OrtStatus *find_places(const Call *call, const StepPlaces *step, uint8_t *taken, int64_t *places_BS, int64_t *longest);
