// Packs weights once, when a model is loaded: GGUF's own blocks, or f32 numbers that are quantised here. Exported: JavaScript calls it from several threads at once.
// Sources of the block formats: ggml's documentation of its types; src/checkpoint/ggml holds the same in TypeScript.
#include <math.h>
#include <string.h>

#include "packed.h"

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

// One block of 32 numbers of one row.
typedef struct {
  uint8_t q[BLOCK];
  uint8_t d[2], m[2];            // f16
  int8_t factors[2], offsets[2]; // by group, of nested types
} Numbers;

static void nibbles(const uint8_t *from, uint8_t q[BLOCK]) {
  for (int i = 0; i < 16; i++) q[i] = from[i] & 15;
  for (int i = 0; i < 16; i++) q[16 + i] = from[i] >> 4;
}
static void add_fifth_bits(const uint8_t *from, uint8_t q[BLOCK]) {
  for (int i = 0; i < BLOCK; i++) q[i] |= (uint8_t)((from[i >> 3] >> (i & 7) & 1) << 4);
}
static void bits_of(const uint8_t *from, int shift, int mask, int to, uint8_t q[BLOCK]) {
  for (int i = 0; i < BLOCK; i++) q[i] |= (uint8_t)((from[i] >> shift & mask) << to);
}

// Readers: block number `part` of the 8 in a block of 256 (0 in a block of 32) at `from`.
typedef void (*Reader)(const uint8_t *from, int part, Numbers *to);

static void read_q4_0(const uint8_t *from, int part, Numbers *to) {
  (void)part;
  memcpy(to->d, from, 2);
  nibbles(from + 2, to->q);
}
static void read_q4_1(const uint8_t *from, int part, Numbers *to) {
  (void)part;
  memcpy(to->d, from, 2);
  memcpy(to->m, from + 2, 2);
  nibbles(from + 4, to->q);
}
static void read_q5_0(const uint8_t *from, int part, Numbers *to) {
  (void)part;
  memcpy(to->d, from, 2);
  nibbles(from + 6, to->q);
  add_fifth_bits(from + 2, to->q);
}
static void read_q5_1(const uint8_t *from, int part, Numbers *to) {
  (void)part;
  memcpy(to->d, from, 2);
  memcpy(to->m, from + 2, 2);
  nibbles(from + 8, to->q);
  add_fifth_bits(from + 4, to->q);
}
static void read_q8_0(const uint8_t *from, int part, Numbers *to) {
  (void)part;
  memcpy(to->d, from, 2);
  for (int i = 0; i < BLOCK; i++) to->q[i] = from[2 + i] ^ 0x80;  // signed → unsigned with a zero of 128
}
static void read_q2_k(const uint8_t *from, int part, Numbers *to) {
  memcpy(to->d, from + 80, 2);
  memcpy(to->m, from + 82, 2);
  for (int group = 0; group < 2; group++) {
    to->factors[group] = (int8_t)(from[2 * part + group] & 15);
    to->offsets[group] = (int8_t)(from[2 * part + group] >> 4);
  }
  memset(to->q, 0, BLOCK);
  bits_of(from + 16 + (part >> 2) * 32, (part & 3) * 2, 3, 0, to->q);
}
static void read_q3_k(const uint8_t *from, int part, Numbers *to) {
  memcpy(to->d, from + 108, 2);
  const uint8_t *scales = from + 96;
  for (int half = 0; half < 2; half++) {
    const int group = 2 * part + half, low = group < 8 ? scales[group] & 15 : scales[group - 8] >> 4, high = scales[8 + (group & 3)] >> (group >> 2) * 2 & 3;
    to->factors[half] = (int8_t)((low | high << 4) - 32);
  }
  memset(to->q, 0, BLOCK);
  bits_of(from + 32 + (part >> 2) * 32, (part & 3) * 2, 3, 0, to->q);
  bits_of(from, part, 1, 2, to->q);
}
// The 6-bit scale and minimum of a part of Q4_K and Q5_K out of 12 bytes.
static void read_factors(const uint8_t *scales, int part, Numbers *to) {
  const bool first = part < 4;
  to->factors[0] = (int8_t)(first ? scales[part] & 63 : (scales[part + 4] & 15) | (scales[part - 4] >> 6) << 4);
  to->offsets[0] = (int8_t)(first ? scales[part + 4] & 63 : scales[part + 4] >> 4 | (scales[part] >> 6) << 4);
}
static void read_q4_k(const uint8_t *from, int part, Numbers *to) {
  memcpy(to->d, from, 2);
  memcpy(to->m, from + 2, 2);
  read_factors(from + 4, part, to);
  memset(to->q, 0, BLOCK);
  bits_of(from + 16 + (part >> 1) * 32, (part & 1) * 4, 15, 0, to->q);
}
static void read_q5_k(const uint8_t *from, int part, Numbers *to) {
  memcpy(to->d, from, 2);
  memcpy(to->m, from + 2, 2);
  read_factors(from + 4, part, to);
  memset(to->q, 0, BLOCK);
  bits_of(from + 48 + (part >> 1) * 32, (part & 1) * 4, 15, 0, to->q);
  bits_of(from + 16, part, 1, 4, to->q);
}
static void read_q6_k(const uint8_t *from, int part, Numbers *to) {
  memcpy(to->d, from + 208, 2);
  memcpy(to->factors, from + 192 + 2 * part, 2);
  const int side = part >> 2, quarter = part & 3;
  memset(to->q, 0, BLOCK);
  bits_of(from + side * 64 + (quarter & 1) * 32, (quarter >> 1) * 4, 15, 0, to->q);
  bits_of(from + 128 + side * 32, quarter * 2, 3, 4, to->q);
}

