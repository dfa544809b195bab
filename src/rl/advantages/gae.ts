/** How far rewards reach back. */
export interface GaeOptions {
  /** Discount of later rewards, γ. */
  readonly gamma?: number
  /** 0 trusts the values, 1 the rewards (λ). */
  readonly lambda?: number
}

export interface Estimates {
  /** `[T]` */
  readonly advantages: Float64Array
  /** Advantage + value: what the value head is to learn, `[T]`. */
  readonly returns: Float64Array
}

/**
 * Generalised advantage estimation (arXiv:1506.02438, equation 16) over one completion that ends with its last token:
 * δ_t = r_t + γ·V_{t+1} − V_t, A_t = δ_t + γλ·A_{t+1}.
 *
 * @param rewards of each token, `[T]`
 * @param values before each token, `[T]`
 * @param written which tokens the model wrote, `[T]`; the others (what a tool answered) are stepped over. All without it.
 */
export function generalisedAdvantages(
  rewards: ArrayLike<number>,
  values: ArrayLike<number>,
  { gamma = 1, lambda = 0.95 }: GaeOptions = {},
  written?: ArrayLike<boolean>,
): Estimates {
  const length = rewards.length
  const [advantages, returns] = [new Float64Array(length), new Float64Array(length)]
  let [nextValue, nextAdvantage] = [0, 0]
  for (let at = length - 1; at >= 0; at--) {
    if (written && !written[at]) continue
    const value = values[at] as number
    const surprise = (rewards[at] as number) + gamma * nextValue - value
    nextAdvantage = surprise + gamma * lambda * nextAdvantage
    nextValue = value
    advantages[at] = nextAdvantage
    returns[at] = nextAdvantage + value
  }
  return { advantages, returns }
}

/** Shifts and scales advantages of a whole batch to mean 0 and deviation 1, in place. */
export function whiten(batch: readonly Float64Array[]): void {
  const count = batch.reduce((sum, { length }) => sum + length, 0)
  if (count === 0) return
  const sum = (of: (value: number) => number) =>
    batch.reduce((total, values) => values.reduce((inner, value) => inner + of(value), total), 0)
  const mean = sum((value) => value) / count
  const deviation = Math.sqrt(sum((value) => (value - mean) ** 2) / count)
  for (const values of batch) {
    for (let at = 0; at < values.length; at++) values[at] = ((values[at] as number) - mean) / (deviation + 1e-8)
  }
}
