/** A token and its log-probability in nats. */
export interface ScoredToken {
  readonly id: number
  readonly logProbability: number
}

/** ln Σ exp of logits `[V]`. */
export function logSumExp(logits: Float32Array): number {
  let largest = Number.NEGATIVE_INFINITY
  for (let id = 0; id < logits.length; id++) largest = Math.max(largest, logits[id] as number)
  let sum = 0
  for (let id = 0; id < logits.length; id++) sum += Math.exp((logits[id] as number) - largest)
  return largest + Math.log(sum)
}

/**
 * The most likely tokens, the best first, of equals the one with the lower id.
 *
 * @param logits `[V]`
 * @param normalizer their logSumExp
 */
export function topTokens(logits: Float32Array, count: number, normalizer = logSumExp(logits)): ScoredToken[] {
  const top: { id: number; logit: number }[] = []
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number
    if (top.length === count && logit <= (top.at(-1)?.logit ?? Number.POSITIVE_INFINITY)) continue
    let at = top.length
    while (at > 0 && (top[at - 1] as { logit: number }).logit < logit) at--
    top.splice(at, 0, { id, logit })
    if (top.length > count) top.pop()
  }
  return top.map(({ id, logit }) => ({ id, logProbability: logit - normalizer }))
}
