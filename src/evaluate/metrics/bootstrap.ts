import { uniforms } from '../../environments/random.ts'
import { R1Error } from '../../errors.ts'

export interface Interval {
  /** The statistic of all examples. */
  readonly value: number
  readonly low: number
  readonly high: number
}

export interface BootstrapOptions {
  readonly seed?: number
  /** Default 1000. */
  readonly resamples?: number
  /** Share of resamples that the interval holds. Default 0.95. */
  readonly level?: number
}

/**
 * A statistic with its bootstrap interval (Efron 1979, percentiles): what it would be had other examples been drawn.
 *
 * @param examples how many there are
 * @param statistic of the examples with these indices, some of which come several times
 * @throws R1Error `bad-argument` for no examples
 *
 * @example
 * const scores = sentences.map(([hypothesis, reference]) => bleuStatistics(hypothesis, reference))
 * bootstrap(scores.length, (indices) => bleuOf(indices.map((index) => scores[index])).score)
 */
export function bootstrap(
  examples: number,
  statistic: (indices: readonly number[]) => number,
  { seed = 0, resamples = 1000, level = 0.95 }: BootstrapOptions = {},
): Interval {
  if (examples < 1) throw new R1Error('bad-argument', 'There are no examples to measure.')
  const random = uniforms(seed)
  const indices = Array.from({ length: examples }, (_, index) => index)
  const value = statistic(indices)
  const drawn = Float64Array.from({ length: resamples }, () =>
    statistic(indices.map(() => Math.floor(random() * examples))),
  ).sort()
  return { value, low: percentile(drawn, (1 - level) / 2), high: percentile(drawn, (1 + level) / 2) }
}

/** {@link bootstrap} of a mean. @param values one an example: 1 or 0 for right and wrong, a score, a difference of two */
export function bootstrapMean(values: readonly number[], options?: BootstrapOptions): Interval {
  const mean = (indices: readonly number[]) =>
    indices.reduce((sum, index) => sum + (values[index] as number), 0) / indices.length
  return bootstrap(values.length, mean, options)
}

/** @param sorted ascending @param share 0 to 1; between two values a straight line */
function percentile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1)
  const low = sorted[Math.floor(place)] as number
  return low + (place % 1) * ((sorted[Math.ceil(place)] as number) - low)
}