// f32 numbers to a block as ggml's reference quantises them.
typedef void (*Quantiser)(const float *x, Numbers *to);

static void put_half(uint8_t to[2], float value) {
  const uint16_t bits = half_bits(value);
  to[0] = (uint8_t)bits;
  to[1] = (uint8_t)(bits >> 8);
}
static void quantise_q8_0(const float *x, Numbers *to) {
  float largest = 0;
  for (int i = 0; i < BLOCK; i++) largest = fmaxf(largest, fabsf(x[i]));
  const float d = largest / 127, inverse = d > 0 ? 1 / d : 0;
  put_half(to->d, d);
  for (int i = 0; i < BLOCK; i++) to->q[i] = (uint8_t)((int)roundf(x[i] * inverse) + 128);
}
static void quantise_q4_0(const float *x, Numbers *to) {
  float extreme = 0;
  for (int i = 0; i < BLOCK; i++)
    if (fabsf(x[i]) > fabsf(extreme)) extreme = x[i];
  const float d = extreme / -8, inverse = d != 0 ? 1 / d : 0;
  put_half(to->d, d);
  for (int i = 0; i < BLOCK; i++) to->q[i] = (uint8_t)fminf(15, x[i] * inverse + 8.5f);
}
static void quantise_q4_1(const float *x, Numbers *to) {
  float least = x[0], most = x[0];
  for (int i = 1; i < BLOCK; i++) least = fminf(least, x[i]), most = fmaxf(most, x[i]);
  const float d = (most - least) / 15, inverse = d > 0 ? 1 / d : 0;
  put_half(to->d, d);
  put_half(to->m, least);
  for (int i = 0; i < BLOCK; i++) to->q[i] = (uint8_t)fminf(15, (x[i] - least) * inverse + 0.5f);
}

static const struct {
  const char *name;
  Reader read;
  Quantiser quantise;  // NULL where f32 is not taken
} sources[] = {
    {"Q4_0", read_q4_0, quantise_q4_0}, {"Q4_1", read_q4_1, quantise_q4_1}, {"Q5_0", read_q5_0, NULL}, {"Q5_1", read_q5_1, NULL}, {"Q8_0", read_q8_0, quantise_q8_0},
    {"Q2_K", read_q2_k, NULL},          {"Q3_K", read_q3_k, NULL},          {"Q4_K", read_q4_k, NULL}, {"Q5_K", read_q5_k, NULL}, {"Q6_K", read_q6_k, NULL},
};

// A block with a number that is none becomes not-a-number as a whole.
static void quantise_block(Quantiser quantise, const float x[BLOCK], Numbers *to) {
  float sum = 0;
  for (int i = 0; i < BLOCK; i++) sum += x[i] * 0;
  if (sum == 0) {
    quantise(x, to);
    return;
  }
  memset(to, 0, sizeof *to);
  put_half(to->d, NAN);
  put_half(to->m, NAN);
}

// Lanes of one row into [8 lanes][16 rows][4 numbers].
static void put_lanes(const uint8_t q[BLOCK], int column, uint8_t lanes[LANES_OF_BLOCK][PLANE]) {
  for (int lane = 0; lane < LANES_OF_BLOCK; lane++) memcpy(&lanes[lane][4 * column], q + 4 * lane, 4);
}

// `bits` bits from bit `from` on of all lanes, 8 / bits lanes a byte.
static void put_planes(const uint8_t lanes[LANES_OF_BLOCK][PLANE], int from, int bits, uint8_t *planes) {
  const uint8_t mask = (uint8_t)((1 << bits) - 1);
  for (int plane = 0; plane < bits; plane++, planes += PLANE) {
    const int first = plane * 8 / bits;
    for (int i = 0; i < PLANE; i++) planes[i] = (uint8_t)(lanes[first][i] >> from & mask);
    for (int more = 1; more < 8 / bits; more++)
      for (int i = 0; i < PLANE; i++) planes[i] |= (uint8_t)((lanes[first + more][i] >> from & mask) << more * bits);
  }
}

static void put_scales(const Format *format, const Numbers *numbers, int column, uint8_t *scales, uint8_t *nest) {
  uint8_t *halves = format->nested ? nest : scales;
  memcpy(halves + 2 * column, numbers->d, 2);
  if (format->offsets) memcpy(halves + 2 * (PANEL + column), numbers->m, 2);
  if (!format->nested) return;
  for (int group = 0; group < format->groups; group++) {
    scales[group * PANEL + column] = (uint8_t)numbers->factors[group];
    if (format->offsets) scales[(format->groups + group) * PANEL + column] = (uint8_t)numbers->offsets[group];
  }
}

