import { openCheckpoint } from '../checkpoint/index.ts'
import { batchOf, completionExample, type Example, rowOf } from '../data/index.ts'
import { R1Error } from '../errors.ts'
import { type LoadedModel, loadModel } from '../models/index.ts'
import { Scope } from '../nn/index.ts'
import { type Jit, jit } from '../runtime/jit.ts'
import type { Tensor } from '../tensor/index.ts'
import { loadTokenizer, type Tokenizer } from '../text/index.ts'
import { batchOfTokens } from './batch.ts'
import { forwardPass, type TracedBatch } from './objective.ts'
import { rowScores } from './objectives/reward.ts'
import { presentArrays, type StepOptions } from './step.ts'

/** Tokens whose last one is scored. */
function endScored(tokens: ArrayLike<number>): Example {
  // Rows hold an example without its last token, which is a target only.
  const ids = new Int32Array(tokens.length + 1)
  ids.set(Array.from(tokens))
  const weights = new Float32Array(ids.length)
  weights[tokens.length] = 1
  return { ids, weights }
}

/** A prompt with its answer and the end of text, scored at the end. */
export function scoredExample(tokenizer: Tokenizer, prompt: string, answer: string): Example {
  return endScored(completionExample(tokenizer, prompt, answer).ids)
}

export type RewardModelOptions = Pick<StepOptions, 'precision' | 'threads' | 'kernels'>

/** Rows of a run, and what their length is a multiple of: few shapes are compiled. */
const [rowsOfRun, lengthStep] = [16, 32]

/**
 * A reward model: tells how good answers are, as the stage `rewardModel` has learnt it.
 *
 * @example
 * await using judge = await RewardModel.open('runs/helpful/02-rewardModel/checkpoint')
 * const [left, right] = await judge.scoreAnswers('2 + 2 = ', ['4', '5'])
 */
export class RewardModel {
  readonly tokenizer: Tokenizer
  private readonly loaded: LoadedModel
  private readonly compiled: Jit<{ readonly batch: TracedBatch }, Tensor>

  constructor(loaded: LoadedModel, tokenizer: Tokenizer, options: RewardModelOptions = {}) {
    const { model, variables } = loaded
    this.loaded = loaded
    this.tokenizer = tokenizer
    this.compiled = jit(({ batch }: { batch: TracedBatch }) => rowScores(forwardPass(model, new Scope(), batch)), {
      variables,
      ...options,
    })
  }

  /** Most tokens of a sequence. */
  get positions(): number {
    return this.loaded.model.positions
  }

  /** @param folder of a checkpoint @throws R1Error `checkpoint-mismatch` where it scores nothing, and what loading throws */
  static async open(folder: string, options: RewardModelOptions = {}): Promise<RewardModel> {
    await using checkpoint = await openCheckpoint(folder)
    const loaded = await loadModel(checkpoint)
    if (loaded.variables.get('score.weight')?.shape[0] === 1) {
      return new RewardModel(loaded, await loadTokenizer(folder), options)
    }
    loaded.variables.dispose()
    throw new R1Error('checkpoint-mismatch', `${folder} holds no reward model.`, {
      remedy: 'Train one with the stage rewardModel.',
    })
  }

  /**
   * Scores of whole sequences, read at their last token: the end of text where an answer ended.
   *
   * @param sequences `[T]` each, at least one token
   * @returns one number a sequence: higher is better, and only differences mean something
   * @throws R1Error `empty-prompt`, `context-too-long`
   */
  async score(sequences: readonly ArrayLike<number>[]): Promise<number[]> {
    for (const tokens of sequences) this.check(tokens.length)
    const scores: number[] = []
    for (let from = 0; from < sequences.length; from += rowsOfRun) {
      const part = sequences.slice(from, from + rowsOfRun)
      scores.push(...(await this.scoreRows(part)).slice(0, part.length))
    }
    return scores
  }

  /** Scores of answers to one prompt. @throws R1Error `context-too-long` */
  scoreAnswers(prompt: string, answers: readonly string[]): Promise<number[]> {
    return this.score(answers.map((answer) => completionExample(this.tokenizer, prompt, answer).ids))
  }

  async dispose(): Promise<void> {
    this.compiled.dispose()
    this.loaded.variables.dispose()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  private check(tokens: number): void {
    const { positions } = this.loaded.model
    if (tokens < 1) throw new R1Error('empty-prompt', 'There is nothing to score.', { remedy: 'Give some text.' })
    if (tokens > positions) {
      throw new R1Error('context-too-long', `The text has ${tokens} tokens, the model's context ${positions}.`, {
        remedy: 'Shorten it.',
      })
    }
  }

  /** Fills up to a whole run with the first sequence. */
  private async scoreRows(sequences: readonly ArrayLike<number>[]): Promise<readonly number[]> {
    const longest = Math.max(...sequences.map(({ length }) => length))
    const length = Math.min(Math.ceil(longest / lengthStep) * lengthStep, this.loaded.model.positions)
    const pad = this.tokenizer.special.pad ?? 0
    const rows = Array.from({ length: rowsOfRun }, (_, row) =>
      rowOf([endScored(sequences[row] ?? (sequences[0] as ArrayLike<number>))], length, pad),
    )
    const scores = await this.compiled.run({ batch: presentArrays(batchOfTokens(batchOf(rows))) })
    return scores.toNumbers()
  }
}
