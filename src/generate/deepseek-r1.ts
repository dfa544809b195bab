import { R1Error } from '../errors.ts'
import type { Tokenizer } from '../text/index.ts'
import { constraintOf } from './constrain/constraint.ts'
import { afterThought } from './constrain/grammar-guide.ts'
import { Grammars } from './constrain/grammars.ts'
import { cutTokens, Embedder } from './embed.ts'
import { Engine, generates } from './engine.ts'
import { cannotGenerate, type EngineOptions } from './engine-options.ts'
import type { Guide } from './guide.ts'
import { promptTokens, startText, textEvents, textOf } from './text/generate-text.ts'
import {
  checkGenerate,
  type GenerateOptions,
  type Generation,
  type GenerationEvent,
  type Prompt,
} from './text/options.ts'
import { searchText } from './text/search-text.ts'
import { type LoadTextOptions, loadTextModel, type TextModel } from './text/text-model.ts'

export interface PretrainedOptions extends EngineOptions, LoadTextOptions {}

export interface EmbedOptions {
  /** Cuts texts that are too long for the model instead of refusing them. */
  readonly truncate?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * A model that writes, or one that makes vectors of texts.
 *
 * @example
 * await using model = await DeepSeekR1.fromPretrained('./model.gguf')
 * const { text } = await model.generate('What is the capital of France?', { maxNewTokens: 50 })
 */
export class DeepSeekR1 {
  private readonly ownEngine: Engine | undefined
  private readonly model: TextModel
  private readonly embedder: Embedder
  private grammars: Grammars | undefined

  private constructor(model: TextModel, engine: Engine | undefined, options: EngineOptions) {
    this.model = model
    this.ownEngine = engine
    this.embedder = new Embedder(model, options)
  }

  /**
   * Loads a model.
   *
   * @param name a folder, a .gguf or .safetensors file, or a model on the hub
   * @throws R1Error `no-shipped-model`, `file-not-found`, and what loading throws
   */
  static async fromPretrained(name?: string, options: PretrainedOptions = {}): Promise<DeepSeekR1> {
    const { weights, signal, renderLimits, onProgress, ...engine } = options
    const model = await loadTextModel(name ?? noModel(), { weights, signal, renderLimits, onProgress })
    return await DeepSeekR1.fromModel(model, engine)
  }

  /** Takes a model that is loaded already, and disposes it in the end. */
  static async fromModel(model: TextModel, options: EngineOptions = {}): Promise<DeepSeekR1> {
    try {
      const engine = generates(model.model) ? await Engine.create(model, options) : undefined
      return new DeepSeekR1(model, engine, options)
    } catch (error) {
      model.variables.dispose()
      throw error
    }
  }

  /** What generates. @throws R1Error `no-cache` for a model that only makes vectors */
  get engine(): Engine {
    if (this.ownEngine) return this.ownEngine
    throw cannotGenerate(this.model.model)
  }

  get tokenizer(): Tokenizer {
    return this.model.tokenizer
  }

  /** Most tokens of prompt and text. */
  get context(): number {
    return this.ownEngine?.context ?? this.model.model.positions
  }

  /** Whether it was made for conversations. */
  get chats(): boolean {
    return this.model.template !== undefined
  }

  /**
   * Writes a text.
   *
   * @param prompt a text of the user's, or a conversation
   * @throws R1Error `bad-option`, `bad-argument`, `context-too-long`, `queue-full`, `aborted`, `engine-failed`
   */
  async generate(prompt: Prompt, options: GenerateOptions = {}): Promise<Generation> {
    checkGenerate(options)
    const tokens = await promptTokens(this.model, prompt, options)
    if (options.beams !== undefined) return await searchText(this.engine, this.model, tokens, options.beams, options)
    const guides = await Promise.all(
      Array.from({ length: options.n ?? 1 }, () => this.guidesFor(tokens.inside, options)),
    )
    const runs = guides.map((own, index) => startText(this.engine, this.model, tokens, options, index, own))
    const choices = await Promise.all(runs.map(textOf)).catch((error: unknown) => {
      for (const { stream } of runs) stream.cancel()
      throw error
    })
    return { ...(choices[0] as (typeof choices)[number]), choices }
  }

  /**
   * Writes a text and gives out its parts as they come. Leaving the loop stops the work.
   *
   * @throws R1Error as {@link generate}
   */
  async *generateStream(prompt: Prompt, options: GenerateOptions = {}): AsyncGenerator<GenerationEvent> {
    checkGenerate(options)
    if ((options.n ?? 1) !== 1) {
      throw new R1Error('bad-option', 'One stream is one text; n must be 1.', {
        remedy: 'Use generate, or several streams.',
      })
    }
    const tokens = await promptTokens(this.model, prompt, options)
    const guides = await this.guidesFor(tokens.inside, options)
    yield* textEvents(startText(this.engine, this.model, tokens, options, 0, guides))
  }

  /** What the options want the text to follow; a thought before it is free. */
  private async guidesFor(inside: boolean, options: GenerateOptions): Promise<Guide[]> {
    const source = constraintOf(options)
    if (!source) return []
    const { tokenizer, model, stopIds } = this.model
    this.grammars ??= new Grammars(tokenizer, model.vocabulary, stopIds)
    const guide = await this.grammars.guideFor(source)
    return [inside ? afterThought(tokenizer, guide) : guide]
  }

  /** Whether a text can turn out in one way only: the most likely tokens are taken, or a seed is given. */
  isCertain({ temperature = this.model.sampling.temperature ?? 0, topK, seed }: GenerateOptions): boolean {
    return temperature === 0 || topK === 1 || seed !== undefined
  }

  /** How many tokens a prompt takes, the chat template counted. */
  async countTokens(prompt: Prompt, options: GenerateOptions = {}): Promise<number> {
    return (await promptTokens(this.model, prompt, options)).ids.length
  }

  /**
   * Vectors of texts, of length 1: texts with like meaning lie near each other, better so with a model made for it.
   *
   * @returns one vector `[D]` a text
   * @throws R1Error `empty-prompt`, `context-too-long` for a text that is too long, unless it may be cut, `aborted`
   */
  async embed(text: string, options?: EmbedOptions): Promise<Float32Array>
  async embed(texts: readonly string[], options?: EmbedOptions): Promise<Float32Array[]>
  async embed(
    texts: string | readonly string[],
    { truncate = false, signal }: EmbedOptions = {},
  ): Promise<Float32Array | Float32Array[]> {
    const { tokenizer } = this.model
    const list = typeof texts === 'string' ? [texts] : texts
    const tokens = list.map((text) => {
      const ids = tokenizer.encode(text, { addSpecial: true })
      return truncate ? cutTokens(ids, this.embedder.format.length, tokenizer.isSpecial(ids.at(-1) ?? -1)) : ids
    })
    const vectors = await this.embedder.embed(tokens, signal)
    return typeof texts === 'string' ? (vectors[0] as Float32Array) : vectors
  }

  /** Stops all work and frees the model. */
  async close(): Promise<void> {
    await this.ownEngine?.close()
    await this.embedder.dispose()
    this.model.variables.dispose()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function noModel(): never {
  throw new R1Error('no-shipped-model', 'This package ships no model yet.', {
    remedy: 'Give a folder, a .gguf file or a model on the hub, such as owner/name.',
  })
}
