import {
  absolute,
  add,
  and,
  bitwiseAnd,
  bitwiseNot,
  bitwiseOr,
  bitwiseXor,
  cast,
  ceil,
  clamp,
  cos,
  divide,
  elu,
  equal,
  erf,
  exclusiveOr,
  exp,
  expm1,
  floor,
  greater,
  greaterOrEqual,
  hardSigmoid,
  isFiniteNumber,
  isNotANumber,
  leakyRelu,
  less,
  lessOrEqual,
  log,
  log1p,
  maximum,
  minimum,
  modulo,
  multiply,
  negate,
  not,
  or,
  power,
  reciprocal,
  relu,
  round,
  shiftLeft,
  shiftRight,
  sigmoid,
  sign,
  sin,
  softplus,
  sqrt,
  subtract,
  type Tensor,
  tanh,
  where,
} from '../../index.ts'
import { between, booleans, type CaseInput, floats, given, integers, type OperatorCase } from '../case.ts'
import { errorFunction, map, zip } from '../plain.ts'

type Unary = readonly [
  operator: string,
  call: (x: Tensor) => Tensor,
  reference: (x: number) => number,
  more?: Partial<OperatorCase> & { readonly x?: CaseInput },
]

const bit = (condition: boolean): number => (condition ? 1 : 0)
const constant = { gradient: 'none' } as const
const smooth = { second: true } as const
const halves = given([-2.5, -1.5, -0.5, 0, 0.5, 1.5, 2.5, 0.3, -0.7], 'batch', 5)
const special = given([1, Number.NaN, Number.POSITIVE_INFINITY, -2, Number.NEGATIVE_INFINITY, 0], 'batch', 3)
const away = given([-2, -0.6, -0.3, 0.2, 0.7, 3], 'batch', 3)
const whole = integers([-7, -2, -1, 0, 1, 5, 9], 'batch', 4)

const unaries: readonly Unary[] = [
  ['negate', negate, (x) => -x, smooth],
  ['exp', exp, Math.exp, smooth],
  ['log', log, Math.log, { x: between(0.3, 3, 'batch', 3), ...smooth }],
  ['sqrt', sqrt, Math.sqrt, { x: between(0.3, 3, 'batch', 3), ...smooth }],
  ['reciprocal', reciprocal, (x) => 1 / x, { x: between(0.5, 3, 'batch', 3), ...smooth }],
  ['absolute', absolute, Math.abs, { x: away }],
  ['sin', sin, Math.sin, smooth],
  ['cos', cos, Math.cos, smooth],
  ['tanh', tanh, Math.tanh, smooth],
  ['sigmoid', sigmoid, (x) => 1 / (1 + Math.exp(-x)), smooth],
  ['erf', erf, errorFunction, { gradient: 'f32', ...smooth }],
  ['relu', relu, (x) => Math.max(x, 0), { x: away }],
  ['softplus', softplus, (x) => Math.log1p(Math.exp(x)), smooth],
  ['log1p', log1p, Math.log1p, { x: given([1e-6, -0.4, 0.5, 3, -1e-7, 40], 'batch', 3), ...smooth }],
  ['expm1', expm1, Math.expm1, { x: given([1e-6, -0.4, 0.5, 2, -1e-7, -9], 'batch', 3), ...smooth }],
  ['sign', sign, Math.sign, { x: halves, ...constant }],
  ['floor', floor, Math.floor, { x: halves, ...constant }],
  ['ceil', ceil, Math.ceil, { x: halves, ...constant }],
  [
    'round',
    round,
    (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x)),
    { x: halves, ...constant },
  ],
  ['isNaN', isNotANumber, (x) => bit(Number.isNaN(x)), { x: special, ...constant }],
  ['less', isFiniteNumber, (x) => bit(Number.isFinite(x)), { name: 'isFiniteNumber', x: special, ...constant }],
  ['not', not, (x) => 1 - x, { x: booleans('batch', 5), ...constant }],
  ['bitwiseNot', bitwiseNot, (x) => ~x, { x: whole, ...constant }],
  ['multiply', (x) => shiftLeft(x, 3), (x) => x << 3, { name: 'shiftLeft', x: whole, ...constant }],
  ['divide', (x) => shiftRight(x, 1), (x) => x >> 1, { name: 'shiftRight', x: whole, ...constant }],
  ['cast', (x) => cast(x, 'i32'), Math.trunc, { name: 'to i32', x: halves, ...constant }],
  ['cast', (x) => cast(x, 'f64'), (x) => x, { name: 'to f64', gradient: 'f32' }],
  ['minimum', (x) => clamp(x, -0.5, 0.5), (x) => Math.min(Math.max(x, -0.5), 0.5), { name: 'clamp', x: away }],
  ['where', leakyRelu, (x) => (x > 0 ? x : 0.01 * x), { name: 'leakyRelu', x: away }],
  ['where', (x) => elu(x, 2), (x) => (x > 0 ? x : 2 * Math.expm1(x)), { name: 'elu', x: away }],
  [
    'minimum',
    hardSigmoid,
    (x) => Math.min(Math.max(x / 6 + 0.5, 0), 1),
    { name: 'hardSigmoid', x: given([-4, -1, 0.5, 2, 3.5, 4], 'batch', 3) },
  ],
]

