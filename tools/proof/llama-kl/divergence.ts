/** How far a model's next-token distributions are from a reference's, over many tokens. */
export class Divergence {
  private readonly divergences: number[] = []
  private readonly errors: number[] = []
  private agreed = 0
  private readonly loss = { reference: 0, own: 0 }

  /**
   * @param reference logits `[V]`
   * @param own logits `[V]`
   * @param next the token that follows in the text
   */
  add(reference: Float32Array, own: Float32Array, next: number): void {
    const [left, right] = [normalizer(reference), normalizer(own)]
    let divergence = 0
    for (let id = 0; id < reference.length; id++) {
      const [p, q] = [(reference[id] as number) - left, (own[id] as number) - right]
      divergence += Math.exp(p) * (p - q)
    }
    this.divergences.push(divergence)
    const [p, q] = [(reference[next] as number) - left, (own[next] as number) - right]
    this.errors.push(Math.abs(p - q))
    this.loss.reference -= p
    this.loss.own -= q
    if (largest(reference) === largest(own)) this.agreed++
  }

  get result() {
    const count = this.divergences.length
    const sorted = [...this.divergences].sort((left, right) => left - right)
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / count
    const perplexity = { reference: Math.exp(this.loss.reference / count), own: Math.exp(this.loss.own / count) }
    return {
      tokens: count,
      /** Mean of Σ p (ln p − ln q), in nats. */
      meanKl: mean(this.divergences),
      medianKl: sorted[Math.floor(count / 2)] as number,
      largestKl: sorted.at(-1) as number,
      /** Part of the places at which both find the same token most likely. */
      sameBest: this.agreed / count,
      /** Mean of |Δ ln p| of the text's own tokens. */
      meanError: mean(this.errors),
      perplexity: perplexity.own,
      referencePerplexity: perplexity.reference,
      perplexityRatio: perplexity.own / perplexity.reference,
    }
  }
}

/** ln Σ exp in double precision. */
function normalizer(logits: Float32Array): number {
  const most = logits[largest(logits)] as number
  let sum = 0
  for (const value of logits) sum += Math.exp(value - most)
  return most + Math.log(sum)
}

function largest(logits: Float32Array): number {
  let best = 0
  for (let id = 1; id < logits.length; id++) if ((logits[id] as number) > (logits[best] as number)) best = id
  return best
}
