import type { Graph, GraphNode, Tensor } from '../graph.ts'
import { apply, type Target } from '../operator.ts'
import { scatterAddRowsOperator } from '../ops/indexing.ts'
import { type MatmulAttributes, matmulAddOperator, matmulOperator } from '../ops/matmul.ts'
import { type MatmulSumAttributes, matmulSumOperator } from '../ops/matmul-many.ts'
import { rmsNormGradientOperator } from '../ops/norm.ts'
import { reshape } from '../ops/shape.ts'
import { sameShape } from '../shape.ts'
import { loweringOf } from './expand.ts'
import { uniformValue } from './fold.ts'
import { rewrite } from './rewrite.ts'
import { beforeReshape, countUses } from './uses.ts'

/** Whether the kernel of a node can add a tensor to its first output. */
function canAdd(node: GraphNode, target: Target): boolean {
  if (loweringOf(node, target) !== 'kernel') return false
  const { operator, inputs, attributes } = node
  if (operator === scatterAddRowsOperator) return uniformValue(inputs[0] as Tensor) === 0
  if (operator === matmulSumOperator) return inputs.length === 2 * (attributes as MatmulSumAttributes).terms
  return operator === matmulOperator || (operator === rmsNormGradientOperator && inputs.length === 4)
}

/** The outputs of `node` with `added` put onto the first. */
function withAddition(node: GraphNode, inputs: readonly Tensor[], added: Tensor): readonly Tensor[] {
  if (node.operator === scatterAddRowsOperator) return apply(scatterAddRowsOperator, [added, ...inputs.slice(1)], {})
  if (node.operator === matmulSumOperator) {
    return apply(matmulSumOperator, [...inputs, added], node.attributes as MatmulSumAttributes)
  }
  return node.operator === matmulOperator
    ? apply(matmulAddOperator, [...inputs, added], node.attributes as MatmulAttributes)
    : apply(rmsNormGradientOperator, [...inputs, added], {})
}

/**
 * Puts additions into the kernels that can do them on the way: a product plus a residual or an accumulated gradient, and
 * the gradient of a norm plus the gradient of the residual beside it, and rows scattered onto a table.
 *
 * @param graph with composites expanded for the target
 */
export function fuseAdditions(graph: Graph, target: Target): Graph {
  const uses = countUses(graph)
  /** What each node adds, and the operand of each addition that brings the sum already. */
  const additions = new Map<GraphNode, Tensor>()
  const done = new Map<GraphNode, number>()
  for (const node of graph.nodes) {
    const [left, right] = node.inputs
    if (node.operator.name !== 'add' || !left || !right || !sameShape(left.shape, right.shape)) continue
    const at = [right, left].findIndex((operand, index) => {
      const inner = beforeReshape(operand)
      const added = index === 0 ? left : right
      const readOnce = uses.get(operand) === 1 && (inner === operand || uses.get(inner) === 1)
      return readOnce && inner.index === 0 && added.node.id < inner.node.id && canAdd(inner.node, target)
    })
    if (at < 0) continue
    const operand = at === 0 ? 1 : 0
    done.set(node, operand)
    additions.set(beforeReshape(node.inputs[operand] as Tensor).node, node.inputs[1 - operand] as Tensor)
  }
  return rewrite(graph, (node, inputs, now) => {
    const operand = done.get(node)
    if (operand !== undefined) return [inputs[operand] as Tensor]
    const added = additions.get(node)
    const shape = node.outputs[0]?.shape
    return added && shape ? withAddition(node, inputs, reshape(now(added), shape)) : undefined
  })
}
