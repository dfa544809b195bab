import {
  type CheckedSolution,
  checkSolution,
  type Equation,
  type Prompt,
  parseEquation,
} from '../environments/index.ts'
import { R1Error } from '../errors.ts'
import { randomWord } from '../tensor/random.ts'
import { completionOf, type Writer } from './tasks/run-task.ts'

export interface SelfVerifyOptions {
  /** `retry` writes again until every step is right; `choose` writes all at once and takes the best. Default `retry`. */
  readonly mode?: 'retry' | 'choose'
  /** Most texts. Default 8. */
  readonly samples?: number
  /** Temperature of the texts; the first of `retry` is the most likely one. Default 1. */
  readonly temperature?: number
  /** Most tokens of a text. Default 512. */
  readonly maxNewTokens?: number
  readonly seed?: number
  readonly signal?: AbortSignal | undefined
}

/** A text and what its own steps say of it. */
export interface VerifiedText {
  readonly completion: string
  /** The answer; undefined where the text has none. */
  readonly answer: string | undefined
  /** How many steps it has, and how many of them do not follow from the one before. */
  readonly steps: number
  readonly wrongSteps: number
  /** Every step follows, and the answer is where they lead. */
  readonly sound: boolean
}

export interface SelfVerified extends VerifiedText {
  /** All texts that were written, in their order. */
  readonly texts: readonly VerifiedText[]
}

const wellMade = ({ steps, validSteps, consistent }: CheckedSolution): boolean =>
  steps > 0 && validSteps === steps && consistent

function verify(completion: string, equation: Equation): VerifiedText {
  // Whether the answer is right is not looked at: only whether the working holds.
  const checked = checkSolution(completion, equation)
  const { steps, validSteps, answer } = checked
  return { completion, answer, steps, wrongSteps: steps - validSteps, sound: wellMade(checked) }
}

/** Share of right steps, and one more where the answer is where they lead. */
const worth = ({ steps, wrongSteps, sound }: VerifiedText): number =>
  (steps > 0 ? (steps - wrongSteps) / steps : 0) + Number(sound)

/** The text with the best working; of equals the one whose answer more of them give, then the first. */
function bestOf(texts: readonly VerifiedText[]): VerifiedText {
  const most = Math.max(...texts.map(worth))
  const best = texts.filter((text) => worth(text) === most)
  const votes = (text: VerifiedText) => best.filter(({ answer }) => answer === text.answer).length
  return best.reduce((chosen, text) => (votes(text) > votes(chosen) ? text : chosen))
}

/**
 * Has a model solve a linear equation and checks each step of its working, without knowing the solution: it writes again
 * where a step does not follow, or the best of several texts is taken.
 *
 * @param equation such as `3x+2=11`
 * @param prompt how the model is asked: a text to continue, or messages
 * @throws R1Error `bad-equation`, `bad-option`, and what writing throws
 *
 * @example
 * const { answer, sound, texts } = await selfVerify(model, '3x+2=11', 'Solve 3x+2=11 for x.\n')
 */
export async function selfVerify(
  writer: Writer,
  equation: string,
  prompt: Prompt,
  options: SelfVerifyOptions = {},
): Promise<SelfVerified> {
  const { mode = 'retry', samples = 8, temperature = 1, maxNewTokens = 512, seed = 0, signal } = options
  const problem = parseEquation(equation)
  if (!problem) {
    throw new R1Error('bad-equation', `'${equation}' is no linear equation of x.`, { remedy: 'Write it as 3x+2=11.' })
  }
  if (!(Number.isInteger(samples) && samples > 0)) {
    throw new R1Error('bad-option', `samples cannot be ${samples}.`, { remedy: 'Use a whole number ≥ 1.' })
  }
  const write = async (n: number, own: number, heat: number): Promise<VerifiedText[]> => {
    const { choices } = await writer.generate(prompt, {
      n,
      temperature: heat,
      maxNewTokens,
      seed: own,
      signal,
      raw: typeof prompt === 'string',
    })
    return choices.map((choice) => verify(completionOf(choice), problem))
  }
  if (mode === 'choose') {
    const texts = await write(samples, randomWord(seed, 0), temperature)
    return { ...bestOf(texts), texts }
  }
  const texts: VerifiedText[] = []
  while (texts.length < samples && !texts.at(-1)?.sound) {
    const at = texts.length
    texts.push(...(await write(1, randomWord(seed, at), at === 0 ? 0 : temperature)))
  }
  return { ...bestOf(texts), texts }
}
