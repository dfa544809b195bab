// Runs every test, `rounds` random cases each: harness [rounds] [part of a test's name]
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define R1_TEST(name) void test_##name(int round);
#include "tests.def"
#undef R1_TEST

static const struct {
  const char *name;
  void (*run)(int round);
} tests[] = {
#define R1_TEST(name) {#name, test_##name},
#include "tests.def"
#undef R1_TEST
};

const char *r1_kernels_describe(void);

int main(int count, char **arguments) {
  int rounds = count > 1 ? atoi(arguments[1]) : 20, run = 0;
  const char *part = count > 2 ? arguments[2] : "";
  printf("%s\n", r1_kernels_describe());
  if (!rounds) return 0;
  if (!register_library()) return fprintf(stderr, "the library refused to register\n"), 1;
  for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
    if (!strstr(tests[i].name, part)) continue;
    int before = failures();
    for (int round = 0; round < rounds; round++, run++) {
      reseed((uint64_t)round);
      tests[i].run(round);
    }
    if (failures() > before) fprintf(stderr, "%s: %d failed\n", tests[i].name, failures() - before);
  }
  printf("%d cases, %d failed\n", run, failures());
  return failures() > 0;
}
