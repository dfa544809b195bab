import type { GroupStatistics } from './statistics.ts'

/** When a run is stopped. A number of 0 switches a guard off. */
export interface GuardOptions {
  /** Steps over which everything is averaged. */
  readonly window: number
  /** At the start: most groups whose rewards are all equal. */
  readonly zeroVariance: number
  /** Least part of the entropy of the first steps. */
  readonly entropy: number
  /** How far the share of questions solved once in a group may fall below its best, where chance does not explain it. */
  readonly passAtK: number
}

type Watched = Pick<GroupStatistics, 'zeroVariance' | 'entropy' | 'passAtK' | 'solved' | 'groups'>

/** What guards remember: plain numbers, so that a run can be resumed. */
export interface GuardState {
  readonly steps: number
  readonly recent: readonly Watched[]
  readonly firstEntropy: number | null
  readonly bestPassAtK: number
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`

/** By how much two shares of so many groups differ by chance at the most: three standard errors. */
const chance = (share: number, groups: number): number => 3 * Math.sqrt((2 * share * (1 - share)) / groups)

/** Watches a run for the ways in which reinforcement learning fails at small scale. */
export class Guards {
  private readonly options: GuardOptions
  private current: GuardState = { steps: 0, recent: [], firstEntropy: null, bestPassAtK: 0 }

  constructor(options: GuardOptions) {
    this.options = options
  }

  get state(): GuardState {
    return this.current
  }

  restore(state: GuardState): void {
    this.current = state
  }

  /** Looks at one step. @returns why the run is to be stopped, if it is */
  observe({ zeroVariance, entropy, passAtK, solved, groups }: Watched): string | undefined {
    const { window } = this.options
    const steps = this.current.steps + 1
    const recent = [...this.current.recent, { zeroVariance, entropy, passAtK, solved, groups }].slice(-window)
    const mean = (of: (step: Watched) => number) => recent.reduce((sum, step) => sum + of(step), 0) / recent.length
    const now = {
      zeroVariance: mean((step) => step.zeroVariance),
      entropy: mean((step) => step.entropy),
      passAtK: mean((step) => step.passAtK),
      solved: mean((step) => step.solved),
      groups: recent.reduce((sum, step) => sum + step.groups, 0),
    }
    const isFull = steps >= window
    const firstEntropy = this.current.firstEntropy ?? (isFull ? now.entropy : null)
    const bestPassAtK = isFull ? Math.max(this.current.bestPassAtK, now.passAtK) : 0
    this.current = { steps, recent, firstEntropy, bestPassAtK }
    return isFull ? this.verdict(now) : undefined
  }

  private verdict(now: Watched): string | undefined {
    const { window, zeroVariance, entropy, passAtK } = this.options
    const { steps, firstEntropy, bestPassAtK } = this.current
    if (steps === window && zeroVariance > 0 && now.zeroVariance > zeroVariance) {
      const why = now.solved > 0.5 ? 'the task is too easy' : 'the cold start is too weak'
      return `${percent(now.zeroVariance)} of the groups of the first ${steps} steps have equal rewards: ${why}`
    }
    if (entropy > 0 && firstEntropy !== null && now.entropy < entropy * firstEntropy) {
      return `the entropy fell from ${firstEntropy.toFixed(3)} to ${now.entropy.toFixed(3)} nats a token`
    }
    if (passAtK > 0 && bestPassAtK - now.passAtK > Math.max(passAtK, chance(bestPassAtK, now.groups))) {
      return `questions solved once in a group fell from ${percent(bestPassAtK)} to ${percent(now.passAtK)}`
    }
    return undefined
  }
}
