import type { Graph, GraphNode, Tensor } from '../graph.ts'
import { rewrite, type Visit } from './rewrite.ts'

/** Nodes that one node will stand for. */
export interface NodeGroup {
  readonly members: readonly GraphNode[]
  /**
   * Makes the one node.
   *
   * @param now finds what a tensor has become
   * @returns the outputs of each member, in their order
   */
  merge(now: (tensor: Tensor) => Tensor): readonly (readonly Tensor[])[]
}

/** A node, or all members of a group, waiting for what it needs. */
interface Unit {
  readonly nodes: readonly GraphNode[]
  readonly needs: readonly GraphNode[]
  next: number
}

/** The nodes in an order that computes the members of each group one after the other; or a group that needs itself. */
function orderOf(graph: Graph, groups: ReadonlyMap<GraphNode, NodeGroup>): readonly GraphNode[] | NodeGroup {
  const order: GraphNode[] = []
  const done = new Set<GraphNode>()
  const begun = new Set<GraphNode>()
  const unitOf = (node: GraphNode): Unit => {
    const nodes = groups.get(node)?.members ?? [node]
    for (const member of nodes) begun.add(member)
    return { nodes, needs: nodes.flatMap(({ inputs }) => inputs.map((tensor) => tensor.node)), next: 0 }
  }
  for (const node of graph.nodes) {
    const stack = done.has(node) ? [] : [unitOf(node)]
    for (let unit = stack.at(-1); unit; unit = stack.at(-1)) {
      const needed = unit.needs[unit.next++]
      if (needed && done.has(needed)) continue
      if (!needed) {
        for (const member of unit.nodes) done.add(member)
        order.push(...unit.nodes)
        stack.pop()
      } else if (begun.has(needed)) {
        // Only a group can need itself.
        return stack.map(({ nodes }) => groups.get(nodes[0] as GraphNode)).find((group) => group) as NodeGroup
      } else stack.push(unitOf(needed))
    }
  }
  return order
}

/**
 * Puts one node in the place of each group. A group of which one member needs another is left as it is.
 *
 * @param visit as of `rewrite`, for the other nodes
 */
export function mergeGroups(graph: Graph, groups: readonly NodeGroup[], visit?: Visit): Graph {
  const groupOf = new Map(groups.flatMap((group) => group.members.map((member) => [member, group] as const)))
  let order = orderOf(graph, groupOf)
  while ('members' in order) {
    for (const member of order.members) groupOf.delete(member)
    order = orderOf(graph, groupOf)
  }
  const merged = new Map<NodeGroup, readonly (readonly Tensor[])[]>()
  return rewrite({ ...graph, nodes: order }, (node, inputs, now) => {
    const group = groupOf.get(node)
    if (!group) return visit?.(node, inputs, now)
    const outputs = merged.get(group) ?? group.merge(now)
    merged.set(group, outputs)
    return outputs[group.members.indexOf(node)]
  })
}
