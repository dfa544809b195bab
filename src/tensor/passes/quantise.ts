import { createNode, type Graph, type GraphNode, type Tensor } from '../graph.ts'
import { reapply } from '../operator.ts'
import type { MatmulAttributes } from '../ops/matmul.ts'
import { matmulOperator } from '../ops/matmul.ts'
import { gatherQuantised, matmulQuantised, type ProductPhase } from '../ops/matmul-quantised.ts'
import { dequantise, type QuantisedShape, quantisedBytes } from '../ops/quantised-layout.ts'
import { reshape } from '../ops/shape.ts'
import { sameShape } from '../shape.ts'
import { inputOperator } from '../trace.ts'
import { foldConstants } from './fold.ts'
import { mergeCommon } from './merge.ts'
import { findProducts, type ProductGroup } from './quantise-groups.ts'
import { rewrite } from './rewrite.ts'

/** Which variables are kept in packed blocks, by name. */
export type QuantisedVariables = ReadonlyMap<string, QuantisedShape>

/** The variable's packed form in the place of its f32 tensor. */
function packedVariable(name: string, shape: QuantisedShape): Tensor {
  const attributes = { name, variable: true, kind: 'zeros' }
  const type = { dtype: 'u8', shape: [quantisedBytes(shape)] } as const
  return createNode(inputOperator, [], attributes, [type], undefined).outputs[0] as Tensor
}

/** The parameters that only products by their transpose and gathers of their rows read: what can be kept in packed blocks. */
export function quantisableVariables(graph: Graph): ReadonlySet<string> {
  const names = new Set<string>()
  const refused = new Set<Tensor>(graph.outputs)
  for (const node of graph.nodes) {
    for (const [index, tensor] of node.inputs.entries()) if (!takesPacked(node, index)) refused.add(tensor)
  }
  for (const tensor of graph.inputs) {
    if (tensor.rank === 2 && tensor.node.attributes.variable && !refused.has(tensor)) {
      names.add(String(tensor.node.attributes.name))
    }
  }
  return names
}

function takesPacked({ operator, attributes, inputs }: GraphNode, index: number): boolean {
  if (operator.name === 'gather') return index === 0 && attributes.axis === 0 && inputs[1]?.dtype === 'i64'
  const { transposeA, transposeB, alpha } = attributes as Partial<MatmulAttributes>
  return operator === matmulOperator && index === 1 && !transposeA && transposeB === true && alpha === 1
}

/**
 * Computes products by variables that are kept in packed blocks: products that share one x become one operator, with the
 * norm before it and the biases, the residual or the gated unit behind it. Rows of an embedding come from the same blocks.
 * Anything else that reads such a variable gets its numbers.
 *
 * @param graph as it was traced; the variables are f32 there
 * @param phase what the graph is for: decoding, or reading a prompt
 */
export function quantiseProducts(graph: Graph, stored: QuantisedVariables, phase: ProductPhase = 'decode'): Graph {
  const merged = mergeCommon(foldConstants(graph))
  const packed = new Map<Tensor, { readonly tensor: Tensor; readonly shape: QuantisedShape }>()
  for (const tensor of merged.inputs) {
    const name = String(tensor.node.attributes.name)
    const shape = tensor.node.attributes.variable ? stored.get(name) : undefined
    if (shape) packed.set(tensor, { tensor: packedVariable(name, shape), shape })
  }
  const isStored = (node: GraphNode) => takesPacked(node, 1) && packed.has(node.inputs[1] as Tensor)
  const groups = findProducts(merged, isStored)
  const done = new Map<ProductGroup, readonly Tensor[]>()
  const numbers = new Map<Tensor, Tensor>()

  const compute = (group: ProductGroup, now: (tensor: Tensor) => Tensor): readonly Tensor[] => {
    const known = done.get(group)
    if (known) return known
    const { x, norm, added, activation, products } = group
    const weights = products.map(({ node, bias }) => {
      const { tensor, shape } = packed.get(node.inputs[1] as Tensor) as { tensor: Tensor; shape: QuantisedShape }
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
    const table = packed.get(inputs[0] as Tensor)
    if (table && takesPacked(node, 0)) return [gatherQuantised(table.tensor, table.shape, inputs[1] as Tensor)]
    if (!inputs.some((tensor) => packed.has(tensor))) return undefined
    const asNumbers = (tensor: Tensor): Tensor => {
      const kept = packed.get(tensor)
      if (!kept) return tensor
      const known = numbers.get(tensor) ?? dequantise(kept.tensor, kept.shape)
      numbers.set(tensor, known)
      return known
    }
    return reapply(node, inputs.map(asNumbers))
  })
  const inputs = rewritten.inputs.map((tensor) => packed.get(tensor)?.tensor ?? tensor)
  return { ...rewritten, inputs }
}

/** The tensor before a reshape, so that two in a row become one or none. */
function unshaped(tensor: Tensor): Tensor {
  const { operator, inputs } = tensor.node
  return operator.name === 'reshape' && !sameShape(tensor.shape, inputs[0]?.shape ?? [])
    ? (inputs[0] as Tensor)
    : tensor
}
