#include "../framework/scratch.h"

#include "check.h"

void test_scratch(int round) {
  void *pieces[90];
  for (int i = 0; i < 90; i++) {
    size_t bytes = (size_t)random_int(0, round % 10 == 9 ? 12 << 20 : 300000);
    pieces[i] = scratch_take(bytes);
    expect(pieces[i] && (uintptr_t)pieces[i] % 64 == 0, "scratch", "a piece is aligned to 64 bytes");
    if (bytes) ((char *)pieces[i])[0] = ((char *)pieces[i])[bytes - 1] = 1;
  }
  for (int i = 0; i < 90; i++) scratch_give(pieces[i]);
  expect(scratch_kept() <= SCRATCH_KEPT_BYTES, "scratch", "the pool keeps to its bound");
  expect(!scratch_take((size_t)-1), "scratch", "an impossible size gives NULL");
}
