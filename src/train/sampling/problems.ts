import { openCheckpoint, readChatTemplate } from '../../checkpoint/index.ts'
import { type Environment, type Example as Problem, score } from '../../environments/index.ts'
import { R1Error } from '../../errors.ts'
import { ChatTemplate, loadTokenizer, patientRenderLimits, type RenderPool, type Tokenizer } from '../../text/index.ts'

/** A problem with its prompt as tokens. */
export interface TokenProblem {
  readonly problem: Problem
  /** `[P]` */
  readonly prompt: Int32Array
}

/** Tokenizer and chat template of a checkpoint, by which problems become tokens and tokens attempts. */
export class ProblemReader {
  readonly tokenizer: Tokenizer
  /** Tokens that end a text. */
  readonly stopIds: readonly number[]
  private readonly template: ChatTemplate | undefined

  private constructor(tokenizer: Tokenizer, template: ChatTemplate | undefined, stopIds: readonly number[]) {
    this.tokenizer = tokenizer
    this.template = template
    this.stopIds = stopIds
  }

  static async open(folder: string, pool: RenderPool): Promise<ProblemReader> {
    const source = await readChatTemplate(folder)
    const template = source === undefined ? undefined : new ChatTemplate(source, { pool, limits: patientRenderLimits })
    const tokenizer = await loadTokenizer(folder)
    await using checkpoint = await openCheckpoint(folder)
    const { eos, eot } = tokenizer.special
    const ends = [eos, eot, checkpoint.generationConfig.eos_token_id, checkpoint.config.eos_token_id].flat()
    return new ProblemReader(tokenizer, template, [...new Set(ends.filter((id) => typeof id === 'number'))])
  }

  /** @throws R1Error `no-template` for a conversation without a template */
  async read(problem: Problem): Promise<TokenProblem> {
    const { prompt } = problem
    if (typeof prompt === 'string') return { problem, prompt: this.tokenizer.encode(prompt) }
    if (this.template) {
      const messages = [...prompt]
      const { ids } = await this.template.renderToTokens(this.tokenizer, { messages, addGenerationPrompt: true })
      return { problem, prompt: ids }
    }
    throw new R1Error('no-template', 'The problems are conversations, but the model has no chat template.', {
      remedy: 'Use an environment with `form: text`, or a model with chat_template.jinja.',
    })
  }

  /** The reward of what was written for a problem; undefined where there is none. */
  async rewardOf(environment: Environment, { problem }: TokenProblem, text: Int32Array): Promise<number | undefined> {
    const tokens = this.stopIds.includes(text.at(-1) ?? -1) ? text.subarray(0, -1) : text
    const completion = this.tokenizer.decode(tokens)
    const { reward } = await score(environment, { prompt: problem.prompt, completion, tokens, example: problem })
    return reward
  }
}

/** The problems of an environment as an iterator, from the one with a number on. */
export async function problemsFrom(
  environment: Environment,
  split: 'train' | 'held-out',
  seed: number,
  from: number,
): Promise<AsyncIterator<Problem> | Iterator<Problem>> {
  const problems = environment.examples(split, seed)
  const iterator = Symbol.asyncIterator in problems ? problems[Symbol.asyncIterator]() : problems[Symbol.iterator]()
  for (let index = 0; index < from; index++) if ((await iterator.next()).done) break
  return iterator
}

/** So many prompts that are too long mean that all are. */
export const mostPassed = 1000

/** @param option the option that says how many tokens a prompt may have */
export function promptsTooLong({ name }: Environment, most: number, option: string): R1Error {
  return new R1Error('context-too-long', `No prompt of ${name} has ${most} tokens or fewer.`, {
    remedy: `Raise \`${option}\`.`,
  })
}
