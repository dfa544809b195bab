#include "gated.h"

#include "../framework/vector.h"

typedef struct {
  vec value, slope;
} Curve;

// x · σ(x)
INLINE Curve silu(vec x) {
  vec s = sigmoid(x), value = x * s;
  return (Curve){value, multiply_add(value, splat(1) - s, s)};
}

// x · ½(1 + tanh u) = x · σ(2u) with u = √(2/π)(x + 0.044715x³)
INLINE Curve gelu_tanh(vec x) {
  const float twice = 1.5957691216f;  // 2√(2/π)
  vec square = x * x;
  vec s = sigmoid(x * multiply_add(splat(twice * 0.044715f), square, splat(twice)));
  vec slope_of_2u = multiply_add(splat(3 * twice * 0.044715f), square, splat(twice));
  vec value = x * s;
  return (Curve){value, multiply_add(value * (splat(1) - s), slope_of_2u, s)};
}

// Φ(−|x|) = ½ erfc(|x|/√2), with bell = e^(−x²/2)
INLINE vec normal_tail(vec magnitude, vec bell) {
#if defined(R1_PATH_SCALAR)
  return (void)bell, 0.5f * erfcf(magnitude * 0.70710678f);
#else
  // bell · t · (polynomial of degree 8 in t), t = 1 / (1 + 0.4 |x|/√2): a minimax fit for |x| < 14.8, relative error 7e-8
  vec t = splat(1) / multiply_add(splat(0.4f * 0.70710678f), magnitude, splat(1));
  vec p = multiply_add(splat(0.0210594051f), t, splat(-0.0722764283f));
  p = multiply_add(p, t, splat(0.0463928729f));
  p = multiply_add(p, t, splat(0.0389208831f));
  p = multiply_add(p, t, splat(0.0433938429f));
  p = multiply_add(p, t, splat(0.0951913670f));
  p = multiply_add(p, t, splat(0.101330623f));
  p = multiply_add(p, t, splat(0.113167144f));
  return bell * t * multiply_add(p, t, splat(0.11282032f));
#endif
}

// x · Φ(x), Φ the normal distribution
INLINE Curve gelu(vec x) {
  vec magnitude = smaller_of(splat(14.8f), absolute(x));  // from there on e^(−x²/2) is 0
  vec bell = exponential(magnitude * magnitude * splat(-0.5f));
  vec tail = normal_tail(magnitude, bell);
  vec phi = where_negative(x, tail, splat(1) - tail);
  return (Curve){x * phi, multiply_add(x * bell, splat(0.39894228f), phi)};
}

INLINE Curve curve(Activation activation, vec x) {
  return activation == ACTIVATION_SILU ? silu(x) : activation == ACTIVATION_GELU ? gelu(x) : gelu_tanh(x);
}

INLINE void forward(const Gated *job, int64_t first, int64_t end, Activation activation, bool gated) {
  for (int64_t t = first; t < end; t++) {
    const float *gate = job->gate + t * job->stride, *up = gated ? job->up + t * job->stride : NULL;
    const int64_t at = t * job->F;
    int64_t n = t == job->T - 1 ? job->last : job->F;
    for (int64_t i = 0; i < n; i += LANES) {
      vec value = curve(activation, load(gate + i, n - i)).value;
      if (gated) value = value * load(up + i, n - i);
      if (job->y_bf16_TF) store_bf16(job->y_bf16_TF + at + i, value, n - i);
      else store(job->y_TF + at + i, value, n - i);
    }
  }
}

INLINE void backward(const GatedGradient *job, int64_t first, int64_t end, Activation activation, bool gated) {
  for (int64_t t = first; t < end; t++) {
    const float *dy = job->dy_TF + t * job->F, *gate = job->gate + t * job->stride, *up = gated ? job->up + t * job->stride : NULL;
    const int64_t at = t * job->stride;
    int64_t n = t == job->T - 1 ? job->last : job->F;
    for (int64_t i = 0; i < n; i += LANES) {
      int64_t left = n - i;
      vec d = load(dy + i, left);
      Curve c = curve(activation, load(gate + i, left));
      vec slope = c.slope;
      if (gated) {
        slope = slope * load(up + i, left);
        if (job->dup_bf16) store_bf16(job->dup_bf16 + at + i, d * c.value, left);
        else store(job->dup + at + i, d * c.value, left);
      }
      if (job->dgate_bf16) store_bf16(job->dgate_bf16 + at + i, d * slope, left);
      else store(job->dgate + at + i, d * slope, left);
    }
  }
}

// One copy of the loop for each activation, with the choice made outside of it.
#define EACH_ACTIVATION(loop, job, gated)                                                           \
  do {                                                                                              \
    if ((job)->activation == ACTIVATION_SILU) loop(job, first, end, ACTIVATION_SILU, gated);        \
    else if ((job)->activation == ACTIVATION_GELU) loop(job, first, end, ACTIVATION_GELU, gated);   \
    else loop(job, first, end, ACTIVATION_GELU_TANH, gated);                                        \
  } while (0)

int PATH(gated)(void *job_, int64_t block) {
  const Gated *job = job_;
  int64_t first = block * job->block, end = first + job->block < job->T ? first + job->block : job->T;
  if (job->up) EACH_ACTIVATION(forward, job, true);
  else EACH_ACTIVATION(forward, job, false);
  return 0;
}

int PATH(gated_gradient)(void *job_, int64_t block) {
  const GatedGradient *job = job_;
  int64_t first = block * job->block, end = first + job->block < job->T ? first + job->block : job->T;
  if (job->up) EACH_ACTIVATION(backward, job, true);
  else EACH_ACTIVATION(backward, job, false);
  return 0;
}
