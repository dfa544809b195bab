import { uniforms } from '../../environments/random.ts'
import { R1Error } from '../../errors.ts'

/**
 * Chance that at least one of k samples is right, estimated without bias from n samples of which c are right:
 * 1 − C(n−c, k) / C(n, k) (Chen et al. 2021, arXiv:2107.03374, equation 1).
 *
 * @throws R1Error `bad-argument`
 */
export function passAtK(samples: number, correct: number, k: number): number {
  checkK(samples, k)
  if (samples - correct < k) return 1
  let allWrong = 1
  for (let index = samples - correct + 1; index <= samples; index++) allWrong *= 1 - k / index
  return 1 - allWrong
}

/** One sampled answer to a question. */
export interface Vote {
  /** The answer as it is compared with others; undefined where none was found, which never wins. */
  readonly answer: string | undefined
  readonly correct: boolean
}

export interface MajorityOptions {
  readonly seed?: number
  /** Random sets of k that are averaged where k is less than all samples. Default 1000. */
  readonly draws?: number
}

/**
 * Chance that the most frequent answer of k samples is right (self-consistency, Wang et al. 2022, arXiv:2203.11171): the
 * mean over random sets of k out of all samples; of answers as frequent, each wins equally often.
 *
 * @throws R1Error `bad-argument`
 */
export function majorityAtK(
  votes: readonly Vote[],
  k: number,
  { seed = 0, draws = 1000 }: MajorityOptions = {},
): number {
  checkK(votes.length, k)
  if (k === votes.length) return majority(votes)
  const random = uniforms(seed)
  const order = [...votes]
  let sum = 0
  for (let draw = 0; draw < draws; draw++) {
    for (let index = 0; index < k; index++) {
      const other = index + Math.floor(random() * (order.length - index))
      ;[order[index], order[other]] = [order[other] as Vote, order[index] as Vote]
    }
    sum += majority(order.slice(0, k))
  }
  return sum / draws
}

function majority(votes: readonly Vote[]): number {
  const counts = new Map<string, { count: number; correct: boolean }>()
  for (const { answer, correct } of votes) {
    if (answer === undefined) continue
    counts.set(answer, { count: (counts.get(answer)?.count ?? 0) + 1, correct })
  }
  const most = Math.max(0, ...[...counts.values()].map(({ count }) => count))
  const winners = [...counts.values()].filter(({ count }) => count === most)
  return winners.length === 0 ? 0 : winners.filter(({ correct }) => correct).length / winners.length
}

/** One sampled answer with what a verifier says of it. */
export interface Scored {
  readonly score: number
  readonly correct: boolean
}

/**
 * Chance that the sample a verifier scores highest among k is right, exactly, over all sets of k out of all samples; of
 * samples with one score each is taken equally often.
 *
 * @throws R1Error `bad-argument`
 */
export function verifierBestAtK(samples: readonly Scored[], k: number): number {
  checkK(samples.length, k)
  const groups = new Map<number, { count: number; correct: number }>()
  for (const { score, correct } of samples) {
    const group = groups.get(score) ?? { count: 0, correct: 0 }
    groups.set(score, { count: group.count + 1, correct: group.correct + (correct ? 1 : 0) })
  }
  // Chance that the best of k lies at or below a score: that all k come from the samples up to it.
  let below = 0
  let chance = 0
  for (const [, { count, correct }] of [...groups].sort(([left], [right]) => left - right)) {
    const within = allWithin(below + count, samples.length, k) - allWithin(below, samples.length, k)
    chance += within * (correct / count)
    below += count
  }
  return chance
}

/** C(part, k) / C(all, k). */
function allWithin(part: number, all: number, k: number): number {
  let chance = 1
  for (let index = 0; index < k; index++) chance *= Math.max(part - index, 0) / (all - index)
  return chance
}

function checkK(samples: number, k: number): void {
  if (Number.isSafeInteger(k) && k >= 1 && k <= samples) return
  throw new R1Error('bad-argument', `k is ${k}, but there are ${samples} samples.`, {
    remedy: 'Take k from 1 to the number of samples.',
  })
}
