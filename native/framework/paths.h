// Instruction-set paths. The machine's features are read once, when the library is loaded; R1_KERNEL_PATH forces a path for tests and comparisons.
#pragma once
#include <stdbool.h>

// In rising order of preference on x86-64; arm64 has only scalar and neon.
typedef enum { PATH_SCALAR, PATH_NEON, PATH_AVX2, PATH_AVX512, PATH_AVX512BF16, PATH_AMX, PATH_COUNT } Path;

typedef struct {
  bool available[PATH_COUNT];
  Path active;
  char reason[160];  // why this one: "best of this machine", "R1_KERNEL_PATH", or why the forced one was refused
} Paths;

const Paths *r1_paths(void);
const char *r1_path_name(Path path);

// For kernels that exist for some paths only: the best path in `has` that this machine may use and that is not above the active one.
// PATH_SCALAR must always be among them.
Path r1_best_of(const bool has[PATH_COUNT]);
