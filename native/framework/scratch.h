// Scratch memory for a task or a call: 64-byte aligned, reused between calls, bounded, freed when the library is unloaded.
// The pool belongs to the library, not to threads: ONNX Runtime makes and ends threads with every session.
#pragma once
#include <stddef.h>

// At least `bytes` of uninitialised memory, or NULL. Each piece is given back once, by any thread.
void *scratch_take(size_t bytes);
void scratch_give(void *memory);

// Bytes that the pool keeps for reuse at most, and bytes it keeps now.
enum { SCRATCH_KEPT_BYTES = 256 << 20 };
size_t scratch_kept(void);
