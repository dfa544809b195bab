import type { PretrainedOptions } from './deepseek-r1.ts'
import { LazyModel, type ModelSource } from './lazy-model.ts'
import type { GenerateOptions } from './text/options.ts'

export interface GeneratorOptions extends PretrainedOptions {
  /** Stands before every prompt. */
  readonly prefix?: string
  /** Keeps answers that cannot turn out differently: greedy ones, and those with a seed. */
  readonly enableCache?: boolean
}

export interface TextOptions extends GenerateOptions {
  /** Another name of maxNewTokens. */
  readonly maxLength?: number
}

/** Answers that are kept, at most. */
const cacheSize = 256

/**
 * Text in, text out.
 *
 * @example
 * await using generator = new Generator('./model.gguf')
 * const poem = await generator.generate('Write a poem about rain.', { maxLength: 100 })
 */
export class Generator {
  private readonly model: LazyModel
  private readonly prefix: string
  private readonly cache: Map<string, string> | undefined

  /** @param source a loaded model, or the name of one; the model that ships with the package without it */
  constructor(source?: ModelSource, { prefix = '', enableCache = false, ...options }: GeneratorOptions = {}) {
    this.model = new LazyModel(source, options)
    this.prefix = prefix
    this.cache = enableCache ? new Map() : undefined
  }

  /** Loads a model at once. @throws R1Error as `DeepSeekR1.fromPretrained` */
  static async fromPretrained(name?: string, options: GeneratorOptions = {}): Promise<Generator> {
    const generator = new Generator(name, options)
    await generator.model.get()
    return generator
  }

  /** @throws R1Error as `DeepSeekR1.generate` */
  async generate(prompt: string, { maxLength, ...options }: TextOptions = {}): Promise<string> {
    const whole = this.prefix + prompt
    const wanted = { ...options, maxNewTokens: options.maxNewTokens ?? maxLength }
    const { signal: _, ...meaning } = wanted
    const model = await this.model.get()
    const key = this.cache && model.isCertain(options) ? JSON.stringify([whole, meaning]) : undefined
    const known = key === undefined ? undefined : this.cache?.get(key)
    if (known !== undefined) return known
    const { text } = await model.generate(whole, wanted)
    if (key !== undefined) this.keep(key, text)
    return text
  }

  /** Several prompts side by side. */
  generateBatch(prompts: readonly string[], options: TextOptions = {}): Promise<string[]> {
    return Promise.all(prompts.map((prompt) => this.generate(prompt, options)))
  }

  /** Parts of the answer as they come; a thought is left out. */
  async *stream(prompt: string, { maxLength, ...options }: TextOptions = {}): AsyncGenerator<string> {
    const model = await this.model.get()
    const wanted = { ...options, maxNewTokens: options.maxNewTokens ?? maxLength }
    for await (const event of model.generateStream(this.prefix + prompt, wanted))
      if (event.type === 'text-delta') yield event.delta
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.model.close()
  }

  private keep(key: string, text: string): void {
    if (this.cache && this.cache.size >= cacheSize) this.cache.delete(this.cache.keys().next().value as string)
    this.cache?.set(key, text)
  }
}
