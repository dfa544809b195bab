// The AVX-512 gemm, written once for both kinds of lanes: gemm_avx512bf16.c sets LANE_DEPTH to 2, gemm_avx512.c to 1.
// gemm_amx.c takes the packing and `finish` for its own micro-tile: a file that includes this has defined LANE_DEPTH, LANE_MULTIPLE, ROWS and COLUMNS.
#include <immintrin.h>

#include "panels.h"

#define ALWAYS static inline __attribute__((always_inline))

// The lowest `count` of 16 (32) mask bits; count may be negative or too large.
ALWAYS __mmask16 mask16(int64_t count) { return count >= 16 ? 0xffff : count <= 0 ? 0 : (__mmask16)((1u << count) - 1); }
ALWAYS __mmask32 mask32(int64_t count) { return count >= 32 ? 0xffffffff : count <= 0 ? 0 : (__mmask32)((1ull << count) - 1); }

ALWAYS __m512 widen(__m256i bf16) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bf16), 16)); }
ALWAYS __m512 load_floats(const void *data, int64_t at, ElementType type, __mmask16 mask) {
  if (type == R1_BFLOAT16) return widen(_mm256_maskz_loadu_epi16(mask, (const uint16_t *)data + at));
  return _mm512_maskz_loadu_ps(mask, (const float *)data + at);
}

// ---- 16 lanes of one vector: elements k, k + 1, … of which `left` exist
ALWAYS __m512i contiguous_lanes(const Operand *operand, bool bf16, int64_t i, int64_t k, int64_t left) {
  const int64_t at = i * operand->stride + k;
#if LANE_DEPTH == 2
  if (bf16) return _mm512_maskz_loadu_epi16(mask32(left), (const uint16_t *)operand->data + at);
  const float *data = (const float *)operand->data + at;
  if (left >= 32) return (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(data + 16), _mm512_loadu_ps(data));
  return (__m512i)_mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(mask16(left - 16), data + 16), _mm512_maskz_loadu_ps(mask16(left), data));
#else
  return _mm512_castps_si512(load_floats(operand->data, at, bf16 ? R1_BFLOAT16 : R1_FLOAT, mask16(left)));
#endif
}

// ---- one lane of 16 vectors: element k (and k + 1) of vectors i, i + 1, … of those in `mask`
ALWAYS __m512i side_by_side_lanes(const Operand *operand, bool bf16, int64_t i, __mmask16 mask, int64_t k, int64_t left) {
  const int64_t at = k * operand->stride + i;
#if LANE_DEPTH == 2
  static const uint16_t zip[32] __attribute__((aligned(64))) = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                                8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __mmask16 second = left > 1 ? mask : 0;
  __m512i both;
  if (bf16) {
    const uint16_t *data = (const uint16_t *)operand->data + at;
    both = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_maskz_loadu_epi16(mask, data)), _mm256_maskz_loadu_epi16(second, data + operand->stride), 1);
  } else {
    const float *data = (const float *)operand->data + at;
    both = (__m512i)_mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(second, data + operand->stride), _mm512_maskz_loadu_ps(mask, data));
  }
  return _mm512_permutexvar_epi16(_mm512_load_si512(zip), both);
#else
  (void)left;
  return _mm512_castps_si512(load_floats(operand->data, at, bf16 ? R1_BFLOAT16 : R1_FLOAT, mask));
#endif
}

// Sixteen or more rows are read side by side, too many for the processor to foresee: what is needed one block (a depth-major operand) or 512 bytes later.
ALWAYS void prefetch_contiguous(const Operand *operand, bool bf16, int64_t i, int64_t k) {
  const char *data = (const char *)operand->data + (i * operand->stride + k) * (bf16 ? 2 : 4) + 512;
  _mm_prefetch(data, _MM_HINT_T0);
  if (LANE_DEPTH == 2 && !bf16) _mm_prefetch(data + 64, _MM_HINT_T0);
}
ALWAYS void prefetch_depth_major(const Operand *operand, bool bf16, int64_t i, int64_t k) {
  const char *data = (const char *)operand->data + (k * operand->stride + i) * (bf16 ? 2 : 4);
  for (int depth = 0; depth < LANE_DEPTH; depth++) _mm_prefetch(data + depth * operand->stride * (bf16 ? 2 : 4), _MM_HINT_T0);
}

ALWAYS void transpose16(__m512i r[16]) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; i++) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

// ---- packing; `rows` is the panel's height (6 here, 32 for AMX tiles, which share these functions)
ALWAYS void store_row_block(__m512i block, int64_t i, int64_t lane, int rows, Lane *panels, int64_t panel_stride) {
  _mm512_store_si512(panels + i / rows * panel_stride + lane * rows + i % rows * LANE_BLOCK, block);
}

