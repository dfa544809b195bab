import type { Graph, GraphNode, Tensor } from '../graph.ts'
import { apply, type Target } from '../operator.ts'
import { add } from '../ops/elementwise.ts'
import { type MatmulAttributes, matmulOperator } from '../ops/matmul.ts'
import { type LoraAttributes, matmulLoraGradientOperator, matmulLoraOperator } from '../ops/matmul-lora.ts'
import { matmulManyOperator, matmulSumOperator } from '../ops/matmul-many.ts'
import { reshape } from '../ops/shape.ts'
import { sameShape } from '../shape.ts'
import { inputOperator } from '../trace.ts'
import { loweringOf } from './expand.ts'
import { mergeGroups, type NodeGroup } from './group.ts'
import { beforeReshape, countUses } from './uses.ts'

/** Products that a kernel takes at once. */
const most = 8

/** Whether a tensor is there before anything is computed: an input, seen through views. */
function isGiven(tensor: Tensor): boolean {
  const { operator, inputs } = tensor.node
  if (operator === inputOperator) return true
  return ['reshape', 'transpose', 'cast'].includes(operator.name) && isGiven(inputs[0] as Tensor)
}

/** A product of matrices whose right operand is a weight, in its kernel's form. */
function isWeightProduct(node: GraphNode, target: Target): boolean {
  const [a, b] = node.inputs as readonly [Tensor, Tensor]
  return (
    node.operator === matmulOperator &&
    a.rank === 2 &&
    b.rank === 2 &&
    isGiven(b) &&
    target.kernels.has('MatMulMany') &&
    target.kernels.has('MatMulSum') &&
    loweringOf(node, target) === 'kernel'
  )
}

/** Lists of at most eight nodes with equal keys, from two on. */
function together<Item>(items: readonly Item[], keyOf: (item: Item) => string | undefined): Item[][] {
  const lists = new Map<string, Item[][]>()
  for (const item of items) {
    const key = keyOf(item)
    if (key === undefined) continue
    const known = lists.get(key) ?? [[]]
    if (known.at(-1)?.length === most) known.push([])
    known.at(-1)?.push(item)
    lists.set(key, known)
  }
  return [...lists.values()].flat().filter((list) => list.length > 1)
}

const keyOf = (tensor: Tensor): string => `${tensor.node.id}.${tensor.index}`

/** Products of one tensor with several weights: query, key and value, or gate and up, with adapters or without. */
function sharedOperands(graph: Graph, target: Target): NodeGroup[] {
  const lists = together(graph.nodes, (node) => {
    const [x, ...weights] = node.inputs
    const key = () => `${node.operator.name} ${keyOf(x as Tensor)} ${JSON.stringify(node.attributes)}`
    if (isWeightProduct(node, target)) return key()
    const adapted = node.operator === matmulLoraOperator && loweringOf(node, target) === 'kernel'
    return adapted && node.inputs.length === 4 && weights.every(isGiven) ? key() : undefined
  })
  return lists.map((members) => ({
    members,
    merge(now) {
      const [{ inputs, attributes, operator }] = members as [GraphNode]
      const operands = [inputs[0] as Tensor, ...members.flatMap((member) => member.inputs.slice(1))].map(now)
      if (operator === matmulOperator) {
        return apply(matmulManyOperator, operands, attributes as MatmulAttributes).map((y) => [y])
      }
      const outputs = apply(matmulLoraOperator, operands, attributes as LoraAttributes)
      return members.map((_, at) => [outputs[at] as Tensor, outputs[members.length + at] as Tensor])
    },
  }))
}

/** What a tree of additions sums; `readOnce` tells whether nothing else reads a tensor. */
function summandsOf(sum: Tensor, readOnce: (tensor: Tensor) => boolean): Tensor[] {
  const { operator, inputs } = beforeReshape(sum).node
  const [left, right] = inputs as readonly [Tensor, Tensor]
  if (operator.name !== 'add' || !sameShape(left.shape, right.shape)) return [sum]
  return [left, right].flatMap((operand) => (readOnce(operand) ? summandsOf(operand, readOnce) : [operand]))
}

