import type { DType } from '../dtype.ts'
import { isFloating } from '../dtype.ts'
import { broadcastViolation, dtypeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, defineOperator, type GradientCall, type Operator, type Target } from '../operator.ts'
import { broadcastShapes, type TensorType } from '../shape.ts'
import { constant, type TensorLike, toTensor } from './constant.ts'
import { sumTo } from './reduce-to.ts'

export type NoAttributes = Readonly<Record<string, never>>
export type DTypeRule = (dtype: DType) => boolean

export const numeric: DTypeRule = (dtype) => dtype !== 'bool'
export const boolean: DTypeRule = (dtype) => dtype === 'bool'
export const integer: DTypeRule = (dtype) => !isFloating(dtype) && dtype !== 'bool'
export const anything: DTypeRule = () => true

export function requireDType(type: TensorType | undefined, rule: DTypeRule): TensorType {
  if (!type || !rule(type.dtype)) throw dtypeViolation(`${type?.dtype} is not allowed here`)
  return type
}

/** ONNX Runtime computes the stock form on the CPU alone. */
export const onCpu = (_inputs: readonly TensorType[], _attributes: NoAttributes, target: Target): boolean =>
  target.device === 'cpu'

/** What an entry of the table needs besides its gradient. */
export interface Definition {
  readonly onnx: string
  readonly summary: string
  readonly accepts?: DTypeRule
  /** Where ONNX Runtime computes the stock form; everywhere without it. */
  readonly supports?: (inputs: readonly TensorType[], attributes: NoAttributes, target: Target) => boolean
  readonly composite?: (inputs: readonly Tensor[]) => readonly Tensor[]
  readonly cpuOnly?: boolean
}

/** Gradient of a function of one variable: from x, y = f(x) and the gradient of y. */
type UnaryGradient = (x: Tensor, y: Tensor, dy: Tensor) => Tensor

/** Defines an operator of one variable, element by element, and returns its function. */
export function unary(name: string, definition: Definition, derivative?: UnaryGradient): (x: Tensor) => Tensor {
  const accepts = definition.accepts ?? isFloating
  const operator: Operator<NoAttributes> = defineOperator<NoAttributes>({
    name,
    summary: definition.summary,
    elementwise: true,
    constant: !derivative,
    infer: ([x]) => [requireDType(x, accepts)],
    gradient: ({ inputs, outputs, outputGradients }) => [
      outputGradients[0] && derivative?.(inputs[0] as Tensor, outputs[0] as Tensor, outputGradients[0]),
    ],
    lower: (emitter, { inputs }) => emitter.node(definition.onnx, inputs),
    supports: definition.supports,
    composite: definition.composite,
    cpuOnly: definition.cpuOnly,
  })
  return (x) => applyOne(operator, [x], {})
}

/** Gradients of a function of two variables, before they are summed over broadcast axes. */
type BinaryGradient = (call: { a: Tensor; b: Tensor; y: Tensor; dy: Tensor }) => [() => Tensor, () => Tensor]

/** Defines an operator of two broadcast variables and returns its function; a number takes the other's dtype. */
export function binary(
  name: string,
  definition: Definition & { readonly result?: DType },
  derivative?: BinaryGradient,
): (left: TensorLike, right: TensorLike) => Tensor {
  const accepts = definition.accepts ?? numeric
  const operator: Operator<NoAttributes> = defineOperator<NoAttributes>({
    name,
    summary: definition.summary,
    elementwise: true,
    broadcasts: true,
    constant: !derivative,
    infer([left, right]) {
      const a = requireDType(left, accepts)
      const b = requireDType(right, accepts)
      if (a.dtype !== b.dtype) throw dtypeViolation(`${a.dtype} and ${b.dtype} differ; cast one of them`)
      const shape = broadcastShapes(a.shape, b.shape)
      if (!shape) throw broadcastViolation(a.shape, b.shape)
      return [{ dtype: definition.result ?? a.dtype, shape }]
    },
    gradient({ inputs, outputs, outputGradients: [dy], needs }: GradientCall<NoAttributes>) {
      const [a, b] = inputs as readonly [Tensor, Tensor]
      if (!dy || !derivative) return []
      const parts = derivative({ a, b, y: outputs[0] as Tensor, dy })
      return [needs[0] ? sumTo(parts[0](), a.shape) : undefined, needs[1] ? sumTo(parts[1](), b.shape) : undefined]
    },
    lower: (emitter, { inputs }) => emitter.node(definition.onnx, inputs),
    supports: definition.supports,
    composite: definition.composite,
    cpuOnly: definition.cpuOnly,
  })
  return (left, right) => {
    const beside = typeof left === 'number' ? right : left
    if (typeof beside === 'number') return applyOne(operator, [constant(left as number), constant(beside)], {})
    return applyOne(operator, [toTensor(left, beside), toTensor(right, beside)], {})
  }
}
