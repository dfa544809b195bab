import type { DType } from '../dtype.ts'
import { isFloating } from '../dtype.ts'
import { broadcastViolation, dtypeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, defineOperator } from '../operator.ts'
import { broadcastShapes, type TensorType } from '../shape.ts'
import { constant, fill, type TensorLike, toTensor } from './constant.ts'
import {
  anything,
  binary,
  boolean,
  type Definition,
  type DTypeRule,
  integer,
  type NoAttributes,
  numeric,
  onCpu,
  requireDType,
  unary,
} from './elementwise-rule.ts'
import { log1p } from './exponential.ts'
import { sumTo } from './reduce-to.ts'

export const add = binary('add', { onnx: 'Add', summary: 'a + b' }, ({ dy }) => [() => dy, () => dy])
export const subtract = binary('subtract', { onnx: 'Sub', summary: 'a − b' }, ({ dy }) => [() => dy, () => negate(dy)])
export const multiply = binary('multiply', { onnx: 'Mul', summary: 'a · b' }, ({ a, b, dy }) => [
  () => multiply(dy, b),
  () => multiply(dy, a),
])
export const divide = binary('divide', { onnx: 'Div', summary: 'a / b' }, ({ b, y, dy }) => [
  () => divide(dy, b),
  () => negate(divide(multiply(dy, y), b)),
])
export const power = binary('power', { onnx: 'Pow', summary: 'a to the power b' }, ({ a, b, y, dy }) => [
  () => multiply(dy, multiply(b, power(a, subtract(b, 1)))),
  () => multiply(dy, multiply(y, log(a))),
])
const halfWhereEqual = (dy: Tensor, a: Tensor, b: Tensor, wins: Tensor): Tensor =>
  where(equal(a, b), multiply(dy, 0.5), where(wins, dy, multiply(dy, 0)))
export const maximum = binary('maximum', { onnx: 'Max', summary: 'The larger of a and b' }, ({ a, b, dy }) => [
  () => halfWhereEqual(dy, a, b, greater(a, b)),
  () => halfWhereEqual(dy, a, b, less(a, b)),
])
export const minimum = binary('minimum', { onnx: 'Min', summary: 'The smaller of a and b' }, ({ a, b, dy }) => [
  () => halfWhereEqual(dy, a, b, less(a, b)),
  () => halfWhereEqual(dy, a, b, greater(a, b)),
])
export const modulo = binary('modulo', {
  onnx: 'Mod',
  summary: 'Remainder of whole numbers, with the sign of b',
  accepts: integer,
  supports: onCpu,
  composite([a, b]) {
    if (!a || !b) return []
    const remainder = subtract(a, multiply(divide(a, b), b))
    const otherSide = less(multiply(sign(remainder), sign(b)), 0)
    return [where(otherSide, add(remainder, b), remainder)]
  },
})

const comparison = (name: string, onnx: string, sign: string, more: Partial<Definition> = {}) =>
  binary(name, { onnx, summary: `a ${sign} b`, accepts: numeric, ...more, result: 'bool' })
export const equal = comparison('equal', 'Equal', '=', {
  accepts: anything,
  supports: ([a], _, target) => a?.dtype !== 'bool' || target.device === 'cpu',
  composite: ([a, b]) => (a && b ? [equal(cast(a, 'i32'), cast(b, 'i32'))] : []),
})
export const less = comparison('less', 'Less', '<')
export const lessOrEqual = comparison('lessOrEqual', 'LessOrEqual', '≤')
export const greater = comparison('greater', 'Greater', '>')
export const greaterOrEqual = comparison('greaterOrEqual', 'GreaterOrEqual', '≥')
export const and = comparison('and', 'And', 'and', { accepts: boolean })
export const or = comparison('or', 'Or', 'or', {
  accepts: boolean,
  supports: onCpu,
  composite: ([a, b]) => (a && b ? [not(and(not(a), not(b)))] : []),
})
export const exclusiveOr = comparison('exclusiveOr', 'Xor', 'xor', {
  accepts: boolean,
  supports: onCpu,
  composite: ([a, b]) => (a && b ? [not(equal(a, b))] : []),
})
export const not = unary('not', { onnx: 'Not', summary: 'Not x', accepts: boolean })

