import { add, type Dimension, type DType, gradients, multiply, sum, type Tensor } from '../index.ts'
import { randomUniform, streamKey } from '../random.ts'
import { Plain, size } from './plain.ts'

/** What an input of a case looks like, and the values it takes. */
export interface CaseInput {
  /** The named dimension `batch` is 2, or has its name where a case is run with named dimensions. */
  readonly shape: readonly Dimension[]
  /** `float` takes the dtype of the run. */
  readonly dtype: DType | 'float'
  /** An element, from a uniform number in (0, 1) and its place. */
  readonly value: (uniform: number, place: number) => number
  /** False for a floating input whose gradient is not asked for. */
  readonly differentiable: boolean
}

export type CaseTensors = { readonly [name: string]: Tensor }
export type CaseValues = { readonly [name: string]: Plain }

/** A use of one operator with known results. */
export interface OperatorCase {
  /** The entry of the op table that the case proves. */
  readonly operator: string
  /** What is special about the case. */
  readonly name?: string
  readonly inputs: Readonly<Record<string, CaseInput>>
  readonly build: (inputs: CaseTensors) => Tensor | readonly Tensor[]
  /** The same in plain JavaScript; left out only where another case gives the values. */
  readonly reference?: (inputs: CaseValues) => Plain | readonly Plain[]
  /** `f32` where ONNX Runtime has no form for f64: differences are then taken in f32. Nothing for constants. */
  readonly gradient?: 'f64' | 'f32' | 'none'
  /** Whether the gradient of the gradient is checked too. */
  readonly second?: boolean
  /** Largest relative error of f32 values and gradients against f64; 2e-5 without it. */
  readonly tolerance?: number
}

const input = (shape: readonly Dimension[], more: Partial<CaseInput> = {}): CaseInput => ({
  shape,
  dtype: 'float',
  value: (uniform) => 3 * uniform - 1.5,
  differentiable: true,
  ...more,
})

/** Numbers in −1.5 … 1.5. */
export const floats = (...shape: Dimension[]): CaseInput => input(shape)
/** Numbers in `low … high`. */
export const between = (low: number, high: number, ...shape: Dimension[]): CaseInput =>
  input(shape, { value: (uniform) => low + (high - low) * uniform })
/** Given numbers. */
export const given = (values: readonly number[], ...shape: Dimension[]): CaseInput =>
  input(shape, { value: (_, place) => values[place % values.length] as number })
/** Whole numbers in `0 … limit − 1`. */
export const indices = (limit: number, ...shape: Dimension[]): CaseInput =>
  input(shape, { dtype: 'i64', value: (uniform) => Math.floor(uniform * limit), differentiable: false })
/** Given whole numbers. */
export const integers = (values: readonly number[], ...shape: Dimension[]): CaseInput =>
  input(shape, { dtype: 'i64', value: (_, place) => values[place % values.length] as number, differentiable: false })
export const booleans = (...shape: Dimension[]): CaseInput =>
  input(shape, { dtype: 'bool', value: (uniform) => (uniform < 0.5 ? 0 : 1), differentiable: false })
export const fixed = (of: CaseInput): CaseInput => ({ ...of, differentiable: false })

export function label({ operator, name }: OperatorCase): string {
  return name ? `${operator}: ${name}` : operator
}

/** The extents of an input with `batch` in the place of its name. */
export function extents(shape: readonly Dimension[], batch = 2): number[] {
  return shape.map((extent) => (extent === 'batch' ? batch : Number(extent)))
}

/** The values of a case: numbers that f32 holds, the same in every run. */
export function valuesOf(operatorCase: OperatorCase, batch = 2): Record<string, Plain> {
  return Object.fromEntries(
    Object.entries(operatorCase.inputs).map(([name, { shape, value }]) => {
      const known = extents(shape, batch)
      const key = streamKey(1, `${label(operatorCase)}/${name}`)
      const element = (_: unknown, place: number) => Math.fround(value(randomUniform(key, place), place))
      return [name, new Plain(known, Array.from({ length: size(known) }, element))]
    }),
  )
}

export function outputsOf(operatorCase: OperatorCase, inputs: CaseTensors): readonly Tensor[] {
  const built = operatorCase.build(inputs)
  return Array.isArray(built) ? (built as readonly Tensor[]) : [built as Tensor]
}

/** Names of the inputs by which a case is differentiated. */
export function differentiable({ inputs }: OperatorCase): string[] {
  return Object.keys(inputs).filter((name) => inputs[name]?.differentiable && inputs[name]?.dtype === 'float')
}

/**
 * The gradients of a case as a case of their own: its outputs are the gradients by each input, for gradients of the outputs
 * that are inputs too.
 *
 * @param operator the entry that this case proves: the gradient's own operator, or again the one it is the gradient of
 * @param shapes shapes of the outputs
 */
export function gradientCase(of: OperatorCase, operator: string, ...shapes: readonly Dimension[][]): OperatorCase {
  const upstream = Object.fromEntries(shapes.map((shape, index) => [`upstream${index}`, floats(...shape)]))
  return {
    operator,
    name: `gradient of ${label(of)}`,
    inputs: { ...of.inputs, ...upstream },
    build(inputs) {
      const parts = outputsOf(of, inputs).slice(0, shapes.length)
      const losses = parts.map((output, index) => sum(multiply(output, inputs[`upstream${index}`] as Tensor)))
      const wrt = differentiable(of).map((name) => inputs[name] as Tensor)
      return gradients(losses.reduce(add), wrt)
    },
    gradient: of.gradient,
    tolerance: of.tolerance,
  }
}
