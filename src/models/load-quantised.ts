import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { R1Error } from '../errors.ts'
import { logitsOf, type Parameter, Scope } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import { allocate, free, type HostMemory } from '../runtime/memory.ts'
import { canPack, packedArray, packRows } from '../runtime/pack.ts'
import { Variables } from '../runtime/variables.ts'
import {
  expertStacks,
  fitsBlocks,
  type Graph,
  type QuantisedShape,
  type QuantisedType,
  type QuantisedVariables,
  quantisableVariables,
  quantisedTypes,
  type StoredMatrix,
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

/** What a model's parameters are read by, whichever way it is run. */
interface Readers {
  /** The parameters that products and gathers alone read. */
  readonly matrices: ReadonlySet<string>
  /** Experts' parameters, those of one product together. */
  readonly stacks: readonly (readonly string[])[]
}

function readersOf(model: Model): Readers {
  const compressed = model.cacheLayout.some((layer) => Object.values(layer).some(({ kind }) => kind === 'vectors'))
  const ways = (compressed ? ['expanded', 'absorbed'] : [undefined]) as ('expanded' | 'absorbed' | undefined)[]
  const tokens = { dtype: 'i64', shape: [1, 1] } as const
  const graphs = ways.map((latent) => {
    const body = (inputs: Readonly<Record<'ids' | 'positions', Tensor>>) => {
      const scope = new Scope()
      const { hidden } = model.forward(scope, inputs, { latent })
      return { y: model.hasHead ? logitsOf(model.head(scope, hidden)) : hidden }
    }
    return trace(body, { ids: tokens, positions: tokens }).graph
  })
  const [first, ...others] = graphs.map(quantisableVariables)
  const matrices = new Set([...(first ?? [])].filter((name) => others.every((names) => names.has(name))))
  return { matrices, stacks: expertStacks(graphs[0] as Graph) }
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

/** Packs matrices of one shape one after the other into one array. */
async function pack(checkpoint: Checkpoint, tasks: readonly Task[], scratch: Scratch): Promise<NDArray> {
  const { shape, floats } = tasks[0] as Task
  const target = packedArray(shape, tasks.length)
  const count = shape.rows * shape.columns
  for (const [matrix, { source }] of tasks.entries()) {
    const bytes = scratch.view(floats ? 4 * count : (checkpoint.tensors.get(source)?.byteLength ?? 0))
    if (floats) await checkpoint.readFloat32(source, new Float32Array(bytes.buffer, bytes.byteOffset, count))
    else await checkpoint.read(source, bytes)
    await packRows(target, shape, { bytes, floats, first: 0, count: shape.rows, matrix })
  }
  return target
}

async function readFloats(checkpoint: Checkpoint, source: string, shape: readonly number[]): Promise<NDArray> {
  const array = NDArray.zeros(shape)
  await checkpoint.readFloat32(source, array.data)
  return array
}

/** A variable that is to be read. */
interface Job {
  readonly name: string
  /** Elements of the checkpoint. */
  readonly size: number
  run(scratch: Scratch): Promise<NDArray>
}

interface Plan {
  readonly stored: QuantisedVariables
  readonly jobs: readonly Job[]
}

/** One name for the matrices of all experts: a star in the place of their numbers. */
function stackName([first = '', second = first]: readonly string[]): string {
  const others = second.split('.')
  const parts = first.split('.').map((part, at) => (part === others[at] ? part : '*'))
  return parts.includes('*') ? parts.join('.') : `${first}.*`
}

const elementsOf = (shape: readonly unknown[]): number =>
  shape.reduce<number>((size, extent) => size * Number(extent), 1)

/** Which parameters are packed alone, which in stacks, and which stay f32. */
function planOf(checkpoint: Checkpoint, model: Model, precision: WeightPrecision): Plan {
  const stored = new Map<string, StoredMatrix>()
  const jobs: Job[] = []
  const matched = matchTensors(checkpoint, model)
  const parameters = new Map([...matched.keys()].map((parameter) => [parameter.name, parameter]))
  const { matrices, stacks } = readersOf(model)
  const task = (parameter: Parameter) => taskOf(checkpoint, parameter, matched.get(parameter) as string, precision)
  for (const names of stacks) {
    const tasks = names.map((name) => task(parameters.get(name) as Parameter)).filter((known) => known !== undefined)
    const [first] = tasks
    if (!first || tasks.length < names.length || tasks.some(({ shape }) => shape.type !== first.shape.type)) continue
    const stack = { name: stackName(names), count: names.length }
    for (const [index, { name, shape }] of tasks.entries()) stored.set(name, { ...shape, stack: { ...stack, index } })
    const size = names.length * first.shape.rows * first.shape.columns
    jobs.push({ name: stack.name, size, run: (scratch) => pack(checkpoint, tasks, scratch) })
  }
  for (const [parameter, source] of matched) {
    const { name, tensor } = parameter
    if (stored.has(name)) continue
    const own = matrices.has(name) ? task(parameter) : undefined
    if (own) stored.set(name, own.shape)
    const shape = tensor.shape as readonly number[]
    const run = (scratch: Scratch) => (own ? pack(checkpoint, [own], scratch) : readFloats(checkpoint, source, shape))
    jobs.push({ name, size: elementsOf(shape), run })
  }
  return { stored, jobs }
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
  const { stored, jobs } = planOf(checkpoint, model, precision)
  const total = jobs.reduce((sum, { size }) => sum + size, 0)
  let done = 0
  // The largest first, so that one worker's memory alone grows to its size.
  const queue = [...jobs].sort((left, right) => right.size - left.size)
  const work = async () => {
    const scratch = new Scratch()
    try {
      for (let job = queue.shift(); job; job = queue.shift()) {
        if (signal?.aborted) throw new R1Error('aborted', 'Loading the model was stopped.', { cause: signal.reason })
        variables.set(job.name, await job.run(scratch))
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
