/**
 * The functions of ONNX Runtime's C API that this package calls.
 *
 * The API is one struct of function pointers to which every release only appends, so a function is known by its place in
 * it. Memory on devices needs no I/O binding: `Run` takes values on any device and writes into such values.
 * The places were counted from the public header `onnxruntime_c_api.h`; `npm run check:ort -- <header>` counts again.
 */

/** An address in this process; 0 is written null. */
export type Address = bigint

/** An argument through which C hands back an address: a list of one. */
export type OutAddress = [Address | null]

/** An argument through which C hands back a number: a list of one. */
export type OutNumber = [number]

/** The C header's version that the table needs at least; ONNX Runtime 1.N has version N. */
export const apiVersion = 24

declare const signature: unique symbol

/** One function: its place in the struct, its C prototype, and (for the compiler alone) its signature in TypeScript. */
export interface FunctionEntry<Parameters extends readonly unknown[], Result> {
  readonly slot: number
  readonly prototype: string
  /** True for a function that returns an `OrtStatus *`, which is turned into an error. */
  readonly status: boolean
  readonly [signature]?: (...parameters: Parameters) => Result
}

function status<Parameters extends readonly unknown[]>(slot: number, parameters: string) {
  return { slot, prototype: `void *(${parameters})`, status: true } as FunctionEntry<Parameters, void>
}

function plain<Parameters extends readonly unknown[], Result>(slot: number, result: string, parameters: string) {
  return { slot, prototype: `${result} (${parameters})`, status: false } as FunctionEntry<Parameters, Result>
}

function release(slot: number) {
  return plain<[object: Address], void>(slot, 'void', 'void *object')
}

/** File names are UTF-16 on Windows and bytes elsewhere. */
const path = process.platform === 'win32' ? 'const char16_t *' : 'const char *'

