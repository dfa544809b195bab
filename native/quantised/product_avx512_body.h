// The product of both AVX-512 paths. A block's 512 numbers are eight registers, unpacked once for all rows of X; a row's lane comes by a broadcast from memory inside the dot product.
// Each kind of numbers and each count of rows is its own function, so that all sums are registers. The including file defines DOT(sum, weights, x, bits).
#include <immintrin.h>
#include <string.h>

#include "product.h"

#define ALWAYS static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL  // the prebuilt libraries are clang's work
#endif
enum { AHEAD = 2048 };  // bytes that are fetched before they are needed: pages end too early for the processor's own prefetching

// Lane `lane` out of planes of `bits` bits, moved up to bit `to`.
ALWAYS __m512i lane_of(const uint8_t *planes, const int bits, const int lane, const int to) {
  const __m512i plane = _mm512_loadu_si512(planes + lane * bits / 8 * PLANE);
  const int shift = lane * bits % 8;
  if (bits == 8) return plane;
  const __m512i moved = shift >= to ? _mm512_srli_epi16(plane, (unsigned)(shift - to)) : _mm512_slli_epi16(plane, (unsigned)(to - shift));
  return _mm512_and_si512(moved, _mm512_set1_epi8((char)(((1 << bits) - 1) << to)));
}

ALWAYS __m512 halves(const uint8_t *bytes) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)bytes)); }
ALWAYS __m512 small_numbers(const uint8_t *bytes) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)bytes))); }

ALWAYS __m512i broadcast_lane(const int8_t *numbers, int lane) {
  int32_t four;
  memcpy(&four, numbers + 4 * lane, sizeof four);
  return _mm512_set1_epi32(four);
}

ALWAYS void product(const Format *format, const uint8_t *panel, const Activations *x, int64_t first, const Place *place, const int LOW, const int HIGH, const int GROUPS, const int ROWS) {
  const int64_t blocks = x->K / BLOCK, block_size = block_bytes(format), nest_size = nest_bytes(format);
  const int8_t *numbers = x->numbers + first * x->K;
  const Step *steps = x->steps + first * blocks;
  const __m512 zero = _mm512_set1_ps((float)-format->zero);
  __m512 sums[PRODUCT_ROWS];
  UNROLL for (int row = 0; row < ROWS; row++) sums[row] = _mm512_setzero_ps();
  const uint8_t *nest = panel, *planes = panel + nest_size;
  for (int64_t block = 0; block < blocks; block++, planes += block_size) {
    if (nest_size && block && block % NEST == 0) nest = planes, planes += nest_size;
    UNROLL for (int line = 0; line < PLANE * (LOW + HIGH) + 64; line += 64) _mm_prefetch((const char *)planes + AHEAD + line, _MM_HINT_T0);
    __m512i q[LANES_OF_BLOCK];
    UNROLL for (int lane = 0; lane < LANES_OF_BLOCK; lane++) {
      q[lane] = lane_of(planes, LOW, lane, 0);
      if (HIGH) q[lane] = _mm512_or_si512(q[lane], lane_of(planes + PLANE * LOW, HIGH, lane, LOW));
    }
    const uint8_t *scales = planes + PLANE * (LOW + HIGH);
    __m512 d[2], m[2];
    UNROLL for (int group = 0; group < GROUPS; group++) {
      if (format->nested) {
        d[group] = _mm512_mul_ps(halves(nest), small_numbers(scales + group * PANEL));
        if (format->offsets) m[group] = _mm512_mul_ps(halves(nest + 2 * PANEL), _mm512_sub_ps(_mm512_setzero_ps(), small_numbers(scales + (GROUPS + group) * PANEL)));
      } else {
        d[group] = halves(scales);
        if (format->offsets) m[group] = halves(scales + 2 * PANEL);
      }
      if (!format->offsets) m[group] = _mm512_mul_ps(d[group], zero);
    }
    UNROLL for (int row = 0; row < ROWS; row++) {
      const int8_t *lanes = numbers + row * x->K + block * BLOCK;
      const Step *step = steps + row * blocks + block;
      UNROLL for (int group = 0; group < GROUPS; group++) {
        enum { EVEN, ODD };
        __m512i whole[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
        UNROLL for (int lane = group * LANES_OF_BLOCK / GROUPS; lane < (group + 1) * LANES_OF_BLOCK / GROUPS; lane += 2) {
          whole[EVEN] = DOT(whole[EVEN], q[lane], broadcast_lane(lanes, lane), LOW + HIGH);
          whole[ODD] = DOT(whole[ODD], q[lane + 1], broadcast_lane(lanes, lane + 1), LOW + HIGH);
        }
        const __m512 exact = _mm512_cvtepi32_ps(_mm512_add_epi32(whole[EVEN], whole[ODD]));
        sums[row] = _mm512_fmadd_ps(_mm512_mul_ps(d[group], _mm512_set1_ps(step->scale)), exact, sums[row]);
        sums[row] = _mm512_fmadd_ps(m[group], _mm512_set1_ps(GROUPS == 1 ? step->sum : step->sums[group]), sums[row]);
      }
    }
  }
  const __mmask16 there = (__mmask16)((1u << place->columns) - 1u);
  UNROLL for (int row = 0; row < ROWS; row++) {
    if (place->added) sums[row] = _mm512_add_ps(sums[row], _mm512_maskz_loadu_ps(there, place->added + row * place->stride));
    if (place->bias) sums[row] = _mm512_add_ps(sums[row], _mm512_maskz_loadu_ps(there, place->bias));
    _mm512_mask_storeu_ps(place->y + row * place->stride, there, sums[row]);
  }
}

// Rows are taken in pieces of 16, 8, 4, 2 and 1: a second pass over a panel finds it in the first-level cache.
typedef void (*Piece)(const Format *, const uint8_t *, const Activations *, int64_t, const Place *);
#define PIECE(LOW, HIGH, GROUPS, ROWS)                                                                                                                      \
  static void product_##LOW##_##HIGH##_##ROWS(const Format *format, const uint8_t *panel, const Activations *x, int64_t first, const Place *place) {        \
    product(format, panel, x, first, place, LOW, HIGH, GROUPS, ROWS);                                                                                       \
  }
