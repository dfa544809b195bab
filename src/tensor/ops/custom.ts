import type { AttributeValue, CheckpointScope, Tensor } from '../graph.ts'
import { withCheckpointScope } from '../graph.ts'
import { apply, applyOne, defineOperator } from '../operator.ts'
import type { TensorType } from '../shape.ts'

const stopGradientOperator = defineOperator({
  name: 'stopGradient',
  summary: 'The same values, seen as constant by gradients',
  constant: true,
  infer: ([x]) => [x as TensorType],
  composite: ([x]) => (x ? [x] : []),
})

/** `x`, seen as a constant by gradients. */
export function stopGradient(x: Tensor): Tensor {
  return applyOne(stopGradientOperator, [x], {})
}

/** Gradients of the inputs from those of the outputs (undefined where the loss does not depend on one). */
export type VectorJacobianProduct = (
  outputGradients: readonly (Tensor | undefined)[],
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
) => readonly (Tensor | undefined)[]

/** Rules by the number that stands in a node's attributes: attributes are plain data. */
const rules: VectorJacobianProduct[] = []

const customOperator = defineOperator<{ readonly inputCount: number; readonly rule: number }>({
  name: 'custom',
  summary: 'A function with a gradient of its own',
  infer: (types, { inputCount }) => types.slice(inputCount),
  gradient({ inputs, outputs, outputGradients, attributes: { inputCount, rule } }) {
    return rules[rule]?.(outputGradients, inputs.slice(0, inputCount), outputs) ?? []
  },
  composite: (inputs, { inputCount }) => inputs.slice(inputCount),
})

/**
 * Calls `forward` on the inputs and gives the result a gradient of its own.
 *
 * @param vjp gradients of the inputs from those of the outputs; it is given inputs and outputs too
 */
export function custom(
  inputs: readonly Tensor[],
  forward: (...inputs: Tensor[]) => readonly Tensor[],
  vjp: VectorJacobianProduct,
): readonly Tensor[] {
  const outputs = forward(...inputs)
  const rule = rules.push(vjp) - 1
  return apply(customOperator, [...inputs, ...outputs], { inputCount: inputs.length, rule } satisfies Record<
    string,
    AttributeValue
  >)
}

const barrierOperator = defineOperator({
  name: 'barrier',
  summary: 'The same values, not before another tensor is there (recomputation in the backward pass)',
  infer: ([x]) => [x as TensorType],
  gradient: ({ outputGradients: [dy] }) => [dy],
  lower(emitter, { inputs: [x, after], inputTypes: [type, afterType] }) {
    const rank = afterType?.shape.length ?? 0
    const one = (value: number) => emitter.constant('i64', [rank], Array(rank).fill(value))
    const first = rank > 0 ? emitter.value('Slice', [after as string, one(0), one(1)]) : (after as string)
    const scalar = emitter.value('Reshape', [first, emitter.constant('i64', [1], [1])])
    if (emitter.device === 'webgpu') {
      // Shapes live on the CPU: there a choice between x and x depends on `after` without fetching it from the device.
      return emitter.node('Where', [emitter.value('Equal', [scalar, scalar]), x as string, x as string])
    }
    // A reshape to a shape that needs one element of `after`: no copy, but a true dependency.
    const finite = emitter.value('IsNaN', [emitter.value('Cast', [scalar], { to: 1 })])
    const zero = emitter.value('Mul', [emitter.value('Cast', [finite], { to: 7 }), emitter.constant('i64', [1], [0])])
    const shape = emitter.value('Add', [emitter.reshapeShape(type?.shape ?? []), zero])
    return emitter.node('Reshape', [x as string, shape], {}, { types: type ? [type] : [] })
  },
})

/** `x`, computed from no earlier than `after`; used to keep recomputation out of the forward pass. */
export function barrier(x: Tensor, after: Tensor): Tensor {
  return applyOne(barrierOperator, [x, after], {})
}

/**
 * Runs `body` so that none of what it computes is kept for the backward pass: it is computed again when it is needed
 * (Chen et al. 2016, arXiv:1604.06174). Scopes inside `body` belong to this one.
 */
export function checkpoint<Result>(name: string, body: () => Result): Result {
  const scope: CheckpointScope = { name }
  return withCheckpointScope(scope, body)
}
