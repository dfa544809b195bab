// Optimiser steps over many tensors at once: the norm of all gradients first, then every element once. Letters: N tensors.
// AdamW: Loshchilov and Hutter 2017, arxiv.org/abs/1711.05101. Clipping by the global norm: Pascanu, Mikolov and Bengio 2012, arxiv.org/abs/1211.5063
#pragma once
#include <stdint.h>

enum { OPTIMISER_BLOCK = 16384 };  // elements

// One tensor and its state; the outputs may be the inputs' memory.
typedef struct {
  int64_t size, first_block;  // elements; number of its first block among all tensors' blocks
  float decay;                // multiplies the weight decay
  const float *parameter, *gradient, *first, *second;   // first: first moment or velocity; NULL where the optimiser has none
  float *new_parameter, *new_first, *new_second;
} OptimisedTensor;

typedef struct {
  const OptimisedTensor *tensors;
  int64_t N, blocks;
  double *squares;            // [blocks]: Σ gradient² of each block
  // from here on known after the norm
  float factor;               // gradient scale × clipping
  int frozen;                 // the norm is not finite: state passes through as it is
  float rate, beta1, beta2, epsilon, weight_decay;
  float step, root_correction;         // AdamW: rate / (1 − β₁ᵗ) and 1 / √(1 − β₂ᵗ)
  int nesterov;
} Optimisation;

typedef struct {
  const OptimisedTensor *tensor;
  int64_t from, n;            // elements of the block
} OptimisedBlock;

// Where block number `block` lies: the last tensor whose first block is not after it.
static inline OptimisedBlock optimised_block(const Optimisation *job, int64_t block) {
  int64_t low = 0, high = job->N - 1;
  while (low < high) {
    int64_t middle = (low + high + 1) / 2;
    if (job->tensors[middle].first_block <= block) low = middle;
    else high = middle - 1;
  }
  const OptimisedTensor *tensor = &job->tensors[low];
  int64_t from = (block - tensor->first_block) * OPTIMISER_BLOCK, n = tensor->size - from;
  return (OptimisedBlock){tensor, from, n < OPTIMISER_BLOCK ? n : OPTIMISER_BLOCK};
}
