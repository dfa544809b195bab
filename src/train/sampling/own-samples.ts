import { batchOf, type Example, type Json, rowOf } from '../../data/index.ts'
import type { Environment, Example as Problem } from '../../environments/index.ts'
import { type Batch, type BatchSource, batchOfTokens } from '../batch.ts'
import { mostPassed, type ProblemReader, problemsFrom, promptsTooLong } from './problems.ts'
import type { Sampler } from './sampler.ts'
import { sampleSeed } from './verified.ts'

export interface OwnSamplesOptions {
  readonly rows: number
  /** Tokens of a row. */
  readonly length: number
  readonly maxNewTokens: number
  readonly temperature: number
  readonly split: 'train' | 'held-out'
  readonly seed: number
  readonly signal?: AbortSignal | undefined
}

/** Tokens of a prompt and of what was written for it, of which the latter counts. */
export function writtenExample(prompt: ArrayLike<number>, completion: ArrayLike<number>): Example {
  const ids = Int32Array.from([...Array.from(prompt), ...Array.from(completion)])
  return { ids, weights: new Float32Array(ids.length).fill(1, prompt.length) }
}

/** Batches of what a model writes itself for the problems of an environment, with the weights it has at that moment. */
export class OwnSamples implements BatchSource {
  private readonly sampler: Sampler
  private readonly reader: ProblemReader
  private readonly environment: Environment
  private readonly options: OwnSamplesOptions
  private given = 0
  /** How often the problems began again, and how many of them were read since. */
  private pass = 0
  private read = 0
  private problems: AsyncIterator<Problem> | Iterator<Problem> | undefined

  constructor(sampler: Sampler, reader: ProblemReader, environment: Environment, options: OwnSamplesOptions) {
    this.sampler = sampler
    this.reader = reader
    this.environment = environment
    this.options = options
  }

  async next(): Promise<Batch | undefined> {
    const { rows, length, maxNewTokens, temperature, split, seed, signal } = this.options
    const prompts: Int32Array[] = []
    let [passed, isEmpty] = [0, false]
    while (prompts.length < rows && !isEmpty) {
      this.problems ??= await problemsFrom(this.environment, split, seed + this.pass, this.read)
      const { done, value } = await this.problems.next()
      if (done) {
        // Problems to learn from begin again in another order, if there are any.
        isEmpty = split === 'held-out' || this.read === 0
        if (!isEmpty) this.beginAgain()
        continue
      }
      this.read++
      const { prompt } = await this.reader.read(value)
      if (prompt.length < length) prompts.push(prompt)
      else if (++passed === mostPassed) throw promptsTooLong(this.environment, length - 1, 'length')
    }
    if (prompts.length === 0) return undefined
    this.sampler.refresh()
    const requests = prompts.map((prompt, at) => ({
      prompt,
      maxNewTokens,
      temperature,
      seed: sampleSeed(seed, this.given + at, 0),
    }))
    const texts = await this.sampler.draw(requests, signal)
    this.given += prompts.length
    const pad = this.reader.tokenizer.special.pad ?? 0
    const filled = Array.from({ length: rows }, (_, at) => {
      const [prompt, text] = [prompts[at], texts[at]]
      return rowOf(prompt && text ? [writtenExample(prompt, text)] : [], length, pad)
    })
    return batchOfTokens(batchOf(filled))
  }

  private beginAgain(): void {
    this.pass++
    this.read = 0
    this.problems = undefined
  }

  state(): Json {
    return { given: this.given, pass: this.pass, read: this.read }
  }

  restore(state: Json): void {
    // A state of an earlier version had not begun again.
    const { given, pass = 0, read = given } = state as { given: number; pass?: number; read?: number }
    Object.assign(this, { given, pass, read })
    this.problems = undefined
  }
}
