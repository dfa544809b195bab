import { extractAnswer, extractLastNumber } from '../text/index.ts'
import { partsOf } from './completion.ts'
import type { RewardParts } from './environment.ts'

/** The number that a completion gives as its answer: in a box, after `####`, or the last one. */
export function numberAnswer(completion: string): number | undefined {
  const { answer } = partsOf(completion)
  const found = answer === undefined ? undefined : extractAnswer(answer)
  return found && extractLastNumber(found.text)?.value
}

/** Whole numbers must be exact; of others the sixth digit may differ. */
const isNumber = (given: number, expected: number): boolean =>
  Number.isInteger(expected) ? given === expected : Math.abs(given - expected) <= 1e-6 * Math.max(1, Math.abs(expected))

/** 1 for the right number, 0 for another or none. */
export function numberReward(completion: string, expected: number): RewardParts {
  const answer = numberAnswer(completion)
  const correct = Number(answer !== undefined && isNumber(answer, expected))
  return {
    reward: correct,
    parts: { correct, parsed: Number(answer !== undefined) },
    ...(answer !== undefined && { answer: String(answer) }),
  }
}
