import { R1Error } from '../errors.ts'
import { canonicalDimension } from './dimension.ts'
import { type Assignment, createNode, type Graph, reachableNodes, type Tensor } from './graph.ts'
import { defineOperator } from './operator.ts'
import type { TensorType } from './shape.ts'
import { flatten, mapTree } from './tree.ts'

/** The operator of graph inputs. */
export const inputOperator = defineOperator<{ readonly name: string }>({
  name: 'input',
  summary: 'A value given at run time.',
  infer: () => [],
  constant: true,
})

/** A symbolic input of the given type. `name` appears in errors and in the lowered graph. */
export function input(name: string, type: TensorType): Tensor {
  const shape = type.shape.map(canonicalDimension)
  const [tensor] = createNode(inputOperator, [], { name }, [{ dtype: type.dtype, shape }], undefined).outputs
  return tensor as Tensor
}

let assignments: Assignment[] | undefined
let variables: Tensor[] | undefined

/** Makes a tensor an input of the function being traced. */
export function registerInput(tensor: Tensor): Tensor {
  variables?.push(tensor)
  return tensor
}

/**
 * State update inside a traced function: after a run the memory of the input `target` holds `value`.
 * The runtime writes in place where no reader can see a half-written value, and swaps two buffers otherwise.
 *
 * @throws R1Error `bad-assignment` outside `trace`, for a target that is no input, or for another dtype or shape.
 */
export function assign(target: Tensor, value: Tensor): void {
  const problem = !assignments
    ? 'assign is called outside a traced function.'
    : target.node.operator !== inputOperator
      ? 'The target of assign must be an input of the traced function.'
      : target.dtype !== value.dtype || target.shape.join() !== value.shape.join()
        ? `assign needs equal types, not ${target.dtype}[${target.shape}] and ${value.dtype}[${value.shape}].`
        : assignments.some((assignment) => assignment.target === target)
          ? 'An input is assigned twice.'
          : undefined
  if (problem) throw new R1Error('bad-assignment', problem)
  assignments?.push({ target, value })
}

/** A traced function: its graph, and the structure of what it returned. */
export interface Trace<Result> {
  readonly graph: Graph
  readonly result: Result
}

/**
 * Runs `body` on symbolic tensors of the given types and returns the graph of what it computed.
 *
 * @param specs nested arrays and records of tensor types, handed to `body` with tensors in the same places.
 * @throws R1Error as the operators called inside do.
 */
export function trace<Specs, Result>(body: (inputs: TracedTree<Specs>) => Result, specs: Specs): Trace<Result> {
  const outer = { assignments, variables }
  assignments = []
  variables = []
  try {
    const inputs: Tensor[] = []
    const tensors = mapTree(specs, isTensorType, (type, path) => {
      const tensor = input(path || 'input', type)
      inputs.push(tensor)
      return tensor
    }) as TracedTree<Specs>
    const result = body(tensors)
    const outputs = [...flatten<Tensor>(result, isTensor).map(([, tensor]) => tensor)]
    outputs.push(...assignments.map((assignment) => assignment.value))
    inputs.push(...variables)
    return { graph: { inputs, outputs, nodes: reachableNodes(outputs), assignments }, result }
  } finally {
    assignments = outer.assignments
    variables = outer.variables
  }
}

/** The structure of `Specs` with a tensor in the place of each type. */
export type TracedTree<Specs> = Specs extends TensorType
  ? Tensor
  : { readonly [Key in keyof Specs]: TracedTree<Specs[Key]> }

export function isTensorType(value: unknown): value is TensorType {
  return typeof value === 'object' && value !== null && 'dtype' in value && 'shape' in value
}

export function isTensor(value: unknown): value is Tensor {
  return isTensorType(value) && 'node' in value
}
