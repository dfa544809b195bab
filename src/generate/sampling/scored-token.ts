/** A token and its log-probability in nats. */
export interface ScoredToken {
  readonly id: number
  readonly logProbability: number
}
