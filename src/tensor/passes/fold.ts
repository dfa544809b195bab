import type { Graph, GraphNode, Tensor } from '../graph.ts'
import { reapply } from '../operator.ts'
import { constant, scalarValue } from '../ops/constant.ts'
import { broadcastTo } from '../ops/shape.ts'
import { sameShape } from '../shape.ts'
import { rewrite } from './rewrite.ts'

const scalarFunctions: Readonly<Record<string, (left: number, right: number) => number>> = {
  add: (left, right) => left + right,
  subtract: (left, right) => left - right,
  multiply: (left, right) => left * right,
  divide: (left, right) => left / right,
}

/** Value of the other operand that makes an operator return this one: x + 0, x − 0, x · 1, x / 1. */
const neutral: Readonly<Record<string, number>> = { add: 0, subtract: 0, multiply: 1, divide: 1 }
const commutative = new Set(['add', 'multiply'])

/** The value that fills a tensor, where it is a scalar constant or a `fill`. */
export function uniformValue(tensor: Tensor): number | undefined {
  return tensor.node.operator.name === 'fill' ? Number(tensor.node.attributes.value) : scalarValue(tensor)
}

/** The tensor before it was broadcast, where the other operand alone brings the full shape. */
function beforeBroadcast(tensor: Tensor, output: Tensor, others: readonly Tensor[]): Tensor {
  const fills = others.some((other) => other !== tensor && sameShape(other.shape, output.shape))
  const { operator, inputs } = tensor.node
  if (!fills) return tensor
  if (operator.name === 'broadcastTo') return inputs[0] as Tensor
  const value = operator.name === 'fill' ? uniformValue(tensor) : undefined
  return value === undefined ? tensor : constant(value, { dtype: tensor.dtype })
}

/**
 * Folds what is known when a graph is traced: arithmetic on scalar constants, neutral operands, products with zero, and
 * broadcasts that an elementwise operator does by itself. Results are the same bits, but for the sign of zeros.
 */
export function foldConstants(graph: Graph): Graph {
  return rewrite(graph, (node, inputs) => {
    const [output] = node.outputs
    if (!node.operator.broadcasts || !output) return undefined
    const slim = inputs.map((tensor) => beforeBroadcast(tensor, output, inputs))
    return [foldBinary(node, output, slim) ?? (reapply(node, slim)[0] as Tensor)]
  })
}

function foldBinary({ operator }: GraphNode, output: Tensor, inputs: readonly Tensor[]): Tensor | undefined {
  const [left, right] = inputs
  const evaluate = scalarFunctions[operator.name]
  if (!evaluate || !left || !right) return undefined
  const [a, b] = [scalarValue(left), scalarValue(right)]
  if (a !== undefined && b !== undefined && output.rank === 0 && output.dtype === 'f32') {
    return constant(Math.fround(evaluate(Math.fround(a), Math.fround(b))), { dtype: 'f32' })
  }
  const identity = neutral[operator.name]
  if (uniformValue(right) === identity) return broadcastTo(left, output.shape)
  if (commutative.has(operator.name) && uniformValue(left) === identity) return broadcastTo(right, output.shape)
  return undefined
}
