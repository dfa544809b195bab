import type { Assignment, Graph, GraphNode, Tensor } from '../tensor/graph.ts'

/**
 * Which state updates may be written straight over the memory they replace. An update may if the operator that computes
 * it depends on each element of the target alone, and everyone else who reads the target is needed for the update and so
 * has run before. All others get a second buffer.
 *
 * @param graph in the form that is lowered
 */
export function inPlaceAssignments(graph: Graph): ReadonlySet<Assignment> {
  const readers = new Map<Tensor, GraphNode[]>()
  for (const node of graph.nodes) {
    for (const tensor of node.inputs) {
      const list = readers.get(tensor)
      if (list) list.push(node)
      else readers.set(tensor, [node])
    }
  }
  const outputs = new Set(graph.outputs)
  const ancestors = new Map<GraphNode, ReadonlySet<GraphNode>>()
  return new Set(
    graph.assignments.filter(({ target, value }) => {
      const writer = value.node
      if (!writer.operator.elementwise || outputs.has(target)) return false
      let needed = ancestors.get(writer)
      if (!needed) {
        needed = ancestorsOf(writer)
        ancestors.set(writer, needed)
      }
      const past = needed
      return (readers.get(target) ?? []).every((reader) => reader === writer || past.has(reader))
    }),
  )
}

function ancestorsOf(node: GraphNode): ReadonlySet<GraphNode> {
  const seen = new Set<GraphNode>()
  const stack = [...node.inputs]
  for (let tensor = stack.pop(); tensor; tensor = stack.pop()) {
    if (seen.has(tensor.node)) continue
    seen.add(tensor.node)
    stack.push(...tensor.node.inputs)
  }
  return seen
}
