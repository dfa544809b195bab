import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { R1Error } from '../errors.ts'
import { logitsOf, type Parameter, Scope } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import { allocate, free, type HostMemory } from '../runtime/memory.ts'
import { canPack, packedArray, packRows } from '../runtime/pack.ts'
import { Variables } from '../runtime/variables.ts'
import {
  fitsBlocks,
  type QuantisedShape,
  type QuantisedType,
  type QuantisedVariables,
  quantisableVariables,
  quantisedTypes,
  type Tensor,
  trace,
} from '../tensor/index.ts'
import { modelOf } from './families.ts'
import { type LoadedModel, type LoadOptions, loadModel, matchTensors } from './load.ts'
import type { Model } from './model.ts'

/**
 * How weights of products are kept: `file` in the blocks that the checkpoint has (f32 where it has none), `int8` and `int4`
 * in blocks of 32 with a scale each (int4 with an offset too), `f32` as numbers.
 */
export type WeightPrecision = 'file' | 'int8' | 'int4' | 'f32'

/** A model whose products may have weights in packed blocks. */
export interface QuantisedModel extends LoadedModel {
  /** The parameters that are kept packed: what `quantiseProducts` needs to know of the variables. */
  readonly stored: QuantisedVariables
}

export interface LoadQuantisedOptions extends LoadOptions {
  readonly precision?: WeightPrecision
}

const requantised: Partial<Record<WeightPrecision, QuantisedType>> = { int8: 'Q8_0', int4: 'Q4_1' }

/** Tensors that are read and packed side by side. */
const workers = 3

/** The parameters that every way of running the model reads by products and gathers only. */
function quantisableParameters(model: Model): ReadonlySet<string> {
  const compressed = model.cacheLayout.some((layer) => Object.values(layer).some(({ kind }) => kind === 'vectors'))
  const ways = (compressed ? ['expanded', 'absorbed'] : [undefined]) as ('expanded' | 'absorbed' | undefined)[]
  const tokens = { dtype: 'i64', shape: [1, 1] } as const
  const [first, ...others] = ways.map((latent) => {
    const body = (inputs: Readonly<Record<'ids' | 'positions', Tensor>>) => {
      const scope = new Scope()
      const { hidden } = model.forward(scope, inputs, { latent })
      return { y: model.hasHead ? logitsOf(model.head(scope, hidden)) : hidden }
    }
    return quantisableVariables(trace(body, { ids: tokens, positions: tokens }).graph)
  })
  return new Set([...(first ?? [])].filter((name) => others.every((names) => names.has(name))))
}

/** A tensor to be packed. */
interface Task {
  readonly name: string
  readonly source: string
  readonly shape: QuantisedShape
  /** The checkpoint's tensor is read as f32 and quantised here. */
  readonly floats: boolean
}

function taskOf(
  checkpoint: Checkpoint,
  parameter: Parameter,
  source: string,
  precision: WeightPrecision,
): Task | undefined {
  const { name, tensor } = parameter
  const [rows, columns] = tensor.shape as readonly number[]
  const own = quantisedTypes.find((known) => known === checkpoint.tensors.get(source)?.dtype)
  const type = precision === 'file' ? own : requantised[precision]
  if (tensor.rank !== 2 || !type || !rows || !columns || !fitsBlocks(type, columns)) return undefined
  return { name, source, shape: { type, rows, columns }, floats: type !== own }
}

/** Memory that grows with what is read into it, one for each worker. */
class Scratch {
  private memory: HostMemory = allocate(0)

  view(byteLength: number): Uint8Array {
    if (this.memory.byteLength < byteLength) {
      free(this.memory)
      this.memory = allocate(byteLength)
    }
    return new Uint8Array(this.memory.buffer, this.memory.byteOffset, byteLength)
  }

  dispose(): void {
    free(this.memory)
  }
}

async function pack(checkpoint: Checkpoint, { source, shape, floats }: Task, scratch: Scratch): Promise<NDArray> {
  const target = packedArray(shape)
  const count = shape.rows * shape.columns
  const bytes = scratch.view(floats ? 4 * count : (checkpoint.tensors.get(source)?.byteLength ?? 0))
  if (floats) await checkpoint.readFloat32(source, new Float32Array(bytes.buffer, bytes.byteOffset, count))
  else await checkpoint.read(source, bytes)
  await packRows(target, shape, { bytes, floats, first: 0, count: shape.rows })
  return target
}

/**
 * Loads a model with its weights kept in packed blocks: a quantised GGUF file runs with its own numbers, anything else is
 * quantised while it is read. Tensors are read, packed and let go one by one. Parameters that are more than the weights of
 * products stay f32, and so does everything where the native kernels do not run.
 *
 * @throws R1Error as `loadModel` does
 */
export async function loadQuantised(
  checkpoint: Checkpoint,
  options: LoadQuantisedOptions = {},
): Promise<QuantisedModel> {
  const { precision = 'file', variables = new Variables(), signal, onProgress } = options
  if (precision === 'f32' || !canPack() || variables.device !== 'cpu') {
    return { ...(await loadModel(checkpoint, options)), stored: new Map() }
  }
  const model = modelOf(checkpoint.config)
  const quantisable = quantisableParameters(model)
  const stored = new Map<string, QuantisedShape>()
  const jobs: { size: number; run(scratch: Scratch): Promise<readonly [string, NDArray]> }[] = []
  for (const [parameter, source] of matchTensors(checkpoint, model)) {
    const { name, tensor } = parameter
    const size = tensor.shape.reduce<number>((product, extent) => product * Number(extent), 1)
    const task = quantisable.has(name) ? taskOf(checkpoint, parameter, source, precision) : undefined
    if (task) stored.set(name, task.shape)
    const asFloats = async () => {
      const array = NDArray.zeros(tensor.shape as readonly number[])
      await checkpoint.readFloat32(source, array.data)
      return array
    }
    jobs.push({ size, run: async (scratch) => [name, await (task ? pack(checkpoint, task, scratch) : asFloats())] })
  }
  const total = jobs.reduce((sum, { size }) => sum + size, 0)
  let done = 0
  // The largest first, so that one worker's memory alone grows to its size.
  const queue = jobs.sort((left, right) => right.size - left.size)
  const work = async () => {
    const scratch = new Scratch()
    try {
      for (let job = queue.shift(); job; job = queue.shift()) {
        if (signal?.aborted) throw new R1Error('aborted', 'Loading the model was stopped.', { cause: signal.reason })
        const [name, array] = await job.run(scratch)
        variables.set(name, array)
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
