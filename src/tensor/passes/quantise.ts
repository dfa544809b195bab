import type { Graph, GraphNode, Tensor } from '../graph.ts'
import { reapply } from '../operator.ts'
import { gatherQuantised, matmulQuantised, type ProductPhase } from '../ops/matmul-quantised.ts'
import { reshape } from '../ops/shape.ts'
import { sameShape } from '../shape.ts'
import { foldConstants } from './fold.ts'
import { mergeCommon } from './merge.ts'
import { multiplyByStacks } from './quantise-experts.ts'
import { findProducts, type ProductGroup } from './quantise-groups.ts'
import { isAdapted, takesPacked } from './quantise-readers.ts'
import { useStockProducts } from './quantise-stock.ts'
import { numbersOf, type PackedVariable, packedVariables, type QuantisedVariables } from './quantise-stored.ts'
import { rewrite } from './rewrite.ts'

/**
 * Computes products by variables that are kept in packed blocks: products that share one x become one operator, with the
 * norm before it and the biases, the residual or the gated unit behind it. Rows of an embedding come from the same blocks,
 * experts' matrices from their stacks. What is kept as codes is multiplied by ONNX Runtime's own operator, one by one.
 * Anything else that reads such a variable gets its numbers. An adapter beside a product is computed in f32 and added.
 *
 * @param graph as it was traced; the variables are f32 there
 * @param phase what the graph is for: decoding, or reading a prompt
 */
export function quantiseProducts(graph: Graph, stored: QuantisedVariables, phase: ProductPhase = 'decode'): Graph {
  const merged = mergeCommon(foldConstants(withAdapters(graph, stored)))
  if ([...stored.values()].some(({ stock }) => stock)) return useStockProducts(merged, stored)
  const packed = packedVariables(merged, stored)
  const alone = (tensor: Tensor | undefined): PackedVariable | undefined => {
    const kept = tensor && packed.get(tensor)
    return kept?.shape.stack ? undefined : kept
  }
  const isStored = (node: GraphNode) => takesPacked(node, 1) && alone(node.inputs[1]) !== undefined
  const groups = findProducts(merged, isStored)
  const done = new Map<ProductGroup, readonly Tensor[]>()
  const numbers = new Map<Tensor, Tensor>()

  const compute = (group: ProductGroup, now: (tensor: Tensor) => Tensor): readonly Tensor[] => {
    const known = done.get(group)
    if (known) return known
    const { x, norm, added, activation, products } = group
    const weights = products.map(({ node, bias }) => {
      const { tensor, shape } = alone(node.inputs[1]) as PackedVariable
      return { packed: tensor, type: shape.type, rows: shape.rows, bias: bias && now(bias) }
    })
    const sum = added && reshape(now(added), [...x.shape.slice(0, -1), (weights[0] as { rows: number }).rows])
    const outputs = matmulQuantised(now(x), weights, {
      phase,
      norm: norm && { weight: now(norm.weight), epsilon: norm.epsilon },
      added: sum,
      activation,
    })
    done.set(group, outputs)
    return outputs
  }

  const rewritten = rewrite(merged, (node, inputs, now) => {
    const place = groups.get(node)
    if (place) {
      const output = node.outputs[0] as Tensor
      return [reshape(compute(place.group, now)[place.output] as Tensor, output.shape)]
    }
    if (node.operator.name === 'reshape')
      return [reshape(unshaped(inputs[0] as Tensor), (node.outputs[0] as Tensor).shape)]
    const byStacks = multiplyByStacks(node, packed, now)
    if (byStacks) return byStacks
    const table = takesPacked(node, 0) ? alone(inputs[0]) : undefined
    if (table) return [gatherQuantised(table.tensor, table.shape, inputs[1] as Tensor)]
    if (!inputs.some((tensor) => packed.has(tensor))) return undefined
    const asNumbers = (tensor: Tensor): Tensor => {
      const kept = packed.get(tensor)
      if (!kept) return tensor
      const known = numbers.get(tensor) ?? numbersOf(kept)
      numbers.set(tensor, known)
      return known
    }
    return reapply(node, inputs.map(asNumbers))
  })
  const inputs = [...new Set(rewritten.inputs.map((tensor) => packed.get(tensor)?.tensor ?? tensor))]
  return { ...rewritten, inputs }
}

/** Products beside which an adapter stands become a product and a sum, where their weight is stored. */
function withAdapters(graph: Graph, stored: QuantisedVariables): Graph {
  const isStored = ({ node: { attributes } }: Tensor) => attributes.variable && stored.has(String(attributes.name))
  return rewrite(graph, (node, inputs) => {
    const adapted = inputs.some((tensor, index) => isAdapted(node, index) && isStored(tensor))
    return adapted ? node.operator.composite?.(inputs, node.attributes) : undefined
  })
}

/** The tensor before a reshape, so that two in a row become one or none. */
function unshaped(tensor: Tensor): Tensor {
  const { operator, inputs } = tensor.node
  return operator.name === 'reshape' && !sameShape(tensor.shape, inputs[0]?.shape ?? [])
    ? (inputs[0] as Tensor)
    : tensor
}
