import { createNode, type Graph, type Tensor } from '../graph.ts'
import { packedExpert } from '../ops/matmul-quantised-grouped.ts'
import type { CodeBits } from '../ops/matmul-stock-quantised.ts'
import { dequantise, type QuantisedShape, quantisedBytes } from '../ops/quantised-layout.ts'
import { inputOperator } from '../trace.ts'

/** The place of an expert's matrix among those that are kept in one array. */
export interface StackPlace {
  /** Name of the variable that holds them all. */
  readonly name: string
  readonly index: number
  readonly count: number
}

/** A matrix as codes for ONNX Runtime's own operator. */
export interface StockForm {
  readonly bits: CodeBits
  /** Whether blocks have offsets. */
  readonly offsets: boolean
}

/** How a matrix is kept: in packed blocks, in a variable of its own name or in a stack; or as codes, in several variables. */
export type StoredMatrix = QuantisedShape & { readonly stack?: StackPlace; readonly stock?: StockForm }

/** The variables of a matrix that is kept as codes. */
export const stockNames = (name: string) => ({ codes: name, scales: `${name}.scales`, offsets: `${name}.offsets` })

/** Which variables are kept in packed blocks, by name. */
export type QuantisedVariables = ReadonlyMap<string, StoredMatrix>

/** A variable in its packed form. */
export interface PackedVariable {
  /** u8: the matrix, or the stack that it is in */
  readonly tensor: Tensor
  readonly shape: StoredMatrix
}

function bytesVariable(name: string, bytes: number): Tensor {
  const attributes = { name, variable: true, kind: 'zeros' }
  return createNode(inputOperator, [], attributes, [{ dtype: 'u8', shape: [bytes] }], undefined).outputs[0] as Tensor
}

/** The packed form of every f32 variable of a graph that has one. */
export function packedVariables(graph: Graph, stored: QuantisedVariables): ReadonlyMap<Tensor, PackedVariable> {
  const byName = new Map<string, Tensor>()
  const packed = new Map<Tensor, PackedVariable>()
  for (const variable of graph.inputs) {
    const own = String(variable.node.attributes.name)
    const shape = variable.node.attributes.variable ? stored.get(own) : undefined
    if (!shape) continue
    const [name, matrices] = shape.stack ? [shape.stack.name, shape.stack.count] : [own, 1]
    const tensor = byName.get(name) ?? bytesVariable(name, matrices * quantisedBytes(shape))
    byName.set(name, tensor)
    packed.set(variable, { tensor, shape })
  }
  return packed
}

/** The numbers of a packed variable, `[N, K]`. */
export function numbersOf({ tensor, shape }: PackedVariable): Tensor {
  const { stack, type, rows, columns } = shape
  const matrix = { type, rows, columns }
  return dequantise(stack ? packedExpert(tensor, matrix, stack.index) : tensor, matrix)
}
