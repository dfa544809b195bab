import { resolve } from 'node:path'
import { R1Error } from '../../errors.ts'
import type { Device } from '../device.ts'
import type { Optimization, SessionOptions } from '../session.ts'
import type { Address } from './functions.ts'
import type { Runtime } from './library.ts'
import { out } from './out.ts'

const optimizationLevels: Readonly<Record<Optimization, number>> = { disabled: 0, basic: 1, extended: 2, all: 99 }

/** Calls `use` with ONNX Runtime's session options. */
export function sessionOptions(runtime: Runtime, options: SessionOptions): Address {
  const { api } = runtime
  const native = out((address) => api.CreateSessionOptions(address))
  try {
    const {
      threads,
      spinning = process.env.R1_SPINNING !== 'off',
      optimization = 'disabled',
      memoryPattern = true,
      arena = true,
    } = options
    api.SetSessionGraphOptimizationLevel(native, optimizationLevels[optimization])
    if (threads !== undefined) api.SetIntraOpNumThreads(native, threads)
    if (!spinning) api.AddSessionConfigEntry(native, 'session.intra_op.allow_spinning', '0')
    if (options.restBetweenRuns) api.AddSessionConfigEntry(native, 'session.force_spinning_stop', '1')
    if (!memoryPattern) api.DisableMemPattern(native)
    if (!arena) api.DisableCpuMemArena(native)
    if (options.profile !== undefined) api.EnableProfiling(native, resolve(options.profile))
    if (options.folder !== undefined)
      api.AddSessionConfigEntry(native, 'session.model_external_initializers_file_folder_path', resolve(options.folder))
    for (const library of options.libraries ?? []) registerLibrary(runtime, native, library)
    appendDevice(runtime, native, options.device ?? 'cpu')
    return native
  } catch (error) {
    api.ReleaseSessionOptions(native)
    throw error
  }
}

function registerLibrary({ api }: Runtime, native: Address, library: string): void {
  try {
    api.RegisterCustomOpsLibrary_V2(native, resolve(library))
  } catch (cause) {
    throw new R1Error('bad-kernels', `${library} cannot be used as a library of operators.`, {
      remedy: "Rebuild it with 'npm run build:native' or set R1_KERNELS=off.",
      cause,
    })
  }
}

function appendDevice({ api }: Runtime, native: Address, device: Device): void {
  if (device === 'cpu') return
  try {
    // Without this, everything with int64 (indices, shapes) runs on the CPU with copies around it. They are 32 bits wide there.
    api.SessionOptionsAppendExecutionProvider(native, 'WebGPU', ['enableInt64'], ['1'], 1)
  } catch (cause) {
    throw new R1Error('device-missing', `The device '${device}' cannot be used here.`, {
      remedy: "Run 'r1 doctor' to see why, or use the device 'cpu'.",
      cause,
    })
  }
}
