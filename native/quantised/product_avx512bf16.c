// AVX-512 with VNNI, which every processor of this path has: vpdpbusd multiplies four unsigned by four signed bytes and adds them to 32 bits.
#define DOT(sum, weights, x, bits) _mm512_dpbusd_epi32(sum, weights, x)
#include "product_avx512_body.h"

void panel_product_avx512bf16(const Format *format, const uint8_t *panel, const Activations *x, int64_t first, int rows, const Place *place) {
  all_rows(format, panel, x, first, rows, place);
}
