// Blocks of a job on ONNX Runtime's thread pool.
#include <stdatomic.h>

#include "call.h"

typedef struct {
  Task task;
  void *job;
  atomic_int failure;  // the first task's error; tasks that begin later do nothing
} Run;

static void run_block(void *run_, size_t index) {
  Run *run = run_;
  if (atomic_load_explicit(&run->failure, memory_order_relaxed)) return;
  int failure = run->task(run->job, (int64_t)index);
  if (failure) atomic_store_explicit(&run->failure, failure, memory_order_relaxed);
}

OrtStatus *parallel(const Call *call, int64_t blocks, Task task, void *job) {
  if (blocks <= 0) return NULL;
  Run run = {.task = task, .job = job};
  if (blocks == 1)
    run_block(&run, 0);
  else
    R1_TRY(ORT_KernelContext_ParallelFor(call->context, run_block, (size_t)blocks, (size_t)blocks, &run));
  return atomic_load(&run.failure) ? fail_memory(call, 0) : NULL;
}
