import { R1Error } from '../errors.ts'
import { isFloating } from './dtype.ts'
import { type CheckpointScope, type GraphNode, reachableNodes, type Tensor } from './graph.ts'
import { reapply } from './operator.ts'
import { fill, zerosLike } from './ops/constant.ts'
import { barrier } from './ops/custom.ts'
import { add } from './ops/elementwise.ts'
import { formatType } from './shape.ts'
import { inputOperator, isTensor } from './trace.ts'
import { flatten, mapTree } from './tree.ts'
import { initializerOf } from './variable.ts'

/** What a backward pass goes through: nodes from `wrt` to `outputs`, in the order they were made, and what depends on `wrt`. */
function between(outputs: readonly Tensor[], wrt: readonly Tensor[], after: number) {
  const active = new Set<Tensor>(wrt)
  const nodes = reachableNodes(outputs, after).filter((node) => {
    if (node.operator.constant || !node.inputs.some((tensor) => active.has(tensor))) return false
    for (const output of node.outputs) if (isFloating(output.dtype)) active.add(output)
    return true
  })
  return { nodes, active }
}

/** Parameters, constants and whole numbers: what is computed of them alone is cheap to keep over the forward pass. */
function isGiven(tensor: Tensor): boolean {
  const { operator } = tensor.node
  if (operator === inputOperator) return !isFloating(tensor.dtype) || initializerOf(tensor) !== undefined
  return operator.constant === true
}

/** Backward pass through `nodes`: `gradients` holds those of the outputs and receives all others. */
class BackwardPass {
  private readonly gradients = new Map<Tensor, Tensor>()
  private readonly recomputed = new Map<CheckpointScope, Map<Tensor, Tensor>>()
  private readonly nodes: readonly GraphNode[]
  private readonly active: ReadonlySet<Tensor>

  /** @param after nodes up to this id are not gone through: gradients by `wrt` are then partial ones */
  constructor(outputs: readonly Tensor[], wrt: readonly Tensor[], after = -1) {
    const { nodes, active } = between(outputs, wrt, after)
    this.nodes = nodes
    this.active = active
  }

  seed(tensor: Tensor, gradient: Tensor): void {
    const sum = this.gradients.get(tensor)
    this.gradients.set(tensor, sum ? add(sum, gradient) : gradient)
  }

  gradientOf(tensor: Tensor): Tensor | undefined {
    return this.gradients.get(tensor)
  }

  run(): this {
    for (const node of this.nodes.toReversed()) {
      const outputGradients = node.outputs.map((output) => this.gradients.get(output))
      if (outputGradients.every((gradient) => !gradient)) continue
      const needs = node.inputs.map((tensor) => this.active.has(tensor))
      const gradients = this.backward(node, outputGradients, needs)
      node.inputs.forEach((tensor, index) => {
        const gradient = gradients[index]
        if (gradient && needs[index]) this.seed(tensor, gradient)
      })
    }
    return this
  }

  private backward(
    node: GraphNode,
    outputGradients: readonly (Tensor | undefined)[],
    needs: readonly boolean[],
  ): readonly (Tensor | undefined)[] {
    const { operator, attributes } = node
    const arrived = outputGradients.find((gradient) => gradient) as Tensor
    const inputs = this.recompute(node, node.inputs, arrived)
    const outputs = this.recompute(node, node.outputs, arrived)
    const explicit = operator.gradient?.({ inputs, outputs, outputGradients, attributes, needs })
    if (explicit) return explicit
    // Inputs of a composite may depend on one another; what is wanted here is the gradient by each of them alone.
    const before = Math.max(...inputs.map((tensor) => tensor.node.id))
    const composed = operator.composite?.(inputs, attributes)
    if (!composed) {
      throw new R1Error('no-gradient', `${operator.name} has no gradient.`, {
        remedy: 'Put stopGradient around it, or give it one with custom().',
      })
    }
    const inner = new BackwardPass(
      composed,
      inputs.filter((_, index) => needs[index]),
      before,
    )
    composed.forEach((output, index) => {
      const gradient = outputGradients[index]
      if (gradient) inner.seed(output, gradient)
    })
    inner.run()
    return inputs.map((tensor, index) => (needs[index] ? inner.gradientOf(tensor) : undefined))
  }

