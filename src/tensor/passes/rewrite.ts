import { type Graph, type GraphNode, reachableNodes, type Tensor } from '../graph.ts'
import { reapply } from '../operator.ts'
import { inputOperator } from '../trace.ts'

/** A change of a graph that leaves its meaning. */
export type Pass = (graph: Graph) => Graph

/** What a node becomes; undefined keeps it. */
export type Visit = (
  node: GraphNode,
  inputs: readonly Tensor[],
  now: (tensor: Tensor) => Tensor,
) => readonly Tensor[] | undefined

/**
 * Builds a graph anew, node by node in its order; what nothing needs is left out.
 *
 * @param visit outputs to put in the place of a node's, given its inputs in the new graph and a way to find others there;
 *   undefined keeps the node
 */
export function rewrite(graph: Graph, visit: Visit): Graph {
  const mapped = new Map<Tensor, Tensor>(graph.inputs.map((tensor) => [tensor, tensor]))
  const now = (tensor: Tensor): Tensor => mapped.get(tensor) ?? tensor
  for (const node of graph.nodes) {
    if (node.operator === inputOperator) continue
    const inputs = node.inputs.map(now)
    const outputs = visit(node, inputs, now) ?? reapply(node, inputs)
    for (const [index, output] of node.outputs.entries()) mapped.set(output, outputs[index] as Tensor)
  }
  const outputs = graph.outputs.map(now)
  const assignments = graph.assignments.map(({ target, value }) => ({ target, value: now(value) }))
  return { inputs: graph.inputs, outputs, nodes: reachableNodes(outputs), assignments }
}
