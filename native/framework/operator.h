// What an operator of this library is, and what its code may use: tensors, errors, attributes, parallel tasks.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "ort.h"

enum { R1_MAX_PORTS = 16, R1_MAX_RANK = 8 };

// An input or output: its element type, and whether it may be left out or stands for any number of tensors (only the last one may).
typedef struct {
  ElementType type;
  enum { R1_REQUIRED = ORT_REQUIRED, R1_OPTIONAL = ORT_OPTIONAL, R1_VARIADIC = ORT_VARIADIC } presence;
} Port;

// One execution of a node.
typedef struct Call Call;

typedef struct Operator {
  const char *name;
  Port inputs[R1_MAX_PORTS], outputs[R1_MAX_PORTS];
  int input_count, output_count;
  size_t attributes_size;                                             // bytes of the struct that `create` fills; 0 without attributes
  OrtStatus *(*create)(const OrtKernelInfo *info, void *attributes);  // reads and checks a node's attributes once
  void (*destroy)(void *attributes);                                  // frees what `create` or `compute` hung onto the struct; may be NULL
  OrtStatus *(*compute)(void *attributes, Call *call);
  size_t (*in_place)(int **inputs, int **outputs);                    // made by R1_IN_PLACE; NULL if no output may share an input's memory
} Operator;

// R1_IN_PLACE(function, n, {inputs…}, {outputs…}): output k of the list may share the memory of input k.
#define R1_UNPACK(...) __VA_ARGS__
#define R1_IN_PLACE(function, count, input_list, output_list)      \
  static size_t function(int **inputs, int **outputs) {            \
    static int from[count] = R1_UNPACK input_list;                 \
    static int to[count] = R1_UNPACK output_list;                  \
    *inputs = from;                                                \
    *outputs = to;                                                 \
    return count;                                                  \
  }

// ---- errors: NULL is success, anything else is handed back to ONNX Runtime at once
#define R1_TRY(expression)                  \
  do {                                      \
    OrtStatus *r1_status = (expression);    \
    if (r1_status) return r1_status;        \
  } while (0)

// A status whose message is "<operator>: <text>".
__attribute__((format(printf, 2, 3))) OrtStatus *fail(const Call *call, const char *format, ...);
// The same followed by the shapes of all inputs: "RmsNorm: weight must be as long as a row of x (inputs: [4,256], [128])".
__attribute__((format(printf, 2, 3))) OrtStatus *fail_shapes(const Call *call, const char *format, ...);
// "<operator>: out of memory, … bytes …" with the shapes of all inputs; 0 bytes if only a task knows how many.
OrtStatus *fail_memory(const Call *call, size_t bytes);

// ---- tensors
typedef struct {
  union {
    void *data;
    const float *floats;
    const int64_t *integers;
    const uint8_t *bytes;
    const uint16_t *halves;  // bf16 or f16 bits
  };
  const int64_t *shape;
  int rank;
  ElementType type;
  int64_t size;  // number of elements, 1 for a scalar
} Tensor;

int input_count(const Call *call);
int output_count(const Call *call);
// Input number `index`; data is NULL if the node leaves it out. Fails on another element type than the port's.
OrtStatus *input(const Call *call, int index, Tensor *tensor);
// The memory of output `index` in the given shape; NULL if nobody asked for it.
OrtStatus *output(Call *call, int index, int rank, const int64_t *shape, void **data);
OrtStatus *output_floats(Call *call, int index, int rank, const int64_t *shape, float **data);
// An output shaped as a tensor, and one with a row's width replaced: […, D] → […, width].
OrtStatus *output_like(Call *call, int index, const Tensor *like, float **data);
OrtStatus *output_rows(Call *call, int index, const Tensor *like, int64_t width, float **data);

bool same_shape(const Tensor *a, const Tensor *b);
// HAS_SHAPE(&x, B, S, D): whether a tensor that is there has these extents.
bool has_shape(const Tensor *tensor, int rank, const int64_t *shape);
#define HAS_SHAPE(tensor, ...) has_shape(tensor, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})
int64_t width(const Tensor *tensor);  // elements of the last axis, 1 for a scalar
int64_t rows(const Tensor *tensor);   // product of all other axes; 0 if the last axis is empty

// ---- attributes, in `create`: the node's value, or the given default where it has none
float attribute_float(const OrtKernelInfo *info, const char *name, float otherwise);
int64_t attribute_int(const OrtKernelInfo *info, const char *name, int64_t otherwise);
// The text into `text` (empty string if missing); false if it does not fit.
bool attribute_string(const OrtKernelInfo *info, const char *name, char *text, size_t capacity);
// The number of floats in the list; a copy in *values to be freed by the caller, NULL if missing or out of memory (count −1).
int64_t attribute_floats(const OrtKernelInfo *info, const char *name, float **values);
OrtStatus *fail_attribute(const char *operator_name, const char *message);

// ---- parallel tasks on ONNX Runtime's own pool
// A task works on block `index` of a job and returns 0, or R1_OUT_OF_MEMORY. Which thread runs which block is unknown, so a result may depend on the block only.
enum { R1_OUT_OF_MEMORY = 1 };
typedef int (*Task)(void *job, int64_t index);
OrtStatus *parallel(const Call *call, int64_t blocks, Task task, void *job);

static inline int64_t blocks_of(int64_t size, int64_t block) { return (size + block - 1) / block; }
static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
