import type { FinishReason } from '../../generate/index.ts'

/** One text that a model wrote for one problem, and what came of it. */
export interface Sample {
  /** Place of the problem among those of the task. */
  readonly example: number
  readonly key: string | undefined
  readonly prompt: string
  readonly completion: string
  /** How many tokens it has, and why it ended. */
  readonly tokens: number
  readonly finish: FinishReason
  /** Undefined where the environment had none to give. */
  readonly reward: number | undefined
  readonly correct: boolean
  readonly parts: Readonly<Record<string, number>>
  readonly answer: string | undefined
  readonly verified: number | undefined
  /** Why there is no reward. */
  readonly failure: string | undefined
}
