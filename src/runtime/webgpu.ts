import { R1Error } from '../errors.ts'
import type { DType } from '../tensor/dtype.ts'
import { NDArray } from './array.ts'
import { OnnxModel } from './onnx/model.ts'
import { createSession } from './session.ts'

/** What the WebGPU adapter of this machine can do. */
export interface WebGpuInformation {
  /** Whether it computes in f16. */
  readonly f16: boolean
}

/**
 * Tries the WebGPU adapter. A broken driver can end the process: ask in a process of its own where that matters.
 *
 * @throws R1Error `device-missing` where there is no adapter
 */
export async function webGpuInformation(): Promise<WebGpuInformation> {
  if (!(await doubles('f32'))) throw new R1Error('device-failed', 'The WebGPU adapter gives wrong results.')
  return { f16: await doubles('f16') }
}

/** Whether x + x runs on the device in this dtype. */
async function doubles(dtype: DType): Promise<boolean> {
  const model = new OnnxModel()
  model.input('x', dtype, [2])
  model.node({ operator: 'Add', inputs: ['x', 'x'], outputs: ['y'] })
  model.output('y', dtype, [2])
  using session = await createSession(model.encode(), { device: 'webgpu' })
  try {
    const { y } = await session.run({ x: NDArray.from([1.5, -2], [2], dtype) })
    return y?.toNumbers().join() === '3,-4'
  } catch {
    return false
  }
}
