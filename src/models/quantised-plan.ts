import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { codesOfBlocks, codesOfFloats, exactCodes, hasOffsets, isExactType } from '../checkpoint/ggml/codes.ts'
import { logitsOf, type Parameter, Scope } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import { allocate, free, type HostMemory } from '../runtime/memory.ts'
import { packedArray, packRows } from '../runtime/pack.ts'
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
  stockBlock,
  stockNames,
  type Tensor,
  trace,
} from '../tensor/index.ts'
import { matchTensors } from './load.ts'
import type { Model } from './model.ts'
import type { WeightPrecision } from './weight-precision.ts'

const requantised: Partial<Record<WeightPrecision, QuantisedType>> = { int8: 'Q8_0', int4: 'Q4_1', bf16: 'BF16' }

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
  // A file of bf16 numbers is one of numbers, not of blocks.
  const type = precision === 'file' ? (own === 'BF16' ? undefined : own) : requantised[precision]
  if (tensor.rank !== 2 || !type || !rows || !columns || !fitsBlocks(type, columns)) return undefined
  return { name, source, shape: { type, rows, columns }, floats: type !== own }
}

/** Memory that grows with what is read into it, one for each worker. */
export class Scratch {
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

/** A variable by its name. */
type Named = readonly [name: string, array: NDArray]

/** A tensor as codes for ONNX Runtime's own operator. */
async function encode(checkpoint: Checkpoint, { name, source, shape }: Task, stored: StoredMatrix): Promise<Named[]> {
  const { rows, columns, stock } = stored
  const dtype = checkpoint.tensors.get(source)?.dtype ?? ''
  const blocks =
    isExactType(dtype) && shape.type === dtype
      ? codesOfBlocks(dtype, await checkpoint.read(source), rows * columns)
      : codesOfFloats(stock?.bits ?? 8, await checkpoint.readFloat32(source))
  const size = [rows, columns / stockBlock]
  const names = stockNames(name)
  const arrays: Named[] = [
    [names.codes, NDArray.from(blocks.codes, [...size, 4 * blocks.bits], 'u8')],
    [names.scales, NDArray.from(blocks.scales, size)],
  ]
  return blocks.offsets ? [...arrays, [names.offsets, NDArray.from(blocks.offsets, size)]] : arrays
}

/** Variables that are to be read together. */
interface Job {
  /** Elements of the checkpoint. */
  readonly size: number
  run(scratch: Scratch): Promise<readonly Named[]>
}

/** How a model is read. */
export interface LoadPlan {
  readonly stored: QuantisedVariables
  readonly jobs: readonly Job[]
}

/** One name for the matrices of all experts: a star in the place of their numbers. */
function stackName([first = '', second = first]: readonly string[]): string {
  const others = second.split('.')
  const parts = first.split('.').map((part, at) => (part === others[at] ? part : '*'))
  return parts.includes('*') ? parts.join('.') : `${first}.*`
}

const elementsOf = (shape: readonly number[]): number => shape.reduce((size, extent) => size * extent, 1)

/** A matrix as codes: exactly where codes can hold its blocks, and otherwise in 8 bits. */
function codedShape({ shape }: Task): StoredMatrix {
  const { type } = shape
  if (isExactType(type)) return { ...shape, stock: { bits: exactCodes[type], offsets: hasOffsets(type) } }
  return { ...shape, stock: { bits: 8, offsets: false } }
}

/**
 * Which parameters are kept in blocks and how, and which stay f32.
 *
 * @param native whether the native kernels run; without them there are no stacks, and codes for ONNX Runtime in the place of blocks
 */
export function planOf(checkpoint: Checkpoint, model: Model, precision: WeightPrecision, native: boolean): LoadPlan {
  const stored = new Map<string, StoredMatrix>()
  const jobs: Job[] = []
  const matched = matchTensors(checkpoint, model)
  const parameters = new Map([...matched.keys()].map((parameter) => [parameter.name, parameter]))
  const { matrices, stacks } = readersOf(model)
  const task = (parameter: Parameter) => taskOf(checkpoint, parameter, matched.get(parameter) as string, precision)
  for (const names of native ? stacks : []) {
    const tasks = names.map((name) => task(parameters.get(name) as Parameter)).filter((known) => known !== undefined)
    const [first] = tasks
    if (!first || tasks.length < names.length || tasks.some(({ shape }) => shape.type !== first.shape.type)) continue
    const stack = { name: stackName(names), count: names.length }
    for (const [index, { name, shape }] of tasks.entries()) stored.set(name, { ...shape, stack: { ...stack, index } })
    const size = names.length * first.shape.rows * first.shape.columns
    jobs.push({ size, run: async (scratch) => [[stack.name, await pack(checkpoint, tasks, scratch)]] })
  }
  for (const [parameter, source] of matched) {
    const { name, tensor } = parameter
    if (stored.has(name)) continue
    const shape = tensor.shape as readonly number[]
    const own = matrices.has(name) ? task(parameter) : undefined
    const size = elementsOf(shape)
    if (own) {
      const matrix = native ? own.shape : codedShape(own)
      stored.set(name, matrix)
      const run = async (scratch: Scratch): Promise<readonly Named[]> =>
        native ? [[name, await pack(checkpoint, [own], scratch)]] : await encode(checkpoint, own, matrix)
      jobs.push({ size, run })
    } else jobs.push({ size, run: async () => [[name, await readFloats(checkpoint, source, shape)]] })
  }
  return { stored, jobs }
}
