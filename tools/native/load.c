// Loads a library of kernels as ONNX Runtime would and prints what it says of itself: `load <path>`.
#include <dlfcn.h>
#include <stdio.h>

int main(int count, char **words) {
  if (count != 2) return 2;
  void *library = dlopen(words[1], RTLD_NOW);
  const char *(*describe)(void) = library ? (const char *(*)(void))dlsym(library, "r1_kernels_describe") : NULL;
  if (!describe || !dlsym(library, "RegisterCustomOps")) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  puts(describe());
  return 0;
}
