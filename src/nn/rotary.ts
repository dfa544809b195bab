import { constant, type Tensor } from '../tensor/index.ts'

/** Cosines and sines by position, each `[positions, width/2]`. */
export interface RotaryTables {
  readonly cos: Tensor
  readonly sin: Tensor
}

/** Angular frequencies of the pairs of a head: theta^(−2i/width). */
export function rotaryFrequencies(width: number, theta = 10000): Float64Array {
  return Float64Array.from({ length: width / 2 }, (_, pair) => theta ** ((-2 * pair) / width))
}

/**
 * Tables for `rope` (arXiv:2104.09864).
 *
 * @param frequencies one for each pair of features
 * @param positions number of positions, from 0
 * @param scale factor of both tables (YaRN's attention factor)
 */
export function rotaryTables(frequencies: Float64Array, positions: number, scale = 1): RotaryTables {
  const pairs = frequencies.length
  const [cos, sin] = [new Float32Array(positions * pairs), new Float32Array(positions * pairs)]
  for (let position = 0; position < positions; position++) {
    for (let pair = 0; pair < pairs; pair++) {
      const angle = position * (frequencies[pair] as number)
      cos[position * pairs + pair] = Math.cos(angle) * scale
      sin[position * pairs + pair] = Math.sin(angle) * scale
    }
  }
  const shape = [positions, pairs]
  return { cos: constant(cos, { shape }), sin: constant(sin, { shape }) }
}
