import type { DType } from '../../tensor/dtype.ts'
import { elementCount, NDArray } from '../array.ts'
import type { Device } from '../device.ts'
import { dataTypeOf } from '../onnx/datatype.ts'
import { OnnxModel } from '../onnx/model.ts'
import { runtime } from './api.ts'
import { exclusively, whenIdle } from './device-turn.ts'
import type { Address } from './functions.ts'
import type { Runtime } from './library.ts'
import { out } from './out.ts'
import { sessionOptions } from './session-options.ts'
import { ortValueOf } from './value.ts'

/** What ONNX Runtime calls the memory of each device. */
const memoryNames: Readonly<Record<Exclude<Device, 'cpu'>, string>> = { webgpu: 'WebGPU_Buffer' }

/** An allocator lives as long as the session that it came from, so one session a device is kept for the process. */
const allocators = new Map<Device, Address>()

function allocatorOf(library: Runtime, device: Exclude<Device, 'cpu'>): Address {
  const known = allocators.get(device)
  if (known !== undefined) return known
  const { api, environment } = library
  const model = identity()
  const options = sessionOptions(library, { device, threads: 1 })
  try {
    const session = out((address) => api.CreateSessionFromArray(environment, model, model.byteLength, options, address))
    const memory = out((address) => api.CreateMemoryInfo(memoryNames[device], 0, 0, 0, address))
    const allocator = out((address) => api.CreateAllocator(session, memory, address))
    api.ReleaseMemoryInfo(memory)
    allocators.set(device, allocator)
    return allocator
  } finally {
    api.ReleaseSessionOptions(options)
  }
}

function identity(): Uint8Array {
  const model = new OnnxModel()
  model.input('x', 'f32', [1])
  model.node({ operator: 'Identity', inputs: ['x'], outputs: ['y'] })
  model.output('y', 'f32', [1])
  return model.encode()
}

/**
 * An array in a device's memory, whose elements are anything.
 *
 * @throws R1Error `bad-shape`, `out-of-memory`, `device-missing` or `busy`
 */
export function deviceArray<D extends DType>(
  device: Exclude<Device, 'cpu'>,
  shape: readonly number[],
  dtype: D,
): NDArray<D> {
  elementCount(shape)
  const library = runtime()
  const allocator = allocatorOf(library, device)
  const lengths = BigInt64Array.from(shape, BigInt)
  const value = exclusively(device, () =>
    out((address) =>
      library.api.CreateTensorAsOrtValue(allocator, lengths, lengths.length, dataTypeOf(dtype), address),
    ),
  )
  const release = () => whenIdle(device, () => library.api.ReleaseValue(value))
  return NDArray.adopt(dtype, [...shape], device, { address: value, release })
}

/** Copies between devices. Both arrays are alike and usable. @throws R1Error `busy` */
export function copyValue(source: NDArray, target: NDArray): void {
  const library = runtime()
  const [from, to] = [ortValueOf(library, source), ortValueOf(library, target)]
  const device = source.device === 'cpu' ? target.device : source.device
  exclusively(device, () =>
    library.api.CopyTensors(library.environment, BigUint64Array.of(from), BigUint64Array.of(to), null, 1),
  )
}
