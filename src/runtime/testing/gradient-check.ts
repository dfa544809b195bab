import { add, type DType, gradients, multiply, sum, type Tensor } from '../../tensor/index.ts'
import { randomUniform, streamKey } from '../../tensor/random.ts'
import { NDArray } from '../array.ts'
import { type Jit, type JitOptions, jit } from '../jit.ts'

/** A function of named tensors. */
export type Differentiated = (inputs: { readonly [name: string]: Tensor }) => readonly Tensor[]
type Arrays = { readonly [name: string]: NDArray }

export interface GradientCheckOptions {
  /** Names of the inputs by which is differentiated. */
  readonly by: readonly string[]
  readonly threads?: number
  /** Step of the central difference. */
  readonly step: number
  /** Largest error, relative to the sum of the products' absolute values. */
  readonly tolerance: number
  /** Random directions an input. */
  readonly directions?: number
  /** Single elements an input. */
  readonly coordinates?: number
}

/** A derivative that disagrees with its difference quotient. */
export interface Disagreement {
  readonly input: string
  readonly along: string
  readonly derivative: number
  readonly difference: number
}

const noise = (stream: string, count: number): number[] => {
  const key = streamKey(2, stream)
  return Array.from({ length: count }, (_, index) => Math.fround(2 * randomUniform(key, index) - 1))
}

const dot = (left: readonly number[], right: readonly number[]): number =>
  left.reduce((total, value, index) => total + value * (right[index] as number), 0)

/** Weights that make one number of all outputs: L = Σ weight · output. */
function weightsOf(outputs: readonly NDArray[]): NDArray[] {
  return outputs.map(({ shape, size, dtype }, index) => NDArray.from(noise(`weight${index}`, size), shape, dtype))
}

/** Analytic gradients of L by each input of `by`. */
export function gradientsOf(body: Differentiated, arrays: Arrays, by: readonly string[], options: JitOptions = {}) {
  using value = jit((inputs: { readonly [name: string]: Tensor }) => ({ outputs: body(inputs) }), options)
  const weights = weightsOf(value.runSync(arrays).outputs as readonly NDArray[])
  using derivative = jit(
    ({ inputs, weights }: { inputs: { readonly [name: string]: Tensor }; weights: readonly Tensor[] }) => {
      const losses = body(inputs).map((output, index) => sum(multiply(output, weights[index] as Tensor)))
      return gradients(
        losses.reduce(add),
        by.map((name) => inputs[name] as Tensor),
      )
    },
    options,
  )
  const found = derivative.runSync({ inputs: arrays, weights } as never) as readonly NDArray[]
  return new Map(by.map((name, index) => [name, found[index] as NDArray]))
}

/**
 * Compares gradients with central differences of L = Σ weight · output, along random directions and single coordinates.
 *
 * @returns every disagreement beyond the tolerance
 */
export function checkGradient(body: Differentiated, arrays: Arrays, options: GradientCheckOptions): Disagreement[] {
  const { by, threads, step, tolerance, directions = 2, coordinates = 3 } = options
  using value = jit((inputs: { readonly [name: string]: Tensor }) => ({ outputs: body(inputs) }), { threads })
  const weights = weightsOf(value.runSync(arrays).outputs as readonly NDArray[]).map((array) => array.toNumbers())
  const found = gradientsOf(body, arrays, by, { threads })
  return by.flatMap((name) => {
    const array = arrays[name] as NDArray
    const gradient = (found.get(name) as NDArray).toNumbers()
    const probes = [
      ...Array.from({ length: directions }, (_, index) => ({
        along: `direction ${index}`,
        direction: noise(`${name}${index}`, array.size),
      })),
      ...noise(name, Math.min(coordinates, array.size)).map((uniform) => {
        const place = Math.floor(((uniform + 1) / 2) * array.size)
        return { along: `element ${place}`, direction: gradient.map((_, index) => (index === place ? 1 : 0)) }
      }),
    ]
    return probes.flatMap(({ along, direction }) => {
      const difference = slope({ value, arrays, name, direction, step, weights })
      const derivative = dot(gradient, direction)
      const scale =
        1 + gradient.reduce((total, slope, index) => total + Math.abs(slope * (direction[index] as number)), 0)
      const agrees = Math.abs(difference - derivative) <= tolerance * scale
      return agrees ? [] : [{ input: name, along, derivative, difference }]
    })
  })
}

interface Probe {
  readonly value: Jit<{ readonly [name: string]: Tensor }, { outputs: readonly Tensor[] }>
  readonly arrays: Arrays
  readonly name: string
  readonly direction: readonly number[]
  readonly step: number
  readonly weights: readonly (readonly number[])[]
}

/** (L(x + step · direction) − L(x − step · direction)) / 2 step, with the sums taken in double precision. */
function slope({ value, arrays, name, direction, step, weights }: Probe): number {
  const array = arrays[name] as NDArray
  const center = array.toNumbers()
  const at = (sign: number) => {
    const moved = shifted(center, direction, sign * step, array.dtype)
    const outputs = value.runSync({ ...arrays, [name]: NDArray.from(moved, array.shape, array.dtype) }).outputs
    const loss = (outputs as readonly NDArray[]).reduce(
      (sum, output, index) => sum + dot(output.toNumbers(), weights[index] as readonly number[]),
      0,
    )
    return loss
  }
  return (at(1) - at(-1)) / (2 * step)
}

function shifted(center: readonly number[], direction: readonly number[], step: number, dtype: DType): number[] {
  const moved = center.map((value, index) => value + step * (direction[index] as number))
  return dtype === 'f32' ? moved.map(Math.fround) : moved
}
