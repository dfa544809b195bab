import { DeepSeekR1, type PretrainedOptions } from './deepseek-r1.ts'

/** What the friendly classes take for their model: a loaded one, or the name of one that is loaded when it is first needed. */
export type ModelSource = DeepSeekR1 | string | undefined

/** A model that is loaded when it is first needed, and closed with its user if it was. */
export class LazyModel {
  private readonly source: ModelSource
  private readonly options: PretrainedOptions
  private loading: Promise<DeepSeekR1> | undefined

  constructor(source: ModelSource, options: PretrainedOptions = {}) {
    this.source = source
    this.options = options
  }

  /** @throws R1Error as `DeepSeekR1.fromPretrained`; the next call tries again */
  async get(): Promise<DeepSeekR1> {
    if (this.source instanceof DeepSeekR1) return this.source
    this.loading ??= DeepSeekR1.fromPretrained(this.source, this.options)
    try {
      return await this.loading
    } catch (error) {
      this.loading = undefined
      throw error
    }
  }

  /** Closes a model of its own. */
  async close(): Promise<void> {
    const model = await this.loading?.catch(() => undefined)
    this.loading = undefined
    await model?.close()
  }
}