export const functions = {
  GetErrorCode: plain<[status: Address], number>(1, 'int', 'const void *status'),
  GetErrorMessage: plain<[status: Address], string>(2, 'const char *', 'const void *status'),
  CreateEnv: status<[level: number, name: string, out: OutAddress]>(3, 'int level, const char *name, _Out_ void **out'),
  CreateSession: status<[environment: Address, path: string, options: Address, out: OutAddress]>(
    7,
    `void *environment, ${path}path, void *options, _Out_ void **out`,
  ),
  CreateSessionFromArray: status<
    [environment: Address, model: Uint8Array, length: number, options: Address, out: OutAddress]
  >(8, 'void *environment, const void *model, size_t length, void *options, _Out_ void **out'),
  Run: status<
    [
      session: Address,
      options: Address | null,
      inputNames: Address | null,
      inputs: Address | null,
      inputCount: number,
      outputNames: Address | null,
      outputCount: number,
      outputs: Address | null,
    ]
  >(
    9,
    'void *session, const void *options, const void *inputNames, const void *inputs, size_t inputCount, const void *outputNames, size_t outputCount, void *outputs',
  ),
  CreateSessionOptions: status<[out: OutAddress]>(10, '_Out_ void **out'),
  EnableProfiling: status<[options: Address, prefix: string]>(14, `void *options, ${path}prefix`),
  DisableMemPattern: status<[options: Address]>(17, 'void *options'),
  DisableCpuMemArena: status<[options: Address]>(19, 'void *options'),
  SetSessionGraphOptimizationLevel: status<[options: Address, level: number]>(23, 'void *options, int level'),
  SetIntraOpNumThreads: status<[options: Address, threads: number]>(24, 'void *options, int threads'),
  SessionGetInputCount: status<[session: Address, out: OutNumber]>(30, 'const void *session, _Out_ size_t *out'),
  SessionGetOutputCount: status<[session: Address, out: OutNumber]>(31, 'const void *session, _Out_ size_t *out'),
  SessionGetInputTypeInfo: status<[session: Address, index: number, out: OutAddress]>(
    33,
    'const void *session, size_t index, _Out_ void **out',
  ),
  SessionGetOutputTypeInfo: status<[session: Address, index: number, out: OutAddress]>(
    34,
    'const void *session, size_t index, _Out_ void **out',
  ),
  SessionGetInputName: status<[session: Address, index: number, allocator: Address, out: OutAddress]>(
    36,
    'const void *session, size_t index, void *allocator, _Out_ void **out',
  ),
  SessionGetOutputName: status<[session: Address, index: number, allocator: Address, out: OutAddress]>(
    37,
    'const void *session, size_t index, void *allocator, _Out_ void **out',
  ),
  CreateRunOptions: status<[out: OutAddress]>(39, '_Out_ void **out'),
  RunOptionsSetTerminate: status<[options: Address]>(46, 'void *options'),
  RunOptionsUnsetTerminate: status<[options: Address]>(47, 'void *options'),
  CreateTensorAsOrtValue: status<
    [allocator: Address, shape: BigInt64Array, rank: number, dataType: number, out: OutAddress]
  >(48, 'void *allocator, const int64_t *shape, size_t rank, int dataType, _Out_ void **out'),
  CreateTensorWithDataAsOrtValue: status<
    [
      memory: Address,
      data: Address,
      byteLength: number,
      shape: BigInt64Array,
      rank: number,
      dataType: number,
      out: OutAddress,
    ]
  >(
    49,
    'const void *memory, void *data, size_t byteLength, const int64_t *shape, size_t rank, int dataType, _Out_ void **out',
  ),
  GetTensorMutableData: status<[value: Address, out: OutAddress]>(51, 'void *value, _Out_ void **out'),
  CastTypeInfoToTensorInfo: status<[type: Address, out: OutAddress]>(55, 'const void *type, _Out_ void **out'),
  GetTensorElementType: status<[info: Address, out: OutNumber]>(60, 'const void *info, _Out_ int *out'),
  GetDimensionsCount: status<[info: Address, out: OutNumber]>(61, 'const void *info, _Out_ size_t *out'),
  GetDimensions: status<[info: Address, out: BigInt64Array, rank: number]>(
    62,
    'const void *info, _Out_ int64_t *out, size_t rank',
  ),
  GetSymbolicDimensions: status<[info: Address, out: BigUint64Array, rank: number]>(
    63,
    'const void *info, _Out_ uint64_t *out, size_t rank',
  ),
  GetTensorTypeAndShape: status<[value: Address, out: OutAddress]>(65, 'const void *value, _Out_ void **out'),
  CreateMemoryInfo: status<[name: string, allocatorType: number, device: number, memoryType: number, out: OutAddress]>(
    68,
    'const char *name, int allocatorType, int device, int memoryType, _Out_ void **out',
  ),
  CreateCpuMemoryInfo: status<[allocatorType: number, memoryType: number, out: OutAddress]>(
    69,
    'int allocatorType, int memoryType, _Out_ void **out',
  ),
  AllocatorFree: status<[allocator: Address, address: Address]>(76, 'void *allocator, void *address'),
  GetAllocatorWithDefaultOptions: status<[out: OutAddress]>(78, '_Out_ void **out'),
  ReleaseStatus: release(93),
  ReleaseMemoryInfo: release(94),
  ReleaseSession: release(95),
  ReleaseValue: release(96),
  ReleaseRunOptions: release(97),
  ReleaseTypeInfo: release(98),
  ReleaseTensorTypeAndShapeInfo: release(99),
  ReleaseSessionOptions: release(100),
  SessionEndProfiling: status<[session: Address, allocator: Address, out: OutAddress]>(
    110,
    'void *session, void *allocator, _Out_ void **out',
  ),
  GetAvailableProviders: status<[out: OutAddress, count: OutNumber]>(125, '_Out_ void **out, _Out_ int *count'),
  ReleaseAvailableProviders: status<[providers: Address, count: number]>(126, 'void *providers, int count'),
  AddSessionConfigEntry: status<[options: Address, key: string, value: string]>(
    130,
    'void *options, const char *key, const char *value',
  ),
  CreateAllocator: status<[session: Address, memory: Address, out: OutAddress]>(
    131,
    'const void *session, const void *memory, _Out_ void **out',
  ),
  SessionOptionsAppendExecutionProvider: status<
    [options: Address, name: string, keys: string[], values: string[], count: number]
  >(216, 'void *options, const char *name, const char **keys, const char **values, size_t count'),
  RegisterCustomOpsLibrary_V2: status<[options: Address, path: string]>(228, `void *options, ${path}path`),
  CopyTensors: status<
    [environment: Address, sources: BigUint64Array, targets: BigUint64Array, stream: null, count: number]
  >(386, 'const void *environment, const void *sources, const void *targets, void *stream, size_t count'),
}

export type Functions = typeof functions
