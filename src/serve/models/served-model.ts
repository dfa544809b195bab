import { type Constraint, constraintOf } from '../../generate/constrain/constraint.ts'
import { afterThought } from '../../generate/constrain/grammar-guide.ts'
import { Grammars } from '../../generate/constrain/grammars.ts'
import type { Guide } from '../../generate/guide.ts'
import type { EngineLike, EngineStatistics, TextFormat } from '../../generate/index.ts'
import { type ToolFormat, toolFormatOf } from '../tools/formats.ts'

/** What a loaded model is, for people who look at the server. */
export interface ModelFacts {
  readonly family: string
  readonly parameters: number
  readonly weightBytes: number
  readonly cacheBytes: number
  readonly precision: string
  readonly slots: number
  /** Most tokens of prompt and text; of a text alone where the model only makes vectors. */
  readonly context: number
}

/** What runs a model, in this process or in another. */
export interface ModelRunner {
  /** Absent where the model only makes vectors. */
  readonly engine: EngineLike | undefined
  /** Vectors of texts given as tokens, of length 1. */
  embed(texts: readonly ArrayLike<number>[], signal: AbortSignal): Promise<Float32Array[]>
  close(): Promise<void>
}

/** A model that is loaded, with its engine. */
export class ServedModel {
  readonly id: string
  readonly text: TextFormat
  readonly vocabulary: number
  readonly facts: ModelFacts
  readonly toolFormat: ToolFormat
  private readonly runner: ModelRunner
  private readonly grammars: Grammars

  constructor(id: string, text: TextFormat, vocabulary: number, runner: ModelRunner, facts: ModelFacts) {
    this.id = id
    this.text = text
    this.vocabulary = vocabulary
    this.facts = facts
    this.runner = runner
    this.toolFormat = toolFormatOf(text.template?.source)
    this.grammars = new Grammars(text.tokenizer, vocabulary, text.stopIds)
  }

  get engine(): EngineLike | undefined {
    return this.runner.engine
  }

  get statistics(): EngineStatistics | undefined {
    return this.engine?.statistics
  }

  /**
   * What a constraint asks of a text; a thought before it is free.
   *
   * @param inside whether the prompt opened a thought
   * @throws R1Error `bad-constraint`, `bad-option`
   */
  async guidesFor(constraint: Constraint, inside: boolean): Promise<Guide[]> {
    const source = constraintOf(constraint)
    if (!source) return []
    await checkPatterns(constraint)
    const guide = await this.grammars.guideFor(source)
    return [inside ? afterThought(this.text.tokenizer, guide) : guide]
  }

  /** Vectors of texts given as tokens, of length 1. @throws R1Error `empty-prompt`, `context-too-long`, `aborted` */
  embed(texts: readonly ArrayLike<number>[], signal: AbortSignal): Promise<Float32Array[]> {
    return this.runner.embed(texts, signal)
  }

  close(): Promise<void> {
    return this.runner.close()
  }
}

/** The reader of regular expressions is large, and most requests have none. */
async function checkPatterns(constraint: Constraint): Promise<void> {
  const patterns = await import('./patterns.ts')
  patterns.checkPatterns(constraint)
}
