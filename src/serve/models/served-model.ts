import { type Constraint, constraintOf } from '../../generate/constrain/constraint.ts'
import { afterThought } from '../../generate/constrain/grammar-guide.ts'
import { Grammars } from '../../generate/constrain/grammars.ts'
import { Embedder } from '../../generate/embed.ts'
import type { Guide } from '../../generate/guide.ts'
import type { Engine, EngineStatistics } from '../../generate/index.ts'
import type { TextModel } from '../../generate/text/text-model.ts'
import { type ToolFormat, toolFormatOf } from '../tools/formats.ts'
import { checkPatterns } from './patterns.ts'

/** The part of an engine that a server needs. */
export type ServingEngine = Pick<Engine, 'generate' | 'statistics' | 'context' | 'close'>

/** What a loaded model is, for people who look at the server. */
export interface ModelFacts {
  readonly family: string
  readonly parameters: number
  readonly weightBytes: number
  readonly cacheBytes: number
  readonly precision: string
  readonly slots: number
  readonly context: number
}

/** A model that is loaded, with its engine. */
export class ServedModel {
  readonly id: string
  readonly text: TextModel
  /** Absent where the model only makes vectors. */
  readonly engine: ServingEngine | undefined
  readonly facts: ModelFacts
  readonly toolFormat: ToolFormat
  private readonly grammars: Grammars
  private readonly embedder: Embedder

  constructor(id: string, text: TextModel, engine: ServingEngine | undefined, facts: ModelFacts) {
    this.id = id
    this.text = text
    this.engine = engine
    this.facts = facts
    this.toolFormat = toolFormatOf(text.template?.source)
    this.grammars = new Grammars(text.tokenizer, text.model.vocabulary, text.stopIds)
    this.embedder = new Embedder(text)
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
    checkPatterns(constraint)
    const guide = await this.grammars.guideFor(source)
    return [inside ? afterThought(this.text.tokenizer, guide) : guide]
  }

  /** Vectors of texts, of length 1. */
  async embed(texts: readonly ArrayLike<number>[]): Promise<Float32Array[]> {
    return await this.embedder.embed(texts)
  }

  async close(): Promise<void> {
    await this.engine?.close()
    await this.embedder.dispose()
    this.text.variables.dispose()
  }
}
