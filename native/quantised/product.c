#include "product.h"

#include "../framework/paths.h"

PanelProduct panel_product(void) {
#if defined(__x86_64__)
  static const bool has[PATH_COUNT] = {[PATH_SCALAR] = true, [PATH_AVX2] = true, [PATH_AVX512] = true, [PATH_AVX512BF16] = true};
  switch (r1_best_of(has)) {
    case PATH_AVX512BF16: return panel_product_avx512bf16;
    case PATH_AVX512: return panel_product_avx512;
    case PATH_AVX2: return panel_product_avx2;
    default: return panel_product_scalar;
  }
#elif defined(__aarch64__)
  return r1_paths()->active == PATH_NEON ? panel_product_neon : panel_product_scalar;
#else
  return panel_product_scalar;
#endif
}
