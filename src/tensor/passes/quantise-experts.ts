import type { GraphNode, Tensor } from '../graph.ts'
import { groupedMatmulQuantised, type QuantisedStack } from '../ops/matmul-quantised-grouped.ts'
import { takesStack } from './quantise-readers.ts'
import type { PackedVariable } from './quantise-stored.ts'

type Packed = ReadonlyMap<Tensor, PackedVariable>

/** The stack that a product of experts reads, where it reads all of one in its order. */
function stackOf(node: GraphNode, packed: Packed): QuantisedStack | undefined {
  if (!takesStack(node, 2)) return undefined
  const weights = node.inputs.slice(2).map((tensor) => packed.get(tensor))
  const [first] = weights
  const stack = first?.shape.stack
  if (!first || stack?.count !== weights.length) return undefined
  const whole = weights.every((weight, at) => weight?.tensor === first.tensor && weight.shape.stack?.index === at)
  return whole ? { packed: first.tensor, type: first.shape.type, rows: first.shape.rows } : undefined
}

/**
 * What a node becomes whose experts are kept in stacks: a product by one stack, or the gated unit of two.
 *
 * @param now finds tensors in the new graph
 */
export function multiplyByStacks(
  node: GraphNode,
  packed: Packed,
  now: (tensor: Tensor) => Tensor,
): readonly Tensor[] | undefined {
  const gated = node.operator.name === 'swiglu' && node.inputs.length === 2
  const products = gated ? node.inputs.map((tensor) => tensor.node) : [node]
  const stacks = products.map((product) => stackOf(product, packed))
  const [first, second] = products
  const [a, offsets] = (first?.inputs ?? []) as readonly [Tensor, Tensor]
  const shared = !second || (second.inputs[0] === a && second.inputs[1] === offsets)
  if (!shared || !stacks.every((stack) => stack !== undefined)) return undefined
  return groupedMatmulQuantised(now(a), stacks, now(offsets), { activation: gated ? 'silu' : 'none' })
}
