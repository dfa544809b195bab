// Picks the row kernels of the active path.
#include "rows.h"

#include "paths.h"

extern const Rows row_table_scalar;
#if defined(__x86_64__)
extern const Rows row_table_avx2, row_table_avx512;
#elif defined(__aarch64__)
extern const Rows row_table_neon;
#endif

const Rows *row_kernels(void) {
#if defined(__x86_64__)
  Path active = r1_paths()->active;
  if (active >= PATH_AVX512) return &row_table_avx512;
  if (active == PATH_AVX2) return &row_table_avx2;
#elif defined(__aarch64__)
  if (r1_paths()->active == PATH_NEON) return &row_table_neon;
#endif
  return &row_table_scalar;
}
