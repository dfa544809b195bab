// Quantised weights W [N, K] as the products read them. A number is w = d · q + m with an unsigned q of 2 to 8 bits; d and m belong to a block of 32 numbers of one row of W
// (or to half a block). Every block type of GGUF files is kept exactly: its own numbers, its own scales.
//
// One layout for all instruction sets: the rows of W are cut into panels of 16, the depth K into blocks of 32, and a panel is walked from its first block to its last.
//   numbers of a block   planes of 64 bytes. Lane l holds numbers 4l … 4l + 3 of each of the 16 rows side by side, so that one 32-bit element of a vector is four numbers of one row: what
//                        an 8-bit dot-product instruction takes. A plane of b bits puts 8 / b lanes into each byte; the low bits of all lanes come first, then the high bits.
//                        wide (BF16): bf16 numbers, [32 numbers][16 rows], and nothing behind them.
//   scales of a block    plain: f16 d [16], then f16 m [16] where the type has offsets.
//                        nested (the K types): i8 factors of d [groups][16], then of m; the f16 d [16] and m [16] of 256 numbers stand before their eight blocks.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PANEL = 16, BLOCK = 32, LANES_OF_BLOCK = 8, PLANE = 64, NEST = 8 };  // rows, numbers, lanes, bytes, blocks that share a nested scale

typedef struct {
  const char *name;
  int low, high;       // bits of a number in the low planes (2, 4 or 8) and in the high ones (0, 1 or 2)
  int zero;            // what is taken from every number: m = −zero · d where the type has no offsets
  int groups;          // scales of a block of 32: one, or one for each half
  bool offsets;        // m is stored
  bool nested;         // scales are products of a small whole number and an f16
  bool wide;           // numbers are bf16: no codes and no scales
  int source_numbers;  // of a block in a GGUF file
  int source_bytes;
} Format;

// NULL for an unknown name. Names are GGUF's.
const Format *quantised_format(const char *name);

// Bytes of a packed matrix, a multiple of 64; −1 where the shape does not fit the type.
int64_t quantised_bytes(const Format *format, int64_t N, int64_t K);

static inline int64_t plane_bytes(const Format *format) { return (int64_t)PLANE * (format->low + format->high); }
static inline int64_t scale_bytes(const Format *format) { return format->wide ? 0 : (int64_t)(format->nested ? PANEL : 2 * PANEL) * format->groups * (format->offsets ? 2 : 1); }
static inline int64_t nest_bytes(const Format *format) { return format->nested ? (int64_t)2 * PANEL * (format->offsets ? 2 : 1) : 0; }
static inline int64_t block_bytes(const Format *format) { return plane_bytes(format) + scale_bytes(format); }
static inline int64_t panel_bytes(const Format *format, int64_t K) {
  const int64_t blocks = K / BLOCK;
  return (blocks * block_bytes(format) + (format->nested ? blocks / NEST * nest_bytes(format) : 0) + PLANE - 1) / PLANE * PLANE;
}

// Where block `index` of a panel begins: its planes, followed by its scales.
static inline const uint8_t *block_at(const Format *format, const uint8_t *panel, int64_t index) {
  return panel + index * block_bytes(format) + (format->nested ? (index / NEST + 1) * nest_bytes(format) : 0);
}
// The f16 scales that block `index` shares with its seven neighbours.
static inline const uint8_t *nest_at(const Format *format, const uint8_t *panel, int64_t index) {
  return panel + index / NEST * (NEST * block_bytes(format) + nest_bytes(format));
}

// The f16 with these bits, little-endian.
float half_at(const uint8_t *bytes);
uint16_t half_bits(float value);

// Row `row` of the matrix as numbers [K].
void unpack_row(const Format *format, const uint8_t *packed, int64_t row, int64_t K, float *numbers);

// The blocks of a GGUF file [N, K / source_numbers], or f32 numbers [N, K], into the packed layout: rows `first` … `first + count − 1` of `source`'s own, `first` a multiple of 16.
// Only rows of these panels are written, so that panels may be packed side by side.
enum { PACKED = 0, PACK_UNKNOWN_TYPE = 1, PACK_BAD_SHAPE = 2, PACK_BAD_SIZE = 3, PACK_NO_FLOATS = 4 };
