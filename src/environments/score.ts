import { R1Error } from '../errors.ts'
import type { Attempt, Environment, Example, RewardParts } from './environment.ts'

/** An attempt's reward, or why there is none: such an attempt is left out and never counts. */
export type Score =
  | (RewardParts & { readonly parts: Readonly<Record<string, number>>; readonly failure?: undefined })
  | { readonly reward?: undefined; readonly failure: string }

export interface ScoreOptions {
  /** Milliseconds that an asynchronous reward may take. Default 60,000. */
  readonly timeout?: number
}

/** Asks an environment for the reward of an attempt. A reward that throws, takes too long or is no finite number is a failure. */
export async function score<E extends Example>(
  environment: Environment<E>,
  attempt: Attempt<E>,
  { timeout = 60_000 }: ScoreOptions = {},
): Promise<Score> {
  try {
    const reward = await within(timeout, environment.reward(attempt))
    return typeof reward === 'number' ? checked({ reward }) : checked(reward)
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) }
  }
}

function checked(given: unknown): Score {
  if (typeof given !== 'object' || given === null) return { failure: `The reward is ${shown(given)}.` }
  const { reward, parts = {}, answer, verified } = given as Partial<RewardParts>
  for (const [name, value] of Object.entries({ ...parts, verified: verified ?? 0, reward })) {
    if (!Number.isFinite(value)) return { failure: `'${name}' of the reward is ${shown(value)}.` }
  }
  return {
    reward: reward as number,
    parts,
    ...(answer !== undefined && { answer: String(answer) }),
    ...(verified !== undefined && { verified }),
  }
}

const shown = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value))

async function within<T>(milliseconds: number, value: T | Promise<T>): Promise<T> {
  if (!(value instanceof Promise)) return value
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const fail = () => reject(new R1Error('timeout', `The reward took more than ${milliseconds} ms.`))
    timer = setTimeout(fail, milliseconds)
  })
  try {
    return await Promise.race([value, late])
  } finally {
    clearTimeout(timer)
  }
}
