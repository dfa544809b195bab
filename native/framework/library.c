// The library's two exported functions: registration with ONNX Runtime, and a description of what is inside.
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "paths.h"

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

// Raised when an operator's name, inputs, outputs or attributes change their meaning.
enum { R1_ABI = 1 };

#define R1_OPERATOR(name) extern const Operator r1_operator_##name;
#include "operators.def"
#undef R1_OPERATOR

static const Operator *const operators[] = {
#define R1_OPERATOR(name) &r1_operator_##name,
#include "operators.def"
#undef R1_OPERATOR
};
enum { OPERATOR_COUNT = sizeof operators / sizeof *operators };

// What ONNX Runtime holds on to for each operator, and for each node.
typedef struct {
  OrtCustomOp abi;
  const Operator *operator;
} Registered;
typedef struct {
  const Operator *operator;
  int input_count, output_count;
  _Alignas(16) unsigned char attributes[];
} Node;

static const Operator *of(const OrtCustomOp *op) { return ((const Registered *)(const void *)op)->operator; }

static const char *name(const OrtCustomOp *op) { return of(op)->name; }
static const char *provider(const OrtCustomOp *op) { return (void)op, "CPUExecutionProvider"; }
static size_t inputs(const OrtCustomOp *op) { return (size_t)of(op)->input_count; }
static size_t outputs(const OrtCustomOp *op) { return (size_t)of(op)->output_count; }
static int input_type(const OrtCustomOp *op, size_t i) { return (int)of(op)->inputs[i].type; }
static int output_type(const OrtCustomOp *op, size_t i) { return (int)of(op)->outputs[i].type; }
static int input_presence(const OrtCustomOp *op, size_t i) { return (int)of(op)->inputs[i].presence; }
static int output_presence(const OrtCustomOp *op, size_t i) { return (int)of(op)->outputs[i].presence; }
static int default_memory(const OrtCustomOp *op, size_t i) { return (void)op, (void)i, 0; }
static int one(const OrtCustomOp *op) { return (void)op, 1; }
// Tensors of a variadic port share their type, unless the port takes any.
static int same_inputs(const OrtCustomOp *op) { return of(op)->inputs[of(op)->input_count - 1].type != R1_ANY; }
static int any_version(const OrtCustomOp *op) { return (void)op, 0x7fffffff; }
static void keep(int *in, int *out) { (void)in, (void)out; }  // R1_IN_PLACE's lists are static

static OrtStatus *create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **kernel) {
  (void)api;
  const Operator *operator = of(op);
  *kernel = NULL;
  Node *node = calloc(1, sizeof *node + operator->attributes_size);
  if (!node) return fail_attribute(operator->name, "out of memory");
  node->operator = operator;
  OrtStatus *status = operator->create ? operator->create(info, node->attributes) : NULL;
  if (status) {
    free(node);
    return status;
  }
  *kernel = node;
  return NULL;
}

static OrtStatus *compute(void *kernel, OrtKernelContext *context) {
  Node *node = kernel;
  size_t in, out;
  R1_TRY(ORT_KernelContext_GetInputCount(context, &in));
  R1_TRY(ORT_KernelContext_GetOutputCount(context, &out));
  Call call = {.operator = node->operator, .context = context, .input_count = (int)in, .output_count = (int)out};
  return node->operator->compute(node->attributes, &call);
}

static void destroy(void *kernel) {
  Node *node = kernel;
  if (!node) return;
  if (node->operator->destroy) node->operator->destroy(node->attributes);
  free(node);
}

