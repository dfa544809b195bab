/** Keeps the distance to the reference near a target by changing what it costs (arXiv:1909.08593, section 2.2). */
export class KlController {
  weight: number
  private readonly target: number | undefined
  private readonly horizon: number

  /**
   * @param weight at the start
   * @param target in nats a token; the weight stays without it
   * @param horizon completions over which an error of 20 % or more changes the weight by a fifth
   */
  constructor(weight: number, target?: number, horizon = 10_000) {
    this.weight = weight
    this.target = target
    this.horizon = horizon
  }

  /** @param kl measured over `count` completions */
  update(kl: number, count: number): void {
    if (this.target === undefined) return
    const error = Math.min(0.2, Math.max(-0.2, kl / this.target - 1))
    this.weight *= 1 + error * Math.min(1, count / this.horizon)
  }
}