#define PIECES(LOW, HIGH, GROUPS) PIECE(LOW, HIGH, GROUPS, 1) PIECE(LOW, HIGH, GROUPS, 2) PIECE(LOW, HIGH, GROUPS, 4) PIECE(LOW, HIGH, GROUPS, 8) PIECE(LOW, HIGH, GROUPS, 16)
PIECES(4, 0, 1) PIECES(4, 1, 1) PIECES(8, 0, 1) PIECES(2, 0, 2) PIECES(2, 1, 2) PIECES(4, 2, 2)
#define PIECE_NAMES(LOW, HIGH) {product_##LOW##_##HIGH##_1, product_##LOW##_##HIGH##_2, product_##LOW##_##HIGH##_4, product_##LOW##_##HIGH##_8, product_##LOW##_##HIGH##_16}
// By (low bits / 4, high bits), then by log₂ of the rows.
static const Piece pieces[3][3][5] = {
    {PIECE_NAMES(2, 0), PIECE_NAMES(2, 1)},
    {PIECE_NAMES(4, 0), PIECE_NAMES(4, 1), PIECE_NAMES(4, 2)},
    {PIECE_NAMES(8, 0)},
};

ALWAYS void all_rows(const Format *format, const uint8_t *panel, const Activations *x, int64_t first, int rows, const Place *place) {
  Place rest = *place;
  while (rows > 0) {
    const int power = 31 - __builtin_clz((unsigned)rows), taken = 1 << power;
    pieces[format->low / 4][format->high][power](format, panel, x, first, &rest);
    rest.y += taken * rest.stride;
    if (rest.added) rest.added += taken * rest.stride;
    first += taken;
    rows -= taken;
  }
}
