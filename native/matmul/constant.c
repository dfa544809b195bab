#include "constant.h"

#include <stdlib.h>

#include "../framework/scratch.h"

static bool same_key(const ConstantKey *a, const ConstantKey *b) {
  return a->data == b->data && a->version == b->version && a->K == b->K && a->N == b->N && a->type == b->type && a->depth_major == b->depth_major && a->precision == b->precision;
}

// Held for a few instructions only, never while packing.
static void lock(ConstantSlot *slot) {
  while (atomic_flag_test_and_set_explicit(&slot->busy, memory_order_acquire)) {
  }
}
static void unlock(ConstantSlot *slot) { atomic_flag_clear_explicit(&slot->busy, memory_order_release); }

void release_constant(Constant *constant) {
  if (!constant || atomic_fetch_sub(&constant->users, 1) > 1) return;
  scratch_give(constant->packed);
  free(constant);
}

static Constant *find(ConstantSlot *slot, const ConstantKey *key) {
  lock(slot);
  Constant *found = slot->current && same_key(&slot->current->key, key) ? slot->current : NULL;
  if (found) atomic_fetch_add(&found->users, 1);
  unlock(slot);
  return found;
}

// The slot is one of the copy's users; a run that still multiplies with the copy before it keeps that alive.
static void keep(ConstantSlot *slot, Constant *constant) {
  lock(slot);
  Constant *before = slot->current;
  slot->current = constant;
  unlock(slot);
  release_constant(before);
}

OrtStatus *use_constant(const Call *call, ConstantSlot *slot, const Operand *b, int64_t K, int64_t N, int64_t version, Precision precision, Constant **constant) {
  const ConstantKey key = {.data = b->data, .version = version, .K = K, .N = N, .type = b->type, .depth_major = b->depth_major, .precision = precision};
  *constant = find(slot, &key);
  if (*constant) return NULL;
  const size_t bytes = (size_t)gemm_packed_size(precision, K, N) * sizeof(Lane);
  Constant *made = calloc(1, sizeof *made);
  if (made) made->packed = scratch_take(bytes);
  if (!made || !made->packed) {
    free(made);
    return fail_memory(call, bytes);
  }
  made->key = key;
  atomic_store(&made->users, 2);  // this call and the slot
  OrtStatus *status = gemm_pack(call, precision, b, K, N, made->packed);
  if (status) {
    scratch_give(made->packed);
    free(made);
    return status;
  }
  keep(slot, made);
  *constant = made;
  return NULL;
}

void clear_constant(ConstantSlot *slot) {
  release_constant(slot->current);
  slot->current = NULL;
}
