import type { Graph, Tensor } from '../graph.ts'

/** How many readers each tensor has; an output of the graph counts as one. */
export function countUses(graph: Graph): ReadonlyMap<Tensor, number> {
  const uses = new Map<Tensor, number>()
  const count = (tensor: Tensor) => uses.set(tensor, (uses.get(tensor) ?? 0) + 1)
  for (const node of graph.nodes) for (const tensor of node.inputs) count(tensor)
  for (const tensor of graph.outputs) count(tensor)
  return uses
}

/** The tensor before a reshape. */
export function beforeReshape(tensor: Tensor): Tensor {
  return tensor.node.operator.name === 'reshape' ? (tensor.node.inputs[0] as Tensor) : tensor
}
