import type { LibraryHandle } from 'koffi'
import { runtime } from './api.ts'
import { koffi } from './ffi.ts'
import { libraryFault } from './library-file.ts'
import { sessionOptions } from './session-options.ts'

/** What a library of kernels says of itself (`r1_kernels_describe`, in native/framework/library.c). */
export interface KernelDescription {
  /** Version of the operators' contract. */
  readonly abi: number
  /** Instruction set in use. */
  readonly path: string
  readonly reason: string
  readonly operators: readonly string[]
}

/** The contract that the op table was written for. */
const contract = 1

/** koffi unloads a library whose handle is collected. */
const handles = new Map<string, LibraryHandle>()

/**
 * Asks a library of kernels what it has, and tries it on the runtime.
 *
 * @returns its description, or what is wrong with it in words that follow its name
 */
export function inspectKernels(path: string): KernelDescription | string {
  const fault = libraryFault(path)
  if (fault !== undefined) return fault
  const text = describe(path)
  if (text === undefined) return 'is not a library of r1 kernels'
  const description = parse(text)
  if (description === undefined) return 'describes itself in a way this version does not understand'
  if (description.abi !== contract) return `has contract ${description.abi}, this version needs ${contract}`
  return registrationFault(path) ?? description
}

function describe(path: string): string | undefined {
  try {
    const handle = handles.get(path) ?? koffi.load(path)
    handles.set(path, handle)
    return handle.func('const char *r1_kernels_describe()')() as string
  } catch {
    return undefined
  }
}

function parse(text: string): KernelDescription | undefined {
  try {
    const { abi, path, reason, operators } = JSON.parse(text) as Partial<KernelDescription>
    if (typeof abi !== 'number' || typeof path !== 'string' || typeof reason !== 'string') return undefined
    if (!Array.isArray(operators) || !operators.every((name) => typeof name === 'string')) return undefined
    return { abi, path, reason, operators }
  } catch {
    return undefined
  }
}

function registrationFault(path: string): string | undefined {
  try {
    const library = runtime()
    library.api.ReleaseSessionOptions(sessionOptions(library, { libraries: [path] }))
    return undefined
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    return `was refused by ONNX Runtime (${cause instanceof Error ? cause.message : cause})`
  }
}
