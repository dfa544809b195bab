// Stands in for ONNX Runtime in tests: the few functions of its table that the kernels call, without a model or a session.
// Every tensor is its own exact piece of heap memory, so that an address sanitizer sees any step outside of it.
#pragma once
#include <stdbool.h>

#include "../framework/ort.h"

typedef struct Value {
  ElementType type;
  int rank;
  int64_t shape[8];
  int64_t size;
  union {
    void *data;
    float *floats;
    int64_t *integers;
    uint8_t *bytes;
    uint16_t *halves;
  };
} Value;

typedef struct {
  const char *name;
  enum { ATTRIBUTE_INT, ATTRIBUTE_FLOAT, ATTRIBUTE_STRING, ATTRIBUTE_FLOATS } kind;
  int64_t integer;
  float number;
  const char *text;
  const float *list;
  int length;
} Attribute;

#define INT(name_, value) {.name = name_, .kind = ATTRIBUTE_INT, .integer = value}
#define FLOAT(name_, value) {.name = name_, .kind = ATTRIBUTE_FLOAT, .number = value}
#define STRING(name_, value) {.name = name_, .kind = ATTRIBUTE_STRING, .text = value}
#define FLOATS(name_, values, count) {.name = name_, .kind = ATTRIBUTE_FLOATS, .list = values, .length = count}

enum { MAX_VALUES = 80 };

// One run of an operator. An input that is NULL is left out. An output with `wanted` false is not asked for; one with `place` set is written there
// (an input's memory, as when a buffer is both fed and fetched); any other is allocated, and belongs to the caller.
typedef struct {
  const char *operator_name;
  Attribute attributes[8];
  int attribute_count;
  const Value *inputs[MAX_VALUES];
  int input_count;
  struct {
    bool wanted;
    Value *place;
    Value *result;
  } outputs[MAX_VALUES];
  int output_count;
} Execution;

// Registers the library with the mock; false if it refuses.
bool register_library(void);
// Creates the node's kernel, computes, destroys it. NULL on success, else the message (to be freed by the caller).
char *execute(Execution *execution);
bool has_operator(const char *name);
// Threads that ParallelFor uses from now on.
void set_threads(int threads);

// Lets `count` more pieces of scratch memory be taken and refuses those after; −1 refuses none.
void allow_scratch(int count);

Value *new_value(ElementType type, int rank, const int64_t *shape);
void free_value(Value *value);
size_t value_bytes(const Value *value);
