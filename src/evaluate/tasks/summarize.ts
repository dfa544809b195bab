import { bootstrap, type Interval } from '../metrics/bootstrap.ts'
import { majorityAtK, passAtK, verifierBestAtK } from '../metrics/samples.ts'
import type { Sample } from './outcome.ts'

/** What a model reached on a task; intervals hold 95 % and say how much other problems would change. */
export interface TaskSummary {
  /** Problems that were measured, and samples for each. */
  readonly examples: number
  readonly samples: number
  /** Share of all samples that are right: pass@1. */
  readonly accuracy: Interval
  readonly reward: Interval
  /** By k, each up to the number of samples: 1, 2, 4, 8, … */
  readonly passAt: Readonly<Record<number, Interval>>
  /** By k; where samples give answers that can be compared. */
  readonly majorityAt: Readonly<Record<number, Interval>>
  /** By k; where a checker without the answer scores samples. */
  readonly verifierBestAt: Readonly<Record<number, Interval>>
  /** Means of the parts of the reward. */
  readonly parts: Readonly<Record<string, number>>
  /** Mean number of tokens of a text, and share of texts cut at the limit. */
  readonly length: number
  readonly truncated: number
  /** Samples without a reward; they are in no other number. */
  readonly failures: number
}

/** Puts the samples of a task together. @param samples how many there are for each problem */
export function summarize(all: readonly Sample[], samples: number, seed: number): TaskSummary | undefined {
  const rewarded = all.filter(({ reward }) => reward !== undefined)
  const groups = [...groupBy(rewarded, ({ example }) => example).values()]
  if (groups.length === 0) return undefined
  const powers = Array.from({ length: Math.floor(Math.log2(samples)) + 1 }, (_, power) => 2 ** power)
  const counts = [...new Set([...powers, samples])].filter((k) => k > 1)
  /** The mean over problems; for k samples over those that have so many. */
  const valuesOf = (measure: (group: readonly Sample[]) => number, least: number) =>
    groups.filter(({ length }) => length >= least).map(measure)
  const overGroups = (measure: (group: readonly Sample[]) => number, least = 1): Interval => {
    const values = valuesOf(measure, least)
    const meanOf = (indices: readonly number[]) => mean(indices.map((index) => values[index] as number))
    return values.length === 0
      ? { value: Number.NaN, low: Number.NaN, high: Number.NaN }
      : bootstrap(values.length, meanOf, { seed })
  }
  const shareOver: typeof overGroups = (measure, least = 1) =>
    bounded(overGroups(measure, least), valuesOf(measure, least).length)
  const byK = (measure: (group: readonly Sample[], k: number) => number) =>
    Object.fromEntries(
      counts
        .filter((k) => groups.some(({ length }) => length >= k))
        .map((k) => [k, shareOver((group) => measure(group, k), k)]),
    )
  const votes = rewarded.some(({ answer }) => answer !== undefined)
  const verified = rewarded.every((sample) => sample.verified !== undefined)
  return {
    examples: groups.length,
    samples,
    accuracy: shareOver((group) => mean(group.map(({ correct }) => Number(correct)))),
    reward: overGroups((group) => mean(group.map(({ reward }) => reward as number))),
    passAt: byK((group, k) => passAtK(group.length, group.filter(({ correct }) => correct).length, k)),
    majorityAt: votes ? byK((group, k) => majorityAtK(group, k, { seed, draws: 200 })) : {},
    verifierBestAt: verified
      ? byK((group, k) =>
          verifierBestAtK(
            group.map((sample) => ({ score: sample.verified as number, correct: sample.correct })),
            k,
          ),
        )
      : {},
    parts: meanParts(rewarded),
    length: mean(all.map(({ tokens }) => tokens)),
    truncated: mean(all.map(({ finish }) => Number(finish !== 'stop'))),
    failures: all.length - rewarded.length,
  }
}

/**
 * Where every problem comes out the same, resampling says nothing: the exact bound of a share of 0 or 1 (Clopper and Pearson 1934)
 * stands instead.
 */
function bounded(interval: Interval, problems: number): Interval {
  const { value, low, high } = interval
  const width = 1 - 0.025 ** (1 / problems)
  if (low !== high || (value !== 0 && value !== 1)) return interval
  return value === 0 ? { value, low, high: width } : { value, low: 1 - width, high }
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

function groupBy<T, Key>(items: readonly T[], keyOf: (item: T) => Key): Map<Key, T[]> {
  const groups = new Map<Key, T[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}

function meanParts(samples: readonly Sample[]): Record<string, number> {
  const names = new Set(samples.flatMap(({ parts }) => Object.keys(parts)))
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      mean(samples.flatMap(({ parts }) => (name in parts ? [parts[name] as number] : []))),
    ]),
  )
}
