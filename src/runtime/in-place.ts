import type { Assignment, Graph, GraphNode, Tensor } from '../tensor/graph.ts'

/**
 * Which state updates may be written straight over the memory they replace. An update may if the operator that computes
 * it depends on each element of the target alone, or is made to update its input, and everyone else who reads the target is needed for the update and so
 * has run before. All others get a second buffer.
 *
 * @param graph in the form that is lowered
 */
export function inPlaceAssignments(graph: Graph): ReadonlySet<Assignment> {
  const readers = readersOf(graph)
  const past = pastReaders(graph, readers)
  const outputs = new Set(graph.outputs)
  return new Set(
    graph.assignments.filter(({ target, value }) => {
      const writer = value.node
      const { elementwise, overwrites } = writer.operator
      if (!(elementwise || overwrites) || outputs.has(target)) return false
      return (readers.get(target) ?? []).every((reader) => reader === writer || past(writer, reader))
    }),
  )
}

/** The nodes that read each assigned input. */
function readersOf(graph: Graph): Map<Tensor, GraphNode[]> {
  const readers = new Map<Tensor, GraphNode[]>(graph.assignments.map(({ target }) => [target, []]))
  for (const node of graph.nodes) {
    for (const tensor of node.inputs) readers.get(tensor)?.push(node)
  }
  return readers
}

/** Tells whether a reader is among the nodes that another node needs: one bit a reader, passed on from node to node. */
function pastReaders(graph: Graph, readers: ReadonlyMap<Tensor, readonly GraphNode[]>) {
  const bits = new Map<GraphNode, number>()
  for (const list of readers.values()) for (const reader of list) if (!bits.has(reader)) bits.set(reader, bits.size)
  const words = Math.ceil(bits.size / 32)
  const sets = new Map<GraphNode, Uint32Array>()
  for (const node of graph.nodes) {
    const set = new Uint32Array(words)
    for (const { node: before } of node.inputs) {
      const earlier = sets.get(before)
      if (earlier)
        for (let word = 0; word < words; word++) set[word] = (set[word] as number) | (earlier[word] as number)
      const bit = bits.get(before)
      if (bit !== undefined) set[bit >>> 5] = (set[bit >>> 5] as number) | (1 << (bit & 31))
    }
    sets.set(node, set)
  }
  return (node: GraphNode, reader: GraphNode): boolean => {
    const bit = bits.get(reader) as number
    return (((sets.get(node)?.[bit >>> 5] as number) >>> (bit & 31)) & 1) === 1
  }
}
