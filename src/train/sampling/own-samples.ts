import { batchOf, type Example, type Json, rowOf } from '../../data/index.ts'
import type { Environment, Example as Problem } from '../../environments/index.ts'
import { type Batch, type BatchSource, batchOfTokens } from '../batch.ts'
import { type ProblemReader, problemsFrom } from './problems.ts'
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
  private problems: AsyncIterator<Problem> | Iterator<Problem> | undefined

  constructor(sampler: Sampler, reader: ProblemReader, environment: Environment, options: OwnSamplesOptions) {
    this.sampler = sampler
    this.reader = reader
    this.environment = environment
    this.options = options
  }

  async next(): Promise<Batch | undefined> {
    const { rows, length, maxNewTokens, temperature, split, seed, signal } = this.options
    this.problems ??= await problemsFrom(this.environment, split, seed, this.given)
    const prompts: Int32Array[] = []
    while (prompts.length < rows) {
      const { done, value } = await this.problems.next()
      if (done) break
      prompts.push((await this.reader.read(value)).prompt)
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

  state(): Json {
    return { given: this.given }
  }

  restore(state: Json): void {
    this.given = (state as { given: number }).given
    this.problems = undefined
  }
}