ALWAYS void pack_rows_of(const Operand *operand, bool bf16, int rows, int64_t first, int64_t count, int64_t start, int64_t depth, Lane *panels, int64_t panel_stride) {
  const int64_t block = LANE_BLOCK * LANE_DEPTH;
  if (!operand->depth_major) {
    for (int64_t i = 0; i < count; i++) {
      for (int64_t k = 0; k < depth; k += block) {
        store_row_block(contiguous_lanes(operand, bf16, first + i, start + k, depth - k), i, k / LANE_DEPTH, rows, panels, panel_stride);
      }
    }
    return;
  }
  for (int64_t k = 0; k < depth; k += block) {
    for (int64_t i = 0; i < count; i += 16) {
      __m512i r[16];
      const __mmask16 mask = mask16(count - i);
      for (int lane = 0; lane < 16; lane++) {
        const int64_t left = depth - k - lane * LANE_DEPTH;
        r[lane] = left > 0 ? side_by_side_lanes(operand, bf16, first + i, mask, start + k + lane * LANE_DEPTH, left) : _mm512_setzero_si512();
        if (left > 2 * block) prefetch_depth_major(operand, bf16, first + i, start + k + lane * LANE_DEPTH + block);
      }
      transpose16(r);
      const int existing = (int)smaller(16, count - i);
      for (int row = 0; row < existing; row++) store_row_block(r[row], i + row, k / LANE_DEPTH, rows, panels, panel_stride);
    }
  }
}

ALWAYS void pack_columns_of(const Operand *operand, bool bf16, int columns, int lane_multiple, int64_t first, int64_t count, int64_t start, int64_t depth, Lane *panels,
                            int64_t panel_stride) {
  const int64_t lanes = round_up(blocks_of(depth, LANE_DEPTH), lane_multiple), padded = round_up(count, columns);
  if (operand->depth_major) {
    for (int64_t lane = 0; lane < lanes; lane++) {
      const int64_t left = depth - lane * LANE_DEPTH;
      for (int64_t i = 0; i < padded; i += 16) {
        Lane *to = panels + i / columns * panel_stride + lane * columns + i % columns;
        const __mmask16 mask = left > 0 ? mask16(count - i) : 0;
        _mm512_store_si512(to, mask ? side_by_side_lanes(operand, bf16, first + i, mask, start + lane * LANE_DEPTH, left) : _mm512_setzero_si512());
      }
    }
    return;
  }
  for (int64_t i = 0; i < padded; i += 16) {
    for (int64_t lane = 0; lane < lanes; lane += 16) {
      __m512i r[16];
      const int64_t k = lane * LANE_DEPTH;
      for (int column = 0; column < 16; column++) {
        r[column] = i + column < count ? contiguous_lanes(operand, bf16, first + i + column, start + k, depth - k) : _mm512_setzero_si512();
        prefetch_contiguous(operand, bf16, first + i + column, start + k);
      }
      transpose16(r);
      Lane *to = panels + i / columns * panel_stride + lane * columns + i % columns;
      const int existing = (int)smaller(16, lanes - lane);
      for (int row = 0; row < existing; row++) _mm512_store_si512(to + row * columns, r[row]);
    }
  }
}

static void pack_rows(const Operand *operand, int64_t first, int64_t count, int64_t start, int64_t depth, Lane *panels, int64_t panel_stride) {
  if (operand->type == R1_BFLOAT16) pack_rows_of(operand, true, ROWS, first, count, start, depth, panels, panel_stride);
  else pack_rows_of(operand, false, ROWS, first, count, start, depth, panels, panel_stride);
}

static void pack_columns(const Operand *operand, int64_t first, int64_t count, int64_t start, int64_t depth, Lane *panels, int64_t panel_stride) {
  if (operand->type == R1_BFLOAT16) pack_columns_of(operand, true, COLUMNS, LANE_MULTIPLE, first, count, start, depth, panels, panel_stride);
  else pack_columns_of(operand, false, COLUMNS, LANE_MULTIPLE, first, count, start, depth, panels, panel_stride);
}

ALWAYS void store_bf16(uint16_t *to, __mmask16 mask, __m512 x) {
#if LANE_DEPTH == 2
  _mm256_mask_storeu_epi16(to, mask, (__m256i)_mm512_cvtneps_pbh(x));
#else  // round to nearest even by hand; a NaN stays one
  const __m512i bits = _mm512_castps_si512(x);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd), 16);
  rounded = _mm512_mask_or_epi32(rounded, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), _mm512_srli_epi32(bits, 16), _mm512_set1_epi32(0x40));
  _mm256_mask_storeu_epi16(to, mask, _mm512_cvtepi32_epi16(rounded));
#endif
}

// A whole micro-tile whose target is more than a plain f32 store, from its sums [rows][COLUMNS].
static void finish(const float *sums, int rows, int columns, const Target *target) {
  const __m512 alpha = _mm512_set1_ps(target->alpha);
  for (int row = 0; row < rows; row++) {
    for (int column = 0; column < columns; column += 16) {
      const __mmask16 mask = mask16(columns - column);
      __m512 sum = _mm512_mul_ps(_mm512_load_ps(sums + row * COLUMNS + column), alpha);
      if (target->added) sum = _mm512_add_ps(sum, load_floats(target->added, row * target->added_stride + column, target->added_type, mask));
      if (target->bias) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, target->bias + column));
      const int64_t at = row * target->stride + column;
      if (target->type == R1_BFLOAT16) store_bf16((uint16_t *)target->data + at, mask, sum);
      else _mm512_mask_storeu_ps((float *)target->data + at, mask, sum);
    }
  }
}
