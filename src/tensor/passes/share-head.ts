import { type Graph, type GraphNode, reachableNodes, type Tensor } from '../graph.ts'
import { apply, reapply, type Target } from '../operator.ts'
import { linearCrossEntropyGradientOperator, linearCrossEntropyOperator } from '../ops/loss.ts'
import { inputOperator } from '../trace.ts'
import { loweringOf } from './expand.ts'
import { rewrite } from './rewrite.ts'

/**
 * Makes the logits of a training step once: where the gradient of the head does not need the loss itself, its kernel gives
 * the loss by the way, and the forward kernel is left out.
 *
 * @param graph with composites expanded for the target
 */
export function shareHead(graph: Graph, target: Target): Graph {
  const gradientOf = new Map<GraphNode, GraphNode>()
  for (const node of graph.nodes) {
    if (node.operator !== linearCrossEntropyGradientOperator || loweringOf(node, target) !== 'kernel') continue
    const forward = graph.nodes.find((other) => isForwardOf(other, node))
    if (!forward) continue
    const [dLoss, , , , dEntropy] = node.inputs
    const needed = reachableNodes(dEntropy ? [dLoss as Tensor, dEntropy] : [dLoss as Tensor])
    if (!needed.includes(forward)) gradientOf.set(forward, node)
  }
  const shared = new Map<GraphNode, readonly Tensor[]>()
  return rewrite(graph, (node, _, now) => {
    const gradient = gradientOf.get(node)
    if (!gradient) return shared.get(node)
    const outputs = apply(linearCrossEntropyGradientOperator, hoist(gradient.inputs, now), gradient.attributes as never)
    shared.set(gradient, outputs)
    return outputs.slice(2)
  })
}

function isForwardOf(node: GraphNode, gradient: GraphNode): boolean {
  const [, ...shared] = gradient.inputs
  return (
    node.operator === linearCrossEntropyOperator &&
    node.inputs.every((tensor, index) => tensor === shared[index]) &&
    JSON.stringify(node.attributes) === JSON.stringify(gradient.attributes)
  )
}

/** The tensors in the new graph; what has not been computed there yet is computed now. */
function hoist(tensors: readonly Tensor[], now: (tensor: Tensor) => Tensor): Tensor[] {
  const made = new Map<Tensor, Tensor>()
  const find = (tensor: Tensor): Tensor => made.get(tensor) ?? now(tensor)
  for (const node of reachableNodes(tensors)) {
    const first = node.outputs[0] as Tensor
    if (node.operator === inputOperator || now(first) !== first) continue
    const outputs = reapply(node, node.inputs.map(find))
    for (const [index, output] of node.outputs.entries()) made.set(output, outputs[index] as Tensor)
  }
  return tensors.map(find)
}
