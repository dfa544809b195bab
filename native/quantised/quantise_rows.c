// A row of X to int8, a block of 32 at a time: plain loops that the compiler turns into vectors of each path.
#include <math.h>
#include <string.h>

#include "../framework/path.h"
#include "product.h"

// The largest magnitude's bits. As whole numbers infinity lies above every number and not-a-number above infinity, so neither is lost.
static uint32_t largest_bits(const float *x) {
  uint32_t bits[BLOCK], largest = 0;
  memcpy(bits, x, sizeof bits);
  for (int i = 0; i < BLOCK; i++) {
    const uint32_t magnitude = bits[i] & 0x7fffffff;
    largest = magnitude > largest ? magnitude : largest;
  }
  return largest;
}

static int32_t sum_of_half(const int8_t *numbers) {
  int32_t sum = 0;
  for (int i = 0; i < BLOCK / 2; i++) sum += numbers[i];
  return sum;
}

int PATH(quantise_activations)(void *job_, int64_t row) {
  const Quantisation *job = job_;
  const float *x = job->x + row * job->K;
  int8_t *numbers = job->numbers + row * job->K;
  Step *step = job->steps + row * (job->K / BLOCK);
  for (int64_t block = 0; block < job->K / BLOCK; block++, x += BLOCK, numbers += BLOCK, step++) {
    const uint32_t bits = largest_bits(x);
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    if (bits >= 0x7f800000) {  // a block with infinity or not-a-number makes the whole row not-a-number
      memset(numbers, 0, BLOCK);
      *step = (Step){NAN, {NAN, NAN}, NAN};
      continue;
    }
    const float inverse = largest > 0x1p-120f ? 127 / largest : 0;
    for (int i = 0; i < BLOCK; i++) numbers[i] = (int8_t)(int32_t)nearbyintf(x[i] * inverse);
    const float scale = largest > 0x1p-120f ? largest / 127 : 0;
    const int32_t first = sum_of_half(numbers), second = sum_of_half(numbers + BLOCK / 2);
    *step = (Step){.scale = scale, .sums = {scale * (float)first, scale * (float)second}, .sum = scale * (float)(first + second)};
  }
  return 0;
}
