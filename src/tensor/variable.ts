import { shapeViolation } from './error.ts'
import { createNode, type Tensor } from './graph.ts'
import { checked } from './operator.ts'
import type { TensorType } from './shape.ts'
import { inputOperator, registerInput } from './trace.ts'

/** How a variable begins: plain data, so that the runtime can make the values from a seed and the variable's name. */
export type Initializer =
  | { readonly kind: 'zeros' }
  | { readonly kind: 'ones' }
  /** Normal with mean 0. */
  | { readonly kind: 'normal'; readonly deviation: number }
  /** Uniform in −bound … bound. */
  | { readonly kind: 'uniform'; readonly bound: number }
  /** Nothing makes it: it must be there before it is needed. */
  | { readonly kind: 'given' }

export const zeros: Initializer = { kind: 'zeros' }
export const ones: Initializer = { kind: 'ones' }
export const normal = (deviation: number): Initializer => ({ kind: 'normal', deviation })
export const uniform = (bound: number): Initializer => ({ kind: 'uniform', bound })
export const given: Initializer = { kind: 'given' }

/**
 * A named value that lives between runs: a parameter, a moment of the optimiser, a cache. The runtime keeps its memory
 * under the name and makes it by the initialiser when it is first needed. `assign` changes it.
 *
 * @param type with known extents
 */
export function variable(name: string, type: TensorType, initializer: Initializer = zeros): Tensor {
  checked('variable', [type], () => {
    if (type.shape.some((extent) => typeof extent !== 'number')) {
      throw shapeViolation(`the variable ${name} needs known extents`)
    }
  })
  const [tensor] = createNode(inputOperator, [], { name, variable: true, ...initializer }, [type], undefined).outputs
  return registerInput(tensor as Tensor)
}

/** The initialiser of a variable; undefined for a plain input. */
export function initializerOf(tensor: Tensor): Initializer | undefined {
  const { variable: isVariable, name: _, ...initializer } = tensor.node.attributes
  return isVariable ? (initializer as unknown as Initializer) : undefined
}
