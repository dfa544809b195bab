import type { Graph, GraphNode, Tensor } from '../graph.ts'
import { sameShape } from '../shape.ts'
import { inputOperator } from '../trace.ts'

/** One product of a group, and the bias that is added to it. */
export interface Product {
  readonly node: GraphNode
  readonly bias: Tensor | undefined
}

/** Products that become one operator. */
export interface ProductGroup {
  /** What they share, before its norm and without the folding of its rows. */
  readonly x: Tensor
  readonly norm: { readonly weight: Tensor; readonly epsilon: number } | undefined
  readonly products: readonly Product[]
  /** Added to the only product. */
  readonly added: Tensor | undefined
  readonly activation: 'none' | 'silu'
}

/** Which output of which group a node's output is. */
export interface GroupPlace {
  readonly group: ProductGroup
  readonly output: number
}

/** What the native kernel takes. */
const mostWeights = 8

/** A product and what follows it. */
interface Path {
  readonly node: GraphNode
  bias: Tensor | undefined
  added: Tensor | undefined
  /** The last tensor that goes into the product's own result, without and with the sum. */
  beforeSum: Tensor
  end: Tensor
}

/** The nodes that read a tensor; an output of the graph counts as one without a node. */
type Readers = (tensor: Tensor) => readonly (GraphNode | undefined)[]

function readersOf(graph: Graph): Readers {
  const readers = new Map<Tensor, (GraphNode | undefined)[]>()
  const note = (tensor: Tensor, reader: GraphNode | undefined) => {
    const known = readers.get(tensor)
    if (known) known.push(reader)
    else readers.set(tensor, [reader])
  }
  for (const node of graph.nodes) for (const tensor of node.inputs) note(tensor, node)
  for (const tensor of graph.outputs) note(tensor, undefined)
  return (tensor) => readers.get(tensor) ?? []
}

/** A reshape that folds or unfolds rows and leaves their length. */
function keepsWidth({ operator, inputs, outputs }: GraphNode): boolean {
  return operator.name === 'reshape' && inputs[0]?.shape.at(-1) === outputs[0]?.shape.at(-1)
}

const beforeFolding = (tensor: Tensor): Tensor => (keepsWidth(tensor.node) ? (tensor.node.inputs[0] as Tensor) : tensor)

/**
 * Finds the products that become one operator: those by a stored weight that share their left operand, with the norm before
 * it where nobody else reads that, and what follows each.
 *
 * @returns the group of each node that is the last of its product
 */
export function findProducts(graph: Graph, isStored: (node: GraphNode) => boolean): ReadonlyMap<GraphNode, GroupPlace> {
  const readers = readersOf(graph)
  const bySource = new Map<Tensor, Path[]>()
  for (const node of graph.nodes) {
    if (!isStored(node)) continue
    const source = beforeFolding(node.inputs[0] as Tensor)
    bySource.set(source, [...(bySource.get(source) ?? []), follow(node, readers)])
  }
  const places = new Map<GraphNode, GroupPlace>()
  for (const [source, all] of bySource) {
    const norm = all.length <= mostWeights ? normBefore(source, all, readers) : undefined
    const x = norm ? (source.node.inputs[0] as Tensor) : source
    for (let first = 0; first < all.length; first += mostWeights) {
      place({ x, norm }, all.slice(first, first + mostWeights), readers, places)
    }
  }
  return places
}

/** Makes a group of products that share one x. */
function place(
  shared: Pick<ProductGroup, 'x' | 'norm'>,
  paths: readonly Path[],
  readers: Readers,
  places: Map<GraphNode, GroupPlace>,
): void {
  const unit = gatedUnit(paths, readers)
  const products = (unit?.paths ?? paths).map(({ node, bias }) => ({ node, bias }))
  const [first, ...others] = paths as [Path, ...Path[]]
  const added = others.length === 0 ? first.added : undefined
  const group: ProductGroup = { ...shared, products, added, activation: unit ? 'silu' : 'none' }
  if (unit) places.set(unit.node, { group, output: 0 })
  else if (added) places.set(first.end.node, { group, output: 0 })
  else for (const [output, { beforeSum }] of paths.entries()) places.set(beforeSum.node, { group, output })
}

/** Follows a product through reshapes, its bias and a sum, as long as nobody else reads what lies between. */
function follow(node: GraphNode, readers: Readers): Path {
  const start = node.outputs[0] as Tensor
  const path: Path = { node, bias: undefined, added: undefined, beforeSum: start, end: start }
  for (;;) {
    const [reader, ...others] = readers(path.end)
    if (!reader || others.length > 0) return path
    if (!keepsWidth(reader) && !takeAddition(path, reader)) return path
    path.end = reader.outputs[0] as Tensor
    if (!path.added) path.beforeSum = path.end
  }
}

/** Takes a bias, and after it a sum, into the path. */
function takeAddition(path: Path, { operator, inputs, outputs }: GraphNode): boolean {
  const other = inputs.find((tensor) => tensor !== path.end)
  const shape = outputs[0]?.shape ?? []
  if (operator.name !== 'add' || path.added || !other || !sameShape(shape, path.end.shape)) return false
  const isBias = other.rank === 1 && other.node.operator === inputOperator && other.shape[0] === shape.at(-1)
  if (isBias && !path.bias) path.bias = other
  else if (sameShape(other.shape, shape)) path.added = other
  else return false
  return true
}

/** The gated unit that two products, and nothing else, go into; gate first. */
function gatedUnit(paths: readonly Path[], readers: Readers): { node: GraphNode; paths: readonly Path[] } | undefined {
  const [left, right] = paths
  if (!left || !right || paths.length > 2 || left.added || right.added) return undefined
  const [node, ...others] = readers(left.end)
  if (node?.operator.name !== 'swiglu' || others.length > 0 || readers(right.end).length > 1) return undefined
  const [gate, up] = node.inputs
  if (gate === left.end && up === right.end) return { node, paths: [left, right] }
  return gate === right.end && up === left.end ? { node, paths: [right, left] } : undefined
}

/** The norm that a tensor comes from, where only these products read it. */
function normBefore(source: Tensor, paths: readonly Path[], readers: Readers): ProductGroup['norm'] {
  const { operator, inputs, outputs, attributes } = source.node
  if (operator.name !== 'rmsNorm' || source.index !== 0 || readers(outputs[1] as Tensor).length > 0) return undefined
  const nodes = new Set<GraphNode | undefined>(paths.map(({ node }) => node))
  const onlyProducts = (tensor: Tensor): boolean =>
    readers(tensor).every(
      (reader) =>
        nodes.has(reader) || (reader !== undefined && keepsWidth(reader) && onlyProducts(reader.outputs[0] as Tensor)),
    )
  return onlyProducts(source) ? { weight: inputs[1] as Tensor, epsilon: Number(attributes.epsilon) } : undefined
}
