import {
  add,
  cast,
  constant,
  cos,
  divide,
  exp,
  iota,
  log,
  max,
  maximum,
  multiply,
  reshape,
  sin,
  subtract,
  type Tensor,
} from '../tensor/index.ts'
import type { RotaryTables } from './rotary.ts'

/** How Llama 3.1 stretches its frequencies. */
export interface Llama3Scaling {
  readonly factor: number
  /** Wavelengths above context / low are stretched by the whole factor. */
  readonly low: number
  /** Wavelengths below context / high stay. */
  readonly high: number
  /** Positions of pretraining. */
  readonly context: number
}

/** Frequencies under Llama 3.1's scaling (arXiv:2407.21783): slow ones stretched, fast ones kept, a blend between. */
export function llama3Frequencies(frequencies: Float64Array, scaling: Llama3Scaling): Float64Array {
  const { factor, low, high, context } = scaling
  return frequencies.map((frequency) => {
    const turns = (context * frequency) / (2 * Math.PI)
    const blend = Math.min(Math.max((turns - low) / (high - low), 0), 1)
    return frequency * (blend + (1 - blend) / factor)
  })
}

export interface YarnScaling {
  readonly factor: number
  /** Positions of pretraining. */
  readonly context: number
  /** Pairs that turn more often than this over the context stay as they are. */
  readonly fast: number
  /** Pairs that turn less often than this are stretched by the whole factor. */
  readonly slow: number
  /** Whether the borders between the pairs are rounded to whole pairs. */
  readonly truncate: boolean
}

/**
 * Frequencies under YaRN (Peng et al. 2023, arXiv:2309.00071, "NTK-by-parts").
 *
 * @param frequencies those of `rotaryFrequencies` for the same theta
 */
export function yarnFrequencies(frequencies: Float64Array, theta: number, scaling: YarnScaling): Float64Array {
  const { factor, context, fast, slow, truncate } = scaling
  const width = frequencies.length * 2
  const pairOf = (turns: number) => (width * Math.log(context / (turns * 2 * Math.PI))) / (2 * Math.log(theta))
  const low = Math.max(truncate ? Math.floor(pairOf(fast)) : pairOf(fast), 0)
  const high = Math.min(truncate ? Math.ceil(pairOf(slow)) : pairOf(slow), width - 1)
  // Borders that coincide make a step of the ramp.
  const span = high === low ? 0.001 : high - low
  return frequencies.map((frequency, pair) => {
    const stretched = Math.min(Math.max((pair - low) / span, 0), 1)
    return frequency * (1 - stretched + stretched / factor)
  })
}

/** YaRN's factor of attention scores for a stretch: 0.1 · weight · ln(factor) + 1. */
export function yarnScale(factor: number, weight = 1): number {
  return factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1
}

export interface DynamicScaling {
  readonly theta: number
  readonly factor: number
  /** Positions of pretraining; up to there nothing is stretched. */
  readonly context: number
}

/**
 * Tables whose base grows with the longest row of the step (dynamic NTK scaling): the only ones computed in the graph.
 *
 * @param width features of a head that turn
 * @param positions i64 `[B, S]`
 * @param length number of positions in the tables
 */
export function dynamicRotaryTables(
  width: number,
  { theta, factor, context }: DynamicScaling,
  positions: Tensor,
  length: number,
): RotaryTables {
  const longest = maximum(add(cast(max(positions), 'f32'), 1), context)
  const stretch = subtract(divide(multiply(longest, factor), context), factor - 1)
  const logBase = add(multiply(log(stretch), width / (width - 2)), Math.log(theta))
  const exponents = constant(Array.from({ length: width / 2 }, (_, pair) => (-2 * pair) / width))
  const frequencies = exp(multiply(exponents, logBase))
  const angles = multiply(reshape(iota(length, 'f32'), [length, 1]), frequencies)
  return { cos: cos(angles), sin: sin(angles) }
}
