import { R1Error } from '../errors.ts'
import type { Graph, Target } from '../tensor/index.ts'
import { expandComposites, foldConstants, narrowProducts, useBfloat16 } from '../tensor/passes/index.ts'
import { NDArray } from './array.ts'
import type { Device } from './device.ts'
import { OnnxModel } from './onnx/model.ts'
import { createSessionSync } from './session.ts'

/** In what the products of a graph are computed; parameters and everything else stay f32. */
export type Precision = 'f32' | 'bf16' | 'f16'

export interface PrecisionOptions {
  readonly precision?: Precision
  /** Compute in f32 on rounded operands where the device has no products of that precision: right, but not faster. */
  readonly emulate?: boolean
}

let webGpuF16: boolean | undefined

/** Whether the WebGPU adapter computes in f16 (its feature `shader-f16`), tried once. */
function webGpuHasF16(): boolean {
  webGpuF16 ??= doubles()
  return webGpuF16
}

/** Whether x + x runs on WebGPU in f16. */
function doubles(): boolean {
  const model = new OnnxModel()
  model.input('x', 'f16', [2])
  model.node({ operator: 'Add', inputs: ['x', 'x'], outputs: ['y'] })
  model.output('y', 'f16', [2])
  try {
    using session = createSessionSync(model.encode(), { device: 'webgpu' })
    return (
      session
        .runSync({ x: NDArray.from([1.5, -2], [2], 'f16') })
        .y?.toNumbers()
        .join() === '3,-4'
    )
  } catch (error) {
    if (error instanceof R1Error) return false
    throw error
  }
}

/** The precisions in which a device computes products itself. */
export function supportedPrecisions(device: Device, kernels: ReadonlySet<string>): readonly Precision[] {
  if (device === 'webgpu') return webGpuHasF16() ? ['f32', 'f16'] : ['f32']
  return kernels.has('MatMul') ? ['f32', 'bf16'] : ['f32']
}

/**
 * A traced graph with its products in the precision asked for.
 *
 * @throws R1Error `unsupported-precision` where the device has no such products and `emulate` is not set
 */
export function withPrecision(graph: Graph, target: Target, options: PrecisionOptions): Graph {
  const { precision = 'f32', emulate = false } = options
  if (precision === 'f32') return graph
  const supported = supportedPrecisions(target.device, target.kernels)
  const native = supported.includes(precision)
  if (native && precision === 'bf16') return useBfloat16(graph)
  if (!native && !emulate) {
    throw new R1Error('unsupported-precision', `The device '${target.device}' has no products in ${precision} here.`, {
      remedy: `It has ${supported.join(' and ')}; 'emulate' rounds operands to ${precision} and computes in f32.`,
    })
  }
  // The products inside composites are seen once these are expanded; kernels would hide them.
  const plain: Target = { device: target.device, kernels: new Set() }
  return narrowProducts(expandComposites(foldConstants(graph), plain), { dtype: precision, emulate: !native })
}
