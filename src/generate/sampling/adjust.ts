import type { History } from './history.ts'
import { biasEntries, type SamplingOptions } from './options.ts'

/** Whether {@link adjustLogits} would change anything. */
export function adjusts(options: SamplingOptions): boolean {
  const { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 } = options
  return repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0 || biasEntries(options).length > 0
}

/**
 * Applies penalties, then biases, in place.
 *
 * @param logits `[V]`
 */
export function adjustLogits(logits: Float32Array, options: SamplingOptions, history: History): void {
  const { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 } = options
  const change = (id: number, by: (logit: number) => number) => {
    if (id < logits.length) logits[id] = by(logits[id] as number)
  }
  if (repetitionPenalty !== 1) {
    for (const id of history.seen())
      change(id, (logit) => (logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty))
  }
  if (presencePenalty !== 0 || frequencyPenalty !== 0) {
    for (const [id, count] of history.generated)
      change(id, (logit) => logit - presencePenalty - frequencyPenalty * count)
  }
  for (const [id, bias] of biasEntries(options)) change(id, (logit) => logit + bias)
}
