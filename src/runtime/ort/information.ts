import { runtime } from './api.ts'
import { koffi } from './ffi.ts'
import type { Address, OutAddress, OutNumber } from './functions.ts'
import { filled } from './out.ts'

/** Which ONNX Runtime this process runs on. */
export interface RuntimeInformation {
  /** Such as 1.30.0. */
  readonly version: string
  /** Path of the library. */
  readonly library: string
  /** What the library was built with, in ONNX Runtime's names (`CPUExecutionProvider`, …). */
  readonly providers: readonly string[]
}

/** @throws R1Error `runtime-missing`, `runtime-unusable` or `runtime-version` */
export function runtimeInformation(): RuntimeInformation {
  const { api, version, path } = runtime()
  const names: OutAddress = [null]
  const count: OutNumber = [0]
  api.GetAvailableProviders(names, count)
  const list = filled(names)
  const providers = (koffi.decode(list, 'void *', count[0]) as Address[]).map((name) => koffi.decode.string(name))
  api.ReleaseAvailableProviders(list, count[0])
  return { version, library: path, providers }
}
