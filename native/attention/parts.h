// What a query has of the places before, and how parts of places are put together. Included by row kernels: `vec` is their path's.
#pragma once
#include "../framework/vector.h"
#include "cached.h"

// The part of all places before a chunk, `so_far`, takes the chunk's; e features of values.
static void merge_part(int64_t e, float *so_far, const float *chunk) {
  Part *whole = (Part *)(void *)so_far;
  const Part *part = (const Part *)(const void *)chunk;
  const float largest = fmaxf(whole->largest, part->largest);
  float factors[LANES];
  store(factors, exponential(splat(whole->largest - largest)), LANES);
  const float before = factors[0];
  store(factors, exponential(splat(part->largest - largest)), LANES);
  const float here = factors[0];
  for (int64_t i = 0; i < e; i += LANES) {
    const int64_t left = e - i;
    const vec added = load(chunk + PART_FLOATS + i, left) * splat(here);
    store(so_far + PART_FLOATS + i, multiply_add(load(so_far + PART_FLOATS + i, left), splat(before), added), left);
  }
  whole->sum = whole->sum * before + part->sum * here;
  whole->largest = largest;
}

static void finish_part(int64_t e, const float *whole, float *y) {
  const vec inverse = splat(1 / ((const Part *)(const void *)whole)->sum);
  for (int64_t i = 0; i < e; i += LANES) store(y + i, load(whole + PART_FLOATS + i, e - i) * inverse, e - i);
}
