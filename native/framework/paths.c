// What this machine can run. CPUID tells what the processor has, XCR0 what the system saves and restores: both must agree before any AVX, AVX-512 or AMX instruction.
#include "paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#include <windows.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

static const char *const names[PATH_COUNT] = {"scalar", "neon", "avx2", "avx512", "avx512bf16", "amx"};
static Paths paths;

const Paths *r1_paths(void) { return &paths; }
const char *r1_path_name(Path path) { return names[path]; }

#if defined(__x86_64__)
static unsigned long long extended_control_register(void) {
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (unsigned long long)high << 32 | low;
}

// Linux gives a process the 8 kB of tile registers only when it asks: ARCH_REQ_XCOMP_PERM for XTILEDATA.
static bool tiles_permitted(void) {
#if defined(__linux__)
  return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
#elif defined(_WIN32)
  return true;
#else
  return false;
#endif
}

static bool bits(unsigned long long value, unsigned long long mask) { return (value & mask) == mask; }

static void read_features(bool available[PATH_COUNT]) {
  unsigned a, b, c, d, a1 = 0, ignored;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return;
  const unsigned OSXSAVE = 1u << 27, FMA = 1u << 12, F16C = 1u << 29;
  if (!bits(c, OSXSAVE | FMA | F16C)) return;
  unsigned long long saved = extended_control_register();
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return;
  const unsigned AVX2 = 1u << 5, BMI2 = 1u << 8, AVX512F = 1u << 16, AVX512DQ = 1u << 17, AVX512BW = 1u << 30, AVX512VL = 1u << 31;
  const unsigned AMX_BF16 = 1u << 22, AMX_TILE = 1u << 24;
  unsigned leaves = a, amx = d, vnni = c;
  available[PATH_AVX2] = bits(saved, 0x6) && bits(b, AVX2 | BMI2);
  available[PATH_AVX512] = available[PATH_AVX2] && bits(saved, 0xe6) && bits(b, AVX512F | AVX512DQ | AVX512BW | AVX512VL);
  if (leaves >= 1) __get_cpuid_count(7, 1, &a1, &ignored, &ignored, &ignored);
  const unsigned AVX512_BF16 = 1u << 5, AVX512_VNNI = 1u << 11;
  available[PATH_AVX512BF16] = available[PATH_AVX512] && bits(a1, AVX512_BF16) && bits(vnni, AVX512_VNNI);
  available[PATH_AMX] = available[PATH_AVX512BF16] && bits(saved, 0x60000) && bits(amx, AMX_BF16 | AMX_TILE) && tiles_permitted();
}
#elif defined(__aarch64__)
static void read_features(bool available[PATH_COUNT]) { available[PATH_NEON] = true; }
#else
static void read_features(bool available[PATH_COUNT]) { (void)available; }
#endif

static bool forced_name(char *text, size_t capacity) {
#if defined(_WIN32)
  // The host may have set it after the C library took its copy of the environment.
  DWORD length = GetEnvironmentVariableA("R1_KERNEL_PATH", text, (DWORD)capacity);
  return length > 0 && length < capacity;
#else
  const char *value = getenv("R1_KERNEL_PATH");
  if (!value || !*value) return false;
  snprintf(text, capacity, "%s", value);
  return true;
#endif
}

Path r1_best_of(const bool has[PATH_COUNT]) {
  for (int path = (int)paths.active; path > PATH_SCALAR; path--)
    if (has[path] && paths.available[path]) return (Path)path;
  return PATH_SCALAR;
}

__attribute__((constructor)) static void choose(void) {
  paths.available[PATH_SCALAR] = true;
  read_features(paths.available);
  for (int path = PATH_SCALAR; path < PATH_COUNT; path++)
    if (paths.available[path]) paths.active = (Path)path;
  snprintf(paths.reason, sizeof paths.reason, "best of this machine");
  char wanted[32];
  if (!forced_name(wanted, sizeof wanted)) return;
  for (int path = 0; path < PATH_COUNT; path++) {
    if (strcmp(wanted, names[path])) continue;
    if (paths.available[path]) {
      paths.active = (Path)path;
      snprintf(paths.reason, sizeof paths.reason, "R1_KERNEL_PATH");
    } else {
      snprintf(paths.reason, sizeof paths.reason, "R1_KERNEL_PATH asks for %s, which this machine lacks; best of this machine", wanted);
    }
    return;
  }
  snprintf(paths.reason, sizeof paths.reason, "R1_KERNEL_PATH is not one of scalar, neon, avx2, avx512, avx512bf16, amx; best of this machine");
}