/** Sums of products: gradients by what several products share. */
function sumsOfProducts(graph: Graph, target: Target): { groups: NodeGroup[]; sums: Map<GraphNode, Tensor[]> } {
  const uses = countUses(graph)
  const readOnce = (tensor: Tensor): boolean => uses.get(tensor) === 1 && uses.get(beforeReshape(tensor)) === 1
  const inner = new Set<GraphNode>()
  const groups: NodeGroup[] = []
  const sums = new Map<GraphNode, Tensor[]>()
  for (const node of graph.nodes.toReversed()) {
    if (node.operator.name !== 'add' || inner.has(node)) continue
    const summands = summandsOf(node.outputs[0] as Tensor, readOnce)
    for (const addition of addsWithin(node, readOnce)) inner.add(addition)
    const lists = together(summands.filter(readOnce), (tensor) => {
      const product = beforeReshape(tensor)
      const key = `${product.shape} ${product.node.operator.name} ${JSON.stringify(product.node.attributes)}`
      if (isWeightProduct(product.node, target)) return key
      const adapted = product.node.operator === matmulLoraGradientOperator && product.index === 0
      if (!adapted || loweringOf(product.node, target) !== 'kernel') return undefined
      return `${key} ${keyOf(product.node.inputs[0] as Tensor)}`
    })
    if (lists.length === 0) continue
    groups.push(...lists.map((list) => sumGroup(list.map((tensor) => beforeReshape(tensor).node))))
    const merged = new Set(lists.flatMap(([, ...rest]) => rest))
    sums.set(
      node,
      summands.filter((tensor) => !merged.has(tensor)),
    )
  }
  return { groups, sums }
}

/** The additions inside a tree of them. */
function addsWithin(node: GraphNode, readOnce: (tensor: Tensor) => boolean): GraphNode[] {
  return node.inputs.flatMap((operand) => {
    const before = beforeReshape(operand).node
    return readOnce(operand) && before.operator.name === 'add' ? [before, ...addsWithin(before, readOnce)] : []
  })
}

/** Products as one sum: the first member gives it, the first outputs of the others are read by nobody. */
function sumGroup(members: readonly GraphNode[]): NodeGroup {
  return {
    members,
    merge(now) {
      const [{ inputs, attributes, operator }] = members as readonly [GraphNode]
      if (operator === matmulOperator) {
        const operands = [0, 1].flatMap((at) => members.map((member) => now(member.inputs[at] as Tensor)))
        const terms = members.length
        const sum = apply(matmulSumOperator, operands, { ...(attributes as MatmulAttributes), terms })
        return members.map(() => sum)
      }
      const operands = [inputs[0] as Tensor, ...members.flatMap((member) => member.inputs.slice(1))].map(now)
      const [dx, ...found] = apply(matmulLoraGradientOperator, operands, attributes as LoraAttributes)
      let next = 0
      return members.map(({ outputs }) => {
        const first = next
        next += outputs.length - 1
        return [dx as Tensor, ...found.slice(first, next)]
      })
    },
  }
}

/**
 * Merges products that read one tensor, and products that are summed, so that each operand is packed once.
 *
 * @param graph with composites expanded for the target
 */
export function mergeProducts(graph: Graph, target: Target): Graph {
  const shared = mergeGroups(graph, sharedOperands(graph, target))
  const { groups, sums } = sumsOfProducts(shared, target)
  return mergeGroups(shared, groups, (node, _, now) => {
    const summands = sums.get(node)
    const shape = node.outputs[0]?.shape
    return summands && shape ? [summands.map((tensor) => reshape(now(tensor), shape)).reduce(add)] : undefined
  })
}
