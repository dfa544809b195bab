import type { DType } from './dtype.ts'
import type { Operator } from './operator.ts'
import type { Shape, TensorType } from './shape.ts'

/** A value of an attribute: plain data, so that two calls can be compared. */
export type AttributeValue = number | string | boolean | undefined | readonly (number | string)[] | ArrayBufferView
export type Attributes = Readonly<Record<string, AttributeValue>>

/** Activations made inside one scope are not kept for the backward pass but computed again (see `checkpoint`). */
export interface CheckpointScope {
  readonly name: string
}

/** One call of an operator. Nodes only refer to nodes made before them, so ascending `id` is a topological order. */
export interface GraphNode {
  readonly id: number
  readonly operator: Operator
  readonly inputs: readonly Tensor[]
  readonly attributes: Attributes
  readonly outputs: readonly Tensor[]
  readonly checkpoint: CheckpointScope | undefined
}

/** A symbolic tensor: a dtype, a shape and the node that computes it. It has no values; `jit` gives it some. */
export class Tensor implements TensorType {
  readonly dtype: DType
  readonly shape: Shape
  readonly node: GraphNode
  /** Which output of the node it is. */
  readonly index: number

  constructor(type: TensorType, node: GraphNode, index: number) {
    this.dtype = type.dtype
    this.shape = type.shape
    this.node = node
    this.index = index
  }

  get rank(): number {
    return this.shape.length
  }
}

/** A traced computation. `nodes` are in topological order and hold what the outputs need, and the inputs. */
export interface Graph {
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
  readonly nodes: readonly GraphNode[]
  /** State updates: the memory of `target` (an input) takes the value of `value` (an output) after a run. */
  readonly assignments: readonly Assignment[]
}

export interface Assignment {
  readonly target: Tensor
  readonly value: Tensor
}

let nextId = 0
let activeScope: CheckpointScope | undefined

/** Makes a node with outputs of the given types; operators use `apply`, passes use this. */
export function createNode(
  operator: Operator,
  inputs: readonly Tensor[],
  attributes: Attributes,
  types: readonly TensorType[],
  checkpoint: CheckpointScope | undefined = activeScope,
): GraphNode {
  const outputs: Tensor[] = []
  const node: GraphNode = { id: nextId++, operator, inputs, attributes, outputs, checkpoint }
  for (const type of types) outputs.push(new Tensor(type, node, outputs.length))
  return node
}

/** Runs `body` so that the nodes it makes belong to `scope`; scopes inside a scope belong to the outer one. */
export function withCheckpointScope<Result>(scope: CheckpointScope | undefined, body: () => Result): Result {
  const outer = activeScope
  activeScope = outer ?? scope
  try {
    return body()
  } finally {
    activeScope = outer
  }
}

/** The nodes that `outputs` need, in the order they were made; with `after`, only those made after that id. */
export function reachableNodes(outputs: readonly Tensor[], after = -1): GraphNode[] {
  const seen = new Set<GraphNode>()
  const stack = outputs.map((output) => output.node)
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (node.id <= after || seen.has(node)) continue
    seen.add(node)
    for (const input of node.inputs) stack.push(input.node)
  }
  return [...seen].sort((left, right) => left.id - right.id)
}
