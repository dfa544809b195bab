// Packed copies of weights that do not change, kept by the node that uses them.
#pragma once
#include <stdatomic.h>

#include "gemm.h"

// What a copy was made from: it is used again only while all of this is the same.
typedef struct {
  const void *data;
  int64_t version, K, N;
  ElementType type;
  bool depth_major;
  Precision precision;
} ConstantKey;

typedef struct {
  ConstantKey key;
  atomic_int users;
  Lane *packed;
} Constant;

// A node's copy; zero is empty.
typedef struct {
  atomic_flag busy;
  Constant *current;
} ConstantSlot;

// The copy of B for this key, made now if there is none yet or another one; to be given back with `release_constant`.
OrtStatus *use_constant(const Call *call, ConstantSlot *slot, const Operand *b, int64_t K, int64_t N, int64_t version, Precision precision, Constant **constant);
void release_constant(Constant *constant);
void clear_constant(ConstantSlot *slot);
