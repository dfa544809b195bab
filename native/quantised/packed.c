#include "packed.h"

#include <string.h>

// Letters as in ggml: y = d (q − zero), or y = d q + m; the K types: d and m are products with small whole numbers.
static const Format formats[] = {
    {.name = "Q4_0", .low = 4, .zero = 8, .groups = 1, .source_numbers = 32, .source_bytes = 18},
    {.name = "Q4_1", .low = 4, .groups = 1, .offsets = true, .source_numbers = 32, .source_bytes = 20},
    {.name = "Q5_0", .low = 4, .high = 1, .zero = 16, .groups = 1, .source_numbers = 32, .source_bytes = 22},
    {.name = "Q5_1", .low = 4, .high = 1, .groups = 1, .offsets = true, .source_numbers = 32, .source_bytes = 24},
    {.name = "Q8_0", .low = 8, .zero = 128, .groups = 1, .source_numbers = 32, .source_bytes = 34},
    {.name = "Q2_K", .low = 2, .groups = 2, .offsets = true, .nested = true, .source_numbers = 256, .source_bytes = 84},
    {.name = "Q3_K", .low = 2, .high = 1, .zero = 4, .groups = 2, .nested = true, .source_numbers = 256, .source_bytes = 110},
    {.name = "Q4_K", .low = 4, .groups = 1, .offsets = true, .nested = true, .source_numbers = 256, .source_bytes = 144},
    {.name = "Q5_K", .low = 4, .high = 1, .groups = 1, .offsets = true, .nested = true, .source_numbers = 256, .source_bytes = 176},
    {.name = "BF16", .low = 16, .groups = 1, .wide = true, .source_numbers = 32, .source_bytes = 64},
    {.name = "Q6_K", .low = 4, .high = 2, .zero = 32, .groups = 2, .nested = true, .source_numbers = 256, .source_bytes = 210},
};

const Format *quantised_format(const char *name) {
  for (size_t i = 0; name && i < sizeof formats / sizeof *formats; i++)
    if (!strcmp(formats[i].name, name)) return &formats[i];
  return NULL;
}

int64_t quantised_bytes(const Format *format, int64_t N, int64_t K) {
  const int64_t most = (int64_t)1 << 31;  // of either side, so that no size here can overflow
  if (!format || N < 1 || K < 1 || N > most || K > most || K % format->source_numbers) return -1;
  return (N + PANEL - 1) / PANEL * panel_bytes(format, K);
}

float half_at(const uint8_t *bytes) {
  const uint32_t half = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8, sign = (half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3ff;
  uint32_t bits;
  float value;
  if (exponent == 0) {
    value = (float)fraction * 0x1p-24f;
    return sign ? -value : value;
  }
  bits = sign | (exponent == 31 ? 255 : exponent + 112) << 23 | fraction << 13;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// Rounds to nearest, ties to even; too large becomes infinity.
uint16_t half_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  const uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00);
  if (magnitude >= 0x477ff000) return (uint16_t)(sign | 0x7c00);
  if (magnitude < 0x38800000) {  // below the normal range: adding ½ puts the fraction where it belongs, rounded
    float shifted;
    memcpy(&shifted, &magnitude, sizeof shifted);
    shifted += 0.5f;
    memcpy(&bits, &shifted, sizeof bits);
    return (uint16_t)(sign | (bits - 0x3f000000));
  }
  return (uint16_t)(sign | (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13);
}

static void unpack_wide(const uint8_t *panel, int64_t column, int64_t K, float *numbers) {
  for (int64_t k = 0; k < K; k++) {
    const uint8_t *from = panel + 2 * (k * PANEL + column);
    const uint32_t bits = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 24;
    memcpy(&numbers[k], &bits, sizeof bits);
  }
}

void unpack_row(const Format *format, const uint8_t *packed, int64_t row, int64_t K, float *numbers) {
  const uint8_t *panel = packed + row / PANEL * panel_bytes(format, K);
  if (format->wide) {
    unpack_wide(panel, row % PANEL, K, numbers);
    return;
  }
  const int64_t column = row % PANEL, half = BLOCK / format->groups;
  const int low_mask = (1 << format->low) - 1, high_mask = (1 << format->high) - 1;
  for (int64_t block = 0; block < K / BLOCK; block++, numbers += BLOCK) {
    const uint8_t *planes = block_at(format, panel, block), *high = planes + PLANE * format->low, *scales = planes + plane_bytes(format), *nest = nest_at(format, panel, block);
    for (int group = 0; group < format->groups; group++) {
      float d, m;
      if (format->nested) {
        const int8_t *factors = (const int8_t *)scales + group * PANEL + column;
        d = half_at(nest + 2 * column) * (float)factors[0];
        m = format->offsets ? -half_at(nest + 2 * (PANEL + column)) * (float)factors[format->groups * PANEL] : d * (float)-format->zero;
      } else {
        d = half_at(scales + 2 * column);
        m = format->offsets ? half_at(scales + 2 * (PANEL + column)) : d * (float)-format->zero;
      }
      for (int64_t k = group * half; k < (group + 1) * half; k++) {
        const int64_t lane = k / 4, byte = 4 * column + k % 4, low_bit = lane * format->low, high_bit = lane * format->high;
        int q = planes[low_bit / 8 * PLANE + byte] >> low_bit % 8 & low_mask;
        if (format->high) q |= (high[high_bit / 8 * PLANE + byte] >> high_bit % 8 & high_mask) << format->low;
        numbers[k] = d * (float)q + m;
      }
    }
  }
}