static OrtCustomOp abi_of(const Operator *operator) {
  return (OrtCustomOp){
      .version = ORT_CUSTOM_OP_VERSION,
      .GetName = name,
      .GetExecutionProviderType = provider,
      .GetInputType = input_type,
      .GetInputTypeCount = inputs,
      .GetOutputType = output_type,
      .GetOutputTypeCount = outputs,
      .KernelDestroy = destroy,
      .GetInputCharacteristic = input_presence,
      .GetOutputCharacteristic = output_presence,
      .GetInputMemoryType = default_memory,
      .GetVariadicInputMinArity = one,
      .GetVariadicInputHomogeneity = same_inputs,
      .GetVariadicOutputMinArity = one,
      .GetVariadicOutputHomogeneity = one,
      .CreateKernelV2 = create,
      .KernelComputeV2 = compute,
      .GetStartVersion = one,
      .GetEndVersion = any_version,
      .GetMayInplace = operator->in_place,
      .ReleaseMayInplace = keep,
  };
}

// The domain lives as long as the library; every session that registers shares it.
static OrtStatus *make_domain(OrtCustomOpDomain **made) {
  static Registered registered[OPERATOR_COUNT];
  OrtCustomOpDomain *domain = NULL;
  R1_TRY(ORT_CreateCustomOpDomain("r1", &domain));
  for (int i = 0; i < OPERATOR_COUNT; i++) {
    registered[i] = (Registered){.abi = abi_of(operators[i]), .operator = operators[i]};
    R1_TRY(ORT_CustomOpDomain_Add(domain, &registered[i].abi));
  }
  *made = domain;
  return NULL;
}

static OrtStatus *old_runtime(const OrtApiBase *base) {
  const OrtApi *first = base->GetApi(1);  // CreateStatus has been there from the first version on
  if (!first) return NULL;
  char text[160];
  snprintf(text, sizeof text, "the r1 kernels need ONNX Runtime 1.%d or newer, this is %s", R1_ORT_API_VERSION, base->GetVersionString());
  r1_ort = first;
  OrtStatus *status = ORT_CreateStatus(ORT_NOT_IMPLEMENTED, text);
  r1_ort = NULL;
  return status;
}

EXPORT OrtStatus *RegisterCustomOps(OrtSessionOptions *options, const OrtApiBase *base);
OrtStatus *RegisterCustomOps(OrtSessionOptions *options, const OrtApiBase *base) {
  static atomic_flag busy = ATOMIC_FLAG_INIT;
  static OrtCustomOpDomain *domain;
  while (atomic_flag_test_and_set(&busy)) {
  }
  OrtStatus *status = NULL;
  if (!r1_ort) {
    r1_ort = base->GetApi(R1_ORT_API_VERSION);
    if (!r1_ort) status = old_runtime(base);
  }
  if (!status && !domain) status = make_domain(&domain);
  atomic_flag_clear(&busy);
  return status ? status : ORT_AddCustomOpDomain(options, domain);
}

// {"abi":1,"ort":24,"path":"avx512bf16","reason":"best of this machine","available":["scalar",…],"operators":["AdamW",…]}
static char description[4096];

__attribute__((format(printf, 1, 2))) static void describe(const char *format, ...) {
  size_t used = strlen(description);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(description + used, sizeof description - used, format, arguments);
  va_end(arguments);
}

EXPORT const char *r1_kernels_describe(void);
const char *r1_kernels_describe(void) {
  static atomic_flag busy = ATOMIC_FLAG_INIT;
  const Paths *paths = r1_paths();
  // Written once: another thread may read it.
  while (atomic_flag_test_and_set(&busy)) {
  }
  if (description[0]) {
    atomic_flag_clear(&busy);
    return description;
  }
  describe("{\"abi\":%d,\"ort\":%d,\"path\":\"%s\",\"reason\":\"%s\",\"available\":[", R1_ABI, R1_ORT_API_VERSION, r1_path_name(paths->active),
           paths->reason);
  const char *comma = "";
  for (int path = 0; path < PATH_COUNT; path++)
    if (paths->available[path]) describe("%s\"%s\"", comma, r1_path_name((Path)path)), comma = ",";
  describe("],\"operators\":[");
  for (int i = 0; i < OPERATOR_COUNT; i++) describe("%s\"%s\"", i ? "," : "", operators[i]->name);
  describe("]}");
  atomic_flag_clear(&busy);
  return description;
}
