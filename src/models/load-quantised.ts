import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { R1Error } from '../errors.ts'
import { canPack } from '../runtime/pack.ts'
import { Variables } from '../runtime/variables.ts'
import type { QuantisedVariables } from '../tensor/index.ts'
import { modelOf } from './families.ts'
import { type LoadedModel, type LoadOptions, loadModel } from './load.ts'
import { planOf, Scratch } from './quantised-plan.ts'
import type { WeightPrecision } from './weight-precision.ts'

/** A model whose products may have weights in packed blocks. */
export interface QuantisedModel extends LoadedModel {
  /** The parameters that are kept packed: what `quantiseProducts` needs to know of the variables. */
  readonly stored: QuantisedVariables
}

export interface LoadQuantisedOptions extends LoadOptions {
  readonly precision?: WeightPrecision
  /** False keeps weights as they are kept where the native kernels do not run. */
  readonly kernels?: boolean
}

/** Tensors that are read and packed side by side. */
const workers = 3

/**
 * Loads a model with its weights kept in packed blocks: a quantised GGUF file runs with its own numbers, anything else is
 * quantised while it is read. Tensors are read, packed and let go one by one. Parameters that are more than the weights of
 * products stay f32. Where the native kernels do not run, ONNX Runtime multiplies by codes of 4 bits (Q4_0, Q4_1, Q4_K) or 8
 * (Q8_0, and every other type requantised); experts and bf16 stay f32 there.
 *
 * @throws R1Error as `loadModel` does
 */
export async function loadQuantised(
  checkpoint: Checkpoint,
  options: LoadQuantisedOptions = {},
): Promise<QuantisedModel> {
  const { precision = 'file', kernels = true, variables = new Variables(), signal, onProgress } = options
  const native = kernels && canPack()
  if (precision === 'f32' || variables.device !== 'cpu' || (precision === 'bf16' && !native)) {
    return { ...(await loadModel(checkpoint, options)), stored: new Map() }
  }
  const model = modelOf(checkpoint.config)
  const { stored, jobs } = planOf(checkpoint, model, precision, native)
  const total = jobs.reduce((sum, { size }) => sum + size, 0)
  let done = 0
  // The largest first, so that one worker's memory alone grows to its size.
  const queue = [...jobs].sort((left, right) => right.size - left.size)
  const work = async () => {
    const scratch = new Scratch()
    try {
      for (let job = queue.shift(); job; job = queue.shift()) {
        if (signal?.aborted) throw new R1Error('aborted', 'Loading the model was stopped.', { cause: signal.reason })
        for (const [name, array] of await job.run(scratch)) variables.set(name, array)
        done += job.size
        onProgress?.(done, total)
      }
    } finally {
      queue.length = 0
      scratch.dispose()
    }
  }
  await Promise.all(Array.from({ length: workers }, work))
  return { model, variables, stored }
}