type Binary = readonly [
  operator: string,
  call: (a: Tensor, b: Tensor) => Tensor,
  reference: (a: number, b: number) => number,
  more?: Partial<OperatorCase> & { readonly a?: CaseInput; readonly b?: CaseInput },
]

const compared = { a: given([1, 2, -3, 2], 'batch', 4), b: given([1, 3, -4, 2], 4), ...constant }
const logical = { a: booleans('batch', 1, 6), b: booleans(3, 6), ...constant }
const bits = { a: whole, b: integers([3, -6, 12, 7], 4), ...constant }

const binaries: readonly Binary[] = [
  ['add', add, (a, b) => a + b, smooth],
  ['subtract', subtract, (a, b) => a - b, smooth],
  ['multiply', multiply, (a, b) => a * b, smooth],
  ['divide', divide, (a, b) => a / b, { b: between(0.5, 2, 3), ...smooth }],
  ['power', power, (a, b) => a ** b, { a: between(0.5, 2, 'batch', 3), ...smooth }],
  ['maximum', maximum, Math.max],
  ['minimum', minimum, Math.min],
  [
    'maximum',
    maximum,
    Math.max,
    { name: 'of equals', a: given([1, 2], 'batch', 2), b: given([1, 1], 2), gradient: 'none' },
  ],
  ['divide', divide, (a, b) => Math.trunc(a / b), { name: 'of whole numbers', ...bits }],
  ['modulo', modulo, (a, b) => a - b * Math.floor(a / b), bits],
  ['equal', equal, (a, b) => bit(a === b), compared],
  ['equal', equal, (a, b) => bit(a === b), { name: 'of booleans', ...logical }],
  ['less', less, (a, b) => bit(a < b), compared],
  ['lessOrEqual', lessOrEqual, (a, b) => bit(a <= b), compared],
  ['greater', greater, (a, b) => bit(a > b), compared],
  ['greaterOrEqual', greaterOrEqual, (a, b) => bit(a >= b), compared],
  ['and', and, (a, b) => a & b, logical],
  ['or', or, (a, b) => a | b, logical],
  ['exclusiveOr', exclusiveOr, (a, b) => a ^ b, logical],
  ['bitwiseAnd', bitwiseAnd, (a, b) => a & b, bits],
  ['bitwiseOr', bitwiseOr, (a, b) => a | b, bits],
  ['bitwiseXor', bitwiseXor, (a, b) => a ^ b, bits],
]

const unaryCase = ([operator, call, reference, more = {}]: Unary): OperatorCase => {
  const { x = floats('batch', 3), ...rest } = more
  return {
    operator,
    inputs: { x },
    build: ({ x }) => call(x as Tensor),
    reference: ({ x }) => map(x as never, reference),
    ...rest,
  }
}

const binaryCase = ([operator, call, reference, more = {}]: Binary): OperatorCase => {
  const { a = floats('batch', 3), b = floats(3), ...rest } = more
  return {
    operator,
    inputs: { a, b },
    build: ({ a, b }) => call(a as Tensor, b as Tensor),
    reference: ({ a, b }) => zip(reference, a as never, b as never),
    ...rest,
  }
}

export const elementwiseCases: readonly OperatorCase[] = [
  ...unaries.map(unaryCase),
  ...binaries.map(binaryCase),
  {
    operator: 'where',
    inputs: { condition: booleans('batch', 1), a: floats(3), b: floats('batch', 3) },
    build: ({ condition, a, b }) => where(condition as Tensor, a as Tensor, b as Tensor),
    reference: ({ condition, a, b }) => zip((c, x, y) => (c ? x : y), condition as never, a as never, b as never),
    second: true,
  },
  {
    operator: 'where',
    name: 'of booleans',
    inputs: { condition: booleans('batch', 5), a: booleans(5), b: booleans('batch', 5) },
    build: ({ condition, a, b }) => where(condition as Tensor, a as Tensor, b as Tensor),
    reference: ({ condition, a, b }) => zip((c, x, y) => (c ? x : y), condition as never, a as never, b as never),
    gradient: 'none',
  },
  {
    operator: 'multiply',
    name: 'with a number',
    inputs: { x: floats('batch', 3) },
    build: ({ x }) => multiply(2, subtract(1, x as Tensor)),
    reference: ({ x }) => map(x as never, (value) => 2 * (1 - value)),
  },
]
