import type { Attributes, Graph, GraphNode, Tensor } from '../graph.ts'
import { reapply } from '../operator.ts'
import { rewrite } from './rewrite.ts'

const views = new WeakMap<ArrayBufferView, number>()
let nextView = 0

/** Attributes as text that is equal exactly when they are; large data is compared by identity. */
function attributesKey(attributes: Attributes): string {
  return JSON.stringify(attributes, (_, value) => {
    if (!ArrayBuffer.isView(value))
      return Object.is(value, -0) ? '-0' : typeof value === 'number' ? String(value) : value
    let id = views.get(value)
    if (id === undefined) {
      id = nextView++
      views.set(value, id)
    }
    return `view ${id}`
  })
}

/** Computes equal calls once (common subexpressions). */
export function mergeCommon(graph: Graph): Graph {
  const known = new Map<string, readonly Tensor[]>()
  return rewrite(graph, (node: GraphNode, inputs) => {
    const places = inputs.map((tensor) => `${tensor.node.id}.${tensor.index}`)
    const key = `${node.operator.name}(${places})${attributesKey(node.attributes)}`
    const found = known.get(key) ?? reapply(node, inputs)
    known.set(key, found)
    return found
  })
}
