// A small pool of aligned pieces. A piece that comes back is kept while the pool stays under its cap, else freed at once.
#include "scratch.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef _WIN32
#include <malloc.h>
static void *aligned_take(size_t bytes) { return _aligned_malloc(bytes, 64); }
static void aligned_give(void *memory) { _aligned_free(memory); }
#else
static void *aligned_take(size_t bytes) {
  void *memory;
  return posix_memalign(&memory, 64, bytes) ? NULL : memory;
}
static void aligned_give(void *memory) { free(memory); }
#endif

// Stands in the 64 bytes before the memory that is handed out.
typedef struct {
  size_t bytes;
} Piece;
enum { HEAD_BYTES = 64, SLOTS = 64, GRAIN_BYTES = 64 << 10 };

// A slot's size may be read without owning its piece: it is a hint that is checked again once the piece is ours.
typedef struct {
  _Atomic(Piece *) piece;
  atomic_size_t bytes;
} Slot;
static Slot slots[SLOTS];
static atomic_size_t kept_bytes;
static atomic_uint next_evicted;

static void *memory_of(Piece *piece) { return (char *)piece + HEAD_BYTES; }
static Piece *piece_of(void *memory) { return (Piece *)(void *)((char *)memory - HEAD_BYTES); }

// Not more than four times what is asked for: a large piece stays free for a large need.
static int fits(size_t has, size_t bytes) { return has >= bytes && has / 4 <= bytes; }

static Piece *reuse(size_t bytes) {
  for (int i = 0; i < SLOTS; i++) {
    if (!fits(atomic_load_explicit(&slots[i].bytes, memory_order_relaxed), bytes)) continue;
    Piece *piece = atomic_exchange(&slots[i].piece, NULL);
    if (!piece) continue;
    atomic_fetch_sub(&kept_bytes, piece->bytes);
    if (fits(piece->bytes, bytes)) return piece;
    scratch_give(memory_of(piece));
  }
  return NULL;
}

void *scratch_take(size_t bytes) {
  if (bytes > SIZE_MAX - HEAD_BYTES - GRAIN_BYTES) return NULL;
  bytes = (bytes + GRAIN_BYTES - 1) / GRAIN_BYTES * GRAIN_BYTES;
  Piece *piece = reuse(bytes);
  if (!piece) {
    piece = aligned_take(HEAD_BYTES + bytes);
    if (!piece) return NULL;
    piece->bytes = bytes;
  }
  return memory_of(piece);
}

// A full pool lets an older piece go, so that sizes nobody asks for any more do not hold the room.
static void evict(void) {
  unsigned i = atomic_fetch_add(&next_evicted, 1) % SLOTS;
  Piece *piece = atomic_exchange(&slots[i].piece, NULL);
  if (!piece) return;
  atomic_fetch_sub(&kept_bytes, piece->bytes);
  aligned_give(piece);
}

void scratch_give(void *memory) {
  if (!memory) return;
  Piece *piece = piece_of(memory);
  for (int round = 0; round < 2 * SLOTS && atomic_load(&kept_bytes) + piece->bytes > SCRATCH_KEPT_BYTES; round++) evict();
  if (atomic_fetch_add(&kept_bytes, piece->bytes) + piece->bytes <= SCRATCH_KEPT_BYTES)
    for (int i = 0; i < SLOTS; i++) {
      Piece *empty = NULL;
      // The size first: once the piece is in its slot, another thread may take it away.
      if (atomic_load_explicit(&slots[i].piece, memory_order_relaxed)) continue;
      atomic_store_explicit(&slots[i].bytes, piece->bytes, memory_order_relaxed);
      if (atomic_compare_exchange_strong(&slots[i].piece, &empty, piece)) return;
    }
  atomic_fetch_sub(&kept_bytes, piece->bytes);
  aligned_give(piece);
}

size_t scratch_kept(void) { return atomic_load(&kept_bytes); }

__attribute__((destructor)) static void free_all(void) {
  for (int i = 0; i < SLOTS; i++) {
    Piece *piece = atomic_exchange(&slots[i].piece, NULL);
    if (piece) aligned_give(piece);
  }
}