export const negate = unary('negate', { onnx: 'Neg', summary: '−x', accepts: numeric }, (_x, _y, dy) => negate(dy))
export const exp = unary('exp', { onnx: 'Exp', summary: 'eˣ' }, (_, y, dy) => multiply(dy, y))
export const log = unary('log', { onnx: 'Log', summary: 'Natural logarithm' }, (x, _, dy) => divide(dy, x))
export const sqrt = unary('sqrt', { onnx: 'Sqrt', summary: 'Square root' }, (_, y, dy) => divide(multiply(dy, 0.5), y))
export const reciprocal = unary('reciprocal', { onnx: 'Reciprocal', summary: '1/x' }, (_, y, dy) =>
  negate(multiply(dy, multiply(y, y))),
)
export const absolute = unary('absolute', { onnx: 'Abs', summary: '|x|', accepts: numeric }, (x, _, dy) =>
  multiply(dy, sign(x)),
)
export const sin = unary('sin', { onnx: 'Sin', summary: 'Sine' }, (x, _, dy) => multiply(dy, cos(x)))
export const cos = unary('cos', { onnx: 'Cos', summary: 'Cosine' }, (x, _, dy) => negate(multiply(dy, sin(x))))
export const tanh = unary('tanh', { onnx: 'Tanh', summary: 'Hyperbolic tangent' }, (_, y, dy) =>
  multiply(dy, subtract(1, multiply(y, y))),
)
export const sigmoid = unary('sigmoid', { onnx: 'Sigmoid', summary: '1/(1 + e⁻ˣ)' }, (_, y, dy) =>
  multiply(dy, multiply(y, subtract(1, y))),
)
/** ONNX Runtime has no error function in f64, and none of f32 quality shall pass for one. */
const floatingButF64: DTypeRule = (dtype) => isFloating(dtype) && dtype !== 'f64'
export const erf = unary('erf', { onnx: 'Erf', summary: 'Error function', accepts: floatingButF64 }, (x, _, dy) =>
  multiply(dy, multiply(exp(negate(multiply(x, x))), 2 / Math.sqrt(Math.PI))),
)
export const relu = unary('relu', { onnx: 'Relu', summary: 'max(x, 0)' }, (x, _, dy) =>
  where(greater(x, 0), dy, multiply(dy, 0)),
)
export const softplus = unary(
  'softplus',
  {
    onnx: 'Softplus',
    summary: 'log(1 + eˣ)',
    supports: ([x]) => x?.dtype !== 'f64',
    composite: ([x]) => (x ? [add(maximum(x, 0), log1p(exp(negate(absolute(x)))))] : []),
  },
  (x, _, dy) => multiply(dy, sigmoid(x)),
)
export const sign = unary('sign', {
  onnx: 'Sign',
  summary: '−1, 0 or 1',
  accepts: numeric,
  supports: onCpu,
  composite: ([x]) => (x ? [subtract(cast(greater(x, 0), x.dtype), cast(less(x, 0), x.dtype))] : []),
})
export const floor = unary('floor', { onnx: 'Floor', summary: 'Largest whole number ≤ x' })
export const ceil = unary('ceil', { onnx: 'Ceil', summary: 'Smallest whole number ≥ x' })
export const round = unary('round', {
  onnx: 'Round',
  summary: 'Nearest whole number, halves to even',
  supports: onCpu,
  composite([x]) {
    if (!x) return []
    const below = floor(x)
    const rest = subtract(x, below)
    const odd = greater(subtract(below, multiply(floor(multiply(below, 0.5)), 2)), 0.5)
    const up = or(greater(rest, 0.5), and(equal(rest, 0.5), odd))
    return [add(below, cast(up, x.dtype))]
  },
})

const isNanOperator = defineOperator<NoAttributes>({
  name: 'isNaN',
  cpuOnly: true,
  summary: 'Whether x is not a number',
  constant: true,
  infer: ([x]) => [{ dtype: 'bool', shape: requireDType(x, isFloating).shape }],
  lower: (emitter, { inputs }) => emitter.node('IsNaN', inputs),
})
export const isNotANumber = (x: Tensor): Tensor => applyOne(isNanOperator, [x], {})

const whereOperator = defineOperator<NoAttributes>({
  name: 'where',
  summary: 'a where the condition holds, otherwise b',
  elementwise: true,
  broadcasts: true,
  infer([condition, left, right]) {
    const test = requireDType(condition, boolean)
    const a = requireDType(left, anything)
    const b = requireDType(right, anything)
    if (a.dtype !== b.dtype) throw dtypeViolation(`${a.dtype} and ${b.dtype} differ; cast one of them`)
    const values = broadcastShapes(a.shape, b.shape)
    if (!values) throw broadcastViolation(a.shape, b.shape)
    const shape = broadcastShapes(test.shape, values)
    if (!shape) throw broadcastViolation(test.shape, values)
    return [{ dtype: a.dtype, shape }]
  },
  gradient({ inputs, outputGradients: [dy], needs }) {
    const [condition, a, b] = inputs as readonly [Tensor, Tensor, Tensor]
    if (!dy) return []
    const nothing = fill([], 0, dy.dtype)
    return [
      undefined,
      needs[1] ? sumTo(where(condition, dy, nothing), a.shape) : undefined,
      needs[2] ? sumTo(where(condition, nothing, dy), b.shape) : undefined,
    ]
  },
  supports: ([, a]) => a?.dtype !== 'i8' && a?.dtype !== 'bool',
  lower: (emitter, { inputs }) => emitter.node('Where', inputs),
  composite([condition, a, b]) {
    if (!condition || !a || !b) return []
    if (a.dtype === 'i8') return [cast(where(condition, cast(a, 'i32'), cast(b, 'i32')), 'i8')]
    return [or(and(condition, a), and(not(condition), b))]
  },
})

/** `a` where `condition` holds and `b` elsewhere; all three are broadcast together. */
export function where(condition: Tensor, a: TensorLike, b: TensorLike): Tensor {
  const beside = typeof a === 'number' ? b : a
  if (typeof beside === 'number')
    return applyOne(whereOperator, [condition, constant(a as number), constant(beside)], {})
  return applyOne(whereOperator, [condition, toTensor(a, beside), toTensor(b, beside)], {})
}

const onnxType: Readonly<Record<DType, number>> = {
  f32: 1,
  u8: 2,
  i8: 3,
  i32: 6,
  i64: 7,
  bool: 9,
  f16: 10,
  f64: 11,
  bf16: 16,
}

const castOperator = defineOperator<{ readonly to: DType }>({
  name: 'cast',
  summary: 'The same values in another dtype',
  infer: ([x], { to }) => [{ dtype: to, shape: (x as TensorType).shape }],
  gradient({ inputs: [x], outputGradients: [dy] }) {
    return [dy && x && isFloating(x.dtype) ? cast(dy, x.dtype) : undefined]
  },
  lower: (emitter, { inputs, attributes }) => emitter.node('Cast', inputs, { to: onnxType[attributes.to] }),
})

/** `x` in another dtype; the tensor itself where it has that dtype already. */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : applyOne(castOperator, [x], { to: dtype })
}

export const square = (x: Tensor): Tensor => multiply(x, x)
