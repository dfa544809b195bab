import type { LibraryHandle } from 'koffi'
import { R1Error } from '../../errors.ts'
import { koffi } from './ffi.ts'
import { type Address, apiVersion, type FunctionEntry, type Functions, functions } from './functions.ts'
import { libraryFault } from './library-file.ts'
import { out } from './out.ts'
import { statusError } from './status.ts'
import { onThread } from './threads.ts'

type Signature<Entry> =
  Entry extends FunctionEntry<infer Parameters, infer Result> ? (...parameters: Parameters) => Result : never

/** The C API as functions; a function that returns a status throws an R1Error instead. */
export type Api = { readonly [Name in keyof Functions]: Signature<Functions[Name]> }

/** The loaded library. */
export interface Runtime {
  /** ONNX Runtime's own version, such as 1.30.0. */
  readonly version: string
  /** Path of the loaded file. */
  readonly path: string
  readonly api: Api
  /** The functions that take long, on a thread of libuv's pool. */
  readonly asynchronous: AsynchronousApi
  /** `OrtEnv *` */
  readonly environment: Address
  /** `OrtAllocator *` of the names that ONNX Runtime hands out. */
  readonly allocator: Address
  /** `OrtMemoryInfo *` of memory on the CPU. */
  readonly cpuMemory: Address
}

type Asynchronous<Entry> =
  Entry extends FunctionEntry<infer Parameters, unknown> ? (...parameters: Parameters) => Promise<void> : never

type AsynchronousName = 'Run' | 'CreateSession' | 'CreateSessionFromArray'
type AsynchronousApi = { readonly [Name in AsynchronousName]: Asynchronous<Functions[Name]> }

type Natives = Readonly<Record<keyof Functions, NativeFunction>>

/** What koffi makes of a function pointer. */
interface NativeFunction {
  (...parameters: readonly unknown[]): unknown
  async(...parametersAndCallback: readonly unknown[]): void
}

const log = { fatal: 4 }
const deviceAllocator = 0
const defaultMemory = 0

const remedy = "Reinstall it with 'npm install onnxruntime-node', or set R1_ONNXRUNTIME to a library of 1.24 or newer."

/** A runtime, and what keeps its library loaded. */
export interface Loaded {
  readonly runtime: Runtime
  /** koffi unloads a library when its handle is collected, after which every call is a segmentation fault. */
  readonly handle: LibraryHandle
}

/** Loads the library at `path`. @throws R1Error `runtime-unusable` or `runtime-version` */
export function loadRuntime(path: string): Loaded {
  const { handle, base } = openLibrary(path)
  const { version, table } = versionedTable(base, path)
  const natives = decodeFunctions(table)
  const api = blockingApi(natives)
  const runtime = {
    version,
    path,
    api,
    asynchronous: asynchronousApi(natives),
    environment: out((address) => api.CreateEnv(log.fatal, 'deepseek-r1', address)),
    allocator: out((address) => api.GetAllocatorWithDefaultOptions(address)),
    cpuMemory: out((address) => api.CreateCpuMemoryInfo(deviceAllocator, defaultMemory, address)),
  }
  return { runtime, handle }
}

function openLibrary(path: string): { handle: LibraryHandle; base: unknown } {
  const fault = libraryFault(path)
  if (fault !== undefined) throw new R1Error('runtime-unusable', `${path} ${fault}.`, { remedy })
  try {
    const handle = koffi.load(path)
    return { handle, base: handle.func('void *OrtGetApiBase()')() }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new R1Error('runtime-unusable', `${path} cannot be loaded as ONNX Runtime: ${reason}.`, { remedy, cause })
  }
}

/** Reads `OrtApiBase { GetApi, GetVersionString }` and asks for the version of the struct that the table was written for. */
function versionedTable(base: unknown, path: string): { version: string; table: readonly (Address | null)[] } {
  const [getApi, getVersion] = koffi.decode(base, 'void *', 2) as Address[]
  const version = koffi.call(getVersion, koffi.proto('const char *()')) as string
  const [major, minor] = version.split('.').map(Number)
  const wrongVersion = new R1Error(
    'runtime-version',
    `${path} is ONNX Runtime ${version}; this package needs 1.${apiVersion} or a newer 1.x.`,
    { remedy },
  )
  if (major !== 1 || minor === undefined || !(minor >= apiVersion)) throw wrongVersion
  const api = koffi.call(getApi, koffi.proto('void *(uint32_t version)'), apiVersion) as Address | null
  if (api === null) throw wrongVersion
  const length = Math.max(...Object.values(functions).map(({ slot }) => slot)) + 1
  return { version, table: koffi.decode(api, 'void *', length) as (Address | null)[] }
}

function decodeFunctions(table: readonly (Address | null)[]): Natives {
  const entries = Object.entries(functions).map(([name, { slot, prototype }]) => [
    name,
    koffi.decode(table[slot], koffi.proto(prototype)),
  ])
  return Object.fromEntries(entries) as Natives
}

/** The error behind a status, which is released. */
function takeError(natives: Natives, status: Address): R1Error {
  const code = natives.GetErrorCode(status) as number
  const message = natives.GetErrorMessage(status) as string
  natives.ReleaseStatus(status)
  return statusError(code, message)
}

function blockingApi(natives: Natives): Api {
  const entries = Object.entries(functions).map(([name, { status: returnsStatus }]) => {
    const native = natives[name as keyof Functions]
    const checked = (...parameters: unknown[]) => {
      const status = native(...parameters) as Address | null
      if (status !== null) throw takeError(natives, status)
    }
    return [name, returnsStatus ? checked : native]
  })
  return Object.fromEntries(entries) as Api
}

function asynchronousApi(natives: Natives): AsynchronousApi {
  const later = <Name extends AsynchronousName>(name: Name) => {
    const call = (...parameters: unknown[]) =>
      new Promise<void>((resolve, reject) => {
        natives[name].async(...parameters, (error: Error | null, status: Address | null) => {
          if (error !== null) reject(error)
          else if (status !== null) reject(takeError(natives, status))
          else resolve()
        })
      })
    return ((...parameters: unknown[]) => onThread(() => call(...parameters))) as Asynchronous<Functions[Name]>
  }
  return {
    Run: later('Run'),
    CreateSession: later('CreateSession'),
    CreateSessionFromArray: later('CreateSessionFromArray'),
  }
}
