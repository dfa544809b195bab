import type { Graph, GraphNode, Tensor } from '../graph.ts'
import { type MatmulAttributes, matmulOperator } from '../ops/matmul.ts'
import { groupedMatmulOperator } from '../ops/matmul-grouped.ts'
import { matmulLoraOperator } from '../ops/matmul-lora.ts'

/** Whether a node can read its input in packed blocks: as the transposed right side of a product, or row by row. */
export function takesPacked({ operator, attributes, inputs }: GraphNode, index: number): boolean {
  if (operator.name === 'gather') return index === 0 && attributes.axis === 0 && inputs[1]?.dtype === 'i64'
  const { transposeA, transposeB, alpha } = attributes as Partial<MatmulAttributes>
  return operator === matmulOperator && index === 1 && !transposeA && transposeB === true && alpha === 1
}

/** Whether the input is a weight that the node multiplies by beside an adapter. */
export const isAdapted = ({ operator }: GraphNode, index: number): boolean =>
  operator.name === matmulLoraOperator.name && index % 3 === 1

/** Whether a node can read its input in a stack: as the matrix of one of its experts. */
export const takesStack = ({ operator, attributes }: GraphNode, index: number): boolean =>
  operator === groupedMatmulOperator && index >= 2 && attributes.transposeB === true

/** The matrix whose products decide between experts; these are few numbers, and a choice has no small error. */
function routerOf({ operator, inputs }: GraphNode): Tensor | undefined {
  const from = inputs[0]?.node
  const decides = operator.name === 'softmax' || operator.name === 'sigmoid'
  return decides && from?.operator === matmulOperator ? from.inputs[1] : undefined
}

/** The matrices among the parameters that are read in the given way only. */
function readOnly(graph: Graph, takes: (node: GraphNode, index: number) => boolean): ReadonlySet<Tensor> {
  const refused = new Set<Tensor | undefined>(graph.outputs)
  for (const node of graph.nodes) {
    refused.add(routerOf(node))
    for (const [index, tensor] of node.inputs.entries()) if (!takes(node, index)) refused.add(tensor)
  }
  return new Set(
    graph.inputs.filter((tensor) => tensor.rank === 2 && tensor.node.attributes.variable && !refused.has(tensor)),
  )
}

const nameOf = (tensor: Tensor): string => String(tensor.node.attributes.name)

/**
 * The parameters that only products by their transpose and gathers of their rows read: what can be kept in packed blocks.
 * Those that choose experts are left out.
 */
export function quantisableVariables(graph: Graph): ReadonlySet<string> {
  return new Set([...readOnly(graph, (node, index) => takesPacked(node, index) || isAdapted(node, index))].map(nameOf))
}

/** The experts' matrices that only products of experts read, by product: what can be kept in stacks. */
export function expertStacks(graph: Graph): readonly (readonly string[])[] {
  const matrices = readOnly(graph, takesStack)
  return graph.nodes.flatMap((node) => {
    const weights = node.inputs.slice(2)
    const all = takesStack(node, 2) && weights.every((tensor) => matrices.has(tensor))
    return all ? [weights.map(nameOf)] : []
  })
}
