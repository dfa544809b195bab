// Gated activations y = act(gate) · up and plain ones y = act(x), forward and backward. Letters: T rows, F features.
// SwiGLU and GeGLU: Shazeer 2020, arxiv.org/abs/2002.05202. GELU: Hendrycks and Gimpel 2016, arxiv.org/abs/1606.08415.
#pragma once
#include <stdint.h>

typedef enum { ACTIVATION_SILU, ACTIVATION_GELU, ACTIVATION_GELU_TANH } Activation;

// Rows lie `stride` apart in inputs that hold gate and up side by side (stride 2F), F apart elsewhere.
typedef struct {
  Activation activation;
  int64_t T, F, block;      // rows, features, rows a block
  int64_t last;             // features of the last row, F unless one long row was cut into pieces
  int64_t stride;           // from one row of gate (and up) to the next
  const float *gate, *up;   // up NULL: plain activation
  float *y_TF;
  uint16_t *y_bf16_TF;      // y in bf16 instead, or NULL
} Gated;

typedef struct {
  Activation activation;
  int64_t T, F, block, last, stride;
  const float *dy_TF, *gate, *up;
  float *dgate, *dup;       // rows `stride` apart; dup NULL with up
  uint16_t *dgate_bf16, *dup_bf16;  // both in bf16 instead, or NULL
} GatedGradient;