static void pack_panel(const Format *format, Reader read, Quantiser quantise, const uint8_t *source, int64_t row_bytes, int rows, int64_t K, uint8_t *panel) {
  uint8_t lanes[LANES_OF_BLOCK][PLANE] = {{0}};
  memset(panel, 0, (size_t)panel_bytes(format, K));  // rows that are not there have scales of 0
  const int parts = format->source_numbers / BLOCK;
  for (int64_t block = 0; block < K / BLOCK; block++) {
    uint8_t *planes = (uint8_t *)block_at(format, panel, block), *nest = (uint8_t *)nest_at(format, panel, block);
    for (int row = 0; row < rows; row++) {
      Numbers numbers;
      const uint8_t *from = source + row * row_bytes;
      if (quantise) {
        float x[BLOCK];
        memcpy(x, from + block * (int64_t)sizeof x, sizeof x);
        quantise_block(quantise, x, &numbers);
      } else {
        read(from + block / parts * format->source_bytes, (int)(block % parts), &numbers);
      }
      put_lanes(numbers.q, row, lanes);
      put_scales(format, &numbers, row, planes + plane_bytes(format), nest);
    }
    put_planes(lanes, 0, format->low, planes);
    if (format->high) put_planes(lanes, format->low, format->high, planes + PLANE * format->low);
  }
}

// bf16 numbers, or f32 ones rounded to nearest, ties to even; not-a-number stays one.
static void pack_wide(const uint8_t *source, bool floats, int rows, int64_t K, uint8_t *panel) {
  memset(panel, 0, (size_t)(K * PANEL * 2));
  for (int row = 0; row < rows; row++) {
    for (int64_t k = 0; k < K; k++) {
      uint8_t *to = panel + 2 * (k * PANEL + row);
      if (!floats) {
        memcpy(to, source + 2 * (row * K + k), 2);
        continue;
      }
      uint32_t bits;
      memcpy(&bits, source + 4 * (row * K + k), sizeof bits);
      const bool none = (bits & 0x7fffffff) > 0x7f800000;
      const uint32_t high = none ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
      to[0] = (uint8_t)high;
      to[1] = (uint8_t)(high >> 8);
    }
  }
}

// Bytes of a packed matrix [N, K], or −1 where type and shape do not fit.
EXPORT int64_t r1_quantised_bytes(const char *type, int64_t N, int64_t K);
int64_t r1_quantised_bytes(const char *type, int64_t N, int64_t K) { return quantised_bytes(quantised_format(type), N, K); }

// Packs rows `first` … `first + count − 1` of a matrix [N, K] into their place in `target`. `source` holds just these rows: GGUF blocks of the type, or f32 numbers with `floats`.
// `first` is a multiple of 16, and so is `count` unless the last row is among them. Returns 0, or what is wrong (see packed.h); nothing is written then.
EXPORT int r1_quantised_pack(const char *type, int floats, const uint8_t *source, int64_t source_bytes, int64_t N, int64_t K, int64_t first, int64_t count, uint8_t *target,
                             int64_t target_bytes);
int r1_quantised_pack(const char *type, int floats, const uint8_t *source, int64_t source_bytes, int64_t N, int64_t K, int64_t first, int64_t count, uint8_t *target,
                      int64_t target_bytes) {
  const Format *format = quantised_format(type);
  if (!format) return PACK_UNKNOWN_TYPE;
  const int64_t needed = quantised_bytes(format, N, K);
  if (needed < 0 || first < 0 || count < 0 || first % PANEL || first > N || count > N - first || (count % PANEL && first + count != N)) return PACK_BAD_SHAPE;
  const int64_t row_bytes = floats ? K * (int64_t)sizeof(float) : K / format->source_numbers * format->source_bytes;
  if (target_bytes != needed || source_bytes != count * row_bytes) return PACK_BAD_SIZE;
  for (int64_t row = 0; format->wide && row < count; row += PANEL)
    pack_wide(source + row * row_bytes, floats, count - row < PANEL ? (int)(count - row) : PANEL, K, target + (first + row) / PANEL * panel_bytes(format, K));
  if (format->wide) return PACKED;
  for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
    if (strcmp(sources[i].name, type)) continue;
    if (floats && !sources[i].quantise) return PACK_NO_FLOATS;
    uint8_t *panel = target + first / PANEL * panel_bytes(format, K);
    for (int64_t row = 0; row < count; row += PANEL, panel += panel_bytes(format, K)) {
      const int rows = count - row < PANEL ? (int)(count - row) : PANEL;
      pack_panel(format, sources[i].read, floats ? sources[i].quantise : NULL, source + row * row_bytes, row_bytes, rows, K, panel);
    }
    return PACKED;
  }
  return PACK_UNKNOWN_TYPE;
}
