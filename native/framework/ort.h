// The part of ONNX Runtime's C ABI that a custom-operator library needs. The function table only ever grows at its end, so a slot keeps its number for good;
// the numbers below are those of onnxruntime_c_api.h, the newest used (414) came with API version 24.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct OrtStatus OrtStatus;
typedef struct OrtValue OrtValue;
typedef struct OrtKernelContext OrtKernelContext;
typedef struct OrtKernelInfo OrtKernelInfo;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtCustomOpDomain OrtCustomOpDomain;
typedef struct OrtShapeInferContext OrtShapeInferContext;

enum { R1_ORT_API_VERSION = 24, R1_ORT_SLOTS = 415 };

typedef void (*OrtFunction)(void);
typedef struct { OrtFunction slot[R1_ORT_SLOTS]; } OrtApi;
typedef struct { const OrtApi *(*GetApi)(uint32_t version); const char *(*GetVersionString)(void); } OrtApiBase;

enum { ORT_FAIL = 1, ORT_INVALID_ARGUMENT = 2, ORT_NOT_IMPLEMENTED = 9 };

// Element types, the numbers of ONNX's TensorProto; a port of R1_ANY takes every type, and its operator checks.
typedef enum { R1_ANY = 0, R1_FLOAT = 1, R1_UINT8 = 2, R1_INT8 = 3, R1_INT32 = 6, R1_INT64 = 7, R1_FLOAT16 = 10, R1_BFLOAT16 = 16 } ElementType;

enum { ORT_REQUIRED = 0, ORT_OPTIONAL = 1, ORT_VARIADIC = 2 };

typedef struct OrtCustomOp OrtCustomOp;
struct OrtCustomOp {
  uint32_t version;
  void *(*CreateKernel)(const OrtCustomOp *, const OrtApi *, const OrtKernelInfo *);
  const char *(*GetName)(const OrtCustomOp *);
  const char *(*GetExecutionProviderType)(const OrtCustomOp *);
  int (*GetInputType)(const OrtCustomOp *, size_t);
  size_t (*GetInputTypeCount)(const OrtCustomOp *);
  int (*GetOutputType)(const OrtCustomOp *, size_t);
  size_t (*GetOutputTypeCount)(const OrtCustomOp *);
  void (*KernelCompute)(void *, OrtKernelContext *);
  void (*KernelDestroy)(void *);
  int (*GetInputCharacteristic)(const OrtCustomOp *, size_t);
  int (*GetOutputCharacteristic)(const OrtCustomOp *, size_t);
  int (*GetInputMemoryType)(const OrtCustomOp *, size_t);
  int (*GetVariadicInputMinArity)(const OrtCustomOp *);
  int (*GetVariadicInputHomogeneity)(const OrtCustomOp *);
  int (*GetVariadicOutputMinArity)(const OrtCustomOp *);
  int (*GetVariadicOutputHomogeneity)(const OrtCustomOp *);
  OrtStatus *(*CreateKernelV2)(const OrtCustomOp *, const OrtApi *, const OrtKernelInfo *, void **);
  OrtStatus *(*KernelComputeV2)(void *, OrtKernelContext *);
  OrtStatus *(*InferOutputShapeFn)(const OrtCustomOp *, OrtShapeInferContext *);
  int (*GetStartVersion)(const OrtCustomOp *);
  int (*GetEndVersion)(const OrtCustomOp *);
  size_t (*GetMayInplace)(int **inputs, int **outputs);
  void (*ReleaseMayInplace)(int *inputs, int *outputs);
  size_t (*GetAliasMap)(int **inputs, int **outputs);
  void (*ReleaseAliasMap)(int *inputs, int *outputs);
};
enum { ORT_CUSTOM_OP_VERSION = 18 };  // the ABI version that ends with ReleaseAliasMap

// The table in use, set when the library registers itself.
extern const OrtApi *r1_ort;

// A slot as a function: R1_ORT(91, OrtStatus *, (OrtKernelContext *, size_t, …))(context, index, …)
#define R1_ORT(number, result, parameters) ((result(*) parameters)r1_ort->slot[number])

#define ORT_CreateStatus R1_ORT(0, OrtStatus *, (int, const char *))
#define ORT_CreateCustomOpDomain R1_ORT(26, OrtStatus *, (const char *, OrtCustomOpDomain **))
#define ORT_CustomOpDomain_Add R1_ORT(27, OrtStatus *, (OrtCustomOpDomain *, const OrtCustomOp *))
#define ORT_AddCustomOpDomain R1_ORT(28, OrtStatus *, (OrtSessionOptions *, OrtCustomOpDomain *))
#define ORT_GetTensorMutableData R1_ORT(51, OrtStatus *, (OrtValue *, void **))
#define ORT_KernelInfoGetAttribute_float R1_ORT(85, OrtStatus *, (const OrtKernelInfo *, const char *, float *))
#define ORT_KernelInfoGetAttribute_int64 R1_ORT(86, OrtStatus *, (const OrtKernelInfo *, const char *, int64_t *))
#define ORT_KernelInfoGetAttribute_string R1_ORT(87, OrtStatus *, (const OrtKernelInfo *, const char *, char *, size_t *))
#define ORT_KernelContext_GetInputCount R1_ORT(88, OrtStatus *, (const OrtKernelContext *, size_t *))
#define ORT_KernelContext_GetOutputCount R1_ORT(89, OrtStatus *, (const OrtKernelContext *, size_t *))
#define ORT_KernelContext_GetInput R1_ORT(90, OrtStatus *, (const OrtKernelContext *, size_t, const OrtValue **))
#define ORT_KernelContext_GetOutput R1_ORT(91, OrtStatus *, (OrtKernelContext *, size_t, const int64_t *, size_t, OrtValue **))
#define ORT_ReleaseStatus R1_ORT(93, void, (OrtStatus *))
#define ORT_KernelInfoGetAttributeArray_float R1_ORT(162, OrtStatus *, (const OrtKernelInfo *, const char *, float *, size_t *))
#define ORT_KernelContext_ParallelFor R1_ORT(274, OrtStatus *, (const OrtKernelContext *, void (*)(void *, size_t), size_t, size_t, void *))
#define ORT_GetTensorElementTypeAndShapeDataReference R1_ORT(414, OrtStatus *, (const OrtValue *, int *, const int64_t **, size_t *))
