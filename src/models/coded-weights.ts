import { codedNames, type ScopeOptions } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import { copyTo } from '../runtime/transfer.ts'
import type { Variables } from '../runtime/variables.ts'
import { type CodeFormat, decodeInt8, decodeNF4, encodeInt8, encodeNF4 } from '../tensor/index.ts'
import type { LoadedModel } from './load.ts'
import type { Model } from './model.ts'

/*
 * Frozen weights stored as codes of NF4 or int8, under the adapters that are trained (QLoRA, Dettmers et al. 2023,
 * arXiv:2305.14314). Two variables take the place of one: codes and scales.
 */

/** A weight that is stored as codes. */
export interface CodedWeight {
  readonly name: string
  readonly format: CodeFormat
  /** The graph reads the weight itself, too. */
  readonly plain: boolean
}

/** The weights that a model traced with these options reads as codes, by name. */
export function codedWeights(model: Model, scope: ScopeOptions = {}): ReadonlyMap<string, CodedWeight> {
  const format = scope.adapter?.base
  if (!format) return new Map()
  const read = new Set(model.parameters(scope).map(({ name }) => name))
  const stored = model.parameters().filter(({ name }) => read.has(codedNames.codes(name)))
  return new Map(stored.map(({ name }) => [name, { name, format, plain: read.has(name) }]))
}

/** Keeps codes and scales of a weight whose numbers `[rows, columns]` lie on the CPU. */
export function storeAsCodes(variables: Variables, { name, format }: CodedWeight, array: NDArray<'f32'>): void {
  const [rows, columns] = array.shape as readonly [number, number]
  const { codes, scales } = format === 'nf4' ? encodeNF4(array.data) : encodeInt8(array.data, columns)
  const stored =
    format === 'nf4' ? NDArray.from(codes, [rows, columns / 2], 'u8') : NDArray.from(codes, [rows, columns], 'i8')
  variables.put(codedNames.codes(name), stored)
  variables.put(codedNames.scales(name), NDArray.from(scales))
}

/** Stores the weights of a model in memory as a scope with these options reads them. */
export function encodeWeights({ model, variables }: LoadedModel, scope: ScopeOptions): void {
  const coded = codedWeights(model, scope)
  for (const { name, tensor } of model.parameters()) {
    const weight = coded.get(name)
    if (!weight) continue
    using numbers = onCpu(variables.ensure(tensor, name)) as NDArray<'f32'>
    storeAsCodes(variables, weight, numbers)
    if (!weight.plain) variables.delete(name)
  }
}

const onCpu = (array: NDArray): NDArray => copyTo(array, 'cpu')

/** The numbers that a weight's codes stand for, in memory of their own; undefined where it is not stored as codes. */
export function decodedWeight(variables: Variables, weight: string): Float32Array | undefined {
  const [codes, scales] = [codedNames.codes(weight), codedNames.scales(weight)].map((name) => variables.get(name))
  if (!codes || !scales) return undefined
  using numbers = onCpu(scales) as NDArray<'f32'>
  using stored = onCpu(codes) as NDArray<'u8'> | NDArray<'i8'>
  return stored.dtype === 'u8'
    ? decodeNF4({ codes: stored.data as Uint8Array, scales: numbers.data })
    : decodeInt8({ codes: stored.data as Int8Array, scales: numbers.data }, stored.shape[1] as number)
}
