// Statistics and gradients of softmax rows. Letters: T rows (tokens), V vocabulary; z = logits / temperature, p = softmax(z).
#pragma once
#include <stdint.h>

typedef struct {
  int64_t T, V, block;              // rows, vocabulary, rows a block
  const float *logits_TV;
  const int64_t *tokens_T;          // the token whose log-probability is asked for, in 0 … V−1, or ignore
  int64_t ignore;
  float inverse_temperature;
  const float *weights_T;           // of the loss, or NULL for 1
  float sign;                       // of the log-probability: 1, or −1 for the loss
  float *log_probability_T;         // sign · weight · ln p[token]; 0 where ignored
  float *entropy_T;                 // −Σ p ln p in nats, or NULL; 0 where ignored
  float *log_sum_exp_T;             // ln Σ e^z, or NULL; 0 where ignored
  const float *upstream_T;          // of dlogits, or NULL for 1
  float *dlogits_TV;                // upstream · weight · (p − onehot) / temperature, or NULL; may be logits_TV
} SoftmaxStatistics;

// dlogits = p · (pull + curl · ln p), and `token_pull` more at the token: with these three numbers a row, the gradient of any mix of log-probability and entropy.
typedef struct {
  int64_t T, V, block;
  const float *logits_TV;
  const int64_t *tokens_T;
  int64_t ignore;
  float inverse_temperature;
  const float *log_sum_exp_T;
  const float *dlog_probability_T;  // upstream gradient of sign · weight · ln p[token]
  const float *weights_T;           // or NULL for 1
  float sign;
  const float *dentropy_T, *entropy_T;  // or both NULL
  float *dlogits_TV;                // may be logits_TV
} SoftmaxGradient;
