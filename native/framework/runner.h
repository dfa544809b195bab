// Runs tasks either on the pool of a call or, inside a task, one after the other: the same code serves both.
#pragma once
#include "operator.h"

typedef struct {
  const Call *call;   // NULL inside a task
  OrtStatus *status;  // what went wrong on the pool
} Runner;

// 0, or R1_OUT_OF_MEMORY, or another number when `status` is set.
static inline int run_tasks(Runner *runner, int64_t count, Task task, void *job) {
  if (runner->call) {
    runner->status = parallel(runner->call, count, task, job);
    return runner->status ? -1 : 0;
  }
  for (int64_t i = 0; i < count; i++) {
    const int failure = task(job, i);
    if (failure) return failure;
  }
  return 0;
}

// What `compute` returns after the last task.
static inline OrtStatus *runner_status(const Runner *runner, int failure) {
  if (runner->status) return runner->status;
  return failure ? fail_memory(runner->call, 0) : NULL;
}
