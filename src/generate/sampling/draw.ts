import { R1Error } from '../../errors.ts'
import { CandidateList } from './candidates.ts'
import type { SamplingOptions } from './options.ts'

/**
 * The place of the largest logit, the first of equals.
 *
 * @throws R1Error `bad-logits` where no token is possible or a logit is NaN
 */
export function mostLikely(logits: Float32Array): number {
  let best = -1
  let largest = Number.NEGATIVE_INFINITY
  let sum = 0
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number
    // A NaN anywhere stays in the sum; infinities of both signs, too, would make one.
    sum += logit - logit
    if (logit > largest) {
      largest = logit
      best = id
    }
  }
  if (best >= 0 && largest < Number.POSITIVE_INFINITY && !hasNaN(logits, sum)) return best
  throw badLogits()
}

/** What says that no token can follow. */
export function badLogits(): R1Error {
  return new R1Error('bad-logits', 'The model gave no usable probabilities for the next token.', {
    remedy: 'Check the checkpoint for values that are not finite, and what forbids tokens.',
  })
}

/** Tells NaN from −∞, whose difference with itself is NaN as well. */
function hasNaN(logits: Float32Array, sum: number): boolean {
  return Number.isNaN(sum) && logits.some((logit) => Number.isNaN(logit))
}

/** Whether the most likely token is taken, whatever the random number is. */
export function isGreedy({ temperature = 0, topK }: SamplingOptions): boolean {
  return temperature === 0 || topK === 1
}

/**
 * Chooses a token: by temperature, then top-k, top-p and min-p, each on what the one before left.
 *
 * @param logits `[V]`, with penalties and biases applied
 * @param uniform a random number in (0, 1)
 * @throws R1Error `bad-logits`
 */
export function drawToken(logits: Float32Array, options: SamplingOptions, uniform: number): number {
  const { temperature = 0, topK, topP = 1, minP = 0 } = options
  const best = mostLikely(logits)
  if (isGreedy(options)) return best
  const candidates = CandidateList.of(logits, best, temperature)
  if (topK !== undefined) candidates.keepMost(topK)
  if (topP < 1) candidates.keepMass(topP)
  if (minP > 0) candidates.keepAbove(minP)
  return candidates.at(uniform)
}