  /** The tensors as the backward rule of `node` sees them: of a checkpointed node, computed anew after `arrived` is there. */
  private recompute(node: GraphNode, tensors: readonly Tensor[], arrived: Tensor): readonly Tensor[] {
    const scope = node.checkpoint
    if (!scope) return tensors
    let copies = this.recomputed.get(scope)
    if (!copies) {
      copies = this.copyScope(scope, arrived)
      this.recomputed.set(scope, copies)
    }
    return tensors.map((tensor) => copies.get(tensor) ?? tensor)
  }

  /** A second computation of everything in `scope`, from its inputs behind a barrier. */
  private copyScope(scope: CheckpointScope, arrived: Tensor): Map<Tensor, Tensor> {
    const copies = new Map<Tensor, Tensor>()
    const members = reachableNodes(this.nodes.flatMap((node) => (node.checkpoint === scope ? node.outputs : [])))
    for (const node of members) {
      if (node.checkpoint !== scope) continue
      const inputs = node.inputs.map((tensor) => {
        const known = copies.get(tensor)
        if (known) return known
        const copy = isGiven(tensor) ? tensor : barrier(tensor, arrived)
        copies.set(tensor, copy)
        return copy
      })
      const outputs = reapply({ ...node, checkpoint: undefined }, inputs)
      for (const [index, output] of node.outputs.entries()) copies.set(output, outputs[index] as Tensor)
    }
    return copies
  }
}

/**
 * Gradients of `output` by each tensor of `wrt`, as part of the graph being traced: they can be differentiated again.
 *
 * @param output a scalar, or any tensor with `outputGradient` of its shape
 * @returns one tensor for each of `wrt`, in its dtype and shape; zeros where `output` does not depend on it
 * @throws R1Error `no-gradient` where an operator on the way has none
 */
export function gradients(output: Tensor, wrt: readonly Tensor[], outputGradient?: Tensor): readonly Tensor[] {
  if (!outputGradient && output.rank > 0) {
    throw new R1Error('not-a-scalar', `The gradient of ${formatType(output)} needs a scalar.`, {
      remedy: 'Reduce it with sum or mean, or give outputGradient.',
    })
  }
  const pass = new BackwardPass([output], wrt)
  pass.seed(output, outputGradient ?? fill([], 1, output.dtype))
  pass.run()
  return wrt.map((tensor) => pass.gradientOf(tensor) ?? zerosLike(tensor))
}

/** A function of a tree of tensors and further arguments, with a scalar result. */
type LossFunction<Parameters, Rest extends readonly unknown[]> = (parameters: Parameters, ...rest: Rest) => Tensor

/** `body` with its gradients by every tensor of its first argument, in the same structure. */
export function valueAndGradient<Parameters, Rest extends readonly unknown[]>(
  body: LossFunction<Parameters, Rest>,
): (parameters: Parameters, ...rest: Rest) => { value: Tensor; gradient: Parameters } {
  return (parameters, ...rest) => {
    const value = body(parameters, ...rest)
    const leaves = flatten(parameters, isTensor).map(([, tensor]) => tensor)
    const found = new Map(gradients(value, leaves).map((gradient, index) => [leaves[index], gradient]))
    return { value, gradient: mapTree(parameters, isTensor, (tensor) => found.get(tensor)) as Parameters }
  }
}

/** The gradients of a scalar function by every tensor of its first argument, in the same structure. */
export function gradient<Parameters, Rest extends readonly unknown[]>(
  body: LossFunction<Parameters, Rest>,
): (parameters: Parameters, ...rest: Rest) => Parameters {
  return (parameters, ...rest) => valueAndGradient(body)(parameters, ...rest).gradient
}
