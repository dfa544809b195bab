// Matrix products for every operator of this library: C = alpha · A · B + added + bias on f32 or bf16 tensors, summed in f32.
//
// Letters: M rows, N columns, K depth. One call may do more than one product where they share packing:
//   terms    C = Σₜ Aₜ · Bₜ      one output; sums stay in the registers (gradient of merged products)
//   outputs  Cₒ = A · Bₒ         one term; A is packed once (query, key and value; gate and up)
// and each product may carry a low-rank part: C += inner · up with inner = scale · A · down (LoRA), made while A lies in the cache.
#pragma once
#include "panels.h"

enum { GEMM_MANY = 8 };  // terms or outputs at most

// BF16 rounds both operands to bf16 where the machine multiplies those faster; F32 never rounds them. Sums are f32 in both.
typedef enum { PRECISION_BF16, PRECISION_F32 } Precision;

// The active path's kernels for a precision.
const GemmKernels *gemm_kernels(Precision precision);

typedef struct {
  int64_t rank;  // r, 0 if there is no low-rank part
  Operand down;  // columns side: r vectors of length K
  Operand up;    // columns side: N vectors of length r
  float scale;
  void *inner;  // [M, r] scale · A · down, which the gradient needs too
  ElementType inner_type;
} LowRank;

typedef struct {
  Precision precision;
  int64_t M;
  int terms, outputs;                // one of them is 1
  int64_t K[GEMM_MANY];              // by term
  int64_t N[GEMM_MANY];              // by output
  Operand a[GEMM_MANY];              // by term: M vectors of length K
  Operand b[GEMM_MANY];              // by term + output: N vectors of length K
  const Lane *packed[GEMM_MANY];     // by term + output: B as gemm_pack made it, or NULL
  LowRank low_rank[GEMM_MANY];       // by term + output; only while gemm_fits_low_rank
  Target c[GEMM_MANY];               // by output
} Gemm;

// Runs on ONNX Runtime's pool. `gemm_serial` does the same inside a task and returns 0 or R1_OUT_OF_MEMORY.
OrtStatus *gemm(const Call *call, const Gemm *product);
int gemm_serial(const Gemm *product);

// Whether the depth of all terms together is small enough for low-rank parts.
bool gemm_fits_low_rank(const Gemm *product);

// B packed once for many products: lanes needed, and the packing (parallel; serial without a call).
int64_t gemm_packed_size(Precision precision, int64_t K, int64_t N);
OrtStatus *gemm_pack(const Call *call, Precision precision, const Operand *b, int64_t K, int64_t N, Lane *packed);
